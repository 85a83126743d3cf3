/* SPDX-License-Identifier: BSD-3-Clause */
/* What the benchmarks in C share: modules and samplers that either work or end the program. */
#ifndef COVSAMP_BENCH_LGS_H
#define COVSAMP_BENCH_LGS_H

#include <covsamp/torch.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BENCH_LEVELS = 1000 };

typedef struct bench_plan {
    int64_t batch, count, krylov_steps, window_high, seed;
    int32_t covariance;
    const int64_t *levels; /* NULL: `count` evenly spaced ones */
} bench_plan;

/* On standard output: bench-peer reads it there. */
static inline void bench_fail(const char *message)
{
    printf("%s\n", message);
    exit(1);
}

static inline double bench_now(void)
{
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline int32_t bench_engine(const char *name)
{
    static const char *const names[] = {"auto", "dual", "double_backward", "linearised",
                                        "transposed"};
    int32_t i;
    for (i = 0; i < 5; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    bench_fail("unknown engine");
    return -1;
}

static inline covsamp_torch *bench_load(const char *path, int32_t engine, int32_t tangent_dtype)
{
    covsamp_torch_options options;
    covsamp_torch *module = NULL;
    char message[COVSAMP_MESSAGE_BYTES];
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.engine = engine;
    options.tangent_dtype = tangent_dtype;
    if (covsamp_torch_load(&module, path, &options, message) != COVSAMP_OK)
        bench_fail(message);
    return module;
}

static inline int64_t bench_dim(const covsamp_torch *module)
{
    int64_t dims[8], dim = 1;
    int32_t i, n = covsamp_torch_shape(module, dims, 8);
    for (i = 0; i < n; i++)
        dim *= dims[i];
    return dim;
}

static inline const char *bench_metadata(const covsamp_torch *module, const char *key,
                                         const char *otherwise)
{
    const char *value = covsamp_torch_metadata(module, key);
    return value != NULL ? value : otherwise;
}

static inline covsamp_schedule *bench_schedule(void)
{
    covsamp_schedule *schedule = NULL;
    if (covsamp_schedule_new_linear(&schedule, BENCH_LEVELS, 1e-4, 0.02, NULL, NULL) != COVSAMP_OK)
        bench_fail("no schedule");
    return schedule;
}

static inline covsamp_sampler *bench_sampler(const covsamp_torch *module, const bench_plan *plan)
{
    covsamp_schedule *schedule = bench_schedule();
    covsamp_config *config = NULL;
    covsamp_sampler *sampler = NULL;
    int64_t spaced[BENCH_LEVELS];
    if (covsamp_schedule_spaced(schedule, plan->count, COVSAMP_SPACING_EVEN, spaced, NULL) !=
            COVSAMP_OK ||
        covsamp_config_new(&config, NULL) != COVSAMP_OK)
        bench_fail("no configuration");
    covsamp_config_set_int(config, COVSAMP_BATCH, plan->batch);
    covsamp_config_set_int(config, COVSAMP_DIM, bench_dim(module));
    covsamp_config_set_int(config, COVSAMP_COVARIANCE, plan->covariance);
    if (plan->covariance == COVSAMP_COV_KRYLOV)
        covsamp_config_set_int(config, COVSAMP_KRYLOV_STEPS, plan->krylov_steps);
    covsamp_config_set_int(config, COVSAMP_WINDOW_HIGH, plan->window_high);
    covsamp_config_set_int(config, COVSAMP_SEED, plan->seed);
    covsamp_config_set_by_name(config, "prediction", bench_metadata(module, "prediction", "noise"));
    covsamp_config_set_schedule(config, schedule, plan->levels ? plan->levels : spaced,
                                plan->count);
    if (covsamp_sampler_new(&sampler, config) != COVSAMP_OK)
        bench_fail(covsamp_config_message(config));
    covsamp_config_free(config);
    covsamp_schedule_free(schedule);
    return sampler;
}

static inline covsamp_model bench_model(covsamp_torch *module)
{
    covsamp_model model;
    memset(&model, 0, sizeof model);
    model.size = sizeof model;
    if (covsamp_torch_model(module, &model) != COVSAMP_OK)
        bench_fail("no model");
    return model;
}

static inline void bench_step(covsamp_sampler *sampler, covsamp_torch *module)
{
    covsamp_model model = bench_model(module);
    covsamp_status status = covsamp_sampler_step(sampler, &model);
    if (status == COVSAMP_E_MODEL)
        bench_fail(covsamp_torch_message(module));
    if (status != COVSAMP_OK && status != COVSAMP_DONE)
        bench_fail(covsamp_sampler_message(sampler));
}

/* The batch as it stands, without gaps. */
static inline void bench_state(const covsamp_sampler *sampler, int64_t batch, int64_t dim,
                               float *out)
{
    const void *x = NULL;
    int64_t stride = 0, b;
    if (covsamp_sampler_state(sampler, &x, &stride) != COVSAMP_OK)
        bench_fail("no state");
    for (b = 0; b < batch; b++)
        memcpy(out + b * dim, (const float *)x + b * stride, (size_t)dim * sizeof *out);
}

#endif
