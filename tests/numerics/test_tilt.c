/* SPDX-License-Identifier: BSD-3-Clause */
/* The exact classifier of a mixture: its gradient against the scores of the two distributions and
 * against differences of an integral, its ends, types and branches; the tilted mixture; bad input.
 */
#include "check.h"
#include "gaussian.h"

#include "diagnostic/mixture.h"

#include <stdlib.h>

static char message[COVSAMP_MESSAGE_BYTES];

static const double weights[] = {.3, .45, .25}, means[] = {-1.2, .6, .9, -.5, .1, -1.1};
static const double covariances[] = {.3,   .1, .1,    .2,  .15, -.05,
                                     -.05, .4, .0625, .05, .05, .04}; /* the last one is singular */
static const double direction[] = {.8, -.5};

static covsamp_mixture *plane(int32_t prediction, double length)
{
    covsamp_mixture *m = NULL;
    const double tilt[2] = {length * direction[0], length * direction[1]};
    CHECK(covsamp_mixture_new(&m, 2, 3, weights, means, covariances, prediction, NULL, message) ==
          COVSAMP_OK);
    CHECK(covsamp_mixture_set_tilt(m, tilt) == COVSAMP_OK);
    return m;
}

static covsamp_request guide(double alpha, double sigma, const double *x, double *gradient)
{
    covsamp_request q = {.size = sizeof q,
                         .kind = COVSAMP_ASK_GUIDE,
                         .dtype = COVSAMP_F64,
                         .batch = 1,
                         .dim = 2,
                         .stride = 2,
                         .alpha = alpha,
                         .sigma = sigma,
                         .x = x,
                         .gradient = gradient};
    return q;
}

static void score_of(covsamp_mixture *m, double alpha, double sigma, const double *x, double *score)
{
    covsamp_request q = guide(alpha, sigma, x, NULL);
    q.kind = COVSAMP_ASK_MEAN;
    q.mean = score;
    CHECK(covsamp_mixture_answer(m, &q) == 0);
}

/* ---- the gradient ---------------------------------------------------------------------------- */

/* q(x | y) ~ q(x) E[exp(a . x0) | x], so that the gradient is a difference of scores.  Their
 * rounding is what differs: up to 1e-16 |x| / sigma^2, where the gradient itself stays of the size
 * of the tilt. */
static void against_scores(void)
{
    static const double points[][2] = {{0, 0}, {-1.3, .4}, {2, 2}, {.7, -3}};
    static const double levels[][2] = {{1, .01}, {.99, .14}, {.8, .6},
                                       {.6, .8}, {.1, .995}, {1, 20}};
    for (int i = 0; i < 4; i++) {
        const double length = i == 0 ? .1 : i == 1 ? 1 : i == 2 ? 10 : 300;
        covsamp_mixture *m = plane(COVSAMP_PREDICTS_SCORE, length), *t = NULL;
        CHECK(covsamp_mixture_tilted(&t, m, COVSAMP_PREDICTS_SCORE, NULL, message) == COVSAMP_OK);
        for (int l = 0; l < LENGTH(levels); l++)
            for (int p = 0; p < LENGTH(points); p++) {
                const double alpha = levels[l][0], sigma = levels[l][1];
                double g[2], own[2], given[2];
                covsamp_request q = guide(alpha, sigma, points[p], g);
                CHECK(covsamp_mixture_answer(m, &q) == 0);
                score_of(m, alpha, sigma, points[p], own);
                score_of(t, alpha, sigma, points[p], given);
                const double size = norm(2, own) + norm(2, given);
                for (int j = 0; j < 2; j++)
                    CHECK_NEAR(g[j], given[j] - own[j], 1e-13 * (1 + size));
            }
        covsamp_mixture_free(m);
        covsamp_mixture_free(t);
    }
}

/* log of the integral of exp(a x0) q(x0) N(x; alpha x0, sigma^2) over x0 on a line; a = 0: q(x). */
static double log_integral(double a, double alpha, double sigma, double x)
{
    static const double w[] = {.4, .6}, m[] = {-1, .8}, v[] = {.09, .0625};
    const int n = 40000;
    double sum = 0;
    for (int i = 0; i <= n; i++) {
        const double x0 = -6 + 12. * i / n, e = (x - alpha * x0) / sigma;
        double q = 0;
        for (int k = 0; k < 2; k++)
            q += w[k] / sqrt(v[k]) * exp(-.5 * (x0 - m[k]) * (x0 - m[k]) / v[k]);
        sum += q * exp(a * x0 - .5 * e * e);
    }
    return log(sum);
}

