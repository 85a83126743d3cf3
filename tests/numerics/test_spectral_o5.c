/* SPDX-License-Identifier: BSD-3-Clause */
/* Oracle O5: how well cosine bases fit the posterior covariance of a stationary field of 16 x 16 (a
 * crop of a power-law field, so not periodic), and how well one probe finds their variances; and
 * Gaussian data whose covariance is diagonal in the basis, for which a run is exact. */
#include "check.h"
#include "covariance/spectrum.h"
#include "gaussian.h"
#include "numeric/linalg.h"

#include <covsamp/covsamp.h>
#include <stdlib.h>

enum { N = 16, D = N * N, BIG = 64, PROBES = 400 };

static double *root, *field; /* eigenvectors (columns) and values of the field's covariance */

/* ---- the field ---- */

/* Autocovariance of the BIG x BIG periodic field, spectrum 1 / (1 + f^2)^1.25, variance 1/4. */
static void autocovariance(double out[D])
{
    static double power[BIG * BIG], turn[BIG];
    double sum = 0;
    for (int i = 0; i < BIG; i++)
        turn[i] = cos(2 * 3.14159265358979323846 * i / BIG);
    for (int y = 0; y < BIG; y++)
        for (int x = 0; x < BIG; x++) {
            const double fy = y < BIG / 2 ? y : y - BIG, fx = x < BIG / 2 ? x : x - BIG;
            power[y * BIG + x] = pow(1 + fx * fx + fy * fy, -1.25);
            sum += power[y * BIG + x];
        }
    for (int a = 0; a < D; a++) {
        out[a] = 0;
        for (int y = 0; y < BIG; y++)
            for (int x = 0; x < BIG; x++) /* even in x and in y */
                out[a] += .25 / sum * power[y * BIG + x] * turn[y * (a / N) % BIG] *
                          turn[x * (a % N) % BIG];
    }
}

static void make_field(void)
{
    double ac[D];
    autocovariance(ac);
    for (int i = 0; i < D; i++)
        for (int j = 0; j < D; j++)
            root[i + j * D] = ac[abs(i / N - j / N) * N + abs(i % N - j % N)];
    double *work = malloc((size_t)covsamp__eigh_work(D) * sizeof *work);
    CHECK(covsamp__eigh(D, root, field, work, covsamp__eigh_work(D)) == 0);
    free(work);
}

/* S = Cov[x0 | x_t] at a noise / signal of nsr. */
static void posterior(double nsr, double *s)
{
    double e[D];
    for (int i = 0; i < D; i++)
        e[i] = field[i] * nsr / (field[i] + nsr);
    spectral(D, root, e, s);
}

/* ---- spectra ---- */

static covsamp__spectrum *spectrum(int32_t mode, int64_t k, int32_t pool)
{
    covsamp__spectrum s;
    covsamp__arena arena = {0};
    memset(&s, 0, sizeof s);
    s.dct.channels = s.batch = 1;
    s.dct.height = s.dct.width = N;
    s.dct.kx = s.dct.ky = k;
    s.dim = D;
    s.mode = mode;
    s.pool = pool;
    covsamp__spectrum_layout(&s, &arena);
    char *block = calloc(1, arena.used + sizeof s + 64);
    arena = (covsamp__arena){.base = block + (sizeof s + 63) / 64 * 64};
    covsamp__spectrum_layout(&s, &arena);
    memcpy(block, &s, sizeof s);
    return (covsamp__spectrum *)(void *)block;
}

/* A as a matrix [coefficients][D], in the order of chunks; frees with free(). */
static double *analysis(covsamp__spectrum *s, int64_t *rows)
{
    const int64_t chunk = covsamp__spectrum_chunk(s), chunks = covsamp__spectrum_chunks(s);
    *rows = chunk * chunks;
    double *a = malloc((size_t)(*rows * D) * sizeof *a), unit[D];
    for (int j = 0; j < D; j++) {
        memset(unit, 0, sizeof unit);
        unit[j] = 1;
        for (int64_t i = 0; i < chunks; i++)
            covsamp__spectrum_forward(s, i, unit, a + j * *rows + i * chunk);
    }
    return a;
}

