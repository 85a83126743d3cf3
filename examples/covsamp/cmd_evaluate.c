/* SPDX-License-Identifier: BSD-3-Clause */
/* How good samples are: distances to a reference on a classifier's features, and class accuracy. */
#include "args.h"
#include "evaluate_report.h"
#include "outfile.h"
#include "summary.h"

#include <covsamp/covsamp.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CLASSIFIER,
    LAYER,
    SAMPLES,
    FEATURES,
    CLASSES,
    LABELS,
    REFERENCE,
    REFERENCE_FEATURES,
    COUNT,
    WRITE_FEATURES,
    WRITE_CLASSES,
    WRITE_REFERENCE,
    NEAREST,
    BOOTSTRAP,
    REPLICATES,
    SEED,
    CONFIDENCE,
    CLIP,
    SHAPE,
    BATCH,
    DEVICE,
    JSON,
    QUIET,
    HELP,
    N_FLAGS
};

static const struct flag flags[N_FLAGS] = {
    [CLASSIFIER] = {"classifier", "FILE", "TorchScript file: forward(x) gives logits of images", 0},
    [LAYER] = {"layer", "NAME", "its method that gives features (default features)", 0},
    [SAMPLES] = {"samples", "FILE.npy", "images, [n, ...shape] of f2, f4, f8, or u1 (-1 ... 1)", 0},
    [FEATURES] = {"features", "FILE.npy", "features of the samples in their place, [n, width]", 0},
    [CLASSES] = {"classes", "FILE.npy", "with --features: what the classifier said, [n]", 0},
    [LABELS] = {"labels", "FILE.npy", "[n] whole numbers, the classes that samples should have", 0},
    [REFERENCE] = {"reference", "FILE.npy", "images to compare with, as --samples", 0},
    [REFERENCE_FEATURES] = {"reference-features", "FILE", "their features in their place, NPY", 0},
    [COUNT] = {"count", "N", "samples to use of a file, if it has them (default: all)", 'n'},
    [WRITE_FEATURES] = {"write-features", "FILE.npy", "of the samples, as f2", 0},
    [WRITE_CLASSES] = {"write-classes", "FILE.npy", "what the classifier said of them, [n]", 0},
    [WRITE_REFERENCE] = {"write-reference", "FILE.npy", "features of the reference, as f2", 0},
    [NEAREST] = {"nearest", "K", "neighbours, of precision and recall (default 3)", 0},
    [BOOTSTRAP] = {"bootstrap", "B", "replicates for intervals, 0 or 2 and more (default 200)", 0},
    [REPLICATES] = {"replicates", NULL, "with --json: all replicates, moved as intervals are", 0},
    [SEED] = {"bootstrap-seed", "S", "key of the replicates (default 0)", 0},
    [CONFIDENCE] = {"confidence", "P", "of an interval (default 0.95)", 0},
    [CLIP] = {"clip", "R", "images are limited to +-R first (default 1), 0: not", 0},
    [SHAPE] = {"shape", "C,H,W", "of one image in files (default: as their arrays are)", 0},
    [BATCH] = {"batch", "B", "images that the classifier takes at a time (default 100)", 0},
    [DEVICE] = {"device", "NAME", "of the classifier: cpu (default), cuda:0, ...", 0},
    [JSON] = {"json", NULL, "one JSON object on standard output", 0},
    [QUIET] = {"quiet", NULL, "neither progress bar nor notes", 'q'},
    [HELP] = {"help", NULL, "this text", 'h'},
};

struct evaluate_request {
    const char *samples, *features, *classes, *labels, *reference, *reference_features;
    const char *write_features, *write_classes, *write_reference;
    struct judge_options judge;
    struct resampling resampling;
    int64_t count, nearest; /* count 0: all */
    int64_t dims[MAX_DIMS];
    int n_dims;
    bool json, replicates, quiet, help;
    bool draws; /* there is a "--" */
};

