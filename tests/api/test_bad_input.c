/* SPDX-License-Identifier: BSD-3-Clause */
/* Wrong arguments of every function but the configuration's (test_bad_config.c): the status, the
 * sentence, and that nothing happened. */
#include "fixture.h"

static char message[COVSAMP_MESSAGE_BYTES];

/* ---- schedules ---- */

typedef struct {
    double first, last;
    const char *argument, *value, *range;
} two_reals;

/* A maker failed: the handle is NULL and the sentence has these parts. */
static void failed(covsamp_status got, covsamp_status expected, covsamp_schedule *const *s,
                   const char *a, const char *b, const char *c)
{
    CHECK(got == expected);
    CHECK(*s == NULL);
    CHECK_TEXT(message, a);
    CHECK_TEXT(message, b);
    CHECK_TEXT(message, c);
}

static void bad_level_counts(void)
{
    static const int64_t counts[] = {0, -1, INT64_C(1) << 24, INT64_MAX, INT64_MIN};
    const double one[2] = {0.5, 0.4};
    covsamp_schedule *const stale = (covsamp_schedule *)(void *)message;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        covsamp_schedule *s = stale;
        char number[32];
        const int64_t n = counts[i];
        snprintf(number, sizeof number, "levels is %lld", (long long)n);
        failed(covsamp_schedule_new_linear(&s, n, .1, .2, NULL, message), COVSAMP_E_RANGE, &s,
               "covsamp_schedule_new_linear", number, "16777215");
        s = stale;
        failed(covsamp_schedule_new_cosine(&s, n, .1, NULL, message), COVSAMP_E_RANGE, &s,
               "covsamp_schedule_new_cosine", number, "must be in [1,");
        s = stale;
        failed(covsamp_schedule_new_table(&s, n, one, one, NULL, NULL, message), COVSAMP_E_RANGE,
               &s, "covsamp_schedule_new_table", number, "must be in [1,");
        s = stale;
        failed(covsamp_schedule_new_karras(&s, n, 1, 2, 7, NULL, message), COVSAMP_E_RANGE, &s,
               "covsamp_schedule_new_karras", number, "must be in [2,");
        s = stale;
        failed(covsamp_schedule_new_flow(&s, n, NULL, message), COVSAMP_E_RANGE, &s,
               "covsamp_schedule_new_flow", number, "must be in [1,");
    }
    covsamp_schedule *s = stale;
    failed(covsamp_schedule_new_karras(&s, 1, 1, 2, 7, NULL, message), COVSAMP_E_RANGE, &s,
           "covsamp_schedule_new_karras", "levels is 1", "must be in [2,");
}

static void bad_linear_and_cosine(void)
{
    static const two_reals bad[] = {
        {NAN, .2, "beta_first", "nan", "(0, 1)"},     {0, .2, "beta_first", "is 0", "(0, 1)"},
        {-.5, .2, "beta_first", "-0.5", "(0, 1)"},    {1, 1, "beta_first", "is 1", "(0, 1)"},
        {INFINITY, 1, "beta_first", "inf", "(0, 1)"}, {.1, NAN, "beta_last", "nan", "1)"},
        {.2, .1, "beta_last", "0.1", "1)"},           {.2, 1, "beta_last", "is 1", "1)"},
        {.2, INFINITY, "beta_last", "inf", "1)"}};
    covsamp_schedule *s = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        covsamp_status got =
            covsamp_schedule_new_linear(&s, 10, bad[i].first, bad[i].last, NULL, message);
        failed(got, COVSAMP_E_RANGE, &s, bad[i].argument, bad[i].value, bad[i].range);
        CHECK_TEXT(message, "covsamp_schedule_new_linear");
        CHECK(covsamp_schedule_new_linear(&s, 10, bad[i].first, bad[i].last, NULL, NULL) ==
              COVSAMP_E_RANGE);
    }
    /* alpha^2 would be 0.5^2000: no double holds it */
    failed(covsamp_schedule_new_linear(&s, 2000, .5, .5, NULL, message), COVSAMP_E_RANGE, &s,
           "covsamp_schedule_new_linear", "level", "must be");
    const two_reals cosine[] = {{NAN, 0, "offset", "nan", "[0, 1)"},
                                {-1e-9, 0, "offset", "-1e-09", "[0, 1)"},
                                {1, 0, "offset", "is 1", "[0, 1)"},
                                {INFINITY, 0, "offset", "inf", "[0, 1)"}};
    for (size_t i = 0; i < sizeof cosine / sizeof cosine[0]; i++)
        failed(covsamp_schedule_new_cosine(&s, 10, cosine[i].first, NULL, message), COVSAMP_E_RANGE,
               &s, cosine[i].argument, cosine[i].value, cosine[i].range);
}

