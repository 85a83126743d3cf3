/* SPDX-License-Identifier: BSD-3-Clause */
#include <covsamp/covsamp.h>

#define TEXT(x)          #x
#define VERSION(a, b, c) TEXT(a) "." TEXT(b) "." TEXT(c)

uint32_t covsamp_version_number(void)
{
    return COVSAMP_VERSION_NUMBER;
}

const char *covsamp_version_string(void)
{
    return VERSION(COVSAMP_VERSION_MAJOR, COVSAMP_VERSION_MINOR, COVSAMP_VERSION_PATCH);
}
