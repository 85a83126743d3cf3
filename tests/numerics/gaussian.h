/* SPDX-License-Identifier: BSD-3-Clause */
/* Models that the numerical tests know everything about: Gaussian data, a given covariance, and any
 * model converted to another prediction type by the textbook formulas.  They compute in double and
 * round once, whatever the sampler's type. */
#ifndef COVSAMP_TESTS_GAUSSIAN_H
#define COVSAMP_TESTS_GAUSSIAN_H

#include <covsamp/covsamp.h>

#define LENGTH(a) ((int)(sizeof(a) / sizeof((a)[0])))

/* ---- numbers ---- */

/* Element i of an array of the sampler's type. */
double load(int32_t dtype, const void *p, int64_t i);
void store(int32_t dtype, void *p, int64_t i, double value);
/* n standard normal numbers; other numbers for another draw. */
void normals(int64_t draw, int64_t n, double *out);
double norm(int64_t n, const double *x);
/* |x - y| / |y| */
double distance(int64_t n, const double *x, const double *y);

/* ---- matrices, d x d, column-major ---- */

/* A dense orthogonal matrix, fixed by `draw`: a product of three reflections, as is reflect(),
 * which applies it (or its transpose) to a vector in place without the matrix. */
void orthogonal(int64_t draw, int64_t d, double *q);
void reflect(int64_t d, const double *three, int transpose, double *x);
/* y = A x, y = A^T x */
void multiply(int64_t d, const double *a, const double *x, double *y);
void multiply_transposed(int64_t d, const double *a, const double *x, double *y);
/* Q diag(e) Q^T */
void spectral(int64_t d, const double *q, const double *e, double *a);

/* ---- models; all are covsamp_answer_fn for requests with a mean, products or both ---- */

/* Data ~ N(mean, Q diag(variance) Q^T); predicts x0. */
typedef struct {
    int64_t dim;
    const double *q, *variance, *mean;
} gaussian;
int32_t gaussian_answer(void *data, const covsamp_request *request);

/* Predicts the constant x0 = mean (NULL: 0) with a Jacobian that gives the covariance `apply`. */
typedef struct {
    void (*apply)(const void *user, int64_t sample, const double *v, double *cv);
    const void *user;
    const double *mean;
} given_covariance;
int32_t given_answer(void *given, const covsamp_request *request);
/* apply for a matrix that all samples share */
typedef struct {
    int64_t dim;
    const double *c;
} matrix;
void matrix_apply(const void *m, int64_t sample, const double *v, double *cv);

/* Turns a model that predicts x0 into one of another prediction type. */
typedef struct {
    covsamp_answer_fn x0;
    void *x0_user;
    const covsamp_schedule *schedule;
    int32_t prediction, reserved;
} converted;
int32_t converted_answer(void *model, const covsamp_request *request);

/* A model structure with one function in every role of the network. */
covsamp_model model_of(covsamp_answer_fn answer, void *user);

/* ---- samplers ---- */

/* A sampler from options as text, "dim=4 batch=2 covariance=krylov", formatted as printf does; NULL
 * with the sentence on stderr if that fails. */
covsamp_sampler *sampler_of(const covsamp_schedule *schedule, const int64_t *levels, int64_t count,
                            const char *format, ...);
/* The table that every later sampler_of() gives to its sampler; count 0: none. */
void use_table(int32_t table, const double *values, int64_t count);
/* DDPM's schedule of 1000 levels, 1e-4 to 0.02. */
covsamp_schedule *linear_schedule(void);
/* The sampler's batch as doubles, [batch][dim]. */
void read_state(const covsamp_sampler *s, int32_t dtype, int64_t batch, int64_t dim, double *x);
/* The counts so far. */
covsamp_stats stats_of(const covsamp_sampler *s);
/* lambda and b of the step from t to s, by the textbook formulas. */
void step_numbers(const covsamp_schedule *schedule, int64_t t, int64_t s, double eta,
                  double *lambda, double *b);

/* ---- oracle O7: Lanczos on a fixed 6 x 6 matrix, y_m -> C^(1/2) z (o7_out.txt) ---- */

static const double o7_c[36] = {4,  1, 0,  .5,  0,  0, 1, 3, .7, 0,  0, .2,  0, .7, 2, .3, 0,   0,
                                .5, 0, .3, 1.5, .1, 0, 0, 0, 0,  .1, 1, .05, 0, .2, 0, 0,  .05, .8};
static const double o7_z[6] = {1, -2, .5, 1.5, -1, .25};
static const double o7_alpha[6] = {1.97956204379562,  1.867905412186766, 1.782567848689645,
                                   4.245943738208951, 1.310567819156019, 1.113453137962997};
static const double o7_beta[5] = {0.664013860348193, 0.69844038328174, 0.630026272928792,
                                  1.095527761040582, 0.127703000304361};
static const struct {
    int64_t m;
    double y[6];
} o7_y[] = {{1,
             {1.406969098379783, -2.813938196759567, 0.703484549189892, 2.110453647569675,
              -1.406969098379783, 0.351742274594946}},
            {2,
             {1.667935623039192, -3.0062859126661, 0.348744959551513, 2.016680582590704,
              -0.967566789538091, 0.073665850122004}},
            {3,
             {1.64729352759665, -3.015346185436511, 0.386039795524594, 2.034067234475663,
              -0.925438832733158, 0.034901929531402}},
            {4,
             {1.652088825969595, -3.011552172794639, 0.388948088079751, 2.035429193109001,
              -0.925143839172537, 0.031816396749761}},
            {6,
             {1.651813209345065, -3.011443370956507, 0.388567531964836, 2.03496709127557,
              -0.927270778640837, 0.028549230502859}}};

#endif
