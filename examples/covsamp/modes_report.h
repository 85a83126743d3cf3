/* SPDX-License-Identifier: BSD-3-Clause */
/* Posterior modes of images, for people, programs and the eye. */
#ifndef COVSAMP_MODES_REPORT_H
#define COVSAMP_MODES_REPORT_H

#include "samples.h"

#include <covsamp/covsamp.h>

/* What is known of one image. */
struct uncertain {
    int64_t number;         /* in the data */
    int64_t products, held; /* held: modes that its space has */
    double asymmetry;
    covsamp_mode *mode; /* [count]; vectors are in struct modes */
};

struct modes {
    struct uncertain *image; /* [samples] */
    int64_t samples, count;  /* count: modes wanted */
    int64_t dim, level;
    double alpha, sigma;
    double *x0, *xt, *mean; /* [samples][dim] */
    double *vector;         /* [samples][count][dim] */
};

/* 0, or EXIT_RUN after a message; modes_free() is due either way. */
int modes_make(struct modes *m, int64_t samples);
void modes_free(struct modes *m);
/* On standard output. */
void modes_table(const struct modes *m);
/* One object on standard output. */
void modes_json(const struct modes *m, const char *engine);
/* A row an image: x0, x_t, the posterior mean, the modes, each scaled to its largest entry around
 * grey. 0 or an exit code after a message. */
int modes_png(const struct modes *m, const struct samples *shape, const char *path);
/* The same without any scaling: [samples][3 + count][...shape]. */
int modes_npy(const struct modes *m, const struct samples *shape, const char *path);

#endif
