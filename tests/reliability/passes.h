/* SPDX-License-Identifier: BSD-3-Clause */
/* The paths of paths.h that go over data or a mixture, and the list of all paths. */
#ifndef COVSAMP_TESTS_PASSES_H
#define COVSAMP_TESTS_PASSES_H

#include "paths.h"

static inline void path_calibration(const char *text, const covsamp_allocator *mem, outcome *o)
{
    world w;
    covsamp_calibration *h = NULL;
    covsamp_config *c = path_open(o, mem, &w, text);
    MADE(o, mem, h, c, covsamp_calibration_new(&h, c, NULL, 0, 1));
    if (h != NULL) {
        const covsamp_model model = path_model(&w);
        double table[WORLD_LEVELS];
        void *data = data_of(&w, few(w.batch));
        RUN(o, o->status, covsamp_calibration_run(h, &model, data, w.dim, few(w.batch)),
            covsamp_calibration_message(h), "covsamp_calibration_run");
        strcpy(o->message, covsamp_calibration_message(h));
        for (int64_t i = 0; o->status == COVSAMP_DONE && i < WORLD_STEPS; i++) {
            covsamp_calibration_level row = {.size = sizeof row};
            CHECK(covsamp_calibration_row(h, i, &row) == COVSAMP_OK);
            add_doubles(o, &row.alpha, 10, !w.unchecked);
        }
        for (int32_t k = 1; o->status == COVSAMP_DONE && k <= 2; k++) {
            CHECK(covsamp_calibration_table(h, k, table, WORLD_LEVELS) == COVSAMP_OK);
            add_doubles(o, table, WORLD_LEVELS, !w.unchecked);
        }
        free(data);
    }
    covsamp_calibration_free(h);
    world_close(&w);
}

static inline void path_estimate(const char *text, const covsamp_allocator *mem, outcome *o)
{
    world w;
    covsamp_config *c = path_open(o, mem, &w, text);
    if (c != NULL && w.dim > 4096) { /* no data for this */
        refused(o, COVSAMP_E_RANGE, "covsamp_analytic_estimate: is not tried at this dim");
    } else if (c != NULL) {
        const covsamp_model model = path_model(&w);
        covsamp_status status;
        double table[WORLD_LEVELS] = {0};
        void *data = data_of(&w, 5);
        AGAIN(o, mem, status,
              covsamp_analytic_estimate(c, &model, data, w.dim, 5, table, WORLD_LEVELS),
              covsamp_config_message(c));
        if (answer_refused(o, status, covsamp_config_message(c), "covsamp_analytic_estimate"))
            status = covsamp_analytic_estimate(c, &model, data, w.dim, 5, table, WORLD_LEVELS);
        o->made = status == COVSAMP_OK;
        refused(o, o->made ? COVSAMP_DONE : status, covsamp_config_message(c));
        add_doubles(o, table, WORLD_LEVELS, !w.unchecked);
        free(data);
    }
    covsamp_config_free(c);
    world_close(&w);
}

static inline void path_nelbo(const char *text, const covsamp_allocator *mem, outcome *o)
{
    world w;
    covsamp_nelbo *h = NULL;
    covsamp_config *c = path_open(o, mem, &w, text);
    MADE(o, mem, h, c, covsamp_nelbo_new(&h, c, 256));
    if (h != NULL) {
        const covsamp_model model = path_model(&w);
        void *data = data_of(&w, few(w.batch));
        RUN(o, o->status, covsamp_nelbo_run(h, &model, data, w.dim, few(w.batch)),
            covsamp_nelbo_message(h), "covsamp_nelbo_run");
        strcpy(o->message, covsamp_nelbo_message(h));
        for (int64_t i = 0; o->status == COVSAMP_DONE && i <= WORLD_STEPS; i++) {
            covsamp_nelbo_term row = {.size = sizeof row};
            CHECK(covsamp_nelbo_row(h, i, &row) == COVSAMP_OK);
            add_doubles(o, &row.nats, 6, !w.unchecked);
        }
        if (o->status == COVSAMP_DONE) {
            covsamp_nelbo_total sum = {.size = sizeof sum};
            CHECK(covsamp_nelbo_sum(h, &sum) == COVSAMP_OK);
            add_doubles(o, &sum.nats, 4, !w.unchecked);
        }
        free(data);
    }
    covsamp_nelbo_free(h);
    world_close(&w);
}

