/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a sampler: check the configuration, plan the steps, take the memory. */
#include "api/config.h"
#include "machine/machine.h"

#include "numeric/linalg.h"
#include "numeric/vec.h"

#include <inttypes.h>
#include <string.h>

#define NEW "covsamp_sampler_new"

static const covsamp__covariance_ops *find_covariance(int64_t name)
{
    switch (name) {
    case COVSAMP_COV_NONE:
        return &covsamp__covariance_none;
    case COVSAMP_COV_SMALL:
        return &covsamp__covariance_small;
    case COVSAMP_COV_LARGE:
        return &covsamp__covariance_large;
    case COVSAMP_COV_DENSE:
        return &covsamp__covariance_dense;
    default:
        return &covsamp__covariance_krylov;
    }
}

/* ---- checking what single options cannot know ---- */

static covsamp_status check(covsamp_config *c)
{
    const int64_t batch = covsamp__config_int(c, COVSAMP_BATCH);
    const int64_t dim = covsamp__config_int(c, COVSAMP_DIM);
    const int64_t covariance = covsamp__config_int(c, COVSAMP_COVARIANCE);
    const int64_t steps = covsamp__config_int(c, COVSAMP_KRYLOV_STEPS);
    const int64_t first = covsamp__config_int(c, COVSAMP_FIRST_SAMPLE);
    const double eta = covsamp__config_real(c, COVSAMP_ETA);
    char text[COVSAMP__REAL_BYTES];
    if (batch == 0 || dim == 0)
        return covsamp__fail(&c->error, COVSAMP_E_RANGE, NEW ": option %s is not set",
                             batch == 0 ? "batch" : "dim");
    if (c->schedule == NULL)
        return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                             NEW ": no schedule is set, covsamp_config_set_schedule() does");
    if (first > INT64_MAX - batch)
        return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                             NEW ": first_sample is %" PRId64 ", must be at most %" PRId64
                                 " for a batch of %" PRId64,
                             first, INT64_MAX - batch, batch);
    if (covariance == COVSAMP_COV_LARGE && eta != 1)
        return covsamp__fail(&c->error, COVSAMP_E_UNSUPPORTED,
                             NEW ": eta is %s, must be 1 for covariance = large",
                             covsamp__real(eta, text));
    if (covariance == COVSAMP_COV_DENSE && dim > COVSAMP__MAX_ORDER)
        return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                             NEW ": dim is %" PRId64 ", must be at most %d for covariance = dense",
                             dim, COVSAMP__MAX_ORDER);
    if (covariance == COVSAMP_COV_KRYLOV && steps > COVSAMP__MAX_ORDER && dim > COVSAMP__MAX_ORDER)
        return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                             NEW ": krylov_steps is %" PRId64 ", must be at most %d for dim = %"
                                 PRId64, steps, COVSAMP__MAX_ORDER, dim);
    return COVSAMP_OK;
}

/* ---- planning ---- */

static covsamp_status plan_step(const covsamp_config *c, int64_t i, int products,
                                covsamp__plan *plan, covsamp__error *error)
{
    const int last = i + 1 == c->steps;
    const covsamp__level s = covsamp__schedule_level(c->schedule, last ? 0 : c->levels[i + 1]);
    const covsamp__level below = covsamp__schedule_level(c->schedule, c->levels[i] - 1);
    const int64_t high = covsamp__config_int(c, COVSAMP_WINDOW_HIGH);
    plan->t = covsamp__schedule_level(c->schedule, c->levels[i]);
    covsamp__transition_between(&plan->t, &s, covsamp__config_real(c, COVSAMP_ETA),
                                &plan->transition);
    plan->kappa = plan->t.alpha > 0 ? plan->t.sigma * plan->t.sigma / plan->t.alpha : 0;
    plan->noisy = covsamp__config_int(c, COVSAMP_COVARIANCE) != COVSAMP_COV_NONE &&
                  (!last || covsamp__config_int(c, COVSAMP_LAST_NOISE));
    plan->covariance = !products ||
                       (plan->kappa > 0 &&
                        c->levels[i] >= covsamp__config_int(c, COVSAMP_WINDOW_LOW) &&
                        (high == 0 || c->levels[i] <= high));
    return covsamp__prediction((int32_t)covsamp__config_int(c, COVSAMP_PREDICTION), &plan->t,
                               &below, &plan->p, &plan->q, error, NEW);
}

static covsamp_status make_plan(const covsamp_config *c, covsamp_sampler *s, covsamp__error *error)
{
    covsamp_status status = COVSAMP_OK;
    for (int64_t i = 0; status == COVSAMP_OK && i < c->steps; i++)
        status = plan_step(c, i, s->solver.model.ops->needs_products, &s->plan[i], error);
    const covsamp__level *top = &s->plan[0].t;
    /* q(x_N) is close to N(0, I) where the variance is preserved, to N(0, sigma^2 I) elsewhere. */
    s->start_scale = c->schedule->family == COVSAMP__VP ? 1 : top->sigma;
    return status;
}

/* ---- memory ---- */

