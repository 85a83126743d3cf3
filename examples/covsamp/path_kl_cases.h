/* SPDX-License-Identifier: BSD-3-Clause */
/* The known distributions, noise processes and methods that path-kl compares. */
#ifndef COVSAMP_PATH_KL_CASES_H
#define COVSAMP_PATH_KL_CASES_H

#include "app.h"

#include <covsamp/covsamp.h>

/* "1d", "2d", "6d".  0, EXIT_USAGE or EXIT_RUN. */
int path_kl_mixture(const char *name, covsamp_mixture **out, int *dim);
/* "logsnr", "vp-linear", "ddpm-linear" with so many levels.  0, EXIT_USAGE or EXIT_RUN. */
int path_kl_schedule(const char *name, int64_t levels, covsamp_schedule **out);
/* "dense", "krylov:2", ...: covariance and krylov_steps of a configuration.  0 or EXIT_USAGE. */
int path_kl_method(const char *name, covsamp_config *config);

#endif
