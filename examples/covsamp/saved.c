/* SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L
#include "saved.h"

#include "infile.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HEAD        "covsamp-run 1\n"
#define MOST_LINES  4096
#define MOST_STRING (INT64_C(1) << 40)

/* What the strings do not say, and what makes other samples of them. */
static void write_head(FILE *stream, const struct sample_request *r)
{
    fprintf(stream,
            HEAD "count=%" PRId64 "\nbatch=%" PRId64 "\nseed=%" PRIu64 "\nfirst_sample=%" PRId64
                 "\nlabel=%s\n\n",
            r->count, r->batch, r->seed, r->first, r->label != NULL ? r->label : "all");
}

/* The same lines of the file, as text. */
static int read_head(FILE *stream, char text[MOST_LINES])
{
    size_t used = 0;
    while (used + 1 < MOST_LINES && fgets(text + used, (int)(MOST_LINES - used), stream) != NULL) {
        const size_t length = strlen(text + used);
        used += length;
        if (length == 1) /* the blank line */
            return 1;
    }
    return 0;
}

/* The first line that differs, as the file has it; NULL: none does. */
static const char *difference(char *theirs, const char *ours)
{
    while (*theirs != '\0' && *ours != '\0') {
        const size_t a = strcspn(theirs, "\n"), b = strcspn(ours, "\n");
        if (a != b || memcmp(theirs, ours, a) != 0) {
            theirs[a] = '\0';
            return theirs;
        }
        theirs += a + (theirs[a] != '\0');
        ours += b + (ours[b] != '\0');
    }
    return *theirs == *ours ? NULL : "another number of lines";
}

static int check_head(struct saved *s, const struct sample_request *r)
{
    char theirs[MOST_LINES] = "", *ours = NULL;
    size_t bytes;
    if (!read_head(s->in, theirs) || strncmp(theirs, HEAD, strlen(HEAD)) != 0)
        return fail(EXIT_RUN, "--resume %s is not a file that --save wrote", s->path);
    FILE *stream = open_memstream(&ours, &bytes);
    if (stream == NULL)
        return fail(EXIT_RUN, "out of memory");
    write_head(stream, r);
    fclose(stream);
    const char *other = difference(theirs, ours);
    free(ours);
    return other == NULL ? 0
                         : fail(EXIT_USAGE,
                                "--resume %s holds other samples than the command line asks for: "
                                "it says %s",
                                s->path, other);
}

int saved_open(struct saved *s, const struct sample_request *r)
{
    int code = 0;
    if (r->resume != NULL) {
        s->path = r->resume;
        s->in = fopen(r->resume, "rb");
        code = s->in != NULL
                   ? check_head(s, r)
                   : fail(EXIT_RUN, "--resume %s cannot be read: %s", r->resume, strerror(errno));
    }
    if (code != 0 || r->save == NULL)
        return code;
    code = outfile_open(&s->out, r->save);
    if (code != 0)
        memset(&s->out, 0, sizeof s->out);
    else
        write_head(s->out.stream, r);
    return code;
}

static int make_room(struct saved *s, size_t bytes)
{
    if (bytes <= s->capacity)
        return 0;
    free(s->data);
    s->data = malloc(bytes);
    s->capacity = s->data != NULL ? bytes : 0;
    return s->data != NULL ? 0 : fail(EXIT_RUN, "out of memory");
}

int saved_load(struct saved *s, covsamp_sampler *sampler)
{
    int64_t bytes = 0;
    if (fscanf(s->in, "bytes=%" SCNd64, &bytes) != 1 || fgetc(s->in) != '\n' || bytes < 1 ||
        bytes > MOST_STRING)
        return fail(EXIT_RUN, "--resume %s is cut off or damaged", s->path);
    const int read = infile_read(s->in, &s->data, &s->capacity, (size_t)bytes);
    if (read == INFILE_NOMEM)
        return fail(EXIT_RUN, "out of memory");
    if (read != INFILE_WHOLE || fgetc(s->in) != '\n')
        return fail(EXIT_RUN, "--resume %s is cut off or damaged", s->path);
    if (covsamp_sampler_load(sampler, s->data, (size_t)bytes) != COVSAMP_OK)
        return fail(EXIT_RUN, "--resume %s: %s", s->path, covsamp_sampler_message(sampler));
    return 0;
}

int saved_store(struct saved *s, covsamp_sampler *sampler)
{
    size_t bytes = 0;
    covsamp_status status = covsamp_sampler_save(sampler, NULL, 0, &bytes);
    int code = status == COVSAMP_OK ? make_room(s, bytes) : 0;
    if (code == 0 && status == COVSAMP_OK)
        status = covsamp_sampler_save(sampler, s->data, bytes, NULL);
    if (status != COVSAMP_OK)
        return fail(EXIT_RUN, "--save %s: %s", s->out.path, covsamp_sampler_message(sampler));
    if (code != 0)
        return code;
    fprintf(s->out.stream, "bytes=%zu\n", bytes);
    fwrite(s->data, 1, bytes, s->out.stream);
    fputc('\n', s->out.stream);
    return 0;
}

int saved_commit(struct saved *s)
{
    const int code = outfile_commit(&s->out);
    memset(&s->out, 0, sizeof s->out);
    return code;
}

void saved_free(struct saved *s)
{
    if (s->out.stream != NULL)
        outfile_abandon(&s->out);
    if (s->in != NULL)
        fclose(s->in);
    free(s->data);
}
