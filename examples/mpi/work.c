/* SPDX-License-Identifier: BSD-3-Clause */
#include "work.h"
#include "message.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* DDPM's schedule, which the networks of examples/models/ were trained with. */
static int set_schedule(covsamp_config *config, int64_t steps, char *message)
{
    char why[COVSAMP_MESSAGE_BYTES] = "out of memory";
    covsamp_schedule *schedule = NULL;
    int64_t levels[1000];
    if (covsamp_schedule_new_linear(&schedule, 1000, 1e-4, 0.02, NULL, why) != COVSAMP_OK ||
        covsamp_schedule_spaced(schedule, steps, COVSAMP_SPACING_EVEN, levels, why) != COVSAMP_OK ||
        covsamp_config_set_schedule(config, schedule, levels, steps) != COVSAMP_OK) {
        covsamp_schedule_free(schedule);
        return failed(message, "%s", why);
    }
    covsamp_schedule_free(schedule);
    return 0;
}

static int set_options(covsamp_config *config, const struct order *order, char *message)
{
    char name[64];
    for (int i = 0; i < order->n_options; i++) {
        const char *text = order->options[i], *value = strchr(text, '=') + 1;
        if (value - text > (int)sizeof name)
            return failed(message, "the library has no option \"%s\"", text);
        memcpy(name, text, (size_t)(value - text));
        name[value - text - 1] = '\0';
        if (covsamp_config_set_by_name(config, name, value) != COVSAMP_OK)
            return failed(message, "%s", covsamp_config_message(config));
    }
    return 0;
}

/* What the command line may not say, though the library would take it. */
static int check_options(const struct work *work, int64_t network_dim, char *message)
{
    int64_t first = 0, dim = 0;
    covsamp_config_get_int(work->config, COVSAMP_FIRST_SAMPLE, &first);
    covsamp_config_get_int(work->config, COVSAMP_DIM, &dim);
    if (first != 0)
        return failed(message, "first_sample=%" PRId64 ": mpi_sample numbers the samples itself",
                      first);
    if (network_dim != 0 && dim != network_dim)
        return failed(message, "dim=%" PRId64 ": a sample of this network has %" PRId64 " values",
                      dim, network_dim);
    return 0;
}

static int configure(struct work *work, const struct order *order, char *message)
{
    covsamp_config *config = work->config;
    int64_t network_dim = 0, dtype = 0;
    covsamp_config_set_int(config, COVSAMP_BATCH, 64);
    covsamp_config_set_int(config, COVSAMP_DIM, 64);
    if (order->network != NULL) {
        if (network_file(&work->network, order->network, config, message) != 0)
            return -1;
        covsamp_config_get_int(config, COVSAMP_DIM, &network_dim);
    }
    if (set_options(config, order, message) != 0 ||
        check_options(work, network_dim, message) != 0 ||
        set_schedule(config, order->steps, message) != 0)
        return -1;
    if (order->network == NULL && network_mixture(&work->network, config, message) != 0)
        return -1;
    covsamp_config_get_int(config, COVSAMP_BATCH, &work->batch);
    covsamp_config_get_int(config, COVSAMP_DIM, &work->dim);
    covsamp_config_get_int(config, COVSAMP_SEED, &work->seed);
    covsamp_config_get_int(config, COVSAMP_DTYPE, &dtype);
    work->width = dtype == COVSAMP_F64 ? 8 : 4;
    return 0;
}

static int say_why(const struct work *work, const char *what, char *message)
{
    const char *network = work->network.say != NULL ? work->network.say(work->network.handle) : "";
    return failed(message, "%s: %s%s%s", what, covsamp_sampler_message(work->sampler),
                  network[0] != '\0' ? "; " : "", network);
}

int work_open(struct work *work, const struct order *order, char *message)
{
    memset(work, 0, sizeof *work);
    if (covsamp_config_new(&work->config, NULL) != COVSAMP_OK)
        return failed(message, "out of memory");
    if (configure(work, order, message) != 0)
        return -1;
    if (covsamp_sampler_new(&work->sampler, work->config) != COVSAMP_OK)
        return failed(message, "%s", covsamp_config_message(work->config));
    /* What cannot work at all shows in one step, before a folder is claimed for it. */
    const covsamp_status status = covsamp_sampler_step(work->sampler, &work->network.model);
    return status == COVSAMP_OK || status == COVSAMP_DONE
               ? 0
               : say_why(work, "the first step", message);
}

void work_close(struct work *work)
{
    covsamp_sampler_free(work->sampler);
    covsamp_config_free(work->config);
    network_close(&work->network);
}

int work_draw(struct work *work, int64_t first, int64_t count, void *values, char *message)
{
    const size_t row = (size_t)work->dim * (size_t)work->width;
    char what[64];
    for (int64_t done = 0; done < count; done += work->batch) {
        const void *x = NULL;
        int64_t stride = 0;
        covsamp_status status =
            covsamp_sampler_restart(work->sampler, (uint64_t)work->seed, first + done);
        if (status == COVSAMP_OK)
            status = covsamp_sampler_run(work->sampler, &work->network.model);
        if (status != COVSAMP_DONE) {
            snprintf(what, sizeof what, "samples from %" PRId64 " on", first + done);
            return say_why(work, what, message);
        }
        covsamp_sampler_state(work->sampler, &x, &stride);
        for (int64_t b = 0; b < work->batch && done + b < count; b++)
            memcpy((char *)values + (size_t)(done + b) * row,
                   (const char *)x + (size_t)(b * stride) * (size_t)work->width, row);
    }
    return 0;
}