static void bad_karras(void)
{
    static const struct {
        double low, high, rho;
        const char *argument, *value;
    } bad[] = {{0, 1, 7, "sigma_min", "is 0"},   {NAN, 1, 7, "sigma_min", "nan"},
               {-1, 1, 7, "sigma_min", "is -1"}, {INFINITY, INFINITY, 7, "sigma_min", "inf"},
               {1, 1, 7, "sigma_max", "is 1"},   {1, .5, 7, "sigma_max", "0.5"},
               {1, NAN, 7, "sigma_max", "nan"},  {1, INFINITY, 7, "sigma_max", "inf"},
               {1, 2, .5, "rho", "0.5"},         {1, 2, NAN, "rho", "nan"},
               {1, 2, INFINITY, "rho", "inf"},   {1, 2, -7, "rho", "-7"}};
    covsamp_schedule *s = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        failed(
            covsamp_schedule_new_karras(&s, 10, bad[i].low, bad[i].high, bad[i].rho, NULL, message),
            COVSAMP_E_RANGE, &s, "covsamp_schedule_new_karras", bad[i].argument, bad[i].value);
        CHECK_TEXT(message, "must be");
    }
    /* so close that neighbours round to one number */
    failed(covsamp_schedule_new_karras(&s, 100, 1, nextafter(1, 2), 7, NULL, message),
           COVSAMP_E_RANGE, &s, "covsamp_schedule_new_karras", "level", "strictly");
}

static void bad_table(void)
{
    static const struct {
        double alpha[3], sigma[3], time[3];
        const char *what;
        const char *where;
    } bad[] = {{{.9, NAN, .1}, {.1, .2, .3}, {0, 1, 2}, "alpha", "level 2"},
               {{1.1, .5, .1}, {.1, .2, .3}, {0, 1, 2}, "alpha", "level 1"},
               {{.9, -.5, .1}, {.1, .2, .3}, {0, 1, 2}, "alpha", "level 2"},
               {{.9, 0, 0}, {.1, .2, .3}, {0, 1, 2}, "alpha", "level 2"},
               {{.9, .5, INFINITY}, {.1, .2, .3}, {0, 1, 2}, "alpha", "level 3"},
               {{.9, .5, .1}, {0, .2, .3}, {0, 1, 2}, "sigma", "level 1"},
               {{.9, .5, .1}, {.1, NAN, .3}, {0, 1, 2}, "sigma", "level 2"},
               {{.9, .5, .1}, {.1, .2, INFINITY}, {0, 1, 2}, "sigma", "level 3"},
               {{.9, .5, .1}, {.1, .2, .3}, {0, NAN, 2}, "time", "level 2"},
               {{.9, .5, .1}, {.1, .2, .3}, {0, 1, INFINITY}, "time", "level 3"},
               {{.9, .5, .1}, {.1, .2, .3}, {0, 1, 1}, "time", "level 2 to 3"},
               {{.9, .5, .1}, {.1, .2, .3}, {5, 1, 6}, "time", "level 1 to 2"},
               {{.5, .5, .1}, {.2, .2, .3}, {0, 1, 2}, "alpha / sigma", "level 1 to 2"},
               {{.5, .9, .1}, {.2, .2, .3}, {0, 1, 2}, "alpha / sigma", "level 1 to 2"},
               {{.9, .5, .5}, {.1, .3, .2}, {0, 1, 2}, "alpha / sigma", "level 2 to 3"}};
    covsamp_schedule *s = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        failed(covsamp_schedule_new_table(&s, 3, bad[i].alpha, bad[i].sigma, bad[i].time, NULL,
                                          message),
               COVSAMP_E_RANGE, &s, "covsamp_schedule_new_table", bad[i].what, bad[i].where);
        CHECK_TEXT(message, "must be");
    }
    const double alpha[3] = {.9, .5, 0}, sigma[3] = {.1, .2, .3}; /* the last alpha may be 0 */
    CHECK(covsamp_schedule_new_table(&s, 3, alpha, sigma, NULL, NULL, message) == COVSAMP_OK);
    CHECK(message[0] == '\0');
    covsamp_schedule_free(s);
    s = NULL;
    failed(covsamp_schedule_new_table(&s, 3, NULL, sigma, NULL, NULL, message), COVSAMP_E_NULL, &s,
           "covsamp_schedule_new_table", "alpha", "NULL");
    failed(covsamp_schedule_new_table(&s, 3, alpha, NULL, NULL, NULL, message), COVSAMP_E_NULL, &s,
           "covsamp_schedule_new_table", "sigma", "NULL");
}

