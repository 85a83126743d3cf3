/* SPDX-License-Identifier: BSD-3-Clause */
/* The door of the path KL. */
#include "api/path_kl.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define FIRST_SIZE COVSAMP__FIRST_SIZE(covsamp_path_kl_total, prior_deviation)

/* ---- what is asked ---- */

/* The variance of x0 that a table of noise stands for. */
static double by_table(const covsamp_config *c, const covsamp__level *t)
{
    const double noise = c->table[COVSAMP_TABLE_NOISE - 1][t->level - 1];
    return t->alpha > 0 ? t->sigma * t->sigma / (t->alpha * t->alpha) * (1 - noise) : 0;
}

/* What a sampler has at level t: where alpha = 0 there are no products, and its fallback serves. */
static int64_t covariance_at(const covsamp_config *c, const covsamp__level *t)
{
    const int64_t covariance = covsamp__config_int(c, COVSAMP_COVARIANCE);
    if (covariance < COVSAMP_COV_STATE_ISOTROPIC || t->alpha > 0)
        return covariance;
    return covsamp__config_int(c, COVSAMP_WINDOW_FALLBACK);
}

static void plan_step(const covsamp_config *c, const covsamp__level *t, const covsamp__level *s,
                      int64_t dim, covsamp__path_step *step)
{
    const int64_t covariance = covariance_at(c, t);
    const int table = c->table_count[COVSAMP_TABLE_NOISE - 1] != 0;
    covsamp__transition *n = &step->transition;
    covsamp__transition_between(t, s, covsamp__config_real(c, COVSAMP_ETA), n);
    const covsamp__method method = covsamp__method_of(c);
    step->covariance = (int32_t)covariance;
    step->guide_form = covsamp__guide_form(c, &method);
    step->guidance = covsamp__guidance_weight(c, COVSAMP_GUIDANCE, t->level);
    step->variance = NAN;
    if (covariance == COVSAMP_COV_KRYLOV && !covsamp__path_kl_short(c, dim))
        step->covariance = COVSAMP_COV_DENSE;
    if (covariance == COVSAMP_COV_SMALL)
        step->variance = n->lambda * n->lambda;
    else if (covariance == COVSAMP_COV_LARGE)
        step->variance = n->large * n->large;
    else if (covariance == COVSAMP_COV_ANALYTIC && table)
        step->variance = n->lambda * n->lambda + n->b * n->b * fmax(by_table(c, t), 0);
    if (covariance <= COVSAMP_COV_ANALYTIC)
        step->covariance = COVSAMP_COV_ANALYTIC;
}

static covsamp_status plan(const covsamp_config *c, covsamp__path_kl *p)
{
    const covsamp_schedule *schedule = c->schedule;
    for (int64_t i = 0; i <= p->steps; i++)
        p->level[i] = covsamp__schedule_level(schedule, c->levels[i]);
    p->start = schedule->family == COVSAMP__VP ? 1 : p->level[0].sigma; /* as a sampler's plan */
    for (int64_t i = 0; i < p->steps; i++) {
        plan_step(c, &p->level[i], &p->level[i + 1], p->dim, &p->step[i]);
        if (!(p->step[i].transition.lambda * p->step[i].transition.lambda > 0))
            return covsamp__fail(p->error, COVSAMP_E_UNSUPPORTED,
                                 "%s: lambda is 0 in the step from level %" PRId64
                                 ", must be above 0 for a density; a larger eta makes it so",
                                 p->function, p->level[i].level);
    }
    return COVSAMP_OK;
}

static covsamp_status run(covsamp_config *c, covsamp__path_kl *p, double *kl, double *deviation,
                          covsamp_path_kl_total *total)
{
    covsamp_path_kl_total own;
    memset(&own, 0, sizeof own);
    covsamp_status status = plan(c, p);
    if (status == COVSAMP_OK)
        status = covsamp__path_kl_run(p);
    if (status != COVSAMP_OK)
        return status;
    for (int64_t i = 0; i < p->steps; i++) {
        own.kl += p->kl[i];
        own.deviation = hypot(own.deviation, p->deviation[i]);
    }
    own.prior = p->prior;
    own.prior_deviation = p->prior_deviation;
    const size_t bytes = (size_t)p->steps * sizeof *kl;
    if (kl != NULL)
        memcpy(kl, p->kl, bytes);
    if (deviation != NULL)
        memcpy(deviation, p->deviation, bytes);
    if (total != NULL)
        return covsamp__struct_out(total, &own, sizeof own, FIRST_SIZE, p->error, p->function,
                                   "total");
    return COVSAMP_OK;
}

