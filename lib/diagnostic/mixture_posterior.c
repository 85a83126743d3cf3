/* SPDX-License-Identifier: BSD-3-Clause */
/* The posterior of a mixture at a point.  Answers are the same in any batch and on any number of
 * BLAS threads: all products of a matrix and a vector go through numeric/vec. */
#include "diagnostic/mixture.h"
#include "numeric/vec.h"

#include <math.h>

static const double log_two_pi = 1.8378770664093453;

int covsamp__mixture_near(const covsamp_mixture *m)
{
    return m->sigma < m->alpha;
}

void covsamp__mixture_level(covsamp_mixture *m, double alpha, double sigma)
{
    for (int64_t k = 0; k < m->components; k++) {
        double sum = 0.0;
        for (int64_t i = k * m->dim; i < (k + 1) * m->dim; i++) {
            double variance = alpha * alpha * m->value[i] + sigma * sigma;
            m->inverse[i] = 1.0 / variance;
            sum += log(variance);
        }
        m->log_det[k] = sum;
    }
    m->alpha = alpha;
    m->sigma = sigma;
}

void covsamp__mixture_to_basis(const covsamp_mixture *m, int64_t k, const double *v, double *y)
{
    const int64_t d = m->dim;
    covsamp__project(COVSAMP_F64, d, d, m->vector + k * d * d, d, v, y);
}

void covsamp__mixture_from_basis(const covsamp_mixture *m, int64_t k, const double *y, double *v)
{
    const int64_t d = m->dim;
    covsamp__expand(COVSAMP_F64, d, d, m->vector + k * d * d, d, y, v);
}

double covsamp__mixture_log_component(covsamp_mixture *m, int64_t k, const double *x)
{
    const int64_t d = m->dim;
    double *y = m->pull + k * d, square = 0.0;
    covsamp__combine(COVSAMP_F64, d, 1.0, x, -m->alpha, m->mean + k * d, m->rest);
    covsamp__mixture_to_basis(m, k, m->rest, y);
    for (int64_t i = 0; i < d; i++)
        square += y[i] * y[i] * m->inverse[k * d + i];
    return m->log_weight[k] - 0.5 * (square + m->log_det[k]);
}

double covsamp__mixture_normalise(double *share, int64_t count)
{
    double largest = -INFINITY, sum = 0.0;
    for (int64_t k = 0; k < count; k++)
        largest = share[k] > largest ? share[k] : largest;
    for (int64_t k = 0; k < count; k++)
        sum += exp(share[k] - largest);
    for (int64_t k = 0; k < count; k++)
        share[k] = exp(share[k] - largest) / sum;
    return largest + log(sum);
}

void covsamp__mixture_pull(covsamp_mixture *m, int64_t k)
{
    const int64_t d = m->dim;
    double *pull = m->pull + k * d;
    const double *inverse = m->inverse + k * d, *value = m->value + k * d;
    const int near = covsamp__mixture_near(m);
    for (int64_t i = 0; i < d; i++)
        m->coordinates[i] = pull[i] * inverse[i] * (near ? -1.0 : m->alpha * value[i]);
    covsamp__mixture_from_basis(m, k, m->coordinates, pull);
    if (!near)
        covsamp__combine(COVSAMP_F64, d, 1.0, pull, 1.0, m->mean + k * d, pull);
}

double covsamp__mixture_point(covsamp_mixture *m, const double *x)
{
    const int64_t d = m->dim;
    for (int64_t k = 0; k < m->components; k++)
        m->share[k] = covsamp__mixture_log_component(m, k, x);
    double log_sum = covsamp__mixture_normalise(m->share, m->components);
    covsamp__zero(COVSAMP_F64, d, m->centre);
    for (int64_t k = 0; k < m->components; k++) {
        if (m->share[k] == 0.0) /* often most of them in many dimensions */
            continue;
        covsamp__mixture_pull(m, k);
        covsamp__combine(COVSAMP_F64, d, 1.0, m->centre, m->share[k], m->pull + k * d, m->centre);
    }
    for (int64_t k = 0; k < m->components; k++)
        covsamp__combine(COVSAMP_F64, d, 1.0, m->pull + k * d, -1.0, m->centre, m->pull + k * d);
    return log_sum - 0.5 * (double)d * log_two_pi;
}

void covsamp__mixture_product(covsamp_mixture *m, double rank_one, const double *v, double *out)
{
    const int64_t d = m->dim;
    covsamp__zero(COVSAMP_F64, d, out);
    for (int64_t k = 0; k < m->components; k++) {
        const double share = m->share[k], *pull = m->pull + k * d;
        if (share == 0.0)
            continue;
        covsamp__mixture_to_basis(m, k, v, m->coordinates);
        for (int64_t i = 0; i < d; i++)
            m->coordinates[i] *= m->gain[k * d + i];
        covsamp__mixture_from_basis(m, k, m->coordinates, m->rest);
        double along = rank_one * covsamp__dot(COVSAMP_F64, d, pull, v);
        covsamp__combine(COVSAMP_F64, d, 1.0, m->rest, along, pull, m->rest);
        covsamp__combine(COVSAMP_F64, d, 1.0, out, share, m->rest, out);
    }
}

void covsamp__mixture_posterior(covsamp_mixture *m, double alpha, double sigma, const double *x,
                                double *mean, double *cov, double *log_density)
{
    const int64_t d = m->dim;
    const double square = sigma * sigma;
    covsamp__mixture_level(m, alpha, sigma);
    const double log_q = covsamp__mixture_point(m, x);
    const int near = covsamp__mixture_near(m);
    const double length = near ? square / alpha : 1.0; /* of a pull, as a difference of means */
    if (log_density != NULL)
        *log_density = log_q;
    covsamp__combine(COVSAMP_F64, d, near ? 1.0 / alpha : 0.0, x, length, m->centre, mean);
    if (cov != NULL) {
        for (int64_t i = 0; i < d * m->components; i++)
            m->gain[i] = square * m->value[i] * m->inverse[i];
        for (int64_t j = 0; j < d; j++) {
            covsamp__zero(COVSAMP_F64, d, m->v);
            m->v[j] = 1.0;
            covsamp__mixture_product(m, length * length, m->v, cov + j * d);
        }
    }
    m->alpha = m->sigma = NAN; /* gain is not the model's now */
}
