/* SPDX-License-Identifier: BSD-3-Clause */
/* Soak: many lives of samplers in several threads at once, with random options, cancellations from
 * another thread, models that fail or answer nonsense, allocations that fail, saves and loads; each
 * life ends with a restart that must give, bit for bit, what an undisturbed sampler of the same
 * options gave before any thread was started.  At the end the memory must be what it was after the
 * first lives, and no thread may stand still.
 *     soak [lives] [threads], 1000 lives in 8 threads as they are */
#include "paths.h"
#include "random_text.h"

#if defined(__GLIBC__)
#include <malloc.h>
#endif
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

enum { TEXTS = 48, MOST_THREADS = 64, STILL_SECONDS = 120, ROUNDS = 5 };
/* KiB by which the last round may be above the first: one leaked handle a life would be more. */
enum { MOST_ALLOCATED = 64, MOST_RESIDENT = 4096 };

#if !defined(__GLIBC__) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEASURES_MEMORY 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MEASURES_MEMORY 0
#endif
#endif
#ifndef MEASURES_MEMORY
#define MEASURES_MEMORY 1
#endif

/* A combination of options that makes a sampler, and what that gives. */
typedef struct {
    char text[2048];
    uint64_t sum;
    int requests;
} reference;

static reference known[TEXTS];
static atomic_long lives_left, lives_done, cancels, from_outside, failures, without_memory,
    restored;

/* What the thread that cancels may reach: a sampler must not be freed meanwhile. */
static struct {
    pthread_mutex_t lock;
    covsamp_sampler *sampler;
} running[MOST_THREADS];

/* ---- before the threads ---- */

static void choose_texts(void)
{
    uint64_t state = 7;
    for (int i = 0; i < TEXTS;) {
        reference *r = &known[i];
        heap h;
        outcome o;
        const covsamp_allocator mem = heap_hooks(&h, 0, 1 << 22);
        random_text(&state, r->text, sizeof r->text);
        path_sampler(r->text, &mem, &o);
        if (o.status != COVSAMP_DONE)
            continue;
        world w;
        int finite;
        covsamp_sampler *s = sampler_for(&w, r->text);
        spoiler none = new_spoiler(&w, 0, 0, 0);
        const covsamp_model model = model_with(spoiled_answer, &none);
        CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
        r->sum = state_sum(&w, s, &finite);
        r->requests = none.count;
        covsamp_sampler_free(s);
        world_close(&w);
        i++;
    }
}

/* ---- in the threads ---- */

static void expect(int ok, const reference *r, const char *what, covsamp_status status)
{
    if (!CHECK(ok))
        fprintf(stderr, "    %s (%d): %s\n", what, (int)status, r->text);
}

typedef struct {
    uint64_t random;
    long fail_at, calls, blocks; /* of its allocator */
    int number;
} life;

static void *life_alloc(void *user, size_t bytes, size_t align)
{
    life *l = user;
    if (++l->calls == l->fail_at)
        return NULL;
    void *p = aligned_alloc(align, bytes);
    l->blocks += p != NULL;
    return p;
}

static void life_release(void *user, void *pointer, size_t bytes)
{
    life *l = user;
    (void)bytes;
    l->blocks--;
    free(pointer);
}

/* The half-done run as bytes and back, into the same sampler. */
static void save_and_load(const reference *r, covsamp_sampler *s)
{
    size_t needed = 0;
    if (covsamp_sampler_save(s, NULL, 0, &needed) != COVSAMP_OK)
        return; /* a step is open */
    void *bytes = malloc(needed);
    covsamp_status status = covsamp_sampler_save(s, bytes, needed, NULL);
    if (status == COVSAMP_OK)
        status = covsamp_sampler_load(s, bytes, needed);
    expect(status == COVSAMP_OK, r, "save or load", status);
    atomic_fetch_add(&restored, 1);
    free(bytes);
}

