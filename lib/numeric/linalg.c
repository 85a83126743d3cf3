/* SPDX-License-Identifier: BSD-3-Clause */
/* BLAS and LAPACK behind two doors.
 *
 * Eigenvectors: QR (dsyev) up to order 25 and from 16001 on, divide and conquer (dsyevd) between,
 * where it is several times faster.  dsyevd itself uses QR up to 25, both are backward stable with
 * orthogonality at rounding level, and dsyevd's work of 2 n^2 doubles must fit LAPACK's int. */
#include "numeric/linalg.h"

#include <cblas.h>
#include <lapacke.h>

#include <stddef.h>
#include <string.h>

#define QR_TO 25
#define DIVIDE_TO 16000

static int divides(int64_t n)
{
    return n > QR_TO && n <= DIVIDE_TO;
}

/* Doubles that hold dsyevd's 3 + 5 n integers, whatever their size. */
static int64_t integer_room(int64_t n)
{
    return ((3 + 5 * n) * (int64_t)sizeof(lapack_int) + 7) / 8;
}

static int64_t divide_room(int64_t n)
{
    return integer_room(n) + 1 + 6 * n + 2 * n * n;
}

int64_t covsamp__eigh_work(int64_t n)
{
    if (n < 0 || n > COVSAMP__MAX_ORDER)
        return 0;
    /* dsyev: 3 n - 1 is the least, (block + 2) n the most it can use, block being 32 or 64. */
    return divides(n) ? divide_room(n) : 66 * n + 1;
}

int covsamp__eigh(int64_t n, double *a, double *w, double *work, int64_t lwork)
{
    if (n == 0)
        return 0;
    if (n < 0 || n > COVSAMP__MAX_ORDER || lwork < 3 * n)
        return 1; /* a caller's mistake: nothing was computed */
    lapack_int order = (lapack_int)n, info;
    if (divides(n) && lwork >= divide_room(n)) { /* a room for another order may be too small */
        /* The integers lie behind the doubles of the one work array. */
        int64_t room = integer_room(n), doubles = lwork - room;
        lapack_int most = (lapack_int)(doubles < INT32_MAX ? doubles : INT32_MAX);
        lapack_int *integers = (lapack_int *)(void *)(work + doubles);
        info = LAPACKE_dsyevd_work(LAPACK_COL_MAJOR, 'V', 'L', order, a, order, w, work, most,
                                   integers, (lapack_int)(3 + 5 * n));
    } else {
        lapack_int most = (lapack_int)(lwork < INT32_MAX ? lwork : INT32_MAX);
        info = LAPACKE_dsyev_work(LAPACK_COL_MAJOR, 'V', 'L', order, a, order, w, work, most);
    }
    return info == 0 ? 0 : info > 0 ? (int)info : 1;
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
