/* SPDX-License-Identifier: BSD-3-Clause */
/* Hutchinson's estimates: diag_probe and state_isotropic. */
#include "draws.h"

enum { D = 6 };
static covsamp_schedule *schedule;
static const int64_t levels[] = {700, 450, 300, 120, 40, 3};
enum { STEPS = sizeof levels / sizeof levels[0] };

/* ---- exact for a diagonal C ---- */

static const double diagonal[D] = {.5, .02, 1.5, 3, .1, .7};

static void diagonal_matrix(double *c)
{
    memset(c, 0, D * D * sizeof *c);
    for (int i = 0; i < D; i++)
        c[i + i * D] = diagonal[i];
}

static void test_exact(int32_t dtype)
{
    enum { B = 3 };
    double c[D * D], z[B * D], n[STEPS * B * D], mean = 0, lambda, b;
    diagonal_matrix(c);
    normals(1, B * D, z);
    for (int i = 0; i < D; i++)
        mean += diagonal[i] / D;
    matrix m = {D, c};
    given_covariance given = {matrix_apply, &m, NULL};
    drawing d = {schedule, levels, STEPS, B, D, given_answer, &given, NULL, z, dtype, 0};
    for (int kind = 0; kind < 2; kind++)
        for (int64_t probes = 1; probes <= 5; probes += 2)
            for (int e = 0; e < 3; e++) {
                char options[128];
                snprintf(options, sizeof options,
                         "prediction=x0 covariance=%s probes=%d tangents=2 last_noise=1",
                         kind ? "state_isotropic" : "diag_probe", (int)probes);
                const covsamp_stats stats = draw(&d, options, e / 2.0, n);
                CHECK(stats.products_used == probes * STEPS * B);
                CHECK(stats.jvp_tangents == probes * STEPS);
                CHECK(stats.jvp_requests == (probes + 1) / 2 * STEPS);
                for (int k = 0; k < STEPS; k++) {
                    step_numbers(schedule, levels[k], level_of(&d, k + 1), e / 2.0, &lambda, &b);
                    for (int i = 0; i < B * D; i++) {
                        const double v = kind ? mean : diagonal[i % D];
                        const double wanted = sqrt(lambda * lambda + b * b * v) * z[i];
                        CHECK_NEAR(n[k * B * D + i], wanted, dtype == COVSAMP_F32 ? 1e-5 : 1e-12);
                    }
                }
            }
}

/* ---- unbiased ---- */

/* Row sums of |C_ij|, j != i, stay below C_ii: no estimate is negative, so none is clamped. */
static void dominant(double *c)
{
    double g[D * D];
    normals(8, D * D, g);
    for (int i = 0; i < D; i++)
        for (int j = 0; j < D; j++)
            c[i + j * D] = i == j ? 4 + .3 * i : .12 * (g[i + j * D] + g[j + i * D]);
}

/* The estimates behind n for z = 1: (n^2 - lambda^2) / b^2. */
static double estimate(double n, double lambda, double b)
{
    return (n * n - lambda * lambda) / (b * b);
}

