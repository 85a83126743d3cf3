/* SPDX-License-Identifier: BSD-3-Clause */
/* Setting and reading every option as number and as text; run under several locales. */
#ifndef COVSAMP_TESTS_OPTIONS_H
#define COVSAMP_TESTS_OPTIONS_H

#include "fixture.h"

static inline covsamp_config *fresh(void)
{
    covsamp_config *c = NULL;
    CHECK(covsamp_config_new(&c, NULL) == COVSAMP_OK);
    return c;
}

static inline const covsamp_option *option(int32_t i)
{
    return covsamp_option_info(i);
}

static inline const covsamp_option *by_name(const char *name)
{
    for (int32_t i = 0; option(i) != NULL; i++)
        if (strcmp(option(i)->name, name) == 0)
            return option(i);
    return NULL;
}

/* ---- setting and reading back ---- */

/* The option reads back as `value`, and its text sets the same in another configuration. */
static inline void reads_back_int(covsamp_config *c, const covsamp_option *o, int64_t value)
{
    covsamp_config *other = fresh();
    int64_t got = ~value;
    char text[64];
    CHECK(covsamp_config_get_int(c, o->key, &got) == COVSAMP_OK && got == value);
    CHECK(covsamp_config_get_text(c, o->key, text, sizeof text) == COVSAMP_OK);
    CHECK(covsamp_config_set_by_name(other, o->name, text) == COVSAMP_OK);
    CHECK(covsamp_config_get_int(other, o->key, &got) == COVSAMP_OK && got == value);
    char exact[64];
    CHECK(covsamp_config_get_text(c, o->key, exact, strlen(text) + 1) == COVSAMP_OK);
    CHECK(covsamp_config_get_text(c, o->key, exact, strlen(text)) == COVSAMP_E_RANGE);
    CHECK(covsamp_config_get_text(c, o->key, exact, 0) == COVSAMP_E_RANGE);
    covsamp_config_free(other);
}

static inline void reads_back_real(covsamp_config *c, const covsamp_option *o, double value)
{
    covsamp_config *other = fresh();
    double got = value + 1;
    char text[64];
    CHECK(covsamp_config_get_real(c, o->key, &got) == COVSAMP_OK && got == value);
    CHECK(covsamp_config_get_text(c, o->key, text, sizeof text) == COVSAMP_OK);
    CHECK(strchr(text, ',') == NULL);
    CHECK(covsamp_config_set_by_name(other, o->name, text) == COVSAMP_OK);
    CHECK(covsamp_config_get_real(other, o->key, &got) == COVSAMP_OK && got == value);
    covsamp_config_free(other);
}

static inline void accepts_int(covsamp_config *c, const covsamp_option *o, int64_t value)
{
    CHECK(covsamp_config_set_int(c, o->key, value) == COVSAMP_OK);
    CHECK(strcmp(covsamp_config_message(c), "") == 0);
    reads_back_int(c, o, value);
}

/* The sentence has the function, the option and the value; the value in place stays. */
static inline void refuses_int(covsamp_config *c, const covsamp_option *o, int64_t value)
{
    int64_t before = 0, after = 0;
    char number[32];
    snprintf(number, sizeof number, "%lld", (long long)value);
    CHECK(covsamp_config_get_int(c, o->key, &before) == COVSAMP_OK);
    CHECK(covsamp_config_set_int(c, o->key, value) == COVSAMP_E_RANGE);
    CHECK_TEXT(covsamp_config_message(c), "covsamp_config_set_int");
    CHECK_TEXT(covsamp_config_message(c), o->name);
    CHECK_TEXT(covsamp_config_message(c), number);
    CHECK_TEXT(covsamp_config_message(c), "must be");
    CHECK(covsamp_config_get_int(c, o->key, &after) == COVSAMP_OK && before == after);
}

