/* SPDX-License-Identifier: BSD-3-Clause */
/* LGS steps (three products) with vectors on the host against vectors that are libtorch's, on the
 * network's device: time of a step, and the part of it outside the network, in turns; one JSON
 * object a line for each of the two and for the ratio of their steps.
 *
 *     OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 bench-device MODEL BATCH ROUNDS [DEVICE] */
#include "core.h"
#include "lgs.h"

#include <math.h>

enum { STEPS = 5, MOST = 101 };

typedef struct {
    covsamp_torch *module;
    covsamp_sampler *sampler;
    double answering;                 /* seconds in the network, of the run under way */
    double step[MOST], library[MOST]; /* seconds a step */
} side;

static int32_t answer(void *user, const covsamp_request *request)
{
    side *s = user;
    const double began = bench_now();
    const int32_t result = covsamp_torch_answer(s->module, request);
    s->answering += bench_now() - began;
    return result;
}

static covsamp_sampler *new_sampler(int64_t batch, int64_t dim, const covsamp_vector_ops *ops)
{
    covsamp_config *config = NULL;
    covsamp_schedule *schedule = NULL;
    covsamp_sampler *sampler = NULL;
    int64_t levels[STEPS];
    if (covsamp_config_new(&config, NULL) != COVSAMP_OK ||
        covsamp_schedule_new_linear(&schedule, BENCH_LEVELS, 1e-4, 0.02, NULL, NULL) !=
            COVSAMP_OK ||
        covsamp_schedule_spaced(schedule, STEPS, COVSAMP_SPACING_EVEN, levels, NULL) != COVSAMP_OK)
        bench_fail("no configuration");
    covsamp_config_set_schedule(config, schedule, levels, STEPS);
    covsamp_config_set_int(config, COVSAMP_BATCH, batch);
    covsamp_config_set_int(config, COVSAMP_DIM, dim);
    covsamp_config_set_int(config, COVSAMP_KRYLOV_STEPS, 3);
    covsamp_config_set_int(config, COVSAMP_LAST_NOISE, 1); /* every step costs the same */
    covsamp_config_set_vector_ops(config, ops);
    if (covsamp_sampler_new(&sampler, config) != COVSAMP_OK)
        bench_fail(covsamp_config_message(config));
    covsamp_schedule_free(schedule);
    covsamp_config_free(config);
    return sampler;
}

static void run(side *s, int round)
{
    const covsamp_model model = {
        .size = sizeof model, .model_user = s, .mean = answer, .jvp = answer, .mean_jvp = answer};
    covsamp_sampler_restart(s->sampler, 1, 0);
    s->answering = 0;
    const double began = bench_now();
    if (covsamp_sampler_run(s->sampler, &model) != COVSAMP_DONE)
        bench_fail(covsamp_sampler_message(s->sampler));
    const double spent = bench_now() - began;
    if (round >= 0) {
        s->step[round] = spent / STEPS;
        s->library[round] = (spent - s->answering) / STEPS;
    }
}

/* |a - b| / |b| of the samples. */
static double difference(const side *a, const side *b, int64_t n)
{
    const void *x = NULL, *y = NULL;
    double error = 0, size = 0;
    covsamp_sampler_state(a->sampler, &x, NULL);
    covsamp_sampler_state(b->sampler, &y, NULL);
    for (int64_t i = 0; x != NULL && y != NULL && i < n; i++) {
        const double p = ((const float *)x)[i], q = ((const float *)y)[i];
        error += (p - q) * (p - q);
        size += q * q;
    }
    return sqrt(error / size);
}

int main(int argc, char **argv)
{
    static side sides[2]; /* on the host, on the device */
    const char *const names[] = {"host", "device"};
    const int rounds = argc > 3 ? atoi(argv[3]) : 0;
    if (rounds < 1 || rounds > MOST)
        bench_fail("usage: bench-device MODEL BATCH ROUNDS [DEVICE]");
    const int64_t batch = atoll(argv[2]);
    const char *device = argc > 4 ? argv[4] : "cpu";
    char message[COVSAMP_MESSAGE_BYTES];
    covsamp_torch_options options = {.size = sizeof options, .device = device};
    covsamp_torch *module = NULL;
    covsamp_vector_ops ops = {.size = sizeof ops};
    int64_t dims[8], dim = 1;
    if (covsamp_torch_load(&module, argv[1], &options, message) != COVSAMP_OK)
        bench_fail(message);
    const int32_t count = covsamp_torch_shape(module, dims, 8);
    for (int32_t i = 0; i < count; i++)
        dim *= dims[i];
    if (covsamp_torch_vector_ops(module, &ops) != COVSAMP_OK)
        bench_fail(covsamp_torch_message(module));
    for (int k = 0; k < 2; k++) {
        sides[k].module = module;
        sides[k].sampler = new_sampler(batch, dim, k == 0 ? NULL : &ops);
    }
    for (int r = -1; r < rounds; r++)
        for (int k = 0; k < 2; k++)
            run(&sides[k], r);
    double ratio[MOST];
    for (int r = 0; r < rounds; r++)
        ratio[r] = sides[1].step[r] / sides[0].step[r];
    const core_spread worth = core_sorted(ratio, rounds);
    for (int k = 0; k < 2; k++)
        printf("{\"bench\": \"device\", \"vectors\": \"%s\", \"device\": \"%s\", \"batch\": %lld, "
               "\"dim\": %lld, \"ms_per_step\": %.3f, \"ms_in_library\": %.3f}\n",
               names[k], device, (long long)batch, (long long)dim,
               1e3 * core_sorted(sides[k].step, rounds).median,
               1e3 * core_sorted(sides[k].library, rounds).median);
    printf("{\"bench\": \"device\", \"device\": \"%s\", \"batch\": %lld, \"dim\": %lld, "
           "\"device_over_host_least\": %.4f, \"device_over_host\": %.4f, "
           "\"device_over_host_most\": %.4f, "
           "\"difference\": %.2e}\n",
           device, (long long)batch, (long long)dim, worth.least, worth.median, worth.most,
           difference(&sides[1], &sides[0], batch * dim));
    for (int k = 0; k < 2; k++)
        covsamp_sampler_free(sides[k].sampler);
    covsamp_torch_free(module);
    return 0;
}
