/* SPDX-License-Identifier: BSD-3-Clause */
/* Cosine transforms: the definition by libm, inverse, Parseval, the adjoint of the frame, and the
 * same bits whatever the BLAS's threads. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include "numeric/dct.h"
#include "numeric/linalg.h"

#include <covsamp/covsamp.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const double pi = 3.14159265358979323846;

static double *normals(int64_t draw, int64_t n)
{
    double *x = malloc((size_t)n * sizeof *x);
    (void)covsamp_noise_normal(3, draw, COVSAMP_STREAM_USER, 0, 0, n, x);
    return x;
}

static double norm2(int64_t n, const double *x)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i] * x[i];
    return sum;
}

static double furthest(int64_t n, const double *x, const double *y)
{
    double worst = 0;
    for (int64_t i = 0; i < n; i++)
        worst = fmax(worst, fabs(x[i] - y[i]));
    return worst;
}

/* Basis vector f of n values, at i. */
static double basis(int64_t n, int64_t f, int64_t i)
{
    return sqrt((f == 0 ? 1.0 : 2.0) / (double)n) *
           cos(pi * (double)((2 * i + 1) * f) / (2 * (double)n));
}

static covsamp__dct transform(int64_t channels, int64_t height, int64_t width, int64_t ky,
                              int64_t kx)
{
    covsamp__dct d = {channels, height, width, kx, ky, NULL, NULL};
    d.bx = malloc((size_t)(kx * kx) * sizeof *d.bx);
    d.by = malloc((size_t)(ky * ky) * sizeof *d.by);
    covsamp__dct_basis(kx, d.bx);
    covsamp__dct_basis(ky, d.by);
    return d;
}

static void drop(covsamp__dct *d)
{
    free(d->bx);
    free(d->by);
}

/* ---- checks ---- */

static void matrices(void)
{
    static const int64_t orders[] = {1, 2, 3, 4, 7, 8, 28, 33, 64, 100};
    for (int k = 0; k < 10; k++) {
        const int64_t n = orders[k];
        double *b = malloc((size_t)(n * n) * sizeof *b), off = 0, skew = 0;
        covsamp__dct_basis(n, b);
        for (int64_t f = 0; f < n; f++)
            for (int64_t g = 0; g < n; g++) {
                double dot = 0;
                for (int64_t i = 0; i < n; i++)
                    dot += b[f * n + i] * b[g * n + i];
                skew = fmax(skew, fabs(dot - (f == g)));
                off = fmax(off, fabs(b[f * n + g] - basis(n, f, g)));
            }
        CHECK_NEAR(skew, 0, 1e-14);
        CHECK_NEAR(off, 0, 1e-14);
        free(b);
    }
}

static void products(void)
{
    enum { M = 70, N = 130, K = 65 };
    double *a = normals(1, M * K), *b = normals(2, K * N), *c = malloc(sizeof *c * M * N);
    for (int t = 0; t < 4; t++) {
        double worst = 0;
        memset(c, 0xff, sizeof *c * M * N); /* NaN: must not be read */
        covsamp__gemm(t & 1, t >> 1, M, N, K, a, t & 1 ? K : M, b, t >> 1 ? N : K, c, M);
        for (int i = 0; i < M; i++)
            for (int j = 0; j < N; j++) {
                double sum = 0;
                for (int l = 0; l < K; l++)
                    sum += (t & 1 ? a[l + i * K] : a[i + l * M]) *
                           (t >> 1 ? b[j + l * N] : b[l + j * K]);
                worst = fmax(worst, fabs(sum - c[i + j * M]));
            }
        CHECK_NEAR(worst, 0, 1e-12);
    }
    free(a);
    free(b);
    free(c);
}

/* One coefficient of windows side by side, by definition. */
static double coefficient(const covsamp__dct *d, const double *x, int64_t c, int64_t y, int64_t col)
{
    const int64_t fy = y % d->ky, fx = col % d->kx;
    double sum = 0;
    for (int64_t j = 0; j < d->ky; j++)
        for (int64_t i = 0; i < d->kx; i++)
            sum += basis(d->ky, fy, j) * basis(d->kx, fx, i) *
                   x[(c * d->height + (y - fy + j) % d->height) * d->width +
                     (col - fx + i) % d->width];
    return sum;
}

static void side_by_side(int64_t channels, int64_t height, int64_t width, int64_t ky, int64_t kx)
{
    covsamp__dct d = transform(channels, height, width, ky, kx);
    const int64_t n = channels * height * width;
    double *x = normals(4, n), *y = malloc((size_t)(2 * n) * sizeof *y), *work = y + n;
    memcpy(y, x, (size_t)n * sizeof *y);
    covsamp__dct_blocks(&d, 0, y, work);
    for (int64_t i = 0; i < n; i += 1 + n / 50) {
        const int64_t c = i / (height * width), row = i / width % height;
        CHECK_NEAR(y[i], coefficient(&d, x, c, row, i % width), 1e-12);
    }
    CHECK_CLOSE(norm2(n, y), norm2(n, x), 1e-13);
    covsamp__dct_blocks(&d, 1, y, work);
    CHECK_NEAR(furthest(n, x, y), 0, 1e-13);
    free(x);
    free(y);
    drop(&d);
}

