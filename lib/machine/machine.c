/* SPDX-License-Identifier: BSD-3-Clause */
#include "machine/machine.h"

#include "numeric/device.h"

#include <inttypes.h>
#include <string.h>

static covsamp_status fail(covsamp_sampler *s, covsamp_status status)
{
    s->phase = COVSAMP__FAILED;
    s->failure = status;
    return status;
}

covsamp_status covsamp__machine_device(covsamp_sampler *s, covsamp__error *error,
                                       const char *function)
{
    const covsamp__space *space = &s->space;
    if (space->failure == 0)
        return COVSAMP_OK;
    s->open = 0;
    covsamp__fail(error, COVSAMP_E_DEVICE,
                  "%s: the operation %s of covsamp_vector_ops returned %" PRId32 " (step %" PRId64
                  " of %" PRId64 "), must be 0",
                  function, space->failed, space->failure, s->request.step, s->request.steps);
    return fail(s, COVSAMP_E_DEVICE);
}

covsamp_status covsamp__machine_restart(covsamp_sampler *s, uint64_t seed, int64_t first_sample,
                                        covsamp__error *error, const char *function)
{
    s->space.failure = 0;
    covsamp__space_zero(&s->space, covsamp__solver_values(&s->solver), s->solver.x);
    s->seed = s->request.seed = seed;
    s->first_sample = s->request.first_sample = first_sample;
    s->request.step = 0;
    s->phase = COVSAMP__START;
    s->from_x0 = 0;
    s->open = 0;
    s->answer = 0;
    atomic_store(&s->cancelled, 0);
    covsamp__covariance_reset(&s->solver.model);
    memset(&s->stats, 0, sizeof s->stats);
    covsamp__record_forget(s);
    return covsamp__machine_device(s, error, function);
}

void covsamp__machine_read(covsamp_sampler *s, const void *x, int64_t stride, void *out)
{
    const covsamp__solver *solver = &s->solver;
    const int32_t dtype = solver->dtype;
    const int here = s->space.ops.size == 0;
    void *rows = here ? out : s->space.staging;
    for (int64_t b = 0; b < solver->batch; b++)
        covsamp__copy(dtype, solver->dim, covsamp__cat(dtype, x, b * stride),
                      covsamp__at(dtype, rows, b * solver->dim));
    if (!here)
        covsamp__device_put(&s->space, rows, out,
                            (size_t)covsamp__solver_values(solver) * covsamp__size_of(dtype));
}

const void *covsamp__machine_here(covsamp_sampler *s, const void *vector)
{
    if (s->space.ops.size == 0)
        return vector;
    covsamp__device_get(&s->space, vector, s->space.staging,
                        (size_t)covsamp__solver_values(&s->solver) *
                            covsamp__size_of(s->solver.dtype));
    return s->space.staging;
}

/* The library's own normal numbers in z. */
static void make_noise(covsamp_sampler *s, int32_t stream)
{
    const covsamp__solver *solver = &s->solver;
    const covsamp__draw draw = {.seed = s->seed,
                                .first_sample = s->first_sample,
                                .step = s->request.step,
                                .stream = stream};
    covsamp__space_normals(&s->space, solver->batch, solver->dim, &draw, solver->z);
}

/* From noise alone or, image to image, from x0 and noise. */
static void start(covsamp_sampler *s)
{
    const covsamp__solver *solver = &s->solver;
    const covsamp__level *t = &s->plan[0].from;
    const int64_t n = covsamp__solver_values(solver);
    if (s->from_x0)
        covsamp__space_combine(solver->space, n, t->alpha, solver->x, t->sigma, solver->z,
                               solver->x);
    else
        covsamp__space_scale(solver->space, n, s->start_scale, solver->z, solver->x);
    s->from_x0 = 0;
    s->phase = s->known_set ? COVSAMP__KNOWN_START : COVSAMP__BETWEEN;
}

/* With the noise of the level where the next step begins, request.step being that step's. */
static void put_known(covsamp_sampler *s)
{
    covsamp__known_put(s, &s->plan[s->request.step].from);
    if (s->phase == COVSAMP__KNOWN_STEP)
        s->request.step--;
    s->phase = s->phase == COVSAMP__KNOWN_STEP ? COVSAMP__STEP_END : COVSAMP__BETWEEN;
}

