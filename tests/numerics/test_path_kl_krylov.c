/* SPDX-License-Identifier: BSD-3-Clause */
/* The density of what krylov draws: its parts against the sampler and against differences, then the
 * path KL of the Lanczos Gaussian sampler with m products. */
#include "diagnostic/path_kl.h"
#include "gaussian.h"
#include "path_kl.h"

enum { MOST = COVSAMP__PATH_KL_KRYLOV };

/* A space of m products in d dimensions, over memory of its own. */
static void *new_space(int64_t d, int64_t m, covsamp__path_krylov *k)
{
    covsamp__arena arena = {0};
    memset(k, 0, sizeof *k);
    k->space.dtype = COVSAMP_F64;
    k->space.batch = 1;
    k->space.dim = d;
    k->space.most = m;
    covsamp__path_krylov_layout(k, &arena);
    void *block = aligned_alloc(64, arena.used);
    memset(block, 0, arena.used);
    arena.base = block;
    arena.used = 0;
    covsamp__path_krylov_layout(k, &arena);
    return block;
}

/* C = Q diag(e) Q^T with e from .1 to 1. */
static void some_covariance(int64_t d, int64_t draw, double *c)
{
    double q[MOST * MOST], e[MOST];
    orthogonal(draw, d, q);
    for (int64_t i = 0; i < d; i++)
        e[i] = .1 + .9 * (double)(i * i) / (double)((d - 1) * (d - 1));
    spectral(d, q, e, c);
}

/* ---- F ---- */

/* The new state of a sampler whose x and x0 are 0 is F(z), z its noise. */
static void drawn_by_sampler(int64_t d, int64_t m)
{
    static const double zero[MOST];
    double c[MOST * MOST], y[MOST], z[MOST], turned[MOST], image[MOST];
    covsamp__path_krylov k;
    covsamp__transition t;
    covsamp_schedule *schedule = linear_schedule();
    const int64_t levels[2] = {700, 400};
    some_covariance(d, 5, c);
    matrix of = {d, c};
    given_covariance given = {matrix_apply, &of, NULL};
    const covsamp_model model = model_of(given_answer, &given);
    covsamp_sampler *s =
        sampler_of(schedule, levels, 2,
                   "batch=1 dim=%d dtype=f64 prediction=x0 seed=8 krylov_steps=%d", (int)d, (int)m);
    CHECK(covsamp_sampler_set_state(s, zero, d) == COVSAMP_OK);
    CHECK(covsamp_sampler_step(s, &model) == COVSAMP_OK);
    read_state(s, COVSAMP_F64, 1, d, y);
    CHECK(covsamp_noise_normal(8, 0, COVSAMP_STREAM_STEP, 0, 0, d, z) == COVSAMP_OK);
    memset(&t, 0, sizeof t);
    step_numbers(schedule, 700, 400, 1, &t.lambda, &t.b);
    void *block = new_space(d, m, &k);
    CHECK(covsamp__path_krylov_open(&k, &t, c) == 0);
    multiply_transposed(d, k.vector, z, turned);
    CHECK(covsamp__path_krylov_draw(&k, turned, 0) == 0);
    multiply(d, k.vector, k.image, image);
    CHECK(distance(d, image, y) < 1e-12);
    free(block);
    covsamp_sampler_free(s);
    covsamp_schedule_free(schedule);
}

/* DF in closed form against central differences of fourth order. */
static void derivative(int64_t d, int64_t m, double b)
{
    static const double weight[4] = {1. / 12, -8. / 12, 8. / 12, -1. / 12};
    static const int at[4] = {-2, -1, 1, 2};
    const double h = 1e-4;
    double c[MOST * MOST], z[MOST], moved[MOST], exact[MOST * MOST], column[MOST];
    covsamp__path_krylov k;
    covsamp__transition t;
    void *block = new_space(d, m, &k);
    some_covariance(d, 6, c);
    memset(&t, 0, sizeof t);
    t.lambda = .3;
    t.b = b;
    CHECK(covsamp__path_krylov_open(&k, &t, c) == 0);
    normals(d * 10 + m, d, z);
    CHECK(covsamp__path_krylov_draw(&k, z, 1) == 0);
    memcpy(exact, k.jacobian, sizeof(double) * (size_t)(d * d));
    for (int64_t j = 0; j < d; j++) {
        memset(column, 0, sizeof column);
        for (int i = 0; i < 4; i++) {
            memcpy(moved, z, sizeof moved);
            moved[j] += at[i] * h;
            CHECK(covsamp__path_krylov_draw(&k, moved, 0) == 0);
            for (int64_t r = 0; r < d; r++)
                column[r] += weight[i] / h * k.image[r];
        }
        for (int64_t r = 0; r < d; r++)
            CHECK_NEAR(exact[r * d + j], column[r], 1e-9); /* h^4 and rounding / h */
    }
    free(block);
}

