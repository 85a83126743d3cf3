/* SPDX-License-Identifier: BSD-3-Clause */
/* What a sampler remembers of its configuration, to recognise another's. */
#ifndef COVSAMP_API_FINGERPRINT_H
#define COVSAMP_API_FINGERPRINT_H

#include "api/config.h"
#include "base/bytes.h"
#include "machine/machine.h"

struct covsamp__fingerprint {
    covsamp__value option[COVSAMP__OPTIONS]; /* those in effect, in the order of the table */
    int64_t levels;                          /* of the schedule */
    int64_t family, time_is_sigma;
    double *level;                        /* [levels][3] alpha, sigma, time of level 1, 2, ... */
    int64_t table_count[COVSAMP__TABLES]; /* 0: none */
    uint64_t table[COVSAMP__TABLES];      /* checksums */
};

void covsamp__fingerprint_layout(covsamp_sampler *s, int64_t levels, covsamp__arena *arena);
void covsamp__fingerprint_take(covsamp_sampler *s, const covsamp_config *config);
void covsamp__fingerprint_write(covsamp_sampler *s, covsamp__bytes *bytes);
/* E_UNSUPPORTED where the one that is read is of another configuration: the message names what
 * differs; E_RANGE where it is none. */
covsamp_status covsamp__fingerprint_check(covsamp_sampler *s, covsamp__bytes *bytes,
                                          const char *function);

#endif
