/* SPDX-License-Identifier: BSD-3-Clause */
#include "machine/machine.h"

#include "numeric/vec.h"

#include <inttypes.h>
#include <math.h>

/* Distinct however briefly the handle lives. */
uint64_t covsamp__new_owner(const void *address)
{
    static atomic_uint count; /* the only static state of the library */
    const uint64_t number = atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
    return (number << 32) | (uint32_t)((uintptr_t)address >> 4);
}

void covsamp__request_open(covsamp_sampler *s, int32_t kind, int32_t stream)
{
    const covsamp__solver *solver = &s->solver;
    covsamp_request *q = &s->request;
    const covsamp__level *t = &s->plan[q->step].from;
    const int mean = kind < COVSAMP_ASK_NOISE && (kind & COVSAMP_ASK_MEAN);
    const int jvp = kind < COVSAMP_ASK_NOISE && (kind & COVSAMP_ASK_JVP);
    const int vjp = kind == COVSAMP_ASK_VJP;
    q->x = solver->x;
    if (mean || jvp || vjp) {
        t = &solver->ask->at;
        q->x = solver->ask_x;
    }
    if (s->solver.moved) { /* another x or time than the last request of this step was about */
        q->point = s->next_point++;
        s->solver.moved = 0;
    }
    q->kind = kind;
    q->stream = stream;
    q->branch = 0;
    q->level = t->level;
    q->time = t->time;
    q->alpha = t->alpha;
    q->sigma = t->sigma;
    q->tangents = jvp || vjp ? solver->count : 0;
    q->v = jvp || vjp ? solver->v : NULL;
    q->product = jvp ? solver->product : NULL;
    q->mean = mean ? solver->mean : NULL;
    q->head =
        mean && solver->plan->noisy && solver->covariance->ops->needs_head ? solver->head : NULL;
    q->transposed = vjp ? solver->transposed : NULL;
    /* a model that does not know of these must not pass for one that does */
    if (q->head != NULL)
        covsamp__affine(solver->dtype, covsamp__solver_values(solver), NAN, 0, q->head, q->head);
    if (vjp)
        covsamp__affine(solver->dtype, solver->count * covsamp__solver_values(solver), NAN, 0,
                        q->transposed, q->transposed);
    q->noise = kind == COVSAMP_ASK_NOISE ? solver->z : NULL;
    s->open = 1;
}

covsamp_status covsamp__values_check(covsamp_sampler *s, const void *values, const char *what,
                                     const char *function)
{
    const covsamp__solver *solver = &s->solver;
    for (int64_t b = 0; b < solver->batch; b++) {
        int64_t i = covsamp__nonfinite(solver->dtype, solver->dim,
                                       covsamp__cat(solver->dtype, values, b * solver->dim));
        if (i >= 0)
            return covsamp__fail(&s->error, COVSAMP_E_NONFINITE,
                                 "%s: the %s holds a NaN or infinity at value %" PRId64
                                 " of sample %" PRId64 " (step %" PRId64 " of %" PRId64
                                 ", level %" PRId64 "), must be finite",
                                 function, what, i, s->first_sample + b, s->request.step,
                                 s->request.steps, s->plan[s->request.step].from.level);
    }
    return COVSAMP_OK;
}

covsamp_status covsamp__request_check(covsamp_sampler *s, const char *function)
{
    const covsamp_request *q = &s->request;
    covsamp_status status = COVSAMP_OK;
    if (q->mean != NULL)
        status = covsamp__values_check(s, q->mean, "model's mean", function);
    if (status == COVSAMP_OK && q->head != NULL)
        status = covsamp__values_check(
            s, q->head, "model's head (request->head, which the model must fill)", function);
    for (int64_t k = 0; status == COVSAMP_OK && q->product != NULL && k < q->tangents; k++)
        status = covsamp__values_check(s, covsamp__cat(q->dtype, q->product, k * q->tangent_stride),
                                       "model's product", function);
    for (int64_t k = 0; status == COVSAMP_OK && q->transposed != NULL && k < q->tangents; k++)
        status = covsamp__values_check(
            s, covsamp__cat(q->dtype, q->transposed, k * q->tangent_stride),
            "model's transposed product (request->transposed, which the model must fill)",
            function);
    if (status == COVSAMP_OK && q->noise != NULL)
        status = covsamp__values_check(s, q->noise, "caller's noise", function);
    return status;
}
