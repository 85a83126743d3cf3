/* SPDX-License-Identifier: BSD-3-Clause */
/* What a network's means and products are worth, level by level, on data. */
#include "args.h"
#include "calibrate_report.h"
#include "calibration.h"
#include "measure.h"
#include "outfile.h"
#include "preset.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MODEL,
    DATA,
    OUTPUT,
    COUNT,
    LABELS,
    AT,
    MEANS,
    BATCH,
    SEED,
    SHAPE,
    SCHEDULE,
    LEVELS,
    PREDICTION,
    DEVICE,
    DTYPE,
    ENGINE,
    FACTOR,
    JSON,
    QUIET,
    HELP,
    N_FLAGS
};

static const struct flag flags[N_FLAGS] = {
    [MODEL] = {"model", "FILE", "TorchScript file with forward(x, t) or forward(x, t, y)", 'm'},
    [DATA] = {"data", "FILE.npy", "[n, ...shape] of f4, f8, or u1, which becomes -1 ... 1", 0},
    [OUTPUT] = {"output", "FILE.json", "for covsamp sample --calibration", 'o'},
    [COUNT] = {"count", "N", "samples of the data to use (default: all)", 'n'},
    [LABELS] = {"labels", "FILE.npy", "[n] whole numbers, the classes of the data (default: none)",
                0},
    [AT] = {"at", "K | L,L,...", "levels to measure: how many, or which (default 25)", 0},
    [MEANS] = {"means-only", NULL, "no products: neither trace nor asymmetry", 0},
    [BATCH] = {"batch", "B", "samples at a time (default 16)", 0},
    [SEED] = {"seed", "S", "key of the noise and of the probes (default 0)", 0},
    [SHAPE] = {"shape", "C,H,W", "of one sample (default: as the file says)", 0},
    [SCHEDULE] = {"schedule", "NAME[:P,...]",
                  "linear, cosine, karras, flow (default: as the file says)", 0},
    [LEVELS] = {"levels", "N", "of the schedule (default: as the file says, or 1000)", 0},
    [PREDICTION] = {"prediction", "NAME", "of the model (default: as the file says, or noise)", 0},
    [DEVICE] = {"device", "NAME", "cpu (default), cuda:0, ...", 0},
    [DTYPE] = {"dtype", "TYPE", "f32 (default) or f64", 0},
    [ENGINE] = {"engine", "NAME",
                "auto (default), linearised, linearised-bf16, dual, double-backward, transposed",
                0},
    [FACTOR] = {"window-factor", "F", "trace and error may differ by this factor (default 1.25)",
                0},
    [JSON] = {"json", NULL, "the table as one JSON object on standard output", 0},
    [QUIET] = {"quiet", NULL, "no progress bar", 'q'},
    [HELP] = {"help", NULL, "this text", 'h'},
};

#define MOST_LEVELS 4096

struct calibrate_request {
    struct model_options model;
    const char *data, *labels, *output, *at, *schedule, *prediction;
    int64_t count, batch, levels;
    uint64_t seed;
    double factor;
    bool means_only, json, quiet, help;
};

struct work {
    struct model *model;
    struct npy data, labels;
    covsamp_config *config;
    covsamp_schedule *schedule;
    covsamp_calibration *calibration;
    const char *schedule_text;
    int64_t at[MOST_LEVELS];
    int count;
};

static int read_flag(struct calibrate_request *r, int flag, const char *value)
{
    const int64_t most = INT64_MAX;
    switch (flag) {
        /* clang-format off */
    case MODEL: r->model.path = value; return 0;
    case DATA: r->data = value; return 0;
    case OUTPUT: r->output = value; return 0;
    case LABELS: r->labels = value; return 0;
    case AT: r->at = value; return 0;
    case SCHEDULE: r->schedule = value; return 0;
    case PREDICTION: r->prediction = value; return 0;
    case DEVICE: r->model.device = value; return 0;
    case ENGINE: r->model.engine = value; return 0;
    case MEANS: r->means_only = true; return 0;
    case JSON: r->json = true; return 0;
    case QUIET: r->quiet = true; return 0;
    case HELP: r->help = true; return 0;
    case DTYPE: return args_dtype(value, &r->model.dtype);
    case SEED: return args_seed("--seed", value, &r->seed);
    case COUNT: return args_int("-n", value, 1, most, &r->count);
    case BATCH: return args_int("--batch", value, 1, most, &r->batch);
    case LEVELS: return args_int("--levels", value, 1, (1 << 24) - 1, &r->levels);
    case FACTOR: return args_real("--window-factor", value, 1, 1e6, &r->factor);
        /* clang-format on */
    case SHAPE:
        return args_int_list("--shape", value, 1, most, r->model.dims, MAX_DIMS, &r->model.n_dims);
    default:
        return EXIT_USAGE;
    }
}

