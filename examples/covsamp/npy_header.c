/* SPDX-License-Identifier: BSD-3-Clause */
#include "npy_header.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Magic, version, length, a Python dictionary, spaces up to a multiple of 64, a line break. */
size_t npy_header(char header[NPY_HEADER_BYTES], const char *type, int64_t count,
                  const int64_t *dims, int n_dims)
{
    char shape[256];
    int used = snprintf(shape, sizeof shape, "%" PRId64 ",", count);
    for (int i = 0; i < n_dims; i++)
        used += snprintf(shape + used, sizeof shape - (size_t)used, "%s%" PRId64,
                         i == 0 ? " " : ", ", dims[i]);
    int text = snprintf(header + 10, NPY_HEADER_BYTES - 12,
                        "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", type, shape);
    size_t total = ((size_t)text + 10 + 1 + 63) / 64 * 64;
    memset(header + 10 + text, ' ', total - 10 - (size_t)text);
    header[total - 1] = '\n';
    memcpy(header, "\x93NUMPY\x01\x00", 8);
    header[8] = (char)((total - 10) & 0xff);
    header[9] = (char)((total - 10) >> 8);
    return total;
}

int npy_little_endian(void)
{
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return first == 1;
}
