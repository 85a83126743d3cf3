/* SPDX-License-Identifier: BSD-3-Clause */
/* The option symmetrise: with average every covariance by products draws as it would for the
 * symmetrised Jacobian, to rounding; and the requests that this takes. */
#include "check.h"
#include "skew.h"

#include <stdlib.h>

enum { D = SKEW_DIM, BATCH = 4, STEPS = 6 };

static const int64_t levels[STEPS] = {900, 700, 500, 300, 120, 30};
static covsamp_schedule *schedule;

static covsamp_sampler *new_sampler(const char *options)
{
    covsamp_sampler *s =
        sampler_of(schedule, levels, STEPS, "prediction=x0 batch=%d dim=%d width=%d seed=3 %s",
                   BATCH, D, D, options);
    CHECK(s != NULL);
    return s;
}

static covsamp_stats run(const char *options, const covsamp_model *model, int32_t dtype, double *x)
{
    covsamp_sampler *s = new_sampler(options);
    if (!CHECK(covsamp_sampler_run(s, model) == COVSAMP_DONE))
        fprintf(stderr, "    %s\n", covsamp_sampler_message(s));
    read_state(s, dtype, BATCH, D, x);
    const covsamp_stats stats = stats_of(s);
    covsamp_sampler_free(s);
    return stats;
}

/* A skew part of this size in the products, averaged away, against a mixture without one. */
static void equals_symmetric(const char *options, int32_t dtype, double tolerance, int reacts)
{
    covsamp_mixture *mixture = skew_mixture(COVSAMP_PREDICTS_X0);
    skewed model = {.mixture = mixture, .amount = .3};
    covsamp_model exact = {.size = sizeof exact}, crooked = skewed_model(&model);
    double x[BATCH * D], y[BATCH * D], project[BATCH * D];
    char average[200], plain[160];
    snprintf(plain, sizeof plain, "dtype=%s %s", dtype == COVSAMP_F32 ? "f32" : "f64", options);
    snprintf(average, sizeof average, "%s symmetrise=average", plain);
    CHECK(covsamp_mixture_model(mixture, &exact) == COVSAMP_OK);
    const covsamp_stats a = run(plain, &exact, dtype, y);
    const covsamp_stats b = run(average, &crooked, dtype, x);
    const covsamp_stats c = run(plain, &crooked, dtype, project);
    if (!CHECK(distance(BATCH * D, x, y) <= tolerance))
        fprintf(stderr, "    %s: off by %.3g\n", average, distance(BATCH * D, x, y));
    /* what is projected after few products is not the symmetrised space's */
    CHECK(!reacts || distance(BATCH * D, project, y) > 1e-3);
    CHECK(b.jvp_tangents == a.jvp_tangents && b.products_used == a.products_used);
    CHECK(b.vjp_tangents == b.jvp_tangents && b.vjp_requests == b.jvp_requests);
    CHECK(b.products_paid == b.jvp_tangents * BATCH && b.ritz_values == a.ritz_values);
    CHECK(a.vjp_requests == 0 && a.vjp_tangents == 0 && c.vjp_requests == 0);
    CHECK(b.asymmetry <= (dtype == COVSAMP_F32 ? 1e-5 : 1e-13));
    CHECK(b.breakdowns_asymmetric == 0);
    CHECK(!reacts || c.asymmetry > .01);
    covsamp_mixture_free(mixture);
}

static void every_covariance(void)
{
    equals_symmetric("krylov_steps=3", COVSAMP_F64, 1e-12, 1);
    equals_symmetric("krylov_steps=3", COVSAMP_F32, 3e-5, 1);
    equals_symmetric("krylov_steps=3 mean_jvp=0", COVSAMP_F64, 1e-12, 1);
    equals_symmetric("tolerance=0.02", COVSAMP_F64, 1e-12, 1);
    equals_symmetric("covariance=dense", COVSAMP_F64, 1e-12, 0); /* it symmetrises by itself */
    equals_symmetric("covariance=dense tangents=5", COVSAMP_F64, 1e-12, 0);
    equals_symmetric("covariance=diag_probe probes=3 tangents=2", COVSAMP_F64, 1e-12, 0);
    equals_symmetric("covariance=state_isotropic probes=2", COVSAMP_F64, 1e-12, 0);
    equals_symmetric("covariance=spectral probes=2", COVSAMP_F64, 1e-12, 0);
}

