/* SPDX-License-Identifier: BSD-3-Clause */
/* Ask/tell rounds with a model that does nothing: what a round costs in C.  rounds.py shows it
 * beside Python's.  Prints the rounds and the seconds. */
#include <covsamp/covsamp.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { STEPS = 1000, RUNS = 10 };

static double seconds(void)
{
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

int main(void)
{
    covsamp_schedule *schedule;
    covsamp_config *config;
    covsamp_sampler *sampler;
    const covsamp_request *request;
    int64_t levels[STEPS], rounds = 0;
    if (covsamp_schedule_new_linear(&schedule, STEPS, 1e-4, 0.02, NULL, NULL) != COVSAMP_OK ||
        covsamp_schedule_spaced(schedule, STEPS, COVSAMP_SPACING_EVEN, levels, NULL) !=
            COVSAMP_OK ||
        covsamp_config_new(&config, NULL) != COVSAMP_OK ||
        covsamp_config_set_int(config, COVSAMP_BATCH, 1) != COVSAMP_OK ||
        covsamp_config_set_int(config, COVSAMP_DIM, 1) != COVSAMP_OK ||
        covsamp_config_set_int(config, COVSAMP_COVARIANCE, COVSAMP_COV_NONE) != COVSAMP_OK ||
        covsamp_config_set_schedule(config, schedule, levels, STEPS) != COVSAMP_OK ||
        covsamp_sampler_new(&sampler, config) != COVSAMP_OK)
        return 1;
    const double start = seconds();
    for (int run = 0; run < RUNS; run++) {
        covsamp_sampler_restart(sampler, 0, run);
        while (covsamp_sampler_ask(sampler, &request) == COVSAMP_OK) {
            memset(request->mean, 0, sizeof(float));
            if (covsamp_sampler_tell(sampler, 0) != COVSAMP_OK)
                return 1;
            rounds++;
        }
    }
    printf("%d %.9f\n", (int)rounds, seconds() - start);
    covsamp_sampler_free(sampler);
    covsamp_config_free(config);
    covsamp_schedule_free(schedule);
    return rounds == STEPS * RUNS ? 0 : 1;
}
