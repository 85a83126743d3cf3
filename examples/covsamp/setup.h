/* SPDX-License-Identifier: BSD-3-Clause */
/* From a command line to a model, a configuration and a place for the samples. */
#ifndef COVSAMP_SETUP_H
#define COVSAMP_SETUP_H

#include "calibration.h"
#include "images.h"
#include "latents.h"
#include "model.h"
#include "request.h"

struct setup {
    struct model *model;
    covsamp_config *config;
    covsamp_schedule *schedule;
    struct calibration calibration; /* levels 0: none was given */
    const char *schedule_text;
    int64_t *visited;       /* the levels, noisiest first */
    struct samples samples; /* with room for all of them */
    struct sheet sheet;
    struct classifier *classifier; /* NULL: none */
    struct images images;
    struct latents latents;
    int64_t n_labels; /* that follow each other; 0: none set */
    int64_t *labels;  /* those */
    bool told;        /* the network knows them; else it is run without a class */
    double seconds;   /* that opening the model took */
};

/* The model and the configuration, neither labels nor a place for samples.  0 or an exit code after
 * a message; setup_free() is due either way. */
int setup_model(struct setup *setup, const struct sample_request *request);
/* All of it, as above. */
int setup_make(struct setup *setup, const struct sample_request *request);
void setup_free(struct setup *setup);

#endif
