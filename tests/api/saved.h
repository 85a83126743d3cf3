/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of saved runs share: strings, and all that can be asked of a sampler. */
#ifndef COVSAMP_TESTS_SAVED_H
#define COVSAMP_TESTS_SAVED_H

#include "variant.h"

typedef struct {
    uint8_t *bytes;
    size_t size;
} saved;

static inline saved save(covsamp_sampler *s)
{
    saved out = {NULL, 0};
    size_t again = 0;
    CHECK(covsamp_sampler_save(s, NULL, 0, &out.size) == COVSAMP_OK);
    out.bytes = malloc(out.size + 1);
    out.bytes[out.size] = 0xcd;
    if (!CHECK(covsamp_sampler_save(s, out.bytes, out.size, &again) == COVSAMP_OK))
        fprintf(stderr, "    %s\n", covsamp_sampler_message(s));
    CHECK(again == out.size && out.bytes[out.size] == 0xcd);
    return out;
}

static inline void load(covsamp_sampler *s, const saved *from)
{
    if (!CHECK(covsamp_sampler_load(s, from->bytes, from->size) == COVSAMP_OK))
        fprintf(stderr, "    %s\n", covsamp_sampler_message(s));
    CHECK(covsamp_sampler_message(s)[0] == '\0');
}

static inline int same_saved(const saved *a, const saved *b)
{
    return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

/* Refused with a sentence; `s`, which would save itself as `before`, still would. */
static inline void refused(covsamp_sampler *s, const saved *before, const void *data, size_t size,
                           covsamp_status expected, const char *part)
{
    const covsamp_status got = covsamp_sampler_load(s, data, size);
    if (!CHECK(got == expected))
        fprintf(stderr, "    %d: %s (wanted: %s)\n", (int)got, covsamp_sampler_message(s), part);
    CHECK_TEXT(covsamp_sampler_message(s), "covsamp_sampler_load: ");
    CHECK_TEXT(covsamp_sampler_message(s), part);
    saved after = save(s);
    CHECK(same_saved(before, &after));
    free(after.bytes);
}

/* ---- everything a finished run says of itself ---- */

#define MOST_STEPS 8
#define MOST_BINS  8

typedef struct {
    void *x;
    covsamp_stats stats;
    covsamp_step_stats row[MOST_STEPS];
    int64_t products[MOST_STEPS][MOST_BINS];
} account;

static inline account account_of(const covsamp_sampler *s, const settings *set)
{
    account a;
    memset(&a, 0, sizeof a);
    a.x = copy_state(s, set);
    a.stats.size = sizeof a.stats;
    CHECK(covsamp_sampler_stats(s, &a.stats) == COVSAMP_OK);
    for (int64_t i = 0; i < set->steps; i++) {
        a.row[i].size = sizeof a.row[i];
        CHECK(covsamp_sampler_step_stats(s, i, &a.row[i]) == COVSAMP_OK);
        (void)covsamp_sampler_products(s, i, a.products[i], MOST_BINS); /* of krylov only */
    }
    return a;
}

static inline int same_account(const account *a, const account *b, const settings *set)
{
    return memcmp(a->x, b->x, bytes_of(set)) == 0 &&
           memcmp(&a->stats, &b->stats, sizeof a->stats) == 0 &&
           memcmp(a->row, b->row, sizeof a->row) == 0 &&
           memcmp(a->products, b->products, sizeof a->products) == 0;
}

/* ---- a checksum of the tests' own, bit by bit ---- */

static inline void sign(saved *s)
{
    uint64_t sum = ~UINT64_C(0);
    for (size_t i = 0; i + 8 < s->size; i++)
        for (int bit = 0; bit < 8; bit++)
            sum = (sum >> 1) ^
                  (((sum ^ (uint64_t)(s->bytes[i] >> bit)) & 1) ? UINT64_C(0xc96c5795d7870f42) : 0);
    sum = ~sum;
    for (int i = 0; i < 8; i++)
        s->bytes[s->size - 8 + (size_t)i] = (uint8_t)(sum >> (8 * i));
}

static inline saved copy_of(const saved *s)
{
    saved copy = {malloc(s->size + 64), s->size};
    memcpy(copy.bytes, s->bytes, s->size);
    memset(copy.bytes + s->size, 0, 64);
    return copy;
}

#endif
