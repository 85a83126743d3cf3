/* SPDX-License-Identifier: BSD-3-Clause */
/* How recall varies.  A sample drawn twice would have a ball of radius 0, so that no bootstrap will
 * do; the balls of half of the samples, drawn without repetition, are as they should be. */
#ifndef COVSAMP_HALVES_H
#define COVSAMP_HALVES_H

#include "evaluation.h"

struct halves {
    int64_t replicates, nearest, kept, n, m; /* n samples, m values of the reference */
    bool *in;                                /* [n][replicates]: see resample_halves() */
    double *radius;      /* [n][replicates]: squared, to the nearest-th other in that half; below 0:
                            not in it, or there is none */
    double *widest;      /* [n]: of these */
    bool *covered;       /* [m][replicates]: within a ball of that half */
    struct near *others; /* [kept]: the nearest other ones of a sample, ascending */
    double *found;       /* [n]: squared distances in one half */
};

/* 0, or EXIT_RUN after a message; halves_free() is due either way. */
int halves_make(struct halves *halves, const struct comparison *comparison);
void halves_free(struct halves *halves);
/* Sample i's radii; squared: its squared distances to all samples. */
void halves_radii(struct halves *halves, int64_t i, const double *squared);
/* What its balls cover; squared: its squared distances to the reference. */
void halves_cover(struct halves *halves, int64_t i, const double *squared);
/* [replicates]: shares of the reference, spread about their mean as shares by all samples are. */
void halves_shares(const struct halves *halves, double *shares);

#endif
