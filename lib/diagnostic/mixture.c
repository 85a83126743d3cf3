/* SPDX-License-Identifier: BSD-3-Clause */
/* Making a mixture, and its posterior.  Answers are the same in any batch and on any number of BLAS
 * threads: all products of a matrix and a vector go through numeric/vec. */
#include "diagnostic/mixture.h"
#include "numeric/linalg.h"
#include "numeric/vec.h"

#include <math.h>
#include <string.h>

/* Relative to the largest entry or eigenvalue: what rounding may leave of symmetry and sign. */
#define TOLERANCE 1e-10

static const char function[] = "covsamp_mixture_new";
static const double log_two_pi = 1.8378770664093453;

/* ---- memory -------------------------------------------------------------------------------- */

static covsamp_mixture *layout(covsamp__arena *arena, int64_t d, int64_t k)
{
    const int64_t lwork = covsamp__eigh_work(d);
    covsamp_mixture *m = covsamp__take(arena, 1, 1, sizeof *m);
    covsamp_mixture unused, *to = m != NULL ? m : &unused; /* while counting */
    to->log_weight = covsamp__take(arena, k, 1, sizeof(double));
    to->log_det = covsamp__take(arena, k, 1, sizeof(double));
    to->share = covsamp__take(arena, k, 1, sizeof(double));
    to->mean = covsamp__take(arena, k, d, sizeof(double));
    to->value = covsamp__take(arena, k, d, sizeof(double));
    to->inverse = covsamp__take(arena, k, d, sizeof(double));
    to->gain = covsamp__take(arena, k, d, sizeof(double));
    to->pull = covsamp__take(arena, k, d, sizeof(double));
    to->centre = covsamp__take(arena, d, 1, sizeof(double));
    to->x = covsamp__take(arena, d, 1, sizeof(double));
    to->v = covsamp__take(arena, d, 1, sizeof(double));
    to->out = covsamp__take(arena, d, 1, sizeof(double));
    to->rest = covsamp__take(arena, d, 1, sizeof(double));
    to->coordinates = covsamp__take(arena, d, 1, sizeof(double));
    to->work = covsamp__take(arena, lwork, 1, sizeof(double));
    to->vector = covsamp__take(arena, k, d * d, sizeof(double)); /* d * d < 2^31 */
    to->lwork = lwork;
    return m;
}

static covsamp_status begin(covsamp_mixture **out, int64_t d, int64_t k,
                            const covsamp_allocator *mem, covsamp__error *error)
{
    covsamp_allocator own;
    covsamp__arena size = {NULL, 0, 0}, arena = {NULL, 0, 0};
    covsamp_status status = covsamp__allocator_init(&own, mem, error, function);
    if (status != COVSAMP_OK)
        return status;
    layout(&size, d, k);
    if (!size.overflow)
        arena.base = covsamp__alloc(&own, size.used);
    if (arena.base == NULL)
        return covsamp__fail(error, COVSAMP_E_NOMEM,
                             "%s: no memory for dim = %lld, components = %lld", function,
                             (long long)d, (long long)k);
    *out = layout(&arena, d, k);
    (*out)->mem = own;
    (*out)->bytes = size.used;
    (*out)->dim = d;
    (*out)->components = k;
    (*out)->alpha = (*out)->sigma = NAN;
    return COVSAMP_OK;
}

void covsamp_mixture_free(covsamp_mixture *mixture)
{
    if (mixture == NULL)
        return;
    covsamp_allocator mem = mixture->mem;
    covsamp__release(&mem, mixture, mixture->bytes);
}

/* ---- making one ---------------------------------------------------------------------------- */

static covsamp_status check_sizes(int64_t d, int64_t k, int32_t prediction, covsamp__error *error)
{
    const long long most_k = (1LL << 24) - 1;
    if (d < 1 || d > COVSAMP__MAX_ORDER)
        return covsamp__fail(error, COVSAMP_E_RANGE, "%s: dim is %lld, must be in [1, %d]",
                             function, (long long)d, COVSAMP__MAX_ORDER);
    if (k < 1 || k > most_k)
        return covsamp__fail(error, COVSAMP_E_RANGE, "%s: components is %lld, must be in [1, %lld]",
                             function, (long long)k, most_k);
    if (prediction == COVSAMP_PREDICTS_REVERSE)
        return covsamp__fail(error, COVSAMP_E_UNSUPPORTED,
                             "%s: prediction is %d (reverse), must be one of the other "
                             "COVSAMP_PREDICTS_..., since a request does not tell the next level",
                             function, (int)prediction);
    if (prediction < COVSAMP_PREDICTS_NOISE || prediction > COVSAMP_PREDICTS_FLOW)
        return covsamp__fail(error, COVSAMP_E_RANGE,
                             "%s: prediction is %d, must be one of COVSAMP_PREDICTS_... (1 to 5)",
                             function, (int)prediction);
    return COVSAMP_OK;
}

