/* SPDX-License-Identifier: BSD-3-Clause */
/* The tilt of a mixture: log p(y | x0) = a . x0 + constant.  What a component says of y at x is
 *     log E_k[exp(a . x0) | x] = a . E_k + a . P_k a / 2,      E_k = E_k[x0 | x], P_k its
 * covariance, so that with R_k ~ r_k E_k[exp(a . x0) | x], the shares of the data given y, and dE_k
 * / dx = alpha / sigma^2 P_k, grad log E[exp(a . x0) | x] = sum_k (R_k - r_k) grad log q_k(x) +
 * alpha / sigma^2 sum_k R_k P_k a, where the pulls of mixture.h serve for grad log q_k, which they
 * are or which is (alpha pull_k - x) / sigma^2: the R_k - r_k sum to 0.  All shares come from
 * logarithms, since a component without a share may have one of the tilted. */
#include "diagnostic/mixture.h"
#include "numeric/vec.h"

#include <math.h>
#include <string.h>

covsamp_status covsamp_mixture_set_tilt(covsamp_mixture *mixture, const double *tilt)
{
    if (mixture == NULL)
        return COVSAMP_E_NULL;
    const int64_t d = mixture->dim;
    for (int64_t i = 0; tilt != NULL && i < d; i++)
        if (!isfinite(tilt[i]))
            return COVSAMP_E_RANGE;
    mixture->has_tilt = tilt != NULL;
    if (tilt == NULL)
        return COVSAMP_OK;
    memcpy(mixture->tilt, tilt, (size_t)d * sizeof *tilt);
    for (int64_t k = 0; k < mixture->components; k++)
        covsamp__mixture_to_basis(mixture, k, mixture->tilt, mixture->tilt_in + k * d);
    return COVSAMP_OK;
}

/* ---- the gradient ---- */

/* a . E_k + a . P_k a / 2 less what is the same for all components, from the coordinates that
 * covsamp__mixture_log_component() left in pull_k. */
static double log_tilt(const covsamp_mixture *m, int64_t k)
{
    const int64_t d = m->dim;
    const int near = covsamp__mixture_near(m);
    const double square = m->sigma * m->sigma;
    double sum = near ? 0.0 : covsamp__dot(COVSAMP_F64, d, m->tilt, m->mean + k * d);
    for (int64_t i = k * d; i < (k + 1) * d; i++) {
        const double a = m->tilt_in[i], whitened = m->pull[i] * m->inverse[i];
        const double move =
            near ? -(square / m->alpha) * whitened : m->alpha * m->value[i] * whitened;
        sum += a * (move + 0.5 * a * (square * m->value[i] * m->inverse[i]));
    }
    return sum;
}

/* alpha / sigma^2 P_k a into rest */
static void slope(covsamp_mixture *m, int64_t k)
{
    const int64_t d = m->dim;
    for (int64_t i = 0; i < d; i++)
        m->coordinates[i] =
            m->alpha * m->value[k * d + i] * m->inverse[k * d + i] * m->tilt_in[k * d + i];
    covsamp__mixture_from_basis(m, k, m->coordinates, m->rest);
}

void covsamp__mixture_gradient(covsamp_mixture *m, const double *x, double *out)
{
    const int64_t d = m->dim;
    const double to_score =
        covsamp__mixture_near(m) ? 1.0 : m->alpha / (m->sigma * m->sigma); /* of a pull */
    for (int64_t k = 0; k < m->components; k++) {
        m->share[k] = covsamp__mixture_log_component(m, k, x);
        m->tilted_share[k] = m->share[k] + log_tilt(m, k);
    }
    covsamp__mixture_normalise(m->share, m->components);
    covsamp__mixture_normalise(m->tilted_share, m->components);
    covsamp__zero(COVSAMP_F64, d, m->centre); /* of sum_k (R_k - r_k) pull_k */
    covsamp__zero(COVSAMP_F64, d, out);
    for (int64_t k = 0; k < m->components; k++) {
        const double share = m->tilted_share[k], moved = share - m->share[k];
        if (moved != 0.0) {
            covsamp__mixture_pull(m, k);
            covsamp__combine(COVSAMP_F64, d, 1.0, m->centre, moved, m->pull + k * d, m->centre);
        }
        if (share != 0.0) {
            slope(m, k);
            covsamp__combine(COVSAMP_F64, d, 1.0, out, share, m->rest, out);
        }
    }
    covsamp__combine(COVSAMP_F64, d, 1.0, out, to_score, m->centre, out);
}

