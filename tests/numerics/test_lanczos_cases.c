/* SPDX-License-Identifier: BSD-3-Clause */
/* The Lanczos Gaussian sampler through the public API: one step whose model has a given covariance
 * C, so that the new state is (lambda^2 + b^2 C)^(1/2) z.  Cases of math.md section 1. */
#include "check.h"
#include "gaussian.h"

#include <stdlib.h>

enum { D = 40, HIGH = 223, LOW = 112 };

static covsamp_schedule *schedule;

/* Answers NOISE with given numbers, [batch][dim]. */
static int32_t give_noise(void *z, const covsamp_request *q)
{
    for (int64_t b = 0; b < q->batch; b++)
        for (int64_t i = 0; i < q->dim; i++)
            store(q->dtype, q->noise, b * q->stride + i, ((const double *)z)[b * q->dim + i]);
    return 0;
}

/* n = the noise that one step from HIGH to LOW adds; options as in sampler_of(). */
static covsamp_stats draw(covsamp_answer_fn answer, void *user, const double *z, int32_t dtype,
                          int64_t batch, int64_t dim, const char *options, double *n)
{
    static const int64_t levels[2] = {HIGH, LOW};
    covsamp_model model = model_of(answer, user);
    double *zero = calloc((size_t)(batch * dim), sizeof *zero);
    covsamp_sampler *s =
        sampler_of(schedule, levels, 2, "noise=ask batch=%d dim=%d dtype=%s %s", (int)batch,
                   (int)dim, dtype == COVSAMP_F32 ? "f32" : "f64", options);
    model.noise = give_noise;
    model.noise_user = (void *)z;
    CHECK(covsamp_sampler_set_state(s, zero, dim) == COVSAMP_OK);
    CHECK(covsamp_sampler_step(s, &model) == COVSAMP_OK);
    read_state(s, dtype, batch, dim, n);
    const covsamp_stats stats = stats_of(s);
    covsamp_sampler_free(s);
    free(zero);
    return stats;
}

/* The same for one sample in f64 whose model has the covariance c, m Lanczos steps. */
static covsamp_stats draw_one(const double *c, int64_t dim, const double *z, int m, double eta,
                              double *n)
{
    const matrix shared = {dim, c};
    given_covariance given = {matrix_apply, &shared, NULL};
    char options[96];
    snprintf(options, sizeof options, "prediction=x0 eta=%.17g krylov_steps=%d", eta, m);
    return draw(given_answer, &given, z, COVSAMP_F64, 1, dim, options, n);
}

/* r = Q diag((lambda^2 + b^2 max(e, 0))^(1/2)) Q^T z */
static void exact(int64_t d, const double *q, const double *e, double lambda, double b,
                  const double *z, double *r)
{
    double *u = malloc((size_t)d * sizeof *u);
    multiply_transposed(d, q, z, u);
    for (int64_t i = 0; i < d; i++)
        u[i] *= sqrt(lambda * lambda + b * b * fmax(e[i], 0));
    multiply(d, q, u, r);
    free(u);
}

/* Sigma = b^2 C and Sigma = lambda^2 I + b^2 C are O7's matrix. */
static void test_o7(void)
{
    for (int k = 0; k < LENGTH(o7_y); k++)
        for (double eta = 0; eta <= 1; eta++) {
            double lambda, b, c[36], n[6];
            step_numbers(schedule, HIGH, LOW, eta, &lambda, &b);
            for (int i = 0; i < 36; i++)
                c[i] = (o7_c[i] - (i / 6 == i % 6 ? lambda * lambda : 0)) / (b * b);
            draw_one(c, 6, o7_z, (int)o7_y[k].m, eta, n);
            for (int i = 0; i < 6; i++)
                CHECK_NEAR(n[i], o7_y[k].y[i], 1e-12);
        }
}

/* A batch of one operator: a space that closes after `steps` products, an eigenvector and z = 0. */
static void closes(const double *q, const double *e, int64_t steps, double eta)
{
    double c[D * D], z[3 * D] = {0}, n[3 * D], r[3 * D], lambda, b;
    const matrix shared = {D, c};
    given_covariance given = {matrix_apply, &shared, NULL};
    char options[96];
    snprintf(options, sizeof options, "prediction=x0 eta=%.17g krylov_steps=9", eta);
    step_numbers(schedule, HIGH, LOW, eta, &lambda, &b);
    spectral(D, q, e, c);
    normals(1, D, z);
    memcpy(z + D, q + 5 * D, D * sizeof *z);
    for (int k = 0; k < 3; k++)
        exact(D, q, e, lambda, b, z + k * D, r + k * D);
    const covsamp_stats s = draw(given_answer, &given, z, COVSAMP_F64, 3, D, options, n);
    CHECK(s.breakdowns == 2 && s.breakdowns_asymmetric == 0); /* z = 0 has no space to close */
    CHECK(s.products_used == steps + 1 && s.ritz_values == steps + 1);
    CHECK(s.jvp_tangents == steps && s.products_paid == 3 * steps);
    CHECK(s.ritz_clamped == 0 && s.error_estimate == 0);
    for (int i = 0; i < 2 * D; i++)
        CHECK_NEAR(n[i], r[i], 1e-13);
    for (int i = 2 * D; i < 3 * D; i++)
        CHECK(n[i] == 0);
}

