/* SPDX-License-Identifier: BSD-3-Clause */
/* C diagonal in a cosine basis, by one product a step (after the idea of arXiv 2605.13910; what is
 * done here and why: docs/math.md, "Spectral").
 *
 * Estimate: the probe is v = A^T r, r random signs in the basis, and lam the mean of r (A C v) over
 * a pool: exact where C is diagonal in the basis.  For windows at every position, which are no
 * basis, and where asked for, v are random signs and lam = sum (A v)(A C v) / sum (A v)^2.
 *
 * Draw: in a basis n = A^T (lambda^2 + b^2 lam)^(1/2) A z.  For windows at every position that
 * square root is not at hand, and n = lambda z + b frame^(-1/2) A^T (lam^(1/2) e), e a normal
 * number for every coefficient, from a stream of its own. */
#include "covariance/covariance.h"

#include <covsamp/covsamp.h>

#include "numeric/rng.h"
#include "numeric/vec.h"

#include <math.h>
#include <string.h>

static void layout(covsamp__covariance *c, covsamp__arena *arena)
{
    c->unit =
        covsamp__take(arena, c->tangents, c->batch, (size_t)c->dim * covsamp__size_of(c->dtype));
    covsamp__spectrum_layout(&c->spectrum, arena);
}

/* Whether random signs are the coefficients of the probe. */
static int in_basis(const covsamp__covariance *c)
{
    return c->spectrum.estimate == COVSAMP_ESTIMATE_TRANSFORM &&
           c->spectrum.mode != COVSAMP_DCT_SLIDING;
}

static void open(covsamp__covariance *c, const covsamp__place *p)
{
    if (covsamp__covariance_reuses(c)) {
        c->column = c->probes;
        c->age++;
        return;
    }
    c->column = 0;
    c->age = 1;
    c->estimate_unit = p->unit;
    covsamp__spectrum_forget(&c->spectrum);
}

static void signs(const covsamp__covariance *c, const covsamp__place *p, int64_t probe, int64_t b,
                  int32_t dtype, void *out)
{
    covsamp__signs_as(dtype, p->seed, p->first_sample + b, COVSAMP_STREAM_PROBE, p->step,
                      probe * c->dim, c->dim, out);
}

static const void *wants(covsamp__covariance *c, const covsamp__place *p, int64_t *count)
{
    const int64_t left = c->probes - c->column;
    covsamp__spectrum *s = &c->spectrum;
    *count = left < c->tangents ? left : c->tangents;
    if (*count == 0)
        return NULL;
    for (int64_t k = 0; k < *count; k++)
        for (int64_t b = 0; b < c->batch; b++) {
            void *v = covsamp__at(c->dtype, c->unit, (k * c->batch + b) * c->dim);
            if (in_basis(c)) {
                signs(c, p, c->column + k, b, COVSAMP_F64, s->sample);
                covsamp__spectrum_back(s, 0, s->sample, s->sample);
                covsamp__from_double(c->dtype, c->dim, s->sample, v);
            } else {
                signs(c, p, c->column + k, b, c->dtype, v);
            }
            if (p->keep != NULL)
                covsamp__mask(c->dtype, c->dim, p->keep + b * c->dim, v, v);
        }
    return c->unit;
}

/* The share of values that P keeps. */
static double kept(const covsamp__covariance *c, const covsamp__place *p, int64_t b)
{
    return (double)covsamp__kept(c, p, b) / (double)c->dim;
}

/* Under a mask A P A^T is the kept share of I on average: r . A P C P A^T r is that much too
 * small. */
static void take(covsamp__covariance *c, const covsamp__place *p, void *products, int64_t count)
{
    covsamp__spectrum *s = &c->spectrum;
    for (int64_t k = 0; k < count; k++)
        for (int64_t b = 0; b < c->batch; b++) {
            const int64_t at = (k * c->batch + b) * c->dim;
            covsamp__to_double(c->dtype, c->dim, covsamp__cat(c->dtype, products, at), s->other);
            if (in_basis(c)) {
                signs(c, p, c->column + k, b, COVSAMP_F64, s->y);
                covsamp__spectrum_forward(s, 0, s->other, s->s);
                covsamp__spectrum_add(s, b, s->y, s->s, kept(c, p, b));
                continue;
            }
            covsamp__to_double(c->dtype, c->dim, covsamp__cat(c->dtype, c->unit, at), s->sample);
            for (int64_t i = 0; i < covsamp__spectrum_chunks(s); i++) {
                covsamp__spectrum_forward(s, i, s->sample, s->y);
                covsamp__spectrum_forward(s, i, s->other, s->s);
                covsamp__spectrum_add(s, b, s->y, s->s, 1);
            }
        }
    c->column += count;
    c->counts.used += count * c->batch;
}

