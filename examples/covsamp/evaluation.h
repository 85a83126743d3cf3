/* SPDX-License-Identifier: BSD-3-Clause */
/* How far samples are from a reference, on features of both.  The reference is held fixed:
 * intervals say what other samples of the same kind would have given. */
#ifndef COVSAMP_EVALUATION_H
#define COVSAMP_EVALUATION_H

#include "judged.h"
#include "resample.h"

struct evaluation {
    struct estimate frechet, kernel, precision, recall, accuracy;
    bool compared, judged; /* the first four are there; the last one is */
    int64_t strata;        /* labels within which samples were resampled; 1 if they have none */
    double *replicates;    /* room for all of theirs */
};

/* What the four distances are given; room for replicates is in what they fill. */
struct comparison {
    const struct features *samples, *reference;
    const struct resampling *resampling;
    const struct strata *strata; /* of the samples */
    const double *counts;        /* of the samples, see resample_counts() */
    int64_t nearest;             /* neighbours, of precision and recall */
};

/* All of it.  labels: the classes that the samples should have, within which they are resampled;
 * NULL: none; reference NULL: nothing is compared.  0 or an exit code after a message;
 * evaluation_free() is due either way. */
int evaluate(struct evaluation *evaluation, const struct features *samples,
             const struct features *reference, const int64_t *labels, int64_t nearest,
             const struct resampling *resampling);

void evaluation_free(struct evaluation *evaluation);

/* Distances of all pairs go by blocks of so many rows, so that no matrix of all pairs is held. */
enum { PAIR_ROWS = 128 };
/* out[i][j] = scale a_(first + i) . b_j, [PAIR_ROWS][n of b]; returns how many rows that are. */
int64_t features_products(double *out, const struct features *a, int64_t first,
                          const struct features *b, double scale);

/* Each in a file of its own.  0, or EXIT_RUN after a message. */

/* Of Gaussians with the means and covariances (of n - 1) of both sets: |m - m'|^2 + tr (S + S' -
 * 2 (S S')^(1/2)) (Dowson & Landau 1982, Heusel et al. 2017). */
int frechet_distance(const struct comparison *c, struct estimate *out);
/* The unbiased square of the maximum mean discrepancy with k(x, y) = (x.y / width + 1)^3 over all
 * pairs (Binkowski et al. 2018), no average over subsets. */
int kernel_distance(const struct comparison *c, struct estimate *out);
/* Kynkaanniemi et al. 2019.  Precision: share of samples that lie within the distance of some
 * reference value from its k-th nearest other one; recall: the same with the roles exchanged.
 * Balls round the reference are held fixed; for recall, whose balls are the samples', halves of
 * these are drawn (halves.h). */
int manifold_shares(const struct comparison *c, struct estimate *precision,
                    struct estimate *recall);

#endif