static covsamp_status not_finite(const char *what, int64_t i, double value, const char *range,
                                 covsamp__error *error)
{
    char text[COVSAMP__REAL_BYTES];
    return covsamp__fail(error, COVSAMP_E_RANGE, "%s: %s[%lld] is %s, must be %s", function, what,
                         (long long)i, covsamp__real(value, text), range);
}

static covsamp_status fill_weights(covsamp_mixture *m, const double *weights, covsamp__error *error)
{
    double largest = 0.0, sum = 0.0;
    for (int64_t k = 0; k < m->components; k++) {
        if (!(weights[k] > 0.0 && isfinite(weights[k])))
            return not_finite("weights", k, weights[k], "positive and finite", error);
        largest = weights[k] > largest ? weights[k] : largest;
    }
    for (int64_t k = 0; k < m->components; k++)
        sum += weights[k] / largest; /* no overflow */
    for (int64_t k = 0; k < m->components; k++)
        m->log_weight[k] = log(weights[k]) - log(largest) - log(sum);
    return COVSAMP_OK;
}

/* Copies S_k, made exactly symmetric, to where its eigenvectors will be. */
static covsamp_status fill_covariance(covsamp_mixture *m, int64_t k, const double *s,
                                      covsamp__error *error)
{
    const int64_t d = m->dim;
    double *a = m->vector + k * d * d, largest = 0.0;
    for (int64_t i = 0; i < d * d; i++) {
        if (!isfinite(s[i]))
            return not_finite("covariances", k * d * d + i, s[i], "finite", error);
        largest = fabs(s[i]) > largest ? fabs(s[i]) : largest;
    }
    for (int64_t i = 0; i < d; i++) {
        for (int64_t j = 0; j <= i; j++) {
            double lower = s[i * d + j], upper = s[j * d + i];
            if (fabs(lower - upper) > TOLERANCE * largest)
                return covsamp__fail(error, COVSAMP_E_RANGE,
                                     "%s: covariances[%lld] is not symmetric at row %lld, column "
                                     "%lld, must be symmetric to 1e-10 of its largest entry",
                                     function, (long long)k, (long long)i, (long long)j);
            a[i * d + j] = a[j * d + i] = 0.5 * lower + 0.5 * upper;
        }
    }
    return COVSAMP_OK;
}

static covsamp_status decompose(covsamp_mixture *m, int64_t k, covsamp__error *error)
{
    const int64_t d = m->dim;
    double *value = m->value + k * d;
    char least[COVSAMP__REAL_BYTES], most[COVSAMP__REAL_BYTES];
    if (covsamp__eigh(d, m->vector + k * d * d, value, m->work, m->lwork) != 0)
        return covsamp__fail(error, COVSAMP_E_LINALG,
                             "%s: the eigenvalues of covariances[%lld] did not converge", function,
                             (long long)k);
    if (!(value[0] >= -TOLERANCE * fmax(value[d - 1], 0.0))) /* ascending */
        return covsamp__fail(error, COVSAMP_E_RANGE,
                             "%s: covariances[%lld] has eigenvalues from %s to %s, must be "
                             "positive semidefinite",
                             function, (long long)k, covsamp__real(value[0], least),
                             covsamp__real(value[d - 1], most));
    for (int64_t i = 0; i < d; i++)
        value[i] = value[i] > 0.0 ? value[i] : 0.0;
    return COVSAMP_OK;
}

static covsamp_status fill(covsamp_mixture *m, const double *weights, const double *means,
                           const double *covariances, covsamp__error *error)
{
    const int64_t d = m->dim, count = d * m->components;
    covsamp_status status = fill_weights(m, weights, error);
    for (int64_t i = 0; status == COVSAMP_OK && i < count; i++)
        if (!isfinite(means[i]))
            status = not_finite("means", i, means[i], "finite", error);
    if (status == COVSAMP_OK)
        memcpy(m->mean, means, (size_t)count * sizeof *means);
    for (int64_t k = 0; status == COVSAMP_OK && k < m->components; k++) {
        status = fill_covariance(m, k, covariances + k * d * d, error);
        if (status == COVSAMP_OK)
            status = decompose(m, k, error);
    }
    return status;
}

