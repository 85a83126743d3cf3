/* SPDX-License-Identifier: BSD-3-Clause */
/* A calibration by callbacks, and what comes out of it. */
#include "api/calibration.h"
#include "api/config.h"
#include "api/run.h"
#include "numeric/vec.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static covsamp_status check_model(covsamp_calibration *c, const covsamp_model *model,
                                  covsamp_model *own, const char *function)
{
    if (model == NULL)
        return covsamp__fail(&c->error, COVSAMP_E_NULL, "%s: model is NULL", function);
    covsamp_status status = covsamp__struct_in(own, sizeof *own, COVSAMP__MODEL_FIRST_SIZE, model,
                                               &c->error, function, "model");
    if (status == COVSAMP_OK && own->mean == NULL)
        return covsamp__fail(&c->error, COVSAMP_E_NULL, "%s: model->mean is NULL", function);
    if (status == COVSAMP_OK && own->jvp == NULL && c->products)
        return covsamp__fail(&c->error, COVSAMP_E_NULL,
                             "%s: model->jvp, which the products need, is NULL", function);
    return status;
}

/* Tells model->progress of a level that is done. */
static covsamp_status report(covsamp_calibration *c, const covsamp_model *model,
                             const char *function)
{
    covsamp_request step = c->request;
    step.kind = COVSAMP_ASK_STEP;
    step.tangents = 0;
    step.v = NULL;
    step.mean = step.product = NULL;
    c->busy = 1;
    c->answer = covsamp__call(model, &step);
    c->busy = 0;
    if (c->answer == 0 || c->answer == COVSAMP_CANCELLED)
        return c->answer;
    return covsamp__fail(&c->error, COVSAMP_E_MODEL,
                         "%s: the answer of model->progress is %" PRId32
                         ", must be 0 or COVSAMP_CANCELLED (2)",
                         function, c->answer);
}

/* Answers the next request. */
static covsamp_status step(covsamp_calibration *c, const covsamp_model *model, const char *function)
{
    int level = 0;
    c->busy = 1;
    const int32_t answer = covsamp__call(model, &c->request);
    c->busy = 0;
    covsamp_status status = covsamp__calibration_tell(c, answer, &level, function);
    return level ? report(c, model, function) : status;
}

static covsamp_status run(covsamp_calibration *c, const covsamp_model *model, const void *data,
                          int64_t stride, int64_t samples, const char *function)
{
    covsamp_status status = COVSAMP_OK;
    while (status == COVSAMP_OK) {
        if (covsamp__calibration_ask(c) == COVSAMP_OK) {
            status = step(c, model, function);
            continue;
        }
        const int64_t left = samples - c->fed, n = left < c->batch ? left : c->batch;
        if (left <= 0)
            status = COVSAMP_DONE;
        else
            status = covsamp__calibration_feed(c, covsamp__cat(c->dtype, data, c->fed * stride),
                                               stride, n, function);
        if (status != COVSAMP_OK)
            c->running = 0;
        c->fed += n;
    }
    if (status >= COVSAMP_OK)
        covsamp__ok(&c->error); /* also of what a callback tried */
    return status;
}

static covsamp_status check_and_run(covsamp_calibration *c, const covsamp_model *model,
                                    const void *data, int64_t stride, int64_t samples,
                                    const char *function)
{
    covsamp_model own;
    covsamp_status status = covsamp__calibration_enter(c, function);
    if (status == COVSAMP_OK)
        status = check_model(c, model, &own, function);
    if (status == COVSAMP_OK)
        status = covsamp__calibration_check_data(c, data, stride, samples, INT64_MAX, function);
    if (status != COVSAMP_OK)
        return status;
    if (!c->running && c->at < c->count)
        return covsamp__fail(&c->error, COVSAMP_E_STATE,
                             "%s: samples of covsamp_calibration_data() are not done with",
                             function);
    if (!c->running)
        c->fed = 0;
    c->running = 1;
    return run(c, &own, data, stride, samples, function);
}

covsamp_status covsamp_calibration_run(covsamp_calibration *calibration, const covsamp_model *model,
                                       const void *data, int64_t stride, int64_t samples)
{
    return check_and_run(calibration, model, data, stride, samples, __func__);
}

