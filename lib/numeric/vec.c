/* SPDX-License-Identifier: BSD-3-Clause */
/* Kernels over float and double: each is a macro of the element type, instantiated for both, and a
 * door that chooses.  Sums have 16 lanes: enough independent additions to fill any vector unit.
 *
 * The functions of several vectors go through memory once: block by block, and inside a block
 * vector by vector while the block of w stays in the cache. */
#include "numeric/vec.h"

#include <covsamp/covsamp.h>

#include <float.h>
#include <math.h>
#include <string.h>

#if FLT_EVAL_METHOD != 0
#error "vec.c needs plain double arithmetic (32-bit x86: -msse2 -mfpmath=sse)"
#endif
#if defined(__FAST_MATH__)
#error "vec.c must not be compiled with -ffast-math: it looks for NaN"
#endif
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

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

#define DEFINE_ELEMENTWISE(T, S)                                                                   \
    static void from_double_##S(int64_t n, const double *x, T *out)                                \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++)                                                            \
            out[i] = (T)x[i];                                                                      \
    }                                                                                              \
    static void to_double_##S(int64_t n, const T *x, double *out)                                  \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++)                                                            \
            out[i] = (double)x[i];                                                                 \
    }                                                                                              \
    static void scale_##S(int64_t n, double a, const T *x, T *out)                                 \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++)                                                            \
            out[i] = (T)(a * (double)x[i]);                                                        \
    }                                                                                              \
    static void combine_##S(int64_t n, double a, const T *x, double b, const T *y, T *out)         \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++)                                                            \
            out[i] = (T)(a * (double)x[i] + b * (double)y[i]);                                     \
    }                                                                                              \
    static void clip_##S(int64_t n, double bound, T *x, uint8_t *keep)                             \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                          \
            double v = (double)x[i];                                                               \
            keep[i] = (uint8_t)((v <= bound) & (v >= -bound));                                     \
            v = v > bound ? bound : v;                                                             \
            x[i] = (T)(v < -bound ? -bound : v); /* a NaN stays one */                             \
        }                                                                                          \
    }                                                                                              \
    static void mask_##S(int64_t n, const uint8_t *keep, const T *x, T *out)                       \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++)                                                            \
            out[i] = keep[i] ? x[i] : (T)0;                                                        \
    }                                                                                              \
    static void select_##S(int64_t n, const uint8_t *keep, const T *x, double b, const T *y,       \
                           T *out)                                                                 \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++)                                                            \
            out[i] = keep[i] ? x[i] : (T)(b * (double)y[i]);                                       \
    }

/* What diagonal covariances need. */
#define DEFINE_DIAGONAL(T, S)                                                                      \
    static void add_product_##S(int64_t n, double a, const T *x, const T *y, T *out)               \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++)                                                            \
            out[i] = (T)((double)out[i] + a * (double)x[i] * (double)y[i]);                        \
    }                                                                                              \
    static void affine_##S(int64_t n, double a, double b, const T *x, T *out)                      \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++)                                                            \
            out[i] = (T)(a + b * (double)x[i]);                                                    \
    }                                                                                              \
    static void combine_square_##S(int64_t n, double a, const T *x, double b, const T *y, T *out)  \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++)                                                            \
            out[i] = (T)(a * (double)x[i] + b * (double)y[i] * (double)y[i]);                      \
    }                                                                                              \
    static void limit_##S(int64_t n, double low, double high, T *x)                                \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                          \
            double v = (double)x[i];                                                               \
            v = v < low ? low : v;                                                                 \
            x[i] = (T)(v > high ? high : v);                                                       \
        }                                                                                          \
    }                                                                                              \
    static void root_scale_##S(int64_t n, double a, double b, const T *x, double high, const T *z, \
                               T *out)                                                             \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const double v = a + b * (x[i] < 0 ? 0 : (double)x[i]);                                \
            out[i] = (T)(sqrt(v > high ? high : v) * (double)z[i]);                                \
        }                                                                                          \
    }                                                                                              \
    static void exp_scale_##S(int64_t n, double a, double b, const T *x, double high, const T *z,  \
                              T *out)                                                              \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const double v = a + b * (double)x[i];                                                 \
            out[i] = (T)(exp(0.5 * (v > high ? high : v)) * (double)z[i]);                         \
        }                                                                                          \
    }

/* x - x is 0 for finite x and NaN otherwise. Whole tiles are tested before any element is named. */
#define DEFINE_NONFINITE(T, S)                                                                     \
    static int64_t nonfinite_##S(int64_t n, const T *x)                                            \
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
#define DEFINE_DOT(T, S)                                                                           \
    static double block_dot_##S(int64_t n, const T *x, const T *y)                                 \
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
    static void project_##S(int64_t n, int64_t k, const T *v, int64_t stride, const T *w,          \
                            double *h)                                                             \
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
#define DEFINE_EXPAND(T, S)                                                                        \
    static void tile_add_##S(int64_t n, int64_t k, const T *v, int64_t stride, const double *h,    \
                             double sign, double *sum)                                             \
    {                                                                                              \
        for (int64_t j = 0; j < k; j++) {                                                          \
            const T *x = v + j * stride;                                                           \
            double a = sign * h[j];                                                                \
            for (int64_t i = 0; i < n; i++)                                                        \
                sum[i] += a * (double)x[i];                                                        \
        }                                                                                          \
    }                                                                                              \
    static void reject_##S(int64_t n, int64_t k, const T *v, int64_t stride, const double *h,      \
                           T *w)                                                                   \
    {                                                                                              \
        double sum[TILE];                                                                          \
        for (int64_t i = 0; i < n; i += TILE) {                                                    \
            int64_t m = least(TILE, n - i);                                                        \
            to_double_##S(m, w + i, sum);                                                          \
            tile_add_##S(m, k, v + i, stride, h, -1.0, sum);                                       \
            from_double_##S(m, sum, w + i);                                                        \
        }                                                                                          \
    }                                                                                              \
    static void expand_##S(int64_t n, int64_t k, const T *v, int64_t stride, const double *h,      \
                           T *out)                                                                 \
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

