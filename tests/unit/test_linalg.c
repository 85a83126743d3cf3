/* SPDX-License-Identifier: BSD-3-Clause */
/* Eigenvectors on both sides of the orders where the algorithm changes; matrix times vector. */
#include "check.h"

#include "numeric/linalg.h"

#include <stdlib.h>

static double uniform(void)
{
    static unsigned seed = 9;
    seed = seed * 1664525u + 1013904223u;
    return (double)(seed >> 8) / 16777216.0 - 0.5;
}

/* A = V diag(w) V^T and V^T V = I to rounding; junk above the diagonal is never read. */
static void eigenvectors(int n)
{
    int64_t lwork = covsamp__eigh_work(n);
    size_t count = (size_t)n * (size_t)n;
    double *a = malloc(count * sizeof *a), *v = malloc(count * sizeof *v);
    double *w = malloc((size_t)n * sizeof *w), *work = malloc((size_t)lwork * sizeof *work);
    double off = 0.0, skew = 0.0;
    for (int j = 0; j < n; j++)
        for (int i = j; i < n; i++)
            a[i + j * n] = a[j + i * n] = uniform();
    for (int j = 0; j < n; j++)
        for (int i = 0; i < n; i++)
            v[i + j * n] = i >= j ? a[i + j * n] : 1e300;
    CHECK(covsamp__eigh(n, v, w, work, lwork) == 0);
    for (int i = 0; i < n; i++) {
        CHECK(i == 0 || w[i] >= w[i - 1]);
        for (int j = 0; j < n; j++) {
            double sum = 0.0, dot = 0.0;
            for (int k = 0; k < n; k++) {
                sum += v[i + k * n] * w[k] * v[j + k * n];
                dot += v[k + i * n] * v[k + j * n];
            }
            off = fmax(off, fabs(sum - a[i + j * n]));
            skew = fmax(skew, fabs(dot - (i == j)));
        }
    }
    CHECK_NEAR(off, 0.0, 1e-13);
    CHECK_NEAR(skew, 0.0, 1e-13);
    free(a);
    free(v);
    free(w);
    free(work);
}

static void bad_arguments(void)
{
    double a = 3.0, w = 0.0, work[200];
    CHECK(covsamp__eigh(0, NULL, NULL, NULL, 0) == 0);
    CHECK(covsamp__eigh_work(-1) == 0 && covsamp__eigh_work(COVSAMP__MAX_ORDER + 1) == 0);
    CHECK(covsamp__eigh_work(COVSAMP__MAX_ORDER) > 0);
    CHECK(covsamp__eigh(1, &a, &w, work, 0) != 0);
    CHECK(covsamp__eigh(-1, &a, &w, work, 200) != 0);
    CHECK(covsamp__eigh(1, &a, &w, work, 200) == 0);
    CHECK(w == 3.0 && fabs(a) == 1.0);
}

/* LAPACK may say that its iteration on such a matrix converged. */
static void not_finite(int n)
{
    const double bad[3] = {NAN, INFINITY, 1e308};
    double *a = malloc(sizeof *a * (size_t)(n * n)), *w = malloc(sizeof *w * (size_t)n);
    double *work = malloc(sizeof *work * (size_t)covsamp__eigh_work(n));
    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < n * n; i++)
            a[i] = bad[k];
        const int info = covsamp__eigh(n, a, w, work, covsamp__eigh_work(n));
        int finite = 1;
        for (int i = 0; i < n; i++)
            finite &= isfinite(w[i]) != 0;
        CHECK(info > 0 || finite); /* the sum of large numbers may be scaled, and right */
        CHECK(info > 0 || k == 2);
    }
    free(a);
    free(w);
    free(work);
}

static void gemv(void)
{
    const double a[6] = {1, 2, 3, 4, 5, 6}; /* 3 x 2 */
    const double x[3] = {1, -1, 2};
    double y[3] = {NAN, NAN, NAN};
    covsamp__gemv(0, 3, 2, a, x, y);
    CHECK(y[0] == -3 && y[1] == -3 && y[2] == -3);
    covsamp__gemv(1, 3, 2, a, x, y);
    CHECK(y[0] == 5 && y[1] == 11);
    y[0] = y[1] = 7;
    covsamp__gemv(0, 2, 0, a, x, y);
    CHECK(y[0] == 0 && y[1] == 0);
}

int main(void)
{
    const int orders[] = {1, 2, 3, 10, 25, 26, 27, 64, 130};
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
        eigenvectors(orders[i]);
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
        not_finite(orders[i]);
    bad_arguments();
    gemv();
    return check_done();
}
