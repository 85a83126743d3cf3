/* SPDX-License-Identifier: BSD-3-Clause */
/* Files that appear under their name whole or not at all. */
#ifndef COVSAMP_OUTFILE_H
#define COVSAMP_OUTFILE_H

#include "app.h"

#include <stdio.h>

struct outfile {
    FILE *stream;
    const char *path; /* the caller's */
    char *temporary;
};

/* Opens a temporary file beside path.  0, or EXIT_RUN after a message. */
int outfile_open(struct outfile *file, const char *path);
/* Gives the file its name.  0, or EXIT_RUN after a message; the temporary file is gone then. */
int outfile_commit(struct outfile *file);
/* Removes the temporary file. */
void outfile_abandon(struct outfile *file);
/* Whether outfile_open() would work: told before hours of sampling, not after. */
int outfile_probe(const char *path);

#endif
