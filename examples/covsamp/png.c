/* SPDX-License-Identifier: BSD-3-Clause */
/* Contact sheets: samples from left to right, then downwards, a white margin between them. */
#include "outfile.h"
#include "samples.h"

#include <inttypes.h>
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARGIN      2
#define MOST_PIXELS 1000000 /* on a side: libpng's own limit for reading */

struct layout {
    int64_t channels, height, width; /* of a sample */
    int64_t columns, rows, sheet_width, sheet_height;
};

/* 0 if samples of this shape are no images. */
static int lay_out(const struct samples *samples, int64_t count, const struct sheet *sheet,
                   struct layout *out)
{
    const int64_t *dims = samples->dims;
    int n = samples->n_dims;
    if (n != 2 && !(n == 3 && (dims[0] == 1 || dims[0] == 3)))
        return 0;
    int64_t cells = sheet->lead + count;
    out->channels = n == 3 ? dims[0] : 1;
    out->height = dims[n - 2];
    out->width = dims[n - 1];
    out->columns = cells < sheet->columns ? cells : sheet->columns;
    out->rows = (cells + out->columns - 1) / out->columns;
    out->sheet_width = out->sheet_height = 0;
    if (out->width > MOST_PIXELS || out->height > MOST_PIXELS || out->columns > MOST_PIXELS ||
        out->rows > MOST_PIXELS)
        return 1;
    out->sheet_width = out->columns * (out->width + MARGIN) + MARGIN;
    out->sheet_height = out->rows * (out->height + MARGIN) + MARGIN;
    return 1;
}

int png_fits(const struct samples *samples, int64_t count, const struct sheet *sheet)
{
    struct layout l;
    if (!lay_out(samples, count, sheet, &l))
        return fail(EXIT_USAGE, "a PNG file needs samples of shape H,W or 1,H,W or 3,H,W; "
                                "write others to a file ending in .npy");
    if (l.sheet_width == 0 || l.sheet_width > MOST_PIXELS || l.sheet_height > MOST_PIXELS)
        return fail(EXIT_USAGE,
                    "%" PRId64 " samples make a PNG file of more than %d pixels on a side; write "
                    "them to a file ending in .npy or choose --columns",
                    count, MOST_PIXELS);
    return 0;
}

static unsigned char pixel(double value)
{
    double scaled = (value + 1) * 127.5 + 0.5;
    return scaled >= 255 ? 255 : scaled > 0 ? (unsigned char)scaled : 0; /* a NaN is black */
}

/* Line y of the sheet. */
static void make_line(const struct samples *samples, const struct sheet *sheet,
                      const struct layout *l, int64_t y, unsigned char *line)
{
    memset(line, 255, (size_t)(l->sheet_width * l->channels));
    int64_t row = (y - MARGIN) / (l->height + MARGIN);
    int64_t inside = (y - MARGIN) % (l->height + MARGIN);
    if (y < MARGIN || inside >= l->height)
        return;
    for (int64_t column = 0; column < l->columns; column++) {
        int64_t k = row * l->columns + column - sheet->lead;
        if (k < 0 || k >= samples->count)
            continue;
        unsigned char *at = line + (MARGIN + column * (l->width + MARGIN)) * l->channels;
        for (int64_t x = 0; x < l->width; x++)
            for (int64_t c = 0; c < l->channels; c++)
                *at++ = pixel(samples_value(samples, k, (c * l->height + inside) * l->width + x));
    }
}

static void on_error(png_structp png, png_const_charp message)
{
    (void)message; /* outfile_commit() finds the reason in the stream */
    longjmp(*(jmp_buf *)png_get_error_ptr(png), 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

/* All that libpng may jump out of; nothing here changes between setjmp and longjmp.  0 or -1. */
static int encode(png_structp png, png_infop info, FILE *stream, const struct samples *samples,
                  const struct sheet *sheet, const struct layout *l, unsigned char *line)
{
    jmp_buf *home = png_get_error_ptr(png);
    if (setjmp(*home) != 0)
        return -1;
    png_init_io(png, stream);
    png_set_user_limits(png, MOST_PIXELS, MOST_PIXELS);
    png_set_IHDR(png, info, (png_uint_32)l->sheet_width, (png_uint_32)l->sheet_height, 8,
                 l->channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (int64_t y = 0; y < l->sheet_height; y++) {
        make_line(samples, sheet, l, y, line);
        png_write_row(png, line);
    }
    png_write_end(png, NULL);
    return 0;
}

int png_write(const char *path, const struct samples *samples, const struct sheet *sheet)
{
    struct layout l;
    struct outfile file;
    jmp_buf home;
    int code = png_fits(samples, samples->count, sheet);
    if (code == 0 && lay_out(samples, samples->count, sheet, &l))
        code = outfile_open(&file, path);
    if (code != 0)
        return code;
    unsigned char *line = malloc((size_t)(l.sheet_width * l.channels));
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &home, on_error, on_warning);
    png_infop info = png != NULL ? png_create_info_struct(png) : NULL;
    int done = line != NULL && info != NULL &&
               encode(png, info, file.stream, samples, sheet, &l, line) == 0;
    png_destroy_write_struct(&png, &info);
    free(line);
    if (done)
        return outfile_commit(&file);
    outfile_abandon(&file);
    return fail(EXIT_RUN, "%s cannot be written: the PNG encoder failed", path);
}
