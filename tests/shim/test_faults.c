/* SPDX-License-Identifier: BSD-3-Clause */
/* A module that raises at its k-th call, for every k: with every engine, with products, transposed
 * products, both branches, and several samplers at once.  The shim's message says what, the
 * sampler's where; and the sampler that is restarted gives the samples of an undisturbed run, bit
 * for bit, with the handle that has failed. */
#include "sampling.h"

static long injected, survived;

/* The module with number k in place of a label: it raises then, at call 0 never. */
static covsamp_torch *load_raising(const char *name, int32_t engine, int64_t k)
{
    covsamp_torch *module = load(name, COVSAMP_F32, engine);
    CHECK(covsamp_torch_set_labels(module, 0, &k, 1) == COVSAMP_OK);
    CHECK(covsamp_torch_set_labels(module, 1, &k, 1) == COVSAMP_OK);
    return module;
}

static void check_failure(const covsamp_sampler *sampler, const covsamp_torch *module,
                          const char *reason)
{
    CHECK(covsamp_sampler_answer(sampler) == COVSAMP_TORCH_E_EXCEPTION);
    CHECK_TEXT(covsamp_torch_message(module), "covsamp_torch_answer: ");
    CHECK_TEXT(covsamp_torch_message(module), reason);
    CHECK_TEXT(covsamp_sampler_message(sampler), "covsamp_sampler_run: ");
    CHECK_TEXT(covsamp_sampler_message(sampler), "step ");
    CHECK_TEXT(covsamp_sampler_message(sampler), "level ");
}

/* 0 where the module was not called so often. */
static int fault(const char *name, int32_t engine, const char *const *options, int64_t k,
                 const float *expected, const char *reason)
{
    static float result[BATCH * DIM];
    covsamp_torch *module = load_raising(name, engine, k);
    covsamp_sampler *sampler = sampler_with(4, options);
    const covsamp_model model = model_of(module);
    const covsamp_status status = covsamp_sampler_run(sampler, &model);
    const int failed = status != COVSAMP_DONE;
    if (failed) {
        CHECK(status == COVSAMP_E_MODEL);
        check_failure(sampler, module, reason);
        if (k % 2) /* the request is still open, too */
            CHECK(covsamp_sampler_restart(sampler, 4, 0) == COVSAMP_OK);
        CHECK(covsamp_sampler_run(sampler, &model) == COVSAMP_DONE);
        CHECK(covsamp_torch_message(module)[0] == '\0');
        injected++;
    }
    result_of(sampler, result);
    const int same = memcmp(result, expected, sizeof result) == 0;
    if (!CHECK(same))
        fprintf(stderr, "    %s, engine %d, call %d\n", name, (int)engine, (int)k);
    survived += failed && same;
    covsamp_sampler_free(sampler);
    covsamp_torch_free(module);
    return failed;
}

static void every_call(const char *name, int32_t engine, const char *const *options,
                       const char *reason)
{
    static float expected[BATCH * DIM];
    covsamp_torch *module = load_raising(name, engine, 0);
    covsamp_sampler *sampler = sampler_with(4, options);
    const covsamp_model model = model_of(module);
    int64_t k = 1, last = 0;
    CHECK(covsamp_sampler_run(sampler, &model) == COVSAMP_DONE);
    result_of(sampler, expected);
    covsamp_sampler_free(sampler);
    covsamp_torch_free(module);
    /* the first calls were when it was loaded */
    for (; last == 0 ? k < 20 : last == k - 1; k++)
        if (fault(name, engine, options, k, expected, reason))
            last = k;
    CHECK(last >= STEPS); /* a call for every mean at least */
}

/* Both samplers to their ends, their requests in one call each time; returns how many failed. */
static int run_both(covsamp_torch *module, covsamp_sampler *const sampler[2])
{
    const covsamp_request *q[2];
    int32_t answers[2];
    int steps = 0, failures = 0;
    while (covsamp_sampler_ask(sampler[0], &q[0]) == COVSAMP_OK &&
           covsamp_sampler_ask(sampler[1], &q[1]) == COVSAMP_OK && ++steps < 1000) {
        const int32_t first = covsamp_torch_answer_many(module, q, 2, answers);
        CHECK(first == COVSAMP_OK || first == COVSAMP_TORCH_E_EXCEPTION);
        for (int i = 0; i < 2; i++) {
            failures += answers[i] != 0;
            CHECK(covsamp_sampler_tell(sampler[i], answers[i]) ==
                  (answers[i] != 0 ? COVSAMP_E_MODEL : COVSAMP_OK));
        }
    }
    return failures;
}

/* Several samplers in one call of the module: it is made again for each by itself, so that none of
 * them hears of the failure unless its own call fails as well; another size of batch rounds
 * otherwise.  After a restart the samples are those of an undisturbed run, bit for bit. */
