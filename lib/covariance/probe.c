/* SPDX-License-Identifier: BSD-3-Clause */
/* Estimates from products with random signs (Hutchinson 1989; Bekas, Kokiopoulou & Saad 2007):
 * diag_probe takes the mean of v . C v element by element as the diagonal of C, state_isotropic the
 * mean over all elements as a multiple of I.  An estimate may serve several steps: C's natural unit
 * is sigma^2 / alpha^2, so it is carried in that unit. */
#include "covariance/covariance.h"

#include <covsamp/covsamp.h>

#include "numeric/rng.h"
#include "numeric/vec.h"

#include <math.h>

static void layout(covsamp__covariance *c, covsamp__arena *arena)
{
    const size_t size = covsamp__size_of(c->dtype);
    c->unit = covsamp__take(arena, c->tangents, c->batch, (size_t)c->dim * size);
    c->diagonal = covsamp__take(arena, c->batch, c->dim, size);
    c->value = covsamp__take(arena, c->batch, 1, sizeof(double));
    c->vector = covsamp__take(arena, c->batch, 1, sizeof(double));
}

/* Whether the estimate of an earlier step serves. */
static int reused(const covsamp__covariance *c)
{
    return c->age > 0 && c->age < c->reuse;
}

static void open(covsamp__covariance *c, const covsamp__place *p)
{
    if (reused(c)) {
        c->column = c->probes;
        c->age++;
        return;
    }
    c->column = 0;
    c->age = 1;
    c->estimate_unit = p->unit;
    covsamp__zero(c->dtype, c->batch * c->dim, c->diagonal);
}

static const void *wants(covsamp__covariance *c, const covsamp__place *p, int64_t *count)
{
    const int64_t left = c->probes - c->column;
    *count = left < c->tangents ? left : c->tangents;
    if (*count == 0)
        return NULL;
    for (int64_t k = 0; k < *count; k++)
        for (int64_t b = 0; b < c->batch; b++) {
            void *v = covsamp__at(c->dtype, c->unit, (k * c->batch + b) * c->dim);
            covsamp__signs_as(c->dtype, p->seed, p->first_sample + b, COVSAMP_STREAM_PROBE, p->step,
                              (c->column + k) * c->dim, c->dim, v);
            if (p->keep != NULL)
                covsamp__mask(c->dtype, c->dim, p->keep + b * c->dim, v, v);
        }
    return c->unit;
}

static void take(covsamp__covariance *c, const covsamp__place *p, void *products, int64_t count)
{
    (void)p;
    for (int64_t k = 0; k < count; k++)
        covsamp__add_product(c->dtype, c->batch * c->dim, 1.0 / (double)c->probes,
                             covsamp__cat(c->dtype, c->unit, k * c->batch * c->dim),
                             covsamp__cat(c->dtype, products, k * c->batch * c->dim), c->diagonal);
    c->column += count;
    c->counts.used += count * c->batch;
}

/* Sum of the diagonal estimate of sample b: it times a vector of ones, block by block. */
static double trace(const covsamp__covariance *c, int64_t b)
{
    double block[256], sum = 0;
    for (int64_t i = 0; i < c->dim; i += 256) {
        const int64_t n = c->dim - i < 256 ? c->dim - i : 256;
        double part = 0;
        covsamp__to_double(c->dtype, n, covsamp__cat(c->dtype, c->diagonal, b * c->dim + i), block);
        for (int64_t j = 0; j < n; j++)
            part += block[j];
        sum += part;
    }
    return sum;
}

/* Values that P keeps: the others have no variance. */
static double kept(const covsamp__covariance *c, const covsamp__place *p, int64_t b)
{
    int64_t count = 0;
    if (p->keep == NULL)
        return (double)c->dim;
    for (int64_t i = 0; i < c->dim; i++)
        count += p->keep[b * c->dim + i];
    return count > 0 ? (double)count : 1;
}

/* When an estimate is new: its traces and what they were over, before negative values are dropped;
 * later steps use the same numbers. */
static void settle(covsamp__covariance *c, const covsamp__place *p, int64_t b)
{
    if (c->age > 1)
        return;
    c->value[b] = trace(c, b);
    c->vector[b] = kept(c, p, b);
    covsamp__limit(c->dtype, c->dim, 0, INFINITY, covsamp__at(c->dtype, c->diagonal, b * c->dim));
}

/* By how much the estimate is scaled: to the present unit, and down to the trace guard. */
static double scale_of(const covsamp__covariance *c, const covsamp__place *p, int64_t b)
{
    const double scale = c->age > 1 ? p->unit / c->estimate_unit : 1;
    return scale * covsamp__guard_scale(p, scale * c->value[b] / (double)c->dim);
}

static int draw_diagonal(covsamp__covariance *c, const covsamp__place *p, void *n, int64_t *failed)
{
    (void)failed;
    for (int64_t b = 0; b < c->batch; b++) {
        settle(c, p, b);
        covsamp__draw_diagonal(c, p, b, scale_of(c, p, b), n);
    }
    return 0;
}

static int draw_isotropic(covsamp__covariance *c, const covsamp__place *p, void *n, int64_t *failed)
{
    (void)failed;
    for (int64_t b = 0; b < c->batch; b++) {
        settle(c, p, b);
        const double mean = scale_of(c, p, b) * c->value[b] / c->vector[b];
        covsamp__draw_isotropic(c, p, b, covsamp__step_variance(p, mean), n);
    }
    return 0;
}

#define PROBES                                                                                     \
    .needs_noise = 1, .needs_products = 1, .early = 1, .layout = layout, .open = open,             \
    .wants = wants, .take = take

const covsamp__covariance_ops covsamp__covariance_diag_probe = {PROBES, .draw = draw_diagonal};
const covsamp__covariance_ops covsamp__covariance_state_isotropic = {PROBES,
                                                                     .draw = draw_isotropic};
