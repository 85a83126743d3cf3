/* SPDX-License-Identifier: BSD-3-Clause */
#include "resample.h"

#include <math.h>
#include <stdlib.h>

/* SplitMix64's output function (Steele, Lea & Flood 2014), as a hash of a counter. */
static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);

double *resample_counts(const struct resampling *r, int whose, int64_t n)
{
    double *counts = NULL;
    if ((uint64_t)n <= SIZE_MAX / sizeof *counts / (uint64_t)(r->replicates + 1))
        counts = calloc((size_t)n * (size_t)r->replicates + 1, sizeof *counts);
    if (counts == NULL)
        return NULL;
    for (int64_t b = 0; b < r->replicates; b++) {
        const uint64_t key = mix(mix(r->seed + golden) + golden * (uint64_t)(2 * b + whose + 1));
        for (int64_t i = 0; i < n; i++) {
            /* Of 32 bits: n / 2^32 is how much the likeliest value is ahead, nothing here. */
            const uint64_t bits = mix(key + golden * (uint64_t)(i + 1)) >> 32;
            counts[(int64_t)(bits * (uint64_t)n >> 32) * r->replicates + b]++;
        }
    }
    return counts;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Linear between two replicates, as NumPy's default. */
static double quantile(const double *sorted, int64_t n, double q)
{
    const double at = q * (double)(n - 1), below = floor(at);
    const int64_t i = (int64_t)below, next = i + 1 < n ? i + 1 : i;
    return sorted[i] + (at - below) * (sorted[next] - sorted[i]);
}

struct estimate resample_estimate(const struct resampling *r, double value, double *replicates)
{
    const int64_t n = r->replicates;
    double mean = 0, squares = 0;
    if (n < 2)
        return (struct estimate){value, NAN, NAN, NAN};
    for (int64_t b = 0; b < n; b++)
        mean += replicates[b];
    mean /= (double)n;
    for (int64_t b = 0; b < n; b++)
        squares += (replicates[b] - mean) * (replicates[b] - mean);
    qsort(replicates, (size_t)n, sizeof *replicates, ascending);
    const double outside = (1 - r->confidence) / 2, move = value - mean;
    return (struct estimate){value, sqrt(squares / (double)(n - 1)),
                             quantile(replicates, n, outside) + move,
                             quantile(replicates, n, 1 - outside) + move};
}

struct estimate resample_share(const struct resampling *r, const bool *values, int64_t n,
                               const double *counts, double *replicates)
{
    int64_t all = 0;
    for (int64_t b = 0; b < r->replicates; b++)
        replicates[b] = 0;
    for (int64_t i = 0; i < n; i++) {
        all += values[i];
        for (int64_t b = 0; values[i] && b < r->replicates; b++)
            replicates[b] += counts[i * r->replicates + b];
    }
    for (int64_t b = 0; b < r->replicates; b++)
        replicates[b] /= (double)n;
    struct estimate share = resample_estimate(r, (double)all / (double)n, replicates);
    if (r->replicates > 1) {
        share.low = fmax(share.low, 0);
        share.high = fmin(share.high, 1);
    }
    return share;
}
