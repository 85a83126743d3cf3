/* SPDX-License-Identifier: BSD-3-Clause */
#include "evaluate_draw.h"

#include "interrupt.h"

#include <inttypes.h>
#include <stdlib.h>

/* Sample number k is told the label k mod n_labels. */
static int find_labels(struct drawn *d)
{
    const struct setup *s = &d->setup;
    const int64_t n = s->samples.count;
    if (s->n_labels == 0)
        return 0;
    d->labels = malloc((size_t)n * sizeof *d->labels);
    if (d->labels == NULL)
        return fail(EXIT_RUN, "out of memory");
    for (int64_t k = 0; k < n; k++)
        d->labels[k] = s->labels[(d->request.first + k) % s->n_labels];
    return 0;
}

int drawn_read(struct drawn *d, bool quiet, int argc, char **argv)
{
    const int code = request_read(&d->request, true, argc, argv);
    d->request.quiet |= quiet;
    return code;
}

int drawn_make(struct drawn *d)
{
    int code = setup_make(&d->setup, &d->request);
    if (code != 0)
        return code;
    interrupt_listen();
    code = draw(&d->setup, &d->request, &d->cost);
    if (code == 0 && d->setup.samples.count < d->request.count) {
        note("stopped after %" PRId64 " of %" PRId64 " samples; nothing was evaluated",
             d->setup.samples.count, d->request.count);
        return 128 + interrupt_signal();
    }
    if (code == 0)
        code = find_labels(d);
    if (code != 0)
        return code;
    /* One of the two is the setup's own, and neither is read-only. */
    if (latents_decode(&d->setup.latents, &d->setup.samples, d->request.batch) == NULL)
        return EXIT_RUN;
    d->images = d->request.decoder != NULL ? &d->setup.latents.decoded : &d->setup.samples;
    return 0;
}

void drawn_free(struct drawn *d)
{
    free(d->labels);
    by_level_free(&d->cost.by_level);
    setup_free(&d->setup);
    request_free(&d->request);
}
