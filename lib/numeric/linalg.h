/* SPDX-License-Identifier: BSD-3-Clause */
/* Matrices of doubles, column-major: the only file that includes cblas.h and lapacke.h.  Uses names
 * of the reference CBLAS and the _work forms of LAPACKE, which do not allocate.  Knows nobody. */
#ifndef COVSAMP_NUMERIC_LINALG_H
#define COVSAMP_NUMERIC_LINALG_H

#include <stdint.h>

/* Largest order the LP64 interfaces take here. */
#define COVSAMP__MAX_ORDER 46340

/* Doubles from one n x n matrix to the next where several lie behind each other: kernels of some
 * BLAS (OpenBLAS with AVX-512) round by the alignment of what they are given, and all samples are
 * to be given the same. */
int64_t covsamp__matrix_stride(int64_t n);
/* Doubles of work that serve covsamp__eigh() for every order up to n. */
int64_t covsamp__eigh_work(int64_t n);
/* Eigenvalues (ascending, in w) and orthonormal eigenvectors (columns, in a) of the symmetric
 * matrix whose lower triangle is in a, n x n.  Up to order 128 the bits do not depend on the BLAS's
 * threads. 0, or LAPACK's positive info when it did not converge. */
int covsamp__eigh(int64_t n, double *a, double *w, double *work, int64_t lwork);
/* y = a x (transpose 0) or a^T x (1); a is rows x columns with leading dimension rows. */
void covsamp__gemv(int transpose, int64_t rows, int64_t columns, const double *a, const double *x,
                   double *y);
/* c = op(a) op(b), m x n, the sum of length k; op transposes where asked.  Leading dimensions are
 * those of a, b and c as they lie in memory.  Cut into products of a fixed size that is below the
 * BLAS's threading, so that the bits depend on the shape and the data alone. */
void covsamp__gemm(int transpose_a, int transpose_b, int64_t m, int64_t n, int64_t k,
                   const double *a, int64_t lda, const double *b, int64_t ldb, double *c,
                   int64_t ldc);

#endif
