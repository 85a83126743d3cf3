/* SPDX-License-Identifier: BSD-3-Clause */
/* What solvers ask: how often, at which times, about which points; and the first level without
 * alpha, churn at the ends of a schedule. */
#include "check.h"
#include "gaussian.h"

#include <stdlib.h>

enum { D = 3, MOST = 200 };
static const double variance[D] = {0.1, 1, 3}, center[D] = {.5, -1, .2};
static double identity[D * D];

/* ---- a model that remembers ---- */

typedef struct {
    int32_t kind;
    int64_t level, step;
    uint64_t point;
    double time, alpha, sigma, x[D];
} asked;

static asked record[MOST];
static int count;

static int32_t remember(void *data, const covsamp_request *r)
{
    asked *a = &record[count++];
    *a = (asked){r->kind, r->level, r->step, r->point, r->time, r->alpha, r->sigma, {0}};
    for (int i = 0; i < D; i++)
        a->x[i] = load(r->dtype, r->x, i);
    if (r->kind == COVSAMP_ASK_STEP)
        return 0;
    if (r->kind != COVSAMP_ASK_NOISE)
        return gaussian_answer(data, r);
    for (int i = 0; i < D; i++)
        store(r->dtype, r->noise, i, .3 * i - .5);
    return 0;
}

static void run(const covsamp_schedule *schedule, const int64_t *levels, int64_t steps,
                const char *options, double *x)
{
    gaussian data = {D, identity, variance, center};
    covsamp_model model = model_of(remember, &data);
    model.noise = model.progress = remember;
    count = 0;
    covsamp_sampler *s = sampler_of(
        schedule, levels, steps, "batch=1 dim=%d dtype=f64 prediction=x0 noise=ask %s", D, options);
    if (!CHECK(s != NULL))
        return;
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
    read_state(s, COVSAMP_F64, 1, D, x);
    covsamp_sampler_free(s);
}

/* ---- points ---- */

/* One point for each distinct (x, time), and none for two. */
static void test_points(const covsamp_schedule *schedule, const char *options)
{
    const int64_t levels[] = {18, 13, 8, 7, 2};
    int wrong = 0;
    double x[D];
    run(schedule, levels, LENGTH(levels), options, x);
    for (int i = 0; i < count; i++)
        for (int j = 0; j < i; j++) {
            const int same =
                record[i].time == record[j].time && memcmp(record[i].x, record[j].x, sizeof x) == 0;
            /* x before and after a step are apart even where the bits agree */
            const int model =
                record[i].kind < COVSAMP_ASK_NOISE && record[j].kind < COVSAMP_ASK_NOISE;
            wrong += record[i].point == record[j].point ? !same : same && model;
        }
    if (!CHECK(wrong == 0 && count > 2 * LENGTH(levels)))
        fprintf(stderr, "    %s: %d wrong\n", options, wrong);
    for (int i = 0; i < count; i++)
        if (record[i].kind >= COVSAMP_ASK_NOISE) /* of the level where the step begins */
            CHECK(record[i].level == levels[record[i].step]);
}

