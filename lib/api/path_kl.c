/* SPDX-License-Identifier: BSD-3-Clause */
/* The door of the path KL. */
#include "api/method.h"
#include "diagnostic/path_kl.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define MOST_SIZE  (INT64_C(1) << 20) /* points an axis */
#define FIRST_SIZE COVSAMP__FIRST_SIZE(covsamp_path_kl_total, prior_deviation)

/* ---- what it is not for ---- */

static const char *covariance_name(const covsamp_config *c)
{
    return covsamp__option_choice_name(COVSAMP_COVARIANCE,
                                       covsamp__config_int(c, COVSAMP_COVARIANCE));
}

/* Options that change what a sampler does with C, and must be as they are without one's doing. */
static covsamp_status check_plain(covsamp_config *c, const char *function)
{
    static const int32_t off[] = {COVSAMP_WINDOW_LOW, COVSAMP_WINDOW_HIGH, COVSAMP_COVARIANCE_CAP,
                                  COVSAMP_RITZ_CAP,   COVSAMP_TRACE_GUARD, COVSAMP_CLIP_X0,
                                  COVSAMP_PIXEL_CLIP};
    for (size_t i = 0; i < sizeof off / sizeof off[0]; i++) {
        const covsamp_option *option = covsamp_option_info(covsamp__option_index(off[i]));
        const int whole = option->type == COVSAMP_TYPE_INT;
        char text[64];
        if (whole ? covsamp__config_int(c, off[i]) == 0 : covsamp__config_real(c, off[i]) == 0)
            continue;
        covsamp_config_get_text(c, off[i], text, sizeof text);
        return covsamp__fail(&c->error, COVSAMP_E_UNSUPPORTED, "%s: %s is %s, must be 0 (off)",
                             function, option->name, text);
    }
    if (covsamp__config_int(c, COVSAMP_SOLVER) != COVSAMP_SOLVER_ANCESTRAL)
        return covsamp__fail(
            &c->error, COVSAMP_E_UNSUPPORTED, "%s: solver is %s, must be ancestral", function,
            covsamp__option_choice_name(COVSAMP_SOLVER, covsamp__config_int(c, COVSAMP_SOLVER)));
    if (covsamp__config_int(c, COVSAMP_MEAN_ORDER) != 1)
        return covsamp__fail(&c->error, COVSAMP_E_UNSUPPORTED,
                             "%s: mean_order is %" PRId64
                             ", must be 1, whose mean is the exact one",
                             function, covsamp__config_int(c, COVSAMP_MEAN_ORDER));
    return COVSAMP_OK;
}

/* A step without a density, or one that cannot be known. */
static covsamp_status check_density(covsamp_config *c, const char *function)
{
    const int64_t covariance = covsamp__config_int(c, COVSAMP_COVARIANCE);
    const double eta = covsamp__config_real(c, COVSAMP_ETA);
    char text[COVSAMP__REAL_BYTES];
    if (eta == 0)
        return covsamp__fail(&c->error, COVSAMP_E_UNSUPPORTED,
                             "%s: eta is 0, must be in (0, 1]: with lambda = 0 the steps have no "
                             "density",
                             function);
    if (covariance == COVSAMP_COV_NONE || covariance == COVSAMP_COV_DIAG_MODEL)
        return covsamp__fail(&c->error, COVSAMP_E_UNSUPPORTED,
                             "%s: covariance is %s, must be one %s", function, covariance_name(c),
                             covariance == COVSAMP_COV_NONE
                                 ? "that adds noise, since the mean alone has no density"
                                 : "that follows from C, since a mixture has no head");
    if (covariance == COVSAMP_COV_LARGE && eta != 1)
        return covsamp__fail(&c->error, COVSAMP_E_UNSUPPORTED,
                             "%s: eta is %s, must be 1 for covariance = large", function,
                             covsamp__real(eta, text));
    if (covariance == COVSAMP_COV_SPECTRAL &&
        covsamp__config_int(c, COVSAMP_SPECTRAL_MODE) == COVSAMP_DCT_SLIDING)
        return covsamp__fail(&c->error, COVSAMP_E_UNSUPPORTED,
                             "%s: spectral_mode is sliding, must be full or block", function);
    if ((covariance == COVSAMP_COV_STATE_ISOTROPIC || covariance == COVSAMP_COV_DIAG_PROBE ||
         covariance == COVSAMP_COV_SPECTRAL) &&
        covsamp__config_int(c, COVSAMP_REUSE) != 1)
        return covsamp__fail(&c->error, COVSAMP_E_UNSUPPORTED,
                             "%s: reuse is %" PRId64
                             ", must be 1: a covariance must follow from the state",
                             function, covsamp__config_int(c, COVSAMP_REUSE));
    return COVSAMP_OK;
}

