/* SPDX-License-Identifier: BSD-3-Clause */
/* A mixture whose Jacobian a skew-symmetric part was added to: what symmetrise = average is for.
 * The mean, and the symmetric part of C, are the mixture's. */
#ifndef COVSAMP_TESTS_SKEW_H
#define COVSAMP_TESTS_SKEW_H

#include "gaussian.h"

enum { SKEW_DIM = 12, SKEW_COMPONENTS = 3 };

typedef struct {
    covsamp_mixture *mixture; /* predicts x0 */
    double amount;            /* of the skew part of C, in units of sigma^2 / alpha^2 */
    int ignores_vjp;          /* answers 0 and writes nothing */
    int32_t fails;            /* if not 0: the answer to the next VJP */
    int jvps, vjps;           /* requests */
} skewed;

/* (K v)_i, K = -K^T: a stencil that couples neighbours in both directions, and i with i + 5. */
static inline double skew_part(const double *v, int i)
{
    const int d = SKEW_DIM;
    return v[(i + 1) % d] - v[(i + d - 1) % d] + .5 * (v[(i + 5) % d] - v[(i + d - 5) % d]);
}

/* J_x0 = (alpha / sigma^2) C, so that C gets amount sigma^2 / alpha^2 K from amount / alpha K. */
static inline int32_t skewed_answer(void *user, const covsamp_request *q)
{
    skewed *s = user;
    const double sign = q->kind == COVSAMP_ASK_VJP ? -1 : 1;
    void *products = q->kind == COVSAMP_ASK_VJP ? q->transposed : q->product;
    s->jvps += q->product != NULL;
    s->vjps += q->transposed != NULL;
    if (q->kind == COVSAMP_ASK_VJP && s->fails != 0) {
        const int32_t answer = s->fails;
        s->fails = 0;
        return answer;
    }
    if (q->kind == COVSAMP_ASK_VJP && s->ignores_vjp)
        return 0;
    const int32_t status = covsamp_mixture_answer(s->mixture, q);
    for (int64_t k = 0; status == 0 && products != NULL && k < q->tangents; k++)
        for (int64_t b = 0; b < q->batch; b++) {
            const int64_t at = k * q->tangent_stride + b * q->stride;
            double v[SKEW_DIM];
            for (int i = 0; i < SKEW_DIM; i++)
                v[i] = load(q->dtype, q->v, at + i);
            for (int i = 0; i < SKEW_DIM; i++)
                store(q->dtype, products, at + i,
                      load(q->dtype, products, at + i) +
                          sign * s->amount / q->alpha * skew_part(v, i));
        }
    return status;
}

/* Correlated components with eigenvalues from 1.6 down to 1e-3. */
static inline covsamp_mixture *skew_mixture(int32_t prediction)
{
    static const double weights[SKEW_COMPONENTS] = {3, 2, 1};
    enum { D = SKEW_DIM };
    static double means[SKEW_COMPONENTS * D], cov[SKEW_COMPONENTS * D * D];
    double q[D * D], e[D];
    covsamp_mixture *mixture = NULL;
    for (int k = 0; k < SKEW_COMPONENTS; k++) {
        orthogonal(50 + k, D, q);
        normals(60 + k, D, means + k * D);
        for (int i = 0; i < D; i++)
            e[i] = (1.6 - .2 * k) * exp(-.5 * i);
        spectral(D, q, e, cov + k * D * D);
    }
    (void)covsamp_mixture_new(&mixture, D, SKEW_COMPONENTS, weights, means, cov, prediction, NULL,
                              NULL);
    return mixture;
}

static inline covsamp_model skewed_model(skewed *s)
{
    covsamp_model model = model_of(skewed_answer, s);
    model.vjp = skewed_answer;
    return model;
}

#endif
