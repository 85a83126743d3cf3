/* SPDX-License-Identifier: BSD-3-Clause */
/* Two threads that sample through two handles at once give the same numbers, bit for bit, as one
 * after the other. libtorch's dual numbers are one resource of the whole process: without the
 * shim's lock half of this fails. */
#include "sampling.h"

#include <pthread.h>

enum { RUNS = 5 };

typedef struct {
    covsamp_sampler *sampler;
    covsamp_torch *module;
    float result[RUNS][BATCH * DIM];
    int ok;
} worker;

static void *work(void *pointer)
{
    worker *w = pointer;
    covsamp_model model;
    int run;
    memset(&model, 0, sizeof model);
    model.size = sizeof model;
    w->ok = covsamp_torch_model(w->module, &model) == COVSAMP_OK;
    for (run = 0; run < RUNS; run++) {
        const void *x = NULL;
        int64_t stride = 0, b;
        w->ok = w->ok && covsamp_sampler_restart(w->sampler, (uint64_t)run, 0) == COVSAMP_OK &&
                covsamp_sampler_run(w->sampler, &model) == COVSAMP_DONE &&
                covsamp_sampler_state(w->sampler, &x, &stride) == COVSAMP_OK;
        for (b = 0; w->ok && b < BATCH; b++)
            memcpy(w->result[run] + b * DIM, (const float *)x + b * stride, DIM * sizeof(float));
    }
    return NULL;
}

static void same_numbers(const char *name, int32_t engine)
{
    static worker alone, pair[2];
    pthread_t threads[2];
    int i;
    alone.sampler = sampler_of(0);
    alone.module = load(name, COVSAMP_F32, engine);
    work(&alone);
    if (!CHECK(alone.ok))
        fprintf(stderr, "    %s; %s\n", covsamp_sampler_message(alone.sampler),
                covsamp_torch_message(alone.module));
    for (i = 0; i < 2; i++) {
        pair[i].sampler = sampler_of(0);
        pair[i].module = load(name, COVSAMP_F32, engine);
    }
    for (i = 0; i < 2; i++)
        CHECK(pthread_create(&threads[i], NULL, work, &pair[i]) == 0);
    for (i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    for (i = 0; i < 2; i++) {
        if (!CHECK(pair[i].ok))
            fprintf(stderr, "    %s\n", covsamp_torch_message(pair[i].module));
        CHECK(memcmp(pair[i].result, alone.result, sizeof alone.result) == 0);
        covsamp_sampler_free(pair[i].sampler);
        covsamp_torch_free(pair[i].module);
    }
    CHECK(memcmp(alone.result[0], alone.result[1], sizeof alone.result[0]) != 0);
    covsamp_sampler_free(alone.sampler);
    covsamp_torch_free(alone.module);
}

/* A handle made, used and freed in a thread of its own. */
static void *whole_life(void *pointer)
{
    covsamp_torch_options options = options_of(COVSAMP_F32, COVSAMP_TORCH_LINEARISED);
    worker *w = pointer;
    char path[4096];
    snprintf(path, sizeof path, "%s/labels.pt", module_folder);
    if (covsamp_torch_load(&w->module, path, &options, NULL) == COVSAMP_OK)
        work(w);
    covsamp_torch_free(w->module);
    return NULL;
}

static void whole_lives(void)
{
    static worker pair[2];
    pthread_t threads[2];
    int i;
    for (i = 0; i < 2; i++)
        pair[i].sampler = sampler_of(0);
    for (i = 0; i < 2; i++)
        CHECK(pthread_create(&threads[i], NULL, whole_life, &pair[i]) == 0);
    for (i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    CHECK(pair[0].ok && pair[1].ok);
    CHECK(memcmp(pair[0].result, pair[1].result, sizeof pair[0].result) == 0);
    for (i = 0; i < 2; i++)
        covsamp_sampler_free(pair[i].sampler);
}

int main(int argc, char **argv)
{
    module_folder = argc > 1 ? argv[1] : ".";
    whole_lives(); /* first: whatever a process makes once is made by two threads at once */
    same_numbers("scripted.pt", COVSAMP_TORCH_LINEARISED);
    same_numbers("scripted.pt", COVSAMP_TORCH_DUAL);
    same_numbers("frozen.pt", COVSAMP_TORCH_AUTO);
    same_numbers("labels.pt", COVSAMP_TORCH_DOUBLE_BACKWARD);
    same_numbers("no-rule.pt", COVSAMP_TORCH_AUTO);
    return check_done();
}
