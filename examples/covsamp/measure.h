/* SPDX-License-Identifier: BSD-3-Clause */
/* A model over an array of data: calibrations, likelihood bounds. */
#ifndef COVSAMP_MEASURE_H
#define COVSAMP_MEASURE_H

#include "model.h"
#include "npy_read.h"

struct measurement {
    struct model *model;
    const struct npy *data; /* [n, ...shape] */
    int64_t samples, batch, dim;
    int32_t dtype;
    bool quiet;
};

/* Whether data holds samples of the model's shape.  0 or EXIT_USAGE after a message. */
int measure_fits(const struct measurement *m, const char *path);
/* Value i of all, after conversion: bytes become -1 ... 1. */
double measure_value(const struct measurement *m, int64_t i);
/* Labels from a file: sample k of the data has label k.  NULL: none.  npy_free(labels) is due. */
int measure_labels(const struct measurement *m, struct npy *labels, const char *path);
/* The schedule that is asked for or, where `asked` is NULL or levels 0, the model file's; *text
 * receives its name. */
int measure_schedule(const struct measurement *m, const char *asked, int64_t levels,
                     covsamp_schedule **out, const char **text);
/* Where the values of the samples to use lie, after conversion. */
struct spread {
    double low, high, variance;
};
struct spread measure_spread(const struct measurement *m);
/* What goes over the data: a handle of the library and its doors. */
struct pass {
    void *handle;
    covsamp_status (*run)(void *handle, const covsamp_model *model, const void *data,
                          int64_t stride, int64_t samples);
    const char *(*message)(const void *handle);
};
/* Feeds all samples; bytes become -1 ... 1.  0, EXIT_RUN after a message, or 128 + the signal that
 * stopped it. */
int measure(const struct measurement *m, const struct pass *pass);

#endif