/* Whether products are too few for the whole space: then krylov is not the dense covariance. */
static int short_krylov(const covsamp_config *c, int64_t dim)
{
    return covsamp__config_int(c, COVSAMP_COVARIANCE) == COVSAMP_COV_KRYLOV &&
           covsamp__krylov_steps(c) < dim;
}

static covsamp_status check_krylov(covsamp_config *c, int64_t dim, const char *function)
{
    const double tolerance = covsamp__config_real(c, COVSAMP_TOLERANCE);
    char text[COVSAMP__REAL_BYTES];
    if (!short_krylov(c, dim))
        return COVSAMP_OK;
    if (tolerance != 0)
        return covsamp__fail(&c->error, COVSAMP_E_UNSUPPORTED,
                             "%s: tolerance is %s, must be 0: it makes the density discontinuous",
                             function, covsamp__real(tolerance, text));
    if (dim > COVSAMP__PATH_KL_KRYLOV)
        return covsamp__fail(&c->error, COVSAMP_E_UNSUPPORTED,
                             "%s: dim is %" PRId64 ", must be at most %d for covariance = krylov "
                             "with krylov_steps = %" PRId64 " < dim",
                             function, dim, COVSAMP__PATH_KL_KRYLOV, covsamp__krylov_steps(c));
    return COVSAMP_OK;
}

static covsamp_status check_estimator(covsamp_config *c, int64_t dim, int32_t estimator,
                                      int64_t size, const char *function)
{
    const double eta = covsamp__config_real(c, COVSAMP_ETA);
    const int64_t first = covsamp__config_int(c, COVSAMP_FIRST_SAMPLE);
    char text[COVSAMP__REAL_BYTES];
    if (estimator == COVSAMP_PATH_KL_MONTE_CARLO) {
        if (size < 2 || first > INT64_MAX - size)
            return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                                 "%s: size is %" PRId64
                                 ", must be in 2 ... 2^63 - 1 - first_sample "
                                 "for estimator = Monte Carlo",
                                 function, size);
        return COVSAMP_OK;
    }
    if (estimator != COVSAMP_PATH_KL_QUADRATURE)
        return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                             "%s: estimator is %" PRId32 ", must be COVSAMP_PATH_KL_QUADRATURE (1) "
                             "or COVSAMP_PATH_KL_MONTE_CARLO (2)",
                             function, estimator);
    if (dim > COVSAMP__PATH_KL_AXES)
        return covsamp__fail(&c->error, COVSAMP_E_UNSUPPORTED,
                             "%s: dim is %" PRId64
                             ", must be at most %d for estimator = quadrature",
                             function, dim, COVSAMP__PATH_KL_AXES);
    if (eta != 1)
        return covsamp__fail(&c->error, COVSAMP_E_UNSUPPORTED,
                             "%s: eta is %s, must be 1 for estimator = quadrature", function,
                             covsamp__real(eta, text));
    if (short_krylov(c, dim))
        return covsamp__fail(&c->error, COVSAMP_E_UNSUPPORTED,
                             "%s: krylov_steps is %" PRId64 ", must be at least dim = %" PRId64
                             " for estimator = quadrature",
                             function, covsamp__krylov_steps(c), dim);
    if (size != 0 && (size < 2 || size > MOST_SIZE))
        return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                             "%s: size is %" PRId64 ", must be 0 or in 2 ... %" PRId64
                             " for estimator = quadrature",
                             function, size, MOST_SIZE);
    return COVSAMP_OK;
}

