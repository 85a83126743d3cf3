/* SPDX-License-Identifier: BSD-3-Clause */
/* Every number of every step, before the first one. */
#include "api/method.h"

#include <math.h>

typedef struct {
    const covsamp_config *config;
    covsamp__method method;
    covsamp__error *error;
    const char *function;
} planner;

/* At a level, on the table or not. */
static covsamp_status spot_at(const planner *p, covsamp__level at, covsamp__spot *spot)
{
    const covsamp__level below =
        covsamp__schedule_level(p->config->schedule, at.level > 0 ? at.level - 1 : 0);
    spot->at = at;
    return covsamp__prediction((int32_t)covsamp__config_int(p->config, COVSAMP_PREDICTION),
                               &spot->at, &below, &spot->p, &spot->q, p->error, p->function);
}

static double or_infinity(double value)
{
    return value > 0 ? value : INFINITY;
}

/* Bao et al. 2022: the mean absolute noise of the last noisy step at most this many 255ths of a
 * range of 2, E|n| = (2 / pi)^(1/2) deviation. */
static double pixel_limit(const covsamp_config *c, int64_t step)
{
    const double pixels = covsamp__config_real(c, COVSAMP_PIXEL_CLIP);
    const double half_pi = 1.5707963267948966;
    const double deviation = pixels * (2.0 / 255.0) * sqrt(half_pi);
    return pixels > 0 && step + 2 == c->steps ? deviation * deviation : INFINITY;
}

/* beta-tilde of the step; into data, where it is 0, that of the schedule's own step from 2 to 1, or
 * beta where the schedule has no such step. */
static double small_deviation(const planner *p, const covsamp__plan *plan)
{
    covsamp__transition ddpm;
    covsamp__level t = plan->t.at, s = plan->s;
    if (s.level == 0 && p->config->schedule->levels > 1) {
        t = covsamp__schedule_level(p->config->schedule, 2);
        s = covsamp__schedule_level(p->config->schedule, 1);
    }
    covsamp__transition_between(&t, &s, 1, &ddpm);
    return ddpm.lambda > 0 ? ddpm.lambda : plan->transition.large;
}

static void plan_covariance(const planner *p, int64_t i, covsamp__plan *plan)
{
    const covsamp_config *c = p->config;
    const covsamp__level *t = &plan->t.at;
    const int64_t level = c->levels[i], high = covsamp__config_int(c, COVSAMP_WINDOW_HIGH);
    const double *noise = c->table[COVSAMP_TABLE_NOISE - 1];
    const int last = i + 1 == c->steps;
    covsamp__place *place = &plan->place;
    plan->kappa = t->alpha > 0 ? t->sigma * t->sigma / t->alpha : 0;
    plan->noisy = p->method.covariance_name != COVSAMP_COV_NONE &&
                  (!last || covsamp__config_int(c, COVSAMP_LAST_NOISE));
    plan->covariance =
        !(p->method.covariance->needs_products || p->method.covariance->needs_head) ||
        (plan->kappa > 0 && level >= covsamp__config_int(c, COVSAMP_WINDOW_LOW) &&
         (high == 0 || level <= high));
    place->lambda = plan->transition.lambda;
    place->b = plan->transition.b;
    place->large = plan->transition.large;
    place->small = small_deviation(p, plan);
    place->limit = pixel_limit(c, i);
    place->unit = t->alpha > 0 ? t->sigma * t->sigma / (t->alpha * t->alpha) : 0;
    place->cap = or_infinity(covsamp__config_real(c, COVSAMP_COVARIANCE_CAP));
    place->ritz_cap = or_infinity(covsamp__config_real(c, COVSAMP_RITZ_CAP) * place->unit);
    place->analytic = noise != NULL ? place->unit * (1 - noise[level - 1]) : -1;
    place->guard = covsamp__config_real(c, COVSAMP_TRACE_GUARD) > 0
                       ? covsamp__config_real(c, COVSAMP_TRACE_GUARD) * fmax(place->analytic, 0)
                       : INFINITY;
    place->magnitude = fabs(plan->kappa * plan->t.p);
}

/* x0's weight of the past: x0 + history (x0 - old) as in DPM-Solver++ 2M. */
static double history(const planner *p, int64_t i, const covsamp__plan *plan)
{
    if (p->method.mean_order < 2 || i == 0 || i + 1 == p->config->steps)
        return 0;
    const covsamp__level before =
        covsamp__schedule_level(p->config->schedule, p->config->levels[i - 1]);
    const double h = plan->s.log_snr - plan->t.at.log_snr;
    const double h_last = plan->t.at.log_snr - before.log_snr;
    const double weight = h / (2 * h_last);
    return isfinite(weight) ? weight : 0; /* from alpha = 0: first order */
}

