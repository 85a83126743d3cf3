/* SPDX-License-Identifier: BSD-3-Clause */
/* What the command line asks for. */
#ifndef MPI_SAMPLE_ORDER_H
#define MPI_SAMPLE_ORDER_H

#include <stdint.h>

#define PATH_BYTES 4096

struct order {
    const char *folder;
    const char *network; /* a TorchScript file; NULL: the library's mixture */
    int64_t samples;
    int64_t range; /* samples of one shard; 0: four batches */
    int64_t steps;
    char **options; /* NAME=VALUE, the library's */
    int n_options;
    int help;
};

/* 0, or -1 and a sentence. */
int order_read(struct order *order, int argc, char **argv, char *message);
extern const char order_usage[];

#endif