struct work {
    struct drawn drawn;
    struct features samples, reference;
    int64_t *labels; /* of --labels */
    struct evaluation evaluation;
};

static int read_flag(struct evaluate_request *e, int flag, const char *value)
{
    const int64_t most = INT64_MAX;
    switch (flag) {
        /* clang-format off */
    case CLASSIFIER: e->judge.path = value; return 0;
    case LAYER: e->judge.layer = value; return 0;
    case SAMPLES: e->samples = value; return 0;
    case FEATURES: e->features = value; return 0;
    case CLASSES: e->classes = value; return 0;
    case LABELS: e->labels = value; return 0;
    case REFERENCE: e->reference = value; return 0;
    case REFERENCE_FEATURES: e->reference_features = value; return 0;
    case WRITE_FEATURES: e->write_features = value; return 0;
    case WRITE_CLASSES: e->write_classes = value; return 0;
    case WRITE_REFERENCE: e->write_reference = value; return 0;
    case DEVICE: e->judge.device = value; return 0;
    case JSON: e->json = true; return 0;
    case REPLICATES: e->replicates = true; return 0;
    case QUIET: e->quiet = true; return 0;
    case HELP: e->help = true; return 0;
    case COUNT: return args_int("-n", value, 1, most, &e->count);
    case NEAREST: return args_int("--nearest", value, 1, 1000, &e->nearest);
    case BOOTSTRAP: return args_int("--bootstrap", value, 0, 10000, &e->resampling.replicates);
    case SEED: return args_seed("--bootstrap-seed", value, &e->resampling.seed);
    case CONFIDENCE: return args_real("--confidence", value, 0, 1, &e->resampling.confidence);
    case CLIP: return args_real("--clip", value, 0, 1e30, &e->judge.clip);
    case BATCH: return args_int("--batch", value, 1, 1000000, &e->judge.batch);
    case SHAPE: return args_int_list("--shape", value, 1, most, e->dims, MAX_DIMS, &e->n_dims);
        /* clang-format on */
    default:
        return EXIT_USAGE;
    }
}

static int check_request(const struct evaluate_request *e)
{
    const bool images = e->samples != NULL || e->draws || e->reference != NULL;
    if ((e->samples != NULL) + (e->features != NULL) + e->draws != 1)
        return fail(EXIT_USAGE, "evaluate needs one of --samples FILE.npy, --features FILE.npy and "
                                "-- with arguments of covsamp sample behind it");
    if (e->reference != NULL && e->reference_features != NULL)
        return fail(EXIT_USAGE, "--reference and --reference-features exclude each other");
    if (images && e->judge.path == NULL)
        return fail(EXIT_USAGE, "evaluate needs --classifier FILE to make features of images");
    if (e->classes != NULL && e->features == NULL)
        return fail(EXIT_USAGE, "--classes needs --features FILE.npy");
    if (e->labels != NULL && e->draws)
        return fail(EXIT_USAGE, "--labels is for files; samples that are drawn have --label, "
                                "behind the --");
    if (e->labels != NULL && e->features != NULL && e->classes == NULL)
        return fail(EXIT_USAGE, "--labels with --features needs --classes FILE.npy");
    if (e->count > 0 && e->draws)
        return fail(EXIT_USAGE, "-n is for files; samples that are drawn have one behind the --");
    if (e->resampling.replicates == 1)
        return fail(EXIT_USAGE, "--bootstrap must be 0 or 2 to 10000, not 1");
    if (e->replicates && !e->json)
        return fail(EXIT_USAGE, "--replicates needs --json");
    if (e->write_classes != NULL && e->features != NULL)
        return fail(EXIT_USAGE, "--write-classes needs images, and --features has none");
    if (e->write_reference != NULL && e->reference == NULL)
        return fail(EXIT_USAGE, "--write-reference needs --reference FILE.npy");
    if (e->reference == NULL && e->reference_features == NULL && e->labels == NULL && !e->draws &&
        e->write_features == NULL && e->write_classes == NULL)
        return fail(EXIT_USAGE, "evaluate needs --reference or --reference-features FILE.npy, "
                                "--labels FILE.npy, or a file to write");
    return 0;
}

