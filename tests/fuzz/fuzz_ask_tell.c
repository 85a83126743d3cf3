/* SPDX-License-Identifier: BSD-3-Clause */
/* Any order of calls on a sampler, with wild answers, wild numbers and callbacks that call back: no
 * crash, no leak, every misuse is E_STATE, every error has a sentence, and what was open stays
 * open. What must come back is known here from the state table of docs/ask-tell.md. */
#include <covsamp/covsamp.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 3
#define DIM   4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NO, YES, UNKNOWN };

typedef struct {
    covsamp_sampler *s;
    const uint8_t *data;
    size_t size, at;
    int open;              /* is a request open? */
    int failed, cancelled; /* the run has ended by an error; cancel() was called and not yet seen */
    const covsamp_request *q; /* the open one, as ask() gave it */
    uint64_t point;
    int32_t kind;
} world;

static void expect(int ok, const char *what, const world *w, covsamp_status status)
{
    if (ok)
        return;
    fprintf(stderr, "%s: %s, \"%s\"\n", what, covsamp_status_name(status),
            covsamp_sampler_message(w->s));
    abort();
}

/* An error has a sentence, anything else has none. */
static void expect_sentence(const world *w, covsamp_status status)
{
    const int sentence = covsamp_sampler_message(w->s)[0] != '\0';
    expect(sentence == (status < 0), "a sentence for errors and only for them", w, status);
}

static uint8_t next(world *w)
{
    return w->at < w->size ? w->data[w->at++] : 0;
}

static covsamp_sampler *make(world *w)
{
    static const char *const covariances[] = {"none",  "small",           "large",      "krylov",
                                              "dense", "state_isotropic", "diag_probe", "spectral"};
    static const int64_t levels[4] = {10, 6, 3, 1};
    const uint8_t choice = next(w), more = next(w);
    covsamp_schedule *schedule;
    covsamp_config *config;
    covsamp_sampler *sampler;
    if (covsamp_config_new(&config, NULL) != COVSAMP_OK ||
        covsamp_schedule_new_linear(&schedule, 10, 1e-3, 0.3, NULL, NULL) != COVSAMP_OK)
        abort();
    covsamp_config_set_int(config, COVSAMP_BATCH, BATCH);
    covsamp_config_set_int(config, COVSAMP_DIM, DIM);
    covsamp_config_set_int(config, COVSAMP_WIDTH, DIM);
    covsamp_config_set_by_name(config, "covariance", covariances[choice % 8]);
    covsamp_config_set_by_name(config, "dtype", choice & 8 ? "f32" : "f64");
    covsamp_config_set_by_name(config, "noise", choice & 16 ? "ask" : "philox-1");
    covsamp_config_set_by_name(config, "clip_x0", choice & 32 ? "1" : "0");
    covsamp_config_set_by_name(config, "report_steps", choice & 64 ? "1" : "0");
    covsamp_config_set_by_name(config, "check_finite", choice & 128 ? "0" : "1");
    covsamp_config_set_by_name(config, "symmetrise", more & 1 ? "average" : "project");
    covsamp_config_set_int(config, COVSAMP_TANGENTS, 1 + (more >> 1 & 3));
    covsamp_config_set_int(config, COVSAMP_MEAN_JVP, more >> 3 & 1);
    covsamp_config_set_real(config, COVSAMP_GUIDANCE, more & 16 ? 0.5 : 0);
    covsamp_config_set_real(config, COVSAMP_CFG, more & 32 ? 0.5 : 0);
    covsamp_config_set_int(config, COVSAMP_BRANCHES, 1 + (more >> 6 & 1));
    covsamp_config_set_schedule(config, schedule, levels, 4);
    if (covsamp_sampler_new(&sampler, config) != COVSAMP_OK && *covsamp_config_message(config) == 0)
        abort(); /* a combination that is refused has a sentence */
    covsamp_config_free(config);
    covsamp_schedule_free(schedule);
    return sampler;
}

