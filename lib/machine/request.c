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

/* Where this request is about: x, level and the number of the place. */
static void fill_place(covsamp_sampler *s, int32_t kind)
{
    const covsamp__solver *solver = &s->solver;
    covsamp_request *q = &s->request;
    const covsamp__level *t = &s->plan[q->step].from;
    if (s->solver.moved) { /* another x or time than the last request of this step was about */
        s->point = s->next_point++;
        s->solver.moved = 0;
    }
    q->x = solver->x;
    q->point = s->point;
    if (kind < COVSAMP_ASK_GUIDE) {
        t = &solver->ask->at;
        q->x = solver->ask_x;
    } else if (kind == COVSAMP_ASK_GUIDE) {
        t = solver->guide_at;
        q->x = solver->guide_x;
        if (q->x != solver->ask_x) /* the mean of the step; products go on where they were */
            q->point = s->next_point++;
    }
    q->level = t->level;
    q->time = t->time;
    q->alpha = t->alpha;
    q->sigma = t->sigma;
}

/* A model that does not know of an answer must not pass for one that does. */
static void spoil(const covsamp__solver *solver, int64_t tangents, void *answer)
{
    if (answer != NULL)
        covsamp__space_spoil(solver->space, tangents * covsamp__solver_values(solver), answer);
}

/* Where the answers of a branch go: to the solver's arrays, those of branch 1 to the others. */
static void fill_answers(covsamp_sampler *s, int32_t kind, int32_t branch)
{
    const covsamp__solver *solver = &s->solver;
    covsamp_request *q = &s->request;
    const int model = kind < COVSAMP_ASK_GUIDE, other = branch == 1, both = branch == COVSAMP__BOTH;
    const int mean = model && (kind & COVSAMP_ASK_MEAN), jvp = model && (kind & COVSAMP_ASK_JVP);
    const int vjp = model && (kind & COVSAMP_ASK_VJP);
    const int head = mean && covsamp__evaluation_head(s, other);
    q->products_follow =
        kind == COVSAMP_ASK_MEAN && solver->follow && covsamp__evaluation_products(s, branch);
    q->tangents = jvp || vjp ? solver->count : 0;
    q->v = jvp || vjp ? solver->v : NULL;
    q->mean = !mean ? NULL : other ? solver->other_mean : solver->mean;
    q->product = !jvp ? NULL : other ? solver->other_product : solver->product;
    q->transposed = !vjp ? NULL : other ? solver->other_transposed : solver->transposed;
    q->head = !head ? NULL : other ? solver->other_head : solver->head;
    q->other_mean = mean && both ? solver->other_mean : NULL;
    q->other_product = jvp && both ? solver->other_product : NULL;
    q->other_transposed = vjp && both ? solver->other_transposed : NULL;
    q->other_head = mean && both && covsamp__evaluation_head(s, 1) ? solver->other_head : NULL;
    q->noise = kind == COVSAMP_ASK_NOISE ? solver->z : NULL;
    q->gradient = kind == COVSAMP_ASK_GUIDE ? solver->gradient : NULL;
    spoil(solver, 1, q->head);
    spoil(solver, q->tangents, q->transposed);
    spoil(solver, 1, q->gradient);
    spoil(solver, 1, q->other_mean);
    spoil(solver, 1, q->other_head);
    spoil(solver, q->tangents, q->other_product);
    spoil(solver, q->tangents, q->other_transposed);
}

void covsamp__request_open(covsamp_sampler *s, int32_t kind, int32_t branch, int32_t stream)
{
    s->request.kind = kind;
    s->request.stream = stream;
    s->request.branch = branch == 1;
    fill_place(s, kind);
    fill_answers(s, kind, branch);
    s->open = 1;
}

covsamp_status covsamp__rows_check(covsamp__space *space, const covsamp_request *q,
                                   const void *values, const char *what, covsamp_status otherwise,
                                   covsamp__error *error, const char *function)
{
    const int64_t i = covsamp__space_nonfinite(space, q->batch * q->dim, values);
    if (i >= 0)
        return covsamp__fail(
            error, otherwise,
            "%s: the %s holds a NaN or infinity at value %" PRId64 " of sample %" PRId64
            " (step %" PRId64 " of %" PRId64 ", level %" PRId64 "), must be finite",
            function, what, i % q->dim, q->first_sample + i / q->dim, q->step, q->steps, q->level);
    return COVSAMP_OK;
}

/* Tangents need no look: they are of length 1, zero, made by the library, or the caller's and
 * looked at when they came. */
covsamp_status covsamp__question_check(covsamp__space *space, const covsamp_request *q,
                                       covsamp__error *error, const char *function)
{
    /* Products alone are asked for at an x that a mean was asked for at, or at the caller's. */
    if (!(q->kind & ~(COVSAMP_ASK_JVP | COVSAMP_ASK_VJP)))
        return COVSAMP_OK;
    return covsamp__rows_check(space, q, q->x, "x that the model would be asked about",
                               COVSAMP_E_OVERFLOW, error, function);
}

covsamp_status covsamp__request_check(covsamp_sampler *s, const char *function)
{
    const covsamp_request *q = &s->request;
#define MUST_FILL(field) " (request->" #field ", which the model must fill)"
    const struct {
        const void *values;
        int64_t count;
        const char *what;
    } answers[] = {
        {q->mean, 1, "model's mean"},
        {q->head, 1, "model's head" MUST_FILL(head)},
        {q->product, q->tangents, "model's product"},
        {q->transposed, q->tangents, "model's transposed product" MUST_FILL(transposed)},
        {q->other_mean, 1, "model's mean of branch 1" MUST_FILL(other_mean)},
        {q->other_head, 1, "model's head of branch 1" MUST_FILL(other_head)},
        {q->other_product, q->tangents, "model's product of branch 1" MUST_FILL(other_product)},
        {q->other_transposed, q->tangents,
         "model's transposed product of branch 1" MUST_FILL(other_transposed)},
        {q->gradient, 1, "guide's gradient (request->gradient)"},
        {q->noise, 1, "caller's noise"},
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        for (int64_t k = 0; answers[i].values != NULL && k < answers[i].count; k++) {
            const covsamp_status status = covsamp__rows_check(
                &s->space, q, covsamp__cat(q->dtype, answers[i].values, k * q->tangent_stride),
                answers[i].what, COVSAMP_E_NONFINITE, &s->error, function);
            if (status != COVSAMP_OK)
                return status;
        }
    return COVSAMP_OK;
}
