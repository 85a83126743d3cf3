/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a sampler: check the configuration, plan the steps, take the memory. */
#include "api/sampler.h"

#include "api/fingerprint.h"
#include "api/method.h"
#include "numeric/device.h"

#include <string.h>

#define NEW "covsamp_sampler_new"

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void read_covariance(const covsamp_config *c, const covsamp__method *m,
                            covsamp__solver *solver)
{
    covsamp__covariance *model = &solver->model;
    model->ops = m->covariance;
    model->space = model->krylov.space = solver->space;
    model->dtype = solver->dtype;
    model->batch = solver->batch;
    model->dim = solver->dim;
    model->head = (int32_t)covsamp__config_int(c, COVSAMP_HEAD);
    model->limit_range = covsamp__config_int(c, COVSAMP_LIMIT_RANGE) != 0;
    model->probes = covsamp__config_int(c, COVSAMP_PROBES);
    model->reuse = covsamp__config_int(c, COVSAMP_REUSE);
    model->tolerance = covsamp__config_real(c, COVSAMP_TOLERANCE);
    model->tangents = covsamp__config_int(c, COVSAMP_TANGENTS);
    model->push_by_product =
        covsamp__config_int(c, COVSAMP_GUIDANCE_PRODUCT) == COVSAMP_GUIDE_PRODUCT_EXACT &&
        m->covariance_name == COVSAMP_COV_KRYLOV;
    if (m->covariance_name == COVSAMP_COV_KRYLOV)
        model->tangents = 1;
    else if (m->covariance_name == COVSAMP_COV_DENSE)
        model->tangents = least(model->tangents, solver->dim);
    else
        model->tangents = least(model->tangents, model->probes);
    model->krylov.dtype = solver->dtype;
    model->krylov.batch = solver->batch;
    model->krylov.dim = solver->dim;
    /* More than dim steps are none: the space is the whole then. */
    model->krylov.most = least(covsamp__krylov_steps(c), solver->dim);
    covsamp__read_spectrum(c, solver->batch, solver->dim, &model->spectrum);
    solver->fallback = *model;
    solver->fallback.ops = covsamp__config_int(c, COVSAMP_WINDOW_FALLBACK) == COVSAMP_COV_ANALYTIC
                               ? &covsamp__covariance_analytic
                               : &covsamp__covariance_small;
}

void covsamp__sampler_read(const covsamp_config *c, covsamp_sampler *s)
{
    const covsamp__method method = covsamp__method_of(c);
    covsamp__solver *solver = &s->solver;
    s->space = covsamp__space_of(c);
    solver->space = &s->space;
    solver->ops = method.solver;
    solver->mean_order = method.mean_order;
    solver->dtype = (int32_t)covsamp__config_int(c, COVSAMP_DTYPE);
    solver->batch = covsamp__config_int(c, COVSAMP_BATCH);
    solver->dim = covsamp__config_int(c, COVSAMP_DIM);
    solver->clip = covsamp__config_real(c, COVSAMP_CLIP_X0);
    solver->eps_raw = covsamp__config_int(c, COVSAMP_EPS_AFTER_CLIP) == COVSAMP_EPS_RAW;
    solver->clip_covariance = covsamp__config_int(c, COVSAMP_CLIP_COVARIANCE) != 0;
    solver->mean_jvp = covsamp__config_int(c, COVSAMP_MEAN_JVP) != 0;
    solver->average = covsamp__config_int(c, COVSAMP_SYMMETRISE) == COVSAMP_SYMMETRISE_AVERAGE;
    solver->guided = covsamp__guides(c, COVSAMP_GUIDANCE);
    solver->free_guided = covsamp__guides(c, COVSAMP_CFG);
    solver->guide_form = method.guide_form;
    solver->guided_jacobian = covsamp__config_int(c, COVSAMP_GUIDED_JACOBIAN) != 0;
    solver->branches = (int32_t)covsamp__config_int(c, COVSAMP_BRANCHES);
    solver->churn_noise = covsamp__config_real(c, COVSAMP_CHURN_NOISE);
    read_covariance(c, &method, solver);
    s->ask_noise = covsamp__config_int(c, COVSAMP_NOISE) == COVSAMP_NOISE_ASK;
    s->check_finite = covsamp__config_int(c, COVSAMP_CHECK_FINITE) != 0;
    s->report_steps = covsamp__config_int(c, COVSAMP_REPORT_STEPS) != 0;
    s->known = covsamp__config_int(c, COVSAMP_KNOWN) != 0;
}

/* Everything a sampler uses, the sampler first.  `s` is where it is, or while counting a stand-in.
 */
