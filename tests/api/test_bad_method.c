/* SPDX-License-Identifier: BSD-3-Clause */
/* Methods that do not go together: one clear sentence at covsamp_sampler_new(), or where the option
 * or table is set. */
#include "fixture.h"

static covsamp_config *base(int64_t covariance)
{
    const settings set = {.covariance = covariance};
    return new_config_with(&set, NULL);
}

static void set_int(covsamp_config *c, int32_t key, int64_t value)
{
    CHECK(covsamp_config_set_int(c, key, value) == COVSAMP_OK);
}

static void set_real(covsamp_config *c, int32_t key, double value)
{
    CHECK(covsamp_config_set_real(c, key, value) == COVSAMP_OK);
}

/* What the solvers other than ancestral fix. */
static const struct {
    int64_t solver, covariance, mean_order;
    double eta;
    const char *name, *covariance_name;
} own[] = {{COVSAMP_SOLVER_EULER, COVSAMP_COV_NONE, 1, 0, "euler", "none"},
           {COVSAMP_SOLVER_HEUN, COVSAMP_COV_NONE, 1, 0, "heun", "none"},
           {COVSAMP_SOLVER_DPMPP_2M, COVSAMP_COV_NONE, 2, 0, "dpmpp_2m", "none"},
           {COVSAMP_SOLVER_DPMPP_2S, COVSAMP_COV_NONE, 1, 0, "dpmpp_2s", "none"},
           {COVSAMP_SOLVER_DPMPP_2M_SDE, COVSAMP_COV_SMALL, 2, 1, "dpmpp_2m_sde", "small"},
           {COVSAMP_SOLVER_ADDIM, COVSAMP_COV_NONE, 1, 0, "addim", "none"}};
#define SOLVERS (sizeof own / sizeof own[0])

/* A solver with what it fixes said as well, which is always allowed. */
static void set_solver(covsamp_config *c, size_t i)
{
    set_int(c, COVSAMP_SOLVER, own[i].solver);
    set_int(c, COVSAMP_COVARIANCE, own[i].covariance);
    set_int(c, COVSAMP_MEAN_ORDER, own[i].mean_order);
    set_real(c, COVSAMP_ETA, own[i].eta);
}

