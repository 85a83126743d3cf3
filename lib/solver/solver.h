/* SPDX-License-Identifier: BSD-3-Clause */
/* Solvers: what one step does, as a sequence of wants.  Knows process/, covariance/ and numeric/; not who
 * answers or how.
 *
 * One step: set plan and step, phase = 0; next() and, when it has been answered, take(), until next()
 * returns 0: x is then the new state. */
#ifndef COVSAMP_SOLVER_SOLVER_H
#define COVSAMP_SOLVER_SOLVER_H

#include "covariance/covariance.h"
#include "process/process.h"

/* One step as planned when the sampler was made. */
typedef struct {
    covsamp__level t; /* where the step starts */
    covsamp__transition transition;
    double p, q;        /* E[x0 | x_t] = p x + q f */
    double kappa;       /* C = kappa d E[x0 | x_t] / dx, sigma^2 / alpha; 0 where alpha = 0 */
    int32_t noisy;      /* 0: the mean alone (the step to data, as a rule) */
    int32_t covariance; /* 0: "small" in place of a covariance by products */
} covsamp__plan;

typedef struct {
    int32_t dtype;
    int32_t eps_raw, clip_covariance, mean_jvp; /* options */
    int64_t batch, dim;
    double clip; /* 0: off */
    covsamp__covariance model, small;
    /* the present step */
    const covsamp__plan *plan;
    covsamp__covariance *covariance; /* one of the two above */
    covsamp__place place;
    int32_t phase, opened;
    const void *v; /* tangents that are asked about, count of them */
    int64_t count;
    int64_t failed; /* sample whose eigenvalues did not converge */
    /* arrays [batch][dim] */
    void *x, *z;
    void *mean;    /* the model's output, then x0, then the noise */
    void *mu;      /* the mean of x_s */
    void *product; /* [tangents][batch][dim] */
    uint8_t *keep; /* where x0 was not clipped */
} covsamp__solver;

void covsamp__solver_layout(covsamp__solver *s, covsamp__arena *arena);
/* What is wanted now: COVSAMP_ASK_NOISE (in z), _MEAN (in mean), _JVP, _MEAN_JVP (v, count, product); 0: the step
 * is finished; negative: COVSAMP_E_LINALG. */
int32_t covsamp__ancestral_next(covsamp__solver *s);
/* It is there. */
void covsamp__ancestral_take(covsamp__solver *s, int32_t kind);

#endif
