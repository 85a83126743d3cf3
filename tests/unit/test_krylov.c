/* SPDX-License-Identifier: BSD-3-Clause */
/* lib/krylov: spaces, their projections and functions of them, for operators whose answer is known
 * (math.md section 1, oracle O7). */
#include "check.h"
#include "gaussian.h"
#include "krylov/krylov.h"
#include "numeric/vec.h"

#include <stdlib.h>

#define MOST 300 /* largest dim here */

/* ---- a space and the operator it is built for ---- */

typedef struct {
    covsamp__krylov k;
    covsamp__krylov_counts counts;
    void *block;
} space;

static space open_space(int32_t dtype, int64_t batch, int64_t dim, int64_t most)
{
    space s;
    covsamp__arena arena = {0};
    memset(&s, 0, sizeof s);
    s.k.dtype = dtype;
    s.k.batch = batch;
    s.k.dim = dim;
    s.k.most = most;
    covsamp__krylov_layout(&s.k, &arena);
    s.block = aligned_alloc(COVSAMP__ALIGN, (arena.used / COVSAMP__ALIGN + 1) * COVSAMP__ALIGN);
    memset(s.block, 0x7f, arena.used); /* no test may live on zeroed memory */
    arena = (covsamp__arena){.base = s.block};
    covsamp__krylov_layout(&s.k, &arena);
    return s;
}

/* w = C v of one sample, in double, rounded once */
static void product(const matrix *m, int32_t dtype, const void *v, void *w)
{
    double x[MOST], y[MOST] = {0};
    covsamp__to_double(dtype, m->dim, v, x);
    for (int64_t j = 0; j < m->dim; j++)
        for (int64_t i = 0; i < m->dim; i++)
            y[i] += m->c[i + j * m->dim] * x[j];
    covsamp__from_double(dtype, m->dim, y, w);
}

/* Builds the space of z [batch][dim]; stopped samples must be asked about with zero tangents. */
static void build(space *s, const matrix *m, const double *z)
{
    covsamp__krylov *k = &s->k;
    const int64_t n = k->batch * k->dim;
    void *w = malloc((size_t)n * sizeof(double));
    const void *v;
    int nonzero = 0;
    covsamp__from_double(k->dtype, n, z, w);
    covsamp__krylov_start(k, w);
    while ((v = covsamp__krylov_wants(k)) != NULL) {
        for (int64_t b = 0; b < k->batch; b++) {
            const void *own = covsamp__cat(k->dtype, v, b * k->dim);
            product(m, k->dtype, own, covsamp__at(k->dtype, w, b * k->dim));
            nonzero += k->closed[b] && covsamp__dot(k->dtype, k->dim, own, own) != 0;
        }
        covsamp__krylov_take(k, w, 0, &s->counts);
    }
    CHECK(nonzero == 0);
    free(w);
}

static double root(double theta, const double *lambda_b)
{
    return sqrt(lambda_b[0] * lambda_b[0] + lambda_b[1] * lambda_b[1] * theta);
}

/* y = (lambda^2 + b^2 C)^(1/2) z of one sample */
static void draw(space *s, int64_t sample, double lambda, double b, double *y)
{
    covsamp__krylov *k = &s->k;
    const double parameters[2] = {lambda, b};
    double coefficients[MOST], sum[MOST];
    CHECK(covsamp__krylov_apply(k, sample, root, parameters, coefficients, &s->counts) == 0);
    covsamp__expand(k->dtype, k->dim, k->size[sample],
                    covsamp__cat(k->dtype, k->v, sample * k->dim), k->batch * k->dim, coefficients,
                    sum);
    covsamp__to_double(k->dtype, k->dim, sum, y);
}

/* One sample from start to draw, f64 unless said otherwise; the space stays open. */
static space run(int32_t dtype, const matrix *m, const double *z, int64_t most, double lambda,
                 double b, double *y)
{
    space s = open_space(dtype, 1, m->dim, most);
    build(&s, m, z);
    draw(&s, 0, lambda, b, y);
    return s;
}

static void numbers(uint64_t draw_number, int64_t n, double *out)
{
    (void)covsamp_noise_normal(draw_number, 0, COVSAMP_STREAM_USER, 0, 0, n, out);
}

static double gap(int64_t n, const double *x, const double *y)
{
    double sum = 0, size = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += (x[i] - y[i]) * (x[i] - y[i]);
        size += y[i] * y[i];
    }
    return size > 0 ? sqrt(sum / size) : sqrt(sum);
}

