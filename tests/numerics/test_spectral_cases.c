/* SPDX-License-Identifier: BSD-3-Clause */
/* The covariance "spectral": batches, the trace guard, reuse of an estimate, and bad input. */
#include "check.h"
#include "gaussian.h"

#include <stdlib.h>

enum { HIGH = 223, LOW = 112 };

static covsamp_schedule *schedule;

/* name=value name=value ... */
static void set_all(covsamp_config *config, char *rest)
{
    while (*rest != '\0') {
        char *name = rest, *value = strchr(rest, '=');
        rest += strcspn(rest, " ");
        if (*rest == ' ')
            *rest++ = '\0';
        *value++ = '\0';
        CHECK(covsamp_config_set_by_name(config, name, value) == COVSAMP_OK);
    }
}

/* ---- guard and reuse, with C = c I ---- */

typedef struct {
    double c[2]; /* at levels HIGH and LOW, in sigma^2 / alpha^2 */
    int64_t products;
} flat;

static int32_t flat_answer(void *user, const covsamp_request *q)
{
    flat *f = user;
    const double c = f->c[q->level == LOW] * q->sigma * q->sigma / (q->alpha * q->alpha);
    for (int64_t i = 0; i < q->batch * q->dim; i++) {
        if (q->mean != NULL)
            store(q->dtype, q->mean, i, 0);
        if (q->product != NULL)
            store(q->dtype, q->product, i,
                  load(q->dtype, q->v, i) * c * q->alpha / (q->sigma * q->sigma));
    }
    f->products += q->tangents;
    return 0;
}

/* After the steps from HIGH to LOW to 1, x0 = 0: the noise of the second, from x = 0 before it. */
static void two_steps(const char *mode, double guard, int64_t reuse, flat *f, double first[64],
                      double second[64])
{
    static const int64_t levels[3] = {HIGH, LOW, 1};
    static const double zero[64];
    char text[256];
    double noise[1000];
    covsamp_config *config = NULL;
    covsamp_sampler *s = NULL;
    covsamp_model model = model_of(flat_answer, f);
    for (int i = 0; i < 1000; i++)
        noise[i] = .5; /* analytic c: half of sigma^2 / alpha^2 */
    CHECK(covsamp_config_new(&config, NULL) == COVSAMP_OK);
    CHECK(covsamp_config_set_schedule(config, schedule, levels, 3) == COVSAMP_OK);
    CHECK(covsamp_config_set_table(config, COVSAMP_TABLE_NOISE, noise, 1000) == COVSAMP_OK);
    CHECK(covsamp_config_set_real(config, COVSAMP_TRACE_GUARD, guard) == COVSAMP_OK);
    CHECK(covsamp_config_set_int(config, COVSAMP_REUSE, reuse) == COVSAMP_OK);
    snprintf(text, sizeof text,
             "batch=1 dim=64 height=8 width=8 spectral_block=4 dtype=f64 prediction=x0 seed=9 "
             "covariance=spectral spectral_mode=%s",
             mode);
    set_all(config, text);
    CHECK(covsamp_sampler_new(&s, config) == COVSAMP_OK);
    for (int k = 0; k < 2; k++) {
        CHECK(covsamp_sampler_set_state(s, zero, 64) == COVSAMP_OK);
        CHECK(covsamp_sampler_step(s, &model) == COVSAMP_OK);
        read_state(s, COVSAMP_F64, 1, 64, k == 0 ? first : second);
    }
    covsamp_sampler_free(s);
    covsamp_config_free(config);
}

/* (lambda^2 + b^2 c)^(1/2) z of step k */
static void flat_noise(int64_t k, double c, double n[64])
{
    double lambda, b, alpha, sigma;
    const int64_t t = k == 0 ? HIGH : LOW;
    CHECK(covsamp_schedule_at(schedule, (double)t, &alpha, &sigma, NULL) == COVSAMP_OK);
    step_numbers(schedule, t, k == 0 ? LOW : 1, 1, &lambda, &b);
    CHECK(covsamp_noise_normal(9, 0, COVSAMP_STREAM_STEP, k, 0, 64, n) == COVSAMP_OK);
    for (int i = 0; i < 64; i++)
        n[i] *= sqrt(lambda * lambda + b * b * c * sigma * sigma / (alpha * alpha));
}