/* Runs on until it is done or has failed for good; whatever stops it on the way is counted. */
static void run_disturbed(life *l, const reference *r, covsamp_sampler *s, world *w)
{
    for (int tries = 0; tries < 50; tries++) {
        spoiler p = new_spoiler(w, 1 + (int)random_below(&l->random, r->requests + 1),
                                (int)random_below(&l->random, WAYS), 0);
        const covsamp_model model = model_with(spoiled_answer, &p);
        if (random_below(&l->random, 4) == 0)
            covsamp_sampler_cancel(s);
        const covsamp_status status = random_below(&l->random, 3) == 0
                                          ? covsamp_sampler_step(s, &model)
                                          : covsamp_sampler_run(s, &model);
        expect(!p.nonsense, r, "asked about what is not finite", status);
        if (status == COVSAMP_CANCELLED) {
            atomic_fetch_add(&cancels, 1);
        } else if (status < 0) {
            atomic_fetch_add(&failures, 1);
            expect(is_sentence(covsamp_sampler_message(s)), r, "no sentence", status);
        }
        if (status == COVSAMP_DONE || status == COVSAMP_E_OVERFLOW || status == COVSAMP_E_LINALG ||
            status == COVSAMP_E_STATE)
            return;
        if (random_below(&l->random, 4) == 0)
            save_and_load(r, s);
    }
}

static void run_well(const reference *r, covsamp_sampler *s, world *w)
{
    spoiler none = new_spoiler(w, 0, 0, 0);
    const covsamp_model model = model_with(spoiled_answer, &none);
    covsamp_status status = covsamp_sampler_restart(s, (uint64_t)w->seed, w->first_sample);
    int finite;
    while (status == COVSAMP_OK || status == COVSAMP_CANCELLED) { /* the other thread goes on */
        status = covsamp_sampler_run(s, &model);
        if (status == COVSAMP_CANCELLED) /* nobody else could */
            atomic_fetch_add(&from_outside, 1);
    }
    expect(status == COVSAMP_DONE, r, covsamp_sampler_message(s), status);
    expect(state_sum(w, s, &finite) == r->sum, r, "other samples than alone", status);
}

static void show(int number, covsamp_sampler *s)
{
    pthread_mutex_lock(&running[number].lock);
    running[number].sampler = s;
    pthread_mutex_unlock(&running[number].lock);
}

static void live(life *l)
{
    const reference *r = &known[random_below(&l->random, TEXTS)];
    const covsamp_allocator mem = {sizeof mem, life_alloc, life_release, l};
    covsamp_config *c = NULL;
    covsamp_sampler *s = NULL;
    world w;
    outcome o;
    char message[COVSAMP_MESSAGE_BYTES];
    memset(&o, 0, sizeof o);
    l->calls = l->blocks = 0;
    l->fail_at = random_below(&l->random, 3) == 0 ? 1 + random_below(&l->random, 8) : 0;
    world_open(&w, r->text, message);
    c = config_with(&o, &mem, &w, r->text);
    const covsamp_status status = c == NULL ? o.status : covsamp_sampler_new(&s, c);
    covsamp_config_free(c);
    if (s == NULL) {
        atomic_fetch_add(&without_memory, 1);
        expect(status == COVSAMP_E_NOMEM && l->fail_at > 0 && l->calls >= l->fail_at, r,
               "was not made", status);
    } else {
        show(l->number, s);
        run_disturbed(l, r, s, &w);
        run_well(r, s, &w);
        show(l->number, NULL);
        covsamp_sampler_free(s);
    }
    world_close(&w);
    expect(l->blocks == 0, r, "memory was not given back", COVSAMP_OK);
}

static void *live_on(void *user)
{
    life *l = user;
    while (atomic_fetch_sub(&lives_left, 1) > 0) {
        live(l);
        atomic_fetch_add(&lives_done, 1);
    }
    return NULL;
}

/* ---- the thread that cancels, and sees whether the others go on ---- */

static void cancel_some(int threads, uint64_t *random)
{
    const int i = (int)random_below(random, threads);
    pthread_mutex_lock(&running[i].lock);
    covsamp_sampler_cancel(running[i].sampler);
    pthread_mutex_unlock(&running[i].lock);
}

