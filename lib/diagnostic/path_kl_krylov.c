/* SPDX-License-Identifier: BSD-3-Clause */
/* The density of what the Lanczos Gaussian sampler draws: y = F(z), z standard normal, is not
 * Gaussian where the space has fewer dimensions than the data, since it begins at z itself.
 *     log p(y) = log N(z; 0, I) - log |det DF(z)|
 *
 * All of it in the eigenvectors of C = diag(c), which F commutes with.  F(z) = p(C) z, p the
 * polynomial through f = (lambda^2 + b^2 theta)^(1/2) at the Ritz values, and with the Lagrange
 * polynomials l_i of these, Ritz vectors v_i and weights w_i = |l_i(C) z|^2,
 *     d p / d theta_i = (f'(theta_i) - p'(theta_i)) l_i       (p stays on f at the other nodes)
 *     grad theta_i = 2 / w_i (C - theta_i) l_i(C)^2 z          (Gauss quadrature of z's measure)
 *     DF = p(C) + 2 sum_i (f'(theta_i) - p'(theta_i)) v_i (l_i(C) (C - theta_i) v_i)^T
 * exactly: differences of F would cost 4 dim evaluations and half of the digits. */
#include "diagnostic/path_kl.h"
#include "numeric/linalg.h"
#include "numeric/vec.h"

#include <math.h>
#include <string.h>

static const double log_two_pi = 1.8378770664093453;

void covsamp__path_krylov_layout(covsamp__path_krylov *k, covsamp__arena *arena)
{
    const int64_t d = k->space.dim, m = k->space.most;
    const size_t size = sizeof(double);
    covsamp__krylov_layout(&k->space, arena);
    k->vector = covsamp__take(arena, d, d, size);
    k->value = covsamp__take(arena, d, 1, size);
    k->target = covsamp__take(arena, d, 1, size);
    k->z = covsamp__take(arena, d, 1, size);
    k->image = covsamp__take(arena, d, 1, size);
    k->trial = covsamp__take(arena, d, 1, size);
    k->residual = covsamp__take(arena, d, 1, size);
    k->direction = covsamp__take(arena, d, 1, size);
    k->product = covsamp__take(arena, d, 1, size);
    k->ritz = covsamp__take(arena, m, d, size);
    k->theta = covsamp__take(arena, m, 1, size);
    k->lagrange = covsamp__take(arena, m, d, size);
    k->jacobian = covsamp__take(arena, d, d, size);
    k->work = covsamp__take(arena, covsamp__eigh_work(d), 1, size);
}

int covsamp__path_krylov_open(covsamp__path_krylov *k, const covsamp__transition *t,
                              const double *cov)
{
    const int64_t d = k->space.dim;
    memcpy(k->vector, cov, (size_t)(d * d) * sizeof *cov);
    k->lambda2 = t->lambda * t->lambda;
    k->b2 = t->b * t->b;
    const int info = covsamp__eigh(d, k->vector, k->value, k->work, covsamp__eigh_work(d));
    for (int64_t i = 0; info == 0 && i < d; i++)
        k->value[i] = fmax(k->value[i], 0);
    return info;
}

/* ---- F and its Jacobian ---- */

static double root(const covsamp__path_krylov *k, double theta)
{
    return sqrt(k->lambda2 + k->b2 * fmax(theta, 0));
}

/* The polynomials through the n Ritz values: l_i at the values of C into lagrange, and
 * f'(theta_i) - p'(theta_i) into slope.  Differences of f are b^2 (difference of theta) / (sum of
 * f), free of cancellation. */
