/* SPDX-License-Identifier: BSD-3-Clause */
/* One pass of a network over data, as a sequence of requests: covsamp.h, section 11.
 *
 * One batch: what covsamp__calibration_pass says, see pass.h.  Knows process/, numeric/ and base/.
 */
#ifndef COVSAMP_DIAGNOSTIC_CALIBRATION_H
#define COVSAMP_DIAGNOSTIC_CALIBRATION_H

#include "diagnostic/moments.h"
#include "diagnostic/pass.h"
#include "process/process.h"

#define COVSAMP__PROBES 2 /* asymmetry needs two */

typedef struct {
    covsamp__level at;
    double p, q;  /* E[x0 | x] = p x + q f */
    double kappa; /* C v = kappa (p v + q J v) */
    int64_t samples;
    covsamp__moments error, noise, trace;
    covsamp__moments drawn; /* |e|^2 / dim of the noise that was drawn: it has mean 1 */
    double together;        /* sum of products of the differences of noise and drawn */
    double odd, even;       /* sums of (u.Cv - v.Cu)^2 and (u.Cv + v.Cu)^2 */
} covsamp__calibrated;

/* What one sample says at a level. */
typedef struct {
    double error, noise, trace;
    double odd, even; /* u.Cv - v.Cu and u.Cv + v.Cu */
} covsamp__measured;

struct covsamp_calibration {
    covsamp__pass pass; /* must be first */
    covsamp_allocator mem;
    size_t bytes; /* of the one block that holds everything */
    covsamp__error error;
    covsamp_request request;
    int32_t products, mean_jvp; /* products: 0, 1 */
    int64_t count, all;         /* count: levels measured; all: levels of the schedule */
    int64_t tangents;           /* most in one request, 1 or 2 */
    covsamp__calibrated *level; /* [count], noisiest first */
    double *log_snr;            /* [all], of level n at n - 1 */
    uint64_t next_point;
    int64_t at;                  /* the present level */
    int32_t built, got_mean;     /* x and v are there; so is the mean */
    int64_t taken;               /* products that are there */
    void *x, *mean, *scratch;    /* [batch][dim], scratch [dim] */
    void *v, *product;           /* [COVSAMP__PROBES][batch][dim] */
    double *drawn;               /* [batch] |e|^2 / dim */
    covsamp__measured *measured; /* [batch] */
    int64_t large;               /* a sample whose numbers cannot be counted, -1: none */
};

extern const covsamp__pass_ops covsamp__calibration_pass;

void covsamp__calibration_layout(covsamp_calibration *c, covsamp__arena *arena);
/* The mean square of the predicted noise, drawn noise as a control variate; *deviation (may be
 * NULL) receives its standard error. */
double covsamp__calibration_noise(const covsamp__calibrated *l, double *deviation);
/* Fills values[all] from the measured levels: noise (0) or error (1). */
void covsamp__calibration_fill(const covsamp_calibration *c, int error, double *values);

#endif
