/* SPDX-License-Identifier: BSD-3-Clause */
/* One request to the callbacks of a model. */
#ifndef COVSAMP_API_RUN_H
#define COVSAMP_API_RUN_H

#include <covsamp/covsamp.h>

/* Their answer; 0 for a report of progress that nobody listens to. */
int32_t covsamp__call(const covsamp_model *model, const covsamp_request *request);

#endif
