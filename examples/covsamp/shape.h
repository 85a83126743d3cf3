/* SPDX-License-Identifier: BSD-3-Clause */
/* Shapes of samples: as text, and whether they are the same. */
#ifndef COVSAMP_SHAPE_H
#define COVSAMP_SHAPE_H

#include "samples.h"

enum { SHAPE_TEXT = MAX_DIMS * 22 };

/* "1, 28, 28". */
void shape_text(const int64_t *dims, int32_t n_dims, char text[SHAPE_TEXT]);
bool shape_equal(const int64_t *a, int32_t n_a, const int64_t *b, int32_t n_b);
/* Whether a file whose metadata says "1,28,28", or nothing (NULL), is for such samples. 0 or
 * EXIT_USAGE after a message. */
int shape_agrees(const char *path, const char *metadata, const struct samples *samples);
/* Counts samples->dim and takes memory for `count` samples: 0 or an exit code after a message. */
int shape_make_room(struct samples *samples, int64_t count);

#endif
