/* SPDX-License-Identifier: BSD-3-Clause */
/* DPM-Solver++ 2S (Lu et al. 2022, algorithm 1, r1 = 1/2): with l = log(alpha / sigma), h = l_s -
 * l_t, the model is asked again in the middle of l, and the step is taken with what it says there,
 *     x_s = (sigma_s / sigma_t) x_t - alpha_s expm1(-h) x0(middle).
 * On the step to data, and from alpha = 0, the middle does not exist: first order. */
#include "solver/solver.h"

#include <math.h>

enum { FIRST = 0, SECOND = 1, END = 2 };

static int32_t next(covsamp__solver *s)
{
    if (s->phase == FIRST || (s->phase == SECOND && s->plan->two)) {
        s->phase++;
        return COVSAMP_ASK_MEAN;
    }
    return 0;
}

/* out = the exact solution from t to `end` for constant x0 = mean. */
static void follow(const covsamp__solver *s, const covsamp__level *end, void *out)
{
    const covsamp__level *t = &s->plan->t.at;
    const double h = 0.5 * (end->log_snr - t->log_snr);
    covsamp__space_combine(s->space, covsamp__solver_values(s), end->sigma / t->sigma, s->x,
                           -end->alpha * expm1(-h), s->mean, out);
}

static void take(covsamp__solver *s, int32_t kind)
{
    (void)kind;
    covsamp__solver_x0(s);
    if (s->ask == &s->plan->t && s->plan->two) {
        follow(s, &s->plan->u.at, s->aside);
        s->ask = &s->plan->u;
        s->ask_x = s->aside;
        s->moved = 1;
        return;
    }
    follow(s, &s->plan->s, s->x);
}

const covsamp__solver_ops covsamp__solver_singlestep = {
    .evaluations = 2, .next = next, .take = take};
