/* SPDX-License-Identifier: BSD-3-Clause */
/* A bound by the library against the same written out: every term, its parts, its standard error,
 * the total. */
#ifndef COVSAMP_TESTS_NELBO_COMPARE_H
#define COVSAMP_TESTS_NELBO_COMPARE_H

#include "nelbo_world.h"

#include <inttypes.h>

/* A handle from the world's schedule and levels and the options of the setup, name=value ...; NULL
 * with the sentence on stderr. */
static inline covsamp_nelbo *nelbo_of(const world *w, const setup *u)
{
    static const char *const predictions[] = {"", "noise", "x0", "v", "score", "flow"};
    covsamp_config *c = NULL;
    covsamp_nelbo *n = NULL;
    char text[1024];
    snprintf(text, sizeof text,
             "batch=%" PRId64 " dim=%d dtype=%s prediction=%s eta=%.17g clip_x0=%.17g "
             "clip_covariance=%d eps_after_clip=%s covariance_cap=%.17g ritz_cap=%.17g "
             "trace_guard=%.17g window_low=%" PRId64 " window_high=%" PRId64
             " window_fallback=%s first_sample=%" PRId64 " seed=%" PRId64 " %s",
             u->batch, w->d, u->dtype == COVSAMP_F32 ? "f32" : "f64", predictions[w->prediction],
             u->eta, u->clip, !u->whole, u->raw ? "raw" : "recompute", u->cap, u->ritz_cap,
             u->guard, u->low, u->high, u->fallback_analytic ? "analytic" : "small", u->first,
             u->seed, u->options);
    covsamp_status status = covsamp_config_new(&c, NULL);
    for (char *name = strtok(text, " "); name != NULL && status == COVSAMP_OK;
         name = strtok(NULL, " ")) {
        char *value = strchr(name, '=');
        *value = '\0';
        status = covsamp_config_set_by_name(c, name, value + 1);
    }
    if (status == COVSAMP_OK)
        status = covsamp_config_set_schedule(c, w->schedule, w->levels, w->steps);
    if (status == COVSAMP_OK && u->table != NULL)
        status = covsamp_config_set_table(c, COVSAMP_TABLE_NOISE, u->table,
                                          covsamp_schedule_levels(w->schedule));
    if (status == COVSAMP_OK)
        status = covsamp_nelbo_new(&n, c, u->bins);
    if (!CHECK(status == COVSAMP_OK))
        fprintf(stderr, "    %s: %s\n", u->options, covsamp_config_message(c));
    covsamp_config_free(c);
    return n;
}

static inline covsamp_nelbo_term row_of(const covsamp_nelbo *n, int64_t index)
{
    covsamp_nelbo_term row = {.size = sizeof row};
    CHECK(covsamp_nelbo_row(n, index, &row) == COVSAMP_OK);
    return row;
}

static inline covsamp_nelbo_total total_of(const covsamp_nelbo *n)
{
    covsamp_nelbo_total total = {.size = sizeof total};
    CHECK(covsamp_nelbo_sum(n, &total) == COVSAMP_OK);
    return total;
}

/* Mean and standard error, in two passes. */
static inline double mean_of(const double *x, int64_t n, double *deviation)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i] / (double)n;
    for (int64_t i = 0; i < n; i++)
        squares += (x[i] - sum) * (x[i] - sum);
    *deviation = sqrt(squares / ((double)n * (double)(n - 1)));
    return sum;
}

/* data: double, [samples][d]; whatever the library is given is that rounded to its type. */
static inline void run_setup(covsamp_nelbo *n, world *w, const setup *u, const double *data,
                             int64_t samples)
{
    const int64_t values = samples * w->d;
    void *copy = malloc((size_t)values * sizeof(double));
    const covsamp_model model = {.size = sizeof model,
                                 .model_user = w,
                                 .mean = world_answer,
                                 .jvp = world_answer,
                                 .mean_jvp = world_answer,
                                 .vjp = world_answer};
    for (int64_t i = 0; i < values; i++)
        store(u->dtype, copy, i, data[i]);
    if (!CHECK(covsamp_nelbo_run(n, &model, copy, w->d, samples) == COVSAMP_DONE))
        fprintf(stderr, "    %s: %s\n", u->options, covsamp_nelbo_message(n));
    free(copy);
}

