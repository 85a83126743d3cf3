/* SPDX-License-Identifier: BSD-3-Clause */
/* Saving at every place where it is allowed, loading into another sampler or the same, finishing:
 * the bits and statistics of the run that was left alone, for every covariance and solver. */
#include "saved.h"

static void set_known_values(covsamp_sampler *s, const variant *v)
{
    double x0[MAX_DIM];
    uint8_t mask[MAX_DIM];
    void *all = calloc(1, bytes_of(&v->set));
    for (int64_t i = 0; i < dim_of(&v->set); i++) {
        x0[i] = 0.1 * (double)i - 0.3;
        mask[i] = i % 2 == 0;
    }
    for (int64_t i = 0; i < batch_of(&v->set) * dim_of(&v->set); i++)
        put(dtype_of(&v->set), all, i, x0[i % dim_of(&v->set)]);
    CHECK(covsamp_sampler_set_known(s, all, dim_of(&v->set), mask, 0) == COVSAMP_OK);
    free(all);
}

static covsamp_sampler *prepared(const variant *v)
{
    covsamp_sampler *s = variant_sampler(v);
    if (v->known)
        set_known_values(s, v);
    return s;
}

static void finish(covsamp_sampler *s, covsamp_mixture *mixture)
{
    while (next_request(s, mixture))
        ;
}

/* Runs until `step` steps have ended; with reports the STEP request of the last is left open. */
static void run_to(covsamp_sampler *s, const variant *v, covsamp_mixture *mixture, int64_t step)
{
    const covsamp_model model = any_model(mixture);
    const covsamp_request *q = NULL;
    if (!v->set.report) {
        for (int64_t i = 0; i < step; i++)
            CHECK(covsamp_sampler_step(s, &model) >= COVSAMP_OK);
        return;
    }
    while (step > 0 && covsamp_sampler_ask(s, &q) == COVSAMP_OK) {
        if (q->kind == COVSAMP_ASK_STEP && q->step + 1 == step)
            return;
        CHECK(answer_any(mixture, q) == 0);
        CHECK(covsamp_sampler_tell(s, 0) == COVSAMP_OK);
    }
}

/* Leaves the sampler where nobody expects it: in the middle of another run. */
static void disturb(covsamp_sampler *s, covsamp_mixture *mixture, int64_t how)
{
    CHECK(covsamp_sampler_restart(s, 4711 + (uint64_t)how, 5) == COVSAMP_OK);
    for (int64_t i = 0; i < 3 * how; i++)
        if (!next_request(s, mixture))
            break;
    covsamp_sampler_cancel(s);
}

/* The string goes into `s`, is what `s` would save, and the rest of the run is that of `expected`.
 */
static void goes_on(covsamp_sampler *s, const variant *v, covsamp_mixture *mixture,
                    const saved *from, const account *expected)
{
    load(s, from);
    saved again = save(s);
    CHECK(same_saved(&again, from));
    free(again.bytes);
    finish(s, mixture);
    account a = account_of(s, &v->set);
    CHECK(same_account(&a, expected, &v->set));
    free(a.x);
}

/* Options that change no samples: the state is the same, requests are counted otherwise. */
static void goes_on_otherwise(const variant *v, covsamp_mixture *mixture, const saved *from,
                              const account *expected)
{
    variant other = *v;
    other.set.report = !v->set.report;
    other.set.unchecked = !v->set.unchecked;
    other.set.separate = !v->set.separate;
    other.set.tangents = v->set.tangents == 1 ? 3 : 1;
    other.set.seed = 1;
    other.set.first_sample = 0;
    covsamp_sampler *s = variant_sampler(&other);
    load(s, from);
    finish(s, mixture);
    CHECK(same_state(s, &v->set, expected->x));
    covsamp_sampler_free(s);
}

static void at_every_place(const variant *v)
{
    covsamp_mixture *mixture = variant_mixture(v);
    covsamp_sampler *plain = prepared(v);
    finish(plain, mixture);
    account expected = account_of(plain, &v->set);
    covsamp_sampler_free(plain);
    for (int64_t step = 0; step <= v->set.steps; step++) {
        covsamp_sampler *s = prepared(v), *fresh = variant_sampler(v);
        run_to(s, v, mixture, step);
        saved half = save(s);
        goes_on(fresh, v, mixture, &half, &expected);
        finish(s, mixture); /* saving disturbs nothing */
        account a = account_of(s, &v->set);
        CHECK(same_account(&a, &expected, &v->set));
        free(a.x);
        goes_on(s, v, mixture, &half, &expected);
        disturb(s, mixture, step);
        goes_on(s, v, mixture, &half, &expected);
        goes_on_otherwise(v, mixture, &half, &expected);
        free(half.bytes);
        covsamp_sampler_free(s);
        covsamp_sampler_free(fresh);
    }
    free(expected.x);
    covsamp_mixture_free(mixture);
}

/* ---- edits ---- */

static void edit(covsamp_sampler *s, const settings *set)
{
    void *x = copy_state(s, set);
    for (int64_t i = 0; i < batch_of(set) * dim_of(set); i++)
        put(dtype_of(set), x, i, 0.5 * get(dtype_of(set), x, i) + 0.25);
    CHECK(covsamp_sampler_set_state(s, x, dim_of(set)) == COVSAMP_OK);
    free(x);
}

