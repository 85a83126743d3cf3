/* SPDX-License-Identifier: BSD-3-Clause */
#include "diagnostic/nelbo.h"

#include "diagnostic/decoder.h"
#include "numeric/rng.h"
#include "numeric/vec.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

void covsamp__nelbo_layout(covsamp_nelbo *n, covsamp__arena *arena)
{
    const int64_t batch = n->sampler.solver.batch;
    covsamp__take(arena, 1, 1, sizeof *n);
    n->sampler.plan = covsamp__take(arena, n->steps, 1, sizeof *n->sampler.plan);
    covsamp__solver_layout(&n->sampler.solver, arena);
    n->term = covsamp__take(arena, n->steps + 1, 1, sizeof *n->term);
    n->forms = covsamp__take(arena, n->steps, batch, sizeof *n->forms);
    n->nats = covsamp__take(arena, n->steps + 1, batch, sizeof *n->nats);
    n->counts = covsamp__take(arena, n->steps, 1, sizeof *n->counts);
    n->pass.x0 = n->sampler.solver.truth;
}

static covsamp_nelbo *nelbo_of(covsamp__pass *p)
{
    return (covsamp_nelbo *)(void *)p; /* its first member */
}

static covsamp_status accept(covsamp__pass *p, const void *x, int64_t number, const char *function)
{
    const covsamp_nelbo *n = nelbo_of(p);
    double value;
    char text[COVSAMP__REAL_BYTES];
    for (int64_t i = 0; n->bins > 0 && i < p->dim; i++) {
        covsamp__to_double(p->dtype, 1, covsamp__cat(p->dtype, x, i), &value);
        if (!(fabs(value) <= 1))
            return covsamp__fail(p->error, COVSAMP_E_RANGE,
                                 "%s: the data is %s at value %" PRId64 " of sample %" PRId64
                                 ", must be in [-1, 1] for bins = %" PRId64,
                                 function, covsamp__real(value, text), i, number, n->bins);
    }
    return COVSAMP_OK;
}

/* ---- what a sampler does once a step ---- */

/* x_t of the data, and ones for the noise: functions of seed, sample and level alone. */
static void open_step(covsamp_nelbo *n)
{
    covsamp_sampler *s = &n->sampler;
    covsamp__solver *solver = &s->solver;
    const covsamp__plan *plan = &s->plan[n->at];
    s->request.step = n->at;
    s->point = s->next_point++;
    for (int64_t b = 0; b < solver->batch; b++) {
        void *x = covsamp__at(solver->dtype, solver->x, b * solver->dim);
        covsamp__normals_as(solver->dtype, s->seed, s->first_sample + b, COVSAMP_STREAM_NELBO,
                            plan->from.level, 0, solver->dim, x);
    }
    covsamp__combine(solver->dtype, covsamp__solver_values(solver), plan->from.alpha, solver->truth,
                     plan->from.sigma, solver->x, solver->x);
    covsamp__affine(solver->dtype, covsamp__solver_values(solver), 1, 0, solver->x, solver->z);
    /* Probes are named by the level, as the noise is: runs of other lengths share them. */
    covsamp__solver_open(solver, plan, s->seed, s->first_sample, plan->from.level);
    solver->place.measured = n->pass.filled;
    memset(&solver->model.counts, 0, sizeof solver->model.counts);
    covsamp__covariance_reset(&solver->model);
}

/* Ho et al. 2020, eq. 5, with the covariance of the step: KL(N(m, lambda^2 I) || N(m - r, S)). */
static double nats_of(const covsamp__forms *f)
{
    return 0.5 * (f->log_det + f->trace + f->residual);
}

