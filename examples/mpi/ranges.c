/* SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L
#include "ranges.h"
#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int lock_byte(const struct ranges *ranges, int64_t byte, int command, short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)byte, .l_len = 1};
    int result;
    do
        result = fcntl(ranges->lock, command, &lock);
    while (result != 0 && errno == EINTR);
    return result;
}

static int lock_range(const struct ranges *ranges, int64_t k)
{
    return lock_byte(ranges, k + 1, F_SETLK, F_WRLCK) == 0;
}

static void unlock_range(const struct ranges *ranges, int64_t k)
{
    lock_byte(ranges, k + 1, F_SETLK, F_UNLCK);
}

int ranges_open(struct ranges *ranges, const struct shards *shards, int rank, int ranks,
                char *message)
{
    char path[PATH_BYTES];
    memset(ranges, 0, sizeof *ranges);
    snprintf(path, sizeof path, "%s/ranges.lock", shards->folder);
    ranges->shards = shards;
    ranges->next = shards->count * rank / ranks;
    ranges->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (ranges->lock < 0)
        return failed(message, "%s cannot be opened: %s", path, strerror(errno));
    ranges->known = calloc((size_t)shards->count, 1);
    return ranges->known != NULL ? 0 : failed(message, "out of memory");
}

void ranges_close(struct ranges *ranges)
{
    if (ranges->shards != NULL && ranges->lock >= 0)
        close(ranges->lock);
    free(ranges->known);
}

int ranges_lock_all(struct ranges *ranges, char *message)
{
    if (lock_byte(ranges, 0, F_SETLKW, F_WRLCK) == 0)
        return 0;
    return failed(message, "%s/ranges.lock cannot be locked: %s", ranges->shards->folder,
                  strerror(errno));
}

void ranges_unlock_all(struct ranges *ranges)
{
    lock_byte(ranges, 0, F_SETLK, F_UNLCK);
}

int64_t ranges_check(struct ranges *ranges, int rank, int ranks)
{
    int64_t damaged = 0;
    for (int64_t k = rank; k < ranges->shards->count; k += ranks) {
        if (!lock_range(ranges, k)) {
            ranges->known[k] = RANGE_BUSY;
            continue;
        }
        if (shard_is_good(ranges->shards, k)) {
            ranges->known[k] = RANGE_FINISHED;
        } else {
            damaged += shard_remove(ranges->shards, k);
        }
        unlock_range(ranges, k);
    }
    return damaged;
}

/* Of a range that was open at the check whatever is there now is new; one that was busy then may
 * hold what its owner found there and did not live to remove. */
static int is_finished(const struct ranges *ranges, int64_t k)
{
    return shard_is_there(ranges->shards, k) &&
           (ranges->known[k] == RANGE_OPEN || shard_is_good(ranges->shards, k));
}

int64_t ranges_take(struct ranges *ranges)
{
    const int64_t count = ranges->shards->count;
    for (int64_t i = 0; i < count; i++) {
        const int64_t k = (ranges->next + i) % count;
        if (ranges->known[k] == RANGE_FINISHED || !lock_range(ranges, k))
            continue;
        if (!is_finished(ranges, k)) {
            ranges->next = (k + 1) % count;
            return k;
        }
        ranges_give(ranges, k);
    }
    return -1;
}

void ranges_give(struct ranges *ranges, int64_t k)
{
    ranges->known[k] = RANGE_FINISHED;
    unlock_range(ranges, k);
}

int64_t ranges_finished(const struct ranges *ranges)
{
    int64_t finished = 0;
    for (int64_t k = 0; k < ranges->shards->count; k++)
        finished += ranges->known[k] == RANGE_FINISHED;
    return finished;
}

void ranges_look(struct ranges *ranges)
{
    for (int64_t k = 0; k < ranges->shards->count; k++)
        if (ranges->known[k] != RANGE_FINISHED && is_finished(ranges, k))
            ranges->known[k] = RANGE_FINISHED;
}
