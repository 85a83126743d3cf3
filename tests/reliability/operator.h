/* SPDX-License-Identifier: BSD-3-Clause */
/* Models whose covariance is known whatever its size: C = Q diag(c) Q^T at every x, Q the identity
 * or a reflection, c from a few values or spread over `condition`, of both signs if asked for.
 * With the prediction x0, E[x0 | x] = J x and C = sigma^2 / alpha J, so J has c alpha / sigma^2; c
 * is given in units of sigma^2 / alpha^2, the most that a posterior variance can be. */
#ifndef COVSAMP_TESTS_OPERATOR_H
#define COVSAMP_TESTS_OPERATOR_H

#include "world.h"

typedef struct {
    int64_t dim;
    int reflected;    /* Q is I - 2 u u^T / u . u, u_i = 1 + i mod 3; else I */
    int64_t distinct; /* so many values, in turns; 0: every value is another */
    double condition; /* from 1 down to 1 / condition, evenly in the logarithm */
    int indefinite;   /* every second value is negative */
    int nonsense;     /* a request was not finite */
    long products;
} operator_c;

/* Value i of c, in units of sigma^2 / alpha^2. */
static inline double value_of(const operator_c *o, int64_t i)
{
    const int64_t n = o->distinct > 0 ? o->distinct : o->dim, k = i % n;
    const double c = n == 1 ? 1 : pow(o->condition, -(double)k / (double)(n - 1));
    return o->indefinite && k % 2 == 1 ? -c : c;
}

static inline double reflector(int64_t i)
{
    return (double)(1 + i % 3);
}

/* y = Q y */
static inline void reflect(const operator_c *o, double *y)
{
    double uy = 0, uu = 0;
    for (int64_t i = 0; o->reflected && i < o->dim; i++) {
        uy += reflector(i) * y[i];
        uu += reflector(i) * reflector(i);
    }
    for (int64_t i = 0; o->reflected && i < o->dim; i++)
        y[i] -= 2 * uy / uu * reflector(i);
}

/* y = Q diag(f(c)) Q^T y, in double */
typedef double (*value_fn)(double c, const double *parameters);

static inline void apply_function(const operator_c *o, value_fn f, const double *parameters,
                                  double *y)
{
    reflect(o, y);
    for (int64_t i = 0; i < o->dim; i++)
        y[i] *= f(value_of(o, i), parameters);
    reflect(o, y);
}

static inline double times_factor(double c, const double *factor)
{
    return c * factor[0];
}

/* The model: means and products are J x and J v, J = Q diag(c) Q^T / alpha. */
static inline void multiply(const operator_c *o, const covsamp_request *q, const void *x,
                            int64_t at, double *y, void *out)
{
    const double factor = 1 / q->alpha;
    for (int64_t i = 0; i < o->dim; i++)
        y[i] = world_get(q->dtype, x, at + i);
    apply_function(o, times_factor, &factor, y);
    for (int64_t i = 0; i < o->dim; i++)
        world_put(q->dtype, out, at + i, y[i]);
}

static inline int32_t operator_answer(void *user, const covsamp_request *q)
{
    operator_c *o = user;
    double *y = malloc((size_t)o->dim * sizeof *y);
    o->nonsense += !request_finite(q);
    for (int64_t b = 0; b < q->batch; b++) {
        if (q->mean != NULL)
            multiply(o, q, q->x, b * q->stride, y, q->mean);
        for (int64_t k = 0; k < q->tangents; k++) {
            const int64_t at = k * q->tangent_stride + b * q->stride;
            o->products++;
            if (q->product != NULL)
                multiply(o, q, q->v, at, y, q->product);
            if (q->transposed != NULL)
                multiply(o, q, q->v, at, y, q->transposed);
        }
        for (int64_t i = 0; q->head != NULL && i < q->dim; i++) /* OCM: c = unit (1 + head) */
            world_put(q->dtype, q->head, b * q->stride + i, value_of(o, i) - 1);
    }
    free(y);
    return 0;
}

/* ---- levels whose signal-to-noise ratio is from 1e8 down to 1e-8 ---- */

#define OPERATOR_LEVELS 19

typedef struct {
    double alpha[OPERATOR_LEVELS + 1], sigma[OPERATOR_LEVELS + 1]; /* by level */
    covsamp_schedule *schedule;
} ladder;

/* SNR 10^8, 10^7, ..., 10^-8, and two levels that are close to others. */
static inline void make_ladder(ladder *l, int exploding)
{
    double snr[OPERATOR_LEVELS];
    int n = 0;
    for (int e = 8; e >= -8; e--) {
        snr[n++] = pow(10, e);
        if (e == 1 || e == -6)
            snr[n++] = pow(10, e) * (1 - 1e-6);
    }
    l->alpha[0] = 1;
    l->sigma[0] = 0;
    for (int i = 0; i < OPERATOR_LEVELS; i++) {
        l->alpha[i + 1] = exploding ? 1 : sqrt(snr[i] / (1 + snr[i]));
        l->sigma[i + 1] = exploding ? 1 / sqrt(snr[i]) : sqrt(1 / (1 + snr[i]));
    }
    CHECK(n == OPERATOR_LEVELS);
    CHECK(covsamp_schedule_new_table(&l->schedule, OPERATOR_LEVELS, l->alpha + 1, l->sigma + 1,
                                     NULL, NULL, NULL) == COVSAMP_OK);
}

/* The numbers of a step of DDPM (eta = 1) from level t to s, from alpha and sigma alone. */
typedef struct {
    double ca, cb, lambda, large, unit; /* b = cb; unit: sigma_t^2 / alpha_t^2 */
    double alpha;                       /* alpha_t */
    double gap;                         /* |log SNR_s - log SNR_t| */
} step_numbers;

static inline step_numbers numbers_of(const ladder *l, int64_t t, int64_t s)
{
    const long double at = l->alpha[t], st = l->sigma[t], as = l->alpha[s], ss = l->sigma[s];
    const long double ratio = (at * ss / (st * as)) * (at * ss / (st * as)); /* SNR_t / SNR_s */
    const step_numbers n = {
        (double)(ss * ss * at / (as * st * st)), (double)(as * (1 - ratio)),
        (double)(ss * sqrtl(1 - ratio)),         (double)(st * sqrtl(1 - ratio)),
        (double)(st * st / (at * at)),           (double)at,
        ss > 0 ? (double)-logl(ratio) : INFINITY};
    return n;
}

#endif
