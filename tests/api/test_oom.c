/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory: every allocation may fail, nothing leaks, sizes match, and stepping allocates nothing. */
#include "../reliability/heap.h"
#include "fixture.h"

/* ---- malloc itself, where this program can stand in for it (glibc, no sanitizer) ---- */

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif
#if defined(__GLIBC__) && !defined(SANITIZED)
#define COUNTS_MALLOC 1
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
static long malloc_calls;

void *malloc(size_t bytes)
{
    malloc_calls++;
    return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
    malloc_calls++;
    return __libc_calloc(count, bytes);
}

void *realloc(void *pointer, size_t bytes)
{
    malloc_calls++;
    return __libc_realloc(pointer, bytes);
}

void *aligned_alloc(size_t align, size_t bytes)
{
    malloc_calls++;
    return __libc_memalign(align, bytes);
}
#else
#define COUNTS_MALLOC 0
static long malloc_calls;
#endif

/* ---- every maker ---- */

static covsamp_status make_schedule(int kind, covsamp_schedule **s, const covsamp_allocator *mem,
                                    char *message)
{
    static const double alpha[2] = {.9, .5}, sigma[2] = {.1, .6};
    switch (kind) {
    case 0:
        return covsamp_schedule_new_linear(s, 50, 1e-3, .02, mem, message);
    case 1:
        return covsamp_schedule_new_cosine(s, 50, .008, mem, message);
    case 2:
        return covsamp_schedule_new_table(s, 2, alpha, sigma, NULL, mem, message);
    case 3:
        return covsamp_schedule_new_karras(s, 50, .01, 80, 7, mem, message);
    default:
        return covsamp_schedule_new_flow(s, 50, mem, message);
    }
}

static void schedules(void)
{
    for (int kind = 0; kind < 5; kind++) {
        covsamp_status status = COVSAMP_E_NOMEM;
        for (int k = 1; status != COVSAMP_OK && k < 50; k++) {
            heap h;
            const covsamp_allocator mem = heap_hooks(&h, k, 0);
            char message[COVSAMP_MESSAGE_BYTES];
            covsamp_schedule *s = (covsamp_schedule *)(void *)&h;
            status = make_schedule(kind, &s, &mem, message);
            CHECK(status == (h.calls < k ? COVSAMP_OK : COVSAMP_E_NOMEM));
            CHECK((s != NULL) == (status == COVSAMP_OK));
            if (status != COVSAMP_OK)
                CHECK_TEXT(message, "covsamp_schedule_new_");
            covsamp_schedule_free(s);
            CHECK(h.blocks == 0);
        }
        CHECK(status == COVSAMP_OK);
    }
    heap h; /* a failure after the block was taken gives it back */
    const covsamp_allocator mem = heap_hooks(&h, 0, 0);
    covsamp_schedule *s = NULL;
    CHECK(covsamp_schedule_new_linear(&s, 2000, .5, .5, &mem, NULL) == COVSAMP_E_RANGE);
    CHECK(s == NULL && h.blocks == 0);
}

static void mixtures(void)
{
    const double w[2] = {1, 1}, m[4] = {0, 1, 2, 3}, c[8] = {1, 0, 0, 1, 2, 1, 1, 2};
    const double bad[8] = {1, 0, 0, 1, 2, 5, 5, 2}; /* a negative eigenvalue */
    covsamp_status status = COVSAMP_E_NOMEM;
    heap h;
    covsamp_mixture *out = NULL;
    for (int k = 1; status != COVSAMP_OK && k < 50; k++) {
        const covsamp_allocator mem = heap_hooks(&h, k, 0);
        char message[COVSAMP_MESSAGE_BYTES];
        status = covsamp_mixture_new(&out, 2, 2, w, m, c, 1, &mem, message);
        CHECK(status == (h.calls < k ? COVSAMP_OK : COVSAMP_E_NOMEM));
        CHECK((out != NULL) == (status == COVSAMP_OK));
        if (status != COVSAMP_OK)
            CHECK_TEXT(message, "covsamp_mixture_new");
        covsamp_mixture_free(out);
        CHECK(h.blocks == 0);
    }
    CHECK(status == COVSAMP_OK);
    const covsamp_allocator mem = heap_hooks(&h, 0, 0);
    CHECK(covsamp_mixture_new(&out, 2, 2, w, m, bad, 1, &mem, NULL) == COVSAMP_E_RANGE);
    CHECK(out == NULL && h.blocks == 0);
}

/* A configuration with its schedule, a second schedule, two samplers: the k-th allocation of all
 * fails. */
