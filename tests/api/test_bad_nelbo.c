/* SPDX-License-Identifier: BSD-3-Clause */
/* Likelihood bounds that are asked for the impossible, or called out of turn: every refusal, with
 * its sentence. */
#include "fixture.h"

#include <stddef.h>

#define BATCH 3
#define DIM   5
#define NEW   "covsamp_nelbo_new: "

static double data[20 * DIM];

static const settings usual = {.covariance = COVSAMP_COV_KRYLOV};

/* covsamp_nelbo_new() fails with a sentence of these parts. */
static void refused(covsamp_config *c, int64_t bins, covsamp_status expected, const char *part)
{
    covsamp_nelbo *n = (covsamp_nelbo *)(void *)c;
    const covsamp_status got = covsamp_nelbo_new(&n, c, bins);
    if (!CHECK(got == expected && n == NULL))
        fprintf(stderr, "    %d: %s\n", (int)got, covsamp_config_message(c));
    CHECK(strncmp(covsamp_config_message(c), NEW, sizeof NEW - 1) == 0);
    CHECK_TEXT(covsamp_config_message(c), part);
}

static void accepted(covsamp_config *c, int64_t bins)
{
    covsamp_nelbo *n = NULL;
    if (!CHECK(covsamp_nelbo_new(&n, c, bins) == COVSAMP_OK && n != NULL))
        fprintf(stderr, "    %s\n", covsamp_config_message(c));
    CHECK(strcmp(covsamp_config_message(c), "") == 0);
    covsamp_nelbo_free(n);
}

static void bad_configs(void)
{
    covsamp_nelbo *n = NULL;
    covsamp_config *c = NULL;
    CHECK(covsamp_config_new(&c, NULL) == COVSAMP_OK);
    CHECK(covsamp_nelbo_new(&n, NULL, 0) == COVSAMP_E_NULL && n == NULL);
    CHECK(covsamp_nelbo_new(NULL, c, 0) == COVSAMP_E_NULL);
    CHECK(strcmp(covsamp_config_message(c), NEW "out is NULL") == 0);
    refused(c, 0, COVSAMP_E_RANGE, "batch is not set");
    covsamp_config_set_int(c, COVSAMP_BATCH, 1);
    refused(c, 0, COVSAMP_E_RANGE, "dim is not set");
    covsamp_config_set_int(c, COVSAMP_DIM, 1);
    refused(c, 0, COVSAMP_E_RANGE, "no schedule is set");
    covsamp_config_free(c);
    c = new_config_with(&usual, NULL);
    refused(c, 1, COVSAMP_E_RANGE, "bins is 1, must be 0 or in 2 ... 65536");
    refused(c, -1, COVSAMP_E_RANGE, "bins is -1, must be 0 or in 2 ... 65536");
    refused(c, 65537, COVSAMP_E_RANGE, "bins is 65537, must be 0 or in 2 ... 65536");
    refused(c, INT64_MIN, COVSAMP_E_RANGE, "bins is -9223372036854775808");
    accepted(c, 0);
    accepted(c, 2);
    accepted(c, 65536);
    covsamp_config_set_int(c, COVSAMP_BATCH, INT64_MAX);
    refused(c, 0, COVSAMP_E_NOMEM, "overflow");
    covsamp_config_set_int(c, COVSAMP_BATCH, 3);
    covsamp_config_set_int(c, COVSAMP_FIRST_SAMPLE, INT64_MAX);
    refused(c, 0, COVSAMP_E_RANGE, "first_sample is 9223372036854775807, must be at most");
    covsamp_config_free(c);
}

/* name=value name=value over the usual configuration. */
static covsamp_config *config_of(const char *options)
{
    char text[256];
    covsamp_config *c = new_config_with(&usual, NULL);
    snprintf(text, sizeof text, "%s", options);
    for (char *name = strtok(text, " "); name != NULL; name = strtok(NULL, " ")) {
        char *value = strchr(name, '=');
        *value = '\0';
        CHECK(covsamp_config_set_by_name(c, name, value + 1) == COVSAMP_OK);
    }
    return c;
}

