/* SPDX-License-Identifier: BSD-3-Clause */
/* The spaces that posterior modes come from: when they stop, when they close early, and that a
 * sample is computed as if alone, whoever owns the loop. */
#include "check.h"
#include "gaussian.h"

#include <stdlib.h>

enum { D = 150, BATCH = 4, LEVEL = 400 };

static covsamp_schedule *schedule;
static double axes[D * D], variance[D], zero[D], x[BATCH * D], alpha, sigma;
static gaussian data = {D, axes, variance, zero};

static covsamp_config *new_config(int64_t batch, int64_t dim, double tolerance)
{
    const int64_t any[1] = {1000};
    covsamp_config *c = NULL;
    CHECK(covsamp_config_new(&c, NULL) == COVSAMP_OK);
    covsamp_config_set_int(c, COVSAMP_BATCH, batch);
    covsamp_config_set_int(c, COVSAMP_DIM, dim);
    covsamp_config_set_int(c, COVSAMP_DTYPE, COVSAMP_F64);
    covsamp_config_set_int(c, COVSAMP_PREDICTION, COVSAMP_PREDICTS_X0);
    covsamp_config_set_int(c, COVSAMP_SYMMETRISE, COVSAMP_SYMMETRISE_PROJECT);
    covsamp_config_set_int(c, COVSAMP_SEED, 9);
    covsamp_config_set_int(c, COVSAMP_FIRST_SAMPLE, 70);
    if (tolerance > 0)
        covsamp_config_set_real(c, COVSAMP_TOLERANCE, tolerance);
    CHECK(covsamp_config_set_schedule(c, schedule, any, 1) == COVSAMP_OK);
    return c;
}

static covsamp_posterior_modes *modes_of(covsamp_config *c, int64_t count)
{
    covsamp_posterior_modes *m = NULL;
    if (!CHECK(covsamp_posterior_modes_new(&m, c, LEVEL, count) == COVSAMP_OK))
        fprintf(stderr, "    %s\n", covsamp_config_message(c));
    covsamp_config_free(c);
    return m;
}

static void run(covsamp_posterior_modes *m, const double *from, int64_t samples)
{
    const covsamp_model model = model_of(gaussian_answer, &data);
    CHECK(covsamp_posterior_modes_data(m, from, D, samples) == COVSAMP_OK);
    CHECK(covsamp_posterior_modes_run(m, &model) == COVSAMP_DONE);
}

/* The variance of the posterior where the data has this one. */
static double posterior(double v)
{
    return v * sigma * sigma / (alpha * alpha * v + sigma * sigma);
}

/* Everything there is to know of a sample, as bits. */
static void bits_of(const covsamp_posterior_modes *m, int64_t sample, int64_t count, double *out)
{
    int64_t products = 0;
    for (int64_t j = 0; j < count; j++) {
        covsamp_mode mode = {.size = sizeof mode};
        CHECK(covsamp_posterior_modes_row(m, sample, j, &mode) == COVSAMP_OK);
        *out++ = mode.value;
        *out++ = mode.residual;
        memcpy(out, mode.vector, D * sizeof *out);
        out += D;
    }
    CHECK(covsamp_posterior_modes_space(m, sample, &products, out) == COVSAMP_OK);
    out[1] = (double)products;
}

#define COUNT 6
#define BITS  (COUNT * (D + 2) + 2)

/* Variances that fall by this factor: the closer it is to 1 the more products modes take. */
static void falling(double factor)
{
    for (int i = 0; i < D; i++)
        variance[i] = 3 * pow(factor, i);
}

/* Tolerances far apart: all modes converge, with more products; never more than are needed. */
static void stops(void)
{
    static const double tolerances[] = {0, 1e-2, 1e-6, 1e-10};
    int64_t before = 0;
    falling(.75);
    for (int t = 0; t < LENGTH(tolerances); t++) {
        const double wanted = tolerances[t] > 0 ? tolerances[t] : 1e-3;
        covsamp_config *c = new_config(BATCH, D, tolerances[t]);
        covsamp_config_set_int(c, COVSAMP_KRYLOV_STEPS, D);
        covsamp_posterior_modes *m = modes_of(c, COUNT);
        int64_t most = 0, products = 0;
        run(m, x, BATCH);
        for (int b = 0; b < BATCH; b++) {
            CHECK(covsamp_posterior_modes_space(m, b, &products, NULL) == COVSAMP_OK);
            most = products > most ? products : most;
            for (int j = 0; j < COUNT; j++) {
                covsamp_mode mode = {.size = sizeof mode};
                CHECK(covsamp_posterior_modes_row(m, b, j, &mode) == COVSAMP_OK);
                CHECK(mode.converged == 1 && mode.residual <= wanted);
                /* the error of a value is quadratic in the residual: Kato, Temple */
                CHECK_NEAR(mode.value, posterior(variance[j]),
                           posterior(variance[0]) * fmax(100 * wanted * wanted, 1e-13));
            }
        }
        CHECK(most >= COUNT && most < D);
        CHECK(t == 0 || t == 1 || most > before);
        before = most;
        covsamp_posterior_modes_free(m);
    }
}

