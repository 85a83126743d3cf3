/* SPDX-License-Identifier: BSD-3-Clause */
/* Oracle O6: whole runs on a mixture of six strongly correlated components, 8000 samples each,
 * judged by the error of their covariance and the gap of their mean log-density (math.md, "O6").
 * All runs use the same noise, so that what differs between two of them is the covariance alone. */
#include "check.h"
#include "gaussian.h"
#include "o6_mixture.h"

#include <stdlib.h>

enum { D = O6_DIM, M = O6_COMPONENTS, N = 8000, DATA = 20000 };
static covsamp_schedule *schedule;
static covsamp_mixture *mixture;
static double covariance[M * D * D], factor[M * D * D], log_norm[M], true_covariance[D * D];
static double table[1000], reference; /* mean log-density of data */
static int samples = N;               /* 8000; 3000 for K = 25, which would need minutes */

/* ---- the data ---- */

/* Lower triangular L, row by row, with L L^T = a; its log-determinant. */
static double cholesky(const double *a, double *l)
{
    double sum = 0;
    for (int i = 0; i < D; i++)
        for (int j = 0; j <= i; j++) {
            double v = a[i * D + j];
            for (int k = 0; k < j; k++)
                v -= l[i * D + k] * l[j * D + k];
            l[i * D + j] = i == j ? sqrt(v) : v / l[j * D + j];
            sum += i == j ? log(l[i * D + i]) : 0;
        }
    return sum;
}

static void make_data(void)
{
    double weight[M], mean[D] = {0};
    for (int k = 0; k < M; k++) {
        double *c = covariance + k * D * D;
        weight[k] = 1;
        for (int i = 0, n = 0; i < D; i++)
            for (int j = 0; j <= i; j++, n++)
                c[i * D + j] = c[j * D + i] = o6_lower[k * O6_LOWER + n];
        log_norm[k] = -log(M) - cholesky(c, factor + k * D * D) - D * 0.91893853320467274;
        for (int i = 0; i < D; i++)
            mean[i] += o6_mean[k * D + i] / M;
    }
    for (int k = 0; k < M; k++)
        for (int i = 0; i < D * D; i++)
            true_covariance[i] +=
                (covariance[k * D * D + i] +
                 (o6_mean[k * D + i / D] - mean[i / D]) * (o6_mean[k * D + i % D] - mean[i % D])) /
                M;
    CHECK(covsamp_mixture_new(&mixture, D, M, weight, o6_mean, covariance, COVSAMP_PREDICTS_NOISE,
                              NULL, NULL) == COVSAMP_OK);
}

static double log_density(const double *x)
{
    double term[M], high = -INFINITY, sum = 0, u[D];
    for (int k = 0; k < M; k++) {
        const double *l = factor + k * D * D;
        term[k] = log_norm[k];
        for (int i = 0; i < D; i++) { /* u = L^-1 (x - m) */
            u[i] = x[i] - o6_mean[k * D + i];
            for (int j = 0; j < i; j++)
                u[i] -= l[i * D + j] * u[j];
            u[i] /= l[i * D + i];
            term[k] -= 0.5 * u[i] * u[i];
        }
        high = fmax(high, term[k]);
    }
    for (int k = 0; k < M; k++)
        sum += exp(term[k] - high);
    return high + log(sum);
}

/* Sample i of the data: components in turn. */
static void data_sample(int i, double *x)
{
    const int k = i % M;
    double z[D];
    normals(1000 + i, D, z);
    for (int r = 0; r < D; r++) {
        x[r] = o6_mean[k * D + r];
        for (int j = 0; j <= r; j++)
            x[r] += factor[k * D * D + r * D + j] * z[j];
    }
}

/* The mean square of the exact noise at one level, over data: Analytic-DPM's table. */
static double mean_square_noise(int64_t level)
{
    enum { FEW = 2000 };
    double *x = malloc(3 * FEW * D * sizeof *x), *e = x + FEW * D, *z = e + FEW * D, sum = 0;
    covsamp_request q = {.kind = COVSAMP_ASK_MEAN, .dtype = COVSAMP_F64, .batch = FEW, .dim = D};
    (void)covsamp_schedule_at(schedule, (double)level, &q.alpha, &q.sigma, NULL);
    normals(7, FEW * D, z);
    for (int i = 0; i < FEW; i++)
        data_sample(i, x + i * D);
    for (int i = 0; i < FEW * D; i++)
        x[i] = q.alpha * x[i] + q.sigma * z[i];
    q.stride = D;
    q.x = x;
    q.mean = e;
    CHECK(covsamp_mixture_answer(mixture, &q) == COVSAMP_OK);
    for (int i = 0; i < FEW * D; i++)
        sum += e[i] * e[i];
    free(x);
    return sum / (FEW * D);
}

/* ---- samplers ---- */

typedef struct {
    double error; /* |covariance - true| / |true| */
    double gap;   /* mean log-density less that of data */
    double noise; /* standard error of the gap */
} verdict;

