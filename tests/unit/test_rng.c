/* SPDX-License-Identifier: BSD-3-Clause */
/* Philox's published answers, ranges of a draw, independence of how it is cut, both types. */
#include "check.h"

#include "numeric/rng.h"

#include <Random123/philox.h>
#include <covsamp/covsamp.h>

#define COUNT 1000

/* The definition of covsamp.h section 9, word by word, with libm. */
static double by_definition(uint64_t seed, int64_t sample, int32_t stream, int64_t step, int64_t i)
{
    philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    philox4x32_ctr_t counter = {{(uint32_t)(i / 2), (uint32_t)step + 16777216u * (uint32_t)stream,
                                 (uint32_t)sample, (uint32_t)(sample >> 32)}};
    philox4x32_ctr_t r = philox4x32_R(10, counter, key);
    double u1 = (double)((((uint64_t)r.v[1] << 32 | r.v[0]) >> 11) + 1) / 9007199254740992.0;
    double u2 = (double)(((uint64_t)r.v[3] << 32 | r.v[2]) >> 11) / 9007199254740992.0;
    double angle = 2.0 * 3.14159265358979323846 * u2, radius = sqrt(-2.0 * log(u1));
    return radius * (i % 2 ? sin(angle) : cos(angle));
}

/* Random123's kat_vectors: "philox4x32 10". */
static void published_answers(void)
{
    philox4x32_ctr_t zero = {{0, 0, 0, 0}}, pi = {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}};
    philox4x32_key_t no_key = {{0, 0}}, pi_key = {{0xa4093822, 0x299f31d0}};
    philox4x32_ctr_t a = philox4x32_R(10, zero, no_key), b = philox4x32_R(10, pi, pi_key);
    CHECK(a.v[0] == 0x6627e8d5 && a.v[1] == 0xe169c58d && a.v[2] == 0xbc57ac4c &&
          a.v[3] == 0x9b00dbd8);
    CHECK(b.v[0] == 0xd16cfe09 && b.v[1] == 0x94fdcceb && b.v[2] == 0x5001e420 &&
          b.v[3] == 0x24126ea1);
}

static void follows_the_definition(void)
{
    const struct {
        uint64_t seed;
        int64_t sample, step, first;
        int32_t stream;
    } cases[] = {{0, 0, 0, 0, 0},
                 {UINT64_MAX, INT64_MAX, (1 << 24) - 1, (INT64_C(1) << 33) - COUNT, 255},
                 {UINT64_C(0x123456789abcdef), INT64_C(1) << 32, 77, 12345, 1},
                 {42, 17, 999, (INT64_C(1) << 32) - 501, 128}};
    double out[COUNT];
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        double worst = 0.0;
        covsamp__normals(cases[c].seed, cases[c].sample, cases[c].stream, cases[c].step,
                         cases[c].first, COUNT, out);
        for (int64_t i = 0; i < COUNT; i++)
            worst = fmax(
                worst, fabs(out[i] - by_definition(cases[c].seed, cases[c].sample, cases[c].stream,
                                                   cases[c].step, cases[c].first + i)));
        CHECK_NEAR(worst, 0.0, 1e-14); /* 2 pi u2 is rounded in the check itself */
    }
}

/* Any start and any length give the same bits as one long draw. */
static void any_cut(void)
{
    double all[COUNT], part[COUNT + 1];
    float all32[COUNT], part32[COUNT];
    int same = 1, same32 = 1, inside = 1;
    covsamp__normals(5, 6, 1, 8, 0, COUNT, all);
    covsamp__normals_as(COVSAMP_F32, 5, 6, 1, 8, 0, COUNT, all32);
    for (int i = 0; i < COUNT; i++)
        same32 &= all32[i] == (float)all[i];
    for (int first = 0; first < 270; first += 1 + first / 9) {
        for (int count = 0; count + first <= COUNT; count += 1 + count / 5) {
            part[count] = 1234.5;
            covsamp__normals(5, 6, 1, 8, first, count, part);
            inside &= part[count] == 1234.5;
            same &= memcmp(part, all + first, (size_t)count * sizeof *all) == 0;
            covsamp__normals_as(COVSAMP_F32, 5, 6, 1, 8, first, count, part32);
            same32 &= memcmp(part32, all32 + first, (size_t)count * sizeof *all32) == 0;
            covsamp__normals_as(COVSAMP_F64, 5, 6, 1, 8, first, count, part);
            same &= memcmp(part, all + first, (size_t)count * sizeof *all) == 0;
        }
    }
    CHECK(same);
    CHECK(same32);
    CHECK(inside);
}

/* Every argument matters, its highest bits included. */
static void all_arguments_count(void)
{
    double base, other[6];
    covsamp__normals(1, 2, 3, 4, 5, 1, &base);
    covsamp__normals(1 + (UINT64_C(1) << 63), 2, 3, 4, 5, 1, &other[0]);
    covsamp__normals(1, 2 + (INT64_C(1) << 62), 3, 4, 5, 1, &other[1]);
    covsamp__normals(1, 2, 3 + 128, 4, 5, 1, &other[2]);
    covsamp__normals(1, 2, 3, 4 + (1 << 23), 5, 1, &other[3]);
    covsamp__normals(1, 2, 3, 4, 5 + (INT64_C(1) << 32), 1, &other[4]);
    covsamp__normals(1, 2, 3, 4, 4, 1, &other[5]);
    for (int i = 0; i < 6; i++)
        CHECK(other[i] != base);
}

int main(void)
{
    published_answers();
    follows_the_definition();
    any_cut();
    all_arguments_count();
    return check_done();
}
