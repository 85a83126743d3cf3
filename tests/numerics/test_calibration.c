/* SPDX-License-Identifier: BSD-3-Clause */
/* A calibration of exact networks: error, noise and trace are what they must be, within 4 standard
 * errors; nothing depends on the batch, on how products are asked for, or on who owns the loop. */
#include "check.h"

#include <covsamp/covsamp.h>

#include "diagnostic/mixture.h"

#include <stdlib.h>

#define DIM     6
#define SAMPLES 3000
#define LEVELS  1000

static const int64_t levels[] = {1000, 800, 600, 400, 250, 150, 80, 30, 8, 1};
#define COUNT 10

static double data[SAMPLES * DIM];

typedef struct {
    covsamp_mixture *mixture;
    covsamp_schedule *schedule;
    covsamp_config *config;
    covsamp_model model;
    double weight[3], mean[3][DIM], variance[3][DIM];
    int components;
} world;

static void draw_data(const world *w)
{
    double z[DIM + 2];
    for (int k = 0; k < SAMPLES; k++) {
        covsamp_noise_normal(77, k, COVSAMP_STREAM_USER, 0, 0, DIM + 2, z);
        double u = 0.5 * erfc(-z[DIM] / sqrt(2.0)), sum = 0;
        int c = 0;
        for (sum = w->weight[0]; c + 1 < w->components && u > sum; sum += w->weight[++c])
            ;
        for (int i = 0; i < DIM; i++)
            data[k * DIM + i] = w->mean[c][i] + sqrt(w->variance[c][i]) * z[i];
    }
}

