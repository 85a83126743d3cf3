/* SPDX-License-Identifier: BSD-3-Clause */
/* A model that fails or answers nonsense at any request, and callbacks that misbehave. */
#include "fixture.h"

enum { RETURNS_CODE, GIVES_NAN, GIVES_INF, GIVES_MINUS_INF, NEVER };

/* Spoils the k-th request (1 is the first), once, in one value of the last sample. */
typedef struct {
    covsamp_mixture *mixture;
    int count, spoil_at, how;
    covsamp_request spoiled;
    int same; /* what came after was the same request again */
} spoiler;

static void put(const covsamp_request *q, void *array, int64_t i, double value)
{
    if (q->dtype == COVSAMP_F32)
        ((float *)array)[i] = (float)value;
    else
        ((double *)array)[i] = value;
}

static void spoil(const covsamp_request *q, double value)
{
    const int64_t at = (q->batch - 1) * q->stride + q->dim - 1;
    if (q->product != NULL)
        put(q, q->product, (q->tangents - 1) * q->tangent_stride + at, value);
    else if (q->mean != NULL)
        put(q, q->mean, at, value);
    else
        put(q, q->noise, at, value);
}

static int32_t spoiled_answer(void *user, const covsamp_request *q)
{
    spoiler *p = user;
    int32_t status = 0;
    if (q->kind == COVSAMP_ASK_NOISE)
        for (int64_t i = 0; i < q->batch * q->dim; i++)
            put(q, q->noise, i, 0.1 * (double)(i - 7 + q->step));
    else
        status = covsamp_mixture_answer(p->mixture, q);
    p->count++;
    if (p->count == p->spoil_at + 1)
        p->same = memcmp(&p->spoiled, q, sizeof *q) == 0;
    if (p->count != p->spoil_at || p->how == NEVER)
        return status;
    p->spoiled = *q;
    if (p->how == RETURNS_CODE)
        return -1000 - p->count;
    spoil(q, p->how == GIVES_NAN ? NAN : p->how == GIVES_INF ? INFINITY : -INFINITY);
    return status;
}

static covsamp_model spoiled_model(spoiler *p)
{
    covsamp_model m;
    memset(&m, 0, sizeof m);
    m.size = sizeof m;
    m.model_user = m.noise_user = p;
    m.mean = m.jvp = m.mean_jvp = m.noise = spoiled_answer;
    return m;
}

/* The message names the function, the step, and for a value the sample and its place. */
static void check_message(const covsamp_sampler *s, const spoiler *p, const char *function)
{
    const covsamp_request *q = &p->spoiled;
    const char *text = covsamp_sampler_message(s);
    char part[80];
    CHECK_TEXT(text, function);
    snprintf(part, sizeof part, "step %lld of %lld", (long long)q->step, (long long)q->steps);
    CHECK_TEXT(text, part);
    snprintf(part, sizeof part, "level %lld", (long long)q->level);
    CHECK_TEXT(text, part);
    if (p->how == RETURNS_CODE) {
        snprintf(part, sizeof part, "is %d", -1000 - p->spoil_at);
    } else {
        CHECK_TEXT(text, q->product != NULL ? "product" : q->mean != NULL ? "mean" : "noise");
        snprintf(part, sizeof part, "value %lld of sample %lld", (long long)q->dim - 1,
                 (long long)(q->first_sample + q->batch - 1));
    }
    CHECK_TEXT(text, part);
    CHECK_TEXT(text, "must be");
}

/* After the failure: by retry, or by restart, the samples of an undisturbed run. */
static int fails_at(const settings *set, int k, int how, int restart, covsamp_mixture *mixture,
                    const void *expected)
{
    spoiler p = {mixture, 0, k, how, {0}, 1};
    const covsamp_model model = spoiled_model(&p);
    covsamp_sampler *s = new_sampler(set);
    const covsamp_request *q = NULL;
    covsamp_status status = covsamp_sampler_run(s, &model);
    const int failed = status != COVSAMP_DONE;
    if (failed) {
        CHECK(status == (how == RETURNS_CODE ? COVSAMP_E_MODEL : COVSAMP_E_NONFINITE));
        CHECK(covsamp_sampler_answer(s) == (how == RETURNS_CODE ? -1000 - k : 0));
        check_message(s, &p, "covsamp_sampler_run");
        CHECK(covsamp_sampler_ask(s, &q) == COVSAMP_OK); /* the request stays open */
        CHECK(q != NULL && q->kind == p.spoiled.kind && q->point == p.spoiled.point);
        if (restart)
            CHECK(covsamp_sampler_restart(s, (uint64_t)set->seed, set->first_sample) == COVSAMP_OK);
        CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
        CHECK(restart || p.same);
        CHECK(strcmp(covsamp_sampler_message(s), "") == 0);
    }
    CHECK(same_state(s, set, expected));
    covsamp_sampler_free(s);
    return failed;
}

