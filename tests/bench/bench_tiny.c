/* SPDX-License-Identifier: BSD-3-Clause */
/* A fixed tiny run whose instructions tests/bench/instructions.sh counts: two samples of 192 values
 * of a mixture's like by LGS, DDPM, DDIM, probes and DPM-Solver++ 2M, and a mixture of two
 * Gaussians in eight dimensions by LGS.  Prints a checksum, so that nothing can be left out. */
#include "core.h"

static double checksum(const covsamp_sampler *sampler, int64_t batch, int64_t dim)
{
    const void *x = NULL;
    int64_t stride = 0, b, i;
    double sum = 0;
    covsamp_sampler_state(sampler, &x, &stride);
    for (b = 0; b < batch; b++)
        for (i = 0; i < dim; i++)
            sum += ((const float *)x)[b * stride + i] * (double)(1 + i % 7);
    return sum;
}

static double run(int64_t dim, const covsamp_model *model, const char *options)
{
    const core_plan plan = {
        .batch = 2, .dim = dim, .steps = 6, .dtype = COVSAMP_F32, .options = options};
    covsamp_sampler *sampler = core_sampler(&plan);
    double sum;
    if (covsamp_sampler_run(sampler, model) != COVSAMP_DONE)
        core_fail(covsamp_sampler_message(sampler));
    sum = checksum(sampler, plan.batch, dim);
    covsamp_sampler_free(sampler);
    return sum;
}

static double mixture_run(void)
{
    static const double weights[2] = {0.4, 0.6};
    double means[16], covariances[128] = {0};
    covsamp_mixture *mixture = NULL;
    covsamp_model model;
    char message[COVSAMP_MESSAGE_BYTES];
    double sum;
    int i;
    for (i = 0; i < 16; i++) {
        means[i] = (i % 5 - 2) * 0.5;
        covariances[i / 8 * 64 + i % 8 * 9] = 0.1 + 0.05 * i;
    }
    if (covsamp_mixture_new(&mixture, 8, 2, weights, means, covariances, COVSAMP_PREDICTS_NOISE,
                            NULL, message) != COVSAMP_OK)
        core_fail(message);
    memset(&model, 0, sizeof model);
    model.size = sizeof model;
    covsamp_mixture_model(mixture, &model);
    sum = run(8, &model, "covariance=krylov krylov_steps=3");
    covsamp_mixture_free(mixture);
    return sum;
}

int main(void)
{
    static const char *const options[] = {
        "covariance=krylov krylov_steps=3",
        "covariance=small",
        "covariance=none eta=0",
        "covariance=diag_probe probes=2",
        "covariance=spectral channels=3 height=8 width=8",
        "solver=dpmpp_2m",
    };
    core_model user = {0, 0};
    const covsamp_model model = core_callbacks(&user);
    double sum = mixture_run();
    size_t i;
    for (i = 0; i < sizeof options / sizeof *options; i++)
        sum += run(192, &model, options[i]);
    printf("%.6f\n", sum);
    return 0;
}
