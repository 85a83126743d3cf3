/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory: the caller's hooks, and a block that a handle lays out once.  Knows base/error only.
 *
 * A handle describes its memory by a layout function that takes arrays from an arena.  It runs
 * twice: once over an empty arena, which only adds sizes up, and once over the block that was then
 * allocated. */
#ifndef COVSAMP_BASE_MEMORY_H
#define COVSAMP_BASE_MEMORY_H

#include "base/error.h"

#include <stddef.h>

#define COVSAMP__ALIGN 64

/* Copies the caller's hooks (NULL: malloc and free) after checking their size field and pointers.
 */
covsamp_status covsamp__allocator_init(covsamp_allocator *own, const covsamp_allocator *given,
                                       covsamp__error *error, const char *function);
/* Zeroed, aligned to COVSAMP__ALIGN; NULL when there is none. */
void *covsamp__alloc(const covsamp_allocator *mem, size_t bytes);
void covsamp__release(const covsamp_allocator *mem, void *pointer, size_t bytes);

/* Size of a caller's struct in its first version, whose last field was `last`: the least that is
 * ever accepted, however many fields are appended. */
#define COVSAMP__FIRST_SIZE(type, last) (offsetof(type, last) + sizeof(((type *)0)->last))
#define COVSAMP__MODEL_FIRST_SIZE       COVSAMP__FIRST_SIZE(covsamp_model, progress)
/* No struct of this library grows beyond this: a larger size field is rubbish, and is not followed.
 */
#define COVSAMP__MOST_SIZE 4096

/* Reads a struct that the caller filled and whose first field is its size: copies it to `own`
 * (known bytes, the part the caller's version lacks is zeroed).  Shorter than `least`, or longer
 * than known with anything but zeros there, is E_STRUCT_SIZE: a field this library does not know
 * must not be ignored. */
covsamp_status covsamp__struct_in(void *own, size_t known, size_t least, const void *given,
                                  covsamp__error *error, const char *function, const char *name);
/* Writes `own` to a struct of the caller's size; bytes that this library does not know are zeroed.
 */
covsamp_status covsamp__struct_out(void *given, const void *own, size_t known, size_t least,
                                   covsamp__error *error, const char *function, const char *name);
/* Whether covsamp__struct_out() would take a struct of the caller's size: asked before long work.
 */
covsamp_status covsamp__struct_check(const void *given, size_t least, covsamp__error *error,
                                     const char *function, const char *name);

typedef struct covsamp__arena {
    char *base;                     /* NULL while counting */
    size_t used;                    /* bytes so far */
    int overflow;                   /* a size did not fit size_t */
    struct covsamp__arena *vectors; /* where vectors have their memory; NULL: here */
} covsamp__arena;

/* Room for a * b elements of `size` bytes, aligned; NULL while counting.  a, b >= 0. */
void *covsamp__take(covsamp__arena *arena, int64_t a, int64_t b, size_t size);
/* The same for a vector, which may have to lie in other memory. */
void *covsamp__take_vector(covsamp__arena *arena, int64_t a, int64_t b, size_t size);

#endif
