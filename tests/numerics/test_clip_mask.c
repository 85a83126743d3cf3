/* SPDX-License-Identifier: BSD-3-Clause */
/* Clipping the predicted x0 and the covariance that goes with it: with P masking clipped values,
 * n = lambda (I - P) z + (lambda^2 + b^2 P C P)^(1/2) P z, by a Krylov space that starts at P z. */
#include "check.h"
#include "gaussian.h"
#include "krylov/krylov.h"
#include "numeric/vec.h"

#include <stdlib.h>

enum { D = 200, PROBES = 20, HIGH = 223, LOW = 112 };

static covsamp_schedule *schedule;
static double *q, *c, e[D]; /* C = Q diag(e) Q^T */
static double raw[D];       /* x0 before clipping to +-1 */

/* ---- one step of a model with covariance C and x0 = raw ---- */

/* The state after one step from x [batch][D]. */
static covsamp_stats step(const double *x, int32_t dtype, int64_t batch, const char *options,
                          double *out)
{
    static const int64_t levels[2] = {HIGH, LOW};
    const matrix shared = {D, c};
    given_covariance given = {matrix_apply, &shared, raw};
    const covsamp_model model = model_of(given_answer, &given);
    covsamp_sampler *s =
        sampler_of(schedule, levels, 2, "batch=%d dim=%d dtype=%s prediction=x0 seed=9 %s",
                   (int)batch, D, dtype == COVSAMP_F32 ? "f32" : "f64", options);
    double *start = malloc((size_t)(batch * D) * sizeof *start);
    covsamp__from_double(dtype, batch * D, x, start);
    CHECK(covsamp_sampler_set_state(s, start, D) == COVSAMP_OK);
    CHECK(covsamp_sampler_step(s, &model) == COVSAMP_OK);
    read_state(s, dtype, batch, D, out);
    const covsamp_stats stats = stats_of(s);
    covsamp_sampler_free(s);
    free(start);
    return stats;
}

/* The noise alone: x0 = 0 and cb clip(x0) taken off. */
static covsamp_stats noise(const char *options, double b, double *n)
{
    static const double zero[PROBES * D];
    const covsamp_stats stats = step(zero, COVSAMP_F64, PROBES, options, n);
    for (int i = 0; i < PROBES * D; i++)
        n[i] -= b * fmax(-1, fmin(1, raw[i % D])); /* cb = b */
    return stats;
}

static void probe(int p, double *z)
{
    CHECK(covsamp_noise_normal(9, p, COVSAMP_STREAM_STEP, 0, 0, D, z) == COVSAMP_OK);
}

static int kept(int i)
{
    return fabs(raw[i]) <= 1;
}

/* Every second value is clipped, at random. */
static void clip_half(void)
{
    double u[D], below = 0;
    normals(11, D, u);
    for (int i = 0; i < D; i++) {
        raw[i] = u[i] > 0 ? .9 * sin(i) : (i % 2 ? 1.5 : -2.5);
        below += kept(i);
    }
    CHECK(below > .4 * D && below < .6 * D);
    for (int i = 0; i < D; i++)
        if (kept(i)) {
            raw[i] = i % 3 ? 1 : -1; /* on the bound is not clipped */
            return;
        }
}

static double mean_error(const double *n, const double *exact)
{
    double error = 0;
    for (int p = 0; p < PROBES; p++)
        error += distance(D, n + p * D, exact + p * D) / PROBES;
    return error;
}

/* ---- the draw that this library does not make: m steps of P C P from z ---- */

static double root(double theta, const double *lambda_b)
{
    return sqrt(lambda_b[0] * lambda_b[0] + lambda_b[1] * lambda_b[1] * theta);
}

static void draw_from_z(int64_t m, double lambda, double b, double *n)
{
    covsamp__krylov k;
    covsamp__krylov_counts counts;
    covsamp__arena arena = {0};
    const double lambda_b[2] = {lambda, b};
    double v[D], w[D], coefficients[D];
    memset(&k, 0, sizeof k);
    memset(&counts, 0, sizeof counts);
    k.dtype = COVSAMP_F64;
    k.batch = 1;
    k.dim = D;
    k.most = m;
    covsamp__krylov_layout(&k, &arena);
    void *block = calloc(1, arena.used);
    arena = (covsamp__arena){.base = block};
    covsamp__krylov_layout(&k, &arena);
    for (int p = 0; p < PROBES; p++) {
        const double *next;
        probe(p, v);
        covsamp__krylov_start(&k, v);
        while ((next = covsamp__krylov_wants(&k)) != NULL) {
            for (int i = 0; i < D; i++)
                v[i] = kept(i) ? next[i] : 0;
            multiply(D, c, v, w);
            for (int i = 0; i < D; i++)
                w[i] = kept(i) ? w[i] : 0;
            covsamp__krylov_take(&k, w, 0, &counts);
        }
        CHECK(covsamp__krylov_apply(&k, 0, root, lambda_b, coefficients, &counts) == 0);
        covsamp__expand(COVSAMP_F64, D, k.size[0], k.v, D, coefficients, n + p * D);
    }
    free(block);
}

