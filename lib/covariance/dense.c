/* SPDX-License-Identifier: BSD-3-Clause */
/* The reference: the whole matrix P C P by products with unit vectors, symmetrised, its negative
 * eigenvalues clamped, and its exact square root.  For small dim: memory is batch * dim^2 doubles.
 */
#include "covariance/covariance.h"

#include "numeric/linalg.h"
#include "numeric/vec.h"

#include <math.h>
#include <string.h>

static double *matrix_of(const covsamp__covariance *c, int64_t b)
{
    return c->matrix + b * covsamp__matrix_stride(c->dim);
}

static double *values_of(const covsamp__covariance *c, int64_t b)
{
    return c->value + b * c->dim;
}

static void layout(covsamp__covariance *c, covsamp__arena *arena)
{
    c->matrix = covsamp__take(arena, c->batch, covsamp__matrix_stride(c->dim), sizeof(double));
    c->unit =
        covsamp__take(arena, c->tangents, c->batch, (size_t)c->dim * covsamp__size_of(c->dtype));
    c->vector = covsamp__take(arena, c->dim, 2, sizeof(double));
    c->value = covsamp__take(arena, c->batch, c->dim, sizeof(double));
    c->work = covsamp__take(arena, covsamp__eigh_work(c->dim), 1, sizeof(double));
}

static void open(covsamp__covariance *c, const covsamp__place *p)
{
    (void)p;
    c->column = 0;
}

static const void *wants(covsamp__covariance *c, const covsamp__place *p, int64_t *count)
{
    const double one = 1;
    const int64_t left = c->dim - c->column;
    *count = left < c->tangents ? left : c->tangents;
    if (*count == 0)
        return NULL;
    covsamp__zero(c->dtype, *count * c->batch * c->dim, c->unit);
    for (int64_t k = 0; k < *count; k++)
        for (int64_t b = 0; b < c->batch; b++) {
            const int64_t i = c->column + k; /* the column; P removes it where it is masked */
            if (p->keep == NULL || p->keep[b * c->dim + i])
                covsamp__from_double(
                    c->dtype, 1, &one,
                    covsamp__at(c->dtype, c->unit, (k * c->batch + b) * c->dim + i));
        }
    return c->unit;
}

static void take(covsamp__covariance *c, const covsamp__place *p, void *products, int64_t count)
{
    (void)p;
    for (int64_t k = 0; k < count; k++)
        for (int64_t b = 0; b < c->batch; b++)
            covsamp__to_double(c->dtype, c->dim,
                               covsamp__cat(c->dtype, products, (k * c->batch + b) * c->dim),
                               matrix_of(c, b) + (c->column + k) * c->dim);
    c->column += count;
    c->counts.used += count * c->batch;
}

/* Replaces a by its symmetric part; returns |A - A^T| / |A + A^T|. */
static double symmetrise(double *a, int64_t n)
{
    double even = 0, odd = 0;
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = 0; i < j; i++) {
            const double s = a[i + j * n] + a[j + i * n], d = a[i + j * n] - a[j + i * n];
            even += 2 * s * s;
            odd += 2 * d * d;
            a[i + j * n] = a[j + i * n] = 0.5 * s;
        }
    for (int64_t i = 0; i < n; i++)
        even += 4 * a[i + i * n] * a[i + i * n];
    return odd == 0 ? 0 : sqrt(odd / even);
}

/* What the trace guard makes of sample b's eigenvalues. */
static double guarded(const covsamp__covariance *c, const covsamp__place *p, int64_t b)
{
    const double *value = values_of(c, b);
    double trace = 0;
    for (int64_t i = 0; i < c->dim; i++)
        trace += value[i];
    return covsamp__guard_scale(p, trace / (double)c->dim);
}

/* Eigenvectors and eigenvalues of sample b's matrix, and that. */
static int decompose(covsamp__covariance *c, const covsamp__place *p, int64_t b, double *scale,
                     int64_t *failed)
{
    const int64_t d = c->dim;
    double *a = matrix_of(c, b), *value = values_of(c, b);
    c->counts.asymmetry = fmax(c->counts.asymmetry, symmetrise(a, d));
    const int info = covsamp__eigh(d, a, value, c->work, covsamp__eigh_work(d));
    for (int64_t i = 0; info == 0 && i < d; i++) {
        c->counts.clamped += value[i] < 0;
        c->counts.values++;
    }
    *scale = guarded(c, p, b);
    *failed = b;
    return info;
}

