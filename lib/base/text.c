/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers as text without the locale.  The C library converts exactly but with the locale's decimal
 * separator; a probe tells which one that is, and it is exchanged for a point. */
#include "base/error.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEPARATOR_BYTES 8
#define NUMBER_BYTES    320 /* no sensible number is longer */

static void find_separator(char separator[SEPARATOR_BYTES])
{
    char probe[SEPARATOR_BYTES + 3];
    int length = snprintf(probe, sizeof probe, "%.1f", 0.5);
    if (length < 3 || length >= (int)sizeof probe) {
        memcpy(separator, ".", sizeof ".");
        return;
    }
    memcpy(separator, probe + 1, (size_t)length - 2); /* without the 0 and the 5 */
    separator[length - 2] = '\0';
}

/* Writes text to out with the first `from` in it exchanged for `to`. */
static void exchange(const char *text, const char *from, const char *to, char *out, size_t bytes)
{
    const char *at = strstr(text, from);
    if (at == NULL)
        snprintf(out, bytes, "%s", text);
    else
        snprintf(out, bytes, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

char *covsamp__real(double value, char buffer[COVSAMP__REAL_BYTES])
{
    char separator[SEPARATOR_BYTES], local[COVSAMP__REAL_BYTES];
    if (isnan(value) || isinf(value)) {
        snprintf(buffer, COVSAMP__REAL_BYTES, "%s",
                 isnan(value) ? "nan"
                 : value > 0  ? "inf"
                              : "-inf");
        return buffer;
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(local, sizeof local, "%.*g", digits, value);
        if (strtod(local, NULL) == value)
            break;
    }
    find_separator(separator);
    exchange(local, separator, ".", buffer, COVSAMP__REAL_BYTES);
    return buffer;
}

int covsamp__parse_real(const char *text, double *value)
{
    char separator[SEPARATOR_BYTES], local[NUMBER_BYTES];
    size_t length = strlen(text);
    if (strcmp(text, "inf") == 0 || strcmp(text, "-inf") == 0) {
        *value = text[0] == '-' ? -INFINITY : INFINITY;
        return 1;
    }
    if (length == 0 || length > NUMBER_BYTES - SEPARATOR_BYTES ||
        strspn(text, "0123456789.eE+-") != length)
        return 0;
    find_separator(separator);
    exchange(text, ".", separator, local, sizeof local);
    char *end;
    int saved = errno;
    *value = strtod(local, &end);
    errno = saved;
    return *end == '\0' && end != local && isfinite(*value);
}
