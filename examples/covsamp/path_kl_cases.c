/* SPDX-License-Identifier: BSD-3-Clause */
#include "path_kl_cases.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- mixtures ---- */

/* Deviations s1, s2 along axes turned by an angle. */
static void rotated(double angle, double s1, double s2, double *c)
{
    const double x = cos(angle), y = sin(angle);
    c[0] = x * x * s1 * s1 + y * y * s2 * s2;
    c[3] = y * y * s1 * s1 + x * x * s2 * s2;
    c[1] = c[2] = x * y * (s1 * s1 - s2 * s2);
}

/* Three components, each with two directions of large variance. */
static void fill_six(double *m, double *c)
{
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < 6; i++) {
            m[k * 6 + i] = .5 * sin(1.7 * k + 2.3 * i * (k + 1));
            for (int j = 0; j < 6; j++)
                c[(k * 6 + i) * 6 + j] = (i == j ? .06 : 0) +
                                         .12 * sin(1 + i + k) * sin(1 + j + k) +
                                         .05 * cos(2 * i * (k + 1)) * cos(2 * j * (k + 1));
        }
}

int path_kl_mixture(const char *name, covsamp_mixture **out, int *dim)
{
    static const double w1[] = {.4, .6}, m1[] = {-1, .8}, c1[] = {.09, .0625};
    static const double w2[] = {.3, .45, .25}, m2[] = {-1.2, .6, .9, .5, .1, -1.1};
    static const double w6[] = {.5, .3, .2};
    double c2[12], m6[18], c6[108];
    char message[COVSAMP_MESSAGE_BYTES] = "";
    const char *const names[] = {"1d", "2d", "6d"};
    int which = 0;
    while (which < 3 && strcmp(name, names[which]) != 0)
        which++;
    if (which == 3)
        return fail(EXIT_USAGE, "--mixture takes 1d, 2d or 6d, not \"%s\"", name);
    rotated(.6, .6, .25, c2);
    rotated(-.9, .5, .2, c2 + 4);
    rotated(1.2, .45, .25, c2 + 8);
    fill_six(m6, c6);
    *dim = which == 2 ? 6 : which + 1;
    const int32_t x0 = COVSAMP_PREDICTS_X0;
    const covsamp_status status =
        which == 0   ? covsamp_mixture_new(out, 1, 2, w1, m1, c1, x0, NULL, message)
        : which == 1 ? covsamp_mixture_new(out, 2, 3, w2, m2, c2, x0, NULL, message)
                     : covsamp_mixture_new(out, 6, 3, w6, m6, c6, x0, NULL, message);
    return status == COVSAMP_OK ? 0 : fail(EXIT_RUN, "%s", message);
}

int path_kl_tilt(int dim, double strength, covsamp_mixture *mixture, covsamp_mixture **given)
{
    static const double line[] = {1}, plane[] = {.8, -.6}, six[] = {.5, -.5, .5, -.3, .3, .2646};
    const double *direction = dim == 1 ? line : dim == 2 ? plane : six;
    double tilt[6];
    char message[COVSAMP_MESSAGE_BYTES];
    for (int i = 0; i < dim; i++)
        tilt[i] = strength * direction[i];
    if (covsamp_mixture_set_tilt(mixture, tilt) != COVSAMP_OK)
        return fail(EXIT_RUN, "the tilt of the mixture was refused");
    const covsamp_status status =
        covsamp_mixture_tilted(given, mixture, COVSAMP_PREDICTS_X0, NULL, message);
    return status == COVSAMP_OK ? 0 : fail(EXIT_RUN, "%s", message);
}

/* ---- noise processes ---- */

enum kind { LOG_SNR, VP_LINEAR, DDPM_LINEAR };

/* log alpha^2 of level i of n, 0 the least noisy; for DDPM's betas times 1000 / n *sum runs along.
 */