/* ---- draws ---- */

static double basis_root(double eigenvalue, const void *place)
{
    const covsamp__place *p = place;
    return sqrt(covsamp__step_variance(p, eigenvalue));
}

/* What is left when lambda z is drawn apart. */
static double frame_root(double eigenvalue, const void *place)
{
    const covsamp__place *p = place;
    return sqrt(covsamp__step_variance(p, eigenvalue) - covsamp__step_variance(p, 0));
}

/* Limited as a draw limits it. */
static double limited(double eigenvalue, const void *place)
{
    const covsamp__place *p = place;
    return fmax(fmin(eigenvalue, fmin(p->cap, p->ritz_cap)), 0);
}

/* To the present unit, and down to the trace guard. */
static double scale_of(const covsamp__covariance *c, const covsamp__place *p, int64_t b)
{
    const double scale = c->age > 1 ? p->unit / c->estimate_unit : 1;
    if (!isfinite(p->guard))
        return scale;
    const double mean = kept(c, p, b) * covsamp__spectrum_mean(&c->spectrum, b, scale, limited, p);
    return mean > p->guard ? scale * p->guard / mean : scale;
}

/* In `sample`. */
static void draw_basis(covsamp__covariance *c, const covsamp__place *p, int64_t b)
{
    covsamp__spectrum *s = &c->spectrum;
    covsamp__to_double(c->dtype, c->dim, covsamp__cat(c->dtype, p->z, b * c->dim), s->sample);
    covsamp__spectrum_factors(s, b, scale_of(c, p, b), basis_root, p);
    covsamp__spectrum_forward(s, 0, s->sample, s->sample);
    covsamp__spectrum_apply(s, b, s->sample);
    covsamp__spectrum_back(s, 0, s->sample, s->sample);
}

static void draw_frame(covsamp__covariance *c, const covsamp__place *p, int64_t b)
{
    covsamp__spectrum *s = &c->spectrum;
    const int64_t chunk = covsamp__spectrum_chunk(s);
    const double down = sqrt(1 / covsamp__spectrum_frame(s));
    const double alone = sqrt(covsamp__step_variance(p, 0));
    covsamp__spectrum_factors(s, b, scale_of(c, p, b), frame_root, p);
    memset(s->sample, 0, (size_t)c->dim * sizeof *s->sample);
    for (int64_t i = 0; i < covsamp__spectrum_chunks(s); i++) {
        covsamp__normals(p->seed, p->first_sample + b, COVSAMP_STREAM_COEFFICIENTS, p->step,
                         i * chunk, chunk, s->y);
        covsamp__spectrum_apply(s, b, s->y);
        covsamp__spectrum_back(s, i, s->y, s->sample);
    }
    covsamp__to_double(c->dtype, c->dim, covsamp__cat(c->dtype, p->z, b * c->dim), s->other);
    covsamp__combine(COVSAMP_F64, c->dim, down, s->sample, alone, s->other, s->sample);
}

/* The estimate of sample b from what was added up, once. */
static int solve(covsamp__covariance *c, int64_t b, int64_t *failed)
{
    if (c->age > 1)
        return 0;
    const int info = covsamp__spectrum_solve(&c->spectrum, b, &c->counts.clamped);
    c->counts.values += info == 0 ? c->spectrum.pools : 0;
    *failed = b;
    return info;
}

static int draw(covsamp__covariance *c, const covsamp__place *p, void *n, int64_t *failed)
{
    covsamp__spectrum *s = &c->spectrum;
    for (int64_t b = 0; b < c->batch; b++) {
        void *out = covsamp__at(c->dtype, n, b * c->dim);
        const int info = solve(c, b, failed);
        if (info != 0)
            return info;
        (s->mode == COVSAMP_DCT_SLIDING ? draw_frame : draw_basis)(c, p, b);
        covsamp__from_double(c->dtype, c->dim, s->sample, out);
        covsamp__draw_outside(c, p, b, out);
    }
    return 0;
}

/* ---- guidance ---- */

static double variance(double eigenvalue, const void *place)
{
    const covsamp__place *p = place;
    return covsamp__step_variance(p, eigenvalue);
}

