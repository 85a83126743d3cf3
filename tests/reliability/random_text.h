/* SPDX-License-Identifier: BSD-3-Clause */
/* Random combinations of options as text, from a state that alone decides them. */
#ifndef COVSAMP_TESTS_RANDOM_TEXT_H
#define COVSAMP_TESTS_RANDOM_TEXT_H

#include "check.h"

#include <covsamp/covsamp.h>

#include <stdint.h>

/* SplitMix64 (Steele, Lea & Flood 2014). */
static inline uint64_t random_bits(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline int64_t random_below(uint64_t *state, int64_t n)
{
    return (int64_t)(random_bits(state) % (uint64_t)n);
}

/* A bound now and then, a small number as a rule. */
static inline int64_t random_int(uint64_t *state, const covsamp_option *o)
{
    const int64_t kind = random_below(state, 16);
    const int64_t value = random_below(state, 12);
    if (kind == 0)
        return o->int_low;
    if (kind == 1 && o->int_high <= 1 << 24) /* larger ones only say how much memory there is */
        return o->int_high;
    return value < o->int_low ? o->int_low : value > o->int_high ? o->int_high : value;
}

static inline double random_real(uint64_t *state, const covsamp_option *o)
{
    static const double some[] = {0, 0.1, 0.5, 1, 1.5, 3};
    const int64_t kind = random_below(state, 16);
    const double value = some[random_below(state, 6)];
    if (kind == 0)
        return o->real_low;
    if (kind == 1)
        return o->real_high;
    return value < o->real_low ? o->real_low : value > o->real_high ? o->real_high : value;
}

/* Options that only fit together with others are left to the base, or chosen with them. */
static inline int is_shape(const covsamp_option *o)
{
    return o->key == COVSAMP_BATCH || o->key == COVSAMP_DIM || o->key == COVSAMP_CHANNELS ||
           o->key == COVSAMP_HEIGHT || o->key == COVSAMP_WIDTH;
}

static inline void random_shape(uint64_t *state, char *text, size_t bytes)
{
    const int64_t channels = 1 + random_below(state, 3), height = 1 + random_below(state, 3),
                  width = 1 + random_below(state, 6);
    snprintf(text, bytes, "batch=%d dim=%d channels=%d height=%d width=%d",
             (int)(1 + random_below(state, 5)), (int)(channels * height * width), (int)channels,
             (int)height, (int)width);
}

/* A fifth of the options at random, the others as they are. */
static inline void random_text(uint64_t *state, char *text, size_t bytes)
{
    static const char *const schedules[] = {"linear", "cosine", "karras", "flow"};
    const covsamp_option *o;
    random_shape(state, text, bytes);
    for (int32_t i = 0; (o = covsamp_option_info(i)) != NULL; i++) {
        const size_t used = strlen(text);
        if (is_shape(o) || random_below(state, 5) != 0)
            continue;
        if (o->type == COVSAMP_TYPE_CHOICE) {
            int32_t names = 0;
            while (covsamp_option_choice(o->key, names, NULL) != NULL)
                names++;
            snprintf(text + used, bytes - used, " %s=%s", o->name,
                     covsamp_option_choice(o->key, (int32_t)random_below(state, names), NULL));
        } else if (o->type == COVSAMP_TYPE_INT) {
            snprintf(text + used, bytes - used, " %s=%lld", o->name,
                     (long long)random_int(state, o));
        } else {
            snprintf(text + used, bytes - used, " %s=%.17g", o->name, random_real(state, o));
        }
    }
    const size_t used = strlen(text);
    snprintf(text + used, bytes - used, " schedule=%s%s", schedules[random_below(state, 4)],
             random_below(state, 4) == 0 ? " weights=yes" : "");
}

#endif