static inline void refuses_real(covsamp_config *c, const covsamp_option *o, double value)
{
    double before = 0, after = 1;
    CHECK(covsamp_config_get_real(c, o->key, &before) == COVSAMP_OK);
    CHECK(covsamp_config_set_real(c, o->key, value) == COVSAMP_E_RANGE);
    CHECK_TEXT(covsamp_config_message(c), "covsamp_config_set_real");
    CHECK_TEXT(covsamp_config_message(c), o->name);
    CHECK_TEXT(covsamp_config_message(c), "must be in [");
    CHECK(covsamp_config_get_real(c, o->key, &after) == COVSAMP_OK && before == after);
}

static inline void whole_option(covsamp_config *c, const covsamp_option *o)
{
    const int64_t inside = o->int_low / 2 + o->int_high / 2;
    accepts_int(c, o, o->int_low);
    accepts_int(c, o, inside);
    accepts_int(c, o, o->int_high);
    if (o->int_low > INT64_MIN) {
        refuses_int(c, o, o->int_low - 1);
        refuses_int(c, o, INT64_MIN);
    }
    if (o->int_high < INT64_MAX) {
        refuses_int(c, o, o->int_high + 1);
        refuses_int(c, o, INT64_MAX);
    }
    CHECK(covsamp_config_set_real(c, o->key, 1) == COVSAMP_E_OPTION);
    CHECK_TEXT(covsamp_config_message(c), o->name);
    CHECK_TEXT(covsamp_config_message(c), "int");
}

static inline void choice_option(covsamp_config *c, const covsamp_option *o)
{
    int64_t value, listed[16] = {0};
    const char *name;
    int32_t count = 0;
    char text[64];
    for (; (name = covsamp_option_choice(o->key, count, &value)) != NULL; count++) {
        listed[count] = value;
        accepts_int(c, o, value);
        CHECK(covsamp_config_get_text(c, o->key, text, sizeof text) == COVSAMP_OK);
        CHECK(strcmp(text, name) == 0);
    }
    for (value = -2; value < 130; value++) {
        int known = 0;
        for (int32_t i = 0; i < count; i++)
            known |= listed[i] == value;
        if (!known)
            refuses_int(c, o, value);
    }
    refuses_int(c, o, INT64_MAX);
    refuses_int(c, o, INT64_MIN);
    refuses_int(c, o, (INT64_C(1) << 32) + listed[0]); /* must not be cut to 32 bits */
    CHECK(covsamp_config_set_real(c, o->key, 1) == COVSAMP_E_OPTION);
    /* numbers are not names, and the sentence lists the names */
    CHECK(covsamp_config_set_by_name(c, o->name, "1") == COVSAMP_E_OPTION);
    CHECK_TEXT(covsamp_config_message(c), covsamp_option_choice(o->key, 0, NULL));
    CHECK_TEXT(covsamp_config_message(c), covsamp_option_choice(o->key, count - 1, NULL));
}

static inline void real_option(covsamp_config *c, const covsamp_option *o)
{
    const double inside[] = {o->real_low,         0.1, 1.0 / 3,     5e-324,
                             0.99999999999999989, 1,   o->real_high};
    for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++) {
        CHECK(covsamp_config_set_real(c, o->key, inside[i]) == COVSAMP_OK);
        CHECK(strcmp(covsamp_config_message(c), "") == 0);
        reads_back_real(c, o, inside[i]);
    }
    refuses_real(c, o, NAN);
    refuses_real(c, o, -INFINITY);
    refuses_real(c, o, nextafter(o->real_low, -INFINITY));
    if (o->real_high < INFINITY) {
        refuses_real(c, o, nextafter(o->real_high, INFINITY));
        refuses_real(c, o, INFINITY);
    }
    CHECK(covsamp_config_set_int(c, o->key, 1) == COVSAMP_E_OPTION);
    CHECK_TEXT(covsamp_config_message(c), o->name);
    CHECK_TEXT(covsamp_config_message(c), "real");
}

