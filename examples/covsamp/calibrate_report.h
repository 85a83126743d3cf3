/* SPDX-License-Identifier: BSD-3-Clause */
/* What `covsamp calibrate` shows of what it measured, and what it has to say about it. */
#ifndef COVSAMP_CALIBRATE_REPORT_H
#define COVSAMP_CALIBRATE_REPORT_H

#include "measure.h"

/* count: of levels. */
void report_table(const covsamp_calibration *calibration, int count);
void report_json(const covsamp_calibration *calibration, int count);
/* Samples that have passed every level; 0: there are none to report on. */
int64_t report_samples(const covsamp_calibration *calibration, int count);
/* One line each for what makes numbers worthless: too few images for the analytic variance, data on
 * another scale or unlike what the model knows, classes of which it was not told. */
void report_doubts(const covsamp_calibration *calibration, int count, const struct measurement *m,
                   bool labelled);

#endif
