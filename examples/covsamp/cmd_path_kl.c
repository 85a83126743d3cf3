/* SPDX-License-Identifier: BSD-3-Clause */
/* What a covariance is worth on a distribution that is known: the path KL over numbers of steps. */
#include "args.h"
#include "outfile.h"
#include "path_kl_cases.h"
#include "plot.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MIXTURE, SCHEDULE, STEPS, METHODS, ESTIMATOR, SIZE, ETA, SEED, OUT, JSON, HELP, N_FLAGS };

static const struct flag flags[N_FLAGS] = {
    [MIXTURE] = {"mixture", "NAME", "1d, 2d (default) or 6d", 0},
    [SCHEDULE] = {"schedule", "NAME", "logsnr (default), vp-linear or ddpm-linear", 0},
    [STEPS] = {"steps", "T,...", "numbers of levels (default 8,16,...,512)", 'n'},
    [METHODS] = {"methods", "NAME,...",
                 "covariances, krylov:M with M products (default: all that the mixture has)", 0},
    [ESTIMATOR] = {"estimator", "NAME", "quadrature (default of 1d and 2d) or monte-carlo (of 6d)",
                   0},
    [SIZE] = {"size", "N", "samples a step (default 4000), or points an axis (default: enough)", 0},
    [ETA] = {"eta", "X", "of DDIM, above 0; 1 is DDPM (default)", 0},
    [SEED] = {"seed", "S", "of the samples (default 0)", 0},
    [OUT] = {"out", "FILE", "figure, .svg", 'o'},
    [JSON] = {"json", NULL, "one JSON object on standard output", 0},
    [HELP] = {"help", NULL, "this text", 'h'},
};

#define MOST_STEPS   16
#define MOST_METHODS 16

struct request {
    const char *mixture, *schedule, *out;
    int64_t steps[MOST_STEPS];
    int n_steps, n_methods;
    char names[512]; /* of the methods, cut up */
    const char *methods[MOST_METHODS];
    int32_t estimator; /* 0: by the mixture */
    int64_t size;      /* -1: the default */
    double eta;
    uint64_t seed;
    bool json, help;
};

struct row {
    double kl[MOST_STEPS], deviation[MOST_STEPS];
};

struct result {
    int dim;
    double prior[MOST_STEPS], prior_deviation[MOST_STEPS];
    struct row rows[MOST_METHODS];
};

/* ---- the command line ---- */

static int read_methods(struct request *r, const char *text)
{
    if (strlen(text) >= sizeof r->names)
        return fail(EXIT_USAGE, "--methods takes at most %zu bytes", sizeof r->names - 1);
    memcpy(r->names, text, strlen(text) + 1);
    r->n_methods = 0;
    for (char *at = r->names; at != NULL;) {
        if (r->n_methods == MOST_METHODS)
            return fail(EXIT_USAGE, "--methods takes at most %d names, and \"%s\" has more",
                        MOST_METHODS, text);
        r->methods[r->n_methods++] = at;
        at = strchr(at, ',');
        if (at != NULL)
            *at++ = '\0';
    }
    return 0;
}

static int read_steps(struct request *r, const char *text)
{
    int code = args_int_list("--steps", text, 2, 100000, r->steps, MOST_STEPS, &r->n_steps);
    for (int i = 1; code == 0 && i < r->n_steps; i++)
        if (r->steps[i] <= r->steps[i - 1])
            code = fail(EXIT_USAGE, "--steps takes rising numbers, not \"%s\"", text);
    return code;
}

static int read_estimator(struct request *r, const char *text)
{
    if (strcmp(text, "quadrature") == 0)
        r->estimator = COVSAMP_PATH_KL_QUADRATURE;
    else if (strcmp(text, "monte-carlo") == 0)
        r->estimator = COVSAMP_PATH_KL_MONTE_CARLO;
    else
        return fail(EXIT_USAGE, "--estimator takes quadrature or monte-carlo, not \"%s\"", text);
    return 0;
}

