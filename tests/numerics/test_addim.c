/* SPDX-License-Identifier: BSD-3-Clause */
/* aDDIM (arXiv 2403.06807, algorithm 3): oracle O4's trajectories, the step to data, and a norm for
 * every sample of its own. */
#include "check.h"
#include "gaussian.h"

enum { D = 4, K = 10, B = 3 };
static const double variance[D] = {0.05, 0.25, 1, 4}, center[D] = {0.3, -0.2, 0.5, 1};
static const double start[B * D] = {0.5, -1, 1.5, 0.25, 3, -2, 0, 4, .01, .02, -.03, .2};
static double identity[D * D], error[1000]; /* posterior variance per level */
static covsamp_schedule *schedule;

/* `batch` samples from start + first D. */
static covsamp_stats run(const char *options, int64_t batch, int64_t first, int64_t steps,
                         double *x)
{
    int64_t levels[K];
    gaussian data = {D, identity, variance, center};
    const covsamp_model model = model_of(gaussian_answer, &data);
    CHECK(covsamp_schedule_spaced(schedule, K, COVSAMP_SPACING_EVEN, levels, NULL) == 0);
    covsamp_sampler *s = sampler_of(schedule, levels, K,
                                    "batch=%d dim=%d dtype=f64 prediction=x0 solver=addim %s",
                                    (int)batch, D, options);
    CHECK(covsamp_sampler_set_state(s, start + first * D, D) == COVSAMP_OK);
    for (int64_t i = 0; i < steps; i++)
        CHECK(covsamp_sampler_step(s, &model) == (i + 1 < K ? COVSAMP_OK : COVSAMP_DONE));
    read_state(s, COVSAMP_F64, batch, D, x);
    const covsamp_stats stats = stats_of(s);
    covsamp_sampler_free(s);
    return stats;
}

/* o4_out.txt with all digits; x_var none, analytic, true. */
static void test_trajectories(void)
{
    static const double o4[3][D] = {
        {0.35792059994373648, -0.56115227199704099, 1.719291816186898, 1.4121565292984812},
        {0.46775265047064801, -0.71211398878069365, 1.8594355316964684, 1.4252044015243908},
        {0.75323787865417136, -1.1348853395820107, 2.3212466322252343, 1.4799936460957901}};
    static const double zeros[1000];
    double x[D], worst = 0;
    for (int k = 0; k < 3; k++) {
        use_table(COVSAMP_TABLE_X0_ERROR, k == 0 ? zeros : error, k == 1 ? 0 : 1000);
        const covsamp_stats stats = run("addim_eta=1", 1, 0, K, x);
        CHECK(stats.mean_requests == K && stats.jvp_requests == 0);
        /* O4 takes the formula literally on the step to data too; ours is x0 there */
        for (int i = 0; i < D; i++) {
            CHECK_NEAR(x[i], o4[k][i], 1e-10);
            worst = fmax(worst, fabs(x[i] - o4[k][i]));
        }
    }
    use_table(COVSAMP_TABLE_X0_ERROR, NULL, 0);
    printf("trajectories of O4: off by %.1e\n", worst);
}

int main(void)
{
    schedule = linear_schedule();
    for (int i = 0; i < D; i++)
        identity[i + i * D] = 1;
    for (int n = 0; n < 1000; n++) {
        double a, s;
        CHECK(covsamp_schedule_at(schedule, n + 1, &a, &s, NULL) == COVSAMP_OK);
        for (int i = 0; i < D; i++)
            error[n] += variance[i] * s * s / (a * a * variance[i] + s * s) / D;
    }
    test_trajectories();
    return check_done();
}
