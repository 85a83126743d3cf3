/* SPDX-License-Identifier: BSD-3-Clause */
/* Batch after batch until all samples are drawn. */
#ifndef COVSAMP_DRAW_H
#define COVSAMP_DRAW_H

#include "by_level.h"
#include "setup.h"

struct cost {
    covsamp_stats stats;  /* summed over batches; asymmetry and error: the largest */
    int64_t batches;      /* finished */
    int64_t vjps;         /* products transposed, per sample */
    int64_t gradients;    /* of a classifier, per sample */
    int64_t means;        /* network evaluations of a mean, per sample */
    double seconds;       /* of sampling */
    double seconds_model; /* of these, in the model */
    struct by_level by_level;
};

/* 0 when all are drawn, or interrupted (see interrupt.h); an exit code after a message otherwise.
 * Finished batches are in setup->samples either way, and by_level_free() of the cost is due. */
int draw(struct setup *setup, const struct sample_request *request, struct cost *cost);

#endif
