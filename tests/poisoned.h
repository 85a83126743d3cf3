/* SPDX-License-Identifier: BSD-3-Clause */
/* A covsamp_vector_ops in plain C whose addresses cannot be followed: they lie in pages without any
 * access, beside which the numbers are.  Whoever looks behind one crashes.  Sums as the library
 * makes them, so that samples have the bits of vectors on the host. */
#ifndef COVSAMP_TESTS_POISONED_H
#define COVSAMP_TESTS_POISONED_H

#include <covsamp/covsamp.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { POISONED_MOST = 16, POISONED_BLOCK = 4096, POISONED_LANES = 16 };

typedef struct {
    struct {
        char *shown, *real; /* shown: what the library is given */
        size_t bytes;
    } memory[POISONED_MOST];
    long long calls, fails_at; /* the call with this number fails, 0: none */
    long long bytes_held, put_bytes, got_bytes;
} poisoned;

/* Where the numbers are. */
static inline void *poisoned_real(poisoned *p, const void *shown)
{
    for (int i = 0; i < POISONED_MOST; i++) {
        const char *first = p->memory[i].shown;
        if (first != NULL && (const char *)shown >= first &&
            (const char *)shown < first + p->memory[i].bytes)
            return p->memory[i].real + ((const char *)shown - first);
    }
    return NULL; /* crashes where it should not have been given */
}

static inline int poisoned_fails(poisoned *p)
{
    return ++p->calls == p->fails_at;
}

static inline void *poisoned_alloc(void *user, size_t bytes)
{
    poisoned *p = user;
    int i = 0;
    if (poisoned_fails(p))
        return NULL;
    while (i < POISONED_MOST && p->memory[i].shown != NULL)
        i++;
    if (i == POISONED_MOST)
        return NULL;
    void *shown = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (shown == MAP_FAILED)
        return NULL;
    p->memory[i].shown = shown;
    p->memory[i].real = malloc(bytes);
    p->memory[i].bytes = bytes;
    memset(p->memory[i].real, 0x7f, bytes); /* nobody may live on zeroed memory */
    p->bytes_held += (long long)bytes;
    return shown;
}

static inline void poisoned_release(void *user, void *memory, size_t bytes)
{
    poisoned *p = user;
    for (int i = 0; i < POISONED_MOST; i++)
        if (p->memory[i].shown == memory && p->memory[i].bytes == bytes) {
            munmap(memory, bytes);
            free(p->memory[i].real);
            memset(&p->memory[i], 0, sizeof p->memory[i]);
            p->bytes_held -= (long long)bytes;
        }
}

static inline int32_t poisoned_put(void *user, void *to, const void *from, size_t bytes)
{
    poisoned *p = user;
    if (poisoned_fails(p))
        return -7;
    memcpy(poisoned_real(p, to), from, bytes);
    p->put_bytes += (long long)bytes;
    return 0;
}

static inline int32_t poisoned_get(void *user, void *to, const void *from, size_t bytes)
{
    poisoned *p = user;
    if (poisoned_fails(p))
        return -7;
    memcpy(to, poisoned_real(p, from), bytes);
    p->got_bytes += (long long)bytes;
    return 0;
}

static inline double poisoned_value(int32_t dtype, const void *x, int64_t i)
{
    return dtype == COVSAMP_F32 ? (double)((const float *)x)[i] : ((const double *)x)[i];
}

static inline void poisoned_store(int32_t dtype, void *x, int64_t i, double value)
{
    if (dtype == COVSAMP_F32)
        ((float *)x)[i] = (float)value;
    else
        ((double *)x)[i] = value;
}

static inline int32_t poisoned_combine(void *user, int32_t dtype, int64_t rows, int64_t n,
                                       const double *a, const void *x, const double *b,
                                       const void *y, void *out)
{
    poisoned *p = user;
    if (poisoned_fails(p))
        return -7;
    const void *from = x == NULL ? NULL : poisoned_real(p, x);
    const void *other = y == NULL ? NULL : poisoned_real(p, y);
    void *to = poisoned_real(p, out);
    for (int64_t row = 0; row < rows; row++)
        for (int64_t i = row * n; i < (row + 1) * n; i++) {
            if (other != NULL)
                poisoned_store(dtype, to, i,
                               a[row] * poisoned_value(dtype, from, i) +
                                   b[row] * poisoned_value(dtype, other, i));
            else
                poisoned_store(dtype, to, i,
                               a[row] == 0 ? 0 : a[row] * poisoned_value(dtype, from, i));
        }
    return 0;
}

