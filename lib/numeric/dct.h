/* SPDX-License-Identifier: BSD-3-Clause */
/* Orthonormal cosine transforms (DCT-II) of a sample [channels][height][width], in double.  They
 * are products with small matrices, each of a shape that depends on the sample's shape alone.
 * Knows numeric/ only.
 *
 * A window has kx x ky values and as many frequencies.  Windows side by side, with kx | width and
 * ky | height, are an orthonormal basis (the whole image is one window); windows at every position,
 * wrapping around, are a tight frame: A^T A = kx ky I. */
#ifndef COVSAMP_NUMERIC_DCT_H
#define COVSAMP_NUMERIC_DCT_H

#include <stdint.h>

typedef struct {
    int64_t channels, height, width;
    int64_t kx, ky;
    double *bx, *by; /* [kx][kx] and [ky][ky], see covsamp__dct_basis() */
} covsamp__dct;

/* b[f n + i]: value i of basis vector f.  No libm: the same bits on every platform. */
void covsamp__dct_basis(int64_t n, double *b);

/* Windows side by side, in place; inverse 1 goes back.  The coefficient of frequency (fx, fy) of a
 * window is where value (fx, fy) of the window was.  work: height * width. */
void covsamp__dct_blocks(const covsamp__dct *d, int inverse, double *x, double *work);

/* Values of work for the two functions below. */
int64_t covsamp__dct_row_work(const covsamp__dct *d);
/* Windows at every position: coefficients [kx][ky][width] of those whose first row is `row`, for
 * one channel x [height][width]. */
void covsamp__dct_row(const covsamp__dct *d, const double *x, int64_t row, double *coefficient,
                      double *work);
/* The transposed map: adds their windows, weighted by the coefficients, to x. */
void covsamp__dct_row_adjoint(const covsamp__dct *d, const double *coefficient, int64_t row,
                              double *x, double *work);

#endif
