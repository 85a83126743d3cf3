/* SPDX-License-Identifier: BSD-3-Clause */
/* Vectors in memory that the library cannot reach: the same bits as on the host for all that may be
 * so; runs that are edited, saved and loaded; every operation failing once; what is refused. */
#include "check.h"
#include "poisoned.h"
#include "pool.h"
#include "vector_model.h"

#include <stdlib.h>

enum { LEVELS = 30, STEPS = 3, BATCH = 3, DIM = 4096 + 37, LEAST_DIM = 5 };

static const char *const items[] = {
    "covariance none eta 0",
    "covariance none eta 0.3",
    "covariance small clip_x0 0.7 eps_after_clip raw",
    "covariance large last_noise 1",
    "covariance analytic mean_order 2 clip_x0 0.7",
    "covariance small guidance 0.5",
    "covariance small guidance 0.5 guidance_form state cfg 0.5",
    "covariance krylov krylov_steps 1",
    "covariance krylov krylov_steps 3",
    "covariance krylov krylov_steps 3 known 1",
    "covariance krylov krylov_steps 4 tolerance 0.02 clip_x0 0.7 trace_guard 0.4",
    "covariance krylov krylov_steps 3 guidance 0.5 symmetrise average",
    "covariance krylov krylov_steps 3 guidance 0.5 guidance_product basis clip_x0 0.7",
    "covariance krylov krylov_steps 2 cfg 0.5 branches 2 guided_jacobian 1 noise ask",
    "covariance krylov krylov_steps 2 window_low 10 window_fallback analytic mean_jvp 0",
    "solver euler guidance 0.5",
    "solver heun churn 3",
    "solver dpmpp_2m clip_x0 0.7",
    "solver dpmpp_2s cfg 1",
    "solver dpmpp_2m_sde check_finite 0",
    "solver addim"};
enum { ITEMS = sizeof items / sizeof items[0], PLAIN = 8, KNOWN = 9 };

static void set_options(covsamp_config *c, const char *options)
{
    char text[256], *rest = NULL;
    snprintf(text, sizeof text, "%s", options);
    for (char *name = strtok_r(text, " ", &rest); name != NULL; name = strtok_r(NULL, " ", &rest))
        if (!CHECK(covsamp_config_set_by_name(c, name, strtok_r(NULL, " ", &rest)) == COVSAMP_OK))
            fprintf(stderr, "    %s\n", covsamp_config_message(c));
}

