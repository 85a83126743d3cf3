/* SPDX-License-Identifier: BSD-3-Clause */
/* What bench-noise calls: the library's normals in float and double, and a fill of the same memory.
 * Linked with the internals, since the public function gives doubles alone. */
#include "numeric/rng.h"

#include <covsamp/covsamp.h>

#include <string.h>

void noise_normals(int32_t bytes, int64_t step, int64_t count, void *out);
void noise_fill(int32_t bytes, int64_t step, int64_t count, void *out);

void noise_normals(int32_t bytes, int64_t step, int64_t count, void *out)
{
    covsamp__normals_as(bytes == 4 ? COVSAMP_F32 : COVSAMP_F64, 1, 2, COVSAMP_STREAM_STEP, step, 0,
                        count, out);
}

void noise_fill(int32_t bytes, int64_t step, int64_t count, void *out)
{
    memset(out, (int)(step & 127), (size_t)(count * bytes));
}