static void close_step(covsamp_nelbo *n)
{
    const covsamp__solver *solver = &n->sampler.solver;
    covsamp__forms *forms = n->forms + n->at * solver->batch;
    double *nats = n->nats + (n->at + 1) * solver->batch;
    for (int64_t b = 0; b < n->pass.filled; b++) {
        if (n->at + 1 < n->steps) {
            forms[b] = solver->forms[b];
            nats[b] = nats_of(&forms[b]);
        } else { /* the mean of the step to data is the new state */
            nats[b] = covsamp__decoder_nats(
                solver->dtype, solver->dim, n->bins, solver->plan->place.small,
                covsamp__cat(solver->dtype, solver->truth, b * solver->dim),
                covsamp__cat(solver->dtype, solver->x, b * solver->dim));
        }
    }
    n->counts[n->at] = solver->model.counts;
    n->at++;
}

/* KL(N(alpha x0, sigma^2 I) || N(0, start^2 I)) */
static void make_prior(covsamp_nelbo *n)
{
    const covsamp__solver *solver = &n->sampler.solver;
    const covsamp__level *top = &n->sampler.plan[0].from;
    const double start = n->sampler.start_scale * n->sampler.start_scale;
    const double variance = top->sigma * top->sigma / start, d = (double)solver->dim;
    for (int64_t b = 0; b < solver->batch; b++) {
        const void *x = covsamp__cat(solver->dtype, solver->truth, b * solver->dim);
        const double square = covsamp__dot(solver->dtype, solver->dim, x, x);
        n->nats[b] =
            0.5 * (top->alpha * top->alpha * square / start + d * (variance - 1 - log(variance)));
    }
}

/* ---- over samples ---- */

static void count_term(covsamp_nelbo *n, int64_t term, int64_t b)
{
    covsamp__term *t = &n->term[term];
    const int64_t batch = n->sampler.solver.batch;
    covsamp__moments_add(&t->nats, n->samples, n->nats[term * batch + b]);
    if (term == 0 || term == n->steps)
        return;
    const covsamp__forms *f = &n->forms[(term - 1) * batch + b];
    t->log_det += f->log_det;
    t->trace += f->trace;
    t->residual += f->residual;
    t->probe_variance += f->probe_variance;
}

/* Probes and unit vectors are for a whole batch, and what fills it up is not counted. */
static int64_t products_of(const covsamp_nelbo *n, int64_t used)
{
    const covsamp__covariance *model = &n->sampler.solver.model;
    return model->ops == &covsamp__covariance_quadrature ? used
                                                         : used / model->batch * n->pass.filled;
}

/* The batch is done, and only now is it counted: a failure leaves terms over the same samples. */
static void count_batch(covsamp_nelbo *n)
{
    const int64_t batch = n->sampler.solver.batch;
    for (int64_t b = 0; b < n->pass.filled; b++) {
        double sum = 0;
        n->samples++;
        for (int64_t term = 0; term <= n->steps; term++) {
            sum += n->nats[term * batch + b];
            count_term(n, term, b);
        }
        covsamp__moments_add(&n->total, n->samples, sum);
    }
    for (int64_t i = 0; i < n->steps; i++) {
        covsamp__term *t = &n->term[i + 1];
        t->products += products_of(n, n->counts[i].used);
        t->values += n->counts[i].values;
        t->clamped += n->counts[i].clamped;
        t->asymmetry = fmax(t->asymmetry, n->counts[i].asymmetry);
    }
    n->pass.active = 0;
}

/* The term and the sample of the batch, in *b, whose numbers cannot be counted; -1: there is none.
 */
static int64_t too_large(const covsamp_nelbo *n, int64_t *b)
{
    const int64_t batch = n->sampler.solver.batch;
    for (int64_t term = 0; term <= n->steps; term++)
        for (*b = 0; *b < n->pass.filled; ++*b) {
            const covsamp__forms none = {0, 0, 0, 0};
            const covsamp__forms *f =
                term > 0 && term < n->steps ? &n->forms[(term - 1) * batch + *b] : &none;
            if (!(fabs(n->nats[term * batch + *b]) < COVSAMP__COUNTABLE &&
                  fabs(f->log_det) < COVSAMP__COUNTABLE && fabs(f->trace) < COVSAMP__COUNTABLE &&
                  fabs(f->residual) < COVSAMP__COUNTABLE && isfinite(f->probe_variance)))
                return term;
        }
    return -1;
}

