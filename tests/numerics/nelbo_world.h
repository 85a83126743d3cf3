/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of likelihood bounds share: a linear denoiser about which everything is known, and
 * every term of the bound by textbook formulas and d x d matrices (symmetric, so that rows are
 * columns).  Nothing here is the library's but the schedule's alpha and sigma, and the noise. */
#ifndef COVSAMP_TESTS_NELBO_WORLD_H
#define COVSAMP_TESTS_NELBO_WORLD_H

#include "check.h"
#include "gaussian.h"

#include <stdlib.h>

#define WD 32 /* most dims */
#define WS 8  /* most steps */

/* ---- matrices ---- */

/* Lower factor of a, in place; log det a. */
static inline double factor(int d, double *a)
{
    double log_det = 0;
    for (int j = 0; j < d; j++) {
        for (int i = j; i < d; i++) {
            double sum = a[i * d + j];
            for (int k = 0; k < j; k++)
                sum -= a[i * d + k] * a[j * d + k];
            a[i * d + j] = i == j ? sqrt(sum) : sum / a[j * d + j];
        }
        log_det += 2 * log(a[j * d + j]);
    }
    return log_det;
}

/* x <- A^-1 x by the factor. */
static inline void solve(int d, const double *l, double *x)
{
    for (int i = 0; i < d; i++) {
        for (int k = 0; k < i; k++)
            x[i] -= l[i * d + k] * x[k];
        x[i] /= l[i * d + i];
    }
    for (int i = d; i-- > 0;) {
        for (int k = i + 1; k < d; k++)
            x[i] -= l[k * d + i] * x[k];
        x[i] /= l[i * d + i];
    }
}

/* Cyclic Jacobi: a becomes diagonal, the columns of v its eigenvectors: a = v diag v^T. */
static inline void jacobi(int d, double *a, double *v)
{
    for (int i = 0; i < d * d; i++)
        v[i] = i % (d + 1) == 0;
    for (int sweep = 0; sweep < 30; sweep++)
        for (int p = 0; p < d; p++)
            for (int q = p + 1; q < d; q++) {
                if (fabs(a[p * d + q]) < 1e-300 + 1e-18 * (fabs(a[p * d + p]) + fabs(a[q * d + q])))
                    continue;
                const double angle = 0.5 * atan2(2 * a[p * d + q], a[q * d + q] - a[p * d + p]);
                const double c = cos(angle), s = sin(angle);
                for (int k = 0; k < d; k++) {
                    const double x = a[k * d + p], y = a[k * d + q];
                    a[k * d + p] = c * x - s * y;
                    a[k * d + q] = s * x + c * y;
                }
                for (int k = 0; k < d; k++) {
                    const double x = a[p * d + k], y = a[q * d + k];
                    a[p * d + k] = c * x - s * y;
                    a[q * d + k] = s * x + c * y;
                    const double vx = v[k * d + p], vy = v[k * d + q];
                    v[k * d + p] = c * vx - s * vy;
                    v[k * d + q] = s * vx + c * vy;
                }
            }
}

/* ---- the denoiser: E[x0 | x] = mean + G (x - alpha mean), C = sigma^2 / alpha G ---- */

typedef struct {
    int d, steps;
    int64_t levels[WS];
    covsamp_schedule *schedule;
    double mean[WD], s[WD * WD];           /* of the data */
    double g[WS][WD * WD], c[WS][WD * WD]; /* of each step; g transposed answers VJPs */
    double alpha[WS + 1], sigma[WS + 1];   /* of each level, and of data */
    int32_t prediction, head;
    double share[WD]; /* v of I-DDPM */
    int64_t vjps;     /* requests seen */
} world;

/* Textbook: with V = alpha^2 S + sigma^2 I, G = alpha S V^-1 and C = S - alpha^2 S V^-1 S. */
static inline void make_posteriors(world *w)
{
    const int d = w->d;
    double v[WD * WD], column[WD];
    for (int k = 0; k <= w->steps; k++)
        (void)covsamp_schedule_at(w->schedule, k < w->steps ? (double)w->levels[k] : 0,
                                  &w->alpha[k], &w->sigma[k], NULL);
    for (int k = 0; k < w->steps; k++) {
        const double a = w->alpha[k], s2 = w->sigma[k] * w->sigma[k];
        for (int i = 0; i < d * d; i++)
            v[i] = a * a * w->s[i] + (i % (d + 1) == 0 ? s2 : 0);
        (void)factor(d, v);
        for (int j = 0; j < d; j++) {
            for (int i = 0; i < d; i++)
                column[i] = w->s[i * d + j];
            solve(d, v, column); /* V^-1 S, whose rows S V^-1 has as columns */
            for (int i = 0; i < d; i++)
                w->g[k][j * d + i] = a * column[i];
            for (int i = 0; i < d; i++) {
                double sum = 0;
                for (int n = 0; n < d; n++)
                    sum += w->s[i * d + n] * column[n];
                w->c[k][i * d + j] = w->s[i * d + j] - a * a * sum;
            }
        }
    }
}

