/* SPDX-License-Identifier: BSD-3-Clause */
/* A progress bar on standard error, where that is a terminal. */
#ifndef COVSAMP_PROGRESS_H
#define COVSAMP_PROGRESS_H

#include "app.h"

#include <covsamp/covsamp.h>

struct progress {
    double start, shown; /* times */
    int64_t total;       /* samples to draw */
    int64_t finished;    /* samples in batches that are done */
    bool visible;
    bool drawn;
};

void progress_start(struct progress *progress, int64_t total, bool quiet);
/* A covsamp_answer_fn for covsamp_model.progress; user is the struct. */
int32_t progress_step(void *user, const covsamp_request *request);
/* Takes the bar off the screen. */
void progress_clear(struct progress *progress);

#endif