static void layout(covsamp_sampler *s, const covsamp_config *config, covsamp__arena *arena)
{
    const int64_t steps = config->steps;
    covsamp__take(arena, 1, 1, sizeof *s);
    s->plan = covsamp__take(arena, steps, 1, sizeof *s->plan);
    covsamp__solver_layout(&s->solver, arena);
    covsamp__record_layout(s, steps, arena);
    covsamp__known_layout(s, arena);
    s->shown = covsamp__take(arena, s->space.ops.size != 0 ? s->solver.batch : 0, s->solver.dim,
                             covsamp__size_of(s->space.dtype));
    covsamp__fingerprint_layout(s, config->schedule->levels, arena);
}

void covsamp__sampler_request(covsamp_sampler *s, int64_t steps)
{
    covsamp_request *q = &s->request;
    q->size = sizeof *q;
    q->dtype = s->solver.dtype;
    q->batch = s->solver.batch;
    q->dim = q->stride = s->solver.dim;
    q->tangent_stride = s->solver.batch * s->solver.dim;
    q->steps = steps;
    q->owner = covsamp__new_owner(s);
}

/* The memory of the vectors that are not here, and where they lie in it. */
static covsamp_status take_device(covsamp_sampler *s, const covsamp_config *config,
                                  covsamp__arena *arena, covsamp__error *error)
{
    covsamp__space *space = &s->space;
    if (space->ops.size == 0)
        return COVSAMP_OK;
    s->device_bytes = arena->vectors->used;
    s->device = covsamp__device_alloc(space, s->device_bytes);
    if (s->device == NULL)
        return covsamp__fail(error, COVSAMP_E_NOMEM, NEW ": ops->alloc has no memory for %zu bytes",
                             s->device_bytes);
    if ((uintptr_t)s->device % 64 != 0)
        return covsamp__fail(error, COVSAMP_E_DEVICE,
                             NEW ": ops->alloc gave an address that is no multiple of 64");
    arena->vectors->base = s->device;
    arena->vectors->used = 0;
    arena->base = (char *)s;
    arena->used = 0;
    layout(s, config, arena);
    s->request.ops = &space->ops;
    /* As the memory of handles is: what is not written yet is zero. */
    covsamp__space_zero(space, (int64_t)(s->device_bytes / covsamp__size_of(space->dtype)),
                        s->device);
    return covsamp__machine_device(s, error, NEW);
}

/* Everything that may fail once there is memory. */
static covsamp_status make(covsamp_sampler *s, covsamp_config *config, covsamp__arena *arena)
{
    covsamp_status status = take_device(s, config, arena, &config->error);
    if (status == COVSAMP_OK)
        status = covsamp__make_plan(config, s->plan, &s->start_scale, &config->error, NEW);
    if (status != COVSAMP_OK)
        return status;
    covsamp__fingerprint_take(s, config);
    covsamp__sampler_request(s, config->steps);
    return covsamp__machine_restart(s, (uint64_t)covsamp__config_int(config, COVSAMP_SEED),
                                    covsamp__config_int(config, COVSAMP_FIRST_SAMPLE),
                                    &config->error, NEW);
}

covsamp_status covsamp_sampler_new(covsamp_sampler **out, covsamp_config *config)
{
    if (out == NULL)
        return config == NULL ? COVSAMP_E_NULL
                              : covsamp__fail(&config->error, COVSAMP_E_NULL, NEW ": out is NULL");
    *out = NULL;
    if (config == NULL)
        return COVSAMP_E_NULL;
    covsamp_status status = covsamp__method_check(config, NEW);
    if (status == COVSAMP_OK)
        status = covsamp__vectors_check(config, NEW);
    if (status != COVSAMP_OK)
        return status;
    covsamp_sampler stand_in;
    covsamp__arena vectors = {0}, arena = {.vectors = config->ops.size != 0 ? &vectors : NULL};
    memset(&stand_in, 0, sizeof stand_in);
    covsamp__sampler_read(config, &stand_in);
    layout(&stand_in, config, &arena);
    const size_t bytes = arena.used;
    const int overflow = arena.overflow || vectors.overflow;
    covsamp_sampler *s = overflow ? NULL : covsamp__alloc(&config->mem, bytes);
    if (s == NULL)
        return covsamp__fail(&config->error, COVSAMP_E_NOMEM,
                             overflow ? NEW ": the sizes of batch, dim and the covariance "
                                            "overflow size_t"
                                      : NEW ": no memory for %zu bytes",
                             bytes);
    s->mem = config->mem;
    s->bytes = bytes;
    covsamp__sampler_read(config, s);
    if (arena.vectors == NULL) {
        arena.base = (char *)s;
        arena.used = 0;
        layout(s, config, &arena);
    }
    status = make(s, config, &arena);
    if (status != COVSAMP_OK) {
        covsamp_sampler_free(s);
        return status;
    }
    *out = s;
    return covsamp__ok(&config->error);
}

void covsamp_sampler_free(covsamp_sampler *sampler)
{
    if (sampler == NULL)
        return;
    const covsamp_allocator mem = sampler->mem;
    covsamp__device_release(&sampler->space, sampler->device, sampler->device_bytes);
    covsamp__release(&mem, sampler, sampler->bytes);
}
