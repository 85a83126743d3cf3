/* SPDX-License-Identifier: BSD-3-Clause */
/* Path KL of guided samplers to the exact conditional chain: closed forms on Gaussian data, Monte
 * Carlo against quadrature on mixtures, weights over levels, and how it falls with the number of
 * steps. */
#include "path_kl.h"

#define LENGTH(a) ((int)(sizeof(a) / sizeof((a)[0])))

enum { LEVELS = 5 };

/* ---- Gaussian data: the KL of two Gaussians, 2 x 2 by hand ------------------------------------
 */

typedef struct {
    double xx, xy, yy;
} matrix2;

static const matrix2 data = {.5, .35, .8};
static const double data_mean[2] = {.4, -1}, direction[2] = {.9, -.6};

static matrix2 inverse(matrix2 m)
{
    const double det = m.xx * m.yy - m.xy * m.xy;
    const matrix2 r = {m.yy / det, -m.xy / det, m.xx / det};
    return r;
}

/* u I + v M */
static matrix2 shifted(double u, double v, matrix2 m)
{
    const matrix2 r = {u + v * m.xx, v * m.xy, u + v * m.yy};
    return r;
}

static void apply(matrix2 m, const double *x, double *y)
{
    const double first = m.xx * x[0] + m.xy * x[1];
    y[1] = m.xy * x[0] + m.yy * x[1];
    y[0] = first;
}

/* KL(N(off, a) || N(0, s)) */
static double kl_gauss(matrix2 a, matrix2 s, const double *off)
{
    const matrix2 i = inverse(s);
    const double trace = i.xx * a.xx + 2 * i.xy * a.xy + i.yy * a.yy;
    const double square =
        i.xx * off[0] * off[0] + 2 * i.xy * off[0] * off[1] + i.yy * off[1] * off[1];
    const double ratio = (a.xx * a.yy - a.xy * a.xy) * (i.xx * i.yy - i.xy * i.xy);
    return .5 * (trace - 2 - log(ratio) + square);
}

/* Cov[x0 | x_t] = (S^-1 + alpha^2 / sigma^2)^-1 */
static matrix2 posterior(double a, double g)
{
    return inverse(shifted(a * a / (g * g), 1, inverse(data)));
}

static matrix2 model(const char *covariance, double lambda2, double b2, double large2, matrix2 c)
{
    const double middle = .5 * (c.xx + c.yy);
    const matrix2 none = {0, 0, 0};
    matrix2 diagonal = c;
    diagonal.xy = 0;
    if (strcmp(covariance, "small") == 0)
        return shifted(lambda2, 1, none);
    if (strcmp(covariance, "large") == 0)
        return shifted(large2, 1, none);
    if (strcmp(covariance, "diag_probe") == 0)
        return shifted(lambda2, b2, diagonal);
    if (strcmp(covariance, "dense") == 0 || strcmp(covariance, "krylov") == 0)
        return shifted(lambda2, b2, c);
    return shifted(lambda2 + b2 * middle, 1, none); /* state_isotropic, analytic */
}

/* The KL of the step from level n of `schedule` to the one below, guided with weight w. */
static double closed_form(const covsamp_schedule *schedule, int n, double eta,
                          const char *covariance, const char *form, const double *tilt, double w)
{
    double a, g, as, gs, exact[2], push[2], off[2];
    covsamp_schedule_at(schedule, n, &a, &g, NULL);
    covsamp_schedule_at(schedule, n - 1, &as, &gs, NULL);
    const double step = 1 - pow(a * gs / (as * g), 2), large2 = g * g - pow(a * gs / as, 2);
    const double lambda2 = eta * eta * gs * gs * step;
    const double b = as - sqrt(gs * gs - lambda2) / g * a;
    const matrix2 c = posterior(a, g),
                  s = model(covariance, lambda2, b * b, eta == 1 ? large2 : NAN, c);
    const matrix2 below = posterior(as, gs);
    apply(c, tilt, exact); /* E[x0 | x_t, y] - E[x0 | x_t] */
    if (strcmp(form, "score") == 0) {
        apply(c, tilt, push);
        push[0] *= b;
        push[1] *= b;
    } else {
        const int at_mean = strcmp(form, "mean") == 0;
        const double slope = at_mean ? as / (gs * gs) : a / (g * g);
        apply(at_mean ? below : c, tilt, push); /* g is slope P a */
        push[0] *= slope;
        push[1] *= slope;
        apply(s, push, push);
    }
    for (int i = 0; i < 2; i++)
        off[i] = b * exact[i] - w * push[i];
    return kl_gauss(shifted(lambda2, b * b, c), s, off);
}

static covsamp_mixture *gaussian(double length, double *tilt)
{
    static const double weight = 1, s[4] = {.5, .35, .35, .8};
    covsamp_mixture *m = NULL;
    for (int i = 0; i < 2; i++)
        tilt[i] = length * direction[i];
    CHECK(covsamp_mixture_new(&m, 2, 1, &weight, data_mean, s, COVSAMP_PREDICTS_V, NULL, NULL) ==
          COVSAMP_OK);
    CHECK(covsamp_mixture_set_tilt(m, tilt) == COVSAMP_OK);
    return m;
}

