/* SPDX-License-Identifier: BSD-3-Clause */
/* O1: the 14 identities between means, covariances, Jacobians and steps that hold for any data, on
 * the mixture of the oracle script (3 dimensions, 4 components).  The references come from plain
 * 3 x 3 formulas here: Bayes per component, no eigenvectors, no Tweedie.  Where the script uses
 * finite differences, the mixture's exact products stand, so that all of them hold to 1e-11. */
#include "check.h"

#include "diagnostic/mixture.h"
#include "numeric/rng.h"
#include "process/process.h"

#define D         3
#define K         4
#define TOLERANCE 1e-11

/* numpy's default_rng(0), as the script draws them */
static const double weights[K] = {.1, .2, .3, .4};
static const double factors[K][D * D] = {
    {0.1257302210933933, -0.1321048632913019, 0.6404226504432821, 0.10490011715303971,
     -0.535669373161111, 0.36159505490948474, 1.3040000451301372, 0.9470809631292422,
     -0.7037352358069926},
    {-1.2654214710460525, -0.6232744625373522, 0.0413259793472436, -2.3250307746388343,
     -0.21879166393254573, -1.2459109472530652, -0.7322673547034516, -0.5442589828573099,
     -0.31630015636915454},
    {0.4116305363741328, 1.0425133694426776, -0.12853466294403426, 1.3664634705496859,
     -0.6651946734866135, 0.3515100700930197, 0.9034701816518086, 0.09401229776087457,
     -0.7434992493538084},
    {-0.9217253762584194, -0.45772582566733916, 0.2201951234700494, -1.009618183538736,
     -0.20917557487171307, -0.15922500991447772, 0.5408455846858077, 0.2146591225063409,
     0.3553727090399214}};
static const double means[K][D] = {{-0.9807429141275091, -0.1944204505391542, 1.1759632050919944},
                                   {2.240146717831141, -1.8885982981561802, 2.270885662108594},
                                   {2.0188131356734567, 1.1719671010506412, 0.3966834454939553},
                                   {-0.4708842218046417, 2.187031025305438, 2.940387474674947}};
static double covariances[K][D][D];

/* ---- 3 x 3 ----------------------------------------------------------------------------------- */

/* Inverse by cofactors; returns the determinant. */
static double invert(double a[D][D], double out[D][D])
{
    double det = 0.0;
    for (int i = 0; i < D; i++)
        for (int j = 0; j < D; j++) {
            int p = (i + 1) % 3, q = (i + 2) % 3, r = (j + 1) % 3, s = (j + 2) % 3;
            out[j][i] = a[p][r] * a[q][s] - a[p][s] * a[q][r];
        }
    for (int j = 0; j < D; j++)
        det += a[0][j] * out[j][0];
    for (int i = 0; i < D * D; i++)
        out[i / D][i % D] /= det;
    return det;
}

static void times(double a[D][D], double b[D][D], double out[D][D])
{
    for (int i = 0; i < D; i++)
        for (int j = 0; j < D; j++) {
            out[i][j] = 0.0;
            for (int k = 0; k < D; k++)
                out[i][j] += a[i][k] * b[k][j];
        }
}

static void apply(double a[D][D], const double *v, double *out)
{
    for (int i = 0; i < D; i++)
        out[i] = a[i][0] * v[0] + a[i][1] * v[1] + a[i][2] * v[2];
}

/* The largest difference, relative to the largest entry, as the script measures it. */
static void compare(const char *name, const double *a, const double *b, int count)
{
    double off = 0.0, size = 1e-300;
    for (int i = 0; i < count; i++) {
        off = fmax(off, fabs(a[i] - b[i]));
        size = fmax(size, fabs(b[i]));
    }
    if (!CHECK(off <= TOLERANCE * size))
        fprintf(stderr, "    %s: off by %.2e\n", name, off / size);
}

/* ---- the reference --------------------------------------------------------------------------- */

typedef struct {
    double score[D], hessian[D][D];      /* of log q_t at x */
    double step_mean[D], step_cov[D][D]; /* of x_s given x_t = x */
} reference;

/* One component at variances: mean a m, covariance a^2 S + s^2 I, its inverse; log weight at x. */
static double component(int k, double a, double s, const double *x, double v[D][D],
                        double inverse[D][D], double *away)
{
    double square = 0.0, u[D];
    for (int i = 0; i < D; i++) {
        away[i] = x[i] - a * means[k][i];
        for (int j = 0; j < D; j++)
            v[i][j] = a * a * covariances[k][i][j] + (i == j) * s * s;
    }
    double det = invert(v, inverse);
    apply(inverse, away, u);
    for (int i = 0; i < D; i++)
        square += away[i] * u[i];
    return log(weights[k]) - 0.5 * (square + log(det));
}