/* The default number of products, and fewer than are needed: modes that say that they are not. */
static void too_few(void)
{
    int64_t products = 0;
    falling(.97);
    covsamp_posterior_modes *m = modes_of(new_config(BATCH, D, 1e-12), 2);
    run(m, x, BATCH);
    for (int b = 0; b < BATCH; b++) {
        covsamp_mode mode = {.size = sizeof mode};
        CHECK(covsamp_posterior_modes_space(m, b, &products, NULL) == COVSAMP_OK);
        CHECK(products == 4 * 2 + 16);
        CHECK(covsamp_posterior_modes_row(m, b, 1, &mode) == COVSAMP_OK);
        CHECK(mode.converged == 0 && mode.residual > 1e-12);
    }
    covsamp_posterior_modes_free(m);
}

/* A batch, its samples alone, batches of another size, and data in two parts. */
static void alone(void)
{
    static double whole[BATCH][BITS], part[BITS];
    falling(.75);
    covsamp_posterior_modes *m = modes_of(new_config(BATCH, D, 1e-4), COUNT);
    run(m, x, BATCH);
    for (int b = 0; b < BATCH; b++)
        bits_of(m, b, COUNT, whole[b]);
    int spread = 0;
    for (int b = 1; b < BATCH; b++)
        spread += whole[b][BITS - 1] != whole[0][BITS - 1];
    CHECK(spread > 0); /* they stop at different times, or this would show little */
    covsamp_posterior_modes_free(m);
    m = modes_of(new_config(BATCH, D, 1e-4), COUNT);
    for (int b = 0; b < BATCH; b += 2) { /* two of four at a time; sample numbers go on */
        run(m, x + b * D, 2);
        for (int i = 0; i < 2; i++) {
            bits_of(m, i, COUNT, part);
            CHECK(memcmp(part, whole[b + i], sizeof part) == 0);
        }
        CHECK(covsamp_posterior_modes_space(m, 2, NULL, NULL) == COVSAMP_E_RANGE);
    }
    covsamp_posterior_modes_free(m);
    m = modes_of(new_config(1, D, 1e-4), COUNT);
    for (int b = 0; b < BATCH; b++) {
        run(m, x + b * D, 1);
        bits_of(m, 0, COUNT, part);
        CHECK(memcmp(part, whole[b], sizeof part) == 0);
    }
    covsamp_posterior_modes_free(m);
}

/* By ask and tell: kinds, places and tangents; the same bits. */
static void by_hand(void)
{
    static double called[BITS], told[BITS];
    const covsamp_request *q = NULL;
    uint64_t point = 0;
    int64_t n = 0;
    falling(.75);
    covsamp_posterior_modes *m = modes_of(new_config(BATCH, D, 1e-4), COUNT);
    run(m, x, BATCH);
    bits_of(m, 3, COUNT, called);
    covsamp_posterior_modes_free(m);
    m = modes_of(new_config(BATCH, D, 1e-4), COUNT);
    CHECK(covsamp_posterior_modes_ask(m, &q) == COVSAMP_DONE && q == NULL);
    CHECK(covsamp_posterior_modes_data(m, x, D, BATCH) == COVSAMP_OK);
    while (covsamp_posterior_modes_ask(m, &q) == COVSAMP_OK) {
        CHECK(q->kind == COVSAMP_ASK_JVP && q->level == LEVEL && q->step == n);
        CHECK(q->tangents == 1 && q->batch == BATCH && q->dim == D && q->stride == D);
        CHECK(q->mean == NULL && q->transposed == NULL && q->product != NULL && q->v != NULL);
        CHECK(q->first_sample == 70 && q->seed == 9 && q->alpha == alpha && q->sigma == sigma);
        CHECK(n == 0 || q->point == point); /* one place for all of them */
        CHECK(memcmp(q->x, x, sizeof x) == 0 && q->steps == 4 * COUNT + 16);
        for (int i = 0; n == 0 && i < BATCH * D; i++) /* random signs, normalised */
            CHECK_NEAR(fabs(((const double *)q->v)[i]), 1 / sqrt(D), 1e-15);
        point = q->point;
        CHECK(gaussian_answer(&data, q) == 0 && covsamp_posterior_modes_tell(m, 0) == COVSAMP_OK);
        n++;
    }
    bits_of(m, 3, COUNT, told);
    CHECK(memcmp(called, told, sizeof told) == 0);
    CHECK(covsamp_posterior_modes_data(m, x, D, 1) == COVSAMP_OK);
    CHECK(covsamp_posterior_modes_ask(m, &q) == COVSAMP_OK && q->point != point);
    CHECK(q->batch == 1 && q->first_sample == 70 + BATCH);
    covsamp_posterior_modes_free(m);
}

