/* SPDX-License-Identifier: BSD-3-Clause */
/* Files that are there whole or not at all, and their checksums. */
#ifndef MPI_SAMPLE_FILE_H
#define MPI_SAMPLE_FILE_H

#include <stddef.h>
#include <stdint.h>

/* Writes under a name of its own beside `path`, makes it durable, renames it.  Whoever reads
 * `path`, on whatever machine, sees the old file, the new one or none.  0, or -1 and a sentence. */
int file_write(const char *path, const void *data, size_t bytes, char *message);
/* The whole file with a zero behind it, to be freed; NULL if it is not there or cannot be read. */
char *file_read(const char *path);
/* CRC-32 and length.  0, or -1 if it cannot be read. */
int file_sum(const char *path, uint32_t *sum, int64_t *bytes);
/* Removes what writers left behind that died: "PREFIX*.new" in the folder. */
void file_sweep(const char *folder, const char *prefix);

#endif
