/* SPDX-License-Identifier: BSD-3-Clause */
/* Strings for covsamp_sampler_load(): as they are, or as changes to a good one whose length and
 * checksum are put right afterwards.  What is refused has a sentence and changes nothing; what is
 * taken is saved as it was and can be run to its end. */
#include "save_cases.h"

#define CHANGES 64 /* bit of the first byte: the rest are changes, three bytes each */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    uint8_t *bytes;
    size_t size;
} string;

static string save(covsamp_sampler *s)
{
    string out = {NULL, 0};
    if (covsamp_sampler_save(s, NULL, 0, &out.size) != COVSAMP_OK ||
        (out.bytes = malloc(out.size)) == NULL ||
        covsamp_sampler_save(s, out.bytes, out.size, NULL) != COVSAMP_OK)
        abort();
    return out;
}

static void put64(uint8_t *at, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static void sign(const string *s)
{
    uint64_t sum = ~UINT64_C(0);
    put64(s->bytes + 16, s->size);
    for (size_t i = 0; i + 8 < s->size; i++) {
        sum ^= s->bytes[i];
        for (int bit = 0; bit < 8; bit++)
            sum = (sum >> 1) ^ (sum & 1 ? UINT64_C(0xc96c5795d7870f42) : 0);
    }
    put64(s->bytes + s->size - 8, ~sum);
}

/* Overwrites bytes: two say where, the third by what. */
static void change(const string *s, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i + 3 <= size; i += 3)
        s->bytes[24 + (data[i] + 256u * data[i + 1]) % (s->size - 32)] = data[i + 2];
    sign(s);
}

static void run_on(covsamp_sampler *s)
{
    const covsamp_request *q;
    for (int i = 0; i < 200 && covsamp_sampler_ask(s, &q) == COVSAMP_OK; i++)
        if (case_answer(NULL, q) != 0 || covsamp_sampler_tell(s, 0) != COVSAMP_OK)
            return;
}

static void try_one(covsamp_sampler *s, const uint8_t *data, size_t size)
{
    const string before = save(s);
    uint8_t *exact = malloc(size > 0 ? size : 1); /* so that its end is seen */
    memcpy(exact, data, size);
    const covsamp_status status = covsamp_sampler_load(s, exact, size);
    const string after = save(s), *expected = status == COVSAMP_OK ? NULL : &before;
    if (status != COVSAMP_OK && covsamp_sampler_load(s, exact, size) != status)
        abort();
    if (status < 0 && covsamp_sampler_message(s)[0] == '\0')
        abort(); /* an error without a sentence */
    if (expected != NULL &&
        (after.size != expected->size || memcmp(after.bytes, expected->bytes, after.size) != 0))
        abort(); /* refused, and changed something */
    if (status == COVSAMP_OK) {
        if (covsamp_sampler_load(s, after.bytes, after.size) != COVSAMP_OK)
            abort(); /* what it takes it can save and take again */
        run_on(s);
    }
    free(exact);
    free(before.bytes);
    free(after.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    covsamp_sampler *s = save_case_half(data[0] % SAVE_CASES);
    if (s == NULL)
        abort();
    if (data[0] & CHANGES) {
        const string text = save(s);
        change(&text, data + 1, size - 1);
        try_one(s, text.bytes, text.size);
        free(text.bytes);
    } else {
        try_one(s, data + 1, size - 1);
    }
    covsamp_sampler_free(s);
    return 0;
}
