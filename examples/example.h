/* SPDX-License-Identifier: BSD-3-Clause */
/* What the examples share: a model that is exact, a configuration for it, and a checksum. */
#ifndef COVSAMP_EXAMPLE_H
#define COVSAMP_EXAMPLE_H

#include <covsamp/covsamp.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DIM   3
#define STEPS 20

/* Three Gaussians in space; the weights are 0.5, 0.3, 0.2. */
static const double example_weights[] = {5, 3, 2};
static const double example_means[][DIM] = {{-1.5, 0, 0.5}, {1, 1, 0}, {2, -1, -1}};
static const double example_covariances[][DIM][DIM] = {
    {{0.3, 0.1, 0}, {0.1, 0.2, 0}, {0, 0, 0.1}},
    {{0.1, 0, 0}, {0, 0.4, 0.2}, {0, 0.2, 0.3}},
    {{0.2, 0, 0.1}, {0, 0.05, 0}, {0.1, 0, 0.2}},
};

static inline covsamp_mixture *example_mixture(const covsamp_allocator *memory)
{
    covsamp_mixture *mixture;
    covsamp_mixture_new(&mixture, DIM, 3, example_weights, &example_means[0][0],
                        &example_covariances[0][0][0], COVSAMP_PREDICTS_NOISE, memory, NULL);
    return mixture; /* NULL if that failed: every function takes it and says so */
}

/* LGS-DDPM in double precision on 1000 levels, of which STEPS are visited. */
static inline covsamp_config *example_config(int64_t batch, const covsamp_allocator *memory)
{
    covsamp_schedule *schedule;
    covsamp_config *config;
    int64_t levels[STEPS];
    covsamp_schedule_new_linear(&schedule, 1000, 1e-4, 0.02, memory, NULL);
    covsamp_schedule_spaced(schedule, STEPS, COVSAMP_SPACING_EVEN, levels, NULL);
    covsamp_config_new(&config, memory);
    covsamp_config_set_int(config, COVSAMP_BATCH, batch);
    covsamp_config_set_int(config, COVSAMP_DIM, DIM);
    covsamp_config_set_int(config, COVSAMP_DTYPE, COVSAMP_F64);
    covsamp_config_set_int(config, COVSAMP_COVARIANCE, COVSAMP_COV_KRYLOV);
    covsamp_config_set_int(config, COVSAMP_KRYLOV_STEPS, 2);
    covsamp_config_set_int(config, COVSAMP_SEED, 2024);
    covsamp_config_set_schedule(config, schedule, levels, STEPS);
    covsamp_schedule_free(schedule); /* the configuration has its own copy */
    return config;
}

/* Value i of sample b of a sampler of doubles. */
static inline double example_value(const covsamp_sampler *sampler, int64_t b, int64_t i)
{
    const void *x = NULL;
    int64_t stride = 0;
    if (covsamp_sampler_state(sampler, &x, &stride) != COVSAMP_OK)
        return 0;
    return ((const double *)x)[b * stride + i];
}

/* Of the bits of samples first ... first + count - 1 of the batch (FNV-1a), going on from `hash`.
 */
static inline uint64_t example_checksum(const covsamp_sampler *sampler, int64_t first,
                                        int64_t count, uint64_t hash)
{
    for (int64_t b = first; b < first + count; b++)
        for (int64_t i = 0; i < DIM; i++) {
            unsigned char bytes[sizeof(double)];
            double value = example_value(sampler, b, i);
            memcpy(bytes, &value, sizeof bytes);
            for (size_t k = 0; k < sizeof bytes; k++)
                hash = (hash ^ bytes[k]) * UINT64_C(0x100000001b3);
        }
    return hash;
}
#define EXAMPLE_CHECKSUM_START UINT64_C(0xcbf29ce484222325)

#endif
