/* SPDX-License-Identifier: BSD-3-Clause */
/* Finished samples in memory, and what they look like. */
#ifndef COVSAMP_SAMPLES_H
#define COVSAMP_SAMPLES_H

#include "app.h"

#define MAX_DIMS 8

struct samples {
    unsigned char *data; /* [count][dim], packed */
    int64_t count;       /* finished ones */
    int64_t dim;
    int64_t dims[MAX_DIMS];
    int32_t n_dims;
    int32_t dtype; /* COVSAMP_F32 or COVSAMP_F64 */
};

/* How a contact sheet is laid out: `lead` empty cells come first. */
struct sheet {
    int64_t columns, lead;
};

/* Value i of sample k. */
double samples_value(const struct samples *samples, int64_t k, int64_t i);
/* Sets value `at` of all. */
void samples_store(struct samples *samples, int64_t at, double value);
/* Bytes of one value. */
size_t samples_width(const struct samples *samples);

/* NumPy's format, version 1.0, little endian: [count, ...dims]. */
int npy_write(const char *path, const struct samples *samples);
/* Any array of NumPy's type `type`, "<f2" for example, whose values are of `width` bytes. */
int npy_write_array(const char *path, const char *type, const int64_t *dims, int32_t n_dims,
                    const void *values, size_t width);

/* Whether samples of this shape can be a contact sheet of so many cells; message and EXIT_USAGE if
 * not.  Asked before sampling. */
int png_fits(const struct samples *samples, int64_t count, const struct sheet *sheet);
/* Values -1 ... 1 become 0 ... 255. */
int png_write(const char *path, const struct samples *samples, const struct sheet *sheet);

#endif
