/* SPDX-License-Identifier: BSD-3-Clause */
/* The last term of a likelihood bound: data from the mean of the step to data.  Knows numeric/. */
#ifndef COVSAMP_DIAGNOSTIC_DECODER_H
#define COVSAMP_DIAGNOSTIC_DECODER_H

#include <stdint.h>

/* -log of the probability of n grey values x in [-1, 1], bins of them, or with bins = 0 of the
 * density at x, under independent Gaussians around mean.  The lowest and highest bin have the whole
 * tail (Ho et al. 2020, eq. 13). */
double covsamp__decoder_nats(int32_t dtype, int64_t n, int64_t bins, double deviation,
                             const void *x, const void *mean);

#endif
