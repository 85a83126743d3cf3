/* SPDX-License-Identifier: BSD-3-Clause */
/* base/memory.c: hooks, arenas that count before they give, and structs of another version's size.
 */
#include "check.h"

#include "base/memory.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>

/* ---- hooks ---- */

typedef struct {
    size_t allocated, released, align;
    int refuse, calls;
} counter;

static void *counted_alloc(void *user, size_t bytes, size_t align)
{
    counter *c = user;
    c->calls++;
    if (c->refuse)
        return NULL;
    c->allocated += bytes;
    c->align = align;
    void *p = aligned_alloc(align, bytes);
    memset(p, 0xff, bytes);
    return p;
}

static void counted_release(void *user, void *pointer, size_t bytes)
{
    ((counter *)user)->released += bytes;
    free(pointer);
}

static void hooks(void)
{
    counter c = {0, 0, 0, 0, 0};
    const covsamp_allocator given = {sizeof given, counted_alloc, counted_release, &c};
    covsamp_allocator own;
    CHECK(covsamp__allocator_init(&own, &given, NULL, "f") == COVSAMP_OK);
    for (size_t bytes = 1; bytes < 300; bytes += 7) {
        unsigned char *p = covsamp__alloc(&own, bytes);
        CHECK(p != NULL && (uintptr_t)p % COVSAMP__ALIGN == 0 && c.align == COVSAMP__ALIGN);
        int zero = 1;
        for (size_t i = 0; i < bytes; i++)
            zero &= p[i] == 0;
        CHECK(zero);
        covsamp__release(&own, p, bytes);
        CHECK(c.allocated == c.released && c.allocated % COVSAMP__ALIGN == 0);
    }
    const int calls = c.calls;
    CHECK(covsamp__alloc(&own, 0) == NULL);
    CHECK(covsamp__alloc(&own, SIZE_MAX) == NULL && covsamp__alloc(&own, SIZE_MAX - 63) == NULL);
    CHECK(covsamp__alloc(&own, SIZE_MAX / 2 + 1) == NULL);
    CHECK(c.calls == calls); /* the hook never sees such sizes */
    c.refuse = 1;
    CHECK(covsamp__alloc(&own, 100) == NULL);
    covsamp__release(&own, NULL, 100);
    CHECK(c.allocated == c.released);
    CHECK(covsamp__allocator_init(&own, NULL, NULL, "f") == COVSAMP_OK);
    void *p = covsamp__alloc(&own, 1000);
    CHECK(p != NULL && (uintptr_t)p % COVSAMP__ALIGN == 0);
    covsamp__release(&own, p, 1000);
}

/* ---- arenas ---- */

static void counting(void)
{
    covsamp__arena arena = {0};
    CHECK(covsamp__take(&arena, 3, 5, 8) == NULL && arena.used == 128);
    CHECK(covsamp__take(&arena, 0, 5, 8) == NULL && arena.used == 128);
    CHECK(covsamp__take(&arena, 5, 0, 8) == NULL && arena.used == 128);
    CHECK(covsamp__take(&arena, 1, 1, 1) == NULL && arena.used == 192);
    CHECK(!arena.overflow);
}

/* The second pass gives what the first counted: aligned, apart, inside the block. */
static void giving(void)
{
    static const int64_t counts[][3] = {{1, 1, 24}, {7, 3, 4}, {0, 9, 8}, {1, 64, 1}, {5, 5, 8}};
    covsamp__arena count = {0};
    for (int i = 0; i < 5; i++)
        covsamp__take(&count, counts[i][0], counts[i][1], (size_t)counts[i][2]);
    char *block = aligned_alloc(COVSAMP__ALIGN, count.used);
    covsamp__arena give = {.base = block};
    char *end = block;
    for (int i = 0; i < 5; i++) {
        char *p = covsamp__take(&give, counts[i][0], counts[i][1], (size_t)counts[i][2]);
        CHECK(p >= end && (uintptr_t)p % COVSAMP__ALIGN == 0);
        end = p + counts[i][0] * counts[i][1] * counts[i][2];
        CHECK(end <= block + count.used);
    }
    CHECK(give.used == count.used && !give.overflow);
    free(block);
}

