/* SPDX-License-Identifier: BSD-3-Clause */
#include "npy_read.h"

#include "half.h"
#include "infile.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_HEADER 65536

/* The text behind 'key': in the dictionary that the header is, or NULL. */
static const char *entry(const char *header, const char *key)
{
    char quoted[32];
    snprintf(quoted, sizeof quoted, "'%s':", key);
    const char *at = strstr(header, quoted);
    if (at == NULL)
        return NULL;
    at += strlen(quoted);
    return at + strspn(at, " ");
}

static int read_type(struct npy *npy, const char *text)
{
    if (text == NULL || strlen(text) < 5 || text[0] != '\'' || (text[1] != '<' && text[1] != '|'))
        return 0;
    npy->kind = text[2];
    npy->width = text[3] - '0';
    if (text[4] != '\'' || (npy->width > 1 && text[1] != '<'))
        return 0;
    if (npy->kind == 'b')
        npy->kind = 'u'; /* truth values are bytes */
    if (npy->kind == 'f')
        return npy->width == 2 || npy->width == 4 || npy->width == 8;
    return (npy->kind == 'u' || npy->kind == 'i') &&
           (npy->width == 1 || npy->width == 2 || npy->width == 4 || npy->width == 8);
}

/* "(10, 1, 28, 28)" or "(10,)". */
static int read_shape(struct npy *npy, const char *text)
{
    npy->count = 1;
    if (text == NULL || *text != '(')
        return 0;
    for (text++; *text != ')'; text += strspn(text, ", ")) {
        char *end;
        errno = 0;
        const int64_t size = strtoimax(text, &end, 10);
        if (end == text || errno != 0 || size < 1 || npy->n_dims > MAX_DIMS ||
            npy->count > INT64_MAX / 8 / size)
            return 0;
        npy->dims[npy->n_dims++] = size;
        npy->count *= size;
        text = end;
    }
    return npy->n_dims > 0;
}

/* The dictionary as text, to be freed; NULL if the file does not begin as it should. */
static char *read_header(FILE *stream)
{
    unsigned char head[12];
    if (fread(head, 1, 10, stream) != 10 || memcmp(head, "\x93NUMPY", 6) != 0)
        return NULL;
    size_t bytes = head[8] | (size_t)head[9] << 8;
    if (head[6] > 1) { /* versions 2 and 3: four bytes of length */
        if (fread(head + 10, 1, 2, stream) != 2)
            return NULL;
        bytes |= (size_t)head[10] << 16 | (size_t)head[11] << 24;
    }
    char *text = bytes <= MOST_HEADER ? calloc(bytes + 1, 1) : NULL;
    if (text != NULL && fread(text, 1, bytes, stream) != bytes) {
        free(text);
        text = NULL;
    }
    return text;
}

static int read_values(struct npy *npy, const char *path, FILE *stream)
{
    const size_t bytes = (size_t)npy->count * (size_t)npy->width;
    size_t capacity = 0;
    switch (infile_read(stream, &npy->data, &capacity, bytes)) {
    case INFILE_WHOLE:
        return 0;
    case INFILE_SHORT:
        return fail(EXIT_RUN, "%s is cut off: it must have %" PRId64 " values", path, npy->count);
    default:
        return fail(EXIT_RUN, "%s: there is not enough memory for %zu bytes", path, bytes);
    }
}

static int read_stream(struct npy *npy, const char *path, FILE *stream)
{
    char *header = read_header(stream);
    if (header == NULL)
        return fail(EXIT_RUN, "%s is not a NumPy file (.npy)", path);
    const char *order = entry(header, "fortran_order");
    const int type = read_type(npy, entry(header, "descr"));
    const int shape = read_shape(npy, entry(header, "shape"));
    const int plain = order != NULL && strncmp(order, "False", 5) == 0;
    free(header);
    if (!type)
        return fail(EXIT_RUN,
                    "%s: the type of its values is none of f2, f4, f8, u1 ... u8, i1 ... i8, "
                    "little endian",
                    path);
    if (!shape || !plain)
        return fail(EXIT_RUN, "%s: the array must have 1 to %d dimensions, none empty, in C order",
                    path, MAX_DIMS + 1);
    return read_values(npy, path, stream);
}

int npy_read(struct npy *npy, const char *path)
{
    memset(npy, 0, sizeof *npy);
    FILE *stream = fopen(path, "rb");
    if (stream == NULL)
        return fail(EXIT_RUN, "%s cannot be read: %s", path, strerror(errno));
    const int code = read_stream(npy, path, stream);
    fclose(stream);
    return code;
}

void npy_free(struct npy *npy)
{
    free(npy->data);
    npy->data = NULL;
}

double npy_value(const struct npy *npy, int64_t i)
{
    const unsigned char *p = npy->data + (size_t)i * (size_t)npy->width;
    uint64_t bits = 0;
    for (int32_t k = npy->width; k-- > 0;)
        bits = bits << 8 | p[k];
    if (npy->kind == 'f' && npy->width == 8) {
        double value;
        memcpy(&value, &bits, sizeof value);
        return value;
    }
    if (npy->kind == 'f' && npy->width == 2)
        return half_value((uint16_t)bits);
    if (npy->kind == 'f') {
        const uint32_t low = (uint32_t)bits;
        float value;
        memcpy(&value, &low, sizeof value);
        return value;
    }
    const uint64_t sign = UINT64_C(1) << (8 * npy->width - 1);
    if (npy->kind == 'i' && (bits & sign))
        return -(double)(~bits & (sign - 1)) - 1;
    return (double)bits;
}
