/* SPDX-License-Identifier: BSD-3-Clause */
#include "setup.h"

#include "guidance.h"
#include "outfile.h"
#include "process.h"
#include "shape.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int open_model(struct setup *s, const struct sample_request *r)
{
    struct model_options options = {0};
    double start = now();
    options.path = r->model;
    options.device = r->device;
    options.engine = r->engine;
    memcpy(options.dims, r->dims, sizeof options.dims);
    options.n_dims = r->n_dims;
    options.dtype = r->dtype;
    int code = model_open(&s->model, &options);
    s->seconds = now() - start;
    return code != 0 ? code : model_shape(s->model, s->samples.dims, &s->samples.n_dims);
}

static void set_calibrated_window(struct setup *s, const struct sample_request *r)
{
    int64_t low, high;
    if (!calibration_window(&s->calibration, r->window_factor, &low, &high))
        note("%s: at no level is the trace within a factor of %g of the error, so that the window "
             "is "
             "empty",
             r->calibration, r->window_factor);
    covsamp_config_set_int(s->config, COVSAMP_WINDOW_LOW, low);
    covsamp_config_set_int(s->config, COVSAMP_WINDOW_HIGH, high);
}

/* A calibration's window, if traces were measured; else what the model file says. */
static int set_window(struct setup *s, const struct sample_request *r)
{
    const char *high = s->model != NULL ? model_metadata(s->model, "window_high") : NULL;
    if (!r->preset->calibrated)
        return 0;
    if (s->calibration.levels > 0 && calibration_has_traces(&s->calibration)) {
        set_calibrated_window(s, r);
        return 0;
    }
    if (s->calibration.levels > 0)
        note("%s: traces were not measured (--means-only), so that the window is %s",
             r->calibration, high != NULL ? "that of the model file" : "open at every level");
    if (high != NULL && covsamp_config_set_by_name(s->config, "window_high", high) < 0)
        return fail(EXIT_RUN, "the model file's \"window_high\": %s",
                    covsamp_config_message(s->config));
    return 0;
}

/* A window that nobody has set, where one is due. */
static void doubt_window(const struct setup *s, const struct sample_request *r)
{
    int64_t low = 0, high = 0;
    covsamp_config_get_int(s->config, COVSAMP_WINDOW_LOW, &low);
    covsamp_config_get_int(s->config, COVSAMP_WINDOW_HIGH, &high);
    if (r->preset->calibrated && r->calibration == NULL && low == 0 && high == 0 && !r->quiet &&
        model_metadata(s->model, "window_high") == NULL)
        note("nothing says up to which level the covariance of %s can be trusted, so that --method "
             "%s uses it at all; covsamp calibrate measures it",
             r->model, r->method);
}

/* Tables are about one network. */
static void doubt_calibration(const struct setup *s, const struct sample_request *r)
{
    char prediction[64] = "";
    covsamp_config_get_text(s->config, COVSAMP_PREDICTION, prediction, sizeof prediction);
    if (s->calibration.prediction[0] != '\0' && strcmp(s->calibration.prediction, prediction) != 0)
        note("%s was measured on a model that predicts %s (%s), and this one predicts %s",
             r->calibration, s->calibration.prediction, s->calibration.model, prediction);
}

/* Where there is a shape, a covariance that asks for one need not be told. */
static void set_shape(struct setup *s)
{
    static const char *const names[3] = {"channels", "height", "width"};
    const int32_t n = s->samples.n_dims;
    for (int i = 0; i < 3 && n >= 1 && n <= 3; i++) {
        char text[32];
        const int at = i - (3 - n);
        snprintf(text, sizeof text, "%" PRId64, at >= 0 ? s->samples.dims[at] : 1);
        covsamp_config_set_by_name(s->config, names[i], text);
    }
}

/* The options in the order in which each overrides those before it. */
static int set_options(struct setup *s, const struct sample_request *r)
{
    int code = preset_apply(r->preset, s->config);
    if (code == 0 && r->decoder != NULL) /* latents have no range that everybody knows */
        code = preset_set(s->config, "--decoder", "clip_x0=0");
    const char *prediction = s->model != NULL ? model_metadata(s->model, "prediction") : NULL;
    if (code == 0 && prediction != NULL &&
        covsamp_config_set_by_name(s->config, "prediction", prediction) < 0)
        code = fail(EXIT_RUN, "the model file's \"prediction\": %s",
                    covsamp_config_message(s->config));
    set_shape(s);
    if (code == 0 && s->model != NULL) /* once: it may have something to say */
        code = set_window(s, r);
    if (code == 0)
        code = request_apply_sets(r, s->config);
    if (code != 0)
        return code;
    covsamp_config_set_int(s->config, COVSAMP_DTYPE, r->dtype);
    covsamp_config_set_int(s->config, COVSAMP_SEED, (int64_t)r->seed);
    covsamp_config_set_int(s->config, COVSAMP_FIRST_SAMPLE, r->first);
    return 0;
}

