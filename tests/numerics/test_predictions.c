/* SPDX-License-Identifier: BSD-3-Clause */
/* What the model predicts, in which type and in how many requests its products travel and who owns
 * the loop are matters of form: the samples are the same. */
#include "check.h"
#include "gaussian.h"

#include <float.h>
#include <stdlib.h>

enum { D = 6, K = 3, B = 8, STEPS = 6, N = B * D };

/* ---- data: a mixture of three Gaussians ---- */

static double weights[K] = {.5, .3, .2}, means[K * D], covariances[K * D * D];

static void make_data(void)
{
    for (int k = 0; k < K; k++) {
        double q[D * D], e[D];
        orthogonal(20 + k, D, q);
        for (int i = 0; i < D; i++)
            e[i] = .04 * (1 + k) * (1 + i * i);
        spectral(D, q, e, covariances + k * D * D);
    }
    normals(24, K * D, means);
}

static covsamp_mixture *mixture_of(int32_t prediction)
{
    covsamp_mixture *m = NULL;
    CHECK(covsamp_mixture_new(&m, D, K, weights, means, covariances, prediction, NULL, NULL) == 0);
    return m;
}

/* ---- processes ---- */

typedef struct {
    const char *name;
    covsamp_schedule *schedule;
    int64_t levels[STEPS];
} process;

enum { VP = 0, VE = 1, FLOW = 2 };
static process processes[3] = {{"vp", NULL, {600, 450, 300, 150, 50, 5}},
                               {"ve", NULL, {40, 33, 26, 18, 9, 2}},
                               {"flow", NULL, {90, 70, 50, 30, 10, 2}}};

static void make_processes(void)
{
    processes[VP].schedule = linear_schedule();
    CHECK(covsamp_schedule_new_karras(&processes[VE].schedule, 40, .02, 10, 7, NULL, NULL) == 0);
    CHECK(covsamp_schedule_new_flow(&processes[FLOW].schedule, 100, NULL, NULL) == 0);
}

static const char *const predictions[] = {NULL, "noise", "x0", "v", "score", "flow", "reverse"};

/* Runs to the end; returns the samples in x and the counts. */
static covsamp_stats sample(const process *p, const covsamp_model *model, int32_t prediction,
                            int32_t dtype, const char *options, double *x)
{
    covsamp_sampler *s = sampler_of(
        p->schedule, p->levels, STEPS, "batch=%d dim=%d dtype=%s prediction=%s seed=4 %s", B, D,
        dtype == COVSAMP_F32 ? "f32" : "f64", predictions[prediction], options);
    if (!CHECK(s != NULL))
        return (covsamp_stats){0};
    CHECK(covsamp_sampler_run(s, model) == COVSAMP_DONE);
    read_state(s, dtype, B, D, x);
    const covsamp_stats stats = stats_of(s);
    covsamp_sampler_free(s);
    return stats;
}

static double furthest(int64_t n, const double *x, const double *y)
{
    double worst = 0;
    for (int64_t i = 0; i < n; i++)
        worst = fmax(worst, fabs(x[i] - y[i]) / fmax(1, fabs(y[i])));
    return worst;
}

static const char *const methods[] = {"covariance=krylov krylov_steps=3", "covariance=dense",
                                      "covariance=small"};
static const double etas[] = {0, .5, 1};

/* ---- tests ---- */

/* Six predictions of the same data, on three schedules, by every method; f64 to 1e-10, and f32 to
 * what its numbers hold. */
static void test_predictions(void)
{
    covsamp_mixture *x0 = mixture_of(COVSAMP_PREDICTS_X0);
    double worst = 0, worst32[7] = {0};
    for (int p = 0; p < 3; p++)
        for (int k = 0; k < LENGTH(methods) * LENGTH(etas); k++) {
            char options[128];
            double reference[N], x[N];
            snprintf(options, sizeof options, "%s eta=%g last_noise=1", methods[k / 3],
                     etas[k % 3]);
            converted plain = {covsamp_mixture_answer, x0, processes[p].schedule,
                               COVSAMP_PREDICTS_X0, 0};
            const covsamp_model model = model_of(converted_answer, &plain);
            sample(&processes[p], &model, COVSAMP_PREDICTS_X0, COVSAMP_F64, options, reference);
            for (int32_t type = COVSAMP_PREDICTS_NOISE; type <= COVSAMP_PREDICTS_REVERSE; type++) {
                plain.prediction = type;
                sample(&processes[p], &model, type, COVSAMP_F64, options, x);
                CHECK_NEAR(furthest(N, x, reference), 0, 1e-10);
                worst = fmax(worst, furthest(N, x, reference));
                sample(&processes[p], &model, type, COVSAMP_F32, options, x);
                worst32[type] = fmax(worst32[type], furthest(N, x, reference));
            }
        }
    printf("six predictions in f64: %.1e;", worst);
    for (int32_t type = COVSAMP_PREDICTS_NOISE; type <= COVSAMP_PREDICTS_REVERSE; type++) {
        printf(" %s f32: %.1e", predictions[type], worst32[type]);
        /* reverse: x_(n-1) is close to x_n, and x0 their difference times up to 100 */
        CHECK(worst32[type] < (type == COVSAMP_PREDICTS_REVERSE ? 1e3 : 50) * (double)FLT_EPSILON);
    }
    printf("\n");
    covsamp_mixture_free(x0);
}

