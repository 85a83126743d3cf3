/* SPDX-License-Identifier: BSD-3-Clause */
/* Counter-based normal numbers, the same bits on every platform.  covsamp.h section 9 is the
 * definition: Philox4x32-10 by Random123, 53-bit uniforms, Box-Muller with a polynomial log and
 * sincos of this library's own (no libm but sqrt, which IEEE 754 rounds correctly).  Knows nobody.
 */
#ifndef COVSAMP_NUMERIC_RNG_H
#define COVSAMP_NUMERIC_RNG_H

#include <stdint.h>

/* Elements first ... first + count - 1 of the draw (seed, sample, stream, step). */
void covsamp__normals(uint64_t seed, int64_t sample, int32_t stream, int64_t step, int64_t first,
                      int64_t count, double *out);
/* The same, rounded to dtype. */
void covsamp__normals_as(int32_t dtype, uint64_t seed, int64_t sample, int32_t stream, int64_t step,
                         int64_t first, int64_t count, void *out);

/* Elements first ... first + count - 1 of a draw of random signs, +1 or -1: bit i % 128 of the
 * Philox block i / 128 of (seed, sample, stream, step), words in order, lowest bit first; set: -1.
 */
void covsamp__signs_as(int32_t dtype, uint64_t seed, int64_t sample, int32_t stream, int64_t step,
                       int64_t first, int64_t count, void *out);

#endif
