/* SPDX-License-Identifier: BSD-3-Clause */
/* The loops of vec.c, and of nobody else: each is a macro of the element type T, of the suffix S of
 * its name and of an attribute A that lets the compiler use a processor's wider vectors.  Sums have
 * 16 lanes: enough independent additions to fill any vector unit, and the same in all of them.
 *
 * The functions of several vectors go through memory once: block by block, and inside a block
 * vector by vector while the block of w stays in the cache. */
#ifndef COVSAMP_NUMERIC_VEC_KERNELS_H
#define COVSAMP_NUMERIC_VEC_KERNELS_H

#include "numeric/vec.h"

#include <math.h>

#define LANES 16
/* Elements that are summed up in double on the stack before they are rounded and stored. */
#define TILE 512

static inline int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The lanes in a fixed tree: neighbours at distance 8, 4, 2, 1. */
static inline double lanes_sum(double lane[LANES])
{
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            lane[l] += lane[l + half];
    return lane[0];
}

#define DEFINE_ELEMENTWISE(T, S, A)                                                                \
    A static void from_double_##S(int64_t n, const double *x, T *out)                              \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++)                                                            \
            out[i] = (T)x[i];                                                                      \
    }                                                                                              \
    A static void to_double_##S(int64_t n, const T *x, double *out)                                \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++)                                                            \
            out[i] = (double)x[i];                                                                 \
    }                                                                                              \
    A static void scale_##S(int64_t n, double a, const T *x, T *out)                               \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++)                                                            \
            out[i] = (T)(a * (double)x[i]);                                                        \
    }                                                                                              \
    A static void combine_##S(int64_t n, double a, const T *x, double b, const T *y, T *out)       \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++)                                                            \
            out[i] = (T)(a * (double)x[i] + b * (double)y[i]);                                     \
    }                                                                                              \
    A static void clip_##S(int64_t n, double bound, T *x, uint8_t *keep)                           \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                          \
            double v = (double)x[i];                                                               \
            keep[i] = (uint8_t)((v <= bound) & (v >= -bound));                                     \
            v = v > bound ? bound : v;                                                             \
            x[i] = (T)(v < -bound ? -bound : v); /* a NaN stays one */                             \
        }                                                                                          \
    }                                                                                              \
    A static void mask_##S(int64_t n, const uint8_t *keep, const T *x, T *out)                     \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++)                                                            \
            out[i] = keep[i] ? x[i] : (T)0;                                                        \
    }                                                                                              \
    A static void select_##S(int64_t n, const uint8_t *keep, const T *x, double b, const T *y,     \
                             T *out)                                                               \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++)                                                            \
            out[i] = keep[i] ? x[i] : (T)(b * (double)y[i]);                                       \
    }

/* What diagonal covariances need. */
#define DEFINE_DIAGONAL(T, S, A)                                                                   \
    A static void add_product_##S(int64_t n, double a, const T *x, const T *y, T *out)             \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++)                                                            \
            out[i] = (T)((double)out[i] + a * (double)x[i] * (double)y[i]);                        \
    }                                                                                              \
    A static void affine_##S(int64_t n, double a, double b, const T *x, T *out)                    \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++)                                                            \
            out[i] = (T)(a + b * (double)x[i]);                                                    \
    }                                                                                              \
    A static void combine_square_##S(int64_t n, double a, const T *x, double b, const T *y,        \
                                     T *out)                                                       \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++)                                                            \
            out[i] = (T)(a * (double)x[i] + b * (double)y[i] * (double)y[i]);                      \
    }                                                                                              \
    A static void limit_##S(int64_t n, double low, double high, T *x)                              \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                          \
            double v = (double)x[i];                                                               \
            v = v < low ? low : v;                                                                 \
            x[i] = (T)(v > high ? high : v);                                                       \
        }                                                                                          \
    }                                                                                              \
    A static void root_scale_##S(int64_t n, double a, double b, const T *x, double high,           \
                                 const T *z, T *out)                                               \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const double v = a + b * (x[i] < 0 ? 0 : (double)x[i]);                                \
            out[i] = (T)(sqrt(v > high ? high : v) * (double)z[i]);                                \
        }                                                                                          \
    }                                                                                              \
    A static void exp_scale_##S(int64_t n, double a, double b, const T *x, double high,            \
                                const T *z, T *out)                                                \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const double v = a + b * (double)x[i];                                                 \
            out[i] = (T)(exp(0.5 * (v > high ? high : v)) * (double)z[i]);                         \
        }                                                                                          \
    }

/* x - x is 0 for finite x and NaN otherwise. Whole tiles are tested before any element is named. */
#define DEFINE_NONFINITE(T, S, A)                                                                  \
    A static int64_t nonfinite_##S(int64_t n, const T *x)                                          \
    {                                                                                              \
        for (int64_t i = 0; i < n; i += TILE) {                                                    \
            int64_t end = i + least(TILE, n - i);                                                  \
            int bad = 0;                                                                           \
            for (int64_t j = i; j < end; j++)                                                      \
                bad |= !(x[j] - x[j] == 0);                                                        \
            for (int64_t j = i; bad && j < end; j++)                                               \
                if (!(x[j] - x[j] == 0))                                                           \
                    return j;                                                                      \
        }                                                                                          \
        return -1;                                                                                 \
    }

