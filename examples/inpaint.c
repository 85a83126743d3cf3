/* SPDX-License-Identifier: BSD-3-Clause */
/* Teaches: masked sampling.  The first value of every sample is known; the sampler fills in the
 * others.  For a mixture of Gaussians it is known what their means should be then.  Putting known
 * values back after every step (Lugmayr et al. 2022, without their resampling) is an approximation
 * whose error more steps do not remove: at high noise, where a sample chooses its component, the
 * known value is hidden in the noise that was put on it.  -1.5 leaves little choice, and the means
 * come out; 2 contradicts what many samples have chosen by then, and they come out half-way. */
#include "example.h"

#include <math.h>

#define BATCH 500

/* E[value i | value 0 = *known], or E[value i] (known NULL). */
static double mean_of(int i, const double *known)
{
    double sum = 0, total = 0;
    for (int k = 0; k < 3; k++) {
        const double variance = example_covariances[k][0][0];
        const double off = known != NULL ? *known - example_means[k][0] : 0;
        const double likelihood =
            known != NULL ? exp(-0.5 * off * off / variance) / sqrt(variance) : 1;
        const double shift = example_covariances[k][i][0] / variance * off;
        sum += example_weights[k] * likelihood * (example_means[k][i] + shift);
        total += example_weights[k] * likelihood;
    }
    return sum / total;
}

static double mean_of_samples(const covsamp_sampler *sampler, int i)
{
    double sum = 0;
    for (int64_t b = 0; b < BATCH; b++)
        sum += example_value(sampler, b, i);
    return sum / BATCH;
}

/* A run in which value 0 is `known`; whether it comes out exactly, and the other means within
 * `share` of what the knowledge should change. */
static int inpaint(const covsamp_model *model, double known, double share)
{
    static double x0[BATCH][DIM];
    static const uint8_t mask[DIM] = {1, 0, 0}; /* one row for all samples: mask_stride is 0 */
    covsamp_config *config = example_config(BATCH, NULL);
    covsamp_sampler *sampler;
    for (int b = 0; b < BATCH; b++)
        x0[b][0] = known;
    covsamp_config_set_int(config, COVSAMP_KNOWN, 1); /* room for known values */
    covsamp_sampler_new(&sampler, config);
    covsamp_status status = covsamp_sampler_set_known(sampler, x0, DIM, mask, 0);
    if (status == COVSAMP_OK)
        status = covsamp_sampler_run(sampler, model);
    if (status != COVSAMP_DONE)
        fprintf(stderr, "%s: %s\n", covsamp_status_name(status), covsamp_sampler_message(sampler));
    int ok = status == COVSAMP_DONE;
    for (int64_t b = 0; ok && b < BATCH; b++)
        ok = example_value(sampler, b, 0) == known;
    for (int i = 1; i < DIM; i++) {
        const double mean = mean_of_samples(sampler, i), given = mean_of(i, &known);
        const double before = mean_of(i, NULL);
        printf("value 0 is %4.1f: mean of value %d %6.3f, exact %6.3f, without knowledge %6.3f\n",
               known, i, mean, given, before);
        ok = ok && fabs(mean - given) < share * fabs(before - given);
    }
    covsamp_sampler_free(sampler);
    covsamp_config_free(config);
    return ok;
}

int main(void)
{
    covsamp_model model = {.size = sizeof model};
    covsamp_mixture *mixture = example_mixture(NULL);
    covsamp_mixture_model(mixture, &model);
    const int little_choice = inpaint(&model, -1.5, 0.25);
    const int contradiction =
        inpaint(&model, 2, 1); /* nearer than without, and no more than that */
    covsamp_mixture_free(mixture);
    return little_choice && contradiction ? 0 : 1;
}