static void null_outs(void)
{
    const double one[1] = {.5};
    CHECK(covsamp_schedule_new_linear(NULL, 10, .1, .2, NULL, message) == COVSAMP_E_NULL);
    CHECK_TEXT(message, "covsamp_schedule_new_linear: out is NULL");
    CHECK(covsamp_schedule_new_cosine(NULL, 10, .1, NULL, message) == COVSAMP_E_NULL);
    CHECK_TEXT(message, "covsamp_schedule_new_cosine: out is NULL");
    CHECK(covsamp_schedule_new_table(NULL, 1, one, one, NULL, NULL, message) == COVSAMP_E_NULL);
    CHECK_TEXT(message, "covsamp_schedule_new_table: out is NULL");
    CHECK(covsamp_schedule_new_karras(NULL, 10, 1, 2, 7, NULL, message) == COVSAMP_E_NULL);
    CHECK_TEXT(message, "covsamp_schedule_new_karras: out is NULL");
    CHECK(covsamp_schedule_new_flow(NULL, 10, NULL, message) == COVSAMP_E_NULL);
    CHECK_TEXT(message, "covsamp_schedule_new_flow: out is NULL");
    CHECK(covsamp_schedule_new_flow(NULL, 10, NULL, NULL) == COVSAMP_E_NULL);
}

