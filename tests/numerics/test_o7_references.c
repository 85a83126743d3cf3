/* SPDX-License-Identifier: BSD-3-Clause */
/* O7: fixed numbers, computed in numpy by the oracle script: schedules, spacings, one step's
 * coefficients, a mixture's score, mean and covariance at three levels. */
#include "check.h"

#include "diagnostic/mixture.h"
#include "process/process.h"

#define TOLERANCE 1e-12

static double alpha_bar(const covsamp_schedule *s, int64_t n)
{
    covsamp__level l = covsamp__schedule_level(s, n);
    CHECK_NEAR(l.alpha * l.alpha + l.sigma * l.sigma, 1.0, 1e-13);
    return l.alpha * l.alpha;
}

static void schedules(void)
{
    covsamp_schedule *s = NULL;
    CHECK(covsamp_schedule_new_linear(&s, 1000, 1e-4, 0.02, NULL, NULL) == COVSAMP_OK);
    CHECK_CLOSE(alpha_bar(s, 1), 9.9990000000000001e-01, TOLERANCE);
    CHECK_CLOSE(alpha_bar(s, 112), 8.7360499291084870e-01, TOLERANCE);
    CHECK_CLOSE(alpha_bar(s, 500), 7.8587242881778235e-02, TOLERANCE);
    CHECK_CLOSE(alpha_bar(s, 1000), 4.0358297653756761e-05, TOLERANCE);
    covsamp_schedule_free(s);
    CHECK(covsamp_schedule_new_cosine(&s, 1000, 0.008, NULL, NULL) == COVSAMP_OK);
    CHECK_CLOSE(alpha_bar(s, 1), 9.9995871577517803e-01, TOLERANCE);
    CHECK_CLOSE(alpha_bar(s, 500), 4.9384359044063730e-01, TOLERANCE);
    CHECK_CLOSE(alpha_bar(s, 999), 2.4287669070348464e-06, TOLERANCE);
    CHECK_CLOSE(alpha_bar(s, 1000), 2.4287669070348484e-09, TOLERANCE);
    CHECK_CLOSE(1 - alpha_bar(s, 1000) / alpha_bar(s, 999), 0.999, TOLERANCE); /* the cap */
    covsamp_schedule_free(s);
}

static void spacings(void)
{
    static const int64_t k5[] = {1, 251, 500, 750, 1000};
    static const int64_t k10[] = {1, 112, 223, 334, 445, 556, 667, 778, 889, 1000};
    static const int64_t k25[] = {1,   43,  84,  126, 168, 209, 251, 292, 334, 376, 417, 459, 500,
                                  542, 584, 625, 667, 709, 750, 792, 834, 875, 917, 958, 1000};
    static const struct {
        int64_t count;
        const int64_t *levels;
    } cases[] = {{5, k5}, {10, k10}, {25, k25}};
    covsamp_schedule *s = NULL;
    int64_t levels[25];
    CHECK(covsamp_schedule_new_linear(&s, 1000, 1e-4, 0.02, NULL, NULL) == COVSAMP_OK);
    for (int c = 0; c < 3; c++) {
        int64_t count = cases[c].count;
        CHECK(covsamp_schedule_spaced(s, count, COVSAMP_SPACING_EVEN, levels, NULL) == COVSAMP_OK);
        for (int64_t i = 0; i < count; i++)
            CHECK(levels[i] == cases[c].levels[count - 1 - i]);
    }
    covsamp_schedule_free(s);
}

static void one_step(void)
{
    covsamp_schedule *schedule = NULL;
    covsamp__transition c;
    CHECK(covsamp_schedule_new_linear(&schedule, 1000, 1e-4, 0.02, NULL, NULL) == COVSAMP_OK);
    covsamp__level t = covsamp__schedule_level(schedule, 223);
    covsamp__level s = covsamp__schedule_level(schedule, 112);
    CHECK_CLOSE(t.alpha * t.alpha / (s.alpha * s.alpha), 0.683156382208186, TOLERANCE);
    covsamp__transition_between(&t, &s, 1.0, &c);
    CHECK_CLOSE(c.large * c.large, 0.3168436177918141, TOLERANCE);
    CHECK_CLOSE(c.lambda * c.lambda, 0.09932621035065926, TOLERANCE);
    CHECK_CLOSE(c.cb, 0.7344994941939107, TOLERANCE);
    CHECK_CLOSE(c.b, 0.7344994941939107, TOLERANCE);
    CHECK_CLOSE(c.ca, 0.2591068934356491, TOLERANCE);
    CHECK_CLOSE(c.cb * c.cb / (c.lambda * c.lambda), 5.431491899937667, TOLERANCE);
    covsamp__transition_between(&t, &s, 0.0, &c);
    CHECK(c.lambda == 0.0);
    CHECK_CLOSE(c.cb, 0.5021275957918835, TOLERANCE);
    CHECK_CLOSE(c.ca, 0.5598986897669174, TOLERANCE);
    CHECK_CLOSE(c.b * c.b, 0.25213212245573713, TOLERANCE);
    covsamp__transition_between(&t, &s, 0.5, &c);
    CHECK_CLOSE(c.lambda * c.lambda, 0.024831552587664816, TOLERANCE);
    CHECK_CLOSE(c.cb, 0.5469371031620585, TOLERANCE);
    CHECK_CLOSE(c.ca, 0.5018954100791332, TOLERANCE);
    covsamp_schedule_free(schedule);
}

