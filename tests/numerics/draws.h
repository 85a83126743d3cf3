/* SPDX-License-Identifier: BSD-3-Clause */
/* The noise of single steps, alone: from x = 0 the new state is b x0 + n, and b x0 is taken off. */
#ifndef COVSAMP_TESTS_DRAWS_H
#define COVSAMP_TESTS_DRAWS_H

#include "check.h"
#include "gaussian.h"

#include <stdlib.h>

typedef struct {
    const covsamp_schedule *schedule;
    const int64_t *levels;
    int64_t count, batch, dim;
    covsamp_answer_fn answer;
    void *user;
    const double *x0; /* what the model predicts, clipped, [dim]; NULL: 0 */
    const double *z;  /* [batch][dim] normal numbers of every step; NULL: the library's */
    int32_t dtype, reserved;
} drawing;

static inline int32_t fixed_noise(void *user, const covsamp_request *r)
{
    const drawing *d = user;
    for (int64_t b = 0; b < r->batch; b++)
        for (int64_t i = 0; i < r->dim; i++)
            store(r->dtype, r->noise, b * r->stride + i, d->z[b * r->dim + i]);
    return 0;
}

/* Level i of those visited, data after the last. */
static inline int64_t level_of(const drawing *d, int64_t i)
{
    return i < d->count ? d->levels[i] : 0;
}

/* n [count][batch][dim]: the noise of every step. */
static inline covsamp_stats draw(drawing *d, const char *options, double eta, double *n)
{
    const int64_t values = d->batch * d->dim;
    covsamp_model model = model_of(d->answer, d->user);
    void *zeros = calloc((size_t)values, sizeof(double));
    if (d->dtype == 0)
        d->dtype = COVSAMP_F64;
    model.noise = fixed_noise;
    model.noise_user = d;
    covsamp_sampler *s = sampler_of(d->schedule, d->levels, d->count,
                                    "batch=%d dim=%d dtype=%s noise=%s eta=%.17g %s", (int)d->batch,
                                    (int)d->dim, d->dtype == COVSAMP_F32 ? "f32" : "f64",
                                    d->z != NULL ? "ask" : "philox-1", eta, options);
    for (int64_t k = 0; k < d->count; k++) {
        double lambda, b;
        CHECK(covsamp_sampler_set_state(s, zeros, d->dim) == COVSAMP_OK);
        CHECK(covsamp_sampler_step(s, &model) == (k + 1 < d->count ? COVSAMP_OK : COVSAMP_DONE));
        read_state(s, d->dtype, d->batch, d->dim, n + k * values);
        step_numbers(d->schedule, d->levels[k], level_of(d, k + 1), eta, &lambda, &b);
        for (int64_t i = 0; d->x0 != NULL && i < values; i++)
            n[k * values + i] -= b * d->x0[i % d->dim];
    }
    const covsamp_stats stats = stats_of(s);
    covsamp_sampler_free(s);
    free(zeros);
    return stats;
}

/* sigma^2 / alpha^2 of a level. */
static inline double unit_of(const covsamp_schedule *schedule, int64_t level)
{
    double a, s;
    (void)covsamp_schedule_at(schedule, (double)level, &a, &s, NULL);
    return s * s / (a * a);
}

#endif
