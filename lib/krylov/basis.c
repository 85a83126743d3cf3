/* SPDX-License-Identifier: BSD-3-Clause */
/* Source: Saad, Iterative Methods for Sparse Linear Systems, 2003, algorithm 6.2 (Arnoldi with
 * re-orthogonalisation); two classical Gram-Schmidt passes keep V orthonormal to rounding ("twice
 * is enough", Giraud et al. 2005) at the cost of vector work, which is small beside a network. */
#include "krylov/krylov.h"

#include "numeric/linalg.h"
#include "numeric/vec.h"

#include <float.h>
#include <math.h>

void covsamp__krylov_layout(covsamp__krylov *k, covsamp__arena *arena)
{
    const int64_t m = k->most;
    k->v = covsamp__take(arena, m, k->batch, (size_t)k->dim * covsamp__size_of(k->dtype));
    k->h = covsamp__take(arena, k->batch, m * m, sizeof(double));
    k->norm = covsamp__take(arena, k->batch, 1, sizeof(double));
    k->rest = covsamp__take(arena, k->batch, 1, sizeof(double));
    k->scale = covsamp__take(arena, k->batch, 1, sizeof(double));
    k->size = covsamp__take(arena, k->batch, 1, sizeof(int64_t));
    k->closed = covsamp__take(arena, k->batch, 1, sizeof(uint8_t));
    k->a = covsamp__take(arena, m, m, sizeof(double));
    k->theta = covsamp__take(arena, m, 1, sizeof(double));
    k->work = covsamp__take(arena, covsamp__eigh_work(m), 1, sizeof(double));
    k->column = covsamp__take(arena, m, 2, sizeof(double));
}

static void *vector(const covsamp__krylov *k, int64_t j, int64_t sample)
{
    return covsamp__at(k->dtype, k->v, (j * k->batch + sample) * k->dim);
}

static double epsilon(const covsamp__krylov *k)
{
    return covsamp__size_of(k->dtype) == sizeof(float) ? (double)FLT_EPSILON : DBL_EPSILON;
}

void covsamp__krylov_start(covsamp__krylov *k, const void *z)
{
    k->length = 0;
    for (int64_t b = 0; b < k->batch; b++) {
        const void *from = covsamp__cat(k->dtype, z, b * k->dim);
        const double norm = sqrt(covsamp__dot(k->dtype, k->dim, from, from));
        k->norm[b] = norm;
        k->rest[b] = 0;
        k->scale[b] = 0;
        k->size[b] = 0;
        k->closed[b] = norm > 0 ? COVSAMP__OPEN : COVSAMP__EMPTY;
        covsamp__scale(k->dtype, k->dim, norm > 0 ? 1 / norm : 0, from, vector(k, 0, b));
    }
}

const void *covsamp__krylov_wants(const covsamp__krylov *k)
{
    if (k->length == k->most)
        return NULL;
    for (int64_t b = 0; b < k->batch; b++)
        if (!k->closed[b])
            return vector(k, k->length, 0);
    return NULL;
}

double covsamp__krylov_unit(const covsamp__krylov *k, int64_t sample)
{
    const double *h = k->h + sample * k->most * k->most;
    double largest = 0;
    int exponent;
    for (int64_t j = 0; j < k->size[sample]; j++)
        for (int64_t i = 0; i < k->size[sample]; i++)
            largest = fmax(largest, fabs(h[i + j * k->most]));
    frexp(largest, &exponent);
    return ldexp(1, exponent - 1);
}

/* |H + sign H^T| in units of `unit`. */
static double frobenius(const double *h, int64_t size, int64_t leading, double sign, double unit)
{
    double sum = 0;
    for (int64_t j = 0; j < size; j++)
        for (int64_t i = 0; i < size; i++) {
            const double x = h[i + j * leading] / unit + sign * (h[j + i * leading] / unit);
            sum += x * x;
        }
    return sqrt(sum);
}

double covsamp__krylov_asymmetry(const covsamp__krylov *k, int64_t sample)
{
    const double *h = k->h + sample * k->most * k->most;
    const double unit = covsamp__krylov_unit(k, sample);
    const double odd = frobenius(h, k->size[sample], k->most, -1, unit);
    return odd == 0 ? 0 : odd / frobenius(h, k->size[sample], k->most, 1, unit);
}