static void test_unbiased(void)
{
    enum { N = 10000 };
    double c[D * D], lambda, b, largest = 0;
    double *z = malloc(N * D * sizeof *z), *n = malloc(N * D * sizeof *n);
    dominant(c);
    for (int i = 0; i < N * D; i++)
        z[i] = 1;
    matrix m = {D, c};
    given_covariance given = {matrix_apply, &m, NULL};
    drawing d = {schedule, levels, 1, N, D, given_answer, &given, NULL, z, 0, 0};
    step_numbers(schedule, levels[0], 0, 1, &lambda, &b);
    for (int probes = 1; probes <= 4; probes += 3) {
        double all = 0; /* variance of the whole trace's mean */
        char options[128];
        snprintf(options, sizeof options,
                 "prediction=x0 covariance=diag_probe probes=%d last_noise=1 seed=3", probes);
        (void)draw(&d, options, 1, n);
        for (int i = 0; i < D; i++) {
            double mean = 0, square = 0, expected = 0;
            for (int j = 0; j < D; j++)
                expected += j != i ? c[i + j * D] * c[i + j * D] / probes : 0;
            all += 2 * expected / (D * D);
            for (int k = 0; k < N; k++) {
                const double v = estimate(n[k * D + i], lambda, b) - c[i + i * D];
                mean += v / N;
                square += v * v / N;
            }
            largest = fmax(largest, fabs(mean) / sqrt(expected / N));
            CHECK(fabs(mean) < 4 * sqrt(expected / N));
            CHECK_CLOSE(square, expected, .1);
        }
        double mean = 0, square = 0, trace = 0;
        for (int i = 0; i < D; i++)
            trace += c[i + i * D] / D;
        snprintf(options, sizeof options,
                 "prediction=x0 covariance=state_isotropic probes=%d last_noise=1 seed=4", probes);
        (void)draw(&d, options, 1, n);
        for (int k = 0; k < N; k++) {
            const double v = estimate(n[k * D], lambda, b) - trace;
            mean += v / N;
            square += v * v / N;
        }
        CHECK(fabs(mean) < 4 * sqrt(all / N));
        CHECK_CLOSE(square, all, .1);
    }
    printf("unbiased over %d probes: largest |z| %.2f\n", N, largest);
    free(z);
    free(n);
}

/* ---- bits ---- */

/* Tangents per request, mean_jvp and company in the batch change no bit. */
static void test_bits(int32_t dtype)
{
    static const char *const how[] = {"tangents=1", "tangents=2", "tangents=5",
                                      "tangents=5 mean_jvp=0"};
    static const int64_t requests[] = {5, 3, 1, 1};
    enum { B = 4 };
    double c[D * D], first[STEPS * B * D], n[STEPS * B * D];
    dominant(c);
    matrix m = {D, c};
    given_covariance given = {matrix_apply, &m, NULL};
    drawing d = {schedule, levels, STEPS, B, D, given_answer, &given, NULL, NULL, dtype, 0};
    for (int kind = 0; kind < 2; kind++) {
        char options[160];
        const char *name = kind ? "state_isotropic" : "diag_probe";
        for (int k = 0; k < LENGTH(how); k++) {
            snprintf(options, sizeof options, "prediction=x0 covariance=%s probes=5 %s", name,
                     how[k]);
            d.batch = B;
            const covsamp_stats stats = draw(&d, options, .7, k == 0 ? first : n);
            CHECK(stats.jvp_requests == requests[k] * (STEPS - 1));
            CHECK(stats.jvp_tangents == 5 * (STEPS - 1));
            CHECK(stats.mean_requests == STEPS);
            CHECK(k == 0 || memcmp(first, n, sizeof n) == 0);
        }
        d.batch = 1;
        for (int b = 0; b < B; b++) {
            snprintf(options, sizeof options,
                     "prediction=x0 covariance=%s probes=5 tangents=3 first_sample=%d", name, b);
            (void)draw(&d, options, .7, n);
            for (int k = 0; k < STEPS; k++)
                CHECK(memcmp(n + k * D, first + (k * B + b) * D, D * sizeof *n) == 0);
        }
    }
}

/* ---- reuse ---- */

/* An estimate serves `reuse` steps, in the unit sigma^2 / alpha^2 that C has by itself; the cap and
 * the guard hold at each of them for the scaled estimate. */
