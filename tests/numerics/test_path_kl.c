/* SPDX-License-Identifier: BSD-3-Clause */
/* Path KL against oracle O2, closed forms and itself.  The oracle takes alpha^2_s - alpha^2_t as a
 * difference, which costs it digits where steps are short: at T = 512, logSNR, 1-D, full it has
 * 8.222332053e-05, long double arithmetic 8.222336917875e-05. */
#include "path_kl.h"
#include "o2_table.h"

#define LENGTH(a) ((int)(sizeof(a) / sizeof((a)[0])))

/* ---- oracle O2 ---- */

/* o2c_out.txt (401^2 points) and o2b_out.txt. */
static void ten_digits(void)
{
    static const struct {
        int dim;
        const char *covariance;
        double kl;
    } rows[] = {{2, "covariance=large", 1.4266145248e-01},
                {2, "covariance=small", 1.0229012272e+00},
                {2, "covariance=analytic", 1.0789437294e-01},
                {2, "covariance=state_isotropic", 6.8602384192e-02},
                {2, "covariance=diag_probe", 5.1414073563e-02},
                {2, "covariance=dense", 2.0505744697e-02},
                {1, "covariance=large", 9.19246413e-02},
                {1, "covariance=small", 4.89351927e-01},
                {1, "covariance=analytic", 6.59814172e-02},
                {1, "covariance=dense", 1.49686408e-02}};
    for (int i = 0; i < LENGTH(rows); i++) {
        covsamp_mixture *mixture = path_mixture(rows[i].dim);
        const covsamp_path_kl_total t = path_kl(mixture, LOG_SNR, 32, rows[i].covariance, 0);
        CHECK_CLOSE(t.kl, rows[i].kl, 1e-8);
        CHECK(t.deviation == 0 && t.prior_deviation == 0);
        CHECK_NEAR(t.prior, rows[i].dim == 1 ? 1.074e-6 : 3.658e-6, 1e-9);
        covsamp_mixture_free(mixture);
    }
    /* long double, by itself */
    covsamp_mixture *mixture = path_mixture(1);
    CHECK_NEAR(path_kl(mixture, LOG_SNR, 32, "covariance=dense", 0).kl, 1.4968640851097e-02, 2e-13);
    CHECK_NEAR(path_kl(mixture, LOG_SNR, 512, "covariance=dense", 0).kl, 8.222336917875e-05, 2e-13);
    covsamp_mixture_free(mixture);
}

/* The table in one dimension, and what is the same there. */
static void line_table(void)
{
    covsamp_mixture *mixture = path_mixture(1);
    for (int r = 0; r < LENGTH(o2_table); r++)
        for (int i = 0; o2_table[r].dim == 1 && i < 7; i++)
            if (o2_table[r].kl[i] > 0)
                CHECK_CLOSE(
                    path_kl(mixture, o2_table[r].schedule, 8 << i, o2_table[r].covariance, 0).kl,
                    o2_table[r].kl[i], 1e-6);
    for (int count = 8; count <= 512; count *= 4) {
        const double full = path_kl(mixture, LOG_SNR, count, "covariance=dense", 0).kl;
        CHECK_NEAR(path_kl(mixture, LOG_SNR, count, "covariance=state_isotropic", 0).kl, full,
                   1e-12);
        CHECK_NEAR(path_kl(mixture, LOG_SNR, count, "covariance=diag_probe", 0).kl, full, 1e-12);
        CHECK_NEAR(path_kl(mixture, LOG_SNR, count, "covariance=krylov", 0).kl, full, 1e-12);
    }
    covsamp_mixture_free(mixture);
}

