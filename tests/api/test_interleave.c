/* SPDX-License-Identifier: BSD-3-Clause */
/* Two samplers that share one mixture handle, turn by turn, an edit between steps and a run loaded
 * into another sampler give the bits of separate handles; samplers in two threads at once give
 * those of one after the other. */
#define _POSIX_C_SOURCE 200809L
#include "fixture.h"

#include <pthread.h>

/* One request of one sampler; 0 when it has none left. */
static int one_request(covsamp_sampler *s, covsamp_mixture *mixture)
{
    const covsamp_request *q = NULL;
    const covsamp_status status = covsamp_sampler_ask(s, &q);
    if (!CHECK(status == COVSAMP_OK || status == COVSAMP_DONE) || status == COVSAMP_DONE)
        return 0;
    if (q->kind != COVSAMP_ASK_STEP)
        CHECK(covsamp_mixture_answer(mixture, q) == 0);
    CHECK(covsamp_sampler_tell(s, 0) == COVSAMP_OK);
    return 1;
}

/* A request of a third party, at a level that no sampler visits. */
static void warm(covsamp_mixture *mixture)
{
    double x[5] = {1, 2, 3, 4, 5}, mean[5] = {0};
    const covsamp_request q = {.size = sizeof q,
                               .kind = COVSAMP_ASK_MEAN,
                               .dtype = COVSAMP_F64,
                               .batch = 1,
                               .dim = 5,
                               .stride = 5,
                               .alpha = .6,
                               .sigma = .8,
                               .x = x,
                               .mean = mean};
    CHECK(covsamp_mixture_answer(mixture, &q) == 0 && mean[0] != 0);
}

static void turn_by_turn(const settings *a, const settings *b)
{
    covsamp_mixture *shared = new_mixture(5), *own_a = new_mixture(5), *own_b = new_mixture(5);
    const covsamp_model model_a = model_of(own_a), model_b = model_of(own_b);
    void *xa = samples_of(a, &model_a), *xb = samples_of(b, &model_b);
    covsamp_sampler *sa = new_sampler(a), *sb = new_sampler(b);
    int more_a = 1, more_b = 1;
    warm(shared);
    for (int turn = 0; more_a || more_b; turn++) {
        if (more_a && turn % 3 != 2)
            more_a = one_request(sa, shared);
        if (more_b && turn % 2 != 1)
            more_b = one_request(sb, shared);
    }
    CHECK(same_state(sa, a, xa));
    CHECK(same_state(sb, b, xb));
    covsamp_sampler_free(sa);
    covsamp_sampler_free(sb);
    free(xa);
    free(xb);
    covsamp_mixture_free(shared);
    covsamp_mixture_free(own_a);
    covsamp_mixture_free(own_b);
}

/* ---- an edit between two steps ---- */

static void edit(covsamp_sampler *s, const settings *set)
{
    double *x = copy_state(s, set);
    float *f = (float *)(void *)x;
    for (int64_t i = 0; i < batch_of(set) * dim_of(set); i++)
        if (dtype_of(set) == COVSAMP_F32)
            f[i] = 0.5f * f[i] + 0.25f;
        else
            x[i] = 0.5 * x[i] + 0.25;
    CHECK(covsamp_sampler_set_state(s, x, dim_of(set)) == COVSAMP_OK);
    CHECK(same_state(s, set, x));
    free(x);
}

/* step(), edit, step(), ...: with one handle of its own, and with one that another sampler uses. */
static void *edited(const settings *set, const settings *intruder, int with_edit)
{
    covsamp_mixture *mixture = new_mixture(5);
    const covsamp_model model = model_of(mixture);
    covsamp_sampler *s = new_sampler(set), *other = intruder ? new_sampler(intruder) : NULL;
    for (int i = 0; i < 4; i++) {
        if (other != NULL)
            one_request(other, mixture);
        if (with_edit && i == 2)
            edit(s, set);
        CHECK(covsamp_sampler_step(s, &model) == (i < 3 ? COVSAMP_OK : COVSAMP_DONE));
    }
    void *x = copy_state(s, set);
    covsamp_sampler_free(s);
    covsamp_sampler_free(other);
    covsamp_mixture_free(mixture);
    return x;
}

