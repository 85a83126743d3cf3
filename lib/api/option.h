/* SPDX-License-Identifier: BSD-3-Clause */
/* The option table: the only place that knows keys, names, bounds and defaults. */
#ifndef COVSAMP_API_OPTION_H
#define COVSAMP_API_OPTION_H

#include <covsamp/covsamp.h>

#define COVSAMP__OPTIONS 58 /* entries of the table */

/* Index of a key or a name in the table, -1 if there is none. */
int covsamp__option_index(int32_t key);
int covsamp__option_index_by_name(const char *name);
/* The number of a choice's name; 0 if the option has no such name. */
int covsamp__option_parse_choice(int32_t key, const char *text, int64_t *value);
/* The name of a choice's number, NULL if it has none. */
const char *covsamp__option_choice_name(int32_t key, int64_t value);
/* "small, large, krylov": the names of a choice, for messages. */
void covsamp__option_choice_list(int32_t key, char *text, size_t bytes);

#endif
