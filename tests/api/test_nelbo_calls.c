/* SPDX-License-Identifier: BSD-3-Clause */
/* Likelihood bounds by hand and by callbacks, interrupted, under models that fail, and short of
 * memory: the same numbers, or a sentence. */
#include "fixture.h"

#define BATCH   3
#define DIM     5
#define TERMS   5
#define SAMPLES 20

static double data[SAMPLES * DIM];

typedef struct {
    covsamp_nelbo_term row[TERMS];
    covsamp_nelbo_total total;
} outcome;

static outcome outcome_of(const covsamp_nelbo *n)
{
    outcome o;
    memset(&o, 0, sizeof o);
    for (int i = 0; i < TERMS; i++) {
        o.row[i].size = sizeof o.row[i];
        CHECK(covsamp_nelbo_row(n, i, &o.row[i]) == COVSAMP_OK);
    }
    o.total.size = sizeof o.total;
    CHECK(covsamp_nelbo_sum(n, &o.total) == COVSAMP_OK);
    return o;
}

static covsamp_nelbo *new_nelbo_in(const settings *s, int64_t bins, const covsamp_allocator *mem)
{
    covsamp_nelbo *n = NULL;
    covsamp_config *c = new_config_with(s, mem);
    if (!CHECK(covsamp_nelbo_new(&n, c, bins) == COVSAMP_OK))
        fprintf(stderr, "    %s\n", covsamp_config_message(c));
    covsamp_config_free(c);
    return n;
}

static covsamp_nelbo *new_nelbo(int64_t covariance)
{
    const settings s = {.covariance = covariance};
    return new_nelbo_in(&s, 0, NULL);
}

static const int64_t covariances[] = {
    COVSAMP_COV_SMALL,      COVSAMP_COV_LARGE,    COVSAMP_COV_STATE_ISOTROPIC,
    COVSAMP_COV_DIAG_PROBE, COVSAMP_COV_SPECTRAL, COVSAMP_COV_KRYLOV,
    COVSAMP_COV_DENSE};
#define COUNT 7

/* ---- by hand ---- */

/* The order of requests: a mean of every level once, all about the whole batch. */
static void by_hand(const settings *s, covsamp_mixture *mixture, const void *x, outcome *o)
{
    const covsamp_request *q = NULL, *again = NULL;
    covsamp_nelbo *n = new_nelbo_in(s, 0, NULL);
    const char *from = x;
    const size_t bytes = dtype_of(s) == COVSAMP_F32 ? 4 : 8;
    uint64_t point = UINT64_MAX; /* seen last */
    for (int64_t seen = 0; seen < SAMPLES; seen += BATCH) {
        const int64_t count = SAMPLES - seen < BATCH ? SAMPLES - seen : BATCH;
        int64_t means = 0;
        CHECK(covsamp_nelbo_data(n, from + (size_t)(seen * DIM) * bytes, DIM, count) == COVSAMP_OK);
        while (covsamp_nelbo_ask(n, &q) == COVSAMP_OK) {
            CHECK(covsamp_nelbo_ask(n, &again) == COVSAMP_OK && again == q);
            CHECK(q->size == sizeof *q && q->batch == BATCH && q->dim == DIM);
            CHECK(q->first_sample == s->first_sample + seen && q->seed == (uint64_t)s->seed);
            CHECK(q->dtype == dtype_of(s) && q->steps == TERMS - 1 && q->branch == 0);
            CHECK((q->kind & COVSAMP_ASK_MEAN) ? q->point != point : q->point == point);
            CHECK(q->step + 1 == means + !!(q->kind & COVSAMP_ASK_MEAN));
            CHECK((q->mean != NULL) == !!(q->kind & COVSAMP_ASK_MEAN));
            CHECK((q->product != NULL) == !!(q->kind & COVSAMP_ASK_JVP));
            CHECK((q->transposed != NULL) == (q->kind == COVSAMP_ASK_VJP));
            means += q->mean != NULL;
            point = q->point;
            CHECK(covsamp_nelbo_tell(n, covsamp_mixture_answer(mixture, q)) == COVSAMP_OK);
        }
        CHECK(means == TERMS - 1);
    }
    CHECK(covsamp_nelbo_answer(n) == 0);
    *o = outcome_of(n);
    covsamp_nelbo_free(n);
}

