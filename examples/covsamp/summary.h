/* SPDX-License-Identifier: BSD-3-Clause */
/* What a run of `covsamp sample` cost. */
#ifndef COVSAMP_SUMMARY_H
#define COVSAMP_SUMMARY_H

#include "draw.h"

/* On standard error, for people. */
void summary_print(const struct setup *setup, const struct sample_request *request,
                   const struct cost *cost);
/* On standard output, one object. */
void summary_json(const struct setup *setup, const struct sample_request *request,
                  const struct cost *cost, bool interrupted);

#endif
