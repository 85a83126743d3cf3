/* SPDX-License-Identifier: BSD-3-Clause */
#include "request.h"

#include "args.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MODEL,
    OUTPUT,
    COUNT,
    METHOD,
    STEPS,
    SET,
    LABEL,
    CLASSIFIER,
    GUIDANCE,
    GUIDANCE_FORM,
    CONDITION,
    CFG,
    INIT,
    FROM_LEVEL,
    KNOWN,
    MASK,
    DECODER,
    ENCODER,
    LATENTS,
    SAVE,
    STOP_AFTER,
    RESUME,
    BATCH,
    SEED,
    FIRST,
    SHAPE,
    SCHEDULE,
    LEVELS,
    SPACING,
    CALIBRATION,
    FACTOR,
    DEVICE,
    DTYPE,
    ENGINE,
    COLUMNS,
    BY_LEVEL,
    JSON,
    QUIET,
    HELP,
    N_FLAGS
};

static const struct flag flags[N_FLAGS] = {
    [MODEL] = {"model", "FILE", "TorchScript file with forward(x, t) or forward(x, t, y)", 'm'},
    [OUTPUT] = {"output", "FILE", "x.png: contact sheet; x.npy: all values, for NumPy", 'o'},
    [COUNT] = {"count", "N", "samples to draw (default 16)", 'n'},
    [METHOD] = {"method", "NAME", "a list of options by name, see below (default lgs)", 0},
    [STEPS] = {"steps", "K", "levels to visit (default 25)", 0},
    [SET] = {"set", "KEY=VALUE", "any option of `covsamp options`; later ones win", 0},
    [LABEL] = {"label", "L[,L...]", "classes, in turn; \"all\" (default) or \"none\"", 0},
    [CLASSIFIER] = {"classifier", "FILE", "TorchScript file: forward(x, t) gives logits, x noisy",
                    0},
    [GUIDANCE] = {"guidance", "W", "weight of its gradient, which draws to --label", 0},
    [GUIDANCE_FORM] = {"guidance-form", "NAME", "auto (default), mean, state, score", 0},
    [CONDITION] = {"condition", NULL, "with --classifier: the model is told --label as well", 0},
    [CFG] = {"cfg", "W", "classifier-free guidance, (1 + W) with label - W without", 0},
    [INIT] = {"init", "IMAGE.npy", "begin with this and noise instead of noise alone", 0},
    [FROM_LEVEL] = {"from-level", "L", "of --init: the levels of the run are L and less", 0},
    [KNOWN] = {"known", "IMAGE.npy", "values that are known where the mask is 1", 0},
    [MASK] = {"mask", "MASK.npy", "of 0 and 1, shaped as a sample, or one channel of it", 0},
    [DECODER] = {"decoder", "FILE", "TorchScript file: makes images of samples (clip_x0 is 0 then)",
                 0},
    [ENCODER] = {"encoder", "FILE", "the same for --init and --known: latents of images", 0},
    [LATENTS] = {"latents", "FILE.npy", "with --decoder: the samples before it", 0},
    [SAVE] = {"save", "FILE", "stop half-way and keep the state, for --resume", 0},
    [STOP_AFTER] = {"stop-after", "K", "of --save: steps to take", 0},
    [RESUME] = {"resume", "FILE", "go on from --save; all other arguments as they were", 0},
    [BATCH] = {"batch", "B", "samples drawn at a time (default 16)", 0},
    [SEED] = {"seed", "S", "key of the noise (default 0)", 0},
    [FIRST] = {"first-sample", "K", "number of the first sample (default 0)", 0},
    [SHAPE] = {"shape", "C,H,W", "of one sample (default: as the file says)", 0},
    [SCHEDULE] = {"schedule", "NAME[:P,...]",
                  "linear, cosine, karras, flow (default: as the file says)", 0},
    [LEVELS] = {"levels", "N", "of the schedule (default: as the file says, or 1000)", 0},
    [SPACING] =
        {"spacing", "NAME",
         "trailing (default; paper-...: even), even, quadratic, log-snr, optimal (--calibration)",
         0},
    [CALIBRATION] = {"calibration", "FILE.json", "of covsamp calibrate: tables and window", 0},
    [FACTOR] = {"window-factor", "F",
                "the window is where its trace and error differ by at most this (1.25)", 0},
    [DEVICE] = {"device", "NAME", "cpu (default), cuda:0, ...", 0},
    [DTYPE] = {"dtype", "TYPE", "f32 (default) or f64", 0},
    [ENGINE] = {"engine", "NAME",
                "auto (default), linearised, linearised-bf16, dual, double-backward, transposed",
                0},
    [COLUMNS] = {"columns", "N", "of the contact sheet (default: one a class, or a square)", 0},
    [BY_LEVEL] = {"by-level", NULL, "a table of what each level's covariance was made of", 0},
    [JSON] = {"json", NULL, "cost summary as one JSON object on standard output", 0},
    [QUIET] = {"quiet", NULL, "neither progress bar nor summary", 'q'},
    [HELP] = {"help", NULL, "this text", 'h'},
};

