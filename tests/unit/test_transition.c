/* SPDX-License-Identifier: BSD-3-Clause */
/* Transitions against the textbook forms in long double, on every kind of schedule and at the
 * ends. */
#include "check.h"

#include "process/process.h"

static const double etas[] = {0.0, 0.2, 0.5, 0.8, 0.95, 1.0};
enum { ETAS = sizeof etas / sizeof *etas };

/* The marginal of x_s must come out right whatever eta is. */
static void keeps_the_marginal(const covsamp__level *t, const covsamp__level *s, double eta)
{
    covsamp__transition c;
    covsamp__transition_between(t, s, eta, &c);
    CHECK_NEAR(c.cb + c.ca * t->alpha, s->alpha, 4e-15 * s->alpha);
    CHECK_NEAR(c.ca * c.ca * t->sigma * t->sigma + c.lambda * c.lambda, s->sigma * s->sigma,
               4e-15 * s->sigma * s->sigma);
    CHECK(c.b == c.cb && c.alpha_s == s->alpha);
    CHECK(c.ca >= 0 && c.cb >= 0 && c.lambda >= 0 && c.large >= 0);
}

/* Rounding of the log-SNRs limits the relative error of what vanishes with D. */
static void textbook(const covsamp__level *t, const covsamp__level *s, double eta)
{
    covsamp__transition c;
    long double at = t->alpha, st = t->sigma, as = s->alpha, ss = s->sigma;
    long double ratio = at * ss / (as * st), share = 1 - ratio * ratio; /* 1 - e^D */
    long double lambda2 = eta * eta * ss * ss * share, ca = sqrtl(ss * ss - lambda2) / st;
    double d = fabs(t->log_snr - s->log_snr), size = fabs(t->log_snr) + fabs(s->log_snr) + 1;
    double tolerance = 1e-14 + 1e-15 * size / fmin(d, 1.0);
    covsamp__transition_between(t, s, eta, &c);
    CHECK_CLOSE(c.lambda, (double)sqrtl(lambda2), tolerance);
    CHECK_CLOSE(c.ca, (double)ca, tolerance);
    CHECK_CLOSE(c.cb, (double)(as - ca * at), tolerance);
    CHECK_CLOSE(c.large, (double)(st * sqrtl(share)), tolerance);
}

static void schedule(covsamp_schedule *s, int64_t stride)
{
    for (int64_t n = 1; n <= s->levels; n += stride) {
        for (int64_t m = 0; m < n; m += 1 + (n - 1 - m) / 3) {
            covsamp__level t = covsamp__schedule_level(s, n), l = covsamp__schedule_level(s, m);
            for (int e = 0; e < ETAS; e++) {
                keeps_the_marginal(&t, &l, etas[e]);
                if (m > 0 && t.alpha > 0)
                    textbook(&t, &l, etas[e]);
            }
        }
    }
    covsamp_schedule_free(s);
}

/* The step to data: x0 alone, except for its noise. */
static void to_data(void)
{
    covsamp__level data = {0, 1.0, 0.0, (double)INFINITY, -1.0}, t = {5, 0.6, 0.8, 0, 4};
    covsamp__level noise = {9, 0.0, 1.0, -(double)INFINITY, 8};
    t.log_snr = 2 * log(0.6 / 0.8);
    for (int e = 0; e < ETAS; e++) {
        covsamp__transition c;
        covsamp__transition_between(&t, &data, etas[e], &c);
        CHECK(c.ca == 0.0 && c.cb == 1.0 && c.b == 1.0 && c.lambda == 0.0 && c.large == 0.8);
        covsamp__transition_between(&noise, &data, etas[e], &c);
        CHECK(c.ca == 0.0 && c.cb == 1.0 && c.lambda == 0.0 && c.large == 1.0);
        /* from pure noise nothing of x_t is worth keeping but its size */
        covsamp__transition_between(&noise, &t, etas[e], &c);
        CHECK_NEAR(c.ca, 0.8 * sqrt(1 - etas[e] * etas[e]), 1e-15);
        CHECK(c.cb == 0.6 && c.large == 1.0);
        CHECK_NEAR(c.lambda, 0.8 * etas[e], 1e-16);
    }
}

/* Steps so small or so large that the textbook forms fail. */
static void extremes(void)
{
    covsamp__level s = {-1, 0.6, 0.8, 0, 0}, t = s;
    covsamp__transition c;
    s.log_snr = 2 * log(0.6 / 0.8);
    t.log_snr = s.log_snr - 1e-12; /* alpha, sigma the same to rounding */
    double d = t.log_snr - s.log_snr;
    covsamp__transition_between(&t, &s, 1.0, &c);
    CHECK_CLOSE(c.lambda, 0.8 * sqrt(-d), 1e-12);
    CHECK_CLOSE(c.cb, -0.6 * d, 1e-12);
    covsamp__transition_between(&t, &s, 0.0, &c);
    CHECK_CLOSE(c.cb, -0.3 * d, 1e-12);
    t.alpha = 0.8 * 0.6 / 0.8 * 1e-200;
    t.sigma = 0.8;
    t.log_snr = s.log_snr + 2 * log(1e-200);
    covsamp__transition_between(&t, &s, 1.0, &c);
    CHECK_CLOSE(c.ca, 1e-200, 1e-12);
    covsamp__transition_between(&t, &s, 1.0 - 1e-16, &c); /* the double below 1 */
    CHECK_CLOSE(c.ca, sqrt(2 * 0x1p-53), 1e-8);
}

int main(void)
{
    covsamp_schedule *s;
    const double a[3] = {0.9, 0.5, 0.3}, b[3] = {0.3, 0.6, 0.7};
    CHECK(covsamp_schedule_new_linear(&s, 1000, 1e-4, 0.02, NULL, NULL) == COVSAMP_OK);
    schedule(s, 37);
    CHECK(covsamp_schedule_new_cosine(&s, 4000, 0.008, NULL, NULL) == COVSAMP_OK);
    schedule(s, 333);
    CHECK(covsamp_schedule_new_karras(&s, 40, 0.002, 80, 7, NULL, NULL) == COVSAMP_OK);
    schedule(s, 3);
    CHECK(covsamp_schedule_new_flow(&s, 20, NULL, NULL) == COVSAMP_OK);
    schedule(s, 1);
    CHECK(covsamp_schedule_new_table(&s, 3, a, b, NULL, NULL, NULL) == COVSAMP_OK);
    schedule(s, 1);
    to_data();
    extremes();
    return check_done();
}