/* Moments of a mixture with shares r, means p and covariances c. */
static void moments(const double *r, double p[K][D], double c[K][D][D], double *mean,
                    double cov[D][D])
{
    memset(mean, 0, D * sizeof *mean);
    memset(cov, 0, D * D * sizeof cov[0][0]);
    for (int k = 0; k < K; k++)
        for (int i = 0; i < D; i++)
            mean[i] += r[k] * p[k][i];
    for (int k = 0; k < K; k++)
        for (int i = 0; i < D; i++)
            for (int j = 0; j < D; j++)
                cov[i][j] += r[k] * (c[k][i][j] + (p[k][i] - mean[i]) * (p[k][j] - mean[j]));
}

static void refer(const covsamp__level *t, const covsamp__level *s, const double *x, reference *out)
{
    double r[K], u[K][D], h[K][D][D], p[K][D], c[K][D][D], sum = 0.0;
    const double ratio = t->alpha / s->alpha; /* x_t = ratio x_s + noise */
    for (int k = 0; k < K; k++) {
        double vt[D][D], it[D][D], vs[D][D], is[D][D], away[D], unused[D], g[D][D], gv[D][D];
        r[k] = exp(component(k, t->alpha, t->sigma, x, vt, it, away));
        component(k, s->alpha, s->sigma, x, vs, is, unused);
        sum += r[k];
        times(vs, it, g); /* the gain is ratio g */
        times(g, vs, gv);
        apply(it, away, u[k]);
        apply(g, away, p[k]);
        for (int i = 0; i < D; i++) {
            u[k][i] = -u[k][i];
            p[k][i] = s->alpha * means[k][i] + ratio * p[k][i];
            for (int j = 0; j < D; j++) {
                h[k][i][j] = -it[i][j];
                c[k][i][j] = vs[i][j] - ratio * ratio * gv[i][j];
            }
        }
    }
    for (int k = 0; k < K; k++)
        r[k] /= sum;
    moments(r, u, h, out->score, out->hessian);
    moments(r, p, c, out->step_mean, out->step_cov);
}

/* ---- the library ----------------------------------------------------------------------------- */

/* Mean and Jacobian of the model with this prediction. */
static void ask(int32_t prediction, const covsamp__level *t, const double *x, double *mean,
                double jacobian[D][D])
{
    const double identity[D * D] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    covsamp_mixture *m = NULL;
    covsamp_request q = {.size = sizeof q,
                         .kind = COVSAMP_ASK_MEAN_JVP,
                         .dtype = COVSAMP_F64,
                         .batch = 1,
                         .dim = D,
                         .stride = D,
                         .tangents = D,
                         .tangent_stride = D,
                         .alpha = t->alpha,
                         .sigma = t->sigma,
                         .x = x,
                         .v = identity,
                         .mean = mean,
                         .product = jacobian};
    CHECK(covsamp_mixture_new(&m, D, K, weights, means[0], covariances[0][0], prediction, NULL,
                              NULL) == COVSAMP_OK);
    CHECK(covsamp_mixture_answer(m, &q) == 0);
    covsamp_mixture_free(m);
}

static void posterior(const covsamp__level *t, const double *x, double *mean, double cov[D][D])
{
    covsamp_mixture *m = NULL;
    CHECK(covsamp_mixture_new(&m, D, K, weights, means[0], covariances[0][0], COVSAMP_PREDICTS_X0,
                              NULL, NULL) == COVSAMP_OK);
    covsamp__mixture_posterior(m, t->alpha, t->sigma, x, mean, cov[0], NULL);
    covsamp_mixture_free(m);
}

/* out = p I + q a */
static void shifted(double p, double q, double a[D][D], double out[D][D])
{
    for (int i = 0; i < D; i++)
        for (int j = 0; j < D; j++)
            out[i][j] = (i == j) * p + q * a[i][j];
}

static void sum(double p, const double *x, double q, const double *y, double *out)
{
    for (int i = 0; i < D; i++)
        out[i] = p * x[i] + q * y[i];
}

/* ---- the identities -------------------------------------------------------------------------- */

/* Cov = sigma^2/alpha d x0/dx, and every prediction says the same through p x + q f. */
static void predictions(const covsamp__level *t, const double *x, const double *mean,
                        double cov[D][D])
{
    const double a = t->alpha, s = t->sigma;
    for (int32_t f = COVSAMP_PREDICTS_NOISE; f <= COVSAMP_PREDICTS_FLOW; f++) {
        double answer[D], jacobian[D][D], p, q, x0[D], c[D][D];
        ask(f, t, x, answer, jacobian);
        CHECK(covsamp__prediction(f, t, NULL, &p, &q, NULL, "") == COVSAMP_OK);
        sum(p, x, q, answer, x0);
        shifted(s * s / a * p, s * s / a * q, jacobian, c);
        compare("x0 = p x + q f", x0, mean, D);
        compare("Cov0 = (bb/sqrt(ab)) (p I + q J_f)", c[0], cov[0], D * D);
    }
}

