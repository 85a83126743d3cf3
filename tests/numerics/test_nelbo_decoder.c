/* SPDX-License-Identifier: BSD-3-Clause */
/* The last term of a likelihood bound, value by value: probabilities of grey values against long
 * doubles and, far out, an asymptotic series; they sum to 1; densities; floats; long samples. */
#include "nelbo_world.h"

#include "diagnostic/decoder.h"

static double nats(double x, double mean, double deviation, int64_t bins)
{
    return covsamp__decoder_nats(COVSAMP_F64, 1, bins, deviation, &x, &mean);
}

/* All bins, whatever the mean: each to 1e-10, and together certain. */
static void all_bins(int64_t bins)
{
    static const double means[] = {0, .3, -.77, 1, -1, 1.02, -1.4, 3, -40};
    static const double deviations[] = {1e-3, .0073, .05, .4, 3, 100};
    for (int m = 0; m < LENGTH(means); m++)
        for (int v = 0; v < LENGTH(deviations); v++) {
            double sum = 0, lost = 0;
            for (int64_t b = 0; b < bins; b++) {
                const double x = -1 + 2.0 * (double)b / (double)(bins - 1);
                const double got = nats(x, means[m], deviations[v], bins);
                const double expected = grey(x, means[m], deviations[v], bins);
                if (!check_near(got, expected, 1e-10 * fmax(1, expected), __FILE__, __LINE__,
                                "a bin"))
                    fprintf(stderr, "    bin %d of %d, mean %g, deviation %g\n", (int)b, (int)bins,
                            means[m], deviations[v]);
                lost += expected > 700;
                sum += exp(-got);
            }
            CHECK(lost == (double)bins || fabs(sum - 1) < 1e-9);
        }
}

/* The finest: few of them, and where the density is flat the probability is density x width. */
static void finest(void)
{
    static const int64_t at[] = {0, 1, 2, 32767, 32768, 65533, 65534, 65535};
    for (int i = 0; i < LENGTH(at); i++)
        for (int m = 0; m < 5; m++) {
            const double x = -1 + 2.0 * (double)at[i] / 65535, mean = x + (m - 2) * .004;
            CHECK_NEAR(nats(x, mean, .004, 65536), grey(x, mean, .004, 65536), 1e-10);
            CHECK_NEAR(nats(x, mean, 1, 65536), grey(x, mean, 1, 65536), 1e-10);
            if (at[i] > 0 && at[i] < 65535)
                CHECK_NEAR(nats(x, mean, .5, 65536), density(x, mean, .5) - log(2.0 / 65535), 1e-9);
        }
}

/* Around the places where the evaluation changes, and beyond erfc(). */
static void tails(void)
{
    static const double far[] = {.5, 1, 5, 19.9, 20, 20.1, 30, 38.4, 38.6, 60, 100, 101, 140, 1e3};
    for (int i = 0; i < LENGTH(far); i++)
        for (int sign = -1; sign <= 1; sign += 2) {
            const double deviation = .01, half = 1.0 / 255, x = sign * 51 / 255.0;
            const double mean = x - sign * (half + far[i] * deviation); /* its near edge */
            const double expected = interval(far[i], far[i] + 2 * (long double)half / deviation);
            CHECK_CLOSE(nats(x, mean, deviation, 256), expected, 2e-12);
            const double end = sign - sign * (half + far[i] * deviation);
            CHECK_CLOSE(nats(sign, end, deviation, 256), interval(far[i], INFINITY), 2e-12);
        }
    CHECK_NEAR(nats(1, 1000, .01, 256), 0, 0); /* certain */
    CHECK_NEAR(nats(-1, -1000, .01, 256), 0, 0);
    CHECK(isfinite(nats(-1, 1e6, 1e-4, 256)) && isfinite(nats(.2, -1e6, 1e-4, 4)));
}

/* Bins in the middle have no tail, however near the edge: only the first and the last do. */
static void edges(void)
{
    const double half = 1.0 / 255, step = 2 * half;
    CHECK(nats(-1, -3, .01, 256) < 1e-12 && nats(1, 3, .01, 256) < 1e-12);
    CHECK(nats(-1 + step, -3, .01, 256) > 1e4 && nats(1 - step, 3, .01, 256) > 1e4);
    CHECK_NEAR(nats((double)(float)(-1 + step), -1 + step, .01, 256),
               nats(-1 + step, -1 + step, .01, 256), 1e-6);
    for (int i = 0; i < 2; i++) { /* two bins: both tails */
        const double x = i ? 1 : -1;
        CHECK_NEAR(nats(x, .25, .5, 2), -log(.5 * erfc(-x * .25 / .5 / sqrt(2.0))), 1e-13);
    }
}

static void densities_and_sums(void)
{
    enum { N = 700 };
    static double x[N], mean[N];
    static float xf[N], meanf[N];
    double sum = 0, wide = 0, grey_sum = 0;
    for (int i = 0; i < N; i++) {
        x[i] = -1 + 2.0 / 255 * (i * 7 % 256);
        mean[i] = x[i] + .02 * (i % 11 - 5);
        xf[i] = (float)x[i];
        meanf[i] = (float)mean[i];
        sum += density(x[i], mean[i], .02);
        grey_sum += grey(x[i], mean[i], .02, 256);
        wide += density(xf[i], meanf[i], .02);
    }
    CHECK_CLOSE(covsamp__decoder_nats(COVSAMP_F64, N, 0, .02, x, mean), sum, 1e-13);
    CHECK_CLOSE(covsamp__decoder_nats(COVSAMP_F64, N, 256, .02, x, mean), grey_sum, 1e-12);
    CHECK_CLOSE(covsamp__decoder_nats(COVSAMP_F32, N, 0, .02, xf, meanf), wide, 1e-13);
    CHECK_CLOSE(covsamp__decoder_nats(COVSAMP_F32, N, 256, .02, xf, meanf), grey_sum, 1e-5);
}

int main(void)
{
    all_bins(256);
    all_bins(2);
    all_bins(3);
    finest();
    tails();
    edges();
    densities_and_sums();
    return check_done();
}
