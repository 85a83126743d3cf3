/* SPDX-License-Identifier: BSD-3-Clause */
/* Normal numbers as pure functions of a counter: Random123's Philox, then Box-Muller.  The loops
 * have no branches and, but for the ends of a draw, a constant length: compilers vectorise them. */
#include "numeric/rng.h"
#include "numeric/elementary.h"
#include "numeric/vec.h"

#include <covsamp/covsamp.h>
#include <Random123/philox.h>

#include <math.h>
#include <string.h>

/* Pairs of normals made at once: long enough to vectorise, short enough to stay in the cache. */
#define PAIRS 64

typedef struct {
    uint64_t u1[PAIRS], u2[PAIRS]; /* 53 random bits each */
} bits_block;

/* The bits of pairs first ... first + n - 1. */
static inline void draw_bits(philox4x32_key_t key, philox4x32_ctr_t counter, uint32_t first, int n,
                             bits_block *out)
{
    for (int i = 0; i < n; i++) {
        philox4x32_ctr_t c = counter;
        c.v[0] = first + (uint32_t)i;
        c = philox4x32_R(10, c, key);
        out->u1[i] = ((uint64_t)c.v[1] << 32 | c.v[0]) >> 11;
        out->u2[i] = ((uint64_t)c.v[3] << 32 | c.v[2]) >> 11;
    }
}

/* Box-Muller: u1 = (k1 + 1) / 2^53 is never 0, u2 = k2 / 2^53. */
static inline void box_muller(const bits_block *bits, int n, double *out)
{
    for (int i = 0; i < n; i++) {
        double u1 = covsamp__from_53(bits->u1[i] + 1) * 0x1p-53, s, c;
        double radius = sqrt(-2.0 * covsamp__log_of(u1));
        covsamp__sincos_of(bits->u2[i], &s, &c);
        out[2 * i] = radius * c;
        out[2 * i + 1] = radius * s;
    }
}

/* Both loops with a length that the compiler knows, where it is the full one. */
static void draw_pairs(philox4x32_key_t key, philox4x32_ctr_t counter, uint32_t first, int n,
                       double *out)
{
    bits_block bits;
    if (n == PAIRS) {
        draw_bits(key, counter, first, PAIRS, &bits);
        box_muller(&bits, PAIRS, out);
    } else {
        draw_bits(key, counter, first, n, &bits);
        box_muller(&bits, n, out);
    }
}

void covsamp__normals(uint64_t seed, int64_t sample, int32_t stream, int64_t step, int64_t first,
                      int64_t count, double *out)
{
    philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    philox4x32_ctr_t counter = {{0, (uint32_t)step + ((uint32_t)stream << 24), (uint32_t)sample,
                                 (uint32_t)((uint64_t)sample >> 32)}};
    int64_t i = first, end = first + count;
    while (i < end) {
        int64_t skip = i & 1, pairs = (end - i + skip + 1) / 2;
        int n = (int)(pairs < PAIRS ? pairs : PAIRS);
        int64_t have = 2 * n - skip, take = have < end - i ? have : end - i;
        if (skip == 0 && take == 2 * n) {
            draw_pairs(key, counter, (uint32_t)(i / 2), n, out);
        } else { /* half a pair at one of the ends */
            double block[2 * PAIRS];
            draw_pairs(key, counter, (uint32_t)(i / 2), n, block);
            memcpy(out, block + skip, (size_t)take * sizeof *out);
        }
        out += take;
        i += take;
    }
}

void covsamp__normals_as(int32_t dtype, uint64_t seed, int64_t sample, int32_t stream, int64_t step,
                         int64_t first, int64_t count, void *out)
{
    double block[2 * PAIRS];
    if (dtype == COVSAMP_F64) {
        covsamp__normals(seed, sample, stream, step, first, count, out);
        return;
    }
    for (int64_t i = 0; i < count;) {
        /* to an even element first, so that all later blocks are whole */
        int64_t room = 2 * PAIRS - ((first + i) & 1);
        int64_t n = count - i < room ? count - i : room;
        covsamp__normals(seed, sample, stream, step, first + i, n, block);
        covsamp__from_double(dtype, n, block, covsamp__at(dtype, out, i));
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