/* u = A^T P x for sample b, through z. */
static void to_eigenbasis(covsamp__covariance *c, const covsamp__place *p, int64_t b, const void *x,
                          double *z, double *u)
{
    const int64_t d = c->dim;
    covsamp__to_double(c->dtype, d, covsamp__cat(c->dtype, x, b * d), z);
    if (p->keep != NULL)
        covsamp__mask(COVSAMP_F64, d, p->keep + b * d, z, z);
    covsamp__gemv(1, d, d, matrix_of(c, b), z, u);
}

static int draw(covsamp__covariance *c, const covsamp__place *p, void *n, int64_t *failed)
{
    const int64_t d = c->dim;
    double *z = c->vector, *u = c->vector + d, scale;
    for (int64_t b = 0; b < c->batch; b++) {
        const int info = decompose(c, p, b, &scale, failed);
        if (info != 0)
            return info;
        to_eigenbasis(c, p, b, p->z, z, u);
        for (int64_t i = 0; i < d; i++)
            u[i] *= sqrt(covsamp__step_variance(p, scale * values_of(c, b)[i]));
        covsamp__gemv(0, d, d, matrix_of(c, b), u, z);
        void *out = covsamp__at(c->dtype, n, b * d);
        covsamp__from_double(c->dtype, d, z, out);
        covsamp__draw_outside(c, p, b, out); /* exactly: the root of a rounded 0 is not small */
    }
    return 0;
}

/* By the eigenvectors that draw() has left; outside P the variance is lambda^2. */
static int push(covsamp__covariance *c, const covsamp__place *p, const void *g, void *out,
                int64_t *failed)
{
    const int64_t d = c->dim;
    const double floor = covsamp__step_variance(p, 0);
    double *z = c->vector, *u = c->vector + d;
    (void)failed;
    for (int64_t b = 0; b < c->batch; b++) {
        const double scale = guarded(c, p, b);
        void *own = covsamp__at(c->dtype, out, b * d);
        to_eigenbasis(c, p, b, g, z, u);
        for (int64_t i = 0; i < d; i++)
            u[i] *= covsamp__step_variance(p, scale * values_of(c, b)[i]);
        covsamp__gemv(0, d, d, matrix_of(c, b), u, z);
        covsamp__from_double(c->dtype, d, z, own);
        if (p->keep != NULL)
            covsamp__select(c->dtype, d, p->keep + b * d, own, floor,
                            covsamp__cat(c->dtype, g, b * d), own);
    }
    return 0;
}

/* Outside P the eigenvalues are 0, the variance lambda^2. */
static int forms(covsamp__covariance *c, const covsamp__place *p, covsamp__forms *f,
                 int64_t *failed)
{
    const int64_t d = c->dim;
    const double floor = p->lambda * p->lambda;
    double *z = c->vector, *u = c->vector + d, scale;
    for (int64_t b = 0; b < p->measured; b++) {
        const int info = decompose(c, p, b, &scale, failed);
        if (info != 0)
            return info;
        memset(&f[b], 0, sizeof f[b]);
        to_eigenbasis(c, p, b, p->residual, z, u);
        for (int64_t i = 0; i < d; i++) {
            const double variance = covsamp__step_variance(p, scale * values_of(c, b)[i]);
            f[b].log_det += log(variance / floor);
            f[b].trace += floor / variance - 1;
            f[b].residual += u[i] * u[i] / variance;
        }
        f[b].residual += covsamp__residual_outside(c, p, b);
    }
    return 0;
}

const covsamp__covariance_ops covsamp__covariance_dense = {.needs_noise = 1,
                                                           .needs_products = 1,
                                                           .layout = layout,
                                                           .open = open,
                                                           .wants = wants,
                                                           .take = take,
                                                           .draw = draw,
                                                           .push = push,
                                                           .forms = forms};
