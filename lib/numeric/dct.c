/* SPDX-License-Identifier: BSD-3-Clause */
/* Every array is a column-major matrix to linalg.h: a channel is width x height. */
#include "numeric/dct.h"

#include "numeric/elementary.h"
#include "numeric/linalg.h"

#include <math.h>
#include <string.h>

/* cos(2 pi a / n), 0 <= a < n < 2^38.  The angle is first brought to [0, 1/4] of a turn in
 * integers, where symmetric entries become equal. */
static double cosine(uint64_t a, uint64_t n)
{
    double s, c;
    int negative = 0;
    if (2 * a > n)
        a = n - a;
    if (4 * a > n) {
        a = n - 2 * a; /* half of it is n/2 - a */
        n *= 2;
        negative = 1;
    }
    covsamp__sincos_of((uint64_t)((double)a / (double)n * 0x1p53), &s, &c);
    return negative ? -c : c;
}

void covsamp__dct_basis(int64_t n, double *b)
{
    const uint64_t turn = 4 * (uint64_t)n;
    for (int64_t f = 0; f < n; f++) {
        const double scale = sqrt((f == 0 ? 1.0 : 2.0) / (double)n);
        for (int64_t i = 0; i < n; i++)
            b[f * n + i] = scale * cosine((uint64_t)(2 * i + 1) * (uint64_t)f % turn, turn);
    }
}

/* ---- windows side by side ---- */

/* The windows' lines of kx values lie behind each other. */
static void blocks_x(const covsamp__dct *d, int inverse, const double *x, double *out)
{
    const int64_t lines = d->width / d->kx * d->height;
    covsamp__gemm(!inverse, 0, d->kx, lines, d->kx, d->bx, d->kx, x, d->kx, out, d->kx);
}

static void blocks_y(const covsamp__dct *d, int inverse, const double *x, double *out)
{
    for (int64_t y = 0; y < d->height; y += d->ky)
        covsamp__gemm(0, inverse, d->width, d->ky, d->ky, x + y * d->width, d->width, d->by, d->ky,
                      out + y * d->width, d->width);
}

void covsamp__dct_blocks(const covsamp__dct *d, int inverse, double *x, double *work)
{
    const int64_t n = d->height * d->width;
    for (int64_t c = 0; c < d->channels; c++, x += n) {
        blocks_x(d, inverse, x, work);
        if (d->ky > 1)
            blocks_y(d, inverse, work, x);
        else
            memcpy(x, work, (size_t)n * sizeof *x);
    }
}

/* ---- windows at every position ---- */

int64_t covsamp__dct_row_work(const covsamp__dct *d)
{
    return d->width * d->ky * (d->kx + 2);
}

/* Rows row ... row + ky - 1, wrapping: [ky][width]. */
static void gather(const covsamp__dct *d, const double *x, int64_t row, double *rows)
{
    for (int64_t i = 0; i < d->ky; i++)
        memcpy(rows + i * d->width, x + (row + i) % d->height * d->width,
               (size_t)d->width * sizeof *x);
}

void covsamp__dct_row(const covsamp__dct *d, const double *x, int64_t row, double *coefficient,
                      double *work)
{
    const int64_t w = d->width, n = w * d->ky;
    double *rows = work, *vertical = rows + n, *shifted = vertical + n;
    gather(d, x, row, rows);
    covsamp__gemm(0, 0, w, d->ky, d->ky, rows, w, d->by, d->ky, vertical, w);
    for (int64_t j = 0; j < d->kx; j++) /* line f moved left by j, wrapping */
        for (int64_t f = 0; f < d->ky; f++) {
            double *to = shifted + j * n + f * w;
            const double *from = vertical + f * w;
            memcpy(to, from + j, (size_t)(w - j) * sizeof *to);
            memcpy(to + w - j, from, (size_t)j * sizeof *to);
        }
    covsamp__gemm(0, 0, n, d->kx, d->kx, shifted, n, d->bx, d->kx, coefficient, n);
}

static void add(int64_t n, const double *x, double *out)
{
    for (int64_t i = 0; i < n; i++)
        out[i] += x[i];
}

void covsamp__dct_row_adjoint(const covsamp__dct *d, const double *coefficient, int64_t row,
                              double *x, double *work)
{
    const int64_t w = d->width, n = w * d->ky;
    double *rows = work, *vertical = rows + n, *shifted = vertical + n;
    covsamp__gemm(0, 1, n, d->kx, d->kx, coefficient, n, d->bx, d->kx, shifted, n);
    memset(vertical, 0, (size_t)n * sizeof *vertical);
    for (int64_t j = 0; j < d->kx; j++) /* line f moved right by j, wrapping */
        for (int64_t f = 0; f < d->ky; f++) {
            const double *from = shifted + j * n + f * w;
            double *to = vertical + f * w;
            add(w - j, from, to + j);
            add(j, from + w - j, to);
        }
    covsamp__gemm(0, 1, w, d->ky, d->ky, vertical, w, d->by, d->ky, rows, w);
    for (int64_t i = 0; i < d->ky; i++)
        add(w, rows + i * w, x + (row + i) % d->height * w);
}
