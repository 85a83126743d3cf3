/* SPDX-License-Identifier: BSD-3-Clause */
/* A model whose callbacks are timed, so that the library's own share of a run is known. */
#ifndef COVSAMP_TIMED_H
#define COVSAMP_TIMED_H

#include <covsamp/covsamp.h>

struct timed {
    covsamp_model inner;
    double seconds;
};

/* Fills `outer` with callbacks that time those of timed->inner and pass everything on. */
void timed_model(struct timed *timed, covsamp_model *outer);

#endif
