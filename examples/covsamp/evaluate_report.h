/* SPDX-License-Identifier: BSD-3-Clause */
/* What `covsamp evaluate` prints. */
#ifndef COVSAMP_EVALUATE_REPORT_H
#define COVSAMP_EVALUATE_REPORT_H

#include "evaluate_draw.h"
#include "evaluation.h"

struct evaluate_report {
    const struct evaluation *evaluation;
    const struct features *samples, *reference; /* reference NULL: none */
    const struct resampling *resampling;
    const struct drawn *drawn; /* NULL: the samples were given */
    int64_t nearest;
    bool replicates; /* in JSON: all of them */
};

void evaluate_table(const struct evaluate_report *report);
/* One object on standard output; "drawn" in it is that of covsamp sample --json. */
void evaluate_json(const struct evaluate_report *report);

#endif
