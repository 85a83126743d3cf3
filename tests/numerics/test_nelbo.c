/* SPDX-License-Identifier: BSD-3-Clause */
/* nelbo on Gaussian data equals the closed form to 1e-10 for every covariance: on data whose
 * posterior covariance is what that covariance can express, the bound is the textbook's, sample by
 * sample and term by term. */
#include "nelbo_compare.h"

enum { SAMPLES = 8 }; /* of batches of 3: the last is filled up */

static double data[SAMPLES * WD], table[1000];
static world w;

/* Column j of the orthonormal DCT-II of n values. */
static double cosine(int n, int f, int i)
{
    return sqrt((f == 0 ? 1.0 : 2.0) / n) * cos(acos(-1.0) * f * (2 * i + 1) / (2 * n));
}

/* Data that is independent in the basis of a window k of every channel (height h, width v), with
 * the variance of coefficient (channel, fy, fx) by `variance`. */
static void cosine_data(int channels, int h, int v, int ky, int kx,
                        double (*variance)(int channel, int fy, int fx))
{
    w.d = channels * h * v;
    memset(w.s, 0, sizeof w.s);
    for (int i = 0; i < w.d; i++)
        for (int j = 0; j < w.d; j++) {
            const int c = i / (h * v), yi = i / v % h, xi = i % v, yj = j / v % h, xj = j % v;
            if (c != j / (h * v) || yi / ky != yj / ky || xi / kx != xj / kx)
                continue;
            for (int fy = 0; fy < ky; fy++)
                for (int fx = 0; fx < kx; fx++)
                    w.s[i * w.d + j] += variance(c, fy, fx) * cosine(ky, fy, yi % ky) *
                                        cosine(kx, fx, xi % kx) * cosine(ky, fy, yj % ky) *
                                        cosine(kx, fx, xj % kx);
        }
}

static double by_coefficient(int channel, int fy, int fx)
{
    return 0.4 / (1 + channel + 2 * fy + 3 * fx);
}

static double by_frequency(int channel, int fy, int fx)
{
    (void)channel;
    return 0.5 / (1 + fy * fy + 2 * fx);
}

/* sqrt((fx / kx)^2 + (fy / ky)^2) max(kx, ky), rounded: square windows here */
static double by_ring(int channel, int fy, int fx)
{
    return (channel + 1) * 0.3 / (1 + rint(sqrt(fx * fx + fy * fy)));
}

static void diagonal_data(int d)
{
    w.d = d;
    memset(w.s, 0, sizeof w.s);
    for (int i = 0; i < d; i++)
        w.s[i * d + i] = 0.02 + 0.6 * ((i * 5) % 7) / 7;
}

static void dense_data(int d)
{
    double q[WD * WD], e[WD];
    w.d = d;
    orthogonal(3, d, q);
    for (int i = 0; i < d; i++)
        e[i] = 0.001 + 0.7 * i / d;
    spectral(d, q, e, w.s);
}

static void draw(int bins)
{
    double z[WD];
    for (int i = 0; i < WD; i++)
        w.mean[i] = 0.1 * (i % 5 - 2);
    for (int k = 0; k < SAMPLES; k++) {
        normals(40 + k, w.d, z);
        for (int i = 0; i < w.d; i++) {
            double x = fmin(fmax(0.6 * z[i], -1), 1);
            if (bins > 0)
                x = -1 + 2.0 / (bins - 1) * rint((x + 1) * (bins - 1) / 2);
            data[k * w.d + i] = x;
        }
    }
}

/* Under every prediction and both eta, linear from a level below N; flow from alpha = 0. */
static void everywhere(setup u)
{
    static const int64_t linear[] = {910, 600, 333, 80, 3}, flow[] = {50, 41, 25, 10, 2};
    static const double etas[] = {1, .5};
    u.batch = 3;
    u.first = 5;
    u.seed = -77;
    u.dtype = COVSAMP_F64;
    u.table = table;
    w.steps = 5;
    draw((int)u.bins);
    for (int32_t p = COVSAMP_PREDICTS_NOISE; p <= COVSAMP_PREDICTS_FLOW; p++) {
        if (p == COVSAMP_PREDICTS_SCORE)
            continue;
        w.prediction = p;
        if (p == COVSAMP_PREDICTS_FLOW)
            CHECK(covsamp_schedule_new_flow(&w.schedule, 50, NULL, NULL) == COVSAMP_OK);
        else
            w.schedule = linear_schedule();
        memcpy(w.levels, p == COVSAMP_PREDICTS_FLOW ? flow : linear, sizeof linear);
        make_posteriors(&w);
        for (int i = 0; i < (u.covariance == LARGE || u.covariance == IDDPM ? 1 : 2); i++) {
            u.eta = etas[i];
            compare(&w, &u, data, SAMPLES, 1e-10);
        }
        covsamp_schedule_free(w.schedule);
    }
}

