/* SPDX-License-Identifier: BSD-3-Clause */
/* What a command line gives beside noise to begin from: images to start from, values that are
 * known, a mask that says which. */
#ifndef COVSAMP_IMAGES_H
#define COVSAMP_IMAGES_H

#include "latents.h"
#include "request.h"

struct images {
    struct samples init, known; /* count 0: none; of the type and shape of the model's samples */
    uint8_t *mask;              /* [mask_rows][dim] */
    int64_t mask_rows;
    unsigned char *batch; /* room for the rows of a batch, and for their masks */
    uint8_t *batch_mask;
};

/* Images of the shape and type of `like`, whose n_dims may be 0: any shape; bytes become -1 ... 1.
 * flag: for messages.  0 or an exit code after a message; free(image->data) is due either way. */
int images_read(struct samples *image, const char *flag, const char *path,
                const struct samples *like);

/* Reads what is asked for; `like` are the model's samples.  0 or an exit code after a message;
 * images_free() is due either way. */
int images_make(struct images *images, const struct sample_request *request,
                const struct latents *latents, const struct samples *like);
/* Gives a sampler, restarted at sample number `first`, its start (unless it is `loaded`) and its
 * known values. */
int images_give(struct images *images, covsamp_sampler *sampler, int64_t first, int64_t batch,
                bool loaded);
void images_free(struct images *images);

#endif
