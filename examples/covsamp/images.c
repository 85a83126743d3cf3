/* SPDX-License-Identifier: BSD-3-Clause */
#include "images.h"

#include "npy_read.h"
#include "shape.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* How many rows an array has for samples of this shape: 1 if it is of that shape itself, else its
 * first size; 0 if it does not fit.  Gray images are often stored without their one channel. */
static int64_t rows_of(const struct npy *a, const int64_t *dims, int32_t n_dims)
{
    for (int32_t skip = 0; skip <= (n_dims > 1 && dims[0] == 1 ? 1 : 0); skip++) {
        if (shape_equal(a->dims, a->n_dims, dims + skip, n_dims - skip))
            return 1;
        if (shape_equal(a->dims + 1, a->n_dims - 1, dims + skip, n_dims - skip))
            return a->dims[0];
    }
    return 0;
}

static int wrong_shape(const char *flag, const char *path, const struct npy *a,
                       const struct samples *like)
{
    char has[SHAPE_TEXT + 22], wanted[SHAPE_TEXT];
    shape_text(a->dims, a->n_dims < MAX_DIMS ? a->n_dims : MAX_DIMS, has);
    shape_text(like->dims, like->n_dims, wanted);
    return fail(EXIT_USAGE, "%s %s is of shape [%s], must be [%s] or rows of that, [n, %s]", flag,
                path, has, wanted, wanted);
}

int images_read(struct samples *image, const char *flag, const char *path,
                const struct samples *wanted)
{
    struct npy a;
    struct samples shape = *wanted, *like = &shape;
    int code = npy_read(&a, path);
    if (code == 0 && like->n_dims == 0) {
        like->n_dims = a.n_dims - 1;
        memcpy(like->dims, a.dims + 1, (size_t)like->n_dims * sizeof *like->dims);
    }
    if (code == 0 && like->n_dims == 0)
        code = fail(EXIT_USAGE, "%s %s: images are an array of shape [n, ...shape]", flag, path);
    const int64_t rows = code == 0 ? rows_of(&a, like->dims, like->n_dims) : 0;
    *image = (struct samples){.dtype = like->dtype, .n_dims = like->n_dims};
    memcpy(image->dims, like->dims, sizeof image->dims);
    if (code == 0 && a.kind != 'f' && !(a.kind == 'u' && a.width == 1))
        code = fail(EXIT_USAGE,
                    "%s %s: images are of type f4, f8 or u1 (0 ... 255, which becomes -1 ... 1)",
                    flag, path);
    if (code == 0 && rows == 0)
        code = wrong_shape(flag, path, &a, like);
    if (code == 0)
        code = shape_make_room(image, rows);
    for (int64_t i = 0; code == 0 && i < a.count; i++)
        samples_store(image, i, a.kind == 'u' ? npy_value(&a, i) / 127.5 - 1 : npy_value(&a, i));
    if (code == 0)
        image->count = rows;
    npy_free(&a);
    return code;
}

/* As images_read(), then through the encoder, if there is one. */
static int read_encoded(struct samples *out, const char *flag, const char *path,
                        const struct latents *latents, const struct samples *like, int64_t batch)
{
    struct samples image = {0};
    if (latents->encoder == NULL)
        return images_read(out, flag, path, like);
    struct samples pixels = latents->encoder_in;
    pixels.dtype = like->dtype;
    int code = images_read(&image, flag, path, &pixels);
    *out = (struct samples){.dtype = like->dtype, .n_dims = like->n_dims};
    memcpy(out->dims, like->dims, sizeof out->dims);
    if (code == 0)
        code = shape_make_room(out, image.count);
    if (code == 0)
        code = map_run(latents->encoder, &image, batch, out);
    free(image.data);
    return code;
}

/* One mask of [H, W] serves all channels. */
static bool is_plane(const struct npy *a, const struct samples *like)
{
    const int32_t skip = a->n_dims == like->n_dims && a->dims[0] == 1 ? 1 : 0;
    return like->n_dims > 1 &&
           shape_equal(a->dims + skip, a->n_dims - skip, like->dims + 1, like->n_dims - 1);
}

static int read_mask(struct images *images, const char *path, const struct samples *like)
{
    struct npy a;
    int code = npy_read(&a, path);
    int64_t rows = code == 0 ? rows_of(&a, like->dims, like->n_dims) : 0;
    const bool plane = code == 0 && rows == 0 && is_plane(&a, like);
    if (code == 0 && rows == 0 && !plane)
        code = wrong_shape("--mask", path, &a, like);
    rows = plane ? 1 : rows;
    const int64_t all = rows * images->known.dim;
    if (code == 0 && (images->mask = malloc((size_t)all)) == NULL)
        code = fail(EXIT_RUN, "out of memory");
    for (int64_t i = 0; code == 0 && i < all; i++) {
        const double value = npy_value(&a, i % a.count);
        if (value != 0 && value != 1)
            code = fail(EXIT_USAGE, "--mask %s holds %g, must be 0 or 1 (known) everywhere", path,
                        value);
        images->mask[i] = value == 1;
    }
    images->mask_rows = rows;
    npy_free(&a);
    return code;
}

int images_make(struct images *images, const struct sample_request *r,
                const struct latents *latents, const struct samples *like)
{
    int code = 0;
    if (r->init != NULL)
        code = read_encoded(&images->init, "--init", r->init, latents, like, r->batch);
    if (code == 0 && r->known != NULL)
        code = read_encoded(&images->known, "--known", r->known, latents, like, r->batch);
    if (code == 0 && r->known != NULL)
        code = read_mask(images, r->mask, like);
    const int64_t dim = r->init != NULL ? images->init.dim : images->known.dim;
    if (code != 0 || dim == 0)
        return code;
    const int64_t batch = r->batch < r->count ? r->batch : r->count;
    images->batch = malloc((size_t)(batch * dim) * samples_width(like));
    images->batch_mask = malloc((size_t)(batch * dim));
    return images->batch != NULL && images->batch_mask != NULL ? 0
                                                               : fail(EXIT_RUN, "out of memory");
}

/* Sample k gets row k mod rows. */
static void gather(unsigned char *out, const unsigned char *rows, int64_t count, size_t bytes,
                   int64_t first, int64_t batch)
{
    for (int64_t b = 0; b < batch; b++)
        memcpy(out + (size_t)b * bytes, rows + (size_t)((first % count + b) % count) * bytes,
               bytes);
}

int images_give(struct images *images, covsamp_sampler *sampler, int64_t first, int64_t batch,
                bool loaded)
{
    const struct samples *init = &images->init, *known = &images->known;
    covsamp_status status = COVSAMP_OK;
    if (init->count > 0 && !loaded) {
        gather(images->batch, init->data, init->count, (size_t)init->dim * samples_width(init),
               first, batch);
        status = covsamp_sampler_start_from(sampler, images->batch, init->dim);
    }
    if (status == COVSAMP_OK && known->count > 0) {
        gather(images->batch, known->data, known->count, (size_t)known->dim * samples_width(known),
               first, batch);
        gather(images->batch_mask, images->mask, images->mask_rows, (size_t)known->dim, first,
               batch);
        status = covsamp_sampler_set_known(sampler, images->batch, known->dim, images->batch_mask,
                                           known->dim);
    }
    return status == COVSAMP_OK ? 0 : fail(EXIT_USAGE, "%s", covsamp_sampler_message(sampler));
}

void images_free(struct images *images)
{
    free(images->init.data);
    free(images->known.data);
    free(images->mask);
    free(images->batch);
    free(images->batch_mask);
}
