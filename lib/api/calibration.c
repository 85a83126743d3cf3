/* SPDX-License-Identifier: BSD-3-Clause */
/* The doors of a calibration. */
#include "api/config.h"
#include "api/pass.h"
#include "diagnostic/calibration.h"
#include "machine/machine.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---- making one ---- */

static covsamp_status check_config(covsamp_config *config, const int64_t *levels, int64_t count,
                                   int32_t products, const char *function)
{
    const int64_t batch = covsamp__config_int(config, COVSAMP_BATCH);
    covsamp__error *error = &config->error;
    if (covsamp__vectors_refuse(config, function) != COVSAMP_OK)
        return COVSAMP_E_UNSUPPORTED;
    if (batch == 0 || covsamp__config_int(config, COVSAMP_DIM) == 0)
        return covsamp__fail(error, COVSAMP_E_RANGE, "%s: option %s is not set", function,
                             batch == 0 ? "batch" : "dim");
    if (config->schedule == NULL)
        return covsamp__fail(error, COVSAMP_E_RANGE,
                             "%s: no schedule is set, covsamp_config_set_schedule() does",
                             function);
    if (products != 0 && products != 1)
        return covsamp__fail(error, COVSAMP_E_RANGE, "%s: products is %" PRId32 ", must be 0 or 1",
                             function, products);
    if (levels == NULL && count != 0)
        return covsamp__fail(error, COVSAMP_E_NULL,
                             "%s: levels is NULL and count %" PRId64 ", not 0", function, count);
    return levels == NULL
               ? COVSAMP_OK
               : covsamp__check_levels(config, config->schedule, levels, count, function);
}

static void read_options(const covsamp_config *config, int64_t count, int32_t products,
                         covsamp_calibration *c)
{
    c->pass.dtype = (int32_t)covsamp__config_int(config, COVSAMP_DTYPE);
    c->pass.batch = covsamp__config_int(config, COVSAMP_BATCH);
    c->pass.dim = covsamp__config_int(config, COVSAMP_DIM);
    c->tangents = covsamp__config_int(config, COVSAMP_TANGENTS);
    c->mean_jvp = covsamp__config_int(config, COVSAMP_MEAN_JVP) != 0;
    c->pass.check_finite = covsamp__config_int(config, COVSAMP_CHECK_FINITE) != 0;
    c->pass.next_first = covsamp__config_int(config, COVSAMP_FIRST_SAMPLE);
    c->all = config->schedule->levels;
    c->count = count;
    c->products = products;
}

static covsamp_status plan_level(covsamp_config *config, int64_t n, int products,
                                 covsamp__calibrated *l, const char *function)
{
    const covsamp__level below = covsamp__schedule_level(config->schedule, n - 1);
    l->at = covsamp__schedule_level(config->schedule, n);
    if (products && !(l->at.alpha > 0))
        return covsamp__fail(&config->error, COVSAMP_E_UNSUPPORTED,
                             "%s: alpha is 0 at level %" PRId64
                             ", must be above 0 where products are asked for",
                             function, n);
    l->kappa = products ? l->at.sigma * l->at.sigma / l->at.alpha : 0;
    return covsamp__prediction((int32_t)covsamp__config_int(config, COVSAMP_PREDICTION), &l->at,
                               &below, &l->p, &l->q, &config->error, function);
}

static void open_request(covsamp_calibration *c, uint64_t seed)
{
    covsamp_request *q = &c->request;
    q->size = sizeof *q;
    q->dtype = c->pass.dtype;
    q->dim = q->stride = c->pass.dim;
    q->tangent_stride = c->pass.batch * c->pass.dim;
    q->steps = c->count;
    q->seed = seed;
    q->owner = covsamp__new_owner(c);
    c->pass.ops = &covsamp__calibration_pass;
    c->pass.error = &c->error;
    c->pass.request = q;
}

