/* SPDX-License-Identifier: BSD-3-Clause */
/* The covariance "spectral" through the doors: exact where C is diagonal in the basis, colour
 * factors, windows at every position, masks, types, batches and bad input. */
#include "check.h"
#include "gaussian.h"
#include "numeric/dct.h"
#include "numeric/vec.h"

#include <stdlib.h>

enum { HIGH = 223, LOW = 112 };

static covsamp_schedule *schedule;

/* ---- a covariance that is diagonal in a basis of windows, times colours ---- */

typedef struct {
    covsamp__dct dct;
    double *eigenvalue;   /* [height][width], of every channel */
    const double *colour; /* [channels][channels]; NULL: I */
    double *work, *in;
} block_covariance;

static int64_t values(const covsamp__dct *d)
{
    return d->channels * d->height * d->width;
}

static block_covariance covariance(int64_t channels, int64_t height, int64_t width, int64_t ky,
                                   int64_t kx, const double *colour)
{
    block_covariance c = {{channels, height, width, kx, ky, NULL, NULL}, NULL, colour, NULL, NULL};
    const int64_t n = height * width;
    c.dct.bx = malloc((size_t)(kx * kx) * sizeof(double));
    c.dct.by = malloc((size_t)(ky * ky) * sizeof(double));
    c.eigenvalue = malloc((size_t)n * sizeof(double));
    c.work = malloc((size_t)n * sizeof(double));
    c.in = malloc((size_t)(channels * n) * sizeof(double));
    covsamp__dct_basis(kx, c.dct.bx);
    covsamp__dct_basis(ky, c.dct.by);
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++) {
            const double fx = (double)(x % kx), fy = (double)(y % ky);
            c.eigenvalue[y * width + x] = 0.2 / (1 + fx + 1.5 * fy + fx * fy * 0.1);
        }
    return c;
}

static void drop(block_covariance *c)
{
    free(c->dct.bx);
    free(c->dct.by);
    free(c->eigenvalue);
    free(c->work);
    free(c->in);
}

static double mixed(const block_covariance *c, int64_t channel, int64_t i, const double *x)
{
    const int64_t n = c->dct.height * c->dct.width;
    double sum = 0;
    if (c->colour == NULL)
        return x[channel * n + i];
    for (int64_t j = 0; j < c->dct.channels; j++)
        sum += c->colour[channel * c->dct.channels + j] * x[j * n + i];
    return sum;
}

/* out = C v */
static void apply(const void *user, int64_t sample, const double *v, double *out)
{
    const block_covariance *c = user;
    const int64_t n = c->dct.height * c->dct.width;
    (void)sample;
    memcpy(c->in, v, (size_t)values(&c->dct) * sizeof *v);
    covsamp__dct_blocks(&c->dct, 0, c->in, c->work);
    for (int64_t k = 0; k < c->dct.channels; k++)
        for (int64_t i = 0; i < n; i++)
            out[k * n + i] = c->eigenvalue[i] * mixed(c, k, i, c->in);
    covsamp__dct_blocks(&c->dct, 1, out, c->work);
}

/* ---- one step from x = 0 with x0 = mean, and what is exact for it ---- */

static covsamp_stats noise_of(int64_t dim, int32_t dtype, int64_t batch, int64_t first,
                              const given_covariance *given, const char *options, double *n)
{
    static const int64_t levels[2] = {HIGH, LOW};
    const covsamp_model model = model_of(given_answer, (void *)(uintptr_t)given);
    covsamp_sampler *s =
        sampler_of(schedule, levels, 2,
                   "batch=%d dim=%d dtype=%s prediction=x0 seed=9 first_sample=%d "
                   "covariance=spectral %s",
                   (int)batch, (int)dim, dtype == COVSAMP_F32 ? "f32" : "f64", (int)first, options);
    double *zero = calloc((size_t)(batch * dim), sizeof *zero);
    CHECK(covsamp_sampler_set_state(s, zero, dim) == COVSAMP_OK);
    CHECK(covsamp_sampler_step(s, &model) == COVSAMP_OK);
    read_state(s, dtype, batch, dim, n);
    const covsamp_stats stats = stats_of(s);
    covsamp_sampler_free(s);
    free(zero);
    return stats;
}

static void draw(int64_t sample, int32_t stream, int64_t count, double *z)
{
    CHECK(covsamp_noise_normal(9, sample, stream, 0, 0, count, z) == COVSAMP_OK);
}

/* A^T (lambda^2 + b^2 lam K)^(1/2) A z; colours through the matrix K = V diag V^T of two channels
 * (a rotation by `angle`) with eigenvalues e0, e1. */
