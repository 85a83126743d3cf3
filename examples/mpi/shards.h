/* SPDX-License-Identifier: BSD-3-Clause */
/* The files of a run: samples-FIRST.npy holds a range of samples, samples-FIRST.json says so in one
 * line, with length and checksum.  The range is finished when both are there; the NPY file comes
 * last. */
#ifndef MPI_SAMPLE_SHARDS_H
#define MPI_SAMPLE_SHARDS_H

#include "work.h"

struct shards {
    const char *folder;
    int64_t samples, range, count; /* of the run; of one shard; shards */
    int64_t dim;
    const int64_t *dims;
    int n_dims, width;
    char *buffer; /* one shard as the file has it */
};

/* 0, or -1 and a sentence; to be closed in both cases. */
int shards_open(struct shards *shards, const struct order *order, const struct work *work,
                char *message);
void shards_close(struct shards *shards);

/* First sample of shard k, and how many it has. */
int64_t shard_first(const struct shards *shards, int64_t k);
int64_t shard_samples(const struct shards *shards, int64_t k);

/* Draws shard k and writes its files.  0, or -1 and a sentence. */
int shard_make(struct shards *shards, struct work *work, int64_t k, char *message);
/* Whether the files are there and as long as they should be: nobody but a disk can have damaged one
 * that was made a moment ago. */
int shard_is_there(const struct shards *shards, int64_t k);
/* The same by its checksum: reads it all. */
int shard_is_good(const struct shards *shards, int64_t k);
/* Whether there was an NPY file to remove. */
int shard_remove(const struct shards *shards, int64_t k);
/* The line of samples-FIRST.json, to be freed, or NULL. */
char *shard_line(const struct shards *shards, int64_t k);
/* How many NPY files are there, by one look at the folder. */
int64_t shards_there(const struct shards *shards);

#endif