static void open_step(covsamp_sampler *s)
{
    s->point = s->next_point++;
    s->evaluation.count = s->evaluation.answered = 0;
    covsamp__solver_open(&s->solver, &s->plan[s->request.step], s->seed, s->first_sample,
                         s->request.step);
    s->phase = COVSAMP__IN_STEP;
}

static void end_step(covsamp_sampler *s)
{
    s->stats.steps++;
    s->stats.steps_without += s->solver.plan->noisy && !s->solver.plan->covariance;
    covsamp__record_step(s);
    s->phase = s->known_set ? COVSAMP__KNOWN_STEP : COVSAMP__STEP_END;
}

/* The request that has just been opened inside a step, unless it is about nonsense. */
static covsamp_status check_opened(covsamp_sampler *s, const char *function)
{
    const covsamp_status status =
        s->check_finite ? covsamp__question_check(&s->space, &s->request, &s->error, function)
                        : COVSAMP_OK;
    if (status == COVSAMP_OK)
        return status;
    s->open = 0;
    return fail(s, status);
}

static covsamp_status check_state(covsamp_sampler *s, const char *function)
{
    covsamp_request at = s->request;
    at.level = s->plan[at.step].from.level; /* of the step, wherever it was asked last */
    if (!s->check_finite ||
        covsamp__rows_check(&s->space, &at, s->solver.x, "state", COVSAMP_E_OVERFLOW, &s->error,
                            function) == COVSAMP_OK)
        return COVSAMP_OK;
    return fail(s, COVSAMP_E_OVERFLOW);
}

/* Moves inside a step until the caller is needed or the step has ended. */
static covsamp_status advance_step(covsamp_sampler *s, const char *function)
{
    for (;;) {
        if (covsamp__evaluation_next(s))
            return check_opened(s, function);
        int32_t want = s->solver.ops->next(&s->solver);
        if (want == COVSAMP_E_LINALG) {
            covsamp__fail(&s->error, want,
                          "%s: the eigenvalues of the covariance of sample %" PRId64
                          " did not converge (step %" PRId64 " of %" PRId64 ")",
                          function, s->first_sample + s->solver.failed, s->request.step,
                          s->request.steps);
            return fail(s, want);
        }
        if (want == 0) {
            end_step(s);
            return COVSAMP_OK;
        }
        if (want != COVSAMP_ASK_NOISE || s->ask_noise) {
            covsamp__evaluation_begin(s, want);
            continue;
        }
        make_noise(s, COVSAMP_STREAM_STEP);
        s->solver.ops->take(&s->solver, want);
    }
}

/* Known values need noise wherever a step is to follow. */
static void advance_known(covsamp_sampler *s)
{
    const int after = s->phase == COVSAMP__KNOWN_STEP;
    if (after && s->request.step + 1 == s->request.steps) {
        covsamp__known_put(s, NULL);
        s->phase = COVSAMP__STEP_END;
        return;
    }
    s->request.step += after;
    if (s->ask_noise) {
        s->point = s->next_point++;
        covsamp__request_open(s, COVSAMP_ASK_NOISE, 0, COVSAMP_STREAM_KNOWN);
        return;
    }
    make_noise(s, COVSAMP_STREAM_KNOWN);
    put_known(s);
}

/* One transition of the state table; leaves with a request open, or another phase. */
static covsamp_status advance(covsamp_sampler *s, int report, const char *function)
{
    switch (s->phase) {
    case COVSAMP__START:
        if (s->ask_noise) {
            s->point = s->next_point++;
            covsamp__request_open(s, COVSAMP_ASK_NOISE, 0, COVSAMP_STREAM_START);
            return COVSAMP_OK;
        }
        make_noise(s, COVSAMP_STREAM_START);
        start(s);
        return COVSAMP_OK;
    case COVSAMP__KNOWN_START:
    case COVSAMP__KNOWN_STEP:
        if (check_state(s, function) != COVSAMP_OK)
            return COVSAMP_E_OVERFLOW;
        advance_known(s);
        return COVSAMP_OK;
    case COVSAMP__BETWEEN:
        open_step(s);
        return COVSAMP_OK;
    case COVSAMP__IN_STEP:
        return advance_step(s, function);
    default: /* STEP_END */
        if (!s->open && check_state(s, function) != COVSAMP_OK)
            return COVSAMP_E_OVERFLOW;
        if (report && !s->open) {
            s->point = s->next_point++; /* x is another now */
            covsamp__request_open(s, COVSAMP_ASK_STEP, 0, 0);
            return COVSAMP_OK;
        }
        s->open = 0;
        if (s->request.step + 1 == s->request.steps) {
            s->phase = COVSAMP__FINISHED;
        } else {
            s->request.step++;
            s->phase = COVSAMP__BETWEEN;
        }
        return COVSAMP_OK;
    }
}