static void test_breakdowns(const double *q)
{
    double e[D];
    for (double eta = 0; eta <= 1; eta += .5) {
        for (int i = 0; i < D; i++)
            e[i] = .3;
        closes(q, e, 1, eta); /* c I */
        for (int i = 0; i < D; i++)
            e[i] = 0;
        closes(q, e, 1, eta); /* the zero operator, of a clipped denoiser */
        for (int i = 0; i < D; i++)
            e[i] = i < 3 ? 9 - 3 * i : 1;
        closes(q, e, 4, eta); /* identity + rank 3 */
    }
}

/* |n|^2 = z^T Sigma z for every m; more steps than dimensions change nothing. */
static void test_energy(const double *q)
{
    double e[D], c[D * D], z[D], n[D], r[D], whole[D], lambda, b;
    step_numbers(schedule, HIGH, LOW, .7, &lambda, &b);
    for (int i = 0; i < D; i++)
        e[i] = exp(.2 * i);
    spectral(D, q, e, c);
    normals(2, D, z);
    exact(D, q, e, lambda, b, z, r);
    for (int m = 1; m <= D; m++) {
        const covsamp_stats s = draw_one(c, D, z, m, .7, n);
        CHECK_CLOSE(norm(D, n) * norm(D, n), norm(D, r) * norm(D, r), 1e-12);
        CHECK(s.breakdowns == 0 && s.products_used == m);
    }
    CHECK_NEAR(distance(D, n, r), 0, 1e-13);
    const covsamp_stats s = draw_one(c, D, z, 65536, .7, whole);
    CHECK(memcmp(whole, n, sizeof n) == 0 && s.products_used == D && s.breakdowns == 0);
}

/* Negative eigenvalues: converges to the square root of the clipped covariance. */
static void test_indefinite(const double *q)
{
    enum { NEGATIVE = 6 };
    double e[D], c[D * D], z[D], n[D], dense[D], r[D], lambda, b, last = 1;
    for (int i = 0; i < D; i++)
        e[i] = i < NEGATIVE ? -.05 * (i + 1) : .1 + .05 * i; /* away from 0: sqrt is steep there */
    spectral(D, q, e, c);
    normals(3, D, z);
    for (double eta = 0; eta <= 1; eta++) {
        step_numbers(schedule, HIGH, LOW, eta, &lambda, &b);
        exact(D, q, e, lambda, b, z, r);
        last = 1;
        for (int m = 4; m <= D; m += 12) {
            const covsamp_stats s = draw_one(c, D, z, m, eta, n);
            const double error = distance(D, n, r);
            CHECK(s.ritz_values == m && s.ritz_clamped > 0);
            CHECK(m < D ? s.ritz_clamped <= NEGATIVE : s.ritz_clamped == NEGATIVE);
            CHECK(m < D ? error < last : error < 1e-12);
            last = error;
        }
        const matrix shared = {D, c};
        given_covariance given = {matrix_apply, &shared, NULL};
        const covsamp_stats s = draw(given_answer, &given, z, COVSAMP_F64, 1, D,
                                     eta > 0 ? "prediction=x0 covariance=dense"
                                             : "prediction=x0 covariance=dense eta=0",
                                     dense);
        CHECK(s.ritz_values == D && s.ritz_clamped == NEGATIVE);
        CHECK_NEAR(distance(D, dense, r), 0, 1e-12);
    }
}

/* A non-symmetric Jacobian: with m = D the projection is the symmetric part, which `dense` uses. */
static void test_nonsymmetric(void)
{
    double c[D * D], z[D], n[D], dense[D], even = 0, odd = 0;
    const matrix shared = {D, c};
    given_covariance given = {matrix_apply, &shared, NULL};
    normals(4, D, z);
    normals(5, D * D, c);
    for (int i = 0; i < D * D; i++)
        c[i] = c[i] / sqrt(D) * .5 + (i / D == i % D) * 3;
    for (int i = 0; i < D * D; i++) {
        const double transposed = c[i / D + i % D * D];
        even += (c[i] + transposed) * (c[i] + transposed);
        odd += (c[i] - transposed) * (c[i] - transposed);
    }
    const covsamp_stats k = draw_one(c, D, z, D, 1, n);
    const covsamp_stats s =
        draw(given_answer, &given, z, COVSAMP_F64, 1, D, "prediction=x0 covariance=dense", dense);
    CHECK_NEAR(distance(D, n, dense), 0, 1e-12);
    CHECK_CLOSE(k.asymmetry, sqrt(odd / even), 1e-12);
    CHECK_CLOSE(s.asymmetry, sqrt(odd / even), 1e-12);
    CHECK(k.breakdowns == 0 && k.breakdowns_asymmetric == 0);
    memset(c, 0, sizeof c);
    for (int i = 0; i < D; i++)
        c[i + i * D] = 1;
    c[1] = .5; /* C e_0 = e_0 + e_1 / 2: the space of e_0 closes, C is not symmetric on it */
    memset(z, 0, sizeof z);
    z[0] = 1;
    const covsamp_stats closed = draw_one(c, D, z, 5, 1, n);
    CHECK(closed.products_used == 2);
    CHECK(closed.breakdowns == 1 && closed.breakdowns_asymmetric == 1);
    CHECK_CLOSE(closed.asymmetry, sqrt(.5 / 8.5), 1e-13);
}

