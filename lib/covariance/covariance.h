/* SPDX-License-Identifier: BSD-3-Clause */
/* Covariance models: what a step knows of C = Cov[x0 | x_t], as products with C that it asks for.
 * Knows krylov/, numeric/ and base/; not where products come from.
 *
 * One step: open() at a place; wants() and take() until wants() has nothing; draw(). */
#ifndef COVSAMP_COVARIANCE_COVARIANCE_H
#define COVSAMP_COVARIANCE_COVARIANCE_H

#include "krylov/krylov.h"

/* One point of one step. */
typedef struct {
    double lambda, b;    /* the noise is N(0, lambda^2 I + b^2 P C P) */
    double large;        /* standard deviation of "large" */
    double magnitude;    /* see covsamp__krylov_take() */
    const void *z;       /* [batch][dim] standard normal */
    const uint8_t *keep; /* [batch][dim] the diagonal of P; NULL: P = I */
} covsamp__place;

typedef struct covsamp__covariance covsamp__covariance;

typedef struct {
    int needs_noise;    /* z is read */
    int needs_products; /* wants() may ask */
    int z_first;        /* wants() begins at P z: known as soon as P is */
    void (*layout)(covsamp__covariance *c, covsamp__arena *arena);
    void (*open)(covsamp__covariance *c, const covsamp__place *p);
    /* The next tangents [*count][batch][dim], NULL when there are enough. */
    const void *(*wants)(covsamp__covariance *c, const covsamp__place *p, int64_t *count);
    /* P C v for these tangents, [count][batch][dim]; destroyed. */
    void (*take)(covsamp__covariance *c, const covsamp__place *p, void *products, int64_t count);
    /* The noise n [batch][dim].  0, or LAPACK's info, sample in *failed. */
    int (*draw)(covsamp__covariance *c, const covsamp__place *p, void *n, int64_t *failed);
} covsamp__covariance_ops;

struct covsamp__covariance {
    const covsamp__covariance_ops *ops;
    int32_t dtype, reserved;
    int64_t batch, dim;
    int64_t tangents; /* most in one request */
    covsamp__krylov_counts counts;
    covsamp__krylov krylov; /* krylov: its space */
    int64_t column;         /* dense: columns known so far */
    double *matrix;         /* dense: [batch][dim][dim], column-major */
    double *vector, *value, *work; /* dense: small work */
    void *unit;             /* dense: [tangents][batch][dim] unit vectors */
};

extern const covsamp__covariance_ops covsamp__covariance_none, covsamp__covariance_small,
    covsamp__covariance_large, covsamp__covariance_krylov, covsamp__covariance_dense;

#endif
