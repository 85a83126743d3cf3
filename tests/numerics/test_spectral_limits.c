/* SPDX-License-Identifier: BSD-3-Clause */
/* The covariance "spectral" at its edges: which frequencies share a ring, negative values,
 * frequencies that a probe misses, bounds of sliding windows, and colours that a probe does not
 * tell. */
#include "draws.h"
#include "numeric/linalg.h"
#include "numeric/rng.h"

static covsamp_schedule *schedule;
static const int64_t levels[] = {700, 450, 250, 90};
enum { STEPS = sizeof levels / sizeof levels[0] };

/* Orthonormal DCT-II: out_f = w_f sum_i cos(pi (i + 1/2) f / n) x_i, or its transpose. */
static void dct(int n, int transpose, const double *x, int64_t apart, double *out)
{
    const double pi = acos(-1.0);
    double y[16];
    for (int i = 0; i < n; i++) {
        y[i] = 0;
        for (int j = 0; j < n; j++) {
            const int f = transpose ? j : i, at = transpose ? i : j;
            y[i] += sqrt((f == 0 ? 1.0 : 2.0) / n) * cos(pi * (at + .5) * f / n) * x[j * apart];
        }
    }
    for (int i = 0; i < n; i++)
        out[i * apart] = y[i];
}

/* ---- rings ---- */

enum { H = 4, W = 8, D = H * W, B = 3 };
static double ring_value[16]; /* of C in the basis */

static int ring(int i)
{
    const double x = (double)(i % W) / W, y = (double)(i / W) / H;
    return (int)lround(sqrt(x * x + y * y) * W);
}

static void turn(int transpose, const double *x, double *out)
{
    memcpy(out, x, D * sizeof *out);
    for (int r = 0; r < H; r++)
        dct(W, transpose, out + r * W, 1, out + r * W);
    for (int c = 0; c < W; c++)
        dct(H, transpose, out + c, W, out + c);
}

static void ring_apply(const void *user, int64_t sample, const double *v, double *cv)
{
    double u[D];
    (void)user;
    (void)sample;
    turn(0, v, u);
    for (int i = 0; i < D; i++)
        u[i] *= ring_value[ring(i)];
    turn(1, u, cv);
}

/* A C that is constant on rings is found by one probe, if those are the rings; negative values
 * count as 0 and are counted, once for each estimate. */
static void test_rings(int reuse)
{
    double n[STEPS * B * D], z[B * D], u[D], y[D], lambda, b;
    int rings = 0, negative = 0;
    char options[160];
    given_covariance given = {ring_apply, NULL, NULL};
    drawing d = {schedule, levels, STEPS, B, D, given_answer, &given, NULL, z, 0, 0};
    normals(51, B * D, z);
    for (int i = 0; i < D; i++)
        rings = ring(i) + 1 > rings ? ring(i) + 1 : rings;
    for (int r = 0; r < rings; r++) {
        ring_value[r] = r % 4 == 2 ? -.1 * r : 2.0 / (1 + r * r);
        negative += r % 4 == 2;
    }
    snprintf(options, sizeof options,
             "prediction=x0 covariance=spectral height=4 width=8 spectral_pool=radial "
             "last_noise=1 reuse=%d",
             reuse);
    const covsamp_stats stats = draw(&d, options, .5, n);
    CHECK(stats.ritz_values == (int64_t)rings * B * STEPS / reuse);
    CHECK(stats.ritz_clamped == (int64_t)negative * B * STEPS / reuse);
    for (int k = 0; k < STEPS; k++) {
        const double scale =
            unit_of(schedule, levels[k]) / unit_of(schedule, levels[k - k % reuse]);
        step_numbers(schedule, levels[k], level_of(&d, k + 1), .5, &lambda, &b);
        for (int s = 0; s < B; s++) {
            turn(0, z + s * D, u);
            for (int i = 0; i < D; i++)
                u[i] *= sqrt(lambda * lambda + b * b * scale * fmax(ring_value[ring(i)], 0));
            turn(1, u, y);
            for (int i = 0; i < D; i++)
                CHECK_NEAR(n[(k * B + s) * D + i], y[i], 1e-11);
        }
    }
}

/* ---- frequencies that signs have no share of ---- */

