/* SPDX-License-Identifier: BSD-3-Clause */
/* Teaches: starting from data.  A run that begins at a lower level, from alpha x0 + sigma e, keeps
 * more of x0: the distance from it grows with the level, from next to nothing to that of any two
 * samples. */
#include "example.h"

#include <math.h>

#define BATCH 500
#define MOST  10 /* steps */

/* The root mean square distance of the samples from x0 after a run that begins at `level`; negative
 * if it failed. */
static double distance_from(const covsamp_model *model, int64_t level, double x0[][DIM])
{
    covsamp_config *config = example_config(BATCH, NULL);
    covsamp_schedule *schedule;
    covsamp_sampler *sampler;
    int64_t levels[MOST];
    double sum = 0;
    for (int i = 0; i < MOST; i++) /* evenly from `level` down to level / MOST */
        levels[i] = level * (MOST - i) / MOST;
    covsamp_schedule_new_linear(&schedule, 1000, 1e-4, 0.02, NULL, NULL);
    covsamp_config_set_schedule(config, schedule, levels, MOST);
    covsamp_schedule_free(schedule);
    covsamp_sampler_new(&sampler, config);
    covsamp_status status = covsamp_sampler_start_from(sampler, x0, DIM);
    if (status == COVSAMP_OK)
        status = covsamp_sampler_run(sampler, model);
    if (status != COVSAMP_DONE)
        fprintf(stderr, "%s: %s\n", covsamp_status_name(status), covsamp_sampler_message(sampler));
    for (int64_t b = 0; b < BATCH; b++)
        for (int i = 0; i < DIM; i++)
            sum += pow(example_value(sampler, b, i) - x0[b][i], 2);
    covsamp_sampler_free(sampler);
    covsamp_config_free(config);
    return status == COVSAMP_DONE ? sqrt(sum / BATCH) : -1;
}

/* What it is between x0 and data that knows nothing of it, (E|x - x0|^2)^(1/2). */
static double distance_of_strangers(const double x0[DIM])
{
    double sum = 0;
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < DIM; i++)
            sum += example_weights[k] / 10 *
                   (example_covariances[k][i][i] + pow(example_means[k][i] - x0[i], 2));
    return sqrt(sum);
}

int main(void)
{
    static const int64_t levels[] = {20, 100, 250, 500, 1000};
    static double x0[BATCH][DIM];
    covsamp_model model = {.size = sizeof model};
    covsamp_mixture *mixture = example_mixture(NULL);
    double last = 0;
    int ok = 1;

    covsamp_mixture_model(mixture, &model);
    for (int b = 0; b < BATCH; b++)
        for (int i = 0; i < DIM; i++)
            x0[b][i] = example_means[1][i]; /* the middle of the second component */
    for (int k = 0; k < 5; k++) {
        const double distance = distance_from(&model, levels[k], x0);
        printf("from level %4d: the samples are %.3f away from x0\n", (int)levels[k], distance);
        ok = ok && distance > last;
        last = distance;
    }
    const double strangers = distance_of_strangers(x0[0]);
    printf("data that knows nothing of x0 is %.3f away\n", strangers);
    ok = ok && fabs(last - strangers) < 0.05 * strangers;
    covsamp_mixture_free(mixture);
    return ok ? 0 : 1;
}
