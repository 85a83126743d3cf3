/* SPDX-License-Identifier: BSD-3-Clause */
/* The k-th allocation fails, for every k, on every path that makes a handle: with the covariances
 * and solvers that there are, with every option at its lowest and its highest value, and with 200
 * random combinations of options (or as many as the argument says).  Each time the call says so in
 * one sentence, nothing is lost, and made again it gives the results of an undisturbed run, bit for
 * bit. */
#include "passes.h"
#include "random_text.h"
#include "texts.h"

enum { MOST_BYTES = 1 << 22 }; /* of a block: sizes at the upper bounds are refused, not tried */

static long injected, survived, texts_made, texts_refused;

/* Valid or not, one run of a path leaves nothing, and what is wrong is a sentence. */
static outcome once(path_fn run, const char *text, int k, long *calls)
{
    heap h;
    outcome o;
    const covsamp_allocator mem = heap_hooks(&h, k, MOST_BYTES);
    run(text, &mem, &o);
    *calls = h.calls;
    CHECK(h.blocks == 0);
    if (!CHECK(o.status < 0 ? is_sentence(o.message)
                            : o.status != COVSAMP_OK && o.message[0] == '\0'))
        fprintf(stderr, "    %s: %d \"%s\"\n", text, (int)o.status, o.message);
    if (h.failed > 0) {
        injected++;
        survived += CHECK(o.met == 1);
    } else {
        CHECK(o.met == 0 && k == 0);
    }
    return o;
}

/* All k: a failure costs one call more, so the last k that is reached is the undisturbed count. */
static void every_allocation(const char *path, path_fn run, const char *text)
{
    long calls, ignored;
    const outcome o = once(run, text, 0, &calls);
    texts_made += o.made;
    texts_refused += !o.made;
    for (int k = 1; k <= calls; k++) {
        const outcome again = once(run, text, k, &ignored);
        if (!CHECK(again.status == o.status && again.sum == o.sum && again.made == o.made))
            fprintf(stderr, "    %s, allocation %d: %s: %d \"%s\"\n", path, k, text,
                    (int)again.status, again.message);
    }
}

static void report(const char *what)
{
    printf("%s: %ld handles made, %ld refused; %ld allocations failed, %ld survived\n", what,
           texts_made, texts_refused, injected, survived);
    CHECK(injected == survived);
    injected = survived = texts_made = texts_refused = 0;
}

static void on_all_paths(const char *text)
{
    for (int p = 0; p < PATHS; p++)
        every_allocation(paths[p].name, paths[p].run, text);
}

/* ---- handles without options ---- */

static void path_schedules(const char *text, const covsamp_allocator *mem, outcome *o)
{
    static const char *const names[] = {"linear", "cosine", "karras", "flow"};
    static const double alpha[2] = {.9, .5}, sigma[2] = {.1, .6};
    double noise[WORLD_LEVELS];
    int64_t levels[WORLD_STEPS];
    covsamp_status status;
    (void)text;
    memset(o, 0, sizeof *o);
    for (int n = 0; n < WORLD_LEVELS; n++)
        noise[n] = 0.4 + 0.02 * n;
    for (int i = 0; i < 5; i++) {
        covsamp_schedule *s = NULL;
        if (i < 4)
            AGAIN(o, mem, status, schedule_of(names[i], mem, &s, o->message), o->message);
        else
            AGAIN(o, mem, status,
                  covsamp_schedule_new_table(&s, 2, alpha, sigma, NULL, mem, o->message),
                  o->message);
        CHECK(status == COVSAMP_OK && s != NULL);
        if (i == 0) {
            AGAIN(o, mem, status,
                  covsamp_schedule_optimal(s, noise, WORLD_STEPS, levels, o->message), o->message);
            CHECK(status == COVSAMP_OK);
            o->sum = add_bytes(o->sum, levels, sizeof levels);
        }
        covsamp_schedule_free(s);
    }
    o->made = 1;
    o->status = COVSAMP_DONE;
}

static void path_mixtures(const char *text, const covsamp_allocator *mem, outcome *o)
{
    const double tilt[3] = {.5, -.2, .1};
    covsamp_mixture *mixture = NULL, *tilted = NULL;
    covsamp_status status;
    (void)text;
    memset(o, 0, sizeof *o);
    AGAIN(o, mem, status,
          (mixture = mixture_of(3, COVSAMP_PREDICTS_X0, mem, o->message, &status), status),
          o->message);
    CHECK(status == COVSAMP_OK && covsamp_mixture_set_tilt(mixture, tilt) == COVSAMP_OK);
    AGAIN(o, mem, status,
          covsamp_mixture_tilted(&tilted, mixture, COVSAMP_PREDICTS_X0, mem, o->message),
          o->message);
    CHECK(status == COVSAMP_OK && tilted != NULL);
    covsamp_mixture_free(tilted);
    covsamp_mixture_free(mixture);
    o->made = 1;
    o->status = COVSAMP_DONE;
}

