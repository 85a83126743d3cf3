/* SPDX-License-Identifier: BSD-3-Clause */
/* The loops of vec.c over several vectors v_j = v + j * stride, as macros like those of
 * vec_kernels.h; W numbers make a register.  Up to four vectors go through memory together, so that
 * an element of w is converted to double once for all of them, and sums stay in registers.
 *
 * Bits do not depend on W: sums have LANES lanes a block, lane l of elements l, l + LANES, ...,
 * enough independent additions to fill any vector unit; elements add up j = 0, 1, ... */
#ifndef COVSAMP_NUMERIC_VEC_SUMS_H
#define COVSAMP_NUMERIC_VEC_SUMS_H

#include "numeric/simd.h"
#include "numeric/vec.h"

#include <string.h>

static inline int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

#define LANES 16
typedef double lanes[LANES];
/* Elements of a tile: several vectors of them fit the first cache. */
#define TILE 512
/* Vectors at once. */
#define FOUR 4
/* Vectors whose lanes reject_project keeps while it goes through a block tile by tile: they are
 * read the second time out of the first cache. */
#define KEPT 16

/* The lanes in a fixed tree: neighbours at distance 8, 4, 2, 1. */
static inline double lanes_sum(lanes lane)
{
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            lane[l] += lane[l + half];
    return lane[0];
}

/* Calls f(K, ...) with a constant K = k, 1 ... FOUR. */
#define BY_COUNT(f, k, ...)                                                                        \
    ((k) == 1   ? f(1, __VA_ARGS__)                                                                \
     : (k) == 2 ? f(2, __VA_ARGS__)                                                                \
     : (k) == 3 ? f(3, __VA_ARGS__)                                                                \
                : f(4, __VA_ARGS__))

/* The last n % LANES elements of what follows. */
#define DEFINE_RESTS(T, S, A, W)                                                                   \
    A static void expand_rest_##S(int64_t n, int64_t k, const T *v, int64_t stride,                \
                                  const double *h, double sign, const T *w, T *out)                \
    {                                                                                              \
        int64_t i = n - n % LANES;                                                                 \
        for (; i + (W) <= n; i += (W)) {                                                           \
            wide_##W sum = {0};                                                                    \
            if (w != NULL)                                                                         \
                sum = LOAD(T, W)(w + i);                                                           \
            for (int64_t j = 0; j < k; j++)                                                        \
                sum += sign * h[j] * LOAD(T, W)(v + j * stride + i);                               \
            STORE(T, W)(out + i, sum);                                                             \
        }                                                                                          \
        for (; i < n; i++) {                                                                       \
            double sum = w == NULL ? 0.0 : (double)w[i];                                           \
            for (int64_t j = 0; j < k; j++)                                                        \
                sum += sign * h[j] * (double)v[j * stride + i];                                    \
            out[i] = (T)sum;                                                                       \
        }                                                                                          \
    }                                                                                              \
    A static void lanes_rest_##S(int64_t n, int64_t k, const T *v, int64_t stride, const T *w,     \
                                 lanes *lane)                                                      \
    {                                                                                              \
        const int64_t first = n - n % LANES;                                                       \
        for (int64_t j = 0; j < k; j++) {                                                          \
            const T *x = v + j * stride;                                                           \
            int64_t i = first;                                                                     \
            for (; i + (W) <= n; i += (W)) {                                                       \
                double *to = lane[j] + (i - first);                                                \
                STORE(double, W)(to, LOAD(double, W)(to) + LOAD(T, W)(x + i) * LOAD(T, W)(w + i)); \
            }                                                                                      \
            for (; i < n; i++)                                                                     \
                lane[j][i - first] += (double)x[i] * (double)w[i];                                 \
        }                                                                                          \
    }

/* lane[j][l] += v_j[i] w[i], l = i mod LANES; before, where there is an h, out = w - sum_j h[j] v_j
 * and out takes the place of w.  As many lanes at a time as there are registers for K vectors:
 * the others of the tile then come out of the first cache. */
