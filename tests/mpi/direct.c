/* SPDX-License-Identifier: BSD-3-Clause */
/* What mpi_sample must draw: direct SAMPLES STEPS SEED writes the values of all samples, float,
 * drawn in one batch by one process that knows nothing of MPI, files or ranges. */
#include "../../examples/mpi/message.h"
#include "../../examples/mpi/network.h"

#include <stdio.h>
#include <stdlib.h>

#define DIM 64

int main(int argc, char **argv)
{
    char message[MESSAGE_BYTES] = "";
    covsamp_schedule *schedule = NULL;
    covsamp_config *config = NULL;
    covsamp_sampler *sampler = NULL;
    struct network network = {.n_dims = 0};
    int64_t levels[1000], stride = 0;
    const void *x = NULL;
    if (argc != 4)
        return 2;
    const int64_t samples = atoll(argv[1]), steps = atoll(argv[2]), seed = atoll(argv[3]);
    covsamp_schedule_new_linear(&schedule, 1000, 1e-4, 0.02, NULL, NULL);
    covsamp_schedule_spaced(schedule, steps, COVSAMP_SPACING_EVEN, levels, NULL);
    covsamp_config_new(&config, NULL);
    covsamp_config_set_int(config, COVSAMP_BATCH, samples);
    covsamp_config_set_int(config, COVSAMP_DIM, DIM);
    covsamp_config_set_int(config, COVSAMP_SEED, seed);
    covsamp_config_set_schedule(config, schedule, levels, steps);
    if (network_mixture(&network, config, message) != 0 ||
        covsamp_sampler_new(&sampler, config) != COVSAMP_OK ||
        covsamp_sampler_run(sampler, &network.model) != COVSAMP_DONE ||
        covsamp_sampler_state(sampler, &x, &stride) != COVSAMP_OK) {
        fprintf(stderr, "%s; %s\n", message, covsamp_sampler_message(sampler));
        return 1;
    }
    for (int64_t b = 0; b < samples; b++)
        fwrite((const float *)x + b * stride, sizeof(float), DIM, stdout);
    const int bad = fflush(stdout) != 0;
    covsamp_sampler_free(sampler);
    covsamp_config_free(config);
    covsamp_schedule_free(schedule);
    network_close(&network);
    return bad;
}
