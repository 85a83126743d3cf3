/* SPDX-License-Identifier: BSD-3-Clause */
/* Oracle O3: the error of m Lanczos steps, mean over 64 probes of |y_m - S^(1/2) z| / |S^(1/2) z|,
 * for steps of DDPM's schedule with the posterior covariance of natural-image-like data (16 x 16 x
 * 3 values, power spectrum k^-1.2), without and with five directions of variance between modes. */
#include "check.h"
#include "gaussian.h"

#include <stdlib.h>

enum { D = 768, PROBES = 64, COUNTS = 7 };

static const int counts[COUNTS] = {1, 2, 3, 4, 6, 8, 12};

/* o3_out.txt, all its rows; those of math.md's table are among them. */
static const struct {
    int t, s, outliers;
    double kappa, error[COUNTS];
} rows[] = {{251, 1, 0, 58.59, {5.5e-01, 1.5e-01, 6.9e-02, 3.7e-02, 1.3e-02, 5.3e-03, 1.1e-03}},
            {750, 500, 0, 4.20, {4.3e-02, 4.8e-03, 7.5e-04, 1.0e-04, 1.7e-06, 1.9e-08, 8.7e-13}},
            {251, 1, 1, 478.22, {6.3e-01, 3.3e-01, 2.0e-01, 1.1e-01, 5.4e-02, 2.5e-02, 4.0e-03}},
            {750, 500, 1, 195.71, {5.0e-01, 1.0e-01, 2.5e-02, 8.5e-03, 4.4e-03, 1.1e-05, 1.2e-10}},
            {223, 112, 0, 4.26, {1.7e-01, 1.7e-02, 3.2e-03, 7.3e-04, 4.8e-05, 3.8e-06, 3.0e-08}},
            {667, 556, 0, 2.02, {1.8e-02, 9.4e-04, 7.4e-05, 5.3e-06, 2.1e-08, 5.5e-11, 1.4e-15}},
            {223, 112, 1, 28.05, {2.2e-01, 7.5e-02, 2.9e-02, 1.0e-02, 1.8e-03, 2.6e-04, 2.0e-06}},
            {667, 556, 1, 25.55, {1.8e-01, 2.9e-02, 5.8e-03, 1.7e-03, 2.3e-04, 4.5e-07, 2.3e-13}},
            {251, 209, 0, 1.57, {3.7e-02, 1.1e-03, 6.6e-05, 4.7e-06, 3.1e-08, 2.4e-10, 1.9e-14}},
            {625, 584, 0, 1.31, {6.4e-03, 1.3e-04, 3.9e-06, 1.1e-07, 7.5e-11, 3.2e-14, 1.4e-15}},
            {251, 209, 1, 5.70, {6.5e-02, 1.0e-02, 2.2e-03, 3.5e-04, 1.4e-05, 3.6e-07, 2.9e-11}},
            {625, 584, 1, 6.36, {6.3e-02, 6.7e-03, 8.8e-04, 1.5e-04, 4.5e-06, 3.2e-09, 1.5e-15}},
            {246, 225, 0, 1.25, {1.7e-02, 2.6e-04, 7.4e-06, 2.6e-07, 4.1e-10, 8.0e-13, 1.4e-15}},
            {613, 592, 0, 1.15, {3.2e-03, 3.3e-05, 5.3e-07, 8.1e-09, 1.5e-12, 1.4e-15, 1.4e-15}},
            {246, 225, 1, 3.06, {3.4e-02, 3.3e-03, 4.4e-04, 4.1e-05, 5.8e-07, 4.3e-09, 2.3e-14}},
            {613, 592, 1, 3.40, {3.4e-02, 2.5e-03, 2.2e-04, 2.3e-05, 2.5e-07, 6.3e-11, 1.5e-15}},
            {253, 243, 0, 1.11, {7.7e-03, 5.3e-05, 6.9e-07, 1.1e-08, 3.9e-12, 2.2e-15, 1.4e-15}},
            {606, 596, 0, 1.07, {1.5e-03, 7.4e-06, 5.8e-08, 4.3e-10, 1.9e-14, 1.4e-15, 1.4e-15}},
            {253, 243, 1, 1.90, {1.6e-02, 8.6e-04, 6.5e-05, 3.2e-06, 1.2e-08, 2.3e-11, 1.4e-15}},
            {606, 596, 1, 2.06, {1.7e-02, 7.4e-04, 3.8e-05, 2.2e-06, 6.9e-09, 4.8e-13, 1.4e-15}}};

/* Errors below this are rounding, and the table's digits for them mean nothing. */
static const double rounding = 1e-14;

/* ---- the operator: C = Q diag(e) Q^T, Q by reflections, so that a product costs D ---- */

typedef struct {
    double e[D];
    const double *three;
} operator;

static void apply(const void *user, int64_t sample, const double *v, double *cv)
{
    const operator* c = user;
    (void)sample;
    memcpy(cv, v, D * sizeof *cv);
    reflect(D, c->three, 1, cv);
    for (int i = 0; i < D; i++)
        cv[i] *= c->e[i];
    reflect(D, c->three, 0, cv);
}

/* Spectrum of Cov[x0 | x_t]: Wiener, 0.25 of variance a value, and five outliers. */
static void set_spectrum(operator* c, double alpha, double sigma, int outliers)
{
    static const double factor[5] = {8, 4, 3, 2, 1.5};
    const double noise = sigma * sigma / (alpha * alpha);
    double sum = 0;
    for (int i = 0; i < D; i++)
        sum += pow(i + 1, -1.2);
    for (int i = 0; i < D; i++) {
        const double data = pow(i + 1, -1.2) * .25 * D / sum;
        c->e[i] = data * noise / (data + noise);
        if (outliers && i < 5)
            c->e[i] = noise * factor[i];
    }
}

