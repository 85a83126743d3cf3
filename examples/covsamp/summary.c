/* SPDX-License-Identifier: BSD-3-Clause */
#include "summary.h"

#include "guided_summary.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Every other guard that is not at its default. */
static void print_set_guards(const covsamp_config *config)
{
    static const int32_t keys[] = {COVSAMP_WINDOW_FALLBACK, COVSAMP_COVARIANCE_CAP,
                                   COVSAMP_RITZ_CAP,        COVSAMP_TRACE_GUARD,
                                   COVSAMP_LIMIT_RANGE,     COVSAMP_PIXEL_CLIP};
    covsamp_config *standard = NULL;
    if (covsamp_config_new(&standard, NULL) != COVSAMP_OK)
        return;
    for (int32_t i = 0; covsamp_option_info(i) != NULL; i++) {
        const covsamp_option *option = covsamp_option_info(i);
        char text[64] = "", usual[64] = "";
        bool guard = false;
        for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++)
            guard |= option->key == keys[k];
        covsamp_config_get_text(config, option->key, text, sizeof text);
        covsamp_config_get_text(standard, option->key, usual, sizeof usual);
        if (guard && strcmp(text, usual) != 0)
            fprintf(stderr, "; %s %s", option->name, text);
    }
    covsamp_config_free(standard);
}

static void print_guards(const covsamp_config *config)
{
    double clip = 0;
    int64_t masked = 0, low = 0, high = 0;
    covsamp_config_get_real(config, COVSAMP_CLIP_X0, &clip);
    covsamp_config_get_int(config, COVSAMP_CLIP_COVARIANCE, &masked);
    covsamp_config_get_int(config, COVSAMP_WINDOW_LOW, &low);
    covsamp_config_get_int(config, COVSAMP_WINDOW_HIGH, &high);
    fputs("  guards      x0 ", stderr);
    if (clip > 0)
        fprintf(stderr, "clipped to +-%g (%s covariance)", clip, masked ? "masked" : "unmasked");
    else
        fputs("not clipped", stderr);
    if (low > 0)
        fprintf(stderr, "; covariance from level %" PRId64 " up", low);
    if (high > 0)
        fprintf(stderr, "; covariance up to level %" PRId64, high);
    print_set_guards(config);
    putc('\n', stderr);
}

static double share(int64_t part, int64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0;
}

void summary_print(const struct setup *setup, const struct sample_request *request,
                   const struct cost *cost)
{
    char solver[64] = "", covariance[64] = "", prediction[64] = "";
    const covsamp_stats *stats = &cost->stats;
    int64_t n = setup->samples.count;
    double tolerance = 0;
    covsamp_config_get_text(setup->config, COVSAMP_SOLVER, solver, sizeof solver);
    covsamp_config_get_text(setup->config, COVSAMP_COVARIANCE, covariance, sizeof covariance);
    covsamp_config_get_text(setup->config, COVSAMP_PREDICTION, prediction, sizeof prediction);
    fprintf(stderr, "%s: %" PRId64 " samples of %" PRId64 " values, %" PRId64 " steps\n",
            request->method, n, setup->samples.dim, request->steps);
    fprintf(stderr,
            "  method      solver %s, covariance %s, predicts %s, schedule %s, %s levels, %s "
            "products\n",
            solver, covariance, prediction, setup->schedule_text, request->spacing,
            model_engine(setup->model));
    print_guards(setup->config);
    guided_summary_print(setup, request);
    fprintf(stderr, "  cost        %" PRId64 " means, %" PRId64 " JVPs (%.1f and %.1f a sample)",
            cost->means, stats->products_paid, share(cost->means, n),
            share(stats->products_paid, n));
    if (cost->vjps > 0)
        fprintf(stderr, ", %" PRId64 " VJPs", cost->vjps);
    if (cost->gradients > 0)
        fprintf(stderr, ", %" PRId64 " gradients", cost->gradients);
    putc('\n', stderr);
    fprintf(stderr,
            "  time        %.2f s sampling = %.2f s model + %.2f s core; %.3g samples/s; "
            "loading took %.2f s\n",
            cost->seconds, cost->seconds_model, cost->seconds - cost->seconds_model,
            cost->seconds > 0 ? (double)n / cost->seconds : 0, setup->seconds);
    if (stats->products_paid == 0)
        return;
    fprintf(stderr,
            "  covariance  %.2g %% of Ritz values clamped, asymmetry at most %.2g, error "
            "estimate at most %.2g\n",
            100 * share(stats->ritz_clamped, stats->ritz_values), stats->asymmetry,
            stats->error_estimate);
    fprintf(stderr,
            "              %" PRId64 " breakdowns (%" PRId64 " not exact), %" PRId64 " of %" PRId64
            " steps without it\n",
            stats->breakdowns, stats->breakdowns_asymmetric, stats->steps_without, stats->steps);
    covsamp_config_get_real(setup->config, COVSAMP_TOLERANCE, &tolerance);
    if (tolerance > 0)
        by_level_histogram(&cost->by_level);
    if (request->by_level)
        by_level_table(&cost->by_level);
}

