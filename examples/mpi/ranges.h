/* SPDX-License-Identifier: BSD-3-Clause */
/* Who draws what.  Range k belongs to the process that holds a lock on byte k + 1 of
 * FOLDER/ranges.lock. The kernel takes the lock back when the process dies, however it dies, so
 * that no range stays taken; ranks of other jobs see it as those of this one do.  Open MPI ends all
 * of a job when one rank dies: nothing that must outlive a rank can be in a message or a window. */
#ifndef MPI_SAMPLE_RANGES_H
#define MPI_SAMPLE_RANGES_H

#include "shards.h"

/* What is known of a range; larger is more, so that MPI_MAX joins what the ranks know. */
enum {
    RANGE_OPEN = 0,
    RANGE_BUSY = 1 /* another job had it when it was checked */,
    RANGE_FINISHED = 2
};

struct ranges {
    const struct shards *shards;
    unsigned char *known; /* [shards->count] */
    int64_t next;         /* where this rank looks first */
    int lock;             /* descriptor of the file; closing any other on it would lose all locks */
};

/* `rank` of `ranks` begins in a place of its own.  0, or -1 and a sentence; to be closed in both
 * cases. */
int ranges_open(struct ranges *ranges, const struct shards *shards, int rank, int ranks,
                char *message);
void ranges_close(struct ranges *ranges);

/* For what no two jobs may do at once, byte 0 is locked: waits. */
int ranges_lock_all(struct ranges *ranges, char *message);
void ranges_unlock_all(struct ranges *ranges);

/* Reads every `ranks`-th shard that is there and removes it if it is damaged; returns how many
 * were. */
int64_t ranges_check(struct ranges *ranges, int rank, int ranks);
/* A range that is neither finished nor anybody's, now this process's until it is given back; -1:
 * none. */
int64_t ranges_take(struct ranges *ranges);
/* It is finished. */
void ranges_give(struct ranges *ranges, int64_t k);
/* How many are known to be finished. */
int64_t ranges_finished(const struct ranges *ranges);
/* Looks for those that other jobs have finished. */
void ranges_look(struct ranges *ranges);

#endif