static double log_square(enum kind kind, int64_t i, int64_t n, double *sum)
{
    const double u = n > 1 ? (double)i / (double)(n - 1) : 0, t = .02 + .98 * u;
    switch (kind) {
    case LOG_SNR:
        return -log1p(exp(-(6 - 14 * u)));
    case VP_LINEAR:
        return -(.1 * t + .5 * 19.9 * t * t);
    default:
        *sum += log1p(-1000. / (double)n * (1e-4 + (.02 - 1e-4) * u));
        return *sum;
    }
}

int path_kl_schedule(const char *name, int64_t levels, covsamp_schedule **out)
{
    static const char *const names[] = {"logsnr", "vp-linear", "ddpm-linear"};
    char message[COVSAMP_MESSAGE_BYTES] = "";
    int kind = 0;
    double sum = 0;
    while (kind < 3 && strcmp(name, names[kind]) != 0)
        kind++;
    if (kind == 3)
        return fail(EXIT_USAGE, "--schedule takes logsnr, vp-linear or ddpm-linear, not \"%s\"",
                    name);
    if (kind == DDPM_LINEAR && levels <= 20)
        return fail(EXIT_USAGE,
                    "--schedule ddpm-linear needs more than 20 levels, where beta is below 1, not "
                    "%" PRId64,
                    levels);
    double *alpha = malloc((size_t)levels * 2 * sizeof *alpha);
    if (alpha == NULL)
        return fail(EXIT_RUN, "out of memory");
    double *sigma = alpha + levels;
    for (int64_t i = 0; i < levels; i++) {
        const double square = log_square((enum kind)kind, i, levels, &sum);
        alpha[i] = exp(.5 * square);
        sigma[i] = sqrt(-expm1(square)); /* steps are differences of these */
    }
    const covsamp_status status =
        covsamp_schedule_new_table(out, levels, alpha, sigma, NULL, NULL, message);
    free(alpha);
    return status == COVSAMP_OK ? 0 : fail(EXIT_RUN, "%s", message);
}

/* ---- methods ---- */

/* What comes before and after a mark of name, the latter NULL without one; false if there is no
 * room. */
static bool split(const char *name, char mark, char before[32], const char **after)
{
    const char *at = strchr(name, mark);
    const size_t length = at != NULL ? (size_t)(at - name) : strlen(name);
    *after = at != NULL ? at + 1 : NULL;
    if (length >= 32)
        return false;
    memcpy(before, name, length);
    before[length] = '\0';
    return true;
}

/* "krylov:2" */
static bool set_covariance(const char *name, covsamp_config *config)
{
    char covariance[32];
    const char *products;
    if (!split(name, ':', covariance, &products) ||
        covsamp_config_set_by_name(config, "covariance", covariance) != COVSAMP_OK)
        return false;
    if (products == NULL)
        return true;
    return strcmp(covariance, "krylov") == 0 &&
           covsamp_config_set_by_name(config, "krylov_steps", products) == COVSAMP_OK;
}

/* "state", NULL: "mean" */
static bool set_form(const char *form, covsamp_config *config, bool *conditional)
{
    *conditional = form != NULL && strcmp(form, "conditional") == 0;
    if (*conditional)
        return true;
    if (form != NULL && strcmp(form, "auto") == 0) /* would be a second name of another */
        return false;
    return covsamp_config_set_real(config, COVSAMP_GUIDANCE, 1) == COVSAMP_OK &&
           covsamp_config_set_by_name(config, "guidance_form", form != NULL ? form : "mean") ==
               COVSAMP_OK;
}

int path_kl_method(const char *name, bool guided, covsamp_config *config, bool *conditional)
{
    char covariance[32];
    const char *form = NULL;
    *conditional = false;
    if (!split(name, '/', covariance, &form) || !set_covariance(covariance, config))
        return fail(EXIT_USAGE,
                    "--methods takes covariances with commas between them, krylov:M with M "
                    "products, and \"%s\" is none; see covsamp options",
                    name);
    if (!guided && form != NULL)
        return fail(EXIT_USAGE, "--methods takes \"%s\" only with --strength", name);
    if (guided && !set_form(form, config, conditional))
        return fail(EXIT_USAGE,
                    "--methods takes /mean, /state, /score or /conditional after a covariance, not "
                    "\"%s\"",
                    name);
    return 0;
}
