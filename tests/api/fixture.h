/* SPDX-License-Identifier: BSD-3-Clause */
/* What the api tests share: a small mixture, and samplers from a list of settings. Public symbols
 * only. */
#ifndef COVSAMP_TESTS_FIXTURE_H
#define COVSAMP_TESTS_FIXTURE_H

#include "check.h"
#include "three_components.h"

#include <covsamp/covsamp.h>

#include <stdlib.h>

#define MAX_DIM 40
#define LEVELS  20 /* of the schedule */

/* Settings of one sampler; zero means the value in brackets. */
typedef struct {
    int64_t covariance; /* always as given */
    int64_t dtype;      /* [F64] */
    double clip;
    int keep_c;     /* clip_covariance = 0 */
    int64_t batch;  /* [3] */
    int64_t dim;    /* [5] */
    int64_t steps;  /* [4] */
    int64_t krylov; /* [2] */
    int64_t tangents, first_sample, seed;
    int ask_noise, report, unchecked, separate, last_noise;
    double eta; /* [1]; give -1 for 0 */
} settings;

static const int64_t all_covariances[] = {
    COVSAMP_COV_NONE,       COVSAMP_COV_SMALL,    COVSAMP_COV_LARGE,  COVSAMP_COV_STATE_ISOTROPIC,
    COVSAMP_COV_DIAG_PROBE, COVSAMP_COV_SPECTRAL, COVSAMP_COV_KRYLOV, COVSAMP_COV_DENSE};
#define COVARIANCES 8

static inline int64_t or_default(int64_t value, int64_t standard)
{
    return value != 0 ? value : standard;
}

static inline int64_t batch_of(const settings *s)
{
    return or_default(s->batch, 3);
}

static inline int64_t dim_of(const settings *s)
{
    return or_default(s->dim, 5);
}

static inline int32_t dtype_of(const settings *s)
{
    return (int32_t)or_default(s->dtype, COVSAMP_F64);
}

static inline size_t bytes_of(const settings *s)
{
    return (size_t)(batch_of(s) * dim_of(s)) * (dtype_of(s) == COVSAMP_F32 ? 4 : 8);
}

static inline covsamp_mixture *new_mixture_for(int64_t dim, int32_t prediction)
{
    covsamp_status status;
    covsamp_mixture *mixture = mixture_of(dim, prediction, NULL, NULL, &status);
    CHECK(status == COVSAMP_OK);
    return mixture;
}

static inline covsamp_mixture *new_mixture(int64_t dim)
{
    return new_mixture_for(dim, COVSAMP_PREDICTS_NOISE);
}

static inline covsamp_model model_of(covsamp_mixture *mixture)
{
    covsamp_model model;
    memset(&model, 0, sizeof model);
    model.size = sizeof model;
    CHECK(covsamp_mixture_model(mixture, &model) == COVSAMP_OK);
    return model;
}

static inline void apply_options(covsamp_config *c, const settings *s)
{
    const int64_t ints[][2] = {
        {COVSAMP_COVARIANCE, s->covariance},
        {COVSAMP_DTYPE, dtype_of(s)},
        {COVSAMP_CLIP_COVARIANCE, !s->keep_c},
        {COVSAMP_BATCH, batch_of(s)},
        {COVSAMP_DIM, dim_of(s)},
        {COVSAMP_WIDTH, dim_of(s)}, /* spectral */
        {COVSAMP_KRYLOV_STEPS, or_default(s->krylov, 2)},
        {COVSAMP_TANGENTS, or_default(s->tangents, 1)},
        {COVSAMP_FIRST_SAMPLE, s->first_sample},
        {COVSAMP_SEED, s->seed},
        {COVSAMP_NOISE, s->ask_noise ? COVSAMP_NOISE_ASK : COVSAMP_NOISE_PHILOX_1},
        {COVSAMP_REPORT_STEPS, s->report},
        {COVSAMP_CHECK_FINITE, !s->unchecked},
        {COVSAMP_MEAN_JVP, !s->separate},
        {COVSAMP_LAST_NOISE, s->last_noise}};
    for (size_t i = 0; i < sizeof ints / sizeof ints[0]; i++)
        CHECK(covsamp_config_set_int(c, (int32_t)ints[i][0], ints[i][1]) == COVSAMP_OK);
    CHECK(covsamp_config_set_real(c, COVSAMP_CLIP_X0, s->clip) == COVSAMP_OK);
    CHECK(covsamp_config_set_real(c, COVSAMP_ETA,
                                  s->eta == 0  ? 1
                                  : s->eta < 0 ? 0
                                               : s->eta) == COVSAMP_OK);
}

static inline covsamp_config *new_config_with(const settings *s, const covsamp_allocator *mem)
{
    covsamp_config *c = NULL;
    covsamp_schedule *schedule = NULL;
    int64_t levels[LEVELS];
    const int64_t steps = or_default(s->steps, 4);
    CHECK(covsamp_config_new(&c, mem) == COVSAMP_OK);
    apply_options(c, s);
    CHECK(covsamp_schedule_new_linear(&schedule, LEVELS, 0.01, 0.4, NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp_schedule_spaced(schedule, steps, COVSAMP_SPACING_TRAILING, levels, NULL) ==
          COVSAMP_OK);
    CHECK(covsamp_config_set_schedule(c, schedule, levels, steps) == COVSAMP_OK);
    covsamp_schedule_free(schedule);
    return c;
}

static inline covsamp_sampler *new_sampler(const settings *s)
{
    covsamp_sampler *sampler = NULL;
    covsamp_config *c = new_config_with(s, NULL);
    if (!CHECK(covsamp_sampler_new(&sampler, c) == COVSAMP_OK))
        fprintf(stderr, "    %s\n", covsamp_config_message(c));
    covsamp_config_free(c);
    return sampler;
}

/* Whether the sampler's batch has exactly these bits. */
static inline int same_state(const covsamp_sampler *sampler, const settings *s,
                             const void *expected)
{
    const void *x = NULL;
    int64_t stride = 0;
    return covsamp_sampler_state(sampler, &x, &stride) == COVSAMP_OK && stride == dim_of(s) &&
           memcmp(x, expected, bytes_of(s)) == 0;
}

static inline void *copy_state(const covsamp_sampler *sampler, const settings *s)
{
    const void *x = NULL;
    void *copy = malloc(bytes_of(s));
    CHECK(covsamp_sampler_state(sampler, &x, NULL) == COVSAMP_OK);
    memcpy(copy, x, bytes_of(s));
    return copy;
}

/* The samples of an undisturbed run(), to be freed. */
static inline void *samples_of(const settings *s, const covsamp_model *model)
{
    covsamp_sampler *sampler = new_sampler(s);
    CHECK(covsamp_sampler_run(sampler, model) == COVSAMP_DONE);
    void *x = copy_state(sampler, s);
    covsamp_sampler_free(sampler);
    return x;
}

/* Every covariance in both types, without a clip, with PCP, and with a clip that keeps C: case i,
 * 0 when there are no more. */
static inline int setting_case(int i, settings *s)
{
    memset(s, 0, sizeof *s);
    if (i >= COVARIANCES * 2 * 3)
        return 0;
    s->covariance = all_covariances[i % COVARIANCES];
    s->dtype = i / COVARIANCES % 2 ? COVSAMP_F32 : COVSAMP_F64;
    s->clip = i / (2 * COVARIANCES) ? 0.5 : 0;
    s->keep_c = i / (2 * COVARIANCES) == 2;
    s->seed = 1234567;
    s->first_sample = 11;
    s->tangents = 2;
    return 1;
}

#endif
