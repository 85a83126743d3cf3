/* SPDX-License-Identifier: BSD-3-Clause */
#include "evaluation.h"

#include <cblas.h>

#include <stdlib.h>

int64_t features_products(double *out, const struct features *a, int64_t first,
                          const struct features *b, double scale)
{
    const int64_t rows = a->n - first < PAIR_ROWS ? a->n - first : PAIR_ROWS;
    const int width = (int)a->width;
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)b->n, width, scale,
                a->x + first * width, width, b->x, width, 0, out, (int)b->n);
    return rows;
}

static int judge(struct evaluation *e, const struct features *samples, const int64_t *labels,
                 const struct resampling *resampling, const double *counts)
{
    bool *right = calloc((size_t)samples->n, sizeof *right);
    if (right == NULL)
        return fail(EXIT_RUN, "out of memory");
    for (int64_t k = 0; k < samples->n; k++)
        right[k] = samples->classes[k] == labels[k];
    const int code = resample_mean(resampling, right, samples->n, counts, &e->accuracy);
    e->judged = code == 0;
    free(right);
    return code;
}

static int compare(struct evaluation *e, const struct comparison *c)
{
    int code = frechet_distance(c, &e->frechet);
    if (code == 0)
        code = kernel_distance(c, &e->kernel);
    if (code == 0)
        code = manifold_shares(c, &e->precision, &e->recall);
    e->compared = code == 0;
    return code;
}

/* Room for the replicates of each. */
static int make_room(struct evaluation *e, int64_t replicates)
{
    struct estimate *const all[] = {&e->frechet, &e->kernel, &e->precision, &e->recall,
                                    &e->accuracy};
    const size_t n = sizeof all / sizeof all[0];
    *e = (struct evaluation){.replicates =
                                 malloc((n * (size_t)replicates + 1) * sizeof *e->replicates)};
    if (e->replicates == NULL)
        return fail(EXIT_RUN, "out of memory");
    for (size_t i = 0; i < n; i++)
        all[i]->replicates = e->replicates + i * (size_t)replicates;
    return 0;
}

int evaluate(struct evaluation *e, const struct features *samples, const struct features *reference,
             const int64_t *labels, int64_t nearest, const struct resampling *resampling)
{
    struct strata strata = {0};
    double *counts = NULL;
    int code = make_room(e, resampling->replicates);
    if (code == 0)
        code = strata_make(&strata, labels, samples->n);
    if (code == 0 && (counts = resample_counts(resampling, &strata)) == NULL)
        code = fail(EXIT_RUN, "out of memory");
    e->strata = strata.count;
    const struct comparison c = {samples, reference, resampling, &strata, counts, nearest};
    if (code == 0 && reference != NULL)
        code = compare(e, &c);
    if (code == 0 && labels != NULL && samples->classes != NULL)
        code = judge(e, samples, labels, resampling, counts);
    free(counts);
    strata_free(&strata);
    return code;
}

void evaluation_free(struct evaluation *e)
{
    free(e->replicates);
    e->replicates = NULL;
}