static void interpolate(covsamp__path_krylov *k, int64_t n, double *slope)
{
    const int64_t d = k->space.dim;
    const double *theta = k->theta;
    for (int64_t i = 0; i < n; i++) {
        const double own = root(k, theta[i]);
        double sum = 0;
        for (int64_t j = 0; j < n; j++) {
            double quotient = 1; /* of the barycentric weights of j and i, but for its sign */
            if (j == i)
                continue;
            for (int64_t l = 0; l < n; l++)
                if (l != i && l != j)
                    quotient *= (theta[i] - theta[l]) / (theta[j] - theta[l]);
            sum += quotient / (own + root(k, theta[j]));
        }
        slope[i] = k->b2 * (0.5 / own - sum);
    }
    for (int64_t i = 0; i < n; i++)
        for (int64_t r = 0; r < d; r++) {
            double value = 1;
            for (int64_t l = 0; l < n; l++)
                if (l != i)
                    value *= (k->value[r] - theta[l]) / (theta[i] - theta[l]);
            k->lagrange[i * d + r] = value;
        }
}

static void differentiate(covsamp__path_krylov *k, int64_t n)
{
    const int64_t d = k->space.dim;
    double slope[COVSAMP__PATH_KL_KRYLOV];
    interpolate(k, n, slope);
    memset(k->jacobian, 0, (size_t)(d * d) * sizeof *k->jacobian);
    for (int64_t i = 0; i < n; i++) {
        const double *v = k->ritz + i * d, *l = k->lagrange + i * d, f = root(k, k->theta[i]);
        for (int64_t r = 0; r < d; r++) {
            k->jacobian[r * d + r] += f * l[r];
            for (int64_t c = 0; c < d; c++)
                k->jacobian[r * d + c] +=
                    2 * slope[i] * v[r] * (l[c] * (k->value[c] - k->theta[i]) * v[c]);
        }
    }
}

int covsamp__path_krylov_draw(covsamp__path_krylov *k, const double *z, int jacobian)
{
    covsamp__krylov *space = &k->space;
    const int64_t d = space->dim;
    const double *v;
    covsamp__krylov_start(space, z);
    while ((v = covsamp__krylov_wants(space)) != NULL) {
        for (int64_t i = 0; i < d; i++)
            k->product[i] = k->value[i] * v[i];
        covsamp__krylov_take(space, k->product, 0, &k->counts);
    }
    const int64_t n = space->size[0];
    const int info = covsamp__krylov_eigen(space, 0, n);
    if (info != 0)
        return info;
    covsamp__zero(COVSAMP_F64, d, k->image);
    for (int64_t i = 0; i < n; i++) {
        double *ritz = k->ritz + i * d;
        k->theta[i] = space->theta[i];
        covsamp__expand(COVSAMP_F64, d, n, space->v, d, space->a + i * n, ritz);
        const double weight = space->norm[0] * root(k, k->theta[i]) * space->a[i * n];
        covsamp__combine(COVSAMP_F64, d, 1, k->image, weight, ritz, k->image);
    }
    if (jacobian)
        differentiate(k, n);
    return 0;
}

/* Gaussian elimination with partial pivoting of the Jacobian, destroying it; right, if not NULL, is
 * solved for.  Returns log |det|. */
static double eliminate(int64_t d, double *a, double *right)
{
    double sum = 0;
    for (int64_t i = 0; i < d; i++) {
        int64_t pivot = i;
        for (int64_t r = i + 1; r < d; r++)
            pivot = fabs(a[r * d + i]) > fabs(a[pivot * d + i]) ? r : pivot;
        for (int64_t c = i; c < d; c++) {
            const double swap = a[i * d + c];
            a[i * d + c] = a[pivot * d + c];
            a[pivot * d + c] = swap;
        }
        if (right != NULL) {
            const double swap = right[i];
            right[i] = right[pivot];
            right[pivot] = swap;
        }
        sum += log(fabs(a[i * d + i]));
        for (int64_t r = i + 1; r < d; r++) {
            const double factor = a[r * d + i] / a[i * d + i];
            for (int64_t c = i + 1; c < d; c++)
                a[r * d + c] -= factor * a[i * d + c];
            if (right != NULL)
                right[r] -= factor * right[i];
        }
    }
    for (int64_t i = d - 1; right != NULL && i >= 0; i--) {
        for (int64_t c = i + 1; c < d; c++)
            right[i] -= a[i * d + c] * right[c];
        right[i] /= a[i * d + i];
    }
    return sum;
}

