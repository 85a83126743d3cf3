/* SPDX-License-Identifier: BSD-3-Clause */
/* What a likelihood bound came to, as text, JSON and NPY. */
#ifndef COVSAMP_NELBO_REPORT_H
#define COVSAMP_NELBO_REPORT_H

#include "app.h"

#include <covsamp/covsamp.h>

/* One line a term, then the bound. */
void nelbo_table(const covsamp_nelbo *nelbo);
/* One object to any stream; method, model, data: as on the command line. */
void nelbo_json(FILE *stream, const covsamp_nelbo *nelbo, const char *method, const char *model,
                const char *data);
/* [terms][9]: term, level, to, nats, deviation, log_det, trace, residual, probe_deviation. */
int nelbo_npy(const char *path, const covsamp_nelbo *nelbo);

#endif
