/* SPDX-License-Identifier: BSD-3-Clause */
/* Handing work out, and what is done value by value. */
#include "numeric/space.h"

#include "numeric/device.h"

#include <covsamp/covsamp.h>

#include <math.h>

/* Values of cost 1 that a task is to have at least: combining so many in the cache takes 16 us
 * where vectors are 512 bits wide, and beginning and ending a round of two tasks takes a pool of
 * threads 10 us at best. */
#define GRAIN 131072

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t covsamp__space_blocks(int64_t n)
{
    return (n + COVSAMP__BLOCK - 1) / COVSAMP__BLOCK;
}

void covsamp__space_layout(covsamp__space *s, int64_t rows, int64_t n, int64_t k,
                           covsamp__arena *arena)
{
    const int64_t blocks = s->threads > 1 ? covsamp__space_blocks(n) : s->ops.size != 0;
    s->sums = covsamp__take(arena, blocks, rows, (size_t)k * sizeof *s->sums);
    s->staging = covsamp__take(arena, s->ops.size != 0 ? rows : 0, n, covsamp__size_of(s->dtype));
}

/* ---- tasks ---- */

typedef struct {
    covsamp__block_fn f;
    const void *data;
    int64_t units, tasks, blocks, n; /* a unit is a block of a row */
} round_of_tasks;

static void one_unit(const round_of_tasks *r, int64_t unit)
{
    const int64_t row = unit / r->blocks, first = unit % r->blocks * COVSAMP__BLOCK;
    r->f(r->data, row, first, least(COVSAMP__BLOCK, r->n - first));
}

/* Units in a row: tasks of neighbours share no more than the cache line between them. */
static void task(void *data, int64_t index)
{
    const round_of_tasks *r = data;
    const int64_t each = r->units / r->tasks, more = r->units % r->tasks;
    const int64_t first = index * each + least(index, more);
    for (int64_t i = 0; i < each + (index < more); i++)
        one_unit(r, first + i);
}

int64_t covsamp__space_tasks(const covsamp__space *s, int64_t rows, int64_t n, int64_t cost)
{
    if (s->threads < 2)
        return 1;
    const int64_t work = rows * n / (GRAIN / cost);
    return least(least(work, s->threads), rows * covsamp__space_blocks(n));
}

void covsamp__space_each(const covsamp__space *s, int64_t rows, int64_t n, int64_t cost,
                         covsamp__block_fn f, const void *data)
{
    round_of_tasks r = {f,
                        data,
                        rows * covsamp__space_blocks(n),
                        covsamp__space_tasks(s, rows, n, cost),
                        covsamp__space_blocks(n),
                        n};
    if (r.tasks > 1)
        s->hook.run(s->hook.user, r.tasks, task, &r);
    else
        for (int64_t i = 0; i < r.units; i++)
            one_unit(&r, i);
}

/* ---- value by value ---- */

typedef struct {
    int32_t dtype, reserved;
    double a, b, high;
    const void *x, *y;
    void *out;
    const uint8_t *keep;
    uint8_t *kept;
} job;

#define X   covsamp__cat(j->dtype, j->x, first)
#define Y   covsamp__cat(j->dtype, j->y, first)
#define OUT covsamp__at(j->dtype, j->out, first)
#define BLOCKWISE(name, ...)                                                                       \
    static void name(const void *data, int64_t row, int64_t first, int64_t n)                      \
    {                                                                                              \
        const job *j = data;                                                                       \
        (void)row;                                                                                 \
        covsamp__##name(j->dtype, n, __VA_ARGS__);                                                 \
    }
BLOCKWISE(zero, OUT)
BLOCKWISE(copy, X, OUT)
BLOCKWISE(scale, j->a, X, OUT)
BLOCKWISE(combine, j->a, X, j->b, Y, OUT)
BLOCKWISE(limit, j->a, j->high, OUT)
BLOCKWISE(clip, j->high, OUT, j->kept + first)
BLOCKWISE(mask, j->keep + first, X, OUT)
BLOCKWISE(select, j->keep + first, X, j->b, Y, OUT)
BLOCKWISE(affine, j->a, j->b, X, OUT)
BLOCKWISE(add_product, j->a, X, Y, OUT)
BLOCKWISE(combine_square, j->a, X, j->b, Y, OUT)
BLOCKWISE(root_scale, j->a, j->b, X, j->high, Y, OUT)
BLOCKWISE(exp_scale, j->a, j->b, X, j->high, Y, OUT)

static void all(const covsamp__space *s, int64_t n, covsamp__block_fn f, job j)
{
    j.dtype = s->dtype;
    covsamp__space_each(s, 1, n, 1, f, &j);
}

void covsamp__space_zero(covsamp__space *s, int64_t n, void *x)
{
    if (s->ops.size != 0)
        covsamp__device_scale(s, n, 0, x, x);
    else
        all(s, n, zero, (job){.out = x});
}

