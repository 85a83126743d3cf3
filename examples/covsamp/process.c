/* SPDX-License-Identifier: BSD-3-Clause */
#include "process.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum kind { LINEAR, COSINE, KARRAS, FLOW };

static const struct {
    const char *name;
    enum kind kind;
    int n;            /* parameters */
    double preset[3]; /* as in the papers that covsamp.h names */
} kinds[] = {
    {"linear", LINEAR, 2, {1e-4, 0.02, 0}},
    {"cosine", COSINE, 1, {0.008, 0, 0}},
    {"karras", KARRAS, 3, {0.002, 80, 7}},
    {"flow", FLOW, 0, {0, 0, 0}},
};

/* ":a,b" into exactly n numbers; an empty text leaves them.  The program never calls setlocale(),
 * so that strtod() always reads points. */
static int read_parameters(const char *text, int n, double *p)
{
    if (*text == '\0')
        return 1;
    for (int i = 0; i < n; i++) {
        char *end;
        p[i] = strtod(++text, &end);
        if (end == text || !isfinite(p[i]) || *end != (i + 1 < n ? ',' : '\0'))
            return 0;
        text = end;
    }
    return n > 0;
}

int process_schedule(covsamp_schedule **out, const char *source, const char *text, int64_t levels)
{
    char message[COVSAMP_MESSAGE_BYTES] = "";
    size_t length = strcspn(text, ":"), which = 0, count = sizeof kinds / sizeof kinds[0];
    *out = NULL;
    while (which < count &&
           (strlen(kinds[which].name) != length || strncmp(kinds[which].name, text, length) != 0))
        which++;
    if (which == count)
        return fail(EXIT_USAGE, "%s knows linear, cosine, karras and flow, not \"%s\"", source,
                    text);
    double p[3];
    memcpy(p, kinds[which].preset, sizeof p);
    if (!read_parameters(text + length, kinds[which].n, p))
        return fail(EXIT_USAGE, "%s \"%s\": %s takes %d numbers after a colon, or none", source,
                    text, kinds[which].name, kinds[which].n);
    covsamp_status status = COVSAMP_E_RANGE;
    switch (kinds[which].kind) {
    case LINEAR:
        status = covsamp_schedule_new_linear(out, levels, p[0], p[1], NULL, message);
        break;
    case COSINE:
        status = covsamp_schedule_new_cosine(out, levels, p[0], NULL, message);
        break;
    case KARRAS:
        status = covsamp_schedule_new_karras(out, levels, p[0], p[1], p[2], NULL, message);
        break;
    case FLOW:
        status = covsamp_schedule_new_flow(out, levels, NULL, message);
        break;
    }
    return status == COVSAMP_OK ? 0 : fail(EXIT_USAGE, "%s \"%s\": %s", source, text, message);
}

#define OPTIMAL (-1) /* a spacing of this program's */

static int find_spacing(const char *name, const double *noise, int32_t *spacing)
{
    if (strcmp(name, "optimal") == 0 && noise == NULL)
        return fail(EXIT_USAGE,
                    "--spacing optimal needs --calibration FILE, which covsamp calibrate "
                    "writes");
    if (strcmp(name, "optimal") == 0)
        *spacing = OPTIMAL;
    else if (strcmp(name, "even") == 0)
        *spacing = COVSAMP_SPACING_EVEN;
    else if (strcmp(name, "quadratic") == 0)
        *spacing = COVSAMP_SPACING_QUADRATIC;
    else if (strcmp(name, "trailing") == 0)
        *spacing = COVSAMP_SPACING_TRAILING;
    else if (strcmp(name, "log-snr") == 0)
        *spacing = COVSAMP_SPACING_LOG_SNR;
    else
        return fail(EXIT_USAGE,
                    "--spacing takes even, quadratic, trailing, log-snr or optimal, not \"%s\"",
                    name);
    return 0;
}

/* The levels 1 ... from, for choosing some of them. */
static int cut(covsamp_schedule **out, const covsamp_schedule *schedule, int64_t from)
{
    char message[COVSAMP_MESSAGE_BYTES] = "";
    double *table = malloc((size_t)from * 3 * sizeof *table);
    if (table == NULL)
        return fail(EXIT_RUN, "out of memory");
    for (int64_t n = 0; n < from; n++)
        covsamp_schedule_at(schedule, (double)(n + 1), table + n, table + from + n,
                            table + 2 * from + n);
    const covsamp_status status =
        covsamp_schedule_new_table(out, from, table, table + from, table + 2 * from, NULL, message);
    free(table);
    return status == COVSAMP_OK ? 0 : fail(EXIT_RUN, "--from-level %" PRId64 ": %s", from, message);
}

static int choose(const covsamp_schedule *schedule, int64_t steps, int32_t kind,
                  const double *noise, int64_t *levels)
{
    char message[COVSAMP_MESSAGE_BYTES] = "";
    const covsamp_status status =
        kind == OPTIMAL ? covsamp_schedule_optimal(schedule, noise, steps, levels, message)
                        : covsamp_schedule_spaced(schedule, steps, kind, levels, message);
    return status == COVSAMP_OK ? 0 : fail(EXIT_USAGE, "--steps %" PRId64 ": %s", steps, message);
}

static int check_from(int64_t from, int64_t levels, int32_t kind, int64_t steps)
{
    if (from > levels)
        return fail(EXIT_USAGE,
                    "--from-level %" PRId64 " is outside the schedule, whose levels are 1 ... "
                    "%" PRId64,
                    from, levels);
    if (from > 0 && kind == COVSAMP_SPACING_QUADRATIC)
        return fail(EXIT_USAGE,
                    "--from-level %" PRId64 " is where the run begins, and with "
                    "--spacing quadratic it does not",
                    from);
    if (from > 0 && steps > from)
        return fail(EXIT_USAGE,
                    "--steps %" PRId64 " is more than the levels from --from-level %" PRId64
                    " down",
                    steps, from);
    if (steps > levels)
        return fail(EXIT_USAGE,
                    "--steps %" PRId64 " is more than the schedule's %" PRId64 " levels", steps,
                    levels);
    return 0;
}

int process_visit(covsamp_config *config, const covsamp_schedule *schedule, int64_t from,
                  int64_t steps, const char *spacing, const double *noise, int64_t **visited)
{
    int32_t kind = 0;
    covsamp_schedule *part = NULL;
    int code = find_spacing(spacing, noise, &kind);
    if (code == 0)
        code = check_from(from, covsamp_schedule_levels(schedule), kind, steps);
    if (code == 0 && from > 0)
        code = cut(&part, schedule, from);
    if (code != 0)
        return code;
    int64_t *levels = malloc((size_t)steps * sizeof *levels);
    code = levels != NULL ? choose(part != NULL ? part : schedule, steps, kind, noise, levels)
                          : fail(EXIT_RUN, "out of memory");
    if (code == 0 && covsamp_config_set_schedule(config, schedule, levels, steps) != COVSAMP_OK)
        code = fail(EXIT_RUN, "%s", covsamp_config_message(config));
    covsamp_schedule_free(part);
    *visited = levels;
    return code;
}