static int read_out(struct request *r, const char *text)
{
    const size_t length = strlen(text);
    if (length < 5 || strcmp(text + length - 4, ".svg") != 0)
        return fail(EXIT_USAGE, "--out takes a file that ends in .svg, not \"%s\"", text);
    r->out = text;
    return 0;
}

static int read_flag(struct request *r, int flag, const char *value)
{
    switch (flag) {
        /* clang-format off */
    case MIXTURE: r->mixture = value; return 0;
    case SCHEDULE: r->schedule = value; return 0;
    case STEPS: return read_steps(r, value);
    case METHODS: return read_methods(r, value);
    case ESTIMATOR: return read_estimator(r, value);
    case SIZE: return args_int("--size", value, 0, INT64_C(1) << 40, &r->size);
    case ETA: return args_real("--eta", value, 0, 1, &r->eta);
    case SEED: return args_seed("--seed", value, &r->seed);
    case OUT: return read_out(r, value);
    case JSON: r->json = true; return 0;
    case HELP: r->help = true; return 0;
    default: return EXIT_USAGE;
        /* clang-format on */
    }
}

static int read_arguments(struct request *r, int argc, char **argv)
{
    struct args args = {flags, "path-kl", argv, N_FLAGS, argc, 0};
    const char *value;
    int flag, code = read_steps(r, "8,16,32,64,128,256,512");
    while (code == 0 && !r->help && (flag = args_next(&args, &value)) != ARGS_END)
        code = flag == ARGS_ERROR ? EXIT_USAGE : read_flag(r, flag, value);
    return code;
}

/* What the mixture decides where nothing was said. */
static int settle(struct request *r, int dim)
{
    if (r->estimator == 0)
        r->estimator = dim > 2 ? COVSAMP_PATH_KL_MONTE_CARLO : COVSAMP_PATH_KL_QUADRATURE;
    if (r->size < 0)
        r->size = r->estimator == COVSAMP_PATH_KL_MONTE_CARLO ? 4000 : 0;
    if (r->n_methods > 0)
        return 0;
    return read_methods(r, dim == 1   ? "small,large,analytic,state_isotropic,dense"
                           : dim == 2 ? "small,large,analytic,state_isotropic,diag_probe,dense"
                                      : "small,large,analytic,state_isotropic,diag_probe,spectral,"
                                        "krylov:1,krylov:2,krylov:3,dense");
}

/* ---- computing ---- */

static int visit_all(covsamp_config *config, const covsamp_schedule *schedule, int64_t count)
{
    int64_t *levels = malloc((size_t)count * sizeof *levels);
    if (levels == NULL)
        return fail(EXIT_RUN, "out of memory");
    for (int64_t i = 0; i < count; i++)
        levels[i] = count - i;
    const covsamp_status status = covsamp_config_set_schedule(config, schedule, levels, count);
    free(levels);
    return status == COVSAMP_OK ? 0 : fail(EXIT_RUN, "%s", covsamp_config_message(config));
}

