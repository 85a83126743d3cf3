/* SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BAR             30
#define SECONDS_BETWEEN 0.1 /* a tiny model would spend its time on the terminal otherwise */

void progress_start(struct progress *progress, int64_t total, bool quiet)
{
    memset(progress, 0, sizeof *progress);
    progress->start = now();
    progress->total = total;
    progress->visible = !quiet && isatty(STDERR_FILENO);
}

static void draw(struct progress *progress, double samples, double time)
{
    char bar[BAR + 1];
    double share = samples / (double)progress->total, elapsed = time - progress->start;
    for (int i = 0; i < BAR; i++)
        bar[i] = i < (int)(share * BAR + 0.5) ? '#' : '-';
    bar[BAR] = '\0';
    double rate = elapsed > 0 ? samples / elapsed : 0;
    double left = rate > 0 ? ((double)progress->total - samples) / rate : 0;
    int64_t seconds = left < 1e9 ? (int64_t)(left + 0.5) : 0;
    fprintf(stderr, "\r[%s] %" PRId64 "/%" PRId64 "  %.3g samples/s  ETA %" PRId64 ":%02d \033[K",
            bar, (int64_t)samples, progress->total, rate, seconds / 60, (int)(seconds % 60));
    fflush(stderr);
    progress->shown = time;
    progress->drawn = true;
}

int32_t progress_step(void *user, const covsamp_request *request)
{
    struct progress *progress = user;
    double time = now();
    if (progress->visible && (!progress->drawn || time - progress->shown >= SECONDS_BETWEEN)) {
        double of_batch = (double)(request->step + 1) / (double)request->steps;
        draw(progress, (double)progress->finished + (double)request->batch * of_batch, time);
    }
    return 0;
}

void progress_clear(struct progress *progress)
{
    if (progress->drawn)
        fputs("\r\033[K", stderr);
    progress->drawn = false;
}