/* ---- the data given y ---- */

/* Component k of the tilted mixture from that of `m`; its weight up to a constant. */
static void tilt_component(const covsamp_mixture *m, int64_t k, covsamp_mixture *t)
{
    const int64_t d = m->dim;
    const double *a = m->tilt_in + k * d, *value = m->value + k * d;
    double square = 0.0;
    for (int64_t i = 0; i < d; i++) {
        t->coordinates[i] = value[i] * a[i];
        square += value[i] * a[i] * a[i];
    }
    covsamp__mixture_from_basis(m, k, t->coordinates, t->mean + k * d);
    covsamp__combine(COVSAMP_F64, d, 1.0, m->mean + k * d, 1.0, t->mean + k * d, t->mean + k * d);
    t->log_weight[k] =
        m->log_weight[k] + covsamp__dot(COVSAMP_F64, d, m->tilt, m->mean + k * d) + 0.5 * square;
}

/* Subtracts the logarithm of the sum of the weights. */
static void normalise_weights(covsamp_mixture *t)
{
    memcpy(t->share, t->log_weight, (size_t)t->components * sizeof *t->share);
    const double log_sum = covsamp__mixture_normalise(t->share, t->components);
    for (int64_t k = 0; k < t->components; k++)
        t->log_weight[k] -= log_sum;
}

static covsamp_status tilt_all(const covsamp_mixture *m, covsamp_mixture *t, covsamp__error *error,
                               const char *function)
{
    const int64_t d = m->dim, count = m->components * d;
    memcpy(t->value, m->value, (size_t)count * sizeof *t->value);
    memcpy(t->vector, m->vector, (size_t)(count * d) * sizeof *t->vector);
    for (int64_t k = 0; k < m->components; k++) {
        tilt_component(m, k, t);
        if (!isfinite(t->log_weight[k]) || covsamp__nonfinite(COVSAMP_F64, d, t->mean + k * d) >= 0)
            return covsamp__fail(error, COVSAMP_E_RANGE,
                                 "%s: with this tilt the mean or weight of component %lld is not "
                                 "finite, must be; a shorter tilt makes it so",
                                 function, (long long)k);
    }
    normalise_weights(t);
    return COVSAMP_OK;
}

covsamp_status covsamp_mixture_tilted(covsamp_mixture **out, const covsamp_mixture *mixture,
                                      int32_t prediction, const covsamp_allocator *mem,
                                      char *message)
{
    covsamp__error error;
    covsamp_mixture *t = NULL;
    covsamp_status status = covsamp__ok(&error);
    if (out != NULL)
        *out = NULL;
    if (out == NULL || mixture == NULL)
        status = covsamp__fail(&error, COVSAMP_E_NULL, "%s: %s is NULL", __func__,
                               out == NULL ? "out" : "mixture");
    else if (!mixture->has_tilt)
        status = covsamp__fail(&error, COVSAMP_E_STATE,
                               "%s: the mixture has no tilt, covsamp_mixture_set_tilt() sets one",
                               __func__);
    if (status == COVSAMP_OK)
        status = covsamp__mixture_begin(&t, mixture->dim, mixture->components, prediction, mem,
                                        &error, __func__);
    if (status == COVSAMP_OK)
        status = tilt_all(mixture, t, &error, __func__);
    if (status == COVSAMP_OK)
        *out = t;
    else
        covsamp_mixture_free(t);
    covsamp__export(&error, message);
    return status;
}
