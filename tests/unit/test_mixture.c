/* SPDX-License-Identifier: BSD-3-Clause */
/* The mixture as a model: ends of the process, precision near them, types, batches, many
 * dimensions, bad input.  That its numbers are the right ones is for O1 and O7. */
#include "check.h"

#include "diagnostic/mixture.h"
#include "numeric/rng.h"
#include "process/process.h"

#include <stdlib.h>

static char message[COVSAMP_MESSAGE_BYTES];

static const double w2[] = {.3, .7}, m2[] = {-1., .5, .8, -.2};
static const double c2[] = {.3, .1, .1, .2, .15, -.05, -.05, .4};

static covsamp_mixture *mixture(int32_t prediction)
{
    covsamp_mixture *m = NULL;
    CHECK(covsamp_mixture_new(&m, 2, 2, w2, m2, c2, prediction, NULL, message) == COVSAMP_OK);
    CHECK(strcmp(message, "") == 0);
    return m;
}

static covsamp_request request(double alpha, double sigma, const double *x, const double *v,
                               double *mean, double *product)
{
    covsamp_request q = {.size = sizeof q,
                         .kind = COVSAMP_ASK_MEAN_JVP,
                         .dtype = COVSAMP_F64,
                         .batch = 1,
                         .dim = 2,
                         .stride = 2,
                         .tangents = 1,
                         .tangent_stride = 2,
                         .alpha = alpha,
                         .sigma = sigma,
                         .x = x,
                         .v = v,
                         .mean = mean,
                         .product = product};
    return q;
}

/* ---- the ends -------------------------------------------------------------------------------- */

static void at_data_and_noise(void)
{
    const double x[2] = {.3, -.4}, v[2] = {1, 2};
    double f[2], j[2];
    covsamp_mixture *x0 = mixture(COVSAMP_PREDICTS_X0), *vel = mixture(COVSAMP_PREDICTS_V);
    covsamp_mixture *flow = mixture(COVSAMP_PREDICTS_FLOW);
    covsamp_mixture *noise = mixture(COVSAMP_PREDICTS_NOISE);
    covsamp_request data = request(1, 0, x, v, f, j), end = request(0, 1, x, v, f, j);
    CHECK(covsamp_mixture_answer(x0, &data) == 0);
    CHECK(f[0] == .3 && f[1] == -.4 && j[0] == 1 && j[1] == 2);
    CHECK(covsamp_mixture_answer(vel, &data) == 0);
    CHECK(f[0] == 0 && f[1] == 0 && j[0] == 0 && j[1] == 0);
    CHECK(covsamp_mixture_answer(flow, &data) == 0);
    CHECK(f[0] == -.3 && f[1] == .4 && j[0] == -1 && j[1] == -2);
    CHECK(covsamp_mixture_answer(x0, &end) == 0); /* the mean of the data, whatever x is */
    CHECK_NEAR(f[0], .3 * -1 + .7 * .8, 1e-15);
    CHECK_NEAR(f[1], .3 * .5 + .7 * -.2, 1e-15);
    CHECK(j[0] == 0 && j[1] == 0);
    CHECK(covsamp_mixture_answer(flow, &end) == 0);
    CHECK_NEAR(f[0], .3 - .26, 1e-15);
    CHECK(j[0] == 1 && j[1] == 2);
    CHECK(covsamp_mixture_answer(noise, &data) == COVSAMP_E_UNSUPPORTED);
    CHECK(covsamp_mixture_answer(noise, &end) == COVSAMP_E_UNSUPPORTED);
    covsamp_mixture_free(x0);
    covsamp_mixture_free(vel);
    covsamp_mixture_free(flow);
    covsamp_mixture_free(noise);
}

/* One Gaussian has closed forms; sigma and alpha down to where squares of them are lost. */
static void tiny_levels(void)
{
    const double one = 1, mean = 2, variance = 4, v = 1;
    const double levels[][2] = {{1, 1e-3},  {1, 1e-9}, {1, 1e-30}, {1, 1e-200}, {1e-9, 1},
                                {1e-30, 1}, {.6, .8},  {1, 80},    {.8, .6}};
    for (int32_t p = COVSAMP_PREDICTS_NOISE; p <= COVSAMP_PREDICTS_FLOW; p++) {
        covsamp_mixture *m = NULL;
        CHECK(covsamp_mixture_new(&m, 1, 1, &one, &mean, &variance, p, NULL, NULL) == COVSAMP_OK);
        for (int l = 0; l < 9; l++) {
            double a = levels[l][0], s = levels[l][1], x = 1.5, f, j;
            double total = a * a * variance + s * s, away = x - a * mean;
            double x0 = mean + a * variance * away / total, e = s * away / total;
            double j0 = a * variance / total, je = s / total;
            const double want[] = {e, x0, a * e - s * x0, -e / s, e - x0};
            const double slope[] = {je, j0, a * je - s * j0, -je / s, je - j0};
            covsamp_request q = request(a, s, &x, &v, &f, &j);
            q.dim = 1;
            if (s < 1e-100 && p == COVSAMP_PREDICTS_SCORE)
                continue; /* s^2 is 0: the level is data to the mixture */
            CHECK(covsamp_mixture_answer(m, &q) == 0);
            CHECK_NEAR(f, want[p - 1], 1e-14 * fabs(want[p - 1]) + 1e-190);
            CHECK_NEAR(j, slope[p - 1], 1e-14 * fabs(slope[p - 1]) + 1e-190);
        }
        covsamp_mixture_free(m);
    }
}

