/* SPDX-License-Identifier: BSD-3-Clause */
/* The loops of vec.c, and of nobody else: each is a macro of the element type T, of the suffix S of
 * its name and of an attribute A that lets the compiler use a processor's wider vectors. */
#ifndef COVSAMP_NUMERIC_VEC_KERNELS_H
#define COVSAMP_NUMERIC_VEC_KERNELS_H

#include "numeric/vec_sums.h"

#include <math.h>

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

#define DEFINE_ALL(T, S, A, W)                                                                     \
    DEFINE_ELEMENTWISE(T, S, A)                                                                    \
    DEFINE_DIAGONAL(T, S, A)                                                                       \
    DEFINE_NONFINITE(T, S, A)                                                                      \
    DEFINE_RESTS(T, S, A, W)                                                                       \
    DEFINE_LANES(T, S, A, W)                                                                       \
    DEFINE_EXPAND(T, S, A, W)                                                                      \
    DEFINE_REJECT_PROJECT(T, S, A)

#endif
