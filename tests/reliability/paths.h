/* SPDX-License-Identifier: BSD-3-Clause */
/* Every way to make a handle, from the configuration to the results: what a path needs is made with
 * hooks, used and freed.  Where memory is missing the same call is made once more, which must then
 * do as if nothing had been. */
#ifndef COVSAMP_TESTS_PATHS_H
#define COVSAMP_TESTS_PATHS_H

#include "spoil.h"

typedef struct {
    covsamp_status status; /* DONE, or what refused or ended it */
    char message[COVSAMP_MESSAGE_BYTES];
    uint64_t sum;   /* of the results */
    int made;       /* the handle was */
    int met;        /* calls that were without memory and were made again */
} outcome;

typedef void (*path_fn)(const char *text, const covsamp_allocator *mem, outcome *o);

/* Whether `status` is the injected failure, told in one sentence, so that the call is to be made
 * again.  What has no message to go to says NULL. */
static inline int missed(outcome *o, const covsamp_allocator *mem, covsamp_status status,
                         const char *message)
{
    const heap *h = mem == NULL ? NULL : mem->user;
    if (status != COVSAMP_E_NOMEM || h == NULL || h->failed == 0 || o->met > 0)
        return 0;
    o->met++;
    if (message != NULL && !CHECK(is_sentence(message) && strstr(message, "no memory") != NULL))
        fprintf(stderr, "    \"%s\"\n", message);
    return 1;
}

#define AGAIN(o, mem, status, call, message)                                                       \
    do {                                                                                           \
        (status) = (call);                                                                         \
        if (missed(o, mem, status, message))                                                       \
            (status) = (call);                                                                     \
    } while (0)

/* Who answers wrongly on the path, where that is tried. */
static spoiler *path_spoiler;

static inline covsamp_model path_model(world *w)
{
    if (path_spoiler == NULL)
        return world_model(w);
    path_spoiler->w = w;
    return model_with(spoiled_answer, path_spoiler);
}

/* Whether a wrong answer was refused, with its place, so that the run is to go on. */
static inline int answer_refused(outcome *o, covsamp_status status, const char *message,
                                 const char *function)
{
    const spoiler *p = path_spoiler;
    if (p == NULL || p->spoil_at == 0 || p->count < p->spoil_at || refusal_of(p->how) == 0 ||
        o->met > 0)
        return 0;
    o->met++;
    CHECK(status == refusal_of(p->how));
    check_refusal(message, p, function);
    return 1;
}

#define RUN(o, status, call, message, function)                                                    \
    do {                                                                                           \
        (status) = (call);                                                                         \
        if (answer_refused(o, status, message, function))                                          \
            (status) = (call);                                                                     \
    } while (0)

static inline covsamp_status refused(outcome *o, covsamp_status status, const char *message)
{
    o->status = status;
    if (message != o->message)
        strcpy(o->message, message);
    return status;
}

static inline void add_doubles(outcome *o, const double *values, int64_t n, int check)
{
    for (int64_t i = 0; check && i < n; i++)
        if (!CHECK(isfinite(values[i])))
            fprintf(stderr, "    number %d of a result\n", (int)i);
    o->sum = add_bytes(o->sum, values, (size_t)n * sizeof *values);
}

/* ---- configurations ---- */

static inline covsamp_status set_tables(outcome *o, const covsamp_allocator *mem, const world *w,
                                        const char *text, covsamp_config *c)
{
    const char *message = covsamp_config_message(c);
    char value[64];
    covsamp_status status;
    AGAIN(o, mem, status,
          covsamp_config_set_table(c, COVSAMP_TABLE_NOISE, w->noise, WORLD_LEVELS), message);
    if (status == COVSAMP_OK)
        AGAIN(o, mem, status,
              covsamp_config_set_table(c, COVSAMP_TABLE_X0_ERROR, w->noise, WORLD_LEVELS), message);
    for (int32_t kind = 1; kind <= 2 && text_value(text, "weights", value) != NULL; kind++)
        if (status == COVSAMP_OK)
            AGAIN(o, mem, status,
                  covsamp_config_set_guidance(c, kind, w->weight, WORLD_LEVELS), message);
    return status;
}

/* NULL where something is refused. */
static inline covsamp_config *config_with(outcome *o, const covsamp_allocator *mem, const world *w,
                                          const char *text)
{
    covsamp_config *c = NULL;
    covsamp_status status;
    AGAIN(o, mem, status, covsamp_config_new(&c, mem), NULL);
    if (status != COVSAMP_OK) {
        CHECK(c == NULL);
        refused(o, status, "");
        return NULL;
    }
    CHECK(apply(c, world_base) == COVSAMP_OK && apply(c, text) == COVSAMP_OK);
    AGAIN(o, mem, status, covsamp_config_set_schedule(c, w->schedule, w->levels, WORLD_STEPS),
          covsamp_config_message(c));
    if (status == COVSAMP_OK)
        status = set_tables(o, mem, w, text, c);
    if (status == COVSAMP_OK)
        return c;
    refused(o, status, covsamp_config_message(c));
    covsamp_config_free(c);
    return NULL;
}