/* Every step of every covariance and form, eta 1 by quadrature as well.  With the full covariance
 * the form "mean" is exact for eta = 1, where y depends on x_t through x_s alone, the form "score"
 * for every eta. */
static void gaussian_data(double eta, double w, double length)
{
    static const char *const covariances[] = {
        "small", "analytic", "state_isotropic", "diag_probe", "dense", "krylov", "large"};
    static const char *const forms[] = {"mean", "state", "score"};
    double tilt[2], kl[LEVELS - 1], deviation[LEVELS - 1];
    covsamp_schedule *schedule = path_schedule(VP_LINEAR, LEVELS);
    covsamp_mixture *m = gaussian(length, tilt);
    for (int i = 0; i < LENGTH(covariances) - (eta < 1); i++)
        for (int f = 0; f < 3; f++)
            for (int32_t estimator = eta < 1 ? 2 : 1; estimator <= 2; estimator++) {
                char options[160];
                snprintf(options, sizeof options,
                         "covariance=%s eta=%.17g guidance=%.17g guidance_form=%s", covariances[i],
                         eta, w, forms[f]);
                covsamp_config *c = path_config(schedule, options);
                CHECK(covsamp_path_kl(c, m, estimator, estimator == 1 ? 0 : 4000, kl, deviation,
                                      LEVELS - 1, NULL) == COVSAMP_OK);
                for (int k = 0; k < LEVELS - 1; k++) {
                    const double expected =
                        closed_form(schedule, LEVELS - k, eta, covariances[i], forms[f], tilt, w);
                    CHECK_NEAR(kl[k], expected, 1e-12 * (1 + expected) + 4.5 * deviation[k]);
                    if (w == 1 && i >= 4 && i <= 5 && (f == 2 || (f == 0 && eta == 1)))
                        CHECK_NEAR(kl[k], 0, 1e-12); /* exact at any strength */
                }
                covsamp_config_free(c);
            }
    covsamp_schedule_free(schedule);
    covsamp_mixture_free(m);
}

/* ---- weights over levels ----------------------------------------------------------------------
 */

static void intervals(void)
{
    static const double weights[LEVELS] = {0, .5, 1, -1, 2}; /* of levels 1 ... 5 */
    static const struct {
        const char *options;
        double w[LEVELS - 1]; /* of the steps from levels 5, 4, 3, 2 */
    } cases[] = {{"guidance=1.5", {1.5, 1.5, 1.5, 1.5}},
                 {"guidance=1.5 guidance_low=3 guidance_high=4", {0, 1.5, 1.5, 0}},
                 {"guidance=0 guidance_low=3", {2, -1, 1, 0}}}; /* the last one with weights */
    double tilt[2], kl[LEVELS - 1];
    covsamp_schedule *schedule = path_schedule(VP_LINEAR, LEVELS);
    covsamp_mixture *m = gaussian(1, tilt);
    for (int i = 0; i < LENGTH(cases); i++) {
        char options[160];
        snprintf(options, sizeof options, "covariance=diag_probe %s", cases[i].options);
        covsamp_config *c = path_config(schedule, options);
        if (i == 2)
            CHECK(covsamp_config_set_guidance(c, COVSAMP_GUIDANCE_CLASSIFIER, weights, LEVELS) ==
                  COVSAMP_OK);
        CHECK(covsamp_path_kl(c, m, COVSAMP_PATH_KL_QUADRATURE, 0, kl, NULL, LEVELS - 1, NULL) ==
              COVSAMP_OK);
        for (int k = 0; k < LEVELS - 1; k++)
            CHECK_NEAR(
                kl[k],
                closed_form(schedule, LEVELS - k, 1, "diag_probe", "mean", tilt, cases[i].w[k]),
                1e-11);
        covsamp_config_free(c);
    }
    covsamp_schedule_free(schedule);
    covsamp_mixture_free(m);
}

/* ---- mixtures ------------------------------------------------------------------------------- */

static covsamp_mixture *tilted_path(int dim, double length)
{
    static const double along[] = {.8, -.6, .3, .2, -.4, .5};
    double tilt[6];
    covsamp_mixture *m = path_mixture(dim);
    for (int i = 0; i < 6; i++)
        tilt[i] = length * (dim == 1 ? 1 : along[i]);
    CHECK(covsamp_mixture_set_tilt(m, tilt) == COVSAMP_OK);
    return m;
}