/* The same bits by hand, by run(), without mean_jvp in the model or in the options, by a stride. */
static void same_bits(int64_t covariance, int32_t dtype, double clip)
{
    settings s = {.covariance = covariance, .dtype = dtype, .clip = clip};
    s.keep_c = covariance == COVSAMP_COV_SPECTRAL;
    s.seed = 77;
    s.first_sample = 1000000007;
    covsamp_mixture *mixture = new_mixture(DIM);
    covsamp_model model = model_of(mixture);
    static double wide[SAMPLES * (DIM + 2)];
    const int64_t strides[] = {DIM, DIM + 2};
    outcome hand;
    for (int k = 0; k < 6; k++) {
        const int64_t stride = strides[k & 1];
        s.separate = k == 2;
        model.mean_jvp = k == 3 ? NULL : covsamp_mixture_answer;
        s.tangents = k == 4 ? 3 : 1;
        s.batch = k == 5 ? 7 : BATCH;
        memset(wide, 0xff, sizeof wide); /* NaNs between the samples */
        for (int64_t i = 0; i < SAMPLES * DIM; i++) {
            const int64_t at = i / DIM * stride + i % DIM;
            if (dtype_of(&s) == COVSAMP_F32)
                ((float *)wide)[at] = (float)data[i];
            else
                wide[at] = data[i];
        }
        if (k == 0)
            by_hand(&s, mixture, wide, &hand);
        covsamp_nelbo *n = new_nelbo_in(&s, 0, NULL);
        CHECK(covsamp_nelbo_run(n, &model, wide, stride, SAMPLES) == COVSAMP_DONE);
        const outcome run = outcome_of(n);
        if (!CHECK(memcmp(&run, &hand, sizeof run) == 0))
            fprintf(stderr, "    covariance %d, case %d\n", (int)covariance, k);
        covsamp_nelbo_free(n);
    }
    CHECK(isfinite(hand.total.nats) && hand.total.samples == SAMPLES);
    covsamp_mixture_free(mixture);
}

/* ---- a network that fails now and then ---- */

typedef struct {
    covsamp_mixture *mixture;
    covsamp_nelbo *nelbo;
    int calls, progress, every;
    int32_t answer; /* 1: success, and a NaN */
} moody;

static int32_t sometimes(void *user, const covsamp_request *q)
{
    moody *m = user;
    const covsamp_request *other = q;
    const covsamp_model model = model_of(m->mixture);
    CHECK(covsamp_nelbo_ask(m->nelbo, &other) == COVSAMP_E_STATE && other == NULL);
    CHECK(covsamp_nelbo_tell(m->nelbo, 0) == COVSAMP_E_STATE);
    CHECK(covsamp_nelbo_data(m->nelbo, data, DIM, 1) == COVSAMP_E_STATE);
    CHECK(covsamp_nelbo_run(m->nelbo, &model, data, DIM, 1) == COVSAMP_E_STATE);
    CHECK_TEXT(covsamp_nelbo_message(m->nelbo),
               "covsamp_nelbo_run: called from a callback of the same nelbo");
    if (++m->calls % m->every != 0)
        return covsamp_mixture_answer(m->mixture, q);
    if (m->answer != 1)
        return m->answer;
    covsamp_mixture_answer(m->mixture, q);
    double *out = q->mean != NULL ? q->mean : q->product != NULL ? q->product : q->transposed;
    out[(int64_t)(m->calls / m->every) % (q->batch * DIM)] = m->calls & 1 ? NAN : -INFINITY;
    return 0;
}

static int32_t progress(void *user, const covsamp_request *q)
{
    moody *m = user;
    CHECK(q->kind == COVSAMP_ASK_STEP && q->mean == NULL && q->product == NULL);
    CHECK(q->transposed == NULL && q->v == NULL && q->head == NULL && q->tangents == 0);
    CHECK(q->step == m->progress % (TERMS - 1));
    return ++m->progress % 5 == 0 ? COVSAMP_CANCELLED : 0;
}

