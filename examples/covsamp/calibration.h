/* SPDX-License-Identifier: BSD-3-Clause */
/* What `covsamp calibrate` measured, as a file: JSON, one array a column. */
#ifndef COVSAMP_CALIBRATION_H
#define COVSAMP_CALIBRATION_H

#include "app.h"

#include <covsamp/covsamp.h>

struct calibration {
    int64_t levels;                                /* of the schedule */
    int64_t count;                                 /* levels measured, noisiest first */
    double *level, *alpha, *sigma, *error, *trace; /* [count]; NaN where not measured */
    double *noise, *x0_error;                      /* [levels] */
    char model[256], prediction[32]; /* of what was measured, "" if the file does not say */
};

/* What the file says besides the numbers. */
struct calibration_origin {
    const char *model, *data, *labels, *schedule, *prediction; /* labels NULL: none */
    uint64_t seed;
};

/* Writes every row and both tables.  0 or EXIT_RUN after a message. */
int calibration_write(const char *path, covsamp_calibration *measured, int64_t count,
                      int64_t levels, const struct calibration_origin *origin);
/* 0 or EXIT_RUN after a message; calibration_free() is due either way. */
int calibration_read(struct calibration *calibration, const char *path);
void calibration_free(struct calibration *calibration);

/* Gives config both tables, if they belong to its schedule.  0, EXIT_USAGE or EXIT_RUN. */
int calibration_apply(const struct calibration *calibration, const char *path,
                      covsamp_config *config, const covsamp_schedule *schedule);
/* The standard error of the analytic variance; infinite where alpha = 0. */
double calibration_analytic_deviation(const covsamp_calibration_level *row);
/* Whether there is a trace at all: --means-only leaves them out. */
bool calibration_has_traces(const struct calibration *calibration);
/* The widest range of measured levels in which the probed trace is within the factor of the error,
 * as window_low and window_high.  Above the noisiest of them nothing is trusted, unless it is the
 * last of the schedule; below there is no limit where the range reaches the lowest one measured.
 * 0: there is no such range, and the window is empty. */
int calibration_window(const struct calibration *calibration, double factor, int64_t *low,
                       int64_t *high);

#endif
