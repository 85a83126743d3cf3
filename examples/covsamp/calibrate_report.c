/* SPDX-License-Identifier: BSD-3-Clause */
#include "calibrate_report.h"

#include "calibration.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static covsamp_calibration_level row_of(const covsamp_calibration *calibration, int i)
{
    covsamp_calibration_level row = {.size = sizeof row};
    if (covsamp_calibration_row(calibration, i, &row) != COVSAMP_OK)
        row.samples = 0;
    return row;
}

/* ---- numbers ---- */

static void print_number(double value)
{
    if (isfinite(value))
        printf(" %10.4g", value);
    else
        printf(" %10s", "-");
}

void report_table(const covsamp_calibration *calibration, int count)
{
    printf("%6s %10s %10s %10s %10s %10s %10s %10s %10s %10s\n", "level", "sigma", "error", "+-",
           "trace", "+-", "analytic", "+-", "noise", "asymmetry");
    for (int i = 0; i < count; i++) {
        const covsamp_calibration_level row = row_of(calibration, i);
        printf("%6" PRId64, row.level);
        const double values[] = {row.sigma,
                                 row.error,
                                 row.error_deviation,
                                 row.trace,
                                 row.trace_deviation,
                                 row.analytic,
                                 calibration_analytic_deviation(&row),
                                 row.noise,
                                 row.asymmetry};
        for (size_t k = 0; k < sizeof values / sizeof values[0]; k++)
            print_number(values[k]);
        putchar('\n');
    }
}

static void json_row(const covsamp_calibration_level *row)
{
    const struct {
        const char *name;
        double value;
    } values[] = {{"alpha", row->alpha},
                  {"sigma", row->sigma},
                  {"error", row->error},
                  {"error_deviation", row->error_deviation},
                  {"noise", row->noise},
                  {"noise_deviation", row->noise_deviation},
                  {"trace", row->trace},
                  {"trace_deviation", row->trace_deviation},
                  {"asymmetry", row->asymmetry},
                  {"analytic", row->analytic},
                  {"analytic_deviation", calibration_analytic_deviation(row)}};
    printf("{\"level\": %" PRId64, row->level);
    for (size_t k = 0; k < sizeof values / sizeof values[0]; k++) {
        printf(", \"%s\": ", values[k].name);
        json_real(values[k].value);
    }
    putchar('}');
}

void report_json(const covsamp_calibration *calibration, int count)
{
    printf("{\"samples\": %" PRId64 ", \"rows\": [", report_samples(calibration, count));
    for (int i = 0; i < count; i++) {
        const covsamp_calibration_level row = row_of(calibration, i);
        fputs(i == 0 ? "\n  " : ",\n  ", stdout);
        json_row(&row);
    }
    puts("\n]}");
}

int64_t report_samples(const covsamp_calibration *calibration, int count)
{
    return row_of(calibration, count - 1).samples; /* the last level is passed last */
}

/* ---- doubts ---- */

#define MOST_NAMED 8

/* "1000, 958, ..." in text[128]: levels whose analytic variance is a number without meaning. */
static int uncertain_levels(const covsamp_calibration *calibration, int count, char text[128])
{
    int found = 0;
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < count; i++) {
        const covsamp_calibration_level row = row_of(calibration, i);
        if (!(row.alpha > 0) || calibration_analytic_deviation(&row) <= 0.5 * row.error)
            continue; /* alpha = 0: nobody reads it */
        if (found++ < MOST_NAMED)
            used += (size_t)snprintf(text + used, 128 - used, "%s%" PRId64, found == 1 ? "" : ", ",
                                     row.level);
    }
    if (found > MOST_NAMED)
        snprintf(text + used, 128 - used, ", ...");
    return found;
}

static void doubt_analytic(const covsamp_calibration *calibration, int count)
{
    char levels[128];
    const int found = uncertain_levels(calibration, count, levels);
    if (found > 0)
        note("the analytic variance is uncertain by more than half the error at level%s %s; more "
             "images make it certain, and --method analytic-... and trace_guard use it as it is",
             found == 1 ? "" : "s", levels);
}

/* A model that knows the data errs by less than its variance: that is what a constant would do. */
static void doubt_data(const covsamp_calibration *calibration, int count,
                       const struct measurement *m)
{
    const struct spread s = measure_spread(m);
    if (s.low < -1.05 || s.high > 1.05)
        note("the data lies in %.4g ... %.4g; models of images take -1 ... 1, and u1 becomes that "
             "by itself",
             s.low, s.high);
    for (int i = 0; i < count; i++) {
        const covsamp_calibration_level row = row_of(calibration, i);
        if (row.error > 1.05 * s.variance) {
            note("at level %" PRId64 " the error, %.4g, exceeds the variance of the data, %.4g: a "
                 "constant would predict it better, so the data may not be what the model knows",
                 row.level, row.error, s.variance);
            return;
        }
    }
}

void report_doubts(const covsamp_calibration *calibration, int count, const struct measurement *m,
                   bool labelled)
{
    int64_t classes = 0;
    doubt_analytic(calibration, count);
    doubt_data(calibration, count, m);
    if (!labelled && model_metadata_int(m->model, "classes", 1, INT64_MAX, 0, &classes) == 0 &&
        classes > 0)
        note("the model has %" PRId64 " classes and --labels is not given: this measures it "
             "without a class, while covsamp sample draws all classes unless --label says none",
             classes);
}
