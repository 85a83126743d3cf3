/* SPDX-License-Identifier: BSD-3-Clause */
/* The vector instructions that vec.c and rng.c may use: what every processor of the architecture
 * has and, on x86-64, AVX2 and AVX-512, of each of which they compile a copy; covsamp__widest() is
 * the door to them.  And registers of W doubles, in the vector types of GNU C, that gcc and clang
 * have for every processor.  They never are arguments: how those are passed is not settled. */
#ifndef COVSAMP_NUMERIC_SIMD_H
#define COVSAMP_NUMERIC_SIMD_H

#if !defined(__GNUC__)
#error "covsamp needs the vector types of GNU C: gcc or clang"
#endif

/* The widest that may be used, for the tests: 0 what the compiler makes of it, 1 SSE2, 2 AVX2,
 * 3 AVX-512. */
#ifndef COVSAMP__WIDEST
#if defined(_WIN32) /* where gcc does not align wider vectors on the stack (its bug 54412) */
#define COVSAMP__WIDEST 1
#else
#define COVSAMP__WIDEST 3
#endif
#endif

#if COVSAMP__WIDEST > 0 && defined(__x86_64__)
#define COVSAMP__COPIES 1
#if defined(__clang__)
#define AVX512 __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl"), min_vector_width(512)))
#else
#define AVX512 __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,prefer-vector-width=512")))
#endif
#define AVX2 __attribute__((target("avx2")))

/* Asked at every call: a load and a branch that is always predicted.  No ifunc, which static
 * programs, musl and ThreadSanitizer know nothing of. */
static inline int covsamp__widest(void)
{
    if (COVSAMP__WIDEST > 2 && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
        return 3;
    return COVSAMP__WIDEST > 1 && __builtin_cpu_supports("avx2") ? 2 : 1;
}
#else
#define COVSAMP__COPIES 0
#endif

/* wide_W, and the same in an array of double anywhere. */
#define DEFINE_REGISTER(W)                                                                         \
    typedef double wide_##W __attribute__((vector_size((W)*8)));                                   \
    typedef double double_##W __attribute__((vector_size((W)*8), aligned(8), may_alias));
DEFINE_REGISTER(2)

/* LOAD(T, W)(p) makes W numbers of type T at p, which need not be aligned, a wide_W;
 * STORE(T, W)(p, x) rounds and stores them. */
#define LOAD(T, W)           LOAD_##T##_##W
#define STORE(T, W)          STORE_##T##_##W
#define LOAD_double_2(p)     (*(const double_2 *)(p))
#define STORE_double_2(p, x) (*(double_2 *)(p) = (x))

#if defined(__SSE2__) /* of __builtin_convertvector gcc 12 makes halves and puts them together */
#include <immintrin.h>
DEFINE_REGISTER(4)
DEFINE_REGISTER(8)
#define TWO(type, p)         ((type __m128i *)(type void *)(p))
#define LOAD_float_2(p)      ((wide_2)_mm_cvtps_pd(_mm_castsi128_ps(_mm_loadl_epi64(TWO(const, p)))))
#define LOAD_float_4(p)      ((wide_4)_mm256_cvtps_pd(_mm_loadu_ps(p)))
#define LOAD_float_8(p)      ((wide_8)_mm512_cvtps_pd(_mm256_loadu_ps(p)))
#define LOAD_double_4(p)     (*(const double_4 *)(p))
#define LOAD_double_8(p)     (*(const double_8 *)(p))
#define STORE_float_2(p, x)  _mm_storel_epi64(TWO(, p), _mm_castps_si128(_mm_cvtpd_ps((__m128d)(x))))
#define STORE_float_4(p, x)  _mm_storeu_ps(p, _mm256_cvtpd_ps((__m256d)(x)))
#define STORE_float_8(p, x)  _mm256_storeu_ps(p, _mm512_cvtpd_ps((__m512d)(x)))
#define STORE_double_4(p, x) (*(double_4 *)(p) = (x))
#define STORE_double_8(p, x) (*(double_8 *)(p) = (x))
#else
typedef float float_2 __attribute__((vector_size(8), aligned(4), may_alias));
#define LOAD_float_2(p)     __builtin_convertvector(*(const float_2 *)(p), wide_2)
#define STORE_float_2(p, x) (*(float_2 *)(p) = __builtin_convertvector(x, float_2))
#endif

/* A loop over registers, which gcc unrolls when it is told and clang by itself. */
#if defined(__clang__)
#define EACH(i, count) for (int i = 0; i < (count); i++)
#else
#define EACH(i, count) _Pragma("GCC unroll 8") for (int i = 0; i < (count); i++)
#endif
#define ALWAYS_INLINE static inline __attribute__((always_inline))

#endif
