/* SPDX-License-Identifier: BSD-3-Clause */
/* From options to a sampler, for those who hold one inside. */
#ifndef COVSAMP_API_SAMPLER_H
#define COVSAMP_API_SAMPLER_H

#include "machine/machine.h"

/* Fills everything that options say, before the layout: covariance, solver, sizes. */
void covsamp__sampler_read(const covsamp_config *config, covsamp_sampler *s);
/* What the request says for good; s is where it will stay. */
void covsamp__sampler_request(covsamp_sampler *s, int64_t steps);

#endif