/* However often it is interrupted, the same comes out. */
static void resumed(int64_t covariance, int32_t answer, covsamp_status expected)
{
    moody m = {.mixture = new_mixture(DIM), .every = 4, .answer = answer};
    covsamp_model model = model_of(m.mixture);
    covsamp_nelbo *n = new_nelbo(covariance);
    CHECK(covsamp_nelbo_run(n, &model, data, DIM, SAMPLES) == COVSAMP_DONE);
    const outcome whole = outcome_of(n);
    covsamp_nelbo_free(n);
    m.nelbo = n = new_nelbo(covariance);
    model.mean = model.jvp = model.mean_jvp = model.vjp = sometimes;
    model.model_user = model.progress_user = &m;
    model.progress = progress;
    int interruptions = 0, cancelled = 0;
    covsamp_status status;
    while ((status = covsamp_nelbo_run(n, &model, data, DIM, SAMPLES)) != COVSAMP_DONE &&
           ++interruptions < 2000) {
        CHECK(status == expected || status == COVSAMP_CANCELLED);
        cancelled += status == COVSAMP_CANCELLED;
        CHECK(strcmp(covsamp_nelbo_message(n), "") != 0 || status == COVSAMP_CANCELLED);
    }
    CHECK(status == COVSAMP_DONE && interruptions > 7 && cancelled > 3);
    CHECK(strcmp(covsamp_nelbo_message(n), "") == 0);
    CHECK(m.progress == 7 * (TERMS - 1)); /* 7 batches, each of its steps once */
    const outcome parts = outcome_of(n);
    CHECK(memcmp(&whole, &parts, sizeof whole) == 0);
    covsamp_nelbo_free(n);
    covsamp_mixture_free(m.mixture);
}

static int32_t refuses(void *user, const covsamp_request *q)
{
    (void)q;
    return *(int32_t *)user;
}

static void bad_progress(void)
{
    covsamp_mixture *mixture = new_mixture(DIM);
    covsamp_model model = model_of(mixture);
    int32_t answer = -9;
    covsamp_nelbo *n = new_nelbo(COVSAMP_COV_SMALL);
    model.progress = refuses;
    model.progress_user = &answer;
    CHECK(covsamp_nelbo_run(n, &model, data, DIM, 4) == COVSAMP_E_MODEL);
    CHECK_TEXT(covsamp_nelbo_message(n), "covsamp_nelbo_run: the answer of model->progress is -9");
    CHECK(covsamp_nelbo_answer(n) == -9);
    answer = 0;
    CHECK(covsamp_nelbo_run(n, &model, data, DIM, 4) == COVSAMP_DONE);
    const outcome o = outcome_of(n);
    CHECK(o.total.samples == 4);
    covsamp_nelbo_free(n);
    covsamp_mixture_free(mixture);
}

/* ---- models that know less ---- */

/* Never heard of VJPs: leaves `transposed` alone. */
static int32_t ignores_transposed(void *user, const covsamp_request *q)
{
    return q->kind == COVSAMP_ASK_VJP ? 0 : covsamp_mixture_answer(user, q);
}

static void ignorant_models(void)
{
    covsamp_mixture *mixture = new_mixture(DIM);
    covsamp_model model = model_of(mixture);
    covsamp_nelbo *n = new_nelbo(COVSAMP_COV_KRYLOV);
    model.vjp = ignores_transposed;
    CHECK(covsamp_nelbo_run(n, &model, data, DIM, 4) == COVSAMP_E_NONFINITE);
    CHECK_TEXT(covsamp_nelbo_message(n), "covsamp_nelbo_run: the model's transposed product "
                                         "(request->transposed, which the model must fill)");
    CHECK_TEXT(covsamp_nelbo_message(n), "value 0 of sample 0 (step 0 of 4, level 20)");
    model.vjp = covsamp_mixture_answer;
    CHECK(covsamp_nelbo_run(n, &model, data, DIM, 4) == COVSAMP_DONE);
    covsamp_nelbo_free(n);
    n = new_nelbo(COVSAMP_COV_DIAG_MODEL);
    CHECK(covsamp_nelbo_run(n, &model, data, DIM, 4) == COVSAMP_E_NONFINITE);
    CHECK_TEXT(covsamp_nelbo_message(n), "request->head, which the model must fill");
    covsamp_nelbo_free(n);
    covsamp_mixture_free(mixture);
}