static void edits(const settings *set, const settings *intruder)
{
    void *alone = edited(set, NULL, 1), *shared = edited(set, intruder, 1);
    void *plain = edited(set, NULL, 0);
    CHECK(memcmp(alone, shared, bytes_of(set)) == 0);
    CHECK(memcmp(alone, plain, bytes_of(set)) != 0);
    free(alone);
    free(shared);
    free(plain);
}

/* The same edit at a STEP request of ask(), which is between two steps as well. */
static void edit_at_report(const settings *set)
{
    settings own = *set;
    own.report = 1;
    void *expected = edited(set, NULL, 1);
    covsamp_mixture *mixture = new_mixture(5);
    covsamp_sampler *s = new_sampler(&own);
    const covsamp_request *q = NULL;
    while (covsamp_sampler_ask(s, &q) == COVSAMP_OK) {
        if (q->kind == COVSAMP_ASK_STEP && q->step == 1)
            edit(s, set);
        else if (q->kind != COVSAMP_ASK_STEP)
            CHECK(covsamp_mixture_answer(mixture, q) == 0);
        CHECK(covsamp_sampler_tell(s, 0) == COVSAMP_OK);
    }
    CHECK(same_state(s, set, expected));
    covsamp_sampler_free(s);
    free(expected);
    covsamp_mixture_free(mixture);
}

/* A run saved between two steps goes on in a second sampler while the first, and one of another
 * configuration, go on too, all with one mixture handle. */
static void load_among_others(const settings *a, const settings *b)
{
    settings own = *a;
    own.report = 1;
    covsamp_mixture *shared = new_mixture(5), *own_a = new_mixture(5), *own_b = new_mixture(5);
    const covsamp_model model_a = model_of(own_a), model_b = model_of(own_b);
    void *xa = samples_of(a, &model_a), *xb = samples_of(b, &model_b), *text = NULL;
    covsamp_sampler *sa = new_sampler(&own), *sb = new_sampler(b), *loaded = new_sampler(&own);
    size_t bytes = 0;
    int more_a = 1, more_b = 1, more_loaded = 1;
    for (int turn = 0; more_a || more_b || (text != NULL && more_loaded); turn++) {
        const covsamp_request *q = NULL;
        if (text == NULL && covsamp_sampler_ask(sa, &q) == COVSAMP_OK &&
            q->kind == COVSAMP_ASK_STEP && q->step == 1) {
            CHECK(covsamp_sampler_save(sa, NULL, 0, &bytes) == COVSAMP_OK);
            text = malloc(bytes);
            CHECK(covsamp_sampler_save(sa, text, bytes, NULL) == COVSAMP_OK);
            CHECK(covsamp_sampler_load(loaded, text, bytes) == COVSAMP_OK);
        } else if (text == NULL && turn == 3) { /* what the second has begun is given up */
            CHECK(one_request(loaded, shared));
        }
        if (more_a && turn % 3 != 2)
            more_a = one_request(sa, shared);
        if (more_b && turn % 2 != 1)
            more_b = one_request(sb, shared);
        if (text != NULL && more_loaded)
            more_loaded = one_request(loaded, shared);
    }
    CHECK(text != NULL && same_state(sa, a, xa) && same_state(sb, b, xb));
    CHECK(same_state(loaded, a, xa));
    covsamp_sampler_free(sa);
    covsamp_sampler_free(sb);
    covsamp_sampler_free(loaded);
    free(text);
    free(xa);
    free(xb);
    covsamp_mixture_free(shared);
    covsamp_mixture_free(own_a);
    covsamp_mixture_free(own_b);
}