static void against_integrals(void)
{
    static const double w[] = {.4, .6}, m[] = {-1, .8}, v[] = {.09, .0625};
    static const double levels[][2] = {{.995, .1}, {.8, .6}, {.3, .954}};
    covsamp_mixture *line = NULL;
    CHECK(covsamp_mixture_new(&line, 1, 2, w, m, v, COVSAMP_PREDICTS_X0, NULL, NULL) == COVSAMP_OK);
    for (int i = 0; i < 2; i++) {
        const double a = i == 0 ? 1.5 : -4;
        CHECK(covsamp_mixture_set_tilt(line, &a) == COVSAMP_OK);
        for (int l = 0; l < LENGTH(levels); l++)
            for (double x = -1.5; x < 2; x += .7) {
                const double alpha = levels[l][0], sigma = levels[l][1], h = 1e-4;
                double g, high, low;
                covsamp_request q = guide(alpha, sigma, &x, &g);
                q.dim = 1;
                CHECK(covsamp_mixture_answer(line, &q) == 0);
                high = log_integral(a, alpha, sigma, x + h) - log_integral(0, alpha, sigma, x + h);
                low = log_integral(a, alpha, sigma, x - h) - log_integral(0, alpha, sigma, x - h);
                CHECK_NEAR(g, (high - low) / (2 * h), 2e-5); /* h^2 / 6 of a third derivative */
            }
    }
    covsamp_mixture_free(line);
}

/* Where no share of the data is left for the component that the tilt chooses, nor the other way
 * round. */
