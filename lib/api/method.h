/* SPDX-License-Identifier: BSD-3-Clause */
/* From options to what will be done: the solver and covariance in use, whether they go together,
 * and the plan of every step. */
#ifndef COVSAMP_API_METHOD_H
#define COVSAMP_API_METHOD_H

#include "api/config.h"
#include "solver/solver.h"

/* What is in use: the options, or what the solver fixes in their place. */
typedef struct {
    const covsamp__solver_ops *solver;
    const covsamp__covariance_ops *covariance;
    double eta;
    int64_t covariance_name; /* COVSAMP_COV_... */
    int32_t mean_order;
    int32_t guide_form; /* COVSAMP_GUIDE_..., never AUTO */
} covsamp__method;

covsamp__method covsamp__method_of(const covsamp_config *config);
/* The most products per step of krylov: as said or, where nothing was said and there is a tolerance
 * to stop it, more than the default, after which the tolerance would have nothing left to stop. */
int64_t covsamp__krylov_steps(const covsamp_config *config);
/* Whether all options go together; what single options cannot know. */
covsamp_status covsamp__method_check(covsamp_config *config, const char *function);
/* guidance.c: whether some step has a weight of COVSAMP_GUIDANCE or COVSAMP_CFG (key); the weight of
 * steps from a level; what AUTO comes to; whether the options of guidance go together; the refusal
 * of those who have no use for it. */
int covsamp__guides(const covsamp_config *config, int32_t key);
double covsamp__guidance_weight(const covsamp_config *config, int32_t key, int64_t level);
int32_t covsamp__guide_form(const covsamp_config *config, const covsamp__method *method);
covsamp_status covsamp__guidance_check(covsamp_config *config, const covsamp__method *method,
                                       const char *function);
covsamp_status covsamp__guidance_refuse(covsamp_config *config, const char *what,
                                        const char *function);
/* shape.c: whether the shape of samples of so many values and the windows of "spectral" go
 * together; the shape and the windows themselves. */
covsamp_status covsamp__shape_check(covsamp_config *config, int64_t dim, const char *function);
void covsamp__read_spectrum(const covsamp_config *config, int64_t batch, int64_t dim,
                            covsamp__spectrum *spectrum);
/* Plans the steps; *start_scale receives the deviation of x at the first level. */
covsamp_status covsamp__make_plan(const covsamp_config *config, covsamp__plan *plan,
                                  double *start_scale, covsamp__error *error, const char *function);

#endif
