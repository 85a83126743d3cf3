/* SPDX-License-Identifier: BSD-3-Clause */
/* covsamp_path_kl() asked for the impossible, or short of memory: one sentence, nothing written. */
#include "fixture.h"

enum { STEPS = 3, QUADRATURE = COVSAMP_PATH_KL_QUADRATURE, SAMPLES = COVSAMP_PATH_KL_MONTE_CARLO };

/* Four levels, the covariance as text; dim is left alone. */
static covsamp_config *config_of(const char *covariance)
{
    static const int64_t levels[STEPS + 1] = {20, 14, 8, 3};
    covsamp_config *c = NULL;
    covsamp_schedule *schedule = NULL;
    CHECK(covsamp_config_new(&c, NULL) == COVSAMP_OK);
    CHECK(covsamp_schedule_new_linear(&schedule, LEVELS, .01, .4, NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp_config_set_schedule(c, schedule, levels, STEPS + 1) == COVSAMP_OK);
    CHECK(covsamp_config_set_by_name(c, "covariance", covariance) == COVSAMP_OK);
    covsamp_schedule_free(schedule);
    return c;
}

/* Fails with a sentence of these parts, and leaves the outputs alone. */
static void refused(covsamp_config *c, covsamp_mixture *mixture, int32_t estimator, int64_t size,
                    covsamp_status expected, const char *part)
{
    double kl[STEPS] = {-1, -1, -1};
    covsamp_path_kl_total total = {.size = sizeof total, .kl = -1, .prior = -1};
    const covsamp_status got =
        covsamp_path_kl(c, mixture, estimator, size, kl, NULL, STEPS, &total);
    if (!CHECK(got == expected))
        fprintf(stderr, "    %d: %s\n", (int)got, covsamp_config_message(c));
    CHECK_TEXT(covsamp_config_message(c), "covsamp_path_kl: ");
    CHECK_TEXT(covsamp_config_message(c), part);
    CHECK(kl[0] == -1 && kl[STEPS - 1] == -1 && total.kl == -1 && total.prior == -1);
}

/* The same with one option set. */
static void refused_with(const char *covariance, const char *name, const char *text,
                         covsamp_mixture *mixture, int32_t estimator, int64_t size,
                         covsamp_status expected, const char *part)
{
    covsamp_config *c = config_of(covariance);
    CHECK(covsamp_config_set_by_name(c, name, text) == COVSAMP_OK);
    refused(c, mixture, estimator, size, expected, part);
    covsamp_config_free(c);
}

static void pointers(covsamp_mixture *mixture)
{
    covsamp_config *c = config_of("dense"), *empty = NULL;
    double kl[STEPS];
    covsamp_path_kl_total total = {.size = 3};
    CHECK(covsamp_path_kl(NULL, mixture, SAMPLES, 10, NULL, NULL, 0, NULL) == COVSAMP_E_NULL);
    CHECK(covsamp_path_kl(c, NULL, SAMPLES, 10, NULL, NULL, 0, NULL) == COVSAMP_E_NULL);
    CHECK_TEXT(covsamp_config_message(c), "covsamp_path_kl: mixture is NULL");
    CHECK(covsamp_path_kl(c, mixture, SAMPLES, 10, NULL, NULL, 0, &total) == COVSAMP_E_STRUCT_SIZE);
    CHECK_TEXT(covsamp_config_message(c), "total->size is 3");
    CHECK(covsamp_path_kl(c, mixture, SAMPLES, 10, kl, NULL, 2, NULL) == COVSAMP_E_RANGE);
    CHECK_TEXT(covsamp_config_message(c), "count is 2, must be 3");
    CHECK(covsamp_path_kl(c, mixture, SAMPLES, 10, NULL, kl, 0, NULL) == COVSAMP_E_RANGE);
    CHECK_TEXT(covsamp_config_message(c), "count is 0, must be 3");
    CHECK(covsamp_path_kl(c, mixture, SAMPLES, 10, NULL, NULL, 4, NULL) == COVSAMP_E_RANGE);
    CHECK_TEXT(covsamp_config_message(c), "count is 4, must be 0 or 3");
    CHECK(covsamp_path_kl(c, mixture, SAMPLES, 10, NULL, NULL, 3, NULL) == COVSAMP_OK);
    CHECK(strcmp(covsamp_config_message(c), "") == 0);
    CHECK(covsamp_config_new(&empty, NULL) == COVSAMP_OK);
    refused(empty, mixture, SAMPLES, 10, COVSAMP_E_RANGE, "no schedule is set");
    covsamp_config_free(empty);
    covsamp_config_free(c);
}

static void no_density(covsamp_mixture *m)
{
    refused_with("dense", "eta", "0", m, QUADRATURE, 0, COVSAMP_E_UNSUPPORTED,
                 "eta is 0, must be in (0, 1]: with lambda = 0");
    refused_with("krylov", "eta", "0", m, SAMPLES, 10, COVSAMP_E_UNSUPPORTED, "lambda = 0");
    refused_with("small", "eta", "1e-200", m, SAMPLES, 10, COVSAMP_E_UNSUPPORTED,
                 "lambda is 0 in the step from level 20");
    refused_with("none", "seed", "1", m, SAMPLES, 10, COVSAMP_E_UNSUPPORTED, "covariance is none");
    refused_with("diag_model", "seed", "1", m, SAMPLES, 10, COVSAMP_E_UNSUPPORTED,
                 "covariance is diag_model");
    refused_with("large", "eta", "0.5", m, SAMPLES, 10, COVSAMP_E_UNSUPPORTED,
                 "eta is 0.5, must be 1 for covariance = large");
}

static void options(covsamp_mixture *m)
{
    static const struct {
        const char *covariance, *name, *text, *part;
    } bad[] = {{"dense", "window_low", "3", "window_low is 3, must be 0"},
               {"dense", "window_high", "9", "window_high is 9, must be 0"},
               {"dense", "covariance_cap", "1.5", "covariance_cap is 1.5, must be 0"},
               {"dense", "ritz_cap", "2", "ritz_cap is 2, must be 0"},
               {"dense", "trace_guard", "2", "trace_guard is 2, must be 0"},
               {"dense", "clip_x0", "1", "clip_x0 is 1, must be 0"},
               {"dense", "pixel_clip", "2", "pixel_clip is 2, must be 0"},
               {"dense", "mean_order", "2", "mean_order is 2, must be 1"},
               {"dense", "solver", "heun", "solver is heun, must be ancestral"},
               {"diag_probe", "reuse", "2", "reuse is 2, must be 1"},
               {"spectral", "spectral_mode", "sliding", "spectral_mode is sliding"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        refused_with(bad[i].covariance, bad[i].name, bad[i].text, m, SAMPLES, 10,
                     COVSAMP_E_UNSUPPORTED, bad[i].part);
    covsamp_mixture *wide = new_mixture(30);
    refused_with("krylov", "tolerance", "0.01", wide, SAMPLES, 10, COVSAMP_E_UNSUPPORTED,
                 "tolerance is 0.01, must be 0");
    covsamp_mixture_free(wide);
}

static void shapes(covsamp_mixture *two)
{
    covsamp_mixture *nine = new_mixture(9), *three = new_mixture(3);
    const double noise[3] = {1, 1, 1};
    refused_with("dense", "dim", "3", two, SAMPLES, 10, COVSAMP_E_RANGE,
                 "option dim is 3, must be the mixture's, 2, or not set");
    refused_with("spectral", "width", "5", two, SAMPLES, 10, COVSAMP_E_RANGE,
                 "channels x height x width is 1 x 1 x 5, must multiply to dim = 2");
    refused_with("krylov", "krylov_steps", "3", nine, SAMPLES, 10, COVSAMP_E_UNSUPPORTED,
                 "dim is 9, must be at most 8 for covariance = krylov with krylov_steps = 3");
    refused_with("dense", "seed", "1", three, QUADRATURE, 0, COVSAMP_E_UNSUPPORTED,
                 "dim is 3, must be at most 2 for estimator = quadrature");
    covsamp_config *c = config_of("analytic");
    CHECK(covsamp_config_set_table(c, COVSAMP_TABLE_NOISE, noise, 3) == COVSAMP_OK);
    refused(c, two, QUADRATURE, 0, COVSAMP_E_RANGE, "table of noise has 3 values, must have 20");
    covsamp_config_free(c);
    covsamp_mixture_free(nine);
    covsamp_mixture_free(three);
}

static void estimators(covsamp_mixture *m)
{
    static const double weight = 1, mean[4] = {0, 0, 1, 0}, narrow[4] = {1e-14, 0, 0, 1};
    covsamp_config *c = config_of("dense");
    refused(c, m, 0, 10, COVSAMP_E_RANGE, "estimator is 0");
    refused(c, m, 3, 10, COVSAMP_E_RANGE, "estimator is 3");
    refused(c, m, SAMPLES, 1, COVSAMP_E_RANGE, "size is 1, must be in 2 ...");
    refused(c, m, SAMPLES, 0, COVSAMP_E_RANGE, "size is 0, must be in 2 ...");
    refused(c, m, QUADRATURE, -1, COVSAMP_E_RANGE, "size is -1, must be 0 or in 2 ... 1048576");
    refused(c, m, QUADRATURE, 1, COVSAMP_E_RANGE, "size is 1");
    refused(c, m, QUADRATURE, 1048577, COVSAMP_E_RANGE, "size is 1048577");
    refused(c, m, QUADRATURE, 9, COVSAMP_E_RANGE, "size is 9, must be more points: at level");
    CHECK(covsamp_config_set_int(c, COVSAMP_FIRST_SAMPLE, INT64_MAX - 9) == COVSAMP_OK);
    refused(c, m, SAMPLES, 10, COVSAMP_E_RANGE, "first_sample");
    covsamp_config_free(c);
    refused_with("dense", "eta", "0.5", m, QUADRATURE, 0, COVSAMP_E_UNSUPPORTED,
                 "eta is 0.5, must be 1 for estimator = quadrature");
    refused_with("krylov", "krylov_steps", "1", m, QUADRATURE, 0, COVSAMP_E_UNSUPPORTED,
                 "krylov_steps is 1, must be at least dim = 2");
    /* a component so narrow that no grid will do */
    static const int64_t levels[2] = {2, 1};
    static const double alpha[2] = {1, .5}, sigma[2] = {1e-6, .8};
    covsamp_schedule *schedule = NULL;
    covsamp_mixture *thin = NULL;
    c = config_of("dense");
    CHECK(covsamp_mixture_new(&thin, 2, 1, &weight, mean, narrow, 1, NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp_schedule_new_table(&schedule, 2, alpha, sigma, NULL, NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp_config_set_schedule(c, schedule, levels, 2) == COVSAMP_OK);
    CHECK(covsamp_path_kl(c, thin, QUADRATURE, 0, NULL, NULL, 0, NULL) == COVSAMP_E_UNSUPPORTED);
    CHECK_TEXT(covsamp_config_message(c), "covsamp_path_kl: the narrowest component at level 1");
    covsamp_mixture_free(thin);
    covsamp_schedule_free(schedule);
    covsamp_config_free(c);
}

/* ---- guidance ---- */

static void guidance(covsamp_mixture *plain)
{
    static const double tilt[3] = {1, -1, .5}, weights[3] = {1, 1, 1}, huge[3] = {1e200, 0, 0};
    covsamp_mixture *tilted = new_mixture(3);
    CHECK(covsamp_mixture_set_tilt(tilted, tilt) == COVSAMP_OK);
    refused_with("dense", "guidance", "1.5", plain, SAMPLES, 10, COVSAMP_E_UNSUPPORTED,
                 "guidance is 1.5, must be 0 and without weights for a mixture without a tilt");
    refused_with("dense", "cfg", "2", tilted, SAMPLES, 10, COVSAMP_E_UNSUPPORTED,
                 "cfg is 2, must be 0 and without weights: a mixture has one branch");
    covsamp_config *c = config_of("dense");
    CHECK(covsamp_config_set_guidance(c, COVSAMP_GUIDANCE_CLASSIFIER, weights, 3) == COVSAMP_OK);
    refused(c, tilted, SAMPLES, 10, COVSAMP_E_RANGE, "weights of guidance are 3, must be 20");
    CHECK(covsamp_config_set_guidance(c, COVSAMP_GUIDANCE_CLASSIFIER, NULL, 0) == COVSAMP_OK);
    CHECK(covsamp_config_set_real(c, COVSAMP_GUIDANCE, 1) == COVSAMP_OK);
    CHECK(covsamp_config_set_int(c, COVSAMP_GUIDANCE_LOW, 9) == COVSAMP_OK);
    CHECK(covsamp_config_set_int(c, COVSAMP_GUIDANCE_HIGH, 3) == COVSAMP_OK);
    refused(c, tilted, SAMPLES, 10, COVSAMP_E_RANGE, "guidance_low is 9, must be at most");
    covsamp_config_free(c);
    c = config_of("krylov");
    CHECK(covsamp_config_set_int(c, COVSAMP_KRYLOV_STEPS, 2) == COVSAMP_OK);
    CHECK(covsamp_config_set_real(c, COVSAMP_GUIDANCE, 1) == COVSAMP_OK);
    CHECK(covsamp_config_set_by_name(c, "guidance_product", "basis") == COVSAMP_OK);
    refused(c, tilted, SAMPLES, 10, COVSAMP_E_UNSUPPORTED,
            "guidance_product is basis, must be exact");
    CHECK(covsamp_config_set_by_name(c, "guidance_form", "score") == COVSAMP_OK); /* no product */
    CHECK(covsamp_path_kl(c, tilted, SAMPLES, 10, NULL, NULL, 0, NULL) == COVSAMP_OK);
    CHECK(covsamp_mixture_set_tilt(tilted, huge) == COVSAMP_OK);
    refused(c, tilted, SAMPLES, 10, COVSAMP_E_RANGE, "mean or weight of component 0");
    covsamp_config_free(c);
    covsamp_mixture_free(tilted);
}

/* ---- memory: one block, given back ---- */

typedef struct {
    int calls, blocks, fail, spare; /* spare: calls that succeed before one fails */
    size_t bytes;
} heap;

static void *heap_alloc(void *user, size_t bytes, size_t align)
{
    heap *h = user;
    h->calls++;
    if (h->fail && h->spare-- <= 0)
        return NULL;
    h->blocks++;
    h->bytes += bytes;
    void *p = aligned_alloc(align, bytes);
    memset(p, 0xa5, bytes);
    return p;
}

static void heap_release(void *user, void *pointer, size_t bytes)
{
    heap *h = user;
    h->blocks--;
    h->bytes -= bytes;
    free(pointer);
}

static void memory(covsamp_mixture *m)
{
    static const char *const covariances[] = {"dense", "spectral", "krylov", "analytic"};
    for (int i = 0; i < 4; i++)
        for (int fail = 0; fail < 2; fail++) {
            heap h = {0, 0, 0, 0, 0};
            const covsamp_allocator mem = {sizeof mem, heap_alloc, heap_release, &h};
            const settings set = {.covariance = COVSAMP_COV_SMALL, .dim = 2};
            covsamp_config *c = new_config_with(&set, &mem);
            CHECK(covsamp_config_set_by_name(c, "covariance", covariances[i]) == COVSAMP_OK);
            CHECK(covsamp_config_set_int(c, COVSAMP_KRYLOV_STEPS, 1) == COVSAMP_OK);
            const heap before = h;
            h.fail = fail;
            if (fail)
                refused(c, m, SAMPLES, 10, COVSAMP_E_NOMEM, "no memory for");
            else
                CHECK(covsamp_path_kl(c, m, SAMPLES, 10, NULL, NULL, 0, NULL) == COVSAMP_OK);
            CHECK(h.calls == before.calls + 1);
            CHECK(h.blocks == before.blocks && h.bytes == before.bytes);
            covsamp_config_free(c);
            CHECK(h.blocks == 0);
        }
}

/* Guided, the path's mixture is a second block. */
static void guided_memory(void)
{
    static const double tilt[2] = {1, -1};
    covsamp_mixture *m = new_mixture(2);
    CHECK(covsamp_mixture_set_tilt(m, tilt) == COVSAMP_OK);
    for (int fail = 0; fail < 3; fail++) { /* nothing; the first; the second */
        heap h = {0, 0, 0, 0, 0};
        const covsamp_allocator mem = {sizeof mem, heap_alloc, heap_release, &h};
        const settings set = {.covariance = COVSAMP_COV_DENSE, .dim = 2};
        covsamp_config *c = new_config_with(&set, &mem);
        CHECK(covsamp_config_set_real(c, COVSAMP_GUIDANCE, 1) == COVSAMP_OK);
        const heap before = h;
        h.fail = fail > 0;
        h.spare = fail - 1;
        if (fail)
            refused(c, m, SAMPLES, 10, COVSAMP_E_NOMEM, "no memory for");
        else
            CHECK(covsamp_path_kl(c, m, SAMPLES, 10, NULL, NULL, 0, NULL) == COVSAMP_OK);
        CHECK(h.calls == before.calls + (fail == 1 ? 1 : 2));
        CHECK(h.blocks == before.blocks && h.bytes == before.bytes);
        covsamp_config_free(c);
        CHECK(h.blocks == 0);
    }
    covsamp_mixture_free(m);
}

int main(void)
{
    covsamp_mixture *mixture = new_mixture(2);
    pointers(mixture);
    no_density(mixture);
    options(mixture);
    shapes(mixture);
    estimators(mixture);
    guidance(mixture);
    memory(mixture);
    guided_memory();
    covsamp_mixture_free(mixture);
    return check_done();
}
