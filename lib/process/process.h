/* SPDX-License-Identifier: BSD-3-Clause */
/* The forward process x_t = alpha x_0 + sigma e: levels, steps between them, and what a network's
 * output says about x_0.  Knows base/ only. */
#ifndef COVSAMP_PROCESS_PROCESS_H
#define COVSAMP_PROCESS_PROCESS_H

#include "base/memory.h"

/* Which of alpha, sigma an interpolation keeps. */
enum { COVSAMP__VP = 1, COVSAMP__VE = 2, COVSAMP__FLOW = 3, COVSAMP__OTHER = 4 };

struct covsamp_schedule {
    covsamp_allocator mem;
    size_t bytes;
    int64_t levels; /* N; the arrays hold N + 1 entries, entry 0 is data */
    int32_t family;
    int32_t time_is_sigma; /* the model is told sigma: so it is between levels, too */
    double *alpha, *sigma, *time;
    double *
        log_snr; /* log(alpha^2 / sigma^2), without cancellation: +inf at 0, -inf where alpha = 0 */
};

typedef struct {
    int64_t level; /* -1 off the table */
    double alpha, sigma, log_snr, time;
} covsamp__level;

/* Level n of the table, 0 <= n <= N. */
covsamp__level covsamp__schedule_level(const covsamp_schedule *s, int64_t n);
/* A level in [0, N], whole or not; E_RANGE through error otherwise (and in (0, 1), where nothing is
 * defined). */
covsamp_status covsamp__schedule_at(const covsamp_schedule *s, double level, covsamp__level *out,
                                    covsamp__error *error, const char *function);
/* The point of the process with this log-SNR, between level 1 and the noisiest level with alpha >
 * 0; the inverse of the interpolation above, for solvers with midpoints.  E_RANGE outside. */
covsamp_status covsamp__schedule_at_log_snr(const covsamp_schedule *s, double log_snr,
                                            covsamp__level *out, covsamp__error *error,
                                            const char *function);
/* A copy with the given hooks. */
covsamp_status covsamp__schedule_copy(covsamp_schedule **out, const covsamp_schedule *s,
                                      const covsamp_allocator *mem, covsamp__error *error,
                                      const char *function);

/* One reverse step from t to s (math: docs/math.md, "Transitions").
 *     mean   = ca x_t + cb x0                                 (noise estimate recomputed from x0)
 *            = ca x_t + alpha_s x0 + (cb - alpha_s) x0_raw    (noise estimate kept from x0_raw)
 *     noise ~ N(0, lambda^2 I + b^2 C);  b = cb
 *     large = standard deviation of q(x_t | x_s), beta's square root */
typedef struct {
    double ca, cb, b, lambda, large, alpha_s;
} covsamp__transition;
/* eta in [0, 1].  Free of cancellation for any two levels, s = data included. */
void covsamp__transition_between(const covsamp__level *t, const covsamp__level *s, double eta,
                                 covsamp__transition *out);

/* E[x0 | x_t] = p x_t + q f, and its Jacobian p I + q J_f, for a model that predicts f.  `below` is
 * level t.level - 1, read for COVSAMP_PREDICTS_REVERSE only.  E_UNSUPPORTED where the prediction
 * does not determine x0: noise, score at alpha = 0; reverse off the table. */
covsamp_status covsamp__prediction(int32_t prediction, const covsamp__level *t,
                                   const covsamp__level *below, double *p, double *q,
                                   covsamp__error *error, const char *function);

#endif