static void exact(const block_covariance *c, double eta, const double *rotation,
                  const double *colour_value, int64_t sample, double *z)
{
    double lambda, b;
    const int64_t n = c->dct.height * c->dct.width, m = c->dct.channels;
    step_numbers(schedule, HIGH, LOW, eta, &lambda, &b);
    draw(sample, COVSAMP_STREAM_STEP, values(&c->dct), z);
    covsamp__dct_blocks(&c->dct, 0, z, c->work);
    for (int64_t i = 0; i < n; i++) {
        double out[8] = {0};
        for (int64_t k = 0; k < m; k++) {
            double u = rotation == NULL ? z[k * n + i] : 0;
            for (int64_t j = 0; rotation != NULL && j < m; j++)
                u += rotation[k * m + j] * z[j * n + i];
            u *= sqrt(lambda * lambda +
                      b * b * c->eigenvalue[i] * (colour_value == NULL ? 1 : colour_value[k]));
            for (int64_t j = 0; j < m; j++)
                out[j] += rotation == NULL ? (j == k ? u : 0) : rotation[k * m + j] * u;
        }
        for (int64_t k = 0; k < m; k++)
            z[k * n + i] = out[k];
    }
    covsamp__dct_blocks(&c->dct, 1, z, c->work);
}

static double worst_of(int64_t n, const double *x, const double *y)
{
    double worst = 0;
    for (int64_t i = 0; i < n; i++)
        worst = fmax(worst, fabs(x[i] - y[i]));
    return worst;
}

/* ---- one probe is exact ---- */

static void one_probe(int64_t channels, int64_t height, int64_t width, int64_t k,
                      const char *options)
{
    enum { BATCH = 3 };
    static const double etas[] = {1, .5, 0};
    const int64_t ky = k == 0 ? height : height > 1 ? k : 1;
    block_covariance c = covariance(channels, height, width, ky, k == 0 ? width : k, NULL);
    const int64_t dim = values(&c.dct);
    const given_covariance given = {apply, &c, NULL};
    double *n = malloc((size_t)(3 * BATCH * dim) * sizeof *n), *f = n + BATCH * dim;
    double *e = f + BATCH * dim;
    for (int i = 0; i < 3; i++) {
        char text[256];
        snprintf(text, sizeof text, "eta=%g channels=%d height=%d width=%d spectral_block=%d %s",
                 etas[i], (int)channels, (int)height, (int)width, k == 0 ? 8 : (int)k, options);
        const covsamp_stats stats = noise_of(dim, COVSAMP_F64, BATCH, 0, &given, text, n);
        CHECK(stats.jvp_requests == 1 && stats.jvp_tangents == 1 && stats.mean_requests == 1);
        CHECK(stats.products_used == BATCH && stats.ritz_values > 0 && stats.ritz_clamped == 0);
        for (int b = 0; b < BATCH; b++) {
            exact(&c, etas[i], NULL, NULL, b, e);
            CHECK_NEAR(worst_of(dim, n + b * dim, e), 0, 1e-12);
        }
        noise_of(dim, COVSAMP_F32, BATCH, 0, &given, text, f);
        CHECK(distance(BATCH * dim, f, n) < 1e-6);
    }
    free(n);
    drop(&c);
}

static void test_one_probe(void)
{
    one_probe(1, 16, 16, 0, "spectral_mode=full");
    one_probe(3, 12, 20, 0, "spectral_mode=full spectral_pool=channel");
    one_probe(2, 12, 20, 2, "spectral_mode=block spectral_estimate=ratio");
    one_probe(1, 1, 64, 0, "");
    one_probe(1, 16, 24, 8, "spectral_mode=block");
    one_probe(3, 12, 20, 4, "spectral_mode=block spectral_pool=channel");
    one_probe(2, 1, 60, 5, "spectral_mode=block spectral_estimate=ratio");
    one_probe(1, 1, 40, 40, "spectral_mode=block spectral_pool=radial"); /* rings are frequencies */
    one_probe(2, 16, 24, 8, "spectral_mode=block probes=1 tangents=4 reuse=5");
}

/* ---- colours: exact for a Kronecker product, near the identity and near one colour ---- */

static void colours(int64_t m, const double *value, int64_t k, const char *options)
{
    double rotation[64], q[64], kron[64] = {0}, sum = 0, scaled[8];
    for (int64_t i = 0; i < m; i++)
        sum += value[i];
    for (int64_t i = 0; i < m; i++)
        scaled[i] = value[i] * (double)m / sum;
    orthogonal(3, m, q);
    memcpy(rotation, q, sizeof q); /* column-major: row k here is eigenvector k */
    for (int64_t e = 0; e < m; e++)
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < m; j++)
                kron[i * m + j] += scaled[e] * rotation[e * m + i] * rotation[e * m + j];
    block_covariance c = covariance(m, 16, 16, k == 0 ? 16 : k, k == 0 ? 16 : k, kron);
    const int64_t dim = values(&c.dct);
    const given_covariance given = {apply, &c, NULL};
    double *n = malloc((size_t)(2 * dim) * sizeof *n);
    char text[256];
    snprintf(text, sizeof text,
             "eta=1 channels=%d height=16 width=16 spectral_block=%d spectral_colour=1 %s", (int)m,
             k == 0 ? 8 : (int)k, options);
    noise_of(dim, COVSAMP_F64, 1, 0, &given, text, n);
    exact(&c, 1, rotation, scaled, 0, n + dim);
    CHECK_NEAR(worst_of(dim, n, n + dim), 0, 1e-12);
    noise_of(dim, COVSAMP_F32, 1, 0, &given, text, n);
    CHECK(distance(dim, n, n + dim) < 1e-5);
    free(n);
    drop(&c);
}

