/* SPDX-License-Identifier: BSD-3-Clause */
/* The colour factor where C is no Kronecker product: the posterior covariance of a field of three
 * correlated channels, 12 x 12 and not periodic.  One probe with and without colours. */
#include "check.h"
#include "covariance/spectrum.h"
#include "gaussian.h"
#include "numeric/linalg.h"

#include <covsamp/covsamp.h>
#include <stdlib.h>

enum { N = 12, PLANE = N * N, M = 3, D = M * PLANE, PROBES = 20 };

static double *plane, *field, *cov; /* eigenvectors and values of one channel; C, D x D */

/* Data K (x) T with T = exp(-distance / 3): in the eigenvectors q of K, C is one posterior for each
 * eigenvalue. */
static void make_posterior(const double *colour_value, double nsr)
{
    double q[M * M], e[PLANE], *s = malloc(sizeof *s * PLANE * PLANE);
    orthogonal(3, M, q);
    memset(cov, 0, sizeof *cov * D * D);
    for (int k = 0; k < M; k++) {
        for (int i = 0; i < PLANE; i++)
            e[i] = colour_value[k] * field[i] * nsr / (colour_value[k] * field[i] + nsr);
        spectral(PLANE, plane, e, s);
        for (int i = 0; i < D; i++)
            for (int j = 0; j < D; j++)
                cov[i + j * D] +=
                    q[i / PLANE + k * M] * q[j / PLANE + k * M] * s[i % PLANE + j % PLANE * PLANE];
    }
    free(s);
}

static void make_field(void)
{
    double *work = malloc((size_t)covsamp__eigh_work(PLANE) * sizeof *work);
    for (int i = 0; i < PLANE; i++)
        for (int j = 0; j < PLANE; j++)
            plane[i + j * PLANE] = .25 * exp(-hypot(i / N - j / N, i % N - j % N) / 3);
    CHECK(covsamp__eigh(PLANE, plane, field, work, covsamp__eigh_work(PLANE)) == 0);
    free(work);
}

static covsamp__spectrum *spectrum(int32_t mode, int64_t k, int32_t pool, int32_t colour)
{
    covsamp__spectrum s;
    covsamp__arena arena = {0};
    memset(&s, 0, sizeof s);
    s.dct = (covsamp__dct){M, N, N, k, k, NULL, NULL};
    s.batch = 1;
    s.dim = D;
    s.mode = mode;
    s.pool = pool;
    s.colour = colour;
    covsamp__spectrum_layout(&s, &arena);
    char *block = calloc(1, arena.used + sizeof s + 64);
    arena = (covsamp__arena){.base = block + (sizeof s + 63) / 64 * 64};
    covsamp__spectrum_layout(&s, &arena);
    memcpy(block, &s, sizeof s);
    return (covsamp__spectrum *)(void *)block;
}

static double limited(double eigenvalue, const void *user)
{
    (void)user;
    return fmax(eigenvalue, 0);
}

static double misfit(covsamp__spectrum *s)
{
    double x[D], off = 0;
    covsamp__spectrum_factors(s, 0, 1, limited, NULL);
    for (int j = 0; j < D; j++) {
        memset(x, 0, sizeof x);
        x[j] = 1;
        covsamp__spectrum_forward(s, 0, x, x);
        covsamp__spectrum_apply(s, 0, x);
        covsamp__spectrum_back(s, 0, x, x);
        for (int i = 0; i < D; i++)
            off += (x[i] - cov[i + j * D]) * (x[i] - cov[i + j * D]);
    }
    return sqrt(off) / norm(D * D, cov);
}

static double positive(double eigenvalue, const void *unused)
{
    (void)unused;
    return fmax(eigenvalue, 0);
}

/* Mean misfit after one probe. */
static double one_probe(int32_t mode, int64_t k, int32_t pool, int32_t colour)
{
    covsamp__spectrum *s = spectrum(mode, k, pool, colour);
    double z[D], v[D], product[D], sum = 0, trace = 0, mean = 0;
    for (int p = 0; p < PROBES; p++) {
        int64_t negative = 0;
        normals(700 + p, D, z);
        for (int i = 0; i < D; i++)
            v[i] = z[i] = z[i] < 0 ? -1 : 1;
        covsamp__spectrum_back(s, 0, v, v);
        multiply(D, cov, v, product);
        covsamp__spectrum_forget(s);
        covsamp__spectrum_forward(s, 0, product, product);
        covsamp__spectrum_add(s, 0, z, product, 1);
        CHECK(covsamp__spectrum_solve(s, 0, &negative) == 0);
        sum += misfit(s) / PROBES;
        mean += covsamp__spectrum_mean(s, 0, 1, positive, NULL) / PROBES;
    }
    for (int i = 0; i < D; i++)
        trace += cov[i + i * D] / D;
    CHECK_CLOSE(mean, trace, .1);
    printf("mode %d, pool %d, colour %d: misfit %.3f, trace off by %+.1f %%\n", (int)mode,
           (int)pool, (int)colour, sum, 100 * (mean / trace - 1));
    free(s);
    return sum;
}

int main(void)
{
    static const double natural[M] = {2.7, .25, .05}, alone[M] = {1, 1, 1};
    plane = malloc(sizeof *plane * (PLANE * PLANE + PLANE + (size_t)D * D));
    field = plane + PLANE * PLANE;
    cov = field + PLANE;
    make_field();
    make_posterior(natural, .1);
    const double plain = one_probe(COVSAMP_DCT_FULL, N, COVSAMP_POOL_POSITION, 0);
    CHECK(one_probe(COVSAMP_DCT_FULL, N, COVSAMP_POOL_CHANNEL, 0) < plain * 1.2);
    CHECK(one_probe(COVSAMP_DCT_FULL, N, COVSAMP_POOL_POSITION, 1) < plain * .6);
    CHECK(one_probe(COVSAMP_DCT_FULL, N, COVSAMP_POOL_RADIAL, 1) < plain * .6);
    CHECK(one_probe(COVSAMP_DCT_BLOCK, 4, COVSAMP_POOL_POSITION, 1) < plain);
    make_posterior(alone, .1); /* nothing to find: colours must not hurt */
    const double none = one_probe(COVSAMP_DCT_FULL, N, COVSAMP_POOL_CHANNEL, 0);
    CHECK(one_probe(COVSAMP_DCT_FULL, N, COVSAMP_POOL_POSITION, 1) < none * 1.1);
    free(plane);
    return check_done();
}
