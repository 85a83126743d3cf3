/* SPDX-License-Identifier: BSD-3-Clause */
#include "calibration.h"

#include "outfile.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_BYTES (INT64_C(1) << 30)

/* ---- writing ---- */

#define COLUMNS 13

static const char *const columns[COLUMNS] = {"level",
                                             "samples",
                                             "alpha",
                                             "sigma",
                                             "error",
                                             "error_deviation",
                                             "noise",
                                             "noise_deviation",
                                             "trace",
                                             "trace_deviation",
                                             "asymmetry",
                                             "analytic",
                                             "analytic_deviation"};

double calibration_analytic_deviation(const covsamp_calibration_level *row)
{
    const double r = row->sigma / row->alpha;
    return row->alpha > 0 ? r * r * row->noise_deviation : INFINITY;
}

static double column_of(const covsamp_calibration_level *row, int column)
{
    const double values[COLUMNS] = {(double)row->level,
                                    (double)row->samples,
                                    row->alpha,
                                    row->sigma,
                                    row->error,
                                    row->error_deviation,
                                    row->noise,
                                    row->noise_deviation,
                                    row->trace,
                                    row->trace_deviation,
                                    row->asymmetry,
                                    row->analytic,
                                    calibration_analytic_deviation(row)};
    return values[column];
}

static void put_number(FILE *stream, int64_t i, double value)
{
    fputs(i == 0 ? "" : i % 8 == 0 ? ",\n    " : ", ", stream);
    if (isfinite(value))
        fprintf(stream, "%.17g", value);
    else
        fputs("null", stream);
}

static void write_columns(FILE *stream, const covsamp_calibration *measured, int64_t count)
{
    for (int column = 0; column < COLUMNS; column++) {
        fprintf(stream, ",\n  \"%s\": [", columns[column]);
        for (int64_t i = 0; i < count; i++) {
            covsamp_calibration_level row = {.size = sizeof row};
            covsamp_calibration_row(measured, i, &row);
            put_number(stream, i, column_of(&row, column));
        }
        putc(']', stream);
    }
}

static int write_table(FILE *stream, covsamp_calibration *measured, int32_t table, const char *name,
                       int64_t levels)
{
    double *values = malloc((size_t)levels * sizeof *values);
    int code = 0;
    if (values == NULL)
        return fail(EXIT_RUN, "out of memory");
    if (covsamp_calibration_table(measured, table, values, levels) != COVSAMP_OK)
        code = fail(EXIT_RUN, "%s", covsamp_calibration_message(measured));
    fprintf(stream, ",\n  \"%s\": [", name);
    for (int64_t n = 0; n < levels && code == 0; n++)
        put_number(stream, n, values[n]);
    putc(']', stream);
    free(values);
    return code;
}

int calibration_write(const char *path, covsamp_calibration *measured, int64_t count,
                      int64_t levels, const struct calibration_origin *origin)
{
    struct outfile file;
    int code = outfile_open(&file, path);
    if (code != 0)
        return code;
    fputs("{\n  \"format\": \"covsamp calibration 1\",\n  \"model\": ", file.stream);
    json_write(file.stream, origin->model);
    fputs(",\n  \"data\": ", file.stream);
    json_write(file.stream, origin->data);
    fputs(",\n  \"labels\": ", file.stream);
    json_write(file.stream, origin->labels);
    fputs(",\n  \"schedule\": ", file.stream);
    json_write(file.stream, origin->schedule);
    fputs(",\n  \"prediction\": ", file.stream);
    json_write(file.stream, origin->prediction);
    fprintf(file.stream, ",\n  \"seed\": %" PRIu64 ",\n  \"levels\": %" PRId64, origin->seed,
            levels);
    write_columns(file.stream, measured, count);
    code = write_table(file.stream, measured, COVSAMP_TABLE_NOISE, "table_noise", levels);
    if (code == 0)
        code = write_table(file.stream, measured, COVSAMP_TABLE_X0_ERROR, "table_x0_error", levels);
    fputs("\n}\n", file.stream);
    if (code == 0)
        return outfile_commit(&file);
    outfile_abandon(&file);
    return code;
}

/* ---- reading ---- */

#define BLANKS " \t\r\n"

/* The value of a key: the format has one object, and quotes within strings are escaped. */
static const char *find(const char *text, const char *key)
{
    char quoted[40];
    snprintf(quoted, sizeof quoted, "\"%s\"", key);
    for (const char *at = strstr(text, quoted); at != NULL; at = strstr(at, quoted)) {
        at += strlen(quoted);
        at += strspn(at, BLANKS);
        if (*at == ':')
            return at + 1 + strspn(at + 1, BLANKS);
    }
    return NULL;
}

/* As it stands between the quotes, cut to its room; "" if there is none. */
static void read_string(const char *text, const char *key, char *out, size_t bytes)
{
    const char *at = find(text, key);
    size_t used = 0;
    if (at != NULL && *at == '"')
        for (at++; *at != '"' && *at != '\0' && used + 1 < bytes; at++)
            out[used++] = *at;
    out[used] = '\0';
}

/* A number or null (NaN); NULL if there is neither. */
static const char *read_number(const char *at, double *value)
{
    char *end;
    *value = NAN;
    if (strncmp(at, "null", 4) == 0)
        return at + 4;
    *value = strtod(at, &end);
    return end != at && isfinite(*value) ? end : NULL;
}

/* Numbers and nulls in brackets, to be freed; NULL if there is anything else, or not `count` of
 * them
 * (-1: any number, which *count receives). */
