/* SPDX-License-Identifier: BSD-3-Clause */
/* The leading eigenpairs of C(x_t) for given x_t, as a sequence of requests: covsamp.h, section 14.
 *
 * One batch: covsamp__modes_begin(); covsamp__modes_next() and, when that has been answered,
 * covsamp__modes_take(), until the phase is no longer WORKING.  Knows krylov/, process/, numeric/
 * and base/. */
#ifndef COVSAMP_DIAGNOSTIC_MODES_H
#define COVSAMP_DIAGNOSTIC_MODES_H

#include "krylov/krylov.h"
#include "process/process.h"

enum covsamp__modes_phase {
    COVSAMP__MODES_EMPTY, /* no x_t was given */
    COVSAMP__MODES_WORKING,
    COVSAMP__MODES_DONE,
    COVSAMP__MODES_FAILED /* an eigenvalue iteration did not converge */
};

struct covsamp_posterior_modes {
    covsamp_allocator mem;
    size_t bytes; /* of the one block that holds everything */
    covsamp__error error;
    covsamp_request request;
    int32_t dtype, average; /* average: products are with (C + C^T) / 2 */
    int32_t check_finite, phase;
    int32_t half; /* of such a product J v is there, J^T v is not */
    int32_t open, busy, answer;
    int64_t batch, dim, count; /* count: modes wanted */
    double tolerance;          /* on residuals, relative to the largest value */
    covsamp__level at;
    double p, q;  /* E[x0 | x] = p x + q f */
    double kappa; /* C v = kappa (p v + q J v) */
    uint64_t next_point;
    int64_t filled;     /* samples of the present batch */
    int64_t next_first; /* number of the first one of the next */
    int64_t failed;     /* sample whose eigenvalues did not converge */
    covsamp__krylov krylov;
    covsamp__krylov_counts counts;
    void *x, *product, *transposed; /* [batch][dim] */
    void *vector;                   /* [batch][count][dim] */
    double *value, *residual;       /* [batch][count]; residual: relative */
    int64_t *held;                  /* [batch] modes that the sample's space has, at most count */
};

void covsamp__modes_layout(covsamp_posterior_modes *m, covsamp__arena *arena);
/* The x_t of so many samples are in x. */
void covsamp__modes_begin(covsamp_posterior_modes *m, int64_t samples);
/* Opens the next request, while WORKING. */
void covsamp__modes_next(covsamp_posterior_modes *m);
/* Whether the answer to the open request is finite. */
covsamp_status covsamp__modes_check(covsamp_posterior_modes *m, const char *function);
/* The open request is answered.  1: a product is complete by it. */
int covsamp__modes_take(covsamp_posterior_modes *m);

#endif