static void test_guard_and_reuse(void)
{
    static const struct {
        double guard, expected[2];
        int64_t reuse, products;
    } known[] = {{0, {.6, .3}, 1, 2},  /* as it is */
                 {.8, {.4, .3}, 1, 2}, /* at most .8 of .5 */
                 {0, {.6, .6}, 2, 1},  /* the first estimate in the second's unit */
                 {.8, {.4, .4}, 2, 1}};
    static const char *const modes[] = {"full", "block"};
    for (int k = 0; k < LENGTH(known); k++)
        for (int m = 0; m < LENGTH(modes); m++) {
            double n[2][64], e[64];
            flat f = {{.6, .3}, 0};
            two_steps(modes[m], known[k].guard, known[k].reuse, &f, n[0], n[1]);
            CHECK(f.products == known[k].products);
            for (int64_t i = 0; i < 2; i++) {
                flat_noise(i, known[k].expected[i], e);
                CHECK(distance(64, n[i], e) < 1e-12);
            }
        }
}

/* ---- colours of windows at every position ---- */

enum { M = 3, PLANE = 80 };

/* C = .07 K (x) I */
static int32_t coloured_answer(void *k, const covsamp_request *q)
{
    const double *colour = k;
    for (int64_t i = 0; i < q->dim; i++) {
        double sum = 0;
        for (int64_t j = 0; j < M && q->v != NULL; j++)
            sum += colour[i / PLANE * M + j] * load(q->dtype, q->v, j * PLANE + i % PLANE);
        if (q->mean != NULL)
            store(q->dtype, q->mean, i, 0);
        if (q->product != NULL)
            store(q->dtype, q->product, i, .07 * sum * q->alpha / (q->sigma * q->sigma));
    }
    return 0;
}

static void one_step(const double *colour, const char *options, double *n)
{
    static const int64_t levels[2] = {HIGH, LOW};
    static const double zero[M * PLANE];
    const covsamp_model model = model_of(coloured_answer, (void *)(uintptr_t)colour);
    covsamp_sampler *s = sampler_of(schedule, levels, 2,
                                    "batch=1 dim=%d dtype=f64 prediction=x0 seed=9 "
                                    "covariance=spectral channels=%d height=8 width=10 "
                                    "spectral_mode=sliding spectral_block=4 %s",
                                    M * PLANE, M, options);
    CHECK(covsamp_sampler_set_state(s, zero, M * PLANE) == COVSAMP_OK);
    CHECK(covsamp_sampler_step(s, &model) == COVSAMP_OK);
    read_state(s, COVSAMP_F64, 1, M * PLANE, n);
    covsamp_sampler_free(s);
}

/* With K = I the noise is lambda z + u; with K it is lambda z + K^(1/2) u. */
static void test_sliding_colours(void)
{
    static const double value[M] = {2.4, .5, .1};
    static const double unit[M * M] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    double q[M * M], root[M] = {0}, k[M * M], k_root[M * M], n[M * PLANE], u[M * PLANE];
    double z[M * PLANE], lambda, b, worst = 0;
    orthogonal(3, M, q);
    for (int i = 0; i < M; i++)
        root[i] = sqrt(value[i]);
    spectral(M, q, value, k);
    spectral(M, q, root, k_root);
    step_numbers(schedule, HIGH, LOW, 1, &lambda, &b);
    CHECK(covsamp_noise_normal(9, 0, COVSAMP_STREAM_STEP, 0, 0, M * PLANE, z) == COVSAMP_OK);
    one_step(unit, "", u);
    one_step(k, "spectral_colour=1", n);
    for (int i = 0; i < M * PLANE; i++) {
        double wanted = lambda * z[i];
        for (int j = 0; j < M; j++) {
            const int at = j * PLANE + i % PLANE;
            wanted += k_root[i / PLANE * M + j] * (u[at] - lambda * z[at]);
        }
        worst = fmax(worst, fabs(n[i] - wanted));
    }
    CHECK_NEAR(worst, 0, 1e-12);
}

/* ---- batches ---- */

