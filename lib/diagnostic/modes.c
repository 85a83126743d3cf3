/* SPDX-License-Identifier: BSD-3-Clause */
/* Source: Manor & Michaeli 2024 (ICLR, arXiv 2309.13598) take the leading eigenpairs of Cov[x0 |
 * x_t] by subspace iteration with forward differences of a denoiser; here they are Ritz pairs of a
 * Krylov space built from exact products, which needs fewer of them and knows its residuals. */
#include "diagnostic/modes.h"

#include "numeric/rng.h"
#include "numeric/vec.h"

#include <inttypes.h>
#include <math.h>

static covsamp_posterior_modes *modes_of(covsamp__pass *p)
{
    return (covsamp_posterior_modes *)(void *)p;
}

void covsamp__modes_layout(covsamp_posterior_modes *m, covsamp__arena *arena)
{
    const int64_t batch = m->pass.batch, dim = m->pass.dim;
    const size_t size = covsamp__size_of(m->pass.dtype);
    covsamp__take(arena, 1, 1, sizeof *m);
    m->pass.x0 = covsamp__take(arena, batch, dim, size);
    m->product = covsamp__take(arena, batch, dim, size);
    m->transposed = covsamp__take(arena, batch, m->average ? dim : 0, size);
    m->vector = covsamp__take(arena, batch, m->count, (size_t)dim * size);
    m->value = covsamp__take(arena, batch, m->count, sizeof(double));
    m->residual = covsamp__take(arena, batch, m->count, sizeof(double));
    m->held = covsamp__take(arena, batch, 1, sizeof(int64_t));
    covsamp__krylov_layout(&m->krylov, arena);
}

static void begin(covsamp__pass *p)
{
    covsamp_posterior_modes *m = modes_of(p);
    covsamp_request *q = &m->request;
    m->krylov.batch = p->filled; /* memory is there for more */
    q->batch = p->filled;
    q->point = m->next_point++;
    for (int64_t b = 0; b < p->filled; b++)
        covsamp__signs_as(p->dtype, q->seed, q->first_sample + b, COVSAMP_STREAM_PROBE, q->level, 0,
                          p->dim, covsamp__at(p->dtype, m->product, b * p->dim));
    covsamp__krylov_start(&m->krylov, m->product);
    m->half = 0;
    m->info = 0;
    m->phase = COVSAMP__MODES_WORKING;
}

static void open_request(covsamp_posterior_modes *m, const void *v)
{
    const covsamp__pass *p = &m->pass;
    covsamp_request *q = &m->request;
    q->kind = m->half ? COVSAMP_ASK_VJP : COVSAMP_ASK_JVP;
    q->step = m->krylov.length;
    q->v = v;
    q->product = m->half ? NULL : m->product;
    q->transposed = m->half ? m->transposed : NULL;
    if (m->half) /* a model that does not know of VJPs must not pass for one that does */
        covsamp__affine(p->dtype, p->filled * p->dim, NAN, 0, m->transposed, m->transposed);
}

static covsamp_status check(covsamp__pass *p, const char *function)
{
    covsamp_posterior_modes *m = modes_of(p);
    const covsamp_request *q = &m->request;
    const void *values = m->half ? q->transposed : q->product;
    for (int64_t b = 0; b < p->filled; b++) {
        const int64_t i =
            covsamp__nonfinite(p->dtype, p->dim, covsamp__cat(p->dtype, values, b * p->dim));
        if (i >= 0)
            return covsamp__fail(p->error, COVSAMP_E_NONFINITE,
                                 "%s: the model's %s holds a NaN or infinity at value %" PRId64
                                 " of sample %" PRId64 " (level %" PRId64 "), must be finite",
                                 function,
                                 m->half ? "transposed product (request->transposed, which the "
                                           "model must fill)"
                                         : "product",
                                 i, q->first_sample + b, q->level);
    }
    return COVSAMP_OK;
}

/* The Ritz pairs of sample b as its space stands; how many of them have converged. */
static int find_pairs(covsamp_posterior_modes *m, int64_t b, int64_t *converged)
{
    double *value = m->value + b * m->count, *residual = m->residual + b * m->count;
    const int64_t size = m->krylov.size[b], held = size < m->count ? size : m->count;
    const int info = covsamp__krylov_pairs(&m->krylov, b, held, value, residual);
    if (info != 0) {
        m->failed = b;
        return info;
    }
    *converged = 0;
    for (int64_t j = 0; j < held; j++) {
        if (residual[j] > 0) /* where no value is above 0 nothing is small beside it */
            residual[j] = value[0] > 0 ? residual[j] / value[0] : INFINITY;
        if (isnan(residual[j])) /* its sums overflowed: nothing is known but that it is large */
            residual[j] = INFINITY;
        *converged += residual[j] <= m->tolerance;
    }
    m->held[b] = held;
    return 0;
}