/* A model with the covariance c at every level, which is none of any data. */
static inline void give_covariance(world *w, const double *c)
{
    make_posteriors(w);
    for (int k = 0; k < w->steps; k++)
        for (int i = 0; i < w->d * w->d; i++) {
            w->c[k][i] = c[i];
            w->g[k][i] = w->alpha[k] / (w->sigma[k] * w->sigma[k]) * c[i];
        }
}

static inline void predicted_x0(const world *w, int k, const double *x, double *x0)
{
    for (int i = 0; i < w->d; i++) {
        x0[i] = w->mean[i];
        for (int j = 0; j < w->d; j++)
            x0[i] += w->g[k][i * w->d + j] * (x[j] - w->alpha[k] * w->mean[j]);
    }
}

/* f = px x + p0 x0 */
static inline void weights_of(int32_t prediction, double a, double s, double *px, double *p0)
{
    const int noise = prediction == COVSAMP_PREDICTS_NOISE, v = prediction == COVSAMP_PREDICTS_V;
    const int x0 = prediction == COVSAMP_PREDICTS_X0;
    *px = x0 ? 0 : (v ? a : 1) / s;
    *p0 = x0 ? 1 : noise ? -a / s : v ? -a * a / s - s : -a / s - 1; /* at last the flow's */
}

static inline double head_of(const world *w, const covsamp_request *q, int i, double e)
{
    const double unit = q->sigma * q->sigma / (q->alpha * q->alpha);
    const double c = w->c[q->step][i * w->d + i] / unit;
    return w->head == COVSAMP_HEAD_OCM   ? c - 1
           : w->head == COVSAMP_HEAD_SN  ? c + e * e
           : w->head == COVSAMP_HEAD_NPR ? c
                                         : w->share[i];
}

static inline void answer_mean(const world *w, const covsamp_request *q, int64_t at)
{
    double x[WD], x0[WD], px, p0;
    weights_of(w->prediction, q->alpha, q->sigma, &px, &p0);
    for (int i = 0; i < w->d; i++)
        x[i] = load(q->dtype, q->x, at + i);
    predicted_x0(w, (int)q->step, x, x0);
    for (int i = 0; i < w->d; i++) {
        store(q->dtype, q->mean, at + i, px * x[i] + p0 * x0[i]);
        if (q->head != NULL)
            store(q->dtype, q->head, at + i,
                  head_of(w, q, i, (x[i] - q->alpha * x0[i]) / q->sigma));
    }
}

static inline int32_t world_answer(void *user, const covsamp_request *q)
{
    world *w = user;
    double px, p0;
    weights_of(w->prediction, q->alpha, q->sigma, &px, &p0);
    w->vjps += q->transposed != NULL;
    for (int64_t b = 0; b < q->batch; b++) {
        if (q->mean != NULL)
            answer_mean(w, q, b * q->stride);
        for (int64_t k = 0; k < q->tangents; k++)
            for (int i = 0; i < w->d; i++) {
                const int64_t at = k * q->tangent_stride + b * q->stride;
                double sum = 0;
                for (int j = 0; j < w->d; j++)
                    sum += w->g[q->step][q->transposed ? j * w->d + i : i * w->d + j] *
                           load(q->dtype, q->v, at + j);
                store(q->dtype, q->transposed ? q->transposed : q->product, at + i,
                      px * load(q->dtype, q->v, at + i) + p0 * sum);
            }
    }
    return 0;
}

/* ---- the bound, written out ---- */

typedef enum { SMALL, LARGE, ANALYTIC, ISOTROPIC, DIAGONAL, HEAD, IDDPM, FULL } shape;