/* The mixture's own predictions, not converted. */
static void test_mixture(void)
{
    covsamp_mixture *x0 = mixture_of(COVSAMP_PREDICTS_X0);
    double reference[N], x[N];
    for (int p = 0; p < 3; p++)
        for (int32_t type = COVSAMP_PREDICTS_NOISE; type <= COVSAMP_PREDICTS_FLOW; type++) {
            covsamp_mixture *m = mixture_of(type);
            covsamp_model model;
            memset(&model, 0, sizeof model);
            model.size = sizeof model;
            CHECK(covsamp_mixture_model(x0, &model) == COVSAMP_OK);
            sample(&processes[p], &model, COVSAMP_PREDICTS_X0, COVSAMP_F64, methods[0], reference);
            CHECK(covsamp_mixture_model(m, &model) == COVSAMP_OK);
            sample(&processes[p], &model, type, COVSAMP_F64, methods[0], x);
            CHECK_NEAR(furthest(N, x, reference), 0, 1e-10);
            covsamp_mixture_free(m);
        }
    covsamp_mixture_free(x0);
}

/* alpha = 0 at flow's top: no Jacobian covariance there, so `small`, which the counts say; noise
 * and score do not determine x0. */
static void test_alpha_zero(void)
{
    process p = processes[FLOW];
    covsamp_mixture *x0 = mixture_of(COVSAMP_PREDICTS_X0);
    converted plain = {covsamp_mixture_answer, x0, p.schedule, COVSAMP_PREDICTS_X0, 0};
    const covsamp_model model = model_of(converted_answer, &plain);
    double reference[N], x[N];
    p.levels[0] = 100;
    for (int k = 0; k < LENGTH(methods) * LENGTH(etas); k++) {
        char options[128];
        snprintf(options, sizeof options, "%s eta=%g", methods[k / 3], etas[k % 3]);
        for (int i = 0; i < 4; i++) {
            static const int32_t types[4] = {COVSAMP_PREDICTS_X0, COVSAMP_PREDICTS_V,
                                             COVSAMP_PREDICTS_FLOW, COVSAMP_PREDICTS_REVERSE};
            plain.prediction = types[i];
            const covsamp_stats s =
                sample(&p, &model, types[i], COVSAMP_F64, options, i == 0 ? reference : x);
            CHECK(s.steps_without == (k / 3 < 2)); /* `small` is no fallback from itself */
            CHECK(s.jvp_tangents == (k / 3 == 0 ? 3 : k / 3 == 1 ? D : 0) * (STEPS - 2));
            CHECK(i == 0 || furthest(N, x, reference) < 1e-10);
        }
    }
    for (int i = 0; i < 2; i++) {
        covsamp_config *c = NULL;
        covsamp_sampler *s = NULL;
        CHECK(covsamp_config_new(&c, NULL) == COVSAMP_OK);
        CHECK(covsamp_config_set_int(c, COVSAMP_BATCH, B) == COVSAMP_OK);
        CHECK(covsamp_config_set_int(c, COVSAMP_DIM, D) == COVSAMP_OK);
        CHECK(covsamp_config_set_int(c, COVSAMP_PREDICTION,
                                     i ? COVSAMP_PREDICTS_NOISE : COVSAMP_PREDICTS_SCORE) == 0);
        CHECK(covsamp_config_set_schedule(c, p.schedule, p.levels, STEPS) == COVSAMP_OK);
        CHECK(covsamp_sampler_new(&s, c) == COVSAMP_E_UNSUPPORTED && s == NULL);
        CHECK_TEXT(covsamp_config_message(c), "alpha is 0");
        covsamp_config_free(c);
    }
    covsamp_mixture_free(x0);
}

/* mean_jvp, tangents and the callbacks that are there change the requests, not one bit. */
static void test_requests(int32_t dtype)
{
    covsamp_mixture *m = mixture_of(COVSAMP_PREDICTS_NOISE);
    covsamp_model model = model_of(covsamp_mixture_answer, m), parts = model;
    double one[N], other[N];
    parts.mean_jvp = NULL;
    for (int p = 0; p < 3; p++) {
        const process *at = &processes[p];
        covsamp_stats s = sample(at, &model, 1, dtype, "krylov_steps=3 mean_jvp=1", one);
        CHECK(s.mean_requests == STEPS && s.jvp_requests == 3 * (STEPS - 1));
        s = sample(at, &model, 1, dtype, "krylov_steps=3 mean_jvp=0", other);
        CHECK(s.mean_requests == STEPS && s.jvp_requests == 3 * (STEPS - 1));
        CHECK(memcmp(one, other, sizeof one) == 0);
        sample(at, &parts, 1, dtype, "krylov_steps=3 mean_jvp=1", other);
        CHECK(memcmp(one, other, sizeof one) == 0);
        s = sample(at, &model, 1, dtype, "covariance=dense tangents=1", one);
        CHECK(s.jvp_requests == D * (STEPS - 1) && s.jvp_tangents == D * (STEPS - 1));
        s = sample(at, &model, 1, dtype, "covariance=dense tangents=7", other);
        CHECK(s.jvp_requests == STEPS - 1 && s.jvp_tangents == D * (STEPS - 1));
        CHECK(memcmp(one, other, sizeof one) == 0);
        s = sample(at, &model, 1, dtype, "covariance=dense tangents=4", other);
        CHECK(s.jvp_requests == 2 * (STEPS - 1) && s.jvp_tangents == D * (STEPS - 1));
        CHECK(memcmp(one, other, sizeof one) == 0);
    }
    covsamp_mixture_free(m);
}

