/* SPDX-License-Identifier: BSD-3-Clause */
/* Any sequence of options, by number and by text, then a sampler: no crash, and every refusal says
 * why. */
#include <covsamp/covsamp.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Takes up to n bytes off the input into out, zero-filled. */
static void take(const uint8_t **data, size_t *size, void *out, size_t n)
{
    const size_t have = *size < n ? *size : n;
    memset(out, 0, n);
    memcpy(out, *data, have);
    *data += have;
    *size -= have;
}

static void refuse_silently(covsamp_status status, const covsamp_config *config)
{
    if (status < 0 && covsamp_config_message(config)[0] == '\0')
        abort(); /* an error without a sentence */
}

static void set_one(covsamp_config *config, const uint8_t **data, size_t *size)
{
    uint8_t how, index;
    char text[24];
    double real;
    int64_t whole;
    take(data, size, &how, 1);
    take(data, size, &index, 1);
    const covsamp_option *option = covsamp_option_info(index % 64);
    const int32_t key = option != NULL ? option->key : index;
    switch (how % 3) {
    case 0:
        take(data, size, &whole, sizeof whole);
        refuse_silently(covsamp_config_set_int(config, key, whole), config);
        break;
    case 1:
        take(data, size, &real, sizeof real);
        refuse_silently(covsamp_config_set_real(config, key, real), config);
        break;
    default:
        take(data, size, text, sizeof text);
        text[sizeof text - 1] = '\0';
        refuse_silently(
            covsamp_config_set_by_name(config, option != NULL ? option->name : "nonsense", text),
            config);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t levels[3] = {9, 4, 1};
    covsamp_schedule *schedule;
    covsamp_config *config;
    covsamp_sampler *sampler;
    if (covsamp_config_new(&config, NULL) != COVSAMP_OK ||
        covsamp_schedule_new_linear(&schedule, 10, 1e-3, 0.3, NULL, NULL) != COVSAMP_OK)
        abort();
    while (size > 0)
        set_one(config, &data, &size);
    if (covsamp_config_set_schedule(config, schedule, levels, 3) != COVSAMP_OK)
        abort();
    /* Sizes that this process can afford: the rest is test_oom's. */
    covsamp_config_set_int(config, COVSAMP_BATCH, 2);
    covsamp_config_set_int(config, COVSAMP_DIM, 5);
    refuse_silently(covsamp_sampler_new(&sampler, config), config);
    covsamp_sampler_free(sampler);
    covsamp_config_free(config);
    covsamp_schedule_free(schedule);
    return 0;
}