/* ---- the density ---- */

static double log_gaussian(const covsamp__path_krylov *k, int64_t d, const double *y)
{
    double turned[MOST], sum = 0;
    multiply_transposed(d, k->vector, y, turned);
    for (int64_t i = 0; i < d; i++) {
        const double v = k->lambda2 + k->b2 * k->value[i];
        sum += turned[i] * turned[i] / v + log(v) + log(2 * 3.14159265358979323846);
    }
    return -.5 * sum;
}

/* It integrates to 1: the mean of p / N(0, S) over N(0, S).  With as many products as dimensions it
 * is that Gaussian.  b / lambda says how unlike the directions are. */
static void integral(int64_t d, int64_t m, double b, int64_t draws)
{
    double c[MOST * MOST], z[MOST], y[MOST], sum = 0, square = 0, log_p;
    covsamp__path_krylov k;
    covsamp__transition t;
    void *block = new_space(d, m, &k);
    int64_t lost = 0;
    some_covariance(d, 7, c);
    memset(&t, 0, sizeof t);
    t.lambda = 1;
    t.b = b;
    CHECK(covsamp__path_krylov_open(&k, &t, c) == 0);
    for (int64_t i = 0; i < draws; i++) {
        normals(1000 + i, d, z);
        for (int64_t j = 0; j < d; j++)
            z[j] *= sqrt(k.lambda2 + k.b2 * k.value[j]);
        multiply(d, k.vector, z, y);
        if (covsamp__path_krylov_density(&k, y, &log_p) != 0) {
            lost++;
            continue;
        }
        const double ratio = exp(log_p - log_gaussian(&k, d, y));
        if (m == d)
            CHECK_NEAR(ratio, 1, 1e-11);
        sum += ratio;
        square += ratio * ratio;
    }
    const double n = (double)draws, mean = sum / n;
    const double error = sqrt(fmax(square / n - mean * mean, 0) / n);
    printf("d = %d, m = %d, condition %5.1f: the density integrates to %.4f +- %.4f, %d lost\n",
           (int)d, (int)m, (1 + b * b) / (1 + .1 * b * b), mean, error, (int)lost);
    CHECK(lost == 0);
    CHECK_NEAR(mean, 1, 3 * error + 1e-11);
    free(block);
}

/* Newton's method comes back to z from F(z), also where the directions are very unlike: there F is
 * one to one in practice, and its density is that of one z. */
static void there_and_back(int64_t d, int64_t m, double b)
{
    double c[MOST * MOST], z[MOST], y[MOST], log_p;
    covsamp__path_krylov k;
    covsamp__transition t;
    void *block = new_space(d, m, &k);
    some_covariance(d, 7, c);
    memset(&t, 0, sizeof t);
    t.lambda = .2;
    t.b = b;
    CHECK(covsamp__path_krylov_open(&k, &t, c) == 0);
    for (int64_t i = 0; i < 500; i++) {
        normals(1000 + i, d, z);
        CHECK(covsamp__path_krylov_draw(&k, z, 0) == 0);
        multiply(d, k.vector, k.image, y);
        CHECK(covsamp__path_krylov_density(&k, y, &log_p) == 0);
        CHECK(distance(d, k.z, z) < 1e-8);
    }
    free(block);
}

/* ---- path KL ---- */

/* One Gaussian step with S = scale (I + eps L), L from -1 to 1: q is that Gaussian, and what krylov
 * draws approaches it as eps^m, its KL as eps^(2 m).  Turning all by an orthogonal matrix changes
 * nothing but the numbers. */
