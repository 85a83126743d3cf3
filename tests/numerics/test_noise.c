/* SPDX-License-Identifier: BSD-3-Clause */
/* The noise: its law on 10^7 numbers, independence of streams, the same bits however a batch is
 * cut, the fixed numbers in golden/noise.txt, the accuracy of log and sincos.
 *
 * golden/noise.txt is what `test_noise --make` prints: for each of the draws below eight numbers in
 * hexadecimal, and a checksum of 2^20 numbers.  It was made once, with gcc -O2, after test_rng had
 * found the same draws equal to the definition by libm; it must never change. */
#include "check.h"

#include "numeric/elementary.h"
#include "numeric/rng.h"

#include <covsamp/covsamp.h>

#include <inttypes.h>
#include <stdlib.h>

/* ---- the law --------------------------------------------------------------------------------- */

#define MANY  10000000
#define CHUNK 100000
#define BINS  65536

/* The seed is fixed, so a bound once held is held for good; 4 standard deviations (and 1.95 for the
 * Kolmogorov-Smirnov statistic, p = 0.001) are what an honest generator passes with any seed but
 * one in thousands. */
static void law(void)
{
    static int64_t bin[BINS + 1];
    double *x = malloc(CHUNK * sizeof *x), sum[5] = {0}, largest = 0.0, distance = 0.0;
    for (int64_t first = 0; first < MANY; first += CHUNK) {
        covsamp__normals(20261122, 3, COVSAMP_STREAM_USER, 1, first, CHUNK, x);
        for (int i = 0; i < CHUNK; i++) {
            double power = 1.0;
            for (int k = 1; k <= 4; k++)
                sum[k] += (power *= x[i]);
            largest = fmax(largest, fabs(x[i]));
            bin[(int)(BINS * 0.5 * erfc(-x[i] * 0.70710678118654752))]++;
        }
    }
    for (int k = 1; k <= 4; k++)
        sum[k] /= MANY;
    const double scale = 4 / sqrt((double)MANY); /* variances of x, x^2, x^3 and x^4: 1 2 15 96 */
    CHECK_NEAR(sum[1], 0.0, scale);
    CHECK_NEAR(sum[2], 1.0, scale * sqrt(2.0));
    CHECK_NEAR(sum[3], 0.0, scale * sqrt(15.0));
    CHECK_NEAR(sum[4], 3.0, scale * sqrt(96.0));
    double excess = (sum[4] - 4 * sum[1] * sum[3]) / (sum[2] * sum[2]) - 3;
    CHECK_NEAR(excess, 0.0, scale * sqrt(24.0));
    int64_t below = 0;
    for (int i = 0; i < BINS; i++) {
        below += bin[i];
        distance = fmax(distance, fabs((double)below / MANY - (i + 1.0) / BINS));
    }
    CHECK_NEAR(distance, 0.0, 1.95 / sqrt((double)MANY));
    CHECK(largest > 4.9 && largest < 6.1); /* of 10^7: below 5.2 or so in half of all cases */
    printf("mean %.1e, variance 1 %+.1e, excess kurtosis %.1e, KS %.2f, largest %.2f\n", sum[1],
           sum[2] - sum[1] * sum[1] - 1, excess, distance * sqrt((double)MANY), largest);
    free(x);
}

/* ---- independence ---------------------------------------------------------------------------- */

#define SHORT 200000

static void uncorrelated(const double *x, const double *y, int64_t n, int64_t stride)
{
    double plain = 0.0, squares = 0.0;
    for (int64_t i = 0; i < n; i++) {
        double a = x[i * stride], b = y[i * stride];
        plain += a * b;
        squares += (a * a - 1) * (b * b - 1);
    }
    CHECK_NEAR(plain / sqrt((double)n), 0.0, 4.0);
    CHECK_NEAR(squares / (2 * sqrt((double)n)), 0.0, 4.0);
}

