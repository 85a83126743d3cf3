/* SPDX-License-Identifier: BSD-3-Clause */
/* One pass over data by requests: what calibrations, likelihood bounds and posterior modes have in
 * common.  A handle has one of these as its first member, and tells by `ops` what it does with a
 * batch; the doors (api/pass.c) are the same for all.  Knows base/. */
#ifndef COVSAMP_DIAGNOSTIC_PASS_H
#define COVSAMP_DIAGNOSTIC_PASS_H

#include "base/error.h"

typedef struct covsamp__pass covsamp__pass;

typedef struct {
    const char *name; /* of the handle: "covsamp_calibration" */
    /* What is wrong with sample `number` at x, finite as it is; NULL: nothing ever. */
    covsamp_status (*accept)(covsamp__pass *p, const void *x, int64_t number, const char *function);
    /* A batch of `filled` samples is in x0. */
    void (*begin)(covsamp__pass *p);
    /* COVSAMP_OK with a request open; COVSAMP_DONE when the batch is; an error ends the batch. */
    covsamp_status (*next)(covsamp__pass *p, const char *function);
    /* Whether the answer to the open request is finite. */
    covsamp_status (*check)(covsamp__pass *p, const char *function);
    /* It is there.  1: a part of the batch (a level, a term) has been finished by it. */
    int (*take)(covsamp__pass *p);
    /* The callback that this handle cannot do without and the model lacks, NULL: none. */
    const char *(*missing)(const covsamp__pass *p, const covsamp_model *model);
} covsamp__pass_ops;

struct covsamp__pass {
    const covsamp__pass_ops *ops;
    covsamp__error *error;
    covsamp_request *request;
    void *x0; /* [batch][dim] */
    int64_t batch, dim;
    int64_t filled;     /* samples of the present batch */
    int64_t next_first; /* number of the first one of the next */
    int64_t fed;        /* samples that run() has given */
    int32_t dtype, check_finite;
    int32_t active;            /* a batch is not done with */
    int32_t open;              /* a request is */
    int32_t busy;              /* a callback is running */
    int32_t answer;            /* the last one given */
    int32_t running, reserved; /* run() was interrupted */
};

#endif
