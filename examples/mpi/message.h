/* SPDX-License-Identifier: BSD-3-Clause */
/* How a part of the example says what went wrong: one sentence in the caller's buffer.  Nobody
 * prints but rank 0, since a hundred ranks would say it a hundred times. */
#ifndef MPI_SAMPLE_MESSAGE_H
#define MPI_SAMPLE_MESSAGE_H

#include <stdarg.h>
#include <stdio.h>

#define MESSAGE_BYTES 2048

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
/* Always -1, to be passed on. */
static inline int
failed(char *message, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(message, MESSAGE_BYTES, format, list);
    va_end(list);
    return -1;
}

#endif