static void json_int(const char *key, int64_t value)
{
    printf(", \"%s\": %" PRId64, key, value);
}

static void json_number(const char *key, double value)
{
    printf(", \"%s\": ", key);
    json_real(value);
}

static void json_text(const char *key, const char *value)
{
    printf(", \"%s\": ", key);
    json_string(value);
}

static void json_options(const covsamp_config *config)
{
    const covsamp_option *option;
    fputs(", \"options\": {", stdout);
    for (int32_t i = 0; (option = covsamp_option_info(i)) != NULL; i++) {
        char text[64] = "";
        covsamp_config_get_text(config, option->key, text, sizeof text);
        printf("%s\"%s\": ", i == 0 ? "" : ", ", option->name);
        json_string(text);
    }
    putchar('}');
}

static void json_stats(const covsamp_stats *stats)
{
    json_int("mean_requests", stats->mean_requests);
    json_int("jvp_requests", stats->jvp_requests);
    json_int("vjp_requests", stats->vjp_requests);
    json_int("jvps", stats->products_paid);
    json_int("jvps_used", stats->products_used);
    json_int("ritz_values", stats->ritz_values);
    json_int("ritz_clamped", stats->ritz_clamped);
    json_int("breakdowns", stats->breakdowns);
    json_int("breakdowns_asymmetric", stats->breakdowns_asymmetric);
    json_int("steps_without", stats->steps_without);
    json_number("asymmetry", stats->asymmetry);
    json_number("error_estimate", stats->error_estimate);
}

void summary_json(const struct setup *setup, const struct sample_request *request,
                  const struct cost *cost, bool interrupted)
{
    double clip = 0;
    covsamp_config_get_real(setup->config, COVSAMP_CLIP_X0, &clip);
    fputs("{\"method\": ", stdout);
    json_string(request->method);
    json_text("output", setup->samples.count > 0 ? request->output : NULL);
    printf(", \"interrupted\": %s", interrupted ? "true" : "false");
    json_int("samples", setup->samples.count);
    json_int("batch", request->batch);
    json_int("batches", cost->batches);
    printf(", \"seed\": %" PRIu64, request->seed);
    json_int("first_sample", request->first);
    json_int("steps", request->steps);
    json_text("schedule", setup->schedule_text);
    json_int("levels", covsamp_schedule_levels(setup->schedule));
    json_text("spacing", request->spacing);
    fputs(", \"visited\": [", stdout);
    for (int64_t i = 0; i < request->steps; i++)
        printf("%s%" PRId64, i == 0 ? "" : ", ", setup->visited[i]);
    putchar(']');
    json_text("calibration", request->calibration);
    json_text("engine", model_engine(setup->model));
    json_number("clip_x0", clip);
    json_int("means", cost->means);
    json_stats(&cost->stats);
    json_int("vjps", cost->vjps);
    json_int("gradients", cost->gradients);
    json_number("seconds", cost->seconds);
    json_number("seconds_model", cost->seconds_model);
    json_number("seconds_core", cost->seconds - cost->seconds_model);
    json_number("seconds_load", setup->seconds);
    fputs(", \"shape\": [", stdout);
    for (int i = 0; i < setup->samples.n_dims; i++)
        printf("%s%" PRId64, i == 0 ? "" : ", ", setup->samples.dims[i]);
    putchar(']');
    guided_summary_json(setup, request);
    fputs(", \"by_level\": ", stdout);
    by_level_json(&cost->by_level);
    json_options(setup->config);
    puts("}");
}
