/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static void *default_alloc(void *user, size_t bytes, size_t align)
{
    (void)user;
    return aligned_alloc(align, bytes); /* bytes is a multiple of align, see covsamp__alloc() */
}

static void default_release(void *user, void *pointer, size_t bytes)
{
    (void)user;
    (void)bytes;
    free(pointer);
}

covsamp_status covsamp__allocator_init(covsamp_allocator *own, const covsamp_allocator *given,
                                       covsamp__error *error, const char *function)
{
    const covsamp_allocator standard = {sizeof standard, default_alloc, default_release, NULL};
    *own = standard;
    if (given == NULL)
        return COVSAMP_OK;
    covsamp_allocator copy;
    covsamp_status status =
        covsamp__struct_in(&copy, sizeof copy, COVSAMP__FIRST_SIZE(covsamp_allocator, user), given,
                           error, function, "mem");
    if (status != COVSAMP_OK)
        return status;
    if (given->alloc == NULL || given->release == NULL)
        return covsamp__fail(error, COVSAMP_E_NULL, "%s: mem->%s is NULL", function,
                             given->alloc == NULL ? "alloc" : "release");
    *own = copy;
    return COVSAMP_OK;
}

/* No struct of this library has a size that is no multiple of size_t's: it would cut a pointer in
 * two. */
static int is_bad_size(size_t size, size_t least)
{
    return size < least || size > COVSAMP__MOST_SIZE || size % sizeof(size_t) != 0;
}

static covsamp_status bad_size(covsamp__error *error, const char *function, const char *name,
                               size_t size, size_t least)
{
    return covsamp__fail(error, COVSAMP_E_STRUCT_SIZE,
                         "%s: %s->size is %zu, must be sizeof the struct, in %zu ... %d", function,
                         name, size, least, COVSAMP__MOST_SIZE);
}

covsamp_status covsamp__struct_in(void *own, size_t known, size_t least, const void *given,
                                  covsamp__error *error, const char *function, const char *name)
{
    size_t size;
    memcpy(&size, given, sizeof size);
    if (is_bad_size(size, least))
        return bad_size(error, function, name, size, least);
    for (size_t i = known; i < size; i++)
        if (((const unsigned char *)given)[i] != 0)
            return covsamp__fail(
                error, COVSAMP_E_STRUCT_SIZE,
                "%s: %s->size is %zu and byte %zu is set, but this library knows %zu bytes",
                function, name, size, i, known);
    memset(own, 0, known);
    memcpy(own, given, size < known ? size : known);
    return COVSAMP_OK;
}

covsamp_status covsamp__struct_check(const void *given, size_t least, covsamp__error *error,
                                     const char *function, const char *name)
{
    size_t size;
    memcpy(&size, given, sizeof size);
    if (is_bad_size(size, least))
        return bad_size(error, function, name, size, least);
    return COVSAMP_OK;
}

covsamp_status covsamp__struct_out(void *given, const void *own, size_t known, size_t least,
                                   covsamp__error *error, const char *function, const char *name)
{
    size_t size;
    covsamp_status status = covsamp__struct_check(given, least, error, function, name);
    if (status != COVSAMP_OK)
        return status;
    memcpy(&size, given, sizeof size);
    const size_t common = size < known ? size : known;
    memset((char *)given + sizeof size, 0, size - sizeof size);
    memcpy((char *)given + sizeof size, (const char *)own + sizeof size, common - sizeof size);
    return COVSAMP_OK;
}

/* Hooks are always asked for whole multiples of the alignment. */
static size_t rounded(size_t bytes)
{
    return (bytes + COVSAMP__ALIGN - 1) / COVSAMP__ALIGN * COVSAMP__ALIGN;
}

void *covsamp__alloc(const covsamp_allocator *mem, size_t bytes)
{
    if (bytes == 0 || bytes > SIZE_MAX / 2)
        return NULL;
    void *pointer = mem->alloc(mem->user, rounded(bytes), COVSAMP__ALIGN);
    if (pointer != NULL)
        memset(pointer, 0, rounded(bytes));
    return pointer;
}

void covsamp__release(const covsamp_allocator *mem, void *pointer, size_t bytes)
{
    if (pointer != NULL)
        mem->release(mem->user, pointer, rounded(bytes));
}

void *covsamp__take(covsamp__arena *arena, int64_t a, int64_t b, size_t size)
{
    const size_t most = SIZE_MAX / 2 - COVSAMP__ALIGN;
    size_t bytes = size, start = arena->used;
    const int64_t counts[2] = {a, b};
    for (int i = 0; i < 2; i++) {
        if (counts[i] < 0 || (counts[i] > 0 && bytes > most / (uint64_t)counts[i])) {
            arena->overflow = 1;
            return NULL;
        }
        bytes *= (size_t)counts[i];
    }
    if (bytes > most - start) {
        arena->overflow = 1;
        return NULL;
    }
    arena->used = rounded(start + bytes);
    return arena->base == NULL ? NULL : arena->base + start;
}

void *covsamp__take_vector(covsamp__arena *arena, int64_t a, int64_t b, size_t size)
{
    return covsamp__take(arena->vectors != NULL ? arena->vectors : arena, a, b, size);
}
