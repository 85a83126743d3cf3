/* SPDX-License-Identifier: BSD-3-Clause */
#include "npy_header.h"
#include "outfile.h"
#include "samples.h"

#include <covsamp/covsamp.h>

#include <stdio.h>

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

static void write_values(FILE *stream, const struct samples *samples)
{
    size_t width = samples_width(samples), values = (size_t)(samples->count * samples->dim);
    if (npy_little_endian()) {
        fwrite(samples->data, width, values, stream);
        return;
    }
    for (size_t i = 0; i < values; i++)
        for (size_t byte = width; byte-- > 0;)
            putc(samples->data[i * width + byte], stream);
}

int npy_write(const char *path, const struct samples *samples)
{
    char header[NPY_HEADER_BYTES];
    struct outfile file;
    int code = outfile_open(&file, path);
    if (code != 0)
        return code;
    size_t bytes = npy_header(header, (int)samples_width(samples), samples->count, samples->dims,
                              samples->n_dims);
    fwrite(header, 1, bytes, file.stream);
    write_values(file.stream, samples);
    return outfile_commit(&file);
}
