/* SPDX-License-Identifier: BSD-3-Clause */
#include "npy_header.h"
#include "outfile.h"
#include "samples.h"

#include <covsamp/covsamp.h>

#include <stdio.h>
#include <string.h>

size_t samples_width(const struct samples *samples)
{
    return samples->dtype == COVSAMP_F64 ? sizeof(double) : sizeof(float);
}

double samples_value(const struct samples *samples, int64_t k, int64_t i)
{
    size_t at = (size_t)(k * samples->dim + i);
    if (samples->dtype == COVSAMP_F64)
        return ((const double *)samples->data)[at];
    return ((const float *)samples->data)[at];
}

void samples_store(struct samples *samples, int64_t at, double value)
{
    if (samples->dtype == COVSAMP_F64)
        ((double *)samples->data)[at] = value;
    else
        ((float *)samples->data)[at] = (float)value;
}

static void write_values(FILE *stream, const unsigned char *data, size_t width, size_t values)
{
    if (npy_little_endian()) {
        fwrite(data, width, values, stream);
        return;
    }
    for (size_t i = 0; i < values; i++)
        for (size_t byte = width; byte-- > 0;)
            putc(data[i * width + byte], stream);
}

int npy_write_array(const char *path, const char *type, const int64_t *dims, int32_t n_dims,
                    const void *values, size_t width)
{
    char header[NPY_HEADER_BYTES];
    struct outfile file;
    size_t count = 1;
    int code = outfile_open(&file, path);
    if (code != 0)
        return code;
    for (int32_t i = 0; i < n_dims; i++)
        count *= (size_t)dims[i];
    const size_t bytes = npy_header(header, type, dims[0], dims + 1, n_dims - 1);
    fwrite(header, 1, bytes, file.stream);
    write_values(file.stream, values, width, count);
    return outfile_commit(&file);
}

int npy_write(const char *path, const struct samples *samples)
{
    int64_t dims[MAX_DIMS + 1] = {samples->count};
    memcpy(dims + 1, samples->dims, (size_t)samples->n_dims * sizeof *dims);
    return npy_write_array(path, samples->dtype == COVSAMP_F64 ? "<f8" : "<f4", dims,
                           samples->n_dims + 1, samples->data, samples_width(samples));
}