static int read_request(struct calibrate_request *r, int argc, char **argv)
{
    struct args args = {flags, "calibrate", argv, N_FLAGS, argc, 0};
    const char *value;
    int flag, code = 0;
    *r = (struct calibrate_request){.batch = 16, .at = "25", .factor = 1.25};
    r->model.device = "cpu";
    r->model.engine = "auto";
    r->model.dtype = COVSAMP_F32;
    while (code == 0 && !r->help && (flag = args_next(&args, &value)) != ARGS_END)
        code = flag == ARGS_ERROR ? EXIT_USAGE : read_flag(r, flag, value);
    if (code != 0 || r->help)
        return code;
    if (r->model.path == NULL || r->data == NULL)
        return fail(EXIT_USAGE, "calibrate needs --model FILE and --data FILE.npy");
    return r->output != NULL ? outfile_probe(r->output) : 0;
}

/* Noisiest first: as many as said, evenly spaced, or those that are listed. */
static int find_levels(struct work *w, const char *text)
{
    char message[COVSAMP_MESSAGE_BYTES];
    const int64_t all = covsamp_schedule_levels(w->schedule);
    int code = args_int_list("--at", text, 1, all, w->at, MOST_LEVELS, &w->count);
    if (code != 0)
        return code;
    if (strchr(text, ',') == NULL) {
        const int64_t count = w->at[0] < MOST_LEVELS ? w->at[0] : MOST_LEVELS;
        if (covsamp_schedule_spaced(w->schedule, count, COVSAMP_SPACING_EVEN, w->at, message) < 0)
            return fail(EXIT_USAGE, "--at %s: %s", text, message);
        w->count = (int)count;
        return 0;
    }
    for (int i = 1; i < w->count; i++) /* few: sorted by insertion */
        for (int k = i; k > 0 && w->at[k] > w->at[k - 1]; k--) {
            const int64_t kept = w->at[k];
            w->at[k] = w->at[k - 1];
            w->at[k - 1] = kept;
        }
    return 0;
}

static int set_schedule(struct work *w, const struct calibrate_request *r,
                        const struct measurement *m)
{
    int code = measure_schedule(m, r->schedule, r->levels, &w->schedule, &w->schedule_text);
    if (code == 0)
        code = find_levels(w, r->at);
    if (code == 0 &&
        covsamp_config_set_schedule(w->config, w->schedule, w->at, w->count) != COVSAMP_OK)
        code = fail(EXIT_USAGE, "--at: %s", covsamp_config_message(w->config));
    return code;
}

static int set_options(struct work *w, const struct calibrate_request *r, struct measurement *m)
{
    const char *prediction =
        r->prediction != NULL ? r->prediction : model_metadata(w->model, "prediction");
    if (prediction != NULL &&
        covsamp_config_set_by_name(w->config, "prediction", prediction) != COVSAMP_OK)
        return fail(EXIT_USAGE, "--prediction: %s", covsamp_config_message(w->config));
    covsamp_config_set_int(w->config, COVSAMP_DTYPE, r->model.dtype);
    covsamp_config_set_int(w->config, COVSAMP_SEED, (int64_t)r->seed);
    covsamp_config_set_int(w->config, COVSAMP_BATCH, m->batch);
    covsamp_config_set_int(w->config, COVSAMP_DIM, m->dim);
    covsamp_config_set_int(w->config, COVSAMP_TANGENTS, 2);
    if (covsamp_calibration_new(&w->calibration, w->config, NULL, 0, !r->means_only) != COVSAMP_OK)
        return fail(EXIT_USAGE, "%s", covsamp_config_message(w->config));
    return 0;
}

static int prepare(struct work *w, const struct calibrate_request *r, struct measurement *m)
{
    int code = covsamp_config_new(&w->config, NULL) == COVSAMP_OK ? npy_read(&w->data, r->data)
                                                                  : fail(EXIT_RUN, "out of memory");
    if (code == 0)
        code = model_open(&w->model, &r->model);
    *m = (struct measurement){.model = w->model, .data = &w->data, .quiet = r->quiet || r->json};
    m->dtype = r->model.dtype;
    if (code == 0)
        code = measure_fits(m, r->data);
    if (code != 0)
        return code;
    m->samples = r->count > 0 && r->count < w->data.dims[0] ? r->count : w->data.dims[0];
    m->batch = r->batch < m->samples ? r->batch : m->samples;
    m->dim = w->data.count / w->data.dims[0];
    code = measure_labels(m, &w->labels, r->labels);
    if (code == 0)
        code = set_schedule(w, r, m);
    return code != 0 ? code : set_options(w, r, m);
}

