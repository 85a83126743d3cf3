/* SPDX-License-Identifier: BSD-3-Clause */
/* The leading eigenpairs of Cov[x0 | x_t] for noised images: what a network is uncertain about. */
#include "args.h"
#include "modes_find.h"
#include "outfile.h"
#include "preset.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MODEL,
    DATA,
    LEVEL,
    COUNT,
    OUTPUT,
    NPY,
    IMAGES,
    FIRST,
    LABELS,
    SET,
    BATCH,
    SEED,
    SHAPE,
    SCHEDULE,
    LEVELS,
    PREDICTION,
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
    [LEVEL] = {"level", "L", "to noise the images to, 1 ... the schedule's levels", 0},
    [COUNT] = {"count", "K", "modes an image (default 5)", 0},
    [OUTPUT] = {"output", "FILE.png", "rows of x0, x_t, posterior mean and modes", 'o'},
    [NPY] = {"npy", "FILE.npy", "the same, not scaled, [n, 3 + K, ...shape] for NumPy", 0},
    [IMAGES] = {"images", "N", "of the data to use (default 4)", 'n'},
    [FIRST] = {"first", "I", "number of the first of them (default 0)", 0},
    [LABELS] = {"labels", "FILE.npy", "[n] whole numbers, the classes of the data (default: none)",
                0},
    [SET] = {"set", "KEY=VALUE", "tolerance, krylov_steps, symmetrise: see below", 0},
    [BATCH] = {"batch", "B", "images at a time (default 16)", 0},
    [SEED] = {"seed", "S", "key of the noise and of the spaces' starts (default 0)", 0},
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
    [JSON] = {"json", NULL, "the numbers as one JSON object on standard output", 0},
    [QUIET] = {"quiet", NULL, "no progress bar", 'q'},
    [HELP] = {"help", NULL, "this text", 'h'},
};

static int read_flag(struct modes_request *r, int flag, const char *value)
{
    const int64_t most = INT64_MAX;
    switch (flag) {
        /* clang-format off */
    case MODEL: r->model.path = value; return 0;
    case DATA: r->data = value; return 0;
    case OUTPUT: r->output = value; return 0;
    case NPY: r->npy = value; return 0;
    case LABELS: r->labels = value; return 0;
    case SCHEDULE: r->schedule = value; return 0;
    case PREDICTION: r->prediction = value; return 0;
    case DEVICE: r->model.device = value; return 0;
    case ENGINE: r->model.engine = value; return 0;
    case SET: r->sets[r->n_sets++] = value; return 0;
    case JSON: r->json = true; return 0;
    case QUIET: r->quiet = true; return 0;
    case HELP: r->help = true; return 0;
    case LEVEL: return args_int("--level", value, 1, (1 << 24) - 1, &r->level);
    case COUNT: return args_int("--count", value, 1, 1 << 16, &r->count);
    case IMAGES: return args_int("-n", value, 1, 1 << 24, &r->images);
    case FIRST: return args_int("--first", value, 0, most, &r->first);
    case BATCH: return args_int("--batch", value, 1, most, &r->batch);
    case LEVELS: return args_int("--levels", value, 1, (1 << 24) - 1, &r->levels);
    case DTYPE: return args_dtype(value, &r->model.dtype);
    case SEED: return args_seed("--seed", value, &r->seed);
        /* clang-format on */
    case SHAPE:
        return args_int_list("--shape", value, 1, most, r->model.dims, MAX_DIMS, &r->model.n_dims);
    default:
        return EXIT_USAGE;
    }
}

static int read_request(struct modes_request *r, int argc, char **argv)
{
    struct args args = {flags, "modes", argv, N_FLAGS, argc, 0};
    const char *value;
    int flag, code = 0;
    *r = (struct modes_request){.count = 5, .images = 4, .batch = 16};
    r->model.device = "cpu";
    r->model.engine = "auto";
    r->model.dtype = COVSAMP_F32;
    r->sets = calloc((size_t)argc + 1, sizeof *r->sets);
    if (r->sets == NULL)
        return fail(EXIT_RUN, "out of memory");
    while (code == 0 && !r->help && (flag = args_next(&args, &value)) != ARGS_END)
        code = flag == ARGS_ERROR ? EXIT_USAGE : read_flag(r, flag, value);
    if (code != 0 || r->help)
        return code;
    if (r->model.path == NULL || r->data == NULL || r->level == 0)
        return fail(EXIT_USAGE, "modes needs --model FILE, --data FILE.npy and --level L");
    if (r->output != NULL)
        code = outfile_probe(r->output);
    if (code == 0 && r->npy != NULL)
        code = outfile_probe(r->npy);
    return code;
}

/* ---- what is needed ---- */

/* The options that posterior modes read, but those that have a flag of their own. */
static int apply_sets(const struct modes_request *r, covsamp_config *config)
{
    static const char *const known[] = {
        "tolerance=", "krylov_steps=", "symmetrise=", "check_finite="};
    int code = 0;
    for (int i = 0; i < r->n_sets && code == 0; i++) {
        bool reads = false;
        for (size_t k = 0; k < sizeof known / sizeof known[0]; k++)
            reads |= strncmp(r->sets[i], known[k], strlen(known[k])) == 0;
        code = reads ? preset_set(config, "--set", r->sets[i])
                     : fail(EXIT_USAGE,
                            "--set takes tolerance=, krylov_steps=, symmetrise= or check_finite= "
                            "here, not \"%s\"",
                            r->sets[i]);
    }
    return code;
}

