/* SPDX-License-Identifier: BSD-3-Clause */
/* A build without the shim opens no network, so that nothing here is ever reached but the doors
 * that free. */
#include "extra.h"

static int none(void)
{
    return fail(EXIT_RUN, "this build has no TorchScript support");
}

int classifier_open(struct classifier **out, const struct model_options *options)
{
    (void)options;
    *out = NULL;
    return none();
}

void classifier_close(struct classifier *classifier)
{
    (void)classifier;
}

int64_t classifier_classes(const struct classifier *classifier)
{
    (void)classifier;
    return 0;
}

const char *classifier_metadata(const struct classifier *classifier, const char *key)
{
    (void)classifier;
    (void)key;
    return NULL;
}

const char *classifier_message(const struct classifier *classifier)
{
    (void)classifier;
    return "";
}

int classifier_set_labels(struct classifier *classifier, const int64_t *labels, int64_t count)
{
    (void)classifier;
    (void)labels;
    (void)count;
    return none();
}

int classifier_guide(struct classifier *classifier, covsamp_model *callbacks)
{
    (void)classifier;
    (void)callbacks;
    return none();
}

int classifier_classify(struct classifier *classifier, const struct samples *images, int64_t batch,
                        int64_t *classes)
{
    (void)classifier;
    (void)images;
    (void)batch;
    (void)classes;
    return none();
}

int map_open(struct map **out, const struct model_options *options)
{
    (void)options;
    *out = NULL;
    return none();
}

void map_close(struct map *map)
{
    (void)map;
}

const char *map_metadata(const struct map *map, const char *key)
{
    (void)map;
    (void)key;
    return NULL;
}

int map_shapes(const struct map *map, struct samples *in, struct samples *out)
{
    (void)map;
    (void)in;
    (void)out;
    return none();
}

int map_run(struct map *map, const struct samples *in, int64_t batch, struct samples *out)
{
    (void)map;
    (void)in;
    (void)batch;
    (void)out;
    return none();
}
