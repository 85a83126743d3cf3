/* SPDX-License-Identifier: BSD-3-Clause */
/* aDDIM (Heek, Hoogeboom & Salimans, arXiv 2403.06807, algorithm 3): deterministic DDIM whose noise
 * estimate is lengthened by the variance that DDIM loses,
 *     x_s = alpha_s x0 + (sigma_s^2 + dim / |e|^2 (alpha_s - alpha_t sigma_s / sigma_t)^2
 * x_var)^(1/2) e. The norm is each sample's own.  The step to data is x0: taken literally the
 * formula would leave the variance x_var on the result, which the paper does not discuss. */
#include "solver/solver.h"

#include <math.h>

static int32_t next(covsamp__solver *s)
{
    return s->phase++ == 0 ? COVSAMP_ASK_MEAN : 0;
}

static void take(covsamp__solver *s, int32_t kind)
{
    const covsamp__level *t = &s->ask->at, *end = &s->plan->s;
    (void)kind;
    covsamp__solver_x0(s);
    if (end->level == 0) {
        covsamp__space_copy(s->space, covsamp__solver_values(s), s->mean, s->x);
        return;
    }
    covsamp__solver_noise(s, s->mu);
    const double lost = end->alpha - t->alpha * end->sigma / t->sigma;
    double *alpha = s->row, *length = s->row + s->batch;
    covsamp__space_dots(s->space, s->batch, s->dim, s->mu, s->mu, length);
    for (int64_t b = 0; b < s->batch; b++) {
        const double added =
            length[b] > 0 ? (double)s->dim / length[b] * lost * lost * s->plan->variance : 0;
        length[b] = sqrt(end->sigma * end->sigma + added);
        alpha[b] = end->alpha;
    }
    covsamp__space_combine_rows(s->space, s->batch, s->dim, alpha, s->mean, length, s->mu, s->x);
}

const covsamp__solver_ops covsamp__solver_addim = {.next = next, .take = take};
