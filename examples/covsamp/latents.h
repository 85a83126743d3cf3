/* SPDX-License-Identifier: BSD-3-Clause */
/* Models of latents: a decoder for what was drawn, an encoder for what is given. */
#ifndef COVSAMP_LATENTS_H
#define COVSAMP_LATENTS_H

#include "extra.h"
#include "request.h"

struct latents {
    struct map *decoder, *encoder; /* NULL: none */
    struct samples encoder_in;     /* its shape */
    struct samples decoded;        /* its shape; the caller makes room for all samples */
};

/* Opens both, if asked for, for a model whose samples are `like`.  0 or an exit code after a
 * message; latents_free() is due either way. */
int latents_make(struct latents *latents, const struct sample_request *request,
                 const struct samples *like);
/* What goes to the output: the samples, decoded if there is a decoder.  NULL after a message. */
const struct samples *latents_decode(struct latents *latents, const struct samples *samples,
                                     int64_t batch);
void latents_free(struct latents *latents);

#endif
