/* SPDX-License-Identifier: BSD-3-Clause */
/* What a half-done run is, as a string of bytes.  Knows machine.h. */
#ifndef COVSAMP_MACHINE_SAVE_H
#define COVSAMP_MACHINE_SAVE_H

#include "base/bytes.h"
#include "machine/machine.h"

/* Whether the run stands where it can be saved: E_STATE otherwise. */
covsamp_status covsamp__run_closed(covsamp_sampler *s, const char *function);
/* Writes the run. */
void covsamp__run_write(covsamp_sampler *s, covsamp__bytes *bytes);
/* Reads one and changes nothing: E_RANGE where it cannot be a run of this sampler's configuration.
 */
covsamp_status covsamp__run_check(covsamp_sampler *s, covsamp__bytes *bytes, const char *function);
/* Reads one that was checked, and goes on from there. */
void covsamp__run_read(covsamp_sampler *s, covsamp__bytes *bytes);

#endif
