/* SPDX-License-Identifier: BSD-3-Clause */
/* One LGS step after the other, for bench-peer, which times them in turns with other programs:
 *
 *     bench-lgs MODEL BATCH ENGINE      ENGINE: a number, COVSAMP_TORCH_...
 *
 * "ready" or one line that says why not; then every line on standard input makes one step (a mean,
 * three products, the draw), and the seconds it took are printed. */
#include <covsamp/torch.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LEVELS = 1000, STEPS = 25, USED = 20 }; /* the last step, to data, has no covariance */

static double now(void)
{
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int fail(const char *message)
{
    printf("%s\n", message);
    return 1;
}

static covsamp_sampler *make_sampler(covsamp_torch *module, int64_t batch)
{
    covsamp_schedule *schedule = NULL;
    covsamp_config *config = NULL;
    covsamp_sampler *sampler = NULL;
    const char *prediction = covsamp_torch_metadata(module, "prediction");
    int64_t levels[STEPS], dims[8], dim = 1;
    int32_t i, n = covsamp_torch_shape(module, dims, 8);
    for (i = 0; i < n; i++)
        dim *= dims[i];
    if (covsamp_schedule_new_linear(&schedule, LEVELS, 1e-4, 0.02, NULL, NULL) != COVSAMP_OK ||
        covsamp_schedule_spaced(schedule, STEPS, COVSAMP_SPACING_EVEN, levels, NULL) !=
            COVSAMP_OK ||
        covsamp_config_new(&config, NULL) != COVSAMP_OK)
        return NULL;
    covsamp_config_set_int(config, COVSAMP_BATCH, batch);
    covsamp_config_set_int(config, COVSAMP_DIM, dim);
    covsamp_config_set_int(config, COVSAMP_COVARIANCE, COVSAMP_COV_KRYLOV);
    covsamp_config_set_int(config, COVSAMP_KRYLOV_STEPS, 3);
    covsamp_config_set_by_name(config, "prediction", prediction != NULL ? prediction : "noise");
    covsamp_config_set_schedule(config, schedule, levels, STEPS);
    if (covsamp_sampler_new(&sampler, config) != COVSAMP_OK)
        printf("%s\n", covsamp_config_message(config));
    covsamp_config_free(config);
    covsamp_schedule_free(schedule);
    return sampler;
}

int main(int argc, char **argv)
{
    covsamp_torch_options options;
    covsamp_torch *module = NULL;
    covsamp_sampler *sampler;
    covsamp_model model;
    char message[COVSAMP_MESSAGE_BYTES], line[64];
    uint64_t seed = 1;
    int step = 0;
    if (argc != 4)
        return fail("usage: bench-lgs MODEL BATCH ENGINE");
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.engine = (int32_t)atoi(argv[3]);
    if (covsamp_torch_load(&module, argv[1], &options, message) != COVSAMP_OK)
        return fail(message);
    sampler = make_sampler(module, atoll(argv[2]));
    memset(&model, 0, sizeof model);
    model.size = sizeof model;
    if (sampler == NULL || covsamp_torch_model(module, &model) != COVSAMP_OK)
        return fail("no sampler");
    printf("ready\n");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL) {
        double began = now();
        if (covsamp_sampler_step(sampler, &model) != COVSAMP_OK)
            return fail(covsamp_sampler_message(sampler));
        printf("%.6f\n", now() - began);
        fflush(stdout);
        if (++step % USED == 0)
            covsamp_sampler_restart(sampler, ++seed, 0);
    }
    covsamp_sampler_free(sampler);
    covsamp_torch_free(module);
    return 0;
}
