/* SPDX-License-Identifier: BSD-3-Clause */
/* Making a mixture. */
#include "diagnostic/mixture.h"
#include "numeric/linalg.h"

#include <math.h>
#include <string.h>

/* Relative to the largest entry or eigenvalue: what rounding may leave of symmetry and sign. */
#define TOLERANCE 1e-10

static const char function[] = "covsamp_mixture_new";

/* ---- memory -------------------------------------------------------------------------------- */

static covsamp_mixture *layout(covsamp__arena *arena, int64_t d, int64_t k)
{
    const int64_t lwork = covsamp__eigh_work(d);
    covsamp_mixture *m = covsamp__take(arena, 1, 1, sizeof *m);
    covsamp_mixture unused, *to = m != NULL ? m : &unused; /* while counting */
    to->log_weight = covsamp__take(arena, k, 1, sizeof(double));
    to->log_det = covsamp__take(arena, k, 1, sizeof(double));
    to->share = covsamp__take(arena, k, 1, sizeof(double));
    to->tilted_share = covsamp__take(arena, k, 1, sizeof(double));
    to->mean = covsamp__take(arena, k, d, sizeof(double));
    to->value = covsamp__take(arena, k, d, sizeof(double));
    to->inverse = covsamp__take(arena, k, d, sizeof(double));
    to->gain = covsamp__take(arena, k, d, sizeof(double));
    to->pull = covsamp__take(arena, k, d, sizeof(double));
    to->tilt = covsamp__take(arena, d, 1, sizeof(double));
    to->tilt_in = covsamp__take(arena, k, d, sizeof(double));
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

static covsamp_status check_prediction(int32_t prediction, covsamp__error *error,
                                       const char *caller)
{
    if (prediction == COVSAMP_PREDICTS_REVERSE)
        return covsamp__fail(error, COVSAMP_E_UNSUPPORTED,
                             "%s: prediction is %d (reverse), must be one of the other "
                             "COVSAMP_PREDICTS_..., since a request does not tell the next level",
                             caller, (int)prediction);
    if (prediction < COVSAMP_PREDICTS_NOISE || prediction > COVSAMP_PREDICTS_FLOW)
        return covsamp__fail(error, COVSAMP_E_RANGE,
                             "%s: prediction is %d, must be one of COVSAMP_PREDICTS_... (1 to 5)",
                             caller, (int)prediction);
    return COVSAMP_OK;
}

covsamp_status covsamp__mixture_begin(covsamp_mixture **out, int64_t d, int64_t k,
                                      int32_t prediction, const covsamp_allocator *mem,
                                      covsamp__error *error, const char *caller)
{
    covsamp_allocator own;
    covsamp__arena size = {0}, arena = {0};
    covsamp_status status = check_prediction(prediction, error, caller);
    if (status == COVSAMP_OK)
        status = covsamp__allocator_init(&own, mem, error, caller);
    if (status != COVSAMP_OK)
        return status;
    layout(&size, d, k);
    if (!size.overflow)
        arena.base = covsamp__alloc(&own, size.used);
    if (arena.base == NULL)
        return covsamp__fail(error, COVSAMP_E_NOMEM,
                             "%s: no memory for dim = %lld, components = %lld", caller,
                             (long long)d, (long long)k);
    *out = layout(&arena, d, k);
    (*out)->mem = own;
    (*out)->bytes = size.used;
    (*out)->dim = d;
    (*out)->components = k;
    (*out)->prediction = prediction;
    (*out)->has_tilt = 0;
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

static covsamp_status check_sizes(int64_t d, int64_t k, covsamp__error *error)
{
    const long long most_k = (1LL << 24) - 1;
    if (d < 1 || d > COVSAMP__MAX_ORDER)
        return covsamp__fail(error, COVSAMP_E_RANGE, "%s: dim is %lld, must be in [1, %d]",
                             function, (long long)d, COVSAMP__MAX_ORDER);
    if (k < 1 || k > most_k)
        return covsamp__fail(error, COVSAMP_E_RANGE, "%s: components is %lld, must be in [1, %lld]",
                             function, (long long)k, most_k);
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
        status = check_sizes(dim, components, &error);
    if (status == COVSAMP_OK)
        status = covsamp__mixture_begin(&m, dim, components, prediction, mem, &error, function);
    if (status == COVSAMP_OK)
        status = fill(m, weights, means, covariances, &error);
    if (status == COVSAMP_OK)
        *out = m;
    else
        covsamp_mixture_free(m);
    covsamp__export(&error, message);
    return status;
}
