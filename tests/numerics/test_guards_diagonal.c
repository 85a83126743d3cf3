/* SPDX-License-Identifier: BSD-3-Clause */
/* ritz_cap, trace_guard, pixel_clip and limit_range where every covariance is known in closed form:
 * C is diagonal, or c I under a clip mask. */
#include "draws.h"

enum { D = 8, B = 2 };
static covsamp_schedule *schedule;
static const int64_t levels[] = {700, 450, 250, 90};
enum { STEPS = sizeof levels / sizeof levels[0] };
static double table[1000], z[B * D];

/* What the model knows: C, and x0, whose larger values are clipped. */
static double diagonal[D];
static const double x0[D] = {.1, 2, -.3, -1.5, .9, 0, 3, .2};
static const double clipped[D] = {.1, 1, -.3, -1, .9, 0, 1, .2}, none[D];
#define KEPT 5

static int outside(int i)
{
    return fabs(x0[i]) > 1;
}

static void diagonal_apply(const void *user, int64_t sample, const double *v, double *cv)
{
    (void)user;
    (void)sample;
    for (int i = 0; i < D; i++)
        cv[i] = diagonal[i] * v[i];
}

static int32_t answer(void *given, const covsamp_request *r)
{
    for (int64_t b = 0; r->head != NULL && b < r->batch; b++)
        for (int i = 0; i < D; i++)
            store(r->dtype, r->head, b * r->stride + i,
                  diagonal[i] * r->alpha * r->alpha / (r->sigma * r->sigma));
    return given_answer(given, r);
}

static drawing drawing_of(given_covariance *given, int masked)
{
    given->apply = diagonal_apply;
    given->mean = masked ? x0 : none;
    const drawing d = {schedule, levels, STEPS, B, D, answer, given, masked ? clipped : none,
                       z,        0,      0};
    return d;
}

enum { ANALYTIC, ISOTROPIC, PROBE, MODEL, SPECTRAL, KRYLOV, DENSE, KINDS };
static const char *const names[KINDS] = {
    "analytic",         "state_isotropic",       "diag_probe",      "diag_model head=npr",
    "spectral width=8", "krylov krylov_steps=8", "dense tangents=8"};

/* ---- ritz_cap ---- */

/* No variance of x0 above it, in units of sigma^2 / alpha^2: for all that give values one by one.
 */
static void test_ritz_cap(double ritz, double cap)
{
    static const double values[D] = {.5, .02, 1.5, 3, .1, .7, 40, .3};
    double n[STEPS * B * D], lambda, b, mean = 0;
    given_covariance given;
    memcpy(diagonal, values, sizeof diagonal);
    for (int i = 0; i < D; i++)
        mean += values[i] / D;
    for (int kind = ANALYTIC; kind < KINDS; kind++) {
        char options[200];
        drawing d = drawing_of(&given, 0);
        if (kind == SPECTRAL) /* C is not diagonal in its basis */
            continue;
        snprintf(options, sizeof options,
                 "prediction=x0 last_noise=1 covariance=%s ritz_cap=%.17g covariance_cap=%.17g",
                 names[kind], ritz, isfinite(cap) ? cap : 0);
        (void)draw(&d, options, .5, n);
        for (int k = 0; k < STEPS; k++) {
            const double unit = unit_of(schedule, levels[k]);
            step_numbers(schedule, levels[k], level_of(&d, k + 1), .5, &lambda, &b);
            for (int i = 0; i < B * D; i++) {
                const double c = kind == ANALYTIC    ? unit * (1 - table[levels[k] - 1])
                                 : kind == ISOTROPIC ? mean
                                                     : values[i % D];
                const double v = lambda * lambda + b * b * fmin(c, fmin(ritz * unit, cap));
                CHECK_NEAR(n[k * B * D + i], sqrt(v) * z[i], 1e-10);
            }
        }
    }
}

/* ---- trace_guard under a mask ---- */

/* Either is exact for C = c I: signs in the basis find it, and under P a quotient of sums does. */
static const char *estimate_of(int masked)
{
    return masked ? "spectral_estimate=ratio" : "spectral_estimate=transform";
}

/* trace(P C P) / dim for C = c I is c times the share of values that are kept; krylov sees it by z.
 */
static double share_of(int kind, const double *noise, int masked)
{
    double in = 0, all = 0;
    for (int i = 0; i < D; i++) {
        in += masked && outside(i) ? 0 : noise[i] * noise[i];
        all += noise[i] * noise[i];
    }
    return kind == KRYLOV ? in / all : masked ? (double)KEPT / D : 1;
}

