/* SPDX-License-Identifier: BSD-3-Clause */
#include "evaluate_report.h"

#include "summary.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static const char *const names[] = {"frechet", "kernel", "precision", "recall", "accuracy"};
enum { N_ESTIMATES = sizeof names / sizeof names[0], ACCURACY = N_ESTIMATES - 1 };

static bool has(const struct evaluation *e, int which)
{
    return which == ACCURACY ? e->judged : e->compared;
}

static const struct estimate *get(const struct evaluation *e, int which)
{
    const struct estimate *const all[N_ESTIMATES] = {&e->frechet, &e->kernel, &e->precision,
                                                     &e->recall, &e->accuracy};
    return all[which];
}

void evaluate_table(const struct evaluate_report *r)
{
    printf("%" PRId64 " samples", r->samples->n);
    if (r->reference != NULL)
        printf(", %" PRId64 " of the reference", r->reference->n);
    printf(", %" PRId64 " features\n", r->samples->width);
    if (r->evaluation->compared || r->evaluation->judged)
        printf("%-10s %12s %10s %12s %12s\n", "", "value", "+-", "from", "to");
    for (int i = 0; i < N_ESTIMATES; i++) {
        const struct estimate *e = get(r->evaluation, i);
        if (!has(r->evaluation, i))
            continue;
        printf("%-10s %12.6g", names[i], e->value);
        if (isfinite(e->deviation))
            printf(" %10.3g %12.6g %12.6g", e->deviation, e->low, e->high);
        putchar('\n');
    }
    if (r->evaluation->compared)
        printf("precision and recall by %" PRId64 " neighbours", r->nearest);
    if (r->evaluation->compared && r->resampling->replicates > 0)
        fputs("; ", stdout);
    if (r->resampling->replicates > 0 && (r->evaluation->compared || r->evaluation->judged))
        printf("from ... to: %g %% of %" PRId64 " replicates%s", 100 * r->resampling->confidence,
               r->resampling->replicates,
               r->evaluation->strata > 1 ? " with as many of each label" : "");
    if (r->evaluation->compared || r->evaluation->judged)
        putchar('\n');
}

static void number(const char *key, double value)
{
    printf("\"%s\": ", key);
    if (isfinite(value))
        printf("%.17g", value);
    else
        fputs("null", stdout);
}

static void json_estimate(const struct estimate *e, const struct evaluate_report *r)
{
    putchar('{');
    number("value", e->value);
    fputs(", ", stdout);
    number("deviation", e->deviation);
    fputs(", ", stdout);
    number("low", e->low);
    fputs(", ", stdout);
    number("high", e->high);
    if (r->replicates && isfinite(e->deviation)) {
        fputs(", \"replicates\": [", stdout);
        for (int64_t b = 0; b < r->resampling->replicates; b++)
            printf("%s%.17g", b > 0 ? ", " : "", e->replicates[b]);
        putchar(']');
    }
    putchar('}');
}

void evaluate_json(const struct evaluate_report *r)
{
    printf("{\"samples\": %" PRId64 ", \"reference\": ", r->samples->n);
    if (r->reference != NULL)
        printf("%" PRId64, r->reference->n);
    else
        fputs("null", stdout);
    printf(", \"features\": %" PRId64 ", \"nearest\": %" PRId64 ", \"bootstrap\": %" PRId64
           ", \"bootstrap_seed\": %" PRIu64 ", \"strata\": %" PRId64 ", ",
           r->samples->width, r->nearest, r->resampling->replicates, r->resampling->seed,
           r->evaluation->strata);
    number("confidence", r->resampling->confidence);
    for (int i = 0; i < N_ESTIMATES; i++) {
        printf(", \"%s\": ", names[i]);
        if (has(r->evaluation, i))
            json_estimate(get(r->evaluation, i), r);
        else
            fputs("null", stdout);
    }
    if (r->drawn != NULL) {
        fputs(", \"drawn\": ", stdout);
        summary_json(&r->drawn->setup, &r->drawn->request, &r->drawn->cost, false);
    }
    puts("}");
}
