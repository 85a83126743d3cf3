/* SPDX-License-Identifier: BSD-3-Clause */
/* Vectors in memory of the caller's table: what space.c and space_rows.c do with them.  After an
 * operation has failed nothing more is done, numbers are 0, and whoever drives looks at `failure`.
 */
#ifndef COVSAMP_NUMERIC_DEVICE_H
#define COVSAMP_NUMERIC_DEVICE_H

#include "numeric/space.h"

/* NULL where there is none, too. */
void *covsamp__device_alloc(covsamp__space *s, size_t bytes);
void covsamp__device_release(covsamp__space *s, void *memory, size_t bytes);
/* Host memory to the table's, and back. */
void covsamp__device_put(covsamp__space *s, const void *from, void *to, size_t bytes);
void covsamp__device_get(covsamp__space *s, const void *from, void *to, size_t bytes);

/* out = a x, zeros where a is 0 */
void covsamp__device_scale(covsamp__space *s, int64_t n, double a, const void *x, void *out);
void covsamp__device_combine(covsamp__space *s, int64_t rows, int64_t n, const double *a,
                             const void *x, const double *b, const void *y, void *out);
void covsamp__device_clip(covsamp__space *s, int64_t n, double bound, void *x, uint8_t *keep);
void covsamp__device_select(covsamp__space *s, int64_t n, const uint8_t *keep, const void *x,
                            double b, const void *y, void *out);
int64_t covsamp__device_nonfinite(covsamp__space *s, int64_t n, const void *x);
/* For rows that are not closed; the others take part with numbers that nobody reads. */
void covsamp__device_project(covsamp__space *s, const covsamp__rows *r, const void *w, double *h,
                             int64_t leading);
/* w = w - sum_j h[j] v_j */
void covsamp__device_reject(covsamp__space *s, const covsamp__rows *r, const double *h,
                            int64_t leading, void *w);
void covsamp__device_expand(covsamp__space *s, const covsamp__rows *r, const double *h,
                            int64_t leading, void *out);

#endif