static void rising(const void *user, int64_t sample, const double *v, double *cv)
{
    const int64_t *dim = user;
    (void)sample;
    for (int64_t i = 0; i < *dim; i++)
        cv[i] = (double)(i + 1) * v[i];
}

/* Where signs add up to 0 the quotient for their sum is none of two rounding errors: that frequency
 * has no variance then.  Else it is bounded: |sum i v_i| / |sum v_i| with a sum of 2 at least. */
static void test_no_share(int64_t dim)
{
    enum { N = 64, MOST = 24 };
    double n[STEPS * N * MOST], z[N * MOST], lambda, b;
    char options[160];
    given_covariance given = {rising, &dim, NULL};
    drawing d = {schedule, levels, STEPS, N, dim, given_answer, &given, NULL, z, 0, 0};
    int missed = 0;
    normals(52, N * dim, z);
    snprintf(options, sizeof options,
             "prediction=x0 covariance=spectral width=%d spectral_estimate=ratio last_noise=1",
             (int)dim);
    (void)draw(&d, options, 1, n);
    for (int k = 0; k < STEPS; k++) {
        step_numbers(schedule, levels[k], level_of(&d, k + 1), 1, &lambda, &b);
        for (int s = 0; s < N; s++) {
            double v[MOST], sum = 0, up = 0, out = 0, in = 0;
            covsamp__signs_as(COVSAMP_F64, 0, s, COVSAMP_STREAM_PROBE, k, 0, dim, v);
            for (int64_t i = 0; i < dim; i++) {
                sum += v[i];
                up += (double)(i + 1) * v[i];
                out += n[(k * N + s) * dim + i];
                in += z[s * dim + i];
            }
            missed += sum == 0;
            const double c = sum == 0 ? 0 : fmax(up / sum, 0);
            CHECK_NEAR(out, sqrt(lambda * lambda + b * b * c) * in, 1e-6); /* a root of rounding */
        }
    }
    CHECK(missed > 0);
}

/* ---- bounds of sliding windows ---- */

static void twice(const void *user, int64_t sample, const double *v, double *cv)
{
    const int64_t *dim = user;
    (void)sample;
    for (int64_t i = 0; i < *dim; i++)
        cv[i] = 2 * v[i];
}

/* C = 2 I, which a quotient of sums finds exactly: n = lambda z + r, r of the windows' own numbers.
 * Bounds change the length of both as they change that of any noise. */
static void test_sliding(double cap, double pixels)
{
    enum { N = 16 };
    const double limit = pixels > 0 ? pow(pixels * 2 / 255, 2) * acos(-1.0) / 2 : INFINITY;
    double n[STEPS * N], plain[STEPS * N], z[N], lambda, b;
    const int64_t dim = N;
    char options[256];
    static const char base[] = "prediction=x0 covariance=spectral height=4 width=4 "
                               "spectral_mode=sliding spectral_block=2 last_noise=1";
    given_covariance given = {twice, &dim, NULL};
    drawing d = {schedule, levels, STEPS, 1, N, given_answer, &given, NULL, NULL, 0, 0};
    (void)draw(&d, base, 1, plain);
    snprintf(options, sizeof options, "%s covariance_cap=%.17g pixel_clip=%.17g", base, cap,
             pixels);
    (void)draw(&d, options, 1, n);
    for (int k = 0; k < STEPS; k++) {
        const double most = k + 2 == STEPS ? limit : INFINITY;
        step_numbers(schedule, levels[k], level_of(&d, k + 1), 1, &lambda, &b);
        const double c = cap > 0 ? fmin(cap, 2) : 2, alone = fmin(lambda * lambda, most);
        const double rest = fmin(lambda * lambda + b * b * c, most) - alone;
        CHECK(covsamp_noise_normal(0, 0, COVSAMP_STREAM_STEP, k, 0, N, z) == COVSAMP_OK);
        for (int i = 0; i < N; i++) {
            const double r = (plain[k * N + i] - lambda * z[i]) / (b * sqrt(2));
            CHECK_NEAR(n[k * N + i], sqrt(alone) * z[i] + sqrt(rest) * r, 1e-10);
        }
    }
}

/* ---- colours ---- */

enum { M = 5, AT = 3 }; /* channels, and places */