/* All forms on a line, one for each covariance in the plane. */
static void by_samples(void)
{
    static const char *const covariances[] = {
        "large", "small", "analytic", "state_isotropic", "diag_probe", "dense", "spectral width=2"};
    static const char *const forms[] = {"mean", "state", "score"};
    for (int dim = 1; dim <= 2; dim++) {
        covsamp_mixture *m = tilted_path(dim, 1.5);
        for (int i = 0; i < LENGTH(covariances) - (dim == 1); i++)
            for (int f = dim == 1 ? 0 : i % 3; f < (dim == 1 ? 3 : i % 3 + 1); f++) {
                char options[120];
                snprintf(options, sizeof options, "covariance=%s guidance=1 guidance_form=%s",
                         covariances[i], forms[f]);
                const covsamp_path_kl_total exact = path_kl(m, LOG_SNR, 20, options, 0);
                const covsamp_path_kl_total t = path_kl(m, LOG_SNR, 20, options, 10000);
                CHECK_NEAR(t.kl, exact.kl, 4 * t.deviation);
                CHECK_NEAR(t.prior, exact.prior, 4 * t.prior_deviation);
                if (!CHECK(t.deviation < .1 * t.kl)) /* or that would say nothing */
                    fprintf(stderr, "    %d %s: %g +- %g\n", dim, options, t.kl, t.deviation);
                CHECK(exact.kl > 0);
            }
        covsamp_mixture_free(m);
    }
}

/* Without a weight the chain is the unguided one, whatever the tilt; a tilt of length 0 asks for
 * nothing, so that guidance changes nothing either. */
static void no_guidance(void)
{
    covsamp_mixture *plain = path_mixture(2), *tilted = tilted_path(2, 1.5),
                    *zero = tilted_path(2, 0);
    for (int64_t size = 0; size <= 100; size += 100) {
        const double kl = path_kl(plain, VP_LINEAR, 6, "covariance=dense", size).kl;
        CHECK(path_kl(tilted, VP_LINEAR, 6, "covariance=dense", size).kl == kl);
        CHECK_NEAR(path_kl(zero, VP_LINEAR, 6, "covariance=dense guidance=3", size).kl, kl, 1e-12);
    }
    covsamp_mixture_free(plain);
    covsamp_mixture_free(tilted);
    covsamp_mixture_free(zero);
}

/* Krylov's own density, moved: two products of six against three and the whole. */
static void krylov(void)
{
    covsamp_mixture *m = tilted_path(6, 1.5);
    double kl[4];
    for (int products = 1; products <= 4; products++) {
        char options[120];
        snprintf(options, sizeof options, "covariance=krylov krylov_steps=%d guidance=1",
                 products == 4 ? 6 : products);
        kl[products - 1] = path_kl(m, LOG_SNR, 24, options, 1000).kl;
    }
    printf("krylov:1, 2, 3, 6        %.3e %.3e %.3e %.3e\n", kl[0], kl[1], kl[2], kl[3]);
    CHECK(kl[0] > 1.5 * kl[3]);
    CHECK(fabs(kl[1] - kl[3]) < .05 * kl[3] && fabs(kl[2] - kl[3]) < .01 * kl[3]);
    covsamp_mixture_free(m);
}

/* ---- over the number of steps -----------------------------------------------------------------
 */

static double total(covsamp_mixture *m, int count, const char *covariance, const char *form)
{
    char options[120];
    snprintf(options, sizeof options, "covariance=%s guidance=%d guidance_form=%s", covariance,
             form != NULL, form != NULL ? form : "auto");
    return path_kl(m, LOG_SNR, count, options, 0).kl;
}

/* C knows nothing of y: Cov[x0 | x_t, y] is another matrix, to an order that is that of the
 * variance of a step but for b^2 / lambda^2 = O(1 / T).  So the guided full covariance falls as 1 /
 * T; a network of the condition keeps 1 / T^2, as does what the means of "mean" and "state" cost
 * beyond the exact one of "score". */
static void slopes(void)
{
    covsamp_mixture *m = tilted_path(2, 1.5), *given = NULL;
    double kl[5][3];
    static const char *const names[5] = {"conditional", "score", "mean less score",
                                         "state less score", "diag_probe"};
    CHECK(covsamp_mixture_tilted(&given, m, COVSAMP_PREDICTS_V, NULL, NULL) == COVSAMP_OK);
    for (int t = 0; t < 3; t++) {
        const int count = 32 << t;
        kl[0][t] = total(given, count, "dense", NULL);
        kl[1][t] = total(m, count, "dense", "score");
        kl[2][t] = total(m, count, "dense", "mean") - kl[1][t];
        kl[3][t] = total(m, count, "dense", "state") - kl[1][t];
        kl[4][t] = total(m, count, "diag_probe", "mean");
    }
    for (int i = 0; i < 5; i++) {
        const double slope = log2(kl[i][2] / kl[i][1]);
        const int square = i == 0 || i == 2 || i == 3;
        printf("%-18s %.3e %.3e %.3e   slope %.3f\n", names[i], kl[i][0], kl[i][1], kl[i][2],
               slope);
        CHECK(slope >= (square ? -2.1 : -1.2) && slope <= (square ? -1.7 : -.9));
    }
    CHECK(kl[1][2] < .6 * kl[4][2]); /* better than the diagonal still, by a factor */
    covsamp_mixture_free(m);
    covsamp_mixture_free(given);
}

int main(void)
{
    gaussian_data(1, 1, .1);
    gaussian_data(1, 1, 1);
    gaussian_data(1, 1, 6);
    gaussian_data(1, .5, 1);
    gaussian_data(.5, 1, 1);
    gaussian_data(.5, 2, 1);
    intervals();
    by_samples();
    no_guidance();
    krylov();
    slopes();
    return check_done();
}
