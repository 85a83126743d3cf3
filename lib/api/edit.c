/* SPDX-License-Identifier: BSD-3-Clause */
/* The doors of what is changed from outside: the state, where it begins, and values that are known.
 */
#include "api/door.h"

#include "numeric/device.h"

#include <inttypes.h>
#include <string.h>

/* Whether [batch][dim] values may be read from x: pointer, stride, finite. */
static covsamp_status check_values(covsamp_sampler *s, const void *x, int64_t stride,
                                   const char *name, const char *function)
{
    const covsamp__solver *solver = &s->solver;
    if (x == NULL)
        return covsamp__fail(&s->error, COVSAMP_E_NULL, "%s: %s is NULL", function, name);
    const int64_t most = PTRDIFF_MAX / (int64_t)sizeof(double) / solver->batch;
    if (stride < solver->dim || stride > most)
        return covsamp__fail(&s->error, COVSAMP_E_RANGE,
                             "%s: stride is %" PRId64 ", must be in dim = %" PRId64 " ... %" PRId64,
                             function, stride, solver->dim, most);
    for (int64_t b = 0; b < solver->batch; b++) {
        int64_t i = covsamp__nonfinite(solver->dtype, solver->dim,
                                       covsamp__cat(solver->dtype, x, b * stride));
        if (i >= 0)
            return covsamp__fail(&s->error, COVSAMP_E_NONFINITE,
                                 "%s: %s holds a NaN or infinity at value %" PRId64
                                 " of sample %" PRId64 ", must be finite",
                                 function, name, i, b);
    }
    return COVSAMP_OK;
}

/* A step that has ended counts as "between": its report, if one is open, is given up. */
static int is_between(const covsamp_sampler *s)
{
    return s->phase == COVSAMP__START || s->phase == COVSAMP__KNOWN_START ||
           s->phase == COVSAMP__BETWEEN ||
           (s->phase == COVSAMP__STEP_END && s->request.step + 1 < s->request.steps);
}

covsamp_status covsamp_sampler_set_state(covsamp_sampler *sampler, const void *x, int64_t stride)
{
    covsamp_status status = covsamp__enter(sampler, __func__);
    if (status == COVSAMP_OK && x != NULL && !is_between(sampler))
        return covsamp__fail(
            &sampler->error, COVSAMP_E_STATE,
            "%s: the state may be set before the first step and between steps only", __func__);
    if (status == COVSAMP_OK)
        status = check_values(sampler, x, stride, "x", __func__);
    if (status != COVSAMP_OK)
        return status;
    covsamp__machine_read(sampler, x, stride, sampler->solver.x);
    if (sampler->phase == COVSAMP__START || sampler->phase == COVSAMP__KNOWN_START) {
        sampler->open = 0;
        sampler->from_x0 = 0; /* a start that was given before is given up */
        sampler->phase = COVSAMP__BETWEEN;
    }
    sampler->request.point = sampler->next_point++; /* of an open STEP request: x is another now */
    return covsamp__machine_device(sampler, &sampler->error, __func__);
}

covsamp_status covsamp_sampler_start_from(covsamp_sampler *sampler, const void *x0, int64_t stride)
{
    covsamp_status status = covsamp__enter(sampler, __func__);
    if (status == COVSAMP_OK && x0 != NULL && (sampler->phase != COVSAMP__START || sampler->open))
        return covsamp__fail(&sampler->error, COVSAMP_E_STATE,
                             "%s: the start may be given before the first ask() only", __func__);
    if (status == COVSAMP_OK)
        status = check_values(sampler, x0, stride, "x0", __func__);
    if (status != COVSAMP_OK)
        return status;
    covsamp__machine_read(sampler, x0, stride, sampler->solver.x);
    sampler->from_x0 = 1;
    return covsamp__machine_device(sampler, &sampler->error, __func__);
}

/* Whether a mask may be read: pointer, stride, bytes. */
static covsamp_status check_mask(covsamp_sampler *s, const uint8_t *mask, int64_t stride,
                                 const char *function)
{
    const covsamp__solver *solver = &s->solver;
    if (mask == NULL)
        return covsamp__fail(&s->error, COVSAMP_E_NULL, "%s: mask is NULL", function);
    const int64_t most = PTRDIFF_MAX / solver->batch;
    if (stride != 0 && (stride < solver->dim || stride > most))
        return covsamp__fail(&s->error, COVSAMP_E_RANGE,
                             "%s: mask_stride is %" PRId64 ", must be 0 or in dim = %" PRId64
                             " ... %" PRId64,
                             function, stride, solver->dim, most);
    for (int64_t b = 0; b < solver->batch; b++)
        for (int64_t i = 0; i < solver->dim; i++)
            if (mask[b * stride + i] > 1)
                return covsamp__fail(&s->error, COVSAMP_E_RANGE,
                                     "%s: mask of value %" PRId64 " of sample %" PRId64
                                     " is %d, must be 0 or 1",
                                     function, i, b, mask[b * stride + i]);
    return COVSAMP_OK;
}

/* Whether no step is open, nor a request for the noise of known values. */
static int is_closed(const covsamp_sampler *s)
{
    return s->phase != COVSAMP__IN_STEP && s->phase != COVSAMP__KNOWN_START &&
           s->phase != COVSAMP__KNOWN_STEP;
}

covsamp_status covsamp_sampler_set_known(covsamp_sampler *sampler, const void *x0, int64_t stride,
                                         const uint8_t *mask, int64_t mask_stride)
{
    covsamp_status status = covsamp__enter(sampler, __func__);
    if (status != COVSAMP_OK)
        return status;
    const covsamp__solver *solver = &sampler->solver;
    const int none = x0 == NULL && mask == NULL;
    if (!sampler->known)
        return covsamp__fail(&sampler->error, COVSAMP_E_UNSUPPORTED,
                             "%s: option known is 0, must be 1 for known values", __func__);
    if (!is_closed(sampler))
        return covsamp__fail(&sampler->error, COVSAMP_E_STATE,
                             "%s: known values may be set while no step is open only", __func__);
    if (!none)
        status = check_values(sampler, x0, stride, "x0", __func__);
    if (!none && status == COVSAMP_OK)
        status = check_mask(sampler, mask, mask_stride, __func__);
    if (status != COVSAMP_OK)
        return status;
    sampler->known_set = !none;
    if (none)
        return COVSAMP_OK;
    covsamp__machine_read(sampler, x0, stride, sampler->known_x0);
    uint8_t *rows = sampler->space.ops.size == 0 ? sampler->known_mask : sampler->space.staging;
    for (int64_t b = 0; b < solver->batch; b++)
        memcpy(rows + b * solver->dim, mask + b * mask_stride, (size_t)solver->dim);
    if (rows != sampler->known_mask)
        covsamp__device_put(&sampler->space, rows, sampler->known_mask,
                            (size_t)covsamp__solver_values(solver));
    return covsamp__machine_device(sampler, &sampler->error, __func__);
}
