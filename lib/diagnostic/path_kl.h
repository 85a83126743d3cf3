/* SPDX-License-Identifier: BSD-3-Clause */
/* Path KL on a Gaussian mixture: how far the Gaussian steps of a sampler are from the reverse steps
 * q(x_s | x_t) that would be exact (docs/math.md, "Path KL").
 *
 * With P_k = Cov[x0 | x_t, component k] and r_k, E_k its share and mean, the exact step is
 *     q(x_s | x_t) = sum_k r_k N(ca x_t + cb E_k, lambda^2 I + cb^2 P_k),
 * P_k diagonal in the eigenvectors of the component; y below is always x_s less the mean
 * ca x_t + cb E[x0 | x_t], which the sampler has too.  Under guidance the path is that of another
 * mixture, of the data given y, with the same P_k; y is less its mean then, and the sampler's is
 * `shift` away.
 *
 *     path_kl.c               memory, the exact side: levels, points, q
 *     path_kl_gaussian.c      the sampler's side: S as each covariance has it
 *     path_kl_guide.c         guidance: its mean
 *     path_kl_krylov.c        the same for the Lanczos Gaussian sampler, which is not Gaussian
 *     path_kl_quadrature.c, path_kl_monte_carlo.c    the estimators
 *
 * Knows covariance/ (the pools of "spectral"), krylov/, process/, numeric/ and base/. */
#ifndef COVSAMP_DIAGNOSTIC_PATH_KL_H
#define COVSAMP_DIAGNOSTIC_PATH_KL_H

#include "covariance/spectrum.h"
#include "diagnostic/mixture.h"
#include "krylov/krylov.h"
#include "process/process.h"

/* Dimensions of quadrature, and of the change of variables for krylov. */
#define COVSAMP__PATH_KL_AXES   2
#define COVSAMP__PATH_KL_KRYLOV 8

typedef struct {
    covsamp__transition transition;
    int32_t covariance; /* COVSAMP_COV_ANALYTIC (any constant), _STATE_ISOTROPIC, _DIAG_PROBE,
                           _SPECTRAL, _KRYLOV, _DENSE */
    int32_t guide_form; /* COVSAMP_GUIDE_..., never AUTO */
    double guidance;    /* w */
    double
        variance; /* of the step, if constant; NaN: the best one, lambda^2 + b^2 E[trace C] / dim */
} covsamp__path_step;

/* The change of variables of krylov: y = F(z) in the eigenvectors of C, where C is diagonal. */
typedef struct {
    covsamp__krylov space;
    covsamp__krylov_counts counts;
    double lambda2, b2;     /* F draws with (lambda^2 + b^2 C)^(1/2) */
    double *vector, *value; /* [dim][dim], [dim]: of C */
    double *target;         /* [dim]: y in that basis */
    double *z, *image, *trial, *residual, *direction, *product; /* [dim] */
    double *ritz;     /* [most][dim]: Ritz vectors, in that basis */
    double *theta;    /* [most]: their values */
    double *lagrange; /* [most][dim]: the polynomials of the values at those of C */
    double *jacobian; /* [dim][dim] */
    double *work;
} covsamp__path_krylov;

typedef struct {
    /* what is asked, by the door */
    covsamp_mixture *mixture; /* what the sampler knows */
    covsamp_mixture *given;   /* of the path: the same, or with guidance the data given y */
    int64_t dim, steps;
    int64_t size, first_sample;
    uint64_t seed;
    int32_t estimator, any_spectral, any_krylov, reserved;
    double start; /* deviation of a sampler's start */
    covsamp__error *error;
    const char *function;
    covsamp__level *level;    /* [steps + 1] */
    covsamp__path_step *step; /* [steps] */
    covsamp__spectrum spectrum;
    covsamp__path_krylov krylov;
    /* what comes out */
    double *kl, *deviation; /* [steps] */
    double prior, prior_deviation;
    /* at a level */
    double length;         /* E_k = E[x0 | x] + length pull_k of the mixture */
    double *gain, *spread; /* [components][dim]: eigenvalues of P_k; [components][dim][dim]: P_k */
    /* of a step */
    double *variance, *log_norm; /* [components][dim], [components]: of the exact step */
    /* at a point */
    double *mean, *cov;             /* [dim], [dim][dim]: E[x0 | x], C */
    double *given_mean, *given_cov; /* of the path: the same arrays without guidance */
    double *shift;                  /* [dim]: the sampler's mean of the step less the exact one */
    /* S = L L^T there */
    int32_t diagonal, reserved2;
    double *factor; /* [dim][dim]: L, lower, row by row; of a diagonal S: its entries, [dim] */
    double log_det;
    /* scratch */
    double *estimate;                        /* [dim][dim] */
    double *x, *x0, *y, *rest, *coordinates; /* [dim] */
    double *gradient, *moved;                /* [dim] */
    double *draw;                            /* what a sample is made of */
    double *inside; /* [components][2]: where a row of a grid has density */
} covsamp__path_kl;

