/* SPDX-License-Identifier: BSD-3-Clause */
#include "judged.h"

#include "extra.h"
#include "half.h"
#include "npy_read.h"
#include "shape.h"

#include <covsamp/covsamp.h>

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A classifier says something of a NaN as well, so that nobody would notice. */
static int limit(struct samples *images, double clip, const char *source)
{
    for (int64_t k = 0; k < images->count; k++)
        for (int64_t i = 0; i < images->dim; i++) {
            const double value = samples_value(images, k, i);
            if (!isfinite(value))
                return fail(EXIT_RUN, "%s: sample %" PRId64 " holds a NaN or infinity", source, k);
            if (clip > 0 && fabs(value) > clip)
                samples_store(images, k * images->dim + i, copysign(clip, value));
        }
    return 0;
}

/* The output is a map from images to vectors, whatever the method's own shape is. */
static int run_layer(struct features *f, const struct model_options *options,
                     const struct samples *images, int64_t batch)
{
    struct map *map = NULL;
    struct samples in, out = {.dtype = images->dtype};
    int code = map_open(&map, options);
    if (code == 0)
        code = map_shapes(map, &in, &out);
    if (code == 0)
        code = shape_make_room(&out, images->count);
    if (code == 0)
        code = map_run(map, images, batch, &out);
    if (code == 0 && (f->x = malloc((size_t)(out.count * out.dim) * sizeof *f->x)) == NULL)
        code = fail(EXIT_RUN, "out of memory");
    if (code == 0) {
        f->n = out.count;
        f->width = out.dim;
        for (int64_t k = 0; k < f->n; k++)
            for (int64_t i = 0; i < f->width; i++)
                f->x[k * f->width + i] = samples_value(&out, k, i);
    }
    free(out.data);
    map_close(map);
    return code;
}

static int check_finite(const struct features *f, const char *source)
{
    for (int64_t i = 0; i < f->n * f->width; i++)
        if (!isfinite(f->x[i]))
            return fail(EXIT_RUN,
                        "%s: feature %" PRId64 " of sample %" PRId64 " is a NaN or infinity",
                        source, i % f->width, i / f->width);
    return 0;
}

int features_look(struct features *f, const struct judge_options *judge, struct samples *images,
                  const char *source)
{
    struct classifier *classifier = NULL;
    struct model_options options = {.path = judge->path, .device = judge->device};
    options.dtype = images->dtype;
    options.n_dims = images->n_dims;
    memcpy(options.dims, images->dims, sizeof options.dims);
    memset(f, 0, sizeof *f);
    int code = limit(images, judge->clip, source);
    if (code == 0)
        code = classifier_open(&classifier, &options);
    if (code == 0)
        code = shape_agrees(judge->path, classifier_metadata(classifier, "shape"), images);
    options.method = judge->layer;
    if (code == 0)
        code = run_layer(f, &options, images, judge->batch);
    if (code == 0)
        code = check_finite(f, source);
    if (code == 0 && (f->classes = malloc((size_t)f->n * sizeof *f->classes)) == NULL)
        code = fail(EXIT_RUN, "out of memory");
    if (code == 0)
        code = classifier_classify(classifier, images, judge->batch, f->classes);
    classifier_close(classifier);
    return code;
}

int features_read(struct features *f, const char *flag, const char *path)
{
    struct npy a;
    memset(f, 0, sizeof *f);
    int code = npy_read(&a, path);
    if (code == 0 && (a.n_dims != 2 || a.kind != 'f'))
        code = fail(EXIT_USAGE, "%s %s: features are an array of shape [n, width], of f2, f4 or f8",
                    flag, path);
    if (code == 0 && (f->x = malloc((size_t)a.count * sizeof *f->x)) == NULL)
        code = fail(EXIT_RUN, "out of memory");
    for (int64_t i = 0; code == 0 && i < a.count; i++)
        f->x[i] = npy_value(&a, i);
    if (code == 0) {
        f->n = a.dims[0];
        f->width = a.dims[1];
        code = check_finite(f, path);
    }
    npy_free(&a);
    return code;
}

int features_write(const struct features *f, const char *path)
{
    const int64_t dims[2] = {f->n, f->width};
    uint16_t *values = malloc((size_t)(f->n * f->width) * sizeof *values);
    int code = values != NULL ? 0 : fail(EXIT_RUN, "out of memory");
    for (int64_t i = 0; code == 0 && i < f->n * f->width; i++) {
        values[i] = half_of(f->x[i]);
        if (isinf(half_value(values[i])))
            code = fail(EXIT_RUN,
                        "%s: feature %" PRId64 " of sample %" PRId64
                        " is %g, beyond the 65504 of a float16",
                        path, i % f->width, i / f->width, f->x[i]);
    }
    if (code == 0)
        code = npy_write_array(path, "<f2", dims, 2, values, sizeof *values);
    free(values);
    return code;
}

int classes_read(int64_t **out, int64_t n, int64_t all, const char *flag, const char *path)
{
    struct npy a;
    int code = npy_read(&a, path);
    if (code == 0 && (a.kind == 'f' || a.n_dims != 1 || (a.count != n && a.count != all)))
        code = fail(EXIT_USAGE, "%s %s: must be %" PRId64 " whole numbers, one a sample", flag,
                    path, n);
    if (code == 0 && (*out = malloc((size_t)a.count * sizeof **out)) == NULL)
        code = fail(EXIT_RUN, "out of memory");
    for (int64_t i = 0; code == 0 && i < a.count; i++)
        (*out)[i] = (int64_t)npy_value(&a, i);
    npy_free(&a);
    return code;
}

int classes_write(const struct features *f, const char *path)
{
    return npy_write_array(path, "<i8", &f->n, 1, f->classes, sizeof *f->classes);
}

void features_keep(struct features *f, int64_t n)
{
    if (n < f->n)
        f->n = n;
}

void features_free(struct features *f)
{
    free(f->x);
    free(f->classes);
    memset(f, 0, sizeof *f);
}
