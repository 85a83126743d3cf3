/* SPDX-License-Identifier: BSD-3-Clause */
/* That it is a bound: on Gaussian data the mean of nelbo is the entropy of the data plus what
 * prior, covariance and decoder lose, each known in closed form; full <= diagonal <= isotropic <=
 * fixed. */
#include "nelbo_compare.h"

enum { D = 8, STEPS = 6, SAMPLES = 4000 };

static double data[SAMPLES * D], table[1000];
static world w;

static void make_world(void)
{
    static const int64_t levels[STEPS] = {1000, 750, 500, 250, 60, 1};
    double q[D * D], e[D], root[D * D], z[D];
    w.d = D;
    w.steps = STEPS;
    w.prediction = COVSAMP_PREDICTS_V;
    w.head = COVSAMP_HEAD_NPR;
    w.schedule = linear_schedule();
    memcpy(w.levels, levels, sizeof levels);
    orthogonal(8, D, q);
    for (int i = 0; i < D; i++) {
        w.mean[i] = .1 * (i - 3);
        e[i] = .9 * pow(.45, i);
    }
    spectral(D, q, e, w.s);
    for (int i = 0; i < D; i++)
        e[i] = sqrt(e[i]);
    spectral(D, q, e, root);
    for (int k = 0; k < SAMPLES; k++) {
        normals(5000 + k, D, z);
        multiply(D, root, z, data + k * D);
        for (int i = 0; i < D; i++)
            data[k * D + i] += w.mean[i];
    }
    make_posteriors(&w);
    for (int k = 0; k < STEPS; k++) { /* the exact table, where it is read */
        double trace = 0;
        for (int i = 0; i < D; i++)
            trace += w.c[k][i * D + i] / D;
        table[levels[k] - 1] = 1 - trace * w.alpha[k] * w.alpha[k] / (w.sigma[k] * w.sigma[k]);
    }
}

/* KL(N(0, a) || N(0, b)) = (log det b - log det a + tr(b^-1 a) - d) / 2 */
static double lost(const double *a, const double *b)
{
    double la[D * D], lb[D * D], column[D], trace = 0;
    memcpy(la, a, sizeof la);
    memcpy(lb, b, sizeof lb);
    const double log_det = -factor(D, la), all = log_det + factor(D, lb);
    for (int j = 0; j < D; j++) {
        for (int i = 0; i < D; i++)
            column[i] = a[i * D + j];
        solve(D, lb, column);
        trace += column[j];
    }
    return .5 * (all + trace - D);
}

static void covariances(const setup *u, int k, double *exact, double *taken, double *lambda)
{
    double b, beta, small;
    int keep[D];
    transition(&w, k, u->eta, lambda, &b, &beta, &small);
    for (int i = 0; i < D; i++)
        keep[i] = 1;
    chosen(&w, u, k, keep, taken);
    for (int i = 0; i < D * D; i++) {
        const double floor = i % (D + 1) == 0 ? *lambda * *lambda : 0;
        taken[i] = b * b * taken[i] + floor;
        exact[i] = b * b * w.c[k][i] + floor;
    }
}

/* E KL(q(x_s | x_t, x0) || N(mean, S)): what x_s tells of x0 beyond x_t, and what S is not. */
static double expected_step(const setup *u, int k)
{
    double exact[D * D], taken[D * D], lambda;
    covariances(u, k, exact, taken, &lambda);
    const double wrong = lost(exact, taken);
    return .5 * (factor(D, exact) - 2 * D * log(lambda)) + wrong;
}

static double small_variance(void)
{
    double a1, s1, a2, s2;
    (void)covsamp_schedule_at(w.schedule, 1, &a1, &s1, NULL);
    (void)covsamp_schedule_at(w.schedule, 2, &a2, &s2, NULL);
    return (s2 * s2 - a2 / a1 * (a2 / a1) * s1 * s1) * s1 * s1 / (s2 * s2);
}

static double expected_ends(void)
{
    const double a = w.alpha[0], s2 = w.sigma[0] * w.sigma[0], small = small_variance();
    double nats = .5 * D * (s2 - 1 - log(s2) + log(2 * acos(-1.0) * small));
    for (int i = 0; i < D; i++)
        nats += .5 * (a * a * (w.s[i * D + i] + w.mean[i] * w.mean[i]) +
                      w.c[STEPS - 1][i * D + i] / small);
    return nats;
}

static double entropy(void)
{
    double l[D * D];
    memcpy(l, w.s, sizeof l);
    return .5 * (factor(D, l) + D * log(2 * acos(-1.0)) + D);
}

/* At eta = 1 all this is the entropy, and KLs of prior, steps and decoder. */
static double entropy_and_losses(const setup *u)
{
    double marginal[D * D], one[D * D], decoder[D * D], exact[D * D], taken[D * D], lambda;
    double nats = entropy();
    for (int i = 0; i < D * D; i++) {
        const int on = i % (D + 1) == 0;
        marginal[i] = w.alpha[0] * w.alpha[0] * w.s[i] + on * w.sigma[0] * w.sigma[0];
        one[i] = on;
        decoder[i] = on * small_variance();
    }
    for (int i = 0; i < D; i++)
        nats += .5 * w.alpha[0] * w.alpha[0] * w.mean[i] * w.mean[i];
    nats += lost(marginal, one) + lost(w.c[STEPS - 1], decoder);
    for (int k = 0; k + 1 < STEPS; k++) {
        covariances(u, k, exact, taken, &lambda);
        nats += lost(exact, taken);
    }
    return nats;
}

/* The total by the library; its expectation, within 3 standard errors. */
static covsamp_nelbo_total expect(const char *options, shape covariance, double eta)
{
    setup u = {.options = options, .covariance = covariance, .eta = eta, .batch = 50, .seed = 3};
    u.dtype = COVSAMP_F64;
    u.table = table;
    covsamp_nelbo *n = nelbo_of(&w, &u);
    run_setup(n, &w, &u, data, SAMPLES);
    const covsamp_nelbo_total total = total_of(n);
    double expected = expected_ends();
    for (int k = 0; k + 1 < STEPS; k++)
        expected += expected_step(&u, k);
    if (!CHECK_NEAR(total.nats, expected, 3 * total.deviation))
        fprintf(stderr, "    %s eta %g\n", options, eta);
    CHECK(total.deviation < fmax(.1, .03 * expected)); /* or the check says little */
    if (eta == 1)
        CHECK_NEAR(entropy_and_losses(&u), expected, 1e-8);
    covsamp_nelbo_free(n);
    return total;
}

static void order(double eta)
{
    const covsamp_nelbo_total dense = expect("covariance=dense tangents=8", FULL, eta);
    const covsamp_nelbo_total krylov = expect("covariance=krylov krylov_steps=8", FULL, eta);
    const covsamp_nelbo_total head = expect("covariance=diag_model head=npr", HEAD, eta);
    const covsamp_nelbo_total analytic = expect("covariance=analytic", ANALYTIC, eta);
    const covsamp_nelbo_total small = expect("covariance=small", SMALL, eta);
    CHECK(dense.nats > entropy() - 3 * dense.deviation);
    CHECK_NEAR(krylov.nats, dense.nats, .1);
    CHECK(dense.nats + .1 < head.nats && head.nats + .1 < analytic.nats);
    CHECK(analytic.nats + 1 < small.nats);
}

int main(void)
{
    make_world();
    order(1);
    order(.5);
    covsamp_schedule_free(w.schedule);
    return check_done();
}