/* ---- tests ---- */

static void test_draw(double eta)
{
    double *exact = malloc(3 * PROBES * D * sizeof *exact), *n = exact + PROBES * D;
    double *other = n + PROBES * D, lambda, b, z[D];
    char options[128];
    step_numbers(schedule, HIGH, LOW, eta, &lambda, &b);
    snprintf(options, sizeof options, "clip_x0=1 covariance=dense tangents=64 eta=%g", eta);
    noise(options, b, exact);
    snprintf(options, sizeof options, "clip_x0=1 covariance=krylov krylov_steps=%d eta=%g", D, eta);
    const covsamp_stats all = noise(options, b, n);
    CHECK_NEAR(mean_error(n, exact), 0, 1e-12);
    CHECK(all.breakdowns == PROBES); /* the space of P z has the dimension of P */
    double masked = 0;
    for (int p = 0; p < PROBES; p++) {
        probe(p, z);
        for (int i = 0; i < D; i++)
            if (!kept(i))
                masked = fmax(masked, fmax(fabs(n[p * D + i] - lambda * z[i]),
                                           fabs(exact[p * D + i] - lambda * z[i])));
    }
    CHECK_NEAR(masked, 0, 1e-13);
    snprintf(options, sizeof options, "clip_x0=1 covariance=krylov krylov_steps=3 eta=%g", eta);
    noise(options, b, n);
    draw_from_z(3, lambda, b, other);
    const double from_pz = mean_error(n, exact), from_z = mean_error(other, exact);
    printf("eta = %g, m = 3: error %.2e from P z, %.2e from z, ratio %.2f\n", eta, from_pz, from_z,
           from_z / from_pz);
    CHECK(from_pz <= .5 * from_z);
    if (lambda > 0) { /* else the root is too steep at the zeros of P C P for a start at z */
        draw_from_z(D, lambda, b, other);
        CHECK_NEAR(mean_error(other, exact), 0, 1e-12);
    }
    free(exact);
}

/* clip_covariance = 0 clips the mean and keeps C. */
static void test_unmasked(void)
{
    static const char *const options[] = {
        "clip_x0=1 clip_covariance=0 covariance=dense tangents=50",
        "clip_x0=1 clip_covariance=0 krylov_steps=200"};
    double *n = malloc(PROBES * D * sizeof *n), z[D], u[D], r[D], lambda, b;
    step_numbers(schedule, HIGH, LOW, 1, &lambda, &b);
    for (int o = 0; o < LENGTH(options); o++) {
        noise(options[o], b, n);
        for (int p = 0; p < PROBES; p++) {
            probe(p, z);
            multiply_transposed(D, q, z, u);
            for (int i = 0; i < D; i++)
                u[i] *= sqrt(lambda * lambda + b * b * e[i]);
            multiply(D, q, u, r);
            CHECK_NEAR(distance(D, n + p * D, r), 0, 1e-12);
        }
    }
    free(n);
}

/* x_s = alpha_s clip(x0) + sqrt(sigma_s^2 - lambda^2) e, e from x0 as clipped or as it was. */
static void test_noise_estimate(void)
{
    double x[D], out[D], at, st, as, ss, lambda, b;
    CHECK(covsamp_schedule_at(schedule, HIGH, &at, &st, NULL) == COVSAMP_OK);
    CHECK(covsamp_schedule_at(schedule, LOW, &as, &ss, NULL) == COVSAMP_OK);
    normals(12, D, x);
    for (int k = 0; k < 6; k++) {
        const double eta = .5 * (k / 2);
        const int use_raw = k % 2;
        char options[128];
        snprintf(options, sizeof options, "clip_x0=1 covariance=none eta=%g eps_after_clip=%s", eta,
                 use_raw ? "raw" : "recompute");
        step(x, COVSAMP_F64, 1, options, out);
        step_numbers(schedule, HIGH, LOW, eta, &lambda, &b);
        for (int i = 0; i < D; i++) {
            const double x0 = fmax(-1, fmin(1, raw[i]));
            const double epsilon = (x[i] - at * (use_raw ? raw[i] : x0)) / st;
            CHECK_NEAR(out[i], as * x0 + sqrt(ss * ss - lambda * lambda) * epsilon, 1e-13);
        }
    }
}