/* Samples to look at: as many rows as asked for, the same for every handle. */
static inline void *data_of(const world *w, int64_t samples)
{
    void *data = malloc((size_t)(samples * w->dim) * sizeof(double));
    for (int64_t i = 0; i < samples * w->dim; i++)
        world_put(w->dtype, data, i, (double)(i * 7 % 13 - 6) / 8);
    return data;
}

static inline int64_t few(int64_t batch)
{
    return (batch < 4 ? batch : 4) + 1;
}

/* ---- samplers ---- */

static inline void add_stats(outcome *o, const covsamp_sampler *s, int check)
{
    covsamp_stats all = {.size = sizeof all};
    CHECK(covsamp_sampler_stats(s, &all) == COVSAMP_OK);
    const double sums[] = {all.asymmetry, all.error_estimate};
    add_doubles(o, sums, 2, check);
    for (int64_t step = 0; step < WORLD_STEPS; step++) {
        covsamp_step_stats row = {.size = sizeof row};
        CHECK(covsamp_sampler_step_stats(s, step, &row) == COVSAMP_OK);
        const double own[] = {row.asymmetry, row.error_estimate, row.error_mean};
        add_doubles(o, own, 3, check);
    }
}

static inline void run_sampler(const char *text, world *w, covsamp_sampler *s, outcome *o)
{
    const covsamp_model model = path_model(w);
    const int check = !w->unchecked;
    int finite;
    o->status = covsamp_sampler_run(s, &model);
    strcpy(o->message, covsamp_sampler_message(s));
    o->sum = state_sum(w, s, &finite);
    if (o->status == COVSAMP_DONE && check && !CHECK(finite))
        fprintf(stderr, "    not finite: %s\n", text);
    add_stats(o, s, check);
}

static inline void path_sampler(const char *text, const covsamp_allocator *mem, outcome *o)
{
    world w;
    covsamp_sampler *s = NULL;
    covsamp_status status = COVSAMP_E_OPTION;
    memset(o, 0, sizeof *o);
    if (!world_open(&w, text, o->message)) {
        o->status = status;
        return;
    }
    covsamp_config *c = config_with(o, mem, &w, text);
    if (c != NULL) {
        AGAIN(o, mem, status, covsamp_sampler_new(&s, c), covsamp_config_message(c));
        if (status != COVSAMP_OK)
            refused(o, status, covsamp_config_message(c));
        covsamp_config_free(c);
    }
    CHECK((s != NULL) == (status == COVSAMP_OK));
    o->made = s != NULL;
    if (s != NULL)
        run_sampler(text, &w, s, o);
    covsamp_sampler_free(s);
    world_close(&w);
}

/* A sampler that is there; the world stays open for its model. */
static inline covsamp_sampler *sampler_for(world *w, const char *text)
{
    covsamp_sampler *s = NULL;
    outcome o;
    memset(&o, 0, sizeof o);
    CHECK(world_open(w, text, o.message));
    covsamp_config *c = config_with(&o, NULL, w, text);
    if (!CHECK(c != NULL && covsamp_sampler_new(&s, c) == COVSAMP_OK))
        fprintf(stderr, "    %s: %s\n", text, c == NULL ? o.message : covsamp_config_message(c));
    covsamp_config_free(c);
    return s;
}

/* ---- passes over data ---- */

static inline void path_calibration(const char *text, const covsamp_allocator *mem, outcome *o)
{
    world w;
    covsamp_calibration *h = NULL;
    covsamp_status status = COVSAMP_E_OPTION;
    memset(o, 0, sizeof *o);
    if (!world_open(&w, text, o->message)) {
        o->status = status;
        return;
    }
    covsamp_config *c = config_with(o, mem, &w, text);
    if (c != NULL) {
        AGAIN(o, mem, status, covsamp_calibration_new(&h, c, NULL, 0, 1),
              covsamp_config_message(c));
        if (status != COVSAMP_OK)
            refused(o, status, covsamp_config_message(c));
        covsamp_config_free(c);
    }
    CHECK((h != NULL) == (status == COVSAMP_OK));
    o->made = h != NULL;
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
    memset(o, 0, sizeof *o);
    if (!world_open(&w, text, o->message)) {
        o->status = COVSAMP_E_OPTION;
        return;
    }
    covsamp_config *c = w.dim > 4096 ? NULL : config_with(o, mem, &w, text);
    if (c != NULL) {
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
    } else if (w.dim > 4096) { /* no data for this */
        refused(o, COVSAMP_E_RANGE, "covsamp_analytic_estimate: is not tried at this dim");
    }
    covsamp_config_free(c);
    world_close(&w);
}

