/* SPDX-License-Identifier: BSD-3-Clause */
/* nelbo with clipped means and masked covariances, under guards and outside the window, in float,
 * in parts; what is counted and what is not. */
#include "nelbo_compare.h"

enum { SAMPLES = 8 };

static const int64_t usual_levels[] = {910, 600, 333, 80, 3};
static double data[SAMPLES * WD], table[1000];
static covsamp_schedule *linear;
static world w;

static setup usual(const char *options, shape covariance)
{
    return (setup){.options = options,
                   .covariance = covariance,
                   .eta = 1,
                   .batch = 3,
                   .first = 2,
                   .seed = 9,
                   .dtype = COVSAMP_F64,
                   .table = table};
}

static void usual_world(int d, int32_t prediction)
{
    w.d = d;
    w.steps = 5;
    w.schedule = linear;
    w.prediction = prediction;
    memcpy(w.levels, usual_levels, sizeof usual_levels);
    for (int i = 0; i < WD; i++)
        w.mean[i] = 0.3 * (i % 5 - 2);
    for (int k = 0; k < SAMPLES; k++) {
        normals(60 + k, d, data + k * d);
        for (int i = 0; i < d; i++)
            data[k * d + i] = fmin(fmax(0.6 * data[k * d + i], -1), 1);
    }
}

static void dense_world(int d, int32_t prediction)
{
    double q[WD * WD], e[WD];
    usual_world(d, prediction);
    orthogonal(4, d, q);
    for (int i = 0; i < d; i++)
        e[i] = 0.001 + 0.7 * i / d;
    spectral(d, q, e, w.s);
    make_posteriors(&w);
}

static void diagonal_world(int d, int32_t prediction)
{
    usual_world(d, prediction);
    memset(w.s, 0, sizeof w.s);
    for (int i = 0; i < d; i++)
        w.s[i * d + i] = 0.02 + 0.6 * ((i * 5) % 7) / 7;
    make_posteriors(&w);
}

/* ---- clipping ---- */

/* With P C P, with C, with the noise estimate of before the clip, at both eta. */
static void clipped(setup u)
{
    for (int i = 0; i < 8; i++) {
        u.clip = 0.35;
        u.whole = i & 1;
        u.raw = i >> 1 & 1;
        u.eta = i & 4 ? .5 : 1;
        if (u.covariance == LARGE)
            u.eta = 1;
        compare(&w, &u, data, SAMPLES, 1e-10);
    }
}

static void clips(void)
{
    dense_world(9, COVSAMP_PREDICTS_V);
    clipped(usual("covariance=small", SMALL));
    clipped(usual("covariance=large", LARGE));
    clipped(usual("covariance=analytic", ANALYTIC));
    clipped(usual("covariance=dense tangents=4", FULL));
    w.head = COVSAMP_HEAD_NPR;
    clipped(usual("covariance=diag_model head=npr", HEAD));
    w.head = COVSAMP_HEAD_SN;
    clipped(usual("covariance=diag_model head=sn", HEAD));
    diagonal_world(9, COVSAMP_PREDICTS_X0);
    clipped(usual("covariance=diag_probe", DIAGONAL));
    clipped(usual("covariance=state_isotropic", ISOTROPIC));
    clipped(usual("covariance=krylov krylov_steps=9", FULL));
    clipped(usual("covariance=krylov krylov_steps=9 mean_jvp=0 symmetrise=project", FULL));
    setup u = usual("covariance=spectral width=9", FULL); /* C whole, in a cosine basis */
    for (int i = 0; i < 81; i++)
        w.s[i] = i % 10 == 0 ? .3 : 0;
    make_posteriors(&w);
    u.clip = .35;
    u.whole = 1;
    compare(&w, &u, data, SAMPLES, 1e-10);
}

/* ---- guards and windows ---- */