covsamp_status covsamp_mixture_new(covsamp_mixture **out, int64_t dim, int64_t components,
                                   const double *weights, const double *means,
                                   const double *covariances, int32_t prediction,
                                   const covsamp_allocator *mem, char *message)
{
    covsamp__error error;
    covsamp_mixture *m = NULL;
    covsamp_status status = covsamp__ok(&error);
    if (out != NULL)
        *out = NULL;
    if (out == NULL || weights == NULL || means == NULL || covariances == NULL)
        status = covsamp__fail(&error, COVSAMP_E_NULL, "%s: %s is NULL", function,
                               out == NULL       ? "out"
                               : weights == NULL ? "weights"
                               : means == NULL   ? "means"
                                                 : "covariances");
    if (status == COVSAMP_OK)
        status = check_sizes(dim, components, prediction, &error);
    if (status == COVSAMP_OK)
        status = begin(&m, dim, components, mem, &error);
    if (status == COVSAMP_OK) {
        m->prediction = prediction;
        status = fill(m, weights, means, covariances, &error);
    }
    if (status == COVSAMP_OK)
        *out = m;
    else
        covsamp_mixture_free(m);
    covsamp__export(&error, message);
    return status;
}

/* ---- the posterior ------------------------------------------------------------------------- */

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

/* y = U_k^T v */
static void to_eigenbasis(const covsamp_mixture *m, int64_t k, const double *v, double *y)
{
    const int64_t d = m->dim;
    covsamp__project(COVSAMP_F64, d, d, m->vector + k * d * d, d, v, y);
}

/* v = U_k y */
static void from_eigenbasis(const covsamp_mixture *m, int64_t k, const double *y, double *v)
{
    const int64_t d = m->dim;
    covsamp__expand(COVSAMP_F64, d, d, m->vector + k * d * d, d, y, v);
}

/* log w_k q_k(x) less the constant; leaves U_k^T (x - alpha m_k) in pull_k. */
static double log_component(covsamp_mixture *m, int64_t k, const double *x)
{
    const int64_t d = m->dim;
    double *y = m->pull + k * d, square = 0.0;
    covsamp__combine(COVSAMP_F64, d, 1.0, x, -m->alpha, m->mean + k * d, m->rest);
    to_eigenbasis(m, k, m->rest, y);
    for (int64_t i = 0; i < d; i++)
        square += y[i] * y[i] * m->inverse[k * d + i];
    return m->log_weight[k] - 0.5 * (square + m->log_det[k]);
}

/* From the logarithms in share to shares; returns log of the sum. */
static double normalise(double *share, int64_t count)
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

/* From the coordinates that log_component() left to the pull. */
static void make_pull(covsamp_mixture *m, int64_t k)
{
    const int64_t d = m->dim;
    double *pull = m->pull + k * d;
    const double *inverse = m->inverse + k * d, *value = m->value + k * d;
    const int near = covsamp__mixture_near(m);
    for (int64_t i = 0; i < d; i++)
        m->coordinates[i] = pull[i] * inverse[i] * (near ? -1.0 : m->alpha * value[i]);
    from_eigenbasis(m, k, m->coordinates, pull);
    if (!near)
        covsamp__combine(COVSAMP_F64, d, 1.0, pull, 1.0, m->mean + k * d, pull);
}

double covsamp__mixture_point(covsamp_mixture *m, const double *x)
{
    const int64_t d = m->dim;
    for (int64_t k = 0; k < m->components; k++)
        m->share[k] = log_component(m, k, x);
    double log_sum = normalise(m->share, m->components);
    covsamp__zero(COVSAMP_F64, d, m->centre);
    for (int64_t k = 0; k < m->components; k++) {
        if (m->share[k] == 0.0) /* often most of them in many dimensions */
            continue;
        make_pull(m, k);
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
        to_eigenbasis(m, k, v, m->coordinates);
        for (int64_t i = 0; i < d; i++)
            m->coordinates[i] *= m->gain[k * d + i];
        from_eigenbasis(m, k, m->coordinates, m->rest);
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