static inline void path_nelbo(const char *text, const covsamp_allocator *mem, outcome *o)
{
    world w;
    covsamp_nelbo *h = NULL;
    covsamp_status status = COVSAMP_E_OPTION;
    memset(o, 0, sizeof *o);
    if (!world_open(&w, text, o->message)) {
        o->status = status;
        return;
    }
    covsamp_config *c = config_with(o, mem, &w, text);
    if (c != NULL) {
        AGAIN(o, mem, status, covsamp_nelbo_new(&h, c, 256), covsamp_config_message(c));
        if (status != COVSAMP_OK)
            refused(o, status, covsamp_config_message(c));
        covsamp_config_free(c);
    }
    CHECK((h != NULL) == (status == COVSAMP_OK));
    o->made = h != NULL;
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
    covsamp_status status = COVSAMP_E_OPTION;
    memset(o, 0, sizeof *o);
    if (!world_open(&w, text, o->message)) {
        o->status = status;
        return;
    }
    covsamp_config *c = config_with(o, mem, &w, text);
    if (c != NULL) {
        AGAIN(o, mem, status, covsamp_posterior_modes_new(&h, c, 7, w.dim > 1 ? 2 : 1),
              covsamp_config_message(c));
        if (status != COVSAMP_OK)
            refused(o, status, covsamp_config_message(c));
        covsamp_config_free(c);
    }
    CHECK((h != NULL) == (status == COVSAMP_OK));
    o->made = h != NULL;
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
    memset(o, 0, sizeof *o);
    if (!world_open(&w, text, o->message)) {
        o->status = COVSAMP_E_OPTION;
        return;
    }
    covsamp_config *c = config_with(o, mem, &w, text);
    if (c != NULL) {
        covsamp_status status;
        double kl[WORLD_STEPS - 1] = {0}, deviation[WORLD_STEPS - 1] = {0};
        covsamp_path_kl_total total = {.size = sizeof total};
        AGAIN(o, mem, status,
              covsamp_path_kl(c, w.mixture, estimator, size, kl, deviation, WORLD_STEPS - 1,
                              &total),
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
} paths[] = {{"sampler", path_sampler},           {"calibration", path_calibration},
             {"estimate", path_estimate},         {"nelbo", path_nelbo},
             {"modes", path_modes},               {"path KL, Monte Carlo", path_monte_carlo},
             {"path KL, quadrature", path_quadrature}};
#define PATHS ((int)(sizeof paths / sizeof paths[0]))

/* ---- texts: what is to be tried on each path ---- */

static const char *const plain_texts[] = {
    "covariance=none eta=0",
    "covariance=small",
    "covariance=large",
    "covariance=analytic",
    "covariance=state_isotropic probes=2 tangents=2",
    "covariance=diag_probe probes=2 tangents=2 reuse=2 clip_x0=0.5",
    "covariance=diag_probe trace_guard=1 last_noise=1",
    "covariance=diag_model head=ocm",
    "covariance=diag_model head=sn clip_x0=0.5",
    "covariance=diag_model head=npr trace_guard=1",
    "covariance=diag_model head=iddpm limit_range=1",
    "covariance=spectral reuse=2 probes=2 last_noise=1",
    "covariance=spectral spectral_colour=1 clip_x0=0.5",
    "covariance=spectral spectral_mode=block spectral_pool=radial spectral_estimate=ratio",
    "covariance=spectral spectral_mode=sliding reuse=2",
    "covariance=krylov",
    "covariance=krylov clip_x0=0.5 last_noise=1",
    "covariance=krylov tolerance=0.05 mean_order=2",
    "covariance=krylov symmetrise=average mean_jvp=0 trace_guard=1",
    "covariance=krylov guidance=1.5",
    "covariance=krylov guidance=0.5 guidance_product=basis guidance_form=state",
    "covariance=krylov cfg=1.5 branches=2 guided_jacobian=1",
    "covariance=krylov known=1 schedule=karras prediction=x0",
    "covariance=dense tangents=4",
    "covariance=dense clip_x0=0.5 eta=0.5 guidance=1",
    "covariance=dense dim=2 channels=1 width=2 spectral_block=2",
    "solver=euler",
    "solver=heun",
    "solver=heun churn=2",
    "solver=dpmpp_2m cfg=2 cfg_low=6 guidance=1",
    "solver=dpmpp_2s clip_x0=0.5",
    "solver=dpmpp_2m_sde",
    "solver=addim",
    "covariance=krylov weights=yes symmetrise=average branches=2",
    "covariance=diag_model head=sn cfg=0.5 guided_jacobian=1 branches=2",
    "covariance=krylov noise=ask prediction=v schedule=flow",
    "covariance=krylov prediction=reverse",
};
#define PLAIN_TEXTS ((int)(sizeof plain_texts / sizeof plain_texts[0]))

#endif