static void levels_out_of_range(void)
{
    static const double bad[] = {-1, -1e-300, 1e-300,   0.5,       0.999, 10.0001,
                                 11, NAN,     INFINITY, -INFINITY, 1e300};
    covsamp_schedule *s = NULL;
    double a = 7, b = 7, t = 7;
    CHECK(covsamp_schedule_at(NULL, 1, &a, &b, &t) == COVSAMP_E_NULL);
    CHECK(covsamp_schedule_new_linear(&s, 10, .1, .2, NULL, NULL) == COVSAMP_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK(covsamp_schedule_at(s, bad[i], &a, &b, &t) == COVSAMP_E_RANGE);
    CHECK(a == 7 && b == 7 && t == 7);
    CHECK(covsamp_schedule_at(s, 10, NULL, NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp_schedule_at(s, 0, &a, &b, &t) == COVSAMP_OK && a == 1 && b == 0 && t == -1);
    covsamp_schedule_free(s);
}

/* E_RANGE exactly where one level would be visited twice, for every count of many schedules. */
static void spacings(void)
{
    for (int64_t n = 1; n <= 60; n += n < 12 ? 1 : 7) {
        covsamp_schedule *s = NULL;
        int64_t levels[64];
        CHECK(covsamp_schedule_new_flow(&s, n, NULL, NULL) == COVSAMP_OK);
        for (int32_t spacing = 1; spacing <= 4; spacing++)
            for (int64_t count = 1; count <= n; count++) {
                covsamp_status got = covsamp_schedule_spaced(s, count, spacing, levels, message);
                CHECK(got == COVSAMP_OK || (got == COVSAMP_E_RANGE &&
                                            spacing == COVSAMP_SPACING_QUADRATIC && count > 2));
                for (int64_t i = 0; got == COVSAMP_OK && i < count; i++)
                    CHECK(levels[i] >= 1 && levels[i] <= (i > 0 ? levels[i - 1] - 1 : n));
            }
        const int64_t counts[] = {0, -1, n + 1, INT64_MAX, INT64_MIN};
        for (int i = 0; i < 5; i++) {
            CHECK(covsamp_schedule_spaced(s, counts[i], 1, levels, message) == COVSAMP_E_RANGE);
            CHECK_TEXT(message, "covsamp_schedule_spaced: count is");
        }
        CHECK(covsamp_schedule_spaced(s, 1, 0, levels, message) == COVSAMP_E_RANGE);
        CHECK_TEXT(message, "spacing is 0");
        CHECK(covsamp_schedule_spaced(s, 1, 5, levels, NULL) == COVSAMP_E_RANGE);
        CHECK(covsamp_schedule_spaced(NULL, 1, 1, levels, message) == COVSAMP_E_NULL);
        CHECK_TEXT(message, "schedule is NULL");
        CHECK(covsamp_schedule_spaced(s, 1, 1, NULL, message) == COVSAMP_E_NULL);
        CHECK_TEXT(message, "levels is NULL");
        covsamp_schedule_free(s);
    }
}

/* ---- noise ---- */

static void noise(void)
{
    const int64_t most = INT64_C(1) << 33, high = INT64_C(1) << 24;
    double z[4] = {7, 7, 7, 7};
    CHECK(covsamp_noise_normal(1, -1, 0, 0, 0, 4, z) == COVSAMP_E_RANGE);
    CHECK(covsamp_noise_normal(1, 0, -1, 0, 0, 4, z) == COVSAMP_E_RANGE);
    CHECK(covsamp_noise_normal(1, 0, 256, 0, 0, 4, z) == COVSAMP_E_RANGE);
    CHECK(covsamp_noise_normal(1, 0, 0, -1, 0, 4, z) == COVSAMP_E_RANGE);
    CHECK(covsamp_noise_normal(1, 0, 0, high, 0, 4, z) == COVSAMP_E_RANGE);
    CHECK(covsamp_noise_normal(1, 0, 0, 0, -1, 4, z) == COVSAMP_E_RANGE);
    CHECK(covsamp_noise_normal(1, 0, 0, 0, 0, -1, z) == COVSAMP_E_RANGE);
    CHECK(covsamp_noise_normal(1, 0, 0, 0, most - 3, 4, z) == COVSAMP_E_RANGE);
    CHECK(covsamp_noise_normal(1, 0, 0, 0, INT64_MAX, 4, z) == COVSAMP_E_RANGE);
    CHECK(covsamp_noise_normal(1, 0, 0, 0, 1, INT64_MAX, z) == COVSAMP_E_RANGE);
    CHECK(covsamp_noise_normal(1, 0, 0, 0, 0, 4, NULL) == COVSAMP_E_NULL);
    CHECK(z[0] == 7 && z[3] == 7);
    CHECK(covsamp_noise_normal(UINT64_MAX, INT64_MAX, 255, high - 1, most - 4, 4, z) == COVSAMP_OK);
    for (int i = 0; i < 4; i++)
        CHECK(isfinite(z[i]) && z[i] != 7);
}

int main(void)
{
    bad_level_counts();
    bad_linear_and_cosine();
    bad_karras();
    bad_table();
    null_outs();
    levels_out_of_range();
    spacings();
    noise();
    return check_done();
}
