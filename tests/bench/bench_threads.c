/* SPDX-License-Identifier: BSD-3-Clause */
/* What a second thread is worth: two handles of one module, each with its own sampler (LGS, three
 * products a step), worked through by one thread and then by two at once, in turns; one JSON object
 * a line.  The numbers of both must be the same to the last bit.
 *
 *     OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 bench-threads MODEL BATCH ROUNDS ENGINE... */
#define _DEFAULT_SOURCE /* getloadavg */
#include "lgs.h"

#include <pthread.h>

enum { STEPS = 4, MOST = 101 };

typedef struct worker {
    covsamp_torch *module;
    covsamp_sampler *sampler;
    uint64_t seed;
} worker;

static void *work(void *pointer)
{
    worker *w = pointer;
    int i;
    covsamp_sampler_restart(w->sampler, w->seed, 0);
    for (i = 0; i < STEPS; i++)
        bench_step(w->sampler, w->module);
    return NULL;
}

static double one_thread(worker *pair)
{
    double began = bench_now();
    work(&pair[0]);
    work(&pair[1]);
    return bench_now() - began;
}

static double two_threads(worker *pair)
{
    double began = bench_now();
    pthread_t other;
    if (pthread_create(&other, NULL, work, &pair[1]) != 0)
        bench_fail("no thread");
    work(&pair[0]);
    pthread_join(other, NULL);
    return bench_now() - began;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, ascending);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

/* The states of both samplers. */
static float *results(const worker *pair, int64_t batch, int64_t dim)
{
    float *out = malloc((size_t)(2 * batch * dim) * sizeof *out);
    if (out == NULL)
        bench_fail("no memory");
    bench_state(pair[0].sampler, batch, dim, out);
    bench_state(pair[1].sampler, batch, dim, out + batch * dim);
    return out;
}

static void measure(const char *path, int64_t batch, int rounds, const char *engine, double load)
{
    bench_plan plan = {
        .batch = batch, .count = 25, .krylov_steps = 3, .covariance = COVSAMP_COV_KRYLOV};
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    double alone[MOST], together[MOST];
    int64_t dim, bytes;
    int r, same = 1;
    worker pair[2];
    for (r = 0; r < 2; r++) {
        pair[r].module = bench_load(path, bench_engine(engine), COVSAMP_TORCH_SAME);
        pair[r].sampler = bench_sampler(pair[r].module, &plan);
        pair[r].seed = (uint64_t)r + 1;
    }
    dim = bench_dim(pair[0].module);
    bytes = 2 * batch * dim * (int64_t)sizeof(float);
    for (r = -1; r < rounds; r++) { /* one to warm up */
        float *want, *got;
        double first = one_thread(pair), second;
        want = results(pair, batch, dim);
        second = two_threads(pair);
        got = results(pair, batch, dim);
        same = same && memcmp(want, got, (size_t)bytes) == 0;
        free(want), free(got);
        if (r >= 0)
            alone[r] = first, together[r] = second;
    }
    for (r = 0; r < 2; r++) {
        covsamp_sampler_free(pair[r].sampler);
        covsamp_torch_free(pair[r].module);
    }
    printf("{\"bench\": \"threads\", \"model\": \"%s\", \"batch\": %lld, \"rounds\": %d, "
           "\"engine\": \"%s\", \"load\": %.2f, \"one\": %.6f, \"two\": %.6f, \"ratio\": %.3f, "
           "\"same\": %s}\n",
           name, (long long)batch, rounds, engine, load, median(alone, rounds) / (2 * STEPS),
           median(together, rounds) / (2 * STEPS), median(alone, rounds) / median(together, rounds),
           same ? "true" : "false");
    fflush(stdout);
    if (!same)
        exit(1);
}

int main(int argc, char **argv)
{
    const char *threads = getenv("OMP_NUM_THREADS"), *blas = getenv("OPENBLAS_NUM_THREADS");
    int i, rounds = argc > 3 ? atoi(argv[3]) : 0;
    double load = 0; /* of the last minute, to know what the figures are worth */
    if (argc < 5 || atoll(argv[2]) < 1 || rounds < 1 || rounds > MOST)
        bench_fail("usage: bench-threads MODEL BATCH ROUNDS ENGINE...");
    if (threads == NULL || strcmp(threads, "1") != 0 || blas == NULL || strcmp(blas, "1") != 0)
        bench_fail("OMP_NUM_THREADS and OPENBLAS_NUM_THREADS must be 1");
    if (getloadavg(&load, 1) != 1)
        load = -1;
    for (i = 4; i < argc; i++)
        measure(argv[1], atoll(argv[2]), rounds, argv[i], load);
    return 0;
}
