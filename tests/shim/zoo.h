/* SPDX-License-Identifier: BSD-3-Clause */
/* Which engine the tests of the zoo put to the proof, and the names of engines. */
#ifndef COVSAMP_TESTS_ZOO_H
#define COVSAMP_TESTS_ZOO_H

#include "shim.h"

static inline const char *engine_name(int32_t engine)
{
    static const char *const names[] = {"auto", "dual", "double_backward", "linearised",
                                        "transposed"};
    return engine >= 0 && engine < 5 ? names[engine] : "unknown";
}

/* COVSAMP_TEST_ENGINE is the number of another one. */
static inline int32_t engine_under_test(void)
{
    const char *text = getenv("COVSAMP_TEST_ENGINE");
    return text != NULL ? (int32_t)atoi(text) : COVSAMP_TORCH_AUTO;
}

#endif