static void test_colours(void)
{
    static const double mild[] = {1.5, 1, .5}, strong[] = {2.8, .15, .05}, flat[] = {1, 1, 1};
    static const double five[] = {2, 1, 1, .6, .1}, two[] = {1.9, .1};
    colours(3, mild, 0, "");
    colours(3, strong, 0, "");
    colours(3, flat, 4, "spectral_mode=block");
    colours(3, strong, 8, "spectral_mode=block spectral_estimate=ratio");
    colours(5, five, 4, "spectral_mode=block spectral_pool=channel");
    colours(2, two, 0, "");
}

/* ---- windows at every position: c I is found exactly, the draw is what the header says ---- */

static void frame_draw(const covsamp__dct *d, double variance, double eta, int64_t sample,
                       double *n)
{
    double lambda, b;
    const int64_t plane = d->height * d->width, line = d->width * d->kx * d->ky;
    const int64_t row = d->channels * line;
    double *e = malloc((size_t)(row * d->height) * sizeof *e);
    double *z = malloc((size_t)values(d) * sizeof *z);
    double *work = malloc((size_t)covsamp__dct_row_work(d) * sizeof *work);
    step_numbers(schedule, HIGH, LOW, eta, &lambda, &b);
    draw(sample, COVSAMP_STREAM_COEFFICIENTS, row * d->height, e);
    draw(sample, COVSAMP_STREAM_STEP, values(d), z);
    memset(n, 0, (size_t)values(d) * sizeof *n);
    for (int64_t y = 0; y < d->height; y++)
        for (int64_t c = 0; c < d->channels; c++)
            covsamp__dct_row_adjoint(d, e + y * row + c * line, y, n + c * plane, work);
    for (int64_t i = 0; i < values(d); i++)
        n[i] = lambda * z[i] + b * sqrt(variance / (double)(d->kx * d->ky)) * n[i];
    free(e);
    free(z);
    free(work);
}

static void sliding(int64_t channels, int64_t height, int64_t width, int64_t k, const char *options)
{
    block_covariance c =
        covariance(channels, height, width, height > 1 ? k : 1, height > 1 ? k : k, NULL);
    covsamp__dct *d = &c.dct;
    c.dct.kx = c.dct.ky = 1; /* products by c I: any basis */
    c.dct.bx[0] = c.dct.by[0] = 1;
    const int64_t dim = values(d);
    for (int64_t i = 0; i < height * width; i++)
        c.eigenvalue[i] = .07;
    const given_covariance given = {apply, &c, NULL};
    covsamp__dct frame = {channels, height, width, k, height > 1 ? k : 1, NULL, NULL};
    frame.bx = malloc((size_t)(k * k) * sizeof(double));
    frame.by = malloc((size_t)(k * k) * sizeof(double));
    covsamp__dct_basis(frame.kx, frame.bx);
    covsamp__dct_basis(frame.ky, frame.by);
    double *n = malloc((size_t)(4 * dim) * sizeof *n);
    char text[256];
    snprintf(text, sizeof text,
             "eta=.5 channels=%d height=%d width=%d spectral_mode=sliding spectral_block=%d %s",
             (int)channels, (int)height, (int)width, (int)k, options);
    noise_of(dim, COVSAMP_F64, 2, 5, &given, text, n);
    frame_draw(&frame, .07, .5, 6, n + 2 * dim);
    CHECK_NEAR(worst_of(dim, n + dim, n + 2 * dim), 0, 1e-12);
    noise_of(dim, COVSAMP_F32, 2, 5, &given, text, n + 2 * dim);
    CHECK(distance(2 * dim, n + 2 * dim, n) < 1e-6);
    free(n);
    free(frame.bx);
    free(frame.by);
    drop(&c);
}

static void test_sliding(void)
{
    sliding(1, 16, 16, 4, "");
    sliding(2, 9, 11, 3, "spectral_pool=channel probes=2");
    sliding(1, 1, 40, 8, "");
    sliding(3, 8, 8, 8, "spectral_colour=1");
    sliding(1, 10, 10, 4, "spectral_pool=radial spectral_estimate=transform");
}

