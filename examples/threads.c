/* SPDX-License-Identifier: BSD-3-Clause */
/* Teaches: threads, and noise that follows the sample and not the batch.  Four threads, each with a
 * sampler of its own made from one configuration, draw 16 samples each; the numbers are those of
 * one batch of 64. */
#include "example.h"

#include <pthread.h>

#define THREADS 4
#define EACH    16

struct part {
    covsamp_sampler *sampler;
    covsamp_status status;
};

static void *draw(void *user)
{
    struct part *part = user;
    covsamp_model model = {.size = sizeof model};
    covsamp_mixture *mixture = example_mixture(NULL); /* works in its own memory: one a thread */
    covsamp_mixture_model(mixture, &model);
    part->status = covsamp_sampler_run(part->sampler, &model);
    covsamp_mixture_free(mixture);
    return NULL;
}

static int start(covsamp_config *config, struct part *part, int64_t batch, int64_t first)
{
    covsamp_config_set_int(config, COVSAMP_BATCH, batch);
    covsamp_config_set_int(config, COVSAMP_FIRST_SAMPLE, first);
    return covsamp_sampler_new(&part->sampler, config) == COVSAMP_OK;
}

int main(void)
{
    covsamp_config *config = example_config(EACH, NULL);
    struct part whole, parts[THREADS];
    pthread_t threads[THREADS];
    uint64_t one = EXAMPLE_CHECKSUM_START, many = EXAMPLE_CHECKSUM_START;

    int ok = start(config, &whole, THREADS * EACH, 0);
    for (int t = 0; t < THREADS && ok; t++)
        ok = start(config, &parts[t], EACH, t * EACH);
    covsamp_config_free(config); /* samplers live on without it */
    if (!ok)
        return 1;
    for (int t = 0; t < THREADS; t++)
        if (pthread_create(&threads[t], NULL, draw, &parts[t]) != 0)
            return 1;
    draw(&whole);
    ok = whole.status == COVSAMP_DONE;
    one = example_checksum(whole.sampler, 0, THREADS * EACH, one);
    for (int t = 0; t < THREADS; t++) {
        pthread_join(threads[t], NULL);
        ok = ok && parts[t].status == COVSAMP_DONE;
        many = example_checksum(parts[t].sampler, 0, EACH, many);
        covsamp_sampler_free(parts[t].sampler);
    }
    covsamp_sampler_free(whole.sampler);
    printf("one batch %016" PRIx64 ", %d threads %016" PRIx64 "\n", one, THREADS, many);
    return ok && one == many ? 0 : 1;
}