/* The space of sample b cannot grow: its last vector was an eigenvector of the rest.  For a
 * symmetric C that makes the result exact; with a visibly non-symmetric H it does not. */
static void close_space(covsamp__krylov *k, int64_t b, covsamp__krylov_counts *counts)
{
    k->closed[b] = COVSAMP__BREAKDOWN;
    if (k->size[b] == k->dim)
        return; /* the whole space */
    counts->breakdowns++;
    counts->asymmetric += covsamp__krylov_asymmetry(k, b) > sqrt(epsilon(k));
}

/* Orthogonalises w against the basis, in three sweeps over both; the column of H gets the
 * coefficients of both passes.  What is left goes to the place of the next vector, where there is
 * one, and its norm is returned. */
static double orthogonalise(covsamp__krylov *k, int64_t b, void *w, double *column)
{
    const int64_t j = k->length, stride = k->batch * k->dim;
    const void *v = vector(k, 0, b);
    double *second = k->column;
    void *left = j + 1 < k->most ? vector(k, j + 1, b) : w;
    covsamp__project(k->dtype, k->dim, j + 1, v, stride, w, column);
    covsamp__reject_project(k->dtype, k->dim, j + 1, v, stride, column, w, second);
    const double square =
        covsamp__reject_square(k->dtype, k->dim, j + 1, v, stride, second, w, left);
    for (int64_t i = 0; i <= j; i++)
        column[i] += second[i];
    return sqrt(square);
}

static void take_one(covsamp__krylov *k, int64_t b, void *w, double magnitude,
                     covsamp__krylov_counts *counts)
{
    const int64_t j = k->length, m = k->most;
    double *column = k->h + (b * m + j) * m;
    const double eps = epsilon(k);
    counts->used++;
    k->size[b] = j + 1;
    for (int64_t i = 0; i < m; i++)
        column[i] = 0;
    if (j + 1 == m && !k->remainder) { /* the last column needs no new direction */
        covsamp__project(k->dtype, k->dim, m, vector(k, 0, b), k->batch * k->dim, w, column);
        k->closed[b] = COVSAMP__COMPLETE;
        return;
    }
    const double rest = k->rest[b] = orthogonalise(k, b, w, column);
    if (j + 1 == m) {
        k->closed[b] = COVSAMP__COMPLETE;
        return;
    }
    for (int64_t i = 0; i <= j; i++)
        k->scale[b] = fmax(k->scale[b], fabs(column[i]));
    const double small = 10 * eps * sqrt((double)k->dim) * k->scale[b] + 4 * eps * magnitude;
    if (!(rest > small)) {
        close_space(k, b, counts);
        return;
    }
    column[j + 1] = rest;
    k->scale[b] = fmax(k->scale[b], rest);
    covsamp__scale(k->dtype, k->dim, 1 / rest, vector(k, j + 1, b), vector(k, j + 1, b));
}

void covsamp__krylov_take(covsamp__krylov *k, void *w, double magnitude,
                          covsamp__krylov_counts *counts)
{
    for (int64_t b = 0; b < k->batch; b++) {
        const int was_open = !k->closed[b];
        if (was_open)
            take_one(k, b, covsamp__at(k->dtype, w, b * k->dim), magnitude, counts);
        if (k->closed[b] && k->length + 1 < k->most)
            covsamp__zero(k->dtype, k->dim, vector(k, k->length + 1, b));
        if (was_open && k->closed[b])
            counts->asymmetry = fmax(counts->asymmetry, covsamp__krylov_asymmetry(k, b));
    }
    k->length++;
}

void covsamp__krylov_close(covsamp__krylov *k, int64_t sample, covsamp__krylov_counts *counts)
{
    k->closed[sample] = COVSAMP__COMPLETE;
    counts->asymmetry = fmax(counts->asymmetry, covsamp__krylov_asymmetry(k, sample));
    if (k->length < k->most) /* what the next product would have been of */
        covsamp__zero(k->dtype, k->dim, vector(k, k->length, sample));
}