static void overflows(void)
{
    static const struct {
        int64_t a, b;
        size_t size;
    } bad[] = {{INT64_MAX, 1, 2},
               {1, INT64_MAX, 2},
               {INT64_C(1) << 32, INT64_C(1) << 32, 1},
               {INT64_C(1) << 31, INT64_C(1) << 31, 8},
               {-1, 1, 1},
               {1, -1, 1},
               {INT64_MIN, INT64_MIN, 8},
               {INT64_MAX, INT64_MAX, 8},
               {1, 1, SIZE_MAX},
               {1, 1, SIZE_MAX / 2},
               {INT64_MAX, 1, 1}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        covsamp__arena arena = {.used = 640};
        CHECK(covsamp__take(&arena, bad[i].a, bad[i].b, bad[i].size) == NULL);
        CHECK(arena.overflow && arena.used == 640);
        CHECK(covsamp__take(&arena, 1, 1, 8) == NULL && arena.overflow); /* for good */
    }
    const int64_t eighth =
        (int64_t)(SIZE_MAX / 8 + 1);     /* of the address space, whatever the word */
    covsamp__arena arena = {0}; /* each fits, the sum does not */
    for (int i = 0; i < 3; i++)
        covsamp__take(&arena, eighth, 1, 1);
    CHECK(!arena.overflow);
    for (int i = 0; i < 9; i++)
        covsamp__take(&arena, eighth / 2, 1, 1);
    CHECK(arena.overflow);
}

/* ---- structs ---- */

/* What version 0.1 had is accepted for ever, however much is appended; rubbish sizes are not
 * followed. */
static void first_sizes(void)
{
    static const size_t rubbish[] = {COVSAMP__MOST_SIZE + 1, SIZE_MAX, SIZE_MAX / 2, SIZE_MAX - 7};
    if (sizeof(void *) == 8) {
        CHECK(COVSAMP__FIRST_SIZE(covsamp_allocator, user) == 32);
        CHECK(COVSAMP__MODEL_FIRST_SIZE == 72);
        CHECK(COVSAMP__FIRST_SIZE(covsamp_stats, error_estimate) == 112);
        CHECK(COVSAMP__FIRST_SIZE(covsamp_calibration_level, analytic) == 104);
    }
    for (size_t i = 0; i < sizeof rubbish / sizeof rubbish[0]; i++) {
        size_t given[4] = {rubbish[i], 0, 0, 0};
        unsigned char own[24];
        CHECK(covsamp__struct_in(own, sizeof own, 16, given, NULL, "f", "n") ==
              COVSAMP_E_STRUCT_SIZE);
        CHECK(covsamp__struct_out(given, own, sizeof own, 16, NULL, "f", "n") ==
              COVSAMP_E_STRUCT_SIZE);
    }
}

typedef struct {
    size_t size;
    int64_t a, b, c;
} version_2;

static void structs_in(void)
{
    const size_t least = offsetof(version_2, c); /* version 1 ended there */
    covsamp__error error;
    unsigned char given[64], own[sizeof(version_2)];
    for (size_t size = 0; size <= sizeof given; size++) {
        memset(given, 0, sizeof given);
        memset(given + sizeof size, 1, sizeof(version_2) - sizeof size);
        memcpy(given, &size, sizeof size);
        memset(own, 0xee, sizeof own);
        covsamp__ok(&error);
        covsamp_status got =
            covsamp__struct_in(own, sizeof own, least, given, &error, "function", "name");
        CHECK(got ==
              (size < least || size % sizeof size != 0 ? COVSAMP_E_STRUCT_SIZE : COVSAMP_OK));
        if (got != COVSAMP_OK) {
            char text[64];
            snprintf(text, sizeof text, "name->size is %d, must be sizeof the struct, in %d ... ",
                     (int)size, (int)least);
            CHECK_TEXT(error.text, text);
            CHECK(own[8] == 0xee); /* untouched */
            continue;
        }
        for (size_t i = sizeof size; i < sizeof own; i++)
            CHECK(own[i] == (i < size ? 1 : 0)); /* what the caller lacks is zero */
        for (size_t dirty = sizeof own; dirty < size; dirty++) {
            given[dirty] = 0x80;
            CHECK(covsamp__struct_in(own, sizeof own, least, given, &error, "function", "name") ==
                  COVSAMP_E_STRUCT_SIZE);
            CHECK_TEXT(error.text, "is set");
            given[dirty] = 0;
        }
    }
}

static void structs_out(void)
{
    const version_2 own = {sizeof own, 11, 22, 33};
    const size_t least = offsetof(version_2, c);
    unsigned char given[64];
    for (size_t size = 0; size <= 56; size++) {
        memset(given, 0xcc, sizeof given);
        memcpy(given, &size, sizeof size);
        covsamp_status got =
            covsamp__struct_out(given, &own, sizeof own, least, NULL, "function", "name");
        CHECK(got ==
              (size < least || size % sizeof size != 0 ? COVSAMP_E_STRUCT_SIZE : COVSAMP_OK));
        size_t said;
        memcpy(&said, given, sizeof said);
        CHECK(said == size); /* the caller's size stays */
        for (size_t i = sizeof size; i < sizeof given; i++) {
            const unsigned char inside = i < sizeof own ? ((const unsigned char *)&own)[i] : 0;
            CHECK(given[i] == (got != COVSAMP_OK || i >= size ? 0xcc : inside));
        }
    }
}

int main(void)
{
    hooks();
    counting();
    giving();
    overflows();
    first_sizes();
    structs_in();
    structs_out();
    return check_done();
}
