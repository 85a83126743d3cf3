/* SPDX-License-Identifier: BSD-3-Clause */
#include "half.h"

#include <math.h>

double half_value(uint16_t bits)
{
    const int exponent = bits >> 10 & 31, fraction = bits & 1023;
    double value;
    if (exponent == 31)
        value = fraction != 0 ? NAN : INFINITY;
    else if (exponent == 0)
        value = ldexp(fraction, -24);
    else
        value = ldexp(1024 + fraction, exponent - 25);
    return bits >> 15 ? -value : value;
}

uint16_t half_of(double value)
{
    const uint16_t sign = signbit(value) ? 0x8000 : 0;
    const double size = fabs(value);
    int exponent;
    if (isnan(value))
        return sign | 0x7e00;
    if (size >= 65520) /* half-way between the largest one and what would come next */
        return sign | 0x7c00;
    frexp(size, &exponent); /* size < 2^exponent */
    if (exponent < -13 || size == 0)
        exponent = -13; /* subnormal numbers are this far apart, too */
    /* In units of the last place, rounded by hand: the rounding mode is the caller's. */
    const double units = ldexp(size, 11 - exponent), whole = floor(units), rest = units - whole;
    uint32_t n = (uint32_t)whole;
    if (rest > 0.5 || (rest == 0.5 && n % 2 == 1))
        n++;
    /* A carry out of the fraction raises the exponent by itself. */
    return (uint16_t)(sign | (n + ((uint32_t)(exponent + 13) << 10)));
}
