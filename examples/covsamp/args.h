/* SPDX-License-Identifier: BSD-3-Clause */
/* Command lines: a table of flags is parsed by and printed from the same place. */
#ifndef COVSAMP_ARGS_H
#define COVSAMP_ARGS_H

#include "app.h"

struct flag {
    const char *name;  /* "steps" for --steps */
    const char *value; /* what --help calls the value; NULL: the flag takes none */
    const char *help;
    int letter; /* 'n' for -n; 0: none */
};

enum { ARGS_END = -1, ARGS_ERROR = -2 };

struct args {
    const struct flag *flags;
    const char *command; /* for messages: "sample" */
    char **argv;
    int n_flags, argc, next;
};

/* The next flag's index in the table and its value (NULL if it takes none), ARGS_END, or ARGS_ERROR
 * after a message.  Understood: --name value, --name=value, -n value, -nvalue. */
int args_next(struct args *args, const char **value);

/* Prints the table, one flag a line. */
void args_help(const struct flag *flags, int n_flags);

/* Each reads the whole text or fails with a message naming the flag; 0 or EXIT_USAGE. */
int args_int(const char *flag, const char *text, int64_t low, int64_t high, int64_t *out);
int args_seed(const char *flag, const char *text, uint64_t *out);
/* A real number of low ... high. */
int args_real(const char *flag, const char *text, double low, double high, double *out);
/* "1,28,28": at most `capacity` numbers of low ... high; *count receives how many. */
int args_int_list(const char *flag, const char *text, int64_t low, int64_t high, int64_t *out,
                  int capacity, int *count);
/* "f32" or "f64", of --dtype. */
int args_dtype(const char *text, int32_t *dtype);

#endif
