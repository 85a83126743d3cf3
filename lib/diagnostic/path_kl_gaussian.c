/* SPDX-License-Identifier: BSD-3-Clause */
/* The covariance S of a sampler's step at a point where C is known: what each covariance makes of C
 * with infinitely many probes, and the Gaussian it stands for. */
#include "diagnostic/path_kl.h"
#include "numeric/vec.h"

#include <math.h>
#include <string.h>

static const double log_two_pi = 1.8378770664093453;

static double trace(int64_t d, const double *a)
{
    double sum = 0;
    for (int64_t i = 0; i < d; i++)
        sum += a[i * d + i];
    return sum;
}

/* ---- spectral ---- */

static double same(double eigenvalue, const void *user)
{
    (void)user;
    return eigenvalue;
}

/* The pools' estimates from infinitely many probes: random signs r have E[r r^T] = I, and unit
 * vectors in their place have that sum, so that moments of r (A C A^T r) become those of the
 * columns of A C A^T.  Then the estimate as a matrix. */
static int pool(covsamp__path_kl *p)
{
    covsamp__spectrum *s = &p->spectrum;
    const int64_t d = p->dim;
    int64_t negative = 0;
    covsamp__spectrum_forget(s);
    for (int64_t i = 0; i < d; i++) {
        memset(p->rest, 0, (size_t)d * sizeof *p->rest);
        p->rest[i] = 1;
        memcpy(p->coordinates, p->rest, (size_t)d * sizeof *p->rest);
        covsamp__spectrum_back(s, 0, p->coordinates, p->coordinates);
        covsamp__project(COVSAMP_F64, d, d, p->cov, d, p->coordinates, p->estimate); /* C column */
        covsamp__spectrum_forward(s, 0, p->estimate, p->estimate);
        covsamp__spectrum_add(s, 0, p->rest, p->estimate, 1);
    }
    const int info = covsamp__spectrum_solve(s, 0, &negative);
    if (info != 0)
        return info;
    covsamp__spectrum_factors(s, 0, 1, same, NULL);
    memset(p->estimate, 0, (size_t)(d * d) * sizeof *p->estimate);
    for (int64_t i = 0; i < d; i++) {
        double *column = p->estimate + i * d;
        column[i] = 1;
        covsamp__spectrum_forward(s, 0, column, column);
        covsamp__spectrum_apply(s, 0, column);
        covsamp__spectrum_back(s, 0, column, column);
    }
    return 0;
}

/* ---- S ---- */

/* The lower triangle of a becomes L, a = L L^T; the sum of the logarithms of L's diagonal, NaN if a
 * is not positive. */
static double cholesky(int64_t d, double *a)
{
    double sum = 0;
    for (int64_t i = 0; i < d; i++) {
        for (int64_t j = 0; j <= i; j++) {
            double rest = a[i * d + j];
            for (int64_t k = 0; k < j; k++)
                rest -= a[i * d + k] * a[j * d + k];
            if (j < i)
                a[i * d + j] = rest / a[j * d + j];
            else
                a[i * d + i] = sqrt(rest); /* NaN stays */
        }
        sum += log(a[i * d + i]);
    }
    return sum;
}

static void set_diagonal(covsamp__path_kl *p, int64_t i, double variance)
{
    p->factor[i] = variance;
    p->log_det += log(variance);
}

static void set_dense(covsamp__path_kl *p, const covsamp__transition *t, const double *c)
{
    const int64_t d = p->dim;
    const double b2 = t->b * t->b;
    p->diagonal = 0;
    for (int64_t i = 0; i < d * d; i++)
        p->factor[i] = b2 * c[i];
    for (int64_t i = 0; i < d; i++)
        p->factor[i * d + i] += t->lambda * t->lambda;
    p->log_det = 2 * cholesky(d, p->factor);
}

