/* SPDX-License-Identifier: BSD-3-Clause */
/* Every kernel in both types against plain loops, in long double and to the bit; lengths around
 * lanes, tiles and blocks; alignment; NaN; outputs that are inputs. */
#include "check.h"

#include "numeric/vec.h"
#include "numeric/vec_kernels.h"

#include <covsamp/covsamp.h>
#include <stdlib.h>

#define MOST    9010
#define VECTORS 19 /* more than KEPT */

static const int64_t lengths[] = {0, 1, 7, 15, 16, 17, 511, 512, 513, 4095, 4096, 4097, 8192, 9000};
enum { LENGTHS = sizeof lengths / sizeof *lengths };

/* Aligned storage for either type, one element more to shift by. */
static double room_x[VECTORS * MOST + 1], room_y[MOST + 1], room_out[MOST + 1], plain[MOST + 1];

static double value(int32_t dtype, const void *p, int64_t i)
{
    return dtype == COVSAMP_F32 ? (double)((const float *)p)[i] : ((const double *)p)[i];
}

static void fill(int32_t dtype, int64_t n, void *p, unsigned seed)
{
    for (int64_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        double v = (double)(seed >> 8) / 16777216.0 - 0.4;
        if (dtype == COVSAMP_F32)
            ((float *)p)[i] = (float)v;
        else
            ((double *)p)[i] = v;
    }
}

/* one rounding to the type */
static double rounded(int32_t dtype, double v)
{
    return dtype == COVSAMP_F32 ? (double)(float)v : v;
}

static void elements(int32_t dtype, int64_t n)
{
    void *x = room_x, *y = room_y, *out = room_out;
    uint8_t *keep = malloc((size_t)n + 1);
    int ok = 1;
    fill(dtype, n, x, 1);
    fill(dtype, n, y, 2);
    covsamp__combine(dtype, n, 0.3, x, -1.7, y, out);
    for (int64_t i = 0; i < n; i++)
        ok &= value(dtype, out, i) ==
              rounded(dtype, 0.3 * value(dtype, x, i) + -1.7 * value(dtype, y, i));
    covsamp__scale(dtype, n, 0.7, x, out);
    for (int64_t i = 0; i < n; i++)
        ok &= value(dtype, out, i) == rounded(dtype, 0.7 * value(dtype, x, i));
    covsamp__scale(dtype, n, 0.7, x, x); /* in place */
    ok &= memcmp(x, out, (size_t)n * covsamp__size_of(dtype)) == 0;
    covsamp__clip(dtype, n, 0.125, out, keep);
    covsamp__mask(dtype, n, keep, x, y);
    for (int64_t i = 0; i < n; i++) {
        double v = value(dtype, x, i);
        ok &= keep[i] == (fabs(v) <= 0.125);
        ok &= value(dtype, out, i) == fmax(-0.125, fmin(0.125, v));
        ok &= value(dtype, y, i) == (keep[i] ? v : 0.0);
    }
    covsamp__copy(dtype, n, x, out);
    ok &= memcmp(x, out, (size_t)n * covsamp__size_of(dtype)) == 0;
    covsamp__to_double(dtype, n, x, plain);
    covsamp__from_double(dtype, n, plain, out);
    ok &= memcmp(x, out, (size_t)n * covsamp__size_of(dtype)) == 0;
    covsamp__zero(dtype, n, out);
    for (int64_t i = 0; i < n; i++)
        ok &= value(dtype, out, i) == 0.0;
    CHECK(ok);
    free(keep);
}

static void sums(int32_t dtype, int64_t n)
{
    void *v = room_x, *w = room_y, *out = room_out;
    const int64_t stride = n + 3;
    double h[VECTORS], again[VECTORS], tolerance = dtype == COVSAMP_F32 ? 1e-6 : 1e-14;
    int ok = 1;
    fill(dtype, VECTORS * stride, v, 3);
    fill(dtype, n, w, 4);
    covsamp__project(dtype, n, VECTORS, v, stride, w, h);
    for (int j = 0; j < VECTORS; j++) {
        long double sum = 0, size = 0;
        const void *x = covsamp__cat(dtype, v, j * stride);
        for (int64_t i = 0; i < n; i++) {
            long double t = (long double)value(dtype, x, i) * value(dtype, w, i);
            sum += t;
            size += fabsl(t);
        }
        ok &= fabsl((long double)h[j] - sum) <= 1e-15L * size;
        again[j] = covsamp__dot(dtype, n, x, w);
    }
    CHECK(ok);
    CHECK(memcmp(h, again, sizeof h) == 0); /* one by one or together */
    covsamp__expand(dtype, n, VECTORS, v, stride, h, out);
    covsamp__copy(dtype, n, w, plain);
    covsamp__reject(dtype, n, VECTORS, v, stride, h, plain);
    ok = 1;
    for (int64_t i = 0; i < n; i++) {
        double sum = 0.0, size = 0.0;
        for (int j = 0; j < VECTORS; j++) {
            sum += h[j] * value(dtype, v, j * stride + i);
            size += fabs(h[j] * value(dtype, v, j * stride + i));
        }
        ok &= fabs(value(dtype, out, i) - sum) <= tolerance * size;
        ok &= fabs(value(dtype, plain, i) - (value(dtype, w, i) - sum)) <= tolerance * (size + 1);
    }
    CHECK(ok);
    covsamp__expand(dtype, n, VECTORS, v, stride, h, v); /* onto the first vector */
    CHECK(memcmp(v, out, (size_t)n * covsamp__size_of(dtype)) == 0);
    covsamp__expand(dtype, n, 0, v, stride, h, out);
    for (int64_t i = 0; i < n; i++)
        ok &= value(dtype, out, i) == 0.0;
    CHECK(ok);
}

