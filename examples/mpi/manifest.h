/* SPDX-License-Identifier: BSD-3-Clause */
/* FOLDER/manifest.json: the configuration, written before the first sample, and once all are there
 * the list of the files with their checksums. */
#ifndef MPI_SAMPLE_MANIFEST_H
#define MPI_SAMPLE_MANIFEST_H

#include "shards.h"

/* Everything that makes the samples what they are, as the first lines of the manifest; to be freed;
 * NULL: out of memory. */
char *manifest_configuration(const struct shards *shards, const struct order *order,
                             const struct work *work);
/* Compares two of them line by line (of `theirs` more may follow).  0, or -1 and a sentence that
 * begins with `who` and shows the first lines that differ. */
int manifest_compare(const char *ours, const char *theirs, const char *who, char *message);
/* Begins the folder's manifest, or compares with the one that is there.  0, or -1 and a sentence.
 */
int manifest_claim(const struct shards *shards, const char *configuration, char *message);
/* Replaces it by the complete one. */
int manifest_finish(const struct shards *shards, const char *configuration, char *message);

#endif
