/* SPDX-License-Identifier: BSD-3-Clause */
/* Analytic-DPM's table, and what bounds the noise of any covariance: covariance_cap, pixel_clip and
 * the window with its fallback. */
#include "draws.h"

enum { D = 4, B = 2 };
static covsamp_schedule *schedule;
static const int64_t levels[] = {800, 500, 250, 90, 12};
enum { STEPS = sizeof levels / sizeof levels[0] };
static double table[1000], z[B * D];

/* A known diagonal C, the same at every level, that every covariance but the fixed ones reproduces
 * exactly: by products, and by a head. */
static const double diagonal[D] = {.5, .02, 1.5, 3};

static void diagonal_apply(const void *user, int64_t sample, const double *v, double *cv)
{
    (void)user;
    (void)sample;
    for (int i = 0; i < D; i++)
        cv[i] = diagonal[i] * v[i];
}

static int64_t products; /* requests with products, counted by the model */

static int32_t answer(void *given, const covsamp_request *r)
{
    products += r->product != NULL;
    for (int64_t b = 0; r->head != NULL && b < r->batch; b++)
        for (int i = 0; i < D; i++)
            store(r->dtype, r->head, b * r->stride + i,
                  diagonal[i] * r->alpha * r->alpha / (r->sigma * r->sigma));
    return given_answer(given, r);
}

static given_covariance given = {diagonal_apply, NULL, NULL};

static drawing drawing_of(void)
{
    const drawing d = {schedule, levels, STEPS, B, D, answer, &given, NULL, z, 0, 0};
    return d;
}

enum { NONE, SMALL, BETA, ANALYTIC, ISOTROPIC, PROBE, MODEL, KRYLOV, DENSE, KINDS };
static const char *const names[KINDS] = {"none",
                                         "small",
                                         "large",
                                         "analytic",
                                         "state_isotropic",
                                         "diag_probe",
                                         "diag_model head=npr",
                                         "krylov krylov_steps=4",
                                         "dense tangents=4"};

/* The variance of x0 that a covariance gives value i at level t. */
static double variance_of(int kind, int64_t t, int i)
{
    double mean = 0;
    for (int j = 0; j < D; j++)
        mean += diagonal[j] / D;
    if (kind == ANALYTIC)
        return unit_of(schedule, t) * (1 - table[t - 1]);
    return kind <= BETA ? 0 : kind == ISOTROPIC ? mean : diagonal[i];
}

static double beta_of(int64_t t, int64_t s)
{
    double at, st, as, ss;
    (void)covsamp_schedule_at(schedule, (double)t, &at, &st, NULL);
    (void)covsamp_schedule_at(schedule, (double)s, &as, &ss, NULL);
    return st * st - at / as * (at / as) * ss * ss;
}

/* All steps of one covariance; low ... high: where it is in use, `outside` elsewhere; limit: of the
 * noise variance on the step that lands on the lowest level. */
static void check_steps(int kind, const char *more, double eta, double cap, int outside, double low,
                        double high, double limit)
{
    double n[STEPS * B * D], lambda, b;
    char options[200];
    drawing d = drawing_of();
    snprintf(options, sizeof options, "prediction=x0 last_noise=1 covariance=%s %s", names[kind],
             more);
    products = 0;
    const covsamp_stats stats = draw(&d, options, eta, n);
    int64_t within = 0;
    for (int k = 0; k < STEPS; k++) {
        const int inside =
            kind <= ANALYTIC || ((double)levels[k] >= low && (double)levels[k] <= high);
        within += inside;
        step_numbers(schedule, levels[k], level_of(&d, k + 1), eta, &lambda, &b);
        for (int i = 0; i < B * D; i++) {
            const double c = variance_of(inside ? kind : outside, levels[k], i % D);
            double v = lambda * lambda + b * b * fmin(fmax(c, 0), cap);
            if (kind == BETA)
                v = beta_of(levels[k], level_of(&d, k + 1));
            v = kind == NONE ? 0 : k + 2 == STEPS ? fmin(v, limit) : v;
            CHECK_NEAR(n[k * B * D + i], sqrt(v) * z[i], 1e-12);
        }
    }
    CHECK(stats.steps_without == STEPS - within);
    CHECK(products == stats.jvp_requests);
    const int64_t each[KINDS] = {0, 0, 0, 0, 1, 1, 0, 4, 1};
    CHECK(stats.jvp_requests == within * each[kind] && stats.mean_requests == STEPS);
}