/* Arrays; those of the door (level, step, kl, deviation) too.  Called twice. */
void covsamp__path_kl_layout(covsamp__path_kl *p, covsamp__arena *arena);
/* Fills kl, deviation, prior and prior_deviation. */
covsamp_status covsamp__path_kl_run(covsamp__path_kl *p);

/* ---- the exact side ---- */

/* All that depends on the level only. */
void covsamp__path_kl_level(covsamp__path_kl *p, const covsamp__level *at);
/* All that depends on the step only, from the level above. */
void covsamp__path_kl_step(covsamp__path_kl *p, const covsamp__transition *t);
/* E[x0 | x] and C into mean and cov; returns log q(x), all of what the sampler knows. */
double covsamp__path_kl_known(covsamp__path_kl *p, const double *x);
/* The same, and of the path into given_mean and given_cov; returns its log q(x). */
double covsamp__path_kl_point(covsamp__path_kl *p, const double *x);
/* log q(x_s | x_t) at that point. */
double covsamp__path_kl_reverse(covsamp__path_kl *p, const covsamp__transition *t, const double *y);
/* log of the start's density. */
double covsamp__path_kl_start(const covsamp__path_kl *p, const double *x);

/* ---- the sampler's side: not krylov with fewer products than dim ---- */

/* S at that point.  0, or an error of linear algebra: LAPACK's info, or S is not positive. */
int covsamp__path_kl_model(covsamp__path_kl *p, const covsamp__path_step *step);
/* log N(y; 0, S) */
double covsamp__path_kl_density(covsamp__path_kl *p, const double *y);
/* out = S g */
void covsamp__path_kl_push(const covsamp__path_kl *p, const double *g, double *out);
/* -E log N(y; shift, S) for y of covariance lambda^2 I + b^2 C of the path; without guidance shift
 * is 0. */
double covsamp__path_kl_cross(covsamp__path_kl *p, const covsamp__path_step *step);

/* ---- guidance ---- */

int covsamp__path_kl_guided(const covsamp__path_kl *p);
/* shift of step i at the point x that was last computed, S known. */
void covsamp__path_kl_shift(covsamp__path_kl *p, int64_t i, const double *x);

/* ---- krylov ---- */

void covsamp__path_krylov_layout(covsamp__path_krylov *k, covsamp__arena *arena);
/* The eigenvectors of C [dim][dim].  0, or LAPACK's info. */
int covsamp__path_krylov_open(covsamp__path_krylov *k, const covsamp__transition *t,
                              const double *cov);
/* image = F(z), in the basis of eigenvectors; with jacobian 1 that of F at z as well.  0, or info.
 */
int covsamp__path_krylov_draw(covsamp__path_krylov *k, const double *z, int jacobian);
/* log of the density of F(z), z standard normal, at y.  0, LAPACK's info, or -1: no z was found. */
int covsamp__path_krylov_density(covsamp__path_krylov *k, const double *y, double *log_density);

/* ---- estimators ---- */

covsamp_status covsamp__path_kl_quadrature(covsamp__path_kl *p);
covsamp_status covsamp__path_kl_monte_carlo(covsamp__path_kl *p);
/* The sentence for an error of linear algebra in step `step`. */
covsamp_status covsamp__path_kl_failed(covsamp__path_kl *p, int64_t step, int info);

#endif
