/* SPDX-License-Identifier: BSD-3-Clause */
#include "path_kl_report.h"
#include "outfile.h"
#include "plot.h"

#include <covsamp/covsamp.h>

#include <inttypes.h>
#include <math.h>

int path_kl_blocks(const struct path_kl_request *r)
{
    return r->n_strengths > 0 ? r->n_strengths : 1;
}

/* From one T to the next. */
static double slope(const struct path_kl_request *r, const struct path_kl_row *row, int k)
{
    return log(row->kl[k] / row->kl[k - 1]) / log((double)r->steps[k] / (double)r->steps[k - 1]);
}

/* Least squares over the last numbers of steps, at most four. */
static double fit(const struct path_kl_request *r, const struct path_kl_row *row)
{
    double n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0;
    for (int k = r->n_steps > 4 ? r->n_steps - 4 : 0; k < r->n_steps; k++) {
        const double x = log((double)r->steps[k]), y = log(row->kl[k]);
        n++;
        sx += x;
        sy += y;
        sxx += x * x;
        sxy += x * y;
    }
    return (n * sxy - sx * sy) / (n * sxx - sx * sx);
}

/* ---- the table ---- */

static bool sampled(const struct path_kl_request *r)
{
    return r->estimator == COVSAMP_PATH_KL_MONTE_CARLO;
}

static void print_block(const struct path_kl_request *r, const struct path_kl_block *block)
{
    const int last = r->n_steps - 1;
    for (int i = 0; i < r->n_methods; i++) {
        const struct path_kl_row *row = &block->rows[i];
        printf("%-18s", r->methods[i]);
        for (int k = 0; k <= last; k++) {
            printf("  %9.3e", row->kl[k]);
            if (sampled(r))
                printf("(%.0e)", row->deviation[k]);
        }
        if (last > 0)
            printf("%9.2f%9.2f", slope(r, row, last), fit(r, row));
        putchar('\n');
    }
    printf("\nKL(q(x_T) || start) at T = %" PRId64 ": %.3e", r->steps[last], block->prior[last]);
    if (sampled(r))
        printf("(%.0e)", block->prior_deviation[last]);
    putchar('\n');
}

static void print_table(const struct path_kl_request *r, const struct path_kl_result *out)
{
    printf("path KL in nats: %s, %s, eta %g, %s", r->mixture, r->schedule, r->eta,
           sampled(r) ? "Monte Carlo" : "quadrature");
    if (sampled(r))
        printf(" with %" PRId64 " samples a step, seed %" PRIu64, r->size, r->seed);
    printf("\n\n%-18s", "T");
    for (int k = 0; k < r->n_steps; k++)
        printf("%*" PRId64, sampled(r) ? 19 : 11, r->steps[k]);
    printf("%9s%9s\n", "slope", "fit");
    for (int b = 0; b < path_kl_blocks(r); b++) {
        if (r->n_strengths > 0)
            printf("%sguided, strength %g\n", b == 0 ? "" : "\n", r->strengths[b]);
        print_block(r, &out->blocks[b]);
    }
    puts("slope: between the last two T; fit: least squares over the last four.");
}

/* ---- JSON ---- */

static void print_numbers(const char *name, const double *values, int count)
{
    printf("\"%s\": [", name);
    for (int k = 0; k < count; k++) {
        fputs(k == 0 ? "" : ", ", stdout);
        json_real(values[k]);
    }
    putchar(']');
}

