/* SPDX-License-Identifier: BSD-3-Clause */
/* covsamp_schedule_optimal() against every choice of levels, on small schedules; and what it does
 * with entries that no level should have. */
#include "check.h"

#include <covsamp/covsamp.h>

#include <stdlib.h>

#define N         14
#define LENGTH(a) ((int)(sizeof(a) / sizeof((a)[0])))

/* log(sigma*^2 / lambda^2) of one step, from the definitions (Bao et al. 2022, theorem 1, eta = 1).
 * At alpha = 0 the analytic variance is that of the level below. */
static double step_cost(const covsamp_schedule *schedule, const double *noise, int64_t t, int64_t s)
{
    double at, st, as, ss;
    covsamp_schedule_at(schedule, (double)t, &at, &st, NULL);
    covsamp_schedule_at(schedule, (double)s, &as, &ss, NULL);
    const double ratio = at / as, beta = st * st - ratio * ratio * ss * ss;
    const double small = ss * ss / (st * st) * beta;
    const double b = as * beta / (st * st); /* the weight of x0 in the mean */
    int64_t n = t;
    if (at == 0)
        covsamp_schedule_at(schedule, (double)--n, &at, &st, NULL);
    const double c = st * st / (at * at) * (1 - noise[n - 1]);
    return log((small + b * b * c) / small);
}

static double total(const covsamp_schedule *schedule, const double *noise, const int64_t *levels,
                    int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i + 1 < count; i++)
        sum += step_cost(schedule, noise, levels[i], levels[i + 1]);
    return sum;
}

/* The least total over all sets of `count` levels that hold 1 and N. */
static double brute_force(const covsamp_schedule *schedule, const double *noise, int count)
{
    double best = INFINITY;
    for (unsigned set = 0; set < 1u << (N - 2); set++) {
        int64_t levels[N];
        int used = 0;
        levels[used++] = N;
        for (int n = N - 1; n > 1; n--)
            if (set >> (n - 2) & 1u)
                levels[used++] = n;
        levels[used++] = 1;
        if (used == count)
            best = fmin(best, total(schedule, noise, levels, used));
    }
    return best;
}

static int is_falling(const int64_t *levels, int64_t count)
{
    for (int64_t i = 0; i + 1 < count; i++)
        if (levels[i] <= levels[i + 1])
            return 0;
    return levels[count - 1] >= 1;
}

/* last: what the table says of the last level, < 0: as of the others. */
static void against_brute_force(covsamp_schedule *schedule, double last)
{
    double noise[N], z[N];
    for (int trial = 0; trial < 5; trial++) {
        covsamp_noise_normal(3, trial, COVSAMP_STREAM_USER, 0, 0, N, z);
        for (int n = 0; n < N; n++) /* rising as a network's does, less and less so */
            noise[n] = fmin(fabs((n + 1.0) / (N + 1) + 0.1 * trial * z[n]), 0.999);
        if (last >= 0)
            noise[N - 1] = last;
        for (int count = 2; count <= N; count++) {
            int64_t levels[N];
            CHECK(covsamp_schedule_optimal(schedule, noise, count, levels, NULL) == COVSAMP_OK);
            CHECK(levels[0] == N && levels[count - 1] == 1 && is_falling(levels, count));
            CHECK_NEAR(total(schedule, noise, levels, count), brute_force(schedule, noise, count),
                       1e-9);
        }
    }
}