/* That of base(), with only what must be set: nothing of what solvers fix. */
static covsamp_config *bare(void)
{
    static const int64_t levels[] = {20, 15, 10, 5};
    covsamp_config *c = NULL;
    covsamp_schedule *schedule = NULL;
    CHECK(covsamp_config_new(&c, NULL) == COVSAMP_OK);
    CHECK(covsamp_schedule_new_linear(&schedule, LEVELS, 0.01, 0.4, NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp_config_set_schedule(c, schedule, levels, 4) == COVSAMP_OK);
    covsamp_schedule_free(schedule);
    set_int(c, COVSAMP_BATCH, 3);
    set_int(c, COVSAMP_DIM, 5);
    set_int(c, COVSAMP_DTYPE, COVSAMP_F64);
    return c;
}

static void refused(covsamp_config *c, covsamp_status expected, const char *a, const char *b)
{
    covsamp_sampler *s = (covsamp_sampler *)(void *)c;
    const covsamp_status got = covsamp_sampler_new(&s, c);
    if (!CHECK(got == expected && s == NULL))
        fprintf(stderr, "    %d: %s\n", (int)got, covsamp_config_message(c));
    CHECK_TEXT(covsamp_config_message(c), "covsamp_sampler_new: ");
    CHECK_TEXT(covsamp_config_message(c), a);
    CHECK_TEXT(covsamp_config_message(c), b);
}

static void accepted(covsamp_config *c)
{
    covsamp_sampler *s = NULL;
    if (!CHECK(covsamp_sampler_new(&s, c) == COVSAMP_OK))
        fprintf(stderr, "    %s\n", covsamp_config_message(c));
    covsamp_sampler_free(s);
}

/* ---- tables ---- */

static const double values[LEVELS + 1] = {.9, .8, .7, .6, .5};

static void set_table(covsamp_config *c, int32_t table, int64_t count)
{
    CHECK(covsamp_config_set_table(c, table, values, count) == COVSAMP_OK);
}

/* Who needs the table of noise says so; one of the wrong length is refused whoever needs it. */
static void missing_tables(void)
{
    covsamp_config *c = base(COVSAMP_COV_ANALYTIC);
    refused(c, COVSAMP_E_RANGE, "covariance = analytic needs the table of noise",
            "covsamp_config_set_table");
    set_table(c, COVSAMP_TABLE_NOISE, LEVELS - 1);
    refused(c, COVSAMP_E_RANGE, "the table of noise has 19 values", "must have 20");
    set_table(c, COVSAMP_TABLE_NOISE, LEVELS + 1);
    refused(c, COVSAMP_E_RANGE, "the table of noise has 21 values", "must have 20");
    set_table(c, COVSAMP_TABLE_NOISE, LEVELS);
    accepted(c);
    CHECK(covsamp_config_set_table(c, COVSAMP_TABLE_NOISE, NULL, 0) == COVSAMP_OK); /* removed */
    refused(c, COVSAMP_E_RANGE, "analytic", "needs");
    covsamp_config_free(c);

    c = base(COVSAMP_COV_KRYLOV);
    set_real(c, COVSAMP_TRACE_GUARD, 1.5);
    refused(c, COVSAMP_E_RANGE, "trace_guard needs the table of noise", "covsamp_config_set_table");
    set_table(c, COVSAMP_TABLE_NOISE, LEVELS);
    accepted(c);
    CHECK(covsamp_config_set_table(c, COVSAMP_TABLE_NOISE, NULL, 0) == COVSAMP_OK);
    set_real(c, COVSAMP_TRACE_GUARD, 0);
    accepted(c);
    set_int(c, COVSAMP_WINDOW_FALLBACK, COVSAMP_COV_ANALYTIC);
    refused(c, COVSAMP_E_RANGE, "window_fallback = analytic needs the table of noise", "set_table");
    set_table(c, COVSAMP_TABLE_NOISE, 3);
    refused(c, COVSAMP_E_RANGE, "the table of noise has 3 values", "must have 20");
    covsamp_config_free(c);

    c = bare();
    set_int(c, COVSAMP_SOLVER, COVSAMP_SOLVER_ADDIM);
    accepted(c);
    set_table(c, COVSAMP_TABLE_X0_ERROR, 7);
    refused(c, COVSAMP_E_RANGE, "the table of x0 error has 7 values", "must have 20");
    set_table(c, COVSAMP_TABLE_X0_ERROR, LEVELS);
    accepted(c);
    covsamp_config_free(c);
}

/* The table in place stays when a new one is refused, and is a copy. */
static void bad_tables(void)
{
    double own[LEVELS];
    covsamp_config *c = base(COVSAMP_COV_ANALYTIC);
    memcpy(own, values, sizeof own);
    CHECK(covsamp_config_set_table(c, COVSAMP_TABLE_NOISE, own, LEVELS) == COVSAMP_OK);
    static const double bad[] = {-1e-300, NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 4; i++) {
        own[3] = bad[i];
        CHECK(covsamp_config_set_table(c, COVSAMP_TABLE_NOISE, own, LEVELS) == COVSAMP_E_RANGE);
        CHECK_TEXT(covsamp_config_message(c), "covsamp_config_set_table: values[3] is");
        CHECK_TEXT(covsamp_config_message(c), "must be finite and >= 0");
    }
    static const int32_t unknown[] = {0, 3, -1, INT32_MAX, INT32_MIN};
    for (int i = 0; i < 5; i++) {
        CHECK(covsamp_config_set_table(c, unknown[i], values, LEVELS) == COVSAMP_E_RANGE);
        CHECK_TEXT(covsamp_config_message(c), "COVSAMP_TABLE_NOISE");
    }
    static const int64_t counts[] = {-1, INT64_C(1) << 24, INT64_MAX, INT64_MIN};
    for (int i = 0; i < 4; i++) {
        CHECK(covsamp_config_set_table(c, COVSAMP_TABLE_NOISE, values, counts[i]) ==
              COVSAMP_E_RANGE);
        CHECK_TEXT(covsamp_config_message(c), "count is");
    }
    CHECK(covsamp_config_set_table(c, COVSAMP_TABLE_NOISE, NULL, 5) == COVSAMP_E_NULL);
    CHECK_TEXT(covsamp_config_message(c), "values is NULL");
    CHECK(covsamp_config_set_table(NULL, COVSAMP_TABLE_NOISE, values, LEVELS) == COVSAMP_E_NULL);
    accepted(c);
    covsamp_config_free(c);
}

/* ---- options alone ---- */

static void bad_options(void)
{
    static const struct {
        int32_t key;
        const char *name;
        double value;
    } reals[] = {{COVSAMP_ETA, "eta", 1.0000000000000002},
                 {COVSAMP_ETA, "eta", -1e-9},
                 {COVSAMP_ETA, "eta", NAN},
                 {COVSAMP_TOLERANCE, "tolerance", -1},
                 {COVSAMP_TOLERANCE, "tolerance", 1.5},
                 {COVSAMP_RITZ_CAP, "ritz_cap", -1},
                 {COVSAMP_COVARIANCE_CAP, "covariance_cap", -.1},
                 {COVSAMP_TRACE_GUARD, "trace_guard", NAN},
                 {COVSAMP_PIXEL_CLIP, "pixel_clip", -1},
                 {COVSAMP_CHURN, "churn", -1},
                 {COVSAMP_ADDIM_ETA, "addim_eta", -1}};
    static const struct {
        int32_t key;
        const char *name;
        int64_t value;
    } ints[] = {{COVSAMP_PROBES, "probes", 0},
                {COVSAMP_PROBES, "probes", 65537},
                {COVSAMP_REUSE, "reuse", 0},
                {COVSAMP_MEAN_ORDER, "mean_order", 0},
                {COVSAMP_MEAN_ORDER, "mean_order", 3},
                {COVSAMP_SOLVER, "solver", 0},
                {COVSAMP_SOLVER, "solver", 8},
                {COVSAMP_HEAD, "head", 5},
                {COVSAMP_WINDOW_FALLBACK, "window_fallback", COVSAMP_COV_LARGE}};
    covsamp_config *c = base(COVSAMP_COV_KRYLOV);
    for (size_t i = 0; i < sizeof reals / sizeof reals[0]; i++) {
        CHECK(covsamp_config_set_real(c, reals[i].key, reals[i].value) == COVSAMP_E_RANGE);
        CHECK_TEXT(covsamp_config_message(c), reals[i].name);
        CHECK_TEXT(covsamp_config_message(c), "must be in [");
    }
    for (size_t i = 0; i < sizeof ints / sizeof ints[0]; i++) {
        CHECK(covsamp_config_set_int(c, ints[i].key, ints[i].value) == COVSAMP_E_RANGE);
        CHECK_TEXT(covsamp_config_message(c), ints[i].name);
        CHECK_TEXT(covsamp_config_message(c), "must be");
    }
    accepted(c); /* nothing of it stuck */
    covsamp_config_free(c);
}

/* ---- options together ---- */

static void needs_ddpm(void)
{
    covsamp_config *c = base(COVSAMP_COV_LARGE);
    set_real(c, COVSAMP_ETA, .25);
    refused(c, COVSAMP_E_UNSUPPORTED, "eta is 0.25, must be 1", "covariance = large");
    set_int(c, COVSAMP_COVARIANCE, COVSAMP_COV_DIAG_MODEL);
    accepted(c);
    set_int(c, COVSAMP_HEAD, COVSAMP_HEAD_IDDPM);
    refused(c, COVSAMP_E_UNSUPPORTED, "eta is 0.25, must be 1", "head = iddpm");
    set_real(c, COVSAMP_ETA, 1);
    accepted(c);
    set_real(c, COVSAMP_ETA, .25);
    set_int(c, COVSAMP_COVARIANCE, COVSAMP_COV_SMALL); /* the head is not in use */
    accepted(c);
    covsamp_config_free(c);
}

static void needs_recomputed_noise(void)
{
    covsamp_config *c = base(COVSAMP_COV_KRYLOV);
    set_int(c, COVSAMP_EPS_AFTER_CLIP, COVSAMP_EPS_RAW);
    set_int(c, COVSAMP_MEAN_ORDER, 2);
    accepted(c); /* nothing is clipped */
    set_real(c, COVSAMP_CLIP_X0, 1);
    refused(c, COVSAMP_E_UNSUPPORTED, "eps_after_clip is raw, must be recompute", "order 2");
    set_int(c, COVSAMP_MEAN_ORDER, 1);
    accepted(c);
    for (size_t i = 0; i < SOLVERS; i++) {
        set_solver(c, i);
        if (own[i].solver == COVSAMP_SOLVER_EULER)
            accepted(c);
        else
            refused(c, COVSAMP_E_UNSUPPORTED, "eps_after_clip is raw, must be recompute for", "");
    }
    covsamp_config_free(c);
}

/* Noise and score say nothing about x0 where alpha = 0, reverse nothing between levels. */
static void predictions_of_solvers(void)
{
    const int64_t levels[2] = {4, 2};
    covsamp_schedule *flow = NULL;
    covsamp_config *c = bare();
    CHECK(covsamp_schedule_new_flow(&flow, 4, NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp_config_set_schedule(c, flow, levels, 2) == COVSAMP_OK);
    for (int64_t solver = COVSAMP_SOLVER_ANCESTRAL; solver <= COVSAMP_SOLVER_ADDIM; solver++) {
        set_int(c, COVSAMP_SOLVER, solver);
        set_int(c, COVSAMP_PREDICTION, COVSAMP_PREDICTS_NOISE);
        refused(c, COVSAMP_E_UNSUPPORTED, "prediction noise", "alpha is 0");
        set_int(c, COVSAMP_PREDICTION, COVSAMP_PREDICTS_FLOW);
        accepted(c);
    }
    covsamp_config_free(c);
    covsamp_schedule_free(flow);
    c = bare();
    set_int(c, COVSAMP_PREDICTION, COVSAMP_PREDICTS_REVERSE);
    accepted(c);
    set_int(c, COVSAMP_SOLVER, COVSAMP_SOLVER_DPMPP_2S);
    refused(c, COVSAMP_E_UNSUPPORTED, "prediction reverse", "between levels");
    set_int(c, COVSAMP_SOLVER, COVSAMP_SOLVER_HEUN);
    accepted(c);
    set_real(c, COVSAMP_CHURN, 2);
    refused(c, COVSAMP_E_UNSUPPORTED, "prediction reverse", "between levels");
    covsamp_config_free(c);
}

/* A model without products is enough for what asks for none. */
static void missing_callbacks(void)
{
    static const int64_t with[] = {COVSAMP_COV_STATE_ISOTROPIC, COVSAMP_COV_DIAG_PROBE,
                                   COVSAMP_COV_KRYLOV, COVSAMP_COV_DENSE};
    covsamp_mixture *mixture = new_mixture(5);
    covsamp_model model = model_of(mixture);
    model.jvp = NULL;
    for (size_t i = 0; i < sizeof with / sizeof with[0]; i++) {
        const settings set = {.covariance = with[i]};
        covsamp_sampler *s = new_sampler(&set);
        CHECK(covsamp_sampler_run(s, &model) == COVSAMP_E_NULL);
        CHECK_TEXT(covsamp_sampler_message(s), "jvp");
        covsamp_sampler_free(s);
    }
    covsamp_config *c = bare();
    covsamp_sampler *s = NULL;
    set_int(c, COVSAMP_SOLVER, COVSAMP_SOLVER_HEUN);
    CHECK(covsamp_sampler_new(&s, c) == COVSAMP_OK);
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
    covsamp_sampler_free(s);
    covsamp_config_free(c);
    covsamp_mixture_free(mixture);
}

/* ---- solvers that fix covariance, eta and mean_order ---- */

/* "must be none or not set for solver = heun" */
static const char *must_be(const char *value, const char *solver)
{
    static char text[128];
    snprintf(text, sizeof text, "must be %s or not set for solver = %s (only solver = ancestral",
             value, solver);
    return text;
}

/* Every covariance that was set and is not the solver's own, whichever door set it, and also where
 * it is the default of the option: krylov. */
static void covariances_of_solvers(void)
{
    const char *name;
    int64_t value;
    for (size_t i = 0; i < SOLVERS; i++)
        for (int32_t k = 0; (name = covsamp_option_choice(COVSAMP_COVARIANCE, k, &value)) != NULL;
             k++) {
            char is[64];
            snprintf(is, sizeof is, "covariance is %s, ", name);
            for (int by_text = 0; by_text < 2; by_text++) {
                covsamp_config *c = bare();
                set_int(c, COVSAMP_SOLVER, own[i].solver);
                if (by_text)
                    CHECK(covsamp_config_set_by_name(c, "covariance", name) == COVSAMP_OK);
                else
                    set_int(c, COVSAMP_COVARIANCE, value);
                if (value == own[i].covariance)
                    accepted(c);
                else
                    refused(c, COVSAMP_E_UNSUPPORTED, is,
                            must_be(own[i].covariance_name, own[i].name));
                set_int(c, COVSAMP_COVARIANCE, own[i].covariance); /* the way out */
                accepted(c);
                covsamp_config_free(c);
            }
        }
}

static void numbers_of_solvers(void)
{
    for (size_t i = 0; i < SOLVERS; i++) {
        char is[64];
        covsamp_config *c = bare();
        set_int(c, COVSAMP_SOLVER, own[i].solver);
        accepted(c); /* all defaults, none of them the solver's own */
        set_real(c, COVSAMP_ETA, .25);
        refused(c, COVSAMP_E_UNSUPPORTED, "eta is 0.25, ",
                must_be(own[i].eta > 0 ? "1" : "0", own[i].name));
        CHECK(covsamp_config_set_by_name(c, "eta", own[i].eta > 0 ? "0" : "1") == COVSAMP_OK);
        refused(c, COVSAMP_E_UNSUPPORTED, "eta is ",
                must_be(own[i].eta > 0 ? "1" : "0", own[i].name));
        set_real(c, COVSAMP_ETA, own[i].eta);
        accepted(c);
        set_int(c, COVSAMP_MEAN_ORDER, 3 - own[i].mean_order);
        snprintf(is, sizeof is, "mean_order is %d, ", (int)(3 - own[i].mean_order));
        refused(c, COVSAMP_E_UNSUPPORTED, is,
                must_be(own[i].mean_order == 1 ? "1" : "2", own[i].name));
        set_solver(c, i);
        accepted(c);
        set_int(c, COVSAMP_SOLVER, COVSAMP_SOLVER_ANCESTRAL); /* takes everything */
        set_int(c, COVSAMP_COVARIANCE, COVSAMP_COV_DENSE);
        set_int(c, COVSAMP_MEAN_ORDER, 2);
        set_real(c, COVSAMP_ETA, .5);
        accepted(c);
        covsamp_config_free(c);
    }
}

/* A value that was refused has not been set. */
static void refused_values_are_not_set(void)
{
    covsamp_config *c = bare();
    set_int(c, COVSAMP_SOLVER, COVSAMP_SOLVER_HEUN);
    CHECK(covsamp_config_set_int(c, COVSAMP_COVARIANCE, 99) == COVSAMP_E_RANGE);
    CHECK(covsamp_config_set_by_name(c, "covariance", "doom") == COVSAMP_E_OPTION);
    CHECK(covsamp_config_set_real(c, COVSAMP_ETA, 2) == COVSAMP_E_RANGE);
    CHECK(covsamp_config_set_int(c, COVSAMP_MEAN_ORDER, 3) == COVSAMP_E_RANGE);
    accepted(c);
    covsamp_config_free(c);
}

int main(void)
{
    covariances_of_solvers();
    numbers_of_solvers();
    refused_values_are_not_set();
    missing_tables();
    bad_tables();
    bad_options();
    needs_ddpm();
    needs_recomputed_noise();
    predictions_of_solvers();
    missing_callbacks();
    return check_done();
}