/* ---- Analytic-DPM ---- */

/* The authors' code, sigma2 = btil + c^2 clip((bb / ab)(1 - ms_eps[t]), 0, 1), and their theorem 1,
 * lambda^2 + (sqrt(bb_n / a) - sqrt(bb_s - lambda^2))^2 (1 - ms_eps), a = ab_n / ab_s. */
static void test_analytic(void)
{
    double n[STEPS * B * D], lambda, b, at, st, as, ss;
    drawing d = drawing_of();
    for (int e = 0; e <= 4; e++)
        for (int capped = 0; capped < 2; capped++) {
            const double eta = e / 4.0;
            const covsamp_stats stats =
                draw(&d,
                     capped ? "prediction=x0 last_noise=1 covariance=analytic covariance_cap=1"
                            : "prediction=x0 last_noise=1 covariance=analytic",
                     eta, n);
            CHECK(stats.jvp_requests == 0 && stats.mean_requests == STEPS);
            for (int k = 0; k < STEPS; k++) {
                const double ms = table[levels[k] - 1];
                step_numbers(schedule, levels[k], level_of(&d, k + 1), eta, &lambda, &b);
                (void)covsamp_schedule_at(schedule, (double)levels[k], &at, &st, NULL);
                (void)covsamp_schedule_at(schedule, (double)level_of(&d, k + 1), &as, &ss, NULL);
                double c = fmax(st * st / (at * at) * (1 - ms), 0);
                const double code = lambda * lambda + b * b * (capped ? fmin(c, 1) : c);
                const double root = st * as / at - sqrt(ss * ss - lambda * lambda);
                const double theorem = lambda * lambda + root * root * fmax(1 - ms, 0);
                for (int i = 0; i < B * D; i++) {
                    CHECK_NEAR(n[k * B * D + i], sqrt(code) * z[i], 1e-12);
                    if (!capped)
                        CHECK_NEAR(n[k * B * D + i], sqrt(theorem) * z[i], 1e-10);
                }
            }
        }
}

/* ---- bounds ---- */

static void test_cap(void)
{
    static const double caps[] = {.01, .7, 100};
    for (int kind = ANALYTIC; kind < KINDS; kind++)
        for (int k = 0; k < LENGTH(caps); k++)
            for (int e = 0; e < 3; e++) {
                char more[64];
                snprintf(more, sizeof more, "covariance_cap=%g", caps[k]);
                check_steps(kind, more, e / 2.0, caps[k], SMALL, 0, 1000, INFINITY);
            }
}

/* (y (2 / 255) (pi / 2)^(1/2))^2, math.md section 4; o4_out.txt has the numbers for y = 1, 2. */
static void test_pixel_clip(void)
{
    static const double thresholds[3] = {INFINITY, 9.66272250239075e-05, 0.00038650890009563};
    for (int kind = NONE; kind < KINDS; kind++)
        for (int y = 0; y < 3; y++)
            for (int e = 0; e < 2; e++) {
                char more[64];
                snprintf(more, sizeof more, "pixel_clip=%d", y);
                if (e == 0 || kind != BETA)
                    check_steps(kind, more, e ? 0.5 : 1, INFINITY, SMALL, 0, 1000, thresholds[y]);
            }
}

/* The head of I-DDPM gives the variance itself: here beta, limited as the others are. */
static int32_t largest_answer(void *user, const covsamp_request *r)
{
    for (int64_t i = 0; r->head != NULL && i < r->batch * r->stride; i++)
        store(r->dtype, r->head, i, 1);
    return given_answer(user, r);
}

