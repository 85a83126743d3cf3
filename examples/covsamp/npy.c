/* SPDX-License-Identifier: BSD-3-Clause */
#include "outfile.h"
#include "samples.h"

#include <covsamp/covsamp.h>

#include <inttypes.h>
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

/* Magic, version, length, a Python dictionary, spaces up to a multiple of 64, a line break. */
static size_t make_header(const char *type, const int64_t *dims, int32_t n_dims, char header[512])
{
    char shape[256];
    int used = snprintf(shape, sizeof shape, "%" PRId64 ",", dims[0]);
    for (int i = 1; i < n_dims; i++)
        used += snprintf(shape + used, sizeof shape - (size_t)used, "%s%" PRId64,
                         i == 1 ? " " : ", ", dims[i]);
    int text = snprintf(header + 10, 500,
                        "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", type, shape);
    size_t total = ((size_t)text + 10 + 1 + 63) / 64 * 64;
    memset(header + 10 + text, ' ', total - 10 - (size_t)text);
    header[total - 1] = '\n';
    memcpy(header, "\x93NUMPY\x01\x00", 8);
    header[8] = (char)((total - 10) & 0xff);
    header[9] = (char)((total - 10) >> 8);
    return total;
}

static int little_endian(void)
{
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return first == 1;
}

static void write_values(FILE *stream, const unsigned char *data, size_t width, size_t values)
{
    if (little_endian()) {
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
    char header[512];
    struct outfile file;
    size_t count = 1;
    int code = outfile_open(&file, path);
    if (code != 0)
        return code;
    for (int32_t i = 0; i < n_dims; i++)
        count *= (size_t)dims[i];
    const size_t bytes = make_header(type, dims, n_dims, header);
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