static struct args arguments(int argc, char **argv)
{
    return (struct args){flags, "sample", argv, N_FLAGS, argc, 0};
}

static int read_flag(struct sample_request *r, int flag, const char *value)
{
    const int64_t most = INT64_MAX, most_levels = (INT64_C(1) << 24) - 1;
    switch (flag) {
        /* clang-format off */
    case MODEL: r->model = value; return 0;
    case OUTPUT: r->output = value; return 0;
    case METHOD: r->method = value; return 0;
    case LABEL: r->label = value; return 0;
    case CLASSIFIER: r->classifier = value; return 0;
    case GUIDANCE: r->guidance = value; return 0;
    case GUIDANCE_FORM: r->guidance_form = value; return 0;
    case CONDITION: r->condition = true; return 0;
    case CFG: r->cfg = value; return 0;
    case INIT: r->init = value; return 0;
    case KNOWN: r->known = value; return 0;
    case MASK: r->mask = value; return 0;
    case DECODER: r->decoder = value; return 0;
    case ENCODER: r->encoder = value; return 0;
    case LATENTS: r->latents = value; return 0;
    case SAVE: r->save = value; return 0;
    case RESUME: r->resume = value; return 0;
    case FROM_LEVEL: return args_int("--from-level", value, 1, most_levels, &r->from_level);
    case STOP_AFTER: return args_int("--stop-after", value, 1, most_levels, &r->stop_after);
    case SCHEDULE: r->schedule = value; return 0;
    case SPACING: r->spacing = value; return 0;
    case CALIBRATION: r->calibration = value; return 0;
    case FACTOR: return args_real("--window-factor", value, 1, 1e6, &r->window_factor);
    case DEVICE: r->device = value; return 0;
    case ENGINE: r->engine = value; return 0;
    case BY_LEVEL: r->by_level = true; return 0;
    case JSON: r->json = true; return 0;
    case QUIET: r->quiet = true; return 0;
    case HELP: r->help = true; return 0;
    case SET: r->sets[r->n_sets++] = value; return 0;
    case DTYPE: return args_dtype(value, &r->dtype);
    case SEED: return args_seed("--seed", value, &r->seed);
    case COUNT: return args_int("-n", value, 1, most, &r->count);
    case STEPS: return args_int("--steps", value, 1, most_levels, &r->steps);
    case BATCH: return args_int("--batch", value, 1, most, &r->batch);
    case FIRST: return args_int("--first-sample", value, 0, most, &r->first);
    case LEVELS: return args_int("--levels", value, 1, most_levels, &r->levels);
    case COLUMNS: return args_int("--columns", value, 1, most, &r->columns);
        /* clang-format on */
    case SHAPE:
        return args_int_list("--shape", value, 1, most, r->dims, MAX_DIMS, &r->n_dims);
    default:
        return EXIT_USAGE;
    }
}

