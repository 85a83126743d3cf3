/* SPDX-License-Identifier: BSD-3-Clause */
/* What the density of N(0, S), S = lambda^2 I + b^2 P C P, needs, without a matrix.  Stochastic
 * Lanczos quadrature (Ubaru, Chen & Saad 2017): for random signs z, E[z . f(S) z] = trace f(S), and
 * z . f(S) z is a Gauss quadrature over the Ritz values of the Krylov space that starts at z.  The
 * same from r gives r . S^-1 r.  So a step is probes + 1 spaces, one after the other, of `most`
 * products each. */
#include "covariance/covariance.h"

#include <covsamp/covsamp.h>

#include "numeric/vec.h"

#include <math.h>
#include <string.h>

static void layout(covsamp__covariance *c, covsamp__arena *arena)
{
    covsamp__krylov_layout(&c->krylov, arena);
    c->unit = covsamp__take(arena, c->batch, c->dim, covsamp__size_of(c->dtype));
    c->vector = covsamp__take(arena, 2, c->krylov.most, sizeof(double));
    c->value = covsamp__take(arena, 2, c->batch, sizeof(double));
    c->ritz =
        covsamp__take(arena, c->probes + 1, c->batch, 2 * (size_t)c->krylov.most * sizeof(double));
}

/* Space number `column`: that of a probe, at last that of r; empty for samples that fill up. */
static void start(covsamp__covariance *c, const covsamp__place *p)
{
    const covsamp__draw draw = {.seed = p->seed,
                                .first_sample = p->first_sample,
                                .step = p->step,
                                .first = c->column * c->dim,
                                .stream = COVSAMP_STREAM_PROBE};
    const int64_t measured = p->measured * c->dim;
    if (c->column < c->probes)
        covsamp__space_signs(c->space, p->measured, c->dim, &draw, c->unit);
    else
        covsamp__space_copy(c->space, measured, p->residual, c->unit);
    if (p->keep != NULL)
        covsamp__space_mask(c->space, measured, p->keep, c->unit, c->unit);
    covsamp__space_zero(c->space, c->batch * c->dim - measured,
                        covsamp__at(c->dtype, c->unit, measured));
    for (int64_t b = 0; b < c->batch; b++) {
        c->value[2 * b] = NAN; /* no value to compare with */
        c->value[2 * b + 1] = 0;
    }
    covsamp__krylov_start(&c->krylov, c->unit);
}

static void open(covsamp__covariance *c, const covsamp__place *p)
{
    c->column = 0;
    c->info = 0;
    start(c, p);
}

static double *values(const covsamp__covariance *c, int64_t space, int64_t b)
{
    return c->ritz + (space * c->batch + b) * 2 * c->krylov.most;
}

static void keep_ritz(covsamp__covariance *c)
{
    for (int64_t b = 0; b < c->batch; b++) {
        double *theta = values(c, c->column, b);
        memset(theta, 0, 2 * (size_t)c->krylov.most * sizeof *theta);
        const int info = covsamp__krylov_quadrature(&c->krylov, b, c->krylov.size[b], theta,
                                                    theta + c->krylov.most);
        if (info != 0 && c->info == 0) {
            c->info = info;
            c->broken = b;
        }
    }
}

static const void *wants(covsamp__covariance *c, const covsamp__place *p, int64_t *count)
{
    const void *v = NULL;
    while (c->column <= c->probes && (v = covsamp__krylov_wants(&c->krylov)) == NULL) {
        keep_ritz(c);
        if (++c->column <= c->probes)
            start(c, p);
    }
    *count = v != NULL;
    return v;
}

/* What the present space is for, by its first n products: half of log det and trace, or of r . S^-1
 * r. NaN where eigenvalues did not converge, which shows again in keep_ritz(). */
static double value_by(covsamp__covariance *c, const covsamp__place *p, int64_t b, int64_t n)
{
    double *theta = c->vector, *weight = theta + c->krylov.most, sum = 0;
    const double floor = p->lambda * p->lambda;
    if (covsamp__krylov_quadrature(&c->krylov, b, n, theta, weight) != 0)
        return NAN;
    for (int64_t j = 0; j < n; j++) {
        const double variance = covsamp__step_variance(p, theta[j]);
        sum += weight[j] * (c->column < c->probes ? log(variance / floor) + floor / variance - 1
                                                  : 1 / variance);
    }
    return 0.5 * sum;
}