/* The caller's loop gives the bits of run(), also when it makes the library's noise itself. */
static void test_ask_tell(int32_t dtype, const char *noise)
{
    covsamp_mixture *m = mixture_of(COVSAMP_PREDICTS_V);
    const covsamp_model model = model_of(covsamp_mixture_answer, m);
    const process *p = &processes[VP];
    const covsamp_request *q;
    double by_run[N], x[N], z[D];
    covsamp_status st;
    sample(p, &model, COVSAMP_PREDICTS_V, dtype, "krylov_steps=2", by_run);
    covsamp_sampler *s = sampler_of(p->schedule, p->levels, STEPS,
                                    "batch=%d dim=%d dtype=%s prediction=v seed=4 krylov_steps=2 "
                                    "%s",
                                    B, D, dtype == COVSAMP_F32 ? "f32" : "f64", noise);
    while ((st = covsamp_sampler_ask(s, &q)) == COVSAMP_OK) {
        int32_t answer = q->noise == NULL ? covsamp_mixture_answer(m, q) : 0;
        for (int64_t b = 0; q->noise != NULL && b < B; b++) {
            answer =
                covsamp_noise_normal(q->seed, q->first_sample + b, q->stream, q->step, 0, D, z);
            for (int64_t i = 0; i < D; i++)
                store(dtype, q->noise, b * q->stride + i, z[i]);
        }
        if (!CHECK(covsamp_sampler_tell(s, answer) == COVSAMP_OK))
            break;
    }
    CHECK(st == COVSAMP_DONE);
    read_state(s, dtype, B, D, x);
    CHECK(memcmp(x, by_run, sizeof x) == 0);
    covsamp_sampler_free(s);
    covsamp_mixture_free(m);
}

/* Inside the window a step is that of the covariance, outside that of `small`, bit for bit. */
static void test_window(const char *covariance, const char *window, int64_t low, int64_t high)
{
    covsamp_mixture *m = mixture_of(COVSAMP_PREDICTS_X0);
    const covsamp_model model = model_of(covsamp_mixture_answer, m);
    const process *p = &processes[VP];
    covsamp_sampler *s[3];
    const char *const options[3][2] = {
        {covariance, window}, {covariance, ""}, {"covariance=small", ""}};
    double x[3][N];
    int64_t without = 0;
    for (int k = 0; k < 3; k++)
        s[k] = sampler_of(p->schedule, p->levels, STEPS,
                          "batch=%d dim=%d dtype=f64 prediction=x0 seed=5 last_noise=1 %s %s", B, D,
                          options[k][0], options[k][1]);
    normals(30, N, x[0]);
    for (int step = 0; step < STEPS; step++) {
        const int inside = p->levels[step] >= low && p->levels[step] <= high;
        for (int k = 0; k < 3; k++) {
            CHECK(covsamp_sampler_set_state(s[k], x[0], D) == COVSAMP_OK);
            CHECK(covsamp_sampler_step(s[k], &model) ==
                  (step + 1 < STEPS ? COVSAMP_OK : COVSAMP_DONE));
        }
        for (int k = 0; k < 3; k++)
            read_state(s[k], COVSAMP_F64, B, D, x[k]);
        CHECK(memcmp(x[0], x[inside ? 1 : 2], sizeof x[0]) == 0);
        CHECK(memcmp(x[1], x[2], sizeof x[1]) != 0);
        without += !inside;
        CHECK(stats_of(s[0]).steps_without == without);
    }
    CHECK(without > 0 && without < STEPS);
    for (int k = 0; k < 3; k++)
        covsamp_sampler_free(s[k]);
    covsamp_mixture_free(m);
}

int main(void)
{
    make_data();
    make_processes();
    test_predictions();
    test_mixture();
    test_alpha_zero();
    for (int32_t dtype = COVSAMP_F32; dtype <= COVSAMP_F64; dtype++) {
        test_requests(dtype);
        test_ask_tell(dtype, "noise=philox-1");
        test_ask_tell(dtype, "noise=ask");
    }
    for (int k = 0; k < 2; k++) {
        test_window(methods[k], "window_low=150", 150, 1000);
        test_window(methods[k], "window_high=300", 0, 300);
        test_window(methods[k], "window_low=50 window_high=449", 50, 449);
    }
    for (int p = 0; p < 3; p++)
        covsamp_schedule_free(processes[p].schedule);
    return check_done();
}
