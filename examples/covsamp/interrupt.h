/* SPDX-License-Identifier: BSD-3-Clause */
/* Ctrl-C: the sampler under way is cancelled, and a second one ends the program at once. */
#ifndef COVSAMP_INTERRUPT_H
#define COVSAMP_INTERRUPT_H

#include <covsamp/covsamp.h>

/* Listens for SIGINT and SIGTERM from now on. */
void interrupt_listen(void);
/* Names the sampler to cancel; NULL before it is freed. */
void interrupt_target(covsamp_sampler *sampler);
/* The signal that came, or 0. */
int interrupt_signal(void);

#endif
