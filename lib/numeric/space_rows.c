/* SPDX-License-Identifier: BSD-3-Clause */
/* What has numbers of its own for every row: sums, combinations, draws.  On one thread row by row,
 * each in one go; in tasks block by block, with sums of blocks in slots of their own that are added
 * in order: the same additions. */
#include "numeric/space.h"

#include "numeric/device.h"
#include "numeric/rng.h"

/* What a normal number takes, in units of combining two: a block of them is worth a task. */
#define COST_OF_NORMAL 32
#define COST_OF_SIGN   4

typedef struct {
    const covsamp__space *s;
    const covsamp__rows *r;
    const void *w;
    void *out;
    const double *h;
    int64_t leading;
    const int64_t *k; /* of every row */
    const double *a, *b;
} work;

static const void *at(const work *j, const void *p, int64_t row, int64_t first)
{
    return covsamp__cat(j->s->dtype, p, row * j->r->n + first);
}

static void *out_at(const work *j, int64_t row, int64_t first)
{
    return covsamp__at(j->s->dtype, j->out, row * j->r->n + first);
}

static int is_closed(const covsamp__rows *r, int64_t row)
{
    return r->closed != NULL && r->closed[row];
}

/* Where the sums of a block go. */
static double *slot(const work *j, int64_t row, int64_t first)
{
    const int64_t block = row * covsamp__space_blocks(j->r->n) + first / COVSAMP__BLOCK;
    return j->s->sums + block * j->r->k;
}

/* sum[0 ... count - 1] of one row, from its blocks. */
static void add_slots(const work *j, int64_t row, int64_t count, double *sum)
{
    for (int64_t i = 0; i < count; i++)
        sum[i] = 0;
    for (int64_t first = 0; first < j->r->n; first += COVSAMP__BLOCK)
        for (int64_t i = 0; i < count; i++)
            sum[i] += slot(j, row, first)[i];
}

static int in_tasks(const covsamp__space *s, const covsamp__rows *r)
{
    return covsamp__space_tasks(s, r->rows, r->n, r->k + 1) > 1;
}

static void each(const work *j, covsamp__block_fn f)
{
    covsamp__space_each(j->s, j->r->rows, j->r->n, j->r->k + 1, f, j);
}

/* ---- several vectors ---- */

static void project(const void *data, int64_t row, int64_t first, int64_t n)
{
    const work *j = data;
    if (!is_closed(j->r, row))
        covsamp__project(j->s->dtype, n, j->r->k, at(j, j->r->v, row, first), j->r->stride,
                         at(j, j->w, row, first), slot(j, row, first));
}

void covsamp__space_project(covsamp__space *s, const covsamp__rows *r, const void *w, double *h,
                            int64_t leading)
{
    if (s->ops.size != 0) {
        covsamp__device_project(s, r, w, h, leading);
        return;
    }
    const work j = {.s = s, .r = r, .w = w};
    const int tasks = in_tasks(s, r);
    if (tasks)
        each(&j, project);
    for (int64_t row = 0; row < r->rows; row++) {
        if (is_closed(r, row))
            continue;
        if (tasks)
            add_slots(&j, row, r->k, h + row * leading);
        else
            covsamp__project(s->dtype, r->n, r->k, at(&j, r->v, row, 0), r->stride,
                             at(&j, w, row, 0), h + row * leading);
    }
}

static void reject_project(const void *data, int64_t row, int64_t first, int64_t n)
{
    const work *j = data;
    if (!is_closed(j->r, row))
        covsamp__reject_project(j->s->dtype, n, j->r->k, at(j, j->r->v, row, first), j->r->stride,
                                j->h + row * j->leading, out_at(j, row, first),
                                slot(j, row, first));
}

void covsamp__space_reject_project(covsamp__space *s, const covsamp__rows *r, const double *h,
                                   int64_t leading, void *w, double *g, int64_t g_leading)
{
    if (s->ops.size != 0) {
        covsamp__device_reject(s, r, h, leading, w);
        covsamp__device_project(s, r, w, g, g_leading);
        return;
    }
    const work j = {.s = s, .r = r, .out = w, .h = h, .leading = leading};
    const int tasks = in_tasks(s, r);
    if (tasks)
        each(&j, reject_project);
    for (int64_t row = 0; row < r->rows; row++) {
        if (is_closed(r, row))
            continue;
        if (tasks)
            add_slots(&j, row, r->k, g + row * g_leading);
        else
            covsamp__reject_project(s->dtype, r->n, r->k, at(&j, r->v, row, 0), r->stride,
                                    h + row * leading, out_at(&j, row, 0), g + row * g_leading);
    }
}

