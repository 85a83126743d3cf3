/* SPDX-License-Identifier: BSD-3-Clause */
/* Arrays from NumPy's files: [n, ...shape], C order, little endian. */
#ifndef COVSAMP_NPY_READ_H
#define COVSAMP_NPY_READ_H

#include "samples.h"

struct npy {
    unsigned char *data;
    int64_t dims[MAX_DIMS + 1];
    int32_t n_dims;
    int64_t count; /* of all values */
    int32_t width; /* bytes of a value */
    char kind;     /* 'f', 'u', 'i' */
};

/* Reads floats of 2, 4 or 8 bytes and whole numbers of 1, 2, 4 or 8, truth values.  0, or EXIT_RUN
 * after a message; npy_free() is due either way. */
int npy_read(struct npy *npy, const char *path);
void npy_free(struct npy *npy);
/* Value i of all; whole numbers beyond 2^53 are rounded. */
double npy_value(const struct npy *npy, int64_t i);

#endif
