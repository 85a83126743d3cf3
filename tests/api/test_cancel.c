/* SPDX-License-Identifier: BSD-3-Clause */
/* Cancelling, by a flag from another thread or by a callback's answer, loses nothing. */
#define _POSIX_C_SOURCE 200809L
#include "fixture.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

/* A model that counts requests and cancels the k-th of them, once. */
typedef struct {
    covsamp_mixture *mixture;
    int count, cancel_at, seen_twice;
    covsamp_request last;
} counting;

static int32_t count_and_answer(void *user, const covsamp_request *q)
{
    counting *c = user;
    c->count++;
    if (c->count == c->cancel_at) {
        c->last = *q;
        return COVSAMP_CANCELLED;
    }
    if (c->count == c->cancel_at + 1) /* the same request, unchanged */
        c->seen_twice = memcmp(&c->last, q, sizeof *q) == 0;
    return q->kind == COVSAMP_ASK_STEP ? 0 : covsamp_mixture_answer(c->mixture, q);
}

static covsamp_model counting_model(counting *c)
{
    covsamp_model m;
    memset(&m, 0, sizeof m);
    m.size = sizeof m;
    m.model_user = m.progress_user = c;
    m.mean = m.jvp = m.mean_jvp = m.progress = count_and_answer;
    return m;
}

/* For every k: the k-th callback cancels, running again goes on with the same request. */
static void by_callback(const settings *set, int by_step)
{
    covsamp_mixture *mixture = new_mixture(5);
    covsamp_model plain = model_of(mixture);
    void *expected = samples_of(set, &plain);
    int cancelled = 1;
    for (int k = 1; cancelled; k++) {
        counting c = {mixture, 0, k, 1, {0}};
        const covsamp_model model = counting_model(&c);
        covsamp_sampler *s = new_sampler(set);
        covsamp_status status = COVSAMP_OK;
        cancelled = 0;
        while (status == COVSAMP_OK || status == COVSAMP_CANCELLED) {
            status = by_step ? covsamp_sampler_step(s, &model) : covsamp_sampler_run(s, &model);
            if (status == COVSAMP_CANCELLED) {
                CHECK(covsamp_sampler_answer(s) == COVSAMP_CANCELLED);
                CHECK(strcmp(covsamp_sampler_message(s), "") == 0); /* no error */
                CHECK(c.count == k);
                cancelled++;
            }
        }
        CHECK(status == COVSAMP_DONE && cancelled <= 1);
        CHECK(c.seen_twice);
        CHECK(same_state(s, set, expected));
        CHECK(cancelled || k > 8);
        covsamp_sampler_free(s);
    }
    free(expected);
    covsamp_mixture_free(mixture);
}

/* ---- the flag ---- */

static void flag_before_and_between(void)
{
    const settings set = {.covariance = COVSAMP_COV_KRYLOV};
    covsamp_mixture *mixture = new_mixture(5);
    const covsamp_model model = model_of(mixture);
    void *expected = samples_of(&set, &model);
    covsamp_sampler *s = new_sampler(&set);
    const covsamp_request *q = NULL;
    covsamp_sampler_cancel(s);
    covsamp_sampler_cancel(s); /* twice is once */
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_CANCELLED);
    CHECK(strcmp(covsamp_sampler_message(s), "") == 0);
    covsamp_status status = COVSAMP_OK;
    while (status != COVSAMP_DONE) {
        covsamp_sampler_cancel(s);
        CHECK(covsamp_sampler_ask(s, &q) == COVSAMP_CANCELLED && q == NULL);
        status = covsamp_sampler_ask(s, &q);
        if (status != COVSAMP_OK)
            break;
        covsamp_sampler_cancel(s); /* while a request is open: it stays open */
        CHECK(covsamp_mixture_answer(mixture, q) == 0);
        const covsamp_request *again = NULL;
        CHECK(covsamp_sampler_ask(s, &again) == COVSAMP_CANCELLED && again == NULL);
        CHECK(covsamp_sampler_ask(s, &again) == COVSAMP_OK && again == q);
        status = covsamp_sampler_tell(s, 0);
        CHECK(status == COVSAMP_OK);
        const covsamp_request *next = NULL; /* the last answer may have ended the run */
        status = covsamp_sampler_ask(s, &next);
    }
    CHECK(status == COVSAMP_DONE);
    CHECK(same_state(s, &set, expected));
    covsamp_sampler_free(s);
    free(expected);
    covsamp_mixture_free(mixture);
}

/* run() and step() cancelled before, and a cancel that a restart forgets. */
static void flag_before_step(void)
{
    const settings set = {.covariance = COVSAMP_COV_SMALL};
    covsamp_mixture *mixture = new_mixture(5);
    const covsamp_model model = model_of(mixture);
    covsamp_sampler *s = new_sampler(&set);
    covsamp_sampler_cancel(s);
    CHECK(covsamp_sampler_step(s, &model) == COVSAMP_CANCELLED);
    CHECK(covsamp_sampler_step(s, &model) == COVSAMP_OK);
    covsamp_sampler_cancel(s);
    CHECK(covsamp_sampler_restart(s, 0, 0) == COVSAMP_OK);
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
    covsamp_sampler_free(s);
    covsamp_mixture_free(mixture);
}

/* ---- a second thread ---- */

typedef struct {
    covsamp_sampler *sampler;
    covsamp_mixture *mixture;
    atomic_int go, stop, cancels;
} canceller;