/* ---- batches --------------------------------------------------------------------------------- */

#define DIM      37
#define BATCH    5
#define TANGENTS 3

static covsamp_mixture *random_mixture(int64_t dim, int64_t components, int64_t rank,
                                       int32_t prediction)
{
    covsamp_mixture *m = NULL;
    const size_t d = (size_t)dim, k = (size_t)components;
    double *w = malloc(k * sizeof *w), *means = malloc(k * d * sizeof *means);
    double *s = calloc(k * d * d, sizeof *s), *f = malloc((size_t)rank * d * sizeof *f);
    covsamp__normals(1, 0, 200, 0, 0, dim * components, means);
    for (size_t c = 0; c < k; c++) {
        w[c] = 1.0 + (double)c;
        covsamp__normals(1, 1 + (int64_t)c, 200, 0, 0, rank * dim, f);
        for (size_t i = 0; i < d; i++)
            for (size_t j = 0; j <= i; j++) {
                double sum = i == j ? 0.01 : 0.0;
                for (size_t r = 0; r < (size_t)rank; r++)
                    sum += f[r * d + i] * f[r * d + j] / (double)rank;
                s[(c * d + i) * d + j] = s[(c * d + j) * d + i] = sum;
            }
    }
    CHECK(covsamp_mixture_new(&m, dim, components, w, means, s, prediction, NULL, message) ==
          COVSAMP_OK);
    free(w);
    free(means);
    free(s);
    free(f);
    return m;
}

/* Mean alone, products alone, both, one sample or all: the same bits; float is double rounded. */
static void batches(void)
{
    enum { STRIDE = DIM + 3, ROOM = TANGENTS * BATCH * STRIDE };
    static double x[ROOM], v[ROOM], mean[ROOM], product[ROOM], mean1[ROOM], product1[ROOM];
    static float x32[ROOM], v32[ROOM], mean32[ROOM], product32[ROOM];
    covsamp_mixture *m = random_mixture(DIM, 4, 5, COVSAMP_PREDICTS_NOISE);
    covsamp__normals(2, 0, 200, 0, 0, ROOM, x);
    covsamp__normals(3, 0, 200, 0, 0, ROOM, v);
    for (int i = 0; i < ROOM; i++) {
        x[i] = x32[i] = (float)x[i];
        v[i] = v32[i] = (float)v[i];
    }
    covsamp_request q = request(.8, .6, x, v, mean, product);
    q.batch = BATCH;
    q.dim = DIM;
    q.stride = STRIDE;
    q.tangents = TANGENTS;
    q.tangent_stride = BATCH * STRIDE;
    CHECK(covsamp_mixture_answer(m, &q) == 0);
    q.dtype = COVSAMP_F32;
    q.x = x32, q.v = v32, q.mean = mean32, q.product = product32;
    CHECK(covsamp_mixture_answer(m, &q) == 0);
    int same = 1, rounds = 1;
    for (int b = BATCH - 1; b >= 0; b--) {
        covsamp_request one = request(.8, .6, x + b * STRIDE, NULL, mean1 + b * STRIDE, NULL);
        one.kind = COVSAMP_ASK_MEAN;
        one.dim = DIM;
        CHECK(covsamp_mixture_answer(m, &one) == 0);
        one.kind = COVSAMP_ASK_JVP;
        one.mean = NULL;
        for (int t = 0; t < TANGENTS; t++) {
            const int at = (t * BATCH + b) * STRIDE;
            one.v = v + at;
            one.product = product1 + at;
            CHECK(covsamp_mixture_answer(m, &one) == 0);
            same &= memcmp(product1 + at, product + at, DIM * sizeof *product) == 0;
            for (int i = 0; i < DIM; i++)
                rounds &= product32[at + i] == (float)product[at + i];
        }
        same &= memcmp(mean1 + b * STRIDE, mean + b * STRIDE, DIM * sizeof *mean) == 0;
        for (int i = 0; i < DIM; i++)
            rounds &= mean32[b * STRIDE + i] == (float)mean[b * STRIDE + i];
    }
    CHECK(same);
    CHECK(rounds);
    CHECK(mean[DIM] == 0 && product[DIM] == 0); /* between samples nothing is written */
    covsamp_mixture_free(m);
}

