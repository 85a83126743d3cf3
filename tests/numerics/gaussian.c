/* SPDX-License-Identifier: BSD-3-Clause */
#include "gaussian.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers ---- */

double load(int32_t dtype, const void *p, int64_t i)
{
    return dtype == COVSAMP_F32 ? (double)((const float *)p)[i] : ((const double *)p)[i];
}

void store(int32_t dtype, void *p, int64_t i, double value)
{
    if (dtype == COVSAMP_F32)
        ((float *)p)[i] = (float)value;
    else
        ((double *)p)[i] = value;
}

void normals(int64_t draw, int64_t n, double *out)
{
    (void)covsamp_noise_normal(20, draw, COVSAMP_STREAM_USER, 0, 0, n, out);
}

static double dot(int64_t n, const double *x, const double *y)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

double norm(int64_t n, const double *x)
{
    return sqrt(dot(n, x, x));
}

double distance(int64_t n, const double *x, const double *y)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (x[i] - y[i]) * (x[i] - y[i]);
    return sqrt(sum) / norm(n, y);
}

/* ---- matrices ---- */

void reflect(int64_t d, const double *three, int transpose, double *x)
{
    for (int k = 0; k < 3; k++) {
        const double *u = three + (transpose ? 2 - k : k) * d;
        const double twice = 2 * dot(d, u, x) / dot(d, u, u);
        for (int64_t i = 0; i < d; i++)
            x[i] -= twice * u[i];
    }
}

void orthogonal(int64_t draw, int64_t d, double *q)
{
    double *three = malloc((size_t)(3 * d) * sizeof *three);
    normals(draw, 3 * d, three);
    memset(q, 0, (size_t)(d * d) * sizeof *q);
    for (int64_t j = 0; j < d; j++) {
        q[j + j * d] = 1;
        reflect(d, three, 0, q + j * d);
    }
    free(three);
}

void multiply(int64_t d, const double *a, const double *x, double *y)
{
    memset(y, 0, (size_t)d * sizeof *y);
    for (int64_t j = 0; j < d; j++)
        for (int64_t i = 0; i < d; i++)
            y[i] += a[i + j * d] * x[j];
}

void multiply_transposed(int64_t d, const double *a, const double *x, double *y)
{
    for (int64_t j = 0; j < d; j++)
        y[j] = dot(d, a + j * d, x);
}

void spectral(int64_t d, const double *q, const double *e, double *a)
{
    memset(a, 0, (size_t)(d * d) * sizeof *a);
    for (int64_t k = 0; k < d; k++)
        for (int64_t j = 0; j < d; j++) {
            const double weight = e[k] * q[j + k * d];
            for (int64_t i = 0; i < d; i++)
                a[i + j * d] += weight * q[i + k * d];
        }
}

/* ---- models ---- */

/* Calls f for every vector of the request: x for a mean, each tangent for products. */
typedef void (*vector_fn)(const void *user, const covsamp_request *q, int64_t sample, int is_mean,
                          const double *in, double *out);

static int32_t answer(const covsamp_request *q, vector_fn f, const void *user)
{
    double *in = malloc((size_t)q->dim * 2 * sizeof *in), *out = in + q->dim;
    for (int64_t k = q->mean != NULL ? -1 : 0; k < q->tangents; k++)
        for (int64_t b = 0; b < q->batch; b++) {
            const int64_t at = b * q->stride + (k > 0 ? k * q->tangent_stride : 0);
            for (int64_t i = 0; i < q->dim; i++)
                in[i] = load(q->dtype, k < 0 ? q->x : q->v, at + i);
            f(user, q, b, k < 0, in, out);
            for (int64_t i = 0; i < q->dim; i++)
                store(q->dtype, k < 0 ? q->mean : q->product, at + i, out[i]);
        }
    free(in);
    return 0;
}