/* Data with three variances: the space closes after three products and holds three modes; the one
 * of multiplicity one is exact, the others are one vector of their eigenspaces. */
static void closes(void)
{
    static const double distinct[3] = {2, 1, .01};
    for (int i = 0; i < D; i++)
        variance[i] = i < 1 ? distinct[0] : i < 7 ? distinct[1] : distinct[2];
    covsamp_posterior_modes *m = modes_of(new_config(BATCH, D, 1e-10), COUNT);
    run(m, x, BATCH);
    for (int b = 0; b < BATCH; b++) {
        covsamp_mode mode = {.size = sizeof mode};
        int64_t products = 0;
        CHECK(covsamp_posterior_modes_space(m, b, &products, NULL) == COVSAMP_OK && products == 3);
        for (int j = 0; j < 3; j++) {
            CHECK(covsamp_posterior_modes_row(m, b, j, &mode) == COVSAMP_OK);
            CHECK(mode.converged == 1 && mode.residual < 1e-12);
            CHECK_CLOSE(mode.value, posterior(distinct[j]), 1e-12);
        }
        CHECK(covsamp_posterior_modes_row(m, b, 3, &mode) == COVSAMP_E_RANGE);
        CHECK(covsamp_posterior_modes_row(m, b, 0, &mode) == COVSAMP_OK);
        double sign = 0;
        for (int i = 0; i < D; i++)
            sign += ((const double *)mode.vector)[i] * axes[i];
        CHECK_NEAR(fabs(sign), 1, 1e-12);
    }
    covsamp_posterior_modes_free(m);
}

/* No uncertainty at all: one mode of value 0, which is exact. */
static void nothing(void)
{
    covsamp_mode mode = {.size = sizeof mode};
    memset(variance, 0, sizeof variance);
    covsamp_posterior_modes *m = modes_of(new_config(BATCH, D, 0), 2);
    run(m, x, BATCH);
    CHECK(covsamp_posterior_modes_row(m, 0, 0, &mode) == COVSAMP_OK);
    CHECK(mode.value == 0 && mode.residual == 0 && mode.converged == 1);
    CHECK(covsamp_posterior_modes_row(m, 0, 1, &mode) == COVSAMP_E_RANGE);
    covsamp_posterior_modes_free(m);
}

/* All modes of the whole space: as many products as dimensions, and the bound 4 count + 16 above.
 */
static void all_of_them(void)
{
    for (int i = 0; i < D; i++)
        variance[i] = 1 + .1 * i; /* far apart, so that all are found */
    covsamp_posterior_modes *m = modes_of(new_config(1, D, 1e-8), D);
    run(m, x, 1);
    for (int j = 0; j < D; j++) {
        covsamp_mode mode = {.size = sizeof mode};
        CHECK(covsamp_posterior_modes_row(m, 0, j, &mode) == COVSAMP_OK);
        CHECK(mode.converged == 1);
        CHECK_CLOSE(mode.value, posterior(variance[D - 1 - j]), 1e-10);
    }
    covsamp_posterior_modes_free(m);
}

int main(void)
{
    schedule = linear_schedule();
    orthogonal(31, D, axes);
    normals(32, BATCH * D, x);
    CHECK(covsamp_schedule_at(schedule, LEVEL, &alpha, &sigma, NULL) == COVSAMP_OK);
    stops();
    too_few();
    alone();
    by_hand();
    closes();
    nothing();
    all_of_them();
    covsamp_schedule_free(schedule);
    return check_done();
}