static void every_request_fails(const settings *set)
{
    covsamp_mixture *mixture = new_mixture(5);
    spoiler none = {mixture, 0, 0, NEVER, {0}, 1};
    const covsamp_model model = spoiled_model(&none);
    void *expected = samples_of(set, &model);
    int k = 1, failed = 1;
    for (; failed; k++)
        for (int how = RETURNS_CODE; how <= GIVES_MINUS_INF; how++)
            for (int restart = 0; restart <= 1; restart++)
                failed = fails_at(set, k, how, restart, mixture, expected);
    CHECK(k == none.count + 2);
    free(expected);
    covsamp_mixture_free(mixture);
}

/* The same by tell(): the status and the sentence name tell(), the request can be answered again.
 */
static void tell_reports(void)
{
    const settings set = {.covariance = COVSAMP_COV_KRYLOV, .first_sample = 100};
    covsamp_mixture *mixture = new_mixture(5);
    const covsamp_model model = model_of(mixture);
    void *expected = samples_of(&set, &model);
    covsamp_sampler *s = new_sampler(&set);
    const covsamp_request *q = NULL, *again = NULL;
    while (covsamp_sampler_ask(s, &q) == COVSAMP_OK) {
        CHECK(covsamp_mixture_answer(mixture, q) == 0);
        spoil(q, NAN);
        for (int i = 0; i < 2; i++) {
            CHECK(covsamp_sampler_tell(s, 0) == COVSAMP_E_NONFINITE);
            CHECK_TEXT(covsamp_sampler_message(s), "covsamp_sampler_tell");
            CHECK_TEXT(covsamp_sampler_message(s), "sample 102");
            CHECK(covsamp_sampler_tell(s, INT32_MIN) == COVSAMP_E_MODEL);
            CHECK(covsamp_sampler_answer(s) == INT32_MIN);
            CHECK_TEXT(covsamp_sampler_message(s), "-2147483648");
            CHECK(covsamp_sampler_tell(s, COVSAMP_CANCELLED) == COVSAMP_CANCELLED);
            CHECK(covsamp_sampler_answer(s) == COVSAMP_CANCELLED);
            CHECK(strcmp(covsamp_sampler_message(s), "") == 0);
        }
        CHECK(covsamp_sampler_ask(s, &again) == COVSAMP_OK && again == q);
        CHECK(covsamp_mixture_answer(mixture, q) == 0);
        CHECK(covsamp_sampler_tell(s, 0) == COVSAMP_OK && covsamp_sampler_answer(s) == 0);
    }
    CHECK(same_state(s, &set, expected));
    covsamp_sampler_free(s);
    free(expected);
    covsamp_mixture_free(mixture);
}

/* ---- finite, but too large ---- */

static int32_t huge_answer(void *user, const covsamp_request *q)
{
    const double huge = q->dtype == COVSAMP_F32 ? 3e38 : 1.5e308;
    (void)user;
    for (int64_t i = 0; i < q->batch * q->dim; i++) {
        if (q->mean != NULL)
            put(q, q->mean, i, huge);
        for (int64_t k = 0; q->product != NULL && k < q->tangents; k++)
            put(q, q->product, k * q->tangent_stride + i, huge);
    }
    return 0;
}

