/* SPDX-License-Identifier: BSD-3-Clause */
/* Heun's method with churn (Karras, Aittala, Aila & Laine 2022, algorithm 2).  In y = x / alpha and
 * r = sigma / alpha the probability-flow ODE of every schedule is dy/dr = e, the predicted noise:
 *     y' = y + (r' - r) e,   then   y' = y + (r' - r) (e + e') / 2,
 * without the correction on the step to data.  Churn first adds noise up to a larger r. */
#include "solver/solver.h"

enum { BEGIN = 0, FIRST = 1, SECOND = 2, END = 3 };

static int32_t next(covsamp__solver *s)
{
    if (s->phase == BEGIN && s->plan->variance > 0) {
        s->phase = FIRST;
        return COVSAMP_ASK_NOISE;
    }
    if (s->phase == BEGIN || s->phase == FIRST) {
        s->phase = SECOND;
        return COVSAMP_ASK_MEAN;
    }
    if (s->phase == SECOND && s->plan->two) {
        s->phase = END;
        return COVSAMP_ASK_MEAN;
    }
    return 0;
}

/* x, already at the scale of the churned level. */
static void churn(covsamp__solver *s)
{
    const covsamp__plan *plan = s->plan;
    covsamp__space_combine(s->space, covsamp__solver_values(s), plan->churned, s->x,
                           plan->variance * s->churn_noise, s->z, s->x);
    s->moved = 1;
}

/* out = (alpha_s / alpha_t) x + (sigma_s - alpha_s sigma_t / alpha_t) e: DDIM's step, exact in y.
 */
static void follow(const covsamp__solver *s, const void *e, void *out)
{
    const covsamp__level *t = &s->plan->t.at, *end = &s->plan->s;
    const double ratio = end->alpha / t->alpha;
    covsamp__space_combine(s->space, covsamp__solver_values(s), ratio, s->x,
                           end->sigma - ratio * t->sigma, e, out);
}

static void take_first(covsamp__solver *s)
{
    const covsamp__transition *tr = &s->plan->transition;
    const int64_t n = covsamp__solver_values(s);
    covsamp__solver_x0(s);
    if (!s->plan->two) { /* DDIM's step as it stands: good for alpha_t = 0 and for data */
        covsamp__space_combine(s->space, n, tr->ca, s->x, tr->cb, s->mean, s->x);
        return;
    }
    covsamp__solver_noise(s, s->slope);
    follow(s, s->slope, s->aside);
    s->ask = &s->plan->u;
    s->ask_x = s->aside;
    s->moved = 1;
}

static void take_second(covsamp__solver *s)
{
    covsamp__solver_x0(s);
    covsamp__solver_noise(s, s->mu);
    covsamp__space_combine(s->space, covsamp__solver_values(s), 0.5, s->slope, 0.5, s->mu, s->mu);
    follow(s, s->mu, s->x);
}

static void take(covsamp__solver *s, int32_t kind)
{
    if (kind == COVSAMP_ASK_NOISE)
        churn(s);
    else if (s->ask == &s->plan->t)
        take_first(s);
    else
        take_second(s);
}

const covsamp__solver_ops covsamp__solver_heun = {.evaluations = 2, .next = next, .take = take};
