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

#define OPTIMAL -1 /* a spacing of this program's */

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
    else
        return fail(EXIT_USAGE, "--spacing takes even, quadratic, trailing or optimal, not \"%s\"",
                    name);
    return 0;
}

int process_visit(covsamp_config *config, const covsamp_schedule *schedule, int64_t steps,
                  const char *spacing, const double *noise, int64_t **visited)
{
    char message[COVSAMP_MESSAGE_BYTES] = "";
    int32_t kind = 0;
    int64_t most = covsamp_schedule_levels(schedule);
    int code = find_spacing(spacing, noise, &kind);
    if (code != 0)
        return code;
    if (steps > most)
        return fail(EXIT_USAGE,
                    "--steps %" PRId64 " is more than the schedule's %" PRId64 " levels", steps,
                    most);
    int64_t *levels = malloc((size_t)steps * sizeof *levels);
    if (levels == NULL)
        return fail(EXIT_RUN, "out of memory");
    covsamp_status status = kind == OPTIMAL
                                ? covsamp_schedule_optimal(schedule, noise, steps, levels, message)
                                : covsamp_schedule_spaced(schedule, steps, kind, levels, message);
    if (status != COVSAMP_OK)
        code = fail(EXIT_USAGE, "--steps %" PRId64 ": %s", steps, message);
    else if (covsamp_config_set_schedule(config, schedule, levels, steps) != COVSAMP_OK)
        code = fail(EXIT_RUN, "%s", covsamp_config_message(config));
    *visited = levels;
    return code;
}
