/* SPDX-License-Identifier: BSD-3-Clause */
/* For tests of modules that are given more than x and t: numbers that make_given.py wrote, and
 * requests about one branch or both. */
#ifndef COVSAMP_TESTS_GIVEN_H
#define COVSAMP_TESTS_GIVEN_H

#include "shim.h"

enum { TABLE = 4 * 3, PICTURE = 8 * 8 };

/* Reads doubles; ends the test if there are not exactly `count`. */
static inline void read_numbers(const char *name, double *values, size_t count)
{
    FILE *file = fopen(module_path(name), "rb");
    size_t got = file ? fread(values, sizeof *values, count + 1, file) : 0;
    if (file)
        fclose(file);
    if (!CHECK(got == count))
        exit(1);
}

/* The code that must come, and the sentence behind it. */
static inline void check_answer(covsamp_torch *module, int32_t got, int32_t status,
                                const char *part)
{
    if (!CHECK(got == status))
        fprintf(stderr, "    %s, %s\n", covsamp_torch_status_name(got),
                covsamp_torch_message(module));
    CHECK_TEXT(covsamp_torch_message(module), part);
    CHECK((part[0] == '\0') == (covsamp_torch_message(module)[0] == '\0'));
    CHECK(strchr(covsamp_torch_message(module), '\n') == NULL);
}

static inline int64_t linearisations(covsamp_torch *module, int64_t *points)
{
    covsamp_torch_work work;
    memset(&work, 0, sizeof work);
    work.size = sizeof work;
    CHECK(covsamp_torch_report(module, &work) == COVSAMP_OK);
    if (points)
        *points = work.points_kept;
    return work.linearisations;
}

#endif
