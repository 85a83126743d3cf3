/* SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L
#include "manifest.h"
#include "file.h"
#include "message.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Names and values of options need no escapes. */
static void print_options(FILE *out, const covsamp_config *config)
{
    const covsamp_option *option;
    char value[64];
    fprintf(out, "  \"options\": {");
    for (int32_t i = 0; (option = covsamp_option_info(i)) != NULL; i++) {
        covsamp_config_get_text(config, option->key, value, sizeof value);
        fprintf(out, "%s\n    \"%s\": \"%s\"", i > 0 ? "," : "", option->name, value);
    }
    fprintf(out, "\n  },\n");
}

char *manifest_configuration(const struct shards *shards, const struct order *order,
                             const struct work *work)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    if (out == NULL)
        return NULL;
    fprintf(out, "{\n  \"format\": \"covsamp mpi_sample 1\",\n  \"libcovsamp\": \"%s\",\n",
            covsamp_version_string());
    fprintf(out, "  \"model\": \"%s\",\n  \"shape\": [", work->network.name);
    for (int i = 0; i < shards->n_dims; i++)
        fprintf(out, "%s%" PRId64, i > 0 ? ", " : "", shards->dims[i]);
    fprintf(out, "],\n  \"samples\": %" PRId64 ",\n  \"range\": %" PRId64 ",\n", shards->samples,
            shards->range);
    fprintf(out, "  \"schedule\": \"linear, 1000 levels, beta 1e-4 ... 0.02\",\n");
    fprintf(out, "  \"steps\": %" PRId64 ",\n", order->steps);
    print_options(out, work->config);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

/* The line at `text` without what is around it: no spaces before, no comma behind. */
static int bare_line(const char *text, const char **start)
{
    *start = text + strspn(text, " ");
    int length = (int)strcspn(*start, "\n");
    while (length > 0 && (*start)[length - 1] == ',')
        length--;
    return length < 200 ? length : 200;
}

int manifest_compare(const char *ours, const char *theirs, const char *who, char *message)
{
    while (*ours != '\0') {
        const size_t line = strcspn(ours, "\n") + 1;
        if (strncmp(ours, theirs, line) != 0) {
            const char *a, *b;
            const int our_length = bare_line(ours, &a), their_length = bare_line(theirs, &b);
            return failed(message, "%s is of another configuration: %.*s there, %.*s here", who,
                          their_length > 0 ? their_length : 7, their_length > 0 ? b : "nothing",
                          our_length, a);
        }
        ours += line;
        theirs += line;
    }
    return 0;
}

static void name_manifest(const struct shards *shards, char path[PATH_BYTES])
{
    snprintf(path, PATH_BYTES, "%s/manifest.json", shards->folder);
}

static int write_manifest(const struct shards *shards, const char *configuration, int complete,
                          char *message)
{
    char path[PATH_BYTES], *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    int code = out != NULL ? 0 : failed(message, "out of memory");
    if (out == NULL)
        return code;
    fprintf(out, "%s  \"complete\": %s,\n  \"files\": [", configuration,
            complete ? "true" : "false");
    for (int64_t k = 0; complete && code == 0 && k < shards->count; k++) {
        char *line = shard_line(shards, k);
        if (line == NULL)
            code = failed(message, "the description of the samples from %" PRId64 " on is gone",
                          shard_first(shards, k));
        else
            fprintf(out, "%s\n    %s", k > 0 ? "," : "", line);
        free(line);
    }
    fprintf(out, "%s]\n}\n", complete ? "\n  " : "");
    if (fclose(out) != 0 && code == 0)
        code = failed(message, "out of memory");
    name_manifest(shards, path);
    if (code == 0)
        code = file_write(path, text, bytes, message);
    free(text);
    return code;
}

int manifest_claim(const struct shards *shards, const char *configuration, char *message)
{
    char path[PATH_BYTES];
    name_manifest(shards, path);
    if (access(path, F_OK) != 0 && errno == ENOENT) {
        if (shards_there(shards) > 0) /* of whatever configuration */
            return failed(message, "%s has NPY files, and no manifest.json that says of what",
                          shards->folder);
        return write_manifest(shards, configuration, 0, message);
    }
    char *there = file_read(path);
    if (there == NULL)
        return failed(message, "%s cannot be read", path);
    const int code = manifest_compare(configuration, there, path, message);
    free(there);
    return code;
}

int manifest_finish(const struct shards *shards, const char *configuration, char *message)
{
    return write_manifest(shards, configuration, 1, message);
}
