/* SPDX-License-Identifier: BSD-3-Clause */
/* Two samplers that take turns, request by request, on one handle give the same bits as on handles
 * of their own; so does an edit between steps.  An engine that keeps what it computed must not take
 * one sampler's for the other's. */
#include "sampling.h"

/* Answers the open request; 1 when the run is over.  */
static int turn(covsamp_sampler *sampler, covsamp_torch *module)
{
    const covsamp_request *q = NULL;
    covsamp_status status = covsamp_sampler_ask(sampler, &q);
    if (status == COVSAMP_DONE)
        return 1;
    if (!CHECK(status == COVSAMP_OK))
        return 1;
    status = covsamp_torch_answer(module, q);
    if (!CHECK(status == COVSAMP_OK))
        fprintf(stderr, "    %s\n", covsamp_torch_message(module));
    CHECK(covsamp_sampler_tell(sampler, status) == COVSAMP_OK);
    return 0;
}

static void halve(covsamp_sampler *sampler)
{
    static float x[BATCH * DIM];
    int i;
    result_of(sampler, x);
    for (i = 0; i < BATCH * DIM; i++)
        x[i] *= 0.5f;
    CHECK(covsamp_sampler_set_state(sampler, x, DIM) == COVSAMP_OK);
}

/* One step by the callback loop, an edit, and the rest by asking. */
static void edited(covsamp_sampler *sampler, covsamp_torch *module, covsamp_sampler *other,
                   covsamp_torch *module_of_other)
{
    covsamp_model model = model_of(module);
    int done = 0, other_done = other == NULL;
    CHECK(covsamp_sampler_step(sampler, &model) == COVSAMP_OK);
    halve(sampler);
    while (!done || !other_done) {
        if (!done)
            done = turn(sampler, module);
        if (!other_done)
            other_done = turn(other, module_of_other);
    }
}

static void one_handle(const char *name, int32_t engine)
{
    static float apart[2][BATCH * DIM], together[2][BATCH * DIM];
    covsamp_torch *module[2];
    covsamp_sampler *sampler[2];
    int i;
    for (i = 0; i < 2; i++) {
        module[i] = load(name, COVSAMP_F32, engine);
        sampler[i] = sampler_of((uint64_t)i);
    }
    edited(sampler[0], module[0], NULL, NULL);
    while (!turn(sampler[1], module[1]))
        continue;
    for (i = 0; i < 2; i++) {
        result_of(sampler[i], apart[i]);
        CHECK(covsamp_sampler_restart(sampler[i], (uint64_t)i, 0) == COVSAMP_OK);
    }
    edited(sampler[0], module[0], sampler[1], module[0]);
    for (i = 0; i < 2; i++) {
        result_of(sampler[i], together[i]);
        CHECK(memcmp(apart[i], together[i], sizeof apart[i]) == 0);
        covsamp_sampler_free(sampler[i]);
        covsamp_torch_free(module[i]);
    }
    CHECK(memcmp(apart[0], apart[1], sizeof apart[0]) != 0);
}

int main(int argc, char **argv)
{
    module_folder = argc > 1 ? argv[1] : ".";
    one_handle("scripted.pt", COVSAMP_TORCH_AUTO);
    one_handle("labels.pt", COVSAMP_TORCH_AUTO);
    one_handle("traced.pt", COVSAMP_TORCH_DOUBLE_BACKWARD);
    return check_done();
}