#define DEFINE_LANES(T, S, A, W)                                                                   \
    A ALWAYS_INLINE void lanes_of_##S(const int K, int64_t n, const T *v, int64_t stride,          \
                                      const double *h, const T *w, T *out, lanes *lane)            \
    {                                                                                              \
        const int P = K == 1 && (W) < 8 ? 4 : 2;                                                   \
        for (int64_t part = 0; part < LANES; part += P * (W)) {                                    \
            wide_##W sum[FOUR][4], x[FOUR][4], y[4];                                               \
            EACH (j, K)                                                                            \
                EACH (p, P)                                                                        \
                    sum[j][p] = LOAD(double, W)(lane[j] + part + p * (W));                         \
            for (int64_t i = part; i + LANES - part <= n; i += LANES) {                            \
                EACH (p, P)                                                                        \
                    y[p] = LOAD(T, W)(w + i + p * (W));                                            \
                EACH (j, K)                                                                        \
                    EACH (p, P) {                                                                  \
                        x[j][p] = LOAD(T, W)(v + j * stride + i + p * (W));                        \
                        if (h != NULL)                                                             \
                            y[p] += -1.0 * h[j] * x[j][p];                                         \
                    }                                                                              \
                EACH (p, P)                                                                        \
                    if (h != NULL) {                                                               \
                        STORE(T, W)(out + i + p * (W), y[p]);                                      \
                        y[p] = LOAD(T, W)(out + i + p * (W));                                      \
                    }                                                                              \
                EACH (j, K)                                                                        \
                    EACH (p, P)                                                                    \
                        sum[j][p] += x[j][p] * y[p];                                               \
            }                                                                                      \
            EACH (j, K)                                                                            \
                EACH (p, P)                                                                        \
                    STORE(double, W)(lane[j] + part + p * (W), sum[j][p]);                         \
        }                                                                                          \
    }                                                                                              \
    A static void lanes_add_##S(int64_t n, int64_t k, const T *v, int64_t stride, const T *w,      \
                                lanes *lane)                                                       \
    {                                                                                              \
        for (int64_t j = 0; n >= LANES && j < k; j += FOUR)                                        \
            for (int64_t i = 0; i < n; i += TILE)                                                  \
                BY_COUNT(lanes_of_##S, k - j, least(TILE, n - i), v + j * stride + i, stride,      \
                         NULL, w + i, NULL, lane + j);                                             \
        lanes_rest_##S(n, k, v, stride, w, lane);                                                  \
    }                                                                                              \
    /* of one block */                                                                             \
    A static void block_project_##S(int64_t n, int64_t k, const T *v, int64_t stride, const T *w,  \
                                    double *h)                                                     \
    {                                                                                              \
        for (int64_t j = 0; j < k; j += FOUR) {                                                    \
            const int64_t some = least(FOUR, k - j);                                               \
            lanes lane[FOUR];                                                                      \
            memset(lane, 0, (size_t)some * sizeof *lane);                                          \
            lanes_add_##S(n, some, v + j * stride, stride, w, lane);                               \
            for (int64_t l = 0; l < some; l++)                                                     \
                h[j + l] += lanes_sum(lane[l]);                                                    \
        }                                                                                          \
    }                                                                                              \
    A static void project_##S(int64_t n, int64_t k, const T *v, int64_t stride, const T *w,        \
                              double *h)                                                           \
    {                                                                                              \
        for (int64_t j = 0; j < k; j++)                                                            \
            h[j] = 0.0;                                                                            \
        for (int64_t i = 0; i < n; i += COVSAMP__BLOCK)                                            \
            block_project_##S(least(COVSAMP__BLOCK, n - i), k, v + i, stride, w + i, h);           \
    }

/* out = w + sign * sum_j h[j] v_j, w zero where it is NULL; lane, where there is one, gets the
 * sums of the squares of out. */
