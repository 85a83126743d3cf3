/* SPDX-License-Identifier: BSD-3-Clause */
/* A mixture as a model that answers requests.
 *
 * Every prediction is f = on_x0 E[x0 | x] + on_e E[e | x] with e = (x - alpha x0) / sigma.  In
 * terms of the centre c of the pulls (mixture.h) f and its Jacobian are sums without cancellation:
 *     near data:  f = (on_x0 / alpha) x + (on_x0 sigma^2 / alpha - on_e sigma) c
 *     far:        f = (on_e / sigma) x + (on_x0 - on_e alpha / sigma) c
 * and J_f = sum_k r_k (U diag(gain) U^T + rank_one pull pull^T), where pull is meant less c and
 * gain = (on_x0 alpha s + on_e sigma) / V.  At sigma = 0 what is left is f = on_x0 x / alpha. */
#include "diagnostic/mixture.h"
#include "numeric/vec.h"

#include <math.h>

typedef struct {
    double on_x0, on_e;               /* see above */
    double on_x, on_centre, rank_one; /* f = on_x x + on_centre c */
} affine;

static affine affine_of(int32_t prediction, double a, double s)
{
    affine f = {0, 0, 0, 0, 0};
    switch (prediction) {
    case COVSAMP_PREDICTS_NOISE:
        f.on_e = 1.0;
        break;
    case COVSAMP_PREDICTS_X0:
        f.on_x0 = 1.0;
        break;
    case COVSAMP_PREDICTS_V:
        f.on_x0 = -s;
        f.on_e = a;
        break;
    case COVSAMP_PREDICTS_SCORE:
        f.on_e = -1.0 / s;
        break;
    default: /* flow */
        f.on_x0 = -1.0;
        f.on_e = 1.0;
    }
    if (s < a) {
        f.on_x = f.on_x0 / a;
        f.on_centre = f.on_x0 * (s * s / a) - f.on_e * s;
        f.rank_one = f.on_centre;
    } else {
        f.on_x = f.on_e / s;
        f.on_centre = f.on_x0 - f.on_e * (a / s);
        f.rank_one = f.on_centre * a / (s * s);
    }
    return f;
}

/* Where products go: J is symmetric, J^T v is J v. */
static void *products_of(const covsamp_request *q)
{
    return q->kind == COVSAMP_ASK_VJP ? q->transposed : q->product;
}

static int known(const covsamp_mixture *m, int32_t kind)
{
    if (kind == COVSAMP_ASK_GUIDE)
        return m->has_tilt;
    return kind >= COVSAMP_ASK_MEAN && kind <= COVSAMP_ASK_VJP;
}

static int wants_products(const covsamp_request *q)
{
    return q->kind != COVSAMP_ASK_MEAN && q->kind != COVSAMP_ASK_GUIDE;
}

static int lacks_pointer(const covsamp_request *q)
{
    if (q->kind == COVSAMP_ASK_GUIDE)
        return q->x == NULL || q->gradient == NULL;
    return q->x == NULL || ((q->kind & COVSAMP_ASK_MEAN) && q->mean == NULL) ||
           (wants_products(q) && q->tangents > 0 && (q->v == NULL || products_of(q) == NULL));
}

/* The request's own errors, before anything is written. */
static int32_t check(const covsamp_mixture *m, const covsamp_request *q)
{
    const double a = q->alpha, s = q->sigma;
    if (!known(m, q->kind))
        return COVSAMP_E_UNSUPPORTED;
    if (lacks_pointer(q))
        return COVSAMP_E_NULL;
    if (q->dim != m->dim || (q->dtype != COVSAMP_F32 && q->dtype != COVSAMP_F64))
        return COVSAMP_E_RANGE;
    if (!(a >= 0.0 && s >= 0.0 && a + s > 0.0 && isfinite(a) && isfinite(s)))
        return COVSAMP_E_RANGE;
    if (q->kind != COVSAMP_ASK_GUIDE && !(a > 0.0 && s > 0.0) &&
        (m->prediction == COVSAMP_PREDICTS_NOISE || m->prediction == COVSAMP_PREDICTS_SCORE))
        return COVSAMP_E_UNSUPPORTED;
    return COVSAMP_OK;
}

/* Prepares the level unless the last request was about the same. */
static void set_level(covsamp_mixture *m, double alpha, double sigma, const affine *f)
{
    if (m->alpha == alpha && m->sigma == sigma)
        return;
    covsamp__mixture_level(m, alpha, sigma);
    for (int64_t i = 0; i < m->dim * m->components; i++)
        m->gain[i] = (f->on_x0 * alpha * m->value[i] + f->on_e * sigma) * m->inverse[i];
}

