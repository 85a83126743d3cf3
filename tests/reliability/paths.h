/* SPDX-License-Identifier: BSD-3-Clause */
/* Every way to make a handle, from the configuration to the results: what a path needs is made with
 * hooks, used and freed.  Where memory is missing the same call is made once more, which must then
 * do as if nothing had been. */
#ifndef COVSAMP_TESTS_PATHS_H
#define COVSAMP_TESTS_PATHS_H

#include "spoil.h"

typedef struct {
    covsamp_status status; /* DONE, or what refused or ended it */
    char message[COVSAMP_MESSAGE_BYTES];
    uint64_t sum; /* of the results */
    int made;     /* the handle was */
    int met;      /* calls that were without memory and were made again */
} outcome;

typedef void (*path_fn)(const char *text, const covsamp_allocator *mem, outcome *o);

/* Whether a sentence is that of the function which the text of the call names first. */
static inline int is_of_call(const char *message, const char *call)
{
    const char *name = strstr(call, "covsamp_");
    const size_t length = name == NULL ? 0 : strcspn(name, "(");
    return name == NULL || (strncmp(message, name, length) == 0 && message[length] == ':');
}

/* Whether `status` is the injected failure, told in one sentence, so that the call is to be made
 * again.  What has no message to go to says NULL. */
static inline int missed(outcome *o, const covsamp_allocator *mem, covsamp_status status,
                         const char *message, const char *call)
{
    const heap *h = mem == NULL ? NULL : mem->user;
    if (status != COVSAMP_E_NOMEM || h == NULL || h->failed == 0 || o->met > 0)
        return 0;
    o->met++;
    if (message != NULL && !CHECK(is_sentence(message) && strstr(message, "no memory") != NULL))
        fprintf(stderr, "    \"%s\"\n", message);
    if (message != NULL && !CHECK(is_of_call(message, call)))
        fprintf(stderr, "    \"%s\" from %s\n", message, call);
    return 1;
}