/* E[x0 | x] = m + alpha S (alpha^2 S + sigma^2)^-1 (x - alpha m) in the directions of Q. */
static void gaussian_vector(const void *user, const covsamp_request *q, int64_t sample, int is_mean,
                            const double *in, double *out)
{
    const gaussian *g = user;
    const int64_t d = g->dim;
    double *x = calloc((size_t)d * 2, sizeof *x), *u = x + d;
    (void)sample;
    for (int64_t i = 0; i < d; i++)
        x[i] = in[i] - (is_mean ? q->alpha * g->mean[i] : 0);
    multiply_transposed(d, g->q, x, u);
    for (int64_t i = 0; i < d; i++)
        u[i] *= q->alpha * g->variance[i] /
                (q->alpha * q->alpha * g->variance[i] + q->sigma * q->sigma);
    multiply(d, g->q, u, out);
    for (int64_t i = 0; is_mean && i < d; i++)
        out[i] += g->mean[i];
    free(x);
}

int32_t gaussian_answer(void *data, const covsamp_request *request)
{
    return answer(request, gaussian_vector, data);
}

static void given_vector(const void *user, const covsamp_request *q, int64_t sample, int is_mean,
                         const double *in, double *out)
{
    const given_covariance *g = user;
    if (is_mean) {
        for (int64_t i = 0; i < q->dim; i++)
            out[i] = g->mean != NULL ? g->mean[i] : 0;
        return;
    }
    g->apply(g->user, sample, in, out);
    for (int64_t i = 0; i < q->dim; i++)
        out[i] *= q->alpha / (q->sigma * q->sigma); /* C = sigma^2 / alpha J */
}

int32_t given_answer(void *given, const covsamp_request *request)
{
    return answer(request, given_vector, given);
}

void matrix_apply(const void *m, int64_t sample, const double *v, double *cv)
{
    const matrix *a = m;
    (void)sample;
    multiply(a->dim, a->c, v, cv);
}

/* f = px x + p0 x0; the same numbers turn v and J v into the product. */
static void conversion(const converted *m, const covsamp_request *q, double *px, double *p0)
{
    const double a = q->alpha, s = q->sigma;
    double as, ss;
    *px = 0;
    *p0 = 1;
    switch (m->prediction) {
    case COVSAMP_PREDICTS_NOISE: /* e = (x - alpha x0) / sigma */
        *px = 1 / s;
        *p0 = -a / s;
        break;
    case COVSAMP_PREDICTS_V: /* alpha e - sigma x0 */
        *px = a / s;
        *p0 = -a * a / s - s;
        break;
    case COVSAMP_PREDICTS_SCORE: /* -e / sigma */
        *px = -1 / (s * s);
        *p0 = a / (s * s);
        break;
    case COVSAMP_PREDICTS_FLOW: /* e - x0 */
        *px = 1 / s;
        *p0 = -a / s - 1;
        break;
    case COVSAMP_PREDICTS_REVERSE: /* E[x_(n-1) | x_n], math.md section 0 */
        (void)covsamp_schedule_at(m->schedule, (double)(q->level - 1), &as, &ss, NULL);
        *px = a / as * ss * ss / (s * s);
        *p0 = as * (s * s - a / as * (a / as) * ss * ss) / (s * s);
        break;
    default:
        break;
    }
}

/* Through a request in double of the same layout, so that f32 is rounded once. */
int32_t converted_answer(void *model, const covsamp_request *request)
{
    const converted *m = model;
    const int64_t n = request->batch * request->stride, t = request->tangents * n;
    double *block = malloc((size_t)(2 * n + 2 * t) * sizeof *block), px, p0;
    covsamp_request q = *request;
    q.dtype = COVSAMP_F64;
    q.tangent_stride = n;
    q.x = block;
    q.v = t > 0 ? block + 2 * n : NULL;
    q.mean = request->mean != NULL ? block + n : NULL;
    q.product = t > 0 ? block + 2 * n + t : NULL;
    for (int64_t i = 0; i < n; i++)
        block[i] = load(request->dtype, request->x, i);
    for (int64_t i = 0; i < t; i++)
        block[2 * n + i] =
            load(request->dtype, request->v, i / n * request->tangent_stride + i % n);
    int32_t status = m->x0(m->x0_user, &q);
    conversion(m, request, &px, &p0);
    for (int64_t i = 0; request->mean != NULL && i < n; i++)
        store(request->dtype, request->mean, i, px * block[i] + p0 * block[n + i]);
    for (int64_t i = 0; i < t; i++)
        store(request->dtype, request->product, i / n * request->tangent_stride + i % n,
              px * block[2 * n + i] + p0 * block[2 * n + t + i]);
    free(block);
    return status;
}

