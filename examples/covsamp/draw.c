/* SPDX-License-Identifier: BSD-3-Clause */
#include "draw.h"

#include "interrupt.h"
#include "progress.h"
#include "timed.h"

#include <math.h>
#include <string.h>

static void add_stats(struct cost *cost, const covsamp_sampler *sampler, int64_t batch)
{
    covsamp_stats one = {.size = sizeof one}, *sum = &cost->stats;
    if (covsamp_sampler_stats(sampler, &one) != COVSAMP_OK)
        return;
    cost->batches++;
    cost->means += one.mean_requests * batch;
    cost->vjps += one.vjp_tangents * batch;
    by_level_add(&cost->by_level, sampler);
    sum->steps += one.steps;
    sum->mean_requests += one.mean_requests;
    sum->jvp_requests += one.jvp_requests;
    sum->jvp_tangents += one.jvp_tangents;
    sum->vjp_requests += one.vjp_requests;
    sum->vjp_tangents += one.vjp_tangents;
    sum->products_used += one.products_used;
    sum->products_paid += one.products_paid;
    sum->ritz_values += one.ritz_values;
    sum->ritz_clamped += one.ritz_clamped;
    sum->breakdowns += one.breakdowns;
    sum->breakdowns_asymmetric += one.breakdowns_asymmetric;
    sum->steps_without += one.steps_without;
    sum->asymmetry = fmax(sum->asymmetry, one.asymmetry);
    sum->error_estimate = fmax(sum->error_estimate, one.error_estimate);
}

static void keep(struct samples *samples, const covsamp_sampler *sampler, int64_t batch)
{
    const void *x;
    int64_t stride;
    size_t width = samples_width(samples), bytes = (size_t)samples->dim * width;
    if (covsamp_sampler_state(sampler, &x, &stride) != COVSAMP_OK)
        return;
    for (int64_t b = 0; b < batch; b++)
        memcpy(samples->data + (size_t)(samples->count + b) * bytes,
               (const unsigned char *)x + (size_t)(b * stride) * width, bytes);
    samples->count += batch;
}

static int explain(const struct setup *setup, const covsamp_sampler *sampler, covsamp_status status)
{
    const char *said = status == COVSAMP_E_MODEL ? model_message(setup->model) : "";
    if (said[0] == '\0')
        said = covsamp_sampler_message(sampler);
    return fail(EXIT_RUN, "%s", said[0] != '\0' ? said : covsamp_status_text(status));
}

/* A sampler for batches of so many, in the place of the one there is. */
static int make_sampler(covsamp_sampler **sampler, covsamp_config *config, int64_t batch)
{
    interrupt_target(NULL);
    covsamp_sampler_free(*sampler);
    *sampler = NULL;
    if (covsamp_config_set_int(config, COVSAMP_BATCH, batch) != COVSAMP_OK)
        return fail(EXIT_USAGE, "--batch: %s", covsamp_config_message(config));
    covsamp_status status = covsamp_sampler_new(sampler, config);
    if (status != COVSAMP_OK)
        return fail(status == COVSAMP_E_NOMEM ? EXIT_RUN : EXIT_USAGE, "%s",
                    covsamp_config_message(config));
    interrupt_target(*sampler);
    return 0;
}

int draw(struct setup *setup, const struct sample_request *request, struct cost *cost)
{
    struct timed timed = {.inner = {.size = sizeof timed.inner}};
    struct progress progress;
    covsamp_model model;
    covsamp_sampler *sampler = NULL;
    int64_t batch = 0;
    memset(cost, 0, sizeof *cost);
    int code = by_level_make(&cost->by_level, request->steps);
    if (code == 0)
        code = model_callbacks(setup->model, &timed.inner);
    if (code == 0 && covsamp_config_set_int(setup->config, COVSAMP_DIM, setup->samples.dim) < 0)
        code = fail(EXIT_USAGE, "--shape: %s", covsamp_config_message(setup->config));
    timed_model(&timed, &model);
    model.progress = progress_step;
    model.progress_user = &progress;
    progress_start(&progress, request->count, request->quiet);
    double start = now();
    while (code == 0 && setup->samples.count < request->count && interrupt_signal() == 0) {
        int64_t done = setup->samples.count, left = request->count - done;
        int64_t wanted = left < request->batch ? left : request->batch;
        if (batch != wanted)
            code = make_sampler(&sampler, setup->config, wanted);
        batch = wanted;
        if (code != 0)
            break;
        covsamp_sampler_restart(sampler, request->seed, request->first + done);
        covsamp_status status =
            interrupt_signal() ? COVSAMP_CANCELLED : covsamp_sampler_run(sampler, &model);
        if (status == COVSAMP_DONE) {
            add_stats(cost, sampler, batch);
            keep(&setup->samples, sampler, batch);
            progress.finished = setup->samples.count;
        } else if (status != COVSAMP_CANCELLED) {
            progress_clear(&progress);
            code = explain(setup, sampler, status);
        }
    }
    cost->seconds = now() - start;
    cost->seconds_model = timed.seconds;
    progress_clear(&progress);
    interrupt_target(NULL);
    covsamp_sampler_free(sampler);
    return code;
}