static inline void every_option(void)
{
    for (int32_t i = 0; option(i) != NULL; i++) {
        covsamp_config *c = fresh();
        int64_t whole;
        double real;
        if (option(i)->type == COVSAMP_TYPE_INT)
            whole_option(c, option(i));
        else if (option(i)->type == COVSAMP_TYPE_REAL)
            real_option(c, option(i));
        else
            choice_option(c, option(i));
        const int is_real = option(i)->type == COVSAMP_TYPE_REAL;
        CHECK(covsamp_config_get_real(c, option(i)->key, &real) ==
              (is_real ? COVSAMP_OK : COVSAMP_E_OPTION));
        CHECK(covsamp_config_get_int(c, option(i)->key, &whole) ==
              (is_real ? COVSAMP_E_OPTION : COVSAMP_OK));
        covsamp_config_free(c);
    }
}

/* ---- text ---- */

static inline void refuses_text(covsamp_config *c, const char *name, const char *text)
{
    char before[64], after[64];
    const int32_t key = by_name(name)->key;
    CHECK(covsamp_config_get_text(c, key, before, sizeof before) == COVSAMP_OK);
    const covsamp_status status = covsamp_config_set_by_name(c, name, text);
    if (!CHECK(status == COVSAMP_E_OPTION || status == COVSAMP_E_RANGE))
        fprintf(stderr, "    %s = \"%s\"\n", name, text);
    CHECK_TEXT(covsamp_config_message(c), "covsamp_config_set_by_name");
    CHECK_TEXT(covsamp_config_message(c), name);
    CHECK_TEXT(covsamp_config_message(c), "must be");
    CHECK(covsamp_config_get_text(c, key, after, sizeof after) == COVSAMP_OK);
    CHECK(strcmp(before, after) == 0);
}

static inline void bad_text(void)
{
    static const char *const never[] = {
        "",     " ",     "1e",       " 3",    "3 ",     "0x10", "nan",    "NaN",
        "3,5",  "1.5.",  "1..5",     "+-1",   "--1",    "1e+",  "e5",     ".",
        "abc",  "\n1",   "1\n",      "1f",    "1_0",    "INF",  "+",      "-",
        "\xff", "1e1e1", "infinity", "1e400", "nan(1)", "3;",   "krylov,"};
    char huge[2000];
    covsamp_config *c = fresh();
    memset(huge, '9', sizeof huge);
    huge[sizeof huge - 1] = '\0';
    for (int32_t i = 0; option(i) != NULL; i++) {
        for (size_t k = 0; k < sizeof never / sizeof never[0]; k++)
            refuses_text(c, option(i)->name, never[k]);
        refuses_text(c, option(i)->name, huge);
        if (option(i)->type == COVSAMP_TYPE_INT) {
            refuses_text(c, option(i)->name, "1.0");
            refuses_text(c, option(i)->name, "1e2");
            if (strcmp(option(i)->name, "seed") != 0) /* whose 64 bits may be without a sign */
                refuses_text(c, option(i)->name, "9223372036854775808");
            refuses_text(c, option(i)->name, "18446744073709551616");
            refuses_text(c, option(i)->name, "-9223372036854775809");
        }
    }
    CHECK(covsamp_config_set_by_name(c, "no_such", "1") == COVSAMP_E_OPTION);
    CHECK_TEXT(covsamp_config_message(c), "\"no_such\"");
    CHECK(covsamp_config_set_by_name(c, "", "1") == COVSAMP_E_OPTION);
    CHECK(covsamp_config_set_by_name(c, "ETA", "1") == COVSAMP_E_OPTION);
    CHECK(covsamp_config_set_by_name(c, "eta ", "1") == COVSAMP_E_OPTION);
    CHECK(covsamp_config_set_by_name(c, huge, huge) == COVSAMP_E_OPTION);
    CHECK(strlen(covsamp_config_message(c)) < COVSAMP_MESSAGE_BYTES);
    covsamp_config_free(c);
}