#define DEFINE_ALL(T, S)                                                                           \
    DEFINE_ELEMENTWISE(T, S)                                                                       \
    DEFINE_DIAGONAL(T, S) DEFINE_NONFINITE(T, S) DEFINE_DOT(T, S) DEFINE_EXPAND(T, S)

DEFINE_ALL(float, f32)
DEFINE_ALL(double, f64)

/* Calls f_f32(...) or f_f64(...). */
#define CHOOSE(f, ...) (dtype == COVSAMP_F32 ? f##_f32(__VA_ARGS__) : f##_f64(__VA_ARGS__))

size_t covsamp__size_of(int32_t dtype)
{
    return dtype == COVSAMP_F32 ? sizeof(float) : sizeof(double);
}

void *covsamp__at(int32_t dtype, void *p, int64_t i)
{
    return (char *)p + i * (int64_t)covsamp__size_of(dtype);
}

const void *covsamp__cat(int32_t dtype, const void *p, int64_t i)
{
    return (const char *)p + i * (int64_t)covsamp__size_of(dtype);
}

void covsamp__zero(int32_t dtype, int64_t n, void *x)
{
    if (n > 0)
        memset(x, 0, (size_t)n * covsamp__size_of(dtype));
}

void covsamp__copy(int32_t dtype, int64_t n, const void *x, void *out)
{
    if (n > 0)
        memmove(out, x, (size_t)n * covsamp__size_of(dtype));
}

void covsamp__from_double(int32_t dtype, int64_t n, const double *x, void *out)
{
    CHOOSE(from_double, n, x, out);
}

void covsamp__to_double(int32_t dtype, int64_t n, const void *x, double *out)
{
    CHOOSE(to_double, n, x, out);
}

void covsamp__scale(int32_t dtype, int64_t n, double a, const void *x, void *out)
{
    CHOOSE(scale, n, a, x, out);
}

void covsamp__combine(int32_t dtype, int64_t n, double a, const void *x, double b, const void *y,
                      void *out)
{
    CHOOSE(combine, n, a, x, b, y, out);
}

double covsamp__dot(int32_t dtype, int64_t n, const void *x, const void *y)
{
    double sum;
    covsamp__project(dtype, n, 1, x, 0, y, &sum);
    return sum;
}

int64_t covsamp__nonfinite(int32_t dtype, int64_t n, const void *x)
{
    return CHOOSE(nonfinite, n, x);
}

void covsamp__clip(int32_t dtype, int64_t n, double bound, void *x, uint8_t *keep)
{
    CHOOSE(clip, n, bound, x, keep);
}

void covsamp__mask(int32_t dtype, int64_t n, const uint8_t *keep, const void *x, void *out)
{
    CHOOSE(mask, n, keep, x, out);
}

void covsamp__select(int32_t dtype, int64_t n, const uint8_t *keep, const void *x, double b,
                     const void *y, void *out)
{
    CHOOSE(select, n, keep, x, b, y, out);
}

void covsamp__add_product(int32_t dtype, int64_t n, double a, const void *x, const void *y,
                          void *out)
{
    CHOOSE(add_product, n, a, x, y, out);
}

void covsamp__affine(int32_t dtype, int64_t n, double a, double b, const void *x, void *out)
{
    CHOOSE(affine, n, a, b, x, out);
}

void covsamp__combine_square(int32_t dtype, int64_t n, double a, const void *x, double b,
                             const void *y, void *out)
{
    CHOOSE(combine_square, n, a, x, b, y, out);
}

void covsamp__limit(int32_t dtype, int64_t n, double low, double high, void *x)
{
    CHOOSE(limit, n, low, high, x);
}

void covsamp__root_scale(int32_t dtype, int64_t n, double a, double b, const void *x, double high,
                         const void *z, void *out)
{
    CHOOSE(root_scale, n, a, b, x, high, z, out);
}

void covsamp__exp_scale(int32_t dtype, int64_t n, double a, double b, const void *x, double high,
                        const void *z, void *out)
{
    CHOOSE(exp_scale, n, a, b, x, high, z, out);
}

void covsamp__project(int32_t dtype, int64_t n, int64_t k, const void *v, int64_t stride,
                      const void *w, double *h)
{
    CHOOSE(project, n, k, v, stride, w, h);
}

void covsamp__reject(int32_t dtype, int64_t n, int64_t k, const void *v, int64_t stride,
                     const double *h, void *w)
{
    CHOOSE(reject, n, k, v, stride, h, w);
}

void covsamp__expand(int32_t dtype, int64_t n, int64_t k, const void *v, int64_t stride,
                     const double *h, void *out)
{
    CHOOSE(expand, n, k, v, stride, h, out);
}