static void guarded(setup u, double tolerance)
{
    u.cap = .02;
    compare(&w, &u, data, SAMPLES, tolerance);
    u.cap = 0;
    u.ritz_cap = .4;
    compare(&w, &u, data, SAMPLES, tolerance);
    u.ritz_cap = 0;
    u.guard = .5;
    compare(&w, &u, data, SAMPLES, tolerance);
    u.cap = .05;
    compare(&w, &u, data, SAMPLES, tolerance);
    u.clip = .4;
    compare(&w, &u, data, SAMPLES, tolerance);
    u.clip = u.cap = u.guard = 0;
    u.low = 80;
    u.high = 600;
    compare(&w, &u, data, SAMPLES, tolerance);
    u.fallback_analytic = 1;
    u.low = 333;
    u.high = 0;
    compare(&w, &u, data, SAMPLES, tolerance);
    u.low = 0;
    u.high = 332;
    compare(&w, &u, data, SAMPLES, tolerance);
}

static void guards(void)
{
    dense_world(9, COVSAMP_PREDICTS_V);
    guarded(usual("covariance=dense", FULL), 1e-10);
    w.head = COVSAMP_HEAD_OCM;
    guarded(usual("covariance=diag_model head=ocm", HEAD), 1e-10);
    diagonal_world(9, COVSAMP_PREDICTS_V);
    guarded(usual("covariance=krylov krylov_steps=9", FULL), 1e-10);
    guarded(usual("covariance=diag_probe probes=2", DIAGONAL), 1e-10);
    guarded(usual("covariance=state_isotropic", ISOTROPIC), 1e-10);
    for (int i = 0; i < 81; i++) /* diagonal in a cosine basis, whatever its eigenvalues */
        w.s[i] = 0;
    for (int i = 0; i < 81; i++)
        for (int f = 0; f < 9; f++)
            w.s[i] += .5 / (1 + f) * (f == 0 ? 1.0 / 9 : 2.0 / 9) *
                      cos(acos(-1.0) * f * (2 * (i / 9) + 1) / 18) *
                      cos(acos(-1.0) * f * (2 * (i % 9) + 1) / 18);
    make_posteriors(&w);
    setup u = usual("covariance=spectral width=9", FULL);
    u.cap = .02;
    compare(&w, &u, data, SAMPLES, 1e-10);
    u.cap = 0;
    u.ritz_cap = .4;
    compare(&w, &u, data, SAMPLES, 1e-10);
    u.ritz_cap = 0;
    u.guard = .5;
    u.high = 600;
    compare(&w, &u, data, SAMPLES, 1e-10);
}

/* An indefinite C: negative eigenvalues are 0, and counted; so is the asymmetry. */
static void indefinite(void)
{
    double q[WD * WD], e[WD], c[WD * WD];
    usual_world(8, COVSAMP_PREDICTS_X0);
    orthogonal(5, 8, q);
    for (int i = 0; i < 8; i++)
        e[i] = 0.1 * (i - 2.5);
    spectral(8, q, e, c);
    give_covariance(&w, c);
    setup u = usual("covariance=dense", FULL);
    compare(&w, &u, data, SAMPLES, 1e-10);
    covsamp_nelbo *n = nelbo_of(&w, &u);
    run_setup(n, &w, &u, data, SAMPLES);
    for (int k = 1; k < w.steps; k++) { /* the sample that fills up the last batch is not counted */
        const covsamp_nelbo_term row = row_of(n, k);
        CHECK(row.ritz_values == 8 * SAMPLES && row.ritz_clamped == 3 * SAMPLES);
        CHECK(row.asymmetry < 1e-12 && row.probe_deviation == 0);
    }
    CHECK(row_of(n, 0).ritz_values == 0 && row_of(n, w.steps).ritz_values == 0);
    covsamp_nelbo_free(n);
    for (int i = 0; i < 64; i++)
        c[i] = i % 9 == 0 ? e[i / 8] : 0;
    give_covariance(&w, c);
    u = usual("covariance=krylov krylov_steps=8 probes=3", FULL);
    compare(&w, &u, data, SAMPLES, 1e-10);
    n = nelbo_of(&w, &u);
    run_setup(n, &w, &u, data, SAMPLES);
    for (int k = 1; k < w.steps; k++) { /* 3 probes and r, each the whole space */
        const covsamp_nelbo_term row = row_of(n, k);
        CHECK(row.ritz_values == 4 * 8 * SAMPLES && row.ritz_clamped == 4 * 3 * SAMPLES);
        CHECK(row.probe_deviation < 1e-10);
    }
    covsamp_nelbo_free(n);
}

