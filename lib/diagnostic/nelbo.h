/* SPDX-License-Identifier: BSD-3-Clause */
/* The likelihood bound of covsamp.h, section 13: the steps of a sampler, each from an x_t that is
 * made of data, and the density of its noise in the place of a draw.  Knows machine/ (it holds a
 * sampler that never takes two steps in a row), process/, numeric/ and base/. */
#ifndef COVSAMP_DIAGNOSTIC_NELBO_H
#define COVSAMP_DIAGNOSTIC_NELBO_H

#include "diagnostic/moments.h"
#include "diagnostic/pass.h"
#include "machine/machine.h"

/* A term over all samples. */
typedef struct {
    covsamp__moments nats;
    double log_det, trace, residual, probe_variance; /* sums */
    int64_t products, values, clamped;               /* values: Ritz values */
    double asymmetry;
} covsamp__term;

struct covsamp_nelbo {
    covsamp__pass pass; /* must be first */
    covsamp_sampler sampler;
    int64_t steps;          /* the last of them is the decoder */
    int64_t bins, samples;  /* samples: that are done */
    int64_t at;             /* the present step */
    int32_t want, reserved; /* of it: the kind of request, 0: it is to be opened, or an error */
    covsamp__term *term;    /* [steps + 1], the prior first */
    covsamp__moments total;
    covsamp__forms *forms;          /* [steps][batch] of the present batch */
    double *nats;                   /* [steps + 1][batch] */
    covsamp__krylov_counts *counts; /* [steps] */
};

extern const covsamp__pass_ops covsamp__nelbo_pass;

void covsamp__nelbo_layout(covsamp_nelbo *n, covsamp__arena *arena);

#endif
