/* SPDX-License-Identifier: BSD-3-Clause */
/* What a classifier makes of images: a vector of features each, and a class.  Functions that return
 * int return 0 or an exit code after a message. */
#ifndef COVSAMP_JUDGED_H
#define COVSAMP_JUDGED_H

#include "samples.h"

struct features {
    double *x; /* [n][width] */
    int64_t n, width;
    int64_t *classes; /* [n]; NULL: not known */
};

struct judge_options {
    const char *path, *layer, *device; /* the file, its method for features */
    double clip;                       /* images are limited to +-clip first; 0: not */
    int64_t batch;
};

/* Features and classes of images, in the precision that these have; source: for messages. */
int features_look(struct features *features, const struct judge_options *judge,
                  struct samples *images, const char *source);
/* [n, width] of f2, f4 or f8, all finite; flag: for messages. */
int features_read(struct features *features, const char *flag, const char *path);
/* As f2. */
int features_write(const struct features *features, const char *path);
/* Whole numbers, n or one for each of all samples of a file of which n are used; *out is to be
 * freed. */
int classes_read(int64_t **out, int64_t n, int64_t all, const char *flag, const char *path);
int classes_write(const struct features *features, const char *path);
/* Leaves the first n. */
void features_keep(struct features *features, int64_t n);
void features_free(struct features *features);

#endif