/* Arguments before a "--" are evaluate's; *own receives how many, those behind it are sample's. */
static int read_request(struct evaluate_request *e, int argc, char **argv, int *own)
{
    for (*own = 0; *own < argc && strcmp(argv[*own], "--") != 0;)
        ++*own;
    struct args args = {flags, "evaluate", argv, N_FLAGS, *own, 0};
    const char *value;
    int flag, code = 0;
    *e = (struct evaluate_request){
        .judge = {.layer = "features", .device = "cpu", .clip = 1, .batch = 100},
        .resampling = {.replicates = 200, .confidence = 0.95},
        .nearest = 3,
        .draws = *own < argc};
    while (code == 0 && !e->help && (flag = args_next(&args, &value)) != ARGS_END)
        code = flag == ARGS_ERROR ? EXIT_USAGE : read_flag(e, flag, value);
    return code != 0 || e->help ? code : check_request(e);
}

/* What cannot be written is told before hours of sampling. */
static int probe(const struct evaluate_request *e)
{
    const char *const paths[] = {e->write_features, e->write_classes, e->write_reference};
    int code = 0;
    for (size_t i = 0; code == 0 && i < sizeof paths / sizeof paths[0]; i++)
        code = paths[i] != NULL ? outfile_probe(paths[i]) : 0;
    return code;
}

/* Fewer than were asked for would be another number: those of different ones do not compare. */
static int check_count(int64_t asked, int64_t all, const char *path)
{
    return asked <= all
               ? 0
               : fail(EXIT_USAGE, "-n must be 1 to %" PRId64 ", as many as %s has, not %" PRId64,
                      all, path, asked);
}

static int look_at_file(struct features *f, const struct evaluate_request *e, const char *flag,
                        const char *path, int64_t most, int64_t *all)
{
    struct samples images = {0}, like = {.dtype = COVSAMP_F32, .n_dims = e->n_dims};
    memcpy(like.dims, e->dims, sizeof like.dims);
    int code = images_read(&images, flag, path, &like);
    *all = images.count;
    if (code == 0)
        code = check_count(most, images.count, path);
    if (code == 0 && most > 0)
        images.count = most;
    if (code == 0)
        code = features_look(f, &e->judge, &images, path);
    free(images.data);
    return code;
}

static int read_reference(struct work *w, const struct evaluate_request *e)
{
    int64_t all;
    int code = 0;
    if (e->reference != NULL)
        code = look_at_file(&w->reference, e, "--reference", e->reference, 0, &all);
    else if (e->reference_features != NULL)
        code = features_read(&w->reference, "--reference-features", e->reference_features);
    if (code == 0 && e->write_reference != NULL)
        code = features_write(&w->reference, e->write_reference);
    return code;
}

static int read_samples(struct work *w, const struct evaluate_request *e)
{
    int64_t all = 0;
    int code = 0;
    if (e->samples != NULL) {
        code = look_at_file(&w->samples, e, "--samples", e->samples, e->count, &all);
    } else if (e->features != NULL) {
        code = features_read(&w->samples, "--features", e->features);
        all = w->samples.n;
        if (code == 0)
            code = check_count(e->count, all, e->features);
        if (code == 0 && e->count > 0)
            features_keep(&w->samples, e->count);
        if (code == 0 && e->classes != NULL)
            code = classes_read(&w->samples.classes, w->samples.n, all, "--classes", e->classes);
    } else {
        code = drawn_make(&w->drawn);
        if (code == 0)
            code = features_look(&w->samples, &e->judge, w->drawn.images, "the samples drawn");
    }
    if (code == 0 && e->labels != NULL)
        code = classes_read(&w->labels, w->samples.n, all, "--labels", e->labels);
    if (code == 0 && e->write_features != NULL)
        code = features_write(&w->samples, e->write_features);
    if (code == 0 && e->write_classes != NULL)
        code = classes_write(&w->samples, e->write_classes);
    return code;
}

