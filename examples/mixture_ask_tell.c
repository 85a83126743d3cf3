/* SPDX-License-Identifier: BSD-3-Clause */
/* Teaches: the caller owns the loop.  The library asks, the program computes wherever and whenever
 * it likes, and tells.  Prints the checksum of the samples' bits; mixture_callbacks.c, where the
 * library owns the loop, must print the same. */
#include "example.h"

#define BATCH 500

int main(void)
{
    covsamp_sampler *sampler;
    covsamp_mixture *mixture = example_mixture(NULL);
    covsamp_config *config = example_config(BATCH, NULL);
    const covsamp_request *request;
    covsamp_status status;
    int64_t means = 0, products = 0;

    covsamp_sampler_new(&sampler, config);
    while ((status = covsamp_sampler_ask(sampler, &request)) == COVSAMP_OK) {
        /* A network would be run here: request->x, request->time and request->v go in, what is not
         * NULL of request->mean and request->product comes out. */
        int32_t answer = covsamp_mixture_answer(mixture, request);
        means += request->mean != NULL;
        products += request->product != NULL ? request->tangents : 0;
        status = covsamp_sampler_tell(sampler, answer);
        if (status < 0)
            break;
    }
    if (status != COVSAMP_DONE)
        fprintf(stderr, "%s: %s\n", covsamp_status_name(status), covsamp_sampler_message(sampler));
    printf("%" PRId64 " means and %" PRId64 " products for %d steps\n", means, products, STEPS);
    printf("checksum %016" PRIx64 "\n",
           example_checksum(sampler, 0, BATCH, EXAMPLE_CHECKSUM_START));

    covsamp_sampler_free(sampler);
    covsamp_config_free(config);
    covsamp_mixture_free(mixture);
    return status == COVSAMP_DONE && means == STEPS ? 0 : 1;
}
