/* SPDX-License-Identifier: BSD-3-Clause */
/* Wrong arguments of configurations, samplers and mixtures, and struct sizes that do not fit. */
#include "fixture.h"

static void *plain_alloc(void *user, size_t bytes, size_t align)
{
    (void)user;
    return aligned_alloc(align, bytes);
}

static void plain_release(void *user, void *pointer, size_t bytes)
{
    (void)user;
    (void)bytes;
    free(pointer);
}

/* ---- struct sizes: short is refused, a longer one is fine if its tail is zero ---- */

typedef struct {
    covsamp_allocator known;
    char tail[32];
} long_allocator;

static void allocators(void)
{
    const covsamp_allocator good = {sizeof good, plain_alloc, plain_release, NULL};
    covsamp_config *c = NULL;
    covsamp_schedule *s = NULL;
    char message[COVSAMP_MESSAGE_BYTES];
    for (size_t size = 0; size < sizeof good; size++) {
        covsamp_allocator bad = good;
        char number[32];
        bad.size = size;
        snprintf(number, sizeof number, "mem->size is %d", (int)size);
        CHECK(covsamp_config_new(&c, &bad) == COVSAMP_E_STRUCT_SIZE && c == NULL);
        CHECK(covsamp_schedule_new_flow(&s, 5, &bad, message) == COVSAMP_E_STRUCT_SIZE);
        CHECK(s == NULL);
        CHECK_TEXT(message, "covsamp_schedule_new_flow");
        CHECK_TEXT(message, number);
    }
    long_allocator longer = {good, {0}};
    longer.known.size = sizeof longer;
    CHECK(covsamp_config_new(&c, &longer.known) == COVSAMP_OK);
    covsamp_config_free(c);
    for (size_t i = 0; i < sizeof longer.tail; i++) {
        longer.tail[i] = 1;
        c = NULL;
        CHECK(covsamp_config_new(&c, &longer.known) == COVSAMP_E_STRUCT_SIZE && c == NULL);
        longer.tail[i] = 0;
    }
    covsamp_allocator half = good;
    half.alloc = NULL;
    CHECK(covsamp_config_new(&c, &half) == COVSAMP_E_NULL && c == NULL);
    half = good;
    half.release = NULL;
    CHECK(covsamp_schedule_new_flow(&s, 5, &half, message) == COVSAMP_E_NULL && s == NULL);
    CHECK_TEXT(message, "mem->release is NULL");
}

typedef struct {
    covsamp_model known;
    char tail[24];
} long_model;

typedef struct {
    covsamp_stats known;
    char tail[24];
} long_stats;

static void models_and_stats(void)
{
    const settings set = {.covariance = COVSAMP_COV_SMALL};
    covsamp_mixture *mixture = new_mixture(5);
    covsamp_sampler *s = new_sampler(&set);
    covsamp_model m = model_of(mixture);
    /* sizes of the first version, whose last field was `progress`, and of every one since are fine
     */
    for (size_t size = 0; size < offsetof(covsamp_model, vjp); size++) {
        m.size = size;
        CHECK(covsamp_sampler_run(s, &m) == COVSAMP_E_STRUCT_SIZE);
        CHECK_TEXT(covsamp_sampler_message(s), "covsamp_sampler_run: model->size is");
        CHECK(covsamp_sampler_step(s, &m) == COVSAMP_E_STRUCT_SIZE);
        CHECK_TEXT(covsamp_sampler_message(s), "covsamp_sampler_step");
        CHECK(covsamp_mixture_model(mixture, &m) == COVSAMP_E_STRUCT_SIZE);
    }
    m.size = offsetof(covsamp_model, vjp);
    CHECK(covsamp_sampler_restart(s, 0, 0) == COVSAMP_OK);
    CHECK(covsamp_sampler_run(s, &m) == COVSAMP_DONE);
    CHECK(covsamp_sampler_restart(s, 0, 0) == COVSAMP_OK);
    m.size = sizeof m;
    long_model longer = {m, {0}};
    longer.known.size = sizeof longer;
    longer.tail[23] = 1;
    CHECK(covsamp_sampler_run(s, &longer.known) == COVSAMP_E_STRUCT_SIZE);
    CHECK_TEXT(covsamp_sampler_message(s), "is set");
    longer.tail[23] = 0;
    CHECK(covsamp_sampler_run(s, &longer.known) == COVSAMP_DONE);
    long_stats stats;
    memset(&stats, 0x55, sizeof stats);
    for (size_t size = 0; size < offsetof(covsamp_stats, vjp_requests); size++) {
        stats.known.size = size;
        CHECK(covsamp_sampler_stats(s, &stats.known) == COVSAMP_E_STRUCT_SIZE);
        CHECK(stats.known.steps == 0x5555555555555555 && stats.tail[0] == 0x55);
    }
    stats.known.size = offsetof(covsamp_stats, vjp_requests); /* a caller of the first version */
    CHECK(covsamp_sampler_stats(s, &stats.known) == COVSAMP_OK && stats.known.steps == 4);
    CHECK(stats.known.vjp_requests == 0x5555555555555555);
    stats.known.size = sizeof stats;
    CHECK(covsamp_sampler_stats(s, &stats.known) == COVSAMP_OK);
    CHECK(stats.known.size == sizeof stats && stats.known.steps == 4);
    CHECK(stats.tail[0] == 0 && stats.tail[23] == 0); /* what the library does not know is 0 */
    covsamp_sampler_free(s);
    covsamp_mixture_free(mixture);
}

