/* SPDX-License-Identifier: BSD-3-Clause */
/* Vectors elsewhere: every operation failing once, in everything that a sampler can be asked to do;
 * what is refused. */
#include "elsewhere.h"

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

static void *beside(void *user, size_t bytes)
{
    poisoned *p = user;
    char *memory = poisoned_ops(p).alloc(p, bytes + 64);
    return memory == NULL ? NULL : memory + 4;
}

static void released_beside(void *user, void *memory, size_t bytes)
{
    poisoned *p = user;
    poisoned_ops(p).release(p, (char *)memory - 4, bytes + 64);
}

static void misaligned(void)
{
    poisoned memory = {0};
    covsamp_vector_ops ops = poisoned_ops(&memory);
    ops.alloc = beside;
    ops.release = released_beside;
    covsamp_sampler *s = NULL;
    covsamp_config *c = config_of("covariance krylov", COVSAMP_F64, LEAST_DIM, &ops);
    CHECK(covsamp_sampler_new(&s, c) == COVSAMP_E_DEVICE && s == NULL);
    CHECK_TEXT(covsamp_config_message(c),
               "covsamp_sampler_new: ops->alloc gave an address that is no multiple of 64");
    covsamp_config_free(c);
    CHECK(memory.bytes_held == 0);
}

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
    for (int i = 0; i < ITEMS; i++)
        failures(items[i]);
    refused();
    misaligned();
    return check_done();
}
