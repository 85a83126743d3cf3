/* SPDX-License-Identifier: BSD-3-Clause */
/* Ritz pairs and their residuals without further products.  With u the direction that the last
 * product opened, rest its length and V s a Ritz vector of the symmetric part H_s,
 *     C V = V H + rest u e_m^T,   so   C V s - theta V s = V (H - H_s) s + rest s_m u,
 * and V^T u = 0 makes |residual|^2 = |(H - H_s) s|^2 + (rest s_m)^2 (Saad, Numerical Methods for
 * Large Eigenvalue Problems, 2011, section 6.2, where H is symmetric). */
#include "krylov/krylov.h"

#include "numeric/vec.h"

#include <math.h>

/* |(H - H^T) s|^2 / 4 for the leading part of order n, in units of `unit`. */
static double odd_square(const covsamp__krylov *k, int64_t b, int64_t n, const double *s,
                         double unit)
{
    const double *h = k->h + b * k->most * k->most;
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        double row = 0;
        for (int64_t j = 0; j < n; j++)
            row += 0.5 * (h[i + j * k->most] / unit - h[j + i * k->most] / unit) * s[j];
        sum += row * row;
    }
    return sum;
}

int covsamp__krylov_pairs(covsamp__krylov *k, int64_t sample, int64_t count, double *value,
                          double *residual)
{
    const int64_t n = k->size[sample];
    const int info = covsamp__krylov_eigen(k, sample, n);
    const double unit = covsamp__krylov_unit(k, sample);
    if (info != 0)
        return info;
    for (int64_t j = 0; j < count; j++) {
        const double *s = k->a + (n - 1 - j) * n;
        const double last = k->rest[sample] / unit * s[n - 1];
        value[j] = k->theta[n - 1 - j];
        residual[j] = unit * sqrt(odd_square(k, sample, n, s, unit) + last * last);
    }
    return 0;
}

void covsamp__krylov_pair_vector(const covsamp__krylov *k, int64_t sample, int64_t j, void *out)
{
    const int64_t n = k->size[sample];
    covsamp__expand(k->dtype, k->dim, n, covsamp__cat(k->dtype, k->v, sample * k->dim),
                    k->batch * k->dim, k->a + (n - 1 - j) * n, out);
}