/* C = K (x) diag(lam) in the cosine basis is found by few probes, of which there must be enough to
 * tell K: the signs of the channels at one frequency are one of four directions. */
static void colour(void)
{
    static const double k[9] = {1, .5, -.2, .5, 1.4, .3, -.2, .3, .6};
    static const double lam[8] = {.5, .2, .05, .3, .1, .4, .25, .15};
    double c[WD * WD];
    usual_world(24, COVSAMP_PREDICTS_X0);
    for (int i = 0; i < 576; i++) {
        const int p = i / 24, r = i % 24;
        c[i] = 0;
        for (int f = 0; f < 8; f++)
            c[i] += k[p / 8 * 3 + r / 8] * lam[f] * (f == 0 ? .125 : .25) *
                    cos(acos(-1.0) * f * (2 * (p % 8) + 1) / 16) *
                    cos(acos(-1.0) * f * (2 * (r % 8) + 1) / 16);
    }
    give_covariance(&w, c);
    setup u = usual("covariance=spectral channels=3 width=8 spectral_colour=1 probes=4", FULL);
    compare(&w, &u, data, SAMPLES, 1e-10);
    u.eta = .5;
    u.low = 100;
    compare(&w, &u, data, SAMPLES, 1e-10);
}

/* ---- float ---- */

/* The library's r, C and x_t carry the rounding of floats: relative 6e-8 of terms of order d. */
static void floats(void)
{
    dense_world(9, COVSAMP_PREDICTS_X0);
    setup u = usual("covariance=dense tangents=2", FULL);
    u.dtype = COVSAMP_F32;
    compare(&w, &u, data, SAMPLES, 2e-5);
    u = usual("covariance=small", SMALL);
    u.dtype = COVSAMP_F32;
    compare(&w, &u, data, SAMPLES, 2e-5);
    diagonal_world(9, COVSAMP_PREDICTS_V);
    u = usual("covariance=krylov krylov_steps=9", FULL);
    u.dtype = COVSAMP_F32;
    u.bins = 256;
    for (int i = 0; i < SAMPLES * w.d; i++)
        data[i] = -1 + rint((data[i] + 1) * 127.5) / 127.5;
    compare(&w, &u, data, SAMPLES, 2e-5);
    u.options = "covariance=diag_probe";
    u.covariance = DIAGONAL;
    compare(&w, &u, data, SAMPLES, 2e-5);
}

/* ---- other schedules ---- */

static void schedules(void)
{
    static const double alpha[1] = {.8}, sigma[1] = {.6};
    diagonal_world(5, COVSAMP_PREDICTS_X0);
    setup u = usual("covariance=diag_probe", DIAGONAL);
    u.table = NULL;
    w.steps = 3; /* variance exploding: the start is N(0, sigma^2 I) */
    memcpy(w.levels, (int64_t[]){18, 9, 2}, 3 * sizeof(int64_t));
    CHECK(covsamp_schedule_new_karras(&w.schedule, 20, .01, 40, 7, NULL, NULL) == COVSAMP_OK);
    make_posteriors(&w);
    compare(&w, &u, data, SAMPLES, 1e-10);
    covsamp_schedule_free(w.schedule);
    w.schedule = linear; /* the decoder alone, from far away */
    w.steps = 1;
    w.levels[0] = 400;
    make_posteriors(&w);
    compare(&w, &u, data, SAMPLES, 1e-10);
    /* A schedule of one level has no beta-tilde: the decoder's variance is beta = sigma^2. */
    CHECK(covsamp_schedule_new_table(&w.schedule, 1, alpha, sigma, NULL, NULL, NULL) == COVSAMP_OK);
    w.levels[0] = 1;
    make_posteriors(&w);
    covsamp_nelbo *n = nelbo_of(&w, &u);
    run_setup(n, &w, &u, data, 1);
    double e[5], x[5], y[5], nats = 0;
    covsamp_noise_normal(9, 2, COVSAMP_STREAM_NELBO, 1, 0, 5, e);
    for (int i = 0; i < 5; i++)
        x[i] = .8 * data[i] + .6 * e[i];
    predicted_x0(&w, 0, x, y);
    for (int i = 0; i < 5; i++)
        nats += density(data[i], y[i], .6);
    CHECK_NEAR(row_of(n, 1).nats, nats, 1e-12);
    CHECK(isnan(row_of(n, 1).deviation) && isnan(total_of(n).deviation));
    CHECK(isnan(total_of(n).bits_deviation));
    covsamp_nelbo_free(n);
    covsamp_schedule_free(w.schedule);
}

