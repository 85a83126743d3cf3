/* SPDX-License-Identifier: BSD-3-Clause */
#include "shape.h"

#include "args.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void shape_text(const int64_t *dims, int32_t n_dims, char text[SHAPE_TEXT])
{
    size_t used = 0;
    text[0] = '\0';
    for (int32_t i = 0; i < n_dims; i++) {
        snprintf(text + used, SHAPE_TEXT - used, "%s%" PRId64, i == 0 ? "" : ", ", dims[i]);
        used = strlen(text);
    }
}

bool shape_equal(const int64_t *a, int32_t n_a, const int64_t *b, int32_t n_b)
{
    return n_a == n_b && (n_a <= 0 || memcmp(a, b, (size_t)n_a * sizeof *a) == 0);
}

int shape_agrees(const char *path, const char *metadata, const struct samples *samples)
{
    int64_t dims[MAX_DIMS];
    int count = 0;
    if (metadata == NULL)
        return 0;
    if (args_int_list(path, metadata, 1, INT64_MAX, dims, MAX_DIMS, &count) != 0)
        return EXIT_RUN;
    if (shape_equal(dims, count, samples->dims, samples->n_dims))
        return 0;
    char theirs[SHAPE_TEXT], ours[SHAPE_TEXT];
    shape_text(dims, count, theirs);
    shape_text(samples->dims, samples->n_dims, ours);
    return fail(EXIT_USAGE, "%s takes samples of shape [%s], and the model's are [%s]", path,
                theirs, ours);
}

int shape_make_room(struct samples *a, int64_t count)
{
    const size_t bytes = samples_width(a);
    a->dim = 1;
    for (int i = 0; i < a->n_dims; i++) {
        if (a->dims[i] < 1 || a->dim > INT64_MAX / a->dims[i])
            return fail(EXIT_USAGE, "samples of this shape have more than 2^63 values");
        a->dim *= a->dims[i];
    }
    if ((uint64_t)a->dim <= SIZE_MAX / bytes / (uint64_t)count)
        a->data = malloc((size_t)a->dim * bytes * (size_t)count);
    if (a->data == NULL)
        return fail(EXIT_RUN,
                    "-n %" PRId64 ": there is not enough memory for so many samples of %" PRId64
                    " values",
                    count, a->dim);
    return 0;
}
