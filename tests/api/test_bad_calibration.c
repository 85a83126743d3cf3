/* SPDX-License-Identifier: BSD-3-Clause */
/* Calibrations, optimal levels and heads that are asked for the impossible, interrupted, or short
 * of memory. */
#include "fixture.h"

#define BATCH 3
#define DIM   5

static double data[20 * DIM];

static const settings usual = {.covariance = COVSAMP_COV_SMALL};

/* covsamp_calibration_new() fails with a sentence of these parts. */
static void refused(covsamp_config *c, const int64_t *levels, int64_t count, int32_t products,
                    covsamp_status expected, const char *part)
{
    covsamp_calibration *calibration = (covsamp_calibration *)(void *)c;
    const covsamp_status got = covsamp_calibration_new(&calibration, c, levels, count, products);
    if (!CHECK(got == expected && calibration == NULL))
        fprintf(stderr, "    %d: %s\n", (int)got, covsamp_config_message(c));
    CHECK_TEXT(covsamp_config_message(c), "covsamp_calibration_new");
    CHECK_TEXT(covsamp_config_message(c), part);
}

static void bad_configs(void)
{
    static const int64_t rising[] = {1, 2}, beyond[] = {LEVELS + 1}, none[] = {0};
    covsamp_calibration *calibration = NULL;
    covsamp_config *c = NULL;
    CHECK(covsamp_config_new(&c, NULL) == COVSAMP_OK);
    CHECK(covsamp_calibration_new(&calibration, NULL, NULL, 0, 0) == COVSAMP_E_NULL);
    CHECK(covsamp_calibration_new(NULL, c, NULL, 0, 0) == COVSAMP_E_NULL);
    refused(c, NULL, 0, 1, COVSAMP_E_RANGE, "batch is not set");
    covsamp_config_set_int(c, COVSAMP_BATCH, 1);
    refused(c, NULL, 0, 1, COVSAMP_E_RANGE, "dim is not set");
    covsamp_config_set_int(c, COVSAMP_DIM, 1);
    refused(c, NULL, 0, 1, COVSAMP_E_RANGE, "schedule");
    covsamp_config_free(c);
    c = new_config_with(&usual, NULL);
    refused(c, rising, 2, 1, COVSAMP_E_RANGE, "levels[1] is 2");
    refused(c, beyond, 1, 1, COVSAMP_E_RANGE, "levels[0] is 21");
    refused(c, none, 1, 1, COVSAMP_E_RANGE, "levels[0] is 0");
    refused(c, none, 0, 1, COVSAMP_E_RANGE, "count is 0");
    refused(c, none, -1, 1, COVSAMP_E_RANGE, "count is -1");
    refused(c, NULL, 1, 1, COVSAMP_E_NULL, "levels is NULL");
    refused(c, NULL, 0, 2, COVSAMP_E_RANGE, "products is 2");
    refused(c, NULL, 0, -1, COVSAMP_E_RANGE, "products is -1");
    covsamp_config_set_int(c, COVSAMP_BATCH, INT64_MAX);
    refused(c, NULL, 0, 1, COVSAMP_E_NOMEM, "overflow");
    covsamp_config_free(c);
}

