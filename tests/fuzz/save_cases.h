/* SPDX-License-Identifier: BSD-3-Clause */
/* Small samplers of every kind that carries something from step to step, and a model without libm:
 * shared by the fuzz target of saved runs, the program that writes its seeds, and the test that
 * reads them. */
#ifndef COVSAMP_TESTS_SAVE_CASES_H
#define COVSAMP_TESTS_SAVE_CASES_H

#include <covsamp/covsamp.h>

#include <stdlib.h>
#include <string.h>

#define CASE_BATCH 2
#define CASE_DIM   4
#define CASE_STEPS 3

static const struct {
    const char *option[5], *value[5];
} save_cases[] = {
    {{"covariance", "dtype"}, {"krylov", "f64"}},
    {{"covariance", "dtype", "reuse", "known"}, {"diag_probe", "f32", "2", "1"}},
    {{"covariance", "reuse", "width", "spectral_pool"}, {"spectral", "3", "4", "radial"}},
    {{"solver", "known", "dtype"}, {"dpmpp_2m", "1", "f64"}},
    {{"covariance", "noise", "check_finite"}, {"state_isotropic", "ask", "0"}},
    {{"solver", "churn", "report_steps"}, {"heun", "2", "1"}},
};
#define SAVE_CASES ((int)(sizeof save_cases / sizeof save_cases[0]))

/* NULL where something failed. */
static inline covsamp_sampler *save_case(int i)
{
    static const int64_t levels[CASE_STEPS] = {6, 3, 1};
    covsamp_schedule *schedule = NULL;
    covsamp_config *config = NULL;
    covsamp_sampler *sampler = NULL;
    int ok = covsamp_config_new(&config, NULL) == COVSAMP_OK &&
             covsamp_schedule_new_flow(&schedule, 8, NULL, NULL) == COVSAMP_OK &&
             covsamp_config_set_schedule(config, schedule, levels, CASE_STEPS) == COVSAMP_OK &&
             covsamp_config_set_int(config, COVSAMP_BATCH, CASE_BATCH) == COVSAMP_OK &&
             covsamp_config_set_int(config, COVSAMP_DIM, CASE_DIM) == COVSAMP_OK &&
             covsamp_config_set_int(config, COVSAMP_PREDICTION, COVSAMP_PREDICTS_X0) == COVSAMP_OK;
    for (int k = 0; ok && k < 5 && save_cases[i].option[k] != NULL; k++)
        ok = covsamp_config_set_by_name(config, save_cases[i].option[k], save_cases[i].value[k]) ==
             COVSAMP_OK;
    if (ok)
        (void)covsamp_sampler_new(&sampler, config);
    covsamp_config_free(config);
    covsamp_schedule_free(schedule);
    return sampler;
}

static inline double case_get(int32_t dtype, const void *p, int64_t i)
{
    return dtype == COVSAMP_F32 ? (double)((const float *)p)[i] : ((const double *)p)[i];
}

static inline void case_put(int32_t dtype, void *p, int64_t i, double value)
{
    if (dtype == COVSAMP_F32)
        ((float *)p)[i] = (float)value;
    else
        ((double *)p)[i] = value;
}

/* x0 = (1 + i / 4) x / 4, and its products. */
static inline int32_t case_answer(void *user, const covsamp_request *q)
{
    (void)user;
    for (int64_t b = 0; b < q->batch; b++)
        for (int64_t i = 0; i < q->dim; i++) {
            const int64_t at = b * q->stride + i;
            const double factor = 0.25 + 0.0625 * (double)i;
            if (q->mean != NULL)
                case_put(q->dtype, q->mean, at, factor * case_get(q->dtype, q->x, at));
            if (q->product != NULL)
                case_put(q->dtype, q->product, at, factor * case_get(q->dtype, q->v, at));
            if (q->noise != NULL)
                case_put(q->dtype, q->noise, at, (double)(i - b) * 0.5);
        }
    return 0;
}

/* The first step of case i, with known values where it takes them. */
static inline covsamp_sampler *save_case_half(int i)
{
    static const uint8_t mask[CASE_DIM] = {1, 0, 0, 1};
    double x0[CASE_BATCH * CASE_DIM] = {0};
    const covsamp_model model = {
        .size = sizeof model, .mean = case_answer, .jvp = case_answer, .noise = case_answer};
    covsamp_sampler *s = save_case(i);
    (void)covsamp_sampler_set_known(s, x0, CASE_DIM, mask, 0); /* refused where there is no room */
    if (covsamp_sampler_step(s, &model) != COVSAMP_OK) {
        covsamp_sampler_free(s);
        return NULL;
    }
    return s;
}

#endif