/* The same numbers at another address give the same bits. */
static void alignment(int32_t dtype, int64_t n)
{
    void *x1 = covsamp__at(dtype, room_x, 1), *y1 = covsamp__at(dtype, room_y, 1);
    fill(dtype, n, room_x, 5);
    fill(dtype, n, room_y, 6);
    double here = covsamp__dot(dtype, n, room_x, room_y);
    covsamp__copy(dtype, n, room_x, x1);
    covsamp__copy(dtype, n, room_y, y1);
    double there = covsamp__dot(dtype, n, x1, y1);
    CHECK(memcmp(&here, &there, sizeof here) == 0);
}

static void set(int32_t dtype, void *p, int64_t i, double v)
{
    covsamp__from_double(dtype, 1, &v, covsamp__at(dtype, p, i));
}

static void nonfinite(int32_t dtype)
{
    const double bad[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
    const int64_t places[] = {0, 1, 511, 512, 8999};
    fill(dtype, MOST, room_x, 7);
    set(dtype, room_x, 100, dtype == COVSAMP_F32 ? 3.4028234663852886e38 : 1.7976931348623157e308);
    CHECK(covsamp__nonfinite(dtype, 9000, room_x) == -1);
    CHECK(covsamp__nonfinite(dtype, 0, room_x) == -1);
    for (int b = 0; b < 3; b++) {
        for (int k = 0; k < 5; k++) {
            fill(dtype, MOST, room_x, 7);
            set(dtype, room_x, places[k], bad[b]);
            CHECK(covsamp__nonfinite(dtype, 9000, room_x) == places[k]);
            CHECK(covsamp__nonfinite(dtype, places[k], room_x) == -1);
        }
    }
    uint8_t keep[2];
    set(dtype, room_x, 0, (double)NAN);
    set(dtype, room_x, 1, -(double)INFINITY);
    covsamp__clip(dtype, 2, 1.0, room_x, keep);
    CHECK(isnan(value(dtype, room_x, 0)) && keep[0] == 0);
    CHECK(value(dtype, room_x, 1) == -1.0 && keep[1] == 0);
}

/* One sweep has the bits of two. */
static void fused(int32_t dtype, int64_t n)
{
    void *v = room_x, *w = room_y, *out = room_out, *kept = plain;
    const int64_t stride = n + 3;
    const size_t bytes = (size_t)n * covsamp__size_of(dtype);
    double h[VECTORS], g[VECTORS], again[VECTORS];
    fill(dtype, VECTORS * stride, v, 8);
    fill(dtype, n, w, 9);
    for (int64_t k = 1; k <= VECTORS; k++) {
        covsamp__project(dtype, n, k, v, stride, w, h);
        covsamp__copy(dtype, n, w, kept);
        covsamp__reject(dtype, n, k, v, stride, h, kept);
        covsamp__project(dtype, n, k, v, stride, kept, again);
        covsamp__copy(dtype, n, w, out);
        covsamp__reject_project(dtype, n, k, v, stride, h, out, g);
        CHECK(memcmp(out, kept, bytes) == 0);
        CHECK(memcmp(g, again, (size_t)k * sizeof *g) == 0);
        const double there = covsamp__reject_square(dtype, n, k, v, stride, h, w, out);
        const double here = covsamp__dot(dtype, n, kept, kept);
        CHECK(memcmp(out, kept, bytes) == 0 && memcmp(&here, &there, sizeof here) == 0);
        covsamp__copy(dtype, n, w, out); /* in place */
        CHECK(covsamp__reject_square(dtype, n, k, v, stride, h, out, out) == here);
        CHECK(memcmp(out, kept, bytes) == 0);
    }
}

/* What vec.h and vec_sums.h say that the bits are: one element after the other. */
static double defined_dot(int32_t dtype, int64_t n, const void *x, const void *y)
{
    double sum = 0.0;
    for (int64_t i = 0; i < n; i += COVSAMP__BLOCK) {
        double lane[LANES] = {0};
        for (int64_t l = i; l < n && l < i + COVSAMP__BLOCK; l++)
            lane[(l - i) % LANES] += value(dtype, x, l) * value(dtype, y, l);
        sum += lanes_sum(lane);
    }
    return sum;
}

static void defined(int32_t dtype, int64_t n)
{
    void *v = room_x, *w = room_y, *out = room_out;
    const int64_t stride = n + 3;
    double h[VECTORS], g[VECTORS];
    int ok = 1;
    fill(dtype, VECTORS * stride, v, 12);
    fill(dtype, n, w, 13);
    for (int64_t k = 0; k <= VECTORS; k++) {
        covsamp__project(dtype, n, k, v, stride, w, h);
        for (int64_t j = 0; j < k; j++)
            ok &= h[j] == defined_dot(dtype, n, covsamp__cat(dtype, v, j * stride), w);
        covsamp__copy(dtype, n, w, out);
        covsamp__reject_project(dtype, n, k, v, stride, h, out, g);
        covsamp__expand(dtype, n, k, v, stride, h, plain);
        for (int64_t i = 0; i < n; i++) {
            double left = value(dtype, w, i), sum = 0.0;
            for (int64_t j = 0; j < k; j++) {
                left -= h[j] * value(dtype, v, j * stride + i);
                sum += h[j] * value(dtype, v, j * stride + i);
            }
            ok &= value(dtype, out, i) == rounded(dtype, left);
            ok &= value(dtype, plain, i) == rounded(dtype, sum);
        }
        for (int64_t j = 0; j < k; j++)
            ok &= g[j] == defined_dot(dtype, n, covsamp__cat(dtype, v, j * stride), out);
    }
    CHECK(ok);
}

/* ---- every width of vectors has the same bits ---- */

#define UNUSED __attribute__((unused))
DEFINE_ALL(float, f32_base, UNUSED, 2)
DEFINE_ALL(double, f64_base, UNUSED, 2)
#define BASE(f, ...) (dtype == COVSAMP_F32 ? f##_f32_base(__VA_ARGS__) : f##_f64_base(__VA_ARGS__))
#if COVSAMP__COPIES
DEFINE_ALL(float, f32_wide, UNUSED AVX2, 4)
DEFINE_ALL(double, f64_wide, UNUSED AVX2, 4)
#define WIDE(f, ...)                                                                               \
    (covsamp__widest() < 2  ? BASE(f, __VA_ARGS__)                                                 \
     : dtype == COVSAMP_F32 ? f##_f32_wide(__VA_ARGS__)                                            \
                            : f##_f64_wide(__VA_ARGS__))
#else
#define WIDE BASE
#endif

/* What a kernel makes by the door (0), by plain instructions (1) and by AVX2 (2). */
#define BY(way, f, ...)                                                                            \
    ((way) == 0   ? covsamp__##f(dtype, __VA_ARGS__)                                               \
     : (way) == 1 ? BASE(f, __VA_ARGS__)                                                           \
                  : WIDE(f, __VA_ARGS__))

static void make(int way, int32_t dtype, int64_t n, double *numbers, void *out)
{
    const int64_t stride = n + 3, bytes = n * (int64_t)covsamp__size_of(dtype);
    void *v = room_x, *w = room_y, *part[6];
    for (int i = 0; i < 6; i++)
        part[i] = (char *)out + i * bytes;
    BY(way, project, n, VECTORS, v, stride, w, numbers);
    BY(way, combine, n, 0.3, v, -1.7, w, part[0]);
    BY(way, combine_square, n, 0.3, v, 0.7, w, part[1]);
    BY(way, root_scale, n, 0.3, 2, v, 1.1, w, part[2]);
    BY(way, exp_scale, n, 0.3, 2, v, 1.1, w, part[3]);
    covsamp__copy(dtype, n, w, part[4]);
    BY(way, reject_project, n, VECTORS, v, stride, numbers, part[4], numbers + VECTORS);
    numbers[2 * VECTORS] = BY(way, reject_square, n, VECTORS, v, stride, numbers, w, part[5]);
}

static void widths(int32_t dtype, int64_t n)
{
    const size_t bytes = 6 * (size_t)n * covsamp__size_of(dtype);
    double numbers[3][2 * VECTORS + 1];
    void *made[3];
    fill(dtype, VECTORS * (n + 3), room_x, 10);
    fill(dtype, n, room_y, 11);
    for (int way = 0; way < 3; way++)
        make(way, dtype, n, numbers[way], made[way] = malloc(bytes + 1));
    for (int way = 1; way < 3; way++) {
        CHECK(memcmp(numbers[0], numbers[way], sizeof numbers[0]) == 0);
        CHECK(memcmp(made[0], made[way], bytes) == 0);
    }
    for (int way = 0; way < 3; way++)
        free(made[way]);
}

int main(void)
{
    const int32_t types[] = {COVSAMP_F32, COVSAMP_F64};
    CHECK(covsamp__size_of(COVSAMP_F32) == 4 && covsamp__size_of(COVSAMP_F64) == 8);
    CHECK((char *)covsamp__at(COVSAMP_F32, room_x, 3) == (char *)room_x + 12);
    CHECK((const char *)covsamp__cat(COVSAMP_F64, room_x, 3) == (const char *)room_x + 24);
    for (int t = 0; t < 2; t++) {
        for (int l = 0; l < LENGTHS; l++) {
            elements(types[t], lengths[l]);
            sums(types[t], lengths[l]);
            alignment(types[t], lengths[l]);
            fused(types[t], lengths[l]);
            defined(types[t], lengths[l]);
            widths(types[t], lengths[l]);
        }
        nonfinite(types[t]);
    }
    return check_done();
}
