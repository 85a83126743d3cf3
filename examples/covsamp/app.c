/* SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L
#include "app.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void say(const char *format, va_list list)
{
    char text[2048];
    vsnprintf(text, sizeof text, format, list);
    size_t length = strlen(text);
    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '.'))
        text[--length] = '\0';
    for (char *p = text; *p != '\0'; p++)
        if ((unsigned char)*p < ' ') /* a line break of a library's message, a stray escape */
            *p = ' ';
    fflush(stdout);
    fprintf(stderr, "covsamp: %s.\n", text);
}

int fail(int code, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    say(format, list);
    va_end(list);
    return code;
}

void note(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    say(format, list);
    va_end(list);
}

void json_write(FILE *stream, const char *text)
{
    if (text == NULL) {
        fputs("null", stream);
        return;
    }
    putc('"', stream);
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        if (*p == '"' || *p == '\\')
            fprintf(stream, "\\%c", *p);
        else if (*p < ' ')
            fprintf(stream, "\\u%04x", *p);
        else
            putc(*p, stream);
    }
    putc('"', stream);
}

void json_string(const char *text)
{
    json_write(stdout, text);
}

void json_real(double value)
{
    if (isfinite(value))
        printf("%.9g", value);
    else
        fputs("null", stdout);
}

double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
