/* SPDX-License-Identifier: BSD-3-Clause */
#include "covariance/spectrum.h"

#include "numeric/linalg.h"

#include <covsamp/covsamp.h>

#include <math.h>
#include <string.h>

/* ---- shape ---- */

static int sliding(const covsamp__spectrum *s)
{
    return s->mode == COVSAMP_DCT_SLIDING;
}

/* Bands are rings around frequency 0, one unit of the longer side wide. */
static int32_t band_of(const covsamp__spectrum *s, int64_t fx, int64_t fy)
{
    const covsamp__dct *d = &s->dct;
    const double x = (double)fx / (double)d->kx, y = (double)fy / (double)d->ky;
    if (s->pool != COVSAMP_POOL_RADIAL)
        return (int32_t)(fy * d->kx + fx);
    return (int32_t)(sqrt(x * x + y * y) * (double)(d->kx > d->ky ? d->kx : d->ky) + 0.5);
}

static void fill(covsamp__spectrum *s)
{
    const covsamp__dct *d = &s->dct;
    covsamp__dct_basis(d->kx, d->bx);
    covsamp__dct_basis(d->ky, d->by);
    for (int64_t fy = 0; fy < d->ky; fy++)
        for (int64_t fx = 0; fx < d->kx; fx++)
            s->band[fy * d->kx + fx] = band_of(s, fx, fy);
}

int64_t covsamp__spectrum_chunk(const covsamp__spectrum *s)
{
    const covsamp__dct *d = &s->dct;
    return sliding(s) ? d->channels * d->width * d->kx * d->ky : s->dim;
}

int64_t covsamp__spectrum_chunks(const covsamp__spectrum *s)
{
    return sliding(s) ? s->dct.height : 1;
}

double covsamp__spectrum_frame(const covsamp__spectrum *s)
{
    return sliding(s) ? (double)(s->dct.kx * s->dct.ky) : 1;
}

/* Doubles behind the eight m x m matrices of `mix`. */
static int64_t mix_size(const covsamp__spectrum *s)
{
    return 8 * s->colours * s->colours + s->colours + covsamp__eigh_work(s->colours);
}

void covsamp__spectrum_layout(covsamp__spectrum *s, covsamp__arena *arena)
{
    covsamp__dct *d = &s->dct;
    const size_t size = sizeof(double);
    const int own = !s->colour && s->pool != COVSAMP_POOL_CHANNEL;
    s->colours = s->colour ? d->channels : 1;
    s->bands = band_of(s, d->kx - 1, d->ky - 1) + 1;
    s->pools = own ? s->bands * d->channels : s->bands;
    const int64_t square = s->colours * s->colours, chunk = covsamp__spectrum_chunk(s);
    d->bx = covsamp__take(arena, d->kx, d->kx, size);
    d->by = covsamp__take(arena, d->ky, d->ky, size);
    s->band = covsamp__take(arena, d->ky, d->kx, sizeof *s->band);
    s->moment = covsamp__take(arena, s->batch, s->pools, (size_t)(2 * square) * size);
    s->variance = covsamp__take(arena, s->batch, s->pools, size);
    s->vectors = covsamp__take(arena, s->batch, covsamp__matrix_stride(s->colours), size);
    s->values = covsamp__take(arena, s->batch, s->colours, size);
    s->sample = covsamp__take(arena, s->dim, 1, size);
    s->other = covsamp__take(arena, s->dim, 1, size);
    s->y = sliding(s) ? covsamp__take(arena, chunk, 1, size) : s->sample;
    s->s = sliding(s) ? covsamp__take(arena, chunk, 1, size) : s->other;
    s->work =
        covsamp__take(arena, sliding(s) ? covsamp__dct_row_work(d) : d->height * d->width, 1, size);
    s->factor = covsamp__take(arena, s->pools, s->colours, size);
    s->mix = covsamp__take(arena, mix_size(s), 1, size);
    if (arena->base != NULL)
        fill(s);
}

/* ---- transforms ---- */