/* T = 128, 256, 512 in the plane: the table's digits and the slopes. */
static void plane_slopes(void)
{
    covsamp_mixture *mixture = path_mixture(2);
    for (int r = 0; r < LENGTH(o2_table); r++) {
        const char *covariance = o2_table[r].covariance;
        const int full = strcmp(covariance, "covariance=dense") == 0;
        double kl[3];
        if (o2_table[r].dim != 2 || o2_table[r].schedule != LOG_SNR ||
            strcmp(covariance, "covariance=small") == 0)
            continue;
        for (int i = 0; i < 3; i++) {
            kl[i] = path_kl(mixture, LOG_SNR, 128 << i, covariance, 0).kl;
            CHECK_CLOSE(kl[i], o2_table[r].kl[4 + i], 1e-6);
        }
        printf("%-28s", covariance);
        for (int i = 1; i < 3; i++) {
            const double slope = log2(kl[i] / kl[i - 1]);
            printf(" %.3f", slope);
            CHECK(slope >= (full ? -2.05 : -1.1) && slope <= (full ? -1.85 : -.9));
        }
        printf("\n");
    }
    covsamp_mixture_free(mixture);
}

/* ---- Monte Carlo ---- */

static void by_samples(void)
{
    static const char *const covariances[] = {
        "covariance=large",           "covariance=small",      "covariance=analytic",
        "covariance=state_isotropic", "covariance=diag_probe", "covariance=dense",
        "covariance=spectral width=2"};
    for (int dim = 1; dim <= 2; dim++) {
        covsamp_mixture *mixture = path_mixture(dim);
        for (int i = 0; i < LENGTH(covariances) - (dim == 1); i++) {
            const covsamp_path_kl_total exact = path_kl(mixture, LOG_SNR, 32, covariances[i], 0);
            const covsamp_path_kl_total t = path_kl(mixture, LOG_SNR, 32, covariances[i], 20000);
            CHECK_NEAR(t.kl, exact.kl, 3 * t.deviation);
            CHECK_NEAR(t.prior, exact.prior, 3 * t.prior_deviation);
            CHECK(t.deviation < .05 * t.kl); /* or that would say nothing */
        }
        covsamp_mixture_free(mixture);
    }
}

/* ---- closed forms ---- */

/* Data N(mean, diag(variance)): the steps are Gaussian, the full covariance is exact. */
static void gaussian_data(double eta, int32_t estimator, int64_t size)
{
    static const double weight = 2, mean[2] = {.4, -3}, s[4] = {.3, 0, 0, 1.7};
    covsamp_mixture *mixture = NULL;
    covsamp_schedule *schedule = path_schedule(VP_LINEAR, 4);
    double small = 0, isotropic = 0, a[5], g[5];
    char options[2][80];
    CHECK(covsamp_mixture_new(&mixture, 2, 1, &weight, mean, s, 2, NULL, NULL) == COVSAMP_OK);
    for (int n = 1; n <= 4; n++)
        CHECK(covsamp_schedule_at(schedule, n, &a[n], &g[n], NULL) == COVSAMP_OK);
    for (int n = 2; n <= 4; n++) {
        const double step = 1 - pow(a[n] * g[n - 1] / (a[n - 1] * g[n]), 2);
        const double lambda2 = eta * eta * g[n - 1] * g[n - 1] * step;
        const double b = a[n - 1] - sqrt(g[n - 1] * g[n - 1] - lambda2) / g[n] * a[n];
        double v[2];
        for (int i = 0; i < 2; i++) {
            v[i] =
                lambda2 + b * b * s[3 * i] * g[n] * g[n] / (a[n] * a[n] * s[3 * i] + g[n] * g[n]);
            small += .5 * (v[i] / lambda2 - 1 - log(v[i] / lambda2));
        }
        const double middle = .5 * (v[0] + v[1]);
        isotropic += .5 * (log(middle / v[0]) + log(middle / v[1]));
    }
    const double kl[3] = {0, small, isotropic};
    static const char *const names[3] = {"dense", "small", "state_isotropic"};
    for (int i = 0; i < 3; i++) {
        covsamp_path_kl_total t = {.size = sizeof t};
        snprintf(options[0], sizeof options[0], "covariance=%s eta=%.17g", names[i], eta);
        covsamp_config *c = path_config(schedule, options[0]);
        CHECK(covsamp_path_kl(c, mixture, estimator, size, NULL, NULL, 0, &t) == COVSAMP_OK);
        CHECK_NEAR(t.kl, kl[i], 1e-12 + 3 * t.deviation);
        covsamp_config_free(c);
    }
    covsamp_schedule_free(schedule);
    covsamp_mixture_free(mixture);
}