covsamp_status covsamp__machine_ask(covsamp_sampler *s, int report, const covsamp_request **request,
                                    const char *function)
{
    if (s->phase == COVSAMP__FAILED)
        return covsamp__fail(&s->error, COVSAMP_E_STATE,
                             "%s: the run has ended with %s, must be restarted or freed", function,
                             covsamp_status_name(s->failure));
    if (s->phase == COVSAMP__FINISHED)
        return COVSAMP_DONE;
    if (atomic_exchange(&s->cancelled, 0))
        return COVSAMP_CANCELLED;
    if (s->open && s->request.kind == COVSAMP_ASK_STEP && !report)
        s->open = 0; /* left over from a cancelled run(): nobody asked to hear of it */
    while (!s->open) {
        covsamp_status status = advance(s, report, function);
        if (s->space.failure != 0) /* whatever else there is to say */
            return covsamp__machine_device(s, &s->error, function);
        if (status != COVSAMP_OK)
            return status;
        if (s->phase == COVSAMP__FINISHED)
            return COVSAMP_DONE;
    }
    *request = &s->request;
    return COVSAMP_OK;
}

static void count_answer(covsamp_sampler *s)
{
    const covsamp_request *q = &s->request;
    const int64_t products = (q->product != NULL) + (q->other_product != NULL);
    const int64_t transposed = (q->transposed != NULL) + (q->other_transposed != NULL);
    s->stats.mean_requests += (q->mean != NULL) + (q->other_mean != NULL);
    s->stats.jvp_requests += q->product != NULL;
    s->stats.jvp_tangents += products * q->tangents;
    s->stats.vjp_requests += q->transposed != NULL;
    s->stats.vjp_tangents += transposed * q->tangents;
    s->stats.guide_requests += q->gradient != NULL;
}

covsamp_status covsamp__machine_tell(covsamp_sampler *s, int32_t answer, const char *function)
{
    covsamp_request *q = &s->request;
    if (!s->open)
        return covsamp__fail(&s->error, COVSAMP_E_STATE,
                             "%s: no request is open, covsamp_sampler_ask() opens one", function);
    if (answer > 0 && answer != COVSAMP_CANCELLED)
        return covsamp__fail(&s->error, COVSAMP_E_RANGE,
                             "%s: answer is %" PRId32 " (step %" PRId64 " of %" PRId64
                             ", level %" PRId64 "), must be 0, COVSAMP_CANCELLED (2) or negative",
                             function, answer, q->step, q->steps, q->level);
    s->answer = answer;
    if (answer == COVSAMP_CANCELLED)
        return COVSAMP_CANCELLED;
    if (answer < 0)
        return covsamp__fail(&s->error, COVSAMP_E_MODEL,
                             "%s: the answer to a request of kind %" PRId32 " is %" PRId32
                             " (step %" PRId64 " of %" PRId64 ", level %" PRId64 "), must be 0",
                             function, q->kind, answer, q->step, q->steps, q->level);
    if (s->check_finite) {
        covsamp_status status = covsamp__request_check(s, function);
        if (s->space.failure != 0)
            return covsamp__machine_device(s, &s->error, function);
        if (status != COVSAMP_OK)
            return status;
    }
    count_answer(s);
    if (s->phase == COVSAMP__START) {
        s->open = 0;
        start(s);
    } else if (s->phase == COVSAMP__KNOWN_START || s->phase == COVSAMP__KNOWN_STEP) {
        s->open = 0;
        put_known(s);
    } else if (s->phase == COVSAMP__IN_STEP) {
        s->open = 0;
        covsamp__evaluation_answered(s);
    } else { /* STEP_END: `open` tells advance() that this end was reported */
        return advance(s, 1, function);
    }
    return covsamp__machine_device(s, &s->error, function);
}
