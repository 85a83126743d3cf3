/* SPDX-License-Identifier: BSD-3-Clause */
/* The caller's threads: bits are the same for any number of them, in any order of tasks, for every
 * covariance and solver; runs that are saved under some go on under others; what is refused. */
#include "check.h"
#include "pool.h"
#include "vector_case.h"
#include "vector_model.h"

#include <stdlib.h>

enum { C = 3, H = 61, W = 83, DIM = C * H * W }; /* no multiple of 4096 */

typedef struct {
    const char *options; /* "name value name value ..." */
    int64_t batch, dim;
    int alone; /* 1: its work stays on the caller's thread */
} item;

static const item items[] = {
    {"covariance none eta 0", 18, DIM, 0},
    {"covariance small clip_x0 0.7 eps_after_clip raw", 18, DIM, 0},
    {"covariance large last_noise 1", 18, DIM, 0},
    {"covariance analytic mean_order 2 clip_x0 0.7", 18, DIM, 0},
    {"covariance state_isotropic probes 3 tangents 2 trace_guard 0.5", 18, DIM, 0},
    {"covariance diag_probe probes 2 reuse 2 clip_x0 0.7", 18, DIM, 0},
    {"covariance diag_model head ocm trace_guard 0.3", 18, DIM, 0},
    {"covariance diag_model head sn clip_x0 0.7", 18, DIM, 0},
    {"covariance diag_model head iddpm limit_range 1 cfg 0.5 guided_jacobian 1", 18, DIM, 0},
    {"covariance spectral spectral_colour 1", 18, DIM, 0},
    {"covariance krylov krylov_steps 3", 18, DIM, 0},
    {"covariance krylov krylov_steps 3", 1, 40 * 4096 + 17, 0},
    {"covariance krylov krylov_steps 3", 500, 61, 0},
    {"covariance krylov krylov_steps 4 tolerance 0.02 clip_x0 0.7 trace_guard 0.4", 18, DIM, 0},
    {"covariance krylov krylov_steps 3 guidance 0.5 symmetrise average", 18, DIM, 0},
    {"covariance krylov krylov_steps 3 guidance 0.5 guidance_product basis clip_x0 0.7", 18, DIM,
     0},
    {"covariance krylov krylov_steps 2 cfg 0.5 branches 2 guided_jacobian 1 noise ask", 18, DIM, 0},
    {"covariance krylov krylov_steps 3 known 1", 18, DIM, 0},
    {"covariance krylov krylov_steps 3 mean_jvp 0 check_finite 0", 18, DIM, 0},
    {"covariance dense", 3, 7, 1},
    {"covariance krylov", 2, 40, 1},
    {"solver euler guidance 0.5", 18, DIM, 0},
    {"solver heun churn 3", 18, DIM, 0},
    {"solver dpmpp_2m clip_x0 0.7", 18, DIM, 0},
    {"solver dpmpp_2s", 18, DIM, 0},
    {"solver dpmpp_2m_sde", 18, DIM, 0},
    {"solver addim", 18, DIM, 0}};
enum { ITEMS = sizeof items / sizeof items[0] };

static covsamp_config *config_of(const item *it, int32_t dtype, int threads,
                                 const covsamp_parallel_for *hook)
{
    covsamp_config *c = vector_case_config();
    covsamp_config_set_int(c, COVSAMP_BATCH, it->batch);
    covsamp_config_set_int(c, COVSAMP_DIM, it->dim);
    covsamp_config_set_int(c, COVSAMP_DTYPE, dtype);
    covsamp_config_set_int(c, COVSAMP_CHANNELS, C);
    covsamp_config_set_int(c, COVSAMP_HEIGHT, H);
    covsamp_config_set_int(c, COVSAMP_WIDTH, W);
    covsamp_config_set_int(c, COVSAMP_FIRST_SAMPLE, 5);
    set_options(c, it->options);
    CHECK(covsamp_config_set_int(c, COVSAMP_THREADS, threads) == COVSAMP_OK);
    CHECK(covsamp_config_set_parallel_for(c, hook) == COVSAMP_OK);
    return c;
}