/* Small numbers, or bytes of the input over and over: NaN, infinities and denormals among them. */
static void fill(world *w, const covsamp_request *q, void *out, int64_t tangents)
{
    const int wild = next(w) % 8 == 0;
    const int64_t n = (tangents - 1) * q->tangent_stride + (q->batch - 1) * q->stride + q->dim;
    const size_t bytes = q->dtype == COVSAMP_F32 ? sizeof(float) : sizeof(double);
    for (int64_t i = 0; out != NULL && i < n; i++) {
        const double small = (double)(int8_t)next(w) / 64;
        const float single = (float)small;
        unsigned char *to = (unsigned char *)out + (size_t)i * bytes;
        memcpy(to, bytes == sizeof single ? (const void *)&single : &small, bytes);
        for (size_t k = 0; wild && k < bytes; k++)
            to[k] = next(w);
    }
}

static void fill_all(world *w, const covsamp_request *q)
{
    fill(w, q, q->mean, 1);
    fill(w, q, q->noise, 1);
    fill(w, q, q->head, 1);
    fill(w, q, q->gradient, 1);
    fill(w, q, q->other_mean, 1);
    fill(w, q, q->other_product, q->tangents);
    fill(w, q, q->product, q->tangents);
    fill(w, q, q->transposed, q->tangents);
}

static void ask(world *w)
{
    const covsamp_request *q = NULL;
    const covsamp_status status = covsamp_sampler_ask(w->s, &q);
    expect_sentence(w, status);
    expect((q != NULL) == (status == COVSAMP_OK), "a request if and only if OK", w, status);
    expect((status == COVSAMP_E_STATE) == w->failed, "E_STATE after a failure", w, status);
    if (status == COVSAMP_CANCELLED)
        expect(w->cancelled, "cancelled without a cause", w, status);
    else
        expect(!w->cancelled || status == COVSAMP_DONE || w->failed, "a cancel lost", w, status);
    if (status == COVSAMP_CANCELLED)
        w->cancelled = 0;
    if (status == COVSAMP_OK) {
        if (w->open == YES)
            expect(q->point == w->point && q->kind == w->kind, "another request", w, status);
        w->open = YES;
        w->q = q;
        w->point = q->point;
        w->kind = q->kind;
    } else if (status != COVSAMP_CANCELLED) {
        expect(w->open != YES, "an open request that is gone", w, status);
        w->open = NO;
    }
    w->failed = w->failed || status == COVSAMP_E_LINALG || status == COVSAMP_E_OVERFLOW;
}

static void tell(world *w, int32_t answer)
{
    if (w->open == YES && answer == 0)
        fill_all(w, w->q);
    const covsamp_status status = covsamp_sampler_tell(w->s, answer);
    expect_sentence(w, status);
    if (w->open == NO)
        expect(status == COVSAMP_E_STATE, "an answer to nothing", w, status);
    if (w->open != YES)
        return;
    if (answer == 0)
        expect(status == COVSAMP_OK || status == COVSAMP_E_NONFINITE, "told 0", w, status);
    else if (answer == COVSAMP_CANCELLED)
        expect(status == COVSAMP_CANCELLED, "told CANCELLED", w, status);
    else
        expect(status == (answer < 0 ? COVSAMP_E_MODEL : COVSAMP_E_RANGE), "told", w, status);
    if (answer < 0)
        expect(covsamp_sampler_answer(w->s) == answer, "the answer comes back", w, status);
    w->open = status == COVSAMP_OK ? NO : YES;
}

static void restart(world *w, int64_t first_sample)
{
    const covsamp_status status = covsamp_sampler_restart(w->s, next(w), first_sample);
    expect_sentence(w, status);
    expect(status == (first_sample < 0 ? COVSAMP_E_RANGE : COVSAMP_OK), "restart", w, status);
    if (status == COVSAMP_OK)
        w->open = w->failed = w->cancelled = 0;
}

static void set_state(world *w)
{
    static const double x[BATCH * DIM] = {0.5, -1};
    const int in_step = w->open == YES && w->kind < COVSAMP_ASK_NOISE;
    const covsamp_status status = covsamp_sampler_set_state(w->s, x, DIM);
    expect_sentence(w, status);
    expect(status == COVSAMP_OK || status == COVSAMP_E_STATE, "set_state", w, status);
    expect(!(in_step || w->failed) || status == COVSAMP_E_STATE, "set within a step", w, status);
    if (status == COVSAMP_OK)
        w->open = UNKNOWN; /* an open request for noise at the start is given up */
}

