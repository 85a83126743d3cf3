/* SPDX-License-Identifier: BSD-3-Clause */
/* A model of vectors alone, at any dim: f(x) = a x + b tanh-like of neighbours, with its products,
 * a head and a gradient.  Not symmetric, as no network is.  Costs little beside the library. */
#ifndef COVSAMP_TESTS_VECTOR_MODEL_H
#define COVSAMP_TESTS_VECTOR_MODEL_H

#include <covsamp/covsamp.h>

#define VECTOR_MODEL_SHIFT 5 /* the neighbour that value i looks at */

static inline double vector_model_get(const covsamp_request *q, const void *p, int64_t i)
{
    return q->dtype == COVSAMP_F32 ? (double)((const float *)p)[i] : ((const double *)p)[i];
}

static inline void vector_model_set(const covsamp_request *q, void *p, int64_t i, double value)
{
    if (q->dtype == COVSAMP_F32)
        ((float *)p)[i] = (float)value;
    else
        ((double *)p)[i] = value;
}

/* A share of the noise that grows with the level: 0.3 at data, 0.9 at noise. */
static inline double vector_model_share(const covsamp_request *q)
{
    return 0.3 + 0.6 * q->sigma * q->sigma / (q->alpha * q->alpha + q->sigma * q->sigma);
}

/* Row `b` of f, J v or J^T v: linear, so that one function serves. */
static inline void vector_model_row(const covsamp_request *q, int64_t at, int transposed,
                                    double scale, const void *in, void *out)
{
    const double a = scale * vector_model_share(q), c = 0.07 * scale;
    const int64_t d = q->dim, shift = VECTOR_MODEL_SHIFT % d;
    for (int64_t i = 0; i < d; i++) {
        const int64_t j = transposed ? (i + d - shift) % d : (i + shift) % d;
        const double weight = a * (0.6 + 0.4 * (double)(i % 11) / 11);
        vector_model_set(q, out, at + i,
                         weight * vector_model_get(q, in, at + i) +
                             c * vector_model_get(q, in, at + j));
    }
}

static inline void vector_model_batch(const covsamp_request *q, int transposed, double scale,
                                      const void *in, int64_t tangents, void *out)
{
    for (int64_t k = 0; out != NULL && k < tangents; k++)
        for (int64_t b = 0; b < q->batch; b++)
            vector_model_row(q, k * q->tangent_stride + b * q->stride, transposed, scale, in, out);
}

/* Any request; noise by the library's own numbers. */
static inline int32_t vector_model_answer(void *user, const covsamp_request *q)
{
    (void)user;
    vector_model_batch(q, 0, 1, q->x, 1, q->mean);
    vector_model_batch(q, 0, 0.8, q->x, 1, q->other_mean);
    vector_model_batch(q, 0, 1, q->v, q->tangents, q->product);
    vector_model_batch(q, 0, 0.8, q->v, q->tangents, q->other_product);
    vector_model_batch(q, 1, 1, q->v, q->tangents, q->transposed);
    vector_model_batch(q, 1, 0.8, q->v, q->tangents, q->other_transposed);
    vector_model_batch(q, 0, -0.2, q->x, 1, q->gradient);
    for (int64_t i = 0; q->head != NULL && i < q->batch * q->dim; i++)
        vector_model_set(q, q->head, i, 0.4 + 0.3 * (double)(i % q->dim % 7) / 7);
    for (int64_t b = 0; q->noise != NULL && b < q->batch; b++)
        for (int64_t i = 0; i < q->dim; i++) {
            double z;
            covsamp_noise_normal(q->seed, q->first_sample + b, q->stream, q->step, i, 1, &z);
            vector_model_set(q, q->noise, b * q->stride + i, z);
        }
    return 0;
}

static inline covsamp_model vector_model(void)
{
    covsamp_model m = {.size = sizeof m,
                       .mean = vector_model_answer,
                       .jvp = vector_model_answer,
                       .vjp = vector_model_answer,
                       .guide = vector_model_answer,
                       .noise = vector_model_answer};
    return m;
}

#endif
