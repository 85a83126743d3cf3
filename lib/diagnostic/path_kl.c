/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory of a path KL, and what is exact: levels, points, the reverse step. */
#include "diagnostic/path_kl.h"
#include "numeric/vec.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static const double log_two_pi = 1.8378770664093453;

void covsamp__path_kl_layout(covsamp__path_kl *p, covsamp__arena *arena)
{
    const int64_t d = p->dim, k = p->mixture->components, square = d * d;
    const size_t size = sizeof(double);
    p->level = covsamp__take(arena, p->steps + 1, 1, sizeof *p->level);
    p->step = covsamp__take(arena, p->steps, 1, sizeof *p->step);
    p->kl = covsamp__take(arena, p->steps, 1, size);
    p->deviation = covsamp__take(arena, p->steps, 1, size);
    p->gain = covsamp__take(arena, k, d, size);
    p->spread = covsamp__take(arena, k, square, size);
    p->variance = covsamp__take(arena, k, d, size);
    p->log_norm = covsamp__take(arena, k, 1, size);
    p->mean = covsamp__take(arena, d, 1, size);
    p->cov = covsamp__take(arena, square, 1, size);
    p->given_mean = p->mean;
    p->given_cov = p->cov;
    if (covsamp__path_kl_guided(p)) {
        p->given_mean = covsamp__take(arena, d, 1, size);
        p->given_cov = covsamp__take(arena, square, 1, size);
        p->shift = covsamp__take(arena, d, 1, size);
        p->gradient = covsamp__take(arena, d, 1, size);
        p->moved = covsamp__take(arena, d, 1, size);
    }
    p->factor = covsamp__take(arena, square, 1, size);
    p->estimate = covsamp__take(arena, square, 1, size);
    p->x = covsamp__take(arena, d, 1, size);
    p->x0 = covsamp__take(arena, d, 1, size);
    p->y = covsamp__take(arena, d, 1, size);
    p->rest = covsamp__take(arena, d, 1, size);
    p->coordinates = covsamp__take(arena, d, 1, size);
    p->draw = covsamp__take(arena, 3 * d + 2, 1, size);
    p->inside = covsamp__take(arena, k, 2, size);
    if (p->any_spectral)
        covsamp__spectrum_layout(&p->spectrum, arena);
    if (p->any_krylov)
        covsamp__path_krylov_layout(&p->krylov, arena);
}

/* ---- levels and points ---- */

/* to += a v v^T */
static void add_outer(int64_t d, double a, const double *v, double *to)
{
    for (int64_t i = 0; i < d; i++)
        for (int64_t j = 0; j < d; j++)
            to[i * d + j] += a * v[i] * v[j];
}

void covsamp__path_kl_level(covsamp__path_kl *p, const covsamp__level *at)
{
    covsamp_mixture *m = p->mixture;
    const int64_t d = p->dim;
    const double square = at->sigma * at->sigma;
    covsamp__mixture_level(m, at->alpha, at->sigma);
    if (covsamp__path_kl_guided(p))
        covsamp__mixture_level(p->given, at->alpha, at->sigma);
    p->length = covsamp__mixture_near(m) ? square / at->alpha : 1.0;
    memset(p->spread, 0, (size_t)(m->components * d * d) * sizeof *p->spread);
    for (int64_t k = 0; k < m->components; k++)
        for (int64_t i = 0; i < d; i++) {
            p->gain[k * d + i] = square * m->value[k * d + i] * m->inverse[k * d + i];
            add_outer(d, p->gain[k * d + i], m->vector + (k * d + i) * d, p->spread + k * d * d);
        }
}

void covsamp__path_kl_step(covsamp__path_kl *p, const covsamp__transition *t)
{
    const int64_t d = p->dim;
    for (int64_t k = 0; k < p->mixture->components; k++) {
        double log_det = 0;
        for (int64_t i = k * d; i < (k + 1) * d; i++) {
            p->variance[i] = t->lambda * t->lambda + t->cb * t->cb * p->gain[i];
            log_det += log(p->variance[i]);
        }
        p->log_norm[k] = -0.5 * (log_det + (double)d * log_two_pi);
    }
}