#define DEFINE_EXPAND(T, S, A, W)                                                                  \
    A ALWAYS_INLINE void expand_any_##S(int64_t n, int64_t k, const T *v, int64_t stride,          \
                                        const double *h, double sign, const T *w, T *out,          \
                                        double *lane)                                              \
    {                                                                                              \
        enum { P = LANES / (W) };                                                                  \
        wide_##W sum[P], square[P];                                                                \
        EACH (p, P)                                                                                \
            square[p] = (wide_##W){0};                                                             \
        for (int64_t i = 0; i + LANES <= n; i += LANES) {                                          \
            EACH (p, P)                                                                            \
                if (w != NULL)                                                                     \
                    sum[p] = LOAD(T, W)(w + i + p * (W));                                          \
                else                                                                               \
                    sum[p] = (wide_##W){0};                                                        \
            for (int64_t j = 0; j < k; j++)                                                        \
                EACH (p, P)                                                                        \
                    sum[p] += sign * h[j] * LOAD(T, W)(v + j * stride + i + p * (W));              \
            EACH (p, P) {                                                                          \
                STORE(T, W)(out + i + p * (W), sum[p]);                                            \
                sum[p] = LOAD(T, W)(out + i + p * (W));                                            \
                square[p] += sum[p] * sum[p];                                                      \
            }                                                                                      \
        }                                                                                          \
        expand_rest_##S(n, k, v, stride, h, sign, w, out);                                         \
        if (lane == NULL)                                                                          \
            return;                                                                                \
        EACH (p, P)                                                                                \
            STORE(double, W)(lane + p * (W), square[p]);                                           \
        lanes_rest_##S(n, 1, out, 0, out, (lanes *)lane);                                          \
    }                                                                                              \
    A static void reject_##S(int64_t n, int64_t k, const T *v, int64_t stride, const double *h,    \
                             const T *w, T *out)                                                   \
    {                                                                                              \
        expand_any_##S(n, k, v, stride, h, -1.0, w, out, NULL);                                    \
    }                                                                                              \
    A static void expand_##S(int64_t n, int64_t k, const T *v, int64_t stride, const double *h,    \
                             T *out)                                                               \
    {                                                                                              \
        expand_any_##S(n, k, v, stride, h, 1.0, NULL, out, NULL);                                  \
    }                                                                                              \
    A static double reject_square_##S(int64_t n, int64_t k, const T *v, int64_t stride,            \
                                      const double *h, const T *w, T *out)                         \
    {                                                                                              \
        double sum = 0.0;                                                                          \
        for (int64_t i = 0; i < n; i += COVSAMP__BLOCK) {                                          \
            lanes lane = {0};                                                                      \
            expand_any_##S(least(COVSAMP__BLOCK, n - i), k, v + i, stride, h, -1.0, w + i,         \
                           out + i, lane);                                                         \
            sum += lanes_sum(lane);                                                                \
        }                                                                                          \
        return sum;                                                                                \
    }

/* Up to FOUR vectors are read once.  More are read again tile by tile, KEPT of them, while the tile
 * is in the first cache, and the others after the block. */
#define DEFINE_REJECT_PROJECT(T, S, A)                                                             \
    A static void reject_lanes_##S(int64_t n, int64_t k, const T *v, int64_t stride,               \
                                   const double *h, T *w, lanes *lane)                             \
    {                                                                                              \
        if (k >= 1 && k <= FOUR && n >= LANES) {                                                   \
            for (int64_t i = 0; i < n; i += TILE)                                                  \
                BY_COUNT(lanes_of_##S, k, least(TILE, n - i), v + i, stride, h, w + i, w + i,      \
                         lane);                                                                    \
            expand_rest_##S(n, k, v, stride, h, -1.0, w, w);                                       \
            lanes_rest_##S(n, k, v, stride, w, lane);                                              \
            return;                                                                                \
        }                                                                                          \
        for (int64_t i = 0; i < n; i += TILE) {                                                    \
            const int64_t m = least(TILE, n - i);                                                  \
            reject_##S(m, k, v + i, stride, h, w + i, w + i);                                      \
            lanes_add_##S(m, least(KEPT, k), v + i, stride, w + i, lane);                          \
        }                                                                                          \
    }                                                                                              \
    A static void reject_project_##S(int64_t n, int64_t k, const T *v, int64_t stride,             \
                                     const double *h, T *w, double *g)                             \
    {                                                                                              \
        const int64_t kept = least(KEPT, k);                                                       \
        for (int64_t j = 0; j < k; j++)                                                            \
            g[j] = 0.0;                                                                            \
        for (int64_t i = 0; i < n; i += COVSAMP__BLOCK) {                                          \
            const int64_t m = least(COVSAMP__BLOCK, n - i);                                        \
            lanes lane[KEPT];                                                                      \
            memset(lane, 0, (size_t)kept * sizeof *lane);                                          \
            reject_lanes_##S(m, k, v + i, stride, h, w + i, lane);                                 \
            for (int64_t j = 0; j < kept; j++)                                                     \
                g[j] += lanes_sum(lane[j]);                                                        \
            block_project_##S(m, k - kept, v + kept * stride + i, stride, w + i, g + kept);        \
        }                                                                                          \
    }

#endif
