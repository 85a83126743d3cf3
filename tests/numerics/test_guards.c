/* SPDX-License-Identifier: BSD-3-Clause */
/* krylov's tolerance, ritz_cap and trace_guard (krylov and dense), against known spectra: for each
 * sample C = Q diag(e) Q^T with a Q and e of its own. */
#include "draws.h"

enum { D = 16, B = 4 };
static covsamp_schedule *schedule;
static const int64_t levels[] = {600, 350, 120};
enum { STEPS = sizeof levels / sizeof levels[0] };
static double q[B][D * D], e[B][D], c[B][D * D], z[B * D], table[1000];

static int64_t only = -1; /* the one sample of a batch of one; -1: all */

static void apply(const void *user, int64_t sample, const double *v, double *cv)
{
    (void)user;
    multiply(D, c[only < 0 ? sample : only], v, cv);
}

static given_covariance given = {apply, NULL, NULL};

static drawing drawing_of(void)
{
    const drawing d = {schedule, levels, STEPS, B, D, given_answer, &given, NULL, z, 0, 0};
    return d;
}

/* From nearly a multiple of I (few products) to four decades. */
static void make_matrices(void)
{
    static const double decades[B] = {.05, .5, 2, 4};
    normals(1, B * D, z);
    for (int b = 0; b < B; b++) {
        orthogonal(40 + b, D, q[b]);
        for (int i = 0; i < D; i++)
            e[b][i] = (1 + b) * pow(10, -decades[b] * i / (D - 1));
        spectral(D, q[b], e[b], c[b]);
    }
}

typedef struct {
    double scale, highest; /* min(scale e, highest) */
} bounds;

/* Q (lambda^2 + b2 min(scale e, highest))^(1/2) Q^T z */
static void exact_root(int sample, double lambda, double b, bounds bound, double *y)
{
    double u[D];
    multiply_transposed(D, q[sample], z + sample * D, u);
    for (int i = 0; i < D; i++)
        u[i] *= sqrt(lambda * lambda + b * b * fmin(bound.scale * e[sample][i], bound.highest));
    multiply(D, q[sample], u, y);
}

/* ---- tolerance ---- */

/* y[m - 1]: what exactly m products give, without a tolerance. */
static void fixed_lengths(double (*y)[STEPS * B * D], double eta, const char *more)
{
    drawing d = drawing_of();
    for (int m = 1; m <= D; m++) {
        char options[128];
        snprintf(options, sizeof options,
                 "prediction=x0 covariance=krylov last_noise=1 krylov_steps=%d %s", m, more);
        (void)draw(&d, options, eta, y[m - 1]);
    }
}

/* The first m >= 2 whose product changed the result by at most the tolerance. */
static int stop_of(double (*y)[STEPS * B * D], int64_t at, double tolerance)
{
    int m = 2;
    while (m < D && distance(D, y[m - 2] + at, y[m - 1] + at) > tolerance)
        m++;
    return m;
}

static double ratio_worst;

static void test_tolerance(double tolerance, double eta, const char *more, int guarded)
{
    static double y[D][STEPS * B * D];
    double n[STEPS * B * D], root[D], lambda, b;
    char options[160];
    drawing d = drawing_of();
    int64_t used = 0, paid = 0;
    int whole = 0; /* a sample needed the whole space: nothing stopped it */
    fixed_lengths(y, eta, more);
    snprintf(options, sizeof options,
             "prediction=x0 covariance=krylov last_noise=1 krylov_steps=%d tolerance=%.17g %s", D,
             tolerance, more);
    const covsamp_stats stats = draw(&d, options, eta, n);
    for (int k = 0; k < STEPS; k++) {
        int64_t most = 0;
        step_numbers(schedule, levels[k], level_of(&d, k + 1), eta, &lambda, &b);
        for (int s = 0; s < B; s++) {
            const int64_t at = (k * B + s) * D;
            const int m = stop_of(y, at, tolerance);
            used += m;
            most = m > most ? m : most;
            whole |= m == D;
            CHECK(distance(D, n + at, y[m - 1] + at) < 1e-12);
            exact_root(s, lambda, b, (bounds){1, INFINITY}, root);
            if (!guarded) {
                ratio_worst = fmax(ratio_worst, distance(D, n + at, root) / tolerance);
                CHECK(distance(D, n + at, root) < 3 * tolerance);
            }
        }
        paid += most * B;
    }
    CHECK(stats.products_used == used && stats.products_paid == paid);
    CHECK(stats.jvp_requests == paid / B && stats.mean_requests == STEPS);
    CHECK(stats.error_estimate <= tolerance || whole);
    CHECK(tolerance < 1e-3 || !whole);
}

