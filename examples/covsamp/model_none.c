/* SPDX-License-Identifier: BSD-3-Clause */
#include "model.h"

static int none(void)
{
    return fail(EXIT_RUN,
                "this build has no TorchScript support, because libcovsamp-torch was left "
                "out of it");
}

int model_open(struct model **out, const struct model_options *options)
{
    (void)options;
    *out = NULL;
    return none();
}

void model_close(struct model *model)
{
    (void)model;
}

const char *model_metadata(const struct model *model, const char *key)
{
    (void)model;
    (void)key;
    return NULL;
}

int model_shape(const struct model *model, int64_t dims[MAX_DIMS], int32_t *n_dims)
{
    (void)model;
    (void)dims;
    *n_dims = 0;
    return none();
}

int model_set_labels(struct model *model, const int64_t *labels, int64_t count)
{
    (void)model;
    (void)labels;
    (void)count;
    return none();
}

int model_set_head(struct model *model, const char *name)
{
    (void)model;
    (void)name;
    return none();
}

int model_callbacks(struct model *model, covsamp_model *callbacks)
{
    (void)model;
    (void)callbacks;
    return none();
}

int model_check(struct model *model, double time, uint64_t seed, int32_t repeats, double *error)
{
    (void)model;
    (void)time;
    (void)seed;
    (void)repeats;
    *error = 0;
    return none();
}

const char *model_engine(const struct model *model)
{
    (void)model;
    return "none";
}

const char *model_message(const struct model *model)
{
    (void)model;
    return "";
}

const char *model_library_version(char text[32])
{
    text[0] = '\0';
    return NULL;
}
