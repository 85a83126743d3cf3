/* SPDX-License-Identifier: BSD-3-Clause */
/* The colour factor: C = K (x) lam by alternating least squares.  Given K, lam of a pool is
 * <K, sum s y^T> / <K^T K, sum y y^T>; given lam, K is (sum lam s y^T) (sum lam^2 y y^T)^-1, made
 * symmetric, with trace m.  Where C has this form, it is a fixed point with no residual, so that
 * one probe finds it to rounding. */
#include "covariance/spectrum.h"

#include "numeric/linalg.h"

#include <math.h>
#include <string.h>

/* A plain round leaves half of the error or, where few pools count, nine tenths. */
#define ROUNDS  100
#define SETTLED 2e-15
#define MEMORY  30.0
/* Directions that the probe hardly has give no answer. */
#define RANK 1e-12

typedef struct {
    int64_t m, work_size;
    double *k, *cross, *own, *left, *next, *kk, *last, *residual, *value, *work;
} colours;

static colours colours_in(const covsamp__spectrum *s)
{
    const int64_t m = s->colours, n = m * m;
    double *p = s->mix;
    const colours c = {m,         covsamp__eigh_work(m),
                       p,         p + n,
                       p + 2 * n, p + 3 * n,
                       p + 4 * n, p + 5 * n,
                       p + 6 * n, p + 7 * n,
                       p + 8 * n, p + 8 * n + m};
    return c;
}

static void identity(int64_t m, double *k)
{
    memset(k, 0, (size_t)(m * m) * sizeof *k);
    for (int64_t i = 0; i < m; i++)
        k[i + i * m] = 1;
}

static double inner(int64_t n, const double *x, const double *y)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

/* lam of a pool, given K and K^T K. */
static double variance_of(const colours *c, const double *moment)
{
    const int64_t n = c->m * c->m;
    const double own = inner(n, c->kk, moment + n);
    return own > 0 ? inner(n, c->k, moment) / own : 0;
}

static void square(const colours *c)
{
    covsamp__gemm(1, 0, c->m, c->m, c->m, c->k, c->m, c->k, c->m, c->kk, c->m);
}

/* cross = sum lam s y^T, own = sum lam^2 y y^T; lam = 1 at first. */
static void weigh(const colours *c, const covsamp__spectrum *s, const double *moment, int first)
{
    const int64_t n = c->m * c->m;
    memset(c->cross, 0, (size_t)n * sizeof *c->cross);
    memset(c->own, 0, (size_t)n * sizeof *c->own);
    for (int64_t g = 0; g < s->pools; g++, moment += 2 * n) {
        const double lam = first ? 1 : fmax(variance_of(c, moment), 0);
        for (int64_t i = 0; i < n; i++) {
            c->cross[i] += lam * moment[i];
            c->own[i] += lam * lam * moment[n + i];
        }
    }
}

/* next = cross own^+, symmetric, trace m; I where that makes no sense. */
static int fit(const colours *c)
{
    const int64_t m = c->m;
    double trace = 0;
    int info = covsamp__eigh(m, c->own, c->value, c->work, c->work_size);
    if (info != 0)
        return info;
    covsamp__gemm(0, 0, m, m, m, c->cross, m, c->own, m, c->left, m);
    for (int64_t j = 0; j < m; j++)
        for (int64_t i = 0; i < m; i++)
            c->left[i + j * m] =
                c->value[j] > RANK * c->value[m - 1] ? c->left[i + j * m] / c->value[j] : 0;
    covsamp__gemm(0, 1, m, m, m, c->left, m, c->own, m, c->cross, m);
    for (int64_t i = 0; i < m; i++)
        trace += c->cross[i + i * m];
    if (!(trace > 0)) {
        identity(m, c->next);
        return 0;
    }
    for (int64_t j = 0; j < m; j++)
        for (int64_t i = 0; i < m; i++)
            c->next[i + j * m] =
                (c->cross[i + j * m] + c->cross[j + i * m]) * (0.5 * (double)m / trace);
    return 0;
}

/* K = next, drawn on along the last change as if the error fell by a constant factor (Anderson 1965
 * with one step of memory); by how much next differs from K. */
static double accept(const colours *c, int first)
{
    const int64_t n = c->m * c->m;
    double change = 0, over = 0, under = 0;
    for (int64_t i = 0; i < n; i++) {
        const double r = c->next[i] - c->k[i], d = r - c->residual[i];
        change = fmax(change, fabs(r));
        over += r * d;
        under += d * d;
    }
    const double weight = !first && under > 0 ? fmin(fmax(over / under, -MEMORY), MEMORY) : 0;
    for (int64_t i = 0; i < n; i++) {
        c->residual[i] = c->next[i] - c->k[i];
        c->k[i] = c->next[i] - weight * (c->next[i] - c->last[i]);
        c->last[i] = c->next[i];
    }
    square(c);
    return change;
}

int covsamp__spectrum_colours(covsamp__spectrum *s, int64_t b, int64_t *negative)
{
    const colours c = colours_in(s);
    const int64_t n = c.m * c.m;
    const double *moment = s->moment + b * s->pools * 2 * n;
    double *lam = s->variance + b * s->pools, *v = s->vectors + b * covsamp__matrix_stride(c.m),
           change = 1;
    identity(c.m, c.k);
    for (int round = 0; round < ROUNDS && change > SETTLED * (double)c.m; round++) {
        weigh(&c, s, moment, round == 0);
        const int info = fit(&c);
        if (info != 0)
            return info;
        change = accept(&c, round < 2);
    }
    for (int64_t g = 0; g < s->pools; g++) {
        const double value = variance_of(&c, moment + g * 2 * n);
        *negative += value < 0;
        lam[g] = fmax(value, 0);
    }
    memcpy(v, c.k, (size_t)n * sizeof *v);
    return covsamp__eigh(c.m, v, s->values + b * c.m, c.work, c.work_size);
}