static verdict judge(const double *x)
{
    verdict v = {0, 0, 0};
    double mean[D] = {0}, c[D * D] = {0}, square = 0;
    for (int n = 0; n < samples; n++)
        for (int i = 0; i < D; i++)
            mean[i] += x[n * D + i] / samples;
    for (int n = 0; n < samples; n++)
        for (int i = 0; i < D * D; i++)
            c[i] +=
                (x[n * D + i / D] - mean[i / D]) * (x[n * D + i % D] - mean[i % D]) / (samples - 1);
    v.error = distance(D * D, c, true_covariance);
    for (int n = 0; n < samples; n++) {
        const double gap = log_density(x + n * D) - reference;
        v.gap += gap / samples;
        square += gap * gap / samples;
    }
    v.noise = sqrt((square - v.gap * v.gap) / samples);
    return v;
}

static verdict sample(int64_t steps, const char *options)
{
    static double x[N * D];
    int64_t levels[50];
    covsamp_model model = {.size = sizeof model};
    CHECK(covsamp_mixture_model(mixture, &model) == COVSAMP_OK);
    CHECK(covsamp_schedule_spaced(schedule, steps, COVSAMP_SPACING_EVEN, levels, NULL) == 0);
    for (int64_t i = 0; i < steps; i++)
        table[levels[i] - 1] = mean_square_noise(levels[i]);
    use_table(COVSAMP_TABLE_NOISE, table, 1000);
    covsamp_sampler *s = sampler_of(schedule, levels, steps, "batch=%d dim=%d dtype=f64 seed=1 %s",
                                    samples, D, options);
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
    read_state(s, COVSAMP_F64, samples, D, x);
    covsamp_sampler_free(s);
    const verdict v = judge(x);
    printf("K=%-2d %-36s covariance error %.3f, log-density gap %+8.3f +- %.3f\n", (int)steps,
           options, v.error, v.gap, v.noise);
    return v;
}

/* What o6_out.txt has, within its noise floor and four standard errors of the difference. */
static verdict known(int64_t steps, const char *options, double error, double gap)
{
    const verdict v = sample(steps, options);
    CHECK_NEAR(v.error, error, .027 * sqrt((double)N / samples));
    CHECK_NEAR(v.gap, gap, 4 * sqrt(2) * v.noise);
    return v;
}

/* m = 3 and the full covariance cannot be told apart. */
static void same(verdict lanczos, verdict full, double floor)
{
    CHECK(fabs(lanczos.error - full.error) < floor);
    CHECK(fabs(lanczos.gap - full.gap) < 3 * hypot(lanczos.noise, full.noise));
}

static void ten_steps(double floor)
{
    const verdict small = known(10, "covariance=small", .2478, 4.070);
    const verdict large = known(10, "covariance=large", .1601, -64.550);
    const verdict isotropic =
        sample(10, "covariance=state_isotropic probes=2");      /* O6: exact trace */
    const verdict analytic = sample(10, "covariance=analytic"); /* O6: from the running batch */
    const verdict probe = known(10, "covariance=diag_probe", .1273, -23.554);
    const verdict one = known(10, "covariance=krylov krylov_steps=1", .1680, -21.347);
    const verdict two = known(10, "covariance=krylov krylov_steps=2", .0357, -4.127);
    const verdict three = known(10, "covariance=krylov krylov_steps=3", .0404, -2.597);
    const verdict full = known(10, "covariance=dense tangents=16", .0533, -2.185);
    (void)known(10, "covariance=none eta=0", .2010, 3.669);
    (void)known(10, "covariance=krylov krylov_steps=3 eta=0", .0372, -2.585);
    same(three, full, floor);
    CHECK(fabs(two.error - full.error) < floor);
    CHECK(small.error > analytic.error && analytic.error > probe.error);
    CHECK(probe.error > 2 * full.error && one.error > 2 * full.error);
    CHECK(large.error > 2 * full.error && isotropic.error > 2 * full.error);
    CHECK(small.gap > 0 && three.gap > two.gap && two.gap > one.gap / 3);
    CHECK(large.gap < 2 * analytic.gap && large.gap < 2 * isotropic.gap);
    CHECK(4 * full.gap > probe.gap && 4 * full.gap > analytic.gap && 4 * full.gap > one.gap);
    CHECK_CLOSE(one.gap, isotropic.gap, .2); /* m = 1 is an isotropic step */
    CHECK(fabs(one.error - isotropic.error) < .027);
}

static void more_steps(double floor)
{
    samples = 3000;
    const verdict probe = known(25, "covariance=diag_probe", .0779, -4.082);
    const verdict three = known(25, "covariance=krylov krylov_steps=3", .0229, -.035);
    const verdict full = known(25, "covariance=dense tangents=16", .0278, -.038);
    same(three, full, floor);
    CHECK(probe.gap < 10 * full.gap - 1);
}

int main(void)
{
    static double x[N * D];
    schedule = linear_schedule();
    make_data();
    for (int i = 0; i < 1000; i++) /* levels that are not visited do not matter */
        table[i] = 1;
    for (int i = 0; i < DATA; i++) {
        data_sample(i, x);
        reference += log_density(x) / DATA;
    }
    for (int i = 0; i < N; i++)
        data_sample(DATA + i, x + i * D);
    const verdict data = judge(x);
    printf("     %-36s covariance error %.3f, log-density gap %+8.3f +- %.3f\n", "data", data.error,
           data.gap, data.noise);
    ten_steps(data.error);
    more_steps(data.error * sqrt(N / 3000.0));
    covsamp_mixture_free(mixture);
    covsamp_schedule_free(schedule);
    return check_done();
}