/* A space is large enough once two products in a row have changed its value by no more than the
 * tolerance: values settle unevenly where negative eigenvalues are clamped. */
static void stop(covsamp__covariance *c, const covsamp__place *p, int64_t b)
{
    double *last = c->value + 2 * b, *small = last + 1;
    if (c->krylov.closed[b] != COVSAMP__OPEN)
        return;
    const double value = value_by(c, p, b, c->krylov.size[b]);
    *small = fabs(value - *last) <= c->tolerance * fabs(value) ? *small + 1 : 0;
    *last = value;
    if (*small >= 2)
        covsamp__krylov_close(&c->krylov, b, &c->counts);
}

static void take(covsamp__covariance *c, const covsamp__place *p, void *products, int64_t count)
{
    (void)count;
    covsamp__krylov_take(&c->krylov, products, p->magnitude, &c->counts);
    for (int64_t b = 0; c->tolerance > 0 && c->krylov.length < c->krylov.most && b < c->batch; b++)
        stop(c, p, b);
}

/* The trace guard scales C as a sampler does, by the mean of all probes. */
static double scale_of(const covsamp__covariance *c, const covsamp__place *p, int64_t b)
{
    const int64_t m = c->krylov.most;
    double trace = 0;
    for (int64_t k = 0; k < c->probes; k++)
        trace += covsamp__dot(COVSAMP_F64, m, values(c, k, b), values(c, k, b) + m);
    return covsamp__guard_scale(p, trace / (double)(c->probes * c->dim));
}

static void count_values(covsamp__covariance *c, int64_t b)
{
    for (int64_t k = 0; k <= c->probes; k++) {
        const double *theta = values(c, k, b), *weight = theta + c->krylov.most;
        for (int64_t j = 0; j < c->krylov.most; j++) {
            c->counts.values += weight[j] > 0;
            c->counts.clamped += weight[j] > 0 && theta[j] < 0;
        }
    }
}

/* log det and trace by probe k. */
static covsamp__forms by_probe(const covsamp__covariance *c, const covsamp__place *p, int64_t k,
                               int64_t b, double scale)
{
    const double *theta = values(c, k, b), *weight = theta + c->krylov.most;
    const double floor = p->lambda * p->lambda;
    covsamp__forms f = {0, 0, 0, 0};
    for (int64_t j = 0; j < c->krylov.most; j++) {
        const double variance = covsamp__step_variance(p, scale * theta[j]);
        f.log_det += weight[j] * log(variance / floor);
        f.trace += weight[j] * (floor / variance - 1);
    }
    return f;
}

static int forms(covsamp__covariance *c, const covsamp__place *p, covsamp__forms *f,
                 int64_t *failed)
{
    const double n = (double)c->probes;
    *failed = c->broken;
    for (int64_t b = 0; c->info == 0 && b < p->measured; b++) {
        const double scale = scale_of(c, p, b);
        const double *theta = values(c, c->probes, b), *weight = theta + c->krylov.most;
        double mean = 0, squares = 0; /* of (log_det + trace) / 2 (Welford 1962) */
        memset(&f[b], 0, sizeof f[b]);
        for (int64_t k = 0; k < c->probes; k++) {
            const covsamp__forms one = by_probe(c, p, k, b, scale);
            const double value = 0.5 * (one.log_det + one.trace), off = value - mean;
            mean += off / (double)(k + 1);
            squares += off * (value - mean);
            f[b].log_det += one.log_det / n;
            f[b].trace += one.trace / n;
        }
        f[b].probe_variance = squares / (n * (n - 1));
        for (int64_t j = 0; j < c->krylov.most; j++)
            f[b].residual += weight[j] / covsamp__step_variance(p, scale * theta[j]);
        f[b].residual += covsamp__residual_outside(c, p, b);
        count_values(c, b);
    }
    return c->info;
}

const covsamp__covariance_ops covsamp__covariance_quadrature = {.needs_products = 1,
                                                                .early = 1,
                                                                .layout = layout,
                                                                .open = open,
                                                                .wants = wants,
                                                                .take = take,
                                                                .forms = forms};