/* lam of every coefficient: the mean of u^T S u over its pool, by y = 1, s = u^T S u. */
static double *pooled(covsamp__spectrum *s, const double *a, int64_t rows, const double *cov)
{
    const int64_t chunk = covsamp__spectrum_chunk(s);
    int64_t negative = 0;
    double *b = malloc((size_t)(rows * D) * sizeof *b), *lam = calloc((size_t)rows, sizeof *lam);
    double *one = malloc((size_t)chunk * sizeof *one);
    covsamp__gemm(0, 0, rows, D, D, a, rows, cov, D, b, rows);
    for (int64_t j = 0; j < D; j++)
        for (int64_t i = 0; i < rows; i++)
            lam[i] += a[i + j * rows] * b[i + j * rows];
    for (int64_t i = 0; i < chunk; i++)
        one[i] = 1;
    covsamp__spectrum_forget(s);
    for (int64_t i = 0; i < rows; i += chunk)
        covsamp__spectrum_add(s, 0, one, lam + i, 1);
    CHECK(covsamp__spectrum_solve(s, 0, &negative) == 0 && negative == 0);
    free(b);
    free(one);
    return lam;
}

static double identity(double eigenvalue, const void *user)
{
    (void)user;
    return eigenvalue;
}

/* |A^T lam A / frame - S| / |S|: the products with all unit vectors. */
static double misfit(covsamp__spectrum *s, const double *cov)
{
    const int64_t chunk = covsamp__spectrum_chunk(s), chunks = covsamp__spectrum_chunks(s);
    double *e = malloc((size_t)chunk * sizeof *e), column[D], all[D * 2], off = 0;
    covsamp__spectrum_factors(s, 0, 1, identity, NULL);
    for (int j = 0; j < D; j++) {
        memset(all, 0, sizeof all);
        all[D + j] = 1;
        for (int64_t i = 0; i < chunks; i++) {
            covsamp__spectrum_forward(s, i, all + D, e);
            covsamp__spectrum_apply(s, 0, e);
            covsamp__spectrum_back(s, i, e, all);
        }
        for (int i = 0; i < D; i++) {
            column[i] = all[i] / covsamp__spectrum_frame(s) - cov[i + j * D];
            off += column[i] * column[i];
        }
    }
    free(e);
    return sqrt(off) / norm(D * D, cov);
}

/* The numbers of o5_out.txt, printed with three digits. */
static const struct {
    int32_t mode, k;
    double error[4];
} known[] = {{COVSAMP_DCT_FULL, 16, {.163, .126, .075, .026}},
             {COVSAMP_DCT_BLOCK, 4, {.765, .540, .320, .105}},
             {COVSAMP_DCT_BLOCK, 8, {.523, .365, .215, .069}},
             {COVSAMP_DCT_SLIDING, 4, {.745, .506, .273, .087}},
             {COVSAMP_DCT_SLIDING, 8, {.580, .412, .221, .067}}};

static double positive(double eigenvalue, const void *unused)
{
    (void)unused;
    return fmax(eigenvalue, 0);
}

static void test_structure(void)
{
    static const double nsr[4] = {10, 1, .1, .01};
    double *cov = malloc(sizeof *cov * D * D);
    for (int m = 0; m < LENGTH(known); m++) {
        covsamp__spectrum *s = spectrum(known[m].mode, known[m].k, COVSAMP_POOL_POSITION);
        int64_t rows;
        double *a = analysis(s, &rows), trace = 0;
        for (int i = 0; i < 4; i++) {
            posterior(nsr[i], cov);
            double *lam = pooled(s, a, rows, cov);
            CHECK_NEAR(misfit(s, cov), known[m].error[i], 6e-4);
            trace = 0;
            for (int j = 0; j < D; j++)
                trace += cov[j + j * D];
            CHECK_CLOSE(covsamp__spectrum_mean(s, 0, 1, positive, NULL) * D, trace, 1e-12);
            free(lam);
        }
        free(a);
        free(s);
    }
    free(cov);
}

/* ---- one probe ---- */

typedef struct {
    double plain, ratio, transform;
} errors;