/* Eigenproblems of every order up to n cost n^4: beyond 32 only every second, third, ... is solved.
 */
static int is_time(int64_t size)
{
    return size % (1 + size / 32) == 0;
}

/* Closes the samples whose modes have converged. */
static int close_finished(covsamp_posterior_modes *m)
{
    covsamp__krylov *k = &m->krylov;
    int64_t converged;
    for (int64_t b = 0; b < m->pass.filled; b++) {
        if (k->closed[b] != COVSAMP__OPEN || k->size[b] < m->count || !is_time(k->size[b]))
            continue;
        const int info = find_pairs(m, b, &converged);
        if (info != 0)
            return info;
        if (converged == m->count)
            covsamp__krylov_close(k, b, &m->counts);
    }
    return 0;
}

/* Length 1 and the largest entry positive: an eigenvector has no sign of its own. */
static void fix_vector(const covsamp_posterior_modes *m, void *v)
{
    double block[256], largest = 0;
    for (int64_t i = 0; i < m->pass.dim; i += 256) {
        const int64_t n = m->pass.dim - i < 256 ? m->pass.dim - i : 256;
        covsamp__to_double(m->pass.dtype, n, covsamp__cat(m->pass.dtype, v, i), block);
        for (int64_t j = 0; j < n; j++)
            if (fabs(block[j]) > fabs(largest))
                largest = block[j];
    }
    const double length = sqrt(covsamp__dot(m->pass.dtype, m->pass.dim, v, v));
    covsamp__scale(m->pass.dtype, m->pass.dim, (largest < 0 ? -1 : 1) / length, v, v);
}

/* Values, residuals and vectors of every sample. */
static int finish(covsamp_posterior_modes *m)
{
    int64_t converged;
    for (int64_t b = 0; b < m->pass.filled; b++) {
        const int info = find_pairs(m, b, &converged);
        if (info != 0)
            return info;
        for (int64_t j = 0; j < m->held[b]; j++) {
            void *v = covsamp__at(m->pass.dtype, m->vector, (b * m->count + j) * m->pass.dim);
            covsamp__krylov_pair_vector(&m->krylov, b, j, v);
            fix_vector(m, v);
        }
    }
    m->phase = COVSAMP__MODES_DONE;
    return 0;
}

/* One product more, of all samples that are still open. */
static int take(covsamp__pass *p)
{
    covsamp_posterior_modes *m = modes_of(p);
    const int64_t n = p->filled * p->dim;
    if (m->average && !m->half) {
        m->half = 1;
        return 0;
    }
    if (m->half)
        covsamp__combine(p->dtype, n, 0.5, m->product, 0.5, m->transposed, m->product);
    m->half = 0;
    covsamp__combine(p->dtype, n, m->kappa * m->p, m->request.v, m->kappa * m->q, m->product,
                     m->product);
    covsamp__krylov_take(&m->krylov, m->product, fabs(m->kappa * m->p), &m->counts);
    m->info = close_finished(m);
    return 1;
}

static covsamp_status next(covsamp__pass *p, const char *function)
{
    covsamp_posterior_modes *m = modes_of(p);
    const void *v = covsamp__krylov_wants(&m->krylov);
    if (m->info == 0 && v != NULL) {
        open_request(m, v);
        return COVSAMP_OK;
    }
    if (m->info == 0)
        m->info = finish(m);
    if (m->info == 0)
        return COVSAMP_DONE;
    m->phase = COVSAMP__MODES_FAILED;
    return covsamp__fail(p->error, COVSAMP_E_LINALG,
                         "%s: the eigenvalues of the covariance of sample %" PRId64
                         " did not converge (level %" PRId64 ")",
                         function, m->request.first_sample + m->failed, m->request.level);
}

static const char *missing(const covsamp__pass *p, const covsamp_model *model)
{
    const covsamp_posterior_modes *m = (const covsamp_posterior_modes *)(const void *)p;
    if (model->jvp == NULL)
        return "jvp";
    return model->vjp == NULL && m->average
               ? "vjp, which symmetrise = average (the default here) needs,"
               : NULL;
}

const covsamp__pass_ops covsamp__modes_pass = {.name = "covsamp_posterior_modes",
                                               .begin = begin,
                                               .next = next,
                                               .check = check,
                                               .take = take,
                                               .missing = missing};
