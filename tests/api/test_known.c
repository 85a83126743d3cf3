/* SPDX-License-Identifier: BSD-3-Clause */
/* Known values and starts from x0: by the library and by hand through set_state() they give the
 * same bits, for every covariance and solver, with the library's noise and with the caller's. */
#include "variant.h"

#define GAP 2 /* between the rows of x0 and of the mask */

typedef struct {
    double x0[3 * (MAX_DIM + GAP)];
    uint8_t mask[3 * (MAX_DIM + GAP)];
    int64_t stride, mask_stride;
} knowledge;

/* mask: 0 none, 1 all, 2 some, of every sample others, 3 some, of all samples the same */
static knowledge know(const settings *set, int mask)
{
    knowledge k = {.stride = dim_of(set) + GAP, .mask_stride = mask == 3 ? 0 : dim_of(set) + GAP};
    for (int64_t i = 0; i < 3 * k.stride; i++) {
        const int gap = i % k.stride >= dim_of(set);
        put(dtype_of(set), k.x0, i, gap ? NAN : 0.3 * (double)(i % 7) - 0.8);
        k.mask[i] = (uint8_t)(gap && mask != 3 ? 77 : mask > 1 ? i % 3 == 0 : mask);
    }
    return k;
}

static int known_at(const knowledge *k, int64_t b, int64_t i)
{
    return k->mask[b * k->mask_stride + i];
}

/* alpha x0 + sigma e, every operation rounded as the library rounds it */
static double noised(const settings *set, const knowledge *k, int64_t b, int64_t i, double alpha,
                     double sigma, double e)
{
    const volatile double a = alpha * get(dtype_of(set), k->x0, b * k->stride + i);
    const volatile double rounded = dtype_of(set) == COVSAMP_F32 ? (float)e : e;
    const volatile double n = sigma * rounded;
    return a + n;
}

/* Puts known values into x by hand: noise of `step`, at a level; at data where alpha is 1. */
static void put_by_hand(const settings *set, const knowledge *k, int64_t step, double alpha,
                        double sigma, void *x)
{
    double e[MAX_DIM];
    for (int64_t b = 0; b < batch_of(set); b++) {
        CHECK(covsamp_noise_normal((uint64_t)set->seed, set->first_sample + b, COVSAMP_STREAM_KNOWN,
                                   step, 0, dim_of(set), e) == COVSAMP_OK);
        for (int64_t i = 0; i < dim_of(set); i++)
            if (known_at(k, b, i))
                put(dtype_of(set), x, b * dim_of(set) + i,
                    noised(set, k, b, i, alpha, sigma, e[i]));
    }
}