static int set_schedule(struct setup *s, const struct sample_request *r)
{
    int64_t levels = r->levels;
    const char *source = "--schedule";
    s->schedule_text = r->schedule;
    if (s->schedule_text == NULL) {
        s->schedule_text = model_metadata(s->model, "schedule");
        source = "the model file's schedule";
    }
    if (s->schedule_text == NULL)
        return fail(EXIT_USAGE, "the model file does not say its schedule, so --schedule must");
    if (levels == 0) {
        int code = model_metadata_int(s->model, "levels", 1, (1 << 24) - 1, 1000, &levels);
        if (code != 0)
            return code;
    }
    int code = process_schedule(&s->schedule, source, s->schedule_text, levels);
    if (code == 0 && r->calibration != NULL)
        code = calibration_apply(&s->calibration, r->calibration, s->config, s->schedule);
    if (code == 0)
        code = process_visit(s->config, s->schedule, r->from_level, r->steps, r->spacing,
                             s->calibration.noise, &s->visited);
    return code;
}

/* Covariances that a step may replace and whose trace a guard may scale down: by products or heads.
 */
static bool is_measured(const char *covariance)
{
    static const char *const fixed[] = {"", "none", "small", "large", "analytic"};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        if (strcmp(covariance, fixed[i]) == 0)
            return false;
    return true;
}

/* What a covariance needs besides the network's mean: a table, a head.  A solver with a covariance
 * of its own takes no other, and the library says so. */
static int set_needs(struct setup *s, const struct sample_request *r)
{
    char covariance[64] = "", fallback[64] = "", head[64] = "";
    double guard = 0;
    int64_t solver = COVSAMP_SOLVER_ANCESTRAL;
    covsamp_config_get_text(s->config, COVSAMP_COVARIANCE, covariance, sizeof covariance);
    covsamp_config_get_text(s->config, COVSAMP_WINDOW_FALLBACK, fallback, sizeof fallback);
    covsamp_config_get_text(s->config, COVSAMP_HEAD, head, sizeof head);
    covsamp_config_get_real(s->config, COVSAMP_TRACE_GUARD, &guard);
    covsamp_config_get_int(s->config, COVSAMP_SOLVER, &solver);
    if (solver != COVSAMP_SOLVER_ANCESTRAL)
        covariance[0] = '\0';
    const char *needs = NULL;
    if (strcmp(covariance, "analytic") == 0)
        needs = "covariance = analytic";
    else if (is_measured(covariance) && strcmp(fallback, "analytic") == 0)
        needs = "window_fallback = analytic";
    else if (is_measured(covariance) && guard > 0)
        needs = "trace_guard";
    if (needs != NULL && r->calibration == NULL)
        return fail(EXIT_USAGE, "%s needs --calibration FILE, which covsamp calibrate writes",
                    needs);
    return strcmp(covariance, "diag_model") == 0 ? model_set_head(s->model, head) : 0;
}

/* As many columns as labels, so that a column is a class; otherwise about a square. */
static void set_sheet(struct setup *s, const struct sample_request *r)
{
    s->sheet.columns = r->columns;
    if (r->columns == 0 && s->n_labels > 1)
        s->sheet.columns = s->n_labels;
    if (s->sheet.columns == 0)
        for (s->sheet.columns = 1; s->sheet.columns < r->count / s->sheet.columns;)
            s->sheet.columns++;
    if (s->sheet.columns == s->n_labels)
        s->sheet.lead = r->first % s->n_labels;
}

int setup_model(struct setup *s, const struct sample_request *r)
{
    memset(s, 0, sizeof *s);
    s->samples.dtype = r->dtype;
    if (covsamp_config_new(&s->config, NULL) != COVSAMP_OK)
        return fail(EXIT_RUN, "out of memory");
    int code = set_options(s, r); /* mistakes in them are told before a model is loaded */
    if (code == 0 && r->calibration != NULL)
        code = calibration_read(&s->calibration, r->calibration);
    if (code == 0 && r->output != NULL)
        code = outfile_probe(r->output);
    if (code == 0 && r->latents != NULL)
        code = outfile_probe(r->latents);
    if (code == 0)
        code = open_model(s, r);
    if (code == 0)
        code = set_options(s, r);
    if (code == 0)
        code = set_schedule(s, r);
    if (code == 0)
        code = set_needs(s, r);
    if (code != 0)
        return code;
    doubt_window(s, r);
    doubt_calibration(s, r);
    return 0;
}

/* A sheet that cannot be is told before memory for it is missing. */
static int make_room(struct setup *s, const struct sample_request *r)
{
    struct samples *decoded = r->decoder != NULL ? &s->latents.decoded : NULL;
    int code = 0;
    set_sheet(s, r);
    if (request_is_png(r))
        code = png_fits(decoded != NULL ? decoded : &s->samples, r->count, &s->sheet);
    if (code == 0 && decoded != NULL)
        code = shape_make_room(decoded, r->count);
    return code != 0 ? code : shape_make_room(&s->samples, r->count);
}

int setup_make(struct setup *s, const struct sample_request *r)
{
    int code = setup_model(s, r);
    if (code == 0)
        code = guidance_make(s, r);
    if (code == 0)
        code = latents_make(&s->latents, r, &s->samples);
    if (code == 0)
        code = make_room(s, r);
    return code != 0 ? code : images_make(&s->images, r, &s->latents, &s->samples);
}

void setup_free(struct setup *s)
{
    images_free(&s->images);
    latents_free(&s->latents);
    classifier_close(s->classifier);
    free(s->samples.data);
    free(s->visited);
    free(s->labels);
    covsamp_schedule_free(s->schedule);
    calibration_free(&s->calibration);
    covsamp_config_free(s->config);
    model_close(s->model);
}