covsamp_model model_of(covsamp_answer_fn function, void *user)
{
    covsamp_model model;
    memset(&model, 0, sizeof model);
    model.size = sizeof model;
    model.model_user = user;
    model.mean = model.jvp = model.mean_jvp = function;
    return model;
}

/* ---- samplers ---- */

static const double *table_in_use[2];
static int64_t table_length[2];

void use_table(int32_t table, const double *values, int64_t count)
{
    table_in_use[table - 1] = values;
    table_length[table - 1] = count;
}

static covsamp_status set_tables(covsamp_config *config)
{
    covsamp_status status = COVSAMP_OK;
    for (int32_t t = 0; t < 2 && status == COVSAMP_OK; t++)
        status = covsamp_config_set_table(config, t + 1, table_in_use[t], table_length[t]);
    return status;
}

/* name=value name=value ... */
static covsamp_status set_options(covsamp_config *config, char *text)
{
    covsamp_status status = COVSAMP_OK;
    while (status == COVSAMP_OK && *text != '\0') {
        char *name = text, *value = strchr(text, '=');
        text += strcspn(text, " ");
        if (*text == ' ')
            *text++ = '\0';
        if (value != NULL)
            *value++ = '\0';
        status = covsamp_config_set_by_name(config, name, value);
    }
    return status;
}

covsamp_sampler *sampler_of(const covsamp_schedule *schedule, const int64_t *levels, int64_t count,
                            const char *format, ...)
{
    char text[512];
    covsamp_config *config = NULL;
    covsamp_sampler *s = NULL;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    covsamp_status status = covsamp_config_new(&config, NULL);
    if (status == COVSAMP_OK)
        status = set_options(config, text);
    if (status == COVSAMP_OK)
        status = covsamp_config_set_schedule(config, schedule, levels, count);
    if (status == COVSAMP_OK)
        status = set_tables(config);
    if (status == COVSAMP_OK)
        status = covsamp_sampler_new(&s, config);
    if (status != COVSAMP_OK)
        fprintf(stderr, "%s: %s\n", covsamp_status_name(status), covsamp_config_message(config));
    covsamp_config_free(config);
    return s;
}

covsamp_schedule *linear_schedule(void)
{
    covsamp_schedule *schedule = NULL;
    (void)covsamp_schedule_new_linear(&schedule, 1000, 1e-4, 0.02, NULL, NULL);
    return schedule;
}

void read_state(const covsamp_sampler *s, int32_t dtype, int64_t batch, int64_t dim, double *x)
{
    const void *state = NULL;
    int64_t stride = 0;
    (void)covsamp_sampler_state(s, &state, &stride);
    for (int64_t b = 0; b < batch; b++)
        for (int64_t i = 0; i < dim; i++)
            x[b * dim + i] = load(dtype, state, b * stride + i);
}

covsamp_stats stats_of(const covsamp_sampler *s)
{
    covsamp_stats stats;
    memset(&stats, 0, sizeof stats);
    stats.size = sizeof stats;
    (void)covsamp_sampler_stats(s, &stats);
    return stats;
}

/* math.md section 0: lambda = eta sqrt(btil), b = alpha_s - alpha_t sqrt(sigma_s^2 - lambda^2) /
 * sigma_t */
void step_numbers(const covsamp_schedule *schedule, int64_t t, int64_t s, double eta,
                  double *lambda, double *b)
{
    double at, st, as, ss;
    (void)covsamp_schedule_at(schedule, (double)t, &at, &st, NULL);
    (void)covsamp_schedule_at(schedule, (double)s, &as, &ss, NULL);
    const double between = st * st - at / as * (at / as) * ss * ss;
    const double btil = between * ss * ss / (st * st);
    *lambda = eta * sqrt(btil);
    *b = as - at * sqrt(ss * ss - *lambda * *lambda) / st;
}