/* One estimate from tangent v; signs NULL: y = A v.  Adds the mean relative error of the variances
 * to *error, and that of sums without the quotient to *plain. */
static void probe(covsamp__spectrum *s, const double *cov, const double *v, const double *signs,
                  const double *lam, double *error, double *plain)
{
    const int64_t chunks = covsamp__spectrum_chunks(s);
    const double share = (double)(chunks * covsamp__spectrum_chunk(s)) / (double)s->pools;
    double product[D], *y = malloc(sizeof *y * 2 * (size_t)covsamp__spectrum_chunk(s));
    double *sy = y + covsamp__spectrum_chunk(s);
    int64_t negative = 0;
    multiply(D, cov, v, product);
    covsamp__spectrum_forget(s);
    for (int64_t i = 0; i < chunks; i++) {
        covsamp__spectrum_forward(s, i, v, y);
        covsamp__spectrum_forward(s, i, product, sy);
        covsamp__spectrum_add(s, 0, signs != NULL ? signs : y, sy, 1);
    }
    CHECK(covsamp__spectrum_solve(s, 0, &negative) == 0);
    for (int64_t g = 0; g < s->pools; g++) {
        *error += fabs(s->variance[g] - lam[g]) / lam[g] / (double)(s->pools * PROBES);
        *plain += fabs(s->moment[2 * g] / share - lam[g]) / lam[g] / (double)(s->pools * PROBES);
    }
    free(y);
}

static errors estimator(int32_t mode)
{
    covsamp__spectrum *s = spectrum(mode, 4, COVSAMP_POOL_POSITION);
    double *cov = malloc(sizeof *cov * D * D), z[D], r[D], v[D], lam[16], unused = 0;
    errors e = {0, 0, 0};
    int64_t rows;
    posterior(.1, cov);
    double *a = analysis(s, &rows);
    free(pooled(s, a, rows, cov));
    memcpy(lam, s->variance, sizeof lam);
    for (int p = 0; p < PROBES; p++) {
        normals(100 + p, D, z);
        for (int i = 0; i < D; i++)
            r[i] = z[i] < 0 ? -1 : 1;
        probe(s, cov, r, NULL, lam, &e.ratio, &e.plain);
        if (mode == COVSAMP_DCT_SLIDING)
            continue;
        memcpy(v, r, sizeof v);
        covsamp__spectrum_back(s, 0, v, v);
        probe(s, cov, v, r, lam, &e.transform, &unused);
    }
    free(a);
    free(s);
    free(cov);
    return e;
}

/* o5_out.txt, Rademacher: .272 plain, .075 ratio, .072 transform for blocks; .144 and .051 for
 * windows at every position; each a mean over 400 probes. */
static void test_estimators(void)
{
    const errors block = estimator(COVSAMP_DCT_BLOCK), sliding = estimator(COVSAMP_DCT_SLIDING);
    CHECK_NEAR(block.plain, .272, .025);
    CHECK_NEAR(block.ratio, .075, .004);
    CHECK_NEAR(block.transform, .072, .004);
    CHECK_NEAR(sliding.plain, .144, .015);
    CHECK_NEAR(sliding.ratio, .051, .003);
    printf("block: plain %.3f ratio %.3f transform %.3f; sliding: plain %.3f ratio %.3f\n",
           block.plain, block.ratio, block.transform, sliding.plain, sliding.ratio);
}

/* Misfit of one probe's full-image estimate against its pools, for docs/math.md. */
static void test_pools(void)
{
    static const int32_t pools[] = {COVSAMP_POOL_POSITION, COVSAMP_POOL_RADIAL};
    double *cov = malloc(sizeof *cov * D * D), z[D], v[D], best = 0;
    posterior(1, cov);
    for (int k = 0; k < 2; k++) {
        covsamp__spectrum *s = spectrum(COVSAMP_DCT_FULL, N, pools[k]);
        double mean = 0, none = 0, all[D];
        for (int p = 0; p < 20; p++) {
            normals(500 + p, D, z);
            for (int i = 0; i < D; i++)
                v[i] = z[i] = z[i] < 0 ? -1 : 1;
            covsamp__spectrum_back(s, 0, v, v);
            multiply(D, cov, v, all);
            covsamp__spectrum_forget(s);
            covsamp__spectrum_forward(s, 0, all, all);
            covsamp__spectrum_add(s, 0, z, all, 1);
            int64_t negative = 0;
            CHECK(covsamp__spectrum_solve(s, 0, &negative) == 0);
            mean += misfit(s, cov) / 20;
            none += (double)negative / 20;
        }
        printf("full, one probe, pool %d: misfit %.3f, negative %.1f of %d\n", (int)pools[k], mean,
               none, (int)s->pools);
        CHECK(k == 0 ? mean < .6 : mean < best);
        best = mean;
        free(s);
    }
    free(cov);
}