static inline int close_to(double a, double b, double tolerance, const char *what, int64_t index)
{
    const int ok = check_near(a, b, tolerance * fmax(1, fabs(b)), __FILE__, __LINE__, what);
    if (!ok)
        fprintf(stderr, "    at row %" PRId64 "\n", index);
    return ok;
}

#define COMPARE_MOST 64 /* samples */

/* The rows [steps + 1][samples] by formulas. */
static inline void expected_terms(const world *w, const setup *u, const double *data,
                                  int64_t samples, term *t)
{
    double x0[WD];
    for (int64_t i = 0; i < samples; i++) {
        for (int k = 0; k < w->d; k++)
            x0[k] =
                u->dtype == COVSAMP_F32 ? (double)(float)data[i * w->d + k] : data[i * w->d + k];
        t[i] = prior_term(w, x0);
        for (int k = 0; k < w->steps; k++)
            t[(k + 1) * samples + i] = step_term(w, u, k, u->first + i, x0);
    }
}

static inline int compare_row(const world *w, const covsamp_nelbo_term *row, const term *t,
                              int64_t index, int64_t samples, double tolerance)
{
    double nats[COMPARE_MOST], log_det = 0, trace = 0, residual = 0, deviation;
    for (int64_t i = 0; i < samples; i++) {
        nats[i] = t[i].nats;
        log_det += t[i].log_det / (double)samples;
        trace += t[i].trace / (double)samples;
        residual += t[i].residual / (double)samples;
    }
    const double mean = mean_of(nats, samples, &deviation);
    int ok = close_to(row->nats, mean, tolerance, "nats", index);
    ok &= close_to(row->deviation, deviation, tolerance, "deviation", index);
    ok &= close_to(row->log_det, log_det, tolerance, "log_det", index);
    ok &= close_to(row->trace, trace, tolerance, "trace", index);
    ok &= close_to(row->residual, residual, tolerance, "residual", index);
    ok &= CHECK(row->samples == samples && row->reserved == 0 && row->size == sizeof *row);
    ok &= CHECK(row->term == (index == 0          ? COVSAMP_TERM_PRIOR
                              : index == w->steps ? COVSAMP_TERM_DECODER
                                                  : COVSAMP_TERM_STEP));
    ok &= CHECK(row->level == w->levels[index > 0 ? index - 1 : 0]);
    ok &= CHECK(row->to == (index == w->steps ? 0 : w->levels[index]));
    return ok;
}

/* Runs the setup over the data and compares everything. */
static inline int compare(world *w, const setup *u, const double *data, int64_t samples,
                          double tolerance)
{
    static term t[(WS + 1) * COMPARE_MOST];
    double totals[COMPARE_MOST] = {0}, sum = 0, deviation;
    covsamp_nelbo *n = nelbo_of(w, u);
    int ok = CHECK(n != NULL);
    if (n == NULL)
        return 0;
    run_setup(n, w, u, data, samples);
    expected_terms(w, u, data, samples, t);
    for (int64_t k = 0; k <= w->steps; k++) {
        const covsamp_nelbo_term row = row_of(n, k);
        ok &= compare_row(w, &row, t + k * samples, k, samples, tolerance);
        for (int64_t i = 0; i < samples; i++)
            totals[i] += t[k * samples + i].nats;
        sum += row.nats;
    }
    const double mean = mean_of(totals, samples, &deviation), bits = w->d * log(2.0);
    const covsamp_nelbo_total total = total_of(n);
    ok &= close_to(total.nats, mean, tolerance, "total nats", -1);
    ok &= close_to(total.nats, sum, 1e-13, "rows sum to the total", -1);
    ok &= close_to(total.deviation, deviation, tolerance, "total deviation", -1);
    ok &= close_to(total.bits, total.nats / bits, 1e-14, "bits", -1);
    ok &= close_to(total.bits_deviation, total.deviation / bits, 1e-14, "bits deviation", -1);
    ok &= CHECK(total.samples == samples && total.terms == w->steps + 1);
    if (!ok)
        fprintf(stderr, "    with %s prediction %d eta %g\n", u->options, (int)w->prediction,
                u->eta);
    covsamp_nelbo_free(n);
    return ok;
}

#endif