/* Save, edit, load: as without the edit.  Load, edit, save, load: as with it, whoever made it. */
static void edits(const variant *v)
{
    covsamp_mixture *mixture = variant_mixture(v);
    covsamp_sampler *s = prepared(v), *other = variant_sampler(v), *third = variant_sampler(v);
    run_to(s, v, mixture, 3);
    saved half = save(s);
    edit(s, &v->set);
    saved edited = save(s);
    CHECK(!same_saved(&half, &edited));
    finish(s, mixture);
    account with = account_of(s, &v->set);
    goes_on(other, v, mixture, &edited, &with);
    load(third, &half);
    edit(third, &v->set);
    finish(third, mixture);
    CHECK(same_state(third, &v->set, with.x));
    load(s, &half);
    finish(s, mixture);
    CHECK(!same_state(s, &v->set, with.x));
    free(half.bytes);
    free(edited.bytes);
    free(with.x);
    covsamp_sampler_free(s);
    covsamp_sampler_free(other);
    covsamp_sampler_free(third);
    covsamp_mixture_free(mixture);
}

/* ---- before the first step ---- */

/* A start from x0, a state that was set, and a request for the start's noise that is open. */
static void starts(const variant *v, int how)
{
    covsamp_mixture *mixture = variant_mixture(v);
    covsamp_sampler *s = prepared(v), *fresh = variant_sampler(v);
    const covsamp_request *q = NULL;
    void *x0 = calloc(1, bytes_of(&v->set));
    put(dtype_of(&v->set), x0, 2, 0.7);
    if (how == 0 || how == 3)
        CHECK(covsamp_sampler_start_from(s, x0, dim_of(&v->set)) == COVSAMP_OK);
    if (how == 1 || how == 3) /* 3: the second takes the place of the first */
        CHECK(covsamp_sampler_set_state(s, x0, dim_of(&v->set)) == COVSAMP_OK);
    if (how == 2)
        CHECK(covsamp_sampler_ask(s, &q) == COVSAMP_OK && q->stream == COVSAMP_STREAM_START);
    saved start = save(s);
    finish(s, mixture);
    account expected = account_of(s, &v->set);
    disturb(fresh, mixture, 2);
    goes_on(fresh, v, mixture, &start, &expected);
    free(start.bytes);
    free(expected.x);
    free(x0);
    covsamp_sampler_free(s);
    covsamp_sampler_free(fresh);
    covsamp_mixture_free(mixture);
}

/* ---- where it is refused ---- */

static void inside_a_step(const variant *v)
{
    covsamp_mixture *mixture = variant_mixture(v);
    covsamp_sampler *s = prepared(v);
    const covsamp_request *q = NULL;
    size_t size = 77;
    uint8_t byte = 5;
    while (covsamp_sampler_ask(s, &q) == COVSAMP_OK) {
        const int open = q->kind != COVSAMP_ASK_STEP && q->stream != COVSAMP_STREAM_START;
        const int noise = q->kind == COVSAMP_ASK_NOISE && q->stream == COVSAMP_STREAM_START;
        if (open && !noise) {
            CHECK(covsamp_sampler_save(s, NULL, 0, &size) == COVSAMP_E_STATE && size == 77);
            CHECK(covsamp_sampler_save(s, &byte, 1, &size) == COVSAMP_E_STATE && byte == 5);
            CHECK_TEXT(covsamp_sampler_message(s), "covsamp_sampler_save: step ");
        }
        CHECK(answer_any(mixture, q) == 0);
        CHECK(covsamp_sampler_tell(s, 0) == COVSAMP_OK);
    }
    covsamp_sampler_free(s);
    covsamp_mixture_free(mixture);
}

/* ---- points ---- */

#define MOST_REQUESTS 60

/* What a model might keep: where each number was. */
typedef struct {
    uint64_t point;
    double time;
    double x[3 * MAX_DIM];
} place;

static place place_of(const covsamp_request *q)
{
    place p = {.point = q->point, .time = q->time};
    for (int64_t i = 0; i < q->batch * q->dim; i++)
        p.x[i] = get(q->dtype, q->x, i);
    return p;
}

/* Whatever is loaded, a number names one place for the life of a sampler, and after a load it is a
 * new one. */
static void points_are_new(const variant *v)
{
    covsamp_mixture *mixture = variant_mixture(v);
    covsamp_sampler *s = prepared(v), *other = prepared(v);
    const covsamp_request *q = NULL;
    static place seen[MOST_REQUESTS];
    uint64_t owner = 0, most = 0;
    int loaded = 0;
    run_to(other, v, mixture, 2);
    saved half = save(other);
    for (int i = 0; i < MOST_REQUESTS && covsamp_sampler_ask(s, &q) == COVSAMP_OK; i++) {
        seen[i] = place_of(q);
        CHECK(owner == 0 || q->owner == owner);
        CHECK(!loaded || q->point > most);
        for (int k = 0; k < i; k++)
            if (seen[k].point == q->point)
                CHECK(memcmp(&seen[k], &seen[i], sizeof seen[k]) == 0);
        owner = q->owner;
        most = q->point > most ? q->point : most;
        CHECK(answer_any(mixture, q) == 0);
        CHECK(covsamp_sampler_tell(s, 0) == COVSAMP_OK);
        loaded = i % 7 == 5;
        if (loaded)
            load(s, &half);
    }
    free(half.bytes);
    covsamp_sampler_free(s);
    covsamp_sampler_free(other);
    covsamp_mixture_free(mixture);
}

int main(void)
{
    variant v;
    for (int i = 0; variant_case(i, &v); i++)
        for (int how = 0; how < 4; how++) {
            v.known = how % 2;
            v.set.report = how / 2;
            v.set.ask_noise = how / 2 && v.mode != COVSAMP_DCT_SLIDING;
            at_every_place(&v);
            edits(&v);
            starts(&v, 0);
            starts(&v, 1);
            starts(&v, 3);
            if (v.set.ask_noise)
                starts(&v, 2);
            if (v.set.report) {
                inside_a_step(&v);
                points_are_new(&v);
            }
        }
    return check_done();
}
