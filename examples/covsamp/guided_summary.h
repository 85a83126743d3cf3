/* SPDX-License-Identifier: BSD-3-Clause */
/* What a summary says of guidance, of starts and known values, of latents and of saved runs. */
#ifndef COVSAMP_GUIDED_SUMMARY_H
#define COVSAMP_GUIDED_SUMMARY_H

#include "setup.h"

/* Lines on standard error, none where there is nothing of it. */
void guided_summary_print(const struct setup *setup, const struct sample_request *request);
/* Fields of a JSON object on standard output, each with its comma before it. */
void guided_summary_json(const struct setup *setup, const struct sample_request *request);

#endif
