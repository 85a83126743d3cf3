/* SPDX-License-Identifier: BSD-3-Clause */
#include "model.h"

#include <covsamp/torch.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct model {
    covsamp_torch *module;
};

static const struct engine {
    const char *name;
    int32_t engine, tangents;
} engines[] = {
    {"auto", COVSAMP_TORCH_AUTO, COVSAMP_TORCH_SAME},
    {"linearised", COVSAMP_TORCH_LINEARISED, COVSAMP_TORCH_SAME},
    {"linearised-bf16", COVSAMP_TORCH_LINEARISED, COVSAMP_TORCH_BF16},
    {"dual", COVSAMP_TORCH_DUAL, COVSAMP_TORCH_SAME},
    {"double-backward", COVSAMP_TORCH_DOUBLE_BACKWARD, COVSAMP_TORCH_SAME},
    {"transposed", COVSAMP_TORCH_TRANSPOSED, COVSAMP_TORCH_SAME},
};
enum { N_ENGINES = sizeof engines / sizeof engines[0] };

static int find_engine(const char *name, covsamp_torch_options *options)
{
    for (int i = 0; i < N_ENGINES; i++)
        if (strcmp(name, engines[i].name) == 0) {
            options->engine = engines[i].engine;
            options->tangent_dtype = engines[i].tangents;
            return 0;
        }
    return fail(EXIT_USAGE,
                "--engine takes auto, linearised, linearised-bf16, dual, double-backward or "
                "transposed, not \"%s\"",
                name);
}

int model_open(struct model **out, const struct model_options *options)
{
    char message[COVSAMP_MESSAGE_BYTES] = "";
    covsamp_torch_options torch = {0};
    *out = NULL;
    torch.size = sizeof torch;
    torch.device = options->device;
    torch.dims = options->n_dims > 0 ? options->dims : NULL;
    torch.n_dims = options->n_dims;
    torch.dtype = options->dtype;
    int code = find_engine(options->engine, &torch);
    if (code != 0)
        return code;
    struct model *model = calloc(1, sizeof *model);
    if (model == NULL)
        return fail(EXIT_RUN, "out of memory");
    int32_t status = covsamp_torch_load(&model->module, options->path, &torch, message);
    if (status != COVSAMP_OK) {
        free(model);
        return fail(EXIT_RUN, "%s: %s", options->path,
                    message[0] != '\0' ? message : covsamp_torch_status_text(status));
    }
    *out = model;
    return 0;
}

void model_close(struct model *model)
{
    if (model == NULL)
        return;
    covsamp_torch_free(model->module);
    free(model);
}

const char *model_metadata(const struct model *model, const char *key)
{
    return covsamp_torch_metadata(model->module, key);
}

const char *model_message(const struct model *model)
{
    return covsamp_torch_message(model->module);
}

/* Turns a status of the shim into an exit code. */
static int said(const struct model *model, int32_t status)
{
    if (status == COVSAMP_OK)
        return 0;
    const char *message = model_message(model);
    return fail(EXIT_RUN, "%s", message[0] != '\0' ? message : covsamp_torch_status_text(status));
}

int model_shape(const struct model *model, int64_t dims[MAX_DIMS], int32_t *n_dims)
{
    *n_dims = covsamp_torch_shape(model->module, dims, MAX_DIMS);
    if (*n_dims < 1 || *n_dims > MAX_DIMS)
        return fail(EXIT_RUN, "the model has samples of %" PRId32 " dimensions, not 1 ... %d",
                    *n_dims, MAX_DIMS);
    return 0;
}

int model_set_labels(struct model *model, const int64_t *labels, int64_t count)
{
    return said(model, covsamp_torch_set_labels(model->module, 0, labels, count));
}

int model_set_head(struct model *model, const char *name)
{
    return said(model, covsamp_torch_set_head(model->module, name));
}

int model_callbacks(struct model *model, covsamp_model *callbacks)
{
    return said(model, covsamp_torch_model(model->module, callbacks));
}

int model_check(struct model *model, double time, uint64_t seed, int32_t repeats, double *error)
{
    return said(model, covsamp_torch_check(model->module, time, seed, repeats, error));
}

const char *model_engine(const struct model *model)
{
    int32_t engine = covsamp_torch_engine(model->module);
    for (int i = 0; i < N_ENGINES; i++)
        if (engines[i].engine == engine)
            return engines[i].name;
    return "unknown";
}

const char *model_library_version(char text[32])
{
    uint32_t number = covsamp_torch_version_number();
    snprintf(text, 32, "%u.%u.%u", (unsigned)(number >> 16), (unsigned)(number >> 8 & 255),
             (unsigned)(number & 255));
    return text;
}