static double above_floor(double eigenvalue, const void *place)
{
    const covsamp__place *p = place;
    return covsamp__step_variance(p, eigenvalue) - covsamp__step_variance(p, 0);
}

/* s->other becomes S times s->sample.  A basis has lambda^2 in its eigenvalues, windows at every
 * position have it apart, as in the draws. */
static void multiply(covsamp__covariance *c, const covsamp__place *p, int64_t b)
{
    covsamp__spectrum *s = &c->spectrum;
    const int sliding = s->mode == COVSAMP_DCT_SLIDING;
    const double floor = sliding ? covsamp__step_variance(p, 0) : 0;
    const double share = sliding ? 1 / covsamp__spectrum_frame(s) : 1;
    covsamp__spectrum_factors(s, b, scale_of(c, p, b), sliding ? above_floor : variance, p);
    memset(s->other, 0, (size_t)c->dim * sizeof *s->other);
    for (int64_t i = 0; i < covsamp__spectrum_chunks(s); i++) {
        covsamp__spectrum_forward(s, i, s->sample, s->y);
        covsamp__spectrum_apply(s, b, s->y);
        covsamp__spectrum_back(s, i, s->y, s->other);
    }
    covsamp__combine(COVSAMP_F64, c->dim, share, s->other, floor, s->sample, s->other);
}

static int push(covsamp__covariance *c, const covsamp__place *p, const void *g, void *out,
                int64_t *failed)
{
    covsamp__spectrum *s = &c->spectrum;
    (void)failed;
    for (int64_t b = 0; b < c->batch; b++) {
        const uint8_t *keep = p->keep == NULL ? NULL : p->keep + b * c->dim;
        const void *own = covsamp__cat(c->dtype, g, b * c->dim);
        void *result = covsamp__at(c->dtype, out, b * c->dim);
        covsamp__to_double(c->dtype, c->dim, own, s->sample);
        if (keep != NULL)
            covsamp__mask(COVSAMP_F64, c->dim, keep, s->sample, s->sample);
        multiply(c, p, b);
        covsamp__from_double(c->dtype, c->dim, s->other, result);
        if (keep != NULL)
            covsamp__select(c->dtype, c->dim, keep, result, covsamp__step_variance(p, 0), own,
                            result);
    }
    return 0;
}

/* ---- densities: a basis, and no mask, since P A^T ... A P is diagonal in no basis ---- */

static double inverse_root(double eigenvalue, const void *place)
{
    return 1 / basis_root(eigenvalue, place);
}

static double log_ratio(double eigenvalue, const void *place)
{
    const covsamp__place *p = place;
    return log(covsamp__step_variance(p, eigenvalue) / (p->lambda * p->lambda));
}

static double trace_part(double eigenvalue, const void *place)
{
    const covsamp__place *p = place;
    return p->lambda * p->lambda / covsamp__step_variance(p, eigenvalue) - 1;
}

static int forms(covsamp__covariance *c, const covsamp__place *p, covsamp__forms *f,
                 int64_t *failed)
{
    covsamp__spectrum *s = &c->spectrum;
    for (int64_t b = 0; b < p->measured; b++) {
        const int info = solve(c, b, failed);
        if (info != 0)
            return info;
        const double scale = scale_of(c, p, b), d = (double)c->dim;
        memset(&f[b], 0, sizeof f[b]);
        f[b].log_det = d * covsamp__spectrum_mean(s, b, scale, log_ratio, p);
        f[b].trace = d * covsamp__spectrum_mean(s, b, scale, trace_part, p);
        covsamp__to_double(c->dtype, c->dim, covsamp__cat(c->dtype, p->residual, b * c->dim),
                           s->sample);
        covsamp__spectrum_factors(s, b, scale, inverse_root, p);
        covsamp__spectrum_forward(s, 0, s->sample, s->sample);
        covsamp__spectrum_apply(s, b, s->sample);
        f[b].residual = covsamp__dot(COVSAMP_F64, c->dim, s->sample, s->sample);
    }
    return 0;
}

const covsamp__covariance_ops covsamp__covariance_spectral = {.needs_noise = 1,
                                                              .needs_products = 1,
                                                              .early = 1,
                                                              .layout = layout,
                                                              .open = open,
                                                              .wants = wants,
                                                              .take = take,
                                                              .draw = draw,
                                                              .push = push,
                                                              .forms = forms};
