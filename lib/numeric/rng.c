/* SPDX-License-Identifier: BSD-3-Clause */
/* Normal numbers as pure functions of a counter: Random123's Philox, then Box-Muller.  The loops
 * have no branches and a length that the compiler knows, so that it makes vector code of them; on
 * x86-64 once more for each wider set of instructions, and the processor says at the call which of
 * them runs.  All operations are of integers or round as IEEE 754 has it, and none are fused: all
 * give the same bits, which tests/numerics/test_compilers.sh compares. */
#include "numeric/rng.h"
#include "numeric/elementary.h"
#include "numeric/simd.h"
#include "numeric/vec.h"

#include <covsamp/covsamp.h>
#include <Random123/philox.h>

#include <math.h>
#include <string.h>

/* Pairs of normals are made in units: long enough for vectors of any width, short enough that
 * little is thrown away at the end of a draw. */
#define UNIT 32
/* Units at once, where there is a buffer between. */
#define UNITS 4

/* 53 random bits for u1 and u2 each. */
typedef struct {
    uint64_t k1[UNIT], k2[UNIT];
} unit_bits;

/* Box-Muller: u1 = (k1 + 1) / 2^53 is never 0, u2 = k2 / 2^53. */
static inline void box_muller(const unit_bits *bits, double *out)
{
    for (int i = 0; i < UNIT; i++) {
        double u1 = covsamp__from_53(bits->k1[i] + 1) * 0x1p-53, s, c;
        double radius = sqrt(-2.0 * covsamp__log_of(u1));
        covsamp__sincos_of(bits->k2[i], &s, &c);
        out[2 * i] = radius * c;
        out[2 * i + 1] = radius * s;
    }
}

/* Pairs first ... first + units * UNIT - 1, their bits by `draw`. */
#define DEFINE_UNITS(name, attributes, draw)                                                       \
    attributes static void name(philox4x32_key_t key, philox4x32_ctr_t counter, uint32_t first,    \
                                int64_t units, double *out)                                        \
    {                                                                                              \
        unit_bits bits;                                                                            \
        for (int64_t u = 0; u < units; u++) {                                                      \
            draw(key, counter, first + (uint32_t)(u * UNIT), &bits);                               \
            box_muller(&bits, out + u * 2 * UNIT);                                                 \
        }                                                                                          \
    }

#if COVSAMP__COPIES
typedef uint64_t lanes_2 __attribute__((vector_size(16)));
typedef uint64_t lanes_4 __attribute__((vector_size(32)));
typedef uint64_t lanes_8 __attribute__((vector_size(64)));
#define MULTIPLY_2(a, b) ((lanes_2)_mm_mul_epu32((__m128i)(a), (__m128i)(b)))
#define MULTIPLY_4(a, b) ((lanes_4)_mm256_mul_epu32((__m256i)(a), (__m256i)(b)))
#define MULTIPLY_8(a, b) ((lanes_8)_mm512_mul_epu32((__m512i)(a), (__m512i)(b)))

/* One round, a word of the state in the lower half of each lane: what stands in the upper halves
 * is never looked at. */
#define ROUND(lanes, multiply, a, b, c, d)                                                         \
    do {                                                                                           \
        const lanes p = multiply(a, m0), q = multiply(c, m1);                                      \
        (a) = (q >> 32) ^ ((b) ^ keys[r][0]);                                                      \
        (c) = (p >> 32) ^ ((d) ^ keys[r][1]);                                                      \
        (b) = q;                                                                                   \
        (d) = p;                                                                                   \
    } while (0)
#define BITS_53(low, high) ((((high) << 32) | ((low)&0xffffffffu)) >> 11)

/* Unrolled whole, clang makes scalar code of box_muller(), which follows; it unrolls the rounds by
 * itself, and gcc when it is told. */
#if defined(__clang__)
#define KEEP_LOOP _Pragma("nounroll")
#define UNROLL_ROUNDS
#else
#define KEEP_LOOP
#define UNROLL_ROUNDS _Pragma("GCC unroll 10")
#endif

/* Random123's rounds on many counters side by side.  Its own form works on the four words of one
 * counter, of which compilers make more shuffles than products.  Two sets of lanes at a time hide
 * each other's latency. */
#define DEFINE_BITS(name, attributes, lanes, multiply)                                             \
    attributes static inline void name(philox4x32_key_t key, philox4x32_ctr_t counter,             \
                                       uint32_t first, unit_bits *out)                             \
    {                                                                                              \
        enum { N = sizeof(lanes) / sizeof(uint64_t), ROUNDS = 10 };                                \
        const lanes zero = {0}, m0 = zero + PHILOX_M4x32_0, m1 = zero + PHILOX_M4x32_1;            \
        lanes keys[ROUNDS][2], number = zero;                                                      \
        for (int l = 0; l < N; l++)                                                                \
            number[l] = (uint64_t)l;                                                               \
        for (uint32_t r = 0; r < ROUNDS; r++) {                                                    \
            keys[r][0] = zero + (uint32_t)(key.v[0] + r * PHILOX_W32_0);                           \
            keys[r][1] = zero + (uint32_t)(key.v[1] + r * PHILOX_W32_1);                           \
        }                                                                                          \
        KEEP_LOOP                                                                                  \
        for (int i = 0; i < UNIT; i += 2 * N) {                                                    \
            lanes a0 = number + (first + (uint32_t)i), a1 = a0 + N, b0 = zero + counter.v[1];      \
            lanes c0 = zero + counter.v[2], d0 = zero + counter.v[3], b1 = b0, c1 = c0, d1 = d0;   \
            UNROLL_ROUNDS                                                                          \
            for (int r = 0; r < ROUNDS; r++) {                                                     \
                ROUND(lanes, multiply, a0, b0, c0, d0);                                            \
                ROUND(lanes, multiply, a1, b1, c1, d1);                                            \
            }                                                                                      \
            const lanes k[4] = {BITS_53(a0, b0), BITS_53(a1, b1), BITS_53(c0, d0),                 \
                                BITS_53(c1, d1)};                                                  \
            memcpy(out->k1 + i, &k[0], 2 * sizeof k[0]);                                           \
            memcpy(out->k2 + i, &k[2], 2 * sizeof k[2]);                                           \
        }                                                                                          \
    }

