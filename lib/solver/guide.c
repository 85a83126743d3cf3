/* SPDX-License-Identifier: BSD-3-Clause */
/* Classifier guidance of one Gaussian step: x_s ~ N(mu + w S g, S) with g = grad log p(y | .) at mu
 * and the level where the step ends, or at x_t and its level as published code has it (Dhariwal &
 * Nichol 2021, algorithm 1; docs/math.md, "Guidance"). */
#include "solver/solver.h"

enum { BEGIN = 0, GRADIENT = 1, PRODUCT = 2, READY = 3 };

/* Guidance of the score is no business of the step: the mean has it already. */
static int applies(const covsamp__solver *s)
{
    return s->plan->noisy && s->plan->guidance != 0 && s->guide_form != COVSAMP_GUIDE_SCORE;
}

static int32_t want_gradient(covsamp__solver *s)
{
    const int at_mean = s->guide_form == COVSAMP_GUIDE_MEAN;
    s->guide_phase = GRADIENT;
    s->guide_at = at_mean ? &s->plan->s : &s->plan->t.at;
    s->guide_x = at_mean ? s->mu : s->x;
    return COVSAMP_ASK_GUIDE;
}

int32_t covsamp__guide_next(covsamp__solver *s)
{
    if (!applies(s) || s->guide_phase == READY)
        return 0;
    if (s->guide_phase == BEGIN)
        return want_gradient(s);
    s->v = s->push; /* PRODUCT */
    s->count = 1;
    return COVSAMP_ASK_JVP;
}

int covsamp__guide_takes(const covsamp__solver *s)
{
    return s->guide_phase == PRODUCT;
}

void covsamp__guide_take(covsamp__solver *s)
{
    const int64_t n = covsamp__solver_values(s);
    if (s->guide_phase == PRODUCT) {
        covsamp__space_copy(s->space, n, s->product, s->push);
        s->covariance->counts.used += s->batch;
        s->guide_phase = READY;
        return;
    }
    s->guide_phase = READY;
    if (!s->covariance->push_by_product || s->covariance->ops->push == NULL)
        return;
    s->guide_phase = PRODUCT;
    if (s->place.keep != NULL)
        covsamp__space_mask(s->space, n, s->place.keep, s->gradient, s->push);
    else
        covsamp__space_copy(s->space, n, s->gradient, s->push);
}

/* A diagonal S is its root, twice. */
static int push_by_draws(covsamp__solver *s)
{
    covsamp__place place = s->place;
    place.z = s->gradient;
    int info = s->covariance->ops->draw(s->covariance, &place, s->push, &s->failed);
    place.z = s->push;
    if (info == 0)
        info = s->covariance->ops->draw(s->covariance, &place, s->gradient, &s->failed);
    covsamp__space_copy(s->space, covsamp__solver_values(s), s->gradient, s->push);
    return info;
}

int covsamp__guide_push(covsamp__solver *s)
{
    if (!applies(s))
        return 0;
    const int info =
        s->covariance->ops->push == NULL
            ? push_by_draws(s)
            : s->covariance->ops->push(s->covariance, &s->place, s->gradient, s->push, &s->failed);
    if (info == 0)
        covsamp__space_combine(s->space, covsamp__solver_values(s), 1, s->mu, s->plan->guidance,
                               s->push, s->mu);
    return info;
}
