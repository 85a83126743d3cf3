/* SPDX-License-Identifier: BSD-3-Clause */
/* Strings of bytes that are the same on every machine: whole numbers little-endian, reals by their
 * IEEE bits, byte by byte.  One function for each kind of number serves writing and reading, so
 * that the two cannot differ in their order.  Knows nobody. */
#ifndef COVSAMP_BASE_BYTES_H
#define COVSAMP_BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    const uint8_t *in; /* what is read; NULL: values are written */
    uint8_t *out;      /* where to; NULL: they are only counted */
    size_t at, size;   /* bytes so far; how many may be read */
    int32_t ended;     /* more was read than there is: such values are 0 */
    int32_t reserved;
} covsamp__bytes;

void covsamp__bytes_u32(covsamp__bytes *b, uint32_t *value);
void covsamp__bytes_u64(covsamp__bytes *b, uint64_t *value);
void covsamp__bytes_int(covsamp__bytes *b, int64_t *value);
void covsamp__bytes_real(covsamp__bytes *b, double *value);
/* `count` numbers of 1, 4 or 8 bytes, as they lie in memory; reading to NULL passes over them. */
void covsamp__bytes_array(covsamp__bytes *b, void *numbers, int64_t count, size_t size);

/* CRC-64 (ECMA-182, as in XZ): finds every change of up to 64 bits in a row and, in strings of any
 * size that fits a machine, every change of two bits, which CRC-32 does not beyond 2^32 bits. */
uint64_t covsamp__checksum(const uint8_t *bytes, size_t count);

#endif