/* covsamp_mixture_model() fills the five fields and nothing else; four in a struct of the first
 * version. */
static void mixture_model_fields(void)
{
    covsamp_mixture *mixture = new_mixture(5);
    covsamp_model m, before;
    memset(&before, 0x33, sizeof before);
    before.size = sizeof before;
    m = before;
    CHECK(covsamp_mixture_model(mixture, &m) == COVSAMP_OK);
    CHECK(m.model_user == mixture && m.mean && m.jvp && m.mean_jvp && m.vjp);
    CHECK(m.vjp != before.vjp);
    m.vjp = before.vjp;
    m.model_user = before.model_user;
    m.mean = before.mean;
    m.jvp = before.jvp;
    m.mean_jvp = before.mean_jvp;
    CHECK(memcmp(&m, &before, sizeof m) == 0);
    m.size = offsetof(covsamp_model, vjp);
    CHECK(covsamp_mixture_model(mixture, &m) == COVSAMP_OK && m.vjp == before.vjp);
    covsamp_mixture_free(mixture);
}

/* ---- NULL for every pointer ---- */

static void null_configs(void)
{
    covsamp_config *c = NULL;
    int64_t whole = 0;
    double real = 0;
    char text[64];
    CHECK(covsamp_config_new(NULL, NULL) == COVSAMP_E_NULL);
    CHECK(covsamp_config_new(&c, NULL) == COVSAMP_OK);
    CHECK(covsamp_config_set_int(NULL, COVSAMP_DIM, 1) == COVSAMP_E_NULL);
    CHECK(covsamp_config_set_real(NULL, COVSAMP_ETA, 1) == COVSAMP_E_NULL);
    CHECK(covsamp_config_set_by_name(NULL, "dim", "1") == COVSAMP_E_NULL);
    CHECK(covsamp_config_set_by_name(c, NULL, "1") == COVSAMP_E_NULL);
    CHECK_TEXT(covsamp_config_message(c), "covsamp_config_set_by_name: name is NULL");
    CHECK(covsamp_config_set_by_name(c, "dim", NULL) == COVSAMP_E_NULL);
    CHECK_TEXT(covsamp_config_message(c), "text is NULL");
    CHECK(covsamp_config_get_int(NULL, COVSAMP_DIM, &whole) == COVSAMP_E_NULL);
    CHECK(covsamp_config_get_int(c, COVSAMP_DIM, NULL) == COVSAMP_E_NULL);
    CHECK(covsamp_config_get_real(NULL, COVSAMP_ETA, &real) == COVSAMP_E_NULL);
    CHECK(covsamp_config_get_real(c, COVSAMP_ETA, NULL) == COVSAMP_E_NULL);
    CHECK(covsamp_config_get_text(NULL, COVSAMP_ETA, text, 64) == COVSAMP_E_NULL);
    CHECK(covsamp_config_get_text(c, COVSAMP_ETA, NULL, 64) == COVSAMP_E_NULL);
    covsamp_config_free(c);
}

