/* SPDX-License-Identifier: BSD-3-Clause */
/* What the covariance of each level was made of, over all batches of a run. */
#ifndef COVSAMP_BY_LEVEL_H
#define COVSAMP_BY_LEVEL_H

#include "app.h"

#include <covsamp/covsamp.h>

enum { BY_LEVEL_BINS = 65 }; /* of a histogram; the last one counts 64 products and more */

struct level_sum {
    covsamp_step_stats stats;
    int64_t counts[BY_LEVEL_BINS]; /* samples by the products they used */
};

struct by_level {
    struct level_sum *row; /* [steps], noisiest first */
    int64_t steps;
    bool histogram; /* counts are known: covariance = krylov */
};

/* 0, or EXIT_RUN after a message; by_level_free() is due either way. */
int by_level_make(struct by_level *b, int64_t steps);
void by_level_free(struct by_level *b);
/* Adds a run that is done. */
void by_level_add(struct by_level *b, const covsamp_sampler *sampler);

/* On standard error, at most some dozens of lines: many levels are put together. */
void by_level_table(const struct by_level *b);
void by_level_histogram(const struct by_level *b);
/* On standard output, an array with an object a level. */
void by_level_json(const struct by_level *b);

#endif