static void watch(long lives, int threads)
{
    uint64_t random = 99;
    long seen = atomic_load(&lives_done);
    time_t since = time(NULL);
    while (atomic_load(&lives_done) < lives) {
        const struct timespec pause = {0, 200000};
        const long now = atomic_load(&lives_done);
        cancel_some(threads, &random);
        nanosleep(&pause, NULL);
        if (now != seen)
            since = time(NULL);
        seen = now;
        if (time(NULL) - since > STILL_SECONDS) {
            printf("no life has ended for %d seconds after %ld\n0 passed, 1 failed\n",
                   STILL_SECONDS, now);
            fflush(stdout);
            _exit(1);
        }
    }
}

/* ---- memory ---- */

typedef struct {
    double allocated, resident; /* KiB */
} memory;

/* By malloc in all threads, after what is free has been given back. */
static double allocated(void)
{
#if defined(__GLIBC__)
    malloc_trim(0);
    return (double)mallinfo2().uordblks / 1024;
#else
    return 0;
#endif
}

static memory memory_now(void)
{
    memory m = {0, 0};
    long pages = 0, ignored;
    m.allocated = allocated();
    FILE *file = fopen("/proc/self/statm", "r");
    if (file != NULL) {
        if (fscanf(file, "%ld %ld", &ignored, &pages) != 2)
            pages = 0;
        fclose(file);
    }
    m.resident = (double)pages * (double)sysconf(_SC_PAGESIZE) / 1024;
    return m;
}

static memory round_of(int round, long lives, int threads)
{
    pthread_t thread[MOST_THREADS];
    static life lives_of[MOST_THREADS];
    const long before = atomic_load(&lives_done);
    atomic_store(&lives_left, lives);
    for (int i = 0; i < threads; i++) {
        lives_of[i].number = i;
        lives_of[i].random = (uint64_t)(1000 * round + i);
        CHECK(pthread_create(&thread[i], NULL, live_on, &lives_of[i]) == 0);
    }
    watch(before + lives, threads);
    for (int i = 0; i < threads; i++)
        pthread_join(thread[i], NULL);
    const memory m = memory_now();
    printf("after %6ld lives: %8.0f KiB allocated, %8.0f KiB resident\n", atomic_load(&lives_done),
           m.allocated, m.resident);
    return m;
}

int main(int argc, char **argv)
{
    const long lives = argc > 1 ? strtol(argv[1], NULL, 10) : 1000;
    const int threads = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 8;
    if (lives < ROUNDS || threads < 1 || threads > MOST_THREADS) {
        fprintf(stderr, "soak: lives must be at least %d, threads in 1 ... %d\n", ROUNDS,
                MOST_THREADS);
        return 2;
    }
    for (int i = 0; i < MOST_THREADS; i++)
        pthread_mutex_init(&running[i].lock, NULL);
    choose_texts();
    const memory first = round_of(0, lives / ROUNDS, threads);
    memory last = first;
    for (int round = 1; round < ROUNDS; round++)
        last = round_of(round, lives / ROUNDS, threads);
    printf("%ld lives in %d threads: %ld cancelled, %ld by the other thread alone, %ld failed and "
           "went on or ended, %ld without memory, %ld saved and loaded\n",
           atomic_load(&lives_done), threads, atomic_load(&cancels), atomic_load(&from_outside),
           atomic_load(&failures), atomic_load(&without_memory), atomic_load(&restored));
    CHECK(cancels > 0 && failures > 0 && without_memory > 0 && restored > 0);
    CHECK(from_outside > 0);
    if (!MEASURES_MEMORY) {
        printf("skipped: memory (needs glibc without a sanitizer)\n");
        printf("%d passed, %d failed, 1 skipped\n", check_passed, check_failed);
        return check_failed != 0;
    }
    CHECK(last.allocated <= first.allocated + MOST_ALLOCATED);
    CHECK(last.resident <= first.resident + MOST_RESIDENT);
    return check_done();
}
