/* SPDX-License-Identifier: BSD-3-Clause */
#include "by_level.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_LINES   40
#define MOST_COLUMNS 20

int by_level_make(struct by_level *b, int64_t steps)
{
    b->steps = steps;
    b->histogram = false;
    b->row = calloc((size_t)steps, sizeof *b->row);
    return b->row != NULL ? 0 : fail(EXIT_RUN, "out of memory");
}

void by_level_free(struct by_level *b)
{
    free(b->row);
    b->row = NULL;
}

/* error_mean is one over samples that have an estimate, of which the library does not say how many
 * there are: here they weigh as all samples of their batch. */
static void add(struct level_sum *sum, const struct level_sum *one)
{
    covsamp_step_stats *s = &sum->stats;
    const covsamp_step_stats *o = &one->stats;
    const int64_t samples = s->samples + o->samples;
    if (o->samples == 0)
        return;
    s->error_mean =
        (s->error_mean * (double)s->samples + o->error_mean * (double)o->samples) / (double)samples;
    if (s->samples == 0) {
        s->step = o->step;
        s->level = o->level;
        s->products_least = o->products_least;
    }
    s->samples = samples;
    s->products_used += o->products_used;
    s->products_least =
        o->products_least < s->products_least ? o->products_least : s->products_least;
    s->products_most = o->products_most > s->products_most ? o->products_most : s->products_most;
    s->ritz_values += o->ritz_values;
    s->ritz_clamped += o->ritz_clamped;
    s->asymmetry = fmax(s->asymmetry, o->asymmetry);
    s->error_estimate = fmax(s->error_estimate, o->error_estimate);
    for (int k = 0; k < BY_LEVEL_BINS; k++)
        sum->counts[k] += one->counts[k];
}

void by_level_add(struct by_level *b, const covsamp_sampler *sampler)
{
    for (int64_t i = 0; i < b->steps; i++) {
        struct level_sum one = {.stats = {.size = sizeof one.stats}};
        if (covsamp_sampler_step_stats(sampler, i, &one.stats) != COVSAMP_OK)
            return;
        b->histogram =
            covsamp_sampler_products(sampler, i, one.counts, BY_LEVEL_BINS) == COVSAMP_OK;
        add(&b->row[i], &one);
    }
}

/* The i-th line of the text: so many levels together that MOST_LINES are enough.  Its samples are 0
 * behind the last one. */
static struct level_sum line_of(const struct by_level *b, int64_t i)
{
    struct level_sum line;
    const int64_t group = (b->steps + MOST_LINES - 1) / MOST_LINES;
    memset(&line, 0, sizeof line);
    for (int64_t k = i * group; k < (i + 1) * group && k < b->steps; k++)
        add(&line, &b->row[k]);
    return line;
}

static double share(int64_t part, int64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0;
}

void by_level_table(const struct by_level *b)
{
    fprintf(stderr, "  %6s %8s %6s %6s %10s %10s %10s %10s\n", "level", "products", "least", "most",
            "clamped %", "asymmetry", "error max", "mean");
    for (int64_t i = 0; i < MOST_LINES; i++) {
        const struct level_sum line = line_of(b, i);
        const covsamp_step_stats *s = &line.stats;
        if (s->samples == 0)
            continue;
        fprintf(stderr, "  %6" PRId64 " %8.2f %6" PRId64 " %6" PRId64, s->level,
                share(s->products_used, s->samples), s->products_least, s->products_most);
        if (s->ritz_values > 0)
            fprintf(stderr, " %10.3g %10.2g %10.2g %10.2g\n",
                    100 * share(s->ritz_clamped, s->ritz_values), s->asymmetry, s->error_estimate,
                    s->error_mean);
        else
            fprintf(stderr, " %10s %10s %10s %10s\n", "-", "-", "-", "-");
    }
}

void by_level_histogram(const struct by_level *b)
{
    int low = BY_LEVEL_BINS, high = 0;
    for (int64_t i = 0; i < b->steps; i++)
        for (int k = 1; k < BY_LEVEL_BINS; k++)
            if (b->row[i].counts[k] > 0) {
                low = k < low ? k : low;
                high = k > high ? k : high;
            }
    if (!b->histogram || high == 0)
        return;
    const bool cut = high - low >= MOST_COLUMNS || high == BY_LEVEL_BINS - 1;
    if (high - low >= MOST_COLUMNS)
        high = low + MOST_COLUMNS - 1;
    fprintf(stderr, "  products    samples by how many they used:\n  %6s %6s |", "level", "mean");
    for (int k = low; k <= high; k++)
        fprintf(stderr, " %4d%s", k, k == high && cut ? "+" : "");
    putc('\n', stderr);
    for (int64_t i = 0; i < MOST_LINES; i++) {
        const struct level_sum line = line_of(b, i);
        if (line.stats.products_used == 0)
            continue; /* outside the window, or a step without noise */
        fprintf(stderr, "  %6" PRId64 " %6.2f |", line.stats.level,
                share(line.stats.products_used, line.stats.samples));
        for (int k = low; k <= high; k++) {
            int64_t samples = line.counts[k];
            for (int more = k + 1; k == high && more < BY_LEVEL_BINS; more++)
                samples += line.counts[more];
            if (samples > 0)
                fprintf(stderr, " %4" PRId64, samples);
            else
                fputs("    .", stderr);
        }
        putc('\n', stderr);
    }
}

void by_level_json(const struct by_level *b)
{
    putchar('[');
    for (int64_t i = 0; i < b->steps; i++) {
        const struct level_sum *row = &b->row[i];
        const covsamp_step_stats *s = &row->stats;
        printf("%s\n  {\"level\": %" PRId64 ", \"samples\": %" PRId64 ", \"products\": %" PRId64
               ", \"products_least\": %" PRId64 ", \"products_most\": %" PRId64
               ", \"ritz_values\": %" PRId64 ", \"ritz_clamped\": %" PRId64 ", \"asymmetry\": ",
               i == 0 ? "" : ",", s->level, s->samples, s->products_used, s->products_least,
               s->products_most, s->ritz_values, s->ritz_clamped);
        json_real(s->asymmetry);
        fputs(", \"error_estimate\": ", stdout);
        json_real(s->error_estimate);
        fputs(", \"error_mean\": ", stdout);
        json_real(s->error_mean);
        fputs(", \"histogram\": ", stdout);
        for (int64_t k = 0; b->histogram && k <= s->products_most && k < BY_LEVEL_BINS; k++)
            printf("%s%" PRId64, k == 0 ? "[" : ", ", row->counts[k]);
        fputs(b->histogram ? "]}" : "null}", stdout);
    }
    fputs("\n]", stdout);
}
