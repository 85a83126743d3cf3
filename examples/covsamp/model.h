/* SPDX-License-Identifier: BSD-3-Clause */
/* The network in a file.  model_torch.c reads TorchScript; model_none.c stands in for it in builds
 * without the shim.  Functions that return int return 0 or an exit code after a message. */
#ifndef COVSAMP_MODEL_H
#define COVSAMP_MODEL_H

#include "samples.h"

#include <covsamp/covsamp.h>

struct model;

struct model_options {
    const char *path, *device;
    const char *engine; /* a name of covsamp sample --help */
    const char *method; /* of maps: what is run; NULL: forward */
    int64_t dims[MAX_DIMS];
    int32_t n_dims; /* 0: as the file's metadata says */
    int32_t dtype;
};

int model_open(struct model **out, const struct model_options *options);
void model_close(struct model *model); /* NULL is fine */

/* Value of a key of the file's metadata, or NULL. */
const char *model_metadata(const struct model *model, const char *key);
/* A metadata number of low ... high, or `otherwise`; a key that holds anything else is an error. */
int model_metadata_int(const struct model *model, const char *key, int64_t low, int64_t high,
                       int64_t otherwise, int64_t *out);
int model_shape(const struct model *model, int64_t dims[MAX_DIMS], int32_t *n_dims);
/* Sample k gets labels[k mod count]. */
int model_set_labels(struct model *model, const int64_t *labels, int64_t count);
/* The head that fills covsamp_request.head: "ocm", "sn", "npr", "iddpm". */
int model_set_head(struct model *model, const char *name);
int model_callbacks(struct model *model, covsamp_model *callbacks);
/* Compares products with differences at a time of the schedule. */
int model_check(struct model *model, double time, uint64_t seed, int32_t repeats, double *error);
/* The name of the engine in use. */
const char *model_engine(const struct model *model);
/* On the last call that failed. */
const char *model_message(const struct model *model);
/* The shim's version, NULL in a build without it. */
const char *model_library_version(char text[32]);

#endif
