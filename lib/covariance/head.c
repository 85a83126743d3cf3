/* SPDX-License-Identifier: BSD-3-Clause */
/* diag_model: a diagonal that a head of the network predicts (docs/math.md, "Learned diagonals").
 */
#include "covariance/covariance.h"

#include <covsamp/covsamp.h>

#include <math.h>

static void layout(covsamp__covariance *c, covsamp__arena *arena)
{
    c->diagonal = covsamp__take(arena, c->batch, c->dim, covsamp__size_of(c->dtype));
}

static void take_mean(covsamp__covariance *c, const covsamp__place *p, const void *e,
                      const void *head)
{
    const int64_t n = c->batch * c->dim;
    switch (c->head) {
    case COVSAMP_HEAD_OCM:
        covsamp__space_affine(c->space, n, p->unit, p->unit, head, c->diagonal);
        break;
    case COVSAMP_HEAD_NPR:
        covsamp__space_scale(c->space, n, p->unit, head, c->diagonal);
        break;
    case COVSAMP_HEAD_SN:
        covsamp__space_combine_square(c->space, n, p->unit, head, -p->unit, e, c->diagonal);
        break;
    default: /* IDDPM: v itself */
        covsamp__space_copy(c->space, n, head, c->diagonal);
        if (c->limit_range)
            covsamp__space_limit(c->space, n, -1, 1, c->diagonal);
        return;
    }
    covsamp__space_limit(c->space, n, 0, fmin(p->cap, p->ritz_cap), c->diagonal);
}

/* log variance = v' log large^2 + (1 - v') log small^2, v' = (v + 1) / 2. */
static void draw_iddpm(covsamp__covariance *c, const covsamp__place *p, void *n)
{
    const double high = 2 * log(p->large), low = 2 * log(p->small);
    covsamp__space_exp_scale(c->space, c->batch * c->dim, 0.5 * (high + low), 0.5 * (high - low),
                             c->diagonal, log(p->limit), p->z, n);
}

static int draw(covsamp__covariance *c, const covsamp__place *p, void *n, int64_t *failed)
{
    (void)failed;
    if (c->head == COVSAMP_HEAD_IDDPM) {
        draw_iddpm(c, p, n);
        return 0;
    }
    for (int64_t b = 0; b < c->batch; b++) {
        const double mean = covsamp__diagonal_trace(c, p, b) / (double)c->dim;
        covsamp__draw_diagonal(c, p, b, covsamp__guard_scale(p, mean), n);
    }
    return 0;
}

const covsamp__covariance_ops covsamp__covariance_diag_model = {.needs_noise = 1,
                                                                .needs_head = 1,
                                                                .layout = layout,
                                                                .open = covsamp__no_open,
                                                                .take_mean = take_mean,
                                                                .wants = covsamp__no_wants,
                                                                .draw = draw};
