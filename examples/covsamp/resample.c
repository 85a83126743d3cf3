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

enum { RESAMPLE_COUNTS, RESAMPLE_HALVES }; /* two streams of draws */

static const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);

/* Where the draws of a replicate begin. */
static uint64_t key_of(const struct resampling *r, int whose, int64_t b)
{
    return mix(mix(r->seed + golden) + golden * (uint64_t)(2 * b + whose + 1));
}

/* Draw i as one of 0 ... n - 1, of 32 bits: n / 2^32 is how much the likeliest value is ahead,
 * nothing here. */
static int64_t pick(uint64_t key, int64_t i, int64_t n)
{
    const uint64_t bits = mix(key + golden * (uint64_t)(i + 1)) >> 32;
    return (int64_t)(bits * (uint64_t)n >> 32);
}

struct labelled {
    int64_t label, number;
};

static int by_label(const void *a, const void *b)
{
    const struct labelled *x = a, *y = b;
    if (x->label != y->label)
        return x->label < y->label ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

int strata_make(struct strata *s, const int64_t *labels, int64_t n)
{
    struct labelled *all = malloc((size_t)n * sizeof *all);
    *s = (struct strata){.n = n};
    s->order = malloc((size_t)n * sizeof *s->order);
    s->start = malloc((size_t)(n + 1) * sizeof *s->start);
    if (all == NULL || s->order == NULL || s->start == NULL) {
        free(all);
        return fail(EXIT_RUN, "out of memory");
    }
    for (int64_t i = 0; i < n; i++)
        all[i] = (struct labelled){labels != NULL ? labels[i] : 0, i};
    qsort(all, (size_t)n, sizeof *all, by_label);
    for (int64_t i = 0; i < n; i++) {
        s->order[i] = all[i].number;
        if (i == 0 || all[i].label != all[i - 1].label)
            s->start[s->count++] = i;
    }
    s->start[s->count] = n;
    free(all);
    return 0;
}

void strata_free(struct strata *s)
{
    free(s->order);
    free(s->start);
    *s = (struct strata){.n = 0};
}

static void *room_for(const struct resampling *r, int64_t n, size_t size)
{
    if ((uint64_t)n > SIZE_MAX / size / (uint64_t)(r->replicates + 1))
        return NULL;
    return calloc((size_t)n * (size_t)r->replicates + 1, size);
}

double *resample_counts(const struct resampling *r, const struct strata *s)
{
    double *counts = room_for(r, s->n, sizeof *counts);
    if (counts == NULL)
        return NULL;
    for (int64_t b = 0; b < r->replicates; b++) {
        const uint64_t key = key_of(r, RESAMPLE_COUNTS, b);
        for (int64_t k = 0; k < s->count; k++) {
            const int64_t first = s->start[k], size = s->start[k + 1] - first;
            for (int64_t i = first; i < first + size; i++)
                counts[s->order[first + pick(key, s->order[i], size)] * r->replicates + b]++;
        }
    }
    return counts;
}

/* By one pass over each stratum: the next one of `left` is taken with the chance needed / left. */
bool *resample_halves(const struct resampling *r, const struct strata *s)
{
    bool *in = room_for(r, s->n, sizeof *in);
    if (in == NULL)
        return NULL;
    for (int64_t b = 0; b < r->replicates; b++) {
        const uint64_t key = key_of(r, RESAMPLE_HALVES, b);
        for (int64_t k = 0; k < s->count; k++) {
            const int64_t first = s->start[k], end = s->start[k + 1];
            /* Odd strata take turns in which is larger, so that all come to half of n. */
            int64_t needed = end / 2 - first / 2;
            for (int64_t i = first; i < end; i++) {
                const bool taken = pick(key, s->order[i], end - i) < needed;
                in[s->order[i] * r->replicates + b] = taken;
                needed -= taken;
            }
        }
    }
    return in;
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

int resample_estimate(const struct resampling *r, double value, struct estimate *out)
{
    const int64_t n = r->replicates;
    double mean = 0, squares = 0;
    *out = (struct estimate){value, NAN, NAN, NAN, out->replicates};
    if (n < 2)
        return 0;
    double *sorted = malloc((size_t)n * sizeof *sorted);
    if (sorted == NULL)
        return fail(EXIT_RUN, "out of memory");
    for (int64_t b = 0; b < n; b++)
        mean += out->replicates[b];
    mean /= (double)n;
    for (int64_t b = 0; b < n; b++) {
        squares += (out->replicates[b] - mean) * (out->replicates[b] - mean);
        sorted[b] = out->replicates[b] += value - mean;
    }
    qsort(sorted, (size_t)n, sizeof *sorted, ascending);
    const double outside = (1 - r->confidence) / 2;
    out->deviation = sqrt(squares / (double)(n - 1));
    out->low = quantile(sorted, n, outside);
    out->high = quantile(sorted, n, 1 - outside);
    free(sorted);
    return 0;
}

int resample_share(const struct resampling *r, double value, struct estimate *out)
{
    const int code = resample_estimate(r, value, out);
    if (code == 0 && isfinite(out->deviation)) {
        out->low = fmax(out->low, 0);
        out->high = fmin(out->high, 1);
    }
    return code;
}

int resample_mean(const struct resampling *r, const bool *values, int64_t n, const double *counts,
                  struct estimate *out)
{
    int64_t all = 0;
    for (int64_t b = 0; b < r->replicates; b++)
        out->replicates[b] = 0;
    for (int64_t i = 0; i < n; i++) {
        all += values[i];
        for (int64_t b = 0; values[i] && b < r->replicates; b++)
            out->replicates[b] += counts[i * r->replicates + b];
    }
    for (int64_t b = 0; b < r->replicates; b++)
        out->replicates[b] /= (double)n;
    return resample_share(r, (double)all / (double)n, out);
}