int covsamp__path_kl_model(covsamp__path_kl *p, const covsamp__path_step *step)
{
    const covsamp__transition *t = &step->transition;
    const int64_t d = p->dim;
    const double lambda2 = t->lambda * t->lambda, b2 = t->b * t->b;
    p->diagonal = 1;
    p->log_det = 0;
    if (step->covariance == COVSAMP_COV_SPECTRAL) {
        const int info = pool(p);
        if (info != 0)
            return info;
        set_dense(p, t, p->estimate);
    } else if (step->covariance == COVSAMP_COV_DENSE) {
        set_dense(p, t, p->cov);
    } else {
        const double isotropic = step->covariance == COVSAMP_COV_ANALYTIC
                                     ? step->variance
                                     : lambda2 + b2 * (trace(d, p->cov) / (double)d);
        for (int64_t i = 0; i < d; i++)
            set_diagonal(p, i,
                         step->covariance == COVSAMP_COV_DIAG_PROBE
                             ? lambda2 + b2 * p->cov[i * d + i]
                             : isotropic);
    }
    return isfinite(p->log_det) ? 0 : 1;
}

/* y^T S^-1 y; of a dense S work = L^-1 y. */
static double whitened_square(const covsamp__path_kl *p, const double *y, double *work)
{
    const int64_t d = p->dim;
    double sum = 0;
    for (int64_t i = 0; i < d; i++) {
        if (p->diagonal) {
            sum += y[i] * y[i] / p->factor[i];
            continue;
        }
        work[i] = y[i];
        for (int64_t j = 0; j < i; j++)
            work[i] -= p->factor[i * d + j] * work[j];
        work[i] /= p->factor[i * d + i];
        sum += work[i] * work[i];
    }
    return sum;
}

double covsamp__path_kl_density(covsamp__path_kl *p, const double *y)
{
    return -0.5 * (whitened_square(p, y, p->rest) + p->log_det + (double)p->dim * log_two_pi);
}

void covsamp__path_kl_push(const covsamp__path_kl *p, const double *g, double *out)
{
    const int64_t d = p->dim;
    for (int64_t i = 0; p->diagonal && i < d; i++)
        out[i] = p->factor[i] * g[i];
    if (p->diagonal)
        return;
    for (int64_t i = 0; i < d; i++) { /* L^T g, from the top: g may be out */
        double sum = 0;
        for (int64_t j = i; j < d; j++)
            sum += p->factor[j * d + i] * g[j];
        out[i] = sum;
    }
    for (int64_t i = d - 1; i >= 0; i--) {
        double sum = 0;
        for (int64_t j = 0; j <= i; j++)
            sum += p->factor[i * d + j] * out[j];
        out[i] = sum;
    }
}

/* trace(S^-1 (lambda^2 I + b^2 C)) of a dense S: forward over the columns, which become rows, then
 * over the columns of that, as far as the diagonal. */
static double trace_of_quotient(covsamp__path_kl *p, double lambda2, double b2)
{
    const int64_t d = p->dim;
    double sum = 0, *a = p->estimate;
    for (int64_t i = 0; i < d; i++) {
        for (int64_t j = 0; j < d; j++)
            p->rest[j] = b2 * p->given_cov[i * d + j] + (i == j ? lambda2 : 0);
        (void)whitened_square(p, p->rest, a + i * d);
    }
    for (int64_t j = 0; j < d; j++) {
        for (int64_t i = 0; i <= j; i++) {
            double rest = a[i * d + j];
            for (int64_t k = 0; k < i; k++)
                rest -= p->factor[i * d + k] * p->coordinates[k];
            p->coordinates[i] = rest / p->factor[i * d + i];
        }
        sum += p->coordinates[j];
    }
    return sum;
}

static double expected_square(covsamp__path_kl *p, const covsamp__path_step *step)
{
    const covsamp__transition *t = &step->transition;
    const int64_t d = p->dim;
    const double lambda2 = t->lambda * t->lambda, b2 = t->b * t->b;
    double sum = 0;
    if (step->covariance == COVSAMP_COV_DENSE && !covsamp__path_kl_guided(p))
        return (double)d; /* S is that covariance */
    if (!p->diagonal)
        return trace_of_quotient(p, lambda2, b2);
    for (int64_t i = 0; i < d; i++)
        sum += (lambda2 + b2 * p->given_cov[i * d + i]) / p->factor[i];
    return sum;
}

double covsamp__path_kl_cross(covsamp__path_kl *p, const covsamp__path_step *step)
{
    double square = expected_square(p, step);
    if (covsamp__path_kl_guided(p))
        square += whitened_square(p, p->shift, p->rest);
    return 0.5 * (square + p->log_det + (double)p->dim * log_two_pi);
}
