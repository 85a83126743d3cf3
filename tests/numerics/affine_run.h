/* SPDX-License-Identifier: BSD-3-Clause */
/* Gaussian data of oracle O4, and the moments of a run on it, measured rather than sampled: a run
 * is an affine map of the start and of each step's noise, and the samples of one batch get NOISE =
 * 0 or one unit vector at one step, so that each is a column of that map. */
#ifndef COVSAMP_TESTS_AFFINE_RUN_H
#define COVSAMP_TESTS_AFFINE_RUN_H

#include "check.h"
#include "gaussian.h"

#include <stdlib.h>

enum { D = 4 };
static const double variance[D] = {0.05, 0.25, 1, 4}, center[D] = {0.3, -0.2, 0.5, 1};

static covsamp_schedule *schedule;
static double q[D * D];    /* rotates the Gaussian */
static int64_t breakdowns; /* of the last run */

/* ---- columns of the affine map ---- */

/* Sample 0 gets no noise; samples 1 ... D are left to the start; sample 1 + D + k D + j gets unit
 * vector j as the noise of step k. */
static inline int32_t unit_noise(void *by_start, const covsamp_request *r)
{
    for (int64_t b = 0; b < r->batch; b++)
        for (int64_t i = 0; i < D; i++) {
            const int64_t column =
                r->stream == COVSAMP_STREAM_START ? b - 1 : b - 1 - D - r->step * D;
            const int on = r->stream == COVSAMP_STREAM_STEP || by_start != NULL;
            store(r->dtype, r->noise, b * r->stride + i, on && column == i);
        }
    return 0;
}

/* J is symmetric here: J^T v = J v. */
static inline int32_t gaussian_transposed(void *data, const covsamp_request *r)
{
    covsamp_request own = *r;
    own.kind = COVSAMP_ASK_JVP;
    own.product = r->transposed;
    return gaussian_answer(data, &own);
}

/* Mean and covariance of q(x_N): sample 0 at the mean, samples 1 ... D a factor's column off it. */
static inline void set_start(covsamp_sampler *s, int64_t batch, double alpha, double sigma,
                             const double *mean)
{
    double *x = malloc((size_t)(batch * D) * sizeof *x);
    for (int64_t b = 0; b < batch; b++)
        for (int64_t i = 0; i < D; i++) {
            const int64_t k = b - 1;
            x[b * D + i] = alpha * mean[i];
            if (k >= 0 && k < D)
                x[b * D + i] += sqrt(alpha * alpha * variance[k] + sigma * sigma) * q[i + k * D];
        }
    CHECK(covsamp_sampler_set_state(s, x, D) == COVSAMP_OK);
    free(x);
}

typedef struct {
    double mean[D], covariance[D * D]; /* in the Gaussian's own directions */
} moments;

/* x: the batch after the run. */
static inline moments collect(const double *x, int64_t batch)
{
    moments m;
    double u[D], v[D];
    memset(&m, 0, sizeof m);
    multiply_transposed(D, q, x, m.mean);
    for (int64_t b = 1; b < batch; b++) {
        for (int i = 0; i < D; i++)
            u[i] = x[b * D + i] - x[i];
        multiply_transposed(D, q, u, v);
        for (int i = 0; i < D * D; i++)
            m.covariance[i] += v[i % D] * v[i / D];
    }
    return m;
}

/* The moments of a run of K evenly spaced steps from q(x_N) of data around `from`; guide: NULL or
 * the gradient of log p(y | x). */
static inline moments measure_guided(int64_t steps, const char *options, const double from[D],
                                     covsamp_answer_fn guide)
{
    int64_t levels[1000];
    const int64_t batch = 1 + D + steps * D;
    double mean[D], start[D], alpha, sigma, *x = malloc((size_t)(batch * D) * sizeof *x);
    multiply(D, q, center, mean);
    multiply(D, q, from, start);
    gaussian data = {D, q, variance, mean};
    covsamp_model model = model_of(gaussian_answer, &data);
    model.noise = unit_noise;
    model.vjp = gaussian_transposed;
    model.guide = guide;
    model.guide_user = &data;
    CHECK(covsamp_schedule_spaced(schedule, steps, COVSAMP_SPACING_EVEN, levels, NULL) == 0);
    CHECK(covsamp_schedule_at(schedule, (double)levels[0], &alpha, &sigma, NULL) == 0);
    covsamp_sampler *s =
        sampler_of(schedule, levels, steps, "batch=%d dim=%d dtype=f64 prediction=x0 noise=ask %s",
                   (int)batch, D, options);
    set_start(s, batch, alpha, sigma, start);
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
    read_state(s, COVSAMP_F64, batch, D, x);
    breakdowns = stats_of(s).breakdowns;
    const moments m = collect(x, batch);
    covsamp_sampler_free(s);
    free(x);
    return m;
}

static inline moments measure(int64_t steps, const char *options)
{
    return measure_guided(steps, options, center, NULL);
}

/* E|e|^2 / D of the exact network at every level, for "analytic". */
static inline void make_noise_table(double *table)
{
    for (int n = 0; n < 1000; n++) {
        double a, s;
        CHECK(covsamp_schedule_at(schedule, n + 1, &a, &s, NULL) == COVSAMP_OK);
        table[n] = 0;
        for (int i = 0; i < D; i++)
            table[n] += s * s / (a * a * variance[i] + s * s) / D;
    }
}

#endif