/* What --calibration will make of the file. */
static int print_window(const struct calibrate_request *r)
{
    struct calibration c;
    int64_t low, high;
    int code = calibration_read(&c, r->output);
    if (code == 0 && calibration_window(&c, r->factor, &low, &high))
        fprintf(stderr,
                "%s: window_low %" PRId64 ", window_high %" PRId64 " (0: no limit) by factor %g\n",
                r->output, low, high, r->factor);
    else if (code == 0)
        fprintf(stderr, "%s: at no level is the trace within a factor of %g of the error\n",
                r->output, r->factor);
    calibration_free(&c);
    return code;
}

static int write_file(const struct work *w, const struct calibrate_request *r)
{
    char prediction[64] = "";
    covsamp_config_get_text(w->config, COVSAMP_PREDICTION, prediction, sizeof prediction);
    const struct calibration_origin origin = {r->model.path,    r->data,    r->labels,
                                              w->schedule_text, prediction, r->seed};
    return calibration_write(r->output, w->calibration, w->count,
                             covsamp_schedule_levels(w->schedule), &origin);
}

static int report(const struct work *w, const struct calibrate_request *r,
                  const struct measurement *m)
{
    (r->json ? report_json : report_table)(w->calibration, w->count);
    report_doubts(w->calibration, w->count, m, r->labels != NULL);
    const int code = r->output != NULL ? write_file(w, r) : 0;
    const bool silent = r->output == NULL || r->quiet || r->json || r->means_only;
    return code != 0 || silent ? code : print_window(r);
}

static covsamp_status run_pass(void *calibration, const covsamp_model *model, const void *data,
                               int64_t stride, int64_t samples)
{
    return covsamp_calibration_run(calibration, model, data, stride, samples);
}

static const char *message(const void *calibration)
{
    return covsamp_calibration_message(calibration);
}

static int calibrate(struct work *w, const struct calibrate_request *r)
{
    struct measurement m;
    int code = prepare(w, r, &m);
    const struct pass pass = {w->calibration, run_pass, message};
    if (code == 0)
        code = measure(&m, &pass);
    const bool stopped = code > 2;
    if (code != 0 && !stopped)
        return code;
    const int64_t samples = report_samples(w->calibration, w->count);
    if (samples == 0) {
        note("stopped before a batch was finished; nothing was written");
        return code;
    }
    if (stopped)
        note("stopped; what follows%s is of %" PRId64 " of %" PRId64 " samples",
             r->output != NULL ? " and is written" : "", samples, m.samples);
    m.samples = samples;
    const int written = report(w, r, &m);
    return written != 0 ? written : code;
}

static void help(void)
{
    puts(
        "usage: covsamp calibrate --model FILE --data FILE.npy [-o FILE.json] [options]\n\n"
        "Runs a model once over data and says what it is worth at each level: the mean squared "
        "error\n"
        "of its x0, the trace of its covariance by two products a sample (both per value, and "
        "equal\n"
        "for a perfect network), the analytic variance, and the asymmetry of its Jacobian.\n\n"
        "Error and trace are known from some dozens of images.  The analytic variance is a small\n"
        "difference of large numbers at high noise: for this tree's network of 28 x 28 values its\n"
        "+- at level 1000 is 0.66 by 64 images, so that 2 800 are needed for 0.1.  A +- above "
        "half\n"
        "the error is pointed out; means alone (--means-only) are enough for it.\n");
    args_help(flags, N_FLAGS);
}

int cmd_calibrate(int argc, char **argv)
{
    struct calibrate_request request;
    struct work work;
    memset(&work, 0, sizeof work);
    int code = read_request(&request, argc, argv);
    if (code == 0 && request.help)
        help();
    else if (code == 0)
        code = calibrate(&work, &request);
    covsamp_calibration_free(work.calibration);
    covsamp_schedule_free(work.schedule);
    covsamp_config_free(work.config);
    model_close(work.model);
    npy_free(&work.data);
    npy_free(&work.labels);
    return code;
}