/* P (C + C^T) / 2 P: the mask is put on after the average. */
static void masked(void)
{
    equals_symmetric("krylov_steps=4 clip_x0=0.6", COVSAMP_F64, 1e-12, 1);
    equals_symmetric("krylov_steps=4 clip_x0=0.6 clip_covariance=0", COVSAMP_F64, 1e-12, 1);
    equals_symmetric("covariance=dense clip_x0=0.6", COVSAMP_F64, 1e-12, 0);
    equals_symmetric("covariance=spectral probes=2 clip_x0=0.6", COVSAMP_F64, 1e-12, 0);
}

/* ---- the requests ---- */

static void order_is(const char *options, const char *expected)
{
    covsamp_mixture *mixture = skew_mixture(COVSAMP_PREDICTS_X0);
    skewed model = {.mixture = mixture, .amount = .3};
    covsamp_sampler *s = new_sampler(options);
    const covsamp_request *q = NULL;
    char order[200] = "";
    double before[BATCH * D * 12];
    uint64_t point = 0;
    size_t n = 0;
    while (covsamp_sampler_ask(s, &q) == COVSAMP_OK && n + 1 < sizeof order) {
        const int64_t bytes = q->tangents * BATCH * D * (int64_t)sizeof(double);
        order[n++] = q->kind == COVSAMP_ASK_MEAN       ? 'M'
                     : q->kind == COVSAMP_ASK_JVP      ? 'J'
                     : q->kind == COVSAMP_ASK_MEAN_JVP ? 'B'
                     : q->kind == COVSAMP_ASK_VJP      ? 'V'
                                                       : '?';
        if (q->kind == COVSAMP_ASK_VJP) { /* the same place, the same tangents */
            CHECK(q->mean == NULL && q->product == NULL && q->noise == NULL && q->head == NULL);
            CHECK(q->point == point && memcmp(before, q->v, (size_t)bytes) == 0);
            for (int64_t i = 0; i < bytes / 8; i++)
                CHECK(isnan(((double *)q->transposed)[i]));
        } else {
            CHECK(q->transposed == NULL);
        }
        point = q->point;
        if (q->v != NULL)
            memcpy(before, q->v, (size_t)bytes);
        CHECK(skewed_answer(&model, q) == 0);
        CHECK(covsamp_sampler_tell(s, 0) == COVSAMP_OK);
    }
    if (!CHECK(strcmp(order, expected) == 0))
        fprintf(stderr, "    %s, not %s\n", order, expected);
    covsamp_sampler_free(s);
    covsamp_mixture_free(mixture);
}

static void orders(void)
{
#define EACH(a) a a a a a "M"
    order_is("dtype=f64 symmetrise=average krylov_steps=2", EACH("BVJV"));
    order_is("dtype=f64 symmetrise=average krylov_steps=1 mean_jvp=0", EACH("MJV"));
    order_is("dtype=f64 symmetrise=average krylov_steps=2 clip_x0=1", EACH("MJVJV"));
    order_is("dtype=f64 symmetrise=average covariance=dense tangents=6", EACH("MJVJV"));
    order_is("dtype=f64 symmetrise=average covariance=small", EACH("M"));
    order_is("dtype=f64 symmetrise=project krylov_steps=2", EACH("BJ"));
    order_is("dtype=f64 symmetrise=average covariance=diag_probe reuse=5", "BVMMMMM");
#undef EACH
}

/* ---- models that do not know of transposed products ---- */

