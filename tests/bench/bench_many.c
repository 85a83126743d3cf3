/* SPDX-License-Identifier: BSD-3-Clause */
/* What answering several samplers in one call is worth: LGS samplers (three products a step) share
 * a handle, each at a step of its own, and the same requests are answered one by one and then by
 * covsamp_torch_answer_many(), in turns; one JSON object a line.  "in step": all ask for the same
 * kind at a time; "mixed": each is a request ahead of the one before, so that means and products
 * come together.  The samplers end in the same states but for rounding, which is shown.
 *
 *     OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 bench-many MODEL SAMPLERS BATCH ROUNDS ENGINE... */
#define _DEFAULT_SOURCE /* getloadavg */
#include "lgs.h"

#include <math.h>

enum { MOST = 101, MOST_SAMPLERS = 64, REQUESTS = 12 }; /* of each sampler, in a round */

typedef struct crowd {
    covsamp_torch *module, *own[MOST_SAMPLERS];
    covsamp_sampler *sampler[MOST_SAMPLERS];
    int count, mixed;
    int64_t batch, dim;
} crowd;

static const covsamp_request *open_request(covsamp_sampler *sampler)
{
    const covsamp_request *q = NULL;
    if (covsamp_sampler_ask(sampler, &q) != COVSAMP_OK)
        bench_fail("nothing is asked");
    return q;
}

static void closed(const crowd *all, int i, int32_t answer)
{
    if (answer != COVSAMP_OK)
        bench_fail("no answer");
    if (covsamp_sampler_tell(all->sampler[i], answer) != COVSAMP_OK)
        bench_fail(covsamp_sampler_message(all->sampler[i]));
}

/* Everybody to the beginning, and each on to where it is. */
static void place(const crowd *all)
{
    int i, k;
    for (i = 0; i < all->count; i++) {
        covsamp_sampler_restart(all->sampler[i], (uint64_t)i + 1, 0);
        for (k = 0; k < i % 8; k++)
            bench_step(all->sampler[i], all->module);
        for (k = 0; all->mixed && k < i % 4; k++)
            closed(all, i, covsamp_torch_answer(all->module, open_request(all->sampler[i])));
    }
}

enum way { SHARED, OWN, MANY, WAYS };

static double serve(const crowd *all, enum way way)
{
    const covsamp_request *requests[MOST_SAMPLERS];
    int32_t answers[MOST_SAMPLERS];
    double began;
    int k, i;
    place(all);
    began = bench_now();
    for (k = 0; k < REQUESTS; k++) {
        for (i = 0; i < all->count; i++) {
            requests[i] = open_request(all->sampler[i]);
            if (way != MANY)
                answers[i] =
                    covsamp_torch_answer(way == OWN ? all->own[i] : all->module, requests[i]);
        }
        if (way == MANY)
            covsamp_torch_answer_many(all->module, requests, all->count, answers);
        for (i = 0; i < all->count; i++)
            closed(all, i, answers[i]);
    }
    return bench_now() - began;
}

static void states(const crowd *all, float *out)
{
    int i;
    for (i = 0; i < all->count; i++)
        bench_state(all->sampler[i], all->batch, all->dim, out + i * all->batch * all->dim);
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

static double apart(const float *a, const float *b, int64_t count)
{
    double error = 0, size = 0;
    int64_t i;
    for (i = 0; i < count; i++) {
        error += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        size += (double)b[i] * b[i];
    }
    return sqrt(error / size);
}

static void measure(crowd *all, const char *path, const char *engine, int rounds, double load)
{
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    const int64_t count = all->count * all->batch * all->dim;
    float *state = malloc((size_t)(WAYS * count) * sizeof *state);
    double seconds[WAYS][MOST], rate[WAYS], worst = 0;
    int r, w;
    if (state == NULL)
        bench_fail("no memory");
    for (r = -1; r < rounds; r++) /* one to warm up */
        for (w = 0; w < WAYS; w++) {
            double took = serve(all, (enum way)w);
            states(all, state + w * count);
            worst = fmax(worst, apart(state + w * count, state, count));
            if (r >= 0)
                seconds[w][r] = took;
        }
    free(state);
    for (w = 0; w < WAYS; w++) /* answers of a sample each */
        rate[w] = (double)(all->count * all->batch * REQUESTS) / median(seconds[w], rounds);
    printf("{\"bench\": \"many\", \"model\": \"%s\", \"samplers\": %d, \"batch\": %lld, "
           "\"rounds\": %d, \"engine\": \"%s\", \"order\": \"%s\", \"load\": %.2f, "
           "\"shared\": %.3f, \"own\": %.3f, \"many\": %.3f, \"ratio\": %.3f, \"apart\": %.3g}\n",
           name, all->count, (long long)all->batch, rounds, engine,
           all->mixed ? "mixed" : "in step", load, rate[SHARED], rate[OWN], rate[MANY],
           rate[MANY] / rate[OWN], worst);
    fflush(stdout);
    if (!(worst < 1e-3))
        exit(1);
}

static void run(const char *path, crowd *all, int rounds, const char *engine, double load)
{
    bench_plan plan = {
        .batch = all->batch, .count = 25, .krylov_steps = 3, .covariance = COVSAMP_COV_KRYLOV};
    int i;
    all->module = bench_load(path, bench_engine(engine), COVSAMP_TORCH_SAME);
    all->dim = bench_dim(all->module);
    for (i = 0; i < all->count; i++) {
        all->own[i] = bench_load(path, bench_engine(engine), COVSAMP_TORCH_SAME);
        all->sampler[i] = bench_sampler(all->module, &plan);
    }
    for (all->mixed = 0; all->mixed < 2; all->mixed++)
        measure(all, path, engine, rounds, load);
    for (i = 0; i < all->count; i++) {
        covsamp_sampler_free(all->sampler[i]);
        covsamp_torch_free(all->own[i]);
    }
    covsamp_torch_free(all->module);
}

int main(int argc, char **argv)
{
    static crowd all;
    int i, rounds = argc > 4 ? atoi(argv[4]) : 0;
    double load = 0; /* of the last minute, to know what the figures are worth */
    if (argc > 3) {
        all.count = atoi(argv[2]);
        all.batch = atoll(argv[3]);
    }
    if (argc < 6 || all.count < 1 || all.count > MOST_SAMPLERS || all.batch < 1 || rounds < 1 ||
        rounds > MOST)
        bench_fail("usage: bench-many MODEL SAMPLERS BATCH ROUNDS ENGINE...");
    if (getloadavg(&load, 1) != 1)
        load = -1;
    for (i = 5; i < argc; i++)
        run(argv[1], &all, rounds, argv[i], load);
    return 0;
}
