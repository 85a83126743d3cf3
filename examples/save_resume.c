/* SPDX-License-Identifier: BSD-3-Clause */
/* Teaches: stopping half-way.  A run is saved as a string of bytes, which may go into a file or to
 * another machine; a second sampler goes on from it as if nothing had happened, a third after an
 * edit. */
#include "example.h"

#include <stdlib.h>

#define BATCH 4

/* The string, to be freed; NULL if that failed. */
static void *save(covsamp_sampler *sampler, size_t *bytes)
{
    if (covsamp_sampler_save(sampler, NULL, 0, bytes) != COVSAMP_OK) /* how long it is */
        return NULL;
    void *text = malloc(*bytes);
    if (text != NULL && covsamp_sampler_save(sampler, text, *bytes, NULL) != COVSAMP_OK) {
        free(text);
        return NULL;
    }
    return text;
}

/* Mirrors the first sample: any change of the state between two steps will do. */
static void edit(covsamp_sampler *sampler)
{
    double x[BATCH][DIM];
    for (int64_t b = 0; b < BATCH; b++)
        for (int64_t i = 0; i < DIM; i++)
            x[b][i] = (b == 0 ? -1 : 1) * example_value(sampler, b, i);
    if (covsamp_sampler_set_state(sampler, x, DIM) != COVSAMP_OK)
        fprintf(stderr, "%s\n", covsamp_sampler_message(sampler));
}

/* Goes on from the string in a sampler of its own; the checksum of samples first ... BATCH - 1. */
static uint64_t resume(covsamp_config *config, const covsamp_model *model, const void *text,
                       size_t bytes, int with_edit, int64_t first)
{
    covsamp_sampler *sampler;
    covsamp_sampler_new(&sampler, config);
    covsamp_status status = covsamp_sampler_load(sampler, text, bytes);
    if (status == COVSAMP_OK && with_edit)
        edit(sampler);
    if (status == COVSAMP_OK)
        status = covsamp_sampler_run(sampler, model);
    if (status != COVSAMP_DONE)
        fprintf(stderr, "%s: %s\n", covsamp_status_name(status), covsamp_sampler_message(sampler));
    const uint64_t sum = example_checksum(sampler, first, BATCH - first, EXAMPLE_CHECKSUM_START);
    covsamp_sampler_free(sampler);
    return sum;
}

int main(void)
{
    covsamp_sampler *sampler, *other;
    covsamp_model model = {.size = sizeof model};
    covsamp_mixture *mixture = example_mixture(NULL);
    covsamp_config *config = example_config(BATCH, NULL);
    size_t bytes = 0;

    covsamp_mixture_model(mixture, &model);
    covsamp_sampler_new(&sampler, config);
    for (int i = 0; i < STEPS / 2; i++)
        covsamp_sampler_step(sampler, &model);
    void *text = save(sampler, &bytes);
    if (text == NULL || covsamp_sampler_run(sampler, &model) != COVSAMP_DONE)
        fprintf(stderr, "%s\n", covsamp_sampler_message(sampler));
    const uint64_t all = example_checksum(sampler, 0, BATCH, EXAMPLE_CHECKSUM_START);
    const uint64_t rest = example_checksum(sampler, 1, BATCH - 1, EXAMPLE_CHECKSUM_START);
    printf("never stopped       %016" PRIx64 ", saved in %zu bytes\n", all, bytes);

    const uint64_t resumed = resume(config, &model, text, bytes, 0, 0);
    const uint64_t edited = resume(config, &model, text, bytes, 1, 0);
    const uint64_t edited_rest = resume(config, &model, text, bytes, 1, 1);
    printf("resumed             %016" PRIx64 "\nedited and resumed  %016" PRIx64 "\n", resumed,
           edited);

    covsamp_config_set_int(config, COVSAMP_KRYLOV_STEPS, 3); /* not the configuration it was */
    covsamp_sampler_new(&other, config);
    const covsamp_status refused = covsamp_sampler_load(other, text, bytes);
    printf("%s\n", covsamp_sampler_message(other));

    /* The samples that were not edited do not know of it. */
    const int ok = text != NULL && resumed == all && edited != all && edited_rest == rest &&
                   refused == COVSAMP_E_UNSUPPORTED;
    free(text);
    covsamp_sampler_free(sampler);
    covsamp_sampler_free(other);
    covsamp_config_free(config);
    covsamp_mixture_free(mixture);
    return ok ? 0 : 1;
}
