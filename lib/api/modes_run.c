/* SPDX-License-Identifier: BSD-3-Clause */
/* Posterior modes by callbacks, and what comes out of them. */
#include "api/modes.h"
#include "api/run.h"
#include "numeric/vec.h"

#include <inttypes.h>
#include <string.h>

static covsamp_status check_model(covsamp_posterior_modes *m, const covsamp_model *model,
                                  covsamp_model *own, const char *function)
{
    if (model == NULL)
        return covsamp__fail(&m->error, COVSAMP_E_NULL, "%s: model is NULL", function);
    covsamp_status status = covsamp__struct_in(own, sizeof *own, COVSAMP__MODEL_FIRST_SIZE, model,
                                               &m->error, function, "model");
    if (status == COVSAMP_OK && own->jvp == NULL)
        return covsamp__fail(&m->error, COVSAMP_E_NULL, "%s: model->jvp is NULL", function);
    if (status == COVSAMP_OK && own->vjp == NULL && m->average)
        return covsamp__fail(&m->error, COVSAMP_E_NULL,
                             "%s: model->vjp, which symmetrise = average needs (the default here), "
                             "is NULL",
                             function);
    return status;
}

/* Tells model->progress of a product that is complete. */
static covsamp_status report(covsamp_posterior_modes *m, const covsamp_model *model,
                             const char *function)
{
    covsamp_request step = m->request;
    step.kind = COVSAMP_ASK_STEP;
    step.step--; /* the product's own number */
    step.tangents = 0;
    step.v = NULL;
    step.product = step.transposed = NULL;
    m->busy = 1;
    m->answer = covsamp__call(model, &step);
    m->busy = 0;
    if (m->answer == 0 || m->answer == COVSAMP_CANCELLED)
        return m->answer;
    return covsamp__fail(&m->error, COVSAMP_E_MODEL,
                         "%s: the answer of model->progress is %" PRId32
                         ", must be 0 or COVSAMP_CANCELLED (2)",
                         function, m->answer);
}

/* Answers the next request. */
static covsamp_status step(covsamp_posterior_modes *m, const covsamp_model *model,
                           const char *function)
{
    int complete;
    m->busy = 1;
    const int32_t answer = covsamp__call(model, &m->request);
    m->busy = 0;
    covsamp_status status = covsamp__modes_tell(m, answer, &complete, function);
    return status == COVSAMP_OK && complete ? report(m, model, function) : status;
}

covsamp_status covsamp_posterior_modes_run(covsamp_posterior_modes *modes,
                                           const covsamp_model *model)
{
    covsamp_model own;
    covsamp_status status = covsamp__modes_enter(modes, __func__);
    if (status == COVSAMP_OK)
        status = check_model(modes, model, &own, __func__);
    if (status != COVSAMP_OK)
        return status;
    if (modes->phase == COVSAMP__MODES_EMPTY)
        return covsamp__fail(&modes->error, COVSAMP_E_STATE,
                             "%s: no x_t was given, covsamp_posterior_modes_data() does", __func__);
    while ((status = covsamp__modes_ask(modes, __func__)) == COVSAMP_OK) {
        status = step(modes, &own, __func__);
        if (status != COVSAMP_OK)
            break;
    }
    if (status >= COVSAMP_OK)
        covsamp__ok(&modes->error); /* also of what a callback tried */
    return status;
}

/* ---- results ---- */

/* Those that need no index of a mode. */
static covsamp_status check_sample(const covsamp_posterior_modes *m, int64_t sample)
{
    if (m->phase != COVSAMP__MODES_DONE)
        return COVSAMP_E_STATE;
    return sample < 0 || sample >= m->filled ? COVSAMP_E_RANGE : COVSAMP_OK;
}

covsamp_status covsamp_posterior_modes_row(const covsamp_posterior_modes *modes, int64_t sample,
                                           int64_t index, covsamp_mode *mode)
{
    if (modes == NULL || mode == NULL)
        return COVSAMP_E_NULL;
    covsamp_status status = check_sample(modes, sample);
    if (status != COVSAMP_OK)
        return status;
    if (index < 0 || index >= modes->held[sample])
        return COVSAMP_E_RANGE;
    const int64_t at = sample * modes->count + index;
    covsamp_mode own;
    memset(&own, 0, sizeof own);
    own.size = sizeof own;
    own.value = modes->value[at];
    own.residual = modes->residual[at];
    own.converged = own.residual <= modes->tolerance;
    own.vector = covsamp__cat(modes->dtype, modes->vector, at * modes->dim);
    return covsamp__struct_out(mode, &own, sizeof own, COVSAMP__FIRST_SIZE(covsamp_mode, vector),
                               NULL, __func__, "mode");
}

covsamp_status covsamp_posterior_modes_space(const covsamp_posterior_modes *modes, int64_t sample,
                                             int64_t *products, double *asymmetry)
{
    if (modes == NULL)
        return COVSAMP_E_NULL;
    covsamp_status status = check_sample(modes, sample);
    if (status != COVSAMP_OK)
        return status;
    if (products != NULL)
        *products = modes->krylov.size[sample];
    if (asymmetry != NULL)
        *asymmetry = covsamp__krylov_asymmetry(&modes->krylov, sample);
    return COVSAMP_OK;
}