static void level_of(const variant *v, int64_t step, double *alpha, double *sigma)
{
    int64_t levels[LEVELS];
    covsamp_schedule *schedule = NULL;
    CHECK(covsamp_schedule_new_linear(&schedule, LEVELS, 0.01, 0.4, NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp_schedule_spaced(schedule, v->set.steps, COVSAMP_SPACING_TRAILING, levels, NULL) ==
          COVSAMP_OK);
    CHECK(covsamp_schedule_at(schedule, step < v->set.steps ? (double)levels[step] : 0, alpha,
                              sigma, NULL) == COVSAMP_OK);
    covsamp_schedule_free(schedule);
}

/* The start by hand: noise, or x0 and noise. */
static void start_by_hand(const variant *v, const knowledge *from, covsamp_sampler *s, void *x)
{
    const settings *set = &v->set;
    double e[MAX_DIM], alpha, sigma;
    level_of(v, 0, &alpha, &sigma);
    for (int64_t b = 0; b < batch_of(set); b++) {
        CHECK(covsamp_noise_normal((uint64_t)set->seed, set->first_sample + b, COVSAMP_STREAM_START,
                                   0, 0, dim_of(set), e) == COVSAMP_OK);
        for (int64_t i = 0; i < dim_of(set); i++)
            put(dtype_of(set), x, b * dim_of(set) + i,
                from != NULL ? noised(set, from, b, i, alpha, sigma, e[i]) : e[i]);
    }
    CHECK(covsamp_sampler_set_state(s, x, dim_of(set)) == COVSAMP_OK);
}

/* What the library should do, by a sampler that knows nothing and set_state() after every step. */
static void *by_hand(const variant *v, const knowledge *from, const knowledge *k,
                     covsamp_mixture *mixture)
{
    variant plain = *v;
    plain.known = 0;
    const covsamp_model model = any_model(mixture);
    covsamp_sampler *s = variant_sampler(&plain);
    void *x = malloc(bytes_of(&v->set));
    double alpha, sigma;
    start_by_hand(v, from, s, x);
    for (int64_t step = 0; step <= v->set.steps; step++) {
        if (step > 0) {
            CHECK(covsamp_sampler_step(s, &model) >= COVSAMP_OK);
            free(x);
            x = copy_state(s, &v->set);
        }
        level_of(v, step, &alpha, &sigma);
        if (k != NULL)
            put_by_hand(&v->set, k, step, alpha, sigma, x);
        if (step < v->set.steps)
            CHECK(covsamp_sampler_set_state(s, x, dim_of(&v->set)) == COVSAMP_OK);
    }
    covsamp_sampler_free(s);
    return x;
}

static covsamp_sampler *prepared(const variant *v, const knowledge *from, const knowledge *k)
{
    covsamp_sampler *s = variant_sampler(v);
    if (from != NULL)
        CHECK(covsamp_sampler_start_from(s, from->x0, from->stride) == COVSAMP_OK);
    if (k != NULL)
        CHECK(covsamp_sampler_set_known(s, k->x0, k->stride, k->mask, k->mask_stride) ==
              COVSAMP_OK);
    return s;
}

static void same_as_by_hand(const variant *v, const knowledge *from, const knowledge *k)
{
    covsamp_mixture *mixture = variant_mixture(v);
    const covsamp_model model = any_model(mixture);
    void *expected = by_hand(v, from, k, mixture);
    variant own = *v;
    for (int ask = 0; ask < (v->mode == COVSAMP_DCT_SLIDING ? 1 : 2); ask++) {
        own.set.ask_noise = ask;
        covsamp_sampler *s = prepared(&own, from, k);
        CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
        CHECK(same_state(s, &v->set, expected));
        covsamp_sampler_free(s);
    }
    free(expected);
    covsamp_mixture_free(mixture);
}

static void all_known_or_none(const variant *v)
{
    const knowledge all = know(&v->set, 1), none = know(&v->set, 0);
    covsamp_mixture *mixture = variant_mixture(v);
    const covsamp_model model = any_model(mixture);
    variant plain = *v;
    plain.known = 0;
    covsamp_sampler *s = prepared(v, NULL, &all), *nothing = prepared(v, NULL, &none);
    covsamp_sampler *without = variant_sampler(&plain);
    const void *x = NULL;
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
    CHECK(covsamp_sampler_state(s, &x, NULL) == COVSAMP_OK);
    for (int64_t i = 0; i < batch_of(&v->set) * dim_of(&v->set); i++)
        CHECK(
            get(dtype_of(&v->set), x, i) ==
            get(dtype_of(&v->set), all.x0, i / dim_of(&v->set) * all.stride + i % dim_of(&v->set)));
    CHECK(covsamp_sampler_run(nothing, &model) == COVSAMP_DONE);
    CHECK(covsamp_sampler_run(without, &model) == COVSAMP_DONE);
    CHECK(covsamp_sampler_state(without, &x, NULL) == COVSAMP_OK);
    CHECK(same_state(nothing, &v->set, x));
    /* none any more, and the seed again: as without */
    CHECK(covsamp_sampler_set_known(s, NULL, 0, NULL, 0) == COVSAMP_OK);
    CHECK(covsamp_sampler_restart(s, (uint64_t)v->set.seed, v->set.first_sample) == COVSAMP_OK);
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
    CHECK(same_state(s, &v->set, x));
    covsamp_sampler_free(s);
    covsamp_sampler_free(nothing);
    covsamp_sampler_free(without);
    covsamp_mixture_free(mixture);
}

/* ---- requests for the noise ---- */

static void requests(void)
{
    variant v = {.set = {.covariance = COVSAMP_COV_SMALL, .steps = 4, .ask_noise = 1, .report = 1},
                 .known = 1};
    const knowledge k = know(&v.set, 3);
    covsamp_mixture *mixture = new_mixture(5);
    covsamp_sampler *s = prepared(&v, NULL, &k);
    const covsamp_request *q = NULL;
    uint64_t last = 0;
    int64_t seen = 0, reports = 0;
    double alpha, sigma;
    while (covsamp_sampler_ask(s, &q) == COVSAMP_OK) {
        if (q->kind == COVSAMP_ASK_NOISE && q->stream == COVSAMP_STREAM_KNOWN) {
            level_of(&v, seen, &alpha, &sigma);
            CHECK(q->step == seen && q->alpha == alpha && q->sigma == sigma && q->level > 0);
            CHECK(seen == 0 || q->point > last);
            CHECK(covsamp_sampler_set_known(s, k.x0, k.stride, k.mask, 0) == COVSAMP_E_STATE);
            CHECK_TEXT(covsamp_sampler_message(s), "covsamp_sampler_set_known");
            if (seen > 0)
                CHECK(covsamp_sampler_set_state(s, k.x0, k.stride) == COVSAMP_E_STATE);
            seen++;
        }
        if (q->kind == COVSAMP_ASK_STEP) { /* the state that is reported has the known values */
            CHECK(q->step == reports && seen == reports + (reports < 3 ? 2 : 1));
            reports++;
        }
        last = q->point;
        CHECK(answer_any(mixture, q) == 0);
        CHECK(covsamp_sampler_tell(s, 0) == COVSAMP_OK);
    }
    CHECK(seen == 4 && reports == 4);
    covsamp_sampler_free(s);
    covsamp_mixture_free(mixture);
}

/* A state that is set between the start and its known values is left as it is. */
static void set_before_known(void)
{
    variant v = {.set = {.covariance = COVSAMP_COV_SMALL, .steps = 4, .ask_noise = 1}, .known = 1};
    const knowledge k = know(&v.set, 3);
    const double x[15] = {1, 2, 3};
    covsamp_mixture *mixture = new_mixture(5);
    covsamp_sampler *s = prepared(&v, NULL, &k);
    const covsamp_request *q = NULL;
    CHECK(next_request(s, mixture));
    CHECK(covsamp_sampler_ask(s, &q) == COVSAMP_OK && q->stream == COVSAMP_STREAM_KNOWN);
    CHECK(covsamp_sampler_set_state(s, x, 5) == COVSAMP_OK);
    CHECK(same_state(s, &v.set, x));
    CHECK(covsamp_sampler_ask(s, &q) == COVSAMP_OK && q->stream == COVSAMP_STREAM_STEP);
    CHECK(same_state(s, &v.set, x));
    /* and a restart in the middle of the noise of a later step begins at step 0 */
    while (!(q->stream == COVSAMP_STREAM_KNOWN && q->step == 1)) {
        CHECK(next_request(s, mixture));
        if (!CHECK(covsamp_sampler_ask(s, &q) == COVSAMP_OK))
            break;
    }
    CHECK(covsamp_sampler_restart(s, 0, 0) == COVSAMP_OK);
    CHECK(covsamp_sampler_ask(s, &q) == COVSAMP_OK && q->stream == COVSAMP_STREAM_START &&
          q->step == 0);
    covsamp_sampler_free(s);
    covsamp_mixture_free(mixture);
}

/* Another start, twice or overridden; what restart forgets; when it is too late. */
static void starts(void)
{
    variant v = {.set = {.covariance = COVSAMP_COV_KRYLOV, .steps = 4, .seed = 5}};
    const knowledge a = know(&v.set, 0), b = know(&v.set, 3);
    covsamp_mixture *mixture = new_mixture(5);
    const covsamp_model model = any_model(mixture);
    covsamp_sampler *s = prepared(&v, &a, NULL), *plain = variant_sampler(&v);
    const double zero[15] = {0};
    void *from = by_hand(&v, &b, NULL, mixture);
    const void *x = NULL;
    CHECK(covsamp_sampler_start_from(s, b.x0, b.stride) == COVSAMP_OK);
    CHECK(covsamp_sampler_step(s, &model) == COVSAMP_OK);
    CHECK(covsamp_sampler_start_from(s, b.x0, b.stride) == COVSAMP_E_STATE);
    CHECK_TEXT(covsamp_sampler_message(s), "covsamp_sampler_start_from");
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
    CHECK(same_state(s, &v.set, from));
    CHECK(covsamp_sampler_start_from(s, b.x0, b.stride) == COVSAMP_E_STATE);
    CHECK(covsamp_sampler_restart(s, 5, 0) == COVSAMP_OK);
    CHECK(same_state(s, &v.set, zero));
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
    CHECK(covsamp_sampler_run(plain, &model) == COVSAMP_DONE);
    CHECK(covsamp_sampler_state(plain, &x, NULL) == COVSAMP_OK && same_state(s, &v.set, x));
    CHECK(covsamp_sampler_restart(s, 5, 0) == COVSAMP_OK);
    CHECK(covsamp_sampler_start_from(s, a.x0, a.stride) == COVSAMP_OK);
    CHECK(covsamp_sampler_restart(s, 5, 0) == COVSAMP_OK); /* forgotten again */
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE && same_state(s, &v.set, x));
    covsamp_sampler_free(s);
    covsamp_sampler_free(plain);
    free(from);
    covsamp_mixture_free(mixture);
}