/* ---- results ---- */

static void fill_row(const covsamp__calibrated *l, int products, covsamp_calibration_level *row)
{
    const double a = l->at.alpha, s = l->at.sigma;
    memset(row, 0, sizeof *row);
    row->size = sizeof *row;
    row->level = l->at.level;
    row->samples = l->samples;
    row->alpha = a;
    row->sigma = s;
    row->error = l->error.mean;
    row->error_deviation = covsamp__moments_deviation(&l->error, l->samples);
    row->noise = covsamp__calibration_noise(l, &row->noise_deviation);
    row->trace = products ? l->trace.mean : NAN;
    row->trace_deviation = products ? covsamp__moments_deviation(&l->trace, l->samples) : NAN;
    row->asymmetry = !products ? NAN : l->odd > 0 ? sqrt(l->odd / l->even) : 0;
    row->analytic = a > 0 ? s * s / (a * a) * (1 - row->noise) : NAN;
}

covsamp_status covsamp_calibration_row(const covsamp_calibration *calibration, int64_t index,
                                       covsamp_calibration_level *row)
{
    covsamp_calibration_level own;
    if (calibration == NULL || row == NULL)
        return COVSAMP_E_NULL;
    if (index < 0 || index >= calibration->count)
        return COVSAMP_E_RANGE;
    if (calibration->level[index].samples == 0)
        return COVSAMP_E_STATE;
    fill_row(&calibration->level[index], calibration->products, &own);
    return covsamp__struct_out(row, &own, sizeof own,
                               COVSAMP__FIRST_SIZE(covsamp_calibration_level, analytic), NULL,
                               __func__, "row");
}

covsamp_status covsamp_calibration_table(covsamp_calibration *calibration, int32_t table,
                                         double *values, int64_t count)
{
    covsamp_calibration *c = calibration;
    covsamp_status status = covsamp__calibration_enter(c, __func__);
    if (status != COVSAMP_OK)
        return status;
    if (values == NULL)
        return covsamp__fail(&c->error, COVSAMP_E_NULL, "%s: values is NULL", __func__);
    if (table < COVSAMP_TABLE_NOISE || table > COVSAMP_TABLE_X0_ERROR)
        return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                             "%s: table is %" PRId32 ", must be COVSAMP_TABLE_NOISE (1) or "
                             "COVSAMP_TABLE_X0_ERROR (2)",
                             __func__, table);
    if (count != c->all)
        return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                             "%s: count is %" PRId64 ", must be %" PRId64
                             ", the levels of the schedule",
                             __func__, count, c->all);
    for (int64_t i = 0; i < c->count; i++)
        if (c->level[i].samples == 0)
            return covsamp__fail(&c->error, COVSAMP_E_STATE,
                                 "%s: no sample has passed level %" PRId64 " yet", __func__,
                                 c->level[i].at.level);
    covsamp__calibration_fill(c, table == COVSAMP_TABLE_X0_ERROR, values);
    return COVSAMP_OK;
}

covsamp_status covsamp_analytic_estimate(covsamp_config *config, const covsamp_model *model,
                                         const void *data, int64_t stride, int64_t samples,
                                         double *values, int64_t count)
{
    covsamp_calibration *c = NULL;
    if (config == NULL)
        return COVSAMP_E_NULL;
    covsamp_status status = covsamp__calibration_new(&c, config, NULL, 0, 0, __func__);
    if (status != COVSAMP_OK)
        return status;
    if (values == NULL)
        status = covsamp__fail(&c->error, COVSAMP_E_NULL, "%s: values is NULL", __func__);
    else if (count != c->all) /* before hours of work */
        status = covsamp__fail(&c->error, COVSAMP_E_RANGE,
                               "%s: count is %" PRId64 ", must be %" PRId64
                               ", the levels of the schedule",
                               __func__, count, c->all);
    else
        status = check_and_run(c, model, data, stride, samples, __func__);
    if (status == COVSAMP_DONE)
        status = covsamp_calibration_table(c, COVSAMP_TABLE_NOISE, values, count);
    if (status < COVSAMP_OK)
        covsamp__fail(&config->error, status, "%s", c->error.text);
    covsamp_calibration_free(c);
    return status;
}
