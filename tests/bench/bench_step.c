/* SPDX-License-Identifier: BSD-3-Clause */
/* How much of a whole LGS step (a mean, three products, the draw) is this library's own work: all
 * time outside the model's callbacks; and how much of it the noise is.
 *
 *     OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 bench-step MODEL ROUNDS BATCH...
 *
 * A round is one step; one JSON object a line, goal of `share` 0.01 from batch 8 on, of `noise`
 * 0.01. */
#include "core.h"
#include "lgs.h"

enum { MOST = 101, USED = 20 };

static struct {
    covsamp_model inner;
    double seconds;
} timed;

static int32_t answer(covsamp_answer_fn inner, void *user, const covsamp_request *request)
{
    const double began = core_now();
    const int32_t result = inner(user, request);
    timed.seconds += core_now() - began;
    return result;
}

static int32_t mean(void *user, const covsamp_request *request)
{
    return answer(timed.inner.mean, user, request);
}

static int32_t jvp(void *user, const covsamp_request *request)
{
    return answer(timed.inner.jvp, user, request);
}

static int32_t mean_jvp(void *user, const covsamp_request *request)
{
    return answer(timed.inner.mean_jvp, user, request);
}

/* Seconds of the noise of one step. */
static double draw(int64_t batch, int64_t dim, int64_t step, double *out)
{
    const double began = core_now();
    int64_t b;
    for (b = 0; b < batch; b++)
        covsamp_noise_normal(1, b, COVSAMP_STREAM_STEP, step, 0, dim, out);
    return core_now() - began;
}

static void measure(const char *path, int64_t batch, int rounds)
{
    bench_plan plan = {
        .batch = batch, .count = USED + 5, .krylov_steps = 3, .covariance = COVSAMP_COV_KRYLOV};
    covsamp_torch *module = bench_load(path, bench_engine("linearised"), COVSAMP_TORCH_SAME);
    covsamp_sampler *sampler = bench_sampler(module, &plan);
    covsamp_model model = bench_model(module);
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    const int64_t dim = bench_dim(module);
    double whole[MOST], share[MOST], noise[MOST], *out = malloc((size_t)dim * sizeof *out);
    core_spread w, s, n;
    int r;
    if (out == NULL)
        bench_fail("no memory");
    timed.inner = model;
    model.mean = mean;
    model.jvp = jvp;
    model.mean_jvp = model.mean_jvp ? mean_jvp : NULL;
    for (r = -2; r < rounds; r++) { /* two to warm up */
        const int at = r < 0 ? 0 : r;
        double began;
        if ((r + 2) % USED == 0) {
            covsamp_sampler_restart(sampler, (uint64_t)r + 3, 0);
            core_step(sampler, &model); /* with the start */
        }
        timed.seconds = 0;
        began = core_now();
        core_step(sampler, &model);
        whole[at] = core_now() - began;
        share[at] = (whole[at] - timed.seconds) / whole[at];
        noise[at] = draw(batch, dim, r + 2, out) / whole[at];
    }
    w = core_sorted(whole, rounds), s = core_sorted(share, rounds), n = core_sorted(noise, rounds);
    printf(
        "{\"bench\": \"step\", \"model\": \"%s\", \"batch\": %lld, \"dim\": %lld, \"rounds\": %d, "
        "\"seconds\": %.5g, \"share\": %.6f, \"share_least\": %.6f, \"share_most\": %.6f, "
        "\"noise\": %.6f, \"noise_least\": %.6f, \"noise_most\": %.6f}\n",
        name, (long long)batch, (long long)dim, rounds, w.median, s.median, s.least, s.most,
        n.median, n.least, n.most);
    fflush(stdout);
    free(out);
    covsamp_sampler_free(sampler);
    covsamp_torch_free(module);
}

int main(int argc, char **argv)
{
    const int rounds = argc > 2 ? atoi(argv[2]) : 0;
    int i;
    if (argc < 4 || rounds < 1 || rounds > MOST)
        bench_fail("usage: bench-step MODEL ROUNDS BATCH...");
    for (i = 3; i < argc; i++)
        measure(argv[1], atoll(argv[i]), rounds);
    return 0;
}
