/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/bytes.h"

#include <string.h>

static uint64_t load(const void *number, size_t size)
{
    uint32_t word;
    uint64_t wide;
    if (size == 1)
        return *(const uint8_t *)number;
    if (size == 4) {
        memcpy(&word, number, sizeof word);
        return word;
    }
    memcpy(&wide, number, sizeof wide);
    return wide;
}

static void store(void *number, size_t size, uint64_t bits)
{
    const uint32_t word = (uint32_t)bits;
    if (size == 1)
        *(uint8_t *)number = (uint8_t)bits;
    else if (size == 4)
        memcpy(number, &word, sizeof word);
    else
        memcpy(number, &bits, sizeof bits);
}

static uint64_t get(covsamp__bytes *b, size_t size)
{
    uint64_t bits = 0;
    if (size > b->size - b->at) {
        b->ended = 1;
        b->at = b->size;
        return 0;
    }
    for (size_t i = 0; i < size; i++)
        bits |= (uint64_t)b->in[b->at + i] << (8 * i);
    b->at += size;
    return bits;
}

static void put(covsamp__bytes *b, size_t size, uint64_t bits)
{
    for (size_t i = 0; b->out != NULL && i < size; i++)
        b->out[b->at + i] = (uint8_t)(bits >> (8 * i));
    b->at += size;
}

void covsamp__bytes_array(covsamp__bytes *b, void *numbers, int64_t count, size_t size)
{
    char *p = numbers;
    for (int64_t i = 0; i < count && !b->ended; i++) {
        if (b->in == NULL)
            put(b, size, load(p + (size_t)i * size, size));
        else if (p != NULL)
            store(p + (size_t)i * size, size, get(b, size));
        else
            (void)get(b, size);
    }
}

void covsamp__bytes_u32(covsamp__bytes *b, uint32_t *value)
{
    if (b->in != NULL)
        *value = (uint32_t)get(b, sizeof *value);
    else
        put(b, sizeof *value, *value);
}

void covsamp__bytes_u64(covsamp__bytes *b, uint64_t *value)
{
    if (b->in != NULL)
        *value = get(b, sizeof *value);
    else
        put(b, sizeof *value, *value);
}

void covsamp__bytes_int(covsamp__bytes *b, int64_t *value)
{
    uint64_t bits = (uint64_t)*value;
    covsamp__bytes_u64(b, &bits);
    memcpy(value, &bits, sizeof bits);
}

void covsamp__bytes_real(covsamp__bytes *b, double *value)
{
    uint64_t bits;
    memcpy(&bits, value, sizeof bits);
    covsamp__bytes_u64(b, &bits);
    memcpy(value, &bits, sizeof bits);
}

/* Four bits at a time, by what each of the 16 does to the remainder. */
uint64_t covsamp__checksum(const uint8_t *bytes, size_t count)
{
    const uint64_t polynomial = UINT64_C(0xc96c5795d7870f42); /* of ECMA-182, lowest bit first */
    uint64_t step[16], sum = ~UINT64_C(0);
    for (uint64_t i = 0; i < 16; i++) {
        step[i] = i;
        for (int bit = 0; bit < 4; bit++)
            step[i] = (step[i] >> 1) ^ (step[i] & 1 ? polynomial : 0);
    }
    for (size_t i = 0; i < count; i++) {
        sum ^= bytes[i];
        sum = (sum >> 4) ^ step[sum & 15];
        sum = (sum >> 4) ^ step[sum & 15];
    }
    return ~sum;
}
