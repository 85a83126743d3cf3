/* SPDX-License-Identifier: BSD-3-Clause */
#include "latents.h"

#include "shape.h"

#include <stdlib.h>
#include <string.h>

static struct model_options options_of(const struct sample_request *r, const char *path)
{
    struct model_options options = {.path = path, .device = r->device};
    options.dtype = r->dtype;
    return options;
}

static int open_decoder(struct latents *l, const struct sample_request *r,
                        const struct samples *like)
{
    struct samples in;
    struct model_options options = options_of(r, r->decoder);
    options.n_dims = like->n_dims;
    memcpy(options.dims, like->dims, sizeof options.dims);
    int code = map_open(&l->decoder, &options);
    if (code == 0)
        code = shape_agrees(r->decoder, map_metadata(l->decoder, "shape"), like);
    if (code == 0)
        code = map_shapes(l->decoder, &in, &l->decoded);
    l->decoded.dtype = r->dtype;
    return code;
}

static int open_encoder(struct latents *l, const struct sample_request *r,
                        const struct samples *like)
{
    struct samples out;
    struct model_options options = options_of(r, r->encoder);
    int code = map_open(&l->encoder, &options);
    if (code == 0)
        code = map_shapes(l->encoder, &l->encoder_in, &out);
    if (code != 0 || shape_equal(out.dims, out.n_dims, like->dims, like->n_dims))
        return code;
    char theirs[SHAPE_TEXT], ours[SHAPE_TEXT];
    shape_text(out.dims, out.n_dims, theirs);
    shape_text(like->dims, like->n_dims, ours);
    return fail(EXIT_USAGE, "%s makes latents of shape [%s], and the model's samples are [%s]",
                r->encoder, theirs, ours);
}

int latents_make(struct latents *latents, const struct sample_request *r,
                 const struct samples *like)
{
    int code = 0;
    if (r->decoder != NULL)
        code = open_decoder(latents, r, like);
    if (code == 0 && r->encoder != NULL)
        code = open_encoder(latents, r, like);
    return code;
}

const struct samples *latents_decode(struct latents *latents, const struct samples *samples,
                                     int64_t batch)
{
    if (latents->decoder == NULL)
        return samples;
    return map_run(latents->decoder, samples, batch, &latents->decoded) == 0 ? &latents->decoded
                                                                             : NULL;
}

void latents_free(struct latents *latents)
{
    free(latents->decoded.data);
    map_close(latents->decoder);
    map_close(latents->encoder);
}
