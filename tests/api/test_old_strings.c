/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs that an earlier library saved (the seeds in tests/fuzz/corpus/save, written once) still go
 * on, and hold what they held: test_old_strings FOLDER. */
#include "check.h"

#include "../fuzz/save_cases.h"

#include <stdlib.h>

/* The batch to 1e-12, or to what a float has: some covariances go through LAPACK. */
static void near_each_other(const covsamp_sampler *a, const covsamp_sampler *b, int32_t dtype)
{
    const void *x = NULL, *y = NULL;
    CHECK(covsamp_sampler_state(a, &x, NULL) == COVSAMP_OK);
    CHECK(covsamp_sampler_state(b, &y, NULL) == COVSAMP_OK);
    for (int64_t i = 0; i < CASE_BATCH * CASE_DIM; i++)
        CHECK_NEAR(case_get(dtype, x, i), case_get(dtype, y, i),
                   dtype == COVSAMP_F32 ? 1e-6 : 1e-12);
}

static void one(const char *folder, int i)
{
    char name[1024];
    static uint8_t text[1 << 16];
    const covsamp_model model = {
        .size = sizeof model, .mean = case_answer, .jvp = case_answer, .noise = case_answer};
    const covsamp_request *q = NULL;
    snprintf(name, sizeof name, "%s/case-%d", folder, i);
    FILE *file = fopen(name, "rb");
    if (!CHECK(file != NULL))
        return;
    const size_t bytes = fread(text, 1, sizeof text, file);
    fclose(file);
    covsamp_sampler *old = save_case(i), *half = save_case_half(i), *third = save_case(i);
    CHECK(bytes > 32 && text[0] == i);
    if (!CHECK(covsamp_sampler_load(old, text + 1, bytes - 1) == COVSAMP_OK))
        fprintf(stderr, "    %s\n", covsamp_sampler_message(old));
    CHECK(covsamp_sampler_ask(third, &q) == COVSAMP_OK);
    const int32_t dtype = q != NULL ? q->dtype : COVSAMP_F32;
    near_each_other(old, half, dtype);
    CHECK(covsamp_sampler_run(old, &model) == COVSAMP_DONE);
    CHECK(covsamp_sampler_run(half, &model) == COVSAMP_DONE);
    near_each_other(old, half, dtype);
    covsamp_sampler_free(old);
    covsamp_sampler_free(half);
    covsamp_sampler_free(third);
}

int main(int argc, char **argv)
{
    if (!CHECK(argc == 2))
        return check_done();
    for (int i = 0; i < SAVE_CASES; i++)
        one(argv[1], i);
    return check_done();
}
