/* SPDX-License-Identifier: BSD-3-Clause */
/* The bootstrap (Efron 1979): what a number would have been on other samples of the same kind. */
#ifndef COVSAMP_RESAMPLE_H
#define COVSAMP_RESAMPLE_H

#include "app.h"

struct resampling {
    int64_t replicates; /* 0: no intervals */
    uint64_t seed;
    double confidence; /* 0.95: that share of the replicates lies inside an interval */
};

struct estimate {
    double value, deviation, low, high; /* the last three are NaN without replicates */
};

enum { RESAMPLE_SAMPLES, RESAMPLE_REFERENCE }; /* whose draws */

/* How often each of n values is drawn in each replicate: [n][replicates], to be freed; NULL without
 * memory.  Draw i of replicate b is a function of seed, `whose`, b and i alone. */
double *resample_counts(const struct resampling *resampling, int whose, int64_t n);
/* From the statistic and its replicates, which are sorted: their standard deviation, and their
 * percentiles moved by value - mean of the replicates.  The move takes away the bias that drawing
 * with replacement adds, which is as large as the deviation itself in a Frechet distance. */
struct estimate resample_estimate(const struct resampling *resampling, double value,
                                  double *replicates);
/* Share of n values that are true, resampled. */
struct estimate resample_share(const struct resampling *resampling, const bool *values, int64_t n,
                               const double *counts, double *replicates);

#endif