static void stays_open(void)
{
    const covsamp_request *q = NULL, *again = NULL;
    covsamp_mixture *mixture = new_mixture(DIM);
    covsamp_nelbo *n = new_nelbo(COVSAMP_COV_KRYLOV);
    CHECK(covsamp_nelbo_data(n, data, DIM, 2) == COVSAMP_OK);
    CHECK(covsamp_nelbo_ask(n, &q) == COVSAMP_OK);
    const uint64_t point = q->point;
    CHECK(covsamp_nelbo_tell(n, -123) == COVSAMP_E_MODEL && covsamp_nelbo_answer(n) == -123);
    CHECK_TEXT(covsamp_nelbo_message(n), "covsamp_nelbo_tell: the answer to a request of kind 3");
    CHECK_TEXT(covsamp_nelbo_message(n), "is -123 (level 20)");
    CHECK(covsamp_nelbo_ask(n, &again) == COVSAMP_OK && again == q && q->point == point);
    CHECK(covsamp_mixture_answer(mixture, q) == 0);
    ((double *)q->product)[DIM + 1] = NAN;
    CHECK(covsamp_nelbo_tell(n, 0) == COVSAMP_E_NONFINITE);
    CHECK_TEXT(covsamp_nelbo_message(n), "covsamp_nelbo_tell: the model's product holds a NaN");
    CHECK_TEXT(covsamp_nelbo_message(n), "value 1 of sample 1");
    CHECK(covsamp_mixture_answer(mixture, q) == 0);
    CHECK(covsamp_nelbo_tell(n, COVSAMP_CANCELLED) == COVSAMP_CANCELLED);
    CHECK(covsamp_nelbo_answer(n) == COVSAMP_CANCELLED);
    CHECK(covsamp_nelbo_tell(n, 0) == COVSAMP_OK);
    CHECK(covsamp_nelbo_ask(n, &q) == COVSAMP_OK && q->kind == COVSAMP_ASK_VJP);
    CHECK(q->point == point && q->transposed != NULL && q->product == NULL);
    CHECK(isnan(((double *)q->transposed)[0]));
    CHECK(isnan(((double *)q->transposed)[BATCH * DIM - 1]));
    covsamp_nelbo_free(n);
    covsamp_mixture_free(mixture);
}

/* Data that fails in the middle, or is done with: the next run begins at its own beginning. */
static void runs_again(void)
{
    covsamp_mixture *mixture = new_mixture(DIM);
    const covsamp_model model = model_of(mixture);
    covsamp_nelbo *n = new_nelbo(COVSAMP_COV_DIAG_PROBE);
    double bad[7 * DIM];
    memcpy(bad, data, sizeof bad);
    bad[4 * DIM + 2] = NAN;
    CHECK(covsamp_nelbo_run(n, &model, bad, DIM, 7) == COVSAMP_E_NONFINITE);
    CHECK_TEXT(covsamp_nelbo_message(n), "covsamp_nelbo_run: the data holds a NaN");
    CHECK_TEXT(covsamp_nelbo_message(n), "value 2 of sample 4");
    CHECK(outcome_of(n).total.samples == BATCH && outcome_of(n).row[3].samples == BATCH);
    CHECK(covsamp_nelbo_run(n, &model, data, DIM, 7) == COVSAMP_DONE);
    CHECK(outcome_of(n).total.samples == BATCH + 7);
    CHECK(covsamp_nelbo_run(n, &model, data, DIM, 7) == COVSAMP_DONE);
    CHECK(outcome_of(n).total.samples == BATCH + 14);
    covsamp_nelbo_free(n);
    /* the last numbers there are, a batch of which is not full */
    const settings s = {.covariance = COVSAMP_COV_KRYLOV, .first_sample = INT64_MAX - BATCH};
    n = new_nelbo_in(&s, 0, NULL);
    CHECK(covsamp_nelbo_run(n, &model, data, DIM, 1) == COVSAMP_DONE);
    CHECK(covsamp_nelbo_run(n, &model, data, DIM, 1) == COVSAMP_E_RANGE);
    CHECK_TEXT(covsamp_nelbo_message(n), "numbers below 2^63");
    CHECK(outcome_of(n).total.samples == 1);
    covsamp_nelbo_free(n);
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
    void *p = aligned_alloc(align, bytes);
    memset(p, 0xa5, bytes); /* the library must not count on zeros */
    return p;
}

