/* SPDX-License-Identifier: BSD-3-Clause */
/* The doors of a run as a string of bytes:
 *     8 bytes MAGIC, u32 version, u32 ORDER, u64 length of the whole, fingerprint, run, u64
 * checksum of all before.  Whatever changes it makes a new version; a library reads all versions up
 * to its own. */
#include "api/door.h"
#include "api/fingerprint.h"
#include "machine/save.h"

#include <inttypes.h>
#include <string.h>

#define VERSION     1
#define ORDER       UINT32_C(0x01020304)
#define REVERSED    UINT32_C(0x04030201)
#define MAGIC_BYTES 8
#define HEAD_BYTES  (MAGIC_BYTES + 4 + 4 + 8)
#define TAIL_BYTES  8
#define LEAST_BYTES (HEAD_BYTES + TAIL_BYTES)

/* No text, and not what is left when somebody takes it for text (PNG's idea). */
static const uint8_t magic[MAGIC_BYTES] = {0x89, 'C', 'V', 'S', '\r', '\n', 0x1a, '\n'};

static void write_all(covsamp_sampler *s, uint64_t length, covsamp__bytes *b)
{
    uint8_t head[MAGIC_BYTES];
    uint32_t version = VERSION, order = ORDER;
    memcpy(head, magic, sizeof head);
    covsamp__bytes_array(b, head, MAGIC_BYTES, 1);
    covsamp__bytes_u32(b, &version);
    covsamp__bytes_u32(b, &order);
    covsamp__bytes_u64(b, &length);
    covsamp__fingerprint_write(s, b);
    covsamp__run_write(s, b);
    uint64_t sum = b->out != NULL ? covsamp__checksum(b->out, b->at) : 0;
    covsamp__bytes_u64(b, &sum);
}

covsamp_status covsamp_sampler_save(covsamp_sampler *sampler, void *buffer, size_t capacity,
                                    size_t *needed)
{
    covsamp_status status = covsamp__enter(sampler, __func__);
    if (status == COVSAMP_OK && buffer == NULL && capacity > 0)
        return covsamp__fail(&sampler->error, COVSAMP_E_NULL,
                             "%s: buffer is NULL and capacity %zu, must be 0 then", __func__,
                             capacity);
    if (status == COVSAMP_OK)
        status = covsamp__run_closed(sampler, __func__);
    if (status != COVSAMP_OK)
        return status;
    covsamp__bytes length = {0}, out = {.out = buffer};
    write_all(sampler, 0, &length);
    if (needed != NULL)
        *needed = length.at;
    if (buffer == NULL)
        return COVSAMP_OK;
    if (capacity < length.at)
        return covsamp__fail(&sampler->error, COVSAMP_E_RANGE,
                             "%s: capacity is %zu, must be at least %zu", __func__, capacity,
                             length.at);
    write_all(sampler, length.at, &out);
    return covsamp__machine_device(sampler, &sampler->error, __func__);
}

/* Whether bytes 0 ... count - 1 are MAGIC's with every `width` of them in reverse. */
static int is_magic(const uint8_t *bytes, size_t count, size_t width)
{
    for (size_t i = 0; i < count && i < MAGIC_BYTES; i++)
        if (bytes[i] != magic[i / width * width + (width - 1 - i % width)])
            return 0;
    return 1;
}

static covsamp_status reversed(covsamp_sampler *s, const char *function)
{
    return covsamp__fail(&s->error, COVSAMP_E_RANGE,
                         "%s: data has its bytes in reverse order, must be as "
                         "covsamp_sampler_save() wrote it, little-endian on every machine",
                         function);
}

/* Everything before the fingerprint, and the checksum; *body is what lies between. */
static covsamp_status check_frame(covsamp_sampler *s, const uint8_t *data, size_t bytes,
                                  covsamp__bytes *body, const char *function)
{
    covsamp__bytes head = {.in = data, .size = bytes};
    uint32_t version = 0, order = 0;
    uint64_t length = 0, sum = 0;
    if (bytes >= MAGIC_BYTES &&
        (is_magic(data, bytes, 2) || is_magic(data, bytes, 4) || is_magic(data, bytes, 8)))
        return reversed(s, function);
    if (!is_magic(data, bytes, 1))
        return covsamp__fail(&s->error, COVSAMP_E_RANGE,
                             "%s: data does not begin as a string of covsamp_sampler_save() does",
                             function);
    if (bytes < LEAST_BYTES)
        return covsamp__fail(&s->error, COVSAMP_E_RANGE,
                             "%s: data is truncated, it has %zu bytes, must have at least %d",
                             function, bytes, LEAST_BYTES);
    covsamp__bytes_array(&head, NULL, MAGIC_BYTES, 1);
    covsamp__bytes_u32(&head, &version);
    covsamp__bytes_u32(&head, &order);
    covsamp__bytes_u64(&head, &length);
    if (order == REVERSED)
        return reversed(s, function);
    if (order != ORDER)
        return covsamp__fail(&s->error, COVSAMP_E_RANGE,
                             "%s: data was changed, its mark of byte order is %08" PRIx32
                             ", must be %08" PRIx32,
                             function, order, ORDER);
    if (version < 1 || version > VERSION)
        return covsamp__fail(&s->error, COVSAMP_E_RANGE,
                             "%s: data is of version %" PRIu32
                             ", this library reads 1 ... %d (a newer one may have written it)",
                             function, version, VERSION);
    if (length != bytes)
        return covsamp__fail(&s->error, COVSAMP_E_RANGE,
                             "%s: data is %s, it has %zu bytes, must have %" PRIu64, function,
                             bytes < length ? "truncated" : "too long", bytes, length);
    covsamp__bytes tail = {.in = data, .at = bytes - TAIL_BYTES, .size = bytes};
    covsamp__bytes_u64(&tail, &sum);
    const uint64_t is = covsamp__checksum(data, bytes - TAIL_BYTES);
    if (is != sum)
        return covsamp__fail(&s->error, COVSAMP_E_RANGE,
                             "%s: data was changed, its checksum is %016" PRIx64
                             ", must be %016" PRIx64,
                             function, is, sum);
    *body = head;
    body->size = bytes - TAIL_BYTES;
    return COVSAMP_OK;
}

covsamp_status covsamp_sampler_load(covsamp_sampler *sampler, const void *data, size_t bytes)
{
    covsamp_status status = covsamp__enter(sampler, __func__);
    if (status != COVSAMP_OK)
        return status;
    if (data == NULL)
        return covsamp__fail(&sampler->error, COVSAMP_E_NULL, "%s: data is NULL", __func__);
    covsamp__bytes body = {0}, again;
    status = check_frame(sampler, data, bytes, &body, __func__);
    if (status == COVSAMP_OK)
        status = covsamp__fingerprint_check(sampler, &body, __func__);
    if (status != COVSAMP_OK)
        return status;
    again = body;
    status = covsamp__run_check(sampler, &body, __func__);
    if (status == COVSAMP_OK)
        covsamp__run_read(sampler, &again);
    return status == COVSAMP_OK ? covsamp__machine_device(sampler, &sampler->error, __func__)
                                : status;
}
