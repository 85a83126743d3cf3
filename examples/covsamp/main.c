/* SPDX-License-Identifier: BSD-3-Clause */
/* covsamp: diffusion sampling with the full posterior covariance, from the command line. */
#include "args.h"
#include "model.h"

#include <covsamp/covsamp.h>

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *help;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"sample", "draw samples from a TorchScript model", cmd_sample},
    {"calibrate", "measure what a model's means and products are worth", cmd_calibrate},
    {"modes", "show what a model is uncertain about", cmd_modes},
    {"nelbo", "bound a model's likelihood on data, under any covariance", cmd_nelbo},
    {"evaluate", "compare samples with a reference, by a classifier's features", cmd_evaluate},
    {"path-kl", "measure what a covariance is worth where all is known", cmd_path_kl},
    {"check", "check a model's Jacobian-vector products", cmd_check},
    {"options", "list the options of the library", cmd_options},
    {"version", "print versions", cmd_version},
};

#define N_COMMANDS (sizeof commands / sizeof commands[0])

static int help(void)
{
    puts("usage: covsamp COMMAND [options]\n\n"
         "Diffusion sampling with the full posterior covariance.\n");
    for (size_t i = 0; i < N_COMMANDS; i++)
        printf("  %-10s %s\n", commands[i].name, commands[i].help);
    puts("\n\"covsamp COMMAND --help\" says more.");
    return 0;
}

int cmd_version(int argc, char **argv)
{
    enum { JSON, HELP, N_FLAGS };
    static const struct flag flags[N_FLAGS] = {
        [JSON] = {"json", NULL, "one JSON object", 0},
        [HELP] = {"help", NULL, "this text", 'h'},
    };
    struct args args = {flags, "version", argv, N_FLAGS, argc, 0};
    char text[32];
    const char *value, *shim = model_library_version(text);
    bool json = false;
    int flag;
    while ((flag = args_next(&args, &value)) != ARGS_END) {
        if (flag == ARGS_ERROR)
            return EXIT_USAGE;
        if (flag == HELP) {
            puts("usage: covsamp version [--json]\n\n"
                 "Prints the versions of the program and of the libraries in use.\n");
            args_help(flags, N_FLAGS);
            return 0;
        }
        json = true;
    }
    if (json) {
        printf("{\"covsamp\": \"%s\", \"libcovsamp\": \"%s\", \"libcovsamp-torch\": ",
               PROGRAM_VERSION, covsamp_version_string());
        json_string(shim);
        puts("}");
    } else {
        printf("covsamp %s\nlibcovsamp %s\nlibcovsamp-torch %s\n", PROGRAM_VERSION,
               covsamp_version_string(), shim != NULL ? shim : "not in this build");
    }
    return 0;
}

/* Output that did not arrive is a failure: covsamp options > /dev/full. */
static int flushed(int code)
{
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == 0)
        return fail(EXIT_RUN, "standard output cannot be written");
    return code;
}

/* Commands get the arguments behind their name; sample finds the program's name at argv[-1]. */
int main(int argc, char **argv)
{
    if (argc < 2)
        return fail(EXIT_USAGE, "a command is missing; see covsamp --help");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return flushed(help());
    if (strcmp(argv[1], "--version") == 0)
        return flushed(cmd_version(0, argv));
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0) {
            char *program = argv[0];
            argv[1] = program;
            return flushed(commands[i].run(argc - 2, argv + 2));
        }
    return fail(EXIT_USAGE, "there is no command \"%s\"; see covsamp --help", argv[1]);
}