/* ---- parts ---- */

typedef struct {
    covsamp_nelbo_term row[WS + 1];
    covsamp_nelbo_total total;
} outcome;

static outcome outcome_of(const covsamp_nelbo *n)
{
    outcome o;
    memset(&o, 0, sizeof o);
    for (int k = 0; k <= w.steps; k++)
        o.row[k] = row_of(n, k);
    o.total = total_of(n);
    return o;
}

/* One by one, in other batches, in two runs, after two handles: the numbers belong to the sample.
 */
static void parts(setup u)
{
    covsamp_nelbo *n = nelbo_of(&w, &u);
    run_setup(n, &w, &u, data, SAMPLES);
    const outcome whole = outcome_of(n);
    covsamp_nelbo_free(n);
    for (u.batch = 1; u.batch <= SAMPLES + 3; u.batch++)
        for (int64_t cut = 0; cut < SAMPLES; cut += 3) {
            n = nelbo_of(&w, &u);
            if (cut > 0)
                run_setup(n, &w, &u, data, cut);
            run_setup(n, &w, &u, data + cut * w.d, SAMPLES - cut);
            const outcome o = outcome_of(n);
            CHECK(memcmp(&whole, &o, sizeof o) == 0);
            covsamp_nelbo_free(n);
        }
    const int64_t first = u.first;
    double sum = 0;
    for (u.first = first, u.batch = 4; u.first < first + SAMPLES; u.first++) {
        n = nelbo_of(&w, &u);
        run_setup(n, &w, &u, data + (u.first - first) * w.d, 1);
        sum += total_of(n).nats / SAMPLES;
        covsamp_nelbo_free(n);
    }
    CHECK_CLOSE(sum, whole.total.nats, 1e-13);
}

static void all_parts(void)
{
    dense_world(6, COVSAMP_PREDICTS_V);
    parts(usual("covariance=dense", FULL));
    parts(usual("covariance=krylov krylov_steps=3", FULL));
    parts(usual("covariance=diag_probe probes=2", FULL));
    parts(usual("covariance=spectral width=6", FULL));
    setup u = usual("covariance=krylov krylov_steps=3", FULL);
    u.clip = .4;
    u.guard = .5;
    parts(u);
    u.dtype = COVSAMP_F32;
    parts(u);
    dense_world(5, COVSAMP_PREDICTS_V); /* odd matrices, which begin anywhere */
    parts(usual("covariance=dense", FULL));
    dense_world(21, COVSAMP_PREDICTS_V);
    parts(usual("covariance=spectral channels=3 width=7 spectral_colour=1", FULL));
    parts(usual("covariance=krylov krylov_steps=5", FULL));
}

int main(void)
{
    linear = linear_schedule();
    for (int i = 0; i < 1000; i++)
        table[i] = i < 50 ? .1 + .015 * i : .3 + .0007 * i;
    clips();
    guards();
    indefinite();
    colour();
    floats();
    schedules();
    all_parts();
    covsamp_schedule_free(linear);
    return check_done();
}