void covsamp__space_copy(covsamp__space *s, int64_t n, const void *x, void *out)
{
    if (s->ops.size != 0)
        covsamp__device_scale(s, n, 1, x, out);
    else
        all(s, n, copy, (job){.x = x, .out = out});
}

void covsamp__space_scale(covsamp__space *s, int64_t n, double a, const void *x, void *out)
{
    if (s->ops.size != 0)
        covsamp__device_scale(s, n, a, x, out);
    else
        all(s, n, scale, (job){.a = a, .x = x, .out = out});
}

void covsamp__space_combine(covsamp__space *s, int64_t n, double a, const void *x, double b,
                            const void *y, void *out)
{
    if (s->ops.size != 0)
        covsamp__device_combine(s, 1, n, &a, x, &b, y, out);
    else
        all(s, n, combine, (job){.a = a, .x = x, .b = b, .y = y, .out = out});
}

void covsamp__space_limit(covsamp__space *s, int64_t n, double low, double high, void *x)
{
    if (s->ops.size != 0)
        covsamp__device_clip(s, n, high, x, NULL);
    else
        all(s, n, limit, (job){.a = low, .high = high, .out = x});
}

void covsamp__space_clip(covsamp__space *s, int64_t n, double bound, void *x, uint8_t *keep)
{
    if (s->ops.size != 0)
        covsamp__device_clip(s, n, bound, x, keep);
    else
        all(s, n, clip, (job){.high = bound, .out = x, .kept = keep});
}

void covsamp__space_mask(covsamp__space *s, int64_t n, const uint8_t *keep, const void *x,
                         void *out)
{
    if (s->ops.size != 0)
        covsamp__device_select(s, n, keep, x, 0, NULL, out);
    else
        all(s, n, mask, (job){.keep = keep, .x = x, .out = out});
}

void covsamp__space_select(covsamp__space *s, int64_t n, const uint8_t *keep, const void *x,
                           double b, const void *y, void *out)
{
    if (s->ops.size != 0)
        covsamp__device_select(s, n, keep, x, b, y, out);
    else
        all(s, n, select, (job){.keep = keep, .x = x, .b = b, .y = y, .out = out});
}

void covsamp__space_spoil(covsamp__space *s, int64_t n, void *x)
{
    if (s->ops.size != 0)
        covsamp__device_scale(s, n, NAN, x, x);
    else
        all(s, n, affine, (job){.a = NAN, .x = x, .out = x});
}

void covsamp__space_affine(covsamp__space *s, int64_t n, double a, double b, const void *x,
                           void *out)
{
    all(s, n, affine, (job){.a = a, .b = b, .x = x, .out = out});
}

void covsamp__space_add_product(covsamp__space *s, int64_t n, double a, const void *x,
                                const void *y, void *out)
{
    all(s, n, add_product, (job){.a = a, .x = x, .y = y, .out = out});
}

void covsamp__space_combine_square(covsamp__space *s, int64_t n, double a, const void *x, double b,
                                   const void *y, void *out)
{
    all(s, n, combine_square, (job){.a = a, .x = x, .b = b, .y = y, .out = out});
}

void covsamp__space_root_scale(covsamp__space *s, int64_t n, double a, double b, const void *x,
                               double high, const void *z, void *out)
{
    all(s, n, root_scale, (job){.a = a, .b = b, .x = x, .high = high, .y = z, .out = out});
}

void covsamp__space_exp_scale(covsamp__space *s, int64_t n, double a, double b, const void *x,
                              double high, const void *z, void *out)
{
    all(s, n, exp_scale, (job){.a = a, .b = b, .x = x, .high = high, .y = z, .out = out});
}

/* ---- the first value that is not finite ---- */

typedef struct {
    int32_t dtype, reserved;
    const void *x;
    double *found; /* of each block, -1: all are finite */
} search;

static void nonfinite(const void *data, int64_t row, int64_t first, int64_t n)
{
    const search *j = data;
    (void)row;
    j->found[first / COVSAMP__BLOCK] = (double)covsamp__nonfinite(j->dtype, n, X);
}

int64_t covsamp__space_nonfinite(covsamp__space *s, int64_t n, const void *x)
{
    const search j = {s->dtype, 0, x, s->sums};
    if (s->ops.size != 0)
        return covsamp__device_nonfinite(s, n, x);
    if (covsamp__space_tasks(s, 1, n, 1) < 2)
        return covsamp__nonfinite(s->dtype, n, x);
    covsamp__space_each(s, 1, n, 1, nonfinite, &j);
    for (int64_t i = 0; i < covsamp__space_blocks(n); i++)
        if (s->sums[i] >= 0)
            return i * COVSAMP__BLOCK + (int64_t)s->sums[i];
    return -1;
}
