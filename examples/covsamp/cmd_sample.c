/* SPDX-License-Identifier: BSD-3-Clause */
#include "draw.h"
#include "interrupt.h"
#include "summary.h"

#include <inttypes.h>
#include <stdio.h>

static int write_output(struct setup *setup, const struct sample_request *request)
{
    const struct samples *out = latents_decode(&setup->latents, &setup->samples, request->batch);
    if (out == NULL)
        return EXIT_RUN;
    int code = request->latents != NULL ? npy_write(request->latents, &setup->samples) : 0;
    if (code != 0)
        return code;
    return request_is_png(request) ? png_write(request->output, out, &setup->sheet)
                                   : npy_write(request->output, out);
}

/* What was cut short: says what there is and how to get the rest. */
static void report_rest(const struct setup *setup, const struct sample_request *request, int argc,
                        char **argv)
{
    int64_t done = request->save != NULL ? 0 : setup->samples.count;
    if (request->save != NULL)
        fputs("covsamp: stopped; nothing was saved.\n", stderr);
    else if (done > 0)
        fprintf(stderr, "covsamp: stopped; %s has the first %" PRId64 " of %" PRId64 " samples.\n",
                request->output, done, request->count);
    else
        fprintf(stderr, "covsamp: stopped before a batch was finished; nothing was written.\n");
    /* The file of --resume goes by batches from the first one on. */
    if (done < request->count && (request->resume == NULL || done == 0))
        request_print_rest(argc, argv, request->first + done, request->count - done, done == 0);
}

static int sample(struct setup *setup, const struct sample_request *request, struct cost *cost,
                  int argc, char **argv)
{
    int code = setup_make(setup, request);
    if (code != 0)
        return code;
    interrupt_listen();
    code = draw(setup, request, cost);
    int written =
        setup->samples.count > 0 && request->save == NULL ? write_output(setup, request) : 0;
    if (written != 0)
        return code != 0 ? code : written;
    bool cut = setup->samples.count < request->count;
    if (cut && (code == 0 || setup->samples.count > 0))
        report_rest(setup, request, argc, argv);
    if (code == 0 && !request->quiet && !request->json)
        summary_print(setup, request, cost);
    if (code == 0 && request->json)
        summary_json(setup, request, cost, cut);
    return code == 0 && cut ? 128 + interrupt_signal() : code;
}

int cmd_sample(int argc, char **argv)
{
    struct sample_request request;
    struct setup setup = {0};
    struct cost cost = {.batches = 0};
    int code = request_read(&request, false, argc, argv);
    if (code == 0 && request.help)
        request_help();
    else if (code == 0)
        code = sample(&setup, &request, &cost, argc, argv);
    by_level_free(&cost.by_level);
    setup_free(&setup);
    request_free(&request);
    return code;
}
