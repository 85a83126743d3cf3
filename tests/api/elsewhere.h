/* SPDX-License-Identifier: BSD-3-Clause */
/* Samplers whose vectors are in poisoned memory, beside the same on the host. */
#ifndef COVSAMP_TESTS_ELSEWHERE_H
#define COVSAMP_TESTS_ELSEWHERE_H

#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "check.h"
#include "poisoned.h"
#include "vector_case.h"
#include "vector_model.h"

#include <stdlib.h>

enum { BATCH = 3, DIM = 4096 + 37, LEAST_DIM = 5 };

static const char *const items[] = {
    "covariance none eta 0",
    "covariance none eta 0.3",
    "covariance small clip_x0 0.7 eps_after_clip raw",
    "covariance large last_noise 1",
    "covariance analytic mean_order 2 clip_x0 0.7",
    "covariance small guidance 0.5",
    "covariance small guidance 0.5 guidance_form state cfg 0.5",
    "covariance krylov krylov_steps 1",
    "covariance krylov krylov_steps 3",
    "covariance krylov krylov_steps 3 known 1",
    "covariance krylov krylov_steps 4 tolerance 0.02 clip_x0 0.7 trace_guard 0.4",
    "covariance krylov krylov_steps 3 guidance 0.5 symmetrise average",
    "covariance krylov krylov_steps 3 guidance 0.5 guidance_product basis clip_x0 0.7",
    "covariance krylov krylov_steps 2 cfg 0.5 branches 2 guided_jacobian 1 noise ask",
    "covariance krylov krylov_steps 2 window_low 10 window_fallback analytic mean_jvp 0",
    "solver euler guidance 0.5",
    "solver heun churn 3",
    "solver dpmpp_2m clip_x0 0.7",
    "solver dpmpp_2s cfg 1",
    "solver dpmpp_2m_sde check_finite 0",
    "solver addim"};
enum { ITEMS = sizeof items / sizeof items[0], PLAIN = 8, KNOWN = 9 };

static inline covsamp_config *config_of(const char *options, int32_t dtype, int64_t dim,
                                        const covsamp_vector_ops *ops)
{
    covsamp_config *c = vector_case_config();
    covsamp_config_set_int(c, COVSAMP_BATCH, BATCH);
    covsamp_config_set_int(c, COVSAMP_DIM, dim);
    covsamp_config_set_int(c, COVSAMP_DTYPE, dtype);
    covsamp_config_set_int(c, COVSAMP_SEED, 11);
    set_options(c, options);
    CHECK(covsamp_config_set_vector_ops(c, ops) == COVSAMP_OK);
    return c;
}

static inline covsamp_status set_known(covsamp_sampler *s, int64_t dim)
{
    double x0[BATCH * DIM];
    uint8_t mask[DIM];
    memset(x0, 0, sizeof x0);
    for (int64_t i = 0; i < dim; i++)
        mask[i] = i % 3 == 0;
    return covsamp_sampler_set_known(s, x0, dim, mask, 0);
}

static inline covsamp_sampler *sampler_of(const char *options, int32_t dtype, int64_t dim,
                                          const covsamp_vector_ops *ops)
{
    covsamp_config *c = config_of(options, dtype, dim, ops);
    covsamp_sampler *s = NULL;
    if (!CHECK(covsamp_sampler_new(&s, c) == COVSAMP_OK))
        fprintf(stderr, "    %s: %s\n", options, covsamp_config_message(c));
    covsamp_config_free(c);
    if (s != NULL && strstr(options, "known 1") != NULL)
        CHECK(set_known(s, dim) == COVSAMP_OK);
    return s;
}

/* The model on the device, user NULL: on the host. */
static inline int32_t answer(void *user, const covsamp_request *q)
{
    if (user == NULL)
        return vector_model_answer(NULL, q);
    CHECK(q->ops != NULL && q->ops->user == user);
    const covsamp_request own = poisoned_request(user, q);
    return vector_model_answer(NULL, &own);
}

static inline covsamp_model model_of(poisoned *p)
{
    covsamp_model m = {.size = sizeof m,
                       .mean = answer,
                       .jvp = answer,
                       .vjp = answer,
                       .guide = answer,
                       .noise = answer};
    m.model_user = m.guide_user = m.noise_user = p;
    return m;
}

static inline size_t bytes_of(int32_t dtype, int64_t dim)
{
    return (size_t)(BATCH * dim) * (dtype == COVSAMP_F32 ? 4 : 8);
}

typedef struct {
    double x[BATCH * DIM]; /* of either type */
    covsamp_stats stats;
} outcome;

static inline outcome outcome_of(const covsamp_sampler *s, int32_t dtype, int64_t dim)
{
    outcome o;
    const void *x = NULL;
    memset(&o, 0, sizeof o);
    o.stats.size = sizeof o.stats;
    CHECK(covsamp_sampler_state(s, &x, NULL) == COVSAMP_OK);
    memcpy(o.x, x, bytes_of(dtype, dim));
    CHECK(covsamp_sampler_stats(s, &o.stats) == COVSAMP_OK);
    return o;
}

static inline outcome finish(covsamp_sampler *s, poisoned *p, int32_t dtype, int64_t dim)
{
    const covsamp_model model = model_of(p);
    if (!CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE))
        fprintf(stderr, "    %s\n", covsamp_sampler_message(s));
    return outcome_of(s, dtype, dim);
}

static inline int same(const outcome *a, const outcome *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

#endif
