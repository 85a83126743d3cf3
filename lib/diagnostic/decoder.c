/* SPDX-License-Identifier: BSD-3-Clause */
#include "diagnostic/decoder.h"

#include "numeric/vec.h"

#include <math.h>

enum { BLOCK = 256 };

/* log of the upper tail of the normal distribution, for any a. */
static double log_tail(double a)
{
    const double log_root_two_pi = 0.9189385332046727;
    if (a < 20)
        return log(0.5 * erfc(a * 0.70710678118654752));
    /* Laplace's continued fraction, six digits beyond the double's at 20 */
    double fraction = a;
    for (int k = 12; k > 0; k--)
        fraction = a + k / fraction;
    return -0.5 * a * a - log_root_two_pi - log(fraction);
}

/* log of the probability of [a, b], b > a. */
static double log_between(double a, double b)
{
    if (a < 0 && b < 0) { /* the same on the other side, where tails are small numbers */
        const double c = -b;
        b = -a;
        a = c;
    }
    if (a < 0) /* the middle: nothing cancels */
        return log1p(-0.5 * erfc(-a * 0.70710678118654752) - 0.5 * erfc(b * 0.70710678118654752));
    const double upper = log_tail(a);
    return upper + log(-expm1(log_tail(b) - upper));
}

/* No clamp at 1e-12, as published code has it: the sum would be a bound no more. */
static double log_bin(double x, double mean, double deviation, double half)
{
    if (x < -1 + 0.5 * half)
        return log_tail(-(x + half - mean) / deviation);
    if (x > 1 - 0.5 * half)
        return log_tail((x - half - mean) / deviation);
    return log_between((x - half - mean) / deviation, (x + half - mean) / deviation);
}

static double log_density(double x, double mean, double deviation)
{
    const double z = (x - mean) / deviation;
    return -0.5 * z * z - log(deviation) - 0.9189385332046727;
}

double covsamp__decoder_nats(int32_t dtype, int64_t n, int64_t bins, double deviation,
                             const void *x, const void *mean)
{
    double a[BLOCK], b[BLOCK], sum = 0;
    for (int64_t i = 0; i < n; i += BLOCK) {
        const int64_t count = n - i < BLOCK ? n - i : BLOCK;
        double part = 0;
        covsamp__to_double(dtype, count, covsamp__cat(dtype, x, i), a);
        covsamp__to_double(dtype, count, covsamp__cat(dtype, mean, i), b);
        for (int64_t j = 0; j < count; j++)
            part -= bins == 0 ? log_density(a[j], b[j], deviation)
                              : log_bin(a[j], b[j], deviation, 1 / (double)(bins - 1));
        sum += part;
    }
    return sum;
}
