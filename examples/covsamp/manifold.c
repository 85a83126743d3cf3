/* SPDX-License-Identifier: BSD-3-Clause */
/* Precision and recall: squared distances by blocks of rows, |x|^2 + |y|^2 - 2 x.y. */
#include "halves.h"

#include <cblas.h>

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>

struct points {
    const struct features *f;
    double *squares; /* |x|^2 */
    double *radius;  /* squared distance to the k-th nearest other one */
    bool *covered;   /* within a ball of the other set */
};

struct work {
    double *block; /* [PAIR_ROWS][n of the second set] */
    double *least; /* [nearest], ascending */
};

/* What is 0 but for rounding is 0: equal points lie in balls of radius 0. */
static double squared(double a, double b, double product, double width)
{
    const double value = a + b - 2 * product;
    return value > 4 * width * DBL_EPSILON * (a + b) ? value : 0;
}

static int64_t fill(struct work *w, const struct points *a, int64_t first, const struct points *b)
{
    const int64_t n = b->f->n, rows = features_products(w->block, a->f, first, b->f, 1);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < n; j++)
            w->block[i * n + j] = squared(a->squares[first + i], b->squares[j], w->block[i * n + j],
                                          (double)a->f->width);
    return rows;
}

static void keep_least(double *least, int64_t nearest, double value)
{
    int64_t at = nearest - 1;
    if (value >= least[at])
        return;
    for (; at > 0 && least[at - 1] > value; at--)
        least[at] = least[at - 1];
    least[at] = value;
}

/* halves NULL: none are asked for. */
static void find_radii(struct work *w, struct points *p, int64_t nearest, struct halves *halves)
{
    const int64_t n = p->f->n;
    for (int64_t k = 0; k < n; k++)
        p->squares[k] = cblas_ddot((int)p->f->width, p->f->x + k * p->f->width, 1,
                                   p->f->x + k * p->f->width, 1);
    for (int64_t first = 0, rows; first < n; first += rows) {
        rows = fill(w, p, first, p);
        for (int64_t i = 0; i < rows; i++) {
            for (int64_t k = 0; k < nearest; k++)
                w->least[k] = INFINITY;
            for (int64_t j = 0; j < n; j++)
                if (j != first + i)
                    keep_least(w->least, nearest, w->block[i * n + j]);
            p->radius[first + i] = w->least[nearest - 1];
            if (halves != NULL)
                halves_radii(halves, first + i, w->block + i * n);
        }
    }
}

static void cover(struct work *w, struct points *a, struct points *b, struct halves *halves)
{
    const int64_t n = b->f->n;
    for (int64_t first = 0, rows; first < a->f->n; first += rows) {
        rows = fill(w, a, first, b);
        for (int64_t i = 0; i < rows; i++) {
            for (int64_t j = 0; j < n; j++) {
                a->covered[first + i] |= w->block[i * n + j] <= b->radius[j];
                b->covered[j] |= w->block[i * n + j] <= a->radius[first + i];
            }
            halves_cover(halves, first + i, w->block + i * n);
        }
    }
}

static int find(const struct comparison *c, struct points *samples, struct points *reference,
                struct work *w, struct estimate *precision, struct estimate *recall)
{
    const int64_t m = reference->f->n;
    struct halves halves;
    double covered = 0;
    int code = halves_make(&halves, c);
    if (code == 0) {
        find_radii(w, samples, c->nearest, &halves);
        find_radii(w, reference, c->nearest, NULL);
        cover(w, samples, reference, &halves);
        halves_shares(&halves, recall->replicates);
        code = resample_mean(c->resampling, samples->covered, samples->f->n, c->counts, precision);
    }
    for (int64_t j = 0; j < m; j++)
        covered += reference->covered[j];
    if (code == 0)
        code = resample_share(c->resampling, covered / (double)m, recall);
    halves_free(&halves);
    return code;
}

int manifold_shares(const struct comparison *c, struct estimate *precision, struct estimate *recall)
{
    const size_t n = (size_t)c->samples->n, m = (size_t)c->reference->n, most = n > m ? n : m;
    struct work w = {0};
    bool *covered = calloc(n + m, sizeof *covered);
    w.block = malloc((PAIR_ROWS * most + 2 * (n + m) + (size_t)c->nearest) * sizeof *w.block);
    if (covered == NULL || w.block == NULL || most > INT_MAX || c->samples->width > INT_MAX) {
        free(covered);
        free(w.block);
        return fail(EXIT_RUN, "there is not enough memory for distances of so many samples");
    }
    double *rest = w.block + PAIR_ROWS * most;
    w.least = rest + 2 * (n + m);
    struct points samples = {c->samples, rest, rest + n, covered};
    struct points reference = {c->reference, rest + 2 * n, rest + 2 * n + m, covered + n};
    const int code = find(c, &samples, &reference, &w, precision, recall);
    free(covered);
    free(w.block);
    return code;
}
