/* SPDX-License-Identifier: BSD-3-Clause */
/* Path KL of eta = 1 in one and two dimensions without sampling: x_t given x_s is Gaussian, also
 * given y, so that KL of a step = E[-log N(x_s; mean, S)] - h(x_s | x_t), h(x_s | x_t) = h(x_s) +
 * h(x_t | x_s) - h(x_t),    h(x_t | x_s) = dim / 2 log(2 pi e large^2) needs entropies of the
 * mixture at every level and, since S depends on x_t only, second moments. The trapezoidal rule
 * converges exponentially: the integrands are analytic and vanish at the ends.
 */
#include "diagnostic/path_kl.h"

#include <inttypes.h>
#include <math.h>

/* Of the narrowest component's deviation.  log q has singularities off the real axis, near where
 * two components are equal, and how near they are decides: halving these changes totals of the
 * mixtures of the tests by less than 1e-12 (tests/numerics/test_path_kl.c). */
#define SPACING_LINE  0.1
#define SPACING_PLANE 0.2
#define REACH         9.0 /* deviations of a component beyond which there is no density: exp(-40) */

#define MOST_POINTS (INT64_C(1) << 20) /* an axis */
#define MOST_PLANE  (INT64_C(1) << 14) /* an axis of two, by itself */
/* What the density may sum to but 1; it says that the caller's points are too few. */
#define MASS 1e-6

static const double log_two_pi = 1.8378770664093453;

typedef struct {
    double low[COVSAMP__PATH_KL_AXES], spacing[COVSAMP__PATH_KL_AXES];
    int64_t points[COVSAMP__PATH_KL_AXES];
} grid;

typedef struct {
    double mass, entropy, trace; /* integrals of q, -q log q, q trace(C) */
    double cross;                /* E[-log N(x_s; mean, S)] */
    double prior;
} sums;

/* Entry i, j of a component's covariance at the level. */
static double covariance(const covsamp_mixture *m, int64_t k, int64_t i, int64_t j)
{
    double sum = 0;
    for (int64_t a = 0; a < m->dim; a++)
        sum += m->vector[(k * m->dim + a) * m->dim + i] * m->vector[(k * m->dim + a) * m->dim + j] /
               m->inverse[k * m->dim + a];
    return sum;
}

static double narrowest(const covsamp_mixture *m)
{
    double inverse = 0;
    for (int64_t i = 0; i < m->components * m->dim; i++)
        inverse = fmax(inverse, m->inverse[i]);
    return 1 / sqrt(inverse);
}

static covsamp_status make_grid(covsamp__path_kl *p, const covsamp_mixture *m, int64_t level,
                                grid *g)
{
    const int64_t most = m->dim > 1 ? MOST_PLANE : MOST_POINTS;
    const double spacing = m->dim > 1 ? SPACING_PLANE : SPACING_LINE;
    for (int64_t a = 0; a < m->dim; a++) {
        double low = INFINITY, high = -INFINITY;
        for (int64_t k = 0; k < m->components; k++) {
            const double reach = REACH * sqrt(covariance(m, k, a, a));
            low = fmin(low, m->alpha * m->mean[k * m->dim + a] - reach);
            high = fmax(high, m->alpha * m->mean[k * m->dim + a] + reach);
        }
        const double wanted = ceil((high - low) / (spacing * narrowest(m))) + 1;
        if (p->size == 0 && wanted > (double)most)
            return covsamp__fail(p->error, COVSAMP_E_UNSUPPORTED,
                                 "%s: the narrowest component at level %" PRId64
                                 " needs %.0f points an axis, must be at most %" PRId64
                                 " (estimator = Monte Carlo needs none)",
                                 p->function, p->level[level].level, wanted, most);
        g->points[a] = p->size == 0 ? (int64_t)wanted : p->size;
        g->low[a] = low;
        g->spacing[a] = (high - low) / (double)(g->points[a] - 1);
    }
    return COVSAMP_OK;
}

/* Where on the last axis component k has density, the first one at x (if there are two). */
static void reach_of(covsamp__path_kl *p, const covsamp_mixture *m, int64_t k, double x)
{
    double *inside = p->inside + 2 * k, square = REACH * REACH;
    const int64_t last = m->dim - 1;
    double centre = m->alpha * m->mean[k * m->dim + last], variance = covariance(m, k, last, last);
    if (m->dim > 1) {
        const double first = covariance(m, k, 0, 0), both = covariance(m, k, 0, 1);
        const double off = x - m->alpha * m->mean[k * m->dim];
        square -= off * off / first;
        centre += both / first * off;
        variance -= both * (both / first);
    }
    const double half = square > 0 ? sqrt(square * fmax(variance, 0)) : -1;
    inside[0] = centre - half;
    inside[1] = half < 0 ? -INFINITY : centre + half;
}

static int has_density(const covsamp__path_kl *p, double x)
{
    for (int64_t k = 0; k < p->mixture->components; k++)
        if (x >= p->inside[2 * k] && x <= p->inside[2 * k + 1])
            return 1;
    return 0;
}

/* Whether S or the mean's shift depends on the state: else the trace of C says all. */
static int pointwise(const covsamp__path_kl *p, int64_t level)
{
    return level < p->steps &&
           (covsamp__path_kl_guided(p) || p->step[level].covariance != COVSAMP_COV_ANALYTIC);
}

