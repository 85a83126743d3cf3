/* SPDX-License-Identifier: BSD-3-Clause */
#include "covariance/covariance.h"

#include <covsamp/covsamp.h>

#include "numeric/linalg.h"
#include "numeric/vec.h"

#include <math.h>

void covsamp__covariance_reset(covsamp__covariance *c)
{
    c->age = 0;
}

int covsamp__covariance_reuses(const covsamp__covariance *c)
{
    return c->age > 0 && c->age < c->reuse;
}

int covsamp__covariance_carried(const covsamp__covariance *c, int i, covsamp__carried *out)
{
    const covsamp__spectrum *s = &c->spectrum;
    const int64_t m = s->colours;
    const covsamp__carried diagonal = {c->diagonal, c->dim, c->dim, c->dtype, 0};
    const covsamp__carried spectral[] = {
        {s->variance, s->pools, s->pools, COVSAMP_F64, 0},
        {s->vectors, m * m, covsamp__matrix_stride(m), COVSAMP_F64, 0},
        {s->values, m, m, COVSAMP_F64, 0}};
    const int is_spectral = c->ops == &covsamp__covariance_spectral;
    const int is_diagonal =
        c->ops == &covsamp__covariance_diag_probe || c->ops == &covsamp__covariance_state_isotropic;
    const int arrays = c->reuse < 2 ? 0 : is_spectral ? 3 : is_diagonal ? 1 : 0;
    if (i >= arrays)
        return 0;
    *out = is_spectral ? spectral[i] : diagonal;
    return 1;
}

void covsamp__no_layout(covsamp__covariance *c, covsamp__arena *arena)
{
    (void)c;
    (void)arena;
}

void covsamp__no_open(covsamp__covariance *c, const covsamp__place *p)
{
    (void)c;
    (void)p;
}

const void *covsamp__no_wants(covsamp__covariance *c, const covsamp__place *p, int64_t *count)
{
    (void)c;
    (void)p;
    *count = 0;
    return NULL;
}

double covsamp__guard_scale(const covsamp__place *p, double mean)
{
    return mean > p->guard ? p->guard / mean : 1;
}

int64_t covsamp__kept(const covsamp__covariance *c, const covsamp__place *p, int64_t b)
{
    int64_t count = 0;
    if (p->keep == NULL)
        return c->dim;
    for (int64_t i = 0; i < c->dim; i++)
        count += p->keep[b * c->dim + i];
    return count;
}

/* Block by block, as numbers of the type in use have to be made double. */
double covsamp__diagonal_trace(const covsamp__covariance *c, const covsamp__place *p, int64_t b)
{
    double block[256], sum = 0;
    for (int64_t i = 0; i < c->dim; i += 256) {
        const int64_t n = c->dim - i < 256 ? c->dim - i : 256;
        const uint8_t *keep = p->keep == NULL ? NULL : p->keep + b * c->dim + i;
        double part = 0;
        covsamp__to_double(c->dtype, n, covsamp__cat(c->dtype, c->diagonal, b * c->dim + i), block);
        for (int64_t j = 0; j < n; j++)
            part += keep == NULL || keep[j] ? block[j] : 0;
        sum += part;
    }
    return sum;
}

double covsamp__step_variance(const covsamp__place *p, double c)
{
    c = fmin(fmax(c, 0), fmin(p->cap, p->ritz_cap));
    return fmin(p->lambda * p->lambda + p->b * p->b * c, p->limit);
}

void covsamp__draw_outside(const covsamp__covariance *c, const covsamp__place *p, int64_t b,
                           void *n)
{
    if (p->keep != NULL)
        covsamp__space_select(c->space, c->dim, p->keep + b * c->dim, n,
                              sqrt(covsamp__step_variance(p, 0)),
                              covsamp__cat(c->dtype, p->z, b * c->dim), n);
}

void covsamp__draw_all_outside(const covsamp__covariance *c, const covsamp__place *p, void *n)
{
    if (p->keep != NULL)
        covsamp__space_select(c->space, c->batch * c->dim, p->keep, n,
                              sqrt(covsamp__step_variance(p, 0)), p->z, n);
}

void covsamp__draw_diagonal(const covsamp__covariance *c, const covsamp__place *p, int64_t b,
                            double scale, void *n)
{
    void *out = covsamp__at(c->dtype, n, b * c->dim);
    const double most = covsamp__step_variance(p, INFINITY);
    covsamp__space_root_scale(c->space, c->dim, p->lambda * p->lambda, p->b * p->b * scale,
                              covsamp__cat(c->dtype, c->diagonal, b * c->dim), most,
                              covsamp__cat(c->dtype, p->z, b * c->dim), out);
    covsamp__draw_outside(c, p, b, out);
}

void covsamp__draw_isotropic(const covsamp__covariance *c, const covsamp__place *p, int64_t b,
                             double variance, void *n)
{
    void *out = covsamp__at(c->dtype, n, b * c->dim);
    covsamp__space_scale(c->space, c->dim, sqrt(variance), covsamp__cat(c->dtype, p->z, b * c->dim),
                         out);
    covsamp__draw_outside(c, p, b, out);
}
