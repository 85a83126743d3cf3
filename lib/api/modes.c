/* SPDX-License-Identifier: BSD-3-Clause */
/* The doors of posterior modes. */
#include "api/modes.h"

#include "api/config.h"
#include "machine/machine.h"
#include "numeric/linalg.h"
#include "numeric/vec.h"

#include <inttypes.h>
#include <string.h>

#define NEW       "covsamp_posterior_modes_new"
#define TOLERANCE 1e-3 /* of residuals, where the option is 0 */

/* ---- making one ---- */

/* Products at most, whether or not the configuration and count are any good. */
static int64_t most_products(const covsamp_config *c, int64_t count)
{
    const int64_t dim = covsamp__config_int(c, COVSAMP_DIM);
    const int chosen = covsamp__config_chosen(c, COVSAMP_KRYLOV_STEPS);
    if (!chosen && (count < 1 || count > dim / 4))
        return dim;
    const int64_t wanted = chosen ? covsamp__config_int(c, COVSAMP_KRYLOV_STEPS) : 4 * count + 16;
    return wanted < dim ? wanted : dim;
}

static covsamp_status check_config(covsamp_config *config, int64_t level, int64_t count)
{
    const int64_t batch = covsamp__config_int(config, COVSAMP_BATCH);
    const int64_t most = most_products(config, count);
    covsamp__error *error = &config->error;
    if (batch == 0 || covsamp__config_int(config, COVSAMP_DIM) == 0)
        return covsamp__fail(error, COVSAMP_E_RANGE, NEW ": option %s is not set",
                             batch == 0 ? "batch" : "dim");
    if (config->schedule == NULL)
        return covsamp__fail(error, COVSAMP_E_RANGE,
                             NEW ": no schedule is set, covsamp_config_set_schedule() does");
    if (level < 1 || level > config->schedule->levels)
        return covsamp__fail(error, COVSAMP_E_RANGE,
                             NEW ": level is %" PRId64 ", must be in 1 ... %" PRId64, level,
                             config->schedule->levels);
    if (count < 1 || count > most)
        return covsamp__fail(error, COVSAMP_E_RANGE,
                             NEW ": count is %" PRId64 ", must be in 1 ... %" PRId64
                                 ", the products (krylov_steps where it was set, at most dim)",
                             count, most);
    if (most > COVSAMP__MAX_ORDER)
        return covsamp__fail(error, COVSAMP_E_RANGE,
                             NEW ": count is %" PRId64 ", which means %" PRId64
                                 " products, must be at most %d of them",
                             count, most, COVSAMP__MAX_ORDER);
    return COVSAMP_OK;
}

static void read_options(const covsamp_config *config, int64_t count, covsamp_posterior_modes *m)
{
    const double tolerance = covsamp__config_real(config, COVSAMP_TOLERANCE);
    m->dtype = (int32_t)covsamp__config_int(config, COVSAMP_DTYPE);
    m->batch = covsamp__config_int(config, COVSAMP_BATCH);
    m->dim = covsamp__config_int(config, COVSAMP_DIM);
    m->average = !covsamp__config_chosen(config, COVSAMP_SYMMETRISE) ||
                 covsamp__config_int(config, COVSAMP_SYMMETRISE) == COVSAMP_SYMMETRISE_AVERAGE;
    m->check_finite = covsamp__config_int(config, COVSAMP_CHECK_FINITE) != 0;
    m->next_first = covsamp__config_int(config, COVSAMP_FIRST_SAMPLE);
    m->tolerance = tolerance > 0 ? tolerance : TOLERANCE;
    m->count = count;
    m->krylov.dtype = m->dtype;
    m->krylov.remainder = 1;
    m->krylov.batch = m->batch;
    m->krylov.dim = m->dim;
    m->krylov.most = most_products(config, count);
}

static covsamp_status plan_level(covsamp_config *config, int64_t n, covsamp_posterior_modes *m)
{
    const covsamp__level below = covsamp__schedule_level(config->schedule, n - 1);
    m->at = covsamp__schedule_level(config->schedule, n);
    if (!(m->at.alpha > 0))
        return covsamp__fail(&config->error, COVSAMP_E_UNSUPPORTED,
                             NEW ": alpha is 0 at level %" PRId64
                                 ", must be above 0: x_t says nothing about x0 there",
                             n);
    m->kappa = m->at.sigma * m->at.sigma / m->at.alpha;
    return covsamp__prediction((int32_t)covsamp__config_int(config, COVSAMP_PREDICTION), &m->at,
                               &below, &m->p, &m->q, &config->error, NEW);
}

