/* SPDX-License-Identifier: BSD-3-Clause */
/* What the command line of `covsamp sample` asks for. */
#ifndef COVSAMP_REQUEST_H
#define COVSAMP_REQUEST_H

#include "preset.h"
#include "samples.h"

struct sample_request {
    const char *model, *method, *calibration, *label, *schedule, *spacing, *device, *engine,
        *output;
    /* What follows is NULL where it was not given. */
    const char *classifier, *guidance, *guidance_form, *cfg; /* the last three as text */
    const char *init, *known, *mask, *decoder, *encoder, *latents, *save, *resume;
    const char **sets; /* "key=value", in their order */
    int n_sets;
    int32_t dtype;
    int64_t dims[MAX_DIMS];
    int32_t n_dims; /* 0: as the model file says */
    bool json, quiet, help, by_level;
    bool kept;                      /* by the caller: no output is asked for, none allowed */
    bool condition;                 /* the network is told the labels under a classifier, too */
    int64_t from_level, stop_after; /* 0: not given */
    int64_t steps, levels, count, batch, first, columns; /* levels, columns 0: not given */
    uint64_t seed;
    double window_factor;
    const struct preset *preset;
};

/* What is asked for where nothing is said.  0, or EXIT_RUN: no memory for the --set of argc
 * arguments. */
int request_defaults(struct sample_request *request, int argc);
/* Reads and checks everything that needs no model.  0 or an exit code after a message. */
int request_read(struct sample_request *request, bool kept, int argc, char **argv);
/* What --method and other flags say together.  0 or EXIT_USAGE after a message. */
int request_check(struct sample_request *request);
void request_free(struct sample_request *request);
/* The options of flags and of --set.  Called before the model is opened, for its checks, and
 * after, since what the file says stands between the two. 0 or an exit code after a message. */
int request_apply_sets(const struct sample_request *request, covsamp_config *config);
void request_help(void);
/* Whether --set gives an option by this name. */
bool request_sets(const struct sample_request *request, const char *name);
bool request_is_png(const struct sample_request *request);

/* Prints the command that draws the samples from number `first` on, `count` of them, into another
 * file; every other argument is as it was. */
void request_print_rest(int argc, char **argv, int64_t first, int64_t count, bool same_output);

#endif
