/* SPDX-License-Identifier: BSD-3-Clause */
#include "timed.h"

#include "app.h"

#include <string.h>

static int32_t call(struct timed *timed, covsamp_answer_fn answer, const covsamp_request *request)
{
    double start = now();
    int32_t status = answer(timed->inner.model_user, request);
    timed->seconds += now() - start;
    return status;
}

static int32_t mean(void *user, const covsamp_request *request)
{
    struct timed *timed = user;
    return call(timed, timed->inner.mean, request);
}

static int32_t jvp(void *user, const covsamp_request *request)
{
    struct timed *timed = user;
    return call(timed, timed->inner.jvp, request);
}

static int32_t vjp(void *user, const covsamp_request *request)
{
    struct timed *timed = user;
    return call(timed, timed->inner.vjp, request);
}

static int32_t mean_jvp(void *user, const covsamp_request *request)
{
    struct timed *timed = user;
    return call(timed, timed->inner.mean_jvp, request);
}

static int32_t guide(void *user, const covsamp_request *request)
{
    struct timed *timed = user;
    double start = now();
    int32_t status = timed->inner.guide(timed->inner.guide_user, request);
    timed->seconds += now() - start;
    return status;
}

void timed_model(struct timed *timed, covsamp_model *outer)
{
    memset(outer, 0, sizeof *outer);
    outer->size = sizeof *outer;
    outer->model_user = timed;
    outer->mean = mean;
    outer->jvp = timed->inner.jvp != NULL ? jvp : NULL;
    outer->vjp = timed->inner.vjp != NULL ? vjp : NULL;
    outer->mean_jvp = timed->inner.mean_jvp != NULL ? mean_jvp : NULL;
    outer->guide_user = timed;
    outer->guide = timed->inner.guide != NULL ? guide : NULL;
}