static void reject_square(const void *data, int64_t row, int64_t first, int64_t n)
{
    const work *j = data;
    if (!is_closed(j->r, row))
        *slot(j, row, first) = covsamp__reject_square(
            j->s->dtype, n, j->r->k, at(j, j->r->v, row, first), j->r->stride,
            j->h + row * j->leading, at(j, j->w, row, first), out_at(j, row, first));
}

void covsamp__space_reject_square(covsamp__space *s, const covsamp__rows *r, const double *h,
                                  int64_t leading, const void *w, void *out, double *square)
{
    if (s->ops.size != 0) {
        if (out != w)
            covsamp__device_scale(s, r->rows * r->n, 1, w, out);
        covsamp__device_reject(s, r, h, leading, out);
        covsamp__space_dots(s, r->rows, r->n, out, out, square);
        return;
    }
    const work j = {.s = s, .r = r, .w = w, .out = out, .h = h, .leading = leading};
    const int tasks = in_tasks(s, r);
    if (tasks)
        each(&j, reject_square);
    for (int64_t row = 0; row < r->rows; row++) {
        if (is_closed(r, row))
            continue;
        if (tasks)
            add_slots(&j, row, 1, &square[row]);
        else
            square[row] =
                covsamp__reject_square(s->dtype, r->n, r->k, at(&j, r->v, row, 0), r->stride,
                                       h + row * leading, at(&j, w, row, 0), out_at(&j, row, 0));
    }
}

static void expand(const void *data, int64_t row, int64_t first, int64_t n)
{
    const work *j = data;
    covsamp__expand(j->s->dtype, n, j->k[row], at(j, j->r->v, row, first), j->r->stride,
                    j->h + row * j->leading, out_at(j, row, first));
}

void covsamp__space_expand(covsamp__space *s, const covsamp__rows *r, const int64_t *k,
                           const double *h, int64_t leading, void *out)
{
    if (s->ops.size != 0) {
        covsamp__device_expand(s, r, h, leading, out);
        return;
    }
    const work j = {.s = s, .r = r, .out = out, .h = h, .leading = leading, .k = k};
    each(&j, expand);
}

/* ---- one or two ---- */

void covsamp__space_dots(covsamp__space *s, int64_t rows, int64_t n, const void *x, const void *y,
                         double *out)
{
    const covsamp__rows r = {x, rows, n, 1, 0, NULL};
    covsamp__space_project(s, &r, y, out, 1);
}

static void combine_rows(const void *data, int64_t row, int64_t first, int64_t n)
{
    const work *j = data;
    const void *x = at(j, j->r->v, row, first);
    void *out = out_at(j, row, first);
    if (j->w != NULL)
        covsamp__combine(j->s->dtype, n, j->a[row], x, j->b[row], at(j, j->w, row, first), out);
    else if (j->a[row] != 0)
        covsamp__scale(j->s->dtype, n, j->a[row], x, out);
    else
        covsamp__zero(j->s->dtype, n, out);
}

void covsamp__space_combine_rows(covsamp__space *s, int64_t rows, int64_t n, const double *a,
                                 const void *x, const double *b, const void *y, void *out)
{
    if (s->ops.size != 0) {
        covsamp__device_combine(s, rows, n, a, x, b, y, out);
        return;
    }
    const covsamp__rows r = {x, rows, n, 0, 0, NULL};
    const work j = {.s = s, .r = &r, .w = y, .out = out, .a = a, .b = b};
    each(&j, combine_rows);
}

/* ---- draws ---- */

typedef struct {
    int32_t dtype, reserved;
    const covsamp__draw *d;
    int64_t n;
    void *out;
} drawing;

#define DRAW(name, function)                                                                       \
    static void name(const void *data, int64_t row, int64_t first, int64_t n)                      \
    {                                                                                              \
        const drawing *j = data;                                                                   \
        const covsamp__draw *d = j->d;                                                             \
        function(j->dtype, d->seed, d->first_sample + row, d->stream, d->step, d->first + first,   \
                 n, covsamp__at(j->dtype, j->out, row * j->n + first));                            \
    }
DRAW(normals, covsamp__normals_as)
DRAW(signs, covsamp__signs_as)

void covsamp__space_normals(covsamp__space *s, int64_t rows, int64_t n, const covsamp__draw *draw,
                            void *out)
{
    const int here = s->ops.size == 0;
    const drawing j = {s->dtype, 0, draw, n, here ? out : s->staging};
    covsamp__space_each(s, rows, n, COST_OF_NORMAL, normals, &j);
    if (!here)
        covsamp__device_put(s, s->staging, out, (size_t)(rows * n) * covsamp__size_of(s->dtype));
}

void covsamp__space_signs(covsamp__space *s, int64_t rows, int64_t n, const covsamp__draw *draw,
                          void *out)
{
    const drawing j = {s->dtype, 0, draw, n, out};
    covsamp__space_each(s, rows, n, COST_OF_SIGN, signs, &j);
}
