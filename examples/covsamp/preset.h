/* SPDX-License-Identifier: BSD-3-Clause */
/* Methods by name: each is a list of options, and nothing that --set could not do. */
#ifndef COVSAMP_PRESET_H
#define COVSAMP_PRESET_H

#include "app.h"

#include <covsamp/covsamp.h>

struct preset {
    const char *name, *help;
    const char *options[12]; /* "key=value", ended by NULL */
    bool calibrated;         /* takes its window from --calibration, or from the model file */
};

/* NULL after a message if there is no such method. */
const struct preset *preset_find(const char *name);
/* Levels, where --spacing says nothing: a step to data about as long as the others; those of the
 * repositories for the methods that are as there. */
const char *preset_spacing(const struct preset *preset);
/* One line a method, options included. */
void preset_help(void);
/* 0, or EXIT_USAGE after a message. */
int preset_apply(const struct preset *preset, covsamp_config *config);
/* Sets "key=value"; `source` begins the message when it cannot: "--set".  0 or EXIT_USAGE. */
int preset_set(covsamp_config *config, const char *source, const char *assignment);

#endif
