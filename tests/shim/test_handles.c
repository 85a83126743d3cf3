/* SPDX-License-Identifier: BSD-3-Clause */
/* Handles among others: made in one thread and used in another, beside a module that raises, and
 * under a sampler when the module fails or answers NaN: who says so, and what works afterwards. */
#define _POSIX_C_SOURCE 200809L
#include "sampling.h"

#include <pthread.h>

/* What a thread needs, made before it starts: checks count, and must not do so in two threads. */
typedef struct job {
    covsamp_torch *module;
    covsamp_sampler *sampler; /* NULL for raising() */
    covsamp_model model;
    float result[BATCH * DIM];
    int fine, failures;
} job;

static job new_job(const char *name, int with_sampler)
{
    job made;
    memset(&made, 0, sizeof made);
    made.module = load(name, COVSAMP_F32, COVSAMP_TORCH_DUAL);
    made.sampler = with_sampler ? sampler_of(3) : NULL;
    made.model = model_of(made.module);
    return made;
}

static void free_job(job *done)
{
    covsamp_sampler_free(done->sampler);
    covsamp_torch_free(done->module);
}

static void *sample(void *user)
{
    job *mine = user;
    mine->fine = covsamp_sampler_restart(mine->sampler, 3, 0) == COVSAMP_OK &&
                 covsamp_sampler_run(mine->sampler, &mine->model) == COVSAMP_DONE;
    return NULL;
}

/* Products of a module that raises on every second of them. */
static void *raising(void *user)
{
    static double x[DIM], v[DIM], product[DIM];
    job *mine = user;
    covsamp_request q = request_of(COVSAMP_ASK_JVP, COVSAMP_F64, 1, DIM);
    int i;
    q.x = x;
    q.v = v;
    q.product = product;
    v[0] = 1;
    mine->fine = 1;
    for (i = 0; i < 60; i++) {
        q.time = i % 2 ? 900 : 100;
        if (covsamp_torch_answer(mine->module, &q) ==
            (i % 2 ? COVSAMP_TORCH_E_EXCEPTION : COVSAMP_OK))
            mine->failures += i % 2;
        else
            mine->fine = 0;
    }
    return NULL;
}

/* libtorch's settings and its level of dual numbers are not left changed by an exception. */
static void beside_failures(void)
{
    static float before[BATCH * DIM], after[BATCH * DIM];
    job a = new_job("scripted.pt", 1), b = new_job("raises.pt", 0);
    pthread_t threads[2];
    sample(&a);
    CHECK(a.fine);
    result_of(a.sampler, before);
    if (CHECK(pthread_create(&threads[0], NULL, sample, &a) == 0))
        pthread_join(threads[0], NULL); /* alone, in a thread that did not load it */
    CHECK(a.fine);
    result_of(a.sampler, after);
    CHECK(memcmp(before, after, sizeof before) == 0);
    CHECK(pthread_create(&threads[0], NULL, sample, &a) == 0);
    CHECK(pthread_create(&threads[1], NULL, raising, &b) == 0);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    CHECK(a.fine && b.fine && b.failures == 30);
    CHECK_TEXT(covsamp_torch_message(b.module), "this module was told to fail");
    result_of(a.sampler, after);
    CHECK(memcmp(before, after, sizeof before) == 0);
    free_job(&a);
    free_job(&b);
}

/* A module that raises: the sampler passes the shim's code on, and asking again goes on. */
static void failing_run(void)
{
    static float whole[BATCH * DIM], resumed[BATCH * DIM];
    job bad = new_job("raises.pt", 1), good = new_job("scripted.pt", 1);
    CHECK(covsamp_sampler_run(bad.sampler, &bad.model) == COVSAMP_E_MODEL);
    CHECK(covsamp_sampler_answer(bad.sampler) == COVSAMP_TORCH_E_EXCEPTION);
    CHECK_TEXT(covsamp_torch_message(bad.module), "this module was told to fail");
    CHECK(covsamp_sampler_run(good.sampler, &good.model) == COVSAMP_DONE);
    result_of(good.sampler, whole);
    /* The request that failed is still open: another module takes it over. */
    CHECK(covsamp_sampler_run(bad.sampler, &good.model) == COVSAMP_DONE);
    result_of(bad.sampler, resumed);
    CHECK(memcmp(whole, resumed, sizeof whole) == 0);
    free_job(&bad);
    free_job(&good);
}

/* NaN is no failure of the module: the shim passes it on, and the sampler says where it is. */
static void not_finite(void)
{
    job a = new_job("nan.pt", 1);
    const covsamp_request *q = NULL;
    CHECK(covsamp_sampler_ask(a.sampler, &q) == COVSAMP_OK);
    CHECK(covsamp_torch_answer(a.module, q) == COVSAMP_OK);
    CHECK(covsamp_torch_message(a.module)[0] == '\0');
    CHECK(covsamp_sampler_tell(a.sampler, 0) == COVSAMP_E_NONFINITE);
    CHECK(covsamp_sampler_message(a.sampler)[0] != '\0');
    CHECK(covsamp_sampler_run(a.sampler, &a.model) == COVSAMP_E_NONFINITE);
    CHECK(covsamp_sampler_answer(a.sampler) == 0);
    free_job(&a);
}

/* A sampler of another size than the module's samples. */
static void other_size(void)
{
    static const int64_t dims[] = {2, 4, 16};
    covsamp_torch_options options = options_of(COVSAMP_F32, COVSAMP_TORCH_AUTO);
    covsamp_torch *module = NULL;
    job a = new_job("lost-channel.pt", 1);
    CHECK(covsamp_sampler_run(a.sampler, &a.model) == COVSAMP_E_MODEL);
    CHECK(covsamp_sampler_answer(a.sampler) == COVSAMP_TORCH_E_SHAPE);
    CHECK_TEXT(covsamp_torch_message(a.module), "must be 64");
    free_job(&a);
    /* The options win over the file: the same module, other samples. */
    options.dims = dims;
    options.n_dims = 3;
    CHECK(covsamp_torch_load(&module, module_path("scripted.pt"), &options, NULL) == COVSAMP_OK);
    a = new_job("scripted.pt", 1);
    if (module != NULL) {
        a.model = model_of(module);
        CHECK(covsamp_sampler_run(a.sampler, &a.model) == COVSAMP_DONE);
    }
    covsamp_torch_free(module);
    free_job(&a);
}

int main(int argc, char **argv)
{
    module_folder = argc > 1 ? argv[1] : ".";
    beside_failures();
    failing_run();
    not_finite();
    other_size();
    return check_done();
}