static void open_request(covsamp_posterior_modes *m, uint64_t seed)
{
    covsamp_request *q = &m->request;
    q->size = sizeof *q;
    q->dtype = m->dtype;
    q->dim = q->stride = m->dim;
    q->tangents = 1;
    q->tangent_stride = m->batch * m->dim;
    q->steps = m->krylov.most;
    q->level = m->at.level;
    q->time = m->at.time;
    q->alpha = m->at.alpha;
    q->sigma = m->at.sigma;
    q->seed = seed;
    q->owner = covsamp__new_owner(m);
    q->x = m->x;
}

static covsamp_status make(covsamp_posterior_modes **out, covsamp_config *config, int64_t level,
                           int64_t count)
{
    covsamp_posterior_modes stand_in;
    covsamp__arena arena = {NULL, 0, 0};
    memset(&stand_in, 0, sizeof stand_in);
    covsamp_status status = plan_level(config, level, &stand_in);
    if (status != COVSAMP_OK)
        return status;
    read_options(config, count, &stand_in);
    covsamp__modes_layout(&stand_in, &arena);
    const size_t bytes = arena.used;
    covsamp_posterior_modes *m = arena.overflow ? NULL : covsamp__alloc(&config->mem, bytes);
    if (m == NULL)
        return covsamp__fail(&config->error, COVSAMP_E_NOMEM,
                             arena.overflow ? NEW ": the sizes of batch, dim and count overflow "
                                                  "size_t"
                                            : NEW ": no memory for %zu bytes",
                             bytes);
    arena.base = (char *)m;
    arena.used = 0;
    *m = stand_in;
    m->mem = config->mem;
    m->bytes = bytes;
    covsamp__modes_layout(m, &arena);
    open_request(m, (uint64_t)covsamp__config_int(config, COVSAMP_SEED));
    *out = m;
    return covsamp__ok(&config->error);
}

covsamp_status covsamp_posterior_modes_new(covsamp_posterior_modes **out, covsamp_config *config,
                                           int64_t level, int64_t count)
{
    if (out != NULL)
        *out = NULL;
    if (config == NULL)
        return COVSAMP_E_NULL;
    if (out == NULL)
        return covsamp__fail(&config->error, COVSAMP_E_NULL, NEW ": out is NULL");
    covsamp_status status = check_config(config, level, count);
    return status == COVSAMP_OK ? make(out, config, level, count) : status;
}

void covsamp_posterior_modes_free(covsamp_posterior_modes *modes)
{
    if (modes == NULL)
        return;
    const covsamp_allocator mem = modes->mem;
    covsamp__release(&mem, modes, modes->bytes);
}

const char *covsamp_posterior_modes_message(const covsamp_posterior_modes *modes)
{
    return modes == NULL ? "" : modes->error.text;
}

int32_t covsamp_posterior_modes_answer(const covsamp_posterior_modes *modes)
{
    return modes == NULL ? 0 : modes->answer;
}

/* ---- stepping ---- */

covsamp_status covsamp__modes_enter(covsamp_posterior_modes *m, const char *function)
{
    if (m == NULL)
        return COVSAMP_E_NULL;
    if (m->busy)
        return covsamp__fail(&m->error, COVSAMP_E_STATE,
                             "%s: called from a callback of the same handle", function);
    return covsamp__ok(&m->error);
}

static covsamp_status check_data(covsamp_posterior_modes *m, const void *x, int64_t stride,
                                 int64_t samples, const char *function)
{
    if (x == NULL)
        return covsamp__fail(&m->error, COVSAMP_E_NULL, "%s: the data is NULL", function);
    if (stride < m->dim)
        return covsamp__fail(&m->error, COVSAMP_E_RANGE,
                             "%s: stride is %" PRId64 ", must be at least dim = %" PRId64, function,
                             stride, m->dim);
    if (samples < 1 || samples > m->batch)
        return covsamp__fail(&m->error, COVSAMP_E_RANGE,
                             "%s: samples is %" PRId64 ", must be in 1 ... %" PRId64, function,
                             samples, m->batch);
    if (m->phase == COVSAMP__MODES_WORKING)
        return covsamp__fail(&m->error, COVSAMP_E_STATE,
                             "%s: the last samples are not done with, "
                             "covsamp_posterior_modes_ask() returns COVSAMP_DONE when they are",
                             function);
    if (m->next_first > INT64_MAX - samples)
        return covsamp__fail(&m->error, COVSAMP_E_RANGE,
                             "%s: samples is %" PRId64 ", too many for numbers below 2^63",
                             function, samples);
    for (int64_t b = 0; b < samples; b++) {
        const int64_t i =
            covsamp__nonfinite(m->dtype, m->dim, covsamp__cat(m->dtype, x, b * stride));
        if (i >= 0)
            return covsamp__fail(&m->error, COVSAMP_E_NONFINITE,
                                 "%s: the data holds a NaN or infinity at value %" PRId64
                                 " of sample %" PRId64 ", must be finite",
                                 function, i, m->next_first + b);
    }
    return COVSAMP_OK;
}