static covsamp_config *config_of(const char *options, int32_t dtype, int64_t dim,
                                 const covsamp_vector_ops *ops)
{
    static const int64_t levels[STEPS] = {25, 14, 6};
    double table[LEVELS];
    covsamp_config *c = NULL;
    covsamp_schedule *s = NULL;
    for (int n = 0; n < LEVELS; n++)
        table[n] = 0.2 + 0.02 * n;
    CHECK(covsamp_config_new(&c, NULL) == COVSAMP_OK);
    CHECK(covsamp_schedule_new_cosine(&s, LEVELS, 0.008, NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp_config_set_schedule(c, s, levels, STEPS) == COVSAMP_OK);
    covsamp_schedule_free(s);
    CHECK(covsamp_config_set_table(c, COVSAMP_TABLE_NOISE, table, LEVELS) == COVSAMP_OK);
    CHECK(covsamp_config_set_table(c, COVSAMP_TABLE_X0_ERROR, table, LEVELS) == COVSAMP_OK);
    covsamp_config_set_int(c, COVSAMP_BATCH, BATCH);
    covsamp_config_set_int(c, COVSAMP_DIM, dim);
    covsamp_config_set_int(c, COVSAMP_DTYPE, dtype);
    covsamp_config_set_int(c, COVSAMP_SEED, 11);
    set_options(c, options);
    CHECK(covsamp_config_set_vector_ops(c, ops) == COVSAMP_OK);
    return c;
}

static covsamp_status set_known(covsamp_sampler *s, int64_t dim)
{
    double x0[BATCH * DIM];
    uint8_t mask[DIM];
    memset(x0, 0, sizeof x0);
    for (int64_t i = 0; i < dim; i++)
        mask[i] = i % 3 == 0;
    return covsamp_sampler_set_known(s, x0, dim, mask, 0);
}

static covsamp_sampler *sampler_of(const char *options, int32_t dtype, int64_t dim,
                                   const covsamp_vector_ops *ops)
{
    covsamp_config *c = config_of(options, dtype, dim, ops);
    covsamp_sampler *s = NULL;
    if (!CHECK(covsamp_sampler_new(&s, c) == COVSAMP_OK))
        fprintf(stderr, "    %s: %s\n", options, covsamp_config_message(c));
    covsamp_config_free(c);
    if (s != NULL && strstr(options, "known 1") != NULL)
        CHECK(set_known(s, dim) == COVSAMP_OK);
    return s;
}

/* The model on the device, user NULL: on the host. */
static int32_t answer(void *user, const covsamp_request *q)
{
    if (user == NULL)
        return vector_model_answer(NULL, q);
    CHECK(q->ops != NULL && q->ops->user == user);
    const covsamp_request own = poisoned_request(user, q);
    return vector_model_answer(NULL, &own);
}

static covsamp_model model_of(poisoned *p)
{
    covsamp_model m = {.size = sizeof m,
                       .mean = answer,
                       .jvp = answer,
                       .vjp = answer,
                       .guide = answer,
                       .noise = answer};
    m.model_user = m.guide_user = m.noise_user = p;
    return m;
}

static size_t bytes_of(int32_t dtype, int64_t dim)
{
    return (size_t)(BATCH * dim) * (dtype == COVSAMP_F32 ? 4 : 8);
}

typedef struct {
    double x[BATCH * DIM]; /* of either type */
    covsamp_stats stats;
} outcome;

static outcome outcome_of(const covsamp_sampler *s, int32_t dtype, int64_t dim)
{
    outcome o;
    const void *x = NULL;
    memset(&o, 0, sizeof o);
    o.stats.size = sizeof o.stats;
    CHECK(covsamp_sampler_state(s, &x, NULL) == COVSAMP_OK);
    memcpy(o.x, x, bytes_of(dtype, dim));
    CHECK(covsamp_sampler_stats(s, &o.stats) == COVSAMP_OK);
    return o;
}

static outcome finish(covsamp_sampler *s, poisoned *p, int32_t dtype, int64_t dim)
{
    const covsamp_model model = model_of(p);
    if (!CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE))
        fprintf(stderr, "    %s\n", covsamp_sampler_message(s));
    return outcome_of(s, dtype, dim);
}