static int many_fault(int32_t engine, int64_t k, float expected[2][BATCH * DIM], int *failures)
{
    static float result[BATCH * DIM];
    covsamp_torch *module = load_raising("raising.pt", engine, k);
    covsamp_sampler *const sampler[2] = {sampler_of(1), sampler_of(2)};
    int same = 1;
    *failures = run_both(module, sampler);
    for (int i = 0; i < 2; i++) {
        result_of(sampler[i], result);
        if (k == 0)
            memcpy(expected[i], result, sizeof result);
        for (int j = 0; j < BATCH * DIM; j++)
            same &= fabsf(result[j] - expected[i][j]) <= 1e-3F * (1 + fabsf(expected[i][j]));
        CHECK(covsamp_sampler_restart(sampler[i], (uint64_t)i + 1, 0) == COVSAMP_OK);
    }
    CHECK(run_both(module, sampler) == 0);
    for (int i = 0; i < 2; i++) {
        result_of(sampler[i], result);
        same &= memcmp(result, expected[i], sizeof result) == 0;
        covsamp_sampler_free(sampler[i]);
    }
    covsamp_torch_free(module);
    return CHECK(same);
}

static void many(int32_t engine)
{
    static float expected[2][BATCH * DIM];
    int failures;
    many_fault(engine, 0, expected, &failures);
    for (int64_t k = 1; k <= 2 * STEPS; k++) {
        injected++;
        survived += many_fault(engine, k, expected, &failures);
        CHECK(failures <= 1);
    }
}

/* ---- a classifier ---- */

static covsamp_torch_classifier *load_classifier(const char *name)
{
    static const int64_t labels[2] = {0, 2};
    covsamp_torch_classifier *classifier = NULL;
    covsamp_torch_options options = options_of(COVSAMP_F32, COVSAMP_TORCH_AUTO);
    CHECK(covsamp_torch_classifier_load(&classifier, module_path(name), &options, NULL) ==
          COVSAMP_OK);
    CHECK(covsamp_torch_classifier_set_labels(classifier, labels, 2) == COVSAMP_OK);
    return classifier;
}

/* Every third call raises: the run goes on from the request that failed. */
static void raising_classifier(void)
{
    static const char *const guided[] = {"guidance", "0.5", NULL};
    static float expected[BATCH * DIM], result[BATCH * DIM];
    int failures = 0;
    for (int raises = 0; raises < 2; raises++) {
        covsamp_torch *module = load_raising("raising.pt", COVSAMP_TORCH_DUAL, 0);
        covsamp_torch_classifier *classifier =
            load_classifier(raises ? "every-third.pt" : "never.pt");
        covsamp_sampler *sampler = sampler_with(4, guided);
        covsamp_model model = model_of(module);
        covsamp_status status;
        CHECK(covsamp_torch_classifier_guide(classifier, &model) == COVSAMP_OK);
        while ((status = covsamp_sampler_run(sampler, &model)) == COVSAMP_E_MODEL) {
            CHECK(raises && covsamp_sampler_answer(sampler) == COVSAMP_TORCH_E_EXCEPTION);
            CHECK_TEXT(covsamp_torch_classifier_message(classifier), "told to fail");
            failures++;
        }
        CHECK(status == COVSAMP_DONE);
        result_of(sampler, raises ? result : expected);
        covsamp_sampler_free(sampler);
        covsamp_torch_classifier_free(classifier);
        covsamp_torch_free(module);
    }
    CHECK(failures >= 1);
    injected += failures;
    survived += CHECK(memcmp(result, expected, sizeof result) == 0) ? failures : 0;
}

int main(int argc, char **argv)
{
    static const char *const transposed[] = {"symmetrise", "average", NULL};
    static const char *const branches[] = {"cfg", "1.5", "branches", "2", "guided_jacobian",
                                           "1",   NULL};
    static const char *const turns[] = {"cfg", "1.5", "mean_jvp", "0", NULL};
    static const int32_t engines[] = {COVSAMP_TORCH_AUTO, COVSAMP_TORCH_LINEARISED,
                                      COVSAMP_TORCH_DUAL, COVSAMP_TORCH_DOUBLE_BACKWARD,
                                      COVSAMP_TORCH_TRANSPOSED};
    module_folder = argc > 1 ? argv[1] : ".";
    for (size_t e = 0; e < sizeof engines / sizeof engines[0]; e++) {
        every_call("raising.pt", engines[e], NULL, "this module was told to fail");
        every_call("raising-narrow.pt", engines[e], NULL, "exceeds dimension size");
    }
    every_call("raising-narrow.pt", COVSAMP_TORCH_LINEARISED, transposed, "exceeds dimension size");
    every_call("raising-narrow.pt", COVSAMP_TORCH_LINEARISED, branches, "exceeds dimension size");
    every_call("raising.pt", COVSAMP_TORCH_DUAL, turns, "this module was told to fail");
    many(COVSAMP_TORCH_LINEARISED);
    many(COVSAMP_TORCH_DUAL);
    raising_classifier();
    printf("exceptions of modules: %ld injected, %ld survived\n", injected, survived);
    CHECK(injected > 100 && survived == injected);
    return check_done();
}
