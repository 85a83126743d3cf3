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
    double *replicates = malloc((size_t)(resampling->replicates + 1) * sizeof *replicates);
    if (right != NULL && replicates != NULL) {
        for (int64_t k = 0; k < samples->n; k++)
            right[k] = samples->classes[k] == labels[k];
        e->accuracy = resample_share(resampling, right, samples->n, counts, replicates);
    }
    e->judged = right != NULL && replicates != NULL;
    free(right);
    free(replicates);
    return e->judged ? 0 : fail(EXIT_RUN, "out of memory");
}

int evaluate(struct evaluation *e, const struct features *samples, const struct features *reference,
             const int64_t *labels, int64_t nearest, const struct resampling *resampling)
{
    int code = 0;
    double *counts = resample_counts(resampling, RESAMPLE_SAMPLES, samples->n);
    const struct comparison c = {samples, reference, resampling, counts, nearest};
    *e = (struct evaluation){.compared = false};
    if (counts == NULL)
        return fail(EXIT_RUN, "out of memory");
    if (reference != NULL) {
        code = frechet_distance(&c, &e->frechet);
        if (code == 0)
            code = kernel_distance(&c, &e->kernel);
        if (code == 0)
            code = manifold_shares(&c, &e->precision, &e->recall);
        e->compared = code == 0;
    }
    if (code == 0 && labels != NULL && samples->classes != NULL)
        code = judge(e, samples, labels, resampling, counts);
    free(counts);
    return code;
}
