/* SPDX-License-Identifier: BSD-3-Clause */
/* Teaches: progress, and stopping from another thread.  A second thread cancels a run in the
 * middle; run() returns COVSAMP_CANCELLED, is called again, and ends with the bits of a run that
 * nobody disturbed. */
#include "example.h"

#include <pthread.h>
#include <stdatomic.h>

#define BATCH 50

struct shared {
    covsamp_sampler *sampler;
    _Atomic int64_t finished; /* steps, as the progress callback saw them */
    _Atomic int cancelled;
};

/* After each step; request->x could be shown as a preview. */
static int32_t on_progress(void *user, const covsamp_request *request)
{
    struct shared *shared = user;
    atomic_store(&shared->finished, request->step + 1);
    /* A mixture is so fast that the run would be over: wait for the other thread at half time. */
    while (request->step + 1 == STEPS / 2 && !atomic_load(&shared->cancelled))
        ;
    return 0;
}

static void *cancel_at_half_time(void *user)
{
    struct shared *shared = user;
    while (atomic_load(&shared->finished) < STEPS / 2)
        ;
    covsamp_sampler_cancel(shared->sampler); /* the one call that any thread may make */
    atomic_store(&shared->cancelled, 1);
    return NULL;
}

int main(void)
{
    covsamp_sampler *quiet;
    struct shared shared;
    covsamp_model model = {.size = sizeof model};
    covsamp_mixture *mixture = example_mixture(NULL);
    covsamp_config *config = example_config(BATCH, NULL);
    pthread_t thread;

    covsamp_mixture_model(mixture, &model);
    covsamp_sampler_new(&quiet, config);
    int ok = covsamp_sampler_run(quiet, &model) == COVSAMP_DONE;
    uint64_t expected = example_checksum(quiet, 0, BATCH, EXAMPLE_CHECKSUM_START);

    covsamp_sampler_new(&shared.sampler, config);
    atomic_init(&shared.finished, 0);
    atomic_init(&shared.cancelled, 0);
    model.progress = on_progress;
    model.progress_user = &shared;
    if (!ok || shared.sampler == NULL ||
        pthread_create(&thread, NULL, cancel_at_half_time, &shared) != 0)
        return 1;
    covsamp_status status = covsamp_sampler_run(shared.sampler, &model);
    pthread_join(thread, NULL);
    printf("%s after %" PRId64 " of %d steps\n", covsamp_status_name(status),
           atomic_load(&shared.finished), STEPS);
    ok = status == COVSAMP_CANCELLED && atomic_load(&shared.finished) == STEPS / 2;

    status = covsamp_sampler_run(shared.sampler, &model); /* goes on */
    ok = ok && status == COVSAMP_DONE && atomic_load(&shared.finished) == STEPS &&
         example_checksum(shared.sampler, 0, BATCH, EXAMPLE_CHECKSUM_START) == expected;
    printf("%s: the samples are %s\n", covsamp_status_name(status), ok ? "the same" : "different");

    covsamp_sampler_free(shared.sampler);
    covsamp_sampler_free(quiet);
    covsamp_config_free(config);
    covsamp_mixture_free(mixture);
    return ok ? 0 : 1;
}