static void test_trace_guard(double guard, int masked)
{
    const double c = 2;
    double n[STEPS * B * D], lambda, b;
    given_covariance given;
    for (int i = 0; i < D; i++)
        diagonal[i] = c;
    for (int kind = ISOTROPIC; kind < KINDS; kind++) {
        char options[200];
        drawing d = drawing_of(&given, masked);
        snprintf(options, sizeof options,
                 "prediction=x0 last_noise=1 covariance=%s trace_guard=%.17g clip_x0=%d %s",
                 names[kind], guard, masked, estimate_of(masked));
        (void)draw(&d, options, .5, n);
        for (int k = 0; k < STEPS; k++) {
            const double most =
                guard * fmax(unit_of(schedule, levels[k]) * (1 - table[levels[k] - 1]), 0);
            step_numbers(schedule, levels[k], level_of(&d, k + 1), .5, &lambda, &b);
            for (int i = 0; i < B * D; i++) {
                const double share = share_of(kind, z + i / D * D, masked);
                const double in = masked && outside(i % D) ? 0 : fmin(c, most / share);
                CHECK_NEAR(n[k * B * D + i], sqrt(lambda * lambda + b * b * in) * z[i], 1e-10);
            }
        }
    }
}

/* ---- pixel_clip under a mask ---- */

/* It bounds all noise of the step that lands on the last level, clipped values included. */
static void test_pixel_clip(double pixels)
{
    const double c = 2, limit = pow(pixels * 2 / 255, 2) * acos(-1.0) / 2;
    double n[STEPS * B * D], lambda, b;
    given_covariance given;
    int64_t bounded = 0;
    for (int i = 0; i < D; i++)
        diagonal[i] = c;
    for (int kind = ISOTROPIC; kind < KINDS; kind++) {
        char options[200];
        drawing d = drawing_of(&given, 1);
        snprintf(options, sizeof options,
                 "prediction=x0 last_noise=1 covariance=%s pixel_clip=%.17g clip_x0=1 %s",
                 names[kind], pixels, estimate_of(1));
        (void)draw(&d, options, 1, n);
        for (int k = 0; k < STEPS; k++) {
            step_numbers(schedule, levels[k], level_of(&d, k + 1), 1, &lambda, &b);
            for (int i = 0; i < B * D; i++) {
                double v = lambda * lambda + (outside(i % D) ? 0 : b * b * c);
                bounded += k + 2 == STEPS && outside(i % D) && v > limit;
                v = k + 2 == STEPS ? fmin(v, limit) : v;
                CHECK_NEAR(n[k * B * D + i], sqrt(v) * z[i], 1e-10);
            }
        }
    }
    CHECK(bounded > 0);
}

/* ---- limit_range ---- */

static const double range_head[D] = {-3, -1, -.5, 0, .5, 1, 1.5, 9};

static int32_t range_answer(void *user, const covsamp_request *r)
{
    (void)user;
    for (int64_t b = 0; b < r->batch; b++)
        for (int i = 0; i < D; i++) {
            store(r->dtype, r->mean, b * r->stride + i, 0);
            if (r->head != NULL)
                store(r->dtype, r->head, b * r->stride + i, range_head[i]);
        }
    return 0;
}

/* log variance = v' log beta + (1 - v') log beta-tilde; neither cap has a say. */
static void test_limit_range(int limited)
{
    double n[STEPS * B * D], lambda, b, at, st, as, ss;
    char options[160];
    drawing d = {schedule, levels, STEPS, B, D, range_answer, NULL, NULL, z, 0, 0};
    snprintf(options, sizeof options,
             "prediction=x0 covariance=diag_model head=iddpm limit_range=%d covariance_cap=1e-9 "
             "ritz_cap=1e-9",
             limited);
    (void)draw(&d, options, 1, n);
    for (int k = 0; k + 1 < STEPS; k++) {
        (void)covsamp_schedule_at(schedule, (double)levels[k], &at, &st, NULL);
        (void)covsamp_schedule_at(schedule, (double)levels[k + 1], &as, &ss, NULL);
        step_numbers(schedule, levels[k], levels[k + 1], 1, &lambda, &b);
        const double beta = st * st - at / as * (at / as) * ss * ss;
        for (int i = 0; i < B * D; i++) {
            double v = (range_head[i % D] + 1) / 2;
            v = limited ? fmin(fmax(v, 0), 1) : v;
            CHECK_CLOSE(n[k * B * D + i], pow(beta, v / 2) * pow(lambda, 1 - v) * z[i], 1e-10);
        }
    }
}

int main(void)
{
    schedule = linear_schedule();
    normals(31, B * D, z);
    for (int i = 0; i < 1000; i++)
        table[i] = .5;
    use_table(COVSAMP_TABLE_NOISE, table, 1000);
    test_ritz_cap(.3, INFINITY);
    test_ritz_cap(.3, .2);
    for (int masked = 0; masked < 2; masked++) {
        test_trace_guard(.1, masked);
        test_trace_guard(1e3, masked);
    }
    test_pixel_clip(1);
    test_pixel_clip(10);
    test_limit_range(0);
    test_limit_range(1);
    for (int i = 0; i < 1000; i++)
        table[i] = 1.2; /* no analytic variance at all, and no less than none */
    test_trace_guard(2, 0);
    covsamp_schedule_free(schedule);
    return check_done();
}
