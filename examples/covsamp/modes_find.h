/* SPDX-License-Identifier: BSD-3-Clause */
/* `covsamp modes`: what is asked for, and batch after batch of images. */
#ifndef COVSAMP_MODES_FIND_H
#define COVSAMP_MODES_FIND_H

#include "measure.h"
#include "modes_report.h"
#include "progress.h"

struct modes_request {
    struct model_options model;
    const char *data, *labels, *output, *npy, *schedule, *prediction;
    const char **sets;
    int n_sets;
    int64_t level, count, images, first, batch, levels;
    uint64_t seed;
    bool json, quiet, help;
};

struct modes_work {
    struct measurement m;
    struct npy data, labels;
    struct samples shape;
    covsamp_config *config;
    covsamp_schedule *schedule;
    covsamp_posterior_modes *handle;
    covsamp_sampler *sampler; /* whose one step, to data, is the posterior mean */
    covsamp_model callbacks;
    void *batch; /* [batch][dim] x_t of the type in use */
    struct modes modes;
    struct progress progress;
};

/* Fills work->modes with images and what is found of them.  0, EXIT_RUN after a message, or 128 +
 * the signal that stopped it. */
int modes_find(struct modes_work *work, const struct modes_request *request);

#endif
