/* SPDX-License-Identifier: BSD-3-Clause */
/* Is a network's Jacobian-vector product what it should be? */
#include "args.h"
#include "model.h"
#include "process.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MODEL, SHAPE, SCHEDULE, LEVELS, DEVICE, DTYPE, ENGINE, SEED, REPEATS, JSON, HELP, N_FLAGS };

static const struct flag flags[N_FLAGS] = {
    [MODEL] = {"model", "FILE", "TorchScript file with forward(x, t) or forward(x, t, y)", 'm'},
    [SHAPE] = {"shape", "C,H,W", "of one sample (default: as the file says)", 0},
    [SCHEDULE] = {"schedule", "NAME[:P,...]",
                  "gives the times (default: as the file says, or linear)", 0},
    [LEVELS] = {"levels", "N", "of the schedule (default: as the file says, or 1000)", 0},
    [DEVICE] = {"device", "NAME", "cpu (default), cuda:0, ...", 0},
    [DTYPE] = {"dtype", "TYPE", "f64 (default) or f32, with which less can be told", 0},
    [ENGINE] = {"engine", "NAME",
                "auto (default), linearised, linearised-bf16, dual, double-backward, transposed",
                0},
    [SEED] = {"seed", "S", "of the random inputs (default 0)", 0},
    [REPEATS] = {"repeats", "N", "calls at each time (default 4, at least 4)", 0},
    [JSON] = {"json", NULL, "one JSON object on standard output", 0},
    [HELP] = {"help", NULL, "this text", 'h'},
};

#define N_TIMES 5
/* Places on the schedule: from almost data to almost noise. */
static const double places[N_TIMES] = {0.001, 0.1, 0.3, 0.6, 1};

struct check_request {
    struct model_options model;
    const char *schedule;
    int64_t levels, repeats;
    uint64_t seed;
    bool json, help;
};

static int read_flag(struct check_request *r, int flag, const char *value)
{
    switch (flag) {
        /* clang-format off */
    case MODEL: r->model.path = value; return 0;
    case DEVICE: r->model.device = value; return 0;
    case ENGINE: r->model.engine = value; return 0;
    case SCHEDULE: r->schedule = value; return 0;
    case JSON: r->json = true; return 0;
    case HELP: r->help = true; return 0;
    case DTYPE: return args_dtype(value, &r->model.dtype);
    case SEED: return args_seed("--seed", value, &r->seed);
    case LEVELS: return args_int("--levels", value, 1, (1 << 24) - 1, &r->levels);
    case REPEATS: return args_int("--repeats", value, 4, 10000, &r->repeats);
        /* clang-format on */
    case SHAPE:
        return args_int_list("--shape", value, 1, INT64_MAX, r->model.dims, MAX_DIMS,
                             &r->model.n_dims);
    default:
        return EXIT_USAGE;
    }
}

static int read_request(struct check_request *r, int argc, char **argv)
{
    struct args args = {flags, "check", argv, N_FLAGS, argc, 0};
    const char *value;
    int flag, code = 0;
    *r = (struct check_request){.repeats = 4};
    r->model.device = "cpu";
    r->model.engine = "auto";
    r->model.dtype = COVSAMP_F64;
    while (code == 0 && !r->help && (flag = args_next(&args, &value)) != ARGS_END)
        code = flag == ARGS_ERROR ? EXIT_USAGE : read_flag(r, flag, value);
    if (code == 0 && !r->help && r->model.path == NULL)
        return fail(EXIT_USAGE, "check needs --model FILE");
    return code;
}

static int find_times(const struct model *model, const struct check_request *r,
                      double times[N_TIMES])
{
    covsamp_schedule *schedule;
    int64_t levels = r->levels;
    const char *text = r->schedule != NULL ? r->schedule : model_metadata(model, "schedule");
    if (levels == 0) {
        int code = model_metadata_int(model, "levels", 1, (1 << 24) - 1, 1000, &levels);
        if (code != 0)
            return code;
    }
    int code = process_schedule(&schedule, "--schedule", text != NULL ? text : "linear", levels);
    if (code != 0)
        return code;
    for (int i = 0; i < N_TIMES; i++) {
        double level = floor(places[i] * (double)levels + 0.5);
        covsamp_schedule_at(schedule, level < 1 ? 1 : level, NULL, NULL, &times[i]);
    }
    covsamp_schedule_free(schedule);
    return 0;
}

static void report(const struct check_request *r, const struct model *model,
                   const double times[N_TIMES], const double errors[N_TIMES], double allowed,
                   bool right)
{
    if (!r->json) {
        printf("%10s  %s\n", "time", "largest |product - difference| / |difference|");
        for (int i = 0; i < N_TIMES; i++)
            printf("%10.6g  %.2e  %s\n", times[i], errors[i],
                   errors[i] <= allowed ? "ok" : "WRONG");
        printf("%s: products by %s are %s (allowed %.0e, %" PRId64 " calls at each time)\n",
               r->model.path, model_engine(model), right ? "right" : "wrong", allowed, r->repeats);
        return;
    }
    fputs("{\"model\": ", stdout);
    json_string(r->model.path);
    printf(", \"engine\": \"%s\", \"right\": %s, \"allowed\": %g, \"repeats\": %" PRId64
           ", \"times\": [",
           model_engine(model), right ? "true" : "false", allowed, r->repeats);
    for (int i = 0; i < N_TIMES; i++) {
        printf("%s{\"time\": %.9g, \"error\": ", i == 0 ? "" : ", ", times[i]);
        json_real(errors[i]);
        putchar('}');
    }
    puts("]}");
}

static int check(const struct check_request *r, struct model *model)
{
    double times[N_TIMES], errors[N_TIMES];
    /* The comparison is made in doubles; a product in floats is off by what floats are. */
    double allowed = r->model.dtype == COVSAMP_F64 ? 1e-5 : 1e-3;
    bool right = true;
    int code = find_times(model, r, times);
    for (int i = 0; i < N_TIMES && code == 0; i++) {
        code = model_check(model, times[i], r->seed, (int32_t)r->repeats, &errors[i]);
        right = right && code == 0 && errors[i] <= allowed;
    }
    if (code != 0)
        return code;
    report(r, model, times, errors, allowed, right);
    return right ? 0 : EXIT_RUN;
}

int cmd_check(int argc, char **argv)
{
    struct check_request r;
    struct model *model = NULL;
    int code = read_request(&r, argc, argv);
    if (code == 0 && r.help) {
        puts("usage: covsamp check --model FILE [options]\n\n"
             "Compares a network's Jacobian-vector products with central differences at several\n"
             "times.  Exit codes: 0 right, 1 wrong or failed, 2 wrong arguments.\n");
        args_help(flags, N_FLAGS);
        return 0;
    }
    if (code == 0)
        code = model_open(&model, &r.model);
    if (code == 0)
        code = check(&r, model);
    model_close(model);
    return code;
}