/* C = Q diag(e) Q^T and r = Q diag(sqrt(max(e, 0))) Q^T z; Q = I - 2 u u^T. */
static void operator_of(int64_t d, const double *e, const double *z, double *c, double *r)
{
    double *q = malloc((size_t)(d * d) * sizeof *q), u[MOST];
    numbers(77, d, u);
    const double squared = covsamp__dot(COVSAMP_F64, d, u, u);
    for (int64_t i = 0; i < d * d; i++)
        q[i] = (i / d == i % d) - 2 * u[i / d] * u[i % d] / squared;
    memset(c, 0, (size_t)(d * d) * sizeof *c);
    memset(r, 0, (size_t)d * sizeof *r);
    for (int64_t k = 0; k < d; k++) {
        const double along = covsamp__dot(COVSAMP_F64, d, q + k * d, z);
        for (int64_t j = 0; j < d; j++) {
            r[j] += sqrt(fmax(e[k], 0)) * along * q[j + k * d];
            for (int64_t i = 0; i < d; i++)
                c[i + j * d] += e[k] * q[i + k * d] * q[j + k * d];
        }
    }
    free(q);
}

/* ---- tests ---- */

static void test_o7(void)
{
    const matrix m = {6, o7_c};
    for (int n = 0; n < LENGTH(o7_y); n++) {
        double y[6];
        const int64_t most = o7_y[n].m;
        space s = run(COVSAMP_F64, &m, o7_z, most, 0, 1, y);
        CHECK(s.k.size[0] == most && s.counts.used == most && s.counts.breakdowns == 0);
        for (int64_t i = 0; i < most; i++) {
            CHECK_NEAR(s.k.h[i + i * most], o7_alpha[i], 1e-12);
            if (i + 1 < most) {
                CHECK_NEAR(s.k.h[i + 1 + i * most], o7_beta[i], 1e-12);
                CHECK_NEAR(s.k.h[i + (i + 1) * most], o7_beta[i], 1e-12);
            }
        }
        for (int64_t i = 0; i < 6; i++)
            CHECK_NEAR(y[i], o7_y[n].y[i], 1e-12);
        free(s.block);
    }
}

/* Spaces that close early: the answer is exact after `steps` products. */
static void closes(int32_t dtype, const double *e, const double *z, int64_t steps, double tolerance)
{
    enum { D = 40 };
    double c[D * D], r[D], y[D];
    const matrix m = {D, c};
    operator_of(D, e, z, c, r);
    space s = run(dtype, &m, z, 10, 0, 1, y);
    CHECK(s.k.size[0] == steps);
    CHECK(s.counts.used == steps && s.counts.values == steps);
    CHECK(s.counts.breakdowns == (steps > 0) && s.counts.asymmetric == 0);
    CHECK(s.counts.error == 0); /* exact: nothing to estimate */
    CHECK_NEAR(gap(D, y, r), 0, tolerance);
    free(s.block);
}

static void test_breakdowns(void)
{
    enum { D = 40 };
    double e[D], z[D], u[D], zero[D] = {0};
    numbers(1, D, z);
    for (int t = COVSAMP_F32; t <= COVSAMP_F64; t++) {
        const double tolerance = t == COVSAMP_F32 ? 1e-6 : 1e-14;
        for (int i = 0; i < D; i++)
            e[i] = .3;
        closes(t, e, z, 1, tolerance); /* c I */
        for (int i = 0; i < D; i++)
            e[i] = 0;
        closes(t, e, z, 1, 0); /* the zero operator */
        for (int i = 0; i < D; i++)
            e[i] = i < 3 ? 9 - 3 * i : 1;
        closes(t, e, z, 4, tolerance); /* identity + rank 3 */
        closes(t, e, zero, 0, 0);      /* z = 0 */
        for (int i = 0; i < D; i++)
            e[i] = 1 + i;
        numbers(77, D, u); /* Q e_5 = e_5 - 2 u u_5 / u.u is an eigenvector */
        const double squared = covsamp__dot(COVSAMP_F64, D, u, u);
        for (int i = 0; i < D; i++)
            z[i] = (i == 5) - 2 * u[i] * u[5] / squared;
        closes(t, e, z, 1, tolerance);
        numbers(1, D, z);
    }
}

