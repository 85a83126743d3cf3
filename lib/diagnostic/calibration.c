/* SPDX-License-Identifier: BSD-3-Clause */
#include "diagnostic/calibration.h"

#include "numeric/rng.h"
#include "numeric/vec.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

void covsamp__calibration_layout(covsamp_calibration *c, covsamp__arena *arena)
{
    const size_t size = covsamp__size_of(c->pass.dtype);
    const int64_t probes = c->products ? COVSAMP__PROBES : 0;
    covsamp__take(arena, 1, 1, sizeof *c);
    c->level = covsamp__take(arena, c->count, 1, sizeof *c->level);
    c->log_snr = covsamp__take(arena, c->all, 1, sizeof *c->log_snr);
    c->pass.x0 = covsamp__take(arena, c->pass.batch, c->pass.dim, size);
    c->x = covsamp__take(arena, c->pass.batch, c->pass.dim, size);
    c->mean = covsamp__take(arena, c->pass.batch, c->pass.dim, size);
    c->scratch = covsamp__take(arena, 1, c->pass.dim, size);
    c->v = covsamp__take(arena, probes, c->pass.batch, (size_t)c->pass.dim * size);
    c->product = covsamp__take(arena, probes, c->pass.batch, (size_t)c->pass.dim * size);
    c->drawn = covsamp__take(arena, c->pass.batch, 1, sizeof *c->drawn);
    c->measured = covsamp__take(arena, c->pass.batch, 1, sizeof *c->measured);
}

static void *row(const covsamp_calibration *c, void *p, int64_t k, int64_t b)
{
    return covsamp__at(c->pass.dtype, p, (k * c->pass.batch + b) * c->pass.dim);
}

static double mean_square(const covsamp_calibration *c, const void *x)
{
    return covsamp__dot(c->pass.dtype, c->pass.dim, x, x) / (double)c->pass.dim;
}

/* x at the present level, and the probes: functions of seed, sample and level alone. */
static void build(covsamp_calibration *c)
{
    const covsamp__level *at = &c->level[c->at].at;
    const covsamp_request *q = &c->request;
    for (int64_t b = 0; b < c->pass.filled; b++) {
        void *x = row(c, c->x, 0, b);
        const int64_t sample = q->first_sample + b;
        covsamp__normals_as(c->pass.dtype, q->seed, sample, COVSAMP_STREAM_CALIBRATION, at->level,
                            0, c->pass.dim, x);
        c->drawn[b] = mean_square(c, x);
        covsamp__combine(c->pass.dtype, c->pass.dim, at->alpha, row(c, c->pass.x0, 0, b), at->sigma,
                         x, x);
        for (int64_t k = 0; c->products && k < COVSAMP__PROBES; k++)
            covsamp__signs_as(c->pass.dtype, q->seed, sample, COVSAMP_STREAM_PROBE, at->level,
                              k * c->pass.dim, c->pass.dim, row(c, c->v, k, b));
    }
    c->request.point = c->next_point++;
    c->built = 1;
    c->got_mean = 0;
    c->taken = 0;
}

static covsamp_calibration *calibration_of(covsamp__pass *p)
{
    return (covsamp_calibration *)(void *)p; /* its first member */
}

static void begin(covsamp__pass *p)
{
    covsamp_calibration *c = calibration_of(p);
    c->request.batch = p->filled;
    c->at = 0;
    c->built = 0;
    c->large = -1;
}

static covsamp_status next(covsamp__pass *p, const char *function)
{
    covsamp_calibration *c = calibration_of(p);
    covsamp_request *q = &c->request;
    if (c->large >= 0)
        return covsamp__fail(p->error, COVSAMP_E_OVERFLOW,
                             "%s: the mean square of what the model says about sample %" PRId64
                             " is too large to be counted (level %" PRId64 "), must be below 1e150",
                             function, q->first_sample + c->large, q->level);
    if (!c->built)
        build(c);
    const covsamp__level *at = &c->level[c->at].at;
    const int64_t left = c->products ? COVSAMP__PROBES - c->taken : 0;
    q->tangents = left < c->tangents ? left : c->tangents;
    if (!c->got_mean && !c->mean_jvp)
        q->tangents = 0;
    const int mean = !c->got_mean, jvp = q->tangents > 0;
    q->kind = (mean ? COVSAMP_ASK_MEAN : 0) | (jvp ? COVSAMP_ASK_JVP : 0);
    q->products_follow = mean && !jvp && left > 0;
    q->step = c->at;
    q->level = at->level;
    q->time = at->time;
    q->alpha = at->alpha;
    q->sigma = at->sigma;
    q->x = c->x;
    q->mean = mean ? c->mean : NULL;
    q->v = jvp ? row(c, c->v, c->taken, 0) : NULL;
    q->product = jvp ? row(c, c->product, c->taken, 0) : NULL;
    return COVSAMP_OK;
}

