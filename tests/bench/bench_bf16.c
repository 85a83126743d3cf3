/* SPDX-License-Identifier: BSD-3-Clause */
/* What tangents in bfloat16 do to products, traces, draws and samples: one JSON object a line.
 *
 *     bench-bf16 MODEL [BATCH]
 *
 * Level by level, at states of an LGS run in single precision (one draw each, T = 25): products
 * with random signs v, and a draw of three products from the same state with the same noise.  Then
 * whole runs with the same noise.  Everything against the same in single precision; `truncation` is
 * what three products in single precision miss of twelve. */
#include "lgs.h"

#include <math.h>

enum { PROBES = 4, KRYLOV = 3, MANY = 12, SEED = 7 };

static covsamp_torch *exact, *narrow;
static const char *model_name;
static int64_t batch = 4, dim, size;
static int predicts_v;

static float *numbers(void)
{
    float *p = calloc((size_t)size, sizeof *p);
    if (p == NULL)
        bench_fail("no memory");
    return p;
}

static double norm(const float *a, const float *b, int64_t count) /* |a - b|, b may be NULL */
{
    double sum = 0;
    int64_t i;
    for (i = 0; i < count; i++) {
        double d = (double)a[i] - (b != NULL ? (double)b[i] : 0);
        sum += d * d;
    }
    return sqrt(sum);
}

