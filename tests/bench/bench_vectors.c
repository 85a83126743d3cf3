/* SPDX-License-Identifier: BSD-3-Clause */
/* The vector work of Krylov spaces with a product that is free: time of one space of M products, a
 * sample and value, beside a triad over the same bytes; one JSON object a line.
 *
 *     bench-vectors ROUNDS [DIM BATCH M]...
 *
 * Two builds of it run in turns tell what a change is worth (docs/performance.md). */
#include "core.h"

#include "krylov/krylov.h"
#include "numeric/rng.h"
#include "numeric/vec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_ROUNDS = 201 };

static double now(void)
{
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *room(size_t bytes)
{
    void *p = aligned_alloc(COVSAMP__ALIGN, (bytes / COVSAMP__ALIGN + 1) * COVSAMP__ALIGN);
    if (p == NULL) {
        printf("no memory for %zu bytes\n", bytes);
        exit(1);
    }
    memset(p, 0, bytes);
    return p;
}

/* Products that are there already: the space takes w and destroys it. */
static double space_time(covsamp__krylov *k, const float *z, const float *made, float *w)
{
    const size_t bytes = (size_t)(k->batch * k->dim) * sizeof *w;
    covsamp__krylov_counts counts;
    double spent = -now();
    memset(&counts, 0, sizeof counts);
    covsamp__krylov_start(k, z);
    while (covsamp__krylov_wants(k) != NULL) {
        spent += now();
        memcpy(w, made, bytes);
        spent -= now();
        covsamp__krylov_take(k, w, 0, &counts);
    }
    return spent + now();
}

static double triad_time(int64_t n, const float *x, const float *y, float *out)
{
    const double began = now();
    for (int64_t i = 0; i < n; i++)
        out[i] = x[i] + 3.0f * y[i];
    return now() - began;
}

static void measure(int rounds, int64_t dim, int64_t batch, int64_t most)
{
    covsamp__krylov k;
    covsamp__arena arena = {0};
    double spaces[MOST_ROUNDS], triads[MOST_ROUNDS];
    const int64_t n = dim * batch;
    memset(&k, 0, sizeof k);
    k.dtype = COVSAMP_F32;
    k.batch = batch;
    k.dim = dim;
    k.most = most;
    covsamp__krylov_layout(&k, &arena);
    void *block = room(arena.used);
    arena = (covsamp__arena){.base = block};
    covsamp__krylov_layout(&k, &arena);
    float *z = room((size_t)n * sizeof *z), *made = room((size_t)n * sizeof *z);
    float *w = room((size_t)n * sizeof *z);
    covsamp__normals_as(COVSAMP_F32, 1, 0, COVSAMP_STREAM_USER, 0, 0, n, z);
    covsamp__normals_as(COVSAMP_F32, 2, 0, COVSAMP_STREAM_USER, 0, 0, n, made);
    for (int r = -1; r < rounds; r++) {
        const double space = space_time(&k, z, made, w), triad = triad_time(n, z, made, w);
        if (r >= 0) {
            spaces[r] = space;
            triads[r] = triad;
        }
    }
    const double space = core_sorted(spaces, rounds).median,
                 triad = core_sorted(triads, rounds).median;
    printf("{\"bench\": \"vectors\", \"dim\": %lld, \"batch\": %lld, \"products\": %lld, "
           "\"ns_per_value\": %.4f, \"triad_ns_per_value\": %.4f}\n",
           (long long)dim, (long long)batch, (long long)most, 1e9 * space / (double)n,
           1e9 * triad / (double)n);
    free(z);
    free(made);
    free(w);
    free(block);
}

int main(int argc, char **argv)
{
    static const int64_t dims[] = {784, 3072, 196608}, batches[] = {1, 32};
    const int rounds = argc > 1 ? atoi(argv[1]) : 0;
    if (rounds < 1 || rounds > MOST_ROUNDS || (argc - 2) % 3 != 0) {
        printf("usage: bench-vectors ROUNDS [DIM BATCH M]...\n");
        return 1;
    }
    for (int i = 2; i < argc; i += 3)
        measure(rounds, atoll(argv[i]), atoll(argv[i + 1]), atoll(argv[i + 2]));
    for (int i = 0; argc == 2 && i < 6; i++)
        measure(rounds, dims[i / 2], batches[i % 2], 3);
    return 0;
}
