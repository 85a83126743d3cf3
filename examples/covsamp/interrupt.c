/* SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L
#include "interrupt.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>

/* The only globals of the program: a signal handler has no other way to its data. */
static volatile sig_atomic_t caught;
static _Atomic(covsamp_sampler *) target;

static void on_signal(int number)
{
    caught = number;
    covsamp_sampler_cancel(atomic_load(&target));
}

/* A signal that the program was started to ignore, as shells do for background jobs, stays ignored.
 */
static void listen_to(int number, const struct sigaction *action)
{
    struct sigaction old;
    if (sigaction(number, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
        sigaction(number, action, NULL);
}

void interrupt_listen(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = (int)SA_RESETHAND | SA_RESTART; /* the second signal is not caught */
    sigemptyset(&action.sa_mask);
    listen_to(SIGINT, &action);
    listen_to(SIGTERM, &action);
}

void interrupt_target(covsamp_sampler *sampler)
{
    atomic_store(&target, sampler);
}

int interrupt_signal(void)
{
    return caught;
}