/* Off is off to the bit; 1 needs two products, as nothing can be compared before; a sample alone
 * is as in its batch. */
static void test_tolerance_ends(void)
{
    double all[STEPS * B * D], n[STEPS * B * D];
    drawing d = drawing_of();
    covsamp_stats stats =
        draw(&d, "prediction=x0 covariance=krylov krylov_steps=9 last_noise=1", .5, all);
    CHECK(stats.products_used == 9 * B * STEPS);
    stats =
        draw(&d, "prediction=x0 covariance=krylov krylov_steps=9 last_noise=1 tolerance=0", .5, n);
    CHECK(memcmp(n, all, sizeof n) == 0 && stats.products_used == 9 * B * STEPS);
    stats =
        draw(&d, "prediction=x0 covariance=krylov krylov_steps=9 last_noise=1 tolerance=1", .5, n);
    CHECK(stats.products_used == 2 * B * STEPS && stats.products_paid == 2 * B * STEPS);
    stats =
        draw(&d, "prediction=x0 covariance=krylov krylov_steps=1 last_noise=1 tolerance=1", .5, n);
    CHECK(stats.products_used == B * STEPS);
    /* Without a word on krylov_steps it does not end the space before the tolerance can. */
    (void)draw(&d, "prediction=x0 covariance=krylov krylov_steps=16 last_noise=1 tolerance=1e-3",
               .5, all);
    stats = draw(&d, "prediction=x0 covariance=krylov last_noise=1 tolerance=1e-3", .5, n);
    CHECK(memcmp(n, all, sizeof n) == 0 && stats.products_used > 2 * B * STEPS);
    stats = draw(&d, "prediction=x0 covariance=krylov last_noise=1", .5, n);
    CHECK(stats.products_used == 2 * B * STEPS);
    static const char options[] =
        "prediction=x0 covariance=krylov krylov_steps=16 last_noise=1 tolerance=1e-3";
    (void)draw(&d, options, .5, all);
    d.batch = 1;
    for (only = 0; only < B; only++) {
        d.z = z + only * D;
        (void)draw(&d, options, .5, n);
        for (int k = 0; k < STEPS; k++)
            CHECK(memcmp(n + k * D, all + (k * B + only) * D, D * sizeof *n) == 0);
    }
    only = -1;
}

/* Samples that the tolerance stops are measured as those that come to their end. */
static void test_asymmetry(void)
{
    double kept[B][D * D], n[STEPS * B * D];
    drawing d = drawing_of();
    memcpy(kept, c, sizeof c);
    for (int s = 0; s < B; s++)
        for (int i = 0; i < D; i++)
            for (int j = 0; j < i; j++)
                c[s][i + j * D] += .01 * (1 + i);
    const covsamp_stats two =
        draw(&d, "prediction=x0 covariance=krylov krylov_steps=2 last_noise=1", 1, n);
    const covsamp_stats stopped =
        draw(&d, "prediction=x0 covariance=krylov krylov_steps=9 last_noise=1 tolerance=1", 1, n);
    CHECK(stopped.products_used == two.products_used && two.asymmetry > .01);
    CHECK_NEAR(stopped.asymmetry, two.asymmetry, 1e-12);
    memcpy(c, kept, sizeof c);
}

/* ---- ritz_cap ---- */

/* Two products: the 2 x 2 projection and its function in closed form. */
static void two_products(int sample, double lambda, double b, bounds bound, double *y)
{
    double v[D], w[D], u[D];
    const double length = norm(D, z + sample * D);
    for (int i = 0; i < D; i++)
        v[i] = z[sample * D + i] / length;
    multiply(D, c[sample], v, w);
    double a1 = 0, a2 = 0;
    for (int i = 0; i < D; i++)
        a1 += v[i] * w[i];
    for (int i = 0; i < D; i++)
        w[i] -= a1 * v[i];
    const double off = norm(D, w);
    for (int i = 0; i < D; i++)
        w[i] /= off;
    multiply(D, c[sample], w, u);
    for (int i = 0; i < D; i++)
        a2 += w[i] * u[i];
    const double middle = (a1 + a2) / 2, half = hypot((a1 - a2) / 2, off);
    const double t1 = middle + half, t2 = middle - half;
    const double f1 = sqrt(lambda * lambda + b * b * fmin(bound.scale * t1, bound.highest));
    const double f2 = sqrt(lambda * lambda + b * b * fmin(bound.scale * t2, bound.highest));
    for (int i = 0; i < D; i++)
        y[i] = length * ((f1 * (a1 - t2) - f2 * (a1 - t1)) * v[i] + off * (f1 - f2) * w[i]) /
               (t1 - t2);
}

