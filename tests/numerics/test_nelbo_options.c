/* SPDX-License-Identifier: BSD-3-Clause */
/* nelbo: what is the same whatever the options or the other levels are, and samples of more values
 * than a block has. */
#include "nelbo_compare.h"

enum { SAMPLES = 5, LONG = 700 };

static double data[SAMPLES * WD];
static world w;

static void dense_world(int64_t first, int64_t second, int64_t third)
{
    const int64_t levels[] = {first, second, third};
    double q[WD * WD], e[WD];
    w.d = 12;
    w.steps = 3;
    w.prediction = COVSAMP_PREDICTS_V;
    memcpy(w.levels, levels, sizeof levels);
    orthogonal(9, w.d, q);
    for (int i = 0; i < w.d; i++)
        e[i] = pow(.6, i);
    spectral(w.d, q, e, w.s);
    for (int k = 0; k < SAMPLES; k++)
        normals(80 + k, w.d, data + k * w.d);
    make_posteriors(&w);
}

typedef struct {
    covsamp_nelbo_term row[4];
    covsamp_nelbo_total total;
    int64_t products;
} outcome;

static outcome measure(const char *options)
{
    const setup u = {.options = options, .eta = 1, .batch = 2, .seed = 5, .dtype = COVSAMP_F64};
    outcome o;
    memset(&o, 0, sizeof o);
    covsamp_nelbo *n = nelbo_of(&w, &u);
    w.vjps = 0;
    run_setup(n, &w, &u, data, SAMPLES);
    for (int k = 0; k <= w.steps; k++)
        o.row[k] = row_of(n, k);
    o.total = total_of(n);
    o.products = w.vjps;
    covsamp_nelbo_free(n);
    return o;
}

