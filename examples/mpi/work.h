/* SPDX-License-Identifier: BSD-3-Clause */
/* One rank's sampler: the same on every rank, and the only part that draws. */
#ifndef MPI_SAMPLE_WORK_H
#define MPI_SAMPLE_WORK_H

#include "network.h"
#include "order.h"

struct work {
    covsamp_config *config;
    covsamp_sampler *sampler;
    struct network network;
    int64_t batch, dim, seed;
    int width; /* bytes of a value: 4 or 8 */
};

/* 0, or -1 and a sentence; to be closed in both cases. */
int work_open(struct work *work, const struct order *order, char *message);
void work_close(struct work *work);
/* Samples first ... first + count - 1 of the run, without gaps.  Every batch has the same size,
 * whoever draws it: of the last one the samples that nobody wants are thrown away.  0, or -1 and a
 * sentence. */
int work_draw(struct work *work, int64_t first, int64_t count, void *values, char *message);

#endif
