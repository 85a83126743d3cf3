/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/pass.h"

#include "api/run.h"
#include "base/memory.h"
#include "machine/machine.h"
#include "numeric/vec.h"

#include <inttypes.h>

covsamp_status covsamp__pass_enter(covsamp__pass *p, const char *function)
{
    if (p == NULL)
        return COVSAMP_E_NULL;
    if (p->busy) /* "calibration" of "covsamp_calibration" */
        return covsamp__fail(p->error, COVSAMP_E_STATE, "%s: called from a callback of the same %s",
                             function, p->ops->name + sizeof "covsamp_" - 1);
    return covsamp__ok(p->error);
}

/* ---- data ---- */

static covsamp_status check_array(covsamp__pass *p, const void *x, int64_t stride, int64_t samples,
                                  int64_t most, const char *function)
{
    if (x == NULL)
        return covsamp__fail(p->error, COVSAMP_E_NULL, "%s: the data is NULL", function);
    if (stride < p->dim)
        return covsamp__fail(p->error, COVSAMP_E_RANGE,
                             "%s: stride is %" PRId64 ", must be at least dim = %" PRId64, function,
                             stride, p->dim);
    if (samples < 1 || samples > most)
        return covsamp__fail(p->error, COVSAMP_E_RANGE,
                             "%s: samples is %" PRId64 ", must be in 1 ... %" PRId64, function,
                             samples, most);
    return COVSAMP_OK;
}

/* Begins a batch with a copy of the samples, unless they are no good. */
static covsamp_status feed(covsamp__pass *p, const void *x, int64_t stride, int64_t samples,
                           const char *function)
{
    if (p->next_first > INT64_MAX - p->batch) /* also where a batch is filled up */
        return covsamp__fail(p->error, COVSAMP_E_RANGE,
                             "%s: samples is %" PRId64 ", too many for numbers below 2^63",
                             function, samples);
    for (int64_t b = 0; b < samples; b++) {
        const void *from = covsamp__cat(p->dtype, x, b * stride);
        const int64_t number = p->next_first + b, i = covsamp__nonfinite(p->dtype, p->dim, from);
        covsamp_status status = COVSAMP_OK;
        if (i >= 0)
            return covsamp__fail(p->error, COVSAMP_E_NONFINITE,
                                 "%s: the data holds a NaN or infinity at value %" PRId64
                                 " of sample %" PRId64 ", must be finite",
                                 function, i, number);
        if (p->ops->accept != NULL)
            status = p->ops->accept(p, from, number, function);
        if (status != COVSAMP_OK)
            return status;
        covsamp__copy(p->dtype, p->dim, from, covsamp__at(p->dtype, p->x0, b * p->dim));
    }
    p->filled = samples;
    p->request->first_sample = p->next_first;
    p->next_first += samples;
    p->active = 1;
    p->ops->begin(p);
    return COVSAMP_OK;
}

covsamp_status covsamp__pass_data(covsamp__pass *p, const void *x, int64_t stride, int64_t samples,
                                  const char *function)
{
    covsamp_status status = covsamp__pass_enter(p, function);
    if (status == COVSAMP_OK)
        status = check_array(p, x, stride, samples, p->batch, function);
    if (status != COVSAMP_OK)
        return status;
    if (p->active)
        return covsamp__fail(p->error, COVSAMP_E_STATE,
                             "%s: the last samples are not done with, %s_ask() "
                             "returns COVSAMP_DONE when they are",
                             function, p->ops->name);
    p->running = 0;
    return feed(p, x, stride, samples, function);
}

/* ---- ask and tell ---- */

static covsamp_status ask(covsamp__pass *p, const char *function)
{
    if (p->open)
        return COVSAMP_OK;
    covsamp_status status = p->active ? p->ops->next(p, function) : COVSAMP_DONE;
    covsamp__space here = {.dtype = p->dtype};
    if (status == COVSAMP_OK && p->check_finite)
        status = covsamp__question_check(&here, p->request, p->error, function);
    p->open = status == COVSAMP_OK;
    p->active = p->open;
    return status;
}

covsamp_status covsamp__pass_ask(covsamp__pass *p, const covsamp_request **request,
                                 const char *function)
{
    if (request != NULL)
        *request = NULL;
    covsamp_status status = covsamp__pass_enter(p, function);
    if (status != COVSAMP_OK)
        return status;
    if (request == NULL)
        return covsamp__fail(p->error, COVSAMP_E_NULL, "%s: request is NULL", function);
    status = ask(p, function);
    if (status == COVSAMP_OK)
        *request = p->request;
    return status;
}

/* *part receives 1 where a part of the batch has been finished. */
static covsamp_status tell(covsamp__pass *p, int32_t answer, int *part, const char *function)
{
    const covsamp_request *q = p->request;
    *part = 0;
    if (!p->open)
        return covsamp__fail(p->error, COVSAMP_E_STATE,
                             "%s: no request is open, %s_ask() opens one", function, p->ops->name);
    if (answer > 0 && answer != COVSAMP_CANCELLED)
        return covsamp__fail(p->error, COVSAMP_E_RANGE,
                             "%s: answer is %" PRId32 " (level %" PRId64
                             "), must be 0, COVSAMP_CANCELLED (2) or negative",
                             function, answer, q->level);
    p->answer = answer;
    if (answer == COVSAMP_CANCELLED)
        return COVSAMP_CANCELLED;
    if (answer < 0)
        return covsamp__fail(p->error, COVSAMP_E_MODEL,
                             "%s: the answer to a request of kind %" PRId32 " is %" PRId32
                             " (level %" PRId64 "), must be 0",
                             function, q->kind, answer, q->level);
    if (p->check_finite) {
        covsamp_status status = p->ops->check(p, function);
        if (status != COVSAMP_OK)
            return status;
    }
    p->open = 0;
    *part = p->ops->take(p);
    return COVSAMP_OK;
}