static void independence(void)
{
    double *base = malloc(SHORT * sizeof *base), *x = malloc(SHORT * sizeof *x);
    covsamp__normals(1, 0, 1, 0, 0, SHORT, base);
    uncorrelated(base, base + 1, SHORT / 2, 2); /* the two of a pair */
    uncorrelated(base, base + 1, SHORT - 1, 1); /* neighbours */
    uncorrelated(base, base + 2, SHORT - 2, 1);
    uncorrelated(base, base + 128, SHORT - 128, 1);
    covsamp__normals(2, 0, 1, 0, 0, SHORT, x);
    uncorrelated(base, x, SHORT, 1); /* seeds */
    covsamp__normals(1, 1, 1, 0, 0, SHORT, x);
    uncorrelated(base, x, SHORT, 1); /* samples */
    covsamp__normals(1, 0, 2, 0, 0, SHORT, x);
    uncorrelated(base, x, SHORT, 1); /* streams */
    covsamp__normals(1, 0, 1, 1, 0, SHORT, x);
    uncorrelated(base, x, SHORT, 1); /* steps */
    free(base);
    free(x);
}

/* ---- the same bits --------------------------------------------------------------------------- */

#define BATCH 64
#define DIM   785

static void batches(void)
{
    static double whole[BATCH][DIM], single[DIM], split[DIM];
    static float whole32[BATCH][DIM], split32[DIM];
    const int cuts[4] = {0, 131, 132, DIM};
    int same = 1;
    for (int b = 0; b < BATCH; b++) {
        covsamp__normals(9, 1000 + b, COVSAMP_STREAM_STEP, 4, 0, DIM, whole[b]);
        covsamp__normals_as(COVSAMP_F32, 9, 1000 + b, COVSAMP_STREAM_STEP, 4, 0, DIM, whole32[b]);
    }
    for (int b = BATCH - 1; b >= 0; b--) {
        covsamp__normals(9, 1000 + b, COVSAMP_STREAM_STEP, 4, 0, DIM, single);
        for (int c = 2; c >= 0; c--) {
            const int first = cuts[c], count = cuts[c + 1] - first;
            covsamp__normals(9, 1000 + b, COVSAMP_STREAM_STEP, 4, first, count, split + first);
            covsamp__normals_as(COVSAMP_F32, 9, 1000 + b, COVSAMP_STREAM_STEP, 4, first, count,
                                split32 + first);
        }
        same &= memcmp(single, whole[b], sizeof single) == 0;
        same &= memcmp(split, whole[b], sizeof split) == 0;
        same &= memcmp(split32, whole32[b], sizeof split32) == 0;
    }
    CHECK(same);
}

/* ---- golden ---------------------------------------------------------------------------------- */

#define VALUES 8

static const struct {
    uint64_t seed;
    int64_t sample, step, first;
    int32_t stream;
} draws[] = {
    {0, 0, 0, 0, COVSAMP_STREAM_START},
    {1, 0, 0, 0, COVSAMP_STREAM_START},
    {42, 17, 999, 783, COVSAMP_STREAM_STEP},
    {UINT64_C(0xfedcba9876543210), INT64_C(1) << 40, 123456, 1001, COVSAMP_STREAM_PROBE},
    {UINT64_MAX, INT64_MAX, (1 << 24) - 1, (INT64_C(1) << 33) - VALUES, 255},
};
enum { DRAWS = sizeof draws / sizeof *draws };

static void draw(int d, double *out)
{
    covsamp__normals(draws[d].seed, draws[d].sample, draws[d].stream, draws[d].step, draws[d].first,
                     VALUES, out);
}

/* FNV-1a over the 64-bit words. */
static uint64_t checksum(void)
{
    static double x[1 << 16];
    uint64_t sum = UINT64_C(0xcbf29ce484222325);
    for (int k = 0; k < 16; k++) {
        covsamp__normals(7, k, COVSAMP_STREAM_STEP, 3, 0, 1 << 16, x);
        for (int i = 0; i < 1 << 16; i++)
            sum = (sum ^ covsamp__as_bits(x[i])) * UINT64_C(0x100000001b3);
    }
    return sum;
}

static int make(void)
{
    double x[VALUES];
    for (int d = 0; d < DRAWS; d++) {
        draw(d, x);
        for (int i = 0; i < VALUES; i++)
            printf("%a\n", x[i]);
    }
    printf("%016" PRIx64 "\n", checksum());
    return 0;
}

