/* SPDX-License-Identifier: BSD-3-Clause */
/* What a covariance is worth on a distribution that is known: the path KL over numbers of steps. */
#include "args.h"
#include "outfile.h"
#include "path_kl_cases.h"
#include "path_kl_report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    MIXTURE,
    SCHEDULE,
    STEPS,
    METHODS,
    STRENGTH,
    ESTIMATOR,
    SIZE,
    ETA,
    SEED,
    OUT,
    JSON,
    HELP,
    N_FLAGS
};

static const struct flag flags[N_FLAGS] = {
    [MIXTURE] = {"mixture", "NAME", "1d, 2d (default) or 6d", 0},
    [SCHEDULE] = {"schedule", "NAME", "logsnr (default), vp-linear or ddpm-linear", 0},
    [STEPS] = {"steps", "T,...", "numbers of levels (default 8,16,...,512)", 'n'},
    [METHODS] = {"methods", "NAME,...",
                 "covariances, krylov:M with M products (default: all that the mixture has); with "
                 "--strength also NAME/mean (default), /state, /score, /conditional",
                 0},
    [STRENGTH] = {"strength", "A,...",
                  "guided: log p(y | x0) = A times one direction of the mixture, weight 1", 0},
    [ESTIMATOR] = {"estimator", "NAME", "quadrature (default of 1d and 2d) or monte-carlo (of 6d)",
                   0},
    [SIZE] = {"size", "N", "samples a step (default 4000), or points an axis (default: enough)", 0},
    [ETA] = {"eta", "X", "of DDIM, above 0; 1 is DDPM (default)", 0},
    [SEED] = {"seed", "S", "of the samples (default 0)", 0},
    [OUT] = {"out", "FILE", "figure, .svg", 'o'},
    [JSON] = {"json", NULL, "one JSON object on standard output", 0},
    [HELP] = {"help", NULL, "this text", 'h'},
};

/* ---- the command line ---- */

static int read_methods(struct path_kl_request *r, const char *text)
{
    if (strlen(text) >= sizeof r->names)
        return fail(EXIT_USAGE, "--methods takes at most %zu bytes", sizeof r->names - 1);
    memcpy(r->names, text, strlen(text) + 1);
    r->n_methods = 0;
    for (char *at = r->names; at != NULL;) {
        if (r->n_methods == PATH_KL_MOST_METHODS)
            return fail(EXIT_USAGE, "--methods takes at most %d names, and \"%s\" has more",
                        PATH_KL_MOST_METHODS, text);
        r->methods[r->n_methods++] = at;
        at = strchr(at, ',');
        if (at != NULL)
            *at++ = '\0';
    }
    return 0;
}

static int read_steps(struct path_kl_request *r, const char *text)
{
    int code = args_int_list("--steps", text, 2, 100000, r->steps, PATH_KL_MOST_STEPS, &r->n_steps);
    for (int i = 1; code == 0 && i < r->n_steps; i++)
        if (r->steps[i] <= r->steps[i - 1])
            code = fail(EXIT_USAGE, "--steps takes rising numbers, not \"%s\"", text);
    return code;
}

static int read_strengths(struct path_kl_request *r, const char *text)
{
    char part[32];
    for (r->n_strengths = 0; text != NULL; r->n_strengths++) {
        const char *comma = strchr(text, ',');
        const size_t length = comma != NULL ? (size_t)(comma - text) : strlen(text);
        if (r->n_strengths == PATH_KL_MOST_STRENGTHS || length >= sizeof part)
            return fail(EXIT_USAGE, "--strength takes at most %d numbers with commas between them",
                        PATH_KL_MOST_STRENGTHS);
        memcpy(part, text, length);
        part[length] = '\0';
        const int code = args_real("--strength", part, 0, 1000, &r->strengths[r->n_strengths]);
        if (code != 0)
            return code;
        text = comma != NULL ? comma + 1 : NULL;
    }
    return 0;
}

static int read_estimator(struct path_kl_request *r, const char *text)
{
    if (strcmp(text, "quadrature") == 0)
        r->estimator = COVSAMP_PATH_KL_QUADRATURE;
    else if (strcmp(text, "monte-carlo") == 0)
        r->estimator = COVSAMP_PATH_KL_MONTE_CARLO;
    else
        return fail(EXIT_USAGE, "--estimator takes quadrature or monte-carlo, not \"%s\"", text);
    return 0;
}

static int read_out(struct path_kl_request *r, const char *text)
{
    const size_t length = strlen(text);
    if (length < 5 || strcmp(text + length - 4, ".svg") != 0)
        return fail(EXIT_USAGE, "--out takes a file that ends in .svg, not \"%s\"", text);
    r->out = text;
    return 0;
}

