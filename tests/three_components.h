/* SPDX-License-Identifier: BSD-3-Clause */
/* The mixture that tests of any dim run on. */
#ifndef COVSAMP_TESTS_THREE_COMPONENTS_H
#define COVSAMP_TESTS_THREE_COMPONENTS_H

#include <covsamp/covsamp.h>

#include <stdlib.h>

/* Three correlated components, the same for every dim; NULL with *status where it cannot be made.
 */
static inline covsamp_mixture *mixture_of(int64_t dim, int32_t prediction,
                                          const covsamp_allocator *mem, char *message,
                                          covsamp_status *status)
{
    static const double weights[3] = {2, 1, 3};
    double *means = malloc((size_t)(3 * dim + 3 * dim * dim) * sizeof *means);
    double *cov = means + 3 * dim;
    covsamp_mixture *mixture = NULL;
    for (int k = 0; k < 3; k++)
        for (int64_t i = 0; i < dim; i++) {
            means[k * dim + i] = (int)((k * 7 + i * 3) % 5 - 2) * 0.4;
            for (int64_t j = 0; j < dim; j++)
                cov[(k * dim + i) * dim + j] =
                    (i == j ? 0.2 : 0) +
                    0.05 * (int)((1 + (i + k) % 3) * (1 + (j + k) % 3) * ((i + j) % 2 ? -1 : 1));
        }
    *status = covsamp_mixture_new(&mixture, dim, 3, weights, means, cov, prediction, mem, message);
    free(means);
    return mixture;
}

#endif
