/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef COVSAMP_API_DOOR_H
#define COVSAMP_API_DOOR_H

#include "machine/machine.h"

/* Forgets the last message; E_NULL, or E_STATE inside a callback of the same sampler. */
covsamp_status covsamp__enter(covsamp_sampler *s, const char *function);

#endif