static covsamp_sampler *sampler_of(const item *it, int32_t dtype, int threads,
                                   const covsamp_parallel_for *hook)
{
    covsamp_config *c = config_of(it, dtype, threads, hook);
    covsamp_sampler *s = NULL;
    if (!CHECK(covsamp_sampler_new(&s, c) == COVSAMP_OK))
        fprintf(stderr, "    %s\n", covsamp_config_message(c));
    covsamp_config_free(c);
    if (s != NULL && strstr(it->options, "known 1") != NULL) {
        const int64_t n = it->batch * it->dim;
        double *x0 = calloc((size_t)n, sizeof *x0);
        uint8_t *mask = calloc((size_t)it->dim, 1);
        for (int64_t i = 0; i < it->dim; i++)
            mask[i] = i % 3 == 0;
        CHECK(covsamp_sampler_set_known(s, x0, it->dim, mask, 0) == COVSAMP_OK);
        free(x0);
        free(mask);
    }
    return s;
}

static size_t bytes_of(const item *it, int32_t dtype)
{
    return (size_t)(it->batch * it->dim) * (dtype == COVSAMP_F32 ? 4 : 8);
}

/* The state and what the statistics say. */
typedef struct {
    void *x;
    covsamp_stats stats;
} outcome;

static outcome outcome_of(covsamp_sampler *s, const item *it, int32_t dtype)
{
    outcome o = {malloc(bytes_of(it, dtype)), {.size = sizeof(covsamp_stats)}};
    const void *x = NULL;
    CHECK(covsamp_sampler_state(s, &x, NULL) == COVSAMP_OK);
    memcpy(o.x, x, bytes_of(it, dtype));
    CHECK(covsamp_sampler_stats(s, &o.stats) == COVSAMP_OK);
    return o;
}

static int same(const outcome *a, const outcome *b, const item *it, int32_t dtype)
{
    return memcmp(a->x, b->x, bytes_of(it, dtype)) == 0 &&
           memcmp(&a->stats, &b->stats, sizeof a->stats) == 0;
}

static outcome run(const item *it, int32_t dtype, int threads, const covsamp_parallel_for *hook)
{
    const covsamp_model model = vector_model();
    covsamp_sampler *s = sampler_of(it, dtype, threads, hook);
    if (!CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE))
        fprintf(stderr, "    %s\n", covsamp_sampler_message(s));
    const outcome o = outcome_of(s, it, dtype);
    covsamp_sampler_free(s);
    return o;
}

/* Hook number i for so many threads; 0: the pool. */
static covsamp_parallel_for hook_of(int i, pool *p)
{
    void (*const runs[])(void *, int64_t, covsamp_task_fn, void *) = {pool_run, pool_reverse,
                                                                      pool_shuffled, pool_static};
    const covsamp_parallel_for hook = {sizeof hook, runs[i], p};
    return hook;
}

/* 7 and 3 threads; more: 2 and 1 as well. */
static void every_number(const item *it, int32_t dtype, int hooks, int more)
{
    static const int numbers[] = {7, 3, 2, 1};
    outcome alone = run(it, dtype, 1, NULL);
    for (int i = 0; i < hooks; i++)
        for (int k = 0; k < (more ? 4 : 2); k++) {
            pool p;
            pool_open(&p, i == 0 ? numbers[k] : 1);
            const covsamp_parallel_for hook = hook_of(i, &p);
            outcome shared = run(it, dtype, numbers[k], &hook);
            if (!CHECK(same(&alone, &shared, it, dtype)))
                fprintf(stderr, "    %s: hook %d, %d threads\n", it->options, i, numbers[k]);
            CHECK(p.most <= numbers[k]);
            CHECK((p.rounds > 0) == (numbers[k] > 1 && !it->alone)); /* else this proves nothing */
            pool_close(&p);
            free(shared.x);
        }
    free(alone.x);
}