/* Schedules that do not preserve the variance, alpha = 0 included: the full covariance is exact. */
static void other_processes(void)
{
    static const double weight = 1, mean = .7, s = .4;
    static const int64_t levels[] = {12, 9, 6, 3, 1};
    covsamp_mixture *mixture = NULL;
    CHECK(covsamp_mixture_new(&mixture, 1, 1, &weight, &mean, &s, 2, NULL, NULL) == COVSAMP_OK);
    for (int flow = 0; flow < 2; flow++)
        for (int32_t estimator = 1; estimator <= 2; estimator++) {
            covsamp_schedule *schedule = NULL;
            double kl[4], top, bottom, a, expected = 0;
            CHECK((flow ? covsamp_schedule_new_flow(&schedule, 12, NULL, NULL)
                        : covsamp_schedule_new_karras(&schedule, 12, .02, 20, 7, NULL, NULL)) ==
                  COVSAMP_OK);
            covsamp_config *c = path_config(schedule, "covariance=dense");
            covsamp_path_kl_total t = {.size = sizeof t};
            CHECK(covsamp_config_set_schedule(c, schedule, levels, 5) == COVSAMP_OK);
            CHECK(covsamp_path_kl(c, mixture, estimator, estimator == 1 ? 0 : 20000, kl, NULL, 4,
                                  &t) == COVSAMP_OK);
            covsamp_schedule_at(schedule, 12, NULL, &top, NULL);
            covsamp_schedule_at(schedule, 9, &a, &bottom, NULL);
            if (flow) { /* the fallback, small, is what a sampler has at alpha = 0 */
                const double r = 1 + a * a * s / (bottom * bottom);
                expected = .5 * (r - 1 - log(r));
            } else {
                const double v = 1 + s / (top * top);
                CHECK_NEAR(t.prior, .5 * (v + mean * mean / (top * top) - 1 - log(v)),
                           1e-12 + 3 * t.prior_deviation);
            }
            CHECK_NEAR(kl[0], expected, 1e-12 + (estimator == 2 ? 4e-2 * expected : 0));
            for (int i = 1; i < 4; i++)
                CHECK_NEAR(kl[i], 0, 1e-12);
            covsamp_config_free(c);
            covsamp_schedule_free(schedule);
        }
    covsamp_mixture_free(mixture);
}

/* ---- what pairs of settings have in common ---- */

static covsamp_mixture *turned(void)
{
    /* the plane's mixture in the coordinates of its cosine transform, (x + y, x - y) / 2^(1/2) */
    static const double w[] = {.3, .45, .25}, m[] = {-1.2, .6, .9, .5, .1, -1.1};
    const double r = sqrt(.5);
    double mean[6], c[12];
    covsamp_mixture *mixture = NULL;
    rotated(.6, .6, .25, c);
    rotated(-.9, .5, .2, c + 4);
    rotated(1.2, .45, .25, c + 8);
    for (int k = 0; k < 3; k++) {
        double *s = c + 4 * k;
        const double xx = s[0], xy = s[1], yy = s[3];
        mean[2 * k] = r * (m[2 * k] + m[2 * k + 1]);
        mean[2 * k + 1] = r * (m[2 * k] - m[2 * k + 1]);
        s[0] = .5 * (xx + yy) + xy;
        s[3] = .5 * (xx + yy) - xy;
        s[1] = s[2] = .5 * (xx - yy);
    }
    CHECK(covsamp_mixture_new(&mixture, 2, 3, w, mean, c, 1, NULL, NULL) == COVSAMP_OK);
    return mixture;
}

