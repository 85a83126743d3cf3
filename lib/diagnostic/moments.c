/* SPDX-License-Identifier: BSD-3-Clause */
#include "diagnostic/moments.h"

#include <math.h>

void covsamp__moments_add(covsamp__moments *m, int64_t n, double value)
{
    const double off = value - m->mean;
    m->mean += off / (double)n;
    m->squares += off * (value - m->mean);
}

double covsamp__moments_deviation(const covsamp__moments *m, int64_t n)
{
    return n > 1 ? sqrt(m->squares / ((double)n * (double)(n - 1))) : NAN;
}