static void unknown_to_the_model(void)
{
    covsamp_mixture *mixture = skew_mixture(COVSAMP_PREDICTS_X0);
    skewed model = {.mixture = mixture, .ignores_vjp = 1};
    covsamp_model callbacks = skewed_model(&model);
    covsamp_sampler *s = new_sampler("symmetrise=average");
    CHECK(covsamp_sampler_run(s, &callbacks) == COVSAMP_E_NONFINITE);
    CHECK_TEXT(covsamp_sampler_message(s), "covsamp_sampler_run: the model's transposed product");
    CHECK_TEXT(covsamp_sampler_message(s), "request->transposed, which the model must fill");
    callbacks.vjp = NULL;
    CHECK(covsamp_sampler_run(s, &callbacks) == COVSAMP_E_NULL);
    CHECK_TEXT(covsamp_sampler_message(s),
               "covsamp_sampler_run: model->vjp, which symmetrise = average needs, is NULL");
    callbacks.size =
        offsetof(covsamp_model, vjp); /* a caller that was built before there was one */
    callbacks.vjp = skewed_answer;
    CHECK(covsamp_sampler_run(s, &callbacks) == COVSAMP_E_NULL);
    covsamp_sampler_free(s);
    s = new_sampler("symmetrise=average covariance=small"); /* no products: nothing is missing */
    CHECK(covsamp_sampler_run(s, &callbacks) == COVSAMP_DONE);
    covsamp_sampler_free(s);
    s = new_sampler(""); /* project is the default of a sampler */
    CHECK(covsamp_sampler_run(s, &callbacks) == COVSAMP_DONE);
    covsamp_sampler_free(s);
    covsamp_mixture_free(mixture);
}

/* A VJP that failed stays open, and nothing is lost; restarting between the halves is a restart. */
static void interrupted(void)
{
    covsamp_mixture *mixture = skew_mixture(COVSAMP_PREDICTS_X0);
    skewed model = {.mixture = mixture, .amount = .2};
    covsamp_model callbacks = skewed_model(&model);
    double x[BATCH * D], y[BATCH * D];
    run("dtype=f64 symmetrise=average", &callbacks, COVSAMP_F64, x);
    covsamp_sampler *s = new_sampler("dtype=f64 symmetrise=average");
    for (int restart = 0; restart < 2; restart++) {
        model.fails = -7;
        model.jvps = 0;
        CHECK(covsamp_sampler_run(s, &callbacks) == COVSAMP_E_MODEL);
        CHECK(covsamp_sampler_answer(s) == -7 && model.jvps == 1);
        CHECK(stats_of(s).jvp_requests == 1 && stats_of(s).vjp_requests == 0);
        if (restart == 0) {
            model.fails = COVSAMP_CANCELLED;
            CHECK(covsamp_sampler_run(s, &callbacks) == COVSAMP_CANCELLED && model.jvps == 1);
        } else {
            CHECK(covsamp_sampler_restart(s, 3, 0) == COVSAMP_OK);
        }
        CHECK(covsamp_sampler_run(s, &callbacks) == COVSAMP_DONE);
        read_state(s, COVSAMP_F64, BATCH, D, y);
        CHECK(memcmp(x, y, sizeof x) == 0);
        CHECK(covsamp_sampler_restart(s, 3, 0) == COVSAMP_OK);
    }
    covsamp_sampler_free(s);
    covsamp_mixture_free(mixture);
}

/* Callbacks and a caller's own loop give the same bits. */
static void same_bits(void)
{
    covsamp_mixture *mixture = skew_mixture(COVSAMP_PREDICTS_X0);
    skewed model = {.mixture = mixture, .amount = .2};
    const covsamp_model callbacks = skewed_model(&model);
    const covsamp_request *q = NULL;
    double x[BATCH * D], y[BATCH * D];
    run("dtype=f64 symmetrise=average tolerance=0.05", &callbacks, COVSAMP_F64, x);
    covsamp_sampler *s = new_sampler("dtype=f64 symmetrise=average tolerance=0.05");
    while (covsamp_sampler_ask(s, &q) == COVSAMP_OK) {
        CHECK(skewed_answer(&model, q) == 0);
        CHECK(covsamp_sampler_tell(s, 0) == COVSAMP_OK);
    }
    read_state(s, COVSAMP_F64, BATCH, D, y);
    CHECK(memcmp(x, y, sizeof x) == 0);
    covsamp_sampler_free(s);
    covsamp_mixture_free(mixture);
}

int main(void)
{
    schedule = linear_schedule();
    every_covariance();
    masked();
    orders();
    unknown_to_the_model();
    interrupted();
    same_bits();
    covsamp_schedule_free(schedule);
    return check_done();
}