/* ---- saved runs ---- */

static void *saved(covsamp_sampler *s, size_t *bytes)
{
    CHECK(covsamp_sampler_save(s, NULL, 0, bytes) == COVSAMP_OK);
    void *text = malloc(*bytes);
    CHECK(covsamp_sampler_save(s, text, *bytes, NULL) == COVSAMP_OK);
    return text;
}

/* Strings are the same too, and a run goes on under another number of threads. */
static void save_and_load(const item *it, int32_t dtype)
{
    const covsamp_model model = vector_model();
    outcome whole = run(it, dtype, 1, NULL);
    size_t bytes[2];
    void *text[2];
    pool p;
    pool_open(&p, 3);
    const covsamp_parallel_for hook = hook_of(0, &p);
    covsamp_sampler *s[2] = {sampler_of(it, dtype, 1, NULL), sampler_of(it, dtype, 3, &hook)};
    for (int i = 0; i < 2; i++) {
        CHECK(covsamp_sampler_step(s[i], &model) == COVSAMP_OK);
        text[i] = saved(s[i], &bytes[i]);
    }
    CHECK(bytes[0] == bytes[1] && memcmp(text[0], text[1], bytes[0]) == 0);
    for (int i = 0; i < 2; i++) {
        CHECK(covsamp_sampler_restart(s[i], 99, 0) == COVSAMP_OK);
        CHECK(covsamp_sampler_load(s[i], text[1 - i], bytes[i]) == COVSAMP_OK);
        CHECK(covsamp_sampler_run(s[i], &model) == COVSAMP_DONE);
        outcome o = outcome_of(s[i], it, dtype);
        CHECK(same(&whole, &o, it, dtype));
        free(o.x);
        covsamp_sampler_free(s[i]);
    }
    free(text[0]);
    free(text[1]);
    pool_close(&p);
    free(whole.x);
}

/* ---- a NaN is named by the same sample and value ---- */

typedef struct {
    int64_t sample, value;
} place;

static int32_t spoiled(void *user, const covsamp_request *q)
{
    const place *at = user;
    const int32_t answer = vector_model_answer(NULL, q);
    if (q->step == 1 && q->product != NULL)
        for (int64_t b = at->sample; b < q->batch; b++) /* and all after it */
            vector_model_set(q, q->product, b * q->stride + at->value, NAN);
    return answer;
}

static void nonfinite(void)
{
    static const item it = {"covariance krylov krylov_steps 3", 18, DIM, 0};
    static const place places[] = {{0, 0}, {4, 4096}, {4, DIM - 1}, {17, 12345}};
    for (int i = 0; i < 4; i++) {
        char message[2][COVSAMP_MESSAGE_BYTES];
        for (int k = 0; k < 2; k++) {
            covsamp_model model = vector_model();
            pool p;
            pool_open(&p, 3);
            const covsamp_parallel_for hook = hook_of(0, &p);
            covsamp_sampler *s = sampler_of(&it, COVSAMP_F32, k == 0 ? 1 : 3, &hook);
            place at = places[i];
            model.model_user = &at;
            model.mean = model.jvp = spoiled;
            CHECK(covsamp_sampler_run(s, &model) == COVSAMP_E_NONFINITE);
            snprintf(message[k], sizeof message[k], "%s", covsamp_sampler_message(s));
            covsamp_sampler_free(s);
            pool_close(&p);
        }
        CHECK(strcmp(message[0], message[1]) == 0);
    }
}

/* ---- likelihood bounds ---- */