static inline double poisoned_block(int32_t dtype, int64_t n, const void *v, int64_t at,
                                    const void *w, int64_t w_at)
{
    double lane[POISONED_LANES] = {0};
    for (int64_t i = 0; i < n; i++)
        lane[i % POISONED_LANES] +=
            poisoned_value(dtype, v, at + i) * poisoned_value(dtype, w, w_at + i);
    for (int half = POISONED_LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            lane[l] += lane[l + half];
    return lane[0];
}

static inline int32_t poisoned_project(void *user, int32_t dtype, int64_t rows, int64_t n,
                                       int64_t k, const void *v, int64_t stride, const void *w,
                                       double *h)
{
    poisoned *p = user;
    if (poisoned_fails(p))
        return -7;
    const void *vectors = poisoned_real(p, v), *own = poisoned_real(p, w);
    for (int64_t row = 0; row < rows; row++)
        for (int64_t j = 0; j < k; j++) {
            double sum = 0;
            for (int64_t i = 0; i < n; i += POISONED_BLOCK)
                sum += poisoned_block(dtype, n - i < POISONED_BLOCK ? n - i : POISONED_BLOCK,
                                      vectors, j * stride + row * n + i, own, row * n + i);
            h[row * k + j] = sum;
        }
    return 0;
}

static inline int32_t poisoned_expand(void *user, int32_t dtype, int64_t rows, int64_t n, int64_t k,
                                      double beta, const void *v, int64_t stride, const double *h,
                                      void *out)
{
    poisoned *p = user;
    if (poisoned_fails(p))
        return -7;
    const void *vectors = k > 0 ? poisoned_real(p, v) : NULL;
    void *to = poisoned_real(p, out);
    for (int64_t row = 0; row < rows; row++)
        for (int64_t i = row * n; i < (row + 1) * n; i++) {
            double sum = beta == 0 ? 0 : poisoned_value(dtype, to, i);
            for (int64_t j = 0; j < k; j++)
                sum += h[row * k + j] * poisoned_value(dtype, vectors, j * stride + i);
            poisoned_store(dtype, to, i, sum);
        }
    return 0;
}

static inline int32_t poisoned_clip(void *user, int32_t dtype, int64_t n, double bound, void *x,
                                    uint8_t *keep)
{
    poisoned *p = user;
    if (poisoned_fails(p))
        return -7;
    void *values = poisoned_real(p, x);
    uint8_t *kept = keep == NULL ? NULL : poisoned_real(p, keep);
    for (int64_t i = 0; i < n; i++) {
        const double v = poisoned_value(dtype, values, i);
        if (kept != NULL)
            kept[i] = fabs(v) <= bound;
        poisoned_store(dtype, values, i, v > bound ? bound : v < -bound ? -bound : v);
    }
    return 0;
}

static inline int32_t poisoned_select(void *user, int32_t dtype, int64_t n, const uint8_t *keep,
                                      const void *x, double b, const void *y, void *out)
{
    poisoned *p = user;
    if (poisoned_fails(p))
        return -7;
    const uint8_t *kept = poisoned_real(p, keep);
    const void *from = poisoned_real(p, x), *other = y == NULL ? NULL : poisoned_real(p, y);
    void *to = poisoned_real(p, out);
    for (int64_t i = 0; i < n; i++)
        poisoned_store(dtype, to, i,
                       kept[i]         ? poisoned_value(dtype, from, i)
                       : other == NULL ? 0
                                       : b * poisoned_value(dtype, other, i));
    return 0;
}

static inline int32_t poisoned_find_nonfinite(void *user, int32_t dtype, int64_t n, const void *x,
                                              int64_t *index)
{
    poisoned *p = user;
    if (poisoned_fails(p))
        return -7;
    const void *values = poisoned_real(p, x);
    *index = 0;
    while (*index < n && isfinite(poisoned_value(dtype, values, *index)))
        ++*index;
    if (*index == n)
        *index = -1;
    return 0;
}

static inline covsamp_vector_ops poisoned_ops(poisoned *p)
{
    const covsamp_vector_ops ops = {sizeof ops,       p,
                                    poisoned_alloc,   poisoned_release,
                                    poisoned_put,     poisoned_get,
                                    poisoned_combine, poisoned_project,
                                    poisoned_expand,  poisoned_clip,
                                    poisoned_select,  poisoned_find_nonfinite};
    return ops;
}

/* The request as somebody sees it who knows the device. */
static inline covsamp_request poisoned_request(poisoned *p, const covsamp_request *q)
{
    covsamp_request own = *q;
    const void **given[] = {&own.x, &own.v};
    void **asked[] = {&own.mean,       &own.product,       &own.noise,
                      &own.head,       &own.transposed,    &own.gradient,
                      &own.other_mean, &own.other_product, &own.other_transposed,
                      &own.other_head};
    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++)
        *given[i] = *given[i] == NULL ? NULL : poisoned_real(p, *given[i]);
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++)
        *asked[i] = *asked[i] == NULL ? NULL : poisoned_real(p, *asked[i]);
    return own;
}

#endif
