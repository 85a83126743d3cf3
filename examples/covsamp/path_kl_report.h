/* SPDX-License-Identifier: BSD-3-Clause */
/* What path-kl was asked for and found, and how it shows it. */
#ifndef COVSAMP_PATH_KL_REPORT_H
#define COVSAMP_PATH_KL_REPORT_H

#include "app.h"

#define PATH_KL_MOST_STEPS     16
#define PATH_KL_MOST_METHODS   16
#define PATH_KL_MOST_STRENGTHS 4
#define PATH_KL_MOST_CURVES    20 /* that a figure has room for */

struct path_kl_request {
    const char *mixture, *schedule, *out;
    int64_t steps[PATH_KL_MOST_STEPS];
    int n_steps, n_methods, n_strengths;
    char names[512]; /* of the methods, cut up */
    const char *methods[PATH_KL_MOST_METHODS];
    double strengths[PATH_KL_MOST_STRENGTHS]; /* of guidance; none: without */
    int32_t estimator;                        /* 0: by the mixture */
    int64_t size;                             /* -1: the default */
    double eta;
    uint64_t seed;
    bool json, help;
};

struct path_kl_row {
    double kl[PATH_KL_MOST_STEPS], deviation[PATH_KL_MOST_STEPS];
};

/* One for each strength, or for the whole without guidance. */
struct path_kl_block {
    double prior[PATH_KL_MOST_STEPS], prior_deviation[PATH_KL_MOST_STEPS];
    struct path_kl_row rows[PATH_KL_MOST_METHODS];
};

struct path_kl_result {
    int dim;
    struct path_kl_block blocks[PATH_KL_MOST_STRENGTHS];
};

int path_kl_blocks(const struct path_kl_request *r);
void path_kl_print(const struct path_kl_request *r, const struct path_kl_result *out);
/* Writes r->out.  0 or EXIT_RUN. */
int path_kl_figure(const struct path_kl_request *r, const struct path_kl_result *out);

#endif
