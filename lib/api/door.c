/* SPDX-License-Identifier: BSD-3-Clause */
/* The doors of a living sampler: ask, tell, restart, state, statistics, cancel. */
#include "api/door.h"

#include "numeric/device.h"

#include <inttypes.h>

covsamp_status covsamp__enter(covsamp_sampler *s, const char *function)
{
    if (s == NULL)
        return COVSAMP_E_NULL;
    if (s->busy)
        return covsamp__fail(&s->error, COVSAMP_E_STATE,
                             "%s: called from a callback of the same sampler", function);
    return covsamp__ok(&s->error);
}

covsamp_status covsamp_sampler_ask(covsamp_sampler *sampler, const covsamp_request **request)
{
    if (request != NULL)
        *request = NULL;
    covsamp_status status = covsamp__enter(sampler, __func__);
    if (status != COVSAMP_OK)
        return status;
    if (request == NULL)
        return covsamp__fail(&sampler->error, COVSAMP_E_NULL, "%s: request is NULL", __func__);
    return covsamp__machine_ask(sampler, sampler->report_steps, request, __func__);
}

covsamp_status covsamp_sampler_tell(covsamp_sampler *sampler, int32_t answer)
{
    covsamp_status status = covsamp__enter(sampler, __func__);
    return status != COVSAMP_OK ? status : covsamp__machine_tell(sampler, answer, __func__);
}

int32_t covsamp_sampler_answer(const covsamp_sampler *sampler)
{
    return sampler == NULL ? 0 : sampler->answer;
}

covsamp_status covsamp_sampler_restart(covsamp_sampler *sampler, uint64_t seed,
                                       int64_t first_sample)
{
    covsamp_status status = covsamp__enter(sampler, __func__);
    if (status != COVSAMP_OK)
        return status;
    const int64_t most = INT64_MAX - sampler->solver.batch;
    if (first_sample < 0 || first_sample > most)
        return covsamp__fail(&sampler->error, COVSAMP_E_RANGE,
                             "%s: first_sample is %" PRId64 ", must be in 0 ... %" PRId64, __func__,
                             first_sample, most);
    return covsamp__machine_restart(sampler, seed, first_sample, &sampler->error, __func__);
}

/* Where the state is not here it is copied to memory that is: what a const handle says stays the
 * same. */
static covsamp_status state_elsewhere(const covsamp_sampler *sampler, const void **x)
{
    covsamp__space space = sampler->space;
    space.failure = 0;
    covsamp__device_get(&space, sampler->solver.x, sampler->shown,
                        (size_t)covsamp__solver_values(&sampler->solver) *
                            covsamp__size_of(space.dtype));
    *x = space.failure == 0 ? sampler->shown : NULL;
    return space.failure == 0 ? COVSAMP_OK : COVSAMP_E_DEVICE;
}

covsamp_status covsamp_sampler_state(const covsamp_sampler *sampler, const void **x,
                                     int64_t *stride)
{
    if (sampler == NULL || x == NULL)
        return COVSAMP_E_NULL;
    if (stride != NULL)
        *stride = sampler->solver.dim;
    if (sampler->space.ops.size != 0)
        return state_elsewhere(sampler, x);
    *x = sampler->solver.x;
    return COVSAMP_OK;
}

const char *covsamp_sampler_message(const covsamp_sampler *sampler)
{
    return sampler == NULL ? "" : sampler->error.text;
}

void covsamp_sampler_cancel(covsamp_sampler *sampler)
{
    if (sampler != NULL)
        atomic_store(&sampler->cancelled, 1);
}

covsamp_status covsamp_sampler_stats(const covsamp_sampler *sampler, covsamp_stats *stats)
{
    if (sampler == NULL || stats == NULL)
        return COVSAMP_E_NULL;
    const covsamp__krylov_counts c = covsamp__record_counts(sampler);
    covsamp_stats all = sampler->stats;
    all.size = sizeof all;
    all.products_used = c.used;
    all.products_paid = all.jvp_tangents * sampler->solver.batch;
    all.ritz_values = c.values;
    all.ritz_clamped = c.clamped;
    all.breakdowns = c.breakdowns;
    all.breakdowns_asymmetric = c.asymmetric;
    all.asymmetry = c.asymmetry;
    all.error_estimate = c.error;
    return covsamp__struct_out(stats, &all, sizeof all,
                               COVSAMP__FIRST_SIZE(covsamp_stats, error_estimate), NULL, __func__,
                               "stats");
}

covsamp_status covsamp_sampler_step_stats(const covsamp_sampler *sampler, int64_t step,
                                          covsamp_step_stats *stats)
{
    if (sampler == NULL || stats == NULL)
        return COVSAMP_E_NULL;
    if (step < 0 || step >= sampler->request.steps)
        return COVSAMP_E_RANGE;
    covsamp_step_stats row = sampler->row[step];
    row.size = sizeof row;
    row.step = step;
    row.level = sampler->plan[step].from.level;
    return covsamp__struct_out(stats, &row, sizeof row,
                               COVSAMP__FIRST_SIZE(covsamp_step_stats, error_mean), NULL, __func__,
                               "stats");
}

covsamp_status covsamp_sampler_products(const covsamp_sampler *sampler, int64_t step,
                                        int64_t *counts, int64_t count)
{
    if (sampler == NULL || counts == NULL)
        return COVSAMP_E_NULL;
    if (step < 0 || step >= sampler->request.steps || count < 1)
        return COVSAMP_E_RANGE;
    const int64_t bins = sampler->bins;
    if (bins == 0)
        return COVSAMP_E_UNSUPPORTED;
    for (int64_t k = 0; k < count; k++)
        counts[k] = k < bins ? sampler->histogram[step * bins + k] : 0;
    for (int64_t k = count; k < bins; k++)
        counts[count - 1] += sampler->histogram[step * bins + k];
    return COVSAMP_OK;
}
