/* SPDX-License-Identifier: BSD-3-Clause */
/* Forms of a diagonal S: with z = 1 a draw is the root of its diagonal, guards, caps, masks and
 * all. */
#include "covariance/covariance.h"

#include "numeric/vec.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 256 };

static void diagonal_forms(const covsamp__covariance *c, double floor, const void *deviation,
                           const void *residual, covsamp__forms *f)
{
    double root[BLOCK], r[BLOCK];
    memset(f, 0, sizeof *f);
    for (int64_t i = 0; i < c->dim; i += BLOCK) {
        const int64_t n = c->dim - i < BLOCK ? c->dim - i : BLOCK;
        double log_det = 0, trace = 0, square = 0;
        covsamp__to_double(c->dtype, n, covsamp__cat(c->dtype, deviation, i), root);
        covsamp__to_double(c->dtype, n, covsamp__cat(c->dtype, residual, i), r);
        for (int64_t j = 0; j < n; j++) {
            const double variance = root[j] * root[j];
            log_det += log(variance / floor);
            trace += floor / variance - 1;
            square += r[j] * r[j] / variance;
        }
        f->log_det += log_det;
        f->trace += trace;
        f->residual += square;
    }
}

int covsamp__covariance_forms(covsamp__covariance *c, const covsamp__place *p, void *n,
                              covsamp__forms *f, int64_t *failed)
{
    if (c->ops->forms != NULL)
        return c->ops->forms(c, p, f, failed);
    const int info = c->ops->draw(c, p, n, failed);
    for (int64_t b = 0; info == 0 && b < p->measured; b++)
        diagonal_forms(c, p->lambda * p->lambda, covsamp__cat(c->dtype, n, b * c->dim),
                       covsamp__cat(c->dtype, p->residual, b * c->dim), &f[b]);
    return info;
}

double covsamp__residual_outside(const covsamp__covariance *c, const covsamp__place *p, int64_t b)
{
    double r[BLOCK], sum = 0;
    for (int64_t i = 0; p->keep != NULL && i < c->dim; i += BLOCK) {
        const int64_t n = c->dim - i < BLOCK ? c->dim - i : BLOCK;
        const uint8_t *keep = p->keep + b * c->dim + i;
        double part = 0;
        covsamp__to_double(c->dtype, n, covsamp__cat(c->dtype, p->residual, b * c->dim + i), r);
        for (int64_t j = 0; j < n; j++)
            part += keep[j] ? 0 : r[j] * r[j];
        sum += part;
    }
    return sum / covsamp__step_variance(p, 0);
}
