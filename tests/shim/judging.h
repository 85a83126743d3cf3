/* SPDX-License-Identifier: BSD-3-Clause */
/* What tests of classifiers share. */
#ifndef COVSAMP_TESTS_JUDGING_H
#define COVSAMP_TESTS_JUDGING_H

#include "given.h"

static inline void check_code(covsamp_torch_classifier *c, int32_t got, int32_t status,
                              const char *part)
{
    const char *message = covsamp_torch_classifier_message(c);
    if (!CHECK(got == status))
        fprintf(stderr, "    %s, %s\n", covsamp_torch_status_name(got), message);
    CHECK_TEXT(message, part);
    CHECK((part[0] == '\0') == (message[0] == '\0') && strchr(message, '\n') == NULL);
}

static inline double log_softmax(const double *logits, int classes, int64_t label)
{
    double sum = 0;
    int i;
    for (i = 0; i < classes; i++)
        sum += exp(logits[i]);
    return logits[label] - log(sum);
}

#endif
