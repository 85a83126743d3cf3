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
    int known;      /* option known: set_known() has room */
    uint8_t *saved; /* the last string that save() wrote, or NULL */
    size_t saved_size;
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
    static const char *const covariances[] = {
        "none",       "small",    "large",    "krylov",    "dense", "state_isotropic",
        "diag_probe", "spectral", "analytic", "diag_model"};
    static const char *const solvers[] = {"ancestral", "euler",        "heun",  "dpmpp_2m",
                                          "dpmpp_2s",  "dpmpp_2m_sde", "addim", "ancestral"};
    static const char *const heads[] = {"ocm", "sn", "npr", "iddpm"};
    static const double table[10] = {.9, .8, .7, .6, .5, .4, .3, .2, .1, 0};
    static const int64_t levels[4] = {10, 6, 3, 1};
    const uint8_t choice = next(w), more = next(w), kind = next(w);
    covsamp_schedule *schedule;
    covsamp_config *config;
    covsamp_sampler *sampler;
    if (covsamp_config_new(&config, NULL) != COVSAMP_OK ||
        covsamp_schedule_new_linear(&schedule, 10, 1e-3, 0.3, NULL, NULL) != COVSAMP_OK)
        abort();
    covsamp_config_set_int(config, COVSAMP_BATCH, BATCH);
    covsamp_config_set_int(config, COVSAMP_DIM, DIM);
    covsamp_config_set_int(config, COVSAMP_WIDTH, DIM);
    const int covariance = kind & 8 ? 8 : kind & 16 ? 9 : choice % 8;
    if (kind % 8 == 0) /* other solvers have none to choose */
        covsamp_config_set_by_name(config, "covariance", covariances[covariance]);
    covsamp_config_set_by_name(config, "solver", solvers[kind % 8]);
    covsamp_config_set_by_name(config, "head", heads[kind >> 6]);
    covsamp_config_set_int(config, COVSAMP_GUIDED_JACOBIAN, kind >> 5 & 1);
    covsamp_config_set_table(config, COVSAMP_TABLE_NOISE, table, 10);
    covsamp_config_set_table(config, COVSAMP_TABLE_X0_ERROR, table, 10);
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
    w->known = more >> 7;
    covsamp_config_set_int(config, COVSAMP_KNOWN, w->known);
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
    fill(w, q, q->other_head, 1);
    fill(w, q, q->other_transposed, q->tangents);
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

static int in_step(const world *w)
{
    return w->open == YES && w->kind < COVSAMP_ASK_NOISE;
}

static void set_state(world *w)
{
    static const double x[BATCH * DIM] = {0.5, -1};
    const covsamp_status status = covsamp_sampler_set_state(w->s, x, DIM);
    expect_sentence(w, status);
    expect(status == COVSAMP_OK || status == COVSAMP_E_STATE, "set_state", w, status);
    expect(!(in_step(w) || w->failed) || status == COVSAMP_E_STATE, "set within a step", w, status);
    if (status == COVSAMP_OK)
        w->open = UNKNOWN; /* an open request for noise at the start is given up */
}

static void start_from(world *w)
{
    static const double x0[BATCH * DIM] = {0.5, -1};
    const covsamp_status status = covsamp_sampler_start_from(w->s, x0, DIM);
    expect_sentence(w, status);
    expect(status == COVSAMP_OK || status == COVSAMP_E_STATE, "start_from", w, status);
    expect(!(w->open == YES || w->failed) || status == COVSAMP_E_STATE, "a late start", w, status);
}

static void set_known(world *w)
{
    static const double x0[BATCH * DIM] = {0.5, -1};
    const uint8_t byte = next(w), mask[DIM] = {byte & 1, byte >> 1 & 1, byte >> 2 & 1, byte >> 3};
    const covsamp_status status = covsamp_sampler_set_known(w->s, x0, DIM, mask, 0);
    expect_sentence(w, status);
    if (w->known && in_step(w))
        expect(status == COVSAMP_E_STATE, "set_known within a step", w, status);
    else if (!w->known)
        expect(status == COVSAMP_E_UNSUPPORTED || status == COVSAMP_E_STATE, "no room", w, status);
    else
        expect(status == COVSAMP_OK || status == COVSAMP_E_STATE ||
                   (status == COVSAMP_E_RANGE && mask[3] > 1),
               "set_known", w, status);
}

static void save(world *w)
{
    size_t needed = 0;
    covsamp_status status = covsamp_sampler_save(w->s, NULL, 0, &needed);
    expect_sentence(w, status);
    expect(status == COVSAMP_OK || status == COVSAMP_E_STATE, "save", w, status);
    expect(!(in_step(w) || w->failed) || status == COVSAMP_E_STATE, "saved in a step", w, status);
    if (status != COVSAMP_OK)
        return;
    free(w->saved);
    w->saved_size = needed;
    if ((w->saved = malloc(needed)) == NULL)
        abort();
    status = covsamp_sampler_save(w->s, w->saved, needed - 1, NULL);
    expect_sentence(w, status);
    expect(status == COVSAMP_E_RANGE, "saved into too little", w, status);
    status = covsamp_sampler_save(w->s, w->saved, needed, NULL);
    expect(status == COVSAMP_OK, "saved", w, status);
}

/* What was saved, or a part of it, or with a bit that is another: only the first is taken. */
static void load(world *w)
{
    const uint8_t how = next(w);
    const size_t at = (size_t)next(w) * 256 + next(w);
    covsamp_status status;
    if (w->saved == NULL)
        return;
    if (how % 4 == 1)
        w->saved[at % w->saved_size] ^= (uint8_t)(1 << how / 32);
    status =
        covsamp_sampler_load(w->s, w->saved, how % 4 == 2 ? at % w->saved_size : w->saved_size);
    if (how % 4 == 1)
        w->saved[at % w->saved_size] ^= (uint8_t)(1 << how / 32);
    expect_sentence(w, status);
    expect(status == (how % 4 == 1 || how % 4 == 2 ? COVSAMP_E_RANGE : COVSAMP_OK), "load", w,
           status);
    if (status == COVSAMP_OK)
        w->open = w->failed = w->cancelled = 0;
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
    else if (byte % 16 == 7)
        status = covsamp_sampler_start_from(w->s, x, DIM);
    else if (byte % 16 == 8)
        status = covsamp_sampler_set_known(w->s, NULL, 0, NULL, 0);
    else if (byte % 16 == 9)
        status = covsamp_sampler_save(w->s, NULL, 0, NULL);
    else if (byte % 16 == 10)
        status = covsamp_sampler_load(w->s, x, sizeof x);
    expect(status == COVSAMP_E_STATE, "a callback calls back", w, status);
    if (byte % 16 > 0 && byte % 16 < 11 && byte % 16 != 6)
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
    static void (*const edits[4])(world *) = {start_from, set_known, save, load};
    world w = {.data = data, .size = size};
    w.s = make(&w);
    while (w.s != NULL && w.at < size) {
        const uint8_t byte = next(&w);
        switch (byte % 16 < 8 ? byte % 16 / 4 : byte % 16) { /* half of the time a good run */
        case 0:
            ask(&w);
            break;
        case 1:
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
        case 14:
            edits[next(&w) % 4](&w);
            break;
        default:
            covsamp_sampler_cancel(w.s);
            w.cancelled = 1;
        }
    }
    covsamp_sampler_free(w.s);
    free(w.saved);
    return 0;
}