static void at_point(const covsamp__level *t, const covsamp__level *s, const double *x)
{
    const double bb = t->sigma * t->sigma, ab = t->alpha * t->alpha, root = t->alpha;
    const double a = ab / (s->alpha * s->alpha), b = bb - a * s->sigma * s->sigma;
    double mean[D], cov[D][D], v[D], m[D][D], answer[D], j[D][D], full[D][D];
    reference r;
    covsamp__transition c;
    covsamp__transition_between(t, s, 1.0, &c);
    refer(t, s, x, &r);
    posterior(t, x, mean, cov);
    sum(1 / root, x, bb / root, r.score, v);
    compare("tweedie mean", v, mean, D);
    shifted(bb / ab, bb / ab * bb, r.hessian, m);
    compare("tweedie cov", m[0], cov[0], D * D);
    ask(COVSAMP_PREDICTS_X0, t, x, answer, j);
    shifted(0, bb / root, j, m);
    compare("Cov0 = (bb/sqrt(ab)) dx0/dx", m[0], cov[0], D * D);
    shifted(c.lambda * c.lambda, c.b * c.b, cov, full);
    shifted(c.ca, c.cb, j, m); /* d mu / dx */
    shifted(0, b / sqrt(a), m, m);
    compare("Sigma = b/sqrt(a) dmu/dx", m[0], full[0], D * D);
    ask(COVSAMP_PREDICTS_NOISE, t, x, answer, j);
    shifted(bb / ab, -bb / ab * t->sigma, j, m);
    compare("Cov0 = (bb/ab)(I - sqrt(bb) deps/dx)", m[0], cov[0], D * D);
    shifted(b / a, b / a * b, r.hessian, m);
    compare("btil I + c^2 Cov0 = (b/a)(I + b H)", m[0], full[0], D * D);
    sum(c.cb, mean, c.ca, x, answer);
    sum(1 / sqrt(a), x, b / sqrt(a), r.score, v);
    compare("DDPM mean", v, answer, D);
    compare("E[x_s|x_t] direct", answer, r.step_mean, D);
    compare("Cov[x_s|x_t] direct", full[0], r.step_cov[0], D * D);
    predictions(t, x, mean, cov);
}

static void scalars(const covsamp__level *t, const covsamp__level *s)
{
    const double snr_t = exp(t->log_snr), snr_s = exp(s->log_snr);
    const double bt = t->sigma * t->sigma, bs = s->sigma * s->sigma;
    const double a = t->alpha * t->alpha / (s->alpha * s->alpha);
    covsamp__transition c;
    covsamp__transition_between(t, s, 1.0, &c);
    const double b = c.large * c.large, btil = c.lambda * c.lambda, gamma = c.cb * c.cb / btil;
    CHECK_CLOSE(gamma, snr_s - snr_t, TOLERANCE);
    CHECK_CLOSE(b / btil - 1, gamma * bt, TOLERANCE);
    CHECK_CLOSE(b / a / btil, snr_s / snr_t, TOLERANCE);
    CHECK_CLOSE(b, 1 - a, TOLERANCE);
    CHECK_CLOSE(c.cb, s->alpha * b / bt, TOLERANCE); /* DDIM at eta = 1 is DDPM */
    CHECK_CLOSE(c.ca, sqrt(a) * bs / bt, TOLERANCE);
}

static covsamp__level level(double ab)
{
    covsamp__level l = {-1, sqrt(ab), sqrt(1 - ab), log(ab) - log1p(-ab), 0};
    return l;
}

int main(void)
{
    const double pairs[5][2] = {{.999, .99}, {.9, .5}, {.5, .05}, {.05, .001}, {.9999, .9}};
    for (int k = 0; k < K; k++)
        for (int i = 0; i < D; i++)
            for (int j = 0; j < D; j++) {
                covariances[k][i][j] = 0.05 * (i == j);
                for (int l = 0; l < D; l++)
                    covariances[k][i][j] += 0.2 * factors[k][i * D + l] * factors[k][j * D + l];
            }
    for (int p = 0; p < 5; p++) {
        covsamp__level s = level(pairs[p][0]), t = level(pairs[p][1]);
        scalars(&t, &s);
        for (int n = 0; n < 7; n++) {
            double x[D];
            covsamp__normals(0, n, COVSAMP_STREAM_USER, p, 0, D, x);
            sum(1.3, x, 0, x, x);
            at_point(&t, &s, x);
        }
    }
    return check_done();
}
