/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

covsamp_status covsamp__fail(covsamp__error *error, covsamp_status status, const char *format, ...)
{
    if (error != NULL) {
        va_list arguments;
        va_start(arguments, format);
        if (vsnprintf(error->text, sizeof error->text, format, arguments) < 0)
            error->text[0] = '\0';
        va_end(arguments);
    }
    return status;
}

covsamp_status covsamp__ok(covsamp__error *error)
{
    if (error != NULL)
        error->text[0] = '\0';
    return COVSAMP_OK;
}

void covsamp__export(const covsamp__error *error, char *message)
{
    if (message != NULL)
        memcpy(message, error->text, strlen(error->text) + 1);
}