static int same(const outcome *a, const outcome *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* ---- the bits of the host ---- */

static void as_on_the_host(const char *options, int32_t dtype, int64_t dim)
{
    poisoned memory = {0};
    const covsamp_vector_ops ops = poisoned_ops(&memory);
    covsamp_sampler *here = sampler_of(options, dtype, dim, NULL);
    covsamp_sampler *there = sampler_of(options, dtype, dim, &ops);
    const outcome a = finish(here, NULL, dtype, dim), b = finish(there, &memory, dtype, dim);
    if (!CHECK(same(&a, &b)))
        fprintf(stderr, "    %s\n", options);
    CHECK(memory.bytes_held > 0);
    covsamp_sampler_free(here);
    covsamp_sampler_free(there);
    CHECK(memory.bytes_held == 0);
}

/* Only noise goes over the bus while stepping, and nothing of it where it is asked for. */
static void traffic(void)
{
    static const char *const options[] = {"covariance krylov krylov_steps 3",
                                          "covariance krylov krylov_steps 3 noise ask"};
    for (int i = 0; i < 2; i++) {
        poisoned memory = {0};
        const covsamp_vector_ops ops = poisoned_ops(&memory);
        covsamp_sampler *s = sampler_of(options[i], COVSAMP_F32, DIM, &ops);
        const covsamp_model model = model_of(&memory);
        CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
        /* the start and every step but the one to data */
        CHECK(memory.put_bytes == (i == 0 ? STEPS * BATCH * DIM * 4 : 0));
        CHECK(memory.got_bytes == 0);
        covsamp_sampler_free(s);
    }
}

static void with_threads(void)
{
    poisoned memory = {0};
    const covsamp_vector_ops ops = poisoned_ops(&memory);
    pool p;
    pool_open(&p, 3);
    const covsamp_parallel_for hook = {sizeof hook, pool_run, &p};
    covsamp_sampler *here = sampler_of(items[PLAIN], COVSAMP_F64, DIM, NULL), *there = NULL;
    covsamp_config *c = config_of(items[PLAIN], COVSAMP_F64, DIM, &ops);
    covsamp_config_set_int(c, COVSAMP_THREADS, 3);
    CHECK(covsamp_config_set_parallel_for(c, &hook) == COVSAMP_OK);
    CHECK(covsamp_sampler_new(&there, c) == COVSAMP_OK);
    const outcome a = finish(here, NULL, COVSAMP_F64, DIM);
    const outcome b = finish(there, &memory, COVSAMP_F64, DIM);
    CHECK(same(&a, &b));
    CHECK(p.rounds > 0); /* the noise */
    covsamp_config_free(c);
    covsamp_sampler_free(here);
    covsamp_sampler_free(there);
    pool_close(&p);
}

/* ---- what goes in and out ---- */

static void *saved(covsamp_sampler *s, size_t *bytes)
{
    CHECK(covsamp_sampler_save(s, NULL, 0, bytes) == COVSAMP_OK);
    void *text = calloc(*bytes, 1);
    CHECK(covsamp_sampler_save(s, text, *bytes, NULL) == COVSAMP_OK);
    return text;
}

static void save_and_load(const char *options, int32_t dtype)
{
    poisoned memory = {0};
    const covsamp_vector_ops ops = poisoned_ops(&memory);
    poisoned *const user[2] = {NULL, &memory};
    covsamp_sampler *s[2], *whole = sampler_of(options, dtype, DIM, NULL);
    const outcome undisturbed = finish(whole, NULL, dtype, DIM);
    size_t bytes[2];
    void *text[2];
    for (int i = 0; i < 2; i++) {
        const covsamp_model model = model_of(user[i]);
        s[i] = sampler_of(options, dtype, DIM, i == 0 ? NULL : &ops);
        CHECK(covsamp_sampler_step(s[i], &model) == COVSAMP_OK);
        text[i] = saved(s[i], &bytes[i]);
    }
    CHECK(bytes[0] == bytes[1] && memcmp(text[0], text[1], bytes[0]) == 0);
    for (int i = 0; i < 2; i++) {
        CHECK(covsamp_sampler_restart(s[i], 99, 0) == COVSAMP_OK);
        CHECK(covsamp_sampler_load(s[i], text[1 - i], bytes[i]) == COVSAMP_OK);
        const outcome o = finish(s[i], user[i], dtype, DIM);
        CHECK(same(&undisturbed, &o));
        covsamp_sampler_free(s[i]);
    }
    free(text[0]);
    free(text[1]);
    covsamp_sampler_free(whole);
    CHECK(memory.bytes_held == 0);
}

static void edits(void)
{
    poisoned memory = {0};
    const covsamp_vector_ops ops = poisoned_ops(&memory);
    poisoned *const user[2] = {NULL, &memory};
    outcome o[2][2];
    static float x[BATCH * (DIM + 3)];
    for (int i = 0; i < BATCH * (DIM + 3); i++)
        x[i] = (float)(i % 17) / 17 - 0.5f;
    for (int i = 0; i < 2; i++) {
        covsamp_sampler *s = sampler_of(items[PLAIN], COVSAMP_F32, DIM, i == 0 ? NULL : &ops);
        const covsamp_model model = model_of(user[i]);
        CHECK(covsamp_sampler_start_from(s, x, DIM + 3) == COVSAMP_OK);
        o[i][0] = finish(s, user[i], COVSAMP_F32, DIM);
        CHECK(covsamp_sampler_restart(s, 3, 7) == COVSAMP_OK);
        CHECK(covsamp_sampler_step(s, &model) == COVSAMP_OK);
        CHECK(covsamp_sampler_set_state(s, x, DIM + 3) == COVSAMP_OK);
        o[i][1] = finish(s, user[i], COVSAMP_F32, DIM);
        covsamp_sampler_free(s);
    }
    CHECK(same(&o[0][0], &o[1][0]) && same(&o[0][1], &o[1][1]));
    CHECK(!same(&o[0][0], &o[0][1]));
}

static int32_t spoiled(void *user, const covsamp_request *q)
{
    const int32_t result = answer(user, q);
    if (q->step == 1 && q->product != NULL) {
        const covsamp_request own = poisoned_request(user, q);
        vector_model_set(&own, own.product, 2 * DIM + 4099, NAN);
    }
    return result;
}

static void nonfinite(void)
{
    poisoned memory = {0};
    const covsamp_vector_ops ops = poisoned_ops(&memory);
    covsamp_sampler *s = sampler_of(items[PLAIN], COVSAMP_F32, DIM, &ops);
    covsamp_model model = model_of(&memory);
    model.mean = model.jvp = spoiled;
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_E_NONFINITE);
    CHECK_TEXT(covsamp_sampler_message(s), "the model's product holds a NaN or infinity at value "
                                           "4099 of sample 2 (step 1 of 3, level 14)");
    model.mean = model.jvp = answer; /* the request is still open */
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
    covsamp_sampler_free(s);
}