/* ---- a batch whose samples stop at different times ---- */

typedef struct {
    given_covariance given;
    int64_t zero[4], asked[4]; /* tangents seen by sample: all zero, others */
} watched;

static int32_t watch(void *user, const covsamp_request *q)
{
    watched *w = user;
    for (int64_t b = 0; b < q->batch && q->v != NULL; b++) {
        int64_t zeros = 0;
        for (int64_t i = 0; i < q->dim; i++)
            zeros += load(q->dtype, q->v, b * q->stride + i) == 0;
        w->zero[b] += zeros == q->dim;
        w->asked[b] += zeros != q->dim;
    }
    return given_answer(&w->given, q);
}

static void diagonal(const void *user, int64_t sample, const double *v, double *cv)
{
    (void)user;
    (void)sample;
    for (int i = 0; i < D; i++)
        cv[i] = (1 + .125 * i) * v[i];
}

static void test_mixed_batch(int32_t dtype)
{
    static const int64_t sizes[4] = {1, 6, 0, 3};
    double z[4 * D], n[4 * D], one[D];
    watched w = {{diagonal, NULL, NULL}, {0}, {0}};
    normals(6, 4 * D, z);
    memset(z, 0, D * sizeof *z); /* 0: an eigenvector; 1: any; 2: zero; 3: three eigenvectors */
    memset(z + 2 * D, 0, 2 * D * sizeof *z);
    z[7] = -2;
    z[3 * D + 4] = z[3 * D + 20] = z[3 * D + 33] = 1.5;
    static const char options[] = "prediction=x0 krylov_steps=6";
    const covsamp_stats s = draw(watch, &w, z, dtype, 4, D, options, n);
    CHECK(s.breakdowns == 2 && s.products_used == 10 && s.products_paid == 24);
    for (int b = 0; b < 4; b++) {
        CHECK(w.asked[b] == sizes[b] && w.zero[b] == 6 - sizes[b]);
        watched alone = {{diagonal, NULL, NULL}, {0}, {0}};
        draw(watch, &alone, z + b * D, dtype, 1, D, options, one);
        CHECK(memcmp(one, n + b * D, sizeof one) == 0);
        CHECK(alone.zero[0] == 0); /* nobody asks about z = 0 alone */
    }
}

/* C = sigma^2 / alpha (p v + q J v) of a noise prediction is a difference of large terms at high
 * noise.  For data ~ N(0, 0.3 I) it is still c I, and the space must close after one product. */
static void test_large_terms(int32_t dtype)
{
    enum { TOP = 1000 };
    double *q = malloc(D * D * sizeof *q), variance[D], zero[D] = {0}, z[D];
    static const int64_t levels[2] = {TOP, 900};
    for (int i = 0; i < D; i++)
        variance[i] = .3;
    orthogonal(7, D, q);
    gaussian data = {D, q, variance, zero};
    converted noise = {gaussian_answer, &data, schedule, COVSAMP_PREDICTS_NOISE, 0};
    covsamp_model model = model_of(converted_answer, &noise);
    covsamp_sampler *s = sampler_of(schedule, levels, 2,
                                    "noise=ask batch=1 dim=%d dtype=%s prediction=noise "
                                    "krylov_steps=5",
                                    D, dtype == COVSAMP_F32 ? "f32" : "f64");
    normals(8, D, z);
    model.noise = give_noise;
    model.noise_user = z;
    CHECK(covsamp_sampler_step(s, &model) == COVSAMP_OK);
    const covsamp_stats stats = stats_of(s);
    CHECK(stats.breakdowns == 1 && stats.products_used == 1);
    covsamp_sampler_free(s);
    free(q);
}

int main(void)
{
    double *q = malloc(D * D * sizeof *q);
    orthogonal(1, D, q);
    schedule = linear_schedule();
    test_o7();
    test_breakdowns(q);
    test_energy(q);
    test_indefinite(q);
    test_nonsymmetric();
    test_mixed_batch(COVSAMP_F32);
    test_mixed_batch(COVSAMP_F64);
    test_large_terms(COVSAMP_F32);
    test_large_terms(COVSAMP_F64);
    covsamp_schedule_free(schedule);
    free(q);
    return check_done();
}
