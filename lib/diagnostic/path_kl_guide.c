/* SPDX-License-Identifier: BSD-3-Clause */
/* Where guidance takes the mean of a step, against where the data given y has it: with g the
 * gradient of log p(y | .) and S the sampler's covariance mean, state:  ca x_t + cb E[x0 | x_t] + w
 * S g,      g at that mean and level s, or at x_t and level t score:        ca x_t + cb (E[x0 |
 * x_t] + w sigma^2 / alpha g),      g at x_t exact:        ca x_t + cb E[x0 | x_t, y] */
#include "diagnostic/path_kl.h"
#include "numeric/vec.h"

int covsamp__path_kl_guided(const covsamp__path_kl *p)
{
    return p->given != p->mixture;
}

static void gradient_at_mean(covsamp__path_kl *p, int64_t i, const double *x)
{
    const covsamp__transition *t = &p->step[i].transition;
    const covsamp__level *from = &p->level[i], *to = &p->level[i + 1];
    covsamp__combine(COVSAMP_F64, p->dim, t->ca, x, t->cb, p->mean, p->moved);
    covsamp__mixture_level(p->mixture, to->alpha, to->sigma);
    covsamp__mixture_gradient(p->mixture, p->moved, p->gradient);
    covsamp__mixture_level(p->mixture, from->alpha, from->sigma);
}

/* moved = S g; of krylov S is that of infinitely many products, as one further product makes it. */
static void push(covsamp__path_kl *p, const covsamp__path_step *step)
{
    const covsamp__transition *t = &step->transition;
    const int64_t d = p->dim;
    if (step->covariance != COVSAMP_COV_KRYLOV) {
        covsamp__path_kl_push(p, p->gradient, p->moved);
        return;
    }
    covsamp__project(COVSAMP_F64, d, d, p->cov, d, p->gradient, p->moved);
    covsamp__combine(COVSAMP_F64, d, t->lambda * t->lambda, p->gradient, t->b * t->b, p->moved,
                     p->moved);
}

void covsamp__path_kl_shift(covsamp__path_kl *p, int64_t i, const double *x)
{
    const covsamp__path_step *step = &p->step[i];
    const covsamp__level *at = &p->level[i];
    const double w = step->guidance, cb = step->transition.cb;
    const int64_t d = p->dim;
    covsamp__combine(COVSAMP_F64, d, cb, p->mean, -cb, p->given_mean, p->shift);
    if (w == 0)
        return;
    if (step->guide_form == COVSAMP_GUIDE_SCORE) {
        if (!(at->alpha > 0)) /* as a sampler */
            return;
        covsamp__mixture_gradient(p->mixture, x, p->gradient);
        covsamp__combine(COVSAMP_F64, d, 1, p->shift, cb * w * (at->sigma * at->sigma / at->alpha),
                         p->gradient, p->shift);
        return;
    }
    if (step->guide_form == COVSAMP_GUIDE_MEAN)
        gradient_at_mean(p, i, x);
    else
        covsamp__mixture_gradient(p->mixture, x, p->gradient);
    push(p, step);
    covsamp__combine(COVSAMP_F64, d, 1, p->shift, w, p->moved, p->shift);
}