/* To branch 0, and to branch 1 where the request carries both: the mixture is the same for both. */
static void give(covsamp_mixture *m, const covsamp_request *q, void *own, void *other, int64_t at)
{
    covsamp__from_double(q->dtype, m->dim, m->out, covsamp__at(q->dtype, own, at));
    if (other != NULL)
        covsamp__from_double(q->dtype, m->dim, m->out, covsamp__at(q->dtype, other, at));
}

static int carries_both(const covsamp_request *q)
{
    return q->size >= offsetof(covsamp_request, other_head) + sizeof q->other_head;
}

static void answer_products(covsamp_mixture *m, const covsamp_request *q, const affine *f,
                            int noisy, int64_t offset)
{
    const int64_t d = m->dim;
    void *other = !carries_both(q)             ? NULL
                  : q->kind == COVSAMP_ASK_VJP ? q->other_transposed
                                               : q->other_product;
    for (int64_t k = 0; k < q->tangents; k++) {
        const int64_t at = k * q->tangent_stride + offset;
        covsamp__to_double(q->dtype, d, covsamp__cat(q->dtype, q->v, at), m->v);
        if (noisy)
            covsamp__mixture_product(m, f->rank_one, m->v, m->out);
        else
            covsamp__scale(COVSAMP_F64, d, f->on_x, m->v, m->out);
        give(m, q, products_of(q), other, at);
    }
}

static void answer_gradient(covsamp_mixture *m, const covsamp_request *q, int noisy, int64_t offset)
{
    if (noisy)
        covsamp__mixture_gradient(m, m->x, m->out);
    else
        covsamp__scale(COVSAMP_F64, m->dim, 1.0 / q->alpha, m->tilt, m->out);
    give(m, q, q->gradient, NULL, offset);
}

static void answer_sample(covsamp_mixture *m, const covsamp_request *q, const affine *f, int noisy,
                          int64_t offset)
{
    const int64_t d = m->dim;
    covsamp__to_double(q->dtype, d, covsamp__cat(q->dtype, q->x, offset), m->x);
    if (q->kind == COVSAMP_ASK_GUIDE) {
        answer_gradient(m, q, noisy, offset);
        return;
    }
    if (noisy)
        covsamp__mixture_point(m, m->x);
    if (q->kind & COVSAMP_ASK_MEAN) {
        if (noisy)
            covsamp__combine(COVSAMP_F64, d, f->on_x, m->x, f->on_centre, m->centre, m->out);
        else
            covsamp__scale(COVSAMP_F64, d, f->on_x, m->x, m->out);
        give(m, q, q->mean, carries_both(q) ? q->other_mean : NULL, offset);
    }
    if (wants_products(q))
        answer_products(m, q, f, noisy, offset);
}

int32_t covsamp_mixture_answer(void *mixture, const covsamp_request *request)
{
    covsamp_mixture *m = mixture;
    if (m == NULL || request == NULL)
        return COVSAMP_E_NULL;
    int32_t status = check(m, request);
    if (status != COVSAMP_OK)
        return status;
    const double alpha = request->alpha, sigma = request->sigma;
    const int noisy = sigma * sigma > 0.0; /* else E[x0 | x] = x / alpha, to the last bit */
    const affine f = affine_of(m->prediction, alpha, sigma);
    if (noisy)
        set_level(m, alpha, sigma, &f);
    for (int64_t b = 0; b < request->batch; b++)
        answer_sample(m, request, &f, noisy, b * request->stride);
    return COVSAMP_OK;
}

covsamp_status covsamp_mixture_model(covsamp_mixture *mixture, covsamp_model *model)
{
    if (mixture == NULL || model == NULL)
        return COVSAMP_E_NULL;
    /* all fields of the first version; later ones are appended */
    if (model->size < offsetof(covsamp_model, progress) + sizeof model->progress)
        return COVSAMP_E_STRUCT_SIZE;
    model->model_user = mixture;
    model->mean = covsamp_mixture_answer;
    model->jvp = covsamp_mixture_answer;
    model->mean_jvp = covsamp_mixture_answer;
    if (model->size >= offsetof(covsamp_model, vjp) + sizeof model->vjp)
        model->vjp = covsamp_mixture_answer;
    if (mixture->has_tilt && model->size >= offsetof(covsamp_model, guide) + sizeof model->guide) {
        model->guide_user = mixture;
        model->guide = covsamp_mixture_answer;
    }
    return COVSAMP_OK;
}
