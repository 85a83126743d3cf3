/* SPDX-License-Identifier: BSD-3-Clause */
/* Functions of the covariance from its small projection: y = |z| V f(H) e_1, H symmetrised, its
 * negative eigenvalues (a covariance has none) clamped at 0. */
#include "krylov/krylov.h"

#include "numeric/linalg.h"

#include <math.h>

/* y = |z| f((H + H^T)/2) e_1 for the leading part of order n. */
static int evaluate(covsamp__krylov *k, int64_t b, int64_t n, covsamp__scalar_fn f,
                    const double *parameters, double *y, int64_t *clamped)
{
    const double *h = k->h + b * k->most * k->most;
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = 0; i < n; i++)
            k->a[i + j * n] = 0.5 * (h[i + j * k->most] + h[j + i * k->most]);
    int info = covsamp__eigh(n, k->a, k->theta, k->work, covsamp__eigh_work(k->most));
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

int covsamp__krylov_apply(covsamp__krylov *k, int64_t sample, covsamp__scalar_fn f,
                          const double *parameters, double *coefficients,
                          covsamp__krylov_counts *counts)
{
    const int64_t n = k->size[sample];
    int64_t clamped = 0, ignored;
    if (n == 0)
        return 0;
    /* The size before, for the error estimate; a space that closed early has no error to speak of. */
    const int estimate = n > 1 && n == k->most;
    double *before = k->column + k->most;
    int info = estimate ? evaluate(k, sample, n - 1, f, parameters, before, &ignored) : 0;
    if (info == 0)
        info = evaluate(k, sample, n, f, parameters, coefficients, &clamped);
    if (info != 0)
        return info;
    counts->values += n;
    counts->clamped += clamped;
    if (estimate) {
        double change = 0, norm = 0;
        for (int64_t i = 0; i < n; i++) {
            const double d = coefficients[i] - (i < n - 1 ? before[i] : 0);
            change += d * d;
            norm += coefficients[i] * coefficients[i];
        }
        if (norm > 0)
            counts->error = fmax(counts->error, sqrt(change / norm));
    }
    return 0;
}