enum { KRYLOV, DENSE, TWO, KINDS };
static const char *const names[KINDS] = {"krylov krylov_steps=16", "dense tangents=16",
                                         "krylov krylov_steps=2"};

/* What the guard compares: trace(C) / D, by z where there are no more products than that. */
static double trace_of(int kind, int sample)
{
    double sum = 0, cz[D];
    multiply(D, c[sample], z + sample * D, cz);
    for (int i = 0; i < D; i++)
        sum += kind == DENSE ? e[sample][i] / D : z[sample * D + i] * cz[i];
    const double length = norm(D, z + sample * D);
    return kind == DENSE ? sum : sum / (length * length);
}

/* ritz: in units of sigma^2 / alpha^2, guard: in those of the table; INFINITY: off. */
static void test_bounds(double ritz, double cap, double guard, double eta)
{
    double n[STEPS * B * D], y[D], lambda, b;
    char options[256];
    drawing d = drawing_of();
    for (int kind = 0; kind < KINDS; kind++) {
        snprintf(options, sizeof options,
                 "prediction=x0 last_noise=1 covariance=%s ritz_cap=%.17g covariance_cap=%.17g "
                 "trace_guard=%.17g",
                 names[kind], isfinite(ritz) ? ritz : 0, isfinite(cap) ? cap : 0,
                 isfinite(guard) ? guard : 0);
        (void)draw(&d, options, eta, n);
        for (int k = 0; k < STEPS; k++) {
            const double unit = unit_of(schedule, levels[k]);
            const double most = guard * unit * (1 - table[levels[k] - 1]);
            step_numbers(schedule, levels[k], level_of(&d, k + 1), eta, &lambda, &b);
            for (int s = 0; s < B; s++) {
                const double trace = trace_of(kind, s);
                const bounds bound = {trace > most ? most / trace : 1, fmin(cap, ritz * unit)};
                if (kind == TWO)
                    two_products(s, lambda, b, bound, y);
                else
                    exact_root(s, lambda, b, bound, y);
                for (int i = 0; i < D; i++)
                    CHECK_NEAR(n[(k * B + s) * D + i], y[i], 1e-11);
            }
        }
    }
}

/* No analytic variance, no covariance; a generous guard changes no bit. */
static void test_guard_ends(void)
{
    double n[STEPS * B * D], plain[STEPS * B * D], ones[1000], lambda, b;
    char options[128];
    drawing d = drawing_of();
    for (int i = 0; i < 1000; i++)
        ones[i] = 1;
    for (int kind = 0; kind < KINDS; kind++) {
        snprintf(options, sizeof options, "prediction=x0 covariance=%s", names[kind]);
        (void)draw(&d, options, .5, plain);
        snprintf(options, sizeof options,
                 "prediction=x0 covariance=%s trace_guard=1e9 ritz_cap=1e9", names[kind]);
        (void)draw(&d, options, .5, n);
        CHECK(memcmp(n, plain, sizeof n) == 0);
        use_table(COVSAMP_TABLE_NOISE, ones, 1000);
        snprintf(options, sizeof options, "prediction=x0 covariance=%s trace_guard=2", names[kind]);
        (void)draw(&d, options, .5, n);
        use_table(COVSAMP_TABLE_NOISE, table, 1000);
        for (int k = 0; k + 1 < STEPS; k++) {
            step_numbers(schedule, levels[k], levels[k + 1], .5, &lambda, &b);
            for (int i = 0; i < B * D; i++)
                CHECK_NEAR(n[k * B * D + i], lambda * z[i], 1e-13);
        }
    }
}

int main(void)
{
    static const double tolerances[] = {.1, .01, 1e-3, 1e-5};
    schedule = linear_schedule();
    make_matrices();
    for (int i = 0; i < 1000; i++)
        table[i] = .5;
    use_table(COVSAMP_TABLE_NOISE, table, 1000);
    for (int t = 0; t < LENGTH(tolerances); t++)
        for (int k = 0; k < 3; k++) {
            test_tolerance(tolerances[t], k / 2.0, "", 0);
            test_tolerance(tolerances[t], k / 2.0, "trace_guard=0.1", 1);
        }
    printf("tolerance: error at most %.2f times it\n", ratio_worst);
    test_tolerance_ends();
    test_asymmetry();
    for (int k = 0; k < 3; k++) {
        test_bounds(.3, INFINITY, INFINITY, k / 2.0);
        test_bounds(INFINITY, .3, INFINITY, k / 2.0);
        test_bounds(.3, .6, INFINITY, k / 2.0);
        test_bounds(INFINITY, INFINITY, .4, k / 2.0);
        test_bounds(.3, .6, .4, k / 2.0);
    }
    test_guard_ends();
    covsamp_schedule_free(schedule);
    return check_done();
}
