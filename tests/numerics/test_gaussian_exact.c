/* SPDX-License-Identifier: BSD-3-Clause */
/* Oracle O4: on Gaussian data a run is an affine map of the start and of each step's noise, and the
 * full covariance makes it exact.  (The Lanczos draw is linear in z when m = D.) */
#include "affine_run.h"

static double worst[2]; /* mean, variance: largest error of the exact methods */

/* ---- checks ---- */

/* The mean is the data's and the covariance diag(expected). */
static void check_moments(const moments *m, const double *expected, double tolerance)
{
    for (int i = 0; i < D; i++) {
        CHECK_NEAR(m->mean[i], center[i], 1e-12);
        worst[0] = fmax(worst[0], fabs(m->mean[i] - center[i]));
    }
    for (int i = 0; i < D * D; i++) {
        const double wanted = i % D == i / D ? expected[i % D] : 0;
        CHECK_NEAR(m->covariance[i], wanted, tolerance);
        worst[1] = fmax(worst[1], fabs(m->covariance[i] - wanted));
    }
}

static const char *const full[] = {"covariance=krylov krylov_steps=4",
                                   "covariance=dense tangents=3"};
static const double etas[] = {0, .5, 1};

/* The full covariance, DDPM and DDIM: the data's moments for any number of steps; without the last
 * noise what is missing is Cov[x0 | x_1]. */
static void test_full(int64_t steps)
{
    static const double o4[D] = {.0499001896, .24990003, .9999, 3.9998999925};
    double alpha, sigma, less[D];
    CHECK(covsamp_schedule_at(schedule, steps == 1 ? 1000 : 1, &alpha, &sigma, NULL) == 0);
    for (int i = 0; i < D; i++)
        less[i] = alpha * alpha * variance[i] * variance[i] /
                  (alpha * alpha * variance[i] + sigma * sigma); /* variance - Cov[x0 | x_t] */
    for (int c = 0; c < LENGTH(full); c++)
        for (int e = 0; e < LENGTH(etas); e++) {
            char options[128];
            snprintf(options, sizeof options, "%s eta=%g last_noise=1", full[c], etas[e]);
            moments m = measure(steps, options);
            check_moments(&m, variance, 1e-12);
            if (steps % 5 > 2)
                continue; /* the rest differs in the last step only: not for every K */
            snprintf(options, sizeof options, "%s eta=%g last_noise=0", full[c], etas[e]);
            m = measure(steps, options);
            check_moments(&m, less, 1e-12);
            for (int i = 0; i < D && steps > 1; i++)
                CHECK_NEAR(m.covariance[i + i * D], o4[i], 1e-10);
        }
}

/* O4's numbers for the fixed variances, K = 10; more digits than o4_out.txt prints. */
static void test_fixed(void)
{
    static const struct {
        const char *options;
        double with[D], without[D]; /* the last noise */
    } known[] = {
        {"covariance=small eta=1",
         {1.0922775307296573e-02, 1.0422248949123117e-01, 5.2078514298547596e-01, 2.27568543618847},
         {1.0922775307296573e-02, 1.0422248949123117e-01, 5.2078514298547596e-01,
          2.27568543618847}},
        {"covariance=large eta=1",
         {1.5491256776848139e-01, 3.5862121719165552e-01, 1, 3.1167991540091293},
         {1.5481256776848140e-01, 3.5852121719165553e-01, .9999, 3.1166991540091296}},
        {"covariance=small eta=0",
         {1.3521552596962099e-02, 1.3075907996064701e-01, 6.6355065019357107e-01,
          2.8618980734027293},
         {1.3521552596962099e-02, 1.3075907996064701e-01, 6.6355065019357107e-01,
          2.8618980734027293}},
        {"covariance=none eta=0",
         {1.3521552596962099e-02, 1.3075907996064701e-01, 6.6355065019357107e-01,
          2.8618980734027293},
         {1.3521552596962099e-02, 1.3075907996064701e-01, 6.6355065019357107e-01,
          2.8618980734027293}},
        {"covariance=small eta=0.5",
         {1.3117722841394697e-02, 1.2607996693885035e-01, 6.3682207442912930e-01,
          2.7494591235860848},
         {1.3117722841394697e-02, 1.2607996693885035e-01, 6.3682207442912930e-01,
          2.7494591235860848}},
        {"covariance=analytic eta=1",
         {.12308058919658746, .30320030754198696, .91323315910117564, 3.0258850357265552},
         {.12298064222911866, .30310036057451817, .9131332121337068, 3.0257850887590862}},
        {"covariance=krylov krylov_steps=4 pixel_clip=2", /* "clip trap": last noise not in O4 */
         {0},
         {.013226453348145751, .15874153153204443, .8739914631600546, 3.8607549725333619}},
        {"covariance=dense pixel_clip=2",
         {0},
         {.013226453348145751, .15874153153204443, .8739914631600546, 3.8607549725333619}}};
    for (int k = 0; k < LENGTH(known); k++)
        for (int last = 0; last < 2; last++) {
            if (last && known[k].with[0] == 0)
                continue;
            char options[128];
            snprintf(options, sizeof options, "%s last_noise=%d", known[k].options, last);
            const moments m = measure(10, options);
            for (int i = 0; i < D; i++) {
                CHECK_NEAR(m.mean[i], center[i], 1e-12);
                CHECK_CLOSE(m.covariance[i + i * D], (last ? known[k].with : known[k].without)[i],
                            1e-9);
            }
        }
}

