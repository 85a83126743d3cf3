/* SPDX-License-Identifier: BSD-3-Clause */
/* What the caller's threads are worth to one handle: time inside the library of LGS steps (three
 * products) whose model is a copy, by number of threads of a pool; one JSON object a line.  Numbers
 * of threads take turns, and all must make the same bits.
 *
 *     bench-parallel ROUNDS THREADS... [-- DIM BATCH...] */
#include "core.h"

#include "../pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { LEVELS = 1000, STEPS = 5, MOST_ROUNDS = 101, MOST_COUNTS = 16 };

static double now(void)
{
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void must(int ok, const char *message)
{
    if (ok)
        return;
    printf("%s\n", message);
    exit(1);
}

/* What is left where nobody else wants the processor. */
static double least(const double *values, int count)
{
    double result = values[0];
    for (int i = 1; i < count; i++)
        result = values[i] < result ? values[i] : result;
    return result;
}

static covsamp_sampler *new_sampler(int64_t dim, int64_t batch, int threads, pool *p)
{
    const covsamp_parallel_for hook = {sizeof hook, pool_run, p};
    covsamp_config *c = NULL;
    covsamp_schedule *schedule = NULL;
    covsamp_sampler *s = NULL;
    int64_t levels[STEPS];
    must(covsamp_config_new(&c, NULL) == COVSAMP_OK &&
             covsamp_schedule_new_linear(&schedule, LEVELS, 1e-4, 0.02, NULL, NULL) == COVSAMP_OK &&
             covsamp_schedule_spaced(schedule, STEPS, COVSAMP_SPACING_EVEN, levels, NULL) ==
                 COVSAMP_OK,
         "no configuration");
    covsamp_config_set_schedule(c, schedule, levels, STEPS);
    covsamp_config_set_int(c, COVSAMP_BATCH, batch);
    covsamp_config_set_int(c, COVSAMP_DIM, dim);
    covsamp_config_set_int(c, COVSAMP_KRYLOV_STEPS, 3);
    covsamp_config_set_int(c, COVSAMP_THREADS, threads);
    covsamp_config_set_parallel_for(c, &hook);
    must(covsamp_sampler_new(&s, c) == COVSAMP_OK, covsamp_config_message(c));
    covsamp_schedule_free(schedule);
    covsamp_config_free(c);
    return s;
}

/* Each product leaves the space of those before, which is what costs. */
static void answer(const covsamp_request *q)
{
    const size_t bytes = (size_t)(q->batch * q->dim) * sizeof(float);
    if (q->mean != NULL)
        memcpy(q->mean, q->x, bytes);
    for (int64_t b = 0; q->product != NULL && b < q->batch; b++) {
        const float *v = (const float *)q->v + b * q->stride;
        float *product = (float *)q->product + b * q->stride;
        memcpy(product, v + 1, (size_t)(q->dim - 1) * sizeof *v);
        product[q->dim - 1] = v[0];
    }
}

/* Seconds in the library. */
static double run(covsamp_sampler *s)
{
    const covsamp_request *q;
    double spent = 0;
    must(covsamp_sampler_restart(s, 1, 0) == COVSAMP_OK, "no restart");
    for (;;) {
        spent -= now();
        const covsamp_status status = covsamp_sampler_ask(s, &q);
        spent += now();
        if (status == COVSAMP_DONE)
            return spent;
        must(status == COVSAMP_OK, covsamp_sampler_message(s));
        answer(q);
        spent -= now();
        must(covsamp_sampler_tell(s, 0) == COVSAMP_OK, covsamp_sampler_message(s));
        spent += now();
    }
}

static int same_state(const covsamp_sampler *a, const covsamp_sampler *b, int64_t n)
{
    const void *x = NULL, *y = NULL;
    covsamp_sampler_state(a, &x, NULL);
    covsamp_sampler_state(b, &y, NULL);
    return memcmp(x, y, (size_t)n * sizeof(float)) == 0;
}

static void measure(int rounds, int64_t dim, int64_t batch, const int *threads, int counts)
{
    static pool pools[MOST_COUNTS];
    static double spent[MOST_COUNTS][MOST_ROUNDS], ratio[MOST_COUNTS][MOST_ROUNDS];
    covsamp_sampler *s[MOST_COUNTS];
    double best[MOST_COUNTS];
    for (int k = 0; k < counts; k++) {
        pool_open(&pools[k], threads[k]);
        s[k] = new_sampler(dim, batch, threads[k], &pools[k]);
    }
    for (int r = -1; r < rounds; r++)
        for (int k = 0; k < counts; k++) {
            const double t = run(s[k]);
            if (r < 0)
                continue;
            spent[k][r] = t;
            ratio[k][r] = spent[0][r] / t;
        }
    for (int k = 0; k < counts; k++)
        best[k] = least(spent[k], rounds);
    for (int k = 0; k < counts; k++) {
        const double n = (double)(dim * batch * STEPS);
        const core_spread worth = core_sorted(ratio[k], rounds);
        printf("{\"bench\": \"parallel\", \"dim\": %lld, \"batch\": %lld, \"threads\": %d, "
               "\"ns_per_value_and_step\": %.3f, \"throughput_least\": %.3f, \"throughput\": %.3f, "
               "\"throughput_most\": %.3f, \"best_throughput\": %.3f, "
               "\"rounds_per_step\": %.1f, "
               "\"same_bits\": %s}\n",
               (long long)dim, (long long)batch, threads[k],
               1e9 * core_sorted(spent[k], rounds).median / n, worth.least, worth.median,
               worth.most, best[0] / best[k], (double)pools[k].rounds / ((rounds + 1) * STEPS),
               same_state(s[0], s[k], dim * batch) ? "true" : "false");
    }
    for (int k = 0; k < counts; k++) {
        covsamp_sampler_free(s[k]);
        pool_close(&pools[k]);
    }
}

int main(int argc, char **argv)
{
    static const int64_t standard[] = {784,  1,   784,   32, 784,   256, 3072,   1, 3072,   32,
                                       3072, 256, 12288, 1,  12288, 32,  196608, 1, 196608, 8};
    const int rounds = argc > 1 ? atoi(argv[1]) : 0;
    int threads[MOST_COUNTS], counts = 0, i = 2;
    for (; i < argc && strcmp(argv[i], "--") != 0 && counts < MOST_COUNTS; i++)
        threads[counts++] = atoi(argv[i]);
    must(rounds > 0 && rounds <= MOST_ROUNDS && counts > 0,
         "usage: bench-parallel ROUNDS THREADS... [-- DIM BATCH...]");
    if (i == argc)
        for (size_t k = 0; k < sizeof standard / sizeof standard[0]; k += 2)
            measure(rounds, standard[k], standard[k + 1], threads, counts);
    for (i++; i + 1 < argc; i += 2)
        measure(rounds, atoll(argv[i]), atoll(argv[i + 1]), threads, counts);
    return 0;
}
