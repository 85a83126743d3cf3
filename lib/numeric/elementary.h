/* SPDX-License-Identifier: BSD-3-Clause */
/* log and sincos from additions, products and one division of doubles, each correctly rounded by
 * IEEE 754: the same bits on every platform as long as nothing is fused or kept in wider registers.
 * Measured: log at most 0.82 ulp off, sin and cos 1.64.  No branches and no casts between integers
 * and doubles, so that loops over them become vector code.
 * For rng.c and its test; knows nobody. */
#ifndef COVSAMP_NUMERIC_ELEMENTARY_H
#define COVSAMP_NUMERIC_ELEMENTARY_H

#include <float.h>
#include <stdint.h>
#include <string.h>

#if FLT_EVAL_METHOD != 0
#error "elementary.h needs plain double arithmetic (32-bit x86: -msse2 -mfpmath=sse)"
#endif
#if defined(__FAST_MATH__)
#error "elementary.h must not be compiled with -ffast-math"
#endif
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

static inline double covsamp__as_double(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint64_t covsamp__as_bits(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* An integer below 2^52 as a double, exactly: placed in the fraction of 2^52. Unlike a cast it
 * is vector code everywhere. */
static inline double covsamp__from_52(uint64_t k)
{
    return covsamp__as_double(k | UINT64_C(0x4330000000000000)) - 0x1p52;
}

/* An integer up to 2^53 as a double, exactly. */
static inline double covsamp__from_53(uint64_t k)
{
    uint64_t high = (k >> 32) | UINT64_C(0x4530000000000000); /* in the fraction of 2^84 */
    return (covsamp__as_double(high) - 0x1p84) + covsamp__from_52(k & UINT64_C(0xffffffff));
}

/* log(x) for normal positive x: x = 2^e m with m in [sqrt(1/2), sqrt(2)), and, with
 * s = f / (2 + f), log(1 + f) = 2 atanh(s) = f - f^2/2 + s (f^2/2 + z P(z)), z = s^2, P fitted at
 * Chebyshev nodes.  The largest term, f, is exact, which is what keeps the error below one ulp. */
static inline double covsamp__log_of(double x)
{
    /* Moving the exponent's boundary from 1 to sqrt(1/2) makes m cover [sqrt(1/2), sqrt(2)). */
    const uint64_t shift = UINT64_C(0x3fe6a09e00000000), fraction = UINT64_C(0x000fffffffffffff);
    uint64_t bits = covsamp__as_bits(x) - shift;
    /* bits >> 52 is e modulo 2^12: the bias 2048 keeps it positive on the way to double. */
    double e = covsamp__from_52(((bits >> 52) + 2048) & 4095) - 2048.0;
    double f = covsamp__as_double((bits & fraction) + shift) - 1.0;
    double s = f / (2.0 + f), z = s * s, half = 0.5 * f * f;
    double p = 0x1.2b5900de53b32p-3;
    p = p * z + 0x1.39fe51a7c18f9p-3;
    p = p * z + 0x1.7462b51cb66b1p-3;
    p = p * z + 0x1.c71c62e3f11e6p-3;
    p = p * z + 0x1.2492492df281ap-2;
    p = p * z + 0x1.99999999952d7p-2;
    p = p * z + 0x1.5555555555558p-1;
    /* log(2) in two parts: the first has 42 bits, so that its product with e is exact. */
    double low = s * (half + z * p) + e * 0x1.ef35793c76730p-45;
    return e * 0x1.62e42fefa38p-1 - ((half - low) - f);
}

/* sin and cos of 2 pi k / 2^53.  The quarter turn q and the rest r, in quarter turns within
 * [-1/2, 1/2), are exact; then sin(pi/2 r) and cos(pi/2 r) by polynomials in r^2. */
static inline void covsamp__sincos_of(uint64_t k, double *sine, double *cosine)
{
    uint64_t shifted = k + (UINT64_C(1) << 50), q = shifted >> 51;
    uint64_t rest = shifted & ((UINT64_C(1) << 51) - 1);
    double r = (covsamp__from_52(rest) - 0x1p50) * 0x1p-51, z = r * r;
    double p = 0x1.e4a9d9166f052p-25;
    p = p * z - 0x1.e3027dea82bd7p-19;
    p = p * z + 0x1.50783208843ebp-13;
    p = p * z - 0x1.32d2cce500387p-8;
    p = p * z + 0x1.466bc6775a476p-4;
    p = p * z - 0x1.4abbce625be52p-1;
    /* pi/2 in two parts, the second joins the small terms */
    double s = r * 0x1.921fb54442d18p+0 + r * (z * p + 0x1.1a62633145c07p-54);
    double c = -0x1.b38340f56931fp-28;
    c = c * z + 0x1.f9cfc07738157p-22;
    c = c * z - 0x1.a6d1f0ab7905cp-16;
    c = c * z + 0x1.e1f50688302c5p-11;
    c = c * z - 0x1.55d3c7e3cbd74p-6;
    c = c * z + 0x1.03c1f081b5ac4p-2;
    c = 1.0 - z * (0x1.3bd3cc9be45dep+0 - z * c);
    /* q = 0 ... 4 turns (s, c) by quarters: odd q swaps, and the signs go with the bits. */
    uint64_t swap = (uint64_t)0 - (q & 1), sb = covsamp__as_bits(s), cb = covsamp__as_bits(c);
    uint64_t exchanged = (sb ^ cb) & swap;
    *sine = covsamp__as_double((sb ^ exchanged) ^ ((q & 2) << 62));
    *cosine = covsamp__as_double((cb ^ exchanged) ^ (((q + 1) & 2) << 62));
}

#endif
