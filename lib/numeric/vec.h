/* SPDX-License-Identifier: BSD-3-Clause */
/* Vectors of float or double: the only place that knows one from the other.  Knows nobody.
 *
 * Scalars and element arithmetic are double, rounded once on storing.  Sums run over fixed blocks
 * of COVSAMP__BLOCK elements with a fixed number of lanes, so that a result depends on the data
 * alone: not on compiler, vector width, threads or the place in a batch.  Outputs may be an input.
 */
#ifndef COVSAMP_NUMERIC_VEC_H
#define COVSAMP_NUMERIC_VEC_H

#include <stddef.h>
#include <stdint.h>

#define COVSAMP__BLOCK 4096

/* dtype: COVSAMP_F32 or COVSAMP_F64 throughout. */
size_t covsamp__size_of(int32_t dtype);
/* Address of element i of p. */
void *covsamp__at(int32_t dtype, void *p, int64_t i);
const void *covsamp__cat(int32_t dtype, const void *p, int64_t i);

void covsamp__zero(int32_t dtype, int64_t n, void *x);
void covsamp__copy(int32_t dtype, int64_t n, const void *x, void *out);
void covsamp__from_double(int32_t dtype, int64_t n, const double *x, void *out);
void covsamp__to_double(int32_t dtype, int64_t n, const void *x, double *out);
/* out = a x */
void covsamp__scale(int32_t dtype, int64_t n, double a, const void *x, void *out);
/* out = a x + b y */
void covsamp__combine(int32_t dtype, int64_t n, double a, const void *x, double b, const void *y,
                      void *out);
double covsamp__dot(int32_t dtype, int64_t n, const void *x, const void *y);
/* Index of the first NaN or infinity, -1 if there is none. */
int64_t covsamp__nonfinite(int32_t dtype, int64_t n, const void *x);
/* Clips x to [-bound, bound]; keep[i] = 1 where |x| <= bound held before, else 0. */
void covsamp__clip(int32_t dtype, int64_t n, double bound, void *x, uint8_t *keep);
/* out = x where keep, 0 elsewhere */
void covsamp__mask(int32_t dtype, int64_t n, const uint8_t *keep, const void *x, void *out);
/* out = x where keep, b y elsewhere */
void covsamp__select(int32_t dtype, int64_t n, const uint8_t *keep, const void *x, double b,
                     const void *y, void *out);

/* out = a + b x */
void covsamp__affine(int32_t dtype, int64_t n, double a, double b, const void *x, void *out);
/* out = out + a x y */
void covsamp__add_product(int32_t dtype, int64_t n, double a, const void *x, const void *y,
                          void *out);
/* out = a x + b y y */
void covsamp__combine_square(int32_t dtype, int64_t n, double a, const void *x, double b,
                             const void *y, void *out);
/* x limited to [low, high]; a NaN stays one */
void covsamp__limit(int32_t dtype, int64_t n, double low, double high, void *x);
/* out = (a + b x)^(1/2) z, x at least 0, a + b x at most high; a, b >= 0 */
void covsamp__root_scale(int32_t dtype, int64_t n, double a, double b, const void *x, double high,
                         const void *z, void *out);
/* out = exp((a + b x) / 2) z, a + b x at most high */
void covsamp__exp_scale(int32_t dtype, int64_t n, double a, double b, const void *x, double high,
                        const void *z, void *out);

/* Several vectors at once, vector j at v + j * stride elements, j = 0 ... k - 1. */
/* h[j] = v_j . w */
void covsamp__project(int32_t dtype, int64_t n, int64_t k, const void *v, int64_t stride,
                      const void *w, double *h);
/* w = w - sum_j h[j] v_j */
void covsamp__reject(int32_t dtype, int64_t n, int64_t k, const void *v, int64_t stride,
                     const double *h, void *w);
/* The same and then g[j] = v_j . w, each block of w while it is in the cache: one sweep for what are
 * two, with the same bits. */
void covsamp__reject_project(int32_t dtype, int64_t n, int64_t k, const void *v, int64_t stride,
                             const double *h, void *w, double *g);
/* out = w - sum_j h[j] v_j; returns out . out, in one sweep. */
double covsamp__reject_square(int32_t dtype, int64_t n, int64_t k, const void *v, int64_t stride,
                              const double *h, const void *w, void *out);
/* out = sum_j h[j] v_j; zero if k is 0 */
void covsamp__expand(int32_t dtype, int64_t n, int64_t k, const void *v, int64_t stride,
                     const double *h, void *out);

#endif
