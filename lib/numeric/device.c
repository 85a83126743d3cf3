/* SPDX-License-Identifier: BSD-3-Clause */
#include "numeric/device.h"

void *covsamp__device_alloc(covsamp__space *s, size_t bytes)
{
    return s->ops.alloc(s->ops.user, bytes);
}

void covsamp__device_release(covsamp__space *s, void *memory, size_t bytes)
{
    if (memory != NULL)
        s->ops.release(s->ops.user, memory, bytes);
}

/* Whether an operation may be called, and what became of it. */
static int may(const covsamp__space *s)
{
    return s->failure == 0;
}

static void done(covsamp__space *s, const char *operation, int32_t answer)
{
    s->failure = answer;
    if (answer != 0)
        s->failed = operation;
}

void covsamp__device_put(covsamp__space *s, const void *from, void *to, size_t bytes)
{
    if (may(s) && bytes > 0)
        done(s, "put", s->ops.put(s->ops.user, to, from, bytes));
}

void covsamp__device_get(covsamp__space *s, const void *from, void *to, size_t bytes)
{
    if (may(s) && bytes > 0)
        done(s, "get", s->ops.get(s->ops.user, to, from, bytes));
}

void covsamp__device_combine(covsamp__space *s, int64_t rows, int64_t n, const double *a,
                             const void *x, const double *b, const void *y, void *out)
{
    if (may(s))
        done(s, "combine", s->ops.combine(s->ops.user, s->dtype, rows, n, a, x, b, y, out));
}

void covsamp__device_scale(covsamp__space *s, int64_t n, double a, const void *x, void *out)
{
    covsamp__device_combine(s, 1, n, &a, x, NULL, NULL, out);
}

void covsamp__device_clip(covsamp__space *s, int64_t n, double bound, void *x, uint8_t *keep)
{
    if (may(s))
        done(s, "clip", s->ops.clip(s->ops.user, s->dtype, n, bound, x, keep));
}

void covsamp__device_select(covsamp__space *s, int64_t n, const uint8_t *keep, const void *x,
                            double b, const void *y, void *out)
{
    if (may(s))
        done(s, "select", s->ops.select(s->ops.user, s->dtype, n, keep, x, b, y, out));
}

int64_t covsamp__device_nonfinite(covsamp__space *s, int64_t n, const void *x)
{
    int64_t index = -1;
    if (may(s))
        done(s, "find_nonfinite", s->ops.find_nonfinite(s->ops.user, s->dtype, n, x, &index));
    return may(s) ? index : -1;
}

/* ---- several vectors: numbers of rows lie close together in `sums` on their way ---- */

static int is_closed(const covsamp__rows *r, int64_t row)
{
    return r->closed != NULL && r->closed[row];
}

void covsamp__device_project(covsamp__space *s, const covsamp__rows *r, const void *w, double *h,
                             int64_t leading)
{
    if (may(s))
        done(s, "project",
             s->ops.project(s->ops.user, s->dtype, r->rows, r->n, r->k, r->v, r->stride, w,
                            s->sums));
    for (int64_t row = 0; row < r->rows; row++)
        for (int64_t j = 0; !is_closed(r, row) && j < r->k; j++)
            h[row * leading + j] = may(s) ? s->sums[row * r->k + j] : 0;
}

static void expand(covsamp__space *s, const covsamp__rows *r, double beta, double sign,
                   const double *h, int64_t leading, void *out)
{
    for (int64_t row = 0; row < r->rows; row++)
        for (int64_t j = 0; j < r->k; j++)
            s->sums[row * r->k + j] = is_closed(r, row) ? 0 : sign * h[row * leading + j];
    if (may(s))
        done(s, "expand",
             s->ops.expand(s->ops.user, s->dtype, r->rows, r->n, r->k, beta, r->v, r->stride,
                           s->sums, out));
}

void covsamp__device_reject(covsamp__space *s, const covsamp__rows *r, const double *h,
                            int64_t leading, void *w)
{
    expand(s, r, 1, -1, h, leading, w);
}

void covsamp__device_expand(covsamp__space *s, const covsamp__rows *r, const double *h,
                            int64_t leading, void *out)
{
    expand(s, r, 0, 1, h, leading, out);
}
