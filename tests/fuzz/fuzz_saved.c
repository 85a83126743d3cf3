/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as a file of covsamp sample --save: a sentence, or a batch that the sampler has taken.
 * The strings in it are fuzz_save's. */
#include "input.h"
#include "program.h"
#include "save_cases.h"
#include "saved.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sample_request request = {.resume = "run", .count = 2, .batch = 2, .label = "all"};
    struct saved saved = {.in = NULL};
    covsamp_sampler *s = save_case(0);
    if (s == NULL)
        abort();
    program_file(data, size);
    int code = saved_open(&saved, &request);
    if (code == 0)
        code = saved_load(&saved, s);
    demand((code != 0) == (program_said()[0] != '\0'), "a sentence", code, program_said());
    /* the whole sentence: others quote the file, which may say so too */
    demand(strcmp(program_said(), "out of memory") != 0, "memory", code, program_said());
    saved_free(&saved);
    covsamp_sampler_free(s);
    return 0;
}