static void refused_with(const char *options, covsamp_status expected, const char *part)
{
    covsamp_config *c = config_of(options);
    refused(c, 0, expected, part);
    covsamp_config_free(c);
}

static void accepted_with(const char *options)
{
    covsamp_config *c = config_of(options);
    accepted(c, 0);
    covsamp_config_free(c);
}

static void no_density(void)
{
    refused_with("covariance=none", COVSAMP_E_UNSUPPORTED, "covariance is none, must be another");
    refused_with("eta=0", COVSAMP_E_UNSUPPORTED, "eta is 0, must be above 0");
    refused_with("covariance=small eta=0", COVSAMP_E_UNSUPPORTED, "eta is 0, must be above 0");
    refused_with("mean_order=2", COVSAMP_E_UNSUPPORTED, "mean_order is 2, must be 1");
    refused_with("covariance=diag_probe reuse=2", COVSAMP_E_UNSUPPORTED, "reuse is 2, must be 1");
    refused_with("covariance=spectral spectral_mode=sliding spectral_block=2",
                 COVSAMP_E_UNSUPPORTED, "spectral_mode is sliding, must be full or block");
    refused_with("covariance=spectral clip_x0=1", COVSAMP_E_UNSUPPORTED,
                 "clip_covariance is 1, must be 0 for covariance = spectral");
    refused_with("probes=1", COVSAMP_E_RANGE,
                 "probes is 1, must be at least 2 for covariance = krylov");
    accepted_with("eta=1e-3");
    accepted_with("covariance=spectral clip_x0=1 clip_covariance=0");
    accepted_with("covariance=spectral spectral_mode=block spectral_block=1");
    accepted_with("covariance=diag_probe probes=1");
    accepted_with("spectral_mode=sliding reuse=1 probes=2 mean_order=1");
    /* what plays no part */
    accepted_with("noise=ask last_noise=1 pixel_clip=1 report_steps=1");
    /* as covsamp_sampler_new() */
    refused_with("covariance=analytic", COVSAMP_E_RANGE, "table of noise");
    refused_with("trace_guard=1", COVSAMP_E_RANGE, "trace_guard needs the table of noise");
    refused_with("covariance=large eta=0.5", COVSAMP_E_UNSUPPORTED, "eta is 0.5, must be 1");
    refused_with("covariance=diag_model head=iddpm eta=0.5", COVSAMP_E_UNSUPPORTED,
                 "must be 1 for head = iddpm");
    refused_with("window_low=9 window_high=8", COVSAMP_E_RANGE, "window_low is 9");
    refused_with("covariance=spectral width=4", COVSAMP_E_RANGE, "dim");
}

/* The solver named is the one that was set, also where it is a case of the ancestral step. */
static void other_solvers(void)
{
    static const char *const names[] = {"euler",    "heun",  "dpmpp_2m",
                                        "dpmpp_2s", "addim", "dpmpp_2m_sde"};
    static const int64_t levels[2] = {20, 10};
    covsamp_schedule *schedule = NULL;
    CHECK(covsamp_schedule_new_linear(&schedule, LEVELS, 0.01, 0.4, NULL, NULL) == COVSAMP_OK);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char sentence[64];
        covsamp_config *c = NULL;
        CHECK(covsamp_config_new(&c, NULL) == COVSAMP_OK);
        CHECK(covsamp_config_set_schedule(c, schedule, levels, 2) == COVSAMP_OK);
        covsamp_config_set_int(c, COVSAMP_BATCH, 2);
        covsamp_config_set_int(c, COVSAMP_DIM, 2);
        CHECK(covsamp_config_set_by_name(c, "solver", names[i]) == COVSAMP_OK);
        snprintf(sentence, sizeof sentence, "solver is %s, must be ancestral", names[i]);
        refused(c, 0, COVSAMP_E_UNSUPPORTED, sentence);
        covsamp_config_free(c);
    }
    covsamp_schedule_free(schedule);
}

