/* SPDX-License-Identifier: BSD-3-Clause */
#include "args.h"

#include <covsamp/covsamp.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sets *attached to the text that follows the flag in the same argument, or to NULL. */
static int find_flag(const struct args *args, const char *text, const char **attached)
{
    *attached = NULL;
    for (int i = 0; i < args->n_flags; i++) {
        const struct flag *flag = &args->flags[i];
        size_t length = strlen(flag->name);
        if (text[1] == '-') {
            if (strncmp(text + 2, flag->name, length) != 0)
                continue;
            if (text[2 + length] == '=')
                *attached = text + 2 + length + 1;
            else if (text[2 + length] != '\0')
                continue;
            return i;
        }
        if (flag->letter != 0 && text[1] == flag->letter) {
            if (text[2] != '\0')
                *attached = text + 2;
            return i;
        }
    }
    return ARGS_ERROR;
}

int args_next(struct args *args, const char **value)
{
    *value = NULL;
    if (args->next >= args->argc)
        return ARGS_END;
    const char *text = args->argv[args->next++];
    if (text[0] != '-' || text[1] == '\0') {
        fail(0, "%s takes no plain argument, and \"%s\" is one; see covsamp %s --help",
             args->command, text, args->command);
        return ARGS_ERROR;
    }
    const char *attached;
    int found = find_flag(args, text, &attached);
    if (found < 0) {
        fail(0, "%s has no option \"%s\"; see covsamp %s --help", args->command, text,
             args->command);
        return ARGS_ERROR;
    }
    const struct flag *flag = &args->flags[found];
    if (flag->value == NULL) {
        if (attached != NULL) {
            fail(0, "--%s takes no value, and \"%s\" gives one", flag->name, text);
            return ARGS_ERROR;
        }
        return found;
    }
    if (attached == NULL && args->next >= args->argc) {
        fail(0, "--%s needs a value (%s)", flag->name, flag->value);
        return ARGS_ERROR;
    }
    *value = attached != NULL ? attached : args->argv[args->next++];
    return found;
}

void args_help(const struct flag *flags, int n_flags)
{
    for (int i = 0; i < n_flags; i++) {
        char left[64];
        int used = flags[i].letter != 0 ? snprintf(left, sizeof left, "-%c, ", flags[i].letter)
                                        : snprintf(left, sizeof left, "    ");
        snprintf(left + used, sizeof left - (size_t)used, "--%s%s%s", flags[i].name,
                 flags[i].value != NULL ? " " : "", flags[i].value != NULL ? flags[i].value : "");
        printf("  %-30s %s\n", left, flags[i].help);
    }
}

/* Reads a decimal number at text; returns its end, or NULL if there is none or it does not fit. */
static const char *read_int(const char *text, int64_t *out)
{
    char *end;
    if (!(text[0] >= '0' && text[0] <= '9') &&
        !(text[0] == '-' && text[1] >= '0' && text[1] <= '9'))
        return NULL;
    errno = 0;
    *out = strtoimax(text, &end, 10);
    return errno == 0 ? end : NULL;
}

int args_int(const char *flag, const char *text, int64_t low, int64_t high, int64_t *out)
{
    const char *end = read_int(text, out);
    if (end == NULL || *end != '\0' || *out < low || *out > high)
        return fail(EXIT_USAGE,
                    "%s takes a whole number in %" PRId64 " ... %" PRId64 ", not \"%s\"", flag, low,
                    high, text);
    return 0;
}

int args_seed(const char *flag, const char *text, uint64_t *out)
{
    char *end = NULL;
    errno = 0;
    if (text[0] >= '0' && text[0] <= '9')
        *out = strtoumax(text, &end, 10);
    if (end == NULL || *end != '\0' || errno != 0)
        return fail(EXIT_USAGE, "%s takes a whole number in 0 ... %" PRIu64 ", not \"%s\"", flag,
                    UINT64_MAX, text);
    return 0;
}

/* The program never calls setlocale(), so that strtod() always reads points. */
int args_real(const char *flag, const char *text, double low, double high, double *out)
{
    char *end;
    *out = strtod(text, &end);
    if (end == text || *end != '\0' || !(*out >= low && *out <= high))
        return fail(EXIT_USAGE, "%s takes a number in %g ... %g, not \"%s\"", flag, low, high,
                    text);
    return 0;
}

int args_int_list(const char *flag, const char *text, int64_t low, int64_t high, int64_t *out,
                  int capacity, int *count)
{
    const char *at = text;
    for (*count = 0; *count < capacity; at++) {
        at = read_int(at, &out[*count]);
        if (at == NULL || (*at != '\0' && *at != ',') || out[*count] < low || out[*count] > high)
            return fail(EXIT_USAGE,
                        "%s takes whole numbers in %" PRId64 " ... %" PRId64
                        " with commas between them, not \"%s\"",
                        flag, low, high, text);
        ++*count;
        if (*at == '\0')
            return 0;
    }
    return fail(EXIT_USAGE, "%s takes at most %d numbers, and \"%s\" has more", flag, capacity,
                text);
}

int args_dtype(const char *text, int32_t *dtype)
{
    if (strcmp(text, "f32") != 0 && strcmp(text, "f64") != 0)
        return fail(EXIT_USAGE, "--dtype takes f32 or f64, not \"%s\"", text);
    *dtype = text[1] == '3' ? COVSAMP_F32 : COVSAMP_F64;
    return 0;
}