/* C = K (x) I of samples [channel][place]. */
static void colours_apply(const void *k, int64_t sample, const double *v, double *cv)
{
    (void)sample;
    for (int x = 0; x < AT; x++) {
        double in[M], out[M];
        for (int i = 0; i < M; i++)
            in[i] = v[i * AT + x];
        multiply(M, k, in, out);
        for (int i = 0; i < M; i++)
            cv[i * AT + x] = out[i];
    }
}

/* p = the projection on the places of y, by Gram-Schmidt. */
static void projection(const double *y, double *p)
{
    memset(p, 0, M * M * sizeof *p);
    for (int x = 0; x < AT; x++) {
        double q[M], in[M], size;
        for (int i = 0; i < M; i++)
            in[i] = y[i * AT + x];
        multiply(M, p, in, q);
        for (int i = 0; i < M; i++)
            q[i] = in[i] - q[i];
        size = norm(M, q);
        for (int i = 0; size > .01 && i < M; i++) /* signs are dependent or not, never nearly */
            for (int j = 0; j < M; j++)
                p[i + j * M] += q[i] * q[j] / (size * size);
    }
}

/* The fit that knows K in the directions of y alone: K P made symmetric, with trace M, and lam =
 * <fit, S Y'> / <fit^2, Y Y'> with S = K Y. */
static double fitted(const double *k, const double *y, double *fit)
{
    double p[M * M], kp[M * M], trace = 0, over = 0, under = 0;
    projection(y, p);
    for (int j = 0; j < M; j++)
        multiply(M, k, p + j * M, kp + j * M);
    for (int i = 0; i < M; i++)
        trace += kp[i + i * M];
    for (int j = 0; j < M; j++)
        for (int i = 0; i < M; i++)
            fit[i + j * M] = (kp[i + j * M] + kp[j + i * M]) / 2 * M / trace;
    for (int x = 0; x < AT; x++) {
        double in[M], s[M], f[M];
        for (int i = 0; i < M; i++)
            in[i] = y[i * AT + x];
        multiply(M, k, in, s);
        multiply(M, fit, in, f);
        for (int i = 0; i < M; i++) {
            over += f[i] * s[i];
            under += f[i] * f[i];
        }
    }
    return over / under;
}

/* V (lambda^2 + b^2 max(scale e, 0))^(1/2) V^T z of the symmetric k, place by place. */
static void root_of(const double *k, double scale, double lambda, double b, const double *z,
                    double *y)
{
    double v[M * M], e[M], u[M], in[M], out[M], work[512];
    memcpy(v, k, sizeof v);
    CHECK(covsamp__eigh_work(M) <= 512 && covsamp__eigh(M, v, e, work, 512) == 0);
    for (int x = 0; x < AT; x++) {
        for (int i = 0; i < M; i++)
            in[i] = z[i * AT + x];
        multiply_transposed(M, v, in, u);
        for (int i = 0; i < M; i++)
            u[i] *= sqrt(lambda * lambda + b * b * fmax(scale * e[i], 0));
        multiply(M, v, u, out);
        for (int i = 0; i < M; i++)
            y[i * AT + x] = out[i];
    }
}

/* Fewer places than channels: the probe does not tell all of K. */
static void test_few_directions(int64_t seed)
{
    enum { N = 16, D5 = M * AT };
    double q[M * M], e[M] = {2, .7, .3, 1.1, .1}, k[M * M], n[STEPS * N * D5], z[N * D5], lambda, b;
    char options[200];
    orthogonal(60 + seed, M, q);
    spectral(M, q, e, k);
    given_covariance given = {colours_apply, k, NULL};
    drawing d = {schedule, levels, STEPS, N, D5, given_answer, &given, NULL, z, 0, 0};
    normals(53, N * D5, z);
    snprintf(options, sizeof options,
             "prediction=x0 covariance=spectral channels=5 width=3 spectral_mode=block "
             "spectral_block=1 spectral_colour=1 last_noise=1 seed=%d",
             (int)seed);
    (void)draw(&d, options, 1, n);
    for (int step = 0; step < STEPS; step++) {
        step_numbers(schedule, levels[step], level_of(&d, step + 1), 1, &lambda, &b);
        for (int sample = 0; sample < N; sample++) {
            double y[D5], fit[M * M], x[D5];
            covsamp__signs_as(COVSAMP_F64, (uint64_t)seed, sample, COVSAMP_STREAM_PROBE, step, 0,
                              D5, y);
            const double lam = fitted(k, y, fit);
            root_of(fit, lam, lambda, b, z + sample * D5, x);
            CHECK(distance(D5, n + (step * N + sample) * D5, x) < 1e-6);
        }
    }
}