typedef struct {
    const char *options;
    shape covariance;
    double eta, clip; /* clip 0: off */
    int whole, raw;   /* clip_covariance = 0; eps_after_clip = raw */
    double cap, ritz_cap, guard;
    int64_t low, high; /* the window; high 0: no limit */
    int fallback_analytic;
    int64_t bins, batch, first, seed;
    int32_t dtype, reserved;
    const double *table;
} setup;

typedef struct {
    double nats, log_det, trace, residual;
} term;

static inline double density(double x, double mean, double deviation)
{
    const double z = (x - mean) / deviation;
    return 0.5 * z * z + log(deviation) + 0.5 * log(2 * acos(-1.0));
}

/* -log P[z > a] where erfcl() has no number for it: Abramowitz & Stegun 1964, 26.2.12. */
static inline long double far_tail(long double a)
{
    const long double q = 1 / (a * a);
    return 0.5L * a * a + logl(a) + 0.5L * logl(2 * acosl(-1.0L)) -
           logl(1 - q + 3 * q * q - 15 * q * q * q + 105 * q * q * q * q);
}

/* -log P[a < z < b] */
static inline double interval(long double a, long double b)
{
    const long double root = sqrtl(0.5L);
    if (a + b < 0) {
        const long double c = -a;
        a = -b;
        b = c;
    }
    if (a > 100)
        return (double)(far_tail(a) - (isinf(b) ? 0 : log1pl(-expl(far_tail(a) - far_tail(b)))));
    return (double)-logl(0.5L * (erfcl(a * root) - erfcl(b * root)));
}

static inline double grey(double x, double mean, double deviation, int64_t bins)
{
    const double half = 1 / (double)(bins - 1);
    const int64_t b = llround((x + 1) / (2 * half));
    return interval(b == 0 ? -INFINITY : ((long double)x - half - mean) / deviation,
                    b == bins - 1 ? INFINITY : ((long double)x + half - mean) / deviation);
}

/* C limited and masked: eigenvalues to [0, most], its trace by the guard. */
static inline void limit(int d, double *c, const int *keep, double most, double guard)
{
    double v[WD * WD], trace = 0;
    for (int i = 0; i < d * d; i++)
        c[i] *= keep[i / d] * keep[i % d];
    for (int i = 0; i < d; i++)
        trace += c[i * d + i] / d;
    for (int i = 0; i < d * d; i++)
        c[i] *= trace > guard ? guard / trace : 1;
    jacobi(d, c, v);
    double e[WD];
    for (int i = 0; i < d; i++)
        e[i] = fmin(fmax(c[i * d + i], 0), most);
    memset(c, 0, (size_t)(d * d) * sizeof *c);
    for (int k = 0; k < d; k++)
        for (int i = 0; i < d * d; i++)
            c[i] += v[i / d * d + k] * e[k] * v[i % d * d + k];
}

/* The C that the covariance of the step takes: nothing, a number, the diagonal, all of it. */
static inline void chosen(const world *w, const setup *u, int k, const int *keep, double *c)
{
    const int d = w->d, product = u->covariance >= ISOTROPIC;
    const double a = w->alpha[k], unit = a > 0 ? w->sigma[k] * w->sigma[k] / (a * a) : 0;
    const int outside =
        product && (w->levels[k] < u->low || (u->high > 0 && w->levels[k] > u->high) || a == 0);
    const double analytic = u->table != NULL ? unit * (1 - u->table[w->levels[k] - 1]) : 0;
    const double most =
        fmin(u->cap > 0 ? u->cap : INFINITY, u->ritz_cap > 0 ? u->ritz_cap * unit : INFINITY);
    int all[WD], kept = 0;
    double trace = 0;
    for (int i = 0; i < d; i++) {
        all[i] = 1;
        kept += keep[i];
        trace += keep[i] ? w->c[k][i * d + i] : 0;
    }
    memset(c, 0, (size_t)(d * d) * sizeof *c);
    for (int i = 0; i < d * d; i++) {
        const int on = i % (d + 1) == 0;
        if (outside || u->covariance == SMALL)
            c[i] = on && outside && u->fallback_analytic ? analytic : 0;
        else if (u->covariance == ANALYTIC)
            c[i] = on ? analytic : 0;
        else if (u->covariance == ISOTROPIC)
            c[i] = on ? trace / kept : 0;
        else
            c[i] = on || u->covariance == FULL ? w->c[k][i] : 0;
        if (u->covariance == HEAD)
            c[i] = fmin(c[i], most); /* before the guard sees it */
    }
    limit(d, c, outside || !product ? all : keep, most,
          u->guard > 0 && product && !outside ? u->guard * analytic : INFINITY);
}