static void pools(void)
{
    covsamp_mixture *mixture = path_mixture(2), *other = turned();
    const struct {
        const char *a, *b;
        covsamp_mixture *of_b;
    } same[] = {
        {"covariance=spectral width=2", "covariance=diag_probe", other},
        {"covariance=spectral width=2 spectral_pool=radial", "covariance=diag_probe", other},
        {"covariance=spectral width=2 spectral_mode=block spectral_block=1",
         "covariance=state_isotropic", mixture},
        {"covariance=spectral channels=2", "covariance=diag_probe", mixture},
        {"covariance=spectral channels=2 spectral_pool=channel", "covariance=state_isotropic",
         mixture},
        {"covariance=spectral channels=2 spectral_colour=1", "covariance=dense", mixture},
        {"covariance=krylov krylov_steps=2", "covariance=dense", mixture},
        {"covariance=krylov krylov_steps=9 tolerance=.1", "covariance=dense", mixture}};
    for (int i = 0; i < LENGTH(same); i++) {
        const double a = path_kl(mixture, VP_LINEAR, 6, same[i].a, 0).kl;
        CHECK_NEAR(a, path_kl(same[i].of_b, VP_LINEAR, 6, same[i].b, 0).kl, 1e-11);
        if (same[i].of_b == mixture)
            CHECK_NEAR(path_kl(mixture, VP_LINEAR, 6, same[i].a, 50).kl,
                       path_kl(mixture, VP_LINEAR, 6, same[i].b, 50).kl, 1e-11);
    }
    covsamp_mixture_free(mixture);
    covsamp_mixture_free(other);
}

/* A table that says what the best constant is gives that constant. */
static void analytic_table(void)
{
    static const double weight = 1, mean = 0, s = .4;
    double noise[6], a, g, a3, g3;
    covsamp_mixture *mixture = NULL;
    covsamp_path_kl_total t = {.size = sizeof t};
    covsamp_schedule *schedule = path_schedule(VP_LINEAR, 6);
    covsamp_config *c = path_config(schedule, "covariance=analytic");
    CHECK(covsamp_mixture_new(&mixture, 1, 1, &weight, &mean, &s, 2, NULL, NULL) == COVSAMP_OK);
    for (int n = 1; n <= 6; n++) {
        CHECK(covsamp_schedule_at(schedule, n, &a, &g, NULL) == COVSAMP_OK);
        noise[n - 1] = g * g / (a * a * s + g * g);
    }
    CHECK(covsamp_config_set_table(c, COVSAMP_TABLE_NOISE, noise, 6) == COVSAMP_OK);
    for (int32_t estimator = 1; estimator <= 2; estimator++) {
        CHECK(covsamp_path_kl(c, mixture, estimator, 60, NULL, NULL, 0, &t) == COVSAMP_OK);
        CHECK_NEAR(t.kl, 0, 1e-12);
    }
    noise[3] = 1; /* no variance of x0 at level 4: small there */
    CHECK(covsamp_config_set_table(c, COVSAMP_TABLE_NOISE, noise, 6) == COVSAMP_OK);
    CHECK(covsamp_path_kl(c, mixture, 1, 0, NULL, NULL, 0, &t) == COVSAMP_OK);
    CHECK(covsamp_schedule_at(schedule, 4, &a, &g, NULL) == COVSAMP_OK);
    CHECK(covsamp_schedule_at(schedule, 3, &a3, &g3, NULL) == COVSAMP_OK);
    const double gain = a3 * a3 / (g3 * g3) - a * a / (g * g); /* b^2 / lambda^2 */
    const double r = 1 + gain * s * g * g / (a * a * s + g * g);
    CHECK_NEAR(t.kl, .5 * (r - 1 - log(r)), 1e-12);
    covsamp_config_free(c);
    covsamp_schedule_free(schedule);
    covsamp_mixture_free(mixture);
}

/* ---- results ---- */

/* Steps sum to the total, have the same bits alone, and parts of the samples average to the whole.
 */