/* A^T A = kx ky I, <A x, e> = <x, A^T e>, and coefficients by definition. */
static void everywhere(int64_t height, int64_t width, int64_t ky, int64_t kx)
{
    covsamp__dct d = transform(1, height, width, ky, kx);
    const int64_t n = height * width, row = width * kx * ky;
    double *x = normals(5, n), *e = normals(6, row), *y = calloc((size_t)(2 * n), sizeof *y);
    double *z = y + n, *c = malloc((size_t)row * sizeof *c), energy = 0, left = 0, right = 0;
    double *work = malloc((size_t)covsamp__dct_row_work(&d) * sizeof *work);
    for (int64_t r = 0; r < height; r++) {
        covsamp__dct_row(&d, x, r, c, work);
        energy += norm2(row, c);
        for (int64_t i = 0; i < row; i += 1 + row / 30) {
            const int64_t fx = i / (width * ky), fy = i / width % ky;
            double sum = 0;
            for (int64_t j = 0; j < ky; j++)
                for (int64_t k = 0; k < kx; k++)
                    sum += basis(ky, fy, j) * basis(kx, fx, k) *
                           x[(r + j) % height * width + (i % width + k) % width];
            CHECK_NEAR(c[i], sum, 1e-12);
        }
        if (r == height / 2)
            for (int64_t i = 0; i < row; i++)
                left += c[i] * e[i];
        covsamp__dct_row_adjoint(&d, c, r, y, work);
    }
    covsamp__dct_row_adjoint(&d, e, height / 2, z, work);
    for (int64_t i = 0; i < n; i++) {
        right += x[i] * z[i];
        y[i] /= (double)(kx * ky);
    }
    CHECK_CLOSE(energy, (double)(kx * ky) * norm2(n, x), 1e-13);
    CHECK_NEAR(furthest(n, x, y), 0, 1e-13);
    CHECK_NEAR(left, right, 1e-11);
    free(x);
    free(e);
    free(y);
    free(c);
    free(work);
    drop(&d);
}

/* ---- threads: a child process for each number of them prints a hash ---- */

static uint64_t hash(uint64_t h, const double *x, int64_t n)
{
    const unsigned char *p = (const unsigned char *)x;
    for (size_t i = 0; i < (size_t)n * sizeof *x; i++) /* FNV-1a */
        h = (h ^ p[i]) * UINT64_C(1099511628211);
    return h;
}

static int child(void)
{
    static const int64_t sides[] = {28, 64, 100, 256};
    uint64_t h = UINT64_C(14695981039346656037);
    for (int k = 0; k < 4; k++) {
        const int64_t n = sides[k] * sides[k];
        covsamp__dct d = transform(1, sides[k], sides[k], sides[k], sides[k]);
        covsamp__dct e = transform(1, sides[k], sides[k], 8, 8);
        double *x = normals(7, n), *work = malloc((size_t)n * sizeof *work);
        double *row = malloc((size_t)sides[k] * 64 * sizeof *row);
        double *more = malloc((size_t)covsamp__dct_row_work(&e) * sizeof *more);
        covsamp__dct_blocks(&d, 0, x, work);
        h = hash(h, x, n);
        covsamp__dct_row(&e, x, 3, row, more);
        covsamp__dct_row_adjoint(&e, row, 5, x, more);
        covsamp__dct_blocks(&d, 1, x, work);
        h = hash(h, x, n);
        drop(&d);
        drop(&e);
        free(x);
        free(work);
        free(row);
        free(more);
    }
    printf("%016" PRIx64 "\n", h);
    return 0;
}

static int run_child(const char *self, const char *threads, char result[64])
{
    int pipe_ends[2], status = 1;
    if (pipe(pipe_ends) != 0)
        return 0;
    const pid_t pid = fork();
    if (pid == 0) {
        dup2(pipe_ends[1], STDOUT_FILENO);
        close(pipe_ends[0]);
        setenv("OPENBLAS_NUM_THREADS", threads, 1);
        execl(self, self, "child", (char *)NULL);
        _exit(127);
    }
    close(pipe_ends[1]);
    ssize_t got = read(pipe_ends[0], result, 63);
    result[got > 0 ? got : 0] = '\0';
    close(pipe_ends[0]);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static void blas_threads(const char *self)
{
    char one[64], other[64];
    CHECK(run_child(self, "1", one) && strlen(one) == 17);
    CHECK(run_child(self, "2", other) && strcmp(one, other) == 0);
    CHECK(run_child(self, "4", other) && strcmp(one, other) == 0);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return child();
    matrices();
    products();
    side_by_side(1, 16, 16, 16, 16);
    side_by_side(3, 12, 20, 12, 20);
    side_by_side(2, 16, 24, 8, 8);
    side_by_side(1, 1, 60, 1, 60);
    side_by_side(2, 1, 60, 1, 5);
    side_by_side(1, 70, 3, 70, 3);
    side_by_side(2, 5, 7, 1, 1);
    everywhere(16, 16, 4, 4);
    everywhere(9, 11, 8, 8);
    everywhere(8, 8, 8, 8);
    everywhere(1, 40, 1, 8);
    everywhere(5, 6, 1, 1);
    blas_threads(argv[0]);
    return check_done();
}
