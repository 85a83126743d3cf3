/* SPDX-License-Identifier: BSD-3-Clause */
/* Samples that `covsamp evaluate` draws itself, by the arguments of `covsamp sample`. */
#ifndef COVSAMP_EVALUATE_DRAW_H
#define COVSAMP_EVALUATE_DRAW_H

#include "draw.h"

struct drawn {
    struct sample_request request;
    struct setup setup;
    struct cost cost;
    struct samples *images; /* the setup's; decoded if there is a decoder */
    int64_t *labels;        /* that each sample was asked to be; NULL: none */
};

/* Reads the command line; argv: what stands behind "--".  0 or an exit code after a message;
 * drawn_free() is due either way. */
int drawn_read(struct drawn *drawn, bool quiet, int argc, char **argv);
/* Draws.  As above, or 128 + the signal that stopped it. */
int drawn_make(struct drawn *drawn);
void drawn_free(struct drawn *drawn);

#endif
