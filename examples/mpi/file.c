/* SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L
#include "file.h"
#include "message.h"
#include "order.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

static int write_all(int descriptor, const char *data, size_t bytes)
{
    while (bytes > 0) {
        const ssize_t written = write(descriptor, data, bytes);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        data += written;
        bytes -= (size_t)written;
    }
    return 0;
}

int file_write(const char *path, const void *data, size_t bytes, char *message)
{
    char host[128] = "", temporary[PATH_BYTES + 256];
    gethostname(host, sizeof host - 1); /* two machines may have the same process number */
    snprintf(temporary, sizeof temporary, "%s.%s.%ld.new", path, host, (long)getpid());
    const int descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    int ok = descriptor >= 0 && write_all(descriptor, data, bytes) == 0 && fsync(descriptor) == 0;
    int why = errno;
    if (descriptor >= 0 && close(descriptor) != 0 &&
        ok) { /* NFS may say here that the disk is full */
        ok = 0;
        why = errno;
    }
    if (ok && rename(temporary, path) == 0)
        return 0;
    if (ok)
        why = errno;
    if (descriptor >= 0)
        unlink(temporary);
    return failed(message, "%s cannot be written: %s", path, strerror(why));
}

char *file_read(const char *path)
{
    FILE *stream = fopen(path, "rb");
    char *text = NULL;
    size_t bytes = 0, room = 0;
    while (stream != NULL) {
        if (bytes + 1 >= room) {
            char *larger = realloc(text, room = 2 * room + 4096);
            if (larger == NULL)
                break;
            text = larger;
        }
        const size_t got = fread(text + bytes, 1, room - bytes - 1, stream);
        bytes += got;
        if (got > 0)
            continue;
        if (ferror(stream))
            break;
        fclose(stream);
        text[bytes] = '\0';
        return text;
    }
    if (stream != NULL)
        fclose(stream);
    free(text);
    return NULL;
}

int file_sum(const char *path, uint32_t *sum, int64_t *bytes)
{
    unsigned char part[1 << 16];
    uLong crc = crc32(0, NULL, 0);
    size_t got;
    FILE *stream = fopen(path, "rb");
    *bytes = 0;
    if (stream == NULL)
        return -1;
    while ((got = fread(part, 1, sizeof part, stream)) > 0) {
        crc = crc32(crc, part, (uInt)got);
        *bytes += (int64_t)got;
    }
    const int bad = ferror(stream);
    fclose(stream);
    *sum = (uint32_t)crc;
    return bad ? -1 : 0;
}

void file_sweep(const char *folder, const char *prefix)
{
    char path[PATH_BYTES + 256];
    DIR *list = opendir(folder);
    for (struct dirent *entry; list != NULL && (entry = readdir(list)) != NULL;) {
        const size_t length = strlen(entry->d_name);
        if (length < 4 || strcmp(entry->d_name + length - 4, ".new") != 0 ||
            strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        unlink(path);
    }
    if (list != NULL)
        closedir(list);
}