/* 784 dimensions: the covariance from products and the mean's finite difference agree. */
static void many_dimensions(void)
{
    enum { BIG = 784 };
    static double x[BIG], v[BIG], up[BIG], down[BIG], product[BIG], unused[BIG];
    covsamp_mixture *m = random_mixture(BIG, 3, 8, COVSAMP_PREDICTS_X0);
    covsamp__normals(4, 0, 200, 0, 0, BIG, x);
    covsamp__normals(5, 0, 200, 0, 0, BIG, v);
    covsamp_request q = request(.7, .71, x, v, unused, product);
    q.dim = q.stride = q.tangent_stride = BIG;
    CHECK(covsamp_mixture_answer(m, &q) == 0);
    q.kind = COVSAMP_ASK_MEAN;
    double off = 0.0, size = 0.0;
    for (int i = 0; i < BIG; i++)
        x[i] += 1e-5 * v[i];
    q.mean = up;
    CHECK(covsamp_mixture_answer(m, &q) == 0);
    for (int i = 0; i < BIG; i++)
        x[i] -= 2e-5 * v[i];
    q.mean = down;
    CHECK(covsamp_mixture_answer(m, &q) == 0);
    for (int i = 0; i < BIG; i++) {
        off = fmax(off, fabs((up[i] - down[i]) / 2e-5 - product[i]));
        size = fmax(size, fabs(product[i]));
    }
    CHECK(off < 1e-7 * size && size > 0.01);
    covsamp_mixture_free(m);
}

/* ---- bad input ------------------------------------------------------------------------------- */

static covsamp_status make(double weight, double mean, double c00, double c01, double c10,
                           double c11)
{
    const double w[] = {1, weight}, m[] = {0, 0, 0, mean}, c[] = {1, 0, 0, 1, c00, c01, c10, c11};
    covsamp_mixture *out = NULL;
    covsamp_status status =
        covsamp_mixture_new(&out, 2, 2, w, m, c, COVSAMP_PREDICTS_V, NULL, message);
    CHECK((out == NULL) == (status != COVSAMP_OK));
    covsamp_mixture_free(out);
    return status;
}

static void bad_mixtures(void)
{
    const double nan = (double)NAN, inf = (double)INFINITY;
    covsamp_mixture *m = NULL;
    CHECK(make(1, 0, 1, .5, .5, 1) == COVSAMP_OK);
    CHECK(make(1, 0, 0, 0, 0, 0) == COVSAMP_OK); /* a point */
    CHECK(make(1, 0, 1, 1, 1, 1) == COVSAMP_OK); /* a line */
    CHECK(make(1e300, 1e10, 1, .5, .5 + 1e-12, 1) == COVSAMP_OK);
    CHECK(make(0, 0, 1, 0, 0, 1) == COVSAMP_E_RANGE);
    CHECK_TEXT(message, "covsamp_mixture_new: weights[1] is 0, must be positive and finite");
    CHECK(make(nan, 0, 1, 0, 0, 1) == COVSAMP_E_RANGE);
    CHECK(make(inf, 0, 1, 0, 0, 1) == COVSAMP_E_RANGE);
    CHECK(make(1, nan, 1, 0, 0, 1) == COVSAMP_E_RANGE);
    CHECK_TEXT(message, "means[3] is nan");
    CHECK(make(1, 0, 1, 0, inf, 1) == COVSAMP_E_RANGE);
    CHECK_TEXT(message, "covariances[6] is inf");
    CHECK(make(1, 0, 1, .5, .4, 1) == COVSAMP_E_RANGE);
    CHECK_TEXT(message, "covariances[1] is not symmetric at row 1, column 0");
    CHECK(make(1, 0, 1, 2, 2, 1) == COVSAMP_E_RANGE);
    CHECK_TEXT(message, "covariances[1] has eigenvalues from -1 to 3, must be positive semidef");
    CHECK(make(1, 0, -1, 0, 0, -1) == COVSAMP_E_RANGE);
    CHECK(covsamp_mixture_new(&m, 0, 2, w2, m2, c2, 1, NULL, message) == COVSAMP_E_RANGE);
    CHECK_TEXT(message, "dim is 0, must be in [1, 46340]");
    CHECK(covsamp_mixture_new(&m, 46341, 2, w2, m2, c2, 1, NULL, message) == COVSAMP_E_RANGE);
    CHECK(covsamp_mixture_new(&m, 2, 0, w2, m2, c2, 1, NULL, message) == COVSAMP_E_RANGE);
    CHECK(covsamp_mixture_new(&m, 2, INT64_MAX, w2, m2, c2, 1, NULL, message) == COVSAMP_E_RANGE);
    CHECK(covsamp_mixture_new(&m, 2, 2, w2, m2, c2, 0, NULL, message) == COVSAMP_E_RANGE);
    CHECK_TEXT(message, "prediction is 0");
    CHECK(covsamp_mixture_new(&m, 2, 2, w2, m2, c2, 7, NULL, message) == COVSAMP_E_RANGE);
    CHECK(covsamp_mixture_new(&m, 2, 2, w2, m2, c2, 6, NULL, message) == COVSAMP_E_UNSUPPORTED);
    CHECK_TEXT(message, "reverse");
    CHECK(covsamp_mixture_new(NULL, 2, 2, w2, m2, c2, 1, NULL, message) == COVSAMP_E_NULL);
    CHECK_TEXT(message, "out is NULL");
    CHECK(covsamp_mixture_new(&m, 2, 2, NULL, m2, c2, 1, NULL, message) == COVSAMP_E_NULL);
    CHECK_TEXT(message, "weights is NULL");
    CHECK(covsamp_mixture_new(&m, 2, 2, w2, NULL, c2, 1, NULL, message) == COVSAMP_E_NULL);
    CHECK(covsamp_mixture_new(&m, 2, 2, w2, m2, NULL, 1, NULL, message) == COVSAMP_E_NULL);
    CHECK_TEXT(message, "covariances is NULL");
    CHECK(m == NULL);
    covsamp_mixture_free(NULL);
}