static void parts(int32_t estimator, int64_t size)
{
    enum { LEVELS = 6 };
    covsamp_mixture *mixture = path_mixture(2);
    covsamp_schedule *schedule = path_schedule(VP_LINEAR, LEVELS);
    covsamp_config *c = path_config(schedule, "covariance=state_isotropic seed=-7");
    covsamp_path_kl_total t = {.size = sizeof t}, again = t, half[2] = {t, t};
    double kl[LEVELS - 1], deviation[LEVELS - 1], one, sum = 0, square = 0;
    CHECK(covsamp_path_kl(c, mixture, estimator, size, kl, deviation, LEVELS - 1, &t) ==
          COVSAMP_OK);
    CHECK(covsamp_path_kl(c, mixture, estimator, size, NULL, NULL, 0, &again) == COVSAMP_OK);
    CHECK(memcmp(&t, &again, sizeof t) == 0);
    for (int i = 0; i < 2 && estimator == COVSAMP_PATH_KL_MONTE_CARLO; i++) {
        CHECK(covsamp_config_set_int(c, COVSAMP_FIRST_SAMPLE, i * size / 2) == COVSAMP_OK);
        CHECK(covsamp_path_kl(c, mixture, estimator, size / 2, NULL, NULL, 0, &half[i]) ==
              COVSAMP_OK);
    }
    if (estimator == COVSAMP_PATH_KL_MONTE_CARLO)
        CHECK_CLOSE(.5 * (half[0].kl + half[1].kl), t.kl, 1e-13);
    CHECK(covsamp_config_set_int(c, COVSAMP_FIRST_SAMPLE, 0) == COVSAMP_OK);
    for (int i = 0; i < LEVELS - 1; i++) {
        const int64_t two[2] = {LEVELS - i, LEVELS - i - 1};
        CHECK(covsamp_config_set_schedule(c, schedule, two, 2) == COVSAMP_OK);
        CHECK(covsamp_path_kl(c, mixture, estimator, size, &one, NULL, 1, NULL) == COVSAMP_OK);
        CHECK(one == kl[i]);
        sum += kl[i];
        square += deviation[i] * deviation[i];
    }
    CHECK_CLOSE(t.kl, sum, 1e-14);
    CHECK_NEAR(t.deviation, sqrt(square), 1e-14);
    /* one level: no step, but a prior */
    const int64_t top = LEVELS;
    CHECK(covsamp_config_set_schedule(c, schedule, &top, 1) == COVSAMP_OK);
    CHECK(covsamp_path_kl(c, mixture, estimator, size, &one, NULL, 0, &again) == COVSAMP_OK);
    CHECK(again.kl == 0 && again.deviation == 0 && again.prior == t.prior);
    covsamp_config_free(c);
    covsamp_schedule_free(schedule);
    covsamp_mixture_free(mixture);
}

/* The mixture is a model as before. */
static void mixture_unharmed(void)
{
    covsamp_mixture *mixture = path_mixture(2);
    const double x[2] = {.3, -.2}, v[2] = {1, 2};
    double mean[2][2], product[2][2];
    covsamp_request q;
    memset(&q, 0, sizeof q);
    q.size = sizeof q;
    q.kind = COVSAMP_ASK_MEAN_JVP;
    q.dtype = COVSAMP_F64;
    q.batch = q.tangents = 1;
    q.dim = q.stride = q.tangent_stride = 2;
    q.alpha = sqrt(1 / (1 + exp(-6.))); /* a level that the path visits last */
    q.sigma = sqrt(1 / (1 + exp(6.)));
    q.x = x;
    q.v = v;
    for (int i = 0; i < 2; i++) {
        q.mean = mean[i];
        q.product = product[i];
        CHECK(covsamp_mixture_answer(mixture, &q) == 0);
        (void)path_kl(mixture, LOG_SNR, 4, "covariance=dense", 0);
    }
    CHECK(memcmp(mean[0], mean[1], sizeof mean[0]) == 0);
    CHECK(memcmp(product[0], product[1], sizeof product[0]) == 0);
    covsamp_mixture_free(mixture);
}

int main(void)
{
    ten_digits();
    line_table();
    by_samples();
    gaussian_data(1, COVSAMP_PATH_KL_QUADRATURE, 0);
    gaussian_data(1, COVSAMP_PATH_KL_MONTE_CARLO, 40000);
    gaussian_data(.6, COVSAMP_PATH_KL_MONTE_CARLO, 40000);
    other_processes();
    pools();
    analytic_table();
    parts(COVSAMP_PATH_KL_QUADRATURE, 0);
    parts(COVSAMP_PATH_KL_MONTE_CARLO, 200);
    mixture_unharmed();
    plane_slopes();
    return check_done();
}