/* Samples of one batch are as if alone, bit by bit, through several steps with reuse and masks. */
static void test_batches(void)
{
    static const char *const modes[] = {
        "spectral_mode=full", "spectral_mode=block spectral_block=4 spectral_estimate=ratio",
        "spectral_mode=sliding spectral_block=3",
        "spectral_mode=full spectral_colour=1 channels=3 height=4 width=12",
        "spectral_mode=sliding spectral_block=2 spectral_colour=1 channels=3 height=4 width=12"};
    enum { D = 144, BATCH = 5 };
    static const int64_t levels[4] = {600, HIGH, LOW, 1};
    static const double zero[D];
    double variance[D], *q = malloc(sizeof *q * D * D);
    double *out = malloc(sizeof *out * (BATCH + 1) * D);
    orthogonal(6, D, q);
    for (int i = 0; i < D; i++)
        variance[i] = 2 / (1. + i);
    gaussian data = {D, q, variance, zero};
    const covsamp_model model = model_of(gaussian_answer, &data);
    for (int m = 0; m < 2 * LENGTH(modes); m++)
        for (int b = -1; b < BATCH; b++) {
            double *to = b < 0 ? out : out + BATCH * D;
            covsamp_sampler *s = sampler_of(
                schedule, levels, 4,
                "batch=%d dim=%d dtype=%s prediction=x0 clip_x0=0.3 covariance=spectral %s "
                "height=12 width=12 %s probes=3 tangents=2 reuse=2 first_sample=%d",
                b < 0 ? BATCH : 1, D, m % 2 ? "f32" : "f64", "channels=1", modes[m / 2],
                b < 0 ? 0 : b);
            CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
            read_state(s, m % 2 ? COVSAMP_F32 : COVSAMP_F64, b < 0 ? BATCH : 1, D, to);
            CHECK(b < 0 || memcmp(to, out + b * D, D * sizeof *to) == 0);
            CHECK(stats_of(s).jvp_tangents == 2 * 3); /* steps 0 and 2 of three with noise */
            covsamp_sampler_free(s);
        }
    free(q);
    free(out);
}

/* ---- bad input ---- */

static void refuses(const char *options, covsamp_status status, const char *part)
{
    static const int64_t levels[2] = {HIGH, LOW};
    char text[512];
    covsamp_config *config = NULL;
    covsamp_sampler *s = NULL;
    CHECK(covsamp_config_new(&config, NULL) == COVSAMP_OK);
    CHECK(covsamp_config_set_schedule(config, schedule, levels, 2) == COVSAMP_OK);
    snprintf(text, sizeof text, "batch=1 covariance=spectral %s", options);
    set_all(config, text);
    CHECK(covsamp_sampler_new(&s, config) == status);
    CHECK((s != NULL) == (status == COVSAMP_OK));
    if (part != NULL) {
        CHECK_TEXT(covsamp_config_message(config), "covsamp_sampler_new: ");
        CHECK_TEXT(covsamp_config_message(config), part);
    }
    covsamp_sampler_free(s);
    covsamp_config_free(config);
}

static void test_bad_input(void)
{
    const covsamp_status range = COVSAMP_E_RANGE;
    refuses("dim=64", range, "1 x 1 x 1, must multiply to dim = 64");
    refuses("dim=64 height=8 width=9", range, "1 x 8 x 9, must multiply to dim = 64");
    refuses("dim=64 height=16777216 width=16777216 channels=16777216", range, "must multiply");
    refuses("dim=64 height=8 width=8 channels=2", range, "2 x 8 x 8");
    refuses("dim=64 height=8 width=8", COVSAMP_OK, NULL);
    refuses("dim=144 height=12 width=12 spectral_mode=block", range,
            "spectral_block is 8, must divide height = 12");
    refuses("dim=60 width=60 spectral_mode=block", range, "spectral_block is 8");
    refuses("dim=60 width=60 spectral_mode=block spectral_block=5", COVSAMP_OK, NULL);
    refuses("dim=60 height=60 spectral_mode=block spectral_block=5", range, "must divide");
    refuses("dim=70 height=7 width=10 spectral_mode=sliding", range,
            "spectral_block is 8, must be in 1 ... 7");
    refuses("dim=70 height=7 width=10 spectral_mode=sliding spectral_block=7", COVSAMP_OK, NULL);
    refuses("dim=7 width=7 spectral_mode=sliding", range, "1 ... 7");
    refuses("dim=4194304 width=4194304 spectral_mode=sliding spectral_block=4096", range, "2^33");
    refuses("dim=70 height=7 width=10 spectral_mode=sliding spectral_block=7 noise=ask",
            COVSAMP_E_UNSUPPORTED, "noise is ask, must be philox-1");
    refuses("dim=65 channels=65 spectral_colour=1", range, "channels is 65, must be at most 64");
    refuses("dim=64 channels=64 spectral_colour=1", COVSAMP_OK, NULL);
    refuses("dim=46341 width=46341", range, "width is 46341, must be at most 46340");
    refuses("dim=46341 height=46341", range, "height is 46341");
    refuses("dim=64 covariance=krylov spectral_mode=sliding", COVSAMP_OK, NULL); /* not in use */
    refuses("dim=64 covariance=none solver=heun", COVSAMP_OK, NULL);
}

int main(void)
{
    schedule = linear_schedule();
    test_guard_and_reuse();
    test_sliding_colours();
    test_batches();
    test_bad_input();
    covsamp_schedule_free(schedule);
    return check_done();
}