/* alpha = 0 at the last level: the mean exists for some predictions, C for none. */
static void no_signal(void)
{
    static const int64_t top[] = {4};
    covsamp_schedule *flow = NULL;
    covsamp_calibration *calibration = NULL;
    covsamp_config *c = new_config_with(&usual, NULL);
    CHECK(covsamp_schedule_new_flow(&flow, 4, NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp_config_set_schedule(c, flow, top, 1) == COVSAMP_OK);
    refused(c, NULL, 0, 1, COVSAMP_E_UNSUPPORTED, "alpha is 0 at level 4");
    refused(c, NULL, 0, 0, COVSAMP_E_UNSUPPORTED, "prediction noise");
    covsamp_config_set_int(c, COVSAMP_PREDICTION, COVSAMP_PREDICTS_FLOW);
    CHECK(covsamp_calibration_new(&calibration, c, NULL, 0, 0) == COVSAMP_OK);
    covsamp_calibration_free(calibration);
    covsamp_schedule_free(flow);
    covsamp_config_free(c);
}

static covsamp_calibration *new_calibration(void)
{
    covsamp_calibration *calibration = NULL;
    covsamp_config *c = new_config_with(&usual, NULL);
    CHECK(covsamp_calibration_new(&calibration, c, NULL, 0, 1) == COVSAMP_OK);
    covsamp_config_free(c);
    return calibration;
}

static void says(const covsamp_calibration *c, covsamp_status got, covsamp_status expected,
                 const char *part)
{
    if (!CHECK(got == expected))
        fprintf(stderr, "    %d: %s\n", (int)got, covsamp_calibration_message(c));
    CHECK_TEXT(covsamp_calibration_message(c), part);
}

static void bad_calls(void)
{
    const covsamp_request *q = NULL;
    covsamp_calibration_level row = {.size = sizeof row};
    covsamp_calibration *c = new_calibration();
    double values[LEVELS], bad[DIM] = {0, 0, INFINITY, 0, 0};
    CHECK(covsamp_calibration_ask(NULL, &q) == COVSAMP_E_NULL);
    CHECK(covsamp_calibration_tell(NULL, 0) == COVSAMP_E_NULL);
    CHECK(covsamp_calibration_data(NULL, data, DIM, 1) == COVSAMP_E_NULL);
    CHECK(covsamp_calibration_table(NULL, 1, values, LEVELS) == COVSAMP_E_NULL);
    CHECK(strcmp(covsamp_calibration_message(NULL), "") == 0);
    CHECK(covsamp_calibration_answer(NULL) == 0);
    covsamp_calibration_free(NULL);
    CHECK(covsamp_calibration_ask(c, &q) == COVSAMP_DONE && q == NULL);
    says(c, covsamp_calibration_ask(c, NULL), COVSAMP_E_NULL, "request is NULL");
    says(c, covsamp_calibration_tell(c, 0), COVSAMP_E_STATE, "no request is open");
    says(c, covsamp_calibration_data(c, NULL, DIM, 1), COVSAMP_E_NULL, "NULL");
    says(c, covsamp_calibration_data(c, data, DIM - 1, 1), COVSAMP_E_RANGE, "stride is 4");
    says(c, covsamp_calibration_data(c, data, DIM, 0), COVSAMP_E_RANGE, "samples is 0");
    says(c, covsamp_calibration_data(c, data, DIM, BATCH + 1), COVSAMP_E_RANGE, "1 ... 3");
    says(c, covsamp_calibration_data(c, bad, DIM, 1), COVSAMP_E_NONFINITE, "value 2 of sample 0");
    says(c, covsamp_calibration_table(c, 1, values, LEVELS), COVSAMP_E_STATE, "level 20");
    CHECK(covsamp_calibration_row(c, 0, &row) == COVSAMP_E_STATE);
    CHECK(covsamp_calibration_data(c, data, DIM, BATCH) == COVSAMP_OK);
    says(c, covsamp_calibration_data(c, data, DIM, 1), COVSAMP_E_STATE, "not done with");
    CHECK(covsamp_calibration_ask(c, &q) == COVSAMP_OK && q->kind == COVSAMP_ASK_MEAN_JVP);
    says(c, covsamp_calibration_tell(c, 7), COVSAMP_E_RANGE, "answer is 7");
    covsamp_calibration_free(c);
}

static void bad_results(void)
{
    covsamp_mixture *mixture = new_mixture(DIM);
    const covsamp_model model = model_of(mixture);
    covsamp_model part = model;
    covsamp_calibration_level row = {.size = sizeof row};
    covsamp_calibration *c = new_calibration();
    double values[LEVELS];
    says(c, covsamp_calibration_run(c, NULL, data, DIM, 1), COVSAMP_E_NULL, "model is NULL");
    part.size = offsetof(covsamp_model, vjp) - 1; /* of the first version, less a byte */
    says(c, covsamp_calibration_run(c, &part, data, DIM, 1), COVSAMP_E_STRUCT_SIZE, "model->size");
    part = model;
    part.jvp = NULL;
    says(c, covsamp_calibration_run(c, &part, data, DIM, 1), COVSAMP_E_NULL, "model->jvp");
    part.mean = NULL;
    says(c, covsamp_calibration_run(c, &part, data, DIM, 1), COVSAMP_E_NULL, "model->mean");
    says(c, covsamp_calibration_run(c, &model, data, DIM, 0), COVSAMP_E_RANGE, "samples is 0");
    CHECK(covsamp_calibration_run(c, &model, data, DIM, 7) == COVSAMP_DONE);
    CHECK(covsamp_calibration_row(c, 0, &row) == COVSAMP_OK && row.samples == 7);
    CHECK(covsamp_calibration_row(c, 4, &row) == COVSAMP_E_RANGE);
    CHECK(covsamp_calibration_row(c, -1, &row) == COVSAMP_E_RANGE);
    CHECK(covsamp_calibration_row(c, 0, NULL) == COVSAMP_E_NULL);
    row.size = 8;
    CHECK(covsamp_calibration_row(c, 0, &row) == COVSAMP_E_STRUCT_SIZE);
    says(c, covsamp_calibration_table(c, 3, values, LEVELS), COVSAMP_E_RANGE, "table is 3");
    says(c, covsamp_calibration_table(c, 1, values, 4), COVSAMP_E_RANGE, "count is 4");
    says(c, covsamp_calibration_table(c, 1, NULL, LEVELS), COVSAMP_E_NULL, "values is NULL");
    covsamp_calibration_free(c);
    covsamp_mixture_free(mixture);
}

/* ---- a network that fails now and then ---- */

typedef struct {
    covsamp_mixture *mixture;
    covsamp_calibration *calibration;
    int calls, progress, every;
    int32_t answer; /* 1: success, and a NaN */
} moody;

static int32_t sometimes(void *user, const covsamp_request *q)
{
    moody *m = user;
    CHECK(covsamp_calibration_tell(m->calibration, 0) == COVSAMP_E_STATE);
    CHECK(covsamp_calibration_data(m->calibration, data, DIM, 1) == COVSAMP_E_STATE);
    if (++m->calls % m->every != 0)
        return covsamp_mixture_answer(m->mixture, q);
    if (m->answer != 1)
        return m->answer;
    covsamp_mixture_answer(m->mixture, q);
    ((double *)(q->product != NULL ? q->product : q->mean))[q->batch * DIM - 1] = NAN;
    return 0;
}

static int32_t progress(void *user, const covsamp_request *q)
{
    moody *m = user;
    CHECK(q->kind == COVSAMP_ASK_STEP && q->mean == NULL && q->product == NULL);
    return ++m->progress % 5 == 0 ? COVSAMP_CANCELLED : 0;
}

static void rows_of(const covsamp_calibration *c, covsamp_calibration_level rows[4])
{
    for (int i = 0; i < 4; i++) {
        rows[i].size = sizeof rows[i];
        CHECK(covsamp_calibration_row(c, i, &rows[i]) == COVSAMP_OK);
    }
}

/* However often it is interrupted, the same comes out. */
static void resumed(int32_t answer, covsamp_status expected)
{
    covsamp_calibration_level whole[4], parts[4];
    moody m = {.mixture = new_mixture(DIM), .every = 4, .answer = answer};
    covsamp_model model = model_of(m.mixture);
    covsamp_calibration *c = new_calibration();
    CHECK(covsamp_calibration_run(c, &model, data, DIM, 20) == COVSAMP_DONE);
    rows_of(c, whole);
    covsamp_calibration_free(c);
    m.calibration = c = new_calibration();
    model.mean = model.jvp = model.mean_jvp = sometimes;
    model.model_user = model.progress_user = &m;
    model.progress = progress;
    int interruptions = 0;
    covsamp_status status;
    while ((status = covsamp_calibration_run(c, &model, data, DIM, 20)) != COVSAMP_DONE &&
           ++interruptions < 1000)
        CHECK(status == expected || status == COVSAMP_CANCELLED);
    CHECK(status == COVSAMP_DONE && interruptions > 10);
    rows_of(c, parts);
    CHECK(memcmp(whole, parts, sizeof whole) == 0);
    covsamp_calibration_free(c);
    covsamp_mixture_free(m.mixture);
}

/* Data that fail in the middle, or that are done with: the next run begins at its own beginning. */
static void runs_again(void)
{
    covsamp_mixture *mixture = new_mixture(DIM);
    const covsamp_model model = model_of(mixture);
    covsamp_calibration *c = new_calibration();
    covsamp_calibration_level row = {.size = sizeof row};
    double bad[7 * DIM];
    memcpy(bad, data, sizeof bad);
    bad[4 * DIM + 2] = NAN;
    says(c, covsamp_calibration_run(c, &model, bad, DIM, 7), COVSAMP_E_NONFINITE,
         "value 2 of sample 4");
    CHECK(covsamp_calibration_row(c, 0, &row) == COVSAMP_OK && row.samples == BATCH);
    CHECK(covsamp_calibration_run(c, &model, data, DIM, 7) == COVSAMP_DONE);
    CHECK(covsamp_calibration_row(c, 0, &row) == COVSAMP_OK && row.samples == BATCH + 7);
    CHECK(covsamp_calibration_run(c, &model, data, DIM, 7) == COVSAMP_DONE);
    CHECK(covsamp_calibration_row(c, 0, &row) == COVSAMP_OK && row.samples == BATCH + 14);
    covsamp_calibration_free(c);
    covsamp_mixture_free(mixture);
}

/* Every sentence names the function that was called. */
static void estimate_names_itself(void)
{
    covsamp_mixture *mixture = new_mixture(DIM);
    const covsamp_model model = model_of(mixture);
    settings s;
    memset(&s, 0, sizeof s);
    covsamp_config *c = new_config_with(&s, NULL), *empty = NULL;
    double values[LEVELS];
    static const char name[] = "covsamp_analytic_estimate: ";
    CHECK(covsamp_analytic_estimate(NULL, &model, data, DIM, 7, values, LEVELS) == COVSAMP_E_NULL);
    CHECK(covsamp_analytic_estimate(c, NULL, data, DIM, 7, values, LEVELS) == COVSAMP_E_NULL);
    CHECK(strncmp(covsamp_config_message(c), name, sizeof name - 1) == 0);
    CHECK(covsamp_analytic_estimate(c, &model, NULL, DIM, 7, values, LEVELS) == COVSAMP_E_NULL);
    CHECK(strncmp(covsamp_config_message(c), name, sizeof name - 1) == 0);
    CHECK(covsamp_config_new(&empty, NULL) == COVSAMP_OK);
    CHECK(covsamp_analytic_estimate(empty, &model, data, DIM, 7, values, LEVELS) ==
          COVSAMP_E_RANGE);
    CHECK_TEXT(covsamp_config_message(empty), "covsamp_analytic_estimate: option batch");
    covsamp_config_free(empty);
    covsamp_config_free(c);
    covsamp_mixture_free(mixture);
}

static void stays_open(void)
{
    const covsamp_request *q = NULL, *again = NULL;
    covsamp_mixture *mixture = new_mixture(DIM);
    covsamp_calibration *c = new_calibration();
    CHECK(covsamp_calibration_data(c, data, DIM, 2) == COVSAMP_OK);
    CHECK(covsamp_calibration_ask(c, &q) == COVSAMP_OK && q->batch == 2);
    const uint64_t point = q->point;
    says(c, covsamp_calibration_tell(c, -123), COVSAMP_E_MODEL, "is -123 (level 20)");
    CHECK(covsamp_calibration_answer(c) == -123);
    CHECK(covsamp_calibration_ask(c, &again) == COVSAMP_OK && again == q && q->point == point);
    CHECK(covsamp_mixture_answer(mixture, q) == 0);
    ((double *)q->mean)[DIM + 1] = NAN;
    says(c, covsamp_calibration_tell(c, 0), COVSAMP_E_NONFINITE, "value 1 of sample 1 (level 20)");
    CHECK(covsamp_mixture_answer(mixture, q) == 0);
    CHECK(covsamp_calibration_tell(c, COVSAMP_CANCELLED) == COVSAMP_CANCELLED);
    CHECK(covsamp_calibration_tell(c, 0) == COVSAMP_OK);
    CHECK(covsamp_calibration_ask(c, &q) == COVSAMP_OK && q->kind == COVSAMP_ASK_JVP);
    CHECK(q->point == point && q->mean == NULL);
    covsamp_calibration_free(c);
    covsamp_mixture_free(mixture);
}

/* ---- memory ---- */

typedef struct {
    int calls, blocks, fail_at;
} heap;

static void *heap_alloc(void *user, size_t bytes, size_t align)
{
    heap *h = user;
    if (++h->calls == h->fail_at)
        return NULL;
    h->blocks++;
    return aligned_alloc(align, bytes);
}

static void heap_release(void *user, void *pointer, size_t bytes)
{
    (void)bytes;
    ((heap *)user)->blocks--;
    free(pointer);
}

static void memory(void)
{
    heap h = {0, 0, 0};
    const covsamp_allocator mem = {sizeof mem, heap_alloc, heap_release, &h};
    covsamp_mixture *mixture = new_mixture(DIM);
    const covsamp_model model = model_of(mixture);
    covsamp_calibration *calibration = NULL;
    covsamp_schedule *schedule = NULL;
    double values[LEVELS];
    int64_t levels[4];
    char message[COVSAMP_MESSAGE_BYTES];
    covsamp_config *c = new_config_with(&usual, &mem);
    h.fail_at = h.calls + 1;
    refused(c, NULL, 0, 1, COVSAMP_E_NOMEM, "no memory");
    CHECK(covsamp_calibration_new(&calibration, c, NULL, 0, 1) == COVSAMP_OK);
    const int calls = h.calls;
    CHECK(covsamp_calibration_run(calibration, &model, data, DIM, 7) == COVSAMP_DONE);
    CHECK(covsamp_calibration_table(calibration, 2, values, LEVELS) == COVSAMP_OK);
    CHECK(h.calls == calls);
    covsamp_calibration_free(calibration);
    CHECK(covsamp_analytic_estimate(c, &model, data, DIM, 7, values, 3) == COVSAMP_E_RANGE);
    CHECK_TEXT(covsamp_config_message(c), "count is 3");
    CHECK(covsamp_analytic_estimate(c, &model, data, DIM, 7, values, LEVELS) == COVSAMP_OK);
    CHECK(covsamp_schedule_new_linear(&schedule, LEVELS, 0.01, 0.4, &mem, NULL) == COVSAMP_OK);
    const int blocks = h.blocks;
    h.fail_at = h.calls + 1;
    CHECK(covsamp_schedule_optimal(schedule, values, 4, levels, message) == COVSAMP_E_NOMEM);
    CHECK_TEXT(message, "covsamp_schedule_optimal: no memory");
    CHECK(covsamp_schedule_optimal(schedule, values, 4, levels, message) == COVSAMP_OK);
    CHECK(h.blocks == blocks && strcmp(message, "") == 0);
    covsamp_schedule_free(schedule);
    covsamp_config_free(c);
    CHECK(h.blocks == 0);
    covsamp_mixture_free(mixture);
}

static void bad_optimal(void)
{
    covsamp_schedule *schedule = NULL;
    double noise[LEVELS] = {0};
    int64_t levels[LEVELS];
    char message[COVSAMP_MESSAGE_BYTES];
    CHECK(covsamp_schedule_new_linear(&schedule, LEVELS, 0.01, 0.4, NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp_schedule_optimal(NULL, noise, 2, levels, message) == COVSAMP_E_NULL);
    CHECK_TEXT(message, "schedule is NULL");
    CHECK(covsamp_schedule_optimal(schedule, NULL, 2, levels, message) == COVSAMP_E_NULL);
    CHECK(covsamp_schedule_optimal(schedule, noise, 2, NULL, message) == COVSAMP_E_NULL);
    CHECK(covsamp_schedule_optimal(schedule, noise, 0, levels, message) == COVSAMP_E_RANGE);
    CHECK(covsamp_schedule_optimal(schedule, noise, LEVELS + 1, levels, message) ==
          COVSAMP_E_RANGE);
    CHECK_TEXT(message, "count is 21");
    noise[3] = -1;
    CHECK(covsamp_schedule_optimal(schedule, noise, 2, levels, message) == COVSAMP_E_RANGE);
    CHECK_TEXT(message, "noise[3] is -1");
    noise[3] = NAN;
    CHECK(covsamp_schedule_optimal(schedule, noise, 2, levels, NULL) == COVSAMP_E_RANGE);
    covsamp_schedule_free(schedule);
}

/* A model that does not know of heads cannot pass for one that does. */
static void no_head(void)
{
    const settings s = {.covariance = COVSAMP_COV_DIAG_MODEL};
    covsamp_mixture *mixture = new_mixture(DIM);
    const covsamp_model model = model_of(mixture);
    covsamp_sampler *sampler = new_sampler(&s);
    CHECK(covsamp_sampler_run(sampler, &model) == COVSAMP_E_NONFINITE);
    CHECK_TEXT(covsamp_sampler_message(sampler), "request->head, which the model must fill");
    covsamp_sampler_free(sampler);
    covsamp_mixture_free(mixture);
}

int main(void)
{
    for (size_t i = 0; i < sizeof data / sizeof data[0]; i++)
        data[i] = (int)(i * 7 % 11) * 0.1 - 0.5;
    bad_configs();
    no_signal();
    bad_calls();
    bad_results();
    runs_again();
    estimate_names_itself();
    stays_open();
    resumed(COVSAMP_CANCELLED, COVSAMP_CANCELLED);
    resumed(-5, COVSAMP_E_MODEL);
    resumed(1, COVSAMP_E_NONFINITE);
    memory();
    bad_optimal();
    no_head();
    return check_done();
}
