/* SPDX-License-Identifier: BSD-3-Clause */
/* Means and their standard errors, as values come in.  Knows nobody. */
#ifndef COVSAMP_DIAGNOSTIC_MOMENTS_H
#define COVSAMP_DIAGNOSTIC_MOMENTS_H

#include <stdint.h>

/* Mean and sum of squared differences from it (Welford 1962). */
typedef struct {
    double mean, squares;
} covsamp__moments;

/* Values must be smaller in size: sums of their squares are finite then. */
#define COVSAMP__COUNTABLE 1e150
/* The n-th value. */
void covsamp__moments_add(covsamp__moments *m, int64_t n, double value);
/* Standard error of the mean of n values; NaN for fewer than two. */
double covsamp__moments_deviation(const covsamp__moments *m, int64_t n);

#endif
