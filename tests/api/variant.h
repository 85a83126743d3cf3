/* SPDX-License-Identifier: BSD-3-Clause */
/* Every covariance and solver in both types, with what reaches from step to step: cases for tests
 * that stop a run in the middle.  One answer for every kind of request. */
#ifndef COVSAMP_TESTS_VARIANT_H
#define COVSAMP_TESTS_VARIANT_H

#include "fixture.h"

typedef struct {
    settings set;
    int64_t solver; /* 0: ancestral */
    int64_t reuse, probes, colour, mean_order, mode;
    double churn, tolerance, guidance, cfg;
    int known; /* option */
} variant;

/* What setting_case() lacks. */
static const variant more_variants[] = {
    {.set = {.covariance = COVSAMP_COV_NONE, .eta = -1}, .solver = COVSAMP_SOLVER_EULER},
    {.set = {.covariance = COVSAMP_COV_NONE, .eta = -1}, .solver = COVSAMP_SOLVER_HEUN},
    {.set = {.covariance = COVSAMP_COV_NONE, .eta = -1}, .solver = COVSAMP_SOLVER_HEUN, .churn = 2},
    {.set = {.covariance = COVSAMP_COV_NONE, .eta = -1, .clip = 0.5},
     .solver = COVSAMP_SOLVER_DPMPP_2M,
     .mean_order = 2},
    {.set = {.covariance = COVSAMP_COV_NONE, .eta = -1}, .solver = COVSAMP_SOLVER_DPMPP_2S},
    {.set = {.covariance = COVSAMP_COV_SMALL},
     .solver = COVSAMP_SOLVER_DPMPP_2M_SDE,
     .mean_order = 2},
    {.set = {.covariance = COVSAMP_COV_NONE, .eta = -1}, .solver = COVSAMP_SOLVER_ADDIM},
    {.set = {.covariance = COVSAMP_COV_KRYLOV}, .mean_order = 2},
    {.set = {.covariance = COVSAMP_COV_KRYLOV, .krylov = 4, .last_noise = 1}, .tolerance = 0.05},
    {.set = {.covariance = COVSAMP_COV_ANALYTIC}},
    {.set = {.covariance = COVSAMP_COV_DIAG_MODEL, .clip = 0.5}},
    {.set = {.covariance = COVSAMP_COV_DIAG_PROBE, .clip = 0.5}, .reuse = 3, .probes = 2},
    {.set = {.covariance = COVSAMP_COV_DIAG_PROBE}, .reuse = 2},
    {.set = {.covariance = COVSAMP_COV_STATE_ISOTROPIC, .last_noise = 1}, .reuse = 9},
    {.set = {.covariance = COVSAMP_COV_SPECTRAL, .last_noise = 1}, .reuse = 3, .probes = 2},
    {.set = {.covariance = COVSAMP_COV_SPECTRAL, .dim = 6},
     .reuse = 2,
     .colour = 1,
     .mode = COVSAMP_DCT_FULL},
    {.set = {.covariance = COVSAMP_COV_SPECTRAL}, .reuse = 3, .mode = COVSAMP_DCT_SLIDING},
    {.set = {.covariance = COVSAMP_COV_KRYLOV}, .guidance = 1.5},
    {.set = {.covariance = COVSAMP_COV_SPECTRAL}, .reuse = 2, .guidance = 0.5, .cfg = 0.5},
    {.set = {.covariance = COVSAMP_COV_NONE, .eta = -1},
     .solver = COVSAMP_SOLVER_DPMPP_2M,
     .mean_order = 2,
     .guidance = 1,
     .cfg = 2},
};
#define MORE_VARIANTS ((int)(sizeof more_variants / sizeof more_variants[0]))

/* Case i; 0 when there are no more. */
static inline int variant_case(int i, variant *v)
{
    settings set;
    memset(v, 0, sizeof *v);
    if (setting_case(i, &set)) {
        v->set = set;
    } else {
        const int first = COVARIANCES * 2 * 3;
        if (i >= first + 2 * MORE_VARIANTS)
            return 0;
        *v = more_variants[(i - first) / 2];
        v->set.dtype = (i - first) % 2 ? COVSAMP_F32 : COVSAMP_F64;
        v->set.seed = 99;
        v->set.first_sample = 3;
    }
    v->set.steps = 6;
    return 1;
}

