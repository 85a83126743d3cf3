/* SPDX-License-Identifier: BSD-3-Clause */
/* Any command line, one argument a line, and behind a line "--" on its own the bytes of every file
 * that it names.  The program goes as far as it does without a network: exit code 0, 1 or 2, and a
 * sentence unless it is 0. */
#define main program_main
#include "main.c"
#undef main

#include "input.h"
#include "process.h"
#include "program.h"
#include "request.h"

#define MOST 40 /* arguments */

int program_main(int argc, char **argv);

/* Cuts text at its line breaks. */
static int split(char *text, char **argv)
{
    int argc = 1;
    while (text != NULL && argc < MOST) {
        argv[argc++] = text;
        text = strchr(text, '\n');
        if (text != NULL)
            *text++ = '\0';
    }
    argv[argc] = NULL;
    return argc;
}

/* What sample does once it knows the network. */
static void choose_levels(int argc, char **argv)
{
    struct sample_request r;
    covsamp_schedule *schedule = NULL;
    covsamp_config *config = NULL;
    int64_t *visited = NULL;
    if (request_read(&r, false, argc, argv) == 0 && !r.help && r.schedule != NULL) {
        const int64_t levels = r.levels > 0 && r.levels < 500 ? r.levels : 100;
        if (covsamp_config_new(&config, NULL) != COVSAMP_OK)
            abort();
        program_file(NULL, 0);
        int code = process_schedule(&schedule, "--schedule", r.schedule, levels);
        if (code == 0)
            code =
                process_visit(config, schedule, r.from_level, r.steps, r.spacing, NULL, &visited);
        demand((code != 0) == (program_said()[0] != '\0'), "a sentence", code, program_said());
    }
    free(visited);
    covsamp_schedule_free(schedule);
    covsamp_config_free(config);
    request_free(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *argv[MOST + 2], *copy[MOST + 2], *text = malloc(size + 1);
    static char program[] = "covsamp";
    if (text == NULL)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    char *file = strstr(text, "\n--\n");
    if (file != NULL)
        *file = '\0';
    const uint8_t *bytes = file != NULL ? data + (file + 4 - text) : NULL;
    const int argc = split(text, argv);
    argv[0] = program;
    memcpy(copy, argv, sizeof copy);
    program_file(bytes, bytes != NULL ? (size_t)(data + size - bytes) : 0);
    const int code = program_main(argc, copy);
    demand(code >= 0 && code <= 2, "an exit code", code, program_said());
    demand(code == 0 || program_said()[0] != '\0', "a failure without a sentence", code, "");
    if (strcmp(argv[1], "sample") == 0)
        choose_levels(argc - 2, argv + 2);
    free(text);
    return 0;
}
