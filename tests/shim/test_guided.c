/* SPDX-License-Identifier: BSD-3-Clause */
/* Samplers that are guided through the shim: classifier-free with both branches in one request or
 * in two, by how many linearisations; and by a classifier, which must move samples to its class. */
#include "given.h"
#include "sampling.h"

static const double close_by = 2e-5; /* states of size 1 in single precision, six steps */

/* Runs to the end; returns how often the module was linearised. */
static int64_t run(covsamp_torch *module, const char *const *options, float *out,
                   covsamp_stats *stats)
{
    covsamp_sampler *sampler = sampler_with(5, options);
    covsamp_model model = model_of(module);
    int64_t before = linearisations(module, NULL);
    if (!CHECK(covsamp_sampler_run(sampler, &model) == COVSAMP_DONE))
        fprintf(stderr, "    %s, %s\n", covsamp_sampler_message(sampler),
                covsamp_torch_message(module));
    memset(stats, 0, sizeof *stats);
    stats->size = sizeof *stats;
    CHECK(covsamp_sampler_stats(sampler, stats) == COVSAMP_OK);
    result_of(sampler, out);
    covsamp_sampler_free(sampler);
    return linearisations(module, NULL) - before;
}

static double largest(const float *a, const float *b)
{
    double worst = 0;
    int i;
    for (i = 0; i < BATCH * DIM; i++)
        worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
    return worst;
}

static void classifier_free(const char *name, int32_t engine, int maybe)
{
    static float plain[BATCH * DIM], none[BATCH * DIM], one[BATCH * DIM], both[BATCH * DIM];
    static const char *const zero[] = {"cfg", "0", NULL};
    const char *options[] = {"cfg", "1.5", "branches", "1", "guided_jacobian", "0", NULL};
    covsamp_torch *module = load(name, COVSAMP_F64, engine);
    covsamp_stats stats, both_stats;
    const int64_t label = 1;
    int64_t count, count_both;
    CHECK(covsamp_torch_set_labels(module, 0, &label, 1) == COVSAMP_OK);
    run(module, NULL, plain, &stats);
    run(module, zero, none, &stats);
    CHECK(memcmp(plain, none, sizeof plain) == 0);
    for (options[5] = "0"; options[5] != NULL; options[5] = *options[5] == '0' ? "1" : NULL) {
        options[3] = "1";
        count = run(module, options, one, &stats);
        options[3] = "2";
        count_both = run(module, options, both, &both_stats);
        CHECK(largest(one, both) <= close_by && largest(one, plain) > 100 * close_by);
        CHECK(both_stats.mean_requests == stats.mean_requests);
        CHECK(both_stats.jvp_tangents == stats.jvp_tangents);
        printf("%s, engine %d, guided_jacobian %s: %.1e apart, %lld and %lld linearisations\n",
               name, (int)covsamp_torch_engine(module), options[5], largest(one, both),
               (long long)count, (long long)count_both);
        if (engine != COVSAMP_TORCH_LINEARISED)
            continue;
        /* Two branches in turns are kept beside each other: each step linearises each once.  Both
         * in one call: once, unless the inputs of one branch are missing. */
        CHECK(count > 0 && count <= STEPS * (*options[5] == '0' ? 1 : 2));
        CHECK(count_both == (*options[5] == '1' && !maybe ? count / 2 : count));
    }
    covsamp_torch_free(module);
}

/* The mean of log p(class 2) over the batch. */
static double log_probability(covsamp_torch_classifier *c, const float *x)
{
    float logits[BATCH * 3];
    double mean = 0;
    int b;
    CHECK(covsamp_torch_classifier_logits(c, COVSAMP_F32, x, DIM, BATCH, 0, logits, 3) ==
          COVSAMP_OK);
    for (b = 0; b < BATCH; b++) {
        const double e[] = {exp((double)logits[3 * b]), exp((double)logits[3 * b + 1]),
                            exp((double)logits[3 * b + 2])};
        mean += log(e[2] / (e[0] + e[1] + e[2])) / BATCH;
    }
    return mean;
}

/* The same noise with the gradient and against it. */
static void by_classifier(void)
{
    static float x[BATCH * DIM];
    const char *options[] = {"guidance", "1000", NULL};
    static const int64_t label = 2;
    covsamp_torch *module = load("scripted.pt", COVSAMP_F32, COVSAMP_TORCH_AUTO);
    covsamp_torch_classifier *c = NULL;
    covsamp_model model = model_of(module);
    covsamp_sampler *sampler = sampler_with(5, options);
    covsamp_stats stats;
    double towards, plain, away;
    CHECK(covsamp_torch_classifier_load(&c, module_path("classifier.pt"), NULL, NULL) ==
          COVSAMP_OK);
    CHECK(covsamp_sampler_run(sampler, &model) == COVSAMP_E_NULL); /* nobody guides */
    CHECK(covsamp_torch_classifier_guide(c, &model) == COVSAMP_OK);
    CHECK(covsamp_sampler_run(sampler, &model) == COVSAMP_E_MODEL);
    CHECK(covsamp_sampler_answer(sampler) == COVSAMP_TORCH_E_LABELS);
    CHECK(covsamp_torch_classifier_set_labels(c, &label, 1) == COVSAMP_OK);
    CHECK(covsamp_sampler_run(sampler, &model) == COVSAMP_DONE); /* with the same request */
    result_of(sampler, x);
    covsamp_sampler_free(sampler);
    towards = log_probability(c, x);
    run(module, NULL, x, &stats);
    plain = log_probability(c, x);
    options[1] = "-1000";
    sampler = sampler_with(5, options);
    CHECK(covsamp_sampler_run(sampler, &model) == COVSAMP_DONE);
    result_of(sampler, x);
    covsamp_sampler_free(sampler);
    away = log_probability(c, x);
    printf("log p(class): %.4f guided, %.4f not, %.4f guided away\n", towards, plain, away);
    CHECK(towards > plain + 1e-3 && plain > away + 1e-3);
    covsamp_torch_classifier_free(c);
    covsamp_torch_free(module);
}

int main(int argc, char **argv)
{
    module_folder = argc > 1 ? argv[1] : ".";
    classifier_free("labels.pt", COVSAMP_TORCH_LINEARISED, 0);
    classifier_free("labels.pt", COVSAMP_TORCH_DUAL, 0);
    classifier_free("labels-maybe.pt", COVSAMP_TORCH_LINEARISED, 1);
    by_classifier();
    return check_done();
}