static inline covsamp_config *variant_config(const variant *v)
{
    covsamp_config *c = new_config_with(&v->set, NULL);
    double noise[LEVELS];
    for (int n = 0; n < LEVELS; n++)
        noise[n] = 0.4 + 0.02 * n;
    CHECK(covsamp_config_set_table(c, COVSAMP_TABLE_NOISE, noise, LEVELS) == COVSAMP_OK);
    const int64_t ints[][2] = {{COVSAMP_SOLVER, or_default(v->solver, COVSAMP_SOLVER_ANCESTRAL)},
                               {COVSAMP_REUSE, or_default(v->reuse, 1)},
                               {COVSAMP_PROBES, or_default(v->probes, 1)},
                               {COVSAMP_MEAN_ORDER, or_default(v->mean_order, 1)},
                               {COVSAMP_SPECTRAL_MODE, or_default(v->mode, COVSAMP_DCT_FULL)},
                               {COVSAMP_SPECTRAL_BLOCK, 3},
                               {COVSAMP_SPECTRAL_COLOUR, v->colour},
                               {COVSAMP_CHANNELS, v->colour ? 2 : 1},
                               {COVSAMP_WIDTH, dim_of(&v->set) / (v->colour ? 2 : 1)},
                               {COVSAMP_KNOWN, v->known}};
    for (size_t i = 0; i < sizeof ints / sizeof ints[0]; i++)
        CHECK(covsamp_config_set_int(c, (int32_t)ints[i][0], ints[i][1]) == COVSAMP_OK);
    CHECK(covsamp_config_set_real(c, COVSAMP_GUIDANCE, v->guidance) == COVSAMP_OK);
    CHECK(covsamp_config_set_real(c, COVSAMP_CFG, v->cfg) == COVSAMP_OK);
    CHECK(covsamp_config_set_real(c, COVSAMP_CHURN, v->churn) == COVSAMP_OK);
    CHECK(covsamp_config_set_real(c, COVSAMP_TOLERANCE, v->tolerance) == COVSAMP_OK);
    return c;
}

static inline covsamp_sampler *variant_sampler(const variant *v)
{
    covsamp_sampler *s = NULL;
    covsamp_config *c = variant_config(v);
    if (!CHECK(covsamp_sampler_new(&s, c) == COVSAMP_OK))
        fprintf(stderr, "    %s\n", covsamp_config_message(c));
    covsamp_config_free(c);
    return s;
}

/* With a classifier where one is asked for. */
static inline covsamp_mixture *variant_mixture(const variant *v)
{
    covsamp_mixture *mixture = new_mixture(dim_of(&v->set));
    double tilt[MAX_DIM];
    for (int i = 0; i < MAX_DIM; i++)
        tilt[i] = 0.2 * (i % 3) - 0.3;
    if (v->guidance != 0)
        CHECK(covsamp_mixture_set_tilt(mixture, tilt) == COVSAMP_OK);
    return mixture;
}

static inline double get(int32_t dtype, const void *p, int64_t i)
{
    return dtype == COVSAMP_F32 ? (double)((const float *)p)[i] : ((const double *)p)[i];
}

static inline void put(int32_t dtype, void *p, int64_t i, double value)
{
    if (dtype == COVSAMP_F32)
        ((float *)p)[i] = (float)value;
    else
        ((double *)p)[i] = value;
}

/* The library's own numbers, for noise = ask. */
static inline void answer_noise(const covsamp_request *q)
{
    double z[MAX_DIM];
    for (int64_t b = 0; b < q->batch; b++) {
        CHECK(covsamp_noise_normal(q->seed, q->first_sample + b, q->stream, q->step, 0, q->dim,
                                   z) == COVSAMP_OK);
        for (int64_t i = 0; i < q->dim; i++)
            put(q->dtype, q->noise, b * q->stride + i, z[i]);
    }
}

/* Anything a sampler may ask; a head that is made up. */
static inline int32_t answer_any(void *mixture, const covsamp_request *q)
{
    if (q->kind == COVSAMP_ASK_STEP)
        return 0;
    if (q->noise != NULL) {
        answer_noise(q);
        return 0;
    }
    for (int64_t i = 0; q->head != NULL && i < q->batch * q->stride; i++)
        put(q->dtype, q->head, i, -0.2 - 0.1 * get(q->dtype, q->x, i) * get(q->dtype, q->x, i));
    return covsamp_mixture_answer(mixture, q);
}

static inline covsamp_model any_model(covsamp_mixture *mixture)
{
    covsamp_model model = model_of(mixture);
    model.mean = answer_any;
    model.mean_jvp = answer_any;
    model.noise = answer_any;
    return model;
}

/* The next request, answered; 0 when there is none. */
static inline int next_request(covsamp_sampler *s, covsamp_mixture *mixture)
{
    const covsamp_request *q = NULL;
    const covsamp_status status = covsamp_sampler_ask(s, &q);
    if (!CHECK(status == COVSAMP_OK || status == COVSAMP_DONE))
        fprintf(stderr, "    %s\n", covsamp_sampler_message(s));
    if (status != COVSAMP_OK)
        return 0;
    CHECK(answer_any(mixture, q) == 0);
    return CHECK(covsamp_sampler_tell(s, 0) == COVSAMP_OK);
}

#endif