/* ---- Newton ---- */

#define ROUNDS    50
#define FOUND     1e-13 /* |y - F(z)| / |y| to stop at, */
#define GOOD      1e-10 /* and what is good enough where rounding allows no better */
#define HALVINGS  12
#define STRETCHES 64 /* of the continuation, at most 2^HALVINGS finer each */

static double residual_of(covsamp__path_krylov *k)
{
    const int64_t d = k->space.dim;
    covsamp__combine(COVSAMP_F64, d, 1, k->target, -1, k->image, k->residual);
    return sqrt(covsamp__dot(COVSAMP_F64, d, k->residual, k->residual));
}

/* From z to F(z) = target, damped.  0; -1: no success; or LAPACK's info. */
static int newton(covsamp__path_krylov *k)
{
    const int64_t d = k->space.dim;
    const double length = sqrt(covsamp__dot(COVSAMP_F64, d, k->target, k->target));
    int info = covsamp__path_krylov_draw(k, k->z, 1);
    double rest = residual_of(k);
    for (int round = 0; info == 0 && rest > FOUND * length && round < ROUNDS; round++) {
        double share = 1, next = INFINITY;
        memcpy(k->direction, k->residual, (size_t)d * sizeof *k->direction);
        (void)eliminate(d, k->jacobian, k->direction);
        for (int i = 0; info == 0 && i <= HALVINGS; i++, share /= 2) {
            covsamp__combine(COVSAMP_F64, d, 1, k->z, share, k->direction, k->trial);
            if (covsamp__nonfinite(COVSAMP_F64, d, k->trial) >= 0)
                return -1;
            info = covsamp__path_krylov_draw(k, k->trial, 1);
            next = residual_of(k);
            if (next < (1 - share / 4) * rest)
                break;
        }
        if (info == 0 && !(next < rest))
            return rest <= GOOD * length ? covsamp__path_krylov_draw(k, k->z, 1) : -1;
        memcpy(k->z, k->trial, (size_t)d * sizeof *k->z);
        rest = next;
    }
    return info != 0 ? info : rest <= GOOD * length ? 0 : -1;
}

/* From z = y / lambda, where b = 0 makes F a scaling, to the b that is wanted, in stretches as long
 * as Newton's method follows.  There is always a z: z . F(z) > 0. */
static int follow(covsamp__path_krylov *k)
{
    const int64_t d = k->space.dim;
    const double b2 = k->b2;
    double done = 0, stretch = 1.0 / STRETCHES;
    double start[COVSAMP__PATH_KL_KRYLOV];
    int info = 0, halvings = 0;
    covsamp__scale(COVSAMP_F64, d, 1 / sqrt(k->lambda2), k->target, k->z);
    while (info == 0 && done < 1) {
        const double to = fmin(done + stretch, 1);
        memcpy(start, k->z, (size_t)d * sizeof *start);
        k->b2 = to * b2;
        info = newton(k);
        if (info == 0) {
            done = to;
        } else if (info < 0 && ++halvings <= HALVINGS) {
            memcpy(k->z, start, (size_t)d * sizeof *start);
            stretch /= 2;
            info = 0;
        }
    }
    k->b2 = b2;
    return info;
}

int covsamp__path_krylov_density(covsamp__path_krylov *k, const double *y, double *log_density)
{
    const int64_t d = k->space.dim;
    covsamp__project(COVSAMP_F64, d, d, k->vector, d, y, k->target);
    for (int64_t i = 0; i < d; i++)
        k->z[i] = k->target[i] / root(k, k->value[i]);
    int info = newton(k);
    if (info < 0)
        info = follow(k);
    if (info != 0)
        return info;
    const double log_det = eliminate(d, k->jacobian, NULL);
    *log_density =
        -0.5 * (covsamp__dot(COVSAMP_F64, d, k->z, k->z) + (double)d * log_two_pi) - log_det;
    return isfinite(*log_density) ? 0 : -1;
}
