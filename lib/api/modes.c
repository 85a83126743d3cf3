/* SPDX-License-Identifier: BSD-3-Clause */
/* The doors of posterior modes. */
#include "api/config.h"
#include "api/pass.h"
#include "diagnostic/modes.h"
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
    if (covsamp__vectors_refuse(config, NEW) != COVSAMP_OK)
        return COVSAMP_E_UNSUPPORTED;
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
    covsamp__pass *p = &m->pass;
    p->dtype = (int32_t)covsamp__config_int(config, COVSAMP_DTYPE);
    p->batch = covsamp__config_int(config, COVSAMP_BATCH);
    p->dim = covsamp__config_int(config, COVSAMP_DIM);
    p->check_finite = covsamp__config_int(config, COVSAMP_CHECK_FINITE) != 0;
    p->next_first = covsamp__config_int(config, COVSAMP_FIRST_SAMPLE);
    m->average = !covsamp__config_chosen(config, COVSAMP_SYMMETRISE) ||
                 covsamp__config_int(config, COVSAMP_SYMMETRISE) == COVSAMP_SYMMETRISE_AVERAGE;
    m->tolerance = tolerance > 0 ? tolerance : TOLERANCE;
    m->count = count;
    m->krylov.dtype = p->dtype;
    m->krylov.remainder = 1;
    m->krylov.batch = p->batch;
    m->krylov.dim = p->dim;
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

static void finish(covsamp_posterior_modes *m, uint64_t seed)
{
    covsamp_request *q = &m->request;
    q->size = sizeof *q;
    q->dtype = m->pass.dtype;
    q->dim = q->stride = m->pass.dim;
    q->tangents = 1;
    q->tangent_stride = m->pass.batch * m->pass.dim;
    q->steps = m->krylov.most;
    q->level = m->at.level;
    q->time = m->at.time;
    q->alpha = m->at.alpha;
    q->sigma = m->at.sigma;
    q->seed = seed;
    q->owner = covsamp__new_owner(m);
    q->x = m->pass.x0;
    m->pass.ops = &covsamp__modes_pass;
    m->pass.error = &m->error;
    m->pass.request = q;
}

static covsamp_status make(covsamp_posterior_modes **out, covsamp_config *config, int64_t level,
                           int64_t count)
{
    covsamp_posterior_modes stand_in;
    covsamp__arena arena = {0};
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
    finish(m, (uint64_t)covsamp__config_int(config, COVSAMP_SEED));
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
    return modes == NULL ? 0 : modes->pass.answer;
}

/* ---- the loop ---- */

static covsamp__pass *pass_of(covsamp_posterior_modes *m)
{
    return m == NULL ? NULL : &m->pass;
}

covsamp_status covsamp_posterior_modes_data(covsamp_posterior_modes *modes, const void *x,
                                            int64_t stride, int64_t samples)
{
    return covsamp__pass_data(pass_of(modes), x, stride, samples, __func__);
}

/* A pass is done with samples that failed; there are no modes to be read, though. */
static covsamp_status check_failed(covsamp_posterior_modes *m, const char *function)
{
    const covsamp_status status = covsamp__pass_enter(pass_of(m), function);
    if (status != COVSAMP_OK)
        return status;
    const int overflow = m->phase == COVSAMP__MODES_WORKING && !m->pass.active;
    if (m->phase != COVSAMP__MODES_FAILED && !overflow)
        return status;
    return covsamp__fail(&m->error, COVSAMP_E_STATE,
                         "%s: these samples have ended with %s, others must be given by "
                         "covsamp_posterior_modes_data()",
                         function,
                         covsamp_status_name(overflow ? COVSAMP_E_OVERFLOW : COVSAMP_E_LINALG));
}

covsamp_status covsamp_posterior_modes_ask(covsamp_posterior_modes *modes,
                                           const covsamp_request **request)
{
    if (request != NULL)
        *request = NULL;
    const covsamp_status status = check_failed(modes, __func__);
    return status == COVSAMP_OK ? covsamp__pass_ask(pass_of(modes), request, __func__) : status;
}

covsamp_status covsamp_posterior_modes_tell(covsamp_posterior_modes *modes, int32_t answer)
{
    return covsamp__pass_tell(pass_of(modes), answer, __func__);
}

covsamp_status covsamp_posterior_modes_run(covsamp_posterior_modes *modes,
                                           const covsamp_model *model)
{
    const covsamp_status status = check_failed(modes, __func__);
    if (status != COVSAMP_OK)
        return status;
    if (modes->phase == COVSAMP__MODES_EMPTY)
        return covsamp__fail(&modes->error, COVSAMP_E_STATE,
                             "%s: no x_t was given, covsamp_posterior_modes_data() does", __func__);
    return covsamp__pass_finish(pass_of(modes), model, __func__);
}

/* ---- results ---- */

/* Those that need no index of a mode. */
static covsamp_status check_sample(const covsamp_posterior_modes *m, int64_t sample)
{
    if (m->phase != COVSAMP__MODES_DONE)
        return COVSAMP_E_STATE;
    return sample < 0 || sample >= m->pass.filled ? COVSAMP_E_RANGE : COVSAMP_OK;
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
    own.vector = covsamp__cat(modes->pass.dtype, modes->vector, at * modes->pass.dim);
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
