/* SPDX-License-Identifier: BSD-3-Clause */
/* Covariances that ask for nothing: none, small (lambda^2 I), large (the variance of q(x_t | x_s)),
 * analytic (c I with c from a table; Bao, Li, Zhu & Zhang 2022, theorem 1). */
#include "covariance/covariance.h"

#include <math.h>

static int draw_none(covsamp__covariance *c, const covsamp__place *p, void *n, int64_t *failed)
{
    (void)p;
    (void)failed;
    covsamp__space_zero(c->space, c->batch * c->dim, n);
    return 0;
}

static void scale_all(const covsamp__covariance *c, const covsamp__place *p, double variance,
                      void *n)
{
    covsamp__space_scale(c->space, c->batch * c->dim, sqrt(fmin(variance, p->limit)), p->z, n);
}

static int draw_small(covsamp__covariance *c, const covsamp__place *p, void *n, int64_t *failed)
{
    (void)failed;
    scale_all(c, p, p->lambda * p->lambda, n);
    return 0;
}

static int draw_large(covsamp__covariance *c, const covsamp__place *p, void *n, int64_t *failed)
{
    (void)failed;
    scale_all(c, p, p->large * p->large, n);
    return 0;
}

/* The table's c belongs to the unclipped denoiser and to all values alike: no mask. */
static int draw_analytic(covsamp__covariance *c, const covsamp__place *p, void *n, int64_t *failed)
{
    (void)failed;
    scale_all(c, p, covsamp__step_variance(p, p->analytic), n);
    return 0;
}

#define ASKS_NOTHING                                                                               \
    .layout = covsamp__no_layout, .open = covsamp__no_open, .wants = covsamp__no_wants

const covsamp__covariance_ops covsamp__covariance_none = {ASKS_NOTHING, .draw = draw_none};
const covsamp__covariance_ops covsamp__covariance_small = {ASKS_NOTHING, .needs_noise = 1,
                                                           .draw = draw_small};
const covsamp__covariance_ops covsamp__covariance_large = {ASKS_NOTHING, .needs_noise = 1,
                                                           .draw = draw_large};
const covsamp__covariance_ops covsamp__covariance_analytic = {ASKS_NOTHING, .needs_noise = 1,
                                                              .draw = draw_analytic};
