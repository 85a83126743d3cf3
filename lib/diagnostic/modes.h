/* SPDX-License-Identifier: BSD-3-Clause */
/* The leading eigenpairs of C(x_t) for given x_t, as a pass over data: covsamp.h, section 14. Knows
 * krylov/, process/, numeric/ and base/. */
#ifndef COVSAMP_DIAGNOSTIC_MODES_H
#define COVSAMP_DIAGNOSTIC_MODES_H

#include "diagnostic/pass.h"
#include "krylov/krylov.h"
#include "process/process.h"

enum covsamp__modes_phase {
    COVSAMP__MODES_EMPTY, /* no x_t was given */
    COVSAMP__MODES_WORKING,
    COVSAMP__MODES_DONE,
    COVSAMP__MODES_FAILED /* an eigenvalue iteration did not converge */
};

struct covsamp_posterior_modes {
    covsamp__pass pass; /* must be first; its x0 are the x_t here */
    covsamp_allocator mem;
    size_t bytes; /* of the one block that holds everything */
    covsamp__error error;
    covsamp_request request;
    int32_t average;     /* products are with (C + C^T) / 2 */
    int32_t half;        /* of such a product J v is there, J^T v is not */
    int32_t phase, info; /* info: LAPACK's, of sample `failed` */
    int64_t failed;
    int64_t count;    /* modes wanted */
    double tolerance; /* on residuals, relative to the largest value */
    covsamp__level at;
    double p, q;  /* E[x0 | x] = p x + q f */
    double kappa; /* C v = kappa (p v + q J v) */
    uint64_t next_point;
    covsamp__krylov krylov;
    covsamp__krylov_counts counts;
    void *product, *transposed; /* [batch][dim] */
    void *vector;               /* [batch][count][dim] */
    double *value, *residual;   /* [batch][count]; residual: relative */
    int64_t *held;              /* [batch] modes that the sample's space has, at most count */
};

extern const covsamp__pass_ops covsamp__modes_pass;

void covsamp__modes_layout(covsamp_posterior_modes *m, covsamp__arena *arena);

#endif