static int same(const outcome *a, const outcome *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* Noise and probes are the level's: a step has the same numbers whatever came before it. */
static void levels_have_names(void)
{
    static const char *const options[] = {"covariance=krylov krylov_steps=3",
                                          "covariance=diag_probe probes=2", "covariance=dense"};
    for (int i = 0; i < LENGTH(options); i++) {
        dense_world(700, 300, 40);
        const outcome here = measure(options[i]);
        dense_world(300, 40, 7);
        const outcome there = measure(options[i]);
        CHECK(memcmp(&here.row[2], &there.row[1], sizeof here.row[2]) == 0);
        CHECK(here.row[2].level == 300 && here.row[2].to == 40 && here.row[2].nats > 0);
    }
}

/* 8 products from each of 3 probes and from r, averaged: what krylov is unless it was told. */
static void defaults(void)
{
    dense_world(700, 300, 40);
    const outcome plain = measure("covariance=krylov");
    const outcome told = measure("covariance=krylov krylov_steps=8 probes=3 symmetrise=average");
    CHECK(same(&plain, &told));
    CHECK(plain.products == 2 * 3 * 4 * 8); /* steps, batches, spaces */
    const outcome unset = measure("");
    CHECK(same(&plain, &unset)); /* krylov is the covariance */
    const outcome project = measure("covariance=krylov symmetrise=project");
    CHECK(project.products == 0);
    const outcome all = measure("krylov_steps=12"), more = measure("krylov_steps=65536");
    CHECK(same(&all, &more)); /* at most dim */
}

/* A space grows until a product changes its value by no more than the tolerance: the bound is that
 * of as many products as there can be, to about that share, for fewer of them.  Between 300 and 7
 * the condition number is large: 3 products are far off there, and more are taken than at 700. */
static void tolerances(void)
{
    static const double shares[] = {1e-2, 1e-4, 1e-8};
    int64_t before = 0;
    dense_world(700, 300, 7);
    const outcome whole = measure("covariance=krylov krylov_steps=12");
    const outcome few = measure("covariance=krylov krylov_steps=3");
    CHECK(fabs(few.row[2].residual - whole.row[2].residual) > .05 * whole.row[2].residual);
    for (int i = 0; i < LENGTH(shares); i++) {
        char options[128];
        snprintf(options, sizeof options, "covariance=krylov tolerance=%g", shares[i]);
        const outcome o = measure(options);
        for (int k = 1; k < 3; k++) {
            CHECK_CLOSE(o.row[k].residual, whole.row[k].residual, 5 * shares[i]);
            CHECK_CLOSE(o.row[k].log_det + o.row[k].trace,
                        whole.row[k].log_det + whole.row[k].trace, 5 * shares[i]);
            CHECK(o.row[k].products <= whole.row[k].products - (shares[i] > 1e-6));
        }
        CHECK(o.row[2].products > o.row[1].products);
        CHECK(o.row[1].products + o.row[2].products > before);
        before = o.row[1].products + o.row[2].products;
    }
    CHECK(whole.row[1].products == SAMPLES * 4 * 12 && few.row[1].products == SAMPLES * 4 * 3);
    const outcome capped = measure("covariance=krylov tolerance=1e-8 krylov_steps=3");
    CHECK(capped.row[2].products == SAMPLES * 4 * 3);
    CHECK_CLOSE(capped.row[2].nats, few.row[2].nats, 1e-14);
}

static void no_part(void)
{
    static const char *const shapes[] = {"covariance=small", "covariance=dense",
                                         "covariance=krylov", "covariance=diag_probe"};
    dense_world(700, 300, 40);
    for (int i = 0; i < LENGTH(shapes); i++) {
        char options[256];
        snprintf(options, sizeof options, "%s pixel_clip=.01 last_noise=1 noise=ask report_steps=1",
                 shapes[i]);
        const outcome plain = measure(shapes[i]), with = measure(options);
        CHECK(same(&plain, &with));
    }
}

/* ---- long samples ---- */

static double mean_at(int64_t i)
{
    return .01 * (double)(i % 17) - .08;
}

/* C is diagonal: units of sigma^2 / alpha at every level. */
static double gain_at(int64_t i)
{
    return .1 + .8 * (double)(i % 13) / 13;
}

static int32_t long_answer(void *user, const covsamp_request *q)
{
    (void)user;
    for (int64_t b = 0; b < q->batch; b++)
        for (int64_t i = 0; i < q->dim; i++) {
            const int64_t at = b * q->stride + i;
            if (q->mean != NULL)
                ((double *)q->mean)[at] = mean_at(i);
            if (q->product != NULL)
                ((double *)q->product)[at] = gain_at(i) * ((const double *)q->v)[at];
            if (q->transposed != NULL)
                ((double *)q->transposed)[at] = gain_at(i) * ((const double *)q->v)[at];
        }
    return 0;
}

/* One step and the decoder, summed here value by value; clip .06 masks some of every block. */
static void long_samples(const char *options, int full, double clip)
{
    static double x0[LONG];
    const covsamp_model model = {
        .size = sizeof model, .mean = long_answer, .jvp = long_answer, .vjp = long_answer};
    double lambda, b, at, st, decoder = 0, log_det = 0, trace = 0, residual = 0;
    setup u = {.options = options, .eta = 1, .clip = clip, .batch = 2, .dtype = COVSAMP_F64};
    w.d = LONG;
    w.steps = 2;
    w.prediction = COVSAMP_PREDICTS_X0;
    memcpy(w.levels, (const int64_t[]){300, 60}, 2 * sizeof(int64_t));
    step_numbers(w.schedule, 300, 60, 1, &lambda, &b);
    (void)covsamp_schedule_at(w.schedule, 300, &at, &st, NULL);
    double small, unused;
    step_numbers(w.schedule, 2, 1, 1, &small, &unused);
    for (int64_t i = 0; i < LONG; i++) {
        const double m = clip > 0 ? fmin(fmax(mean_at(i), -clip), clip) : mean_at(i);
        const double c = full && m == mean_at(i) ? st * st / at * gain_at(i) : 0;
        x0[i] = .3 * sin((double)i);
        const double s = lambda * lambda + b * b * c, r = b * (x0[i] - m);
        log_det += log(s / (lambda * lambda));
        trace += lambda * lambda / s - 1;
        residual += r * r / s;
        decoder += density(x0[i], m, small);
    }
    covsamp_nelbo *n = nelbo_of(&w, &u);
    CHECK(covsamp_nelbo_run(n, &model, x0, LONG, 1) == COVSAMP_DONE);
    CHECK_CLOSE(row_of(n, 1).residual, residual, 1e-11);
    CHECK_NEAR(row_of(n, 1).log_det, log_det, 1e-11 * LONG);
    CHECK_NEAR(row_of(n, 1).trace, trace, 1e-11 * LONG);
    CHECK_CLOSE(row_of(n, 2).nats, decoder, 1e-11);
    covsamp_nelbo_free(n);
}

int main(void)
{
    w.schedule = linear_schedule();
    levels_have_names();
    defaults();
    tolerances();
    no_part();
    for (int i = 0; i < 2; i++) {
        long_samples("covariance=small", 0, i * .06);
        long_samples("covariance=diag_probe", 1, i * .06);
        long_samples("covariance=dense tangents=1", 1, i * .06);
        long_samples("covariance=krylov krylov_steps=14", 1, i * .06); /* 13 different values */
    }
    covsamp_schedule_free(w.schedule);
    return check_done();
}
