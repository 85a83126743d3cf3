/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes of files that say themselves how long they are. */
#ifndef COVSAMP_INFILE_H
#define COVSAMP_INFILE_H

#include "app.h"

enum { INFILE_WHOLE, INFILE_SHORT, INFILE_NOMEM };

/* Reads `bytes` into *data, a block of *capacity bytes (NULL, 0 at first), which grows with what is
 * there, not with what the file promises; to be freed in every case. */
int infile_read(FILE *stream, unsigned char **data, size_t *capacity, size_t bytes);

#endif