static int check_sizes(const struct work *w, const struct evaluate_request *e)
{
    const struct features *const sets[] = {&w->samples, &w->reference};
    const char *const what[] = {"samples", "reference"};
    if (w->samples.width != w->reference.width)
        return fail(EXIT_USAGE,
                    "the samples have %" PRId64 " features each, and the reference has %" PRId64,
                    w->samples.width, w->reference.width);
    for (int i = 0; i < 2; i++)
        if (sets[i]->n <= e->nearest)
            return fail(EXIT_USAGE,
                        "--nearest %" PRId64 " needs at least %" PRId64
                        " of each, and the %s are %" PRId64,
                        e->nearest, e->nearest + 1, what[i], sets[i]->n);
    if (w->samples.n <= w->samples.width && !e->quiet)
        note("%" PRId64 " samples do not fill %" PRId64
             " features: their Frechet distance compares with those of as many samples only",
             w->samples.n, w->samples.width);
    return 0;
}

static int run(struct work *w, const struct evaluate_request *e)
{
    const bool compares = e->reference != NULL || e->reference_features != NULL;
    int code = probe(e);
    if (code ==
        0) /* the quicker one first: what is wrong with it is told before samples are drawn */
        code = read_reference(w, e);
    if (code == 0)
        code = read_samples(w, e);
    if (code == 0 && compares)
        code = check_sizes(w, e);
    const int64_t *labels = e->draws ? w->drawn.labels : w->labels;
    const struct features *reference = compares ? &w->reference : NULL;
    if (code == 0)
        code = evaluate(&w->evaluation, &w->samples, reference, labels, e->nearest, &e->resampling);
    if (code != 0)
        return code;
    const struct evaluate_report report = {
        &w->evaluation, &w->samples,  reference, &e->resampling, e->draws ? &w->drawn : NULL,
        e->nearest,     e->replicates};
    if (e->draws && !e->quiet && !e->json)
        summary_print(&w->drawn.setup, &w->drawn.request, &w->drawn.cost);
    if (e->json)
        evaluate_json(&report);
    else
        evaluate_table(&report);
    return 0;
}

static void help(void)
{
    puts(
        "usage: covsamp evaluate [options] [-- options of covsamp sample]\n\n"
        "Compares samples with a reference by what a classifier makes of both: Frechet distance\n"
        "of its features; unbiased kernel distance, with (x.y / width + 1)^3; precision and "
        "recall\n"
        "by K nearest neighbours; and, where classes were asked for, how many samples it gives\n"
        "theirs.  Samples come from --samples or --features, or are drawn: behind -- stand the\n"
        "arguments of covsamp sample, without -o.  Numbers of different numbers of samples do not\n"
        "compare.  Intervals hold the reference fixed: they are of samples drawn again, as many\n"
        "of each label where labels are known; for recall, of halves of the samples.\n");
    args_help(flags, N_FLAGS);
}

int cmd_evaluate(int argc, char **argv)
{
    struct evaluate_request request;
    struct work work;
    int own;
    memset(&work, 0, sizeof work);
    int code = read_request(&request, argc, argv, &own);
    if (code == 0 && request.draws && !request.help)
        code =
            drawn_read(&work.drawn, request.quiet || request.json, argc - own - 1, argv + own + 1);
    if (code == 0 && request.help)
        help();
    else if (code == 0 && work.drawn.request.help)
        request_help();
    else if (code == 0)
        code = run(&work, &request);
    drawn_free(&work.drawn);
    features_free(&work.samples);
    features_free(&work.reference);
    free(work.labels);
    evaluation_free(&work.evaluation);
    return code;
}