static int set_options(struct modes_work *w, const struct modes_request *r)
{
    const char *prediction =
        r->prediction != NULL ? r->prediction : model_metadata(w->m.model, "prediction");
    covsamp_config *c = w->config;
    if (prediction != NULL && covsamp_config_set_by_name(c, "prediction", prediction) != COVSAMP_OK)
        return fail(EXIT_USAGE, "--prediction: %s", covsamp_config_message(c));
    covsamp_config_set_int(c, COVSAMP_DTYPE, r->model.dtype);
    covsamp_config_set_int(c, COVSAMP_SEED, (int64_t)r->seed);
    covsamp_config_set_int(c, COVSAMP_FIRST_SAMPLE, r->first);
    covsamp_config_set_int(c, COVSAMP_BATCH, w->m.batch);
    covsamp_config_set_int(c, COVSAMP_DIM, w->m.dim);
    covsamp_config_set_int(c, COVSAMP_COVARIANCE, COVSAMP_COV_NONE);
    if (covsamp_config_set_schedule(c, w->schedule, &r->level, 1) != COVSAMP_OK)
        return fail(EXIT_USAGE,
                    "--level takes a whole number in 1 ... %" PRId64 ", not \"%" PRId64 "\"",
                    covsamp_schedule_levels(w->schedule), r->level);
    const int code = apply_sets(r, c);
    if (code != 0)
        return code;
    if (covsamp_posterior_modes_new(&w->handle, c, r->level, r->count) != COVSAMP_OK ||
        covsamp_sampler_new(&w->sampler, c) != COVSAMP_OK)
        return fail(EXIT_USAGE, "%s", covsamp_config_message(c));
    return 0;
}

static int check_images(struct modes_work *w, const struct modes_request *r)
{
    const int64_t there = w->data.dims[0];
    if (r->first >= there || r->images > there - r->first)
        return fail(EXIT_USAGE,
                    "--first %" PRId64 " and -n %" PRId64 " are images %" PRId64 " ... %" PRId64
                    ", and %s has 0 ... %" PRId64,
                    r->first, r->images, r->first, r->first + r->images - 1, r->data, there - 1);
    if (r->npy != NULL && w->shape.n_dims == MAX_DIMS)
        return fail(EXIT_USAGE, "--npy takes samples of at most %d dimensions", MAX_DIMS - 1);
    const struct sheet sheet = {.columns = 3 + r->count};
    return r->output != NULL ? png_fits(&w->shape, r->images * (3 + r->count), &sheet) : 0;
}

static int prepare(struct modes_work *w, const struct modes_request *r)
{
    struct measurement *m = &w->m;
    const char *text;
    int code = covsamp_config_new(&w->config, NULL) == COVSAMP_OK ? npy_read(&w->data, r->data)
                                                                  : fail(EXIT_RUN, "out of memory");
    if (code == 0)
        code = model_open(&m->model, &r->model);
    m->data = &w->data;
    m->dtype = r->model.dtype;
    if (code == 0)
        code = measure_fits(m, r->data);
    if (code == 0)
        code = model_shape(m->model, w->shape.dims, &w->shape.n_dims);
    if (code == 0)
        code = check_images(w, r);
    if (code != 0)
        return code;
    m->samples = r->images;
    m->batch = r->batch < r->images ? r->batch : r->images;
    m->dim = w->data.count / w->data.dims[0];
    code = measure_labels(m, &w->labels, r->labels);
    if (code == 0)
        code = measure_schedule(m, r->schedule, r->levels, &w->schedule, &text);
    if (code == 0)
        code = set_options(w, r);
    w->modes.dim = m->dim;
    w->modes.count = r->count;
    w->modes.level = r->level;
    if (code == 0)
        code = modes_make(&w->modes, r->images);
    w->callbacks.size = sizeof w->callbacks;
    return code != 0 ? code : model_callbacks(m->model, &w->callbacks);
}

static int modes(struct modes_work *w, const struct modes_request *r)
{
    int code = prepare(w, r);
    if (code == 0)
        code = modes_find(w, r);
    if (code > 2)
        note("stopped; nothing was written");
    if (code == 0 && r->output != NULL)
        code = modes_png(&w->modes, &w->shape, r->output);
    if (code == 0 && r->npy != NULL)
        code = modes_npy(&w->modes, &w->shape, r->npy);
    if (code != 0)
        return code;
    if (r->json)
        modes_json(&w->modes, model_engine(w->m.model));
    else
        modes_table(&w->modes);
    return 0;
}

static void help(void)
{
    puts("usage: covsamp modes --model FILE --data FILE.npy --level L [-o FILE.png] [options]\n\n"
         "Noises images to a level and finds the leading eigenpairs of Cov[x0 | x_t]: along which\n"
         "pictures, and by what variance, the model is uncertain about what x0 was.\n");
    args_help(flags, N_FLAGS);
    puts("\nA mode has converged when its residual |C v - value v| / largest value is at most the\n"
         "option tolerance (--set tolerance=...; 1e-3 where it is not set); krylov_steps bounds "
         "the\n"
         "products an image (4 K + 16).  A product is one with (C + C^T) / 2, a JVP and a VJP, "
         "unless\n"
         "--set symmetrise=project.");
}

int cmd_modes(int argc, char **argv)
{
    struct modes_request request;
    struct modes_work work;
    memset(&work, 0, sizeof work);
    int code = read_request(&request, argc, argv);
    if (code == 0 && request.help)
        help();
    else if (code == 0)
        code = modes(&work, &request);
    covsamp_posterior_modes_free(work.handle);
    covsamp_sampler_free(work.sampler);
    covsamp_schedule_free(work.schedule);
    covsamp_config_free(work.config);
    model_close(work.m.model);
    modes_free(&work.modes);
    npy_free(&work.data);
    npy_free(&work.labels);
    free(work.batch);
    free(request.sets);
    return code;
}