/* ---- the pass ---- */

static void begin(covsamp__pass *p)
{
    covsamp_nelbo *n = nelbo_of(p);
    for (int64_t b = p->filled; b < p->batch; b++) /* a request is always about a whole batch */
        covsamp__copy(p->dtype, p->dim, p->x0, covsamp__at(p->dtype, p->x0, b * p->dim));
    n->sampler.first_sample = p->request->first_sample;
    n->at = 0;
    n->want = 0;
    make_prior(n);
}

/* On within the step until the caller is needed (the kind of the request, which is open then), the
 * step has ended (0), or its eigenvalues did not converge. */
static int32_t advance(covsamp_nelbo *n)
{
    covsamp_sampler *s = &n->sampler;
    int32_t want = s->solver.ops->next(&s->solver);
    while (want == COVSAMP_ASK_NOISE) { /* the ones are there */
        s->solver.ops->take(&s->solver, want);
        want = s->solver.ops->next(&s->solver);
    }
    if (want > 0)
        covsamp__request_open(s, want, 0, COVSAMP_STREAM_NELBO);
    else if (want == 0)
        close_step(n);
    return want;
}

/* A step asks for a mean at least, so that what open_step() leads to is a request. */
static covsamp_status next(covsamp__pass *p, const char *function)
{
    covsamp_nelbo *n = nelbo_of(p);
    if (n->want == 0) {
        open_step(n);
        n->want = advance(n);
    }
    if (n->want > 0)
        return COVSAMP_OK;
    if (n->want == COVSAMP_E_OVERFLOW)
        return covsamp__fail(p->error, n->want,
                             "%s: term %" PRId64 " of sample %" PRId64
                             " is too large to be counted (level %" PRId64
                             "), its parts must be below 1e150",
                             function, n->at, n->sampler.first_sample + n->sampler.solver.failed,
                             n->sampler.plan[n->at > 0 ? n->at - 1 : 0].from.level);
    return covsamp__fail(p->error, n->want,
                         "%s: the eigenvalues of the covariance of sample %" PRId64
                         " did not converge (level %" PRId64 ")",
                         function, n->sampler.first_sample + n->sampler.solver.failed,
                         n->sampler.plan[n->at].from.level);
}

static covsamp_status check(covsamp__pass *p, const char *function)
{
    return covsamp__request_check(&nelbo_of(p)->sampler, function);
}

static int take(covsamp__pass *p)
{
    covsamp_nelbo *n = nelbo_of(p);
    n->sampler.solver.ops->take(&n->sampler.solver, p->request->kind);
    n->want = advance(n);
    if (n->want != 0 || n->at < n->steps)
        return n->want == 0;
    const int64_t term = too_large(n, &n->sampler.solver.failed);
    if (term < 0) {
        count_batch(n);
        return 1;
    }
    n->at = term;
    n->want = COVSAMP_E_OVERFLOW;
    return 0;
}

static const char *missing(const covsamp__pass *p, const covsamp_model *model)
{
    const covsamp__solver *s = &((const covsamp_nelbo *)(const void *)p)->sampler.solver;
    if (model->mean == NULL)
        return "mean";
    if (model->jvp == NULL && s->model.ops->needs_products)
        return "jvp, which this covariance needs,";
    if (model->vjp == NULL && s->average && s->model.ops->needs_products)
        return "vjp, which symmetrise = average (the default here) needs,";
    return NULL;
}

const covsamp__pass_ops covsamp__nelbo_pass = {.name = "covsamp_nelbo",
                                               .accept = accept,
                                               .begin = begin,
                                               .next = next,
                                               .check = check,
                                               .take = take,
                                               .missing = missing};
