/* SPDX-License-Identifier: BSD-3-Clause */
/* A consumer of the core, as C11 and as C++: samples a Gaussian of variance 4 in two dimensions,
 * which needs the header, the library and its BLAS, and checks what it gets. */
#include <covsamp/covsamp.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#define BATCH 64

static covsamp_status sample(covsamp_schedule *schedule, covsamp_mixture *mixture,
                             covsamp_config *config, double *variance)
{
    covsamp_model model;
    covsamp_sampler *sampler = NULL;
    const void *x = NULL;
    int64_t levels[10], stride = 0;
    covsamp_status status =
        covsamp_schedule_spaced(schedule, 10, COVSAMP_SPACING_EVEN, levels, NULL);
    memset(&model, 0, sizeof model);
    model.size = sizeof model;
    if (status == COVSAMP_OK)
        status = covsamp_mixture_model(mixture, &model);
    if (status == COVSAMP_OK)
        status = covsamp_config_set_int(config, COVSAMP_BATCH, BATCH);
    if (status == COVSAMP_OK)
        status = covsamp_config_set_int(config, COVSAMP_DIM, 2);
    if (status == COVSAMP_OK)
        status = covsamp_config_set_schedule(config, schedule, levels, 10);
    if (status == COVSAMP_OK)
        status = covsamp_sampler_new(&sampler, config);
    if (status == COVSAMP_OK)
        status = covsamp_sampler_run(sampler, &model);
    if (status == COVSAMP_DONE)
        status = covsamp_sampler_state(sampler, &x, &stride);
    *variance = 0;
    for (int b = 0; status == COVSAMP_OK && b < BATCH; b++)
        for (int i = 0; i < 2; i++) {
            double value = ((const float *)x)[b * stride + i];
            *variance += value * value / (2 * BATCH);
        }
    covsamp_sampler_free(sampler);
    return status;
}

int main(void)
{
    const double weight[] = {1}, mean[] = {0, 0}, cov[] = {4, 0, 0, 4};
    covsamp_schedule *schedule = NULL;
    covsamp_mixture *mixture = NULL;
    covsamp_config *config = NULL;
    double variance = 0;
    covsamp_status status = covsamp_schedule_new_linear(&schedule, 1000, 1e-4, 0.02, NULL, NULL);
    if (status == COVSAMP_OK)
        status = covsamp_mixture_new(&mixture, 2, 1, weight, mean, cov, COVSAMP_PREDICTS_NOISE,
                                     NULL, NULL);
    if (status == COVSAMP_OK)
        status = covsamp_config_new(&config, NULL);
    if (status == COVSAMP_OK)
        status = sample(schedule, mixture, config, &variance);
    covsamp_config_free(config);
    covsamp_mixture_free(mixture);
    covsamp_schedule_free(schedule);
    printf("covsamp %s: %s, variance %.3f\n", covsamp_version_string(), covsamp_status_name(status),
           variance);
    /* The estimate of 4 from 128 numbers has a standard error of 0.5. */
    return status == COVSAMP_OK && covsamp_version_number() == COVSAMP_VERSION_NUMBER &&
                   fabs(variance - 4) < 2
               ? 0
               : 1;
}