static covsamp_status check_rows(covsamp_calibration *c, const void *values, const char *what,
                                 const char *function)
{
    for (int64_t b = 0; b < c->pass.filled; b++) {
        const int64_t i = covsamp__nonfinite(c->pass.dtype, c->pass.dim,
                                             covsamp__cat(c->pass.dtype, values, b * c->pass.dim));
        if (i >= 0)
            return covsamp__fail(&c->error, COVSAMP_E_NONFINITE,
                                 "%s: the model's %s holds a NaN or infinity at value %" PRId64
                                 " of sample %" PRId64 " (level %" PRId64 "), must be finite",
                                 function, what, i, c->request.first_sample + b, c->request.level);
    }
    return COVSAMP_OK;
}

static covsamp_status check(covsamp__pass *p, const char *function)
{
    covsamp_calibration *c = calibration_of(p);
    const covsamp_request *q = &c->request;
    covsamp_status status = COVSAMP_OK;
    if (q->mean != NULL)
        status = check_rows(c, q->mean, "mean", function);
    for (int64_t k = 0; status == COVSAMP_OK && k < q->tangents; k++)
        status = check_rows(c, covsamp__cat(c->pass.dtype, q->product, k * q->tangent_stride),
                            "product", function);
    return status;
}

static void add_noise(covsamp__calibrated *l, double predicted, double drawn)
{
    const double off = predicted - l->noise.mean;
    covsamp__moments_add(&l->noise, l->samples, predicted);
    covsamp__moments_add(&l->drawn, l->samples, drawn);
    l->together += off * (drawn - l->drawn.mean);
}

double covsamp__calibration_noise(const covsamp__calibrated *l, double *deviation)
{
    const double n = (double)l->samples;
    double unused;
    if (deviation == NULL)
        deviation = &unused;
    if (l->samples < 3 || !(l->drawn.squares > 0)) {
        *deviation = covsamp__moments_deviation(&l->noise, l->samples);
        return l->noise.mean;
    }
    const double slope = l->together / l->drawn.squares;
    *deviation = sqrt(fmax(l->noise.squares - slope * l->together, 0) / (n * (n - 2)));
    return l->noise.mean - slope * (l->drawn.mean - 1);
}

/* The two products of sample b, as products with C. */
static void measure_products(covsamp_calibration *c, const covsamp__calibrated *l, int64_t b,
                             covsamp__measured *m)
{
    void *u = row(c, c->v, 0, b), *v = row(c, c->v, 1, b);
    void *cu = row(c, c->product, 0, b), *cv = row(c, c->product, 1, b);
    covsamp__combine(c->pass.dtype, c->pass.dim, l->kappa * l->p, u, l->kappa * l->q, cu, cu);
    covsamp__combine(c->pass.dtype, c->pass.dim, l->kappa * l->p, v, l->kappa * l->q, cv, cv);
    const double uu = covsamp__dot(c->pass.dtype, c->pass.dim, u, cu);
    const double vv = covsamp__dot(c->pass.dtype, c->pass.dim, v, cv);
    const double uv = covsamp__dot(c->pass.dtype, c->pass.dim, u, cv);
    const double vu = covsamp__dot(c->pass.dtype, c->pass.dim, v, cu);
    m->trace = 0.5 * (uu + vv) / (double)c->pass.dim;
    m->odd = uv - vu;
    m->even = uv + vu;
}

static void measure(covsamp_calibration *c, const covsamp__calibrated *l, int64_t b)
{
    covsamp__measured *m = &c->measured[b];
    const void *x = row(c, c->x, 0, b), *f = row(c, c->mean, 0, b);
    const double a = l->at.alpha, s = l->at.sigma;
    memset(m, 0, sizeof *m);
    covsamp__combine(c->pass.dtype, c->pass.dim, l->p, x, l->q, f, c->scratch);
    covsamp__combine(c->pass.dtype, c->pass.dim, 1, row(c, c->pass.x0, 0, b), -1, c->scratch,
                     c->scratch);
    m->error = mean_square(c, c->scratch);
    /* e = (x - alpha x0) / sigma, without the difference where the network predicts e */
    covsamp__combine(c->pass.dtype, c->pass.dim, (1 - a * l->p) / s, x, -a * l->q / s, f,
                     c->scratch);
    m->noise = mean_square(c, c->scratch);
    if (c->products)
        measure_products(c, l, b, m);
    if (!(m->error < COVSAMP__COUNTABLE && m->noise < COVSAMP__COUNTABLE &&
          fabs(m->trace) < COVSAMP__COUNTABLE && fabs(m->odd) < COVSAMP__COUNTABLE &&
          fabs(m->even) < COVSAMP__COUNTABLE))
        c->large = b;
}

