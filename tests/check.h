/* SPDX-License-Identifier: BSD-3-Clause */
/* The whole test framework: checks that count, and a closing line "N passed, N failed".
 *
 *     int main(void) { CHECK(1 + 1 == 2); CHECK_NEAR(sqrt(2.0), 1.4142135623730951, 1e-15); return
 * check_done(); }
 */
#ifndef COVSAMP_TESTS_CHECK_H
#define COVSAMP_TESTS_CHECK_H

#include <math.h>
#include <stdio.h>
#include <string.h>

static int check_passed, check_failed;

static inline int check_result(int ok, const char *file, int line, const char *what)
{
    __atomic_fetch_add(ok ? &check_passed : &check_failed, 1, __ATOMIC_RELAXED); /* any thread */
    if (!ok) {
        fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
    }
    return ok;
}

static inline int check_near(double a, double b, double tolerance, const char *file, int line,
                             const char *what)
{
    int ok = a == b || fabs(a - b) <= tolerance; /* a NaN fails */
    if (!check_result(ok, file, line, what))
        fprintf(stderr, "    %.17g against %.17g, off by %.3g, allowed %.3g\n", a, b, fabs(a - b),
                tolerance);
    return ok;
}

static inline int check_text(const char *text, const char *part, const char *file, int line)
{
    int ok = text != NULL && strstr(text, part) != NULL;
    if (!check_result(ok, file, line, part))
        fprintf(stderr, "    not in \"%s\"\n", text ? text : "(null)");
    return ok;
}

/* All of them evaluate their arguments once and yield whether they held. */
#define CHECK(x) check_result((x) ? 1 : 0, __FILE__, __LINE__, #x)
/* |a - b| <= tolerance, absolutely */
#define CHECK_NEAR(a, b, tolerance)                                                                \
    check_near((a), (b), (tolerance), __FILE__, __LINE__, #a " ~ " #b)
/* |a - b| <= tolerance |b| */
#define CHECK_CLOSE(a, b, tolerance)                                                               \
    check_near((a), (b), (tolerance)*fabs(b), __FILE__, __LINE__, #a " ~ " #b)
/* text contains part */
#define CHECK_TEXT(text, part) check_text((text), (part), __FILE__, __LINE__)

static inline int check_done(void)
{
    printf("%d passed, %d failed\n", check_passed, check_failed);
    return check_failed == 0 ? 0 : 1;
}

#endif
