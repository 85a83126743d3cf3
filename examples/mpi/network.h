/* SPDX-License-Identifier: BSD-3-Clause */
/* Who answers the sampler: a mixture of Gaussians, or a TorchScript file. */
#ifndef MPI_SAMPLE_NETWORK_H
#define MPI_SAMPLE_NETWORK_H

#include <covsamp/covsamp.h>

#define MAX_DIMS 8

struct network {
    covsamp_model model;
    char name[128]; /* for the manifest: another network must have another name */
    int64_t dims[MAX_DIMS];
    int n_dims;
    void *handle;
    const char *(*say)(const void *handle); /* what failed last; NULL: nothing to say */
    void (*close)(void *handle);
};

/* A network without a network, of the configuration's dim and prediction.  0, or -1 and a sentence,
 * as in the next. */
int network_mixture(struct network *network, const covsamp_config *config, char *message);
/* Sets the configuration's dim and prediction. */
int network_file(struct network *network, const char *path, covsamp_config *config, char *message);
/* Also of one that is all zeros. */
void network_close(struct network *network);

#endif
