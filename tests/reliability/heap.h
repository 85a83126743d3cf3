/* SPDX-License-Identifier: BSD-3-Clause */
/* An allocator that counts, fails the k-th allocation once, refuses what is too large, and finds
 * what was not given back. */
#ifndef COVSAMP_TESTS_HEAP_H
#define COVSAMP_TESTS_HEAP_H

#include "check.h"

#include <covsamp/covsamp.h>

#include <stdint.h>
#include <stdlib.h>

#define MOST_BLOCKS 64

typedef struct {
    void *pointer[MOST_BLOCKS];
    size_t bytes[MOST_BLOCKS];
    size_t most;         /* a larger block is refused; 0: none is */
    int blocks, fail_at; /* fail_at 0: never */
    long calls, failed, refused;
} heap;

static inline void *heap_alloc(void *user, size_t bytes, size_t align)
{
    heap *h = user;
    h->calls++;
    CHECK(bytes > 0 && align >= 16 && (align & (align - 1)) == 0 && bytes % align == 0);
    if (h->calls == h->fail_at) {
        h->failed++;
        return NULL;
    }
    if (h->most > 0 && bytes > h->most) {
        h->refused++;
        return NULL;
    }
    if (!CHECK(h->blocks < MOST_BLOCKS))
        return NULL;
    void *p = aligned_alloc(align, bytes);
    if (p == NULL)
        return NULL;
    memset(p, 0xa5, bytes); /* the library must not count on zeros */
    h->pointer[h->blocks] = p;
    h->bytes[h->blocks++] = bytes;
    return p;
}

static inline void heap_release(void *user, void *pointer, size_t bytes)
{
    heap *h = user;
    for (int i = 0; i < h->blocks; i++)
        if (h->pointer[i] == pointer) {
            CHECK(h->bytes[i] == bytes);
            memset(pointer, 0x5a, bytes); /* nothing may be read after */
            free(pointer);
            h->blocks--;
            h->pointer[i] = h->pointer[h->blocks];
            h->bytes[i] = h->bytes[h->blocks];
            return;
        }
    CHECK(!"released what was never allocated");
}

static inline covsamp_allocator heap_hooks(heap *h, int fail_at, size_t most)
{
    const covsamp_allocator mem = {sizeof mem, heap_alloc, heap_release, h};
    memset(h, 0, sizeof *h);
    h->fail_at = fail_at;
    h->most = most;
    return mem;
}

#endif