/* |y_m|^2 = z^T Sigma z for every m, and the error estimate is |y_m - y_(m-1)| / |y_m|. */
static void test_energy(void)
{
    enum { D = 30 };
    double e[D], z[D], c[D * D], r[D], cz[D], y[D], before[D];
    const matrix m = {D, c};
    const double lambda = .4, b = .7;
    numbers(2, D, z);
    for (int i = 0; i < D; i++)
        e[i] = exp(.25 * i);
    operator_of(D, e, z, c, r);
    product(&m, COVSAMP_F64, z, cz);
    const double energy = lambda * lambda * covsamp__dot(COVSAMP_F64, D, z, z) +
                          b * b * covsamp__dot(COVSAMP_F64, D, z, cz);
    for (int64_t most = 1; most <= D; most++) {
        space s = run(COVSAMP_F64, &m, z, most, lambda, b, y);
        CHECK_CLOSE(covsamp__dot(COVSAMP_F64, D, y, y), energy, 1e-12);
        if (most > 1)
            CHECK_NEAR(s.counts.error, gap(D, before, y), 1e-12);
        memcpy(before, y, sizeof y);
        free(s.block);
    }
}

/* H's symmetric part is V^T (C + C^T)/2 V, although only products with C are taken. */
static void test_nonsymmetric(void)
{
    enum { D = 24, M = 9 };
    static double c[D * D];
    double z[D], y[D], w[D], worst = 0, odd = 0, even = 0, direct[M][M];
    const matrix m = {D, c};
    numbers(4, D, z);
    numbers(5, D * D, c);
    for (int i = 0; i < D * D; i++)
        c[i] = c[i] / sqrt(D) * .5 + (i / D == i % D) * 3;
    space s = run(COVSAMP_F64, &m, z, M, 0, 1, y);
    const double *v = s.k.v, *h = s.k.h;
    for (int j = 0; j < M; j++) {
        product(&m, COVSAMP_F64, v + j * D, w);
        for (int i = 0; i < M; i++)
            direct[i][j] = covsamp__dot(COVSAMP_F64, D, v + i * D, w); /* v_i . C v_j */
    }
    for (int j = 0; j < M; j++)
        for (int i = 0; i < M; i++) {
            const double p = direct[i][j], q = direct[j][i];
            worst = fmax(worst, fabs((h[i + j * M] + h[j + i * M]) / 2 - (p + q) / 2));
            odd += (p - q) * (p - q);
            even += (p + q) * (p + q);
        }
    CHECK_NEAR(worst, 0, 1e-13);
    CHECK_CLOSE(s.counts.asymmetry, sqrt(odd / even), 1e-12);
    CHECK(s.counts.asymmetry > .01 && s.counts.breakdowns == 0);
    free(s.block);
}

/* A space that closes under a non-symmetric C is complete for C, not for its symmetric part. */
static void test_asymmetric_breakdown(void)
{
    double c[16] = {0}, z[4] = {1, 0, 0, 0}, y[4];
    const matrix m = {4, c};
    c[0] = c[5] = c[10] = c[15] = 1;
    c[1] = .5; /* C e_1 = e_1 + e_2 / 2, C e_2 = e_2 */
    space s = run(COVSAMP_F64, &m, z, 3, 0, 1, y);
    CHECK(s.k.size[0] == 2 && s.counts.breakdowns == 1 && s.counts.asymmetric == 1);
    CHECK_CLOSE(s.counts.asymmetry, sqrt(.5) / sqrt(8.5), 1e-14);
    free(s.block);
    c[4] = .5; /* now symmetric */
    s = run(COVSAMP_F64, &m, z, 3, 0, 1, y);
    CHECK(s.k.size[0] == 2 && s.counts.breakdowns == 1 && s.counts.asymmetric == 0);
    CHECK(s.counts.asymmetry < 1e-15);
    free(s.block);
}

/* Samples that stop at different times: each equals its own run bit for bit. */
static void test_mixed_batch(int32_t dtype)
{
    enum { D = 50, B = 5, M = 6 };
    static const int64_t sizes[B] = {M, 1, 0, 3, M};
    static double c[D * D], z[B * D];
    double y[D], alone[D];
    const matrix m = {D, c};
    for (int i = 0; i < D; i++)
        c[i + i * D] = 1 + .125 * i;
    numbers(6, B * D, z);
    memset(z + D, 0, 3 * D * sizeof *z); /* sample 1: an eigenvector; 2: zero; 3: three of them */
    z[D + 7] = -2;
    z[3 * D + 4] = z[3 * D + 20] = z[3 * D + 33] = 1.5;
    space all = open_space(dtype, B, D, M);
    build(&all, &m, z);
    CHECK(all.counts.used == M + 1 + 0 + 3 + M && all.counts.breakdowns == 2);
    for (int64_t b = 0; b < B; b++) {
        space one = run(dtype, &m, z + b * D, M, .3, .9, alone);
        draw(&all, b, .3, .9, y);
        CHECK(all.k.size[b] == sizes[b] && one.k.size[0] == sizes[b]);
        CHECK(memcmp(y, alone, sizeof y) == 0);
        CHECK(memcmp(all.k.h + b * M * M, one.k.h, (size_t)(sizes[b] * M) * sizeof(double)) == 0);
        free(one.block);
    }
    build(&all, &m, z); /* and once more in the same memory */
    draw(&all, B - 1, .3, .9, y);
    CHECK(memcmp(y, alone, sizeof y) == 0);
    free(all.block);
}

