/* SPDX-License-Identifier: BSD-3-Clause */
/* The ask/tell state machine: requests, their answers, noise and the order of steps.  Knows solver/
 * and what is below it; docs/ask-tell.md is its state table. */
#ifndef COVSAMP_MACHINE_MACHINE_H
#define COVSAMP_MACHINE_MACHINE_H

#include "solver/solver.h"

#include <stdatomic.h>

enum covsamp__phase {
    COVSAMP__START,       /* no state yet, or x0 where the start is made from it */
    COVSAMP__KNOWN_START, /* known values are to be put into the start */
    COVSAMP__BETWEEN,     /* between two steps: the state may be set */
    COVSAMP__IN_STEP,
    COVSAMP__KNOWN_STEP, /* known values are to be put into the state of a step that has ended */
    COVSAMP__STEP_END,   /* a step has ended and is to be reported */
    COVSAMP__FINISHED,
    COVSAMP__FAILED
};

enum { COVSAMP__BOTH = 2 }; /* in place of a branch, 0 or 1 */

/* One want of the solver and the requests that it takes. */
typedef struct {
    int32_t want;
    int32_t count, answered; /* requests, and those of them that have been answered */
    int32_t reserved;
    struct {
        int32_t kind, branch;
    } question[3];
} covsamp__evaluation;

struct covsamp__fingerprint; /* of api/: the configuration that the sampler was made from */

struct covsamp_sampler {
    covsamp_allocator mem;
    size_t bytes;        /* of the one block that holds everything */
    size_t device_bytes; /* of that of the vectors, where they are not here */
    void *device, *shown; /* shown: the state, copied here for the caller */
    covsamp__error error;
    covsamp_request request;
    covsamp_stats stats;           /* of the machine */
    covsamp__krylov_counts counts; /* of the covariance in steps that have ended */
    covsamp_step_stats *row;       /* [steps]; samples 0: the step has not ended */
    int64_t *histogram, bins;      /* [steps][bins] samples by products; bins 0: not of krylov */
    covsamp__space space;          /* of the vectors of solver and covariance */
    covsamp__solver solver;
    covsamp__evaluation evaluation;
    covsamp__plan *plan; /* [steps] */
    double start_scale;  /* x at the first level is this times normal numbers */
    int64_t first_sample;
    uint64_t seed, next_point;
    uint64_t point;                                /* of where the model is asked now */
    int32_t phase, open;                           /* open: a request is */
    int32_t answer;                                /* the last one given */
    int32_t ask_noise, check_finite, report_steps; /* options */
    int32_t busy;                                  /* a callback is running */
    int32_t failure;                               /* FAILED: the status that ended the run */
    int32_t from_x0;          /* START: the state is x0, of which the start is made */
    int32_t known, known_set; /* option: there is room for known values; there are some */
    void *known_x0;           /* [batch][dim] */
    uint8_t *known_mask;      /* [batch][dim] 1: known */
    struct covsamp__fingerprint *fingerprint;
    atomic_int cancelled;
};

/* The next request, as covsamp_sampler_ask(); report: step ends are requests too. */
covsamp_status covsamp__machine_ask(covsamp_sampler *s, int report, const covsamp_request **request,
                                    const char *function);
covsamp_status covsamp__machine_tell(covsamp_sampler *s, int32_t answer, const char *function);
covsamp_status covsamp__machine_restart(covsamp_sampler *s, uint64_t seed, int64_t first_sample,
                                        covsamp__error *error, const char *function);
/* Whether an operation on vectors that are not here has failed since: the run has ended then. */
covsamp_status covsamp__machine_device(covsamp_sampler *s, covsamp__error *error,
                                       const char *function);
/* Vectors [batch][dim] from the caller's memory, and, 0 where it failed, to memory here. */
void covsamp__machine_read(covsamp_sampler *s, const void *x, int64_t stride, void *out);
const void *covsamp__machine_here(covsamp_sampler *s, const void *vector);

/* record.c: the memory of what steps were made of, for so many steps. */
void covsamp__record_layout(covsamp_sampler *s, int64_t steps, covsamp__arena *arena);
void covsamp__record_forget(covsamp_sampler *s);
/* The present step has ended. */
void covsamp__record_step(covsamp_sampler *s);
/* The counts so far, the present step's included. */
covsamp__krylov_counts covsamp__record_counts(const covsamp_sampler *s);

/* known.c: their memory. */
void covsamp__known_layout(covsamp_sampler *s, covsamp__arena *arena);
/* Puts known values into the state, with the noise in z at `level`, or as they are (level NULL). */
void covsamp__known_put(covsamp_sampler *s, const covsamp__level *level);

/* evaluation.c: begins a want; opens its next request, 0 when there is none left; counts an answer,
 * and with the last one hands what was wanted to the solver. */
void covsamp__evaluation_begin(covsamp_sampler *s, int32_t want);
int covsamp__evaluation_next(covsamp_sampler *s);
void covsamp__evaluation_answered(covsamp_sampler *s);
/* Whether a mean of this branch comes with a head. */
int covsamp__evaluation_head(const covsamp_sampler *s, int32_t branch);
/* Whether products that the solver wants at the place of a mean are asked of this branch, or of
 * COVSAMP__BOTH. */
int covsamp__evaluation_products(const covsamp_sampler *s, int32_t branch);

/* request.c: a number for covsamp_request.owner, distinct for every handle of the process. */
uint64_t covsamp__new_owner(const void *address);
/* Fills the request for something of a branch, or of both. */
void covsamp__request_open(covsamp_sampler *s, int32_t kind, int32_t branch, int32_t stream);
/* Whether what was written for the open request is finite; the message says where it is not. */
covsamp_status covsamp__request_check(covsamp_sampler *s, const char *function);
/* Whether [batch][dim] values of it are, else `otherwise`; what: "state" and the like. */
covsamp_status covsamp__rows_check(covsamp__space *space, const covsamp_request *q,
                                   const void *values, const char *what, covsamp_status otherwise,
                                   covsamp__error *error, const char *function);
/* Whether the x that a request is about is finite: E_OVERFLOW.  A sum of large numbers
 * need not be, and no model is to be asked about it. */
covsamp_status covsamp__question_check(covsamp__space *space, const covsamp_request *q,
                                       covsamp__error *error, const char *function);

#endif
