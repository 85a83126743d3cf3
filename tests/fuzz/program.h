/* SPDX-License-Identifier: BSD-3-Clause */
/* The program's parts in a test that links with program.c and -Wl,--wrap: its sentences are counted
 * and not printed, every file that it reads has the bytes that program_file() was given, and no
 * file is written. */
#ifndef COVSAMP_TESTS_FUZZ_PROGRAM_H
#define COVSAMP_TESTS_FUZZ_PROGRAM_H

#include "app.h"

#include <stdint.h>

/* Forgets what was said. */
void program_file(const uint8_t *data, size_t size);
/* The last sentence of fail(), "" if there was none since program_file(). */
const char *program_said(void);

#endif
