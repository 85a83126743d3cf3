/* SPDX-License-Identifier: BSD-3-Clause */
/* One fuzz target over files instead of a fuzzer, by any compiler: its seeds, and every input that
 * ever was a crash.  replay FOLDER...; a folder that is not there is an empty one. */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* By descriptors: the program's targets have a fopen() of their own. */
static int replay(const char *path)
{
    struct stat info;
    const int file = open(path, O_RDONLY);
    uint8_t *data = NULL;
    if (file >= 0 && fstat(file, &info) == 0)
        data = malloc(info.st_size > 0 ? (size_t)info.st_size : 1); /* a sanitizer sees its end */
    const int ok = data != NULL && read(file, data, (size_t)info.st_size) == info.st_size;
    if (ok)
        LLVMFuzzerTestOneInput(data, (size_t)info.st_size);
    free(data);
    if (file >= 0)
        close(file);
    return ok;
}

int main(int argc, char **argv)
{
    int passed = 0, failed = 0;
    for (int i = 1; i < argc; i++) {
        DIR *folder = opendir(argv[i]);
        struct dirent *entry;
        while (folder != NULL && (entry = readdir(folder)) != NULL) {
            char path[4096];
            if (entry->d_name[0] == '.')
                continue;
            snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name);
            fprintf(stderr, "%s\n", path); /* the one that it died of is the last line */
            if (replay(path))
                passed++;
            else
                failed++;
        }
        if (folder != NULL)
            closedir(folder);
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 && passed > 0 ? 0 : 1;
}