static void test_all_points(void)
{
    static const char *const options[] = {"solver=euler",
                                          "solver=heun",
                                          "solver=heun churn=3",
                                          "solver=dpmpp_2s",
                                          "solver=dpmpp_2m_sde",
                                          "solver=addim",
                                          "covariance=krylov krylov_steps=3",
                                          "covariance=krylov mean_jvp=0",
                                          "covariance=diag_probe probes=3 tangents=2 mean_order=2",
                                          "covariance=dense last_noise=1"};
    covsamp_schedule *linear = NULL, *karras = NULL;
    CHECK(covsamp_schedule_new_linear(&linear, 20, .01, .4, NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp_schedule_new_karras(&karras, 20, .01, 30, 7, NULL, NULL) == COVSAMP_OK);
    for (int k = 0; k < LENGTH(options); k++) {
        test_points(linear, options[k]);
        test_points(karras, options[k]);
    }
    covsamp_schedule_free(linear);
    covsamp_schedule_free(karras);
}

/* ---- times ---- */

/* Off the table, time and log(alpha / sigma) go along a line between the two levels around. */
static void on_the_line(const covsamp_schedule *schedule, const asked *a)
{
    const int64_t n = (int64_t)a->time + 1; /* time = level - 1 */
    double a0, s0, a1, s1;
    CHECK(covsamp_schedule_at(schedule, (double)n, &a0, &s0, NULL) == COVSAMP_OK);
    CHECK(covsamp_schedule_at(schedule, (double)(n + 1), &a1, &s1, NULL) == COVSAMP_OK);
    const double w = a->time - (double)(n - 1);
    CHECK(w > 0 && w < 1);
    CHECK_NEAR(log(a->alpha / a->sigma), (1 - w) * log(a0 / s0) + w * log(a1 / s1), 1e-11);
    CHECK_NEAR(a->alpha * a->alpha + a->sigma * a->sigma, 1, 1e-14);
}

static void test_midpoints(void)
{
    const int64_t levels[] = {19, 12, 5, 1};
    double x[D], a0, s0, a1, s1;
    for (int family = 0; family < 3; family++) {
        covsamp_schedule *s = NULL;
        if (family == 0)
            CHECK(covsamp_schedule_new_cosine(&s, 20, .008, NULL, NULL) == COVSAMP_OK);
        else if (family == 1)
            CHECK(covsamp_schedule_new_karras(&s, 20, .002, 80, 7, NULL, NULL) == COVSAMP_OK);
        else
            CHECK(covsamp_schedule_new_flow(&s, 20, NULL, NULL) == COVSAMP_OK);
        run(s, levels, 4, "solver=dpmpp_2s", x);
        CHECK(count == 1 + 2 * 4 - 1 + 4);
        for (int i = 1, k = 0; i < count; i += 3, k++) { /* first, middle, end of step */
            CHECK(record[i].level == levels[k]);
            if (k == 3)
                break;
            const asked *m = &record[i + 1];
            CHECK(m->kind == COVSAMP_ASK_MEAN && m->level == -1);
            (void)covsamp_schedule_at(s, (double)levels[k], &a0, &s0, NULL);
            (void)covsamp_schedule_at(s, (double)levels[k + 1], &a1, &s1, NULL);
            CHECK_NEAR(log(m->alpha / m->sigma), .5 * (log(a0 / s0) + log(a1 / s1)), 1e-12);
            if (family == 0)
                on_the_line(s, m);
            else
                CHECK(m->time == m->sigma && m->alpha == (family == 1 ? 1 : m->alpha));
            if (family == 2)
                CHECK_NEAR(m->alpha, 1 - m->sigma, 1e-15);
        }
        run(s, levels, 4, "solver=heun", x); /* the second evaluation is at the step's end */
        for (int i = 1, k = 0; k < 3; i += 3, k++)
            CHECK(record[i].level == levels[k] && record[i + 1].level == levels[k + 1] &&
                  record[i + 1].kind == COVSAMP_ASK_MEAN);
        covsamp_schedule_free(s);
    }
}

/* Churn lifts sigma by the factor of algorithm 2, beyond the table for Karras, to its last level
 * with an alpha elsewhere; time is sigma. */
static void test_churned_times(void)
{
    const int64_t levels[] = {19, 10, 3};
    double x[D];
    covsamp_schedule *karras = NULL, *flow = NULL, *linear = NULL;
    CHECK(covsamp_schedule_new_karras(&karras, 19, .01, 30, 7, NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp_schedule_new_flow(&flow, 20, NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp_schedule_new_linear(&linear, 19, .01, .4, NULL, NULL) == COVSAMP_OK);
    run(karras, levels, 3, "solver=heun churn=0.6 churn_low=0.02", x);
    CHECK(record[1].kind == COVSAMP_ASK_NOISE && record[1].level == 19);
    CHECK(record[2].kind == COVSAMP_ASK_MEAN && record[2].level == -1);
    CHECK_CLOSE(record[2].sigma, 36.0, 1e-14);
    CHECK(record[2].time == record[2].sigma && record[2].alpha == 1);
    CHECK(record[4].kind == COVSAMP_ASK_STEP && record[4].level == 19 && record[4].sigma == 30);
    run(flow, levels, 3, "solver=heun churn=100", x); /* from 19 towards alpha = 0 */
    CHECK(record[1].kind == COVSAMP_ASK_MEAN && record[1].level == 19);
    CHECK(record[4].kind == COVSAMP_ASK_NOISE && record[4].level == 10);
    CHECK(record[5].level == -1 && record[5].time == record[5].sigma);
    CHECK_CLOSE(record[5].sigma / record[5].alpha, sqrt(2), 1e-14);
    run(linear, levels, 3, "solver=heun churn=100", x); /* nothing above the top */
    CHECK(record[1].kind == COVSAMP_ASK_MEAN && record[1].level == 19);
    run(linear, levels, 3, "solver=heun churn=100 churn_high=0.001", x);
    CHECK(count == 1 + 5 + 3);
    covsamp_schedule_free(karras);
    covsamp_schedule_free(flow);
    covsamp_schedule_free(linear);
}

/* ---- alpha = 0 at the first level ---- */

/* There x0 is the data's mean: every solver's first step is x' = sigma' x / sigma + alpha' mean. */
static void test_without_alpha(void)
{
    static const char *const options[] = {"solver=euler", "solver=heun churn=2", "solver=dpmpp_2m",
                                          "solver=dpmpp_2s", "solver=addim"};
    const int64_t levels[] = {10, 6, 2};
    covsamp_schedule *flow = NULL;
    CHECK(covsamp_schedule_new_flow(&flow, 10, NULL, NULL) == COVSAMP_OK);
    for (int k = 0; k < LENGTH(options); k++) {
        double x[D];
        run(flow, levels, 3, options[k], x);
        CHECK(record[1].kind == COVSAMP_ASK_MEAN && record[1].level == 10);
        CHECK(record[2].kind == COVSAMP_ASK_STEP && record[3].step == 1); /* one mean */
        double norm2 = 0, lost = 0;
        for (int i = 0; i < D; i++)
            norm2 += record[1].x[i] * record[1].x[i];
        if (k == 4) /* x_var = 0.1 / 2, alpha_s^2 of it */
            lost = D / norm2 * .4 * .4 * .05;
        for (int i = 0; i < D; i++)
            CHECK_NEAR(record[2].x[i], sqrt(.36 + lost) * record[1].x[i] + .4 * center[i], 1e-15);
    }
    covsamp_schedule_free(flow);
}

/* ---- where a run starts ---- */

/* N(0, I) where the variance is preserved, N(0, sigma^2 I) elsewhere, sigma that of the first level
 * visited and not of the last there is. */
static void test_start(covsamp_schedule *schedule, int preserves)
{
    static const int64_t levels[2] = {7, 3};
    gaussian data = {D, identity, variance, center};
    double z[D], sigma;
    for (int32_t solver = COVSAMP_SOLVER_ANCESTRAL; solver <= COVSAMP_SOLVER_HEUN; solver++) {
        covsamp_sampler *s = sampler_of(
            schedule, levels, 2, "batch=1 dim=%d dtype=f64 prediction=x0 seed=4 solver=%s", D,
            solver == COVSAMP_SOLVER_HEUN    ? "heun"
            : solver == COVSAMP_SOLVER_EULER ? "euler"
                                             : "ancestral");
        const covsamp_request *r = NULL;
        CHECK(covsamp_schedule_at(schedule, 7, NULL, &sigma, NULL) == COVSAMP_OK);
        CHECK(covsamp_noise_normal(4, 0, COVSAMP_STREAM_START, 0, 0, D, z) == COVSAMP_OK);
        CHECK(covsamp_sampler_ask(s, &r) == COVSAMP_OK && r->level == 7);
        for (int i = 0; i < D; i++)
            CHECK_CLOSE(load(r->dtype, r->x, i), (preserves ? 1 : sigma) * z[i], 1e-15);
        CHECK(gaussian_answer(&data, r) == 0);
        covsamp_sampler_free(s);
    }
    covsamp_schedule_free(schedule);
}

static void test_starts(void)
{
    static const double alpha[8] = {.99, .9, .8, .7, .6, .5, .4, .3},
                        sigma[8] = {.1, .2, .3, .4, .5, .6, .7, .8};
    covsamp_schedule *schedule = NULL;
    CHECK(covsamp_schedule_new_linear(&schedule, 8, .01, .4, NULL, NULL) == COVSAMP_OK);
    test_start(schedule, 1);
    CHECK(covsamp_schedule_new_karras(&schedule, 8, .01, 30, 7, NULL, NULL) == COVSAMP_OK);
    test_start(schedule, 0);
    CHECK(covsamp_schedule_new_flow(&schedule, 8, NULL, NULL) == COVSAMP_OK);
    test_start(schedule, 0);
    CHECK(covsamp_schedule_new_table(&schedule, 8, alpha, sigma, NULL, NULL, NULL) == COVSAMP_OK);
    test_start(schedule, 0);
}

int main(void)
{
    for (int i = 0; i < D; i++)
        identity[i + i * D] = 1;
    test_starts();
    test_all_points();
    test_midpoints();
    test_churned_times();
    test_without_alpha();
    return check_done();
}