static inline void good_text(void)
{
    covsamp_config *c = fresh();
    int64_t whole = 0;
    double real = 0;
    CHECK(covsamp_config_set_by_name(c, "seed", "18446744073709551615") == COVSAMP_OK);
    CHECK(covsamp_config_get_int(c, COVSAMP_SEED, &whole) == COVSAMP_OK && whole == -1);
    CHECK(covsamp_config_set_by_name(c, "krylov_steps", "3") == COVSAMP_OK);
    CHECK(covsamp_config_get_int(c, COVSAMP_KRYLOV_STEPS, &whole) == COVSAMP_OK && whole == 3);
    CHECK(covsamp_config_set_by_name(c, "krylov_steps", "+010") == COVSAMP_OK); /* not octal */
    CHECK(covsamp_config_get_int(c, COVSAMP_KRYLOV_STEPS, &whole) == COVSAMP_OK && whole == 10);
    CHECK(covsamp_config_set_by_name(c, "covariance", "dense") == COVSAMP_OK);
    CHECK(covsamp_config_get_int(c, COVSAMP_COVARIANCE, &whole) == COVSAMP_OK &&
          whole == COVSAMP_COV_DENSE);
    CHECK(covsamp_config_set_by_name(c, "seed", "-9223372036854775808") == COVSAMP_OK);
    CHECK(covsamp_config_set_by_name(c, "seed", "9223372036854775807") == COVSAMP_OK);
    CHECK(covsamp_config_set_by_name(c, "clip_x0", "inf") == COVSAMP_OK);
    CHECK(covsamp_config_get_real(c, COVSAMP_CLIP_X0, &real) == COVSAMP_OK && real == INFINITY);
    static const struct {
        const char *text;
        double value;
    } reals[] = {{"0.5", 0.5}, {".5", 0.5}, {"5e-1", 0.5}, {"1", 1},         {"+0.25", 0.25},
                 {"0", 0},     {"1.", 1},   {"0.1", 0.1},  {"2.5E-1", 0.25}, {"00.5", 0.5}};
    for (size_t i = 0; i < sizeof reals / sizeof reals[0]; i++) {
        CHECK(covsamp_config_set_by_name(c, "eta", reals[i].text) == COVSAMP_OK);
        CHECK(covsamp_config_get_real(c, COVSAMP_ETA, &real) == COVSAMP_OK &&
              real == reals[i].value);
    }
    covsamp_config_free(c);
}

static inline void unknown_keys(void)
{
    static const int32_t keys[] = {0,  -1, 5,  19,   37,        39,       52,
                                   59, 63, 83, 1000, INT32_MAX, INT32_MIN};
    covsamp_config *c = fresh();
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        int64_t whole = 0;
        double real = 0;
        char text[64], number[16];
        snprintf(number, sizeof number, "%d", (int)keys[i]);
        CHECK(covsamp_config_set_int(c, keys[i], 1) == COVSAMP_E_OPTION);
        CHECK_TEXT(covsamp_config_message(c), "covsamp_config_set_int");
        CHECK_TEXT(covsamp_config_message(c), number);
        CHECK(covsamp_config_set_real(c, keys[i], 1) == COVSAMP_E_OPTION);
        CHECK_TEXT(covsamp_config_message(c), number);
        CHECK(covsamp_config_get_int(c, keys[i], &whole) == COVSAMP_E_OPTION);
        CHECK(covsamp_config_get_real(c, keys[i], &real) == COVSAMP_E_OPTION);
        CHECK(covsamp_config_get_text(c, keys[i], text, sizeof text) == COVSAMP_E_OPTION);
    }
    covsamp_config_free(c);
}

static inline void everything(void)
{
    every_option();
    bad_text();
    good_text();
    unknown_keys();
}

#endif
