/* SPDX-License-Identifier: BSD-3-Clause */
/* Callbacks: a loop over ask and tell. */
#include "api/run.h"

#include "machine/machine.h"

typedef struct {
    covsamp_answer_fn function;
    void *user;
} callback;

static callback find(const covsamp_model *m, int32_t kind)
{
    const callback by_model[5] = {{NULL, NULL},
                                  {m->mean, m->model_user},
                                  {m->jvp, m->model_user},
                                  {m->mean_jvp, m->model_user},
                                  {m->vjp, m->model_user}};
    const callback guide = {m->guide, m->guide_user};
    if (kind >= 0 && kind < 5)
        return by_model[kind];
    if (kind == COVSAMP_ASK_GUIDE)
        return guide;
    const callback other = {kind == COVSAMP_ASK_NOISE ? m->noise : m->progress,
                            kind == COVSAMP_ASK_NOISE ? m->noise_user : m->progress_user};
    return other;
}

/* Mean and product by two callbacks: each sees a request with its own part only. */
static int32_t answer_in_parts(const covsamp_model *m, const covsamp_request *request)
{
    covsamp_request part = *request;
    part.kind = COVSAMP_ASK_MEAN;
    part.products_follow = 1;
    part.v = NULL;
    part.product = part.other_product = NULL;
    part.tangents = 0;
    int32_t answer = m->mean(m->model_user, &part);
    if (answer != 0)
        return answer;
    part = *request;
    part.kind = COVSAMP_ASK_JVP;
    part.mean = part.other_mean = NULL;
    part.head = part.other_head = NULL;
    return m->jvp(m->model_user, &part);
}

int32_t covsamp__call(const covsamp_model *m, const covsamp_request *request)
{
    const callback c = find(m, request->kind);
    if (c.function != NULL)
        return c.function(c.user, request);
    return request->kind == COVSAMP_ASK_MEAN_JVP ? answer_in_parts(m, request) : 0;
}

static int32_t answer_request(covsamp_sampler *s, const covsamp_model *m,
                              const covsamp_request *request)
{
    s->busy = 1;
    const int32_t answer = covsamp__call(m, request);
    s->busy = 0;
    return answer;
}

static covsamp_status check_model(covsamp_sampler *s, const covsamp_model *model,
                                  covsamp_model *own, const char *function)
{
    const char *missing = NULL;
    covsamp_status status = covsamp__struct_in(own, sizeof *own, COVSAMP__MODEL_FIRST_SIZE, model,
                                               &s->error, function, "model");
    if (status != COVSAMP_OK)
        return status;
    if (own->mean == NULL)
        missing = "mean";
    else if (own->jvp == NULL && s->solver.model.ops->needs_products)
        missing = "jvp, which this covariance needs,";
    else if (own->vjp == NULL && s->solver.average && s->solver.model.ops->needs_products)
        missing = "vjp, which symmetrise = average needs,";
    else if (own->noise == NULL && s->ask_noise)
        missing = "noise, which the option noise = ask needs,";
    else if (own->guide == NULL && s->solver.guided)
        missing = "guide, which guidance needs,";
    if (missing != NULL)
        return covsamp__fail(&s->error, COVSAMP_E_NULL, "%s: model->%s is NULL", function, missing);
    return COVSAMP_OK;
}

/* Answers requests until the run, or if `one` the present step, has ended. */
static covsamp_status drive(covsamp_sampler *s, const covsamp_model *model, int one,
                            const char *function)
{
    const covsamp_request *request;
    covsamp_model own;
    if (s == NULL)
        return COVSAMP_E_NULL;
    covsamp__ok(&s->error);
    if (model == NULL)
        return covsamp__fail(&s->error, COVSAMP_E_NULL, "%s: model is NULL", function);
    if (s->busy)
        return covsamp__fail(&s->error, COVSAMP_E_STATE,
                             "%s: called from a callback of the same sampler", function);
    covsamp_status status = check_model(s, model, &own, function);
    int ended = 0; /* one step, as asked */
    while (status == COVSAMP_OK && !ended) {
        status = covsamp__machine_ask(s, 1, &request, function);
        if (status != COVSAMP_OK)
            break;
        const int step_end = request->kind == COVSAMP_ASK_STEP;
        status = covsamp__machine_tell(s, answer_request(s, &own, request), function);
        ended = one && step_end;
    }
    if (status == COVSAMP_OK && s->phase == COVSAMP__FINISHED)
        status = COVSAMP_DONE;
    if (status >= COVSAMP_OK)
        covsamp__ok(&s->error); /* also of what a callback tried with this sampler */
    return status;
}

covsamp_status covsamp_sampler_run(covsamp_sampler *sampler, const covsamp_model *model)
{
    return drive(sampler, model, 0, __func__);
}

covsamp_status covsamp_sampler_step(covsamp_sampler *sampler, const covsamp_model *model)
{
    return drive(sampler, model, 1, __func__);
}