static double gaussian_step(int m, double eps)
{
    enum { D = 6 };
    static const double mean[D], weight = 1;
    const double a2[2] = {1 / (1 + exp(-2.)), .5},
                 g2[2] = {1 / (1 + exp(2.)), .5}; /* logSNR 2, 0 */
    const double alpha[2] = {sqrt(a2[0]), sqrt(a2[1])}, sigma[2] = {sqrt(g2[0]), sqrt(g2[1])};
    const double lambda2 = -g2[0] * expm1(-2), b = -alpha[0] * expm1(-2),
                 scale = lambda2 + .4 * b * b;
    double q[D * D], e[D], data[D * D];
    char options[64];
    covsamp_mixture *mixture = NULL;
    covsamp_schedule *schedule = NULL;
    covsamp_path_kl_total t = {.size = sizeof t};
    orthogonal(11, D, q);
    for (int i = 0; i < D; i++) { /* C of the step, then the data's: 1 / C = 1 / s + SNR */
        const double c = (scale * (1 + eps * (2. * i / (D - 1) - 1)) - lambda2) / (b * b);
        e[i] = c / (1 - c);
    }
    spectral(D, q, e, data);
    CHECK(covsamp_mixture_new(&mixture, D, 1, &weight, mean, data, 1, NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp_schedule_new_table(&schedule, 2, alpha, sigma, NULL, NULL, NULL) == COVSAMP_OK);
    snprintf(options, sizeof options, "covariance=krylov krylov_steps=%d", m);
    covsamp_config *c = path_config(schedule, options);
    CHECK(covsamp_path_kl(c, mixture, COVSAMP_PATH_KL_MONTE_CARLO, 20000, NULL, NULL, 0, &t) ==
          COVSAMP_OK);
    CHECK(t.deviation < .03 * t.kl);
    covsamp_config_free(c);
    covsamp_schedule_free(schedule);
    covsamp_mixture_free(mixture);
    return t.kl;
}

static void exponents(void)
{
    for (int m = 1; m <= 3; m++) {
        double before = 0;
        for (double eps = .4; eps > .09; eps /= 2) {
            const double kl = gaussian_step(m, eps);
            printf("m = %d, eps = %.1f: KL %.3e", m, eps, kl);
            if (before > 0) {
                printf(", exponent %.2f", log2(before / kl));
                CHECK_NEAR(log2(before / kl), 2 * m, .5);
            }
            printf("\n");
            before = kl;
        }
    }
}

/* Six dimensions, T = 16 ... 128: one product falls as 1/T, two and three as the full covariance;
 * three are the full one but for the noise of sampling. */
static void slopes(void)
{
    static const char *const options[] = {"covariance=krylov krylov_steps=1",
                                          "covariance=krylov krylov_steps=2",
                                          "covariance=krylov krylov_steps=3", "covariance=dense"};
    covsamp_mixture *mixture = path_mixture(6);
    covsamp_path_kl_total t[4][4];
    for (int i = 0; i < 4; i++) {
        printf("%-34s", options[i]);
        for (int k = 0; k < 4; k++) {
            t[i][k] = path_kl(mixture, LOG_SNR, 16 << k, options[i], 2000);
            printf(" %.3e +- %.0e", t[i][k].kl, t[i][k].deviation);
        }
        const double slope = log2(t[i][3].kl / t[i][0].kl) / 3;
        printf("  slope %.2f\n", slope);
        CHECK_NEAR(slope, i == 0 ? -1 : -1.85, .15);
    }
    for (int k = 0; k < 4; k++) { /* the same samples: differences are better known than values */
        CHECK(t[0][k].kl > 3 * t[3][k].kl);
        CHECK_CLOSE(t[2][k].kl, t[3][k].kl, 1e-2);
        CHECK_CLOSE(t[1][k].kl, t[3][k].kl, 5e-2);
    }
    covsamp_mixture_free(mixture);
}

int main(void)
{
    for (int64_t d = 2; d <= MOST; d += 2)
        for (int64_t m = 1; m <= d; m++) {
            drawn_by_sampler(d, m);
            derivative(d, m, .4);
            derivative(d, m, 3);
        }
    for (int64_t m = 1; m <= 4; m++)
        for (int i = 0; i < 3; i++)
            integral(4, m, i == 0 ? .5 : i == 1 ? 2 : 10, 4000);
    for (int64_t m = 1; m <= 7; m++)
        for (int i = 0; i < 2; i++)
            there_and_back(8, m, i == 0 ? .5 : 5);
    integral(8, 3, 2, 4000);
    integral(2, 1, 30, 4000);
    exponents();
    slopes();
    return check_done();
}