static void test_pixel_clip_iddpm(void)
{
    double n[STEPS * B * D];
    drawing d = drawing_of();
    d.answer = largest_answer;
    (void)draw(&d, "prediction=x0 covariance=diag_model head=iddpm last_noise=1 pixel_clip=1", 1,
               n);
    for (int k = 0; k < STEPS; k++) {
        const double v = beta_of(levels[k], level_of(&d, k + 1));
        for (int i = 0; i < B * D; i++)
            CHECK_NEAR(n[k * B * D + i],
                       sqrt(k + 2 == STEPS ? fmin(v, 9.66272250239075e-05) : v) * z[i], 1e-12);
    }
    /* one level only: no step from 2 to 1 whose beta-tilde could stand in */
    covsamp_schedule *one = NULL;
    const int64_t level = 1;
    double a = .8, s = .6;
    CHECK(covsamp_schedule_new_table(&one, 1, &a, &s, NULL, NULL, NULL) == COVSAMP_OK);
    d.schedule = one;
    d.levels = &level;
    d.count = 1;
    use_table(COVSAMP_TABLE_NOISE, NULL, 0);
    (void)draw(&d, "prediction=x0 covariance=diag_model head=iddpm last_noise=1", 1, n);
    for (int i = 0; i < B * D; i++)
        CHECK_NEAR(n[i], .6 * z[i], 1e-14);
    use_table(COVSAMP_TABLE_NOISE, table, 1000);
    covsamp_schedule_free(one);
}

static void test_window(void)
{
    for (int kind = ISOTROPIC; kind < KINDS; kind++)
        for (int analytic = 0; analytic < 2; analytic++) {
            const char *fall = analytic ? "window_fallback=analytic" : "";
            const int outside = analytic ? ANALYTIC : SMALL;
            char more[100];
            snprintf(more, sizeof more, "window_low=90 window_high=500 %s", fall);
            check_steps(kind, more, .5, INFINITY, outside, 90, 500, INFINITY);
            snprintf(more, sizeof more, "window_low=91 window_high=499 covariance_cap=0.3 %s",
                     fall);
            check_steps(kind, more, 1, .3, outside, 91, 499, INFINITY);
            check_steps(kind, fall, 1, INFINITY, outside, 0, 1000, INFINITY);
            snprintf(more, sizeof more, "window_high=11 pixel_clip=1 %s", fall);
            check_steps(kind, more, 1, INFINITY, outside, 0, 11, 9.66272250239075e-05);
        }
}

/* Where alpha = 0 there is no C and no unit: the transition's own noise, with any fallback. */
static void test_without_alpha(void)
{
    static const char *const fallback[] = {"", "window_fallback=analytic"};
    const int64_t few[] = {10, 7, 2};
    covsamp_schedule *flow = NULL;
    CHECK(covsamp_schedule_new_flow(&flow, 10, NULL, NULL) == COVSAMP_OK);
    use_table(COVSAMP_TABLE_NOISE, table, 10);
    for (int kind = ANALYTIC; kind < KINDS; kind++)
        for (int f = 0; f < 2; f++) {
            double n[3 * B * D], lambda, b;
            char options[128];
            drawing d = {flow, few, 3, B, D, answer, &given, NULL, z, 0, 0};
            snprintf(options, sizeof options, "prediction=x0 covariance=%s %s", names[kind],
                     fallback[f]);
            const covsamp_stats stats = draw(&d, options, .5, n);
            CHECK(stats.steps_without == (kind == ANALYTIC ? 0 : 1));
            step_numbers(flow, 10, 7, .5, &lambda, &b);
            for (int i = 0; i < B * D; i++)
                CHECK_NEAR(n[i], lambda * z[i], 1e-14);
            step_numbers(flow, 7, 2, .5, &lambda, &b);
            for (int i = 0; i < B * D; i++) {
                const double c = kind == ANALYTIC ? unit_of(flow, 7) * (1 - table[6])
                                                  : variance_of(kind, 7, i % D);
                CHECK_NEAR(n[B * D + i], sqrt(lambda * lambda + b * b * c) * z[i], 1e-12);
            }
        }
    use_table(COVSAMP_TABLE_NOISE, table, 1000);
    covsamp_schedule_free(flow);
}

int main(void)
{
    schedule = linear_schedule();
    normals(30, B * D, z);
    for (int i = 0; i < 1000; i++) /* above 1 too, at level 800: a variance below 0 counts as 0 */
        table[i] = i == 799 ? 1.2 : .3 + i % 7 * .1;
    use_table(COVSAMP_TABLE_NOISE, table, 1000);
    test_analytic();
    test_cap();
    test_pixel_clip();
    test_pixel_clip_iddpm();
    test_window();
    test_without_alpha();
    covsamp_schedule_free(schedule);
    return check_done();
}