static void fixed_variances(void)
{
    dense_data(7);
    everywhere((setup){.options = "covariance=small", .covariance = SMALL});
    everywhere((setup){.options = "covariance=large", .covariance = LARGE, .bins = 256});
    everywhere((setup){.options = "covariance=analytic", .covariance = ANALYTIC});
    everywhere((setup){.options = "covariance=analytic", .covariance = ANALYTIC, .cap = .05});
}

static void diagonals(void)
{
    static const struct {
        const char *options;
        int32_t head;
        shape covariance;
    } heads[] = {{"covariance=diag_model head=ocm", COVSAMP_HEAD_OCM, HEAD},
                 {"covariance=diag_model head=sn", COVSAMP_HEAD_SN, HEAD},
                 {"covariance=diag_model head=npr", COVSAMP_HEAD_NPR, HEAD},
                 {"covariance=diag_model head=iddpm", COVSAMP_HEAD_IDDPM, IDDPM}};
    diagonal_data(9);
    everywhere((setup){.options = "covariance=state_isotropic", .covariance = ISOTROPIC});
    everywhere((setup){.options = "covariance=state_isotropic probes=3 tangents=2 mean_jvp=0",
                       .covariance = ISOTROPIC});
    everywhere((setup){.options = "covariance=diag_probe probes=3 tangents=2 symmetrise=average",
                       .covariance = DIAGONAL,
                       .bins = 256});
    dense_data(9);
    for (int i = 0; i < WD; i++)
        w.share[i] = 0.3 * i - 1.2; /* also beyond [-1, 1] */
    for (int i = 0; i < LENGTH(heads); i++) {
        w.head = heads[i].head;
        everywhere((setup){.options = heads[i].options, .covariance = heads[i].covariance});
    }
}

static void spectra(void)
{
    const char *full = "covariance=spectral channels=2 height=3 width=4 spectral_mode=full";
    cosine_data(2, 3, 4, 3, 4, by_coefficient);
    everywhere((setup){.options = full, .covariance = FULL});
    cosine_data(2, 3, 4, 3, 4, by_frequency);
    everywhere((setup){.options = "covariance=spectral channels=2 height=3 width=4 "
                                  "spectral_pool=channel probes=2 tangents=2",
                       .covariance = FULL});
    cosine_data(2, 4, 4, 4, 4, by_ring);
    everywhere((setup){.options = "covariance=spectral channels=2 height=4 width=4 "
                                  "spectral_pool=radial",
                       .covariance = FULL});
    cosine_data(2, 4, 4, 2, 2, by_coefficient);
    everywhere((setup){.options = "covariance=spectral channels=2 height=4 width=4 "
                                  "spectral_mode=block spectral_block=2",
                       .covariance = FULL,
                       .bins = 256});
    cosine_data(2, 2, 4, 2, 2, by_frequency);
    everywhere((setup){.options = "covariance=spectral channels=2 height=2 width=4 "
                                  "spectral_mode=block spectral_block=2 spectral_pool=channel",
                       .covariance = FULL});
}

static void full_covariances(void)
{
    diagonal_data(9);
    everywhere((setup){.options = "covariance=krylov krylov_steps=9 probes=2", .covariance = FULL});
    everywhere((setup){.options = "covariance=krylov krylov_steps=20 symmetrise=project",
                       .covariance = FULL,
                       .bins = 256});
    dense_data(12);
    everywhere((setup){.options = "covariance=dense tangents=5", .covariance = FULL, .bins = 256});
    everywhere((setup){.options = "covariance=dense symmetrise=average", .covariance = FULL});
    w.d = 1; /* one value: everything is the same */
    w.s[0] = .3;
    everywhere((setup){.options = "covariance=dense", .covariance = FULL});
    everywhere((setup){.options = "covariance=krylov", .covariance = FULL});
    everywhere((setup){.options = "covariance=spectral", .covariance = FULL});
}

int main(void)
{
    for (int i = 0; i < 1000; i++)
        table[i] = i < 50 ? .1 + .015 * i : .3 + .0007 * i;
    fixed_variances();
    diagonals();
    spectra();
    full_covariances();
    return check_done();
}
