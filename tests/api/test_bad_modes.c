/* SPDX-License-Identifier: BSD-3-Clause */
/* Posterior modes that are asked for the impossible, interrupted, or short of memory. */
#include "fixture.h"

#define BATCH 3
#define DIM   5
#define LEVEL 12
#define COUNT 2

static double data[BATCH * DIM];

/* As new_config_with(), without krylov_steps, which the fixture sets. */
static covsamp_config *config_of(const covsamp_allocator *mem)
{
    covsamp_config *c = NULL;
    covsamp_schedule *schedule = NULL;
    const int64_t levels[1] = {LEVELS};
    CHECK(covsamp_config_new(&c, mem) == COVSAMP_OK);
    covsamp_config_set_int(c, COVSAMP_BATCH, BATCH);
    covsamp_config_set_int(c, COVSAMP_DIM, DIM);
    covsamp_config_set_int(c, COVSAMP_DTYPE, COVSAMP_F64);
    CHECK(covsamp_schedule_new_linear(&schedule, LEVELS, 0.01, 0.4, NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp_config_set_schedule(c, schedule, levels, 1) == COVSAMP_OK);
    covsamp_schedule_free(schedule);
    return c;
}

/* covsamp_posterior_modes_new() fails with a sentence of these parts. */
static void refused(covsamp_config *c, int64_t level, int64_t count, covsamp_status expected,
                    const char *part)
{
    covsamp_posterior_modes *m = (covsamp_posterior_modes *)(void *)c;
    CHECK(covsamp_posterior_modes_new(&m, c, level, count) == expected && m == NULL);
    CHECK_TEXT(covsamp_config_message(c), "covsamp_posterior_modes_new: ");
    CHECK_TEXT(covsamp_config_message(c), part);
}

static void accepted(covsamp_config *c, int64_t level, int64_t count)
{
    covsamp_posterior_modes *m = NULL;
    CHECK(covsamp_posterior_modes_new(&m, c, level, count) == COVSAMP_OK && m != NULL);
    CHECK(strcmp(covsamp_config_message(c), "") == 0);
    covsamp_posterior_modes_free(m);
}

static void bad_configs(void)
{
    covsamp_posterior_modes *m = NULL;
    covsamp_config *c = NULL;
    CHECK(covsamp_config_new(&c, NULL) == COVSAMP_OK);
    CHECK(covsamp_posterior_modes_new(&m, NULL, 1, 1) == COVSAMP_E_NULL);
    CHECK(covsamp_posterior_modes_new(NULL, NULL, 1, 1) == COVSAMP_E_NULL);
    CHECK(covsamp_posterior_modes_new(NULL, c, 1, 1) == COVSAMP_E_NULL);
    CHECK_TEXT(covsamp_config_message(c), "covsamp_posterior_modes_new: out is NULL");
    refused(c, 1, 1, COVSAMP_E_RANGE, "batch is not set");
    covsamp_config_set_int(c, COVSAMP_BATCH, 1);
    refused(c, 1, 1, COVSAMP_E_RANGE, "dim is not set");
    covsamp_config_set_int(c, COVSAMP_DIM, 1);
    refused(c, 1, 1, COVSAMP_E_RANGE, "no schedule is set");
    covsamp_config_free(c);
    c = config_of(NULL);
    refused(c, 0, 1, COVSAMP_E_RANGE, "level is 0, must be in 1 ... 20");
    refused(c, -1, 1, COVSAMP_E_RANGE, "level is -1, must be in 1 ... 20");
    refused(c, LEVELS + 1, 1, COVSAMP_E_RANGE, "level is 21, must be in 1 ... 20");
    refused(c, 1, 0, COVSAMP_E_RANGE, "count is 0, must be in 1 ... 5");
    refused(c, 1, -1, COVSAMP_E_RANGE, "count is -1");
    refused(c, 1, DIM + 1, COVSAMP_E_RANGE, "count is 6, must be in 1 ... 5");
    refused(c, 1, INT64_MAX, COVSAMP_E_RANGE, "must be in 1 ... 5");
    refused(c, 1, INT64_MIN, COVSAMP_E_RANGE, "must be in 1 ... 5");
    accepted(c, 1, DIM);
    accepted(c, LEVELS, 1);
    CHECK(covsamp_config_set_int(c, COVSAMP_KRYLOV_STEPS, 3) == COVSAMP_OK);
    refused(c, 1, 4, COVSAMP_E_RANGE, "count is 4, must be in 1 ... 3");
    accepted(c, 1, 3);
    CHECK(covsamp_config_set_int(c, COVSAMP_DIM, INT64_C(1) << 30) == COVSAMP_OK);
    CHECK(covsamp_config_set_int(c, COVSAMP_KRYLOV_STEPS, 65536) == COVSAMP_OK);
    refused(c, 1, 1, COVSAMP_E_RANGE, "65536 products, must be at most 46340");
    CHECK(covsamp_config_set_int(c, COVSAMP_KRYLOV_STEPS, 10) == COVSAMP_OK);
    covsamp_config_set_int(c, COVSAMP_BATCH, INT64_MAX);
    refused(c, 1, 1, COVSAMP_E_NOMEM, "overflow");
    covsamp_config_free(c);
}

/* Where alpha = 0 the posterior is the prior, of which x_t says nothing. */
static void no_signal(void)
{
    static const int64_t top[] = {4};
    covsamp_schedule *flow = NULL;
    covsamp_config *c = config_of(NULL);
    CHECK(covsamp_schedule_new_flow(&flow, 4, NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp_config_set_schedule(c, flow, top, 1) == COVSAMP_OK);
    for (int32_t p = COVSAMP_PREDICTS_NOISE; p <= COVSAMP_PREDICTS_REVERSE; p++) {
        CHECK(covsamp_config_set_int(c, COVSAMP_PREDICTION, p) == COVSAMP_OK);
        refused(c, 4, 1, COVSAMP_E_UNSUPPORTED, "alpha is 0 at level 4, must be above 0");
        accepted(c, 3, 1);
    }
    covsamp_schedule_free(flow);
    covsamp_config_free(c);
}

static covsamp_posterior_modes *new_modes(void)
{
    covsamp_posterior_modes *m = NULL;
    covsamp_config *c = config_of(NULL);
    CHECK(covsamp_posterior_modes_new(&m, c, LEVEL, COUNT) == COVSAMP_OK);
    covsamp_config_free(c);
    return m;
}

static void says(const covsamp_posterior_modes *m, covsamp_status got, covsamp_status expected,
                 const char *part)
{
    CHECK(got == expected);
    CHECK_TEXT(covsamp_posterior_modes_message(m), part);
    CHECK_TEXT(covsamp_posterior_modes_message(m), "covsamp_posterior_modes_");
}

static void bad_calls(void)
{
    const covsamp_request *q = NULL;
    covsamp_mode mode = {.size = sizeof mode};
    covsamp_posterior_modes *m = new_modes();
    double bad[DIM] = {0, 0, NAN, 0, 0};
    CHECK(covsamp_posterior_modes_ask(NULL, &q) == COVSAMP_E_NULL);
    CHECK(covsamp_posterior_modes_tell(NULL, 0) == COVSAMP_E_NULL);
    CHECK(covsamp_posterior_modes_data(NULL, data, DIM, 1) == COVSAMP_E_NULL);
    CHECK(covsamp_posterior_modes_run(NULL, NULL) == COVSAMP_E_NULL);
    CHECK(strcmp(covsamp_posterior_modes_message(NULL), "") == 0);
    CHECK(covsamp_posterior_modes_answer(NULL) == 0);
    covsamp_posterior_modes_free(NULL);
    CHECK(covsamp_posterior_modes_ask(m, &q) == COVSAMP_DONE && q == NULL);
    CHECK(covsamp_posterior_modes_row(m, 0, 0, &mode) == COVSAMP_E_STATE);
    CHECK(covsamp_posterior_modes_space(m, 0, NULL, NULL) == COVSAMP_E_STATE);
    says(m, covsamp_posterior_modes_ask(m, NULL), COVSAMP_E_NULL, "request is NULL");
    says(m, covsamp_posterior_modes_tell(m, 0), COVSAMP_E_STATE, "no request is open");
    says(m, covsamp_posterior_modes_data(m, NULL, DIM, 1), COVSAMP_E_NULL, "the data is NULL");
    says(m, covsamp_posterior_modes_data(m, data, DIM - 1, 1), COVSAMP_E_RANGE,
         "stride is 4, must be at least dim = 5");
    says(m, covsamp_posterior_modes_data(m, data, DIM, 0), COVSAMP_E_RANGE, "samples is 0");
    says(m, covsamp_posterior_modes_data(m, data, DIM, BATCH + 1), COVSAMP_E_RANGE,
         "samples is 4, must be in 1 ... 3");
    says(m, covsamp_posterior_modes_data(m, bad, DIM, 1), COVSAMP_E_NONFINITE,
         "value 2 of sample 0, must be finite");
    CHECK(covsamp_posterior_modes_ask(m, &q) == COVSAMP_DONE); /* none of these was data */
    CHECK(covsamp_posterior_modes_data(m, data, DIM, BATCH) == COVSAMP_OK);
    says(m, covsamp_posterior_modes_data(m, data, DIM, 1), COVSAMP_E_STATE, "not done with");
    CHECK(covsamp_posterior_modes_ask(m, &q) == COVSAMP_OK && q->kind == COVSAMP_ASK_JVP);
    says(m, covsamp_posterior_modes_tell(m, 7), COVSAMP_E_RANGE,
         "answer is 7 (level 12), must be 0,");
    CHECK(covsamp_posterior_modes_row(m, 0, 0, &mode) == COVSAMP_E_STATE);
    CHECK(covsamp_posterior_modes_space(m, 0, NULL, NULL) == COVSAMP_E_STATE);
    covsamp_posterior_modes_free(m);
}

static void bad_models(void)
{
    covsamp_mixture *mixture = new_mixture(DIM);
    const covsamp_model model = model_of(mixture);
    covsamp_model part = model;
    covsamp_posterior_modes *m = new_modes();
    says(m, covsamp_posterior_modes_run(m, &model), COVSAMP_E_STATE, "no x_t was given");
    CHECK(covsamp_posterior_modes_data(m, data, DIM, BATCH) == COVSAMP_OK);
    says(m, covsamp_posterior_modes_run(m, NULL), COVSAMP_E_NULL, "model is NULL");
    part.size = 8;
    says(m, covsamp_posterior_modes_run(m, &part), COVSAMP_E_STRUCT_SIZE, "model->size is 8");
    part = model;
    part.vjp = NULL;
    says(m, covsamp_posterior_modes_run(m, &part), COVSAMP_E_NULL,
         "model->vjp, which symmetrise = average (the default here) needs, is NULL");
    part.jvp = NULL;
    says(m, covsamp_posterior_modes_run(m, &part), COVSAMP_E_NULL, "model->jvp is NULL");
    part = model;
    part.mean = part.mean_jvp = NULL; /* nobody asks for means */
    CHECK(covsamp_posterior_modes_run(m, &part) == COVSAMP_DONE);
    CHECK(covsamp_posterior_modes_run(m, &part) == COVSAMP_DONE);
    CHECK(strcmp(covsamp_posterior_modes_message(m), "") == 0);
    covsamp_posterior_modes_free(m);
    covsamp_mixture_free(mixture);
}

static void bad_results(void)
{
    covsamp_mixture *mixture = new_mixture(DIM);
    const covsamp_model model = model_of(mixture);
    covsamp_mode mode = {.size = sizeof mode};
    covsamp_posterior_modes *m = new_modes();
    CHECK(covsamp_posterior_modes_data(m, data, DIM, BATCH - 1) == COVSAMP_OK);
    CHECK(covsamp_posterior_modes_run(m, &model) == COVSAMP_DONE);
    CHECK(covsamp_posterior_modes_row(NULL, 0, 0, &mode) == COVSAMP_E_NULL);
    CHECK(covsamp_posterior_modes_row(m, 0, 0, NULL) == COVSAMP_E_NULL);
    CHECK(covsamp_posterior_modes_row(m, -1, 0, &mode) == COVSAMP_E_RANGE);
    CHECK(covsamp_posterior_modes_row(m, BATCH - 1, 0, &mode) == COVSAMP_E_RANGE);
    CHECK(covsamp_posterior_modes_row(m, 0, -1, &mode) == COVSAMP_E_RANGE);
    CHECK(covsamp_posterior_modes_row(m, 0, COUNT, &mode) == COVSAMP_E_RANGE);
    CHECK(covsamp_posterior_modes_row(m, BATCH - 2, COUNT - 1, &mode) == COVSAMP_OK);
    mode.size = 16;
    CHECK(covsamp_posterior_modes_row(m, 0, 0, &mode) == COVSAMP_E_STRUCT_SIZE);
    CHECK(covsamp_posterior_modes_space(NULL, 0, NULL, NULL) == COVSAMP_E_NULL);
    CHECK(covsamp_posterior_modes_space(m, BATCH - 1, NULL, NULL) == COVSAMP_E_RANGE);
    CHECK(covsamp_posterior_modes_space(m, -1, NULL, NULL) == COVSAMP_E_RANGE);
    CHECK(covsamp_posterior_modes_space(m, 0, NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp_posterior_modes_data(m, data, DIM, 1) == COVSAMP_OK); /* forgets */
    mode.size = sizeof mode;
    CHECK(covsamp_posterior_modes_row(m, 0, 0, &mode) == COVSAMP_E_STATE);
    covsamp_posterior_modes_free(m);
    covsamp_mixture_free(mixture);
}

/* ---- a network that fails now and then, or that does not know of VJPs ---- */

typedef struct {
    covsamp_mixture *mixture;
    covsamp_posterior_modes *modes;
    int calls, every, progress;
    int32_t answer; /* 1: success, and a NaN */
} moody;

static int32_t sometimes(void *user, const covsamp_request *q)
{
    moody *m = user;
    CHECK(covsamp_posterior_modes_tell(m->modes, 0) == COVSAMP_E_STATE);
    CHECK(covsamp_posterior_modes_data(m->modes, data, DIM, 1) == COVSAMP_E_STATE);
    if (++m->calls % m->every != 0)
        return covsamp_mixture_answer(m->mixture, q);
    if (m->answer != 1)
        return m->answer;
    covsamp_mixture_answer(m->mixture, q);
    ((double *)(q->product != NULL ? q->product : q->transposed))[q->batch * DIM - 1] = NAN;
    return 0;
}

static int32_t progress(void *user, const covsamp_request *q)
{
    moody *m = user;
    CHECK(q->kind == COVSAMP_ASK_STEP && q->product == NULL && q->transposed == NULL);
    CHECK(q->v == NULL && q->step == m->progress && q->steps == DIM);
    return ++m->progress % 2 == 0 ? COVSAMP_CANCELLED : 0;
}

/* However often it is interrupted, the same comes out. */
static void resumed(int32_t answer, covsamp_status expected)
{
    covsamp_mode whole[COUNT], part;
    moody mood = {.mixture = new_mixture(DIM), .every = 3, .answer = answer};
    covsamp_model model = model_of(mood.mixture);
    covsamp_posterior_modes *m = new_modes();
    CHECK(covsamp_posterior_modes_data(m, data, DIM, BATCH) == COVSAMP_OK);
    CHECK(covsamp_posterior_modes_run(m, &model) == COVSAMP_DONE);
    mood.modes = new_modes();
    CHECK(covsamp_posterior_modes_data(mood.modes, data, DIM, BATCH) == COVSAMP_OK);
    model.jvp = model.vjp = sometimes;
    model.model_user = model.progress_user = &mood;
    model.progress = progress;
    int interruptions = 0;
    covsamp_status status;
    while ((status = covsamp_posterior_modes_run(mood.modes, &model)) != COVSAMP_DONE &&
           ++interruptions < 1000)
        CHECK(status == expected || status == COVSAMP_CANCELLED);
    CHECK(status == COVSAMP_DONE && interruptions > 3);
    for (int j = 0; j < COUNT; j++) {
        whole[j].size = part.size = sizeof part;
        CHECK(covsamp_posterior_modes_row(m, BATCH - 1, j, &whole[j]) == COVSAMP_OK);
        CHECK(covsamp_posterior_modes_row(mood.modes, BATCH - 1, j, &part) == COVSAMP_OK);
        CHECK(part.value == whole[j].value && part.residual == whole[j].residual);
        CHECK(memcmp(part.vector, whole[j].vector, DIM * sizeof(double)) == 0);
    }
    covsamp_posterior_modes_free(m);
    covsamp_posterior_modes_free(mood.modes);
    covsamp_mixture_free(mood.mixture);
}

static void stays_open(void)
{
    const covsamp_request *q = NULL, *again = NULL;
    covsamp_mixture *mixture = new_mixture(DIM);
    covsamp_posterior_modes *m = new_modes();
    CHECK(covsamp_posterior_modes_data(m, data, DIM, 2) == COVSAMP_OK);
    CHECK(covsamp_posterior_modes_ask(m, &q) == COVSAMP_OK && q->batch == 2);
    const uint64_t point = q->point;
    says(m, covsamp_posterior_modes_tell(m, -123), COVSAMP_E_MODEL, "is -123 (level 12)");
    CHECK(covsamp_posterior_modes_answer(m) == -123);
    CHECK(covsamp_posterior_modes_ask(m, &again) == COVSAMP_OK && again == q);
    CHECK(covsamp_mixture_answer(mixture, q) == 0);
    ((double *)q->product)[DIM + 1] = INFINITY;
    says(m, covsamp_posterior_modes_tell(m, 0), COVSAMP_E_NONFINITE,
         "product holds a NaN or infinity at value 1 of sample 1 (level 12)");
    CHECK(covsamp_mixture_answer(mixture, q) == 0);
    CHECK(covsamp_posterior_modes_tell(m, COVSAMP_CANCELLED) == COVSAMP_CANCELLED);
    CHECK(covsamp_posterior_modes_tell(m, 0) == COVSAMP_OK);
    CHECK(covsamp_posterior_modes_ask(m, &q) == COVSAMP_OK && q->kind == COVSAMP_ASK_VJP);
    CHECK(q->point == point && q->product == NULL && q->mean == NULL && q->transposed != NULL);
    says(m, covsamp_posterior_modes_tell(m, 0), COVSAMP_E_NONFINITE,
         "request->transposed, which the model must fill"); /* a model that does not */
    CHECK(covsamp_posterior_modes_ask(m, &again) == COVSAMP_OK && again == q);
    CHECK(covsamp_mixture_answer(mixture, q) == 0);
    CHECK(covsamp_posterior_modes_tell(m, 0) == COVSAMP_OK);
    CHECK(covsamp_posterior_modes_ask(m, &q) == COVSAMP_OK && q->kind == COVSAMP_ASK_JVP);
    CHECK(q->point == point && q->step == 1);
    covsamp_posterior_modes_free(m);
    covsamp_mixture_free(mixture);
}

/* With check_finite = 0 nothing crashes either: an eigenvalue iteration on NaN fails or gives NaN.
 */
static void unchecked(void)
{
    covsamp_mixture *mixture = new_mixture(DIM);
    moody mood = {.mixture = mixture, .every = 1, .answer = 1};
    covsamp_model model = model_of(mixture);
    covsamp_config *c = config_of(NULL);
    covsamp_mode mode = {.size = sizeof mode};
    const covsamp_request *q = NULL;
    CHECK(covsamp_config_set_int(c, COVSAMP_CHECK_FINITE, 0) == COVSAMP_OK);
    CHECK(covsamp_posterior_modes_new(&mood.modes, c, LEVEL, COUNT) == COVSAMP_OK);
    CHECK(covsamp_posterior_modes_data(mood.modes, data, DIM, BATCH) == COVSAMP_OK);
    model.jvp = model.vjp = sometimes;
    model.model_user = &mood;
    const covsamp_status status = covsamp_posterior_modes_run(mood.modes, &model);
    CHECK(status == COVSAMP_DONE || status == COVSAMP_E_LINALG);
    if (status == COVSAMP_E_LINALG) {
        CHECK_TEXT(covsamp_posterior_modes_message(mood.modes), "did not converge");
        says(mood.modes, covsamp_posterior_modes_ask(mood.modes, &q), COVSAMP_E_STATE, "ended");
        CHECK(covsamp_posterior_modes_row(mood.modes, 0, 0, &mode) == COVSAMP_E_STATE);
    } else {
        CHECK(covsamp_posterior_modes_row(mood.modes, BATCH - 1, 0, &mode) == COVSAMP_OK);
        CHECK(mode.converged == 0); /* a NaN is no residual */
    }
    const covsamp_model good = model_of(mixture);
    CHECK(covsamp_posterior_modes_data(mood.modes, data, DIM, BATCH) == COVSAMP_OK);
    CHECK(covsamp_posterior_modes_run(mood.modes, &good) == COVSAMP_DONE);
    CHECK(covsamp_posterior_modes_row(mood.modes, BATCH - 1, 0, &mode) == COVSAMP_OK);
    CHECK(mode.converged == 1);
    covsamp_posterior_modes_free(mood.modes);
    covsamp_config_free(c);
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
    covsamp_posterior_modes *m = NULL;
    covsamp_config *c = config_of(&mem);
    h.fail_at = h.calls + 1;
    refused(c, LEVEL, COUNT, COVSAMP_E_NOMEM, "no memory");
    const int calls = h.calls;
    CHECK(covsamp_posterior_modes_new(&m, c, LEVEL, COUNT) == COVSAMP_OK);
    CHECK(h.calls == calls + 1); /* one block */
    covsamp_config_free(c);
    for (int i = 0; i < 2; i++) {
        CHECK(covsamp_posterior_modes_data(m, data, DIM, BATCH) == COVSAMP_OK);
        CHECK(covsamp_posterior_modes_run(m, &model) == COVSAMP_DONE);
    }
    CHECK(h.calls == calls + 1 && h.blocks == 1);
    covsamp_posterior_modes_free(m);
    CHECK(h.blocks == 0);
    covsamp_mixture_free(mixture);
}

int main(void)
{
    for (size_t i = 0; i < sizeof data / sizeof data[0]; i++)
        data[i] = (int)(i * 7 % 11) * 0.1 - 0.5;
    bad_configs();
    no_signal();
    bad_calls();
    bad_models();
    bad_results();
    stays_open();
    resumed(COVSAMP_CANCELLED, COVSAMP_CANCELLED);
    resumed(-5, COVSAMP_E_MODEL);
    resumed(1, COVSAMP_E_NONFINITE);
    unchecked();
    memory();
    return check_done();
}
