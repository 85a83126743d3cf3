/* SPDX-License-Identifier: BSD-3-Clause */
/* Covariances that ask for nothing: none, small (lambda^2 I), large (the variance of q(x_t | x_s)). */
#include "covariance/covariance.h"

#include "numeric/vec.h"

static void no_layout(covsamp__covariance *c, covsamp__arena *arena)
{
    (void)c;
    (void)arena;
}

static void no_open(covsamp__covariance *c, const covsamp__place *p)
{
    (void)c;
    (void)p;
}

static const void *no_wants(covsamp__covariance *c, const covsamp__place *p, int64_t *count)
{
    (void)c;
    (void)p;
    *count = 0;
    return NULL;
}

static int draw_none(covsamp__covariance *c, const covsamp__place *p, void *n, int64_t *failed)
{
    (void)p;
    (void)failed;
    covsamp__zero(c->dtype, c->batch * c->dim, n);
    return 0;
}

static int draw_small(covsamp__covariance *c, const covsamp__place *p, void *n, int64_t *failed)
{
    (void)failed;
    covsamp__scale(c->dtype, c->batch * c->dim, p->lambda, p->z, n);
    return 0;
}

static int draw_large(covsamp__covariance *c, const covsamp__place *p, void *n, int64_t *failed)
{
    (void)failed;
    covsamp__scale(c->dtype, c->batch * c->dim, p->large, p->z, n);
    return 0;
}

const covsamp__covariance_ops covsamp__covariance_none = {
    .layout = no_layout, .open = no_open, .wants = no_wants, .draw = draw_none};
const covsamp__covariance_ops covsamp__covariance_small = {
    .needs_noise = 1, .layout = no_layout, .open = no_open, .wants = no_wants, .draw = draw_small};
const covsamp__covariance_ops covsamp__covariance_large = {
    .needs_noise = 1, .layout = no_layout, .open = no_open, .wants = no_wants, .draw = draw_large};
