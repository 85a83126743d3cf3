/* SPDX-License-Identifier: BSD-3-Clause */
#include "draw.h"

#include "interrupt.h"
#include "progress.h"
#include "saved.h"
#include "timed.h"

#include <inttypes.h>
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
    cost->gradients += one.guide_requests * batch;
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
    if (said[0] == '\0' && status == COVSAMP_E_MODEL && setup->classifier != NULL)
        said = classifier_message(setup->classifier);
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

static int64_t steps_done(const covsamp_sampler *sampler)
{
    covsamp_stats stats = {.size = sizeof stats};
    covsamp_sampler_stats(sampler, &stats);
    return stats.steps;
}

/* The state that a batch begins with: noise, or what the command line gives instead. */
static int begin(struct setup *setup, const struct sample_request *r, struct saved *saved,
                 covsamp_sampler *sampler, int64_t first, int64_t batch)
{
    covsamp_sampler_restart(sampler, r->seed, first);
    int code = r->resume != NULL ? saved_load(saved, sampler) : 0;
    if (code == 0 && r->resume != NULL && r->save != NULL && steps_done(sampler) >= r->stop_after)
        code = fail(EXIT_USAGE, "--stop-after %" PRId64 ": %s has %" PRId64 " steps behind it",
                    r->stop_after, r->resume, steps_done(sampler));
    return code != 0 ? code : images_give(&setup->images, sampler, first, batch, r->resume != NULL);
}

/* To the end, or as far as --stop-after says: COVSAMP_DONE then, too. */
static covsamp_status run(const struct sample_request *r, covsamp_sampler *sampler,
                          const covsamp_model *model)
{
    if (interrupt_signal())
        return COVSAMP_CANCELLED;
    if (r->save == NULL)
        return covsamp_sampler_run(sampler, model);
    covsamp_status status = COVSAMP_OK;
    while (status == COVSAMP_OK && steps_done(sampler) < r->stop_after)
        status = covsamp_sampler_step(sampler, model);
    return status == COVSAMP_OK ? COVSAMP_DONE : status;
}

/* One batch after another; *batch is the size that the sampler is made for, 0: there is none. */
static int draw_all(struct setup *setup, const struct sample_request *r, struct cost *cost,
                    struct saved *saved, const covsamp_model *model, struct progress *progress,
                    covsamp_sampler **sampler)
{
    int64_t batch = 0;
    int code = 0;
    while (code == 0 && setup->samples.count < r->count && interrupt_signal() == 0) {
        const int64_t done = setup->samples.count, left = r->count - done;
        const int64_t wanted = left < r->batch ? left : r->batch;
        if (batch != wanted)
            code = make_sampler(sampler, setup->config, wanted);
        batch = wanted;
        if (code == 0)
            code = begin(setup, r, saved, *sampler, r->first + done, batch);
        if (code != 0)
            break;
        covsamp_status status = run(r, *sampler, model);
        if (status == COVSAMP_DONE) {
            add_stats(cost, *sampler, batch);
            keep(&setup->samples, *sampler, batch);
            progress->finished = setup->samples.count;
            code = r->save != NULL ? saved_store(saved, *sampler) : 0;
        } else if (status != COVSAMP_CANCELLED) {
            progress_clear(progress);
            code = explain(setup, *sampler, status);
        }
    }
    return code;
}

int draw(struct setup *setup, const struct sample_request *request, struct cost *cost)
{
    struct timed timed = {.inner = {.size = sizeof timed.inner}};
    struct progress progress;
    struct saved saved = {.path = NULL};
    covsamp_model model;
    covsamp_sampler *sampler = NULL;
    memset(cost, 0, sizeof *cost);
    int code = by_level_make(&cost->by_level, request->steps);
    if (code == 0)
        code = saved_open(&saved, request);
    if (code == 0)
        code = model_callbacks(setup->model, &timed.inner);
    if (code == 0 && setup->classifier != NULL)
        code = classifier_guide(setup->classifier, &timed.inner);
    if (code == 0 && covsamp_config_set_int(setup->config, COVSAMP_DIM, setup->samples.dim) < 0)
        code = fail(EXIT_USAGE, "--shape: %s", covsamp_config_message(setup->config));
    timed_model(&timed, &model);
    model.progress = progress_step;
    model.progress_user = &progress;
    progress_start(&progress, request->count, request->quiet);
    double start = now();
    if (code == 0)
        code = draw_all(setup, request, cost, &saved, &model, &progress, &sampler);
    cost->seconds = now() - start;
    cost->seconds_model = timed.seconds;
    progress_clear(&progress);
    if (code == 0 && request->save != NULL && setup->samples.count == request->count)
        code = saved_commit(&saved);
    interrupt_target(NULL);
    covsamp_sampler_free(sampler);
    saved_free(&saved);
    return code;
}
