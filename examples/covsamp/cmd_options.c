/* SPDX-License-Identifier: BSD-3-Clause */
/* The library's table of options, for people and for programs. */
#include "args.h"

#include <covsamp/covsamp.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { JSON, HELP, N_FLAGS };

static const struct flag flags[N_FLAGS] = {
    [JSON] = {"json", NULL, "an array of objects", 0},
    [HELP] = {"help", NULL, "this text", 'h'},
};

static const char *type_name(const covsamp_option *option)
{
    return option->type == COVSAMP_TYPE_INT    ? "int"
           : option->type == COVSAMP_TYPE_REAL ? "real"
                                               : "choice";
}

/* An integer bound as people want to read it. */
static void bound(char *text, size_t bytes, int64_t value)
{
    if (value == INT64_MAX)
        snprintf(text, bytes, "2^63 - 1");
    else if (value == INT64_MIN)
        snprintf(text, bytes, "-2^63");
    else
        snprintf(text, bytes, "%" PRId64, value);
}

static void describe(const covsamp_option *option, char *range, size_t bytes, char preset[32])
{
    char low[32], high[32];
    const char *name;
    int64_t value;
    size_t used = 0;
    range[0] = '\0';
    if (option->type == COVSAMP_TYPE_REAL) {
        snprintf(range, bytes, "%g ... %g", option->real_low, option->real_high);
        snprintf(preset, 32, "%g", option->real_default);
        return;
    }
    if (option->type == COVSAMP_TYPE_INT) {
        bound(low, sizeof low, option->int_low);
        bound(high, sizeof high, option->int_high);
        snprintf(range, bytes, "%s ... %s", low, high);
        if (option->int_default < option->int_low)
            snprintf(preset, 32, "required");
        else
            bound(preset, 32, option->int_default);
        return;
    }
    for (int32_t i = 0; (name = covsamp_option_choice(option->key, i, &value)) != NULL; i++) {
        if (used < bytes)
            used += (size_t)snprintf(range + used, bytes - used, "%s%s", i == 0 ? "" : ", ", name);
        if (value == option->int_default)
            snprintf(preset, 32, "%s", name);
    }
}

static void print_table(void)
{
    const covsamp_option *option;
    puts("Options of the library, for --set KEY=VALUE:\n");
    for (int32_t i = 0; (option = covsamp_option_info(i)) != NULL; i++) {
        char range[256], preset[32] = "";
        describe(option, range, sizeof range, preset);
        printf("  %-15s %s\n  %-15s %s; default %s\n", option->name, option->help, "", range,
               preset);
    }
}

static void print_choices(int32_t key)
{
    const char *name;
    int64_t value;
    fputs(", \"choices\": {", stdout);
    for (int32_t i = 0; (name = covsamp_option_choice(key, i, &value)) != NULL; i++)
        printf("%s\"%s\": %" PRId64, i == 0 ? "" : ", ", name, value);
    putchar('}');
}

/* Beyond 2^53 as text: most readers of JSON make doubles of numbers, which would round them. */
static void json_bound(const char *key, int64_t value)
{
    const int64_t exact = INT64_C(1) << 53;
    const char *quote = value > exact || value < -exact ? "\"" : "";
    printf(", \"%s\": %s%" PRId64 "%s", key, quote, value, quote);
}

static void print_json(void)
{
    const covsamp_option *option;
    putchar('[');
    for (int32_t i = 0; (option = covsamp_option_info(i)) != NULL; i++) {
        printf("%s\n  {\"key\": %d, \"name\": \"%s\", \"type\": \"%s\"", i == 0 ? "" : ",",
               (int)option->key, option->name, type_name(option));
        if (option->type == COVSAMP_TYPE_REAL) {
            fputs(", \"low\": ", stdout);
            json_real(option->real_low);
            fputs(", \"high\": ", stdout);
            json_real(option->real_high);
            fputs(", \"default\": ", stdout);
            json_real(option->real_default);
        } else if (option->type == COVSAMP_TYPE_INT) {
            json_bound("low", option->int_low);
            json_bound("high", option->int_high);
            json_bound("default", option->int_default);
        } else {
            json_bound("default", option->int_default);
            print_choices(option->key);
        }
        fputs(", \"help\": ", stdout);
        json_string(option->help);
        putchar('}');
    }
    puts("\n]");
}

int cmd_options(int argc, char **argv)
{
    struct args args = {flags, "options", argv, N_FLAGS, argc, 0};
    const char *value;
    bool json = false;
    int flag;
    while ((flag = args_next(&args, &value)) != ARGS_END) {
        if (flag == ARGS_ERROR)
            return EXIT_USAGE;
        if (flag == HELP) {
            puts("usage: covsamp options [--json]\n\nLists every option that --set takes.\n\n"
                 "In JSON low, high and default are numbers, or text where a double would round "
                 "them\n"
                 "(beyond 2^53); null is an infinite bound.  A choice has no bounds: its numbers "
                 "are\n"
                 "in choices.\n");
            args_help(flags, N_FLAGS);
            return 0;
        }
        json = true;
    }
    if (json)
        print_json();
    else
        print_table();
    return 0;
}