/* ---- operation k fails, for every k ---- */

static const char *const operations[] = {"put",    "get",  "combine", "project",
                                         "expand", "clip", "select",  "find_nonfinite"};

static int names_one(const char *message)
{
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        char text[64];
        snprintf(text, sizeof text, "the operation %s of covsamp_vector_ops returned -7",
                 operations[i]);
        if (strstr(message, text) != NULL)
            return 1;
    }
    return 0;
}

/* Everything that a sampler can be asked to do: the first status that is an error. */
static covsamp_status whole_life(covsamp_sampler *s, poisoned *p, const char *options)
{
    const covsamp_model model = model_of(p);
    double x0[BATCH * LEAST_DIM] = {0};
    char text[1 << 14];
    size_t bytes = 0;
    covsamp_status status = COVSAMP_OK;
    const void *x = NULL;
    if (strstr(options, "known 1") != NULL)
        status = set_known(s, LEAST_DIM);
    if (status == COVSAMP_OK)
        status = covsamp_sampler_start_from(s, x0, LEAST_DIM);
    if (status == COVSAMP_OK)
        status = covsamp_sampler_step(s, &model);
    if (status == COVSAMP_OK)
        status = covsamp_sampler_save(s, text, sizeof text, &bytes);
    if (status == COVSAMP_OK)
        status = covsamp_sampler_load(s, text, bytes);
    if (status == COVSAMP_OK)
        status = covsamp_sampler_set_state(s, x0, LEAST_DIM);
    if (status == COVSAMP_OK)
        status = covsamp_sampler_run(s, &model);
    if (status == COVSAMP_DONE && p->fails_at > p->calls && covsamp_sampler_state(s, &x, NULL) != 0)
        CHECK(x == NULL);
    return status;
}

/* 0: no call had that number any more. */
static int fail_once(const char *options, const outcome *undisturbed, long long k)
{
    poisoned memory = {0};
    const covsamp_vector_ops ops = poisoned_ops(&memory);
    covsamp_config *c = config_of(options, COVSAMP_F64, LEAST_DIM, &ops);
    covsamp_sampler *s = NULL;
    int reached = 1;
    memory.fails_at = k;
    const covsamp_status made = covsamp_sampler_new(&s, c);
    if (made != COVSAMP_OK) {
        CHECK(s == NULL && (made == COVSAMP_E_NOMEM || made == COVSAMP_E_DEVICE));
        CHECK(made == COVSAMP_E_NOMEM ? strstr(covsamp_config_message(c), "ops->alloc") != NULL
                                      : names_one(covsamp_config_message(c)));
    } else {
        const covsamp_status status = whole_life(s, &memory, options);
        if (memory.calls >= k && status != COVSAMP_DONE) {
            CHECK(status == COVSAMP_E_DEVICE && names_one(covsamp_sampler_message(s)));
            const covsamp_request *q = NULL;
            CHECK(covsamp_sampler_ask(s, &q) == COVSAMP_E_STATE && q == NULL);
            CHECK_TEXT(covsamp_sampler_message(s), "COVSAMP_E_DEVICE");
        }
        reached = memory.calls >= k;
        memory.fails_at = 0;
        CHECK(covsamp_sampler_restart(s, 11, 0) == COVSAMP_OK);
        if (strstr(options, "known 1") != NULL)
            CHECK(set_known(s, LEAST_DIM) == COVSAMP_OK);
        const outcome o = finish(s, &memory, COVSAMP_F64, LEAST_DIM);
        CHECK(same(undisturbed, &o));
    }
    covsamp_sampler_free(s);
    covsamp_config_free(c);
    CHECK(memory.bytes_held == 0);
    return reached;
}

