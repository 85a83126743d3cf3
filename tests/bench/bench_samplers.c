/* SPDX-License-Identifier: BSD-3-Clause */
/* Whole runs of a solver, for bench-samplers, which times them in turns with a PyTorch program:
 *
 *     bench-samplers-of MODEL SOLVER BATCH STEPS OUT
 *
 * MODEL: a TorchScript file, or "mixture", the one of peer_samplers.py.  SOLVER: ddim, ddpm or
 * dpmpp_2m. "ready" or a line that says why not; then every line on standard input makes one run,
 * and the seconds that it took and those inside the model are printed.  Each run writes its samples
 * (float) to OUT. */
#include "core.h"
#include "lgs.h"

enum { MIXTURE_DIM = 16, MIXTURE_COMPONENTS = 4 };

static covsamp_model inner;
static double inside;

static int32_t mean(void *user, const covsamp_request *request)
{
    const double began = core_now();
    const int32_t result = inner.mean(user, request);
    inside += core_now() - began;
    return result;
}

/* Means and variances are small fractions, so that both programs have the same bits of them. */
static covsamp_mixture *mixture_new(void)
{
    double weights[MIXTURE_COMPONENTS], means[MIXTURE_COMPONENTS * MIXTURE_DIM];
    static double covariances[MIXTURE_COMPONENTS * MIXTURE_DIM * MIXTURE_DIM];
    covsamp_mixture *mixture = NULL;
    int k, i;
    for (k = 0; k < MIXTURE_COMPONENTS; k++) {
        weights[k] = k + 1;
        for (i = 0; i < MIXTURE_DIM; i++) {
            means[k * MIXTURE_DIM + i] = ((k * 5 + i * 3) % 9 - 4) * 0.25;
            covariances[(k * MIXTURE_DIM + i) * MIXTURE_DIM + i] = (1 + (k + i) % 4) * 0.0625;
        }
    }
    if (covsamp_mixture_new(&mixture, MIXTURE_DIM, MIXTURE_COMPONENTS, weights, means, covariances,
                            COVSAMP_PREDICTS_NOISE, NULL, NULL) != COVSAMP_OK)
        bench_fail("no mixture");
    return mixture;
}

static const char *options_of(const char *solver)
{
    if (strcmp(solver, "ddim") == 0)
        return "covariance=none eta=0";
    if (strcmp(solver, "ddpm") == 0)
        return "covariance=small eta=1";
    if (strcmp(solver, "dpmpp_2m") == 0)
        return "solver=dpmpp_2m";
    bench_fail("unknown solver");
    return NULL;
}

static void write_state(const covsamp_sampler *sampler, const core_plan *plan, const char *path)
{
    const size_t count = (size_t)(plan->batch * plan->dim);
    float *x = malloc(count * sizeof *x);
    FILE *file = fopen(path, "wb");
    if (x == NULL || file == NULL)
        bench_fail("cannot write");
    bench_state(sampler, plan->batch, plan->dim, x);
    if (fwrite(x, sizeof *x, count, file) != count || fclose(file) != 0)
        bench_fail("cannot write");
    free(x);
}

int main(int argc, char **argv)
{
    core_plan plan = {.dtype = COVSAMP_F32};
    covsamp_mixture *mixture = NULL;
    covsamp_torch *module = NULL;
    covsamp_sampler *sampler;
    covsamp_model model;
    char line[64], options[256];
    if (argc != 6)
        bench_fail("usage: bench-samplers-of MODEL SOLVER BATCH STEPS OUT");
    memset(&inner, 0, sizeof inner);
    inner.size = sizeof inner;
    if (strcmp(argv[1], "mixture") == 0) {
        mixture = mixture_new();
        covsamp_mixture_model(mixture, &inner);
    } else {
        module = bench_load(argv[1], bench_engine("linearised"), COVSAMP_TORCH_SAME);
        inner = bench_model(module);
    }
    snprintf(options, sizeof options, "%s prediction=%s", options_of(argv[2]),
             module ? bench_metadata(module, "prediction", "noise") : "noise");
    plan.options = options;
    plan.batch = atoll(argv[3]);
    plan.steps = atoll(argv[4]);
    plan.dim = module ? bench_dim(module) : MIXTURE_DIM;
    model = inner;
    model.mean = mean;
    sampler = core_sampler(&plan);
    printf("ready\n");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL) {
        double began, spent;
        covsamp_sampler_restart(sampler, 1, 0);
        inside = 0;
        began = core_now();
        if (covsamp_sampler_run(sampler, &model) != COVSAMP_DONE)
            bench_fail(covsamp_sampler_message(sampler));
        spent = core_now() - began;
        write_state(sampler, &plan, argv[5]);
        printf("%.9f %.9f\n", spent, inside);
        fflush(stdout);
    }
    covsamp_sampler_free(sampler);
    covsamp_torch_free(module);
    covsamp_mixture_free(mixture);
    return 0;
}
