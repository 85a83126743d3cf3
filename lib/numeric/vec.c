/* SPDX-License-Identifier: BSD-3-Clause */
/* Kernels over float and double, instantiated for each set of instructions of simd.h.  All make the
 * same bits: the lanes of sums are those of the source, and nothing is contracted. */
#include "numeric/vec.h"

#include <covsamp/covsamp.h>

#include <float.h>
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

#include "numeric/vec_kernels.h"

DEFINE_ALL(float, f32, , 2)
DEFINE_ALL(double, f64, , 2)

/* Calls f_f32(...) or f_f64(...). */
#define BY_TYPE(f, isa, ...)                                                                       \
    (dtype == COVSAMP_F32 ? f##_f32##isa(__VA_ARGS__) : f##_f64##isa(__VA_ARGS__))

#if COVSAMP__COPIES
DEFINE_ALL(float, f32_avx2, AVX2, 4)
DEFINE_ALL(double, f64_avx2, AVX2, 4)
DEFINE_ALL(float, f32_avx512, AVX512, 8)
DEFINE_ALL(double, f64_avx512, AVX512, 8)
#define CHOOSE(f, ...)                                                                             \
    (covsamp__widest() > 2   ? BY_TYPE(f, _avx512, __VA_ARGS__)                                    \
     : covsamp__widest() > 1 ? BY_TYPE(f, _avx2, __VA_ARGS__)                                      \
                             : BY_TYPE(f, , __VA_ARGS__))
#else
#define CHOOSE(f, ...) BY_TYPE(f, , __VA_ARGS__)
#endif

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
    CHOOSE(reject, n, k, v, stride, h, w, w);
}

void covsamp__reject_project(int32_t dtype, int64_t n, int64_t k, const void *v, int64_t stride,
                             const double *h, void *w, double *g)
{
    CHOOSE(reject_project, n, k, v, stride, h, w, g);
}

double covsamp__reject_square(int32_t dtype, int64_t n, int64_t k, const void *v, int64_t stride,
                              const double *h, const void *w, void *out)
{
    return CHOOSE(reject_square, n, k, v, stride, h, w, out);
}

void covsamp__expand(int32_t dtype, int64_t n, int64_t k, const void *v, int64_t stride,
                     const double *h, void *out)
{
    CHOOSE(expand, n, k, v, stride, h, out);
}
