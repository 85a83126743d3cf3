/* SPDX-License-Identifier: BSD-3-Clause */
/* Path KL by sampling pairs (x_t, x_s) from the path of the data, with guidance of the data given
 * y: E_q[r - 1 - log r], r = p / q, the terms of which are at least 0 and 0 where p = q.  x0 from
 * the mixture, x_t = alpha x0 + sigma e and x_s = ca x_t + cb x0 + lambda e' have the law of the
 * process for every eta.
 *
 * A sample of a step is made of 2 + 3 dim elements of the stream COVSAMP_STREAM_PATH_KL, whose step
 * is the level where the step begins: two that choose the component, then three vectors, for x0
 * within it, e and e'.  So a step gives the same bits whichever steps are asked for with it. */
#include "diagnostic/path_kl.h"
#include "numeric/rng.h"
#include "numeric/vec.h"

#include <math.h>

typedef struct {
    double mean, square; /* Welford: of the terms so far, sum of squares about it */
    int64_t count;
} average;

static void add(average *a, double term)
{
    const double off = term - a->mean;
    a->count++;
    a->mean += off / (double)a->count;
    a->square += off * (term - a->mean);
}

static double standard_error(const average *a)
{
    const double n = (double)a->count;
    return sqrt(a->square / (n * (n - 1)));
}

/* delta = log p - log q, the sampler against the exact */
static double term(double delta)
{
    return expm1(delta) - delta;
}

/* The component that the radius of two normal numbers chooses: exp(-radius^2 / 2) is uniform. */
static int64_t component(const covsamp_mixture *m, const double *normal)
{
    double left = exp(-0.5 * (normal[0] * normal[0] + normal[1] * normal[1]));
    for (int64_t k = 0; k + 1 < m->components; k++) {
        left -= exp(m->log_weight[k]);
        if (left <= 0)
            return k;
    }
    return m->components - 1;
}

/* x0 of a mixture and x = x_t of sample `i` at level `level`; the last part of draw is left for e'.
 */
static void sample(covsamp__path_kl *p, const covsamp_mixture *m, int64_t level, int64_t i)
{
    const covsamp__level *at = &p->level[level];
    const int64_t d = p->dim;
    double *normal = p->draw + 2;
    covsamp__normals(p->seed, p->first_sample + i, COVSAMP_STREAM_PATH_KL, at->level, 0, 3 * d + 2,
                     p->draw);
    const int64_t k = component(m, p->draw);
    for (int64_t j = 0; j < d; j++)
        p->coordinates[j] = sqrt(m->value[k * d + j]) * normal[j];
    covsamp__expand(COVSAMP_F64, d, d, m->vector + k * d * d, d, p->coordinates, p->x0);
    covsamp__combine(COVSAMP_F64, d, 1, p->x0, 1, m->mean + k * d, p->x0);
    covsamp__combine(COVSAMP_F64, d, at->alpha, p->x0, at->sigma, normal + d, p->x);
}

static void prior(covsamp__path_kl *p)
{
    average a = {0, 0, 0};
    covsamp__path_kl_level(p, &p->level[0]);
    for (int64_t i = 0; i < p->size; i++) {
        sample(p, p->given, 0, i);
        add(&a, term(covsamp__path_kl_start(p, p->x) - covsamp__path_kl_point(p, p->x)));
    }
    p->prior = a.mean;
    p->prior_deviation = standard_error(&a);
}

/* The best constant: E[trace C] / dim over the same samples, of data without y, which it is made
 * for. */
static double best_variance(covsamp__path_kl *p, int64_t step)
{
    const covsamp__transition *t = &p->step[step].transition;
    const int64_t d = p->dim;
    double sum = 0;
    for (int64_t i = 0; i < p->size; i++) {
        sample(p, p->mixture, step, i);
        covsamp__path_kl_known(p, p->x);
        for (int64_t j = 0; j < d; j++)
            sum += p->cov[j * d + j];
    }
    return t->lambda * t->lambda + t->b * t->b * (sum / ((double)d * (double)p->size));
}

/* y less the sampler's mean instead of the exact one; S is known. */
static const double *from_mean(covsamp__path_kl *p, int64_t i)
{
    if (!covsamp__path_kl_guided(p))
        return p->y;
    covsamp__path_kl_shift(p, i, p->x);
    covsamp__combine(COVSAMP_F64, p->dim, 1, p->y, -1, p->shift, p->moved);
    return p->moved;
}

static int log_density(covsamp__path_kl *p, int64_t i, double *log_p)
{
    const covsamp__path_step *step = &p->step[i];
    if (step->covariance == COVSAMP_COV_KRYLOV) {
        const int info = covsamp__path_krylov_open(&p->krylov, &step->transition, p->cov);
        return info != 0 ? info : covsamp__path_krylov_density(&p->krylov, from_mean(p, i), log_p);
    }
    const int info = covsamp__path_kl_model(p, step);
    *log_p = covsamp__path_kl_density(p, from_mean(p, i));
    return info;
}

static int run_step(covsamp__path_kl *p, int64_t i)
{
    covsamp__path_step *step = &p->step[i];
    const covsamp__transition *t = &step->transition;
    const int64_t d = p->dim;
    average a = {0, 0, 0};
    int info = 0;
    covsamp__path_kl_level(p, &p->level[i]);
    covsamp__path_kl_step(p, t);
    if (step->covariance == COVSAMP_COV_ANALYTIC && isnan(step->variance))
        step->variance = best_variance(p, i);
    for (int64_t j = 0; info == 0 && j < p->size; j++) {
        double log_p = 0;
        sample(p, p->given, i, j);
        covsamp__path_kl_point(p, p->x);
        covsamp__combine(COVSAMP_F64, d, t->cb, p->x0, -t->cb, p->given_mean, p->y);
        covsamp__combine(COVSAMP_F64, d, 1, p->y, t->lambda, p->draw + 2 + 2 * d, p->y);
        info = log_density(p, i, &log_p);
        add(&a, term(log_p - covsamp__path_kl_reverse(p, t, p->y)));
    }
    p->kl[i] = a.mean;
    p->deviation[i] = standard_error(&a);
    return info;
}

covsamp_status covsamp__path_kl_monte_carlo(covsamp__path_kl *p)
{
    prior(p);
    for (int64_t i = 0; i < p->steps; i++) {
        const int info = run_step(p, i);
        if (info != 0)
            return covsamp__path_kl_failed(p, i, info);
    }
    return COVSAMP_OK;
}