static covsamp_status allocate_and_run(covsamp_config *c, covsamp__path_kl *p, double *kl,
                                       double *deviation, covsamp_path_kl_total *total)
{
    covsamp__arena arena = {0};
    covsamp__path_kl_layout(p, &arena);
    const size_t bytes = arena.used;
    void *block = arena.overflow ? NULL : covsamp__alloc(&c->mem, bytes);
    if (block == NULL)
        return covsamp__fail(&c->error, COVSAMP_E_NOMEM,
                             arena.overflow ? "%s: the sizes of dim and components overflow size_t"
                                            : "%s: no memory for %zu bytes",
                             p->function, bytes);
    arena.base = block;
    arena.used = 0;
    covsamp__path_kl_layout(p, &arena);
    covsamp_status status = run(c, p, kl, deviation, total);
    covsamp__release(&c->mem, block, bytes);
    return status;
}

/* With guidance the path is that of the data given y, a mixture of its own. */
static covsamp_status choose_path_and_run(covsamp_config *c, covsamp__path_kl *p, double *kl,
                                          double *deviation, covsamp_path_kl_total *total)
{
    char message[COVSAMP_MESSAGE_BYTES];
    p->given = p->mixture;
    if (!covsamp__guides(c, COVSAMP_GUIDANCE))
        return allocate_and_run(c, p, kl, deviation, total);
    covsamp_status status =
        covsamp_mixture_tilted(&p->given, p->mixture, COVSAMP_PREDICTS_X0, &c->mem, message);
    if (status != COVSAMP_OK)
        return covsamp__fail(&c->error, status, "%s: %s", p->function, message);
    status = allocate_and_run(c, p, kl, deviation, total);
    covsamp_mixture_free(p->given);
    return status;
}

covsamp_status covsamp_path_kl(covsamp_config *config, covsamp_mixture *mixture, int32_t estimator,
                               int64_t size, double *kl, double *deviation, int64_t count,
                               covsamp_path_kl_total *total)
{
    covsamp__path_kl p;
    if (config == NULL)
        return COVSAMP_E_NULL;
    if (mixture == NULL)
        return covsamp__fail(&config->error, COVSAMP_E_NULL, "%s: mixture is NULL", __func__);
    covsamp_status status = covsamp__path_kl_check(config, mixture, estimator, size, __func__);
    if (status == COVSAMP_OK)
        status = covsamp__path_kl_check_output(config, kl, deviation, count, __func__);
    if (status == COVSAMP_OK && total != NULL) /* before the work, not after */
        status = covsamp__struct_check(total, FIRST_SIZE, &config->error, __func__, "total");
    if (status != COVSAMP_OK)
        return status;
    memset(&p, 0, sizeof p);
    p.mixture = mixture;
    p.dim = mixture->dim;
    p.steps = config->steps - 1;
    p.size = size;
    p.seed = (uint64_t)covsamp__config_int(config, COVSAMP_SEED);
    p.first_sample = covsamp__config_int(config, COVSAMP_FIRST_SAMPLE);
    p.estimator = estimator;
    p.error = &config->error;
    p.function = __func__;
    p.any_spectral = covsamp__config_int(config, COVSAMP_COVARIANCE) == COVSAMP_COV_SPECTRAL;
    p.any_krylov = covsamp__path_kl_short(config, p.dim);
    covsamp__read_spectrum(config, 1, p.dim, &p.spectrum);
    p.krylov.space.dtype = COVSAMP_F64;
    p.krylov.space.batch = 1;
    p.krylov.space.dim = p.dim;
    p.krylov.space.most = covsamp__krylov_steps(config);
    status = choose_path_and_run(config, &p, kl, deviation, total);
    return status == COVSAMP_OK ? covsamp__ok(&config->error) : status;
}
