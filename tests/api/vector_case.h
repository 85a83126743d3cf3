/* SPDX-License-Identifier: BSD-3-Clause */
/* The schedule and tables that tests of where vectors are, and who works on them, begin from. */
#ifndef COVSAMP_TESTS_VECTOR_CASE_H
#define COVSAMP_TESTS_VECTOR_CASE_H

#include "check.h"

#include <covsamp/covsamp.h>

#include <stdio.h>
#include <string.h>

enum { LEVELS = 30, STEPS = 3 };

/* Names and values in turns, separated by blanks. */
static inline void set_options(covsamp_config *c, const char *options)
{
    char text[256], *rest = NULL;
    snprintf(text, sizeof text, "%s", options);
    for (char *name = strtok_r(text, " ", &rest); name != NULL; name = strtok_r(NULL, " ", &rest))
        if (!CHECK(covsamp_config_set_by_name(c, name, strtok_r(NULL, " ", &rest)) == COVSAMP_OK))
            fprintf(stderr, "    %s\n", covsamp_config_message(c));
}

/* Without batch, dim and type. */
static inline covsamp_config *vector_case_config(void)
{
    static const int64_t levels[STEPS] = {25, 14, 6};
    double table[LEVELS];
    covsamp_config *c = NULL;
    covsamp_schedule *s = NULL;
    for (int n = 0; n < LEVELS; n++)
        table[n] = 0.2 + 0.02 * n;
    CHECK(covsamp_config_new(&c, NULL) == COVSAMP_OK);
    CHECK(covsamp_schedule_new_cosine(&s, LEVELS, 0.008, NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp_config_set_schedule(c, s, levels, STEPS) == COVSAMP_OK);
    covsamp_schedule_free(s);
    CHECK(covsamp_config_set_table(c, COVSAMP_TABLE_NOISE, table, LEVELS) == COVSAMP_OK);
    CHECK(covsamp_config_set_table(c, COVSAMP_TABLE_X0_ERROR, table, LEVELS) == COVSAMP_OK);
    return c;
}

#endif