covsamp_status covsamp__pass_tell(covsamp__pass *p, int32_t answer, const char *function)
{
    int part;
    covsamp_status status = covsamp__pass_enter(p, function);
    return status == COVSAMP_OK ? tell(p, answer, &part, function) : status;
}

/* ---- callbacks ---- */

static covsamp_status check_model(covsamp__pass *p, const covsamp_model *model, covsamp_model *own,
                                  const char *function)
{
    if (model == NULL)
        return covsamp__fail(p->error, COVSAMP_E_NULL, "%s: model is NULL", function);
    covsamp_status status = covsamp__struct_in(own, sizeof *own, COVSAMP__MODEL_FIRST_SIZE, model,
                                               p->error, function, "model");
    const char *missing = status == COVSAMP_OK ? p->ops->missing(p, own) : NULL;
    if (missing != NULL)
        return covsamp__fail(p->error, COVSAMP_E_NULL, "%s: model->%s is NULL", function, missing);
    return status;
}

/* Tells model->progress of a part that is done, but of no x that is not finite: if it is a
 * sample's, and not one of those that fill the batch up, the next request says that the batch is
 * given up. */
static covsamp_status report(covsamp__pass *p, const covsamp_model *model, const char *function)
{
    covsamp_request step = *p->request;
    step.kind = COVSAMP_ASK_STEP;
    step.tangents = 0;
    step.v = NULL;
    step.mean = step.product = step.head = step.transposed = NULL;
    if (p->check_finite && step.x != NULL &&
        covsamp__nonfinite(p->dtype, p->batch * p->dim, step.x) >= 0)
        return COVSAMP_OK;
    p->busy = 1;
    p->answer = covsamp__call(model, &step);
    p->busy = 0;
    if (p->answer == 0 || p->answer == COVSAMP_CANCELLED)
        return p->answer;
    return covsamp__fail(p->error, COVSAMP_E_MODEL,
                         "%s: the answer of model->progress is %" PRId32 " (level %" PRId64
                         "), must be 0 or COVSAMP_CANCELLED (2)",
                         function, p->answer, step.level);
}

/* Answers the open request. */
static covsamp_status step(covsamp__pass *p, const covsamp_model *model, const char *function)
{
    int part = 0;
    p->busy = 1;
    const int32_t answer = covsamp__call(model, p->request);
    p->busy = 0;
    const covsamp_status status = tell(p, answer, &part, function);
    return part ? report(p, model, function) : status;
}

/* COVSAMP_DONE with the batch, or what ended it early. */
static covsamp_status finish(covsamp__pass *p, const covsamp_model *model, const char *function)
{
    covsamp_status status = COVSAMP_OK;
    while (status == COVSAMP_OK) {
        status = ask(p, function);
        if (status == COVSAMP_OK)
            status = step(p, model, function);
    }
    return status;
}

static covsamp_status run(covsamp__pass *p, const covsamp_model *model, const void *data,
                          int64_t stride, int64_t samples, const char *function)
{
    covsamp_status status = COVSAMP_OK;
    while (status == COVSAMP_OK) {
        status = finish(p, model, function);
        if (status != COVSAMP_DONE)
            break;
        const int64_t left = samples - p->fed, n = left < p->batch ? left : p->batch;
        if (left > 0)
            status = feed(p, covsamp__cat(p->dtype, data, p->fed * stride), stride, n, function);
        p->running = status == COVSAMP_OK;
        p->fed += n;
    }
    if (status == COVSAMP_E_LINALG || status == COVSAMP_E_OVERFLOW)
        p->running = 0;
    if (status >= COVSAMP_OK)
        covsamp__ok(p->error); /* also of what a callback tried */
    return status;
}

covsamp_status covsamp__pass_run(covsamp__pass *p, const covsamp_model *model, const void *data,
                                 int64_t stride, int64_t samples, const char *function)
{
    covsamp_model own;
    covsamp_status status = covsamp__pass_enter(p, function);
    if (status == COVSAMP_OK)
        status = check_model(p, model, &own, function);
    if (status == COVSAMP_OK)
        status = check_array(p, data, stride, samples, INT64_MAX, function);
    if (status != COVSAMP_OK)
        return status;
    if (!p->running && p->active)
        return covsamp__fail(p->error, COVSAMP_E_STATE,
                             "%s: samples of %s_data() are not done with", function, p->ops->name);
    if (!p->running)
        p->fed = 0;
    p->running = 1;
    return run(p, &own, data, stride, samples, function);
}

covsamp_status covsamp__pass_finish(covsamp__pass *p, const covsamp_model *model,
                                    const char *function)
{
    covsamp_model own;
    covsamp_status status = covsamp__pass_enter(p, function);
    if (status == COVSAMP_OK)
        status = check_model(p, model, &own, function);
    if (status == COVSAMP_OK)
        status = finish(p, &own, function);
    if (status >= COVSAMP_OK)
        covsamp__ok(p->error);
    return status;
}