static void read_options(const covsamp_config *c, covsamp_sampler *s)
{
    covsamp__solver *solver = &s->solver;
    covsamp__covariance *model = &solver->model;
    solver->dtype = (int32_t)covsamp__config_int(c, COVSAMP_DTYPE);
    solver->batch = covsamp__config_int(c, COVSAMP_BATCH);
    solver->dim = covsamp__config_int(c, COVSAMP_DIM);
    solver->clip = covsamp__config_real(c, COVSAMP_CLIP_X0);
    solver->eps_raw = covsamp__config_int(c, COVSAMP_EPS_AFTER_CLIP) == COVSAMP_EPS_RAW;
    solver->clip_covariance = covsamp__config_int(c, COVSAMP_CLIP_COVARIANCE) != 0;
    solver->mean_jvp = covsamp__config_int(c, COVSAMP_MEAN_JVP) != 0;
    model->ops = find_covariance(covsamp__config_int(c, COVSAMP_COVARIANCE));
    model->dtype = solver->dtype;
    model->batch = solver->batch;
    model->dim = solver->dim;
    model->tangents = covsamp__config_int(c, COVSAMP_COVARIANCE) == COVSAMP_COV_DENSE
                          ? covsamp__config_int(c, COVSAMP_TANGENTS)
                          : 1;
    if (model->tangents > solver->dim)
        model->tangents = solver->dim;
    model->krylov.dtype = solver->dtype;
    model->krylov.batch = solver->batch;
    model->krylov.dim = solver->dim;
    model->krylov.most = covsamp__config_int(c, COVSAMP_KRYLOV_STEPS);
    if (model->krylov.most > solver->dim)
        model->krylov.most = solver->dim; /* the space is the whole then */
    solver->small = *model;
    solver->small.ops = &covsamp__covariance_small;
    s->ask_noise = covsamp__config_int(c, COVSAMP_NOISE) == COVSAMP_NOISE_ASK;
    s->check_finite = covsamp__config_int(c, COVSAMP_CHECK_FINITE) != 0;
    s->report_steps = covsamp__config_int(c, COVSAMP_REPORT_STEPS) != 0;
}

/* Everything a sampler uses, the sampler first.  `s` is where it is, or while counting a stand-in. */
static void layout(covsamp_sampler *s, int64_t steps, covsamp__arena *arena)
{
    covsamp__take(arena, 1, 1, sizeof *s);
    s->plan = covsamp__take(arena, steps, 1, sizeof *s->plan);
    covsamp__solver_layout(&s->solver, arena);
}

/* Distinct for every sampler of the process, however briefly it lives. */
static uint64_t new_owner(const void *address)
{
    static atomic_uint count; /* the only static state of the library */
    const uint64_t number = atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
    return (number << 32) | (uint32_t)((uintptr_t)address >> 4);
}

static void open_request(covsamp_sampler *s, int64_t steps)
{
    covsamp_request *q = &s->request;
    q->size = sizeof *q;
    q->dtype = s->solver.dtype;
    q->batch = s->solver.batch;
    q->dim = q->stride = s->solver.dim;
    q->tangent_stride = s->solver.batch * s->solver.dim;
    q->steps = steps;
    q->owner = new_owner(s);
}

covsamp_status covsamp_sampler_new(covsamp_sampler **out, covsamp_config *config)
{
    if (out == NULL)
        return config == NULL ? COVSAMP_E_NULL
                              : covsamp__fail(&config->error, COVSAMP_E_NULL, NEW ": out is NULL");
    *out = NULL;
    if (config == NULL)
        return COVSAMP_E_NULL;
    covsamp_status status = check(config);
    if (status != COVSAMP_OK)
        return status;
    covsamp_sampler stand_in;
    covsamp__arena arena = {NULL, 0, 0};
    memset(&stand_in, 0, sizeof stand_in);
    read_options(config, &stand_in);
    layout(&stand_in, config->steps, &arena);
    const size_t bytes = arena.used;
    covsamp_sampler *s = arena.overflow ? NULL : covsamp__alloc(&config->mem, bytes);
    if (s == NULL)
        return covsamp__fail(&config->error, COVSAMP_E_NOMEM,
                             arena.overflow ? NEW ": the sizes of batch, dim and the covariance "
                                                  "overflow size_t"
                                            : NEW ": no memory for %zu bytes",
                             bytes);
    arena.base = (char *)s;
    arena.used = 0;
    s->mem = config->mem;
    s->bytes = bytes;
    read_options(config, s);
    layout(s, config->steps, &arena);
    status = make_plan(config, s, &config->error);
    if (status != COVSAMP_OK) {
        covsamp_sampler_free(s);
        return status;
    }
    open_request(s, config->steps);
    covsamp__machine_restart(s, (uint64_t)covsamp__config_int(config, COVSAMP_SEED),
                             covsamp__config_int(config, COVSAMP_FIRST_SAMPLE));
    *out = s;
    return covsamp__ok(&config->error);
}

void covsamp_sampler_free(covsamp_sampler *sampler)
{
    if (sampler == NULL)
        return;
    const covsamp_allocator mem = sampler->mem;
    covsamp__release(&mem, sampler, sampler->bytes);
}
