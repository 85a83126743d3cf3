/* SPDX-License-Identifier: BSD-3-Clause */
/* base/text.c and base/error.c: numbers as text and back, and sentences that fit their buffers. */
#include "check.h"

#include "base/error.h"

#include <errno.h>
#include <float.h>
#include <stdint.h>
#include <stdlib.h>

static uint64_t state = 88172645463325252u;

static uint64_t next(void) /* xorshift64 */
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static double from_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static int same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

/* Reads back to the same bits, and no digit could be left out. */
static int round_trips(double value)
{
    char text[COVSAMP__REAL_BYTES], shorter[64];
    double back = 0;
    if (covsamp__real(value, text) != text || strlen(text) >= COVSAMP__REAL_BYTES)
        return 0;
    if (!covsamp__parse_real(text, &back) || !same_bits(value, back))
        return 0;
    int digits = 0;
    for (const char *c = text; *c != '\0' && *c != 'e'; c++)
        digits += *c >= '0' && *c <= '9' && (digits > 0 || *c != '0');
    if (digits < 2 || digits > 17)
        return digits <= 17;
    snprintf(shorter, sizeof shorter, "%.*g", digits - 1, value);
    return strtod(shorter, NULL) != value || strlen(text) < strlen(shorter) ||
           strchr(text, 'e') == NULL; /* 1000000: its zeros are digits too */
}

static void reals(void)
{
    static const double special[] = {0.0,
                                     -0.0,
                                     1,
                                     -1,
                                     0.1,
                                     1.0 / 3,
                                     5e-324,
                                     -5e-324,
                                     DBL_MIN,
                                     DBL_MAX,
                                     -DBL_MAX,
                                     DBL_EPSILON,
                                     1e15,
                                     1e16,
                                     1e17,
                                     1e21,
                                     1e22,
                                     9007199254740993.0,
                                     2.2250738585072011e-308,
                                     123456.75,
                                     INFINITY,
                                     -INFINITY};
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++)
        CHECK(round_trips(special[i]));
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = next();
        double value = from_bits(bits);
        if (i % 10 == 0) /* denormals are rare among random bits */
            value = from_bits(bits & UINT64_C(0x800fffffffffffff));
        else if (i % 10 == 1) /* few digits */
            value = (double)(int64_t)(bits % 100000) / 1000;
        if (isfinite(value) && !CHECK(round_trips(value)))
            break;
    }
    char text[COVSAMP__REAL_BYTES];
    CHECK(strcmp(covsamp__real(0.1, text), "0.1") == 0);
    CHECK(strcmp(covsamp__real(3, text), "3") == 0);
    CHECK(strcmp(covsamp__real(-2.5e-7, text), "-2.5e-07") == 0);
    CHECK(strcmp(covsamp__real(NAN, text), "nan") == 0);
    CHECK(strcmp(covsamp__real(-INFINITY, text), "-inf") == 0);
}

static void parsing(void)
{
    static const struct {
        const char *text;
        double value;
    } good[] = {{"1", 1},          {"+1", 1},
                {"-1.5", -1.5},    {".5", .5},
                {"5.", 5},         {"1e3", 1000},
                {"1E-3", .001},    {"007", 7},
                {"inf", INFINITY}, {"-inf", -INFINITY},
                {"1e-400", 0},     {"0.30000000000000004", 0.30000000000000004}};
    static const char *const bad[] = {"",    " ",   " 1",  "1 ",   "1e",       "1e+",     "e",
                                      "+",   "-",   ".",   "+.",   "1.2.3",    "1,5",     "0x1",
                                      "nan", "NAN", "INF", "+inf", "infinity", "1e400",   "-1e400",
                                      "--1", "1-1", "1f",  "\t1",  "1\n",      "\xc2\xa0"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        double value = 99;
        CHECK(covsamp__parse_real(good[i].text, &value) && value == good[i].value);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        double value = 99;
        if (!CHECK(!covsamp__parse_real(bad[i], &value)))
            fprintf(stderr, "    \"%s\"\n", bad[i]);
    }
    char zeros[500];
    double value;
    memset(zeros, '0', sizeof zeros);
    zeros[sizeof zeros - 1] = '\0';
    CHECK(!covsamp__parse_real(zeros, &value)); /* longer than any sensible number */
    zeros[300] = '\0';
    CHECK(covsamp__parse_real(zeros, &value) && value == 0);
    errno = 1234;
    CHECK(!covsamp__parse_real("1e999", &value) && errno == 1234); /* errno is the caller's */
}

static void sentences(void)
{
    covsamp__error error;
    char message[COVSAMP_MESSAGE_BYTES], longest[1000];
    memset(&error, 'x', sizeof error);
    CHECK(covsamp__fail(&error, COVSAMP_E_RANGE, "%s: %d", "f", 7) == COVSAMP_E_RANGE);
    CHECK(strcmp(error.text, "f: 7") == 0);
    covsamp__export(&error, message);
    CHECK(strcmp(message, "f: 7") == 0);
    covsamp__export(&error, NULL);
    memset(longest, 'y', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    CHECK(covsamp__fail(&error, COVSAMP_E_NULL, "%s", longest) == COVSAMP_E_NULL);
    CHECK(strlen(error.text) == COVSAMP_MESSAGE_BYTES - 1);
    CHECK(covsamp__ok(&error) == COVSAMP_OK && error.text[0] == '\0');
    CHECK(covsamp__ok(NULL) == COVSAMP_OK);
    CHECK(covsamp__fail(NULL, COVSAMP_E_NOMEM, "nobody hears %d", 1) == COVSAMP_E_NOMEM);
}

int main(void)
{
    reals();
    parsing();
    sentences();
    return check_done();
}
