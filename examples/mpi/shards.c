/* SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L
#include "shards.h"
#include "../covsamp/npy_header.h"
#include "file.h"
#include "message.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define MOST_SHARDS INT64_C(10000000)
#define LINE_BYTES  256

int shards_open(struct shards *shards, const struct order *order, const struct work *work,
                char *message)
{
    memset(shards, 0, sizeof *shards);
    shards->folder = order->folder;
    shards->samples = order->samples;
    shards->range = order->range != 0 ? order->range : 4 * work->batch;
    shards->dim = work->dim;
    shards->dims = work->network.dims;
    shards->n_dims = work->network.n_dims;
    shards->width = work->width;
    if (shards->range % work->batch != 0)
        return failed(message, "--range %" PRId64 " is not a multiple of batch %" PRId64,
                      shards->range, work->batch);
    shards->count = (shards->samples + shards->range - 1) / shards->range;
    if (shards->count > MOST_SHARDS)
        return failed(message,
                      "--range %" PRId64 " makes %" PRId64 " files, and %" PRId64 " is the most",
                      shards->range, shards->count, MOST_SHARDS);
    const int64_t most = shard_samples(shards, 0); /* no shard has more */
    if (most <= (INT64_MAX / 16 - NPY_HEADER_BYTES) / shards->dim)
        shards->buffer =
            malloc(NPY_HEADER_BYTES + (size_t)(most * shards->dim) * (size_t)shards->width);
    if (shards->buffer == NULL)
        return failed(message, "out of memory for a file of %" PRId64 " samples", most);
    return 0;
}

void shards_close(struct shards *shards)
{
    free(shards->buffer);
}

int64_t shard_first(const struct shards *shards, int64_t k)
{
    return k * shards->range;
}

int64_t shard_samples(const struct shards *shards, int64_t k)
{
    const int64_t left = shards->samples - shard_first(shards, k);
    return left < shards->range ? left : shards->range;
}

/* `folder` may be "", for the name alone. */
static void name_file(const struct shards *shards, const char *folder, int64_t k, const char *end,
                      char path[PATH_BYTES])
{
    snprintf(path, PATH_BYTES, "%s%ssamples-%012" PRId64 ".%s", folder,
             folder[0] != '\0' ? "/" : "", shard_first(shards, k), end);
}

static size_t make_header(const struct shards *shards, int64_t k, char header[NPY_HEADER_BYTES])
{
    return npy_header(header, shards->width == 8 ? "<f8" : "<f4", shard_samples(shards, k),
                      shards->dims, shards->n_dims);
}

static int64_t shard_bytes(const struct shards *shards, int64_t k)
{
    char header[NPY_HEADER_BYTES];
    return (int64_t)make_header(shards, k, header) +
           shard_samples(shards, k) * shards->dim * shards->width;
}

static void describe(const struct shards *shards, int64_t k, uint32_t sum, char line[LINE_BYTES])
{
    char name[PATH_BYTES];
    name_file(shards, "", k, "npy", name);
    snprintf(line, LINE_BYTES,
             "{\"file\": \"%.64s\", \"first\": %" PRId64 ", \"samples\": %" PRId64
             ", \"bytes\": %" PRId64 ", \"crc32\": \"%08" PRIx32 "\"}",
             name, shard_first(shards, k), shard_samples(shards, k), shard_bytes(shards, k), sum);
}

static void turn_bytes(char *values, size_t count, size_t width)
{
    for (char *v = values; v < values + count * width; v += width)
        for (size_t i = 0; i < width / 2; i++) {
            const char low = v[i];
            v[i] = v[width - 1 - i];
            v[width - 1 - i] = low;
        }
}

static uint32_t sum_of(const char *data, size_t bytes)
{
    uLong sum = crc32(0, NULL, 0);
    for (size_t part; bytes > 0; data += part, bytes -= part) {
        part = bytes < (1U << 30) ? bytes : (1U << 30); /* zlib counts in unsigned int */
        sum = crc32(sum, (const Bytef *)data, (uInt)part);
    }
    return (uint32_t)sum;
}

int shard_make(struct shards *shards, struct work *work, int64_t k, char *message)
{
    char line[LINE_BYTES], path[PATH_BYTES];
    const size_t header = make_header(shards, k, shards->buffer);
    const size_t bytes = (size_t)shard_bytes(shards, k), width = (size_t)shards->width;
    if (work_draw(work, shard_first(shards, k), shard_samples(shards, k), shards->buffer + header,
                  message) != 0)
        return -1;
    if (!npy_little_endian())
        turn_bytes(shards->buffer + header, (bytes - header) / width, width);
    describe(shards, k, sum_of(shards->buffer, bytes), line);
    name_file(shards, shards->folder, k, "json", path);
    if (file_write(path, line, strlen(line), message) != 0)
        return -1;
    name_file(shards, shards->folder, k, "npy", path);
    if (file_write(path, shards->buffer, bytes, message) == 0)
        return 0;
    return shard_is_good(shards, k)
               ? 0
               : -1; /* where locks do not work another job may have been faster */
}

int shard_is_there(const struct shards *shards, int64_t k)
{
    char path[PATH_BYTES];
    struct stat info;
    name_file(shards, shards->folder, k, "npy", path);
    if (stat(path, &info) != 0 || (int64_t)info.st_size != shard_bytes(shards, k))
        return 0;
    name_file(shards, shards->folder, k, "json", path);
    return access(path, R_OK) == 0;
}

int shard_is_good(const struct shards *shards, int64_t k)
{
    char path[PATH_BYTES], line[LINE_BYTES];
    uint32_t sum = 0;
    int64_t bytes = 0;
    name_file(shards, shards->folder, k, "npy", path);
    if (file_sum(path, &sum, &bytes) != 0 || bytes != shard_bytes(shards, k))
        return 0;
    describe(shards, k, sum, line);
    char *said = shard_line(shards, k);
    const int good = said != NULL && strcmp(said, line) == 0;
    free(said);
    return good;
}

int shard_remove(const struct shards *shards, int64_t k)
{
    char path[PATH_BYTES];
    name_file(shards, shards->folder, k, "npy", path);
    if (unlink(path) != 0)
        return 0;
    name_file(shards, shards->folder, k, "json", path);
    unlink(path); /* if this is the last that the process does: one without the other counts as
                     nothing */
    return 1;
}

char *shard_line(const struct shards *shards, int64_t k)
{
    char path[PATH_BYTES];
    name_file(shards, shards->folder, k, "json", path);
    return file_read(path);
}

int64_t shards_there(const struct shards *shards)
{
    int64_t count = 0;
    DIR *list = opendir(shards->folder);
    for (struct dirent *entry; list != NULL && (entry = readdir(list)) != NULL;) {
        const size_t length = strlen(entry->d_name);
        count += length > 4 && strcmp(entry->d_name + length - 4, ".npy") == 0;
    }
    if (list != NULL)
        closedir(list);
    return count;
}