static covsamp_status make(covsamp_calibration **out, covsamp_config *config, const int64_t *levels,
                           int64_t count, int32_t products, const char *function)
{
    covsamp_calibration stand_in;
    covsamp__arena arena = {0};
    memset(&stand_in, 0, sizeof stand_in);
    read_options(config, count, products, &stand_in);
    covsamp__calibration_layout(&stand_in, &arena);
    const size_t bytes = arena.used;
    covsamp_calibration *c = arena.overflow ? NULL : covsamp__alloc(&config->mem, bytes);
    if (c == NULL)
        return covsamp__fail(&config->error, COVSAMP_E_NOMEM,
                             arena.overflow ? "%s: the sizes of batch and dim overflow size_t"
                                            : "%s: no memory for %zu bytes",
                             function, bytes);
    arena.base = (char *)c;
    arena.used = 0;
    c->mem = config->mem;
    c->bytes = bytes;
    read_options(config, count, products, c);
    covsamp__calibration_layout(c, &arena);
    covsamp_status status = COVSAMP_OK;
    for (int64_t i = 0; status == COVSAMP_OK && i < count; i++)
        status = plan_level(config, levels[i], products, &c->level[i], function);
    memcpy(c->log_snr, config->schedule->log_snr + 1, (size_t)c->all * sizeof *c->log_snr);
    open_request(c, (uint64_t)covsamp__config_int(config, COVSAMP_SEED));
    if (status == COVSAMP_OK)
        *out = c;
    else
        covsamp_calibration_free(c);
    return status;
}

/* In the name of `function`; config and out are not NULL, *out is. */
static covsamp_status make_checked(covsamp_calibration **out, covsamp_config *config,
                                   const int64_t *levels, int64_t count, int32_t products,
                                   const char *function)
{
    covsamp_status status = check_config(config, levels, count, products, function);
    if (status == COVSAMP_OK && levels == NULL)
        status = make(out, config, config->levels, config->steps, products, function);
    else if (status == COVSAMP_OK)
        status = make(out, config, levels, count, products, function);
    return status == COVSAMP_OK ? covsamp__ok(&config->error) : status;
}

covsamp_status covsamp_calibration_new(covsamp_calibration **out, covsamp_config *config,
                                       const int64_t *levels, int64_t count, int32_t products)
{
    if (out != NULL)
        *out = NULL;
    if (config == NULL)
        return COVSAMP_E_NULL;
    if (out == NULL)
        return covsamp__fail(&config->error, COVSAMP_E_NULL, "%s: out is NULL", __func__);
    return make_checked(out, config, levels, count, products, __func__);
}

void covsamp_calibration_free(covsamp_calibration *calibration)
{
    if (calibration == NULL)
        return;
    const covsamp_allocator mem = calibration->mem;
    covsamp__release(&mem, calibration, calibration->bytes);
}

const char *covsamp_calibration_message(const covsamp_calibration *calibration)
{
    return calibration == NULL ? "" : calibration->error.text;
}

int32_t covsamp_calibration_answer(const covsamp_calibration *calibration)
{
    return calibration == NULL ? 0 : calibration->pass.answer;
}

/* ---- stepping ---- */

static covsamp__pass *pass_of(covsamp_calibration *c)
{
    return c == NULL ? NULL : &c->pass;
}

covsamp_status covsamp_calibration_data(covsamp_calibration *calibration, const void *x,
                                        int64_t stride, int64_t samples)
{
    return covsamp__pass_data(pass_of(calibration), x, stride, samples, __func__);
}

covsamp_status covsamp_calibration_ask(covsamp_calibration *calibration,
                                       const covsamp_request **request)
{
    return covsamp__pass_ask(pass_of(calibration), request, __func__);
}

covsamp_status covsamp_calibration_tell(covsamp_calibration *calibration, int32_t answer)
{
    return covsamp__pass_tell(pass_of(calibration), answer, __func__);
}

covsamp_status covsamp_calibration_run(covsamp_calibration *calibration, const covsamp_model *model,
                                       const void *data, int64_t stride, int64_t samples)
{
    return covsamp__pass_run(pass_of(calibration), model, data, stride, samples, __func__);
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
    covsamp_status status = covsamp__pass_enter(pass_of(c), __func__);
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
    covsamp_status status = make_checked(&c, config, NULL, 0, 0, __func__);
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
        status = covsamp__pass_run(&c->pass, model, data, stride, samples, __func__);
    if (status == COVSAMP_DONE)
        status = covsamp_calibration_table(c, COVSAMP_TABLE_NOISE, values, count);
    if (status < COVSAMP_OK)
        covsamp__fail(&config->error, status, "%s", c->error.text);
    covsamp_calibration_free(c);
    return status;
}
