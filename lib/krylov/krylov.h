/* SPDX-License-Identifier: BSD-3-Clause */
/* Krylov spaces of one operator C for a batch of start vectors, by products that somebody else
 * makes. Knows numeric/ and base/.
 *
 * basis.c builds an orthonormal basis V of span(z, Cz, C^2 z, ...) and H = V^T C V sample by
 * sample; function.c evaluates functions of C through the small H, ritz.c its eigenpairs.  H holds
 * all coefficients of both orthogonalisation passes, so that its symmetric part is the
 * Rayleigh-Ritz projection of (C + C^T)/2 on the same space, at no extra cost, when C (a learned
 * network's) is not quite symmetric.
 */
#ifndef COVSAMP_KRYLOV_KRYLOV_H
#define COVSAMP_KRYLOV_KRYLOV_H

#include "base/memory.h"
#include "numeric/space.h"

enum {
    COVSAMP__OPEN = 0,
    COVSAMP__COMPLETE = 1,  /* as many products as planned, or as needed */
    COVSAMP__BREAKDOWN = 2, /* the space cannot grow: exact for symmetric C */
    COVSAMP__EMPTY = 3      /* z = 0 */
};

typedef struct {
    covsamp__space *space; /* where the vectors are; NULL: here, and worked on by this thread */
    int32_t dtype;
    int32_t remainder; /* 1: `rest` is wanted of the last product too, which costs its column a
                          second pass; 0 as functions of C do without */
    int64_t batch, dim;
    int64_t most;   /* products at most: the size of H */
    int64_t length; /* products taken so far */
    void *v;        /* [most][batch][dim]; zero for samples that have closed */
    double *h;      /* [batch][most][most], column-major per sample, row i column j = v_i . C v_j */
    double *norm;   /* [batch] |z| */
    double
        *rest; /* [batch] norm of what the last product left outside the space, see `remainder` */
    double *scale;   /* [batch] largest coefficient seen: what a breakdown is small against */
    int64_t *size;   /* [batch] valid order of H; 0 for z = 0 */
    uint8_t *closed; /* [batch] COVSAMP__OPEN or why no further product is of use */
    /* small-matrix work, shared by the samples */
    double *a, *theta, *work, *column;
    double *second, *factor; /* [batch][most], [batch] work of a column */
} covsamp__krylov;

typedef struct {
    int64_t used;                   /* products by samples that were still open */
    int64_t breakdowns, asymmetric; /* spaces that closed early; with a visibly non-symmetric H */
    int64_t values, clamped;        /* Ritz values; negative ones */
    double asymmetry, error;        /* largest seen, see covsamp_stats */
    int64_t errors;                 /* draws that have an error estimate */
    double error_sum;               /* of theirs */
} covsamp__krylov_counts;

void covsamp__krylov_layout(covsamp__krylov *k, covsamp__arena *arena);
/* Begins at z [batch][dim]. */
void covsamp__krylov_start(covsamp__krylov *k, const void *z);
/* The block [batch][dim] whose product is wanted next; NULL when nothing more is of use. */
const void *covsamp__krylov_wants(const covsamp__krylov *k);
/* Takes w = C v for that block; w is destroyed.  magnitude: size of the terms that w was the
 * difference of, whose rounding error must not be taken for a direction. */
void covsamp__krylov_take(covsamp__krylov *k, void *w, double magnitude,
                          covsamp__krylov_counts *counts);

/* f(theta), theta an eigenvalue of C clamped at 0. */
typedef double (*covsamp__scalar_fn)(double theta, const double *parameters);
/* coefficients[0 ... size - 1] of y = |z| V f(H) e_1 for one sample; counts->error is updated with
 * |y_m - y_(m-1)| / |y_m|.  0, or LAPACK's info. */
int covsamp__krylov_apply(covsamp__krylov *k, int64_t sample, covsamp__scalar_fn f,
                          const double *parameters, double *coefficients,
                          covsamp__krylov_counts *counts);

/* All vectors so far, of every sample, for what space.h does with rows. */
covsamp__rows covsamp__krylov_rows(const covsamp__krylov *k);
/* y = f((H + H^T)/2) c for one sample, both of the size of its H: what V f(...) V^T x is of c = V^T
 * x. 0, or LAPACK's info. */
int covsamp__krylov_multiply(covsamp__krylov *k, int64_t sample, covsamp__scalar_fn f,
                             const double *parameters, const double *c, double *y);

/* Ritz values theta of the leading part of order n <= size of one sample's H, and weights such that
 * z . f(C) z = sum_j weight[j] f(theta[j]), both [n], for the z of the start (Golub & Meurant
 * 2010): not clamped.  0, or LAPACK's info. */
int covsamp__krylov_quadrature(covsamp__krylov *k, int64_t sample, int64_t n, double *theta,
                               double *weight);

/* Closes the sample if its result changed by at most tolerance |y| with the last product: small
 * matrices only.  coefficients: scratch of the size of H.  0, or LAPACK's info. */
int covsamp__krylov_stop(covsamp__krylov *k, int64_t sample, covsamp__scalar_fn f,
                         const double *parameters, double tolerance, double *coefficients,
                         covsamp__krylov_counts *counts);
/* A power of two near the largest entry of one sample's H in size: in units of it, squares are
 * neither too large nor too small. */
double covsamp__krylov_unit(const covsamp__krylov *k, int64_t sample);
/* |H - H^T| / |H + H^T| of one sample; 0 for H = 0. */
double covsamp__krylov_asymmetry(const covsamp__krylov *k, int64_t sample);
/* Eigenvalues (ascending, in theta) and eigenvectors (columns of a) of the symmetric part of the
 * leading n x n part of one sample's H.  0, or LAPACK's info. */
int covsamp__krylov_eigen(covsamp__krylov *k, int64_t sample, int64_t n);

/* The `count` <= size largest Ritz pairs of one sample, largest first: value[j], residual[j] = |C v
 * - value v| for v = V s_j, both of the given C, symmetric or not.  s_j is left in column size - 1
 * - j of a.  Needs `remainder`.  0, or LAPACK's info. */
int covsamp__krylov_pairs(covsamp__krylov *k, int64_t sample, int64_t count, double *value,
                          double *residual);
/* out = V s_j, after covsamp__krylov_pairs() of the same sample. */
void covsamp__krylov_pair_vector(const covsamp__krylov *k, int64_t sample, int64_t j, void *out);
/* No further products for this sample. */
void covsamp__krylov_close(covsamp__krylov *k, int64_t sample, covsamp__krylov_counts *counts);

#endif
