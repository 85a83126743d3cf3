/* SPDX-License-Identifier: BSD-3-Clause */
/* The Lanczos Gaussian sampler (arXiv 2605.22723): n = (lambda^2 I + b^2 P C P)^(1/2) z by a Krylov
 * space of C that starts at P z.  C, not lambda^2 I + b^2 C, is the operator: shifts commute with
 * Lanczos, and clamping C at 0 keeps the floor lambda^2.  Outside P the noise is lambda z, exactly;
 * starting at z instead would spend the space on directions whose answer is known (docs/math.md).
 */
#include "covariance/covariance.h"

#include "numeric/vec.h"

#include <math.h>

static void layout(covsamp__covariance *c, covsamp__arena *arena)
{
    covsamp__krylov_layout(&c->krylov, arena);
    c->vector = covsamp__take(arena, c->krylov.most, 2, sizeof(double));
    c->unit = covsamp__take(arena, c->batch, c->dim, covsamp__size_of(c->dtype));
}

static void open(covsamp__covariance *c, const covsamp__place *p)
{
    const void *start = p->z;
    if (p->keep != NULL) {
        covsamp__mask(c->dtype, c->batch * c->dim, p->keep, p->z, c->unit);
        start = c->unit;
    }
    covsamp__krylov_start(&c->krylov, start);
}

static const void *wants(covsamp__covariance *c, const covsamp__place *p, int64_t *count)
{
    (void)p;
    const void *v = covsamp__krylov_wants(&c->krylov);
    *count = v == NULL ? 0 : 1;
    return v;
}

enum { LAMBDA2, B2, SCALE, HIGHEST, LIMIT, PARAMETERS };

/* (lambda^2 + b^2 theta)^(1/2) within the bounds of the place. */
static double root(double theta, const double *parameters)
{
    const double variance =
        parameters[LAMBDA2] + parameters[B2] * fmin(parameters[SCALE] * theta, parameters[HIGHEST]);
    return sqrt(fmin(variance, parameters[LIMIT]));
}

/* The trace guard scales C down where z . C z / z . z, an estimate of trace(C) / dim, exceeds it;
 * the first entry of H is that quotient for P z. */
static void set_parameters(const covsamp__covariance *c, const covsamp__place *p, int64_t sample,
                           double parameters[PARAMETERS])
{
    const covsamp__krylov *k = &c->krylov;
    double scale = 1;
    if (isfinite(p->guard) && k->size[sample] > 0) {
        const void *z = covsamp__cat(c->dtype, p->z, sample * c->dim);
        const double trace = k->h[sample * k->most * k->most] * k->norm[sample] * k->norm[sample] /
                             covsamp__dot(c->dtype, c->dim, z, z);
        scale = covsamp__guard_scale(p, trace);
    }
    parameters[LAMBDA2] = p->lambda * p->lambda;
    parameters[B2] = p->b * p->b;
    parameters[SCALE] = scale;
    parameters[HIGHEST] = fmin(p->cap, p->ritz_cap);
    parameters[LIMIT] = p->limit;
}

static void take(covsamp__covariance *c, const covsamp__place *p, void *products, int64_t count)
{
    (void)count;
    double parameters[PARAMETERS];
    covsamp__krylov_take(&c->krylov, products, p->magnitude, &c->counts);
    for (int64_t s = 0; c->tolerance > 0 && c->krylov.length < c->krylov.most && s < c->batch;
         s++) {
        set_parameters(c, p, s, parameters);
        (void)covsamp__krylov_stop(&c->krylov, s, root, parameters, c->tolerance, c->vector,
                                   &c->counts); /* a failure shows in draw() */
    }
}

static int draw(covsamp__covariance *c, const covsamp__place *p, void *n, int64_t *failed)
{
    covsamp__krylov *k = &c->krylov;
    double parameters[PARAMETERS];
    for (int64_t s = 0; s < c->batch; s++) {
        void *out = covsamp__at(c->dtype, n, s * c->dim);
        set_parameters(c, p, s, parameters);
        int info = covsamp__krylov_apply(k, s, root, parameters, c->vector, &c->counts);
        if (info != 0) {
            *failed = s;
            return info;
        }
        covsamp__expand(c->dtype, c->dim, k->size[s], covsamp__cat(c->dtype, k->v, s * c->dim),
                        c->batch * c->dim, c->vector, out);
        covsamp__draw_outside(c, p, s, out);
    }
    return 0;
}

/* b^2 theta within the bounds of the place: what the variance is above lambda^2. */
static double above_floor(double theta, const double *parameters)
{
    const double r = root(theta, parameters);
    return r * r - fmin(parameters[LAMBDA2], parameters[LIMIT]);
}

/* What a single product may be: C has no eigenvalue below 0 or above the highest that is allowed,
 * so C g points nowhere against g and is no longer than that.  Returns the factor that sees to it.
 */
static double bounded(const covsamp__covariance *c, const double *parameters, const void *g,
                      const void *w)
{
    const double length = sqrt(covsamp__dot(c->dtype, c->dim, w, w)) * parameters[SCALE];
    const double room = fmax(parameters[LIMIT] - parameters[LAMBDA2], 0) / parameters[B2];
    const double most =
        sqrt(covsamp__dot(c->dtype, c->dim, g, g)) * fmin(parameters[HIGHEST], room);
    if (covsamp__dot(c->dtype, c->dim, g, w) < 0)
        return 0;
    return length > most ? parameters[SCALE] * most / length : parameters[SCALE];
}

/* S g = lambda^2 g + b^2 P C P g, by its own product or by what the space of z knows of C. */
static int push(covsamp__covariance *c, const covsamp__place *p, const void *g, void *out,
                int64_t *failed)
{
    double parameters[PARAMETERS];
    for (int64_t s = 0; s < c->batch; s++) {
        const void *own = covsamp__cat(c->dtype, g, s * c->dim);
        void *w = covsamp__at(c->dtype, out, s * c->dim);
        const double floor = covsamp__step_variance(p, 0);
        double factor = 1;
        int info = 0;
        set_parameters(c, p, s, parameters);
        if (c->push_by_product)
            factor = parameters[B2] * bounded(c, parameters, own, w);
        else
            info =
                covsamp__krylov_multiply(&c->krylov, s, above_floor, parameters, own, c->vector, w);
        if (info != 0) {
            *failed = s;
            return info;
        }
        covsamp__combine(c->dtype, c->dim, floor, own, factor, w, w);
    }
    return 0;
}

const covsamp__covariance_ops covsamp__covariance_krylov = {.needs_noise = 1,
                                                            .needs_products = 1,
                                                            .early = 1,
                                                            .layout = layout,
                                                            .open = open,
                                                            .wants = wants,
                                                            .take = take,
                                                            .draw = draw,
                                                            .push = push};
