/* SPDX-License-Identifier: BSD-3-Clause */
#include "extra.h"

#include <covsamp/torch.h>

#include <inttypes.h>
#include <stdlib.h>

struct classifier {
    covsamp_torch_classifier *module;
};

struct map {
    covsamp_torch_decoder *module;
};

static covsamp_torch_options torch_options(const struct model_options *options)
{
    covsamp_torch_options torch = {0};
    torch.size = sizeof torch;
    torch.device = options->device;
    torch.dims = options->n_dims > 0 ? options->dims : NULL;
    torch.n_dims = options->n_dims;
    torch.dtype = options->dtype;
    torch.method = options->method;
    return torch;
}

/* Turns a status of the shim into an exit code. */
static int said(int32_t status, const char *source, const char *message)
{
    if (status == COVSAMP_OK)
        return 0;
    if (message[0] == '\0')
        message = covsamp_torch_status_text(status);
    return source != NULL ? fail(EXIT_RUN, "%s: %s", source, message)
                          : fail(EXIT_RUN, "%s", message);
}

int classifier_open(struct classifier **out, const struct model_options *options)
{
    char message[COVSAMP_MESSAGE_BYTES] = "";
    const covsamp_torch_options torch = torch_options(options);
    struct classifier *classifier = *out = calloc(1, sizeof *classifier);
    if (classifier == NULL)
        return fail(EXIT_RUN, "out of memory");
    return said(covsamp_torch_classifier_load(&classifier->module, options->path, &torch, message),
                options->path, message);
}

void classifier_close(struct classifier *classifier)
{
    if (classifier == NULL)
        return;
    covsamp_torch_classifier_free(classifier->module);
    free(classifier);
}

int64_t classifier_classes(const struct classifier *classifier)
{
    return covsamp_torch_classifier_classes(classifier->module);
}

const char *classifier_metadata(const struct classifier *classifier, const char *key)
{
    return covsamp_torch_classifier_metadata(classifier->module, key);
}

const char *classifier_message(const struct classifier *classifier)
{
    return covsamp_torch_classifier_message(classifier->module);
}

int classifier_set_labels(struct classifier *classifier, const int64_t *labels, int64_t count)
{
    return said(covsamp_torch_classifier_set_labels(classifier->module, labels, count), NULL,
                classifier_message(classifier));
}

int classifier_guide(struct classifier *classifier, covsamp_model *callbacks)
{
    return said(covsamp_torch_classifier_guide(classifier->module, callbacks), NULL,
                classifier_message(classifier));
}

/* The first of the largest, as NumPy's argmax. */
static int64_t largest(const struct samples *logits, int64_t k)
{
    int64_t best = 0;
    for (int64_t c = 1; c < logits->dim; c++)
        if (samples_value(logits, k, c) > samples_value(logits, k, best))
            best = c;
    return best;
}

int classifier_classify(struct classifier *classifier, const struct samples *images, int64_t batch,
                        int64_t *classes)
{
    const double clean = -1; /* the time that examples/train/noisy_classifier.py gives to these */
    struct samples logits = {.dtype = images->dtype, .dim = classifier_classes(classifier)};
    int32_t status = COVSAMP_OK;
    logits.data = malloc((size_t)(batch * logits.dim) * samples_width(images));
    if (logits.data == NULL)
        return fail(EXIT_RUN, "out of memory");
    for (int64_t done = 0; status == COVSAMP_OK && done < images->count; done += batch) {
        const int64_t left = images->count - done, n = left < batch ? left : batch;
        status = covsamp_torch_classifier_logits(classifier->module, images->dtype,
                                                 images->data + (size_t)(done * images->dim) *
                                                                    samples_width(images),
                                                 images->dim, n, clean, logits.data, logits.dim);
        for (int64_t k = 0; status == COVSAMP_OK && k < n; k++)
            classes[done + k] = largest(&logits, k);
    }
    free(logits.data);
    return said(status, NULL, classifier_message(classifier));
}

int map_open(struct map **out, const struct model_options *options)
{
    char message[COVSAMP_MESSAGE_BYTES] = "";
    const covsamp_torch_options torch = torch_options(options);
    struct map *map = *out = calloc(1, sizeof *map);
    if (map == NULL)
        return fail(EXIT_RUN, "out of memory");
    return said(covsamp_torch_decoder_load(&map->module, options->path, &torch, message),
                options->path, message);
}

void map_close(struct map *map)
{
    if (map == NULL)
        return;
    covsamp_torch_decoder_free(map->module);
    free(map);
}

const char *map_metadata(const struct map *map, const char *key)
{
    return covsamp_torch_decoder_metadata(map->module, key);
}

int map_shapes(const struct map *map, struct samples *in, struct samples *out)
{
    in->n_dims = covsamp_torch_decoder_input_shape(map->module, in->dims, MAX_DIMS);
    out->n_dims = covsamp_torch_decoder_shape(map->module, out->dims, MAX_DIMS);
    for (int i = 0; i < 2; i++) {
        const int32_t n = i == 0 ? in->n_dims : out->n_dims;
        if (n < 1 || n > MAX_DIMS)
            return fail(EXIT_RUN, "a decoder or encoder has %" PRId32 " dimensions, not 1 ... %d",
                        n, MAX_DIMS);
    }
    return 0;
}

int map_run(struct map *map, const struct samples *in, int64_t batch, struct samples *out)
{
    const size_t width = samples_width(in);
    for (int64_t done = 0; done < in->count;) {
        const int64_t left = in->count - done, n = left < batch ? left : batch;
        const int32_t status = covsamp_torch_decoder_run(
            map->module, in->dtype, in->data + (size_t)(done * in->dim) * width, in->dim, n,
            out->data + (size_t)(done * out->dim) * width, out->dim);
        if (status != COVSAMP_OK)
            return said(status, NULL, covsamp_torch_decoder_message(map->module));
        done += n;
    }
    out->count = in->count;
    return 0;
}
