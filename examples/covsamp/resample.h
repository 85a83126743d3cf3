/* SPDX-License-Identifier: BSD-3-Clause */
/* What a number would have been on other samples of the same kind: the bootstrap (Efron 1979), and
 * halves for what repetitions would spoil. */
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
    double *replicates; /* [replicates], in the order of their draws; the room is the caller's */
};

/* Values by their labels: other samples would have had as many of each. */
struct strata {
    int64_t *order; /* [n]: numbers of the values, one stratum behind the other */
    int64_t *start; /* [count + 1]: where each begins in it */
    int64_t n, count;
};

/* labels NULL: one stratum.  0, or EXIT_RUN after a message; strata_free() is due either way. */
int strata_make(struct strata *strata, const int64_t *labels, int64_t n);
void strata_free(struct strata *strata);

/* How often each of n values is drawn in each replicate, with replacement, as many of each stratum
 * as it has: [n][replicates], to be freed; NULL without memory.  Draw i of replicate b is a
 * function of seed, b, i and the strata alone. */
double *resample_counts(const struct resampling *resampling, const struct strata *strata);
/* Which values are in the half of each replicate, drawn without replacement, half of each stratum:
 * [n][replicates], as above.  Of an odd number of values one less than half are. */
bool *resample_halves(const struct resampling *resampling, const struct strata *strata);
/* The rest of an estimate whose replicates are there: moves them by value - their mean, and finds
 * their standard deviation and percentiles.  The move takes away the bias that drawing with
 * replacement adds, which is as large as the deviation itself in a Frechet distance.  0, or
 * EXIT_RUN after a message. */
int resample_estimate(const struct resampling *resampling, double value, struct estimate *out);
/* The same of a share, whose interval ends at 0 and 1. */
int resample_share(const struct resampling *resampling, double value, struct estimate *out);
/* The share of n values that are true, with its replicates. */
int resample_mean(const struct resampling *resampling, const bool *values, int64_t n,
                  const double *counts, struct estimate *out);

#endif
