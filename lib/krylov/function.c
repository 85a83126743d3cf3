/* SPDX-License-Identifier: BSD-3-Clause */
/* Functions of the covariance from its small projection: y = |z| V f(H) e_1, H symmetrised, its
 * negative eigenvalues (a covariance has none) clamped at 0. */
#include "krylov/krylov.h"

#include "numeric/linalg.h"

#include <math.h>

int covsamp__krylov_eigen(covsamp__krylov *k, int64_t sample, int64_t n)
{
    const double *h = k->h + sample * k->most * k->most;
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = 0; i < n; i++)
            k->a[i + j * n] = 0.5 * (h[i + j * k->most] + h[j + i * k->most]);
    return covsamp__eigh(n, k->a, k->theta, k->work, covsamp__eigh_work(k->most));
}

/* y = |z| f((H + H^T)/2) e_1 for the leading part of order n. */
static int evaluate(covsamp__krylov *k, int64_t b, int64_t n, covsamp__scalar_fn f,
                    const double *parameters, double *y, int64_t *clamped)
{
    int info = covsamp__krylov_eigen(k, b, n);
    if (info != 0)
        return info;
    *clamped = 0;
    for (int64_t i = 0; i < n; i++)
        y[i] = 0;
    for (int64_t j = 0; j < n; j++) {
        *clamped += k->theta[j] < 0;
        const double weight =
            k->norm[b] * f(fmax(k->theta[j], 0), parameters) * k->a[j * n]; /* first component */
        for (int64_t i = 0; i < n; i++)
            y[i] += weight * k->a[i + j * n];
    }
    return 0;
}

/* |y_n - y_(n-1)| / |y_n| for coefficients of both; V is orthonormal. */
static double change(int64_t n, const double *y, const double *before)
{
    double difference = 0, norm = 0;
    for (int64_t i = 0; i < n; i++) {
        const double d = y[i] - (i < n - 1 ? before[i] : 0);
        difference += d * d;
        norm += y[i] * y[i];
    }
    return norm > 0 ? sqrt(difference / norm) : 0;
}

int covsamp__krylov_apply(covsamp__krylov *k, int64_t sample, covsamp__scalar_fn f,
                          const double *parameters, double *coefficients,
                          covsamp__krylov_counts *counts)
{
    const int64_t n = k->size[sample];
    int64_t clamped = 0, ignored;
    if (n == 0)
        return 0;
    int info = evaluate(k, sample, n, f, parameters, coefficients, &clamped);
    counts->values += n;
    counts->clamped += clamped;
    /* A space that broke down has no error to speak of. */
    if (info == 0 && n > 1 && k->closed[sample] == COVSAMP__COMPLETE) {
        double *before = k->column + k->most;
        info = evaluate(k, sample, n - 1, f, parameters, before, &ignored);
        if (info == 0) {
            const double error = change(n, coefficients, before);
            counts->error = fmax(counts->error, error);
            counts->error_sum += error;
            counts->errors++;
        }
    }
    return info;
}

int covsamp__krylov_multiply(covsamp__krylov *k, int64_t sample, covsamp__scalar_fn f,
                             const double *parameters, const double *c, double *y)
{
    const int64_t n = k->size[sample];
    const int info = n == 0 ? 0 : covsamp__krylov_eigen(k, sample, n);
    if (info != 0)
        return info;
    for (int64_t i = 0; i < n; i++)
        y[i] = 0;
    for (int64_t j = 0; j < n; j++) {
        double weight = 0;
        for (int64_t i = 0; i < n; i++)
            weight += k->a[i + j * n] * c[i];
        weight *= f(fmax(k->theta[j], 0), parameters);
        for (int64_t i = 0; i < n; i++)
            y[i] += weight * k->a[i + j * n];
    }
    return 0;
}

int covsamp__krylov_quadrature(covsamp__krylov *k, int64_t sample, int64_t n, double *theta,
                               double *weight)
{
    const double square = k->norm[sample] * k->norm[sample];
    const int info = n == 0 ? 0 : covsamp__krylov_eigen(k, sample, n);
    for (int64_t j = 0; info == 0 && j < n; j++) {
        theta[j] = k->theta[j];
        weight[j] = square * k->a[j * n] * k->a[j * n];
    }
    return info;
}

int covsamp__krylov_stop(covsamp__krylov *k, int64_t sample, covsamp__scalar_fn f,
                         const double *parameters, double tolerance, double *coefficients,
                         covsamp__krylov_counts *counts)
{
    const int64_t n = k->size[sample];
    double *before = k->column + k->most;
    int64_t ignored;
    if (k->closed[sample] != COVSAMP__OPEN || n < 2)
        return 0;
    int info = evaluate(k, sample, n, f, parameters, coefficients, &ignored);
    if (info == 0)
        info = evaluate(k, sample, n - 1, f, parameters, before, &ignored);
    if (info == 0 && change(n, coefficients, before) <= tolerance)
        covsamp__krylov_close(k, sample, counts);
    return info;
}
