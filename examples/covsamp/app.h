/* SPDX-License-Identifier: BSD-3-Clause */
/* What every part of the program shares: exit codes and the one way to report a failure. */
#ifndef COVSAMP_APP_H
#define COVSAMP_APP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
    EXIT_OK = 0,
    EXIT_RUN = 1,  /* something failed while running */
    EXIT_USAGE = 2 /* the command line asks for something impossible */
};

#if defined(__GNUC__)
#define PRINTF_LIKE(text, values) __attribute__((format(printf, text, values)))
#else
#define PRINTF_LIKE(text, values)
#endif

/* Prints "covsamp: <one sentence>." on standard error and returns the code, to be passed on. */
int fail(int code, const char *format, ...) PRINTF_LIKE(2, 3);
/* The same for what is worth knowing and no failure. */
void note(const char *format, ...) PRINTF_LIKE(1, 2);

/* Writes text to standard output as a JSON string, quotes included; NULL becomes null. */
void json_string(const char *text);
/* The same to any stream. */
void json_write(FILE *stream, const char *text);
/* A number, or null where JSON has none (infinities, NaN). */
void json_real(double value);

/* Seconds on a clock that never jumps. */
double now(void);

int cmd_sample(int argc, char **argv);
int cmd_calibrate(int argc, char **argv);
int cmd_modes(int argc, char **argv);
int cmd_nelbo(int argc, char **argv);
int cmd_path_kl(int argc, char **argv);
int cmd_evaluate(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_options(int argc, char **argv);
int cmd_version(int argc, char **argv);

#endif
