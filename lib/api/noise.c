/* SPDX-License-Identifier: BSD-3-Clause */
#include <covsamp/covsamp.h>

#include "numeric/rng.h"

covsamp_status covsamp_noise_normal(uint64_t seed, int64_t sample, int32_t stream, int64_t step,
                                    int64_t first, int64_t count, double *out)
{
    const int64_t most = INT64_C(1) << 33;
    if (sample < 0 || stream < 0 || stream > 255 || step < 0 || step >= INT64_C(1) << 24 ||
        first < 0 || count < 0 || first > most || count > most - first)
        return COVSAMP_E_RANGE;
    if (out == NULL && count > 0)
        return COVSAMP_E_NULL;
    covsamp__normals(seed, sample, stream, step, first, count, out);
    return COVSAMP_OK;
}