static double moments(covsamp__path_kl *p, covsamp_mixture *m, const double *x, double *mean,
                      double *cov)
{
    const int64_t d = p->dim, square = d * d;
    const double log_q = covsamp__mixture_point(m, x);
    const double on_x = covsamp__mixture_near(m) ? 1.0 / m->alpha : 0.0;
    for (int64_t i = 0; i < d; i++)
        mean[i] = on_x * x[i] + p->length * m->centre[i];
    memset(cov, 0, (size_t)square * sizeof *cov);
    for (int64_t k = 0; k < m->components; k++) {
        const double share = m->share[k];
        if (share == 0.0)
            continue;
        for (int64_t i = 0; i < square; i++)
            cov[i] += share * p->spread[k * square + i];
        add_outer(d, share * p->length * p->length, m->pull + k * d, cov);
    }
    return log_q;
}

double covsamp__path_kl_known(covsamp__path_kl *p, const double *x)
{
    return moments(p, p->mixture, x, p->mean, p->cov);
}

double covsamp__path_kl_point(covsamp__path_kl *p, const double *x)
{
    const double log_q = covsamp__path_kl_known(p, x);
    if (!covsamp__path_kl_guided(p))
        return log_q;
    return moments(p, p->given, x, p->given_mean, p->given_cov);
}

/* log N(y; cb length pull_k, the component's covariance) */
static double log_component(covsamp__path_kl *p, int64_t k, double shift, const double *y)
{
    const covsamp_mixture *m = p->given;
    const int64_t d = p->dim;
    double square = 0;
    covsamp__combine(COVSAMP_F64, d, 1.0, y, -shift, m->pull + k * d, p->rest);
    covsamp__project(COVSAMP_F64, d, d, m->vector + k * d * d, d, p->rest, p->coordinates);
    for (int64_t i = 0; i < d; i++)
        square += p->coordinates[i] * p->coordinates[i] / p->variance[k * d + i];
    return p->log_norm[k] - 0.5 * square;
}

double covsamp__path_kl_reverse(covsamp__path_kl *p, const covsamp__transition *t, const double *y)
{
    const covsamp_mixture *m = p->given;
    double largest = -INFINITY, sum = 0; /* the sum is exp(largest) sum */
    for (int64_t k = 0; k < m->components; k++) {
        if (m->share[k] == 0.0)
            continue;
        const double value = log(m->share[k]) + log_component(p, k, t->cb * p->length, y);
        if (value > largest) {
            sum = 1 + sum * exp(largest - value);
            largest = value;
        } else {
            sum += exp(value - largest);
        }
    }
    return largest + log(sum);
}

double covsamp__path_kl_start(const covsamp__path_kl *p, const double *x)
{
    const double square = covsamp__dot(COVSAMP_F64, p->dim, x, x) / (p->start * p->start);
    return -0.5 * (square + (double)p->dim * (log_two_pi + 2 * log(p->start)));
}

/* ---- all of it ---- */

covsamp_status covsamp__path_kl_failed(covsamp__path_kl *p, int64_t step, int info)
{
    const long long from = p->level[step].level, to = p->level[step + 1].level;
    if (info < 0)
        return covsamp__fail(
            p->error, COVSAMP_E_LINALG,
            "%s: Newton's method does not find the noise from which krylov draws a "
            "point of the step from level %lld to %lld; more krylov_steps or a "
            "shorter step may help",
            p->function, from, to);
    return covsamp__fail(p->error, COVSAMP_E_LINALG,
                         "%s: linear algebra failed with the covariance of the step from level "
                         "%lld to %lld",
                         p->function, from, to);
}

covsamp_status covsamp__path_kl_run(covsamp__path_kl *p)
{
    covsamp_status status = p->estimator == COVSAMP_PATH_KL_QUADRATURE
                                ? covsamp__path_kl_quadrature(p)
                                : covsamp__path_kl_monte_carlo(p);
    p->mixture->alpha = p->mixture->sigma = NAN; /* its level is not the model's now */
    return status;
}