static void test_reuse(int reuse, const char *bounds, double cap, double guard)
{
    double c[D * D], z[D], n[STEPS * D], table[1000], lambda, b, trace = 0;
    diagonal_matrix(c);
    normals(2, D, z);
    for (int i = 0; i < 1000; i++)
        table[i] = .75; /* analytic: a quarter of the unit */
    for (int i = 0; i < D; i++)
        trace += diagonal[i] / D;
    matrix m = {D, c};
    given_covariance given = {matrix_apply, &m, NULL};
    drawing d = {schedule, levels, STEPS, 1, D, given_answer, &given, NULL, z, 0, 0};
    use_table(COVSAMP_TABLE_NOISE, table, 1000);
    for (int kind = 0; kind < 2; kind++) {
        char options[160];
        snprintf(options, sizeof options, "prediction=x0 covariance=%s reuse=%d last_noise=1 %s",
                 kind ? "state_isotropic" : "diag_probe", reuse, bounds);
        const covsamp_stats stats = draw(&d, options, 1, n);
        CHECK(stats.jvp_requests == (STEPS + reuse - 1) / reuse && stats.mean_requests == STEPS);
        for (int k = 0; k < STEPS; k++) {
            const double unit = unit_of(schedule, levels[k]);
            double scale = unit / unit_of(schedule, levels[k - k % reuse]);
            if (scale * trace > guard * .25 * unit)
                scale = guard * .25 * unit / trace;
            step_numbers(schedule, levels[k], level_of(&d, k + 1), 1, &lambda, &b);
            for (int i = 0; i < D; i++) {
                const double v = fmin(scale * (kind ? trace : diagonal[i]), cap);
                CHECK_NEAR(n[k * D + i], sqrt(lambda * lambda + b * b * v) * z[i], 1e-12);
            }
        }
    }
    use_table(COVSAMP_TABLE_NOISE, NULL, 0);
}

/* Values 0 and 3 are clipped where the estimate is made, 4 and 5 where it serves again. */
static int clipped_at(int64_t step, int i)
{
    return step % 2 == 0 ? i == 0 || i == 3 : i == 4 || i == 5;
}

static int32_t moving_mask(void *user, const covsamp_request *r)
{
    for (int64_t i = 0; r->mean != NULL && i < D; i++)
        store(r->dtype, r->mean, i, clipped_at(r->step, (int)i) ? 2 : 0);
    covsamp_request products = *r;
    products.mean = NULL;
    return r->tangents > 0 ? given_answer(user, &products) : 0;
}

/* An estimate that serves again is one of C: what was clipped then and is not now has its variance.
 */
static void test_reuse_mask(const char *bounds, double guard)
{
    double c[D * D], z[D], n[STEPS * D], table[1000], lambda, b;
    diagonal_matrix(c);
    normals(2, D, z);
    for (int i = 0; i < 1000; i++)
        table[i] = .75;
    use_table(COVSAMP_TABLE_NOISE, table, 1000);
    matrix m = {D, c};
    given_covariance given = {matrix_apply, &m, NULL};
    drawing d = {schedule, levels, STEPS, 1, D, moving_mask, &given, NULL, z, 0, 0};
    for (int kind = 0; kind < 2; kind++) {
        char options[160];
        snprintf(options, sizeof options,
                 "prediction=x0 covariance=%s reuse=2 last_noise=1 clip_x0=1 %s",
                 kind ? "state_isotropic" : "diag_probe", bounds);
        CHECK(draw(&d, options, 1, n).jvp_requests == STEPS / 2);
        for (int k = 0; k < STEPS; k++) {
            const double unit = unit_of(schedule, levels[k]);
            double scale = unit / unit_of(schedule, levels[k - k % 2]), trace = 0;
            for (int i = 0; i < D; i++)
                trace += clipped_at(k, i) ? 0 : diagonal[i];
            const double mean = scale * trace / 4;
            if (scale * trace / D > guard * .25 * unit)
                scale = guard * .25 * unit * D / trace;
            step_numbers(schedule, levels[k], level_of(&d, k + 1), 1, &lambda, &b);
            for (int i = 0; i < D; i++) {
                double v = kind ? fmin(mean, scale * trace / 4) : scale * diagonal[i];
                v = clipped_at(k, i) ? 0 : v;
                n[k * D + i] -= clipped_at(k, i) ? b : 0; /* that of the clipped mean, 1 */
                CHECK_NEAR(n[k * D + i], sqrt(lambda * lambda + b * b * v) * z[i], 1e-12);
            }
        }
    }
    use_table(COVSAMP_TABLE_NOISE, NULL, 0);
}

