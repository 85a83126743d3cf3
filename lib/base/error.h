/* SPDX-License-Identifier: BSD-3-Clause */
/* One sentence about what went wrong, kept by every handle.  Knows nobody. */
#ifndef COVSAMP_BASE_ERROR_H
#define COVSAMP_BASE_ERROR_H

#include <covsamp/covsamp.h>

typedef struct {
    char text[COVSAMP_MESSAGE_BYTES];
} covsamp__error;

#if defined(__GNUC__)
#define COVSAMP__PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define COVSAMP__PRINTF(f, a)
#endif

/* Formats the sentence and returns `status`, so that callers can `return covsamp__fail(...)`.
 * error may be NULL. Reals go through covsamp__real(), since printf follows the locale. */
covsamp_status covsamp__fail(covsamp__error *error, covsamp_status status, const char *format, ...)
    COVSAMP__PRINTF(3, 4);
/* Forgets the last sentence, and returns COVSAMP_OK. */
covsamp_status covsamp__ok(covsamp__error *error);
/* Copies the sentence to a caller's buffer of COVSAMP_MESSAGE_BYTES, if there is one. */
void covsamp__export(const covsamp__error *error, char *message);

/* A double as text, shortest form that reads back to the same value, independent of the locale.
 * Returns buffer. */
#define COVSAMP__REAL_BYTES 40
char *covsamp__real(double value, char buffer[COVSAMP__REAL_BYTES]);
/* The double in text, independent of the locale; 0 if the whole text is not one (inf is one). */
int covsamp__parse_real(const char *text, double *value);

#endif
