/* SPDX-License-Identifier: BSD-3-Clause */
#include "nelbo_report.h"

#include "samples.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

static const char *const names[] = {"", "prior", "step", "decoder"};

static covsamp_nelbo_total total_of(const covsamp_nelbo *nelbo)
{
    covsamp_nelbo_total total = {.size = sizeof total};
    if (covsamp_nelbo_sum(nelbo, &total) != COVSAMP_OK)
        total.samples = total.terms = 0;
    return total;
}

static covsamp_nelbo_term term_of(const covsamp_nelbo *nelbo, int64_t i)
{
    covsamp_nelbo_term term = {.size = sizeof term};
    covsamp_nelbo_row(nelbo, i, &term);
    return term;
}

static double share(const covsamp_nelbo_term *t)
{
    return t->ritz_values > 0 ? (double)t->ritz_clamped / (double)t->ritz_values : 0;
}

void nelbo_table(const covsamp_nelbo *nelbo)
{
    const covsamp_nelbo_total total = total_of(nelbo);
    printf("%-8s %6s %6s %12s %10s %10s %12s %12s %12s %9s %8s %10s\n", "term", "level", "to",
           "nats", "+-", "probes +-", "log det", "trace", "residual", "products", "clamped",
           "asymmetry");
    for (int64_t i = 0; i < total.terms; i++) {
        const covsamp_nelbo_term t = term_of(nelbo, i);
        printf("%-8s %6" PRId64 " %6" PRId64 " %12.4f %10.4f", names[t.term], t.level, t.to, t.nats,
               t.deviation);
        if (t.term == COVSAMP_TERM_STEP)
            printf(" %10.4f %12.4f %12.4f %12.4f %9.1f %7.2f%% %10.3g", t.probe_deviation,
                   t.log_det, t.trace, t.residual, (double)t.products / (double)t.samples,
                   100 * share(&t), t.asymmetry);
        putchar('\n');
    }
    if (total.samples == 1)
        printf("\n1 sample: %.4f bits per value (%.2f nats)\n", total.bits, total.nats);
    else
        printf("\n%" PRId64 " samples: %.4f +- %.4f bits per value (%.2f +- %.2f nats)\n",
               total.samples, total.bits, total.bits_deviation, total.nats, total.deviation);
}

static void number(FILE *stream, const char *name, double value)
{
    fprintf(stream, ", \"%s\": ", name);
    if (isfinite(value))
        fprintf(stream, "%.17g", value);
    else
        fputs("null", stream);
}

static void json_term(FILE *stream, const covsamp_nelbo_term *t)
{
    fprintf(stream, "{\"term\": \"%s\", \"level\": %" PRId64 ", \"to\": %" PRId64, names[t->term],
            t->level, t->to);
    number(stream, "nats", t->nats);
    number(stream, "deviation", t->deviation);
    if (t->term == COVSAMP_TERM_STEP) {
        number(stream, "log_det", t->log_det);
        number(stream, "trace", t->trace);
        number(stream, "residual", t->residual);
        number(stream, "probe_deviation", t->probe_deviation);
        fprintf(stream,
                ", \"products\": %" PRId64 ", \"ritz_values\": %" PRId64
                ", \"ritz_clamped\": %" PRId64,
                t->products, t->ritz_values, t->ritz_clamped);
        number(stream, "asymmetry", t->asymmetry);
    }
    putc('}', stream);
}

void nelbo_json(FILE *stream, const covsamp_nelbo *nelbo, const char *method, const char *model,
                const char *data)
{
    const covsamp_nelbo_total total = total_of(nelbo);
    fputs("{\"method\": ", stream);
    json_write(stream, method);
    fputs(", \"model\": ", stream);
    json_write(stream, model);
    fputs(", \"data\": ", stream);
    json_write(stream, data);
    fprintf(stream, ", \"samples\": %" PRId64, total.samples);
    number(stream, "nats", total.nats);
    number(stream, "deviation", total.deviation);
    number(stream, "bits", total.bits);
    number(stream, "bits_deviation", total.bits_deviation);
    fputs(",\n\"terms\": [", stream);
    for (int64_t i = 0; i < total.terms; i++) {
        const covsamp_nelbo_term t = term_of(nelbo, i);
        fputs(i == 0 ? "\n" : ",\n", stream);
        json_term(stream, &t);
    }
    fputs("]}\n", stream);
}

enum { COLUMNS = 9 };

int nelbo_npy(const char *path, const covsamp_nelbo *nelbo)
{
    const covsamp_nelbo_total total = total_of(nelbo);
    struct samples table = {
        .count = total.terms, .dim = COLUMNS, .dims = {COLUMNS}, .n_dims = 1, .dtype = COVSAMP_F64};
    double *values = malloc((size_t)(total.terms * COLUMNS) * sizeof *values);
    if (values == NULL)
        return fail(EXIT_RUN, "out of memory");
    for (int64_t i = 0; i < total.terms; i++) {
        const covsamp_nelbo_term t = term_of(nelbo, i);
        const double row[COLUMNS] = {t.term,  (double)t.level, (double)t.to,
                                     t.nats,  t.deviation,     t.log_det,
                                     t.trace, t.residual,      t.probe_deviation};
        for (int k = 0; k < COLUMNS; k++)
            values[i * COLUMNS + k] = row[k];
    }
    table.data = (unsigned char *)values;
    const int code = npy_write(path, &table);
    free(values);
    return code;
}
