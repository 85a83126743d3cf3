/* SPDX-License-Identifier: BSD-3-Clause */
/* Strings that are no saved run of this configuration: one sentence each, and nothing changes. */
#include "saved.h"

#define HEAD 24 /* bytes before the fingerprint */

static const variant small = {
    .set = {.covariance = COVSAMP_COV_DIAG_PROBE, .batch = 1, .dim = 2, .steps = 4, .seed = 3},
    .reuse = 3,
    .known = 1};

static covsamp_sampler *half_way(const variant *v)
{
    covsamp_mixture *mixture = new_mixture(dim_of(&v->set));
    const covsamp_model model = any_model(mixture);
    const double x0[2] = {0.5, -0.25};
    const uint8_t mask[2] = {1, 0};
    covsamp_sampler *s = variant_sampler(v);
    if (v->known)
        CHECK(covsamp_sampler_set_known(s, x0, 2, mask, 0) == COVSAMP_OK);
    CHECK(covsamp_sampler_step(s, &model) == COVSAMP_OK);
    CHECK(covsamp_sampler_step(s, &model) == COVSAMP_OK);
    covsamp_mixture_free(mixture);
    return s;
}

static void every_bit(covsamp_sampler *s, const saved *good)
{
    saved bad = copy_of(good);
    for (size_t i = 0; i < 8 * good->size; i++) {
        bad.bytes[i / 8] ^= (uint8_t)(1 << i % 8);
        refused(s, good, bad.bytes, bad.size, COVSAMP_E_RANGE, "data ");
        bad.bytes[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    free(bad.bytes);
}

static void every_length(covsamp_sampler *s, const saved *good)
{
    for (size_t size = 0; size < good->size; size++) {
        saved part = {malloc(size > 0 ? size : 1),
                      size}; /* its own block: the sanitizers see its end */
        memcpy(part.bytes, good->bytes, size);
        refused(s, good, part.bytes, size, COVSAMP_E_RANGE, "truncated");
        free(part.bytes);
    }
    saved longer = copy_of(good);
    refused(s, good, longer.bytes, longer.size + 1, COVSAMP_E_RANGE, "data is too long");
    free(longer.bytes);
}

static void foreign(covsamp_sampler *s, const saved *good)
{
    static const char *const texts[] = {"x", "\x89PNG\r\n\x1a\nand more of it, much more than that",
                                        "{\"covsamp\": 1, \"state\": [0, 1, 2, 3, 4, 5, 6, 7, 8]}"};
    uint8_t zeros[200] = {0};
    for (int i = 0; i < 3; i++)
        refused(s, good, texts[i], strlen(texts[i]), COVSAMP_E_RANGE, "does not begin as");
    refused(s, good, zeros, sizeof zeros, COVSAMP_E_RANGE, "does not begin as");
    refused(s, good, NULL, 0, COVSAMP_E_NULL, "data is NULL");
    refused(s, good, NULL, good->size, COVSAMP_E_NULL, "data is NULL");
    CHECK(covsamp_sampler_load(NULL, good->bytes, good->size) == COVSAMP_E_NULL);
}

/* A word of `width` bytes back to front, `count` times from `at`. */
static void swap(saved *s, size_t at, size_t width, size_t count)
{
    for (size_t k = 0; k < count; k++)
        for (size_t i = 0; i < width / 2; i++) {
            uint8_t *p = s->bytes + at + k * width, byte = p[i];
            p[i] = p[width - 1 - i];
            p[width - 1 - i] = byte;
        }
}

static void other_machines(covsamp_sampler *s, const saved *good)
{
    saved bad = copy_of(good);
    swap(&bad, 12, 4, 1); /* the mark alone */
    sign(&bad);
    refused(s, good, bad.bytes, bad.size, COVSAMP_E_RANGE, "reverse order");
    free(bad.bytes);
    for (size_t width = 2; width <= 8; width *= 2) { /* by a machine that swaps words */
        bad = copy_of(good);
        swap(&bad, 0, width, good->size / width);
        refused(s, good, bad.bytes, bad.size, COVSAMP_E_RANGE, "reverse order");
        free(bad.bytes);
    }
    for (uint32_t version = 0; version < 4; version++) {
        if (version == 1)
            continue;
        bad = copy_of(good);
        bad.bytes[8] = (uint8_t)version;
        bad.bytes[11] = version == 3 ? 0x80 : 0;
        sign(&bad);
        refused(s, good, bad.bytes, bad.size, COVSAMP_E_RANGE, "version");
        free(bad.bytes);
    }
}

/* Lies with a right checksum, at every place: what is taken can be run, what is refused changes
 * nothing. */
static void lies(covsamp_sampler *s, const saved *good)
{
    static const uint64_t words[] = {0,
                                     1,
                                     3,
                                     UINT64_C(0x7fffffffffffffff),
                                     UINT64_C(0x8000000000000000),
                                     UINT64_C(0xffffffffffffffff),
                                     UINT64_C(0x100000000),
                                     UINT64_C(0x4000000000000000),
                                     UINT64_C(0x7ff0000000000000),
                                     UINT64_C(0x7ff8000000000001)};
    covsamp_mixture *mixture = new_mixture(2);
    covsamp_sampler *other = variant_sampler(&small);
    int taken = 0, turned_down = 0;
    for (size_t at = HEAD; at + 8 <= good->size - 8; at++)
        for (size_t w = 0; w < sizeof words / sizeof words[0]; w++) {
            saved bad = copy_of(good);
            for (int k = 0; k < 8; k++)
                bad.bytes[at + (size_t)k] = (uint8_t)(words[w] >> (8 * k));
            sign(&bad);
            load(other, good);
            if (covsamp_sampler_load(other, bad.bytes, bad.size) == COVSAMP_OK) {
                const covsamp_request *q = NULL;
                covsamp_stats stats = {.size = sizeof stats};
                CHECK(covsamp_sampler_stats(other, &stats) == COVSAMP_OK && stats.steps >= 0);
                while (covsamp_sampler_ask(other, &q) == COVSAMP_OK) {
                    if (q->kind != COVSAMP_ASK_STEP && covsamp_mixture_answer(mixture, q) != 0)
                        break;
                    if (covsamp_sampler_tell(other, 0) != COVSAMP_OK)
                        break;
                }
                taken++;
            } else {
                CHECK_TEXT(covsamp_sampler_message(other), "covsamp_sampler_load: ");
                saved after = save(other);
                CHECK(same_saved(good, &after));
                free(after.bytes);
                turned_down++;
            }
            free(bad.bytes);
        }
    CHECK(taken > 100 && turned_down > 1000);
    CHECK(covsamp_sampler_load(s, good->bytes, good->size) == COVSAMP_OK);
    covsamp_sampler_free(other);
    covsamp_mixture_free(mixture);
}

/* Shorter and longer bodies that say so themselves. */
static void other_bodies(covsamp_sampler *s, const saved *good)
{
    for (size_t size = HEAD + 8; size <= good->size + 16; size++) {
        saved bad = copy_of(good);
        bad.size = size;
        for (int k = 0; k < 8; k++)
            bad.bytes[16 + k] = (uint8_t)(size >> (8 * k));
        sign(&bad);
        if (size != good->size) {
            const covsamp_status got = covsamp_sampler_load(s, bad.bytes, size);
            CHECK(got == COVSAMP_E_RANGE || got == COVSAMP_E_UNSUPPORTED);
            CHECK_TEXT(covsamp_sampler_message(s), "covsamp_sampler_load: ");
            saved after = save(s);
            CHECK(same_saved(good, &after));
            free(after.bytes);
        }
        free(bad.bytes);
    }
}

/* ---- capacity, states, callbacks ---- */

static void capacities(covsamp_sampler *s, const saved *good)
{
    uint8_t *buffer = malloc(good->size);
    size_t needed = 0;
    memset(buffer, 0x5a, good->size);
    for (size_t capacity = 0; capacity < good->size; capacity += capacity < 40 ? 1 : 97) {
        needed = 0;
        CHECK(covsamp_sampler_save(s, buffer, capacity, &needed) == COVSAMP_E_RANGE);
        CHECK_TEXT(covsamp_sampler_message(s), "covsamp_sampler_save: capacity is");
        CHECK(needed == good->size && buffer[0] == 0x5a);
    }
    CHECK(covsamp_sampler_save(s, buffer, good->size, NULL) == COVSAMP_OK);
    CHECK(memcmp(buffer, good->bytes, good->size) == 0);
    CHECK(covsamp_sampler_save(s, NULL, 5, &needed) == COVSAMP_E_NULL);
    CHECK_TEXT(covsamp_sampler_message(s), "buffer is NULL");
    CHECK(covsamp_sampler_save(s, NULL, 0, NULL) == COVSAMP_OK);
    CHECK(covsamp_sampler_save(NULL, buffer, good->size, &needed) == COVSAMP_E_NULL);
    free(buffer);
}

typedef struct {
    covsamp_sampler *s;
    covsamp_mixture *mixture;
    const saved *good;
} inside;

static int32_t meddle(void *user, const covsamp_request *q)
{
    inside *in = user;
    size_t needed = 3;
    CHECK(covsamp_sampler_load(in->s, in->good->bytes, in->good->size) == COVSAMP_E_STATE);
    CHECK_TEXT(covsamp_sampler_message(in->s), "covsamp_sampler_load: called from a callback");
    CHECK(covsamp_sampler_save(in->s, NULL, 0, &needed) == COVSAMP_E_STATE && needed == 3);
    CHECK(covsamp_sampler_set_known(in->s, NULL, 0, NULL, 0) == COVSAMP_E_STATE);
    CHECK(covsamp_sampler_start_from(in->s, in->good->bytes, 2) == COVSAMP_E_STATE);
    return covsamp_mixture_answer(in->mixture, q);
}

static void inside_callbacks(covsamp_sampler *s, const saved *good)
{
    inside in = {s, new_mixture(2), good};
    covsamp_model model = {.size = sizeof model, .model_user = &in, .mean = meddle, .jvp = meddle};
    load(s, good);
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
    load(s, good);
    covsamp_mixture_free(in.mixture);
}

/* A run that failed is not saved, and a load brings it back; so does one into a request that is
 * open. */
static void failed_runs(const saved *good)
{
    covsamp_sampler *s = variant_sampler(&small);
    covsamp_mixture *mixture = new_mixture(2);
    const covsamp_model model = any_model(mixture);
    const covsamp_request *q = NULL;
    size_t needed = 0;
    covsamp_status status;
    while ((status = covsamp_sampler_ask(s, &q)) == COVSAMP_OK) {
        for (int i = 0; i < 2; i++) {
            if (q->mean != NULL)
                ((double *)q->mean)[i] = 1e308 * (i ? -1 : 1);
            if (q->product != NULL)
                ((double *)q->product)[i] = -1e308;
        }
        if (!CHECK(covsamp_sampler_tell(s, 0) == COVSAMP_OK))
            break;
    }
    CHECK(status == COVSAMP_E_OVERFLOW);
    CHECK(covsamp_sampler_save(s, NULL, 0, &needed) == COVSAMP_E_STATE);
    CHECK_TEXT(covsamp_sampler_message(s), "COVSAMP_E_OVERFLOW");
    load(s, good);
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
    CHECK(covsamp_sampler_restart(s, 1, 0) == COVSAMP_OK);
    CHECK(covsamp_sampler_ask(s, &q) == COVSAMP_OK);
    covsamp_sampler_cancel(s);
    load(s, good);
    CHECK(covsamp_sampler_tell(s, 0) ==
          COVSAMP_E_STATE); /* the request is gone, and so is the cancel */
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
    covsamp_sampler_free(s);
    covsamp_mixture_free(mixture);
}

/* NaN may be in a state where nobody checks; where somebody does, it is not let in. */
static void unchecked(void)
{
    variant v = {.set = {.covariance = COVSAMP_COV_NONE, .batch = 1, .dim = 2, .steps = 4}};
    v.set.unchecked = 1;
    covsamp_sampler *s = variant_sampler(&v), *other = variant_sampler(&v);
    const covsamp_request *q = NULL;
    CHECK(covsamp_sampler_ask(s, &q) == COVSAMP_OK);
    ((double *)q->mean)[0] = NAN;
    ((double *)q->mean)[1] = 0;
    CHECK(covsamp_sampler_tell(s, 0) == COVSAMP_OK);
    CHECK(covsamp_sampler_ask(s, &q) == COVSAMP_OK); /* of the next step: the last state is final */
    CHECK(covsamp_sampler_save(s, NULL, 0, NULL) == COVSAMP_E_STATE);
    v.set.report = 1;
    covsamp_sampler *reports = variant_sampler(&v);
    while (covsamp_sampler_ask(reports, &q) == COVSAMP_OK && q->kind != COVSAMP_ASK_STEP) {
        ((double *)q->mean)[0] = NAN;
        ((double *)q->mean)[1] = 0;
        CHECK(covsamp_sampler_tell(reports, 0) == COVSAMP_OK);
    }
    saved nan = save(reports);
    load(other, &nan);
    v.set.unchecked = 0;
    covsamp_sampler *checked = variant_sampler(&v);
    saved before = save(checked);
    refused(checked, &before, nan.bytes, nan.size, COVSAMP_E_RANGE, "state in data holds a NaN");
    free(nan.bytes);
    free(before.bytes);
    covsamp_sampler_free(s);
    covsamp_sampler_free(other);
    covsamp_sampler_free(reports);
    covsamp_sampler_free(checked);
}

/* ---- memory ---- */

static int64_t calls;

static void *counted_alloc(void *user, size_t bytes, size_t align)
{
    (void)user;
    calls++;
    return aligned_alloc(align, bytes);
}

static void counted_release(void *user, void *pointer, size_t bytes)
{
    (void)user;
    (void)bytes;
    calls++;
    free(pointer);
}

static void no_memory_is_taken(void)
{
    const covsamp_allocator mem = {sizeof mem, counted_alloc, counted_release, NULL};
    covsamp_config *c = new_config_with(&small.set, &mem);
    covsamp_sampler *s = NULL;
    CHECK(covsamp_sampler_new(&s, c) == COVSAMP_OK);
    const int64_t before = calls;
    saved own = save(s);
    load(s, &own);
    CHECK(calls == before && before > 0);
    free(own.bytes);
    covsamp_sampler_free(s);
    covsamp_config_free(c);
}

int main(void)
{
    covsamp_sampler *s = half_way(&small);
    saved good = save(s);
    saved same = copy_of(&good);
    sign(&same); /* the tests' own checksum is the library's */
    CHECK(same_saved(&same, &good));
    free(same.bytes);
    every_bit(s, &good);
    every_length(s, &good);
    foreign(s, &good);
    other_machines(s, &good);
    lies(s, &good);
    other_bodies(s, &good);
    capacities(s, &good);
    inside_callbacks(s, &good);
    failed_runs(&good);
    unchecked();
    no_memory_is_taken();
    free(good.bytes);
    covsamp_sampler_free(s);
    return check_done();
}