/* Entries above 1: none of them is visited, but for the evenly spaced end. */
static void bad_entries(void)
{
    covsamp_schedule *schedule = NULL;
    double noise[100];
    int64_t levels[100];
    char message[COVSAMP_MESSAGE_BYTES];
    CHECK(covsamp_schedule_new_linear(&schedule, 100, 1e-3, 0.2, NULL, NULL) == COVSAMP_OK);
    for (int n = 0; n < 100; n++)
        noise[n] = (n + 1) / 101.0;
    for (int n = 79; n < 100; n++) /* levels 80 ... 100 */
        noise[n] = 1.01;
    noise[39] = 1.5;
    for (int count = 1; count <= 99; count++) {
        CHECK(covsamp_schedule_optimal(schedule, noise, count, levels, message) == COVSAMP_OK);
        CHECK(levels[0] == 100 && is_falling(levels, count));
        CHECK(count == 1 || levels[count - 1] == 1);
        for (int i = 0; i < count; i++)
            CHECK(levels[i] != 40);
    }
    CHECK(covsamp_schedule_optimal(schedule, noise, 100, levels, message) == COVSAMP_E_RANGE);
    CHECK_TEXT(message, "[1, 99]");
    CHECK(covsamp_schedule_optimal(schedule, noise, 10, levels, message) == COVSAMP_OK);
    CHECK(levels[0] == 100 && levels[1] == 90 && levels[2] <= 79); /* a fifth of ten */
    CHECK(covsamp_schedule_optimal(schedule, noise, 8, levels, message) == COVSAMP_OK);
    CHECK(levels[0] == 100 && levels[1] == 90 && levels[2] <= 79); /* 1.68 is rounded to 2 */
    CHECK(covsamp_schedule_optimal(schedule, noise, 7, levels, message) == COVSAMP_OK);
    CHECK(levels[0] == 100 && levels[1] <= 79); /* 1.47 to 1 */
    for (int n = 0; n < 78; n++)                /* of all below level 80 only 1, 2, 3, 50, 79 */
        noise[n] = n < 3 || n == 49 ? 0.01 * n : 3;
    CHECK(covsamp_schedule_optimal(schedule, noise, 10, levels, message) == COVSAMP_OK);
    for (int i = 0; i < 5; i++) { /* there are no more nodes, so more above them */
        static const int64_t nodes[] = {79, 50, 3, 2, 1};
        CHECK(levels[i] == 100 - i * 21 / 5 && levels[5 + i] == nodes[i]);
    }
    for (int n = 0; n < 100; n++) /* nothing but level 1, which a run of two still ends at */
        noise[n] = n == 0 ? 0.5 : 2;
    CHECK(covsamp_schedule_optimal(schedule, noise, 2, levels, message) == COVSAMP_OK);
    CHECK(levels[0] == 100 && levels[1] == 1);
    for (int n = 0; n < 100; n++)
        noise[n] = 2;
    CHECK(covsamp_schedule_optimal(schedule, noise, 4, levels, message) == COVSAMP_OK);
    CHECK(levels[0] == 100 && levels[1] == 75 && levels[2] == 50 && levels[3] == 25);
    covsamp_schedule_free(schedule);
}

/* With alpha = 0 at the last level it is useless if the one below is, whatever is said of itself.
 */
static void bad_entries_of_flow(void)
{
    covsamp_schedule *schedule = NULL;
    double noise[20];
    int64_t levels[20];
    CHECK(covsamp_schedule_new_flow(&schedule, 20, NULL, NULL) == COVSAMP_OK);
    for (int n = 0; n < 20; n++)
        noise[n] = n < 16 ? (n + 1) / 21.0 : n < 19 ? 1.2 : 1;
    CHECK(covsamp_schedule_optimal(schedule, noise, 10, levels, NULL) == COVSAMP_OK);
    CHECK(levels[0] == 20 && levels[1] == 18 && levels[2] == 16 && is_falling(levels, 10));
    covsamp_schedule_free(schedule);
    CHECK(covsamp_schedule_new_flow(&schedule, 1, NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp_schedule_optimal(schedule, noise, 1, levels, NULL) == COVSAMP_OK);
    CHECK(levels[0] == 1);
    covsamp_schedule_free(schedule);
}

int main(void)
{
    static const double last[] = {-1, 0, 1, 1 + 1e-15, 7};
    covsamp_schedule *schedule = NULL;
    CHECK(covsamp_schedule_new_linear(&schedule, N, 1e-2, 0.5, NULL, NULL) == COVSAMP_OK);
    against_brute_force(schedule, -1);
    covsamp_schedule_free(schedule);
    CHECK(covsamp_schedule_new_cosine(&schedule, N, 0.008, NULL, NULL) == COVSAMP_OK);
    against_brute_force(schedule, -1);
    covsamp_schedule_free(schedule);
    CHECK(covsamp_schedule_new_karras(&schedule, N, 0.02, 20, 7, NULL, NULL) == COVSAMP_OK);
    against_brute_force(schedule, -1);
    covsamp_schedule_free(schedule);
    CHECK(covsamp_schedule_new_flow(&schedule, N, NULL, NULL) == COVSAMP_OK);
    for (int k = 0; k < LENGTH(last); k++) /* alpha = 0: the last entry says nothing */
        against_brute_force(schedule, last[k]);
    covsamp_schedule_free(schedule);
    bad_entries();
    bad_entries_of_flow();
    return check_done();
}