/* Caught where the state overflows; the run has ended then, and a restart works. */
static void overflow(const settings *set)
{
    covsamp_mixture *mixture = new_mixture(5);
    const covsamp_model good = model_of(mixture);
    covsamp_model bad = good;
    void *expected = samples_of(set, &good);
    covsamp_sampler *s = new_sampler(set);
    const covsamp_request *q = NULL;
    bad.mean = bad.jvp = bad.mean_jvp = huge_answer;
    const covsamp_status status = covsamp_sampler_run(s, &bad);
    const int products = set->covariance >= COVSAMP_COV_STATE_ISOTROPIC;
    CHECK(status == COVSAMP_E_OVERFLOW || (products && status == COVSAMP_E_LINALG));
    CHECK_TEXT(covsamp_sampler_message(s), "covsamp_sampler_run");
    CHECK_TEXT(covsamp_sampler_message(s), "step 0 of 4");
    CHECK_TEXT(covsamp_sampler_message(s), "sample 11");
    for (int i = 0; i < 2; i++) {
        CHECK(covsamp_sampler_ask(s, &q) == COVSAMP_E_STATE && q == NULL);
        CHECK_TEXT(covsamp_sampler_message(s), "covsamp_sampler_ask");
        CHECK_TEXT(covsamp_sampler_message(s), covsamp_status_name(status));
        CHECK(covsamp_sampler_tell(s, 0) == COVSAMP_E_STATE);
        CHECK(covsamp_sampler_run(s, &good) == COVSAMP_E_STATE);
        CHECK(covsamp_sampler_step(s, &good) == COVSAMP_E_STATE);
        CHECK(covsamp_sampler_set_state(s, expected, 5) == COVSAMP_E_STATE);
    }
    CHECK(covsamp_sampler_restart(s, (uint64_t)set->seed, set->first_sample) == COVSAMP_OK);
    CHECK(covsamp_sampler_run(s, &good) == COVSAMP_DONE);
    CHECK(same_state(s, set, expected));
    covsamp_sampler_free(s);
    free(expected);
    covsamp_mixture_free(mixture);
}

/* By ask() and tell() it is the ask() after the last answer of the step that says so. */
static void overflow_by_ask(void)
{
    const settings set = {.covariance = COVSAMP_COV_SMALL, .first_sample = 11};
    covsamp_sampler *s = new_sampler(&set);
    const covsamp_request *q = NULL;
    CHECK(covsamp_sampler_ask(s, &q) == COVSAMP_OK);
    CHECK(huge_answer(NULL, q) == 0);
    CHECK(covsamp_sampler_tell(s, 0) == COVSAMP_OK);
    CHECK(covsamp_sampler_ask(s, &q) == COVSAMP_E_OVERFLOW && q == NULL);
    CHECK_TEXT(covsamp_sampler_message(s), "covsamp_sampler_ask");
    CHECK_TEXT(covsamp_sampler_message(s), "state");
    CHECK(covsamp_sampler_ask(s, &q) == COVSAMP_E_STATE);
    covsamp_sampler_free(s);
}

/* ---- check_finite = 0: nonsense goes through, but nothing hangs or crashes ---- */

static void unchecked(const settings *base, int how)
{
    settings set = *base;
    set.unchecked = 1;
    covsamp_mixture *mixture = new_mixture(dim_of(&set));
    for (int k = 1; k <= 6; k++) {
        spoiler p = {mixture, 0, k, how, {0}, 1};
        const covsamp_model model = spoiled_model(&p);
        covsamp_sampler *s = new_sampler(&set);
        const covsamp_status status = covsamp_sampler_run(s, &model);
        CHECK(status == COVSAMP_DONE || status == COVSAMP_E_LINALG);
        covsamp_sampler_free(s);
    }
    covsamp_mixture_free(mixture);
}

/* ---- callbacks ---- */

static covsamp_sampler *reentered;
static covsamp_model reentered_model;
static int reentries;

/* Everything that steps or changes the sampler is E_STATE in its callbacks, and harmless. */
static int32_t reenter(void *user, const covsamp_request *q)
{
    const covsamp_request *other = NULL;
    const double x[15] = {0};
    const covsamp_request before = *q;
    reentries++;
    CHECK(covsamp_sampler_ask(reentered, &other) == COVSAMP_E_STATE && other == NULL);
    CHECK_TEXT(covsamp_sampler_message(reentered), "covsamp_sampler_ask");
    CHECK_TEXT(covsamp_sampler_message(reentered), "callback");
    CHECK(covsamp_sampler_tell(reentered, 0) == COVSAMP_E_STATE);
    CHECK(covsamp_sampler_tell(reentered, -5) == COVSAMP_E_STATE);
    CHECK(covsamp_sampler_run(reentered, &reentered_model) == COVSAMP_E_STATE);
    CHECK_TEXT(covsamp_sampler_message(reentered), "covsamp_sampler_run");
    CHECK(covsamp_sampler_step(reentered, &reentered_model) == COVSAMP_E_STATE);
    CHECK(covsamp_sampler_restart(reentered, 1, 1) == COVSAMP_E_STATE);
    CHECK(covsamp_sampler_set_state(reentered, x, 5) == COVSAMP_E_STATE);
    CHECK(memcmp(&before, q, sizeof before) == 0);
    return q->kind == COVSAMP_ASK_STEP ? 0 : covsamp_mixture_answer(user, q);
}

