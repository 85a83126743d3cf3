/* SPDX-License-Identifier: BSD-3-Clause */
/* The Gaussian reverse step, transition times covariance:
 *     x_s = ca x_t + cb x0 + n,  n ~ N(0, lambda^2 I + b^2 C).
 * DDPM and DDIM with any covariance are this one function (docs/math.md, "The one step"). */
#include "solver/solver.h"

#include "numeric/vec.h"

#include <math.h>

enum { BEGIN = 0, MEAN = 1, PRODUCTS = 2 };

static int64_t values(const covsamp__solver *s)
{
    return s->batch * s->dim;
}

void covsamp__solver_layout(covsamp__solver *s, covsamp__arena *arena)
{
    const size_t size = covsamp__size_of(s->dtype);
    const int64_t tangents = s->model.ops->needs_products ? s->model.tangents : 0;
    s->x = covsamp__take(arena, s->batch, s->dim, size);
    s->z = covsamp__take(arena, s->batch, s->dim, size);
    s->mean = covsamp__take(arena, s->batch, s->dim, size);
    s->mu = covsamp__take(arena, s->batch, s->dim, size);
    s->product = covsamp__take(arena, tangents, s->batch, (size_t)s->dim * size);
    s->keep = covsamp__take(arena, s->batch, s->clip > 0 ? s->dim : 0, sizeof(uint8_t));
    s->model.ops->layout(&s->model, arena);
    s->small.ops->layout(&s->small, arena);
}

/* Whether the covariance of this step is P C P with a P that only the mean will tell. */
static int masked(const covsamp__solver *s)
{
    return s->clip > 0 && s->clip_covariance;
}

static void open_covariance(covsamp__solver *s)
{
    const covsamp__plan *plan = s->plan;
    s->place.lambda = plan->transition.lambda;
    s->place.b = plan->transition.b;
    s->place.large = plan->transition.large;
    s->place.magnitude = fabs(plan->kappa * plan->p);
    s->place.z = s->z;
    s->place.keep = masked(s) ? s->keep : NULL;
    s->covariance->ops->open(s->covariance, &s->place);
    s->opened = 1;
}

static int32_t begin(covsamp__solver *s)
{
    s->covariance = s->plan->covariance ? &s->model : &s->small;
    s->opened = 0;
    s->v = NULL;
    s->count = 0;
    s->phase = MEAN;
    return s->plan->noisy && s->covariance->ops->needs_noise ? COVSAMP_ASK_NOISE : 0;
}

/* The mean, with the first product where its tangent does not depend on the mean. */
static int32_t want_mean(covsamp__solver *s)
{
    s->phase = PRODUCTS;
    if (s->plan->noisy && s->mean_jvp && s->covariance->ops->z_first && !masked(s)) {
        open_covariance(s);
        s->v = s->covariance->ops->wants(s->covariance, &s->place, &s->count);
    }
    return s->v != NULL ? COVSAMP_ASK_MEAN_JVP : COVSAMP_ASK_MEAN;
}

static int32_t finish(covsamp__solver *s)
{
    if (!s->plan->noisy) {
        covsamp__copy(s->dtype, values(s), s->mu, s->x);
        return 0;
    }
    if (s->covariance->ops->draw(s->covariance, &s->place, s->mean, &s->failed) != 0)
        return COVSAMP_E_LINALG;
    covsamp__combine(s->dtype, values(s), 1, s->mu, 1, s->mean, s->x);
    return 0;
}

int32_t covsamp__ancestral_next(covsamp__solver *s)
{
    if (s->phase == BEGIN) {
        int32_t want = begin(s);
        if (want != 0)
            return want;
    }
    if (s->phase == MEAN)
        return want_mean(s);
    if (s->plan->noisy) {
        if (!s->opened)
            open_covariance(s);
        s->v = s->covariance->ops->wants(s->covariance, &s->place, &s->count);
        if (s->v != NULL)
            return COVSAMP_ASK_JVP;
    }
    return finish(s);
}

/* f becomes x0, clipped where that is asked for, and mu the mean of x_s. */
static void take_mean(covsamp__solver *s)
{
    const covsamp__plan *plan = s->plan;
    const covsamp__transition *tr = &plan->transition;
    const int64_t n = values(s);
    covsamp__combine(s->dtype, n, plan->p, s->x, plan->q, s->mean, s->mean);
    if (s->clip > 0 && s->eps_raw) {
        covsamp__combine(s->dtype, n, tr->ca, s->x, tr->cb - tr->alpha_s, s->mean, s->mu);
        covsamp__clip(s->dtype, n, s->clip, s->mean, s->keep);
        covsamp__combine(s->dtype, n, 1, s->mu, tr->alpha_s, s->mean, s->mu);
        return;
    }
    if (s->clip > 0)
        covsamp__clip(s->dtype, n, s->clip, s->mean, s->keep);
    covsamp__combine(s->dtype, n, tr->ca, s->x, tr->cb, s->mean, s->mu);
}

/* J_f v becomes C v = kappa (p v + q J_f v), or P C v; v is in the range of P already. */
static void take_products(covsamp__solver *s)
{
    const covsamp__plan *plan = s->plan;
    for (int64_t k = 0; k < s->count; k++) {
        void *w = covsamp__at(s->dtype, s->product, k * values(s));
        const void *v = covsamp__cat(s->dtype, s->v, k * values(s));
        covsamp__combine(s->dtype, values(s), plan->kappa * plan->p, v, plan->kappa * plan->q, w, w);
        if (s->place.keep != NULL)
            covsamp__mask(s->dtype, values(s), s->place.keep, w, w);
    }
    s->covariance->ops->take(s->covariance, &s->place, s->product, s->count);
}

void covsamp__ancestral_take(covsamp__solver *s, int32_t kind)
{
    if (kind & COVSAMP_ASK_MEAN)
        take_mean(s);
    if (kind & COVSAMP_ASK_JVP)
        take_products(s);
}
