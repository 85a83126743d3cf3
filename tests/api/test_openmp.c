/* SPDX-License-Identifier: BSD-3-Clause */
/* The hook of docs/threads.md as an OpenMP loop: the bits of one thread, and teams really formed.
 */
#include "check.h"
#include "vector_case.h"
#include "vector_model.h"

#include <omp.h>
#include <stdlib.h>

enum { BATCH = 4, DIM = 80021 };

static void run(void *user, int64_t count, covsamp_task_fn task, void *data)
{
    int most = 0;
#pragma omp parallel num_threads(4) reduction(max : most)
    {
        most = omp_get_num_threads();
#pragma omp for schedule(static, 1)
        for (int64_t i = 0; i < count; i++)
            task(data, i);
    }
    if (most > *(int *)user)
        *(int *)user = most;
}

/* Samples under that many threads; 1: no hook. */
static float *samples(int threads, int *team)
{
    const covsamp_model model = vector_model();
    const covsamp_parallel_for hook = {sizeof hook, run, team};
    covsamp_config *c = vector_case_config();
    covsamp_sampler *s = NULL;
    const void *x = NULL;
    float *out = malloc(sizeof *out * BATCH * DIM);
    covsamp_config_set_int(c, COVSAMP_BATCH, BATCH);
    covsamp_config_set_int(c, COVSAMP_DIM, DIM);
    set_options(c, "covariance krylov krylov_steps 3 clip_x0 0.7");
    CHECK(covsamp_config_set_int(c, COVSAMP_THREADS, threads) == COVSAMP_OK);
    if (threads > 1)
        CHECK(covsamp_config_set_parallel_for(c, &hook) == COVSAMP_OK);
    CHECK(covsamp_sampler_new(&s, c) == COVSAMP_OK);
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
    CHECK(covsamp_sampler_state(s, &x, NULL) == COVSAMP_OK);
    if (out != NULL && x != NULL)
        memcpy(out, x, sizeof *out * BATCH * DIM);
    covsamp_sampler_free(s);
    covsamp_config_free(c);
    return out;
}

int main(void)
{
    int team = 0;
    omp_set_dynamic(0);
    float *alone = samples(1, &team);
    CHECK(team == 0);
    for (int threads = 2; threads <= 6; threads += 2) {
        float *shared = samples(threads, &team);
        CHECK(memcmp(alone, shared, sizeof *alone * BATCH * DIM) == 0);
        free(shared);
    }
    CHECK(team == 4);
    free(alone);
    return check_done();
}