static double bound(const item *it, int threads, const covsamp_parallel_for *hook)
{
    const covsamp_model model = vector_model();
    covsamp_nelbo_total total = {.size = sizeof total};
    covsamp_config *c = config_of(it, COVSAMP_F64, threads, hook);
    covsamp_nelbo *n = NULL;
    double *data = malloc((size_t)(it->batch * it->dim) * sizeof *data);
    for (int64_t i = 0; i < it->batch * it->dim; i++)
        data[i] = (double)(i % 255) / 127.5 - 1;
    CHECK(covsamp_nelbo_new(&n, c, 256) == COVSAMP_OK);
    CHECK(covsamp_nelbo_run(n, &model, data, it->dim, it->batch) == COVSAMP_DONE);
    CHECK(covsamp_nelbo_sum(n, &total) == COVSAMP_OK);
    covsamp_nelbo_free(n);
    covsamp_config_free(c);
    free(data);
    return total.nats;
}

static void bounds(void)
{
    static const item cases[] = {{"covariance krylov krylov_steps 3 probes 2", 18, DIM, 0},
                                 {"covariance small", 18, DIM, 0}};
    for (int i = 0; i < 2; i++) {
        pool p;
        pool_open(&p, 3);
        const covsamp_parallel_for hook = hook_of(0, &p);
        const double alone = bound(&cases[i], 1, NULL);
        CHECK(bound(&cases[i], 3, &hook) == alone && isfinite(alone));
        CHECK(p.rounds > 0);
        pool_close(&p);
    }
}

/* ---- what is refused ---- */

static void refused(void)
{
    pool p;
    pool_open(&p, 1);
    covsamp_parallel_for hook = hook_of(0, &p);
    covsamp_config *c = config_of(&items[0], COVSAMP_F32, 2, NULL);
    covsamp_sampler *s = NULL;
    covsamp_nelbo *n = NULL;
    CHECK(covsamp_sampler_new(&s, c) == COVSAMP_E_RANGE && s == NULL);
    CHECK_TEXT(covsamp_config_message(c), "covsamp_sampler_new: threads is 2, must be 1 where "
                                          "covsamp_config_set_parallel_for() has lent none");
    CHECK(covsamp_nelbo_new(&n, c, 0) == COVSAMP_E_RANGE && n == NULL);
    CHECK_TEXT(covsamp_config_message(c), "covsamp_nelbo_new: threads is 2");
    CHECK(covsamp_config_set_parallel_for(NULL, &hook) == COVSAMP_E_NULL);
    CHECK(covsamp_config_set_parallel_for(c, &hook) == COVSAMP_OK);
    hook.run = NULL;
    CHECK(covsamp_config_set_parallel_for(c, &hook) == COVSAMP_E_NULL);
    CHECK_TEXT(covsamp_config_message(c), "covsamp_config_set_parallel_for: hook->run is NULL");
    hook.size = 1;
    CHECK(covsamp_config_set_parallel_for(c, &hook) == COVSAMP_E_STRUCT_SIZE);
    CHECK_TEXT(covsamp_config_message(c), "hook->size is 1");
    CHECK(covsamp_sampler_new(&s, c) == COVSAMP_OK); /* the old one is still there */
    covsamp_sampler_free(s);
    CHECK(covsamp_config_set_parallel_for(c, NULL) == COVSAMP_OK);
    CHECK(covsamp_sampler_new(&s, c) == COVSAMP_E_RANGE);
    CHECK(covsamp_config_set_int(c, COVSAMP_THREADS, 0) == COVSAMP_E_RANGE);
    CHECK(covsamp_config_set_int(c, COVSAMP_THREADS, 1025) == COVSAMP_E_RANGE);
    covsamp_config_free(c);
    pool_close(&p);
}

int main(void)
{
    for (int i = 0; i < ITEMS; i++) {
        every_number(&items[i], COVSAMP_F32, items[i].batch == 18 ? 2 : 4, items[i].batch != 18);
        every_number(&items[i], COVSAMP_F64, 1, 0);
    }
    every_number(&items[10], COVSAMP_F64, 4, 1);
    every_number(&items[10], COVSAMP_F32, 4, 1);
    save_and_load(&items[5], COVSAMP_F32);
    save_and_load(&items[10], COVSAMP_F64);
    nonfinite();
    bounds();
    refused();
    return check_done();
}