static double dot(const float *a, const float *b)
{
    double sum = 0;
    int64_t i;
    for (i = 0; i < size; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

static void random_signs(float *v, uint64_t *state)
{
    int64_t i;
    for (i = 0; i < size; i++) {
        *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        v[i] = *state >> 63 ? 1 : -1;
    }
}

static void product(covsamp_torch *module, const float *x, double time, const float *v, float *out)
{
    covsamp_request r;
    memset(&r, 0, sizeof r);
    r.size = sizeof r;
    r.kind = COVSAMP_ASK_JVP;
    r.dtype = COVSAMP_F32;
    r.batch = batch;
    r.dim = r.stride = dim;
    r.tangents = 1;
    r.tangent_stride = size;
    r.time = time;
    r.x = x;
    r.v = v;
    r.product = out;
    if (covsamp_torch_answer(module, &r) != COVSAMP_OK)
        bench_fail(covsamp_torch_message(module));
}

/* |J v|, |C v| and their traces: each is [0] of single precision, [1] of bfloat16, [2] the error.
 */
static void products(const float *x, int64_t level)
{
    float *v = numbers(), *j[2] = {numbers(), numbers()}, *c[2] = {numbers(), numbers()};
    double alpha, sigma, time, error[2] = {0}, whole[2] = {0}, trace[2][2] = {{0}};
    covsamp_schedule *schedule = bench_schedule();
    uint64_t state = SEED;
    int64_t i;
    int probe, k;
    covsamp_schedule_at(schedule, (double)level, &alpha, &sigma, &time);
    for (probe = 0; probe < PROBES; probe++) {
        random_signs(v, &state);
        for (k = 0; k < 2; k++) {
            product(k == 0 ? exact : narrow, x, time, v, j[k]);
            for (i = 0; i < size; i++) /* up to a factor, which no ratio sees */
                c[k][i] = (float)((predicts_v ? alpha : 1) * v[i] - sigma * j[k][i]);
            trace[0][k] += dot(v, j[k]);
            trace[1][k] += dot(v, c[k]);
        }
        error[0] += pow(norm(j[1], j[0], size), 2);
        whole[0] += pow(norm(j[0], NULL, size), 2);
        error[1] += pow(norm(c[1], c[0], size), 2);
        whole[1] += pow(norm(c[0], NULL, size), 2);
    }
    printf("\"product\": %.3g, \"trace\": %.3g, \"product_c\": %.3g, \"trace_c\": %.3g, ",
           sqrt(error[0] / whole[0]), fabs(trace[0][1] / trace[0][0] - 1),
           sqrt(error[1] / whole[1]), fabs(trace[1][1] / trace[1][0] - 1));
    for (k = 0; k < 2; k++)
        free(j[k]), free(c[k]);
    free(v);
    covsamp_schedule_free(schedule);
}

/* The state after one step from x, with the noise of SEED. */
static float *stepped(covsamp_torch *module, const float *x, int64_t level, int32_t covariance,
                      int64_t krylov)
{
    int64_t levels[2] = {level, level > 40 ? level - 40 : 1};
    bench_plan plan = {.batch = batch, .count = 2, .levels = levels, .seed = SEED};
    covsamp_sampler *sampler;
    float *out = numbers();
    plan.covariance = covariance;
    plan.krylov_steps = krylov;
    sampler = bench_sampler(module, &plan);
    if (covsamp_sampler_set_state(sampler, x, dim) != COVSAMP_OK)
        bench_fail(covsamp_sampler_message(sampler));
    bench_step(sampler, module);
    bench_state(sampler, batch, dim, out);
    covsamp_sampler_free(sampler);
    return out;
}

/* Of the noise that a step adds, and of the part that the covariance puts there: what is left
 * without the draw of the small variance from the same numbers. */
static void draws(const float *x, int64_t level)
{
    float *lgs = stepped(exact, x, level, COVSAMP_COV_KRYLOV, KRYLOV);
    float *rounded = stepped(narrow, x, level, COVSAMP_COV_KRYLOV, KRYLOV);
    float *more = stepped(exact, x, level, COVSAMP_COV_KRYLOV, MANY);
    float *mean = stepped(exact, x, level, COVSAMP_COV_NONE, 0);
    float *small = stepped(exact, x, level, COVSAMP_COV_SMALL, 0);
    double error = norm(rounded, lgs, size);
    printf("\"draw\": %.3g, \"shaped\": %.3g, \"truncation\": %.3g}\n",
           error / norm(lgs, mean, size), error / norm(lgs, small, size),
           norm(more, lgs, size) / norm(lgs, small, size));
    free(lgs), free(rounded), free(more), free(mean), free(small);
}

static void by_level(void)
{
    static const int64_t wanted[] = {901, 701, 501, 301, 101, 21};
    int64_t levels[25];
    bench_plan plan = {.batch = batch,
                       .count = 25,
                       .levels = levels,
                       .krylov_steps = KRYLOV,
                       .covariance = COVSAMP_COV_KRYLOV,
                       .seed = SEED + 1};
    covsamp_sampler *sampler;
    float *x = numbers();
    size_t i, next = 0;
    for (i = 0; i < 25; i++)
        levels[i] = 981 - 40 * (int64_t)i;
    plan.window_high = atoll(bench_metadata(exact, "window_high", "0"));
    sampler = bench_sampler(exact, &plan);
    for (i = 0; i < 25; i++) {
        if (next < sizeof wanted / sizeof wanted[0] && levels[i] == wanted[next]) {
            bench_state(sampler, batch, dim, x);
            printf("{\"bench\": \"bf16\", \"model\": \"%s\", \"batch\": %lld, \"t\": %lld, ",
                   model_name, (long long)batch, (long long)levels[i] - 1);
            products(x, levels[i]);
            draws(x, levels[i]);
            fflush(stdout);
            next++;
        }
        bench_step(sampler, exact);
    }
    covsamp_sampler_free(sampler);
    free(x);
}

static float *samples(covsamp_torch *module, int64_t steps, int64_t krylov, int64_t seed)
{
    bench_plan plan = {.batch = batch,
                       .count = steps,
                       .krylov_steps = krylov,
                       .covariance = COVSAMP_COV_KRYLOV,
                       .seed = seed};
    covsamp_model model = bench_model(module);
    covsamp_sampler *sampler;
    float *out = numbers();
    plan.window_high = atoll(bench_metadata(module, "window_high", "0"));
    sampler = bench_sampler(module, &plan);
    if (covsamp_sampler_run(sampler, &model) != COVSAMP_DONE)
        bench_fail(covsamp_sampler_message(sampler));
    bench_state(sampler, batch, dim, out);
    covsamp_sampler_free(sampler);
    return out;
}

static void whole_runs(int64_t steps, int64_t krylov)
{
    float *lgs = samples(exact, steps, krylov, SEED);
    float *rounded = samples(narrow, steps, krylov, SEED);
    float *more = samples(exact, steps, MANY, SEED);
    float *another = samples(exact, steps, krylov, SEED + 1);
    double one = 1 / sqrt((double)size), worst = 0;
    int64_t b;
    for (b = 0; b < batch; b++)
        worst = fmax(worst, norm(rounded + b * dim, lgs + b * dim, dim) / sqrt((double)dim));
    printf("{\"bench\": \"bf16\", \"model\": \"%s\", \"batch\": %lld, \"steps\": %lld, "
           "\"krylov\": %lld, \"rms\": %.3g, \"worst\": %.3g, \"truncation\": %.3g, "
           "\"seeds\": %.3g}\n",
           model_name, (long long)batch, (long long)steps, (long long)krylov,
           one * norm(rounded, lgs, size), worst, one * norm(more, lgs, size),
           one * norm(another, lgs, size));
    fflush(stdout);
    free(lgs), free(rounded), free(more), free(another);
}

int main(int argc, char **argv)
{
    int64_t labels[64], classes, i;
    if (argc < 2 || argc > 3 || (argc == 3 && (batch = atoll(argv[2])) < 1))
        bench_fail("usage: bench-bf16 MODEL [BATCH]");
    model_name = strrchr(argv[1], '/') ? strrchr(argv[1], '/') + 1 : argv[1];
    exact = bench_load(argv[1], COVSAMP_TORCH_LINEARISED, COVSAMP_TORCH_SAME);
    narrow = bench_load(argv[1], COVSAMP_TORCH_LINEARISED, COVSAMP_TORCH_BF16);
    dim = bench_dim(exact);
    size = batch * dim;
    predicts_v = strcmp(bench_metadata(exact, "prediction", "noise"), "v") == 0;
    classes = atoll(bench_metadata(exact, "classes", "0"));
    for (i = 0; i < 64 && classes > 0; i++)
        labels[i] = i % classes;
    if (classes > 0 && (covsamp_torch_set_labels(exact, 0, labels, 64) != COVSAMP_OK ||
                        covsamp_torch_set_labels(narrow, 0, labels, 64) != COVSAMP_OK))
        bench_fail("labels are refused");
    by_level();
    whole_runs(10, 3);
    whole_runs(25, 2);
    covsamp_torch_free(exact);
    covsamp_torch_free(narrow);
    return 0;
}
