/* SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L
#include "program.h"

#include "outfile.h"

#include <covsamp/covsamp.h>

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t *file_data;
static size_t file_size;
static char said[2048];

void program_file(const uint8_t *data, size_t size)
{
    file_data = data;
    file_size = size;
    said[0] = '\0';
}

const char *program_said(void)
{
    return said;
}

/* What the linker puts in place of the program's functions. */
int __wrap_fail(int code, const char *format, ...) PRINTF_LIKE(2, 3);
void __wrap_note(const char *format, ...) PRINTF_LIKE(1, 2);
FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__wrap_fopen64(const char *path, const char *mode);
FILE *__real_fopen(const char *path, const char *mode);
int __wrap_outfile_open(struct outfile *file, const char *path);
int __wrap_outfile_commit(struct outfile *file);
void __wrap_outfile_abandon(struct outfile *file);
int __wrap_outfile_probe(const char *path);
covsamp_status __wrap_covsamp_path_kl(covsamp_config *config, covsamp_mixture *mixture,
                                      int32_t estimator, int64_t size, double *kl,
                                      double *deviation, int64_t count,
                                      covsamp_path_kl_total *total);

int __wrap_fail(int code, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(said, sizeof said, format, list);
    va_end(list);
    return code;
}

void __wrap_note(const char *format, ...)
{
    char text[2048];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
    if (mode[0] != 'r') /* libFuzzer's own */
        return __real_fopen(path, mode);
    if (*path == '\0' || file_size == 0) {
        errno = ENOENT;
        return NULL;
    }
    return fmemopen((void *)file_data, file_size, "rb"); /* "r": nothing is written to it */
}

/* What it is called where file sizes have 64 bits by choice (_FILE_OFFSET_BITS). */
FILE *__wrap_fopen64(const char *path, const char *mode)
{
    return __wrap_fopen(path, mode);
}

int __wrap_outfile_open(struct outfile *file, const char *path)
{
    *file = (struct outfile){.path = path, .stream = NULL};
    if (*path != '\0')
        file->stream = __real_fopen("/dev/null", "wb");
    return file->stream != NULL ? 0 : __wrap_fail(EXIT_RUN, "%s cannot be written", path);
}

int __wrap_outfile_commit(struct outfile *file)
{
    __wrap_outfile_abandon(file);
    return 0;
}

void __wrap_outfile_abandon(struct outfile *file)
{
    if (file->stream != NULL)
        fclose(file->stream);
    memset(file, 0, sizeof *file);
}

int __wrap_outfile_probe(const char *path)
{
    return *path != '\0' ? 0 : __wrap_fail(EXIT_RUN, "%s cannot be written", path);
}

/* What path-kl computes takes minutes; what it makes of command lines is looked at here. */
covsamp_status __wrap_covsamp_path_kl(covsamp_config *config, covsamp_mixture *mixture,
                                      int32_t estimator, int64_t size, double *kl,
                                      double *deviation, int64_t count,
                                      covsamp_path_kl_total *total)
{
    (void)config, (void)mixture, (void)estimator, (void)size;
    for (int64_t i = 0; i < count; i++) {
        if (kl != NULL)
            kl[i] = 1 / (double)(i + 1);
        if (deviation != NULL)
            deviation[i] = 0;
    }
    if (total != NULL)
        *total = (covsamp_path_kl_total){.size = sizeof *total, .kl = 0.5};
    return COVSAMP_OK;
}