/* One number of the table. */
static int compute_cell(const struct request *r, covsamp_mixture *mixture, int method, int k,
                        struct result *out)
{
    covsamp_path_kl_total total = {.size = sizeof total};
    covsamp_schedule *schedule = NULL;
    covsamp_config *c = NULL;
    if (covsamp_config_new(&c, NULL) != COVSAMP_OK)
        return fail(EXIT_RUN, "out of memory");
    int code = path_kl_method(r->methods[method], c);
    if (code == 0)
        code = path_kl_schedule(r->schedule, r->steps[k], &schedule);
    if (code == 0)
        code = visit_all(c, schedule, r->steps[k]);
    if (code == 0 && (covsamp_config_set_real(c, COVSAMP_ETA, r->eta) != COVSAMP_OK ||
                      covsamp_config_set_int(c, COVSAMP_WIDTH, out->dim) != COVSAMP_OK ||
                      covsamp_config_set_int(c, COVSAMP_SEED, (int64_t)r->seed) != COVSAMP_OK))
        code = fail(EXIT_USAGE, "%s", covsamp_config_message(c));
    if (code == 0) {
        const covsamp_status status =
            covsamp_path_kl(c, mixture, r->estimator, r->size, NULL, NULL, 0, &total);
        if (status != COVSAMP_OK)
            code = fail(status == COVSAMP_E_RANGE || status == COVSAMP_E_UNSUPPORTED ? EXIT_USAGE
                                                                                     : EXIT_RUN,
                        "%s with %" PRId64 " levels: %s", r->methods[method], r->steps[k],
                        covsamp_config_message(c));
    }
    out->rows[method].kl[k] = total.kl;
    out->rows[method].deviation[k] = total.deviation;
    out->prior[k] = total.prior;
    out->prior_deviation[k] = total.prior_deviation;
    covsamp_schedule_free(schedule);
    covsamp_config_free(c);
    return code;
}

/* From one T to the next. */
static double slope(const struct request *r, const struct row *row, int k)
{
    return log(row->kl[k] / row->kl[k - 1]) / log((double)r->steps[k] / (double)r->steps[k - 1]);
}

/* Least squares over the last numbers of steps, at most four. */
static double fit(const struct request *r, const struct row *row)
{
    double n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0;
    for (int k = r->n_steps > 4 ? r->n_steps - 4 : 0; k < r->n_steps; k++) {
        const double x = log((double)r->steps[k]), y = log(row->kl[k]);
        n++;
        sx += x;
        sy += y;
        sxx += x * x;
        sxy += x * y;
    }
    return (n * sxy - sx * sy) / (n * sxx - sx * sx);
}

/* ---- showing ---- */

static void print_table(const struct request *r, const struct result *out)
{
    const bool sampled = r->estimator == COVSAMP_PATH_KL_MONTE_CARLO;
    const int wide = sampled ? 19 : 11, last = r->n_steps - 1;
    printf("path KL in nats: %s, %s, eta %g, %s", r->mixture, r->schedule, r->eta,
           sampled ? "Monte Carlo" : "quadrature");
    if (sampled)
        printf(" with %" PRId64 " samples a step, seed %" PRIu64, r->size, r->seed);
    printf("\n\n%-16s", "T");
    for (int k = 0; k <= last; k++)
        printf("%*" PRId64, wide, r->steps[k]);
    printf("%9s%9s\n", "slope", "fit");
    for (int i = 0; i < r->n_methods; i++) {
        const struct row *row = &out->rows[i];
        printf("%-16s", r->methods[i]);
        for (int k = 0; k <= last; k++) {
            printf("  %9.3e", row->kl[k]);
            if (sampled)
                printf("(%.0e)", row->deviation[k]);
        }
        if (last > 0)
            printf("%9.2f%9.2f", slope(r, row, last), fit(r, row));
        putchar('\n');
    }
    printf("\nKL(q(x_T) || start) at T = %" PRId64 ": %.3e", r->steps[last], out->prior[last]);
    if (sampled)
        printf("(%.0e)", out->prior_deviation[last]);
    puts("\nslope: between the last two T; fit: least squares over the last four.");
}

static void print_numbers(const char *name, const double *values, int count)
{
    printf("\"%s\": [", name);
    for (int k = 0; k < count; k++) {
        fputs(k == 0 ? "" : ", ", stdout);
        json_real(values[k]);
    }
    putchar(']');
}