/* The noise does not depend on how the mean estimates its noise. */
static void test_estimates_share_noise(void)
{
    double x[D], mean[D], all[D], first[D];
    normals(12, D, x);
    for (int k = 0; k < 2; k++) {
        char options[128];
        const char *name = k == 0 ? "recompute" : "raw";
        snprintf(options, sizeof options, "clip_x0=1 covariance=none eps_after_clip=%s", name);
        step(x, COVSAMP_F64, 1, options, mean);
        snprintf(options, sizeof options, "clip_x0=1 krylov_steps=3 eps_after_clip=%s", name);
        step(x, COVSAMP_F64, 1, options, all);
        for (int i = 0; i < D; i++) {
            if (k == 1)
                CHECK_NEAR(all[i] - mean[i], first[i], 1e-14);
            first[i] = all[i] - mean[i];
        }
    }
}

/* P = 0: lambda z, without one product, the same bits as `small`. */
static void test_all_clipped(int32_t dtype)
{
    double before[D], x[2 * D], full[2 * D], small[2 * D];
    memcpy(before, raw, sizeof raw);
    normals(13, 2 * D, x);
    for (int i = 0; i < D; i++)
        raw[i] = i % 2 ? 1.25 : -3;
    step(x, dtype, 2, "clip_x0=1 covariance=small", small);
    const covsamp_stats s = step(x, dtype, 2, "clip_x0=1 krylov_steps=3", full);
    CHECK(memcmp(full, small, sizeof full) == 0);
    CHECK(s.jvp_tangents == 0 && s.breakdowns == 0 && s.ritz_values == 0);
    if (dtype == COVSAMP_F64) {
        step(x, dtype, 2, "clip_x0=1 covariance=dense", full);
        for (int i = 0; i < 2 * D; i++)
            CHECK_NEAR(full[i], small[i], 1e-13);
    }
    memcpy(raw, before, sizeof raw);
}

/* Nothing clipped: the same numbers as without clipping. */
static void test_none_clipped(void)
{
    double x[D], with[D], without[D];
    normals(14, D, x);
    step(x, COVSAMP_F64, 1, "clip_x0=50 krylov_steps=3", with);
    step(x, COVSAMP_F64, 1, "krylov_steps=3", without);
    CHECK(memcmp(with, without, sizeof with) == 0);
}

/* Samples of one batch have masks of their own: each equals its own run bit for bit. */
static void test_own_masks(void)
{
    enum { BATCH = 5 };
    static const int64_t levels[3] = {HIGH, LOW, 1};
    static const double zero[D];
    double *out = malloc((BATCH + 1) * D * sizeof *out), *one = out + BATCH * D, variance[D];
    for (int i = 0; i < D; i++)
        variance[i] = 4 * e[i] / e[0];
    gaussian data = {D, q, variance, zero};
    const covsamp_model model = model_of(gaussian_answer, &data);
    for (int b = -1; b < BATCH; b++) {
        covsamp_sampler *s = sampler_of(schedule, levels, 3,
                                        "batch=%d dim=%d dtype=f64 prediction=x0 clip_x0=0.3 "
                                        "krylov_steps=3 first_sample=%d",
                                        b < 0 ? BATCH : 1, D, b < 0 ? 0 : b);
        CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
        read_state(s, COVSAMP_F64, b < 0 ? BATCH : 1, D, b < 0 ? out : one);
        CHECK(b < 0 || memcmp(one, out + b * D, D * sizeof *one) == 0);
        covsamp_sampler_free(s);
    }
    free(out);
}

int main(void)
{
    q = malloc(2 * D * D * sizeof *q);
    c = q + D * D;
    schedule = linear_schedule();
    orthogonal(10, D, q);
    for (int i = 0; i < D; i++) { /* posterior spectrum as in oracle O3, noise / signal = 0.46 */
        const double data = 20 * pow(i + 1, -1.2);
        e[i] = data * .46 / (data + .46);
    }
    spectral(D, q, e, c);
    clip_half();
    test_draw(1);
    test_draw(.5);
    test_draw(0);
    test_unmasked();
    test_noise_estimate();
    test_estimates_share_noise();
    test_all_clipped(COVSAMP_F32);
    test_all_clipped(COVSAMP_F64);
    test_none_clipped();
    test_own_masks();
    covsamp_schedule_free(schedule);
    free(q);
    return check_done();
}
