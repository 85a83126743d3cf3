/* SPDX-License-Identifier: BSD-3-Clause */
/* What solvers share: memory, the beginning of a step, and x0 and noise from the model's output. */
#include "solver/solver.h"

#include "numeric/vec.h"

int64_t covsamp__solver_values(const covsamp__solver *s)
{
    return s->batch * s->dim;
}

static void layout_guidance(covsamp__solver *s, covsamp__arena *arena)
{
    const size_t size = covsamp__size_of(s->dtype);
    const covsamp__covariance_ops *c = s->model.ops;
    const int both = s->free_guided, score = s->guided && s->guide_form == COVSAMP_GUIDE_SCORE;
    const int64_t tangents =
        c->needs_products && both && s->guided_jacobian ? s->model.tangents : 0;
    s->other_mean = covsamp__take_vector(arena, s->batch, both ? s->dim : 0, size);
    s->other_head = covsamp__take_vector(
        arena, s->batch, both && c->needs_head && s->guided_jacobian ? s->dim : 0, size);
    s->other_product = covsamp__take_vector(arena, tangents, s->batch, (size_t)s->dim * size);
    s->other_transposed =
        covsamp__take_vector(arena, s->average ? tangents : 0, s->batch, (size_t)s->dim * size);
    const int changed = c->needs_head && (both || score); /* the mean, before the head is read */
    s->conditional = covsamp__take_vector(arena, s->batch, changed ? s->dim : 0, size);
    if (!changed)
        s->conditional = NULL;
    s->gradient = covsamp__take_vector(arena, s->batch, s->guided ? s->dim : 0, size);
    s->push = covsamp__take_vector(arena, s->batch, s->guided && !score ? s->dim : 0, size);
}

void covsamp__solver_layout(covsamp__solver *s, covsamp__arena *arena)
{
    const size_t size = covsamp__size_of(s->dtype);
    const covsamp__covariance_ops *c = s->model.ops;
    const int64_t two = s->ops->evaluations ? s->dim : 0;
    s->x = covsamp__take_vector(arena, s->batch, s->dim, size);
    s->z = covsamp__take_vector(arena, s->batch, s->dim, size);
    s->mean = covsamp__take_vector(arena, s->batch, s->dim, size);
    s->mu = covsamp__take_vector(arena, s->batch, s->dim, size);
    s->head = covsamp__take_vector(arena, s->batch, c->needs_head ? s->dim : 0, size);
    s->old = covsamp__take_vector(arena, s->batch, s->mean_order > 1 ? s->dim : 0, size);
    s->aside = covsamp__take_vector(arena, s->batch, c->needs_head ? s->dim : two, size);
    s->slope = covsamp__take_vector(arena, s->batch, two, size);
    const int64_t tangents = c->needs_products ? s->model.tangents : 0;
    s->product = covsamp__take_vector(arena, tangents, s->batch, (size_t)s->dim * size);
    s->transposed =
        covsamp__take_vector(arena, s->average ? tangents : 0, s->batch, (size_t)s->dim * size);
    s->row = covsamp__take(arena, s->batch, 2, sizeof *s->row);
    s->keep = covsamp__take_vector(arena, s->batch, s->clip > 0 ? s->dim : 0, sizeof(uint8_t));
    layout_guidance(s, arena);
    const int64_t measured = s->measure ? s->dim : 0;
    s->truth = covsamp__take_vector(arena, s->batch, measured, size);
    s->residual = covsamp__take_vector(arena, s->batch, measured, size);
    s->forms = covsamp__take(arena, s->measure ? s->batch : 0, 1, sizeof *s->forms);
    c->layout(&s->model, arena);
    const int krylov = c == &covsamp__covariance_krylov || c == &covsamp__covariance_quadrature;
    covsamp__space_layout(s->space, s->batch, s->dim, krylov ? s->model.krylov.most : 1, arena);
    s->fallback.ops->layout(&s->fallback, arena);
}

void covsamp__solver_open(covsamp__solver *s, const covsamp__plan *plan, uint64_t seed,
                          int64_t first_sample, int64_t step)
{
    s->plan = plan;
    s->phase = 0;
    s->opened = 0;
    s->half = 0;
    s->moved = 0;
    s->guide_phase = 0;
    s->v = NULL;
    s->count = 0;
    s->ask = &plan->t;
    s->ask_x = s->x;
    s->covariance = plan->covariance ? &s->model : &s->fallback;
    s->place = plan->place;
    s->place.z = s->z;
    s->place.residual = s->residual;
    s->place.seed = seed;
    s->place.first_sample = first_sample;
    s->place.step = step;
}

void covsamp__solver_x0(covsamp__solver *s)
{
    const int64_t n = covsamp__solver_values(s);
    covsamp__space_combine(s->space, n, s->ask->p, s->ask_x, s->ask->q, s->mean, s->mean);
    if (s->clip > 0)
        covsamp__space_clip(s->space, n, s->clip, s->mean, s->keep);
}

void covsamp__solver_noise(const covsamp__solver *s, void *out)
{
    const covsamp__level *at = &s->ask->at;
    covsamp__space_combine(s->space, covsamp__solver_values(s), 1 / at->sigma, s->ask_x,
                           -at->alpha / at->sigma, s->mean, out);
}