/* ---- masks, guards, batches ---- */

/* Every third value clipped.  Outside P: lambda z; inside, a ratio finds c I exactly. */
static void test_mask(void)
{
    enum { D = 256 };
    static const char *const modes[] = {
        "spectral_estimate=ratio", "spectral_mode=block spectral_block=4 spectral_estimate=ratio",
        "spectral_mode=sliding spectral_block=4"};
    double mean[D], n[D], z[D], raw[D], lambda, b;
    block_covariance c = covariance(1, 16, 16, 1, 1, NULL);
    const given_covariance given = {apply, &c, mean};
    for (int i = 0; i < D; i++) {
        c.eigenvalue[i] = .05;
        mean[i] = i % 3 ? .5 : 2;
    }
    step_numbers(schedule, HIGH, LOW, 1, &lambda, &b);
    draw(0, COVSAMP_STREAM_STEP, D, z);
    covsamp__dct frame = {1, 16, 16, 4, 4, NULL, NULL};
    double basis[16];
    covsamp__dct_basis(4, basis);
    frame.bx = frame.by = basis;
    frame_draw(&frame, .05, 1, 0, raw);
    for (int m = 0; m < LENGTH(modes); m++) {
        char text[256];
        snprintf(text, sizeof text, "clip_x0=1 height=16 width=16 %s", modes[m]);
        noise_of(D, COVSAMP_F64, 1, 0, &given, text, n);
        for (int i = 0; i < D; i++) {
            const double inside = m == 2 ? raw[i] : sqrt(lambda * lambda + b * b * .05) * z[i];
            CHECK_NEAR(n[i] - b * fmin(mean[i], 1), i % 3 ? inside : lambda * z[i], 1e-12);
        }
    }
    drop(&c);
}

/* Signs in the basis under a mask: lam is right on average (400 samples, 16 pools). */
static void test_mask_average(void)
{
    enum { D = 256, BATCH = 400 };
    double mean[D], lambda, b, sum = 0, *n = malloc(sizeof *n * BATCH * D), z[D];
    block_covariance c = covariance(1, 16, 16, 1, 1, NULL);
    const given_covariance given = {apply, &c, mean};
    for (int i = 0; i < D; i++) {
        c.eigenvalue[i] = .05;
        mean[i] = i % 3 ? .5 : 2;
    }
    step_numbers(schedule, HIGH, LOW, 0, &lambda, &b);
    noise_of(D, COVSAMP_F64, BATCH, 0, &given,
             "eta=0 clip_x0=1 height=16 width=16 spectral_mode=block spectral_block=4", n);
    for (int k = 0; k < BATCH; k++) {
        draw(k, COVSAMP_STREAM_STEP, D, z);
        for (int i = 0; i < D; i++) {
            const double value = n[k * D + i] - b * fmin(mean[i], 1);
            CHECK(i % 3 || value == 0 || fabs(value) < 1e-15);
            sum += value * value;
        }
    }
    /* 170 values of variance .05 b^2, 400 times: 1 % is three deviations and more */
    CHECK_CLOSE(sum / (BATCH * 170 * b * b), .05, .02);
    free(n);
    drop(&c);
}

/* cap and ritz_cap limit eigenvalues, the guard their mean. */
static void test_limits(void)
{
    block_covariance c = covariance(1, 16, 16, 16, 16, NULL), limited = c;
    const given_covariance given = {apply, &c, NULL};
    double n[256], e[256], alpha, sigma, own[256], mean = 0;
    CHECK(covsamp_schedule_at(schedule, HIGH, &alpha, &sigma, NULL) == COVSAMP_OK);
    limited.eigenvalue = own;
    for (int i = 0; i < 256; i++) {
        own[i] = fmin(c.eigenvalue[i], .03);
        mean += c.eigenvalue[i] / 256;
    }
    noise_of(256, COVSAMP_F64, 1, 0, &given, "height=16 width=16 covariance_cap=.03", n);
    exact(&limited, 1, NULL, NULL, 0, e);
    CHECK_NEAR(worst_of(256, n, e), 0, 1e-12);
    char text[128];
    snprintf(text, sizeof text, "height=16 width=16 ritz_cap=%.17g",
             .03 / (sigma * sigma / (alpha * alpha)));
    noise_of(256, COVSAMP_F64, 1, 0, &given, text, n);
    CHECK_NEAR(worst_of(256, n, e), 0, 1e-12);
    CHECK(mean > 0);
    drop(&c);
}

int main(void)
{
    schedule = linear_schedule();
    test_one_probe();
    test_colours();
    test_sliding();
    test_mask();
    test_mask_average();
    test_limits();
    covsamp_schedule_free(schedule);
    return check_done();
}
