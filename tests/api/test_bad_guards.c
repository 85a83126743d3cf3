/* SPDX-License-Identifier: BSD-3-Clause */
/* Guards and bounds that do not go together, and tables that nobody would read. */
#include "fixture.h"

static covsamp_config *base(int64_t covariance)
{
    settings s;
    memset(&s, 0, sizeof s);
    s.covariance = covariance;
    return new_config_with(&s, NULL);
}

static void refused(covsamp_config *c, covsamp_status expected, const char *sentence)
{
    covsamp_sampler *s = NULL;
    const covsamp_status got = covsamp_sampler_new(&s, c);
    CHECK(got == expected && s == NULL);
    CHECK_TEXT(covsamp_config_message(c), sentence);
    covsamp_sampler_free(s);
}

static void accepted(covsamp_config *c)
{
    covsamp_sampler *s = NULL;
    if (!CHECK(covsamp_sampler_new(&s, c) == COVSAMP_OK))
        fprintf(stderr, "    %s\n", covsamp_config_message(c));
    covsamp_sampler_free(s);
}

static void set(covsamp_config *c, const char *name, const char *value)
{
    if (!CHECK(covsamp_config_set_by_name(c, name, value) == COVSAMP_OK))
        fprintf(stderr, "    %s\n", covsamp_config_message(c));
}

/* Neither a guard nor a fallback asks for a table that no step would read. */
static void tables_without_readers(void)
{
    static const int64_t fixed[] = {COVSAMP_COV_NONE, COVSAMP_COV_SMALL, COVSAMP_COV_LARGE};
    static const int64_t measured[] = {COVSAMP_COV_STATE_ISOTROPIC, COVSAMP_COV_DIAG_PROBE,
                                       COVSAMP_COV_DIAG_MODEL,      COVSAMP_COV_SPECTRAL,
                                       COVSAMP_COV_KRYLOV,          COVSAMP_COV_DENSE};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        covsamp_config *c = base(fixed[i]);
        set(c, "trace_guard", "1");
        set(c, "window_fallback", "analytic");
        accepted(c);
        covsamp_config_free(c);
    }
    for (size_t i = 0; i < sizeof measured / sizeof measured[0]; i++) {
        covsamp_config *c = base(measured[i]);
        set(c, "trace_guard", "1");
        refused(c, COVSAMP_E_RANGE, "trace_guard needs the table of noise");
        set(c, "trace_guard", "0");
        set(c, "window_fallback", "analytic");
        refused(c, COVSAMP_E_RANGE, "window_fallback = analytic needs the table of noise");
        covsamp_config_free(c);
    }
}

static void guard_of_iddpm(void)
{
    static const double values[LEVELS] = {.5};
    covsamp_config *c = base(COVSAMP_COV_DIAG_MODEL);
    CHECK(covsamp_config_set_table(c, COVSAMP_TABLE_NOISE, values, LEVELS) == COVSAMP_OK);
    set(c, "trace_guard", "1.5");
    accepted(c);
    set(c, "head", "iddpm");
    refused(c, COVSAMP_E_UNSUPPORTED, "trace_guard is 1.5, must be 0 for head = iddpm");
    set(c, "trace_guard", "0");
    accepted(c);
    covsamp_config_free(c);
}

static void pairs(void)
{
    covsamp_config *c = base(COVSAMP_COV_KRYLOV);
    set(c, "window_low", "9");
    accepted(c); /* no upper limit */
    set(c, "window_high", "8");
    refused(c, COVSAMP_E_RANGE, "window_low is 9, must be at most window_high = 8");
    set(c, "window_high", "9");
    accepted(c);
    set(c, "churn_low", "2");
    set(c, "churn_high", "1.5");
    refused(c, COVSAMP_E_RANGE, "churn_low is 2, must be at most churn_high = 1.5");
    set(c, "churn_high", "2");
    accepted(c);
    covsamp_config_free(c);
}

/* What LAPACK's integers can count ends there. */
static void long_spaces(void)
{
    covsamp_config *c = base(COVSAMP_COV_KRYLOV);
    set(c, "batch", "1");
    set(c, "dim", "50000");
    set(c, "krylov_steps", "46341");
    refused(c, COVSAMP_E_RANGE, "krylov_steps is 46341, must be at most 46340 for dim = 50000");
    set(c, "krylov_steps", "2");
    accepted(c);
    set(c, "dim", "40000"); /* the space has no more */
    set(c, "krylov_steps", "46341");
    set(c, "covariance", "small");
    accepted(c);
    covsamp_config_free(c);
}

int main(void)
{
    tables_without_readers();
    guard_of_iddpm();
    pairs();
    long_spaces();
    return check_done();
}
