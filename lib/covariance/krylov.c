/* SPDX-License-Identifier: BSD-3-Clause */
/* The Lanczos Gaussian sampler (arXiv 2605.22723): n = (lambda^2 I + b^2 P C P)^(1/2) z by a Krylov
 * space of C that starts at P z.  C, not lambda^2 I + b^2 C, is the operator: shifts commute with
 * Lanczos, and clamping C at 0 keeps the floor lambda^2.  Outside P the noise is lambda z, exactly;
 * starting at z instead would spend the space on directions whose answer is known (docs/math.md).
 */
#include "covariance/covariance.h"

#include <math.h>
#include <string.h>

static void layout(covsamp__covariance *c, covsamp__arena *arena)
{
    covsamp__krylov_layout(&c->krylov, arena);
    c->vector = covsamp__take(arena, c->batch, 2 * c->krylov.most, sizeof(double));
    c->value = covsamp__take(arena, c->batch, 3, sizeof(double));
    c->unit = covsamp__take_vector(arena, c->batch, c->dim, covsamp__size_of(c->dtype));
}

static void open(covsamp__covariance *c, const covsamp__place *p)
{
    const void *start = p->z;
    if (p->keep != NULL) {
        covsamp__space_mask(c->space, c->batch * c->dim, p->keep, p->z, c->unit);
        start = c->unit;
    }
    if (isfinite(p->guard))
        covsamp__space_dots(c->space, c->batch, c->dim, p->z, p->z, c->value);
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
        const double trace = k->h[sample * k->most * k->most] * k->norm[sample] * k->norm[sample] /
                             c->value[sample]; /* z . z, by open() */
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
    const covsamp__rows rows = covsamp__krylov_rows(k);
    double parameters[PARAMETERS];
    for (int64_t s = 0; s < c->batch; s++) {
        double *y = c->vector + s * k->most;
        memset(y, 0, (size_t)k->most * sizeof *y); /* of vectors beyond the sample's own */
        set_parameters(c, p, s, parameters);
        int info = covsamp__krylov_apply(k, s, root, parameters, y, &c->counts);
        if (info != 0) {
            *failed = s;
            return info;
        }
    }
    covsamp__space_expand(c->space, &rows, k->size, c->vector, k->most, n);
    covsamp__draw_all_outside(c, p, n);
    return 0;
}

/* b^2 theta within the bounds of the place: what the variance is above lambda^2. */
static double above_floor(double theta, const double *parameters)
{
    const double r = root(theta, parameters);
    return r * r - fmin(parameters[LAMBDA2], parameters[LIMIT]);
}

/* What a single product w may be: C has no eigenvalue below 0 or above the highest that is allowed,
 * so C g points nowhere against g and is no longer than that.  Returns the factor that sees to it.
 */
static double bounded(const double *parameters, double gg, double gw, double ww)
{
    const double length = sqrt(ww) * parameters[SCALE];
    const double room = fmax(parameters[LIMIT] - parameters[LAMBDA2], 0) / parameters[B2];
    const double most = sqrt(gg) * fmin(parameters[HIGHEST], room);
    if (gw < 0)
        return 0;
    return length > most ? parameters[SCALE] * most / length : parameters[SCALE];
}

/* The factors of products of the gradients' own, [batch]. */
static void own_factors(covsamp__covariance *c, const covsamp__place *p, const void *g,
                        const void *w, double *factor)
{
    double *gg = c->vector, *ww = gg + c->batch, parameters[PARAMETERS];
    covsamp__space_dots(c->space, c->batch, c->dim, g, g, gg);
    covsamp__space_dots(c->space, c->batch, c->dim, w, w, ww);
    covsamp__space_dots(c->space, c->batch, c->dim, g, w, factor);
    for (int64_t s = 0; s < c->batch; s++) {
        set_parameters(c, p, s, parameters);
        factor[s] = parameters[B2] * bounded(parameters, gg[s], factor[s], ww[s]);
    }
}

/* out = b^2 P C P g as far as the spaces of z know C. */
static int by_space(covsamp__covariance *c, const covsamp__place *p, const void *g, void *out,
                    int64_t *failed)
{
    covsamp__krylov *k = &c->krylov;
    const covsamp__rows rows = covsamp__krylov_rows(k);
    double *known = c->vector, *y = known + c->batch * k->most, parameters[PARAMETERS];
    covsamp__space_project(c->space, &rows, g, known, k->most);
    for (int64_t s = 0; s < c->batch; s++) {
        memset(y + s * k->most, 0, (size_t)k->most * sizeof *y);
        set_parameters(c, p, s, parameters);
        const int info = covsamp__krylov_multiply(k, s, above_floor, parameters,
                                                  known + s * k->most, y + s * k->most);
        if (info != 0) {
            *failed = s;
            return info;
        }
    }
    covsamp__space_expand(c->space, &rows, k->size, y, k->most, out);
    return 0;
}

/* S g = lambda^2 g + b^2 P C P g, by its own product or by what the space of z knows of C. */
static int push(covsamp__covariance *c, const covsamp__place *p, const void *g, void *out,
                int64_t *failed)
{
    const double floor = covsamp__step_variance(p, 0);
    double *floors = c->value + c->batch, *factor = floors + c->batch;
    for (int64_t s = 0; s < c->batch; s++) {
        floors[s] = floor;
        factor[s] = 1;
    }
    if (c->push_by_product)
        own_factors(c, p, g, out, factor);
    else if (by_space(c, p, g, out, failed) != 0)
        return 1;
    covsamp__space_combine_rows(c->space, c->batch, c->dim, floors, g, factor, out, out);
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
