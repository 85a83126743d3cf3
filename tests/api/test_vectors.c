/* SPDX-License-Identifier: BSD-3-Clause */
/* Vectors in memory that the library cannot reach: the same bits as on the host for all that may be
 * so; runs that are edited, saved and loaded. */
#include "elsewhere.h"
#include "pool.h"

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

/* What a model leaves unfilled is found there as it is here, since it holds NaN before. */
static int32_t fills_nothing(void *user, const covsamp_request *q)
{
    (void)user;
    (void)q;
    return 0;
}

static void unfilled(const char *options)
{
    poisoned memory = {0};
    const covsamp_vector_ops ops = poisoned_ops(&memory);
    char message[2][COVSAMP_MESSAGE_BYTES];
    for (int k = 0; k < 2; k++) {
        covsamp_model model = model_of(k == 0 ? NULL : &memory);
        covsamp_sampler *s = sampler_of(options, COVSAMP_F32, DIM, k == 0 ? NULL : &ops);
        model.vjp = model.guide = fills_nothing;
        CHECK(covsamp_sampler_run(s, &model) == COVSAMP_E_NONFINITE);
        snprintf(message[k], sizeof message[k], "%s", covsamp_sampler_message(s));
        covsamp_sampler_free(s);
    }
    CHECK(strcmp(message[0], message[1]) == 0);
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

/* What a caller was shown stays as it was until the next step, as it does on the host. */
static void shown(const char *options)
{
    poisoned memory = {0};
    const covsamp_vector_ops ops = poisoned_ops(&memory);
    covsamp_sampler *s = sampler_of(options, COVSAMP_F64, DIM, &ops);
    const covsamp_model model = model_of(&memory);
    const covsamp_request *q = NULL;
    const void *x = NULL;
    size_t bytes;
    CHECK(covsamp_sampler_step(s, &model) == COVSAMP_OK);
    CHECK(covsamp_sampler_step(s, &model) == COVSAMP_OK);
    const outcome before = outcome_of(s, COVSAMP_F64, DIM);
    CHECK(covsamp_sampler_state(s, &x, NULL) == COVSAMP_OK);
    free(saved(s, &bytes));
    CHECK(memcmp(x, before.x, bytes_of(COVSAMP_F64, DIM)) == 0);
    if (strstr(options, "known 1") != NULL)
        CHECK(set_known(s, DIM) == COVSAMP_OK);
    CHECK(memcmp(x, before.x, bytes_of(COVSAMP_F64, DIM)) == 0);
    CHECK(covsamp_sampler_ask(s, &q) == COVSAMP_OK); /* the question is about x_t */
    CHECK(memcmp(x, before.x, bytes_of(COVSAMP_F64, DIM)) == 0);
    covsamp_sampler_free(s);
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

int main(void)
{
    for (int i = 0; i < ITEMS; i++) {
        as_on_the_host(items[i], COVSAMP_F32, DIM);
        as_on_the_host(items[i], COVSAMP_F64, LEAST_DIM);
    }
    traffic();
    with_threads();
    save_and_load(items[PLAIN], COVSAMP_F32);
    save_and_load(items[KNOWN], COVSAMP_F64);
    save_and_load("covariance analytic mean_order 2", COVSAMP_F64);
    edits();
    shown("covariance analytic mean_order 2");
    shown("solver dpmpp_2m");
    shown(items[KNOWN]);
    nonfinite();
    unfilled("covariance small guidance 0.5");
    unfilled("covariance krylov krylov_steps 3 symmetrise average");
    return check_done();
}