static world *new_world(int components, int32_t prediction)
{
    static const double weights[3] = {0.5, 0.3, 0.2};
    world *w = calloc(1, sizeof *w);
    double *s = calloc(3 * DIM * DIM, sizeof *s), total = 0;
    w->components = components;
    for (int c = 0; c < components; c++)
        total += weights[c];
    for (int c = 0; c < components; c++) {
        w->weight[c] = weights[c] / total;
        for (int i = 0; i < DIM; i++) {
            w->mean[c][i] = components == 1 ? 0.3 : 0.8 * ((c * 5 + i * 2) % 4 - 1.5);
            w->variance[c][i] = 0.02 * (1 + (i * 3 + c) % 7);
            s[(c * DIM + i) * DIM + i] = w->variance[c][i];
        }
    }
    CHECK(covsamp_mixture_new(&w->mixture, DIM, components, w->weight, w->mean[0], s, prediction,
                              NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp_schedule_new_linear(&w->schedule, LEVELS, 1e-4, 0.02, NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp_config_new(&w->config, NULL) == COVSAMP_OK);
    covsamp_config_set_int(w->config, COVSAMP_BATCH, 64);
    covsamp_config_set_int(w->config, COVSAMP_DIM, DIM);
    covsamp_config_set_int(w->config, COVSAMP_DTYPE, COVSAMP_F64);
    covsamp_config_set_int(w->config, COVSAMP_PREDICTION, prediction);
    covsamp_config_set_int(w->config, COVSAMP_SEED, 5);
    CHECK(covsamp_config_set_schedule(w->config, w->schedule, levels, COUNT) == COVSAMP_OK);
    w->model.size = sizeof w->model;
    CHECK(covsamp_mixture_model(w->mixture, &w->model) == COVSAMP_OK);
    draw_data(w);
    free(s);
    return w;
}

static void free_world(world *w)
{
    covsamp_mixture_free(w->mixture);
    covsamp_schedule_free(w->schedule);
    covsamp_config_free(w->config);
    free(w);
}

static void measure(world *w, int32_t products, int64_t samples, covsamp_calibration_level *rows)
{
    covsamp_calibration *c = NULL;
    CHECK(covsamp_calibration_new(&c, w->config, NULL, 0, products) == COVSAMP_OK);
    CHECK(covsamp_calibration_run(c, &w->model, data, DIM, samples) == COVSAMP_DONE);
    for (int i = 0; i < COUNT; i++) {
        rows[i].size = sizeof rows[i];
        CHECK(covsamp_calibration_row(c, i, &rows[i]) == COVSAMP_OK);
        CHECK(rows[i].level == levels[i] && rows[i].samples == samples);
    }
    covsamp_calibration_free(c);
}

/* C = s sigma^2 / (alpha^2 s + sigma^2) and e = sigma (x - alpha m) / (alpha^2 s + sigma^2),
 * element by element. */
static void gaussian(int32_t prediction)
{
    covsamp_calibration_level rows[COUNT];
    world *w = new_world(1, prediction);
    measure(w, 1, SAMPLES, rows);
    for (int i = 0; i < COUNT; i++) {
        const covsamp_calibration_level *r = &rows[i];
        const double a2 = r->alpha * r->alpha, s2 = r->sigma * r->sigma;
        double error = 0, noise = 0;
        for (int k = 0; k < DIM; k++) {
            const double v = a2 * w->variance[0][k] + s2;
            error += w->variance[0][k] * s2 / v / DIM;
            noise += s2 / v / DIM;
        }
        CHECK_NEAR(r->error, error, 4 * r->error_deviation);
        CHECK_NEAR(r->noise, noise, 4 * r->noise_deviation);
        CHECK_CLOSE(r->trace, error, 1e-8); /* C is the same everywhere, and diagonal: no error */
        CHECK_NEAR(r->analytic, error, 4 * r->noise_deviation * s2 / a2);
        CHECK(r->asymmetry < 1e-7);
        /* the drawn noise is nearly all of the predicted one: a control variate takes it out */
        CHECK(r->level < 1000 || r->noise_deviation < 0.02 * sqrt(2.0 / DIM / SAMPLES));
        CHECK(r->error_deviation > 0 && r->error_deviation < 0.05 * error);
    }
    free_world(w);
}

/* E[trace C] / dim and E|e|^2 / dim over other draws of x, by the exact posterior. */
static void exact(world *w, const covsamp_calibration_level *r, double *error, double *se,
                  double *noise)
{
    double z[DIM], x[DIM], m[DIM], cov[DIM * DIM], sum = 0, square = 0;
    *noise = 0;
    for (int k = 0; k < SAMPLES; k++) {
        double trace = 0;
        covsamp_noise_normal(99, k, COVSAMP_STREAM_USER, 1, 0, DIM, z);
        for (int i = 0; i < DIM; i++)
            x[i] = r->alpha * data[k * DIM + i] + r->sigma * z[i];
        covsamp__mixture_posterior(w->mixture, r->alpha, r->sigma, x, m, cov, NULL);
        for (int i = 0; i < DIM; i++) {
            const double e = (x[i] - r->alpha * m[i]) / r->sigma;
            trace += cov[i * DIM + i] / DIM;
            *noise += e * e / DIM / SAMPLES;
        }
        sum += trace;
        square += trace * trace;
    }
    *error = sum / SAMPLES;
    *se = sqrt(fmax(square / SAMPLES - *error * *error, 0) / SAMPLES);
}

static void mixture(void)
{
    covsamp_calibration_level rows[COUNT];
    world *w = new_world(3, COVSAMP_PREDICTS_NOISE);
    measure(w, 1, SAMPLES, rows);
    for (int i = 0; i < COUNT; i++) {
        const covsamp_calibration_level *r = &rows[i];
        const double snr = r->alpha * r->alpha / (r->sigma * r->sigma);
        double error, se, noise;
        exact(w, r, &error, &se, &noise);
        CHECK_NEAR(r->error, error, 4 * hypot(r->error_deviation, se) + 1e-12);
        CHECK_NEAR(r->trace, error, 4 * hypot(r->trace_deviation, se) + 1e-9 * error);
        CHECK_NEAR(r->noise, noise,
                   4 * noise * sqrt(2.0 / DIM / SAMPLES)); /* |e|^2 is chi-square */
        /* trace = error and noise = 1 - SNR error in expectation (Bao et al. 2022) */
        CHECK_NEAR(r->trace, r->error, 4 * hypot(r->trace_deviation, r->error_deviation) + 1e-12);
        CHECK_NEAR(r->noise, 1 - snr * r->error,
                   4 * hypot(r->noise_deviation, snr * r->error_deviation));
        CHECK(r->asymmetry < 1e-6);
    }
    free_world(w);
}

/* What a network that is not the gradient of anything shows. */
static int32_t skewed(void *user, const covsamp_request *q)
{
    (void)user;
    const double *x = q->x, *v = q->v;
    double *mean = q->mean, *product = q->product;
    for (int64_t b = 0; b < q->batch; b++) {
        for (int i = 0; mean != NULL && i < DIM; i++)
            mean[b * q->stride + i] =
                x[b * q->stride + i] + (i % 2 ? -1 : 1) * 0.5 * x[b * q->stride + (i ^ 1)];
        for (int64_t k = 0; product != NULL && k < q->tangents; k++)
            for (int i = 0; i < DIM; i++) {
                const int64_t at = k * q->tangent_stride + b * q->stride;
                product[at + i] = v[at + i] + (i % 2 ? -1 : 1) * 0.5 * v[at + (i ^ 1)];
            }
    }
    return 0;
}

static void asymmetric(void)
{
    covsamp_calibration_level rows[COUNT];
    world *w = new_world(1, COVSAMP_PREDICTS_X0);
    w->model.mean = w->model.jvp = w->model.mean_jvp = skewed;
    measure(w, 1, SAMPLES, rows);
    for (int i = 0; i < COUNT; i++) { /* |C - C^T| / |C + C^T| = 0.5 */
        CHECK_NEAR(rows[i].asymmetry, 0.5, 0.03);
        CHECK_CLOSE(rows[i].trace, rows[i].sigma * rows[i].sigma / rows[i].alpha, 1e-12);
    }
    free_world(w);
}

static int same(const covsamp_calibration_level *a, const covsamp_calibration_level *b)
{
    return memcmp(a, b, COUNT * sizeof *a) == 0;
}

static void by_hand(world *w, covsamp_calibration_level *rows)
{
    const covsamp_request *q;
    covsamp_calibration *c = NULL;
    int64_t seen = 0;
    CHECK(covsamp_calibration_new(&c, w->config, levels, COUNT, 1) == COVSAMP_OK);
    for (int64_t n = 1; seen<100; seen += n, n = seen + n + 1> 100 ? 100 - seen : n + 1) {
        CHECK(covsamp_calibration_data(c, data + seen * DIM, DIM, n) == COVSAMP_OK);
        while (covsamp_calibration_ask(c, &q) == COVSAMP_OK) {
            CHECK(q->batch == n && q->first_sample == seen && q->head == NULL);
            CHECK(covsamp_calibration_tell(c, covsamp_mixture_answer(w->mixture, q)) == COVSAMP_OK);
        }
    }
    CHECK(seen == 100);
    for (int i = 0; i < COUNT; i++) {
        rows[i].size = sizeof rows[i];
        CHECK(covsamp_calibration_row(c, i, &rows[i]) == COVSAMP_OK);
    }
    covsamp_calibration_free(c);
}

static void same_bits(void)
{
    covsamp_calibration_level rows[COUNT], other[COUNT];
    world *w = new_world(3, COVSAMP_PREDICTS_V);
    measure(w, 1, 100, rows);
    covsamp_config_set_int(w->config, COVSAMP_BATCH, 7);
    measure(w, 1, 100, other);
    CHECK(same(rows, other));
    covsamp_config_set_int(w->config, COVSAMP_TANGENTS, 5);
    measure(w, 1, 100, other);
    CHECK(same(rows, other));
    covsamp_config_set_int(w->config, COVSAMP_MEAN_JVP, 0);
    measure(w, 1, 100, other);
    CHECK(same(rows, other));
    w->model.mean_jvp = NULL;
    covsamp_config_set_int(w->config, COVSAMP_MEAN_JVP, 1);
    measure(w, 1, 100, other);
    CHECK(same(rows, other));
    covsamp_config_set_int(w->config, COVSAMP_BATCH, 100);
    by_hand(w, other);
    CHECK(same(rows, other));
    covsamp_config_set_int(w->config, COVSAMP_SEED, 6);
    measure(w, 1, 100, other);
    CHECK(!same(rows, other));
    free_world(w);
}

/* x = alpha x0 + sigma e with the e that covsamp.h promises: stream, step = level. */
static int32_t sees_noise(void *user, const covsamp_request *q)
{
    double e[DIM];
    (void)user;
    for (int64_t b = 0; q->mean != NULL && b < q->batch; b++) {
        const int64_t sample = q->first_sample + b;
        CHECK(covsamp_noise_normal(q->seed, sample, COVSAMP_STREAM_CALIBRATION, q->level, 0, DIM,
                                   e) == COVSAMP_OK);
        for (int i = 0; i < DIM; i++)
            CHECK_NEAR(((const double *)q->x)[b * q->stride + i],
                       q->alpha * data[(sample - 3) * DIM + i] + q->sigma * e[i], 1e-14);
        memset((double *)q->mean + b * q->stride, 0, sizeof e);
    }
    return 0;
}

static void promised_noise(void)
{
    covsamp_calibration_level rows[COUNT];
    world *w = new_world(1, COVSAMP_PREDICTS_X0);
    w->model.mean = sees_noise;
    covsamp_config_set_int(w->config, COVSAMP_FIRST_SAMPLE, 3);
    measure(w, 0, 70, rows);
    free_world(w);
}

static void tables(void)
{
    covsamp_calibration *c = NULL;
    covsamp_calibration_level rows[COUNT];
    double noise[LEVELS], error[LEVELS], direct[LEVELS], a, s;
    world *w = new_world(3, COVSAMP_PREDICTS_NOISE);
    measure(w, 0, 500, rows);
    CHECK(isnan(rows[0].trace) && isnan(rows[0].asymmetry) && rows[0].error > 0);
    CHECK(covsamp_analytic_estimate(w->config, &w->model, data, DIM, 500, direct, LEVELS) ==
          COVSAMP_OK);
    CHECK(covsamp_calibration_new(&c, w->config, NULL, 0, 0) == COVSAMP_OK);
    CHECK(covsamp_calibration_run(c, &w->model, data, DIM, 500) == COVSAMP_DONE);
    CHECK(covsamp_calibration_table(c, COVSAMP_TABLE_NOISE, noise, LEVELS) == COVSAMP_OK);
    CHECK(covsamp_calibration_table(c, COVSAMP_TABLE_X0_ERROR, error, LEVELS) == COVSAMP_OK);
    CHECK(memcmp(noise, direct, sizeof noise) == 0);
    for (int i = 0; i < COUNT; i++)
        CHECK(noise[levels[i] - 1] == rows[i].noise && error[levels[i] - 1] == rows[i].error);
    for (int i = 0; i + 1 < COUNT;
         i++) { /* geometric in log SNR: the analytic variance and the error */
        const double top = log(rows[i].alpha / rows[i].sigma);
        const double low = log(rows[i + 1].alpha / rows[i + 1].sigma);
        for (int64_t n = levels[i + 1] + 1; n < levels[i]; n++) {
            covsamp_schedule_at(w->schedule, (double)n, &a, &s, NULL);
            const double t = (log(a / s) - low) / (top - low), snr = a * a / (s * s);
            const double v = pow(rows[i + 1].analytic, 1 - t) * pow(rows[i].analytic, t);
            CHECK(rows[i].analytic > 0 && rows[i + 1].analytic > 0);
            CHECK_CLOSE(1 - noise[n - 1], v * snr, 1e-9);
            CHECK_CLOSE(error[n - 1], pow(rows[i + 1].error, 1 - t) * pow(rows[i].error, t), 1e-12);
        }
    }
    CHECK(covsamp_config_set_table(w->config, COVSAMP_TABLE_NOISE, noise, LEVELS) == COVSAMP_OK);
    covsamp_calibration_free(c);
    free_world(w);
}

int main(void)
{
    for (int32_t p = COVSAMP_PREDICTS_NOISE; p <= COVSAMP_PREDICTS_FLOW; p++)
        gaussian(p);
    mixture();
    asymmetric();
    same_bits();
    promised_noise();
    tables();
    return check_done();
}
