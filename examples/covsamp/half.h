/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers of 16 bits, IEEE 754's binary16: what features are stored as. */
#ifndef COVSAMP_HALF_H
#define COVSAMP_HALF_H

#include <stdint.h>

double half_value(uint16_t bits);
/* The nearest one, of two the even one; beyond 65504 infinity. */
uint16_t half_of(double value);

#endif
