/* SPDX-License-Identifier: BSD-3-Clause */
/* What the benchmarks of the core share: a model that costs a copy, samplers of it that either work
 * or end the program, and sorted times.  Public functions only. */
#ifndef COVSAMP_BENCH_CORE_H
#define COVSAMP_BENCH_CORE_H

#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 199309L /* clock_gettime; so include this first */
#endif

#include <covsamp/covsamp.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline void core_fail(const char *message)
{
    fprintf(stderr, "%s\n", message);
    exit(1);
}

/* Seconds that this thread has had of a processor: all here has one thread, and what others do on
 * the machine then costs it no time but that of caches and memory shared. */
static inline double core_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline int core_ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef struct core_spread {
    double least, median, most;
} core_spread;

/* Sorts the values. */
static inline core_spread core_sorted(double *values, int count)
{
    core_spread s;
    qsort(values, (size_t)count, sizeof *values, core_ascending);
    s.least = values[0];
    s.most = values[count - 1];
    s.median = (values[(count - 1) / 2] + values[count / 2]) / 2;
    return s;
}

/* ---- the model ---- */

/* f(x) = J x with J diagonal: 64 values, each of a 64th of a sample, so that no Krylov space of
 * fewer products closes.  `seconds` is what its callbacks took. */
typedef struct core_model {
    double seconds;
    int64_t calls;
} core_model;

#define CORE_TIMES(T, name)                                                                        \
    static inline void name(int64_t dim, const T *x, T *out)                                       \
    {                                                                                              \
        int64_t e, i;                                                                              \
        for (e = 0; e < 64; e++)                                                                   \
            for (i = e * dim / 64; i < (e + 1) * dim / 64; i++)                                    \
                out[i] = (T)(0.05 + 0.014 * (double)e) * x[i];                                     \
    }
CORE_TIMES(float, core_times_f32)
CORE_TIMES(double, core_times_f64)

static inline void core_times(const covsamp_request *r, const void *x, void *out, int64_t at)
{
    if (r->dtype == COVSAMP_F32)
        core_times_f32(r->dim, (const float *)x + at, (float *)out + at);
    else
        core_times_f64(r->dim, (const double *)x + at, (double *)out + at);
}

static inline int32_t core_answer(void *user, const covsamp_request *r)
{
    core_model *model = user;
    const double began = core_now();
    int64_t b, k;
    for (b = 0; b < r->batch; b++) {
        if (r->mean != NULL)
            core_times(r, r->x, r->mean, b * r->stride);
        for (k = 0; r->product != NULL && k < r->tangents; k++)
            core_times(r, r->v, r->product, k * r->tangent_stride + b * r->stride);
    }
    model->calls++;
    model->seconds += core_now() - began;
    return 0;
}

/* Numbers that need not be normal: drawing them is measured elsewhere. */
static inline int32_t core_noise(void *user, const covsamp_request *r)
{
    core_model *model = user;
    const double began = core_now();
    int64_t b, i;
    for (b = 0; b < r->batch; b++) {
        uint32_t state = (uint32_t)(12345 + b);
        for (i = 0; i < r->dim; i++) {
            const int64_t at = b * r->stride + i;
            double value;
            state = state * 1664525u + 1013904223u;
            value = (double)(int32_t)state * 0x1p-31;
            if (r->dtype == COVSAMP_F32)
                ((float *)r->noise)[at] = (float)value;
            else
                ((double *)r->noise)[at] = value;
        }
    }
    model->seconds += core_now() - began;
    return 0;
}

static inline covsamp_model core_callbacks(core_model *user)
{
    covsamp_model model;
    memset(&model, 0, sizeof model);
    model.size = sizeof model;
    model.model_user = user;
    model.mean = model.jvp = model.mean_jvp = core_answer;
    model.noise_user = user;
    model.noise = core_noise;
    return model;
}

/* ---- samplers ---- */

enum { CORE_LEVELS = 1000, CORE_USED = 20 }; /* of CORE_USED + 5 steps none without a covariance */

typedef struct core_plan {
    int64_t batch, dim, steps;
    int32_t dtype, ask_noise;
    const char *options; /* "name=value name=value ..." */
    const covsamp_allocator *memory;
} core_plan;

/* A configuration on the linear schedule of 1000 levels. */
static inline covsamp_config *core_config(const core_plan *plan)
{
    covsamp_schedule *schedule = NULL;
    covsamp_config *config = NULL;
    int64_t levels[CORE_LEVELS];
    char text[512], *word, *value;
    if (covsamp_schedule_new_linear(&schedule, CORE_LEVELS, 1e-4, 0.02, NULL, NULL) != COVSAMP_OK ||
        covsamp_schedule_spaced(schedule, plan->steps, COVSAMP_SPACING_EVEN, levels, NULL) !=
            COVSAMP_OK ||
        covsamp_config_new(&config, plan->memory) != COVSAMP_OK ||
        covsamp_config_set_schedule(config, schedule, levels, plan->steps) != COVSAMP_OK)
        core_fail("no configuration");
    covsamp_schedule_free(schedule);
    covsamp_config_set_int(config, COVSAMP_BATCH, plan->batch);
    covsamp_config_set_int(config, COVSAMP_DIM, plan->dim);
    covsamp_config_set_int(config, COVSAMP_DTYPE, plan->dtype);
    covsamp_config_set_int(config, COVSAMP_NOISE,
                           plan->ask_noise ? COVSAMP_NOISE_ASK : COVSAMP_NOISE_PHILOX_1);
    snprintf(text, sizeof text, "%s", plan->options ? plan->options : "");
    for (word = strtok(text, " "); word != NULL; word = strtok(NULL, " ")) {
        value = strchr(word, '=');
        *value++ = 0;
        if (covsamp_config_set_by_name(config, word, value) != COVSAMP_OK)
            core_fail(covsamp_config_message(config));
    }
    return config;
}

static inline covsamp_sampler *core_sampler(const core_plan *plan)
{
    covsamp_config *config = core_config(plan);
    covsamp_sampler *sampler = NULL;
    if (covsamp_sampler_new(&sampler, config) != COVSAMP_OK)
        core_fail(covsamp_config_message(config));
    covsamp_config_free(config);
    return sampler;
}

static inline void core_step(covsamp_sampler *sampler, const covsamp_model *model)
{
    const covsamp_status status = covsamp_sampler_step(sampler, model);
    if (status != COVSAMP_OK && status != COVSAMP_DONE)
        core_fail(covsamp_sampler_message(sampler));
}

/* Seconds of one step outside its callbacks: the mean over as many as take at least `least`
 * seconds. The sampler has CORE_USED + 5 steps; neither the first, which makes the start, nor the
 * last ones are among them. */
static inline double core_seconds(covsamp_sampler *sampler, core_model *user, double least)
{
    const covsamp_model model = core_callbacks(user);
    double spent = 0, began;
    int64_t done = 0;
    while (spent < least || done == 0) {
        int s;
        covsamp_sampler_restart(sampler, (uint64_t)done + 1, 0);
        core_step(sampler, &model);
        user->seconds = 0;
        began = core_now();
        for (s = 0; s < CORE_USED && (s == 0 || core_now() - began < least); s++)
            core_step(sampler, &model);
        spent += core_now() - began - user->seconds;
        done += s;
    }
    return spent / (double)done;
}

#endif