/* ---- bad input ---- */

static void refuses(covsamp_sampler *s, covsamp_status got, covsamp_status expected, const char *a,
                    const char *b)
{
    CHECK(got == expected);
    CHECK_TEXT(covsamp_sampler_message(s), a);
    CHECK_TEXT(covsamp_sampler_message(s), b);
}

static void bad_known(int32_t dtype)
{
    variant v = {.set = {.covariance = COVSAMP_COV_SMALL, .steps = 4, .dtype = dtype}, .known = 1};
    knowledge k = know(&v.set, 2);
    covsamp_sampler *s = variant_sampler(&v);
    CHECK(covsamp_sampler_set_known(NULL, k.x0, 7, k.mask, 7) == COVSAMP_E_NULL);
    refuses(s, covsamp_sampler_set_known(s, NULL, 7, k.mask, 7), COVSAMP_E_NULL, "set_known",
            "x0 is NULL");
    refuses(s, covsamp_sampler_set_known(s, k.x0, 7, NULL, 7), COVSAMP_E_NULL, "set_known",
            "mask is NULL");
    static const int64_t strides[] = {4, -1, INT64_MIN, INT64_MAX, INT64_MAX / 3 + 1};
    for (int i = 0; i < 5; i++) {
        refuses(s, covsamp_sampler_set_known(s, k.x0, strides[i], k.mask, 7), COVSAMP_E_RANGE,
                ": stride is", "must be in dim = 5");
        refuses(s, covsamp_sampler_set_known(s, k.x0, 7, k.mask, strides[i]), COVSAMP_E_RANGE,
                "mask_stride is", "must be 0 or in dim = 5");
    }
    refuses(s, covsamp_sampler_set_known(s, k.x0, 0, k.mask, 7), COVSAMP_E_RANGE, "stride is 0",
            "dim = 5");
    k.mask[7 + 4] = 2;
    refuses(s, covsamp_sampler_set_known(s, k.x0, 7, k.mask, 7), COVSAMP_E_RANGE,
            "value 4 of sample 1 is 2", "must be 0 or 1");
    k.mask[7 + 4] = 255;
    refuses(s, covsamp_sampler_set_known(s, k.x0, 7, k.mask, 7), COVSAMP_E_RANGE, "is 255", "0 or");
    k.mask[7 + 4] = 1;
    put(dtype, k.x0, 16, NAN);
    refuses(s, covsamp_sampler_set_known(s, k.x0, 7, k.mask, 7), COVSAMP_E_NONFINITE,
            "x0 holds a NaN", "value 2 of sample 2");
    refuses(s, covsamp_sampler_start_from(s, k.x0, 7), COVSAMP_E_NONFINITE, "start_from",
            "value 2 of sample 2");
    refuses(s, covsamp_sampler_start_from(s, NULL, 7), COVSAMP_E_NULL, "start_from", "x0 is NULL");
    refuses(s, covsamp_sampler_start_from(s, k.x0, 4), COVSAMP_E_RANGE, "start_from",
            "stride is 4");
    CHECK(covsamp_sampler_start_from(NULL, k.x0, 7) == COVSAMP_E_NULL);
    put(dtype, k.x0, 16, INFINITY);
    k.mask[16] = 0; /* a value that is not known must be finite too: one rule for all */
    refuses(s, covsamp_sampler_set_known(s, k.x0, 7, k.mask, 7), COVSAMP_E_NONFINITE, "x0",
            "infinity");
    covsamp_sampler_free(s);
    v.known = 0;
    s = variant_sampler(&v);
    refuses(s, covsamp_sampler_set_known(s, k.x0, 7, k.mask, 7), COVSAMP_E_UNSUPPORTED,
            "known is 0", "must be 1");
    covsamp_sampler_free(s);
}

