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
    covsamp_sampler *s =
        sampler_of(schedule, levels, K, "batch=%d dim=%d dtype=f64 prediction=x0 solver=addim %s",
                   (int)batch, D, options);
    CHECK(covsamp_sampler_set_state(s, start + first * D, D) == COVSAMP_OK);
    for (int64_t i = 0; i < steps; i++)
        CHECK(covsamp_sampler_step(s, &model) == (i + 1 < K ? COVSAMP_OK : COVSAMP_DONE));
    read_state(s, COVSAMP_F64, batch, D, x);
    const covsamp_stats stats = stats_of(s);
    covsamp_sampler_free(s);
    return stats;
}

/* E[x0 | x] of one sample, and the predicted noise. */
static void predict(double a, double s, const double *x, double *x0, double *e)
{
    for (int i = 0; i < D; i++) {
        const double c = variance[i];
        x0[i] = center[i] + a * c / (a * a * c + s * s) * (x[i] - a * center[i]);
        e[i] = (x[i] - a * x0[i]) / s;
    }
}

/* o4_out.txt with all digits; x_var none, analytic, true.  O4 takes the formula literally on the
 * step to data, from level 1, where the library gives x0: that step is made here. */
static void test_trajectories(void)
{
    static const double o4[3][D] = {
        {0.35792059994373648, -0.56115227199704099, 1.719291816186898, 1.4121565292984812},
        {0.46775265047064801, -0.71211398878069365, 1.8594355316964684, 1.4252044015243908},
        {0.75323787865417136, -1.1348853395820107, 2.3212466322252343, 1.4799936460957901}};
    static const double zeros[1000];
    double a, s, x[D], end[D], x0[D], e[D], worst = 0;
    CHECK(covsamp_schedule_at(schedule, 1, &a, &s, NULL) == COVSAMP_OK);
    for (int k = 0; k < 3; k++) {
        use_table(COVSAMP_TABLE_X0_ERROR, k == 0 ? zeros : error, k == 1 ? 0 : 1000);
        const covsamp_stats stats = run("addim_eta=1", 1, 0, K, end);
        CHECK(stats.mean_requests == K && stats.jvp_requests == 0);
        (void)run("addim_eta=1", 1, 0, K - 1, x);
        predict(a, s, x, x0, e);
        const double added[3] = {0, 0.1 / (2 + a * a / (s * s)), error[0]};
        for (int i = 0; i < D; i++) {
            const double last = x0[i] + sqrt(D * added[k]) / norm(D, e) * e[i];
            CHECK_NEAR(last, o4[k][i], 1e-10);
            worst = fmax(worst, fabs(last - o4[k][i]));
            CHECK_NEAR(end[i], x0[i], 1e-14);
        }
    }
    use_table(COVSAMP_TABLE_X0_ERROR, NULL, 0);
    printf("trajectories of O4: off by %.1e\n", worst);
}

/* One step, for samples whose noise differs in length by far; a sample alone is as in its batch. */
static void test_norm_per_sample(void)
{
    double x[B * D], alone[D], x0[D], e[D], a, s, a1, s1;
    int64_t levels[K];
    CHECK(covsamp_schedule_spaced(schedule, K, COVSAMP_SPACING_EVEN, levels, NULL) == 0);
    (void)covsamp_schedule_at(schedule, (double)levels[0], &a, &s, NULL);
    (void)covsamp_schedule_at(schedule, (double)levels[1], &a1, &s1, NULL);
    use_table(COVSAMP_TABLE_X0_ERROR, error, 1000);
    (void)run("", B, 0, 1, x);
    for (int b = 0; b < B; b++) {
        predict(a, s, start + b * D, x0, e);
        const double lost = a1 - a * s1 / s, n = norm(D, e);
        const double z_var = lost * lost * .75 * error[levels[0] - 1]; /* 0.75: the default */
        for (int i = 0; i < D; i++)
            CHECK_NEAR(x[b * D + i], a1 * x0[i] + sqrt(s1 * s1 + D / (n * n) * z_var) * e[i],
                       1e-13);
    }
    (void)run("", B, 0, K, x);
    for (int b = 0; b < B; b++) {
        (void)run("", 1, b, K, alone);
        CHECK(memcmp(alone, x + b * D, sizeof alone) == 0);
    }
    use_table(COVSAMP_TABLE_X0_ERROR, NULL, 0);
}

/* Clipped x0, and the noise that belongs to it. */
static void test_clip(void)
{
    double x[D], x0[D], e[D], a, s, a1, s1;
    int64_t levels[K];
    CHECK(covsamp_schedule_spaced(schedule, K, COVSAMP_SPACING_EVEN, levels, NULL) == 0);
    memcpy(x, start, sizeof x);
    for (int k = 0; k < K; k++) {
        (void)covsamp_schedule_at(schedule, (double)levels[k], &a, &s, NULL);
        (void)covsamp_schedule_at(schedule, k + 1 < K ? (double)levels[k + 1] : 0, &a1, &s1, NULL);
        predict(a, s, x, x0, e);
        for (int i = 0; i < D; i++) {
            x0[i] = fmin(fmax(x0[i], -.6), .6);
            e[i] = (x[i] - a * x0[i]) / s;
        }
        const double lost = a1 - a * s1 / s, n = norm(D, e);
        const double z_var = lost * lost * .1 / (2 + a * a / (s * s));
        for (int i = 0; i < D; i++)
            x[i] = k + 1 < K ? a1 * x0[i] + sqrt(s1 * s1 + D / (n * n) * z_var) * e[i] : x0[i];
    }
    (void)run("clip_x0=0.6", 1, 0, K, x0);
    for (int i = 0; i < D; i++)
        CHECK_NEAR(x0[i], x[i], 1e-12);
}

/* Where there is no noise there is none to lengthen: from x = 0 and x0 = 0 to 0. */
static int32_t nothing(void *user, const covsamp_request *q)
{
    (void)user;
    memset(q->mean, 0, (size_t)(q->batch * q->stride) * sizeof(double));
    return 0;
}

static void test_without_noise(void)
{
    static const int64_t levels[2] = {800, 300};
    double x[D] = {0};
    const covsamp_model model = model_of(nothing, NULL);
    covsamp_sampler *s =
        sampler_of(schedule, levels, 2, "batch=1 dim=%d dtype=f64 prediction=x0 solver=addim", D);
    CHECK(covsamp_sampler_set_state(s, x, D) == COVSAMP_OK);
    CHECK(covsamp_sampler_step(s, &model) == COVSAMP_OK);
    read_state(s, COVSAMP_F64, 1, D, x);
    for (int i = 0; i < D; i++)
        CHECK(x[i] == 0);
    covsamp_sampler_free(s);
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
    test_norm_per_sample();
    test_clip();
    test_without_noise();
    covsamp_schedule_free(schedule);
    return check_done();
}