static void print_json(const struct request *r, const struct result *out)
{
    fputs("{\"mixture\": ", stdout);
    json_string(r->mixture);
    fputs(", \"schedule\": ", stdout);
    json_string(r->schedule);
    printf(", \"eta\": %.9g, \"estimator\": \"%s\", \"size\": %" PRId64 ", \"steps\": [", r->eta,
           r->estimator == COVSAMP_PATH_KL_QUADRATURE ? "quadrature" : "monte-carlo", r->size);
    for (int k = 0; k < r->n_steps; k++)
        printf("%s%" PRId64, k == 0 ? "" : ", ", r->steps[k]);
    fputs("], ", stdout);
    print_numbers("prior", out->prior, r->n_steps);
    fputs(", ", stdout);
    print_numbers("prior_deviation", out->prior_deviation, r->n_steps);
    fputs(", \"methods\": [", stdout);
    for (int i = 0; i < r->n_methods; i++) {
        const struct row *row = &out->rows[i];
        double slopes[MOST_STEPS];
        for (int k = 1; k < r->n_steps; k++)
            slopes[k - 1] = slope(r, row, k);
        fputs(i == 0 ? "\n  {\"name\": " : ",\n  {\"name\": ", stdout);
        json_string(r->methods[i]);
        fputs(", ", stdout);
        print_numbers("kl", row->kl, r->n_steps);
        fputs(", ", stdout);
        print_numbers("deviation", row->deviation, r->n_steps);
        fputs(", ", stdout);
        print_numbers("slopes", slopes, r->n_steps - 1);
        fputs(", \"fit\": ", stdout);
        json_real(r->n_steps > 1 ? fit(r, row) : NAN);
        putchar('}');
    }
    puts("\n]}");
}

static int write_figure(const struct request *r, const struct result *out)
{
    double x[MOST_STEPS];
    struct plot_curve curves[MOST_METHODS];
    char title[160];
    struct outfile file;
    snprintf(title, sizeof title, "Path KL, mixture %.40s, schedule %.40s", r->mixture,
             r->schedule);
    for (int k = 0; k < r->n_steps; k++)
        x[k] = (double)r->steps[k];
    for (int i = 0; i < r->n_methods; i++) {
        const struct plot_curve curve = {r->methods[i], x, out->rows[i].kl, out->rows[i].deviation,
                                         r->n_steps};
        curves[i] = curve;
    }
    const struct plot plot = {title, "T, levels of the path", "path KL in nats", curves,
                              r->n_methods};
    const int code = outfile_open(&file, r->out);
    if (code != 0)
        return code;
    plot_write(&plot, file.stream);
    return outfile_commit(&file);
}

static int run(struct request *r)
{
    struct result *out = calloc(1, sizeof *out);
    covsamp_mixture *mixture = NULL;
    if (out == NULL)
        return fail(EXIT_RUN, "out of memory");
    int code = path_kl_mixture(r->mixture, &mixture, &out->dim);
    if (code == 0)
        code = settle(r, out->dim);
    if (code == 0 && r->out != NULL)
        code = outfile_probe(r->out);
    for (int k = 0; code == 0 && k < r->n_steps; k++)
        for (int i = 0; code == 0 && i < r->n_methods; i++)
            code = compute_cell(r, mixture, i, k, out);
    if (code == 0 && r->json)
        print_json(r, out);
    else if (code == 0)
        print_table(r, out);
    if (code == 0 && r->out != NULL)
        code = write_figure(r, out);
    covsamp_mixture_free(mixture);
    free(out);
    return code;
}

int cmd_path_kl(int argc, char **argv)
{
    struct request r;
    memset(&r, 0, sizeof r);
    r.mixture = "2d";
    r.schedule = "logsnr";
    r.size = -1;
    r.eta = 1;
    const int code = read_arguments(&r, argc, argv);
    if (code != 0)
        return code;
    if (!r.help)
        return run(&r);
    puts("usage: covsamp path-kl [options]\n\n"
         "The path KL of samplers with the exact mean on a Gaussian mixture, where everything is\n"
         "known: how fast the steps become exact with a covariance, over numbers of steps.\n"
         "One and two dimensions by quadrature, all by Monte Carlo with standard errors.\n");
    args_help(flags, N_FLAGS);
    return 0;
}