static void count(covsamp__calibrated *l, const covsamp__measured *m, double drawn)
{
    l->samples++;
    covsamp__moments_add(&l->error, l->samples, m->error);
    add_noise(l, m->noise, drawn);
    covsamp__moments_add(&l->trace, l->samples, m->trace);
    l->odd += m->odd * m->odd;
    l->even += m->even * m->even;
}

static int take(covsamp__pass *p)
{
    covsamp_calibration *c = calibration_of(p);
    c->got_mean |= c->request.mean != NULL;
    c->taken += c->request.tangents;
    if (!c->got_mean || (c->products && c->taken < COVSAMP__PROBES))
        return 0;
    for (int64_t b = 0; b < c->pass.filled; b++)
        measure(c, &c->level[c->at], b);
    if (c->large >= 0)
        return 0; /* next() says so; the level counts none of this batch */
    for (int64_t b = 0; b < c->pass.filled; b++)
        count(&c->level[c->at], &c->measured[b], c->drawn[b]);
    c->at++;
    c->built = 0;
    p->active = c->at < c->count;
    return 1;
}

static const char *missing(const covsamp__pass *p, const covsamp_model *model)
{
    const covsamp_calibration *c = (const covsamp_calibration *)(const void *)p;
    if (model->mean == NULL)
        return "mean";
    return model->jvp == NULL && c->products ? "jvp, which the products need," : NULL;
}

const covsamp__pass_ops covsamp__calibration_pass = {.name = "covsamp_calibration",
                                                     .begin = begin,
                                                     .next = next,
                                                     .check = check,
                                                     .take = take,
                                                     .missing = missing};

/* ---- tables ---- */

/* A measured level as the tables see it. */
typedef struct {
    double log_snr, noise, error;
} known;

static known known_of(const covsamp__calibrated *l)
{
    const known k = {l->at.log_snr, fmax(covsamp__calibration_noise(l, NULL), 0), l->error.mean};
    return k;
}

/* At the share w of the way from a to b, geometrically where both are above 0. */
static double between(double a, double b, double w)
{
    if (a > 0 && b > 0)
        return exp((1 - w) * log(a) + w * log(b));
    return (1 - w) * a + w * b;
}

/* sigma^2 / alpha^2 (1 - noise) is what is used, and sigma^2 / alpha^2 grows to 25 000: it is this
 * variance, smooth and bounded by that of the data, that is carried from level to level. */
static double noise_between(const known *low, const known *high, double w, double log_snr)
{
    const double a = exp(-low->log_snr) * (1 - low->noise);
    const double b = exp(-high->log_snr) * (1 - high->noise);
    if (!(a > 0 && isfinite(a) && (w == 0 || b > 0)))
        return (1 - w) * low->noise + w * high->noise;
    return fmax(1 - exp(log_snr) * (w == 0 ? a : between(a, b, w)), 0);
}

void covsamp__calibration_fill(const covsamp_calibration *c, int error, double *values)
{
    int64_t i = c->count - 1; /* level[i] is the noisiest measured one that is not noisier than n */
    for (int64_t n = 1; n <= c->all; n++) {
        while (i > 0 && c->level[i - 1].at.level <= n)
            i--;
        const known low = known_of(&c->level[i]);
        const known high = known_of(&c->level[i > 0 ? i - 1 : i]);
        const double log_snr = c->log_snr[n - 1], span = high.log_snr - low.log_snr;
        double w = (log_snr - low.log_snr) / span;
        if (n <= c->level[i].at.level || !(span < 0)) /* on it, below all, above all */
            w = 0; /* as it is by itself where alpha = 0 at the upper one, infinitely far */
        if (error)
            values[n - 1] = w == 0 ? low.error : between(low.error, high.error, w);
        else if (n == c->level[i].at.level)
            values[n - 1] = low.noise;
        else
            values[n - 1] = noise_between(&low, &high, w, log_snr);
    }
}