int request_defaults(struct sample_request *r, int argc)
{
    *r = (struct sample_request){.method = "lgs",
                                 .device = "cpu",
                                 .engine = "auto",
                                 .dtype = COVSAMP_F32,
                                 .window_factor = 1.25,
                                 .steps = 25,
                                 .count = 16,
                                 .batch = 16};
    r->sets = calloc((size_t)argc + 1, sizeof *r->sets);
    return r->sets != NULL ? 0 : fail(EXIT_RUN, "out of memory");
}

int request_read(struct sample_request *r, bool kept, int argc, char **argv)
{
    struct args args = arguments(argc, argv);
    const char *value;
    int flag, code = request_defaults(r, argc);
    r->kept = kept;
    while (code == 0 && (flag = args_next(&args, &value)) != ARGS_END) {
        code = flag == ARGS_ERROR ? EXIT_USAGE : read_flag(r, flag, value);
        if (r->help)
            return 0;
    }
    return code != 0 ? code : request_check(r);
}

void request_free(struct sample_request *request)
{
    free(request->sets);
}

void request_help(void)
{
    puts(
        "usage: covsamp sample --model FILE -o FILE [options]\n\n"
        "Draws samples from a diffusion model.  Sample k depends on the seed and on k, not on the\n"
        "batch it is drawn in; its class is the k-th of --label, which repeats.\n");
    args_help(flags, N_FLAGS);
    puts("\nmethods:");
    preset_help();
    puts("\nCtrl-C stops after writing the finished batches and prints the command that draws the\n"
         "rest.  A TorchScript file is a program: use only files that you trust.\n"
         "Exit codes: 0, 1 (failed), 2 (wrong arguments), 130 (Ctrl-C).");
}

/* One word of a command line, quoted for a shell where it has to be. */
static void print_word(const char *word)
{
    const char *plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./,:@%";
    if (*word != '\0' && strspn(word, plain) == strlen(word)) {
        fprintf(stderr, " %s", word);
        return;
    }
    fputs(" '", stderr);
    for (; *word != '\0'; word++) {
        if (*word == '\'')
            fputs("'\\''", stderr);
        else
            putc(*word, stderr);
    }
    putc('\'', stderr);
}

/* x.png becomes x-from-48.png, and x-from-48.png becomes x-from-64.png. */
static void print_output(const char *output, int64_t first)
{
    char name[4096];
    int stem = (int)strlen(output) - 4;
    int digits = stem;
    while (digits > 0 && output[digits - 1] >= '0' && output[digits - 1] <= '9')
        digits--;
    if (digits < stem && digits >= 6 && strncmp(output + digits - 6, "-from-", 6) == 0)
        stem = digits - 6;
    snprintf(name, sizeof name, "%.*s-from-%" PRId64 "%s", stem, output, first,
             output + strlen(output) - 4);
    print_word(name);
}

void request_print_rest(int argc, char **argv, int64_t first, int64_t count, bool same_output)
{
    struct args args = arguments(argc, argv);
    const char *value, *output = "";
    int flag;
    fputs("covsamp: the rest:", stderr);
    print_word(argv[-1]); /* the program, as it was called; see main() */
    fputs(" sample", stderr);
    while ((flag = args_next(&args, &value)) >= 0) {
        if (flag == OUTPUT)
            output = value;
        if (flag == OUTPUT || flag == FIRST || flag == COUNT)
            continue;
        fprintf(stderr, " --%s", flags[flag].name);
        if (value != NULL)
            print_word(value);
    }
    fprintf(stderr, " --first-sample %" PRId64 " -n %" PRId64, first, count);
    if (*output != '\0') /* --save has none */
        fputs(" -o", stderr);
    if (*output != '\0' && same_output)
        print_word(output);
    else if (*output != '\0')
        print_output(output, first);
    putc('\n', stderr);
}