static int whole_life(const settings *set, int k, const covsamp_schedule *schedule,
                      const covsamp_model *model, const void *expected)
{
    static const int64_t levels[4] = {20, 15, 10, 5}, other[3] = {9, 2, 1};
    heap h;
    const covsamp_allocator mem = heap_hooks(&h, k, 0);
    covsamp_config *c = NULL;
    covsamp_sampler *s[2] = {NULL, NULL};
    covsamp_status status = covsamp_config_new(&c, &mem);
    CHECK((c != NULL) == (status == COVSAMP_OK));
    if (status == COVSAMP_OK) {
        apply_options(c, set);
        status = covsamp_config_set_schedule(c, schedule, other, 3);
    }
    if (status == COVSAMP_OK) {
        status = covsamp_config_set_schedule(c, schedule, levels, 4);
        if (status != COVSAMP_OK) { /* the old one stays: a sampler of three steps */
            covsamp_stats stats = {.size = sizeof stats};
            CHECK_TEXT(covsamp_config_message(c), "covsamp_config_set_schedule");
            CHECK(covsamp_sampler_new(&s[0], c) == COVSAMP_OK);
            CHECK(covsamp_sampler_run(s[0], model) == COVSAMP_DONE);
            CHECK(covsamp_sampler_stats(s[0], &stats) == COVSAMP_OK && stats.steps == 3);
            covsamp_sampler_free(s[0]);
            s[0] = NULL;
        }
    }
    for (int i = 0; status == COVSAMP_OK && i < 2; i++) {
        status = covsamp_sampler_new(&s[i], c);
        CHECK((s[i] != NULL) == (status == COVSAMP_OK));
        if (status != COVSAMP_OK)
            CHECK_TEXT(covsamp_config_message(c), "covsamp_sampler_new: no memory for");
    }
    covsamp_config_free(c);
    const long calls = h.calls;
    for (int i = 0; i < 2; i++)
        if (s[i] != NULL) {
            CHECK(covsamp_sampler_run(s[i], model) == COVSAMP_DONE);
            CHECK(same_state(s[i], set, expected));
            CHECK(covsamp_sampler_restart(s[i], 3, 4) == COVSAMP_OK);
            covsamp_sampler_free(s[i]);
        }
    CHECK(h.calls == calls); /* running took nothing */
    CHECK(h.blocks == 0);
    CHECK(status == (calls < k ? COVSAMP_OK : COVSAMP_E_NOMEM) || k == 0);
    return status == COVSAMP_OK;
}

static void configs_and_samplers(const settings *set)
{
    covsamp_mixture *mixture = new_mixture(5);
    const covsamp_model model = model_of(mixture);
    void *expected = samples_of(set, &model);
    covsamp_schedule *schedule = NULL;
    CHECK(covsamp_schedule_new_linear(&schedule, LEVELS, 0.01, 0.4, NULL, NULL) == COVSAMP_OK);
    int k = 1;
    while (!whole_life(set, k, schedule, &model, expected) && k < 50)
        k++;
    CHECK(k > 5 && k < 50);
    covsamp_schedule_free(schedule);
    free(expected);
    covsamp_mixture_free(mixture);
}

/* ---- stepping ---- */

/* Neither hooks nor malloc: a run, a step, a failure with its sentence, a restart, a new state. */
static void stepping(const settings *set)
{
    covsamp_mixture *mixture = new_mixture(dim_of(set));
    const covsamp_model model = model_of(mixture);
    heap h;
    const covsamp_allocator mem = heap_hooks(&h, 0, 0);
    covsamp_config *c = new_config_with(set, &mem);
    covsamp_sampler *s = NULL;
    const covsamp_request *q = NULL;
    CHECK(covsamp_sampler_new(&s, c) == COVSAMP_OK);
    void *x = copy_state(s, set);
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE); /* the BLAS may take what it wants */
    const long calls = h.calls;
    const long before = malloc_calls;
    CHECK(covsamp_sampler_restart(s, 8, 9) == COVSAMP_OK);
    CHECK(covsamp_sampler_set_state(s, x, dim_of(set)) == COVSAMP_OK);
    CHECK(covsamp_sampler_step(s, &model) == COVSAMP_OK);
    CHECK(covsamp_sampler_ask(s, &q) == COVSAMP_OK);
    CHECK(covsamp_sampler_tell(s, -3) == COVSAMP_E_MODEL);
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
    CHECK(covsamp_config_set_by_name(c, "eta", "x") == COVSAMP_E_OPTION);
    CHECK(covsamp_config_set_by_name(c, "eta", "0.3333333333333333") == COVSAMP_OK);
    CHECK(h.calls == calls);
    if (!CHECK(malloc_calls == before))
        fprintf(stderr, "    %ld with covariance %d\n", malloc_calls - before,
                (int)set->covariance);
    free(x);
    covsamp_sampler_free(s);
    covsamp_config_free(c);
    CHECK(h.blocks == 0);
    covsamp_mixture_free(mixture);
}

int main(void)
{
    settings set;
    schedules();
    mixtures();
    for (int i = 0; setting_case(i, &set); i++) {
        configs_and_samplers(&set);
        stepping(&set);
        if (i >= 2 * COVARIANCES)
            continue;
        set.dim = MAX_DIM; /* another eigenvalue routine */
        stepping(&set);
    }
    if (COUNTS_MALLOC) {
        CHECK(malloc_calls > 100); /* or the counting itself is broken */
        return check_done();
    }
    printf("skipped: counting malloc (needs glibc without a sanitizer)\n");
    printf("%d passed, %d failed, 1 skipped\n", check_passed, check_failed);
    return check_failed != 0;
}
