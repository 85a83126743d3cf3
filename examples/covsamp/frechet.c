/* SPDX-License-Identifier: BSD-3-Clause */
/* The Frechet distance without square roots of covariances.
 *
 * With centred data A (columns are samples) and A A' / (n - 1) = S, A = L Q by reflections, tr (S
 * S')^(1/2), the sum of the square roots of the eigenvalues of S^(1/2) S' S^(1/2), is the sum of
 * the singular values of L^T L' / sqrt((n - 1) (n' - 1)).  They come with an absolute error of
 * rounding; roots of eigenvalues have the root of that, and features that are always 0 make many of
 * those. */
#include "evaluation.h"

#include <cblas.h>
#include <lapacke.h>

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct gaussian {
    double *mean; /* [width] */
    double *root; /* [width][order] by columns, lower trapezoidal: root root^T = S */
    int64_t order;
    double trace; /* of S */
};

struct room {
    double *centred, *tau, *product, *singular; /* of the larger of the two sets */
};

static void find_mean(const struct features *f, const double *counts, int64_t stride, double *mean)
{
    memset(mean, 0, (size_t)f->width * sizeof *mean);
    for (int64_t k = 0; k < f->n; k++) {
        const double count = counts != NULL ? counts[k * stride] : 1;
        for (int64_t i = 0; count != 0 && i < f->width; i++)
            mean[i] += count * f->x[k * f->width + i] / (double)f->n;
    }
}

/* counts NULL: each sample once. */
static int find_gaussian(struct gaussian *g, const struct features *f, const double *counts,
                         int64_t stride, struct room *room)
{
    const int64_t width = f->width;
    const double share = 1 / sqrt((double)(f->n - 1));
    int64_t columns = 0;
    find_mean(f, counts, stride, g->mean);
    g->trace = 0;
    for (int64_t k = 0; k < f->n; k++) {
        const double count = counts != NULL ? counts[k * stride] : 1;
        double *column = room->centred + columns * width;
        if (count == 0)
            continue;
        for (int64_t i = 0; i < width; i++) {
            column[i] = sqrt(count) * share * (f->x[k * width + i] - g->mean[i]);
            g->trace += column[i] * column[i];
        }
        columns++;
    }
    if (LAPACKE_dgelqf(LAPACK_COL_MAJOR, (lapack_int)width, (lapack_int)columns, room->centred,
                       (lapack_int)width, room->tau) != 0)
        return fail(EXIT_RUN, "LAPACK has no memory for the factors of a covariance");
    g->order = columns < width ? columns : width;
    for (int64_t j = 0; j < g->order; j++)
        for (int64_t i = 0; i < width; i++)
            g->root[j * width + i] = i >= j ? room->centred[j * width + i] : 0;
    return 0;
}

static int distance(const struct gaussian *a, const struct gaussian *b, int64_t width,
                    struct room *room, double *out)
{
    const int64_t m = a->order, n = b->order;
    double sum = a->trace + b->trace;
    cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, (int)m, (int)n, (int)width, 1, a->root,
                (int)width, b->root, (int)width, 0, room->product, (int)m);
    if (LAPACKE_dgesdd(LAPACK_COL_MAJOR, 'N', (lapack_int)m, (lapack_int)n, room->product,
                       (lapack_int)m, room->singular, NULL, 1, NULL, 1) != 0)
        return fail(EXIT_RUN, "LAPACK found no singular values of the product of two covariances");
    for (int64_t i = 0; i < (m < n ? m : n); i++)
        sum -= 2 * room->singular[i];
    for (int64_t i = 0; i < width; i++)
        sum += (a->mean[i] - b->mean[i]) * (a->mean[i] - b->mean[i]);
    *out = fmax(sum, 0); /* rounding, where both are the same */
    return 0;
}

static int find(const struct comparison *c, struct gaussian *g, struct gaussian *reference,
                struct room *room, double *replicates, double *value)
{
    const int64_t width = c->samples->width, count = c->resampling->replicates;
    int code = find_gaussian(reference, c->reference, NULL, 0, room);
    if (code == 0)
        code = find_gaussian(g, c->samples, NULL, 0, room);
    if (code == 0)
        code = distance(g, reference, width, room, value);
    for (int64_t b = 0; code == 0 && b < count; b++) {
        code = find_gaussian(g, c->samples, c->counts + b, count, room);
        if (code == 0)
            code = distance(g, reference, width, room, &replicates[b]);
    }
    return code;
}

int frechet_distance(const struct comparison *c, struct estimate *out)
{
    const size_t width = (size_t)c->samples->width;
    const int64_t most = c->samples->n > c->reference->n ? c->samples->n : c->reference->n;
    struct gaussian g[2] = {{0}};
    struct room room = {0};
    double value = 0;
    double *block =
        calloc(2 * (width + width * width) + width * (size_t)most + width + width * width + width,
               sizeof *block);
    if (block == NULL || most > INT_MAX || width > INT_MAX) {
        free(block);
        return fail(EXIT_RUN, "there is not enough memory for covariances of %zu features", width);
    }
    for (int i = 0; i < 2; i++) {
        g[i].mean = block + (size_t)i * (width + width * width);
        g[i].root = g[i].mean + width;
    }
    room.centred = block + 2 * (width + width * width);
    room.tau = room.centred + width * (size_t)most;
    room.product = room.tau + width;
    room.singular = room.product + width * width;
    int code = find(c, &g[0], &g[1], &room, out->replicates, &value);
    if (code == 0)
        code = resample_estimate(c->resampling, value, out);
    free(block);
    return code;
}