/* What is refused changes nothing: the run is that of what was set before. */
static void refused_without_effect(void)
{
    variant v = {.set = {.covariance = COVSAMP_COV_KRYLOV, .steps = 4, .report = 1}, .known = 1};
    const knowledge k = know(&v.set, 2);
    knowledge bad = know(&v.set, 1);
    covsamp_mixture *mixture = new_mixture(5);
    void *expected = by_hand(&v, NULL, &k, mixture);
    covsamp_sampler *s = prepared(&v, NULL, &k);
    const covsamp_request *q = NULL;
    bad.mask[18] = 9;
    while (covsamp_sampler_ask(s, &q) == COVSAMP_OK) {
        CHECK(covsamp_sampler_set_known(s, bad.x0, 7, bad.mask, 7) < COVSAMP_OK);
        CHECK(covsamp_sampler_set_known(s, bad.x0, 7, NULL, 7) < COVSAMP_OK);
        CHECK(covsamp_sampler_start_from(s, bad.x0, 7) == COVSAMP_E_STATE);
        const int inside = q->kind != COVSAMP_ASK_STEP;
        CHECK(covsamp_sampler_set_known(s, k.x0, k.stride, k.mask, k.mask_stride) ==
              (inside ? COVSAMP_E_STATE : COVSAMP_OK));
        CHECK(answer_any(mixture, q) == 0);
        CHECK(covsamp_sampler_tell(s, 0) == COVSAMP_OK);
    }
    CHECK(same_state(s, &v.set, expected));
    covsamp_sampler_free(s);
    free(expected);
    covsamp_mixture_free(mixture);
}

int main(void)
{
    variant v;
    for (int i = 0; variant_case(i, &v); i++) {
        v.known = 1;
        const knowledge some = know(&v.set, 2), same = know(&v.set, 3), other = know(&v.set, 1);
        all_known_or_none(&v);
        same_as_by_hand(&v, NULL, &some);
        same_as_by_hand(&v, NULL, &same);
        same_as_by_hand(&v, &other, NULL);
        same_as_by_hand(&v, &other, &some);
    }
    requests();
    set_before_known();
    starts();
    bad_known(COVSAMP_F32);
    bad_known(COVSAMP_F64);
    refused_without_effect();
    return check_done();
}