void covsamp__spectrum_forward(const covsamp__spectrum *s, int64_t i, const double *x, double *out)
{
    const covsamp__dct *d = &s->dct;
    const int64_t values = d->height * d->width, row = d->width * d->kx * d->ky;
    if (!sliding(s)) {
        if (out != x)
            memcpy(out, x, (size_t)s->dim * sizeof *out);
        covsamp__dct_blocks(d, 0, out, s->work);
        return;
    }
    for (int64_t c = 0; c < d->channels; c++)
        covsamp__dct_row(d, x + c * values, i, out + c * row, s->work);
}

void covsamp__spectrum_back(const covsamp__spectrum *s, int64_t i, double *coefficient, double *x)
{
    const covsamp__dct *d = &s->dct;
    const int64_t values = d->height * d->width, row = d->width * d->kx * d->ky;
    if (!sliding(s)) {
        covsamp__dct_blocks(d, 1, coefficient, s->work);
        if (x != coefficient)
            memcpy(x, coefficient, (size_t)s->dim * sizeof *x);
        return;
    }
    for (int64_t c = 0; c < d->channels; c++)
        covsamp__dct_row_adjoint(d, coefficient + c * row, i, x + c * values, s->work);
}

/* ---- walking through the coefficients of a chunk ---- */

/* A chunk is, for each channel, lines of `width` coefficients. */
typedef struct {
    int64_t lines, size; /* of a channel; size = lines * width */
    int64_t period;      /* bands repeat along a line after so many */
} grid;

static grid grid_of(const covsamp__spectrum *s)
{
    const covsamp__dct *d = &s->dct;
    grid g = {d->height, d->height * d->width, d->kx};
    if (sliding(s)) {
        g.lines = d->kx * d->ky;
        g.size = g.lines * d->width;
        g.period = 1;
    }
    return g;
}

/* The bands of line `line`: of all windows lines are (fx, fy), else rows of the image. */
static const int32_t *bands_of(const covsamp__spectrum *s, int64_t line)
{
    const int64_t kx = s->dct.kx, ky = s->dct.ky;
    return s->band + (sliding(s) ? line % ky * kx + line / ky : line % ky * kx);
}

/* Where the pools of a channel begin. */
static int64_t first_pool(const covsamp__spectrum *s, int64_t channel)
{
    return s->pools > s->bands ? channel * s->bands : 0;
}

/* ---- moments ---- */

void covsamp__spectrum_forget(covsamp__spectrum *s)
{
    const int64_t each = s->pools * 2 * s->colours * s->colours;
    memset(s->moment, 0, (size_t)(s->batch * each) * sizeof *s->moment);
}

static void add_plain(covsamp__spectrum *s, double *moment, const double *y, const double *sy,
                      double share)
{
    const grid g = grid_of(s);
    for (int64_t c = 0; c < s->dct.channels; c++)
        for (int64_t line = 0; line < g.lines; line++) {
            const int32_t *band = bands_of(s, line);
            const int64_t at = c * g.size + line * s->dct.width;
            double *pools = moment + 2 * first_pool(s, c);
            for (int64_t x = 0, phase = 0; x < s->dct.width; x++) {
                double *pool = pools + 2 * (int64_t)band[phase];
                pool[0] += sy[at + x] * y[at + x];
                pool[1] += share * y[at + x] * y[at + x];
                phase = phase + 1 < g.period ? phase + 1 : 0;
            }
        }
}

static void add_colours(covsamp__spectrum *s, double *moment, const double *y, const double *sy,
                        double share)
{
    const grid g = grid_of(s);
    const int64_t m = s->colours;
    for (int64_t line = 0; line < g.lines; line++) {
        const int32_t *band = bands_of(s, line);
        for (int64_t x = 0; x < s->dct.width; x++) {
            const int64_t at = line * s->dct.width + x;
            double *cross = moment + 2 * m * m * (int64_t)band[x % g.period], *own = cross + m * m;
            for (int64_t j = 0; j < m; j++) {
                const double yj = y[at + j * g.size];
                for (int64_t i = 0; i < m; i++) {
                    cross[i + j * m] += sy[at + i * g.size] * yj;
                    own[i + j * m] += share * y[at + i * g.size] * yj;
                }
            }
        }
    }
}