static void heap_release(void *user, void *pointer, size_t bytes)
{
    memset(pointer, 0x5a, bytes);
    ((heap *)user)->blocks--;
    free(pointer);
}

static void memory(int64_t covariance)
{
    heap h = {0, 0, 0};
    const covsamp_allocator mem = {sizeof mem, heap_alloc, heap_release, &h};
    const settings s = {.covariance = covariance};
    covsamp_mixture *mixture = new_mixture(DIM);
    const covsamp_model model = model_of(mixture);
    covsamp_nelbo *n = new_nelbo(covariance), *failed = NULL;
    CHECK(covsamp_nelbo_run(n, &model, data, DIM, SAMPLES) == COVSAMP_DONE);
    const outcome plain = outcome_of(n);
    covsamp_nelbo_free(n);
    covsamp_config *c = new_config_with(&s, &mem);
    const int blocks = h.blocks;
    h.fail_at = h.calls + 1;
    CHECK(covsamp_nelbo_new(&failed, c, 0) == COVSAMP_E_NOMEM && failed == NULL);
    CHECK_TEXT(covsamp_config_message(c), "covsamp_nelbo_new: no memory for ");
    CHECK(h.blocks == blocks);
    CHECK(covsamp_nelbo_new(&n, c, 0) == COVSAMP_OK && h.blocks == blocks + 1);
    covsamp_config_free(c);
    const int calls = h.calls;
    CHECK(covsamp_nelbo_run(n, &model, data, DIM, SAMPLES) == COVSAMP_DONE);
    const outcome own = outcome_of(n);
    CHECK(memcmp(&plain, &own, sizeof own) == 0);
    CHECK(h.calls == calls);
    covsamp_nelbo_free(n);
    /* what is found wrong after the block was taken gives it back */
    covsamp_schedule *flow = NULL;
    CHECK(covsamp_schedule_new_flow(&flow, 4, NULL, NULL) == COVSAMP_OK);
    c = new_config_with(&s, &mem);
    CHECK(covsamp_config_set_schedule(c, flow, (const int64_t[]){4}, 1) == COVSAMP_OK);
    CHECK(covsamp_nelbo_new(&n, c, 0) == COVSAMP_E_UNSUPPORTED && n == NULL);
    covsamp_config_free(c);
    CHECK(h.blocks == 0);
    covsamp_schedule_free(flow);
    covsamp_mixture_free(mixture);
}

int main(void)
{
    for (size_t i = 0; i < sizeof data / sizeof data[0]; i++)
        data[i] = (int)(i * 7 % 11) * 0.1 - 0.5;
    for (int i = 0; i < COUNT; i++) {
        same_bits(covariances[i], COVSAMP_F64, 0);
        same_bits(covariances[i], COVSAMP_F32, 0.4);
        resumed(covariances[i], COVSAMP_CANCELLED, COVSAMP_CANCELLED);
        resumed(covariances[i], -5, COVSAMP_E_MODEL);
        resumed(covariances[i], 1, COVSAMP_E_NONFINITE);
        memory(covariances[i]);
    }
    bad_progress();
    ignorant_models();
    stays_open();
    runs_again();
    return check_done();
}
