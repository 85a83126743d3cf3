/* SPDX-License-Identifier: BSD-3-Clause */
/* The noise process by name: "linear", "linear:1e-4,0.02", "cosine:0.008",
 * "karras:0.002,80,7" (sigma_min, sigma_max, rho), "flow". */
#ifndef COVSAMP_PROCESS_H
#define COVSAMP_PROCESS_H

#include "app.h"

#include <covsamp/covsamp.h>

/* `source` begins the message: "--schedule".  0 or EXIT_USAGE. */
int process_schedule(covsamp_schedule **out, const char *source, const char *text, int64_t levels);
/* Gives config the schedule and `steps` of its levels, which *visited receives, to be freed. from:
 * the first of them, as if the schedule ended there; 0: its end.  noise: the table that "optimal"
 * needs, or NULL.  0, EXIT_USAGE or EXIT_RUN. */
int process_visit(covsamp_config *config, const covsamp_schedule *schedule, int64_t from,
                  int64_t steps, const char *spacing, const double *noise, int64_t **visited);

#endif
