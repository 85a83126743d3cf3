/* SPDX-License-Identifier: BSD-3-Clause */
/* A bound on the likelihood of data, in bits per value, under any method's covariance. */
#include "args.h"
#include "measure.h"
#include "nelbo_report.h"
#include "outfile.h"
#include "setup.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    MODEL,
    DATA,
    OUTPUT,
    COUNT,
    LABELS,
    METHOD,
    STEPS,
    SET,
    BINS,
    BATCH,
    SEED,
    SHAPE,
    SCHEDULE,
    LEVELS,
    SPACING,
    CALIBRATION,
    FACTOR,
    DEVICE,
    DTYPE,
    ENGINE,
    JSON,
    QUIET,
    HELP,
    N_FLAGS
};

static const struct flag flags[N_FLAGS] = {
    [MODEL] = {"model", "FILE", "TorchScript file with forward(x, t) or forward(x, t, y)", 'm'},
    [DATA] = {"data", "FILE.npy", "[n, ...shape] of f4, f8, or u1, which becomes -1 ... 1", 0},
    [OUTPUT] = {"output", "FILE", "x.json or x.npy: every term", 'o'},
    [COUNT] = {"count", "N", "samples of the data to use (default: all)", 'n'},
    [LABELS] = {"labels", "FILE.npy", "[n] whole numbers, the classes of the data (default: none)",
                0},
    [METHOD] = {"method", "NAME", "of covsamp sample --help, with eta above 0 (default lgs)", 0},
    [STEPS] = {"steps", "K", "levels to visit (default 25)", 0},
    [SET] = {"set", "KEY=VALUE", "any option of `covsamp options`; later ones win", 0},
    [BINS] = {"bins", "B", "grey values of the data in [-1, 1] (default 256); 0: a density", 0},
    [BATCH] = {"batch", "B", "samples at a time (default 16)", 0},
    [SEED] = {"seed", "S", "key of the noise and of the probes (default 0)", 0},
    [SHAPE] = {"shape", "C,H,W", "of one sample (default: as the file says)", 0},
    [SCHEDULE] = {"schedule", "NAME[:P,...]",
                  "linear, cosine, karras, flow (default: as the file says)", 0},
    [LEVELS] = {"levels", "N", "of the schedule (default: as the file says, or 1000)", 0},
    [SPACING] = {"spacing", "NAME",
                 "even (default), quadratic, trailing, log-snr, optimal (--calibration)", 0},
    [CALIBRATION] = {"calibration", "FILE.json", "of covsamp calibrate: tables and window", 0},
    [FACTOR] = {"window-factor", "F",
                "the window is where its trace and error differ by at most this (1.25)", 0},
    [DEVICE] = {"device", "NAME", "cpu (default), cuda:0, ...", 0},
    [DTYPE] = {"dtype", "TYPE", "f32 (default) or f64", 0},
    [ENGINE] = {"engine", "NAME",
                "auto (default), linearised, linearised-bf16, dual, double-backward, transposed",
                0},
    [JSON] = {"json", NULL, "the terms as one JSON object on standard output", 0},
    [QUIET] = {"quiet", NULL, "no progress bar", 'q'},
    [HELP] = {"help", NULL, "this text", 'h'},
};

struct nelbo_request {
    struct sample_request method; /* what sample has too; count 0: all of the data */
    const char *data, *labels;
    int64_t bins;
};

struct work {
    struct setup setup;
    struct npy data, labels;
    covsamp_nelbo *nelbo;
};

static int read_flag(struct nelbo_request *n, int flag, const char *value)
{
    struct sample_request *r = &n->method;
    const int64_t most = INT64_MAX, most_levels = (INT64_C(1) << 24) - 1;
    switch (flag) {
        /* clang-format off */
    case MODEL: r->model = value; return 0;
    case DATA: n->data = value; return 0;
    case OUTPUT: r->output = value; return 0;
    case LABELS: n->labels = value; return 0;
    case METHOD: r->method = value; return 0;
    case SCHEDULE: r->schedule = value; return 0;
    case SPACING: r->spacing = value; return 0;
    case CALIBRATION: r->calibration = value; return 0;
    case DEVICE: r->device = value; return 0;
    case ENGINE: r->engine = value; return 0;
    case JSON: r->json = true; return 0;
    case QUIET: r->quiet = true; return 0;
    case HELP: r->help = true; return 0;
    case SET: r->sets[r->n_sets++] = value; return 0;
    case DTYPE: return args_dtype(value, &r->dtype);
    case SEED: return args_seed("--seed", value, &r->seed);
    case COUNT: return args_int("-n", value, 1, most, &r->count);
    case STEPS: return args_int("--steps", value, 1, most_levels, &r->steps);
    case BATCH: return args_int("--batch", value, 1, most, &r->batch);
    case BINS: return args_int("--bins", value, 0, 65536, &n->bins);
    case LEVELS: return args_int("--levels", value, 1, most_levels, &r->levels);
    case FACTOR: return args_real("--window-factor", value, 1, 1e6, &r->window_factor);
        /* clang-format on */
    case SHAPE:
        return args_int_list("--shape", value, 1, most, r->dims, MAX_DIMS, &r->n_dims);
    default:
        return EXIT_USAGE;
    }
}

static bool ends_in(const char *text, const char *end)
{
    const size_t length = strlen(text), bytes = strlen(end);
    return length > bytes && strcmp(text + length - bytes, end) == 0;
}

