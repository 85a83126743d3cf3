/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel distance. */
#include "evaluation.h"

#include <cblas.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct pairs {
    double *block;  /* [PAIR_ROWS][n of the second set] */
    double *mapped; /* [PAIR_ROWS][replicates] */
    double *among;  /* [replicates + 1]: sums over pairs of samples; the last one of all once */
    double *with;   /* the same with the reference */
};

/* block[i][j] = k(a_(first + i), b_j); returns how many rows that are. */
static int64_t fill(double *block, const struct features *a, int64_t first,
                    const struct features *b)
{
    const int64_t rows = features_products(block, a, first, b, 1 / (double)a->width);
    for (int64_t i = 0; i < rows * b->n; i++)
        block[i] = (block[i] + 1) * (block[i] + 1) * (block[i] + 1);
    return rows;
}

/* The sum over pairs of different ones. */
static double sum_among(struct pairs *p, const struct features *f)
{
    double sum = 0;
    for (int64_t first = 0, rows; first < f->n; first += rows) {
        rows = fill(p->block, f, first, f);
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < f->n; j++)
                sum += j != first + i ? p->block[i * f->n + j] : 0;
    }
    return sum;
}

/* Samples with samples; for each replicate, too, a pair counting as often as both were drawn. */
static void sum_samples(struct pairs *p, const struct comparison *c)
{
    const struct features *f = c->samples;
    const int64_t count = c->resampling->replicates;
    for (int64_t first = 0, rows; first < f->n; first += rows) {
        rows = fill(p->block, f, first, f);
        for (int64_t i = 0; i < rows; i++) {
            p->block[i * f->n + first + i] = 0;
            for (int64_t j = 0; j < f->n; j++)
                p->among[count] += p->block[i * f->n + j];
        }
        if (count == 0)
            continue;
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)rows, (int)count, (int)f->n, 1,
                    p->block, (int)f->n, c->counts, (int)count, 0, p->mapped, (int)count);
        for (int64_t i = 0; i < rows; i++)
            for (int64_t b = 0; b < count; b++)
                p->among[b] += c->counts[(first + i) * count + b] * p->mapped[i * count + b];
    }
}

static void sum_reference(struct pairs *p, const struct comparison *c)
{
    const struct features *f = c->samples, *r = c->reference;
    const int64_t count = c->resampling->replicates;
    for (int64_t first = 0, rows; first < f->n; first += rows) {
        rows = fill(p->block, f, first, r);
        for (int64_t i = 0; i < rows; i++) {
            double sum = 0;
            for (int64_t j = 0; j < r->n; j++)
                sum += p->block[i * r->n + j];
            for (int64_t b = 0; b < count; b++)
                p->with[b] += c->counts[(first + i) * count + b] * sum;
            p->with[count] += sum;
        }
    }
}

/* Pairs of a sample with its own copy are left out, as pairs of a sample with itself are. */
static double pairs_of(const struct comparison *c, int64_t b)
{
    const double n = (double)c->samples->n;
    double pairs = n * n;
    for (int64_t k = 0; k < c->samples->n; k++) {
        const double count = c->counts[k * c->resampling->replicates + b];
        pairs -= count * count;
    }
    return pairs;
}

int kernel_distance(const struct comparison *c, struct estimate *out)
{
    const double n = (double)c->samples->n, m = (double)c->reference->n;
    const size_t count = (size_t)c->resampling->replicates;
    const int64_t most = c->samples->n > c->reference->n ? c->samples->n : c->reference->n;
    struct pairs p = {0};
    p.block = calloc(PAIR_ROWS * ((size_t)most + count) + 2 * (count + 1), sizeof *p.block);
    if (p.block == NULL || most > INT_MAX || count > INT_MAX || c->samples->width > INT_MAX) {
        free(p.block);
        return fail(EXIT_RUN, "there is not enough memory for pairs of so many samples");
    }
    p.mapped = p.block + PAIR_ROWS * (size_t)most;
    p.among = p.mapped + PAIR_ROWS * count;
    p.with = p.among + count + 1;
    const double reference = sum_among(&p, c->reference) / (m * (m - 1));
    sum_samples(&p, c);
    sum_reference(&p, c);
    for (size_t b = 0; b < count; b++) /* all of one sample: nothing to compare it with */
        p.among[b] = p.among[b] == 0 ? 0 : p.among[b] / pairs_of(c, (int64_t)b);
    for (size_t b = 0; b < count; b++)
        out->replicates[b] = p.among[b] + reference - 2 * p.with[b] / (n * m);
    const double value = p.among[count] / (n * (n - 1)) + reference - 2 * p.with[count] / (n * m);
    free(p.block);
    return resample_estimate(c->resampling, value, out);
}
