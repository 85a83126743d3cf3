/* SPDX-License-Identifier: BSD-3-Clause */
/* Any order of calls on a sampler, with wild answers and wild numbers: no crash, and every misuse
 * is a status with a sentence. */
#include <covsamp/covsamp.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 3
#define DIM   4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static covsamp_sampler *make(uint8_t choice)
{
    static const char *const covariances[] = {"none", "small", "large", "krylov", "dense"};
    static const int64_t levels[4] = {10, 6, 3, 1};
    covsamp_schedule *schedule;
    covsamp_config *config;
    covsamp_sampler *sampler;
    if (covsamp_config_new(&config, NULL) != COVSAMP_OK ||
        covsamp_schedule_new_linear(&schedule, 10, 1e-3, 0.3, NULL, NULL) != COVSAMP_OK)
        abort();
    covsamp_config_set_int(config, COVSAMP_BATCH, BATCH);
    covsamp_config_set_int(config, COVSAMP_DIM, DIM);
    covsamp_config_set_by_name(config, "covariance", covariances[choice % 5]);
    covsamp_config_set_by_name(config, "dtype", choice & 8 ? "f32" : "f64");
    covsamp_config_set_by_name(config, "noise", choice & 16 ? "ask" : "philox-1");
    covsamp_config_set_by_name(config, "clip_x0", choice & 32 ? "1" : "0");
    covsamp_config_set_by_name(config, "report_steps", choice & 64 ? "1" : "0");
    covsamp_config_set_schedule(config, schedule, levels, 4);
    if (covsamp_sampler_new(&sampler, config) != COVSAMP_OK)
        abort();
    covsamp_config_free(config);
    covsamp_schedule_free(schedule);
    return sampler;
}

/* Bytes of the input, over and over, as numbers: NaN, infinities and denormals among them. */
static void fill(void *out, int32_t dtype, const uint8_t *data, size_t size)
{
    uint8_t *bytes = out;
    const size_t n = BATCH * DIM * (dtype == COVSAMP_F32 ? sizeof(float) : sizeof(double));
    for (size_t i = 0; out != NULL && i < n; i++)
        bytes[i] = size > 0 ? data[i % size] : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    covsamp_sampler *s = make(data[0]);
    const covsamp_request *q = NULL;
    double x[BATCH * DIM] = {0};
    for (size_t i = 1; i < size; i++) {
        covsamp_status status = COVSAMP_OK;
        const covsamp_request *open = NULL;
        switch (data[i] % 8) {
        case 0:
        case 1:
            status = covsamp_sampler_ask(s, &open);
            q = open;
            break;
        case 2:
        case 3:
            if (q != NULL) {
                fill(q->mean, q->dtype, data + i, size - i);
                fill(q->product, q->dtype, data + i, size - i);
                fill(q->noise, q->dtype, data + i, size - i);
            }
            status = covsamp_sampler_tell(s, 0);
            q = NULL;
            break;
        case 4:
            status = covsamp_sampler_tell(s, (int32_t)data[i] - 128);
            q = NULL;
            break;
        case 5:
            status = covsamp_sampler_restart(s, data[i], data[i]);
            q = NULL;
            break;
        case 6:
            status = covsamp_sampler_set_state(s, x, DIM);
            q = NULL;
            break;
        default:
            covsamp_sampler_cancel(s);
        }
        if (status < 0 && covsamp_sampler_message(s)[0] == '\0')
            abort(); /* an error without a sentence */
    }
    covsamp_sampler_free(s);
    return 0;
}
