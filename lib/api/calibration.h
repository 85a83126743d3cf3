/* SPDX-License-Identifier: BSD-3-Clause */
/* What the doors of a calibration share. */
#ifndef COVSAMP_API_CALIBRATION_H
#define COVSAMP_API_CALIBRATION_H

#include "diagnostic/calibration.h"

/* Makes one, in the name of `function`; config and out are not NULL, *out is. */
covsamp_status covsamp__calibration_new(covsamp_calibration **out, covsamp_config *config,
                                        const int64_t *levels, int64_t count, int32_t products,
                                        const char *function);
/* Forgets the last message; E_NULL, or E_STATE inside a callback of the same calibration. */
covsamp_status covsamp__calibration_enter(covsamp_calibration *c, const char *function);
/* What is wrong with an array of 1 ... most samples, whatever is done with it. */
covsamp_status covsamp__calibration_check_data(covsamp_calibration *c, const void *x,
                                               int64_t stride, int64_t samples, int64_t most,
                                               const char *function);
/* Begins a batch with a copy of the samples, unless they are not finite. */
covsamp_status covsamp__calibration_feed(covsamp_calibration *c, const void *x, int64_t stride,
                                         int64_t samples, const char *function);
/* COVSAMP_OK with a request open, or COVSAMP_DONE. */
covsamp_status covsamp__calibration_ask(covsamp_calibration *c);
/* *level receives 1 where a level has been finished. */
covsamp_status covsamp__calibration_tell(covsamp_calibration *c, int32_t answer, int *level,
                                         const char *function);

#endif
