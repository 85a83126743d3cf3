/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of the path KL share: the mixtures and schedules of oracle O2 (o2_path_kl.py), a
 * mixture of six dimensions, and one call. */
#ifndef COVSAMP_TESTS_PATH_KL_H
#define COVSAMP_TESTS_PATH_KL_H

#include "check.h"

#include <covsamp/covsamp.h>

#include <stdarg.h>
#include <stdlib.h>

#define MOST_LEVELS 512

enum { LOG_SNR, VP_LINEAR, DDPM_LINEAR, SCHEDULES };

/* logSNR uniform in [6, -8]; beta(t) from .1 to 20, t uniform in [.02, 1]; DDPM's betas times 1000
 * / T: level 1 is the least noisy of T. */
static inline covsamp_schedule *path_schedule(int kind, int count)
{
    static double alpha[MOST_LEVELS], sigma[MOST_LEVELS];
    double log_kept = 0;
    covsamp_schedule *schedule = NULL;
    for (int i = 0; i < count; i++) {
        const double u = (double)i / (count - 1), t = .02 + .98 * u, scale = 1000. / count;
        double square,
            rest; /* alpha^2, sigma^2 without cancellation: steps are differences of these */
        if (kind == LOG_SNR) {
            square = 1 / (1 + exp(-(6 - 14 * u)));
            rest = 1 / (1 + exp(6 - 14 * u));
        } else if (kind == VP_LINEAR) {
            square = exp(-(.1 * t + .5 * 19.9 * t * t));
            rest = -expm1(-(.1 * t + .5 * 19.9 * t * t));
        } else {
            log_kept += log1p(-scale * (1e-4 + (.02 - 1e-4) * u));
            square = exp(log_kept);
            rest = -expm1(log_kept);
        }
        alpha[i] = sqrt(square);
        sigma[i] = sqrt(rest);
    }
    CHECK(covsamp_schedule_new_table(&schedule, count, alpha, sigma, NULL, NULL, NULL) ==
          COVSAMP_OK);
    return schedule;
}

static inline void rotated(double angle, double s1, double s2, double *c)
{
    const double x = cos(angle), y = sin(angle);
    c[0] = x * x * s1 * s1 + y * y * s2 * s2;
    c[3] = y * y * s1 * s1 + x * x * s2 * s2;
    c[1] = c[2] = x * y * (s1 * s1 - s2 * s2);
}

/* Of 1, 2 or 6 dimensions. */
static inline covsamp_mixture *path_mixture(int dim)
{
    static const double w1[] = {.4, .6}, m1[] = {-1, .8}, c1[] = {.09, .0625};
    static const double w2[] = {.3, .45, .25}, m2[] = {-1.2, .6, .9, .5, .1, -1.1};
    static const double w6[] = {.5, .3, .2};
    double c2[12], m6[18], c6[108];
    covsamp_mixture *mixture = NULL;
    rotated(.6, .6, .25, c2);
    rotated(-.9, .5, .2, c2 + 4);
    rotated(1.2, .45, .25, c2 + 8);
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < 6; i++) {
            m6[k * 6 + i] = .5 * sin(1.7 * k + 2.3 * i * (k + 1));
            for (int j = 0; j < 6; j++)
                c6[(k * 6 + i) * 6 + j] = (i == j ? .06 : 0) +
                                          .12 * sin(1 + i + k) * sin(1 + j + k) +
                                          .05 * cos(2 * i * (k + 1)) * cos(2 * j * (k + 1));
        }
    const covsamp_status status =
        dim == 1   ? covsamp_mixture_new(&mixture, 1, 2, w1, m1, c1, 1, NULL, NULL)
        : dim == 2 ? covsamp_mixture_new(&mixture, 2, 3, w2, m2, c2, 1, NULL, NULL)
                   : covsamp_mixture_new(&mixture, 6, 3, w6, m6, c6, 1, NULL, NULL);
    CHECK(status == COVSAMP_OK);
    return mixture;
}

/* A configuration that visits every level; options as text, "covariance=krylov krylov_steps=2". */
static inline covsamp_config *path_config(const covsamp_schedule *schedule, const char *options)
{
    covsamp_config *c = NULL;
    int64_t levels[MOST_LEVELS];
    char text[256], *at = text;
    const int64_t count = covsamp_schedule_levels(schedule);
    for (int64_t i = 0; i < count; i++)
        levels[i] = count - i;
    CHECK(covsamp_config_new(&c, NULL) == COVSAMP_OK);
    CHECK(covsamp_config_set_schedule(c, schedule, levels, count) == COVSAMP_OK);
    snprintf(text, sizeof text, "%s", options);
    for (char *name = at; name != NULL && *name != '\0'; name = at) {
        at = strchr(name, ' ');
        if (at != NULL)
            *at++ = '\0';
        char *value = strchr(name, '=');
        *value++ = '\0';
        if (!CHECK(covsamp_config_set_by_name(c, name, value) == COVSAMP_OK))
            fprintf(stderr, "    %s\n", covsamp_config_message(c));
    }
    return c;
}

/* The path KL; size 0: by quadrature. */
static inline covsamp_path_kl_total path_kl(covsamp_mixture *mixture, int kind, int count,
                                            const char *options, int64_t size)
{
    covsamp_path_kl_total total = {.size = sizeof total};
    covsamp_schedule *schedule = path_schedule(kind, count);
    covsamp_config *c = path_config(schedule, options);
    if (!CHECK(covsamp_path_kl(c, mixture,
                               size == 0 ? COVSAMP_PATH_KL_QUADRATURE : COVSAMP_PATH_KL_MONTE_CARLO,
                               size, NULL, NULL, 0, &total) == COVSAMP_OK))
        fprintf(stderr, "    %s\n", covsamp_config_message(c));
    covsamp_config_free(c);
    covsamp_schedule_free(schedule);
    return total;
}

#endif
