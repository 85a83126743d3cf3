/* SPDX-License-Identifier: BSD-3-Clause */
/* Covariance models: what a step knows of C = Cov[x0 | x_t], as products with C that it asks for.
 * Knows krylov/, numeric/ and base/; not where products come from.
 *
 * One step: open() at a place, take_mean() once the mean is known; wants() and take() until wants()
 * has nothing; draw().  Models with `early` may be asked before the mean when P = I. */
#ifndef COVSAMP_COVARIANCE_COVARIANCE_H
#define COVSAMP_COVARIANCE_COVARIANCE_H

#include "covariance/spectrum.h"
#include "krylov/krylov.h"

/* One point of one step. */
typedef struct {
    double lambda, b;     /* the noise is N(0, lambda^2 I + b^2 P C P) */
    double large;         /* standard deviation of "large" */
    double small;         /* of beta-tilde, on the step to data that of the step before */
    double limit;         /* largest variance of the noise; infinity: none */
    double unit;          /* sigma^2 / alpha^2, the natural unit of C */
    double cap;           /* largest variance of x0; infinity: none */
    double ritz_cap;      /* largest Ritz value; infinity: none */
    double analytic;      /* c of "analytic"; negative: there is no table */
    double guard;         /* largest trace(C) / dim; infinity: none */
    double magnitude;     /* see covsamp__krylov_take() */
    const void *z;        /* [batch][dim] standard normal; ones where densities are wanted */
    const void *residual; /* [batch][dim] r, where densities are wanted: see covsamp__forms */
    int64_t measured;     /* so many samples of the batch, where they are; the others fill up */
    const uint8_t *keep;  /* [batch][dim] the diagonal of P; NULL: P = I */
    uint64_t seed;        /* of probes */
    int64_t first_sample, step;
} covsamp__place;

/* What the density of a sample's step needs, S = lambda^2 I + b^2 P C P as draw() has it. */
typedef struct {
    double log_det;        /* log det S - dim log lambda^2 */
    double trace;          /* lambda^2 trace S^-1 - dim */
    double residual;       /* r . S^-1 r */
    double probe_variance; /* of (log_det + trace) / 2, where that is an estimate by probes */
} covsamp__forms;

typedef struct covsamp__covariance covsamp__covariance;

typedef struct {
    int needs_noise;    /* z is read */
    int needs_products; /* wants() may ask */
    int needs_head;     /* take_mean() reads a head */
    int early;          /* the first tangents do not depend on the mean, but for P */
    void (*layout)(covsamp__covariance *c, covsamp__arena *arena);
    void (*open)(covsamp__covariance *c, const covsamp__place *p);
    /* NULL if the model does not care.  e: the predicted noise, before clipping; head: as the model
     * wrote it.  Both [batch][dim]. */
    void (*take_mean)(covsamp__covariance *c, const covsamp__place *p, const void *e,
                      const void *head);
    /* The next tangents [*count][batch][dim], NULL when there are enough. */
    const void *(*wants)(covsamp__covariance *c, const covsamp__place *p, int64_t *count);
    /* P C v for these tangents (C v where `whole`), [count][batch][dim]; destroyed. */
    void (*take)(covsamp__covariance *c, const covsamp__place *p, void *products, int64_t count);
    /* The noise n [batch][dim].  0, or LAPACK's info, sample in *failed. */
    int (*draw)(covsamp__covariance *c, const covsamp__place *p, void *n, int64_t *failed);
    /* After draw(): out = S g, the gradient of guidance [batch][dim]; with push_by_product out is P
     * C P g before.  NULL where S is diagonal and its root a draw from it. */
    int (*push)(covsamp__covariance *c, const covsamp__place *p, const void *g, void *out,
                int64_t *failed);
    /* In place of draw(), [batch]; NULL where S is diagonal, see covsamp__covariance_forms(). */
    int (*forms)(covsamp__covariance *c, const covsamp__place *p, covsamp__forms *f,
                 int64_t *failed);
} covsamp__covariance_ops;