static int read_flag(struct path_kl_request *r, int flag, const char *value)
{
    switch (flag) {
        /* clang-format off */
    case MIXTURE: r->mixture = value; return 0;
    case SCHEDULE: r->schedule = value; return 0;
    case STEPS: return read_steps(r, value);
    case METHODS: return read_methods(r, value);
    case STRENGTH: return read_strengths(r, value);
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

static int read_arguments(struct path_kl_request *r, int argc, char **argv)
{
    struct args args = {flags, "path-kl", argv, N_FLAGS, argc, 0};
    const char *value;
    int flag, code = read_steps(r, "8,16,32,64,128,256,512");
    while (code == 0 && !r->help && (flag = args_next(&args, &value)) != ARGS_END)
        code = flag == ARGS_ERROR ? EXIT_USAGE : read_flag(r, flag, value);
    return code;
}

static const char *default_methods(int dim, bool guided)
{
    static const char *const plain[3] = {"small,large,analytic,state_isotropic,dense",
                                         "small,large,analytic,state_isotropic,diag_probe,dense",
                                         "small,large,analytic,state_isotropic,diag_probe,spectral,"
                                         "krylov:1,krylov:2,krylov:3,dense"};
    static const char *const forms[3] = {
        "small,large,analytic,dense,dense/state,dense/conditional",
        "small,large,analytic,diag_probe,dense,dense/state,dense/conditional",
        "small,large,analytic,diag_probe,krylov:2,dense,dense/conditional"};
    const int which = dim > 2 ? 2 : dim - 1;
    return guided ? forms[which] : plain[which];
}

/* What the mixture decides where nothing was said. */
static int settle(struct path_kl_request *r, int dim)
{
    if (r->estimator == 0)
        r->estimator = dim > 2 ? COVSAMP_PATH_KL_MONTE_CARLO : COVSAMP_PATH_KL_QUADRATURE;
    if (r->size < 0)
        r->size = r->estimator == COVSAMP_PATH_KL_MONTE_CARLO ? 4000 : 0;
    int code = 0;
    if (r->n_methods == 0)
        code = read_methods(r, default_methods(dim, r->n_strengths > 0));
    if (code == 0 && r->out != NULL && path_kl_blocks(r) * r->n_methods > PATH_KL_MOST_CURVES)
        code = fail(EXIT_USAGE,
                    "a figure has room for %d curves, and %d strengths of %d methods are more",
                    PATH_KL_MOST_CURVES, path_kl_blocks(r), r->n_methods);
    return code;
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

/* Everything of a configuration but its covariance. */
static int configure(const struct path_kl_request *r, int k, int dim, covsamp_config *c)
{
    covsamp_schedule *schedule = NULL;
    int code = path_kl_schedule(r->schedule, r->steps[k], &schedule);
    if (code == 0)
        code = visit_all(c, schedule, r->steps[k]);
    if (code == 0 && (covsamp_config_set_real(c, COVSAMP_ETA, r->eta) != COVSAMP_OK ||
                      covsamp_config_set_int(c, COVSAMP_WIDTH, dim) != COVSAMP_OK ||
                      covsamp_config_set_int(c, COVSAMP_SEED, (int64_t)r->seed) != COVSAMP_OK))
        code = fail(EXIT_USAGE, "%s", covsamp_config_message(c));
    covsamp_schedule_free(schedule);
    return code;
}

/* One number of the table; given: the mixture of the condition. */
static int compute_cell(const struct path_kl_request *r, covsamp_mixture *mixture,
                        covsamp_mixture *given, int method, int k, int dim,
                        struct path_kl_block *out)
{
    covsamp_path_kl_total total = {.size = sizeof total};
    covsamp_config *c = NULL;
    bool conditional = false;
    if (covsamp_config_new(&c, NULL) != COVSAMP_OK)
        return fail(EXIT_RUN, "out of memory");
    int code = path_kl_method(r->methods[method], r->n_strengths > 0, c, &conditional);
    if (code == 0)
        code = configure(r, k, dim, c);
    if (code == 0) {
        const covsamp_status status = covsamp_path_kl(c, conditional ? given : mixture,
                                                      r->estimator, r->size, NULL, NULL, 0, &total);
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
    covsamp_config_free(c);
    return code;
}

static int compute_block(const struct path_kl_request *r, int b, int dim, covsamp_mixture *mixture,
                         struct path_kl_block *out)
{
    covsamp_mixture *given = NULL;
    int code = 0;
    if (r->n_strengths > 0)
        code = path_kl_tilt(dim, r->strengths[b], mixture, &given);
    for (int k = 0; code == 0 && k < r->n_steps; k++)
        for (int i = 0; code == 0 && i < r->n_methods; i++)
            code = compute_cell(r, mixture, given, i, k, dim, out);
    covsamp_mixture_free(given);
    return code;
}

static int run(struct path_kl_request *r)
{
    struct path_kl_result *out = calloc(1, sizeof *out);
    covsamp_mixture *mixture = NULL;
    if (out == NULL)
        return fail(EXIT_RUN, "out of memory");
    int code = path_kl_mixture(r->mixture, &mixture, &out->dim);
    if (code == 0)
        code = settle(r, out->dim);
    if (code == 0 && r->out != NULL)
        code = outfile_probe(r->out);
    for (int b = 0; code == 0 && b < path_kl_blocks(r); b++)
        code = compute_block(r, b, out->dim, mixture, &out->blocks[b]);
    if (code == 0)
        path_kl_print(r, out);
    if (code == 0 && r->out != NULL)
        code = path_kl_figure(r, out);
    covsamp_mixture_free(mixture);
    free(out);
    return code;
}

int cmd_path_kl(int argc, char **argv)
{
    struct path_kl_request r;
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
         "One and two dimensions by quadrature, all by Monte Carlo with standard errors.\n"
         "With --strength guided by the exact classifier, against the exact conditional chain;\n"
         "/conditional is the network that knows the condition, without guidance.\n");
    args_help(flags, N_FLAGS);
    return 0;
}
