/* SPDX-License-Identifier: BSD-3-Clause */
/* The doors of a calibration. */
#include "api/calibration.h"
#include "api/config.h"
#include "machine/machine.h"
#include "numeric/vec.h"

#include <inttypes.h>
#include <string.h>

/* ---- making one ---- */

static covsamp_status check_config(covsamp_config *config, const int64_t *levels, int64_t count,
                                   int32_t products, const char *function)
{
    const int64_t batch = covsamp__config_int(config, COVSAMP_BATCH);
    covsamp__error *error = &config->error;
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
    c->dtype = (int32_t)covsamp__config_int(config, COVSAMP_DTYPE);
    c->batch = covsamp__config_int(config, COVSAMP_BATCH);
    c->dim = covsamp__config_int(config, COVSAMP_DIM);
    c->tangents = covsamp__config_int(config, COVSAMP_TANGENTS);
    c->mean_jvp = covsamp__config_int(config, COVSAMP_MEAN_JVP) != 0;
    c->check_finite = covsamp__config_int(config, COVSAMP_CHECK_FINITE) != 0;
    c->next_first = covsamp__config_int(config, COVSAMP_FIRST_SAMPLE);
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
    q->dtype = c->dtype;
    q->dim = q->stride = c->dim;
    q->tangent_stride = c->batch * c->dim;
    q->steps = c->count;
    q->seed = seed;
    q->owner = covsamp__new_owner(c);
    c->at = c->count; /* no batch */
}

static covsamp_status make(covsamp_calibration **out, covsamp_config *config, const int64_t *levels,
                           int64_t count, int32_t products, const char *function)
{
    covsamp_calibration stand_in;
    covsamp__arena arena = {NULL, 0, 0};
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

covsamp_status covsamp__calibration_new(covsamp_calibration **out, covsamp_config *config,
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
    return covsamp__calibration_new(out, config, levels, count, products, __func__);
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
    return calibration == NULL ? 0 : calibration->answer;
}

/* ---- stepping ---- */

covsamp_status covsamp__calibration_enter(covsamp_calibration *c, const char *function)
{
    if (c == NULL)
        return COVSAMP_E_NULL;
    if (c->busy)
        return covsamp__fail(&c->error, COVSAMP_E_STATE,
                             "%s: called from a callback of the same calibration", function);
    return covsamp__ok(&c->error);
}

covsamp_status covsamp__calibration_feed(covsamp_calibration *c, const void *x, int64_t stride,
                                         int64_t samples, const char *function)
{
    if (c->next_first > INT64_MAX - samples)
        return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                             "%s: samples is %" PRId64 ", too many for numbers below 2^63",
                             function, samples);
    for (int64_t b = 0; b < samples; b++) {
        const void *from = covsamp__cat(c->dtype, x, b * stride);
        const int64_t i = covsamp__nonfinite(c->dtype, c->dim, from);
        if (i >= 0)
            return covsamp__fail(&c->error, COVSAMP_E_NONFINITE,
                                 "%s: the data holds a NaN or infinity at value %" PRId64
                                 " of sample %" PRId64 ", must be finite",
                                 function, i, c->next_first + b);
        covsamp__copy(c->dtype, c->dim, from, covsamp__at(c->dtype, c->x0, b * c->dim));
    }
    covsamp__calibration_begin(c, samples);
    return COVSAMP_OK;
}

covsamp_status covsamp__calibration_check_data(covsamp_calibration *c, const void *x,
                                               int64_t stride, int64_t samples, int64_t most,
                                               const char *function)
{
    if (x == NULL)
        return covsamp__fail(&c->error, COVSAMP_E_NULL, "%s: the data is NULL", function);
    if (stride < c->dim)
        return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                             "%s: stride is %" PRId64 ", must be at least dim = %" PRId64, function,
                             stride, c->dim);
    if (samples < 1 || samples > most)
        return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                             "%s: samples is %" PRId64 ", must be in 1 ... %" PRId64, function,
                             samples, most);
    return COVSAMP_OK;
}

covsamp_status covsamp_calibration_data(covsamp_calibration *calibration, const void *x,
                                        int64_t stride, int64_t samples)
{
    covsamp_calibration *c = calibration;
    covsamp_status status = covsamp__calibration_enter(c, __func__);
    if (status != COVSAMP_OK)
        return status;
    status = covsamp__calibration_check_data(c, x, stride, samples, c->batch, __func__);
    if (status != COVSAMP_OK)
        return status;
    if (c->at < c->count)
        return covsamp__fail(&c->error, COVSAMP_E_STATE,
                             "%s: the last samples are not done with, covsamp_calibration_ask() "
                             "returns COVSAMP_DONE when they are",
                             __func__);
    c->running = 0;
    return covsamp__calibration_feed(c, x, stride, samples, __func__);
}

covsamp_status covsamp__calibration_ask(covsamp_calibration *c)
{
    return c->open || covsamp__calibration_next(c) != 0 ? COVSAMP_OK : COVSAMP_DONE;
}

covsamp_status covsamp_calibration_ask(covsamp_calibration *calibration,
                                       const covsamp_request **request)
{
    if (request != NULL)
        *request = NULL;
    covsamp_status status = covsamp__calibration_enter(calibration, __func__);
    if (status != COVSAMP_OK)
        return status;
    if (request == NULL)
        return covsamp__fail(&calibration->error, COVSAMP_E_NULL, "%s: request is NULL", __func__);
    status = covsamp__calibration_ask(calibration);
    if (status == COVSAMP_OK)
        *request = &calibration->request;
    return status;
}

covsamp_status covsamp__calibration_tell(covsamp_calibration *c, int32_t answer, int *level,
                                         const char *function)
{
    const covsamp_request *q = &c->request;
    if (!c->open)
        return covsamp__fail(&c->error, COVSAMP_E_STATE,
                             "%s: no request is open, covsamp_calibration_ask() opens one",
                             function);
    if (answer > 0 && answer != COVSAMP_CANCELLED)
        return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                             "%s: answer is %" PRId32
                             ", must be 0, COVSAMP_CANCELLED (2) or negative",
                             function, answer);
    c->answer = answer;
    if (answer == COVSAMP_CANCELLED)
        return COVSAMP_CANCELLED;
    if (answer < 0)
        return covsamp__fail(&c->error, COVSAMP_E_MODEL,
                             "%s: the answer to a request of kind %" PRId32 " is %" PRId32
                             " (level %" PRId64 "), must be 0",
                             function, q->kind, answer, q->level);
    if (c->check_finite) {
        covsamp_status status = covsamp__calibration_check(c, function);
        if (status != COVSAMP_OK)
            return status;
    }
    *level = covsamp__calibration_take(c);
    return COVSAMP_OK;
}

covsamp_status covsamp_calibration_tell(covsamp_calibration *calibration, int32_t answer)
{
    int level;
    covsamp_status status = covsamp__calibration_enter(calibration, __func__);
    if (status != COVSAMP_OK)
        return status;
    return covsamp__calibration_tell(calibration, answer, &level, __func__);
}
