/* SPDX-License-Identifier: BSD-3-Clause */
/* Estimates from products with random signs (Hutchinson 1989; Bekas, Kokiopoulou & Saad 2007):
 * diag_probe takes the mean of v . C v element by element as the diagonal of C, state_isotropic the
 * mean over all elements as a multiple of I.  An estimate may serve several steps: C's natural unit
 * is sigma^2 / alpha^2, so it is carried in that unit.  It is then one of C itself, not of P C P:
 * what was clipped at one step need not be at the next, and has its variance there. */
#include "covariance/covariance.h"

#include <covsamp/covsamp.h>

#include "numeric/vec.h"

#include <math.h>

static void layout(covsamp__covariance *c, covsamp__arena *arena)
{
    const size_t size = covsamp__size_of(c->dtype);
    c->unit = covsamp__take(arena, c->tangents, c->batch, (size_t)c->dim * size);
    c->diagonal = covsamp__take(arena, c->batch, c->dim, size);
}

static void open(covsamp__covariance *c, const covsamp__place *p)
{
    c->whole = c->reuse > 1;
    if (covsamp__covariance_reuses(c)) {
        c->column = c->probes;
        c->age++;
        return;
    }
    c->column = 0;
    c->age = 1;
    c->estimate_unit = p->unit;
    covsamp__space_zero(c->space, c->batch * c->dim, c->diagonal);
}

static const void *wants(covsamp__covariance *c, const covsamp__place *p, int64_t *count)
{
    const int64_t left = c->probes - c->column;
    *count = left < c->tangents ? left : c->tangents;
    if (*count == 0)
        return NULL;
    const int64_t n = c->batch * c->dim;
    for (int64_t k = 0; k < *count; k++) {
        const covsamp__draw draw = {.seed = p->seed,
                                    .first_sample = p->first_sample,
                                    .step = p->step,
                                    .first = (c->column + k) * c->dim,
                                    .stream = COVSAMP_STREAM_PROBE};
        void *v = covsamp__at(c->dtype, c->unit, k * n);
        covsamp__space_signs(c->space, c->batch, c->dim, &draw, v);
        if (p->keep != NULL && !c->whole)
            covsamp__space_mask(c->space, n, p->keep, v, v);
    }
    return c->unit;
}

static void take(covsamp__covariance *c, const covsamp__place *p, void *products, int64_t count)
{
    (void)p;
    for (int64_t k = 0; k < count; k++)
        covsamp__space_add_product(c->space, c->batch * c->dim, 1.0 / (double)c->probes,
                                   covsamp__cat(c->dtype, c->unit, k * c->batch * c->dim),
                                   covsamp__cat(c->dtype, products, k * c->batch * c->dim),
                                   c->diagonal);
    c->column += count;
    c->counts.used += count * c->batch;
}

/* By how much the estimate is scaled: to the present unit, and down to the trace guard.  The trace
 * is that of before negative values are dropped. */
static double scale_of(const covsamp__covariance *c, const covsamp__place *p, double trace)
{
    const double scale = c->age > 1 ? p->unit / c->estimate_unit : 1;
    return scale * covsamp__guard_scale(p, scale * trace / (double)c->dim);
}

static int draw_diagonal(covsamp__covariance *c, const covsamp__place *p, void *n, int64_t *failed)
{
    (void)failed;
    for (int64_t b = 0; b < c->batch; b++)
        covsamp__draw_diagonal(c, p, b, scale_of(c, p, covsamp__diagonal_trace(c, p, b)), n);
    return 0;
}

static int draw_isotropic(covsamp__covariance *c, const covsamp__place *p, void *n, int64_t *failed)
{
    (void)failed;
    for (int64_t b = 0; b < c->batch; b++) {
        const double trace = covsamp__diagonal_trace(c, p, b);
        const double mean = trace / fmax((double)covsamp__kept(c, p, b), 1);
        covsamp__draw_isotropic(c, p, b, covsamp__step_variance(p, scale_of(c, p, trace) * mean),
                                n);
    }
    return 0;
}

#define PROBES                                                                                     \
    .needs_noise = 1, .needs_products = 1, .early = 1, .layout = layout, .open = open,             \
    .wants = wants, .take = take

const covsamp__covariance_ops covsamp__covariance_diag_probe = {PROBES, .draw = draw_diagonal};
const covsamp__covariance_ops covsamp__covariance_state_isotropic = {PROBES,
                                                                     .draw = draw_isotropic};