/* The noise that the step from t to s adds, [PROBES][D]: the new state, since x = 0 and x0 = 0. */
static void draw(const covsamp_schedule *schedule, int t, int s, int m, operator* c, double *y)
{
    static const double zero[PROBES * D];
    const int64_t levels[2] = {t, s};
    given_covariance given = {apply, c, NULL};
    const covsamp_model model = model_of(given_answer, &given);
    covsamp_sampler *sampler = sampler_of(schedule, levels, 2,
                                          "batch=%d dim=%d dtype=f64 prediction=x0 seed=3 "
                                          "krylov_steps=%d",
                                          PROBES, D, m);
    CHECK(covsamp_sampler_set_state(sampler, zero, D) == COVSAMP_OK);
    CHECK(covsamp_sampler_step(sampler, &model) == COVSAMP_OK);
    read_state(sampler, COVSAMP_F64, PROBES, D, y);
    covsamp_sampler_free(sampler);
}

/* Sigma^(1/2) z of every probe */
static void exact(const operator* c, double lambda, double b, double *r)
{
    for (int p = 0; p < PROBES; p++) {
        double *z = r + p * D;
        CHECK(covsamp_noise_normal(3, p, COVSAMP_STREAM_STEP, 0, 0, D, z) == COVSAMP_OK);
        reflect(D, c->three, 1, z);
        for (int i = 0; i < D; i++)
            z[i] *= sqrt(lambda * lambda + b * b * c->e[i]);
        reflect(D, c->three, 0, z);
    }
}

static double condition(const operator* c, double lambda, double b)
{
    double low = c->e[0], high = c->e[0];
    for (int i = 1; i < D; i++) {
        low = fmin(low, c->e[i]);
        high = fmax(high, c->e[i]);
    }
    return (lambda * lambda + b * b * high) / (lambda * lambda + b * b * low);
}

/* Least squares line of log(error) against m, down to rounding: its slope, and the share of the
 * variation it explains. */
static double slope_of(const double *error, double *explained)
{
    double n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0, syy = 0;
    for (int k = 0; k < COUNTS && error[k] > rounding; k++) {
        const double x = counts[k], y = log(error[k]);
        n++;
        sx += x;
        sy += y;
        sxx += x * x;
        sxy += x * y;
        syy += y * y;
    }
    const double cxx = sxx - sx * sx / n, cxy = sxy - sx * sy / n, cyy = syy - sy * sy / n;
    *explained = cxy * cxy / (cxx * cyy);
    return cxy / cxx;
}

/* The error falls exponentially: on a line, with the table's slope, and no slower than the bound
 * 2 |z| min_p |sqrt - p| says, ((sqrt(kappa) - 1) / (sqrt(kappa) + 1))^m (math.md section 1). */
static void check_shape(const double *error, int row)
{
    double explained, ignored;
    const double slope = slope_of(error, &explained), root = sqrt(rows[row].kappa);
    CHECK(explained > .9);
    CHECK_CLOSE(slope, slope_of(rows[row].error, &ignored), .05);
    CHECK(slope < log((root - 1) / (root + 1)));
}

/* One row of the table; returns the largest factor between an error and the table's. */
static double test_row(const covsamp_schedule *schedule, int row, const double *three, double *y,
                       double *r)
{
    operator c;
    double alpha, sigma, lambda, b, error[COUNTS], worst = 1;
    c.three = three;
    CHECK(covsamp_schedule_at(schedule, rows[row].t, &alpha, &sigma, NULL) == COVSAMP_OK);
    set_spectrum(&c, alpha, sigma, rows[row].outliers);
    step_numbers(schedule, rows[row].t, rows[row].s, 1, &lambda, &b);
    CHECK_NEAR(condition(&c, lambda, b), rows[row].kappa, .0051);
    exact(&c, lambda, b, r);
    printf("%4d ->%4d %s", rows[row].t, rows[row].s, rows[row].outliers ? "outliers" : "        ");
    for (int k = 0; k < COUNTS; k++) {
        draw(schedule, rows[row].t, rows[row].s, counts[k], &c, y);
        error[k] = 0;
        for (int p = 0; p < PROBES; p++)
            error[k] += distance(D, y + p * D, r + p * D) / PROBES;
        printf(" %.1e", error[k]);
        if (rows[row].error[k] < rounding) {
            CHECK(error[k] < rounding);
            continue;
        }
        const double factor = fmax(error[k] / rows[row].error[k], rows[row].error[k] / error[k]);
        if (!CHECK(factor <= 2))
            fprintf(stderr, "    %d -> %d, m = %d: %.2e against %.2e\n", rows[row].t, rows[row].s,
                    counts[k], error[k], rows[row].error[k]);
        worst = fmax(worst, factor);
    }
    printf("\n");
    for (int k = 1; k < COUNTS; k++)
        CHECK(error[k] < error[k - 1] || error[k] < rounding);
    check_shape(error, row);
    return worst;
}

int main(void)
{
    covsamp_schedule *schedule = linear_schedule();
    double *three = malloc(3 * D * sizeof *three), *y = malloc(PROBES * D * sizeof *y);
    double *r = malloc(PROBES * D * sizeof *r), worst = 1;
    normals(3, 3 * D, three);
    for (int row = 0; row < LENGTH(rows); row++)
        worst = fmax(worst, test_row(schedule, row, three, y, r));
    printf("largest factor between an error and the table's: %.2f\n", worst);
    covsamp_schedule_free(schedule);
    free(three);
    free(y);
    free(r);
    return check_done();
}
