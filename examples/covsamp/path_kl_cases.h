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
/* Gives the mixture of so many dimensions an exact classifier, strength times a direction of length
 * 1, and makes the mixture of the condition.  0 or EXIT_RUN. */
int path_kl_tilt(int dim, double strength, covsamp_mixture *mixture, covsamp_mixture **given);
/* "dense", "krylov:2", ...: covariance and krylov_steps of a configuration; where it is guided also
 * "dense/state" and the like, a form of guidance, or "dense/conditional", which is none.  0 or
 * EXIT_USAGE. */
int path_kl_method(const char *name, bool guided, covsamp_config *config, bool *conditional);

#endif
