/* SPDX-License-Identifier: BSD-3-Clause */
/* Posterior modes against the eigenpairs of the exact posterior covariance of a mixture. */
#include "check.h"
#include "skew.h"

#include "diagnostic/mixture.h"
#include "numeric/linalg.h"

#include <stdlib.h>

enum { D = SKEW_DIM, BATCH = 3, COUNT = 5 };

static covsamp_schedule *schedule;

typedef struct {
    double c[D * D], vector[D * D], value[D]; /* value ascending */
} exact;

static void exact_pairs(covsamp_mixture *mixture, double alpha, double sigma, const double *x,
                        exact *e)
{
    double mean[D], work[D * D + 3 * D];
    covsamp__mixture_posterior(mixture, alpha, sigma, x, mean, e->c, NULL);
    memcpy(e->vector, e->c, sizeof e->c);
    CHECK(covsamp__eigh(D, e->vector, e->value, work, D * D + 3 * D) == 0);
}

/* x_t of data that the mixture might have, BATCH of them. */
static void make_x(int64_t draw, double alpha, double sigma, double *x)
{
    double z[2 * BATCH * D];
    normals(draw, 2 * BATCH * D, z);
    for (int i = 0; i < BATCH * D; i++)
        x[i] = alpha * z[i] + sigma * z[BATCH * D + i];
}

static covsamp_posterior_modes *new_modes(int32_t dtype, int32_t prediction, int64_t level,
                                          int64_t count, double tolerance, int32_t symmetrise)
{
    const int64_t any[1] = {1000};
    covsamp_config *c = NULL;
    covsamp_posterior_modes *m = NULL;
    CHECK(covsamp_config_new(&c, NULL) == COVSAMP_OK);
    covsamp_config_set_int(c, COVSAMP_BATCH, BATCH);
    covsamp_config_set_int(c, COVSAMP_DIM, D);
    covsamp_config_set_int(c, COVSAMP_DTYPE, dtype);
    covsamp_config_set_int(c, COVSAMP_PREDICTION, prediction);
    covsamp_config_set_int(c, COVSAMP_SEED, 4);
    if (tolerance > 0)
        covsamp_config_set_real(c, COVSAMP_TOLERANCE, tolerance);
    if (symmetrise != 0)
        covsamp_config_set_int(c, COVSAMP_SYMMETRISE, symmetrise);
    CHECK(covsamp_config_set_schedule(c, schedule, any, 1) == COVSAMP_OK);
    if (!CHECK(covsamp_posterior_modes_new(&m, c, level, count) == COVSAMP_OK))
        fprintf(stderr, "    %s\n", covsamp_config_message(c));
    covsamp_config_free(c);
    return m;
}

static covsamp_mode row_of(const covsamp_posterior_modes *m, int64_t sample, int64_t index)
{
    covsamp_mode mode = {.size = sizeof mode};
    CHECK(covsamp_posterior_modes_row(m, sample, index, &mode) == COVSAMP_OK);
    return mode;
}

/* A mode has length 1, its largest entry is positive, and its residual is what it says. */
static void is_a_mode(const covsamp_mode *mode, int32_t dtype, const double *c, double largest,
                      double rounding)
{
    double v[D], cv[D], off[D], most = 0;
    for (int i = 0; i < D; i++) {
        v[i] = load(dtype, mode->vector, i);
        if (fabs(v[i]) > fabs(most))
            most = v[i];
    }
    multiply(D, c, v, cv);
    for (int i = 0; i < D; i++)
        off[i] = cv[i] - mode->value * v[i];
    CHECK_NEAR(norm(D, v), 1, rounding);
    CHECK(most > 0);
    CHECK_NEAR(mode->residual, norm(D, off) / largest, rounding);
}

/* All modes of all samples at a level.  The value of a Ritz pair is off by at most the residual,
 * its vector by at most residual / gap (Parlett 1998, section 11.7). */