/* Everything that a configuration holds, set twice: what is replaced is given back. */
static void path_configurations(const char *text, const covsamp_allocator *mem, outcome *o)
{
    world w;
    covsamp_sampler *s = NULL;
    covsamp_config *c = path_open(o, mem, &w, text);
    covsamp_status status = COVSAMP_OK;
    CHECK(c != NULL);
    AGAIN(o, mem, status, covsamp_config_set_schedule(c, w.schedule, w.levels + 1, WORLD_STEPS - 1),
          covsamp_config_message(c));
    CHECK(status == COVSAMP_OK);
    AGAIN(o, mem, status, covsamp_config_set_schedule(c, w.schedule, w.levels, WORLD_STEPS),
          covsamp_config_message(c));
    CHECK(status == COVSAMP_OK && set_tables(o, mem, &w, text, c) == COVSAMP_OK);
    CHECK(covsamp_config_set_table(c, COVSAMP_TABLE_X0_ERROR, NULL, 0) == COVSAMP_OK);
    MADE(o, mem, s, c, covsamp_sampler_new(&s, c));
    CHECK(s != NULL);
    if (s != NULL)
        run_sampler(text, &w, s, o);
    covsamp_sampler_free(s);
    world_close(&w);
}

/* What is refused once its block is there is given back. */
static void refused_handles(void)
{
    static const double good[2] = {1, 1}, bad[2] = {1, 0}, twice[2] = {.9, .9};
    static const double unit[8] = {1, 0, 0, 1, 1, 0, 0, 1}, wild[8] = {1, 0, 0, 1, 1, 0, 0, -1};
    double nan[8] = {NAN};
    char message[COVSAMP_MESSAGE_BYTES];
    heap h;
    const covsamp_allocator mem = heap_hooks(&h, 0, 0);
    for (int i = 0; i < 6; i++) {
        covsamp_mixture *mixture = NULL;
        covsamp_schedule *schedule = NULL;
        const covsamp_status status =
            i == 0   ? covsamp_mixture_new(&mixture, 2, 2, bad, unit, unit, 1, &mem, message)
            : i == 1 ? covsamp_mixture_new(&mixture, 2, 2, good, nan, unit, 1, &mem, message)
            : i == 2 ? covsamp_mixture_new(&mixture, 2, 2, good, unit, nan, 1, &mem, message)
            : i == 3 ? covsamp_mixture_new(&mixture, 2, 2, good, unit, wild, 1, &mem, message)
            : i == 4 ? covsamp_schedule_new_table(&schedule, 2, twice, twice, NULL, &mem, message)
                     : covsamp_schedule_new_table(&schedule, 2, good, nan, NULL, &mem, message);
        CHECK(status == COVSAMP_E_RANGE && mixture == NULL && schedule == NULL);
        CHECK(is_sentence(message));
        if (!CHECK(h.calls > 0 && h.blocks == 0))
            fprintf(stderr, "    refused handle %d\n", i);
    }
}

/* ---- options ---- */

static void add_bound(char *text, size_t bytes, const covsamp_option *o, int high)
{
    const size_t used = strlen(text);
    int64_t value = high ? o->int_high : o->int_low;
    const char *name = NULL;
    if (o->type == COVSAMP_TYPE_CHOICE) { /* the first and the last of the names */
        name = covsamp_option_choice(o->key, 0, NULL);
        for (int32_t i = 1; high && covsamp_option_choice(o->key, i, NULL) != NULL; i++)
            name = covsamp_option_choice(o->key, i, NULL);
        snprintf(text + used, bytes - used, " %s=%s", o->name, name);
    } else if (o->type == COVSAMP_TYPE_INT) {
        snprintf(text + used, bytes - used, " %s=%lld", o->name, (long long)value);
    } else {
        snprintf(text + used, bytes - used, " %s=%.17g", o->name,
                 high ? o->real_high : o->real_low);
    }
}

/* On a base where the option says something, and on one where it may not. */
static void every_bound(void)
{
    static const char *const bases[] = {"covariance=krylov guidance=0.5 cfg=0.5 clip_x0=0.5",
                                        "covariance=spectral reuse=2",
                                        "covariance=diag_model",
                                        "covariance=diag_probe trace_guard=1",
                                        "solver=heun churn=1",
                                        "solver=addim"};
    const covsamp_option *o;
    for (size_t b = 0; b < sizeof bases / sizeof bases[0]; b++)
        for (int32_t i = 0; (o = covsamp_option_info(i)) != NULL; i++)
            for (int high = 0; high < 2; high++) {
                char text[256];
                strcpy(text, bases[b]);
                add_bound(text, sizeof text, o, high);
                on_all_paths(text);
            }
}

static void random_combinations(long count)
{
    uint64_t state = 20240229;
    char text[2048];
    for (long i = 0; i < count; i++) {
        random_text(&state, text, sizeof text);
        on_all_paths(text);
    }
    CHECK(texts_made > count / 2); /* or the combinations are too wild to say anything */
}

int main(int argc, char **argv)
{
    const long combinations = argc > 1 ? strtol(argv[1], NULL, 10) : 200;
    every_allocation("schedules", path_schedules, "");
    every_allocation("mixtures", path_mixtures, "");
    refused_handles();
    every_allocation("configurations", path_configurations, "covariance=analytic weights=yes");
    report("schedules, mixtures and what is set twice");
    for (int i = 0; i < PLAIN_TEXTS; i++)
        on_all_paths(plain_texts[i]);
    on_all_paths("covariance=krylov eta=1e-200"); /* whose square is 0: refused late by a path KL */
    report("covariances and solvers");
    every_bound();
    report("options at their bounds");
    random_combinations(combinations);
    report("random combinations");
    return check_done();
}
