/* SPDX-License-Identifier: BSD-3-Clause */
/* What the vectors of an LGS step of three products cost, against the bytes that they must move.
 *
 *     bench-krylov [f32|f64] [ROUNDS] [GIGABYTES] [DIM BATCH]
 *
 * A step with a model that only copies, and with noise that is asked for, outside these callbacks;
 * less what is not vector work, the eigenproblem and the machine between requests: the same step
 * with 16 values a sample.  The bytes: see MOVES.  Their bandwidth: STREAM's triad in turns with
 * the steps, over as many bytes as the sampler holds, so that both live in the same cache or in
 * none. One JSON object a line; `ratio` is time over bound, of which the goal is 1.5. */
#include "core.h"

/* Vectors of one sample that a step of three products reads and writes at the least, with every
 * sweep doing all that it can: |z|; v1 = z / |z| 1 + 2 product j = 1, 2: C v_j from the answer, and
 * V'(C v_j)                j + 2 subtract, and V' of what is left; subtract, and its norm         2
 * (j + 2) v_(j+1)                                                           2 product 3: C v_3 and
 * V'(C v_3)                                        4 x = ca x + cb x0(f) + V c 6 */
enum { MOVES = 3 + (3 * 3 + 2) + (3 * 4 + 2) + 4 + 6, MOST_ROUNDS = 101 };

/* ---- the triad ---- */

#define TRIAD(name, T, attributes)                                                                 \
    attributes static void name(int64_t n, void *out, const void *x, const void *y)                \
    {                                                                                              \
        T *restrict a = out;                                                                       \
        const T *restrict b = x, *restrict c = y;                                                  \
        int64_t i;                                                                                 \
        for (i = 0; i < n; i++)                                                                    \
            a[i] = b[i] + (T)0.4 * c[i];                                                           \
    }
TRIAD(triad_f32, float, )
TRIAD(triad_f64, double, )
#if defined(__x86_64__) && defined(__GNUC__) /* the machine's limit, not that of SSE2 */
TRIAD(triad_f32_avx2, float, __attribute__((target("avx2"))))
TRIAD(triad_f64_avx2, double, __attribute__((target("avx2"))))
TRIAD(triad_f32_avx512, float, __attribute__((target("avx512f"))))
TRIAD(triad_f64_avx512, double, __attribute__((target("avx512f"))))
#endif

typedef void triad_fn(int64_t n, void *out, const void *x, const void *y);

static triad_fn *triad_of(int32_t dtype)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx512f"))
        return dtype == COVSAMP_F32 ? triad_f32_avx512 : triad_f64_avx512;
    if (__builtin_cpu_supports("avx2"))
        return dtype == COVSAMP_F32 ? triad_f32_avx2 : triad_f64_avx2;
#endif
    return dtype == COVSAMP_F32 ? triad_f32 : triad_f64;
}

/* Bytes a second, as STREAM counts them: two reads and a write.  Reading the clock costs as much as
 * a small triad, so it is read once for some 256 kB. */
static double bandwidth(triad_fn *triad, char *block, int64_t bytes, int64_t size, double least)
{
    const int64_t n = bytes / 3 / size / 16 * 16;
    const int64_t together = 1 + (1 << 18) / bytes;
    double began = core_now(), spent;
    int64_t times = 0;
    do {
        for (int64_t i = 0; i < together; i++)
            triad(n, block, block + n * size, block + 2 * n * size);
        times += together;
        spent = core_now() - began;
    } while (spent < least);
    return (double)(times * 3 * n * size) / spent;
}

/* ---- the step ---- */

static size_t held;

static void *take(void *user, size_t bytes, size_t align)
{
    (void)user;
    held += bytes;
    return aligned_alloc(align, (bytes + align - 1) / align * align);
}

static void release(void *user, void *pointer, size_t bytes)
{
    (void)user;
    held -= bytes;
    free(pointer);
}

static covsamp_sampler *sampler_of(int32_t dtype, int64_t dim, int64_t batch)
{
    static const covsamp_allocator memory = {sizeof memory, take, release, NULL};
    const core_plan plan = {.batch = batch,
                            .dim = dim,
                            .steps = CORE_USED + 5,
                            .dtype = dtype,
                            .ask_noise = 1,
                            .options = "covariance=krylov krylov_steps=3",
                            .memory = &memory};
    return core_sampler(&plan);
}

static void measure(int32_t dtype, int64_t dim, int64_t batch, int rounds, double most_bytes)
{
    const int64_t size = dtype == COVSAMP_F32 ? 4 : 8;
    const double moved = (double)(MOVES * batch * dim * size), least = 0.01;
    double step[MOST_ROUNDS], fixed[MOST_ROUNDS], speed[MOST_ROUNDS], ratio[MOST_ROUNDS];
    covsamp_sampler *sampler, *small;
    core_model user = {0, 0};
    size_t bytes;
    char *block;
    int r;
    if ((double)(16 * batch * dim * size) >
        most_bytes) /* 8 vectors for the sampler, 8 for the triad */
        return;
    held = 0;
    sampler = sampler_of(dtype, dim, batch);
    bytes = held;
    small = sampler_of(dtype, 16, batch);
    block = malloc(bytes);
    if (block == NULL)
        core_fail("no memory");
    memset(block, 0, bytes);
    for (r = -1; r < rounds; r++) { /* one to warm up */
        const int at = r < 0 ? 0 : r;
        speed[at] = bandwidth(triad_of(dtype), block, (int64_t)bytes, size, least);
        step[at] = core_seconds(sampler, &user, least);
        fixed[at] = core_seconds(small, &user, least);
        ratio[at] = (step[at] - fixed[at]) * speed[at] / moved;
    }
    free(block);
    covsamp_sampler_free(sampler), covsamp_sampler_free(small);
    {
        const core_spread s = core_sorted(step, rounds), f = core_sorted(fixed, rounds);
        const core_spread v = core_sorted(speed, rounds), q = core_sorted(ratio, rounds);
        printf("{\"bench\": \"krylov\", \"dtype\": \"%s\", \"dim\": %lld, \"batch\": %lld, "
               "\"rounds\": "
               "%d, \"bytes\": %llu, \"moved\": %.0f, \"step\": %.4g, \"fixed\": %.4g, \"triad\": "
               "%.4g, "
               "\"ratio\": %.3f, \"ratio_least\": %.3f, \"ratio_most\": %.3f}\n",
               dtype == COVSAMP_F32 ? "f32" : "f64", (long long)dim, (long long)batch, rounds,
               (unsigned long long)bytes, moved, s.median, f.median, v.median, q.median, q.least,
               q.most);
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    static const int64_t dims[] = {784, 3072, 12288, 196608}, batches[] = {1, 8, 32, 256};
    const int32_t dtype = argc > 1 && strcmp(argv[1], "f64") == 0 ? COVSAMP_F64 : COVSAMP_F32;
    const int rounds = argc > 2 ? atoi(argv[2]) : 7;
    const double most_bytes = 1e9 * (argc > 3 ? atof(argv[3]) : 4);
    int d, b;
    if (rounds < 1 || rounds > MOST_ROUNDS)
        core_fail("usage: bench-krylov [f32|f64] [ROUNDS] [GIGABYTES] [DIM BATCH]");
    if (argc > 5) { /* one of them, for a profile */
        measure(dtype, atoll(argv[4]), atoll(argv[5]), rounds, most_bytes);
        return 0;
    }
    for (d = 0; d < 4; d++)
        for (b = 0; b < 4; b++)
            measure(dtype, dims[d], batches[b], rounds, most_bytes);
    return 0;
}