/* "prior", "prior_deviation", "methods" */
static void print_json_block(const struct path_kl_request *r, const struct path_kl_block *block)
{
    print_numbers("prior", block->prior, r->n_steps);
    fputs(", ", stdout);
    print_numbers("prior_deviation", block->prior_deviation, r->n_steps);
    fputs(", \"methods\": [", stdout);
    for (int i = 0; i < r->n_methods; i++) {
        const struct path_kl_row *row = &block->rows[i];
        double slopes[PATH_KL_MOST_STEPS];
        for (int k = 1; k < r->n_steps; k++)
            slopes[k - 1] = slope(r, row, k);
        fputs(i == 0 ? "\n  {\"name\": " : ",\n  {\"name\": ", stdout);
        json_string(r->methods[i]);
        fputs(", ", stdout);
        print_numbers("kl", row->kl, r->n_steps);
        fputs(", ", stdout);
        print_numbers("deviation", row->deviation, r->n_steps);
        fputs(", ", stdout);
        print_numbers("slopes", slopes, r->n_steps - 1);
        fputs(", \"fit\": ", stdout);
        json_real(r->n_steps > 1 ? fit(r, row) : NAN);
        putchar('}');
    }
    fputs("\n]", stdout);
}

static void print_json(const struct path_kl_request *r, const struct path_kl_result *out)
{
    fputs("{\"mixture\": ", stdout);
    json_string(r->mixture);
    fputs(", \"schedule\": ", stdout);
    json_string(r->schedule);
    printf(", \"eta\": %.9g, \"estimator\": \"%s\", \"size\": %" PRId64 ", \"steps\": [", r->eta,
           sampled(r) ? "monte-carlo" : "quadrature", r->size);
    for (int k = 0; k < r->n_steps; k++)
        printf("%s%" PRId64, k == 0 ? "" : ", ", r->steps[k]);
    fputs("], ", stdout);
    if (r->n_strengths == 0)
        print_json_block(r, &out->blocks[0]);
    for (int b = 0; b < r->n_strengths; b++) {
        fputs(b == 0 ? "\"guided\": [" : ",\n", stdout);
        printf("{\"strength\": %.9g, ", r->strengths[b]);
        print_json_block(r, &out->blocks[b]);
        fputs(b + 1 == r->n_strengths ? "}]" : "}", stdout);
    }
    puts("}");
}

void path_kl_print(const struct path_kl_request *r, const struct path_kl_result *out)
{
    if (r->json)
        print_json(r, out);
    else
        print_table(r, out);
}

/* ---- the figure ---- */

/* One colour a method and one dash a strength; without guidance as many as the colours are. */
static struct plot_curve curve_of(const struct path_kl_request *r, const struct path_kl_result *out,
                                  int b, int i, const double *x, char name[64])
{
    const struct path_kl_row *row = &out->blocks[b].rows[i];
    const int round = i / PLOT_COLOURS;
    const struct plot_curve curve = {.name = name,
                                     .x = x,
                                     .y = row->kl,
                                     .deviation = row->deviation,
                                     .count = r->n_steps,
                                     .colour = i % PLOT_COLOURS,
                                     .dash = r->n_strengths > 0 ? b : round};
    if (r->n_strengths > 0)
        snprintf(name, 64, "%.40s, %g", r->methods[i], r->strengths[b]);
    else
        snprintf(name, 64, "%.60s", r->methods[i]);
    return curve;
}

int path_kl_figure(const struct path_kl_request *r, const struct path_kl_result *out)
{
    double x[PATH_KL_MOST_STEPS];
    struct plot_curve curves[PATH_KL_MOST_CURVES];
    char title[160], names[PATH_KL_MOST_CURVES][64];
    struct outfile file;
    int count = 0;
    snprintf(title, sizeof title, "Path KL%s, mixture %.40s, schedule %.40s",
             r->n_strengths > 0 ? ", guided" : "", r->mixture, r->schedule);
    for (int k = 0; k < r->n_steps; k++)
        x[k] = (double)r->steps[k];
    for (int b = 0; b < path_kl_blocks(r); b++)
        for (int i = 0; i < r->n_methods && count < PATH_KL_MOST_CURVES; i++, count++)
            curves[count] = curve_of(r, out, b, i, x, names[count]);
    const struct plot plot = {title, "T, levels of the path", "path KL in nats", curves, count};
    const int code = outfile_open(&file, r->out);
    if (code != 0)
        return code;
    plot_write(&plot, file.stream);
    return outfile_commit(&file);
}