static int read_request(struct nelbo_request *n, int argc, char **argv)
{
    struct args args = {flags, "nelbo", argv, N_FLAGS, argc, 0};
    struct sample_request *r = &n->method;
    const char *value;
    int flag, code = request_defaults(r, argc);
    r->count = 0;
    n->bins = 256;
    while (code == 0 && !r->help && (flag = args_next(&args, &value)) != ARGS_END)
        code = flag == ARGS_ERROR ? EXIT_USAGE : read_flag(n, flag, value);
    if (code != 0 || r->help)
        return code;
    if (r->model == NULL || n->data == NULL)
        return fail(EXIT_USAGE, "nelbo needs --model FILE and --data FILE.npy");
    if (r->output != NULL && !ends_in(r->output, ".json") && !ends_in(r->output, ".npy"))
        return fail(EXIT_USAGE, "-o takes a name that ends in .json or .npy, not \"%s\"",
                    r->output);
    if (r->spacing == NULL)
        r->spacing = "even"; /* a bound pays for its last jump, which is short then */
    r->preset = preset_find(r->method);
    return r->preset != NULL ? 0 : EXIT_USAGE;
}

/* Told before hours of work, not in the last batch. */
static int check_range(const struct measurement *m, const struct nelbo_request *n)
{
    const struct spread s = measure_spread(m);
    if (n->bins == 0 || (s.low >= -1 && s.high <= 1))
        return 0;
    return fail(EXIT_USAGE,
                "%s: the data lies in %g ... %g, must be in [-1, 1] for --bins %" PRId64
                " (--bins 0 takes any)",
                n->data, s.low, s.high, n->bins);
}

static int prepare(struct work *w, const struct nelbo_request *n, struct measurement *m)
{
    const struct sample_request *r = &n->method;
    struct setup *s = &w->setup;
    int code = npy_read(&w->data, n->data);
    if (code == 0)
        code = setup_model(s, r);
    *m = (struct measurement){
        .model = s->model, .data = &w->data, .dtype = r->dtype, .quiet = r->quiet || r->json};
    if (code == 0)
        code = measure_fits(m, n->data);
    if (code != 0)
        return code;
    m->samples = r->count > 0 && r->count < w->data.dims[0] ? r->count : w->data.dims[0];
    m->batch = r->batch < m->samples ? r->batch : m->samples;
    m->dim = w->data.count / w->data.dims[0];
    code = check_range(m, n);
    if (code == 0)
        code = measure_labels(m, &w->labels, n->labels);
    if (code != 0)
        return code;
    covsamp_config_set_int(s->config, COVSAMP_BATCH, m->batch);
    covsamp_config_set_int(s->config, COVSAMP_DIM, m->dim);
    if (covsamp_nelbo_new(&w->nelbo, s->config, n->bins) != COVSAMP_OK)
        return fail(EXIT_USAGE, "%s", covsamp_config_message(s->config));
    return 0;
}

static covsamp_status run_pass(void *nelbo, const covsamp_model *model, const void *data,
                               int64_t stride, int64_t samples)
{
    return covsamp_nelbo_run(nelbo, model, data, stride, samples);
}

static const char *message(const void *nelbo)
{
    return covsamp_nelbo_message(nelbo);
}

static int write_file(const struct work *w, const struct nelbo_request *n)
{
    const struct sample_request *r = &n->method;
    struct outfile file;
    if (ends_in(r->output, ".npy"))
        return nelbo_npy(r->output, w->nelbo);
    const int code = outfile_open(&file, r->output);
    if (code != 0)
        return code;
    nelbo_json(file.stream, w->nelbo, r->method, r->model, n->data);
    return outfile_commit(&file);
}

static int bound(struct work *w, const struct nelbo_request *n)
{
    struct measurement m;
    covsamp_nelbo_total total = {.size = sizeof total};
    int code = prepare(w, n, &m);
    const struct pass pass = {w->nelbo, run_pass, message};
    if (code == 0)
        code = measure(&m, &pass);
    const bool stopped = code > 2;
    if (code != 0 && !stopped)
        return code;
    if (covsamp_nelbo_sum(w->nelbo, &total) != COVSAMP_OK) {
        note("stopped before a batch was finished; nothing was written");
        return code;
    }
    if (stopped)
        note("stopped; what follows is of %" PRId64 " of %" PRId64 " samples", total.samples,
             m.samples);
    if (n->method.json)
        nelbo_json(stdout, w->nelbo, n->method.method, n->method.model, n->data);
    else
        nelbo_table(w->nelbo);
    const int written = n->method.output != NULL ? write_file(w, n) : 0;
    return written != 0 ? written : code;
}

static void help(void)
{
    puts(
        "usage: covsamp nelbo --model FILE --data FILE.npy [-o FILE] [options]\n\n"
        "Bounds -log p of data under a method, in bits per value, term by term.  Diagonal "
        "covariances\n"
        "exactly; krylov by stochastic Lanczos quadrature, 3 probes and 8 products of a JVP and a "
        "VJP\n"
        "each: an estimate, too small where 8 are too few.  --set tolerance=0.003 takes as many as "
        "are\n"
        "needed, as a rule; --set covariance=dense on a few samples tells.  --set "
        "symmetrise=project\n"
        "takes JVPs alone, and is biased.  Columns of the NPY file: term (1 prior, 2 step, 3 "
        "decoder),\n"
        "level, to, nats, its standard error, log det, trace, residual, standard error of the "
        "probes.\n");
    args_help(flags, N_FLAGS);
}

int cmd_nelbo(int argc, char **argv)
{
    struct nelbo_request request;
    struct work work;
    memset(&work, 0, sizeof work);
    memset(&request, 0, sizeof request);
    int code = read_request(&request, argc, argv);
    if (code == 0 && request.method.help)
        help();
    else if (code == 0)
        code = bound(&work, &request);
    covsamp_nelbo_free(work.nelbo);
    setup_free(&work.setup);
    request_free(&request.method);
    npy_free(&work.data);
    npy_free(&work.labels);
    return code;
}