/* Nothing at all: no trace to set to the number of channels. */
static void test_no_colour(void)
{
    static const double zero[M * M];
    double n[STEPS * M * AT], z[M * AT], lambda, b;
    given_covariance given = {colours_apply, zero, NULL};
    drawing d = {schedule, levels, STEPS, 1, M * AT, given_answer, &given, NULL, z, 0, 0};
    normals(54, M * AT, z);
    (void)draw(
        &d, "prediction=x0 covariance=spectral channels=5 width=3 spectral_colour=1 last_noise=1",
        1, n);
    for (int k = 0; k < STEPS; k++) {
        step_numbers(schedule, levels[k], level_of(&d, k + 1), 1, &lambda, &b);
        for (int i = 0; i < M * AT; i++)
            CHECK_NEAR(n[k * M * AT + i], lambda * z[i], 1e-13);
    }
}

enum { LINE = 32 }; /* windows of two values, two channels */
static const double first[4] = {1.2, .5, .5, .8}, second[4] = {.4, -.6, -.6, 1.6};

/* Sums of pairs have the colours `first`, differences minus those of `second`. */
static void two_colours(const void *user, int64_t sample, const double *v, double *cv)
{
    (void)user;
    (void)sample;
    for (int x = 0; x < LINE; x += 2)
        for (int i = 0; i < 2; i++) {
            double sum = 0, rest = 0;
            for (int j = 0; j < 2; j++) {
                const double *p = v + j * LINE + x;
                sum += first[i + 2 * j] * (p[0] + p[1]) / 2;
                rest -= .5 * second[i + 2 * j] * (p[0] - p[1]) / 2;
            }
            cv[i * LINE + x] = sum + rest;
            cv[i * LINE + x + 1] = sum - rest;
        }
}

/* A frequency whose variance is negative has no say in what the colours are. */
static void test_negative_colour(void)
{
    double n[STEPS * 2 * LINE], z[2 * LINE], lambda, b;
    given_covariance given = {two_colours, NULL, NULL};
    drawing d = {schedule, levels, STEPS, 1, 2 * LINE, given_answer, &given, NULL, z, 0, 0};
    normals(55, 2 * LINE, z);
    (void)draw(&d,
               "prediction=x0 covariance=spectral channels=2 width=32 spectral_colour=1 "
               "spectral_mode=block spectral_block=2 last_noise=1",
               1, n);
    const double angle = .5 * atan2(2 * first[1], first[0] - first[3]);
    const double v[4] = {cos(angle), sin(angle), -sin(angle), cos(angle)};
    const double half = hypot((first[0] - first[3]) / 2, first[1]), e[2] = {1 + half, 1 - half};
    for (int k = 0; k < STEPS; k++) {
        step_numbers(schedule, levels[k], level_of(&d, k + 1), 1, &lambda, &b);
        for (int x = 0; x < LINE; x += 2) {
            double u[2], y[2];
            const double *p = z + x, *o = n + k * 2 * LINE + x;
            const double sum[2] = {p[0] + p[1], p[LINE] + p[LINE + 1]};
            multiply_transposed(2, v, sum, u);
            for (int i = 0; i < 2; i++)
                u[i] *= sqrt(lambda * lambda + b * b * e[i]);
            multiply(2, v, u, y);
            for (int i = 0; i < 2; i++) {
                CHECK_NEAR(o[i * LINE] + o[i * LINE + 1], y[i], 1e-10);
                CHECK_NEAR(o[i * LINE] - o[i * LINE + 1], lambda * (p[i * LINE] - p[i * LINE + 1]),
                           1e-10);
            }
        }
    }
}

int main(void)
{
    schedule = linear_schedule();
    test_rings(1);
    test_rings(2);
    for (int64_t dim = 2; dim <= 24; dim += 2)
        test_no_share(dim);
    test_sliding(.7, 0);
    test_sliding(0, 3);
    test_sliding(.7, 30);
    for (int64_t seed = 0; seed < 4; seed++)
        test_few_directions(seed);
    test_no_colour();
    test_negative_colour();
    covsamp_schedule_free(schedule);
    return check_done();
}