static inline void add_modes(outcome *o, const world *w, const covsamp_posterior_modes *h)
{
    const int check = !w->unchecked;
    for (int64_t b = 0; b < w->batch && b < 4; b++) {
        covsamp_mode mode = {.size = sizeof mode};
        double asymmetry;
        CHECK(covsamp_posterior_modes_row(h, b, 0, &mode) == COVSAMP_OK);
        add_doubles(o, &mode.value, 1, check);
        CHECK(!check || !isnan(mode.residual)); /* infinite where no value is above 0 */
        add_doubles(o, &mode.residual, 1, 0);
        for (int64_t i = 0; check && i < w->dim; i++)
            CHECK(isfinite(world_get(w->dtype, mode.vector, i)));
        o->sum = add_bytes(o->sum, mode.vector, (size_t)w->dim * (w->dtype == COVSAMP_F32 ? 4 : 8));
        CHECK(covsamp_posterior_modes_space(h, b, NULL, &asymmetry) == COVSAMP_OK);
        add_doubles(o, &asymmetry, 1, check);
    }
}

static inline void path_modes(const char *text, const covsamp_allocator *mem, outcome *o)
{
    world w;
    covsamp_posterior_modes *h = NULL;
    covsamp_config *c = path_open(o, mem, &w, text);
    MADE(o, mem, h, c, covsamp_posterior_modes_new(&h, c, 7, w.dim > 1 ? 2 : 1));
    if (h != NULL) {
        const covsamp_model model = path_model(&w);
        void *data = data_of(&w, w.batch);
        o->status = covsamp_posterior_modes_data(h, data, w.dim, w.batch);
        if (o->status == COVSAMP_OK) /* sample numbers may be too large */
            RUN(o, o->status, covsamp_posterior_modes_run(h, &model),
                covsamp_posterior_modes_message(h), "covsamp_posterior_modes_run");
        strcpy(o->message, covsamp_posterior_modes_message(h));
        if (o->status == COVSAMP_DONE)
            add_modes(o, &w, h);
        free(data);
    }
    covsamp_posterior_modes_free(h);
    world_close(&w);
}

static inline void path_kl_by(const char *text, const covsamp_allocator *mem, outcome *o,
                              int32_t estimator, int64_t size)
{
    world w;
    covsamp_config *c = path_open(o, mem, &w, text);
    if (c != NULL) {
        covsamp_status status;
        double kl[WORLD_STEPS - 1] = {0}, deviation[WORLD_STEPS - 1] = {0};
        covsamp_path_kl_total total = {.size = sizeof total};
        AGAIN(
            o, mem, status,
            covsamp_path_kl(c, w.mixture, estimator, size, kl, deviation, WORLD_STEPS - 1, &total),
            covsamp_config_message(c));
        o->made = status == COVSAMP_OK;
        refused(o, o->made ? COVSAMP_DONE : status, covsamp_config_message(c));
        add_doubles(o, kl, WORLD_STEPS - 1, 1);
        add_doubles(o, deviation, WORLD_STEPS - 1, 1);
        add_doubles(o, &total.kl, 4, 1);
    }
    covsamp_config_free(c);
    world_close(&w);
}

static inline void path_monte_carlo(const char *text, const covsamp_allocator *mem, outcome *o)
{
    path_kl_by(text, mem, o, COVSAMP_PATH_KL_MONTE_CARLO, 6);
}

static inline void path_quadrature(const char *text, const covsamp_allocator *mem, outcome *o)
{
    path_kl_by(text, mem, o, COVSAMP_PATH_KL_QUADRATURE, 0);
}

static const struct {
    const char *name;
    path_fn run;
} paths[] = {{"sampler", path_sampler},
             {"calibration", path_calibration},
             {"estimate", path_estimate},
             {"nelbo", path_nelbo},
             {"modes", path_modes},
             {"path KL, Monte Carlo", path_monte_carlo},
             {"path KL, quadrature", path_quadrature}};
#define PATHS ((int)(sizeof paths / sizeof paths[0]))

#endif