/* The transition: math.md section 0.  log of beta and of beta-tilde. */
static inline void transition(const world *w, int k, double eta, double *lambda, double *b,
                              double *beta, double *small)
{
    const double at = w->alpha[k], st = w->sigma[k], as = w->alpha[k + 1], ss = w->sigma[k + 1];
    *beta = st * st - at / as * (at / as) * ss * ss;
    *small = *beta * ss * ss / (st * st);
    *lambda = eta * sqrt(*small);
    *b = as - sqrt((ss * ss - *lambda * *lambda) / (st * st)) * at;
}

/* (log det S - d log lambda^2 - d + lambda^2 tr S^-1 + r . S^-1 r) / 2; S is destroyed. */
static inline term divergence(int d, double *s, double lambda, const double *r)
{
    const double floor = lambda * lambda;
    double x[WD];
    term t = {0, factor(d, s) - d * log(floor), -d, 0};
    for (int i = 0; i < d; i++) {
        memset(x, 0, sizeof x);
        x[i] = 1;
        solve(d, s, x);
        t.trace += floor * x[i];
    }
    memcpy(x, r, (size_t)d * sizeof *x);
    solve(d, s, x);
    for (int i = 0; i < d; i++)
        t.residual += r[i] * x[i];
    t.nats = 0.5 * (t.log_det + t.trace + t.residual);
    return t;
}

/* The step from level k, or at last the decoder, of data x0. */
static inline term step_term(const world *w, const setup *u, int k, int64_t sample,
                             const double *x0)
{
    const int d = w->d, last = k + 1 == w->steps;
    const double at = w->alpha[k], st = w->sigma[k], as = w->alpha[k + 1], ss = w->sigma[k + 1];
    double e[WD], x[WD], y[WD], r[WD], s[WD * WD], lambda, b, beta, small;
    int keep[WD];
    term t = {0, 0, 0, 0};
    (void)covsamp_noise_normal((uint64_t)u->seed, sample, COVSAMP_STREAM_NELBO, w->levels[k], 0, d,
                               e);
    for (int i = 0; i < d; i++)
        x[i] = at * x0[i] + st * e[i];
    predicted_x0(w, k, x, y);
    transition(w, k, u->eta, &lambda, &b, &beta, &small);
    for (int i = 0; i < d; i++) {
        const double clipped = u->clip > 0 ? fmin(fmax(y[i], -u->clip), u->clip) : y[i];
        const double own = (x[i] - at * (u->raw ? y[i] : clipped)) / st; /* the noise estimate */
        keep[i] = u->whole || y[i] == clipped;
        r[i] = as * (x0[i] - clipped) + sqrt(ss * ss - lambda * lambda) * (e[i] - own);
        y[i] = clipped;
    }
    if (last) {
        double a1, s1, a2, s2;
        (void)covsamp_schedule_at(w->schedule, 1, &a1, &s1, NULL);
        (void)covsamp_schedule_at(w->schedule, 2, &a2, &s2, NULL);
        small = (s2 * s2 - a2 / a1 * (a2 / a1) * s1 * s1) * s1 * s1 / (s2 * s2);
        for (int i = 0; i < d; i++)
            t.nats += u->bins > 0 ? grey(x0[i], y[i], sqrt(small), u->bins)
                                  : density(x0[i], y[i], sqrt(small));
        return t;
    }
    chosen(w, u, k, keep, s);
    for (int i = 0; i < d * d; i++) {
        const int on = i % (d + 1) == 0;
        const double share = 0.5 * (w->share[i % d] + 1);
        s[i] = b * b * s[i] + (on ? lambda * lambda : 0);
        if (on && u->covariance == LARGE)
            s[i] = beta;
        if (on && u->covariance == IDDPM && at > 0)
            s[i] = exp(share * log(beta) + (1 - share) * log(small));
    }
    return divergence(d, s, lambda, r);
}

static inline term prior_term(const world *w, const double *x0)
{
    const double a = w->alpha[0], s2 = w->sigma[0] * w->sigma[0];
    const double start = fabs(a * a + s2 - 1) < 1e-9 ? 1 : s2;
    term t = {0, 0, 0, 0};
    for (int i = 0; i < w->d; i++)
        t.nats += 0.5 * (s2 / start + a * a * x0[i] * x0[i] / start - 1 - log(s2 / start));
    return t;
}

#endif