/* The sum over one block: lane l takes elements l, l + LANES, ... */
#define DEFINE_DOT(T, S, A)                                                                        \
    A static double block_dot_##S(int64_t n, const T *x, const T *y)                               \
    {                                                                                              \
        double lane[LANES] = {0};                                                                  \
        int64_t i = 0;                                                                             \
        for (; i + LANES <= n; i += LANES)                                                         \
            for (int l = 0; l < LANES; l++)                                                        \
                lane[l] += (double)x[i + l] * (double)y[i + l];                                    \
        for (int l = 0; i + l < n; l++)                                                            \
            lane[l] += (double)x[i + l] * (double)y[i + l];                                        \
        return lanes_sum(lane);                                                                    \
    }                                                                                              \
    A static void project_##S(int64_t n, int64_t k, const T *v, int64_t stride, const T *w,        \
                              double *h)                                                           \
    {                                                                                              \
        for (int64_t j = 0; j < k; j++)                                                            \
            h[j] = 0.0;                                                                            \
        for (int64_t i = 0; i < n; i += COVSAMP__BLOCK) {                                          \
            int64_t m = least(COVSAMP__BLOCK, n - i);                                              \
            for (int64_t j = 0; j < k; j++)                                                        \
                h[j] += block_dot_##S(m, v + j * stride + i, w + i);                               \
        }                                                                                          \
    }

/* sum += sign * sum_j h[j] v_j over n <= TILE elements. */
#define DEFINE_EXPAND(T, S, A)                                                                     \
    A static void tile_add_##S(int64_t n, int64_t k, const T *v, int64_t stride, const double *h,  \
                               double sign, double *sum)                                           \
    {                                                                                              \
        for (int64_t j = 0; j < k; j++) {                                                          \
            const T *x = v + j * stride;                                                           \
            double a = sign * h[j];                                                                \
            for (int64_t i = 0; i < n; i++)                                                        \
                sum[i] += a * (double)x[i];                                                        \
        }                                                                                          \
    }                                                                                              \
    A static void reject_##S(int64_t n, int64_t k, const T *v, int64_t stride, const double *h,    \
                             const T *w, T *out)                                                   \
    {                                                                                              \
        double sum[TILE];                                                                          \
        for (int64_t i = 0; i < n; i += TILE) {                                                    \
            int64_t m = least(TILE, n - i);                                                        \
            to_double_##S(m, w + i, sum);                                                          \
            tile_add_##S(m, k, v + i, stride, h, -1.0, sum);                                       \
            from_double_##S(m, sum, out + i);                                                      \
        }                                                                                          \
    }                                                                                              \
    A static void reject_project_##S(int64_t n, int64_t k, const T *v, int64_t stride,             \
                                     const double *h, T *w, double *g)                             \
    {                                                                                              \
        for (int64_t j = 0; j < k; j++)                                                            \
            g[j] = 0.0;                                                                            \
        for (int64_t i = 0; i < n; i += COVSAMP__BLOCK) {                                          \
            int64_t m = least(COVSAMP__BLOCK, n - i);                                              \
            reject_##S(m, k, v + i, stride, h, w + i, w + i);                                      \
            for (int64_t j = 0; j < k; j++)                                                        \
                g[j] += block_dot_##S(m, v + j * stride + i, w + i);                               \
        }                                                                                          \
    }                                                                                              \
    A static double reject_square_##S(int64_t n, int64_t k, const T *v, int64_t stride,            \
                                      const double *h, const T *w, T *out)                         \
    {                                                                                              \
        double sum = 0.0;                                                                          \
        for (int64_t i = 0; i < n; i += COVSAMP__BLOCK) {                                          \
            int64_t m = least(COVSAMP__BLOCK, n - i);                                              \
            reject_##S(m, k, v + i, stride, h, w + i, out + i);                                    \
            sum += block_dot_##S(m, out + i, out + i);                                             \
        }                                                                                          \
        return sum;                                                                                \
    }                                                                                              \
    A static void expand_##S(int64_t n, int64_t k, const T *v, int64_t stride, const double *h,    \
                             T *out)                                                               \
    {                                                                                              \
        double sum[TILE];                                                                          \
        for (int64_t i = 0; i < n; i += TILE) {                                                    \
            int64_t m = least(TILE, n - i);                                                        \
            for (int64_t l = 0; l < m; l++)                                                        \
                sum[l] = 0.0;                                                                      \
            tile_add_##S(m, k, v + i, stride, h, 1.0, sum);                                        \
            from_double_##S(m, sum, out + i);                                                      \
        }                                                                                          \
    }

#define DEFINE_ALL(T, S, A)                                                                        \
    DEFINE_ELEMENTWISE(T, S, A)                                                                    \
    DEFINE_DIAGONAL(T, S, A)                                                                       \
    DEFINE_NONFINITE(T, S, A)                                                                      \
    DEFINE_DOT(T, S, A)                                                                            \
    DEFINE_EXPAND(T, S, A)

#endif
