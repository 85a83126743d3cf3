/* SPDX-License-Identifier: BSD-3-Clause */
/* Teaches: sampling with callbacks.  The model is a Gaussian mixture, whose posterior means and
 * Jacobian-vector products are exact, so that the samples' mean must be the mixture's.
 * Prints the checksum of the samples' bits; mixture_ask_tell.c must print the same. */
#include "example.h"

#include <math.h>

#define BATCH 500

/* Whether the samples' mean is the mixture's, within four standard errors. */
static int mean_is_right(const covsamp_sampler *sampler)
{
    int right = 1;
    for (int i = 0; i < DIM; i++) {
        double expected = 0, sum = 0, squares = 0;
        for (int k = 0; k < 3; k++)
            expected += example_weights[k] / 10 * example_means[k][i];
        for (int64_t b = 0; b < BATCH; b++) {
            double value = example_value(sampler, b, i);
            sum += value;
            squares += value * value;
        }
        double mean = sum / BATCH, variance = squares / BATCH - mean * mean;
        double error = sqrt(variance / BATCH);
        printf("mean of value %d: %.3f, expected %.3f +- %.3f\n", i, mean, expected, error);
        right = right && fabs(mean - expected) <= 4 * error;
    }
    return right;
}

int main(void)
{
    covsamp_sampler *sampler;
    covsamp_model model = {.size = sizeof model};
    covsamp_mixture *mixture = example_mixture(NULL);
    covsamp_config *config = example_config(BATCH, NULL);

    covsamp_mixture_model(mixture, &model); /* fills mean, jvp, mean_jvp and model_user */
    covsamp_sampler_new(&sampler, config);
    covsamp_status status = covsamp_sampler_run(sampler, &model);
    int ok = status == COVSAMP_DONE && mean_is_right(sampler);
    if (status != COVSAMP_DONE)
        fprintf(stderr, "%s: %s\n", covsamp_status_name(status), covsamp_sampler_message(sampler));
    printf("checksum %016" PRIx64 "\n",
           example_checksum(sampler, 0, BATCH, EXAMPLE_CHECKSUM_START));

    covsamp_sampler_free(sampler);
    covsamp_config_free(config);
    covsamp_mixture_free(mixture);
    return ok ? 0 : 1;
}