static void failures(const char *options)
{
    covsamp_sampler *s = sampler_of(options, COVSAMP_F64, LEAST_DIM, NULL);
    const outcome undisturbed = finish(s, NULL, COVSAMP_F64, LEAST_DIM);
    long long k = 1;
    covsamp_sampler_free(s);
    while (k < 100000 && fail_once(options, &undisturbed, k))
        k++;
    CHECK(k > 20 && k < 100000);
}

/* ---- what is refused ---- */

static void refused(void)
{
    static const char *const names[] = {"state_isotropic", "diag_probe", "diag_model", "dense"};
    poisoned memory = {0};
    covsamp_vector_ops ops = poisoned_ops(&memory);
    covsamp_sampler *s = NULL;
    covsamp_nelbo *n = NULL;
    covsamp_calibration *cal = NULL;
    covsamp_posterior_modes *modes = NULL;
    covsamp_config *c = config_of("covariance krylov", COVSAMP_F32, 6, &ops);
    const int64_t level = 3;
    const char *wanted = "covsamp_config_set_vector_ops() has set a table, must be given NULL";
    CHECK(covsamp_nelbo_new(&n, c, 0) == COVSAMP_E_UNSUPPORTED && n == NULL);
    CHECK_TEXT(covsamp_config_message(c), wanted);
    CHECK(covsamp_calibration_new(&cal, c, &level, 1, 0) == COVSAMP_E_UNSUPPORTED && cal == NULL);
    CHECK_TEXT(covsamp_config_message(c), wanted);
    CHECK(covsamp_posterior_modes_new(&modes, c, 3, 1) == COVSAMP_E_UNSUPPORTED && modes == NULL);
    CHECK_TEXT(covsamp_config_message(c), wanted);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        CHECK(covsamp_config_set_by_name(c, "covariance", names[i]) == COVSAMP_OK);
        CHECK(covsamp_sampler_new(&s, c) == COVSAMP_E_UNSUPPORTED && s == NULL);
        CHECK_TEXT(covsamp_config_message(c), names[i]);
        CHECK_TEXT(covsamp_config_message(c), "must be none, small, large, analytic or krylov for");
    }
    CHECK(memory.calls == 0);
    CHECK(covsamp_config_set_vector_ops(NULL, &ops) == COVSAMP_E_NULL);
    ops.select = NULL;
    CHECK(covsamp_config_set_vector_ops(c, &ops) == COVSAMP_E_NULL);
    CHECK_TEXT(covsamp_config_message(c), "covsamp_config_set_vector_ops: ops->select is NULL");
    ops.size = 8;
    CHECK(covsamp_config_set_vector_ops(c, &ops) == COVSAMP_E_STRUCT_SIZE);
    CHECK(covsamp_config_set_vector_ops(c, NULL) == COVSAMP_OK);
    CHECK(covsamp_sampler_new(&s, c) == COVSAMP_OK && memory.calls == 0); /* dense, here */
    covsamp_sampler_free(s);
    covsamp_config_free(c);
}

int main(void)
{
    for (int i = 0; i < ITEMS; i++) {
        as_on_the_host(items[i], COVSAMP_F32, DIM);
        as_on_the_host(items[i], COVSAMP_F64, LEAST_DIM);
        failures(items[i]);
    }
    traffic();
    with_threads();
    save_and_load(items[PLAIN], COVSAMP_F32);
    save_and_load(items[KNOWN], COVSAMP_F64);
    save_and_load("covariance analytic mean_order 2", COVSAMP_F64);
    edits();
    nonfinite();
    refused();
    return check_done();
}
