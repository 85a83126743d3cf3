/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the vectors of a handle are and who works on them: in the caller's thread, handed out in
 * tasks to the caller's threads, or in memory that only the caller's table of operations can reach.
 * Knows vec.h and rng.h.
 *
 * Vectors are rows of n values, one behind the other, a row a sample.  Work is cut into blocks of
 * COVSAMP__BLOCK values of one row; sums over a row are those of its blocks, added in order.  So
 * bits depend neither on how many threads there are nor on which of them does what. */
#ifndef COVSAMP_NUMERIC_SPACE_H
#define COVSAMP_NUMERIC_SPACE_H

#include "base/memory.h"
#include "numeric/vec.h"

typedef struct {
    int32_t dtype;
    int32_t threads; /* most tasks at a time; 0 and 1: the caller's thread does everything */
    covsamp_parallel_for hook;
    double *sums;           /* with threads: of every block, see covsamp__space_layout() */
    covsamp_vector_ops ops; /* size 0: the vectors are here */
    void *staging;      /* of vectors that are not: [rows][n] here, for noise and the caller's */
    const char *failed; /* the first operation that failed, and what it returned; others are */
    int32_t failure, unused; /* left out after it */
} covsamp__space;

/* Memory for sums over so many rows of n values, k at a time. */
void covsamp__space_layout(covsamp__space *s, int64_t rows, int64_t n, int64_t k,
                           covsamp__arena *arena);

/* Blocks of a row of n values. */
int64_t covsamp__space_blocks(int64_t n);
/* Into how many tasks work is cut, 1: none.  cost: of one value, in units of what adding two
 * vectors takes; small work stays on this thread. */
int64_t covsamp__space_tasks(const covsamp__space *s, int64_t rows, int64_t n, int64_t cost);
/* Calls f(data, row, first, count) for every block of every row, values first ... first + count - 1
 * of it, in whatever order on whatever thread. */
typedef void (*covsamp__block_fn)(const void *data, int64_t row, int64_t first, int64_t count);
void covsamp__space_each(const covsamp__space *s, int64_t rows, int64_t n, int64_t cost,
                         covsamp__block_fn f, const void *data);

/* ---- value by value: as the functions of vec.h, over n values of however many rows ---- */

void covsamp__space_zero(covsamp__space *s, int64_t n, void *x);
void covsamp__space_copy(covsamp__space *s, int64_t n, const void *x, void *out);
void covsamp__space_scale(covsamp__space *s, int64_t n, double a, const void *x, void *out);
void covsamp__space_combine(covsamp__space *s, int64_t n, double a, const void *x, double b,
                            const void *y, void *out);
void covsamp__space_limit(covsamp__space *s, int64_t n, double low, double high, void *x);
void covsamp__space_clip(covsamp__space *s, int64_t n, double bound, void *x, uint8_t *keep);
void covsamp__space_mask(covsamp__space *s, int64_t n, const uint8_t *keep, const void *x,
                         void *out);
void covsamp__space_select(covsamp__space *s, int64_t n, const uint8_t *keep, const void *x,
                           double b, const void *y, void *out);
/* Every value becomes NaN. */
void covsamp__space_spoil(covsamp__space *s, int64_t n, void *x);
int64_t covsamp__space_nonfinite(covsamp__space *s, int64_t n, const void *x);
/* For diagonal covariances. */
void covsamp__space_affine(covsamp__space *s, int64_t n, double a, double b, const void *x,
                           void *out);
void covsamp__space_add_product(covsamp__space *s, int64_t n, double a, const void *x,
                                const void *y, void *out);
void covsamp__space_combine_square(covsamp__space *s, int64_t n, double a, const void *x, double b,
                                   const void *y, void *out);
void covsamp__space_root_scale(covsamp__space *s, int64_t n, double a, double b, const void *x,
                               double high, const void *z, void *out);
void covsamp__space_exp_scale(covsamp__space *s, int64_t n, double a, double b, const void *x,
                              double high, const void *z, void *out);

/* ---- row by row ---- */

/* out = a[row] x + b[row] y; y NULL: a[row] x.  Where a[row] is 0 without y, zeros. */
void covsamp__space_combine_rows(covsamp__space *s, int64_t rows, int64_t n, const double *a,
                                 const void *x, const double *b, const void *y, void *out);
/* out[row] = x . y */
void covsamp__space_dots(covsamp__space *s, int64_t rows, int64_t n, const void *x, const void *y,
                         double *out);

/* Several vectors at once: k of rows, vector j of a row `stride` values behind vector j - 1. h and
 * g: numbers of a row at h + row * leading.  Rows with closed[row] != 0 are left alone (NULL:
 * none). */
typedef struct {
    const void *v;
    int64_t rows, n, k, stride;
    const uint8_t *closed;
} covsamp__rows;
/* h[j] = v_j . w */
void covsamp__space_project(covsamp__space *s, const covsamp__rows *r, const void *w, double *h,
                            int64_t leading);
/* w = w - sum_j h[j] v_j, then g[j] = v_j . w */
void covsamp__space_reject_project(covsamp__space *s, const covsamp__rows *r, const double *h,
                                   int64_t leading, void *w, double *g, int64_t g_leading);
/* out = w - sum_j h[j] v_j, square[row] = out . out */
void covsamp__space_reject_square(covsamp__space *s, const covsamp__rows *r, const double *h,
                                  int64_t leading, const void *w, void *out, double *square);
/* out = sum_j h[j] v_j, over k[row] <= r->k vectors; those of a row beyond them are zero. */
void covsamp__space_expand(covsamp__space *s, const covsamp__rows *r, const int64_t *k,
                           const double *h, int64_t leading, void *out);

/* Draws of samples first_sample, first_sample + 1, ...: a row each. */
typedef struct {
    uint64_t seed;
    int64_t first_sample, step, first; /* first: number of a row's first value */
    int32_t stream, reserved;
} covsamp__draw;
void covsamp__space_normals(covsamp__space *s, int64_t rows, int64_t n, const covsamp__draw *draw,
                            void *out);
void covsamp__space_signs(covsamp__space *s, int64_t rows, int64_t n, const covsamp__draw *draw,
                          void *out);

#endif
