/* SPDX-License-Identifier: BSD-3-Clause */
/* What the door of the path KL and its checks share. */
#ifndef COVSAMP_API_PATH_KL_H
#define COVSAMP_API_PATH_KL_H

#include "api/method.h"
#include "diagnostic/path_kl.h"

/* Whether products are too few for the whole space: then krylov is not the dense covariance. */
int covsamp__path_kl_short(const covsamp_config *c, int64_t dim);
/* Whether all that is asked for can be had. */
covsamp_status covsamp__path_kl_check(covsamp_config *c, const covsamp_mixture *mixture,
                                      int32_t estimator, int64_t size, const char *function);
covsamp_status covsamp__path_kl_check_output(covsamp_config *c, const double *kl,
                                             const double *deviation, int64_t count,
                                             const char *function);

#endif
