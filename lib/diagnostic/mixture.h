/* SPDX-License-Identifier: BSD-3-Clause */
/* The exact posterior of a Gaussian mixture, sample by sample and in double.
 *
 * With S_k = U_k diag(s) U_k^T and V = alpha^2 s + sigma^2, x_t is a mixture of
 * N(alpha m_k, U_k diag(V) U_k^T).  At a point x each component has a share r_k of the posterior
 * and a pull, a vector from which means and covariances follow; it comes in two forms, so that
 * neither small sigma nor small alpha costs digits:
 *     near data (sigma < alpha):  pull_k = grad log q_k(x),  E_k[x0] = (x + sigma^2 pull_k) / alpha
 *     far from data:              pull_k = E_k[x0]
 * Knows base/ and numeric/. */
#ifndef COVSAMP_DIAGNOSTIC_MIXTURE_H
#define COVSAMP_DIAGNOSTIC_MIXTURE_H

#include "base/memory.h"

struct covsamp_mixture {
    covsamp_allocator mem;
    size_t bytes;
    int64_t dim, components;
    int32_t prediction, has_tilt;
    double *log_weight;     /* [components] */
    double *mean, *value;   /* [components][dim]; value: s above */
    double *vector;         /* [components][dim][dim], row j of [k] is column j of U_k */
    double alpha, sigma;    /* of what follows; NaN: of nothing yet */
    double *inverse, *gain; /* [components][dim]: 1 / V; diagonal of the operator asked for */
    double *log_det;        /* [components] */
    double *share;          /* [components]: r_k at the point */
    double *pull, *centre;  /* [components][dim], less centre; [dim]: sum_k r_k pull_k */
    double *tilt, *tilt_in; /* [dim]; [components][dim]: U_k^T tilt */
    double *tilted_share;   /* [components]: r_k of the data given y */
    double *x, *v, *out, *rest, *coordinates; /* [dim] of scratch */
    double *work;                             /* for the eigenvectors */
    int64_t lwork;
};

/* Makes one without content: what covsamp_mixture_new() and _tilted() share. */
covsamp_status covsamp__mixture_begin(covsamp_mixture **out, int64_t dim, int64_t components,
                                      int32_t prediction, const covsamp_allocator *mem,
                                      covsamp__error *error, const char *function);

int covsamp__mixture_near(const covsamp_mixture *m);
/* Sets alpha >= 0, sigma > 0, and all that depends on them only. */
void covsamp__mixture_level(covsamp_mixture *m, double alpha, double sigma);
/* Shares, pulls and their centre at x; returns log q(x). */
double covsamp__mixture_point(covsamp_mixture *m, const double *x);
/* out = sum_k r_k (U_k diag(gain_k) U_k^T + rank_one pull_k pull_k^T) v */
void covsamp__mixture_product(covsamp_mixture *m, double rank_one, const double *v, double *out);
/* E[x0 | x], Cov[x0 | x] (dim x dim) and log q(x); the last two may be NULL.  alpha >= 0 and
 * sigma > 0. */
void covsamp__mixture_posterior(covsamp_mixture *m, double alpha, double sigma, const double *x,
                                double *mean, double *cov, double *log_density);

/* ---- parts of a point ---- */

/* y = U_k^T v, v = U_k y */
void covsamp__mixture_to_basis(const covsamp_mixture *m, int64_t k, const double *v, double *y);
void covsamp__mixture_from_basis(const covsamp_mixture *m, int64_t k, const double *y, double *v);
/* log w_k q_k(x) less a constant; leaves U_k^T (x - alpha m_k) in pull_k, ... */
double covsamp__mixture_log_component(covsamp_mixture *m, int64_t k, const double *x);
/* ... from where this makes the pull. */
void covsamp__mixture_pull(covsamp_mixture *m, int64_t k);
/* From logarithms to shares; returns the log of their sum. */
double covsamp__mixture_normalise(double *share, int64_t count);

/* ---- mixture_tilt.c ---- */

/* grad log E[exp(tilt . x0) | x] at the level that is set; destroys the point. */
void covsamp__mixture_gradient(covsamp_mixture *m, const double *x, double *out);

#endif