/* ---- Gaussian data: the affine map of a run, as in test_gaussian_exact.c ---- */

enum { H = 3, W = 4, G = H * W };

static int32_t unit_noise(void *user, const covsamp_request *r)
{
    (void)user;
    for (int64_t b = 0; b < r->batch; b++)
        for (int64_t i = 0; i < G; i++)
            store(r->dtype, r->noise, b * r->stride + i, b - 1 - G - r->step * G == i);
    return 0;
}

static void test_gaussian(int64_t steps, const char *options)
{
    const int64_t batch = 1 + G + steps * G;
    int64_t levels[50];
    double bx[W * W], by[H * H], q[G * G], variance[G], mean[G], alpha, sigma, got[G * G] = {0};
    double *x = malloc((size_t)(batch * G) * sizeof *x);
    covsamp_schedule *schedule = linear_schedule();
    covsamp__dct_basis(W, bx);
    covsamp__dct_basis(H, by);
    for (int f = 0; f < G; f++) {
        for (int i = 0; i < G; i++)
            q[f * G + i] = by[f / W * H + i / W] * bx[f % W * W + i % W];
        variance[f] = 2. / (1 + f * f);
        mean[f] = .1 * f - .3;
    }
    CHECK(covsamp_schedule_spaced(schedule, steps, COVSAMP_SPACING_EVEN, levels, NULL) == 0);
    CHECK(covsamp_schedule_at(schedule, (double)levels[0], &alpha, &sigma, NULL) == 0);
    for (int64_t b = 0; b < batch; b++)
        for (int i = 0; i < G; i++) {
            x[b * G + i] = alpha * mean[i];
            if (b > 0 && b <= G)
                x[b * G + i] +=
                    sqrt(alpha * alpha * variance[b - 1] + sigma * sigma) * q[i + (b - 1) * G];
        }
    gaussian data = {G, q, variance, mean};
    covsamp_model model = model_of(gaussian_answer, &data);
    model.noise = unit_noise;
    covsamp_sampler *s = sampler_of(schedule, levels, steps,
                                    "batch=%d dim=%d dtype=f64 prediction=x0 noise=ask "
                                    "last_noise=1 covariance=spectral height=%d width=%d %s",
                                    (int)batch, G, H, W, options);
    CHECK(covsamp_sampler_set_state(s, x, G) == COVSAMP_OK);
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
    read_state(s, COVSAMP_F64, batch, G, x);
    for (int64_t b = 1; b < batch; b++)
        for (int i = 0; i < G * G; i++)
            got[i] += (x[b * G + i % G] - x[i % G]) * (x[b * G + i / G] - x[i / G]);
    double wanted[G * G];
    spectral(G, q, variance, wanted);
    for (int i = 0; i < G * G; i++)
        CHECK_NEAR(got[i], wanted[i], 1e-12);
    for (int i = 0; i < G; i++)
        CHECK_NEAR(x[i], mean[i], 1e-12);
    covsamp_sampler_free(s);
    covsamp_schedule_free(schedule);
    free(x);
}

int main(void)
{
    root = malloc(sizeof *root * (D * D + D));
    field = root + D * D;
    make_field();
    test_structure();
    test_estimators();
    test_pools();
    test_gaussian(1, "eta=1");
    test_gaussian(10, "eta=1");
    test_gaussian(10, "eta=0");
    test_gaussian(25, "eta=0.5 spectral_pool=channel");
    free(root);
    return check_done();
}
