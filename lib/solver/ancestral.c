/* SPDX-License-Identifier: BSD-3-Clause */
/* The Gaussian reverse step, transition times covariance:
 *     x_s = ca x_t + cb x0 + n,  n ~ N(0, lambda^2 I + b^2 C).
 * DDPM and DDIM with any covariance are this one function, and with the mean of order 2 so are
 * DPM-Solver++ 2M (eta = 0) and its SDE form (eta = 1): docs/math.md, "The one step". */
#include "solver/solver.h"

#include "numeric/vec.h"

enum { BEGIN = 0, MEAN = 1, PRODUCTS = 2 };

/* Whether the covariance of this step is P C P with a P that only the mean will tell. */
static int masked(const covsamp__solver *s)
{
    return s->clip > 0 && s->clip_covariance;
}

static void open_covariance(covsamp__solver *s)
{
    s->place.keep = masked(s) ? s->keep : NULL;
    s->covariance->ops->open(s->covariance, &s->place);
    s->opened = 1;
}

/* The mean, with the first product where its tangent does not depend on the mean. */
static int32_t want_mean(covsamp__solver *s)
{
    const covsamp__covariance_ops *ops = s->covariance->ops;
    s->phase = PRODUCTS;
    s->follow = s->plan->noisy && ops->needs_products && !covsamp__covariance_reuses(s->covariance);
    if (s->plan->noisy && s->mean_jvp && ops->early && !masked(s)) {
        open_covariance(s);
        s->v = ops->wants(s->covariance, &s->place, &s->count);
    }
    return s->v != NULL ? COVSAMP_ASK_MEAN_JVP : COVSAMP_ASK_MEAN;
}

static int32_t finish(covsamp__solver *s)
{
    const int64_t n = covsamp__solver_values(s);
    if (!s->plan->noisy) {
        covsamp__space_copy(s->space, n, s->mu, s->x);
        return 0;
    }
    if (s->measure)
        return covsamp__covariance_forms(s->covariance, &s->place, s->mean, s->forms, &s->failed) !=
                       0
                   ? COVSAMP_E_LINALG
                   : 0;
    if (s->covariance->ops->draw(s->covariance, &s->place, s->mean, &s->failed) != 0 ||
        covsamp__guide_push(s) != 0)
        return COVSAMP_E_LINALG;
    covsamp__space_combine(s->space, n, 1, s->mu, 1, s->mean, s->x);
    return 0;
}

static int32_t next(covsamp__solver *s)
{
    if (s->phase == BEGIN) {
        s->phase = MEAN;
        if (s->plan->noisy && s->covariance->ops->needs_noise)
            return COVSAMP_ASK_NOISE;
    }
    if (s->phase == MEAN)
        return want_mean(s);
    if (s->half)
        return COVSAMP_ASK_VJP;
    if (s->plan->noisy) {
        if (!s->opened)
            open_covariance(s);
        const int32_t guide = covsamp__guide_next(s);
        if (guide != 0)
            return guide;
        s->v = s->covariance->ops->wants(s->covariance, &s->place, &s->count);
        if (s->v != NULL)
            return COVSAMP_ASK_JVP;
    }
    return finish(s);
}

/* x0 + history (x0 - old), clipped again; old becomes x0.  The mask stays that of x0. */
static void extrapolate(covsamp__solver *s)
{
    const double h = s->plan->history;
    const int64_t n = covsamp__solver_values(s);
    if (s->mean_order < 2)
        return;
    if (h == 0) {
        covsamp__space_copy(s->space, n, s->mean, s->old);
        return;
    }
    covsamp__space_combine(s->space, n, 1 + h, s->mean, -h, s->old, s->mu);
    covsamp__space_copy(s->space, n, s->mean, s->old);
    covsamp__space_copy(s->space, n, s->mu, s->mean);
    if (s->clip > 0)
        covsamp__space_limit(s->space, n, -s->clip, s->clip, s->mean);
}

/* The mean of x_s from x0, with the noise estimate that belongs to it, or the one from before. */
static void take_mean(covsamp__solver *s)
{
    const covsamp__transition *tr = &s->plan->transition;
    const int64_t n = covsamp__solver_values(s);
    if (s->clip > 0 && s->eps_raw) {
        covsamp__space_combine(s->space, n, s->ask->p, s->x, s->ask->q, s->mean,
                               s->mu); /* unclipped */
        covsamp__space_combine(s->space, n, tr->ca, s->x, tr->cb - tr->alpha_s, s->mu, s->mu);
        covsamp__solver_x0(s);
        covsamp__space_combine(s->space, n, 1, s->mu, tr->alpha_s, s->mean, s->mu);
        if (s->measure) {
            covsamp__space_combine(s->space, n, tr->ca, s->x, -1, s->mu, s->residual);
            covsamp__space_combine(s->space, n, tr->cb, s->truth, 1, s->residual, s->residual);
        }
        return;
    }
    covsamp__solver_x0(s);
    extrapolate(s);
    covsamp__space_combine(s->space, n, tr->ca, s->x, tr->cb, s->mean, s->mu);
    if (s->measure)
        covsamp__space_combine(s->space, n, tr->cb, s->truth, -tr->cb, s->mean, s->residual);
}

/* A head is about the network's own estimate, not the clipped one. */
static void take_head(covsamp__solver *s)
{
    const covsamp__level *at = &s->ask->at;
    const int64_t n = covsamp__solver_values(s);
    if (s->covariance->ops->take_mean == NULL || !s->plan->noisy)
        return;
    covsamp__space_combine(s->space, n, (1 - at->alpha * s->ask->p) / at->sigma, s->x,
                           -at->alpha * s->ask->q / at->sigma,
                           s->conditional != NULL ? s->conditional : s->mean, s->aside);
    s->covariance->ops->take_mean(s->covariance, &s->place, s->aside, s->head);
}

/* J_f v becomes C v = kappa (p v + q J_f v), or P C v where v is in the range of P already. */
static void take_products(covsamp__solver *s)
{
    const int64_t n = covsamp__solver_values(s);
    for (int64_t k = 0; k < s->count; k++) {
        void *w = covsamp__at(s->dtype, s->product, k * n);
        const void *v = covsamp__cat(s->dtype, s->v, k * n);
        covsamp__space_combine(s->space, n, s->plan->kappa * s->ask->p, v,
                               s->plan->kappa * s->ask->q, w, w);
        if (s->place.keep != NULL && !s->covariance->whole)
            covsamp__space_mask(s->space, n, s->place.keep, w, w);
    }
    if (covsamp__guide_takes(s))
        covsamp__guide_take(s);
    else
        s->covariance->ops->take(s->covariance, &s->place, s->product, s->count);
}

static void take(covsamp__solver *s, int32_t kind)
{
    if (kind == COVSAMP_ASK_NOISE)
        return;
    if (kind == COVSAMP_ASK_GUIDE) {
        covsamp__guide_take(s);
        return;
    }
    if (kind & COVSAMP_ASK_MEAN) {
        take_head(s);
        take_mean(s);
    }
    if (kind & COVSAMP_ASK_JVP) {
        s->half = s->average; /* the same v again, transposed, before anybody sees the product */
        if (!s->half)
            take_products(s);
    }
    if (kind == COVSAMP_ASK_VJP) {
        covsamp__space_combine(s->space, s->count * covsamp__solver_values(s), 0.5, s->product, 0.5,
                               s->transposed, s->product);
        s->half = 0;
        take_products(s);
    }
}

const covsamp__solver_ops covsamp__solver_ancestral = {.next = next, .take = take};