covsamp_status covsamp_posterior_modes_data(covsamp_posterior_modes *modes, const void *x,
                                            int64_t stride, int64_t samples)
{
    covsamp_status status = covsamp__modes_enter(modes, __func__);
    if (status == COVSAMP_OK)
        status = check_data(modes, x, stride, samples, __func__);
    if (status != COVSAMP_OK)
        return status;
    for (int64_t b = 0; b < samples; b++)
        covsamp__copy(modes->dtype, modes->dim, covsamp__cat(modes->dtype, x, b * stride),
                      covsamp__at(modes->dtype, modes->x, b * modes->dim));
    covsamp__modes_begin(modes, samples);
    return COVSAMP_OK;
}

covsamp_status covsamp__modes_ask(covsamp_posterior_modes *m, const char *function)
{
    if (m->phase == COVSAMP__MODES_FAILED)
        return covsamp__fail(&m->error, COVSAMP_E_STATE,
                             "%s: these samples have ended with COVSAMP_E_LINALG, other data must "
                             "be given",
                             function);
    if (m->phase != COVSAMP__MODES_WORKING)
        return COVSAMP_DONE;
    if (!m->open)
        covsamp__modes_next(m);
    return COVSAMP_OK;
}

covsamp_status covsamp_posterior_modes_ask(covsamp_posterior_modes *modes,
                                           const covsamp_request **request)
{
    if (request != NULL)
        *request = NULL;
    covsamp_status status = covsamp__modes_enter(modes, __func__);
    if (status != COVSAMP_OK)
        return status;
    if (request == NULL)
        return covsamp__fail(&modes->error, COVSAMP_E_NULL, "%s: request is NULL", __func__);
    status = covsamp__modes_ask(modes, __func__);
    if (status == COVSAMP_OK)
        *request = &modes->request;
    return status;
}

covsamp_status covsamp__modes_tell(covsamp_posterior_modes *m, int32_t answer, int *complete,
                                   const char *function)
{
    const covsamp_request *q = &m->request;
    *complete = 0;
    if (!m->open)
        return covsamp__fail(&m->error, COVSAMP_E_STATE,
                             "%s: no request is open, covsamp_posterior_modes_ask() opens one",
                             function);
    if (answer > 0 && answer != COVSAMP_CANCELLED)
        return covsamp__fail(&m->error, COVSAMP_E_RANGE,
                             "%s: answer is %" PRId32
                             ", must be 0, COVSAMP_CANCELLED (2) or negative",
                             function, answer);
    m->answer = answer;
    if (answer == COVSAMP_CANCELLED)
        return COVSAMP_CANCELLED;
    if (answer < 0)
        return covsamp__fail(&m->error, COVSAMP_E_MODEL,
                             "%s: the answer to a request of kind %" PRId32 " is %" PRId32
                             " (level %" PRId64 "), must be 0",
                             function, q->kind, answer, q->level);
    if (m->check_finite) {
        covsamp_status status = covsamp__modes_check(m, function);
        if (status != COVSAMP_OK)
            return status;
    }
    *complete = covsamp__modes_take(m);
    if (m->phase == COVSAMP__MODES_FAILED)
        return covsamp__fail(&m->error, COVSAMP_E_LINALG,
                             "%s: the eigenvalues of the covariance of sample %" PRId64
                             " did not converge (level %" PRId64 ")",
                             function, q->first_sample + m->failed, q->level);
    return COVSAMP_OK;
}

covsamp_status covsamp_posterior_modes_tell(covsamp_posterior_modes *modes, int32_t answer)
{
    int complete;
    covsamp_status status = covsamp__modes_enter(modes, __func__);
    return status != COVSAMP_OK ? status : covsamp__modes_tell(modes, answer, &complete, __func__);
}