static double *read_array(const char *text, const char *key, int64_t *count)
{
    const char *at = find(text, key);
    int64_t room = 0, used = 0;
    double *values = NULL;
    int ok = at != NULL && *at == '[';
    while (ok && *at != ']') {
        if (used == room) {
            room = 2 * room + 64;
            double *more = realloc(values, (size_t)room * sizeof *values);
            if (more == NULL)
                break;
            values = more;
        }
        at = read_number(at + 1 + strspn(at + 1, BLANKS), &values[used++]);
        at = at == NULL ? "" : at + strspn(at, BLANKS);
        ok = *at == ',' || *at == ']';
    }
    if (!ok || *at != ']' || (*count >= 0 && used != *count)) {
        free(values);
        return NULL;
    }
    *count = used;
    return values;
}

static char *read_text(const char *path)
{
    FILE *stream = fopen(path, "rb");
    char *text = NULL;
    if (stream == NULL) {
        fail(EXIT_RUN, "%s cannot be read: %s", path, strerror(errno));
        return NULL;
    }
    fseek(stream, 0, SEEK_END);
    const long bytes = ftell(stream);
    rewind(stream);
    if (bytes > 0 && bytes < MOST_BYTES)
        text = calloc((size_t)bytes + 1, 1);
    if (text != NULL && fread(text, 1, (size_t)bytes, stream) != (size_t)bytes) {
        free(text);
        text = NULL;
    }
    if (text == NULL)
        fail(EXIT_RUN, "%s cannot be read", path);
    fclose(stream);
    return text;
}

int calibration_read(struct calibration *c, const char *path)
{
    memset(c, 0, sizeof *c);
    char *text = read_text(path);
    if (text == NULL)
        return EXIT_RUN;
    const char *format = find(text, "format");
    if (format == NULL || strncmp(format, "\"covsamp calibration 1\"", 23) != 0) {
        free(text);
        return fail(EXIT_RUN, "%s is not a calibration; covsamp calibrate writes one", path);
    }
    c->count = c->levels = -1;
    c->level = read_array(text, "level", &c->count);
    c->alpha = read_array(text, "alpha", &c->count);
    c->sigma = read_array(text, "sigma", &c->count);
    c->error = read_array(text, "error", &c->count);
    c->trace = read_array(text, "trace", &c->count);
    c->noise = read_array(text, "table_noise", &c->levels);
    c->x0_error = read_array(text, "table_x0_error", &c->levels);
    read_string(text, "model", c->model, sizeof c->model);
    read_string(text, "prediction", c->prediction, sizeof c->prediction);
    free(text);
    if (c->level == NULL || c->alpha == NULL || c->sigma == NULL || c->error == NULL ||
        c->trace == NULL || c->noise == NULL || c->x0_error == NULL)
        return fail(EXIT_RUN, "%s is damaged: its columns are not all there, or not equally long",
                    path);
    for (int64_t i = 0; i < c->count; i++)
        if (!(c->level[i] >= 1 && c->level[i] <= (double)c->levels))
            return fail(EXIT_RUN, "%s is damaged: it measures level %g of %" PRId64, path,
                        c->level[i], c->levels);
    return 0;
}

void calibration_free(struct calibration *c)
{
    double *all[] = {c->level, c->alpha, c->sigma, c->error, c->trace, c->noise, c->x0_error};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
    memset(c, 0, sizeof *c);
}

/* ---- use ---- */

int calibration_apply(const struct calibration *c, const char *path, covsamp_config *config,
                      const covsamp_schedule *schedule)
{
    const int64_t levels = covsamp_schedule_levels(schedule);
    if (c->levels != levels)
        return fail(EXIT_USAGE,
                    "--calibration %s is for a schedule of %" PRId64 " levels, not %" PRId64, path,
                    c->levels, levels);
    for (int64_t i = 0; i < c->count; i++) {
        double alpha = 0, sigma = 0;
        covsamp_schedule_at(schedule, c->level[i], &alpha, &sigma, NULL);
        if (!(fabs(alpha - c->alpha[i]) <= 1e-9 && fabs(sigma - c->sigma[i]) <= 1e-9 * sigma))
            return fail(EXIT_USAGE,
                        "--calibration %s is for another schedule: sigma at level %g is %g, not %g",
                        path, c->level[i], c->sigma[i], sigma);
    }
    if (covsamp_config_set_table(config, COVSAMP_TABLE_NOISE, c->noise, levels) < 0 ||
        covsamp_config_set_table(config, COVSAMP_TABLE_X0_ERROR, c->x0_error, levels) < 0)
        return fail(EXIT_RUN, "--calibration %s: %s", path, covsamp_config_message(config));
    return 0;
}

bool calibration_has_traces(const struct calibration *c)
{
    for (int64_t i = 0; i < c->count; i++)
        if (!isnan(c->trace[i]))
            return true;
    return false;
}

static int trusted(const struct calibration *c, int64_t i, double factor)
{
    return c->trace[i] <= factor * c->error[i] && c->error[i] <= factor * c->trace[i];
}

int calibration_window(const struct calibration *c, double factor, int64_t *low, int64_t *high)
{
    int64_t best = 0, from = 0;
    for (int64_t i = 0, run = 0; i < c->count; i++) {
        run = trusted(c, i, factor) ? run + 1 : 0;
        if (run > best) {
            best = run;
            from = i - run + 1;
        }
    }
    *low = c->levels + 1; /* no level */
    *high = 0;
    if (best == 0)
        return 0;
    /* Jacobians fail at high noise: what was not measured there is not trusted.  Towards the data
     * there is nothing to say against it. */
    *low = from + best == c->count ? 0 : (int64_t)c->level[from + best - 1];
    *high = (int64_t)c->level[from];
    if (*high == c->levels)
        *high = 0;
    return 1;
}
