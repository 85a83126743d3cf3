/* SPDX-License-Identifier: BSD-3-Clause */
/* Source: Saad, Iterative Methods for Sparse Linear Systems, 2003, algorithm 6.2 (Arnoldi with
 * re-orthogonalisation); two classical Gram-Schmidt passes keep V orthonormal to rounding ("twice
 * is enough", Giraud et al. 2005) at the cost of vector work, which is small beside a network. */
#include "krylov/krylov.h"

#include "numeric/linalg.h"

#include <float.h>
#include <math.h>

void covsamp__krylov_layout(covsamp__krylov *k, covsamp__arena *arena)
{
    const int64_t m = k->most;
    k->v = covsamp__take_vector(arena, m, k->batch, (size_t)k->dim * covsamp__size_of(k->dtype));
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
    k->second = covsamp__take(arena, k->batch, m, sizeof(double));
    k->factor = covsamp__take(arena, k->batch, 1, sizeof(double));
}

static void *vector(const covsamp__krylov *k, int64_t j, int64_t sample)
{
    return covsamp__at(k->dtype, k->v, (j * k->batch + sample) * k->dim);
}

static double epsilon(const covsamp__krylov *k)
{
    return covsamp__size_of(k->dtype) == sizeof(float) ? (double)FLT_EPSILON : DBL_EPSILON;
}

static covsamp__space *space_of(const covsamp__krylov *k, covsamp__space *own)
{
    *own = (covsamp__space){.dtype = k->dtype};
    return k->space != NULL ? k->space : own;
}

/* How many samples are worked on at once: all where they are shared out, else one, whose vectors
 * then stay in the cache. */
static int64_t rows_at_once(const covsamp__krylov *k, const covsamp__space *s)
{
    const int shared =
        s->ops.size != 0 || covsamp__space_tasks(s, k->batch, k->dim, k->length + 2) > 1;
    return shared ? k->batch : 1;
}

covsamp__rows covsamp__krylov_rows(const covsamp__krylov *k)
{
    return (covsamp__rows){k->v, k->batch, k->dim, k->length, k->batch * k->dim, NULL};
}

void covsamp__krylov_start(covsamp__krylov *k, const void *z)
{
    covsamp__space own, *s = space_of(k, &own);
    k->length = 0;
    for (int64_t b = 0, rows = rows_at_once(k, s); b < k->batch; b += rows) {
        const void *from = covsamp__cat(k->dtype, z, b * k->dim);
        covsamp__space_dots(s, rows, k->dim, from, from, k->norm + b);
        for (int64_t i = b; i < b + rows; i++) {
            const double norm = k->norm[i] = sqrt(k->norm[i]);
            k->rest[i] = 0;
            k->scale[i] = 0;
            k->size[i] = 0;
            k->closed[i] = norm > 0 ? COVSAMP__OPEN : COVSAMP__EMPTY;
            k->factor[i] = norm > 0 ? 1 / norm : 0;
        }
        covsamp__space_combine_rows(s, rows, k->dim, k->factor + b, from, NULL, NULL,
                                    vector(k, 0, b));
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

/* Orthogonalises w against the basis, in three sweeps over both; the columns of H get the
 * coefficients of both passes.  What is left goes to the place of the next vectors, where there is
 * one, and its squared norm to `factor`. */
static void orthogonalise(covsamp__krylov *k, covsamp__space *s, const covsamp__rows *r, int64_t b,
                          void *w)
{
    const int64_t j = k->length, m = k->most;
    double *column = k->h + (b * m + j) * m, *second = k->second + b * m;
    void *left = j + 1 < m ? vector(k, j + 1, b) : w;
    covsamp__space_project(s, r, w, column, m * m);
    covsamp__space_reject_project(s, r, column, m * m, w, second, m);
    covsamp__space_reject_square(s, r, second, m, w, left, k->factor + b);
    for (int64_t row = 0; row < r->rows; row++)
        for (int64_t i = 0; !r->closed[row] && i <= j; i++)
            column[row * m * m + i] += second[row * m + i];
}

/* Sample b has another column, and what is left of its product has this length: closes its space,
 * or makes what is left the next vector by the factor that is returned. */
static double grow(covsamp__krylov *k, int64_t b, double rest, double magnitude,
                   covsamp__krylov_counts *counts)
{
    const int64_t j = k->length, m = k->most;
    double *column = k->h + (b * m + j) * m;
    k->rest[b] = rest;
    if (j + 1 == m) {
        k->closed[b] = COVSAMP__COMPLETE;
        return 0;
    }
    for (int64_t i = 0; i <= j; i++)
        k->scale[b] = fmax(k->scale[b], fabs(column[i]));
    const double small =
        10 * epsilon(k) * sqrt((double)k->dim) * k->scale[b] + 4 * epsilon(k) * magnitude;
    if (!(rest > small)) {
        close_space(k, b, counts);
        return 0;
    }
    column[j + 1] = rest;
    k->scale[b] = fmax(k->scale[b], rest);
    return 1 / rest;
}

static void begin_column(covsamp__krylov *k, int64_t b, covsamp__krylov_counts *counts)
{
    const int64_t j = k->length, m = k->most;
    if (k->closed[b])
        return;
    counts->used++;
    k->size[b] = j + 1;
    for (int64_t i = 0; i < m; i++)
        k->h[(b * m + j) * m + i] = 0;
}

static void take_rows(covsamp__krylov *k, covsamp__space *s, int64_t b, int64_t rows, void *w,
                      double magnitude, covsamp__krylov_counts *counts)
{
    const int64_t j = k->length, m = k->most;
    const int projected = j + 1 == m && !k->remainder; /* the last needs no new direction */
    const covsamp__rows r = {vector(k, 0, b),   rows,         k->dim, j + 1,
                             k->batch * k->dim, k->closed + b};
    for (int64_t i = b; i < b + rows; i++)
        begin_column(k, i, counts);
    if (projected)
        covsamp__space_project(s, &r, w, k->h + (b * m + j) * m, m * m);
    else
        orthogonalise(k, s, &r, b, w);
    for (int64_t i = b; i < b + rows; i++) {
        const int was_open = !k->closed[i];
        if (was_open && projected)
            k->closed[i] = COVSAMP__COMPLETE;
        else
            k->factor[i] = was_open ? grow(k, i, sqrt(k->factor[i]), magnitude, counts) : 0;
        if (was_open && k->closed[i])
            counts->asymmetry = fmax(counts->asymmetry, covsamp__krylov_asymmetry(k, i));
    }
    if (j + 1 < m)
        covsamp__space_combine_rows(s, rows, k->dim, k->factor + b, vector(k, j + 1, b), NULL, NULL,
                                    vector(k, j + 1, b));
}

void covsamp__krylov_take(covsamp__krylov *k, void *w, double magnitude,
                          covsamp__krylov_counts *counts)
{
    covsamp__space own, *s = space_of(k, &own);
    for (int64_t b = 0, rows = rows_at_once(k, s); b < k->batch; b += rows)
        take_rows(k, s, b, rows, covsamp__at(k->dtype, w, b * k->dim), magnitude, counts);
    k->length++;
}

void covsamp__krylov_close(covsamp__krylov *k, int64_t sample, covsamp__krylov_counts *counts)
{
    covsamp__space own, *s = space_of(k, &own);
    k->closed[sample] = COVSAMP__COMPLETE;
    counts->asymmetry = fmax(counts->asymmetry, covsamp__krylov_asymmetry(k, sample));
    if (k->length < k->most) /* what the next product would have been of */
        covsamp__space_zero(s, k->dim, vector(k, k->length, sample));
}