static void *cancel_often(void *user)
{
    canceller *c = user;
    const struct timespec pause = {0, 20000};
    while (!atomic_load(&c->stop)) {
        if (atomic_load(&c->go)) {
            covsamp_sampler_cancel(c->sampler);
            atomic_fetch_add(&c->cancels, 1);
        }
        nanosleep(&pause, NULL);
    }
    return NULL;
}

/* Waits for a cancel, so that one certainly falls into this request. */
static int32_t slow_answer(void *user, const covsamp_request *q)
{
    canceller *c = user;
    const struct timespec pause = {0, 20000};
    const int seen = atomic_load(&c->cancels);
    while (atomic_load(&c->go) && atomic_load(&c->cancels) == seen)
        nanosleep(&pause, NULL);
    return covsamp_mixture_answer(c->mixture, q);
}

static void from_a_thread(const settings *set)
{
    covsamp_mixture *mixture = new_mixture(5);
    covsamp_model model = model_of(mixture);
    void *expected = samples_of(set, &model);
    canceller c = {.sampler = new_sampler(set), .mixture = mixture};
    pthread_t thread;
    int cancelled = 0;
    model.mean = model.jvp = model.mean_jvp = slow_answer;
    model.model_user = &c;
    atomic_init(&c.go, 1);
    atomic_init(&c.stop, 0);
    atomic_init(&c.cancels, 0);
    if (!CHECK(pthread_create(&thread, NULL, cancel_often, &c) == 0))
        return;
    covsamp_status status = covsamp_sampler_run(c.sampler, &model);
    for (; status == COVSAMP_CANCELLED && cancelled < 100000; cancelled++) {
        /* every other time in peace, so that it gets on */
        atomic_store(&c.go, cancelled % 2);
        status = covsamp_sampler_step(c.sampler, &model);
        status = status == COVSAMP_OK ? COVSAMP_CANCELLED : status;
    }
    atomic_store(&c.go, 0);
    atomic_store(&c.stop, 1);
    pthread_join(thread, NULL);
    CHECK(status == COVSAMP_DONE);
    CHECK(atomic_load(&c.cancels) > 0 && cancelled > 0);
    CHECK(same_state(c.sampler, set, expected));
    CHECK(covsamp_sampler_restart(c.sampler, (uint64_t)set->seed, set->first_sample) == COVSAMP_OK);
    CHECK(covsamp_sampler_run(c.sampler, &model) == COVSAMP_DONE);
    CHECK(same_state(c.sampler, set, expected));
    covsamp_sampler_free(c.sampler);
    free(expected);
    covsamp_mixture_free(mixture);
}

/* ---- a signal handler, and a callback, may cancel as well ---- */

static covsamp_sampler *signalled;

static void on_signal(int number)
{
    (void)number;
    covsamp_sampler_cancel(signalled);
}

static int32_t raise_once(void *user, const covsamp_request *q)
{
    (void)user;
    if (q->step == 1)
        raise(SIGUSR1);
    return 0;
}

static void from_a_signal(void)
{
    const settings set = {.covariance = COVSAMP_COV_SMALL};
    covsamp_mixture *mixture = new_mixture(5);
    covsamp_model model = model_of(mixture);
    void *expected = samples_of(&set, &model);
    covsamp_stats stats = {.size = sizeof stats};
    signalled = new_sampler(&set);
    model.progress = raise_once;
    signal(SIGUSR1, on_signal);
    CHECK(covsamp_sampler_run(signalled, &model) == COVSAMP_CANCELLED);
    signal(SIGUSR1, SIG_DFL);
    CHECK(covsamp_sampler_stats(signalled, &stats) == COVSAMP_OK && stats.steps == 2);
    CHECK(covsamp_sampler_run(signalled, &model) == COVSAMP_DONE);
    CHECK(same_state(signalled, &set, expected));
    covsamp_sampler_free(signalled);
    free(expected);
    covsamp_mixture_free(mixture);
}

/* ---- progress ---- */

typedef struct {
    int64_t steps, calls;
    const settings *set;
    covsamp_sampler *sampler;
} progress;

static int32_t on_progress(void *user, const covsamp_request *q)
{
    progress *p = user;
    CHECK(q->kind == COVSAMP_ASK_STEP && q->step == p->calls && q->steps == 4);
    CHECK(q->mean == NULL && q->product == NULL && q->noise == NULL && q->v == NULL);
    CHECK(same_state(p->sampler, p->set, q->x)); /* "x is the new state" */
    p->calls++;
    return 0;
}

static void progress_is_per_step(int report)
{
    const settings set = {.covariance = COVSAMP_COV_KRYLOV, .report = report};
    covsamp_mixture *mixture = new_mixture(5);
    covsamp_model model = model_of(mixture);
    progress p = {0, 0, &set, new_sampler(&set)};
    model.progress = on_progress;
    model.progress_user = &p;
    CHECK(covsamp_sampler_run(p.sampler, &model) == COVSAMP_DONE);
    CHECK(p.calls == 4);
    CHECK(covsamp_sampler_run(p.sampler, &model) == COVSAMP_DONE && p.calls == 4);
    covsamp_sampler_free(p.sampler);
    covsamp_mixture_free(mixture);
}

int main(void)
{
    settings set;
    for (int i = 0; setting_case(i, &set); i++) {
        by_callback(&set, 0);
        by_callback(&set, 1);
        from_a_thread(&set);
    }
    flag_before_and_between();
    flag_before_step();
    from_a_signal();
    progress_is_per_step(0);
    progress_is_per_step(1);
    return check_done();
}