/* A start that is set instead of drawn: the library's own start, given back, changes nothing. */
static void own_start(const settings *set)
{
    covsamp_mixture *mixture = new_mixture(5);
    const covsamp_model model = model_of(mixture);
    void *expected = samples_of(set, &model);
    covsamp_sampler *s = new_sampler(set);
    const covsamp_request *q = NULL;
    CHECK(covsamp_sampler_ask(s, &q) == COVSAMP_OK);
    void *start = copy_state(s, set);
    for (int ask_noise = 0; ask_noise < 2; ask_noise++) {
        settings own = *set;
        own.ask_noise = ask_noise && set->covariance == COVSAMP_COV_NONE;
        covsamp_sampler *other = new_sampler(&own);
        if (own.ask_noise) /* a request for noise is open: the state given makes it moot */
            CHECK(covsamp_sampler_ask(other, &q) == COVSAMP_OK && q->kind == COVSAMP_ASK_NOISE);
        CHECK(covsamp_sampler_set_state(other, start, 5) == COVSAMP_OK);
        while (one_request(other, mixture))
            ;
        CHECK(same_state(other, set, expected));
        covsamp_sampler_free(other);
    }
    covsamp_sampler_free(s);
    free(start);
    free(expected);
    covsamp_mixture_free(mixture);
}

/* ---- two threads, each with handles of its own ---- */

typedef struct {
    const settings *set;
    void *x;
} job;

static void *run_job(void *user)
{
    job *j = user;
    for (int i = 0; i < 5; i++) {
        covsamp_mixture *mixture = NULL;
        covsamp_model model = {.size = sizeof model};
        covsamp_sampler *s = NULL;
        covsamp_config *c = NULL;
        const double w[1] = {1}, m[2] = {1, -1}, cov[4] = {2, 1, 1, 3};
        const int64_t levels[3] = {9, 5, 2};
        covsamp_schedule *schedule = NULL;
        const void *x = NULL;
        int ok = covsamp_mixture_new(&mixture, 2, 1, w, m, cov, 1, NULL, NULL) == COVSAMP_OK &&
                 covsamp_mixture_model(mixture, &model) == COVSAMP_OK &&
                 covsamp_config_new(&c, NULL) == COVSAMP_OK &&
                 covsamp_schedule_new_cosine(&schedule, 9, .008, NULL, NULL) == COVSAMP_OK &&
                 covsamp_config_set_schedule(c, schedule, levels, 3) == COVSAMP_OK &&
                 covsamp_config_set_int(c, COVSAMP_BATCH, 8) == COVSAMP_OK &&
                 covsamp_config_set_int(c, COVSAMP_DIM, 2) == COVSAMP_OK &&
                 covsamp_config_set_int(c, COVSAMP_WIDTH, 2) == COVSAMP_OK && /* spectral */
                 covsamp_config_set_int(c, COVSAMP_DTYPE, COVSAMP_F64) == COVSAMP_OK &&
                 covsamp_config_set_int(c, COVSAMP_COVARIANCE, j->set->covariance) == COVSAMP_OK &&
                 covsamp_sampler_new(&s, c) == COVSAMP_OK &&
                 covsamp_sampler_run(s, &model) == COVSAMP_DONE &&
                 covsamp_sampler_state(s, &x, NULL) == COVSAMP_OK;
        if (ok)
            memcpy(j->x, x, 16 * sizeof(double));
        covsamp_sampler_free(s);
        covsamp_config_free(c);
        covsamp_schedule_free(schedule);
        covsamp_mixture_free(mixture);
    }
    return NULL;
}

static void threads(const settings *a, const settings *b)
{
    double x[4][16] = {{0}};
    job jobs[4] = {{a, x[0]}, {b, x[1]}, {a, x[2]}, {b, x[3]}};
    pthread_t thread[2];
    run_job(&jobs[0]);
    run_job(&jobs[1]);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&thread[i], NULL, run_job, &jobs[2 + i]) == 0);
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    CHECK(x[0][0] != 0 && memcmp(x[0], x[2], sizeof x[0]) == 0);
    CHECK(x[1][0] != 0 && memcmp(x[1], x[3], sizeof x[1]) == 0);
}

int main(void)
{
    settings a, b;
    for (int i = 0; setting_case(i, &a); i++) {
        setting_case((i + 8) % 30, &b);
        b.seed = 77;
        b.steps = 6;
        b.report = 1;
        turn_by_turn(&a, &b);
        edits(&a, &b);
        edit_at_report(&a);
        load_among_others(&a, &b);
        own_start(&a);
        threads(&a, &b);
    }
    return check_done();
}
