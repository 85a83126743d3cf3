/* SPDX-License-Identifier: BSD-3-Clause */
#include <covsamp/covsamp.h> /* LGS; a mixture of two Gaussians in the plane is the network */
#include <stdio.h>
int main(void) {
    double weights[] = {1, 1}, means[] = {-2, 0, 2, 1}, covs[] = {1, .5, .5, 1, 1, 0, 0, .1};
    covsamp_schedule *schedule; covsamp_mixture *mixture;
    covsamp_config *config; covsamp_sampler *sampler;
    covsamp_model model = {.size = sizeof model};
    int64_t levels[25], stride; const void *x;
    covsamp_schedule_new_linear(&schedule, 1000, 1e-4, 0.02, NULL, NULL);
    covsamp_schedule_spaced(schedule, 25, COVSAMP_SPACING_TRAILING, levels, NULL);
    covsamp_mixture_new(&mixture, 2, 2, weights, means, covs, COVSAMP_PREDICTS_NOISE, NULL, NULL);
    covsamp_mixture_model(mixture, &model); /* here go your callbacks for means and products */
    covsamp_config_new(&config, NULL);
    covsamp_config_set_int(config, COVSAMP_BATCH, 8);
    covsamp_config_set_int(config, COVSAMP_DIM, 2);
    covsamp_config_set_schedule(config, schedule, levels, 25);
    covsamp_sampler_new(&sampler, config);
    int ok = covsamp_sampler_run(sampler, &model) == COVSAMP_DONE;
    for (int b = 0; ok && b < 8 && covsamp_sampler_state(sampler, &x, &stride) == COVSAMP_OK; b++)
        printf("%9.4f %9.4f\n", ((const float *)x)[b * stride], ((const float *)x)[b * stride + 1]);
    covsamp_sampler_free(sampler); covsamp_config_free(config);
    covsamp_mixture_free(mixture); covsamp_schedule_free(schedule);
    return ok ? 0 : 1;
}
