/* SPDX-License-Identifier: BSD-3-Clause */
/* Strings of bytes: the order of bytes is fixed, what is written is read, the end is seen; the
 * checksum is the published one and finds what it promises. */
#include "check.h"

#include "base/bytes.h"

#include <stdlib.h>

static void known_bytes(void)
{
    static const uint8_t expected[] = {0x04, 0x03, 0x02, 0x01, 0x08, 0x07, 0x06, 0x05, 0x04,
                                       0x03, 0x02, 0x01, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff,
                                       0xff, 0xff, 0,    0,    0,    0,    0,    0,    0xf8,
                                       0xbf, 0,    0,    0x20, 0x40, 7};
    uint8_t out[64];
    memset(out, 0xaa, sizeof out);
    uint32_t word = UINT32_C(0x01020304);
    uint64_t wide = UINT64_C(0x0102030405060708);
    int64_t negative = -2;
    double real = -1.5;
    float single = 2.5f;
    uint8_t byte = 7;
    covsamp__bytes b = {.out = out}, length = {0};
    for (int i = 0; i < 2; i++) {
        covsamp__bytes *to = i == 0 ? &length : &b;
        covsamp__bytes_u32(to, &word);
        covsamp__bytes_u64(to, &wide);
        covsamp__bytes_int(to, &negative);
        covsamp__bytes_real(to, &real);
        covsamp__bytes_array(to, &single, 1, sizeof single);
        covsamp__bytes_array(to, &byte, 1, 1);
    }
    CHECK(length.at == sizeof expected && b.at == sizeof expected);
    CHECK(memcmp(out, expected, sizeof expected) == 0 && out[sizeof expected] == 0xaa);
    word = 0;
    wide = 0;
    negative = 0;
    real = 0;
    covsamp__bytes r = {.in = out, .size = sizeof expected};
    covsamp__bytes_u32(&r, &word);
    covsamp__bytes_u64(&r, &wide);
    covsamp__bytes_int(&r, &negative);
    covsamp__bytes_real(&r, &real);
    covsamp__bytes_array(&r, NULL, 1, sizeof single); /* passed over */
    byte = 0;
    covsamp__bytes_array(&r, &byte, 1, 1);
    CHECK(word == UINT32_C(0x01020304) && wide == UINT64_C(0x0102030405060708));
    CHECK(negative == -2 && real == -1.5 && byte == 7);
    CHECK(!r.ended && r.at == r.size);
}

/* Beyond the end there are zeros, and nothing is read of what lies there. */
static void the_end(void)
{
    const uint8_t in[5] = {1, 2, 3, 4, 5};
    for (size_t size = 0; size < 5; size++) {
        covsamp__bytes r = {.in = in, .size = size};
        uint32_t word = 9;
        uint64_t wide = 9;
        int64_t array[3] = {9, 9, 9};
        covsamp__bytes_u32(&r, &word);
        CHECK(r.ended == (size < 4) && (word == 0) == (size < 4));
        covsamp__bytes_u64(&r, &wide);
        CHECK(wide == 0 && r.ended && r.at == size);
        covsamp__bytes_array(&r, array, INT64_MAX, sizeof array[0]); /* a count that is a lie */
        CHECK(array[1] == 9 && r.at == size);
    }
}

static void checksums(void)
{
    const uint8_t *digits = (const uint8_t *)"123456789";
    CHECK(covsamp__checksum(digits, 9) ==
          UINT64_C(0x995dc9bbdf1939fa)); /* the catalogue's check value */
    CHECK(covsamp__checksum(digits, 0) == 0);
    uint8_t data[96];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 37 + 11);
    const uint64_t sum = covsamp__checksum(data, sizeof data);
    for (size_t i = 0; i < 8 * sizeof data; i++) /* every change of one bit, and of two */
        for (size_t j = i; j < 8 * sizeof data; j++) {
            data[i / 8] ^= (uint8_t)(1 << i % 8);
            if (j != i)
                data[j / 8] ^= (uint8_t)(1 << j % 8);
            CHECK(covsamp__checksum(data, sizeof data) != sum);
            data[i / 8] ^= (uint8_t)(1 << i % 8);
            if (j != i)
                data[j / 8] ^= (uint8_t)(1 << j % 8);
        }
    for (size_t from = 0; from + 8 <= sizeof data; from++) { /* and bursts of 64 bits */
        uint8_t copy[sizeof data];
        memcpy(copy, data, sizeof data);
        for (int k = 0; k < 8; k++)
            copy[from + (size_t)k] ^= (uint8_t)(k == 0 || k == 7 ? 0xff : 0x5a * k);
        CHECK(covsamp__checksum(copy, sizeof copy) != sum);
    }
}

int main(void)
{
    known_bytes();
    the_end();
    checksums();
    return check_done();
}