/* Mass and trace of what the sampler knows, and nothing of the path. */
static int add_known(covsamp__path_kl *p, double weight, sums *s)
{
    const double w = weight * exp(covsamp__path_kl_known(p, p->x));
    s->mass += w;
    for (int64_t i = 0; i < p->dim; i++)
        s->trace += w * p->cov[i * p->dim + i];
    return 0;
}

static int add_point(covsamp__path_kl *p, int64_t level, double weight, sums *s)
{
    const double log_q = covsamp__path_kl_point(p, p->x), w = weight * exp(log_q);
    s->mass += w;
    s->entropy -= w * log_q;
    for (int64_t i = 0; i < p->dim; i++)
        s->trace += w * p->cov[i * p->dim + i];
    if (level == 0)
        s->prior += w * (log_q - covsamp__path_kl_start(p, p->x));
    if (!pointwise(p, level))
        return 0;
    const int info = covsamp__path_kl_model(p, &p->step[level]);
    if (covsamp__path_kl_guided(p))
        covsamp__path_kl_shift(p, level, p->x);
    s->cross += w * covsamp__path_kl_cross(p, &p->step[level]);
    return info;
}

/* One row: a sum of its own, which keeps rounding small. */
static int add_row(covsamp__path_kl *p, const covsamp_mixture *m, int64_t level, const grid *g,
                   double weight, sums *s)
{
    const int64_t last = p->dim - 1;
    sums row = {0, 0, 0, 0, 0};
    int info = 0;
    for (int64_t k = 0; k < p->mixture->components; k++)
        reach_of(p, m, k, p->x[0]);
    for (int64_t i = 0; info == 0 && i < g->points[last]; i++) {
        p->x[last] = g->low[last] + (double)i * g->spacing[last];
        if (has_density(p, p->x[last]))
            info = m == p->given ? add_point(p, level, weight, &row) : add_known(p, weight, &row);
    }
    s->mass += row.mass;
    s->entropy += row.entropy;
    s->trace += row.trace;
    s->cross += row.cross;
    s->prior += row.prior;
    return info;
}

/* Over m: the path's mixture or, for what the sampler knows, the other. */
static covsamp_status integrate(covsamp__path_kl *p, const covsamp_mixture *m, int64_t level,
                                sums *s)
{
    const sums zero = {0, 0, 0, 0, 0};
    grid g;
    int info = 0;
    *s = zero;
    covsamp__path_kl_level(p, &p->level[level]);
    covsamp_status status = make_grid(p, m, level, &g);
    if (status != COVSAMP_OK)
        return status;
    if (p->dim == 1) {
        info = add_row(p, m, level, &g, g.spacing[0], s);
    } else {
        for (int64_t i = 0; info == 0 && i < g.points[0]; i++) {
            p->x[0] = g.low[0] + (double)i * g.spacing[0];
            info = add_row(p, m, level, &g, g.spacing[0] * g.spacing[1], s);
        }
    }
    if (info != 0)
        return covsamp__path_kl_failed(p, level, info);
    if (!(fabs(s->mass - 1) < MASS)) {
        char text[COVSAMP__REAL_BYTES];
        return covsamp__fail(p->error, COVSAMP_E_RANGE,
                             "%s: size is %" PRId64 ", must be more points: at level %" PRId64
                             " the density sums to %s instead of 1 (size = 0 takes as many as are "
                             "needed)",
                             p->function, p->size, p->level[level].level,
                             covsamp__real(s->mass, text));
    }
    return COVSAMP_OK;
}

/* The best constant of data without y, which a sampler has; without guidance the path knows it. */
static covsamp_status find_variance(covsamp__path_kl *p, int64_t i)
{
    covsamp__path_step *step = &p->step[i];
    const covsamp__transition *t = &step->transition;
    sums s;
    if (!covsamp__path_kl_guided(p) || step->covariance != COVSAMP_COV_ANALYTIC ||
        !isnan(step->variance))
        return COVSAMP_OK;
    covsamp_status status = integrate(p, p->mixture, i, &s);
    step->variance = t->lambda * t->lambda + t->b * t->b * s.trace / (double)p->dim;
    return status;
}

/* E[-log N(x_s; mean, v I)], v known or the best, from E[trace C]. */
static double constant_cross(const covsamp__path_kl *p, const covsamp__path_step *step,
                             double trace)
{
    const covsamp__transition *t = &step->transition;
    const double d = (double)p->dim, exact = t->lambda * t->lambda + t->b * t->b * trace / d;
    const double v = isnan(step->variance) ? exact : step->variance;
    return 0.5 * d * (log_two_pi + log(v) + exact / v);
}

covsamp_status covsamp__path_kl_quadrature(covsamp__path_kl *p)
{
    const double d = (double)p->dim;
    double open = 0; /* of the step that ends at the next level: its KL but for the entropy there */
    for (int64_t i = 0; i <= p->steps; i++) {
        sums s;
        covsamp_status status = i < p->steps ? find_variance(p, i) : COVSAMP_OK;
        if (status == COVSAMP_OK)
            status = integrate(p, p->given, i, &s);
        if (status != COVSAMP_OK)
            return status;
        if (i == 0)
            p->prior = s.prior;
        if (i > 0) /* a KL is not negative; rounding may be */
            p->kl[i - 1] = open - s.entropy;
        if (i == p->steps)
            break;
        const covsamp__path_step *step = &p->step[i];
        const double cross = pointwise(p, i) ? s.cross : constant_cross(p, step, s.trace);
        const double noise = 0.5 * d * (log_two_pi + 1 + 2 * log(step->transition.large));
        open = cross + s.entropy - noise;
    }
    return COVSAMP_OK;
}
