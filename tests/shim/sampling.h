/* SPDX-License-Identifier: BSD-3-Clause */
/* Samplers over the shim's test modules. */
#ifndef COVSAMP_TESTS_SAMPLING_H
#define COVSAMP_TESTS_SAMPLING_H

#include "shim.h"

enum { BATCH = 3, STEPS = 6 };

/* A sampler with the full covariance: every step asks for a mean and for products.  options: NULL,
 * or names and values in turns, with NULL at the end. */
static inline covsamp_sampler *sampler_with(uint64_t seed, const char *const *options)
{
    covsamp_schedule *schedule = NULL;
    covsamp_config *config = NULL;
    covsamp_sampler *sampler = NULL;
    int64_t levels[STEPS];
    CHECK(covsamp_schedule_new_linear(&schedule, 1000, 1e-4, 0.02, NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp_schedule_spaced(schedule, STEPS, COVSAMP_SPACING_EVEN, levels, NULL) ==
          COVSAMP_OK);
    CHECK(covsamp_config_new(&config, NULL) == COVSAMP_OK);
    CHECK(covsamp_config_set_int(config, COVSAMP_BATCH, BATCH) == COVSAMP_OK);
    CHECK(covsamp_config_set_int(config, COVSAMP_DIM, DIM) == COVSAMP_OK);
    CHECK(covsamp_config_set_int(config, COVSAMP_COVARIANCE, COVSAMP_COV_KRYLOV) == COVSAMP_OK);
    CHECK(covsamp_config_set_int(config, COVSAMP_SEED, (int64_t)seed) == COVSAMP_OK);
    for (; options && options[0]; options += 2)
        CHECK(covsamp_config_set_by_name(config, options[0], options[1]) == COVSAMP_OK);
    CHECK(covsamp_config_set_schedule(config, schedule, levels, STEPS) == COVSAMP_OK);
    if (!CHECK(covsamp_sampler_new(&sampler, config) == COVSAMP_OK)) {
        fprintf(stderr, "    %s\n", covsamp_config_message(config));
        exit(1);
    }
    covsamp_config_free(config);
    covsamp_schedule_free(schedule);
    return sampler;
}

static inline covsamp_sampler *sampler_of(uint64_t seed)
{
    return sampler_with(seed, NULL);
}

static inline covsamp_model model_of(covsamp_torch *module)
{
    covsamp_model model;
    memset(&model, 0, sizeof model);
    model.size = sizeof model;
    CHECK(covsamp_torch_model(module, &model) == COVSAMP_OK);
    return model;
}

/* The finished batch of a sampler. */
static inline void result_of(const covsamp_sampler *sampler, float *out)
{
    const void *x = NULL;
    int64_t stride = 0, b;
    CHECK(covsamp_sampler_state(sampler, &x, &stride) == COVSAMP_OK);
    for (b = 0; x && b < BATCH; b++)
        memcpy(out + b * DIM, (const float *)x + b * stride, DIM * sizeof *out);
}

#endif