/* The level to which churn lifts t; t itself where there is none. */
static covsamp_status churned_level(const planner *p, covsamp__level *t)
{
    const covsamp_config *c = p->config;
    const double churn = covsamp__config_real(c, COVSAMP_CHURN), r = t->sigma / t->alpha;
    if (!(churn > 0) || !(t->alpha > 0) || r < covsamp__config_real(c, COVSAMP_CHURN_LOW) ||
        r > covsamp__config_real(c, COVSAMP_CHURN_HIGH))
        return COVSAMP_OK;
    const double lifted = r * (1 + fmin(churn / (double)c->steps, 0.41421356237309503));
    if (c->schedule->family == COVSAMP__VE && c->schedule->time_is_sigma) {
        const covsamp__level at = {-1, 1, lifted, -2 * log(lifted), lifted}; /* any sigma exists */
        *t = at;
        return COVSAMP_OK;
    }
    covsamp__level top = covsamp__schedule_level(c->schedule, c->schedule->levels);
    if (!(top.alpha > 0)) /* t has an alpha, so there is one below */
        top = covsamp__schedule_level(c->schedule, c->schedule->levels - 1);
    if (-2 * log(lifted) <= top.log_snr) {
        *t = top;
        return COVSAMP_OK;
    }
    return covsamp__schedule_at_log_snr(c->schedule, -2 * log(lifted), t, p->error, p->function);
}

static covsamp_status plan_heun(const planner *p, covsamp__plan *plan)
{
    const covsamp__level from = plan->t.at;
    covsamp__level to = from;
    covsamp_status status = churned_level(p, &to);
    if (status == COVSAMP_OK && to.level != from.level)
        status = spot_at(p, to, &plan->t);
    if (status != COVSAMP_OK)
        return status;
    if (to.alpha > 0 && from.alpha > 0) {
        const double r = to.sigma / to.alpha, below = from.sigma / from.alpha;
        plan->churned = to.alpha / from.alpha;
        plan->variance = r > below ? to.alpha * sqrt(r * r - below * below) : 0;
        covsamp__transition_between(&to, &plan->s, 0, &plan->transition);
    }
    plan->two = plan->s.level != 0 && plan->t.at.alpha > 0;
    return plan->two ? spot_at(p, plan->s, &plan->u) : COVSAMP_OK;
}

static covsamp_status plan_singlestep(const planner *p, covsamp__plan *plan)
{
    covsamp__level middle;
    plan->two = plan->s.level != 0 && plan->t.at.alpha > 0;
    if (!plan->two)
        return COVSAMP_OK;
    covsamp_status status = covsamp__schedule_at_log_snr(
        p->config->schedule, 0.5 * (plan->t.at.log_snr + plan->s.log_snr), &middle, p->error,
        p->function);
    return status == COVSAMP_OK ? spot_at(p, middle, &plan->u) : status;
}

/* Heek et al. 2024: from a table of errors, or 10 % of the posterior variance of a unit-half prior.
 */
static double lost_variance(const planner *p, int64_t i, const covsamp__plan *plan)
{
    const double *error = p->config->table[COVSAMP_TABLE_X0_ERROR - 1];
    if (error != NULL)
        return covsamp__config_real(p->config, COVSAMP_ADDIM_ETA) * error[p->config->levels[i] - 1];
    return 0.1 / (2 + exp(plan->t.at.log_snr));
}

static covsamp_status plan_step(const planner *p, int64_t i, covsamp__plan *plan)
{
    const covsamp_config *c = p->config;
    const int last = i + 1 == c->steps;
    plan->from = covsamp__schedule_level(c->schedule, c->levels[i]);
    plan->s = covsamp__schedule_level(c->schedule, last ? 0 : c->levels[i + 1]);
    covsamp_status status = spot_at(p, plan->from, &plan->t);
    if (status != COVSAMP_OK)
        return status;
    covsamp__transition_between(&plan->t.at, &plan->s, p->method.eta, &plan->transition);
    plan_covariance(p, i, plan);
    plan->history = history(p, i, plan);
    plan->guidance = covsamp__guidance_weight(c, COVSAMP_GUIDANCE, c->levels[i]);
    plan->cfg = covsamp__guidance_weight(c, COVSAMP_CFG, c->levels[i]);
    if (p->method.solver == &covsamp__solver_heun)
        return plan_heun(p, plan);
    if (p->method.solver == &covsamp__solver_singlestep)
        return plan_singlestep(p, plan);
    plan->variance = lost_variance(p, i, plan);
    return COVSAMP_OK;
}

covsamp_status covsamp__make_plan(const covsamp_config *config, covsamp__plan *plan,
                                  double *start_scale, covsamp__error *error, const char *function)
{
    const planner p = {config, covsamp__method_of(config), error, function};
    const covsamp__level top = covsamp__schedule_level(config->schedule, config->levels[0]);
    covsamp_status status = COVSAMP_OK;
    for (int64_t i = 0; status == COVSAMP_OK && i < config->steps; i++)
        status = plan_step(&p, i, &plan[i]);
    /* q(x_N) is close to N(0, I) where the variance is preserved, to N(0, sigma^2 I) elsewhere. */
    *start_scale = config->schedule->family == COVSAMP__VP ? 1 : top.sigma;
    return status;
}