/* The START noise: x is that (times 1 for this schedule), and the map of the start is linear, so
 * that its columns give the same moments as set_start(). */
static void test_start_noise(void)
{
    enum { K = 10, BATCH = 1 + D + K * D };
    int64_t levels[K];
    double mean[D], alpha, sigma, x[BATCH * D], y[BATCH * D];
    multiply(D, q, center, mean);
    gaussian data = {D, q, variance, mean};
    covsamp_model model = model_of(gaussian_answer, &data);
    model.noise = unit_noise;
    model.noise_user = &model; /* units at the start too */
    CHECK(covsamp_schedule_spaced(schedule, K, COVSAMP_SPACING_EVEN, levels, NULL) == 0);
    CHECK(covsamp_schedule_at(schedule, (double)levels[0], &alpha, &sigma, NULL) == 0);
    covsamp_sampler *s = sampler_of(schedule, levels, K,
                                    "batch=%d dim=%d dtype=f64 prediction=x0 noise=ask "
                                    "covariance=krylov krylov_steps=4 last_noise=1",
                                    BATCH, D);
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
    read_state(s, COVSAMP_F64, BATCH, D, x);
    memcpy(y, x, sizeof x);
    for (int b = 0; b <= D; b++) { /* replaces columns of the map by start and factor */
        double start[D];
        for (int i = 0; i < D; i++)
            start[i] =
                alpha * mean[i] + (b == 0 ? 0
                                          : sqrt(alpha * alpha * variance[b - 1] + sigma * sigma) *
                                                q[i + (b - 1) * D]);
        for (int i = 0; i < D; i++) {
            y[b * D + i] = x[i];
            for (int j = 0; j < D; j++)
                y[b * D + i] += start[j] * (x[(1 + j) * D + i] - x[i]);
        }
    }
    for (int b = 1 + D; b < BATCH; b++) /* columns relative to sample 0, which has moved */
        for (int i = 0; i < D; i++)
            y[b * D + i] += y[i] - x[i];
    const moments m = collect(y, BATCH);
    check_moments(&m, variance, 1e-12);
    covsamp_sampler_free(s);
}

/* Unrotated, every unit vector is an eigenvector: each space closes after one product. */
static void test_eigenvectors(void)
{
    enum { K = 10 };
    double rotated[D * D];
    memcpy(rotated, q, sizeof q);
    for (int i = 0; i < D * D; i++)
        q[i] = i / D == i % D;
    const moments m = measure(K, "covariance=krylov krylov_steps=4 last_noise=1");
    check_moments(&m, variance, 1e-12);
    CHECK(breakdowns == K * D);
    memcpy(q, rotated, sizeof q);
}

int main(void)
{
    static const int64_t many[] = {64, 100};
    static double table[1000];
    schedule = linear_schedule();
    orthogonal(2, D, q);
    for (int64_t steps = 1; steps <= 50; steps++)
        test_full(steps);
    for (int k = 0; k < LENGTH(many); k++)
        test_full(many[k]);
    printf("exact methods: mean off by %.1e, covariance by %.1e\n", worst[0], worst[1]);
    make_noise_table(table);
    use_table(COVSAMP_TABLE_NOISE, table, 1000);
    test_fixed();
    test_start_noise();
    test_eigenvectors();
    covsamp_schedule_free(schedule);
    return check_done();
}