static void against_exact(covsamp_mixture *mixture, int32_t dtype, int32_t prediction,
                          int64_t level, int32_t symmetrise, double tolerance, double allowed)
{
    double x[BATCH * D], alpha, sigma;
    float single[BATCH * D];
    exact e;
    covsamp_model model = {.size = sizeof model};
    covsamp_posterior_modes *m = new_modes(dtype, prediction, level, COUNT, tolerance, symmetrise);
    CHECK(covsamp_mixture_model(mixture, &model) == COVSAMP_OK);
    CHECK(covsamp_schedule_at(schedule, (double)level, &alpha, &sigma, NULL) == COVSAMP_OK);
    make_x(level, alpha, sigma, x);
    for (int i = 0; i < BATCH * D; i++)
        single[i] = (float)x[i];
    const void *data = dtype == COVSAMP_F32 ? (const void *)single : x;
    CHECK(covsamp_posterior_modes_data(m, data, D, BATCH) == COVSAMP_OK);
    CHECK(covsamp_posterior_modes_run(m, &model) == COVSAMP_DONE);
    for (int b = 0; b < BATCH; b++) {
        double seen[D];
        for (int i = 0; i < D; i++)
            seen[i] = load(dtype, data, b * D + i);
        exact_pairs(mixture, alpha, sigma, seen, &e);
        const double largest = e.value[D - 1];
        for (int j = 0; j < COUNT; j++) {
            const covsamp_mode mode = row_of(m, b, j);
            const double *u = e.vector + (D - 1 - j) * D;
            const double gap = fmin(j > 0 ? e.value[D - j] - e.value[D - 1 - j] : INFINITY,
                                    e.value[D - 1 - j] - e.value[D - 2 - j]);
            double v[D], sign = 0, off = 0;
            for (int i = 0; i < D; i++) {
                v[i] = load(dtype, mode.vector, i);
                sign += v[i] * u[i];
            }
            for (int i = 0; i < D; i++)
                off += pow(v[i] - (sign < 0 ? -u[i] : u[i]), 2);
            CHECK(mode.converged == 1 && mode.residual <= tolerance && mode.reserved == 0);
            CHECK_NEAR(mode.value, e.value[D - 1 - j], allowed * largest);
            CHECK_NEAR(sqrt(off), 0, allowed * fmax(1, largest / gap));
            is_a_mode(&mode, dtype, e.c, largest, allowed);
        }
        int64_t products = 0;
        double asymmetry = 1;
        CHECK(covsamp_posterior_modes_space(m, b, &products, &asymmetry) == COVSAMP_OK);
        CHECK(products >= COUNT && products <= D && asymmetry <= allowed);
    }
    covsamp_posterior_modes_free(m);
}

/* "Posterior modes on the mixture equal the exact eigenpairs to 1e-8." */
static void mixtures(void)
{
    static const int64_t levels[] = {1000, 700, 400, 150, 20, 1};
    for (int32_t prediction = COVSAMP_PREDICTS_NOISE; prediction <= COVSAMP_PREDICTS_FLOW;
         prediction++) {
        covsamp_mixture *mixture = skew_mixture(prediction);
        for (int i = 0; i < LENGTH(levels); i++) {
            /* at level 1000 the noise that is predicted is x_t but for 1e-5 of it, and C v a small
             * difference: 1e-16 sigma^2 / alpha^2 = 2.5e-12, still */
            against_exact(mixture, COVSAMP_F64, prediction, levels[i], 0, 1e-9, 1e-8);
            against_exact(mixture, COVSAMP_F64, prediction, levels[i], COVSAMP_SYMMETRISE_PROJECT,
                          1e-9, 1e-8);
        }
        covsamp_mixture_free(mixture);
    }
    covsamp_mixture *mixture = skew_mixture(COVSAMP_PREDICTS_X0); /* no difference at all */
    /* but not at level 1: its values differ by 1e-5 of themselves, which products in float do not
     * tell apart */
    for (int i = 0; levels[i] > 1; i++)
        against_exact(mixture, COVSAMP_F32, COVSAMP_PREDICTS_X0, levels[i], 0, 1e-5, 3e-5);
    covsamp_mixture_free(mixture);
}

/* C v of the skewed mixture, symmetrised or not, as a matrix. */
static void skewed_matrix(const exact *e, double amount, double unit, double *c)
{
    double unit_vector[D] = {0};
    for (int j = 0; j < D; j++) {
        unit_vector[j] = 1;
        for (int i = 0; i < D; i++)
            c[i + j * D] = e->c[i + j * D] + amount * unit * skew_part(unit_vector, i);
        unit_vector[j] = 0;
    }
}