/* alpha = 0 at the last level: no C, which is what the fallback is for; no noise to predict. */
static void no_signal(void)
{
    static const int64_t top[] = {4, 2};
    covsamp_schedule *flow = NULL;
    covsamp_config *c = config_of("prediction=noise");
    CHECK(covsamp_schedule_new_flow(&flow, 4, NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp_config_set_schedule(c, flow, top, 2) == COVSAMP_OK);
    refused(c, 0, COVSAMP_E_UNSUPPORTED, "prediction");
    covsamp_config_set_int(c, COVSAMP_PREDICTION, COVSAMP_PREDICTS_FLOW);
    accepted(c, 0);
    covsamp_schedule_free(flow);
    covsamp_config_free(c);
}

/* ---- calls ---- */

static covsamp_nelbo *new_nelbo(const char *options, int64_t bins)
{
    covsamp_nelbo *n = NULL;
    covsamp_config *c = config_of(options);
    if (!CHECK(covsamp_nelbo_new(&n, c, bins) == COVSAMP_OK))
        fprintf(stderr, "    %s\n", covsamp_config_message(c));
    covsamp_config_free(c);
    return n;
}

static void says(const covsamp_nelbo *n, covsamp_status got, covsamp_status expected,
                 const char *function, const char *part)
{
    if (!CHECK(got == expected))
        fprintf(stderr, "    %d: %s\n", (int)got, covsamp_nelbo_message(n));
    CHECK(strncmp(covsamp_nelbo_message(n), function, strlen(function)) == 0);
    CHECK(covsamp_nelbo_message(n)[strlen(function)] == ':');
    CHECK_TEXT(covsamp_nelbo_message(n), part);
}

static void without_a_handle(void)
{
    const covsamp_request *q = (const covsamp_request *)(const void *)data;
    covsamp_nelbo_term row = {.size = sizeof row};
    covsamp_nelbo_total total = {.size = sizeof total};
    covsamp_mixture *mixture = new_mixture(DIM);
    const covsamp_model model = model_of(mixture);
    CHECK(covsamp_nelbo_ask(NULL, &q) == COVSAMP_E_NULL && q == NULL);
    CHECK(covsamp_nelbo_tell(NULL, 0) == COVSAMP_E_NULL);
    CHECK(covsamp_nelbo_data(NULL, data, DIM, 1) == COVSAMP_E_NULL);
    CHECK(covsamp_nelbo_run(NULL, &model, data, DIM, 1) == COVSAMP_E_NULL);
    CHECK(covsamp_nelbo_row(NULL, 0, &row) == COVSAMP_E_NULL);
    CHECK(covsamp_nelbo_sum(NULL, &total) == COVSAMP_E_NULL);
    CHECK(covsamp_nelbo_answer(NULL) == 0);
    CHECK(strcmp(covsamp_nelbo_message(NULL), "") == 0);
    covsamp_nelbo_free(NULL);
    covsamp_mixture_free(mixture);
}

static void bad_data(void)
{
    static const char *const f = "covsamp_nelbo_data";
    const covsamp_request *q = NULL;
    double bad[2 * DIM] = {0};
    covsamp_nelbo *n = new_nelbo("first_sample=40", 256);
    CHECK(covsamp_nelbo_ask(n, &q) == COVSAMP_DONE && q == NULL);
    says(n, covsamp_nelbo_data(n, NULL, DIM, 1), COVSAMP_E_NULL, f, "the data is NULL");
    says(n, covsamp_nelbo_data(n, data, DIM - 1, 1), COVSAMP_E_RANGE, f,
         "stride is 4, must be at least dim = 5");
    says(n, covsamp_nelbo_data(n, data, DIM, 0), COVSAMP_E_RANGE, f,
         "samples is 0, must be in 1 ... 3");
    says(n, covsamp_nelbo_data(n, data, DIM, -1), COVSAMP_E_RANGE, f, "samples is -1");
    says(n, covsamp_nelbo_data(n, data, DIM, BATCH + 1), COVSAMP_E_RANGE, f, "samples is 4");
    bad[DIM + 2] = NAN;
    says(n, covsamp_nelbo_data(n, bad, DIM, 2), COVSAMP_E_NONFINITE, f, "value 2 of sample 41");
    bad[DIM + 2] = -INFINITY;
    says(n, covsamp_nelbo_data(n, bad, DIM, 2), COVSAMP_E_NONFINITE, f, "value 2 of sample 41");
    bad[DIM + 2] = nextafter(1, 2);
    says(n, covsamp_nelbo_data(n, bad, DIM, 2), COVSAMP_E_RANGE, f,
         "at value 2 of sample 41, must be in [-1, 1] for bins = 256");
    bad[DIM + 2] = -1.5;
    says(n, covsamp_nelbo_data(n, bad, DIM, 2), COVSAMP_E_RANGE, f, "the data is -1.5 at value 2");
    CHECK(covsamp_nelbo_ask(n, &q) == COVSAMP_DONE); /* nothing was begun by any of them */
    bad[DIM + 2] = -1;
    bad[1] = 1;
    CHECK(covsamp_nelbo_data(n, bad, DIM, 2) == COVSAMP_OK);
    CHECK(covsamp_nelbo_ask(n, &q) == COVSAMP_OK && q->first_sample == 40);
    covsamp_nelbo_free(n);
    n = new_nelbo("", 0); /* any data */
    bad[DIM + 2] = -1e3;
    CHECK(covsamp_nelbo_data(n, bad, DIM, 2) == COVSAMP_OK);
    covsamp_nelbo_free(n);
}

static void out_of_turn(void)
{
    const covsamp_request *q = NULL;
    covsamp_nelbo_term row = {.size = sizeof row};
    covsamp_nelbo_total total = {.size = sizeof total};
    covsamp_mixture *mixture = new_mixture(DIM);
    const covsamp_model model = model_of(mixture);
    covsamp_nelbo *n = new_nelbo("", 0);
    says(n, covsamp_nelbo_ask(n, NULL), COVSAMP_E_NULL, "covsamp_nelbo_ask", "request is NULL");
    says(n, covsamp_nelbo_tell(n, 0), COVSAMP_E_STATE, "covsamp_nelbo_tell",
         "no request is open, covsamp_nelbo_ask() opens one");
    CHECK(covsamp_nelbo_row(n, 0, &row) == COVSAMP_E_STATE);
    CHECK(covsamp_nelbo_sum(n, &total) == COVSAMP_E_STATE);
    CHECK(covsamp_nelbo_row(n, 5, &row) == COVSAMP_E_RANGE);
    CHECK(covsamp_nelbo_data(n, data, DIM, BATCH) == COVSAMP_OK);
    CHECK(strcmp(covsamp_nelbo_message(n), "") == 0);
    says(n, covsamp_nelbo_tell(n, 0), COVSAMP_E_STATE, "covsamp_nelbo_tell", "no request is open");
    says(n, covsamp_nelbo_data(n, data, DIM, 1), COVSAMP_E_STATE, "covsamp_nelbo_data",
         "not done with, covsamp_nelbo_ask() returns COVSAMP_DONE");
    says(n, covsamp_nelbo_run(n, &model, data, DIM, 1), COVSAMP_E_STATE, "covsamp_nelbo_run",
         "samples of covsamp_nelbo_data() are not done with");
    CHECK(covsamp_nelbo_ask(n, &q) == COVSAMP_OK && q->kind == COVSAMP_ASK_MEAN_JVP);
    CHECK(q->batch == BATCH && q->steps == 4 && q->step == 0 && q->level == 20);
    says(n, covsamp_nelbo_tell(n, 7), COVSAMP_E_RANGE, "covsamp_nelbo_tell",
         "answer is 7 (level 20), must be 0, COVSAMP_CANCELLED (2) or negative");
    CHECK(covsamp_nelbo_sum(n, &total) == COVSAMP_E_STATE); /* none is done */
    covsamp_nelbo_free(n);
    covsamp_mixture_free(mixture);
}

static void bad_models(void)
{
    static const char *const f = "covsamp_nelbo_run";
    covsamp_mixture *mixture = new_mixture(DIM);
    const covsamp_model model = model_of(mixture);
    covsamp_model part = model;
    covsamp_nelbo *n = new_nelbo("", 0);
    says(n, covsamp_nelbo_run(n, NULL, data, DIM, 1), COVSAMP_E_NULL, f, "model is NULL");
    part.size = offsetof(covsamp_model, vjp) - 1;
    says(n, covsamp_nelbo_run(n, &part, data, DIM, 1), COVSAMP_E_STRUCT_SIZE, f, "model->size");
    part.size = offsetof(covsamp_model, vjp); /* of a version that knows of no VJPs */
    says(n, covsamp_nelbo_run(n, &part, data, DIM, 1), COVSAMP_E_NULL, f, "model->vjp");
    part = model;
    part.vjp = NULL;
    says(n, covsamp_nelbo_run(n, &part, data, DIM, 1), COVSAMP_E_NULL, f,
         "model->vjp, which symmetrise = average (the default here) needs, is NULL");
    part.jvp = NULL;
    says(n, covsamp_nelbo_run(n, &part, data, DIM, 1), COVSAMP_E_NULL, f,
         "model->jvp, which this covariance needs, is NULL");
    part.mean = NULL;
    says(n, covsamp_nelbo_run(n, &part, data, DIM, 1), COVSAMP_E_NULL, f, "model->mean is NULL");
    says(n, covsamp_nelbo_run(n, &model, NULL, DIM, 1), COVSAMP_E_NULL, f, "the data is NULL");
    says(n, covsamp_nelbo_run(n, &model, data, 1, 1), COVSAMP_E_RANGE, f, "stride is 1");
    says(n, covsamp_nelbo_run(n, &model, data, DIM, 0), COVSAMP_E_RANGE, f, "samples is 0");
    covsamp_nelbo_free(n);
    part = model; /* what is not needed may be missing */
    part.vjp = part.mean_jvp = NULL;
    n = new_nelbo("symmetrise=project", 0);
    CHECK(covsamp_nelbo_run(n, &part, data, DIM, 4) == COVSAMP_DONE);
    covsamp_nelbo_free(n);
    n = new_nelbo("covariance=dense", 0);
    CHECK(covsamp_nelbo_run(n, &part, data, DIM, 4) == COVSAMP_DONE);
    covsamp_nelbo_free(n);
    n = new_nelbo("covariance=dense symmetrise=average", 0);
    says(n, covsamp_nelbo_run(n, &part, data, DIM, 4), COVSAMP_E_NULL, f, "model->vjp");
    covsamp_nelbo_free(n);
    part.jvp = NULL;
    n = new_nelbo("covariance=small symmetrise=average", 0);
    CHECK(covsamp_nelbo_run(n, &part, data, DIM, 4) == COVSAMP_DONE);
    covsamp_nelbo_free(n);
    covsamp_mixture_free(mixture);
}

static void bad_results(void)
{
    covsamp_mixture *mixture = new_mixture(DIM);
    const covsamp_model model = model_of(mixture);
    struct {
        covsamp_nelbo_term term;
        double more;
    } newer = {{.size = sizeof newer}, 3};
    covsamp_nelbo_term row = {.size = sizeof row};
    covsamp_nelbo_total total = {.size = sizeof total};
    covsamp_nelbo *n = new_nelbo("", 0);
    CHECK(covsamp_nelbo_run(n, &model, data, DIM, 7) == COVSAMP_DONE);
    for (int64_t i = 0; i < 5; i++)
        CHECK(covsamp_nelbo_row(n, i, &row) == COVSAMP_OK && row.samples == 7);
    CHECK(row.term == COVSAMP_TERM_DECODER && row.size == sizeof row);
    CHECK(covsamp_nelbo_row(n, 5, &row) == COVSAMP_E_RANGE);
    CHECK(covsamp_nelbo_row(n, -1, &row) == COVSAMP_E_RANGE);
    CHECK(covsamp_nelbo_row(n, 0, NULL) == COVSAMP_E_NULL);
    CHECK(covsamp_nelbo_sum(n, NULL) == COVSAMP_E_NULL);
    CHECK(covsamp_nelbo_sum(n, &total) == COVSAMP_OK && total.samples == 7 && total.terms == 5);
    row.size = offsetof(covsamp_nelbo_term, asymmetry);
    CHECK(covsamp_nelbo_row(n, 1, &row) == COVSAMP_E_STRUCT_SIZE);
    total.size = sizeof total - 1;
    CHECK(covsamp_nelbo_sum(n, &total) == COVSAMP_E_STRUCT_SIZE);
    total.size = 0;
    CHECK(covsamp_nelbo_sum(n, &total) == COVSAMP_E_STRUCT_SIZE);
    CHECK(covsamp_nelbo_row(n, 4, &newer.term) == COVSAMP_OK && newer.term.samples == 7);
    covsamp_nelbo_free(n);
    covsamp_mixture_free(mixture);
}

/* No number for a product at the second level, where nobody checks. */
static int32_t no_number(void *mixture, const covsamp_request *q)
{
    const int32_t status = covsamp_mixture_answer(mixture, q);
    if (q->product != NULL && q->step == 1)
        ((double *)q->product)[DIM + 2] = NAN;
    return status;
}

/* Eigenvalues that do not converge end the batch, of which nothing is counted, and no more. */
static void not_converged(void)
{
    covsamp_mixture *mixture = new_mixture(DIM);
    covsamp_model model = model_of(mixture);
    covsamp_nelbo_total total = {.size = sizeof total}, whole = {.size = sizeof whole};
    covsamp_nelbo *n = new_nelbo("covariance=dense check_finite=0", 0);
    CHECK(covsamp_nelbo_run(n, &model, data, DIM, 3) == COVSAMP_DONE);
    CHECK(covsamp_nelbo_sum(n, &whole) == COVSAMP_OK);
    model.mean = model.jvp = model.mean_jvp = no_number;
    const covsamp_status status = covsamp_nelbo_run(n, &model, data, DIM, 7);
    if (status == COVSAMP_DONE) { /* some LAPACKs call NaNs eigenvalues */
        covsamp_nelbo_free(n);
        covsamp_mixture_free(mixture);
        return;
    }
    says(n, status, COVSAMP_E_LINALG, "covsamp_nelbo_run",
         "of the covariance of sample 4 did not converge (level 15)");
    CHECK(covsamp_nelbo_sum(n, &total) == COVSAMP_OK && total.nats == whole.nats);
    CHECK(total.samples == 3);
    model.mean = model.jvp = model.mean_jvp = covsamp_mixture_answer;
    CHECK(covsamp_nelbo_run(n, &model, data, DIM, 7) == COVSAMP_DONE);
    CHECK(covsamp_nelbo_sum(n, &total) == COVSAMP_OK && total.samples == 10);
    CHECK(isfinite(total.nats));
    covsamp_nelbo_free(n);
    covsamp_mixture_free(mixture);
}

int main(void)
{
    for (size_t i = 0; i < sizeof data / sizeof data[0]; i++)
        data[i] = (int)(i * 7 % 11) * 0.1 - 0.5;
    bad_configs();
    no_density();
    other_solvers();
    no_signal();
    without_a_handle();
    bad_data();
    out_of_turn();
    bad_models();
    bad_results();
    not_converged();
    return check_done();
}