struct covsamp__covariance {
    const covsamp__covariance_ops *ops;
    covsamp__space *space; /* where the vectors are */
    int32_t dtype;
    int32_t head; /* COVSAMP_HEAD_... of "diag_model" */
    int64_t batch, dim;
    int64_t tangents; /* most in one request */
    int64_t probes, reuse;
    int32_t whole;           /* set by open(): take() wants products with C, not P C P */
    int32_t limit_range;     /* "iddpm": v limited to [-1, 1] */
    int32_t push_by_product; /* krylov: push() is given a product of the gradient's own */
    int32_t reserved_too;
    double tolerance; /* of "krylov"; 0: off */
    covsamp__krylov_counts counts;
    covsamp__krylov krylov;        /* krylov: its space */
    covsamp__spectrum spectrum;    /* spectral: its estimates */
    int64_t column;                /* tangents taken at this place: dense, probes */
    double *matrix;                /* dense: [batch], dim x dim each, column-major */
    double *vector, *value, *work; /* small work; quadrature: value [batch][2] of the present space;
                                      krylov: vector [batch][2][most], value [3][batch] */
    double *ritz; /* quadrature: values and weights [starts][batch][2][most], 0 beyond the size */
    int32_t info, reserved; /* quadrature: LAPACK's, of `broken` */
    int64_t broken;
    void *unit;           /* tangents [tangents][batch][dim] */
    void *diagonal;       /* diagonal models: variances of x0 [batch][dim] */
    double estimate_unit; /* probes: the place's unit when the estimate was made */
    int64_t age;          /* probes: steps that the estimate has served; 0: there is none */
};

/* Forgets what reaches from step to step. */
void covsamp__covariance_reset(covsamp__covariance *c);
/* Before open(): whether the probes of an earlier step serve this one, without products. */
int covsamp__covariance_reuses(const covsamp__covariance *c);
/* What that is, beside age and estimate_unit: an array, [batch] rows of `count`, `stride` apart. */
typedef struct {
    void *p;
    int64_t count, stride;
    int32_t dtype, reserved;
} covsamp__carried;
/* Array number i, 0 ...; 0 when there are no more, and where no estimate is reused. */
int covsamp__covariance_carried(const covsamp__covariance *c, int i, covsamp__carried *out);

extern const covsamp__covariance_ops covsamp__covariance_none, covsamp__covariance_small,
    covsamp__covariance_large, covsamp__covariance_analytic, covsamp__covariance_state_isotropic,
    covsamp__covariance_diag_probe, covsamp__covariance_diag_model, covsamp__covariance_spectral,
    covsamp__covariance_krylov, covsamp__covariance_dense;
/* krylov where densities are wanted, not draws. */
extern const covsamp__covariance_ops covsamp__covariance_quadrature;

/* forms.c: the forms of any model, S diagonal where it has none of its own: a draw from ones is its
 * root then.  n: room for [batch][dim]. */
int covsamp__covariance_forms(covsamp__covariance *c, const covsamp__place *p, void *n,
                              covsamp__forms *f, int64_t *failed);
/* r . r / variance over the values of sample b outside P; 0 where P = I. */
double covsamp__residual_outside(const covsamp__covariance *c, const covsamp__place *p, int64_t b);

/* Parts that models share: what does nothing, and the variance of a step from that of x0. */
void covsamp__no_layout(covsamp__covariance *c, covsamp__arena *arena);
void covsamp__no_open(covsamp__covariance *c, const covsamp__place *p);
const void *covsamp__no_wants(covsamp__covariance *c, const covsamp__place *p, int64_t *count);
/* What C is multiplied by so that trace(C) / dim, here `mean`, obeys the trace guard. */
double covsamp__guard_scale(const covsamp__place *p, double mean);
/* Values of sample b that P keeps: the others have no variance. */
int64_t covsamp__kept(const covsamp__covariance *c, const covsamp__place *p, int64_t b);
/* trace(P diagonal P) of sample b. */
double covsamp__diagonal_trace(const covsamp__covariance *c, const covsamp__place *p, int64_t b);
/* lambda^2 + b^2 c, c limited to [0, cap] and to ritz_cap, the whole to the limit. */
double covsamp__step_variance(const covsamp__place *p, double c);
/* Replaces what n, the noise of sample b, has outside P by lambda z: there C is 0, exactly. */
void covsamp__draw_outside(const covsamp__covariance *c, const covsamp__place *p, int64_t b,
                           void *n);
/* The same for all samples, where their vectors may be anywhere. */
void covsamp__draw_all_outside(const covsamp__covariance *c, const covsamp__place *p, void *n);
/* n = (that)^(1/2) z with c = scale diagonal, at least 0, for sample b, lambda z outside P. */
void covsamp__draw_diagonal(const covsamp__covariance *c, const covsamp__place *p, int64_t b,
                            double scale, void *n);
/* n = deviation z for sample b, lambda z outside P; vectors here. */
void covsamp__draw_isotropic(const covsamp__covariance *c, const covsamp__place *p, int64_t b,
                             double variance, void *n);

#endif