/* Few products, so that nothing has converged, up to the whole space: residuals are those of the
 * products in use, of C where it is projected and of (C + C^T) / 2 where it is averaged. */
static void residuals(int32_t symmetrise, int products, double amount)
{
    const int64_t any[1] = {500}, level = 500, count = 2;
    const int symmetric = symmetrise == COVSAMP_SYMMETRISE_AVERAGE || amount == 0;
    covsamp_mixture *mixture = skew_mixture(COVSAMP_PREDICTS_X0);
    skewed model = {.mixture = mixture, .amount = amount};
    const covsamp_model callbacks = skewed_model(&model);
    covsamp_config *config = NULL;
    covsamp_posterior_modes *m = NULL;
    double x[BATCH * D], c[D * D], alpha, sigma, asymmetry = -1;
    int64_t used = 0;
    exact e;
    CHECK(covsamp_config_new(&config, NULL) == COVSAMP_OK);
    covsamp_config_set_int(config, COVSAMP_BATCH, BATCH);
    covsamp_config_set_int(config, COVSAMP_DIM, D);
    covsamp_config_set_int(config, COVSAMP_DTYPE, COVSAMP_F64);
    covsamp_config_set_int(config, COVSAMP_PREDICTION, COVSAMP_PREDICTS_X0);
    covsamp_config_set_int(config, COVSAMP_KRYLOV_STEPS, products);
    covsamp_config_set_int(config, COVSAMP_SYMMETRISE, symmetrise);
    covsamp_config_set_real(config, COVSAMP_TOLERANCE, 1e-12);
    CHECK(covsamp_config_set_schedule(config, schedule, any, 1) == COVSAMP_OK);
    CHECK(covsamp_posterior_modes_new(&m, config, level, count) == COVSAMP_OK);
    CHECK(covsamp_schedule_at(schedule, (double)level, &alpha, &sigma, NULL) == COVSAMP_OK);
    make_x(level, alpha, sigma, x);
    CHECK(covsamp_posterior_modes_data(m, x, D, BATCH) == COVSAMP_OK);
    CHECK(covsamp_posterior_modes_run(m, &callbacks) == COVSAMP_DONE);
    CHECK(products > 6 ? model.jvps <= products : model.jvps == products);
    CHECK(model.vjps == (symmetrise == COVSAMP_SYMMETRISE_AVERAGE ? model.jvps : 0));
    for (int b = 0; b < BATCH; b++) {
        exact_pairs(mixture, alpha, sigma, x + b * D, &e);
        skewed_matrix(&e, symmetrise == COVSAMP_SYMMETRISE_AVERAGE ? 0 : amount,
                      sigma * sigma / (alpha * alpha), c);
        const double largest = row_of(m, b, 0).value;
        for (int j = 0; j < count; j++) {
            const covsamp_mode mode = row_of(m, b, j);
            is_a_mode(&mode, COVSAMP_F64, c, largest, 1e-13);
            CHECK(mode.converged == (mode.residual <= 1e-12));
            CHECK(products > 6 || mode.converged == 0);
            CHECK(products < D || !symmetric || mode.converged == 1); /* the whole space */
            CHECK(symmetric || mode.residual > 1e-6);                 /* no product helps there */
        }
        CHECK(covsamp_posterior_modes_space(m, b, &used, &asymmetry) == COVSAMP_OK);
        CHECK(products > 6 ? used <= products : used == products);
        CHECK(symmetric ? asymmetry < 1e-13 : asymmetry > 1e-3);
    }
    covsamp_posterior_modes_free(m);
    covsamp_config_free(config);
    covsamp_mixture_free(mixture);
}

int main(void)
{
    schedule = linear_schedule();
    mixtures();
    for (int products = 2; products <= D; products += 2) {
        residuals(COVSAMP_SYMMETRISE_PROJECT, products, 0);
        residuals(COVSAMP_SYMMETRISE_PROJECT, products, .2);
        residuals(COVSAMP_SYMMETRISE_AVERAGE, products, .2);
    }
    covsamp_schedule_free(schedule);
    return check_done();
}