static void reentrant_calls(const settings *set, int in_parts)
{
    covsamp_mixture *mixture = new_mixture(5);
    reentered_model = model_of(mixture);
    void *expected = samples_of(set, &reentered_model);
    covsamp_model m = reentered_model;
    m.mean = m.jvp = m.progress = reenter;
    m.mean_jvp = in_parts ? NULL : reenter;
    reentered = new_sampler(set);
    CHECK(covsamp_sampler_run(reentered, &m) == COVSAMP_DONE);
    CHECK(strcmp(covsamp_sampler_message(reentered), "") == 0); /* run() did not fail */
    CHECK(reentries >= 8);
    CHECK(same_state(reentered, set, expected));
    covsamp_sampler_free(reentered);
    free(expected);
    covsamp_mixture_free(mixture);
    reentries = 0;
}

static void missing(const settings *set, int field, const char *name, covsamp_status expected)
{
    covsamp_mixture *mixture = new_mixture(5);
    spoiler p = {mixture, 0, 0, NEVER, {0}, 1};
    covsamp_model m = spoiled_model(&p);
    covsamp_answer_fn *const fields[] = {&m.mean, &m.jvp, &m.mean_jvp, &m.noise, &m.progress};
    covsamp_sampler *s = new_sampler(set);
    *fields[field] = NULL;
    CHECK(covsamp_sampler_step(s, &m) == (expected == COVSAMP_DONE ? COVSAMP_OK : expected));
    CHECK(covsamp_sampler_run(s, &m) == expected);
    if (expected != COVSAMP_DONE) {
        CHECK_TEXT(covsamp_sampler_message(s), "covsamp_sampler_run");
        CHECK_TEXT(covsamp_sampler_message(s), name);
        *fields[field] = spoiled_answer;
        CHECK(covsamp_sampler_run(s, &m) == COVSAMP_DONE); /* nothing was lost */
    }
    covsamp_sampler_free(s);
    covsamp_mixture_free(mixture);
}

static void missing_callbacks(void)
{
    for (int i = 0; i < COVARIANCES; i++) {
        const int products = all_covariances[i] >= COVSAMP_COV_STATE_ISOTROPIC;
        settings set = {.covariance = all_covariances[i]};
        missing(&set, 0, "mean", COVSAMP_E_NULL);
        missing(&set, 1, "jvp", products ? COVSAMP_E_NULL : COVSAMP_DONE);
        missing(&set, 2, "mean_jvp", COVSAMP_DONE);
        missing(&set, 3, "noise", COVSAMP_DONE);
        missing(&set, 4, "progress", COVSAMP_DONE);
        set.ask_noise = 1;
        missing(&set, 3, "noise", COVSAMP_E_NULL);
    }
}

static int32_t wrong_answer(void *user, const covsamp_request *q)
{
    (void)q;
    return *(int32_t *)user;
}

/* A callback that returns neither 0, COVSAMP_CANCELLED nor something negative. */
static void wrong_answers(void)
{
    const settings set = {.covariance = COVSAMP_COV_SMALL};
    covsamp_mixture *mixture = new_mixture(5);
    covsamp_model good = model_of(mixture), bad = good;
    void *expected = samples_of(&set, &good);
    covsamp_sampler *s = new_sampler(&set);
    for (int32_t code = 1; code < 20; code += 2) {
        bad.mean = wrong_answer;
        bad.model_user = &code;
        CHECK(covsamp_sampler_run(s, &bad) == COVSAMP_E_RANGE);
        CHECK_TEXT(covsamp_sampler_message(s), "covsamp_sampler_run: answer is");
    }
    CHECK(covsamp_sampler_run(s, &good) == COVSAMP_DONE);
    CHECK(same_state(s, &set, expected));
    covsamp_sampler_free(s);
    free(expected);
    covsamp_mixture_free(mixture);
}

int main(void)
{
    settings set;
    for (int i = 0; setting_case(i, &set); i++) {
        every_request_fails(&set);
        set.ask_noise = 1;
        every_request_fails(&set);
        set.ask_noise = 0;
        set.last_noise = 1;
        if (set.clip == 0) /* a clip bounds the state */
            overflow(&set);
        set.last_noise = 0;
        reentrant_calls(&set, i % 2);
        for (int how = GIVES_NAN; how <= GIVES_MINUS_INF; how++) {
            unchecked(&set, how);
            if (i >= 2 * COVARIANCES)
                continue;
            set.dim = MAX_DIM; /* another eigenvalue routine */
            set.tangents = 10;
            unchecked(&set, how);
            set.dim = 5;
            set.tangents = 2;
        }
    }
    tell_reports();
    overflow_by_ask();
    missing_callbacks();
    wrong_answers();
    return check_done();
}
