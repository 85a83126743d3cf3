/* SPDX-License-Identifier: BSD-3-Clause */
/* A calibration of a model over an array of data. */
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
/* Where the values of the samples to use lie, after conversion. */
struct spread {
    double low, high, variance;
};
struct spread measure_spread(const struct measurement *m);
/* Feeds all samples; bytes become -1 ... 1.  0, EXIT_RUN after a message, or 128 + the signal that
 * stopped it. */
int measure(const struct measurement *m, covsamp_calibration *calibration);

#endif
