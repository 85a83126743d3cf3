/* SPDX-License-Identifier: BSD-3-Clause */
/* One LGS step after the other, for bench-peer, which times them in turns with other programs:
 *
 *     bench-lgs MODEL BATCH ENGINE
 *
 * "ready" or one line that says why not; then every line on standard input makes one step (a mean,
 * three products, the draw), and the seconds it took are printed. */
#include "lgs.h"

enum { USED = 20 }; /* of 25 steps: the last one, to data, has no covariance */

int main(int argc, char **argv)
{
    bench_plan plan = {.count = 25, .krylov_steps = 3, .covariance = COVSAMP_COV_KRYLOV};
    covsamp_torch *module;
    covsamp_sampler *sampler;
    char line[64];
    uint64_t seed = 1;
    int step = 0;
    if (argc != 4)
        bench_fail("usage: bench-lgs MODEL BATCH ENGINE");
    module = bench_load(argv[1], bench_engine(argv[3]), COVSAMP_TORCH_SAME);
    plan.batch = atoll(argv[2]);
    sampler = bench_sampler(module, &plan);
    printf("ready\n");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL) {
        double began = bench_now();
        bench_step(sampler, module);
        printf("%.6f\n", bench_now() - began);
        fflush(stdout);
        if (++step % USED == 0)
            covsamp_sampler_restart(sampler, ++seed, 0);
    }
    covsamp_sampler_free(sampler);
    covsamp_torch_free(module);
    return 0;
}