static void bad_requests(void)
{
    const double x[2] = {0}, v[2] = {0};
    double f[2] = {5, 5}, j[2] = {5, 5};
    covsamp_mixture *m = mixture(COVSAMP_PREDICTS_SCORE);
    const covsamp_request good = request(.6, .8, x, v, f, j);
    covsamp_request q = good;
    CHECK(covsamp_mixture_answer(NULL, &q) == COVSAMP_E_NULL);
    CHECK(covsamp_mixture_answer(m, NULL) == COVSAMP_E_NULL);
    q.dim = 3;
    CHECK(covsamp_mixture_answer(m, &q) == COVSAMP_E_RANGE);
    q = good, q.dtype = 0;
    CHECK(covsamp_mixture_answer(m, &q) == COVSAMP_E_RANGE);
    q = good, q.kind = COVSAMP_ASK_NOISE;
    CHECK(covsamp_mixture_answer(m, &q) == COVSAMP_E_UNSUPPORTED);
    q = good, q.x = NULL;
    CHECK(covsamp_mixture_answer(m, &q) == COVSAMP_E_NULL);
    q = good, q.mean = NULL;
    CHECK(covsamp_mixture_answer(m, &q) == COVSAMP_E_NULL);
    q = good, q.v = NULL;
    CHECK(covsamp_mixture_answer(m, &q) == COVSAMP_E_NULL);
    q = good, q.product = NULL;
    CHECK(covsamp_mixture_answer(m, &q) == COVSAMP_E_NULL);
    const double bad[][2] = {{0, 0}, {-1, 1}, {1, -1}, {(double)NAN, 1}, {1, (double)INFINITY}};
    for (int i = 0; i < 5; i++) {
        q = good, q.alpha = bad[i][0], q.sigma = bad[i][1];
        CHECK(covsamp_mixture_answer(m, &q) == COVSAMP_E_RANGE);
    }
    CHECK(f[0] == 5 && j[1] == 5); /* nothing was written */
    q = good, q.batch = 0;
    CHECK(covsamp_mixture_answer(m, &q) == 0 && f[0] == 5);
    covsamp_model model = {.size = sizeof model, .noise_user = m};
    CHECK(covsamp_mixture_model(m, &model) == COVSAMP_OK);
    CHECK(model.mean == covsamp_mixture_answer && model.jvp == covsamp_mixture_answer);
    CHECK(model.mean_jvp == covsamp_mixture_answer && model.model_user == m);
    CHECK(model.noise_user == m && model.noise == NULL && model.progress == NULL);
    model.size = 8;
    CHECK(covsamp_mixture_model(m, &model) == COVSAMP_E_STRUCT_SIZE);
    CHECK(covsamp_mixture_model(NULL, &model) == COVSAMP_E_NULL);
    CHECK(covsamp_mixture_model(m, NULL) == COVSAMP_E_NULL);
    covsamp_mixture_free(m);
}

int main(void)
{
    at_data_and_noise();
    tiny_levels();
    batches();
    many_dimensions();
    bad_mixtures();
    bad_requests();
    return check_done();
}
