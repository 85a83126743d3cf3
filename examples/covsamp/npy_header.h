/* SPDX-License-Identifier: BSD-3-Clause */
/* What stands before the values of an NPY file. */
#ifndef COVSAMP_NPY_HEADER_H
#define COVSAMP_NPY_HEADER_H

#include <stddef.h>
#include <stdint.h>

#define NPY_HEADER_BYTES 512

/* NumPy's format, version 1.0: [count, dims[0], ...] values of a type as "<f4", little
 * endian; at most eight dims.  Returns the header's length. */
size_t npy_header(char header[NPY_HEADER_BYTES], const char *type, int64_t count,
                  const int64_t *dims, int n_dims);
/* Whether this machine's values have the file's order of bytes. */
int npy_little_endian(void);

#endif