/* log q, score, E[x0|x], Cov[x0|x], hessian of log q, at x = (.3, -.4) */
static const struct {
    double ab, log_q, score[2], mean[2], cov[4], hessian[4];
} points[] = {
    {.9,
     -1.6129376001509101,
     {2.037379612498026, 0.6855346443287709},
     {0.5309864338130051, -0.3493753249880391},
     {0.0660758453068933, -0.006429303868582208, -0.006429303868582208, 0.0874554124775656},
     {-4.053173922379607, -0.5786373481723983, -0.5786373481723983, -2.1290128770190972}},
    {.3,
     -1.8218093003411322,
     {-0.03398167346211403, 0.4575031753857719},
     {0.504293322945559, -0.14559885499915265},
     {0.5592459777909952, -0.19396647452083055, -0.19396647452083055, 0.38996048958307583},
     {-1.086175931964697, -0.11875498440050848, -0.11875498440050848, -1.1898201084185254}},
    {.01,
     -1.9525091235573175,
     {-0.2729625597829892, 0.4024696772208971},
     {0.2976706581484079, -0.015550195513119508},
     {0.846703615761569, -0.26670521577784373, -0.26670521577784373, 0.44474779744322157},
     {-1.0014620588127587, -0.0027212041197616776, -0.0027212041197616776, -1.0055632303087114}}};

static void check_all(const double *a, const double *b, int count)
{
    for (int i = 0; i < count; i++)
        CHECK_NEAR(a[i], b[i], TOLERANCE);
}

static covsamp_mixture *mixture(int32_t prediction)
{
    static const double w[] = {.3, .7}, m[] = {-1., .5, .8, -.2};
    static const double c[] = {.3, .1, .1, .2, .15, -.05, -.05, .4};
    covsamp_mixture *out = NULL;
    CHECK(covsamp_mixture_new(&out, 2, 2, w, m, c, prediction, NULL, NULL) == COVSAMP_OK);
    return out;
}

static void mixtures(void)
{
    static const double x[] = {.3, -.4}, identity[] = {1, 0, 0, 1};
    covsamp_mixture *data = mixture(COVSAMP_PREDICTS_X0), *score = mixture(COVSAMP_PREDICTS_SCORE);
    for (int p = 0; p < 3; p++) {
        double alpha = sqrt(points[p].ab), sigma = sqrt(1 - points[p].ab);
        double mean[2], cov[4], log_q;
        covsamp_request q = {.size = sizeof q,
                             .kind = COVSAMP_ASK_MEAN_JVP,
                             .dtype = COVSAMP_F64,
                             .batch = 1,
                             .dim = 2,
                             .stride = 2,
                             .tangents = 2,
                             .tangent_stride = 2,
                             .alpha = alpha,
                             .sigma = sigma,
                             .x = x,
                             .v = identity,
                             .mean = mean,
                             .product = cov};
        covsamp__mixture_posterior(data, alpha, sigma, x, mean, cov, &log_q);
        CHECK_NEAR(log_q, points[p].log_q, TOLERANCE);
        check_all(mean, points[p].mean, 2);
        check_all(cov, points[p].cov, 4);
        CHECK(covsamp_mixture_answer(data, &q) == 0);
        check_all(mean, points[p].mean, 2);
        for (int i = 0; i < 4; i++)
            CHECK_NEAR(cov[i] * sigma * sigma / alpha, points[p].cov[i], TOLERANCE);
        CHECK(covsamp_mixture_answer(score, &q) == 0);
        check_all(mean, points[p].score, 2);
        check_all(cov, points[p].hessian, 4);
    }
    covsamp_mixture_free(data);
    covsamp_mixture_free(score);
}

int main(void)
{
    schedules();
    spacings();
    one_step();
    mixtures();
    return check_done();
}