static void far_components(void)
{
    const double w[] = {.5, .5}, m[] = {-50, 50}, v[] = {1, 1}, a = 400, x = -50;
    covsamp_mixture *line = NULL;
    double g;
    covsamp_request q = guide(.8, .6, &x, &g);
    q.dim = 1;
    CHECK(covsamp_mixture_new(&line, 1, 2, w, m, v, COVSAMP_PREDICTS_X0, NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp_mixture_set_tilt(line, &a) == COVSAMP_OK);
    CHECK(covsamp_mixture_answer(line, &q) == 0);
    /* V = 1: scores are -(x - alpha m), and the slope alpha a */
    CHECK_NEAR(g, (.8 * 50 - x) - (-.8 * 50 - x) + .8 * a, 1e-12 * 400);
    covsamp_mixture_free(line);
}

static void ends(void)
{
    const double x[2] = {.3, -.4};
    double g[2];
    covsamp_mixture *m = plane(COVSAMP_PREDICTS_NOISE, 1);
    covsamp_request data = guide(1, 0, x, g), end = guide(0, 1, x, g), close = guide(1, 1e-9, x, g);
    covsamp_request scaled = guide(.5, 0, x, g);
    CHECK(covsamp_mixture_answer(m, &data) == 0);
    CHECK(g[0] == direction[0] && g[1] == direction[1]);
    CHECK(covsamp_mixture_answer(m, &scaled) == 0);
    CHECK(g[0] == direction[0] / .5 && g[1] == direction[1] / .5);
    CHECK(covsamp_mixture_answer(m, &end) == 0);
    CHECK(g[0] == 0 && g[1] == 0);
    CHECK(covsamp_mixture_answer(m, &close) == 0);
    CHECK_NEAR(g[0], direction[0], 1e-7); /* the singular component's share is nothing here */
    CHECK_NEAR(g[1], direction[1], 1e-7);
    covsamp_mixture_free(m);
}

/* ---- as a model ------------------------------------------------------------------------------ */

static void types(void)
{
    const double x[6] = {.3, -.4, 99, 1.1, .2, 99};
    const float fx[6] = {.3f, -.4f, 99, 1.1f, .2f, 99};
    double g[6] = {0, 0, 7, 0, 0, 7}, wide[6], one[2];
    float fg[6] = {0, 0, 7, 0, 0, 7};
    covsamp_mixture *m = plane(COVSAMP_PREDICTS_X0, 2);
    covsamp_request q = guide(.8, .6, x, g);
    q.batch = 2;
    q.stride = 3;
    CHECK(covsamp_mixture_answer(m, &q) == 0);
    CHECK(g[2] == 7 && g[5] == 7);
    q = guide(.8, .6, x + 3, one); /* the same in any batch */
    CHECK(covsamp_mixture_answer(m, &q) == 0);
    CHECK(one[0] == g[3] && one[1] == g[4]);
    score_of(m, .8, .6, x, one); /* a mean in between changes nothing */
    q = guide(.8, .6, x + 3, one);
    CHECK(covsamp_mixture_answer(m, &q) == 0);
    CHECK(one[0] == g[3] && one[1] == g[4]);
    for (int i = 0; i < 6; i++)
        wide[i] = fx[i];
    q = guide(.8, .6, wide, g);
    q.batch = 2;
    q.stride = 3;
    CHECK(covsamp_mixture_answer(m, &q) == 0);
    q.dtype = COVSAMP_F32;
    q.x = fx;
    q.gradient = fg;
    CHECK(covsamp_mixture_answer(m, &q) == 0);
    for (int i = 0; i < 6; i++)
        CHECK(fg[i] == (float)g[i]);
    covsamp_mixture_free(m);
}

static void branches(void)
{
    const double x[2] = {.3, -.4}, v[4] = {1, 2, -1, 0};
    double mean[2], other[2] = {0, 0}, product[4], twin[4] = {0, 0, 0, 0};
    covsamp_mixture *m = plane(COVSAMP_PREDICTS_V, 1);
    covsamp_request q = guide(.8, .6, x, NULL);
    q.kind = COVSAMP_ASK_MEAN_JVP;
    q.v = v;
    q.tangents = 2;
    q.tangent_stride = 2;
    q.mean = mean;
    q.product = product;
    q.other_mean = other;
    q.other_product = twin;
    CHECK(covsamp_mixture_answer(m, &q) == 0);
    CHECK(memcmp(mean, other, sizeof mean) == 0 && memcmp(product, twin, sizeof product) == 0);
    memset(twin, 0, sizeof twin);
    q.kind = COVSAMP_ASK_VJP;
    q.transposed = product;
    q.other_transposed = twin;
    CHECK(covsamp_mixture_answer(m, &q) == 0);
    CHECK(memcmp(product, twin, sizeof product) == 0);
    memset(twin, 0, sizeof twin);
    q.size = offsetof(covsamp_request, other_mean); /* of a caller who has no such fields */
    CHECK(covsamp_mixture_answer(m, &q) == 0);
    CHECK(twin[0] == 0 && twin[3] == 0);
    covsamp_mixture_free(m);
}

static void callbacks(void)
{
    covsamp_mixture *m = plane(COVSAMP_PREDICTS_V, 1);
    covsamp_model model = {.size = sizeof model};
    CHECK(covsamp_mixture_model(m, &model) == COVSAMP_OK);
    CHECK(model.guide == covsamp_mixture_answer && model.guide_user == m);
    const covsamp_model empty = {.size = offsetof(covsamp_model, guide_user)};
    model = empty;
    CHECK(covsamp_mixture_model(m, &model) == COVSAMP_OK);
    CHECK(model.vjp == covsamp_mixture_answer && model.guide == NULL && model.guide_user == NULL);
    CHECK(covsamp_mixture_set_tilt(m, NULL) == COVSAMP_OK);
    const covsamp_model whole = {.size = sizeof whole};
    model = whole;
    CHECK(covsamp_mixture_model(m, &model) == COVSAMP_OK);
    CHECK(model.mean == covsamp_mixture_answer && model.guide == NULL && model.guide_user == NULL);
    covsamp_mixture_free(m);
}

/* ---- the tilted mixture ---------------------------------------------------------------------- */

/* Its mean and weights against sums over a grid of q(x0) exp(a x0). */
static void moments(void)
{
    static const double w[] = {.4, .6}, m[] = {-1, .8}, v[] = {.09, .0625};
    const double a = 3, zero = 0;
    covsamp_mixture *line = NULL, *tilted = NULL;
    double sum = 0, first = 0, mean, cov, log_q;
    CHECK(covsamp_mixture_new(&line, 1, 2, w, m, v, COVSAMP_PREDICTS_X0, NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp_mixture_set_tilt(line, &a) == COVSAMP_OK);
    CHECK(covsamp_mixture_tilted(&tilted, line, COVSAMP_PREDICTS_V, NULL, NULL) == COVSAMP_OK);
    double second = 0;
    for (int i = 0; i <= 4000; i++) {
        const double x0 = -5 + i / 400.;
        double q = 0;
        for (int k = 0; k < 2; k++)
            q += w[k] / sqrt(v[k]) * exp(-.5 * (x0 - m[k]) * (x0 - m[k]) / v[k]);
        sum += q * exp(a * x0);
        first += q * exp(a * x0) * x0;
        second += q * exp(a * x0) * x0 * x0;
    }
    covsamp__mixture_posterior(tilted, 0, 1, &zero, &mean, &cov,
                               &log_q); /* of pure noise: the data */
    CHECK_NEAR(mean, first / sum, 1e-13);
    CHECK_NEAR(cov, second / sum - first / sum * (first / sum), 1e-12);
    CHECK_NEAR(log_q, -.5 * log(2 * acos(-1.)), 1e-14); /* weights sum to 1 */
    CHECK(tilted->prediction == COVSAMP_PREDICTS_V && !tilted->has_tilt);
    covsamp_mixture_free(line);
    covsamp_mixture_free(tilted);
}

/* ---- bad input ------------------------------------------------------------------------------- */

typedef struct {
    int64_t made, left;
} counter;

static void *count_alloc(void *user, size_t bytes, size_t align)
{
    counter *c = user;
    (void)align;
    if (c->made == c->left)
        return NULL;
    c->made++;
    return malloc(bytes);
}

static void count_release(void *user, void *pointer, size_t bytes)
{
    (void)user;
    (void)bytes;
    free(pointer);
}

static void memory(void)
{
    counter c = {0, 1};
    const covsamp_allocator mem = {sizeof mem, count_alloc, count_release, &c};
    const double x[2] = {1, 2};
    double g[2];
    covsamp_mixture *m = NULL, *t = NULL;
    CHECK(covsamp_mixture_new(&m, 2, 3, weights, means, covariances, COVSAMP_PREDICTS_V, &mem,
                              NULL) == COVSAMP_OK);
    covsamp_request q = guide(.8, .6, x, g);
    CHECK(covsamp_mixture_set_tilt(m, direction) == COVSAMP_OK);
    CHECK(covsamp_mixture_answer(m, &q) == 0);
    CHECK(covsamp_mixture_set_tilt(m, x) == COVSAMP_OK);
    CHECK(covsamp_mixture_answer(m, &q) == 0);
    CHECK(c.made == 1);
    CHECK(covsamp_mixture_tilted(&t, m, COVSAMP_PREDICTS_V, &mem, message) == COVSAMP_E_NOMEM);
    CHECK(t == NULL && strstr(message, "covsamp_mixture_tilted: no memory for dim = 2") != NULL);
    covsamp_mixture_free(m);
}

static void bad_input(void)
{
    const double x[2] = {1, 2}, bad[2] = {0, NAN}, huge[2] = {0, 1e200};
    double g[2] = {5, 5};
    covsamp_mixture *m = plane(COVSAMP_PREDICTS_V, 1), *t = m;
    covsamp_request q = guide(.8, .6, x, g);
    CHECK(covsamp_mixture_set_tilt(NULL, direction) == COVSAMP_E_NULL);
    CHECK(covsamp_mixture_set_tilt(m, bad) == COVSAMP_E_RANGE);
    CHECK(covsamp_mixture_answer(m, &q) == 0 && g[0] != 5); /* the old one stays */
    q.gradient = NULL;
    CHECK(covsamp_mixture_answer(m, &q) == COVSAMP_E_NULL);
    CHECK(covsamp_mixture_tilted(NULL, m, COVSAMP_PREDICTS_V, NULL, message) == COVSAMP_E_NULL);
    CHECK(strstr(message, "covsamp_mixture_tilted: out is NULL") != NULL);
    CHECK(covsamp_mixture_tilted(&t, NULL, COVSAMP_PREDICTS_V, NULL, message) == COVSAMP_E_NULL);
    CHECK(t == NULL && strstr(message, "mixture is NULL") != NULL);
    CHECK(covsamp_mixture_tilted(&t, m, 9, NULL, message) == COVSAMP_E_RANGE);
    CHECK(strstr(message, "covsamp_mixture_tilted: prediction is 9") != NULL);
    CHECK(covsamp_mixture_tilted(&t, m, COVSAMP_PREDICTS_REVERSE, NULL, message) ==
          COVSAMP_E_UNSUPPORTED);
    CHECK(covsamp_mixture_set_tilt(m, huge) == COVSAMP_OK);
    CHECK(covsamp_mixture_tilted(&t, m, COVSAMP_PREDICTS_V, NULL, message) == COVSAMP_E_RANGE);
    CHECK(t == NULL && strstr(message, "mean or weight of component 0 is not finite") != NULL);
    CHECK(covsamp_mixture_set_tilt(m, NULL) == COVSAMP_OK);
    CHECK(covsamp_mixture_tilted(&t, m, COVSAMP_PREDICTS_V, NULL, message) == COVSAMP_E_STATE);
    CHECK(strstr(message, "the mixture has no tilt") != NULL);
    q.gradient = g;
    CHECK(covsamp_mixture_answer(m, &q) == COVSAMP_E_UNSUPPORTED);
    covsamp_mixture_free(m);
}

int main(void)
{
    against_scores();
    against_integrals();
    far_components();
    ends();
    types();
    branches();
    callbacks();
    moments();
    memory();
    bad_input();
    return check_done();
}
