/* SPDX-License-Identifier: BSD-3-Clause */
/* The memory of one engine in a process of its own, for bench-memory: three LGS steps of three
 * products, then one JSON object.
 *
 *     bench-memory-of MODEL BATCH ENGINE      ENGINE "forward": no step, one mean
 *
 * `resident` is the most that was ever in memory of the whole process. */
#include "lgs.h"

#include <sys/resource.h>

static void forward(covsamp_torch *module, int64_t batch)
{
    int64_t dim = bench_dim(module);
    covsamp_request r;
    float *x = calloc((size_t)(2 * batch * dim), sizeof *x);
    if (x == NULL)
        bench_fail("no memory");
    memset(&r, 0, sizeof r);
    r.size = sizeof r;
    r.kind = COVSAMP_ASK_MEAN;
    r.dtype = COVSAMP_F32;
    r.batch = batch;
    r.dim = r.stride = dim;
    r.time = 500;
    r.x = x;
    r.mean = x + batch * dim;
    if (covsamp_torch_answer(module, &r) != COVSAMP_OK)
        bench_fail(covsamp_torch_message(module));
    free(x);
}

int main(int argc, char **argv)
{
    bench_plan plan = {.count = 25, .krylov_steps = 3, .covariance = COVSAMP_COV_KRYLOV};
    covsamp_torch_work work;
    struct rusage usage;
    covsamp_torch *module;
    int i, plain = argc == 4 && strcmp(argv[3], "forward") == 0;
    if (argc != 4)
        bench_fail("usage: bench-memory-of MODEL BATCH ENGINE");
    module =
        bench_load(argv[1], plain ? COVSAMP_TORCH_DUAL : bench_engine(argv[3]), COVSAMP_TORCH_SAME);
    plan.batch = atoll(argv[2]);
    if (plain) {
        forward(module, plan.batch);
    } else {
        covsamp_sampler *sampler = bench_sampler(module, &plan);
        for (i = 0; i < 3; i++)
            bench_step(sampler, module);
        covsamp_sampler_free(sampler);
    }
    memset(&work, 0, sizeof work);
    work.size = sizeof work;
    covsamp_torch_report(module, &work);
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"who\": \"libcovsamp\", \"way\": \"%s\", \"kept\": %lld, \"peak\": %lld, "
           "\"resident\": %lld}\n",
           argv[3], (long long)work.bytes_kept, (long long)work.bytes_peak,
           (long long)usage.ru_maxrss * 1024);
    covsamp_torch_free(module);
    return 0;
}