#define AGAIN(o, mem, status, call, message)                                                       \
    do {                                                                                           \
        (status) = (call);                                                                         \
        if (missed(o, mem, status, message, #call))                                                \
            (status) = (call);                                                                     \
    } while (0)

/* Who answers wrongly on the path, where that is tried. */
static spoiler *path_spoiler;

static inline covsamp_model path_model(world *w)
{
    if (path_spoiler == NULL)
        return world_model(w);
    path_spoiler->w = w;
    return model_with(spoiled_answer, path_spoiler);
}

/* Whether a wrong answer was refused, with its place, so that the run is to go on. */
static inline int answer_refused(outcome *o, covsamp_status status, const char *message,
                                 const char *function)
{
    const spoiler *p = path_spoiler;
    if (p == NULL || p->spoil_at == 0 || p->count < p->spoil_at || refusal_of(p->how) == 0 ||
        o->met > 0)
        return 0;
    o->met++;
    if (p->how == WRONG_CODE && p->request.kind == COVSAMP_ASK_STEP) /* a pass hears of no code */
        CHECK(status == COVSAMP_E_MODEL);
    else
        CHECK(status == refusal_of(p->how));
    check_refusal(message, p, function);
    return 1;
}

#define RUN(o, status, call, message, function)                                                    \
    do {                                                                                           \
        (status) = (call);                                                                         \
        if (answer_refused(o, status, message, function))                                          \
            (status) = (call);                                                                     \
    } while (0)

static inline covsamp_status refused(outcome *o, covsamp_status status, const char *message)
{
    o->status = status;
    if (message != o->message)
        strcpy(o->message, message);
    return status;
}

static inline void add_doubles(outcome *o, const double *values, int64_t n, int check)
{
    for (int64_t i = 0; check && i < n; i++)
        if (!CHECK(isfinite(values[i])))
            fprintf(stderr, "    number %d of a result\n", (int)i);
    o->sum = add_bytes(o->sum, values, (size_t)n * sizeof *values);
}

/* ---- configurations ---- */

static inline covsamp_status set_tables(outcome *o, const covsamp_allocator *mem, const world *w,
                                        const char *text, covsamp_config *c)
{
    const char *message = covsamp_config_message(c);
    char value[64];
    covsamp_status status;
    AGAIN(o, mem, status, covsamp_config_set_table(c, COVSAMP_TABLE_NOISE, w->noise, WORLD_LEVELS),
          message);
    if (status == COVSAMP_OK)
        AGAIN(o, mem, status,
              covsamp_config_set_table(c, COVSAMP_TABLE_X0_ERROR, w->noise, WORLD_LEVELS), message);
    for (int32_t kind = 1; kind <= 2 && text_value(text, "weights", value) != NULL; kind++)
        if (status == COVSAMP_OK)
            AGAIN(o, mem, status, covsamp_config_set_guidance(c, kind, w->weight, WORLD_LEVELS),
                  message);
    return status;
}

/* NULL where something is refused. */
static inline covsamp_config *config_with(outcome *o, const covsamp_allocator *mem, const world *w,
                                          const char *text)
{
    covsamp_config *c = NULL;
    covsamp_status status;
    AGAIN(o, mem, status, covsamp_config_new(&c, mem), NULL);
    if (status != COVSAMP_OK) {
        CHECK(c == NULL);
        refused(o, status, "");
        return NULL;
    }
    CHECK(apply(c, world_base) == COVSAMP_OK && apply(c, text) == COVSAMP_OK);
    AGAIN(o, mem, status, covsamp_config_set_schedule(c, w->schedule, w->levels, WORLD_STEPS),
          covsamp_config_message(c));
    if (status == COVSAMP_OK)
        status = set_tables(o, mem, w, text, c);
    if (status == COVSAMP_OK)
        return c;
    refused(o, status, covsamp_config_message(c));
    covsamp_config_free(c);
    return NULL;
}

/* Opens the world of a text and makes its configuration; NULL where something is refused. */
static inline covsamp_config *path_open(outcome *o, const covsamp_allocator *mem, world *w,
                                        const char *text)
{
    memset(o, 0, sizeof *o);
    if (world_open(w, text, o->message))
        return config_with(o, mem, w, text);
    o->status = COVSAMP_E_OPTION;
    return NULL;
}

/* Whether `call` made the handle h from the configuration c, which is freed. */
#define MADE(o, mem, h, c, call)                                                                   \
    do {                                                                                           \
        covsamp_status made_ = COVSAMP_E_OPTION;                                                   \
        if ((c) != NULL) {                                                                         \
            AGAIN(o, mem, made_, call, covsamp_config_message(c));                                 \
            if (made_ != COVSAMP_OK)                                                               \
                refused(o, made_, covsamp_config_message(c));                                      \
            covsamp_config_free(c);                                                                \
        }                                                                                          \
        CHECK(((h) != NULL) == (made_ == COVSAMP_OK));                                             \
        (o)->made = (h) != NULL;                                                                   \
    } while (0)

/* Samples to look at: as many rows as asked for, the same for every handle. */
static inline void *data_of(const world *w, int64_t samples)
{
    void *data = malloc((size_t)(samples * w->dim) * sizeof(double));
    for (int64_t i = 0; i < samples * w->dim; i++)
        world_put(w->dtype, data, i, (double)(i * 7 % 13 - 6) / 8);
    return data;
}

static inline int64_t few(int64_t batch)
{
    return (batch < 4 ? batch : 4) + 1;
}

/* ---- samplers ---- */

static inline void add_stats(outcome *o, const covsamp_sampler *s, int check)
{
    covsamp_stats all = {.size = sizeof all};
    CHECK(covsamp_sampler_stats(s, &all) == COVSAMP_OK);
    const double sums[] = {all.asymmetry, all.error_estimate};
    add_doubles(o, sums, 2, check);
    for (int64_t step = 0; step < WORLD_STEPS; step++) {
        covsamp_step_stats row = {.size = sizeof row};
        CHECK(covsamp_sampler_step_stats(s, step, &row) == COVSAMP_OK);
        const double own[] = {row.asymmetry, row.error_estimate, row.error_mean};
        add_doubles(o, own, 3, check);
    }
}

static inline void run_sampler(const char *text, world *w, covsamp_sampler *s, outcome *o)
{
    const covsamp_model model = path_model(w);
    const int check = !w->unchecked;
    int finite;
    o->status = covsamp_sampler_run(s, &model);
    strcpy(o->message, covsamp_sampler_message(s));
    o->sum = state_sum(w, s, &finite);
    if (o->status == COVSAMP_DONE && check && !CHECK(finite))
        fprintf(stderr, "    not finite: %s\n", text);
    add_stats(o, s, check);
}

static inline void path_sampler(const char *text, const covsamp_allocator *mem, outcome *o)
{
    world w;
    covsamp_sampler *s = NULL;
    covsamp_config *c = path_open(o, mem, &w, text);
    MADE(o, mem, s, c, covsamp_sampler_new(&s, c));
    if (s != NULL)
        run_sampler(text, &w, s, o);
    covsamp_sampler_free(s);
    world_close(&w);
}

/* A sampler that is there; the world stays open for its model. */
static inline covsamp_sampler *sampler_for(world *w, const char *text)
{
    covsamp_sampler *s = NULL;
    outcome o;
    memset(&o, 0, sizeof o);
    CHECK(world_open(w, text, o.message));
    covsamp_config *c = config_with(&o, NULL, w, text);
    if (!CHECK(c != NULL && covsamp_sampler_new(&s, c) == COVSAMP_OK))
        fprintf(stderr, "    %s: %s\n", text, c == NULL ? o.message : covsamp_config_message(c));
    covsamp_config_free(c);
    return s;
}

#endif
