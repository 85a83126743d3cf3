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

/* Magic, version, length, a Python dictionary, spaces up to a multiple of 64, a line break. */
static size_t make_header(const struct samples *samples, char header[512])
{
    char shape[256];
    int used = snprintf(shape, sizeof shape, "%" PRId64 ",", samples->count);
    for (int i = 0; i < samples->n_dims; i++)
        used += snprintf(shape + used, sizeof shape - (size_t)used, "%s%" PRId64,
                         i == 0 ? " " : ", ", samples->dims[i]);
    int text =
        snprintf(header + 10, 500, "{'descr': '<f%d', 'fortran_order': False, 'shape': (%s), }",
                 (int)samples_width(samples), shape);
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

static void write_values(FILE *stream, const struct samples *samples)
{
    size_t width = samples_width(samples), values = (size_t)(samples->count * samples->dim);
    if (little_endian()) {
        fwrite(samples->data, width, values, stream);
        return;
    }
    for (size_t i = 0; i < values; i++)
        for (size_t byte = width; byte-- > 0;)
            putc(samples->data[i * width + byte], stream);
}

int npy_write(const char *path, const struct samples *samples)
{
    char header[512];
    struct outfile file;
    int code = outfile_open(&file, path);
    if (code != 0)
        return code;
    size_t bytes = make_header(samples, header);
    fwrite(header, 1, bytes, file.stream);
    write_values(file.stream, samples);
    return outfile_commit(&file);
}