/* ---- what must be there ---- */

static covsamp_status check_output(covsamp_config *c, const double *kl, const double *deviation,
                                   int64_t count, const char *function)
{
    const int wanted = kl != NULL || deviation != NULL;
    if (count == c->steps - 1 || (count == 0 && !wanted))
        return COVSAMP_OK;
    return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                         "%s: count is %" PRId64 ", must be %s%" PRId64
                         ", the number of levels less one",
                         function, count, wanted ? "" : "0 or ", c->steps - 1);
}

static covsamp_status check_noise_table(covsamp_config *c, const char *function)
{
    const int64_t have = c->table_count[COVSAMP_TABLE_NOISE - 1];
    const int64_t levels = covsamp_schedule_levels(c->schedule);
    if (have == 0 || have == levels)
        return COVSAMP_OK;
    return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                         "%s: the table of noise has %" PRId64 " values, must have %" PRId64
                         ", one a level of the schedule",
                         function, have, levels);
}

static covsamp_status check(covsamp_config *c, const covsamp_mixture *mixture, int32_t estimator,
                            int64_t size, const char *function)
{
    const int64_t dim = covsamp__config_int(c, COVSAMP_DIM);
    if (dim != 0 && dim != mixture->dim)
        return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                             "%s: option dim is %" PRId64 ", must be the mixture's, %" PRId64
                             ", or not set",
                             function, dim, mixture->dim);
    if (c->schedule == NULL)
        return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                             "%s: no schedule is set, covsamp_config_set_schedule() does",
                             function);
    covsamp_status status = check_density(c, function);
    if (status == COVSAMP_OK)
        status = check_plain(c, function);
    if (status == COVSAMP_OK)
        status = check_krylov(c, mixture->dim, function);
    if (status == COVSAMP_OK)
        status = check_estimator(c, mixture->dim, estimator, size, function);
    if (status == COVSAMP_OK && covsamp__config_int(c, COVSAMP_COVARIANCE) == COVSAMP_COV_SPECTRAL)
        status = covsamp__shape_check(c, mixture->dim, function);
    return status == COVSAMP_OK ? check_noise_table(c, function) : status;
}

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
    step->covariance = (int32_t)covariance;
    step->variance = NAN;
    if (covariance == COVSAMP_COV_KRYLOV && !short_krylov(c, dim))
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
    covsamp__arena arena = {NULL, 0, 0};
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

covsamp_status covsamp_path_kl(covsamp_config *config, covsamp_mixture *mixture, int32_t estimator,
                               int64_t size, double *kl, double *deviation, int64_t count,
                               covsamp_path_kl_total *total)
{
    covsamp__path_kl p;
    if (config == NULL)
        return COVSAMP_E_NULL;
    if (mixture == NULL)
        return covsamp__fail(&config->error, COVSAMP_E_NULL, "%s: mixture is NULL", __func__);
    covsamp_status status = check(config, mixture, estimator, size, __func__);
    if (status == COVSAMP_OK)
        status = check_output(config, kl, deviation, count, __func__);
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
    p.any_krylov = short_krylov(config, p.dim);
    covsamp__read_spectrum(config, 1, p.dim, &p.spectrum);
    p.krylov.space.dtype = COVSAMP_F64;
    p.krylov.space.batch = 1;
    p.krylov.space.dim = p.dim;
    p.krylov.space.most = covsamp__krylov_steps(config);
    status = allocate_and_run(config, &p, kl, deviation, total);
    return status == COVSAMP_OK ? covsamp__ok(&config->error) : status;
}