/* A restart forgets the estimate: the same samples once more. */
static void test_reuse_restart(void)
{
    double c[D * D], first[D], second[D];
    dominant(c);
    matrix m = {D, c};
    given_covariance given = {matrix_apply, &m, NULL};
    const covsamp_model model = model_of(given_answer, &given);
    for (int kind = 0; kind < 3; kind++) {
        static const char *const names[] = {"diag_probe", "state_isotropic", "spectral width=6"};
        covsamp_sampler *s =
            sampler_of(schedule, levels, 4,
                       "batch=1 dim=%d dtype=f64 prediction=x0 reuse=3 last_noise=1 "
                       "seed=8 covariance=%s",
                       D, names[kind]);
        CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
        read_state(s, COVSAMP_F64, 1, D, first);
        CHECK(covsamp_sampler_restart(s, 8, 0) == COVSAMP_OK);
        CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
        read_state(s, COVSAMP_F64, 1, D, second);
        CHECK(memcmp(first, second, sizeof first) == 0 && stats_of(s).jvp_requests == 2);
        covsamp_sampler_free(s);
    }
}

/* ---- signs and masks ---- */

static void test_negative(void)
{
    double c[D * D], z[D], n[STEPS * D], lambda, b;
    diagonal_matrix(c);
    for (int i = 0; i < D * D; i++)
        c[i] = -c[i];
    normals(2, D, z);
    matrix m = {D, c};
    given_covariance given = {matrix_apply, &m, NULL};
    drawing d = {schedule, levels, STEPS, 1, D, given_answer, &given, NULL, z, 0, 0};
    for (int kind = 0; kind < 2; kind++) {
        (void)draw(&d,
                   kind ? "prediction=x0 covariance=state_isotropic last_noise=1 reuse=2"
                        : "prediction=x0 covariance=diag_probe last_noise=1 reuse=2",
                   1, n);
        for (int k = 0; k < STEPS; k++) {
            step_numbers(schedule, levels[k], level_of(&d, k + 1), 1, &lambda, &b);
            for (int i = 0; i < D; i++)
                CHECK_NEAR(n[k * D + i], lambda * z[i], 1e-13);
        }
    }
}

/* Where x0 is clipped C is 0; state_isotropic is the mean over the rest.  The probes are in the
 * range of P. */
static void test_mask(void)
{
    static const double x0[D] = {.1, 2, -.3, -1.5, .9, 0}, clipped[D] = {.1, 1, -.3, -1, .9, 0};
    double c[D * D], z[D], n[STEPS * D], lambda, b, mean = 0;
    diagonal_matrix(c);
    normals(3, D, z);
    for (int i = 0; i < D; i++)
        mean += fabs(x0[i]) > 1 ? 0 : diagonal[i] / 4;
    matrix m = {D, c};
    given_covariance given = {matrix_apply, &m, x0};
    drawing d = {schedule, levels, STEPS, 1, D, given_answer, &given, clipped, z, 0, 0};
    for (int kind = 0; kind < 2; kind++) {
        (void)draw(&d,
                   kind ? "prediction=x0 covariance=state_isotropic clip_x0=1 last_noise=1"
                        : "prediction=x0 covariance=diag_probe clip_x0=1 last_noise=1",
                   1, n);
        for (int k = 0; k < STEPS; k++) {
            step_numbers(schedule, levels[k], level_of(&d, k + 1), 1, &lambda, &b);
            for (int i = 0; i < D; i++) {
                const double v = fabs(x0[i]) > 1 ? 0 : kind ? mean : diagonal[i];
                CHECK_NEAR(n[k * D + i], sqrt(lambda * lambda + b * b * v) * z[i], 1e-12);
            }
        }
    }
}

int main(void)
{
    schedule = linear_schedule();
    test_exact(COVSAMP_F64);
    test_exact(COVSAMP_F32);
    test_unbiased();
    test_bits(COVSAMP_F64);
    test_bits(COVSAMP_F32);
    for (int reuse = 1; reuse <= 4; reuse++) {
        test_reuse(reuse, "", INFINITY, INFINITY);
        test_reuse(reuse, "covariance_cap=0.6", .6, INFINITY);
        test_reuse(reuse, "covariance_cap=0.6 trace_guard=0.3", .6, .3);
    }
    test_reuse_mask("", INFINITY);
    test_reuse_mask("trace_guard=0.3", .3);
    test_reuse_restart();
    test_negative();
    test_mask();
    covsamp_schedule_free(schedule);
    return check_done();
}