static void golden(void)
{
    FILE *file = fopen("numerics/golden/noise.txt", "r"); /* tests run in tests/ */
    char line[80];
    double x[VALUES];
    if (!CHECK(file != NULL))
        return;
    for (int d = 0; d < DRAWS; d++) {
        draw(d, x);
        for (int i = 0; i < VALUES; i++)
            CHECK(fgets(line, sizeof line, file) != NULL && strtod(line, NULL) == x[i]);
    }
    CHECK(fgets(line, sizeof line, file) != NULL && strtoull(line, NULL, 16) == checksum());
    fclose(file);
}

/* ---- accuracy -------------------------------------------------------------------------------- */

static uint64_t random_53(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*state ^ *state >> 29) >> 11;
}

/* Of a, in units in the last place of the exact value. */
static double ulps(double a, long double exact)
{
    int e;
    frexp((double)exact, &e);
    return fabs((double)(((long double)a - exact) / ldexpl(1.0L, e - 53)));
}

static void log_accuracy(void)
{
    uint64_t state = 1;
    double worst = 0.0;
    int exact = 1;
    for (int i = 0; i < 2000000; i++) {
        uint64_t k = random_53(&state) + 1;
        if (i % 4 == 1) /* near 1, where the logarithm vanishes */
            k = (UINT64_C(1) << 53) - (k >> (i % 52));
        if (i % 4 == 2) /* near 0 */
            k = (k >> (i % 53)) + 1;
        double x = covsamp__from_53(k) * 0x1p-53;
        exact &= x == (double)k / 9007199254740992.0;
        if (k < UINT64_C(1) << 53)
            worst = fmax(worst, ulps(covsamp__log_of(x), logl((long double)x)));
    }
    CHECK(exact);
    CHECK(covsamp__log_of(1.0) == 0.0);
    CHECK(covsamp__log_of(0x1p-53) < -36.7 && covsamp__log_of(0x1p-53) > -36.8);
    CHECK_NEAR(worst, 0.0, 1.0);
    printf("log: at most %.3f ulp off\n", worst);
}

static void sincos_accuracy(void)
{
    const long double half_pi = 1.57079632679489661923132169163975144L;
    uint64_t state = 2;
    double worst[2] = {0, 0}, circle = 0.0;
    for (int i = 0; i < 2000000; i++) {
        uint64_t k = random_53(&state);
        if (i % 3 == 1) /* around the quarters, where one of them vanishes */
            k = ((k & 3) << 51) + (k >> (4 + i % 48)) - (i % 2 ? UINT64_C(2) : 0);
        k &= (UINT64_C(1) << 53) - 1;
        uint64_t quarter = (k + (UINT64_C(1) << 50)) >> 51;
        long double r = ((long double)k - (long double)quarter * 0x1p51L) * 0x1p-51L * half_pi;
        long double pair[2] = {sinl(r), cosl(r)};
        double s, c;
        long double sine = quarter % 2 ? pair[1] : pair[0];
        long double cosine = quarter % 2 ? pair[0] : pair[1];
        sine = quarter % 4 >= 2 ? -sine : sine;
        cosine = quarter % 4 == 1 || quarter % 4 == 2 ? -cosine : cosine;
        covsamp__sincos_of(k, &s, &c);
        worst[0] = fmax(worst[0], sine == 0 ? fabs(s) : ulps(s, sine));
        worst[1] = fmax(worst[1], cosine == 0 ? fabs(c) : ulps(c, cosine));
        circle = fmax(circle, fabs(s * s + c * c - 1));
    }
    CHECK_NEAR(worst[0], 0.0, 1.7);
    CHECK_NEAR(worst[1], 0.0, 1.7);
    CHECK_NEAR(circle, 0.0, 1e-15);
    printf("sin: at most %.3f ulp off, cos: %.3f\n", worst[0], worst[1]);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--make") == 0)
        return make();
    golden();
    batches();
    independence();
    law();
    if (LDBL_MANT_DIG >= 64) { /* elsewhere long double is no better than what it would judge */
        log_accuracy();
        sincos_accuracy();
    }
    return check_done();
}
