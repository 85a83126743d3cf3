/* SPDX-License-Identifier: BSD-3-Clause */
/* What "spectral" estimates: a variance for each pool of frequencies and, if asked for, a matrix of
 * colours, from pairs (y, s) of coefficients with s = A C v and y what s would be for C = I.
 *
 * Without colour, lam = sum y s / sum y y over a pool.  With colour, C = K (x) lam: both by least
 * squares, min |s - lam K y|^2, with trace K = number of channels. */
#ifndef COVSAMP_COVARIANCE_SPECTRUM_H
#define COVSAMP_COVARIANCE_SPECTRUM_H

#include "base/memory.h"
#include "numeric/dct.h"

typedef struct {
    covsamp__dct dct; /* the shape and the window, set by the owner; the matrices by layout */
    int32_t mode, pool, estimate, colour; /* COVSAMP_DCT_..., _POOL_..., _ESTIMATE_... */
    int64_t batch, dim;
    int64_t bands;            /* pools of one channel */
    int64_t pools;            /* of a sample: bands, times channels where these have their own */
    int64_t colours;          /* m: channels if colour, else 1: a pair holds m values of each */
    int32_t *band;            /* [ky][kx]: of a frequency */
    double *moment;           /* [batch][pools][2][m][m]: sums of s y^T, of y y^T */
    double *variance;         /* [batch][pools]: lam, at least 0 */
    double *vectors, *values; /* colour: K = V diag(values) V^T, [batch][m][m] and [batch][m] */
    double *y, *s;            /* coefficients: a sample's, or one row's of all windows */
    double *sample, *other;   /* samples in double */
    double *work;             /* of the transforms */
    double *factor;           /* [pools][m]: roots of eigenvalues */
    double *mix;              /* m x m matrices and what their eigenvectors need */
} covsamp__spectrum;

/* Takes the memory; where there is some, fills the matrices and bands. */
void covsamp__spectrum_layout(covsamp__spectrum *s, covsamp__arena *arena);
/* Coefficients that one step of a loop over a sample holds, and how many steps there are: all at
 * once, or one row of windows. */
int64_t covsamp__spectrum_chunk(const covsamp__spectrum *s);
int64_t covsamp__spectrum_chunks(const covsamp__spectrum *s);
/* Chunk `i` of A x, x [dim]; where everything is one chunk, out may be x. */
void covsamp__spectrum_forward(const covsamp__spectrum *s, int64_t i, const double *x, double *out);
/* x gets A^T of chunk i; sums up where there are several.  Destroys the coefficients. */
void covsamp__spectrum_back(const covsamp__spectrum *s, int64_t i, double *coefficient, double *x);
/* A^T A = this I. */
double covsamp__spectrum_frame(const covsamp__spectrum *s);

void covsamp__spectrum_forget(covsamp__spectrum *s);
/* Adds a chunk of pairs to the moments of sample b; share: y y^T counts this much (1, or the share
 * of values that a mask kept where y does not know of it). */
void covsamp__spectrum_add(covsamp__spectrum *s, int64_t b, const double *y, const double *sy,
                           double share);
/* The estimates from the moments; *negative grows by how many variances were and are set to 0.  0,
 * or LAPACK's info. */
int covsamp__spectrum_solve(covsamp__spectrum *s, int64_t b, int64_t *negative);
/* colour.c: the same for more than one colour. */
int covsamp__spectrum_colours(covsamp__spectrum *s, int64_t b, int64_t *negative);
typedef double (*covsamp__spectrum_root)(double eigenvalue, const void *user);
/* The mean of f over the eigenvalues of sample b's estimate, scaled first. */
double covsamp__spectrum_mean(const covsamp__spectrum *s, int64_t b, double scale,
                              covsamp__spectrum_root f, const void *user);
/* factor = root(scale lam values) for sample b, */
void covsamp__spectrum_factors(covsamp__spectrum *s, int64_t b, double scale,
                               covsamp__spectrum_root root, const void *user);
/* and a chunk of coefficients times V factor V^T. */
void covsamp__spectrum_apply(const covsamp__spectrum *s, int64_t b, double *coefficient);

#endif
