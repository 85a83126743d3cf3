/* SPDX-License-Identifier: BSD-3-Clause */
/* BLAS and LAPACK behind two doors.
 *
 * Eigenvectors, by order:
 *     up to 128        dsbev, the matrix taken as a full band: its reduction is plane rotations, no
 *                      matrix products.  dsyev's is dsymv, which OpenBLAS splits over its threads
 * at every order, so that last bits would depend on their number. up to 16000      dsyevd (divide
 * and conquer), several times faster than QR above            dsyev: dsyevd's work of 2 n^2 doubles
 * would not fit LAPACK's int All are backward stable with eigenvectors orthonormal to rounding. */
#include "numeric/linalg.h"

#include <cblas.h>
#include <lapacke.h>

#include <math.h>
#include <stddef.h>
#include <string.h>

#define BAND_TO   128
#define DIVIDE_TO 16000

/* Doubles that hold dsyevd's 3 + 5 n integers, whatever their size. */
static int64_t integer_room(int64_t n)
{
    return ((3 + 5 * n) * (int64_t)sizeof(lapack_int) + 7) / 8;
}

int64_t covsamp__matrix_stride(int64_t n)
{
    return (n * n + 7) / 8 * 8; /* 64 bytes, as blocks of handles are aligned */
}

int64_t covsamp__eigh_work(int64_t n)
{
    if (n < 0 || n > COVSAMP__MAX_ORDER)
        return 0;
    if (n <= BAND_TO)
        return n * n + 3 * n;
    if (n <= DIVIDE_TO)
        return integer_room(n) + 1 + 6 * n + 2 * n * n;
    /* 3 n - 1 is the least, (block + 2) n the most it can use, block being 32 or 64; and what a
     * smaller order may need. */
    return 66 * n + covsamp__eigh_work(DIVIDE_TO);
}

/* Column j of the band holds a[j][j], a[j+1][j], ...; the eigenvectors come out in a. */
static lapack_int by_band(lapack_int n, double *a, double *w, double *work)
{
    double *band = work + 3 * (size_t)n;
    memset(band, 0, sizeof *band * (size_t)n * (size_t)n);
    for (lapack_int j = 0; j < n; j++)
        memcpy(band + (size_t)j * (size_t)n, a + (size_t)j * (size_t)n + j,
               sizeof *band * (size_t)(n - j));
    return LAPACKE_dsbev_work(LAPACK_COL_MAJOR, 'V', 'L', n, n - 1, band, n, w, a, n, work);
}

/* The integers lie behind the doubles of the one work array. */
static lapack_int by_division(lapack_int n, double *a, double *w, double *work, int64_t lwork)
{
    const int64_t doubles = lwork - integer_room(n);
    const lapack_int most = (lapack_int)(doubles < INT32_MAX ? doubles : INT32_MAX);
    lapack_int *integers = (lapack_int *)(void *)(work + doubles);
    return LAPACKE_dsyevd_work(LAPACK_COL_MAJOR, 'V', 'L', n, a, n, w, work, most, integers,
                               3 + 5 * n);
}

/* LAPACK may call an iteration on infinities or NaN a success. */
static int first_nonfinite(int64_t n, const double *w)
{
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(w[i]))
            return (int)(i + 1);
    return 0;
}

int covsamp__eigh(int64_t n, double *a, double *w, double *work, int64_t lwork)
{
    if (n == 0)
        return 0;
    if (n < 0 || lwork < covsamp__eigh_work(n) || n > COVSAMP__MAX_ORDER)
        return 1; /* a caller's mistake: nothing was computed */
    const lapack_int order = (lapack_int)n;
    lapack_int info;
    if (n <= BAND_TO)
        info = by_band(order, a, w, work);
    else if (n <= DIVIDE_TO)
        info = by_division(order, a, w, work, lwork);
    else
        info = LAPACKE_dsyev_work(LAPACK_COL_MAJOR, 'V', 'L', order, a, order, w, work,
                                  (lapack_int)(lwork < INT32_MAX ? lwork : INT32_MAX));
    return info == 0 ? first_nonfinite(n, w) : info > 0 ? (int)info : 1;
}

void covsamp__gemv(int transpose, int64_t rows, int64_t columns, const double *a, const double *x,
                   double *y)
{
    int64_t out = transpose ? columns : rows;
    memset(y, 0, (size_t)out * sizeof *y); /* BLAS leaves y alone where the sum is empty */
    if (rows == 0 || columns == 0)
        return;
    cblas_dgemv(CblasColMajor, transpose ? CblasTrans : CblasNoTrans, (int)rows, (int)columns, 1.0,
                a, (int)rows, x, 1, 0.0, y, 1);
}

/* OpenBLAS uses one thread up to m n k = 2^18: these are half of that. */
#define TILE_ROWS    64
#define TILE_COLUMNS 64
#define TILE_SUM     32

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void covsamp__gemm(int transpose_a, int transpose_b, int64_t m, int64_t n, int64_t k,
                   const double *a, int64_t lda, const double *b, int64_t ldb, double *c,
                   int64_t ldc)
{
    for (int64_t j = 0; j < n; j += TILE_COLUMNS)
        for (int64_t i = 0; i < m; i += TILE_ROWS)
            for (int64_t l = 0; l < k; l += TILE_SUM)
                cblas_dgemm(CblasColMajor, transpose_a ? CblasTrans : CblasNoTrans,
                            transpose_b ? CblasTrans : CblasNoTrans, (int)least(m - i, TILE_ROWS),
                            (int)least(n - j, TILE_COLUMNS), (int)least(k - l, TILE_SUM), 1.0,
                            transpose_a ? a + l + i * lda : a + i + l * lda, (int)lda,
                            transpose_b ? b + j + l * ldb : b + l + j * ldb, (int)ldb,
                            l == 0 ? 0.0 : 1.0, c + i + j * ldc, (int)ldc);
}