static void null_samplers(void)
{
    const settings set = {.covariance = COVSAMP_COV_SMALL};
    covsamp_config *c = new_config_with(&set, NULL);
    covsamp_mixture *mixture = new_mixture(5);
    const covsamp_model m = model_of(mixture);
    covsamp_sampler *s = new_sampler(&set), *none = s;
    const covsamp_request *q = NULL;
    const void *x = NULL;
    covsamp_stats stats = {.size = sizeof stats};
    CHECK(covsamp_sampler_new(NULL, c) == COVSAMP_E_NULL);
    CHECK_TEXT(covsamp_config_message(c), "covsamp_sampler_new: out is NULL");
    CHECK(covsamp_sampler_new(NULL, NULL) == COVSAMP_E_NULL);
    CHECK(covsamp_sampler_new(&none, NULL) == COVSAMP_E_NULL && none == NULL);
    CHECK(covsamp_sampler_ask(NULL, &q) == COVSAMP_E_NULL);
    CHECK(covsamp_sampler_ask(s, NULL) == COVSAMP_E_NULL);
    CHECK_TEXT(covsamp_sampler_message(s), "covsamp_sampler_ask: request is NULL");
    CHECK(covsamp_sampler_tell(NULL, 0) == COVSAMP_E_NULL);
    CHECK(covsamp_sampler_restart(NULL, 0, 0) == COVSAMP_E_NULL);
    CHECK(covsamp_sampler_state(NULL, &x, NULL) == COVSAMP_E_NULL);
    CHECK(covsamp_sampler_state(s, NULL, NULL) == COVSAMP_E_NULL);
    CHECK(covsamp_sampler_set_state(NULL, &set, 5) == COVSAMP_E_NULL);
    CHECK(covsamp_sampler_set_state(s, NULL, 5) == COVSAMP_E_NULL);
    CHECK_TEXT(covsamp_sampler_message(s), "covsamp_sampler_set_state: x is NULL");
    CHECK(covsamp_sampler_stats(NULL, &stats) == COVSAMP_E_NULL);
    CHECK(covsamp_sampler_stats(s, NULL) == COVSAMP_E_NULL);
    CHECK(covsamp_sampler_run(NULL, &m) == COVSAMP_E_NULL);
    CHECK(covsamp_sampler_run(s, NULL) == COVSAMP_E_NULL);
    CHECK_TEXT(covsamp_sampler_message(s), "covsamp_sampler_run: model is NULL");
    CHECK(covsamp_sampler_step(NULL, &m) == COVSAMP_E_NULL);
    CHECK(covsamp_sampler_step(s, NULL) == COVSAMP_E_NULL);
    CHECK(covsamp_mixture_answer(NULL, q) == COVSAMP_E_NULL);
    CHECK(covsamp_mixture_answer(mixture, NULL) == COVSAMP_E_NULL);
    CHECK(covsamp_mixture_model(NULL, &(covsamp_model){.size = sizeof m}) == COVSAMP_E_NULL);
    CHECK(covsamp_mixture_model(mixture, NULL) == COVSAMP_E_NULL);
    CHECK(covsamp_sampler_run(s, &m) == COVSAMP_DONE); /* still usable */
    covsamp_sampler_free(s);
    covsamp_config_free(c);
    covsamp_mixture_free(mixture);
}

/* ---- schedules of a configuration ---- */

static void bad_levels(void)
{
    static const int64_t bad[][4] = {
        {20, 15, 15, 5}, {20, 15, 16, 5},  {5, 10, 15, 20},        {21, 15, 10, 5},
        {20, 15, 10, 0}, {20, 15, 10, -1}, {INT64_MAX, 15, 10, 5}, {20, INT64_MIN, 10, 5}};
    static const char *const where[] = {"levels[2] is 15",
                                        "levels[2] is 16",
                                        "levels[1] is 10",
                                        "levels[0] is 21",
                                        "levels[3] is 0",
                                        "levels[3] is -1",
                                        "levels[0] is 9223372036854775807",
                                        "levels[1] is -9"};
    static const int64_t good[4] = {20, 15, 10, 5}, counts[] = {0, -1, 21, INT64_MAX, INT64_MIN};
    const settings set = {.covariance = COVSAMP_COV_SMALL};
    covsamp_mixture *mixture = new_mixture(5);
    const covsamp_model model = model_of(mixture);
    void *expected = samples_of(&set, &model);
    covsamp_config *c = new_config_with(&set, NULL);
    covsamp_schedule *schedule = NULL;
    CHECK(covsamp_schedule_new_flow(&schedule, LEVELS, NULL, NULL) == COVSAMP_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK(covsamp_config_set_schedule(c, schedule, bad[i], 4) == COVSAMP_E_RANGE);
        CHECK_TEXT(covsamp_config_message(c), "covsamp_config_set_schedule");
        CHECK_TEXT(covsamp_config_message(c), where[i]);
        CHECK_TEXT(covsamp_config_message(c), "must be in 1 ...");
    }
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        CHECK(covsamp_config_set_schedule(c, schedule, good, counts[i]) == COVSAMP_E_RANGE);
        CHECK_TEXT(covsamp_config_message(c), "count is");
        CHECK_TEXT(covsamp_config_message(c), "1 ... 20");
    }
    CHECK(covsamp_config_set_schedule(NULL, schedule, good, 4) == COVSAMP_E_NULL);
    CHECK(covsamp_config_set_schedule(c, NULL, good, 4) == COVSAMP_E_NULL);
    CHECK_TEXT(covsamp_config_message(c), "schedule is NULL");
    CHECK(covsamp_config_set_schedule(c, schedule, NULL, 4) == COVSAMP_E_NULL);
    CHECK_TEXT(covsamp_config_message(c), "levels is NULL");
    covsamp_sampler *s = NULL; /* "the old ones stay" */
    CHECK(covsamp_sampler_new(&s, c) == COVSAMP_OK);
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE && same_state(s, &set, expected));
    covsamp_sampler_free(s);
    covsamp_schedule_free(schedule);
    covsamp_config_free(c);
    free(expected);
    covsamp_mixture_free(mixture);
}

int main(void)
{
    allocators();
    models_and_stats();
    mixture_model_fields();
    null_configs();
    null_samplers();
    bad_levels();
    return check_done();
}
