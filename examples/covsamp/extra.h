/* SPDX-License-Identifier: BSD-3-Clause */
/* Modules in files that stand beside the network: a classifier that guides it, and maps from one
 * shape to another, the decoder and the encoder of latents.  extra_torch.c reads TorchScript;
 * extra_none.c stands in for it in builds without the shim.  Functions that return int return 0 or
 * an exit code after a message. */
#ifndef COVSAMP_EXTRA_H
#define COVSAMP_EXTRA_H

#include "model.h"

struct classifier;
struct map;

/* Samples of the shape that options->dims says; engine plays no part. */
int classifier_open(struct classifier **out, const struct model_options *options);
void classifier_close(struct classifier *classifier); /* NULL is fine */
int64_t classifier_classes(const struct classifier *classifier);
const char *classifier_metadata(const struct classifier *classifier, const char *key);
/* Sample k is drawn towards labels[k mod count]. */
int classifier_set_labels(struct classifier *classifier, const int64_t *labels, int64_t count);
/* Fills the callback of gradients and no other. */
int classifier_guide(struct classifier *classifier, covsamp_model *callbacks);
/* The class of the largest logit, of images without noise, at most `batch` at a time. */
int classifier_classify(struct classifier *classifier, const struct samples *images, int64_t batch,
                        int64_t *classes);
const char *classifier_message(const struct classifier *classifier);

/* options->n_dims 0: what goes in has the shape that the file's metadata says. */
int map_open(struct map **out, const struct model_options *options);
void map_close(struct map *map); /* NULL is fine */
const char *map_metadata(const struct map *map, const char *key);
/* The shapes of what goes in and of what comes out. */
int map_shapes(const struct map *map, struct samples *in, struct samples *out);
/* Fills out->data, which has room for in->count samples, at most `batch` at a time. */
int map_run(struct map *map, const struct samples *in, int64_t batch, struct samples *out);

#endif
