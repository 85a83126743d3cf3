/* SPDX-License-Identifier: BSD-3-Clause */
/* What krylov's S g is worth by a product of its own (guidance_product = exact) and by what the
 * space of the noise knows of C (basis), against the matrix, along a guided chain on oracle O6's
 * mixture, and where the chain ends: the mean of its samples against that of the tilted mixture.
 * --table prints the figures of docs/methods.md. */
#include "check.h"
#include "gaussian.h"
#include "o6_mixture.h"

#include <stdlib.h>

enum { D = O6_DIM, M = O6_COMPONENTS, K = 10, MOST = 4000, PART = 100 };
static covsamp_schedule *schedule;
static covsamp_mixture *mixture, *conditional;
static int64_t levels[K];
static int samples = 1000; /* of a chain; MOST for the table */
static double tilt[D];

static void make_data(void)
{
    static double covariance[M * D * D];
    double weight[M], length = 0;
    for (int k = 0; k < M; k++) {
        weight[k] = 1;
        for (int i = 0, n = 0; i < D; i++)
            for (int j = 0; j <= i; j++, n++)
                covariance[(k * D + i) * D + j] = covariance[(k * D + j) * D + i] =
                    o6_lower[k * O6_LOWER + n];
    }
    for (int i = 0; i < D; i++) {
        tilt[i] = cos(3. * i);
        length += tilt[i] * tilt[i];
    }
    for (int i = 0; i < D; i++)
        tilt[i] *= 2 / sqrt(length);
    CHECK(covsamp_mixture_new(&mixture, D, M, weight, o6_mean, covariance, COVSAMP_PREDICTS_X0,
                              NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp_mixture_set_tilt(mixture, tilt) == COVSAMP_OK);
    CHECK(covsamp_mixture_tilted(&conditional, mixture, COVSAMP_PREDICTS_X0, NULL, NULL) ==
          COVSAMP_OK);
}

/* ---- single steps ---- */

/* x of PART samples, one step on from level i. */
static void one_step(int i, const double *from, const char *options, double *x)
{
    const int64_t pair[2] = {levels[i], levels[i + 1]};
    covsamp_model model = {.size = sizeof model};
    CHECK(covsamp_mixture_model(mixture, &model) == COVSAMP_OK);
    covsamp_sampler *s = sampler_of(schedule, pair, 2, "batch=%d dim=%d dtype=f64 prediction=x0 %s",
                                    PART, D, options);
    CHECK(covsamp_sampler_set_state(s, from, D) == COVSAMP_OK);
    CHECK(covsamp_sampler_step(s, &model) == COVSAMP_OK);
    read_state(s, COVSAMP_F64, PART, D, x);
    covsamp_sampler_free(s);
}

/* S g. */
static void push_of(int i, const double *from, const char *options, double *push)
{
    static double still[PART * D];
    char guided[160];
    snprintf(guided, sizeof guided, "%s guidance=1", options);
    one_step(i, from, options, still);
    one_step(i, from, guided, push);
    for (int k = 0; k < PART * D; k++)
        push[k] -= still[k];
}

static const char *const ways[] = {
    "krylov_steps=2 guidance_product=exact", "krylov_steps=2 guidance_product=basis",
    "krylov_steps=3 guidance_product=basis", "krylov_steps=5 guidance_product=basis",
    "krylov_steps=8 guidance_product=basis"};
enum { WAYS = 5 };

/* |error of S g| / |S g|, the mean over samples, level by level. */
static void errors_by_level(double error[K - 1][WAYS])
{
    static double x[PART * D], next[PART * D], wanted[PART * D], push[PART * D];
    normals(7, PART * D, x);
    for (int i = 0; i + 1 < K; i++) {
        push_of(i, x, "covariance=dense", wanted);
        for (int w = 0; w < WAYS; w++) {
            char options[160];
            snprintf(options, sizeof options, "covariance=krylov %s", ways[w]);
            push_of(i, x, options, push);
            error[i][w] = 0;
            for (int b = 0; b < PART; b++)
                error[i][w] += distance(D, push + b * D, wanted + b * D) / PART;
        }
        one_step(i, x, "covariance=dense guidance=1", next);
        memcpy(x, next, sizeof x);
    }
}

/* ---- where chains end ---- */

/* Distance of the samples' mean from that of q(x0 | y); its standard error in *noise. */
static double end_of(const char *options, double *noise)
{
    static double x[MOST * D];
    double mean[D] = {0}, square = 0, error = 0;
    covsamp_model model = {.size = sizeof model};
    CHECK(covsamp_mixture_model(strstr(options, "guidance=") ? mixture : conditional, &model) ==
          COVSAMP_OK);
    covsamp_sampler *s =
        sampler_of(schedule, levels, K, "batch=%d dim=%d dtype=f64 prediction=x0 last_noise=1 %s",
                   samples, D, options);
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
    read_state(s, COVSAMP_F64, samples, D, x);
    covsamp_sampler_free(s);
    for (int64_t k = 0; k < samples * D; k++)
        mean[k % D] += x[k] / samples;
    for (int64_t k = 0; k < samples * D; k++)
        square += (x[k] - mean[k % D]) * (x[k] - mean[k % D]) / samples;
    *noise = sqrt(square / samples);
    /* E[x0 | y] is the posterior mean at a level of nothing but noise */
    double exact[D];
    const double nothing[D] = {0};
    const covsamp_request r = {.size = sizeof r,
                               .kind = COVSAMP_ASK_MEAN,
                               .dtype = COVSAMP_F64,
                               .batch = 1,
                               .dim = D,
                               .stride = D,
                               .alpha = 0,
                               .sigma = 1,
                               .x = nothing,
                               .mean = exact};
    CHECK(covsamp_mixture_answer(conditional, &r) == 0);
    for (int i = 0; i < D; i++)
        error += (mean[i] - exact[i]) * (mean[i] - exact[i]);
    return sqrt(error);
}

static const char *const chains[] = {
    "covariance=dense", /* the conditional model itself, unguided: what K = 10 can do */
    "covariance=dense guidance=1",
    "covariance=krylov krylov_steps=2 guidance=1",
    "covariance=krylov krylov_steps=3 guidance=1",
    "covariance=krylov krylov_steps=2 guidance=1 guidance_product=basis",
    "covariance=krylov krylov_steps=3 guidance=1 guidance_product=basis",
    "covariance=krylov krylov_steps=4 guidance=1 guidance_product=basis",
    "covariance=krylov krylov_steps=2 guidance=1 guidance_form=state",
    "covariance=krylov krylov_steps=2 guidance=1 guidance_form=score",
    "covariance=diag_probe probes=16 guidance=1",
    "covariance=large guidance=1",
    "covariance=small guidance=1",
    "covariance=none eta=0 guidance=1"};
enum { CHAINS = 13 };

int main(int argc, char **argv)
{
    const int print = argc > 1 && strcmp(argv[1], "--table") == 0;
    double error[K - 1][WAYS], end[CHAINS], noise;
    samples = print ? MOST : samples;
    schedule = linear_schedule();
    CHECK(covsamp_schedule_spaced(schedule, K, COVSAMP_SPACING_EVEN, levels, NULL) == COVSAMP_OK);
    make_data();
    errors_by_level(error);
    for (int i = 0; i + 1 < K; i++) {
        CHECK_NEAR(error[i][0], 0, 1e-12);
        for (int w = 2; w < WAYS; w++)
            CHECK(error[i][w] < error[i][w - 1]);
        if (print)
            printf("| %d to %d | %.1e | %.2g | %.2g | %.2g | %.2g |\n", (int)levels[i],
                   (int)levels[i + 1], error[i][0], error[i][1], error[i][2], error[i][3],
                   error[i][4]);
    }
    for (int c = 0; c < CHAINS; c++) {
        end[c] = end_of(chains[c], &noise);
        if (print)
            printf("| `%s` | %.3f | %.3f |\n", chains[c], end[c], noise);
    }
    CHECK(end[2] < end[1] + 3 * noise); /* two products and one are as good as the matrix, */
    CHECK(end[4] > end[2] && end[11] > end[2]); /* and better than two without, and fixed noise */
    covsamp_mixture_free(mixture);
    covsamp_mixture_free(conditional);
    covsamp_schedule_free(schedule);
    return check_done();
}