#define FLATTEN __attribute__((flatten)) /* a copy of box_muller() for each width */

DEFINE_BITS(bits_sse2, , lanes_2, MULTIPLY_2)
DEFINE_BITS(bits_avx2, AVX2, lanes_4, MULTIPLY_4)
DEFINE_BITS(bits_avx512, AVX512, lanes_8, MULTIPLY_8)
DEFINE_UNITS(units_sse2, FLATTEN, bits_sse2)
DEFINE_UNITS(units_avx2, FLATTEN AVX2, bits_avx2)
DEFINE_UNITS(units_avx512, FLATTEN AVX512, bits_avx512)

static void make_units(philox4x32_key_t key, philox4x32_ctr_t counter, uint32_t first,
                       int64_t units, double *out)
{
    const int widest = covsamp__widest();
    if (widest > 2)
        units_avx512(key, counter, first, units, out);
    else if (widest > 1)
        units_avx2(key, counter, first, units, out);
    else
        units_sse2(key, counter, first, units, out);
}
#else
static inline void draw_bits(philox4x32_key_t key, philox4x32_ctr_t counter, uint32_t first,
                             unit_bits *out)
{
    for (int i = 0; i < UNIT; i++) {
        philox4x32_ctr_t c = counter;
        c.v[0] = first + (uint32_t)i;
        c = philox4x32_R(10, c, key);
        out->k1[i] = ((uint64_t)c.v[1] << 32 | c.v[0]) >> 11;
        out->k2[i] = ((uint64_t)c.v[3] << 32 | c.v[2]) >> 11;
    }
}

DEFINE_UNITS(make_units, , draw_bits)
#endif

void covsamp__normals(uint64_t seed, int64_t sample, int32_t stream, int64_t step, int64_t first,
                      int64_t count, double *out)
{
    philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    philox4x32_ctr_t counter = {{0, (uint32_t)step + ((uint32_t)stream << 24), (uint32_t)sample,
                                 (uint32_t)((uint64_t)sample >> 32)}};
    double block[2 * UNIT];
    while (count > 0) {
        const int64_t skip = first & 1, whole = skip ? 0 : count / (2 * UNIT);
        int64_t take = whole * 2 * UNIT;
        if (whole > 0) {
            make_units(key, counter, (uint32_t)(first / 2), whole, out);
        } else { /* one of the ends */
            make_units(key, counter, (uint32_t)(first / 2), 1, block);
            take = count < 2 * UNIT - skip ? count : 2 * UNIT - skip;
            memcpy(out, block + skip, (size_t)take * sizeof *out);
        }
        out += take;
        first += take;
        count -= take;
    }
}

void covsamp__normals_as(int32_t dtype, uint64_t seed, int64_t sample, int32_t stream, int64_t step,
                         int64_t first, int64_t count, void *out)
{
    double block[2 * UNIT * UNITS];
    if (dtype == COVSAMP_F64) {
        covsamp__normals(seed, sample, stream, step, first, count, out);
        return;
    }
    for (int64_t i = 0; i < count;) {
        /* to an even element first, so that all later blocks are whole */
        int64_t room = 2 * UNIT * UNITS - ((first + i) & 1);
        int64_t n = count - i < room ? count - i : room;
        covsamp__normals(seed, sample, stream, step, first + i, n, block);
        if (n == 2 * UNIT * UNITS) { /* of a length that the compiler knows */
            float *to = (float *)out + i;
            for (int j = 0; j < 2 * UNIT * UNITS; j++)
                to[j] = (float)block[j];
        } else {
            covsamp__from_double(dtype, n, block, covsamp__at(dtype, out, i));
        }
        i += n;
    }
}

void covsamp__signs_as(int32_t dtype, uint64_t seed, int64_t sample, int32_t stream, int64_t step,
                       int64_t first, int64_t count, void *out)
{
    const philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    philox4x32_ctr_t counter = {{0, (uint32_t)step + ((uint32_t)stream << 24), (uint32_t)sample,
                                 (uint32_t)((uint64_t)sample >> 32)}};
    double block[128];
    for (int64_t i = 0; i < count;) {
        const int64_t at = first + i, skip = at % 128;
        const int64_t n = count - i < 128 - skip ? count - i : 128 - skip;
        counter.v[0] = (uint32_t)(at / 128);
        const philox4x32_ctr_t bits = philox4x32_R(10, counter, key);
        for (int j = 0; j < 128; j++)
            block[j] = (bits.v[j / 32] >> (j % 32)) & 1 ? -1.0 : 1.0;
        covsamp__from_double(dtype, n, block + skip, covsamp__at(dtype, out, i));
        i += n;
    }
}
