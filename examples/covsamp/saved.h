/* SPDX-License-Identifier: BSD-3-Clause */
/* Files of runs that were stopped between two steps: a few lines of text that say what samples they
 * are, a blank line, then a string of covsamp_sampler_save() for each batch, with its length in a
 * line before it. */
#ifndef COVSAMP_SAVED_H
#define COVSAMP_SAVED_H

#include "outfile.h"
#include "request.h"

struct saved {
    struct outfile out; /* path NULL: none is written */
    FILE *in;           /* NULL: none is read */
    const char *path;   /* of the latter */
    unsigned char *data;
    size_t capacity;
};

/* Opens --save and --resume.  0 or an exit code after a message; saved_free() is due either way. */
int saved_open(struct saved *saved, const struct sample_request *request);
/* The next batch of --resume. */
int saved_load(struct saved *saved, covsamp_sampler *sampler);
/* Writes a batch to --save. */
int saved_store(struct saved *saved, covsamp_sampler *sampler);
/* All batches are there: --save gets its name. */
int saved_commit(struct saved *saved);
void saved_free(struct saved *saved);

#endif
