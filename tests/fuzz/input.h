/* SPDX-License-Identifier: BSD-3-Clause */
/* A fuzzer's bytes, taken one after another; zeros behind their end. */
#ifndef COVSAMP_TESTS_FUZZ_INPUT_H
#define COVSAMP_TESTS_FUZZ_INPUT_H

#include <covsamp/covsamp.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    const uint8_t *data;
    size_t size;
} input;

static inline void input_take(input *in, void *out, size_t bytes)
{
    const size_t have = in->size < bytes ? in->size : bytes;
    memset(out, 0, bytes);
    if (have > 0)
        memcpy(out, in->data, have);
    in->data += have;
    in->size -= have;
}

static inline uint8_t input_byte(input *in)
{
    uint8_t byte;
    input_take(in, &byte, 1);
    return byte;
}

static inline int64_t input_int(input *in)
{
    int64_t value;
    input_take(in, &value, sizeof value);
    return value;
}

/* What numbers a caller may come with: ordinary ones as a rule, now and then any eight bytes, NaN,
 * infinities and denormals among them. */
static inline double input_real(input *in)
{
    const uint8_t how = input_byte(in);
    double wild;
    if (how >= 64)
        return (double)input_byte(in) / (double)(1 + how % 16 * 64);
    input_take(in, &wild, sizeof wild);
    return wild;
}

/* The fuzzer hears of it by abort(). */
static inline void demand(int ok, const char *what, covsamp_status status, const char *message)
{
    if (ok)
        return;
    fprintf(stderr, "%s: %s, \"%s\"\n", what, covsamp_status_name(status), message);
    abort();
}

#endif