static int32_t answer(void *user, const covsamp_request *q);

static covsamp_status drive(world *w, int one)
{
    const uint8_t lacks = next(w);
    struct {
        covsamp_model model;
        unsigned char tail[256];
    } padded;
    covsamp_model model = {.size = sizeof model,
                           .model_user = w,
                           .mean = lacks == 1 ? NULL : answer,
                           .jvp = lacks == 2 ? NULL : answer,
                           .mean_jvp = lacks & 1 ? NULL : answer,
                           .noise_user = w,
                           .noise = lacks == 4 ? NULL : answer,
                           .progress_user = w,
                           .progress = lacks & 8 ? NULL : answer,
                           .vjp = lacks == 6 ? NULL : answer,
                           .guide_user = w,
                           .guide = lacks == 5 ? NULL : answer};
    memset(padded.tail, lacks & 16, sizeof padded.tail); /* fields from the future, set or not */
    if (lacks % 8 == 7)
        model.size = next(w);
    padded.model = model;
    const covsamp_status status =
        one ? covsamp_sampler_step(w->s, &padded.model) : covsamp_sampler_run(w->s, &padded.model);
    if (model.size > sizeof model && lacks & 16)
        expect(status == COVSAMP_E_STRUCT_SIZE || status == COVSAMP_E_STATE, "a dirty tail", w,
               status);
    return status;
}

/* A callback: calls back, which must fail, and answers somehow. */
static int32_t answer(void *user, const covsamp_request *q)
{
    static const double x[BATCH * DIM] = {0};
    world *w = user;
    const uint8_t byte = next(w);
    const covsamp_request *own;
    covsamp_status status = COVSAMP_E_STATE;
    if (byte % 16 == 1)
        status = covsamp_sampler_ask(w->s, &own);
    else if (byte % 16 == 2)
        status = covsamp_sampler_tell(w->s, 0);
    else if (byte % 16 == 3)
        status = covsamp_sampler_restart(w->s, 0, 0);
    else if (byte % 16 == 4)
        status = covsamp_sampler_set_state(w->s, x, DIM);
    else if (byte % 16 == 5)
        status = drive(w, byte & 16);
    else if (byte % 16 == 6)
        covsamp_sampler_cancel(w->s);
    expect(status == COVSAMP_E_STATE, "a callback calls back", w, status);
    if (byte % 16 > 0 && byte % 16 < 6)
        expect_sentence(w, status);
    if (q->kind != COVSAMP_ASK_STEP)
        fill_all(w, q);
    return byte < 224 ? 0 : (int32_t)byte - 240; /* now and then -16 ... 15 */
}

static void run(world *w, int one)
{
    const covsamp_status status = drive(w, one);
    expect_sentence(w, status);
    expect(status != COVSAMP_E_STATE || w->failed, "E_STATE without a cause", w, status);
    if (status == COVSAMP_E_NULL || status == COVSAMP_E_STRUCT_SIZE)
        return; /* nothing happened */
    expect(!w->failed || status == COVSAMP_E_STATE, "a run after a failure", w, status);
    w->failed = w->failed || status == COVSAMP_E_LINALG || status == COVSAMP_E_OVERFLOW;
    w->open = status == COVSAMP_DONE || w->failed ? NO : UNKNOWN;
    restart(w, next(w)); /* whether a cancel is still to come is not known either */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    world w = {.data = data, .size = size};
    w.s = make(&w);
    while (w.s != NULL && w.at < size) {
        const uint8_t byte = next(&w);
        switch (byte % 16) {
        case 0:
        case 1:
        case 2:
        case 3:
            ask(&w);
            break;
        case 4:
        case 5:
        case 6:
        case 7:
            tell(&w, 0);
            break;
        case 8:
            tell(&w, (int32_t)byte - 128);
            break;
        case 9:
            tell(&w, (int32_t)next(&w) - 16);
            break;
        case 10:
            restart(&w, (int64_t)next(&w) - 8);
            break;
        case 11:
            set_state(&w);
            break;
        case 12:
            run(&w, 0);
            break;
        case 13:
            run(&w, 1);
            break;
        default:
            covsamp_sampler_cancel(w.s);
            w.cancelled = 1;
        }
    }
    covsamp_sampler_free(w.s);
    return 0;
}