void covsamp__spectrum_add(covsamp__spectrum *s, int64_t b, const double *y, const double *sy,
                           double share)
{
    double *moment = s->moment + b * s->pools * 2 * s->colours * s->colours;
    (s->colours > 1 ? add_colours : add_plain)(s, moment, y, sy, share);
}

/* ---- estimates ---- */

/* Signs of values can have no share of a frequency at all (their sum may be 0): no answer then. */
#define NO_SHARE 1e-12

int covsamp__spectrum_solve(covsamp__spectrum *s, int64_t b, int64_t *negative)
{
    double *lam = s->variance + b * s->pools;
    if (s->colours > 1)
        return covsamp__spectrum_colours(s, b, negative);
    const double *moment = s->moment + b * s->pools * 2;
    for (int64_t g = 0; g < s->pools; g++) {
        const double value = moment[2 * g + 1] > NO_SHARE ? moment[2 * g] / moment[2 * g + 1] : 0;
        *negative += value < 0;
        lam[g] = fmax(value, 0);
    }
    s->vectors[b * covsamp__matrix_stride(1)] = s->values[b] = 1;
    return 0;
}

double covsamp__spectrum_mean(const covsamp__spectrum *s, int64_t b, double scale,
                              covsamp__spectrum_root f, const void *user)
{
    const int64_t cell = s->dct.kx * s->dct.ky, m = s->colours;
    const double *lam = s->variance + b * s->pools, *value = s->values + b * m;
    double sum = 0;
    for (int64_t first = 0; first < s->pools; first += s->bands)
        for (int64_t i = 0; i < cell; i++)
            for (int64_t j = 0; j < m; j++)
                sum += f(scale * lam[first + s->band[i]] * value[j], user);
    return sum / (double)(s->pools / s->bands * cell * m);
}

void covsamp__spectrum_factors(covsamp__spectrum *s, int64_t b, double scale,
                               covsamp__spectrum_root root, const void *user)
{
    const int64_t m = s->colours;
    for (int64_t g = 0; g < s->pools; g++)
        for (int64_t j = 0; j < m; j++)
            s->factor[g * m + j] =
                root(scale * s->variance[b * s->pools + g] * s->values[b * m + j], user);
}

/* Colours at one place, `apart` from each other: e = V factor V^T e. */
static void turn(int64_t m, const double *v, const double *factor, int64_t apart, double *u,
                 double *e)
{
    for (int64_t j = 0; j < m; j++) {
        double sum = 0;
        for (int64_t i = 0; i < m; i++)
            sum += v[i + j * m] * e[i * apart];
        u[j] = factor[j] * sum;
    }
    for (int64_t i = 0; i < m; i++) {
        double sum = 0;
        for (int64_t j = 0; j < m; j++)
            sum += v[i + j * m] * u[j];
        e[i * apart] = sum;
    }
}

void covsamp__spectrum_apply(const covsamp__spectrum *s, int64_t b, double *coefficient)
{
    const grid g = grid_of(s);
    const int64_t m = s->colours, w = s->dct.width;
    for (int64_t c = 0; c < (m > 1 ? 1 : s->dct.channels); c++)
        for (int64_t line = 0; line < g.lines; line++) {
            const int32_t *band = bands_of(s, line);
            const double *factor = s->factor + m * first_pool(s, c);
            double *e = coefficient + c * g.size + line * w;
            for (int64_t x = 0, phase = 0; x < w; x++) {
                if (m == 1)
                    e[x] *= factor[band[phase]];
                else
                    turn(m, s->vectors + b * covsamp__matrix_stride(m),
                         factor + m * (int64_t)band[phase], g.size, s->mix, e + x);
                phase = phase + 1 < g.period ? phase + 1 : 0;
            }
        }
}
