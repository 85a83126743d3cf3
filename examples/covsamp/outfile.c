/* SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L
#include "outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int cannot_write(const char *path, const char *why)
{
    fail(EXIT_RUN, "%s cannot be written: %s", path, why);
    return EXIT_RUN;
}

int outfile_open(struct outfile *file, const char *path)
{
    struct stat info;
    size_t bytes = strlen(path) + 32;
    memset(file, 0, sizeof *file);
    /* Renaming over a device or a directory would replace it or fail at the very end. */
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode))
        return cannot_write(path, "it is not a regular file");
    file->path = path;
    file->temporary = malloc(bytes);
    if (file->temporary == NULL)
        return cannot_write(path, "out of memory");
    snprintf(file->temporary, bytes, "%s.%ld.new", path, (long)getpid());
    int descriptor = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor >= 0)
        file->stream = fdopen(descriptor, "wb");
    if (file->stream == NULL) {
        int code = cannot_write(path, strerror(errno));
        if (descriptor >= 0) {
            close(descriptor);
            unlink(file->temporary);
        }
        free(file->temporary);
        return code;
    }
    return 0;
}

void outfile_abandon(struct outfile *file)
{
    if (file->stream != NULL)
        fclose(file->stream);
    unlink(file->temporary);
    free(file->temporary);
    memset(file, 0, sizeof *file);
}

int outfile_commit(struct outfile *file)
{
    int ok = fflush(file->stream) == 0 && !ferror(file->stream) && fsync(fileno(file->stream)) == 0;
    ok = fclose(file->stream) == 0 && ok;
    file->stream = NULL;
    if (!ok || rename(file->temporary, file->path) != 0) {
        int code = cannot_write(file->path, strerror(errno));
        outfile_abandon(file);
        return code;
    }
    free(file->temporary);
    return 0;
}

int outfile_probe(const char *path)
{
    struct outfile file;
    int code = outfile_open(&file, path);
    if (code == 0)
        outfile_abandon(&file);
    return code;
}