/* f32 at condition 1e4: the basis stays orthogonal, and the error is that of exact arithmetic. */
static void test_f32(void)
{
    enum { D = 300 };
    static double c[D * D];
    double e[D], z[D], r[D], y[D], exact[D];
    const matrix m = {D, c};
    numbers(8, D, z);
    for (int i = 0; i < D; i++)
        z[i] = (float)z[i];
    for (int i = 0; i < D; i++)
        e[i] = pow(10, 4.0 * i / (D - 1));
    operator_of(D, e, z, c, r);
    static const int64_t steps[] = {3, 8, 16, 32, 64};
    for (int n = 0; n < LENGTH(steps); n++) {
        space f = run(COVSAMP_F32, &m, z, steps[n], 0, 1, y);
        space d = run(COVSAMP_F64, &m, z, steps[n], 0, 1, exact);
        double worst = 0;
        for (int64_t i = 0; i < steps[n]; i++)
            for (int64_t j = 0; j <= i; j++)
                worst = fmax(worst, fabs(covsamp__dot(COVSAMP_F32, D, (float *)f.k.v + i * D,
                                                      (float *)f.k.v + j * D) -
                                         (i == j)));
        CHECK_NEAR(worst, 0, 1e-6);
        CHECK(gap(D, y, r) <= 1.1 * gap(D, exact, r)); /* a tenth more, at every m */
        printf("f32, m = %2d: |V^T V - I| %.1e, error %.3e, in f64 %.3e\n", (int)steps[n], worst,
               gap(D, y, r), gap(D, exact, r));
        free(f.block);
        free(d.block);
    }
}

/* Products that are differences of large terms: their rounding error is no direction. */
static void test_magnitude(void)
{
    enum { D = 64 };
    const float large = 1e4f, c = .3f;
    float z[D], w[D];
    double x[D];
    space s = open_space(COVSAMP_F32, 1, D, 5);
    numbers(9, D, x);
    covsamp__from_double(COVSAMP_F32, D, x, z);
    covsamp__krylov_start(&s.k, z);
    const float *v = covsamp__krylov_wants(&s.k);
    for (int i = 0; i < D; i++) {
        const float part = (large - c) * v[i];
        w[i] = large * v[i] - part;
    }
    covsamp__krylov_take(&s.k, w, (double)large, &s.counts);
    CHECK(covsamp__krylov_wants(&s.k) == NULL);
    CHECK(s.k.size[0] == 1 && s.counts.breakdowns == 1);
    free(s.block);
}

/* More steps than dimensions: the space is the whole, which is no breakdown. (Orders around 25 need
 * more work for their eigenvalues than order 26.) */
static void test_beyond_dim(int64_t d, int64_t most)
{
    double e[MOST], z[MOST], r[MOST], y[MOST], *c = malloc((size_t)(d * d) * sizeof *c);
    const matrix m = {d, c};
    numbers(10, d, z);
    for (int i = 0; i < d; i++)
        e[i] = 1 + i;
    operator_of(d, e, z, c, r);
    space s = run(COVSAMP_F64, &m, z, most, 0, 1, y);
    CHECK(s.k.size[0] == d && s.counts.used == d && s.counts.breakdowns == 0);
    CHECK_NEAR(gap(d, y, r), 0, 1e-14);
    free(s.block);
    free(c);
}

int main(void)
{
    test_o7();
    test_breakdowns();
    test_energy();
    test_nonsymmetric();
    test_asymmetric_breakdown();
    test_mixed_batch(COVSAMP_F32);
    test_mixed_batch(COVSAMP_F64);
    test_f32();
    test_magnitude();
    test_beyond_dim(7, 11);
    test_beyond_dim(24, 26);
    test_beyond_dim(25, 26);
    test_beyond_dim(40, 300);
    return check_done();
}
