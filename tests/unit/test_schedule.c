/* SPDX-License-Identifier: BSD-3-Clause */
/* Schedules: what each kind promises, between levels, spacing, copies, memory, and bad input. */
#include "check.h"

#include "process/process.h"

#include <stdlib.h>

static char message[COVSAMP_MESSAGE_BYTES];

typedef struct {
    double alpha, sigma, time;
} point;

static point at(const covsamp_schedule *s, double level)
{
    point p = {-1, -1, -1};
    CHECK(covsamp_schedule_at(s, level, &p.alpha, &p.sigma, &p.time) == COVSAMP_OK);
    return p;
}

static covsamp_schedule *linear(int64_t levels)
{
    covsamp_schedule *s = NULL;
    CHECK(covsamp_schedule_new_linear(&s, levels, 1e-4, 0.02, NULL, message) == COVSAMP_OK);
    CHECK(strcmp(message, "") == 0);
    return s;
}

/* ---- kinds ----------------------------------------------------------------------------------- */

static void variance_preserving(void)
{
    covsamp_schedule *s = linear(1000), *c = NULL, *one = linear(1);
    CHECK(covsamp_schedule_levels(s) == 1000 && covsamp_schedule_levels(NULL) == 0);
    CHECK(s->family == COVSAMP__VP);
    CHECK_CLOSE(at(s, 1).sigma, 0.01, 1e-15); /* sqrt(beta), no cancellation */
    CHECK(at(s, 0).alpha == 1.0 && at(s, 0).sigma == 0.0 && at(s, 0).time == -1.0);
    CHECK(at(s, 1).time == 0.0 && at(s, 1000).time == 999.0);
    CHECK(at(one, 1).time == 0.0 && at(one, 0).time == -1.0);
    CHECK(covsamp_schedule_new_cosine(&c, 1000, 0.008, NULL, message) == COVSAMP_OK);
    CHECK(c->family == COVSAMP__VP && at(c, 1000).time == 999.0);
    for (int n = 1; n <= 1000; n++) {
        CHECK_NEAR(hypot(at(s, n).alpha, at(s, n).sigma), 1.0, 1e-13);
        CHECK_NEAR(hypot(at(c, n).alpha, at(c, n).sigma), 1.0, 1e-13);
    }
    covsamp_schedule_free(s);
    covsamp_schedule_free(c);
    /* offset 0: the first beta is sin^2(pi / 2N) exactly, which 1 - cos^2 would not give */
    CHECK(covsamp_schedule_new_cosine(&c, 1 << 20, 0.0, NULL, NULL) == COVSAMP_OK);
    CHECK_CLOSE(at(c, 1).sigma, sin(1.5707963267948966 / (1 << 20)), 1e-14);
    CHECK_CLOSE(c->log_snr[1], -2 * log(tan(1.5707963267948966 / (1 << 20))), 1e-14);
    covsamp_schedule_free(c);
    covsamp_schedule_free(one);
}

static void karras_and_flow(void)
{
    covsamp_schedule *k = NULL, *f = NULL;
    CHECK(covsamp_schedule_new_karras(&k, 18, 0.002, 80.0, 7.0, NULL, message) == COVSAMP_OK);
    CHECK(k->family == COVSAMP__VE);
    CHECK(at(k, 18).sigma == 80.0 && at(k, 1).sigma == 0.002 && at(k, 0).sigma == 0.0);
    for (int n = 1; n <= 18; n++) {
        double i = 18 - n, a = pow(80.0, 1 / 7.0), b = pow(0.002, 1 / 7.0);
        CHECK_CLOSE(at(k, n).sigma, pow(a + i / 17 * (b - a), 7.0), 1e-14);
        CHECK(at(k, n).alpha == 1.0 && at(k, n).time == at(k, n).sigma);
    }
    CHECK(covsamp_schedule_new_flow(&f, 10, NULL, message) == COVSAMP_OK);
    CHECK(f->family == COVSAMP__FLOW);
    for (int n = 0; n <= 10; n++) {
        CHECK(at(f, n).time == n / 10.0 && at(f, n).sigma == n / 10.0);
        CHECK(at(f, n).alpha == (10 - n) / 10.0);
    }
    CHECK(f->log_snr[10] == -(double)INFINITY);
    covsamp_schedule_free(k);
    covsamp_schedule_free(f);
    CHECK(covsamp_schedule_new_flow(&f, 1, NULL, NULL) == COVSAMP_OK);
    CHECK(at(f, 0).time == 0.0 && at(f, 1).alpha == 0.0);
    covsamp_schedule_free(f);
}

static void tables(void)
{
    const double a[4] = {0.9, 0.5, 0.3, 0.0}, b[4] = {0.3, 0.6, 0.7, 0.9};
    const double time[4] = {-3, 1, 2, 10};
    covsamp_schedule *s = NULL, *t = NULL;
    CHECK(covsamp_schedule_new_table(&s, 4, a, b, time, NULL, message) == COVSAMP_OK);
    CHECK(s->family == COVSAMP__OTHER);
    for (int n = 1; n <= 4; n++) {
        CHECK(at(s, n).alpha == a[n - 1] && at(s, n).sigma == b[n - 1]);
        CHECK(at(s, n).time == time[n - 1]);
    }
    CHECK(at(s, 0).time == -7.0); /* less the first step, 4 */
    covsamp_schedule_free(s);
    /* families are recognised in tables of other schedules */
    covsamp_schedule *from = linear(50);
    CHECK(covsamp_schedule_new_table(&t, 50, from->alpha + 1, from->sigma + 1, NULL, NULL, NULL) ==
          COVSAMP_OK);
    CHECK(t->family == COVSAMP__VP && at(t, 50).time == 49.0);
    CHECK_NEAR(t->log_snr[7], from->log_snr[7], 1e-13);
    covsamp_schedule_free(t);
    covsamp_schedule_free(from);
    CHECK(covsamp_schedule_new_flow(&from, 9, NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp_schedule_new_table(&t, 9, from->alpha + 1, from->sigma + 1, from->time + 1, NULL,
                                     NULL) == COVSAMP_OK);
    CHECK(t->family == COVSAMP__FLOW);
    covsamp_schedule_free(t);
    covsamp_schedule_free(from);
}

/* ---- between levels -------------------------------------------------------------------------- */

/* Linear in between, the family kept, and back from the log-SNR to the same point. */
static void between(const covsamp_schedule *s, int64_t last)
{
    for (double level = 1.0; level <= (double)last; level += 0.375) {
        int64_t n = (int64_t)level;
        double w = level - (double)n;
        covsamp__level p, q;
        CHECK(covsamp__schedule_at(s, level, &p, NULL, "test") == COVSAMP_OK);
        CHECK(p.level == (w == 0.0 ? n : -1));
        CHECK_NEAR(p.log_snr, 2 * log(p.alpha / p.sigma), 2e-14 * (1 + fabs(p.log_snr)));
        if (s->time_is_sigma)
            CHECK(p.time == p.sigma);
        if (w > 0.0) {
            if (!s->time_is_sigma)
                CHECK_NEAR(p.log_snr, (1 - w) * s->log_snr[n] + w * s->log_snr[n + 1], 1e-13);
            CHECK_NEAR(p.time, (1 - w) * s->time[n] + w * s->time[n + 1], 1e-11);
        }
        if (s->family == COVSAMP__VP)
            CHECK_NEAR(p.alpha * p.alpha + p.sigma * p.sigma, 1.0, 1e-13);
        if (s->family == COVSAMP__VE)
            CHECK(p.alpha == 1.0);
        if (s->family == COVSAMP__FLOW)
            CHECK_NEAR(p.alpha + p.sigma, 1.0, 1e-15);
        CHECK(covsamp__schedule_at_log_snr(s, p.log_snr, &q, NULL, "test") == COVSAMP_OK);
        CHECK(q.log_snr == p.log_snr && (w > 0.0 || q.level == n));
        CHECK_CLOSE(q.alpha, p.alpha, 1e-13);
        CHECK_CLOSE(q.sigma, p.sigma, 1e-13);
        CHECK_NEAR(q.time, p.time, 1e-11 * (1 + fabs(p.time)));
    }
}

static void off_the_table(void)
{
    const double a[3] = {0.9, 0.5, 0.3}, b[3] = {0.3, 0.6, 0.7};
    covsamp_schedule *s = linear(30);
    covsamp__level p;
    covsamp__error error;
    between(s, 30);
    CHECK(covsamp__schedule_at_log_snr(s, s->log_snr[1] + 1e-9, &p, &error, "f") ==
          COVSAMP_E_RANGE);
    CHECK_TEXT(error.text, "f: log_snr is ");
    CHECK(covsamp__schedule_at_log_snr(s, (double)NAN, &p, &error, "f") == COVSAMP_E_RANGE);
    CHECK(covsamp__schedule_at_log_snr(s, s->log_snr[30] - 1e-9, &p, &error, "f") ==
          COVSAMP_E_RANGE);
    covsamp_schedule_free(s);
    CHECK(covsamp_schedule_new_karras(&s, 12, 0.002, 80.0, 7.0, NULL, NULL) == COVSAMP_OK);
    between(s, 12);
    covsamp_schedule_free(s);
    CHECK(covsamp_schedule_new_table(&s, 3, a, b, NULL, NULL, NULL) == COVSAMP_OK);
    between(s, 3);
    CHECK_CLOSE(at(s, 2.5).sigma, sqrt(0.6 * 0.7), 1e-14);
    covsamp_schedule_free(s);
    CHECK(covsamp_schedule_new_flow(&s, 8, NULL, NULL) == COVSAMP_OK);
    between(s, 7);
    /* a flow knows its last interval, although that has no log-SNR at its end; a table does not */
    CHECK(covsamp__schedule_at(s, 7.5, &p, &error, "f") == COVSAMP_OK);
    CHECK(p.time == 0.9375 && p.sigma == 0.9375 && p.alpha == 0.0625);
    covsamp_schedule *t;
    CHECK(covsamp_schedule_new_table(&t, 8, s->alpha + 1, s->sigma + 1, NULL, NULL, NULL) ==
          COVSAMP_OK);
    CHECK(covsamp__schedule_at(t, 7.5, &p, &error, "f") == COVSAMP_E_RANGE);
    CHECK_TEXT(error.text, "f: level is 7.5, must not lie between levels 7 and 8");
    covsamp_schedule_free(t);
    CHECK(covsamp__schedule_at_log_snr(s, -(double)INFINITY, &p, NULL, "f") == COVSAMP_E_RANGE);
    const double outside[] = {0.5, -1.0, 8.5, 1e300, -1e-300, (double)NAN, (double)INFINITY};
    for (int i = 0; i < 7; i++)
        CHECK(covsamp_schedule_at(s, outside[i], NULL, NULL, NULL) == COVSAMP_E_RANGE);
    CHECK(covsamp_schedule_at(s, 8.0, NULL, NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp_schedule_at(NULL, 1.0, NULL, NULL, NULL) == COVSAMP_E_NULL);
    covsamp_schedule_free(s);
    CHECK(covsamp_schedule_new_flow(&s, 1, NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp__schedule_at_log_snr(s, 0.0, &p, &error, "f") == COVSAMP_E_RANGE);
    covsamp_schedule_free(s);
}

/* ---- spacing --------------------------------------------------------------------------------- */

/* Strictly decreasing within 1 ... N for every count that is accepted. */
static void all_counts(int64_t n)
{
    covsamp_schedule *s = linear(n);
    int64_t levels[64];
    for (int32_t spacing = 1; spacing <= 4; spacing++) {
        for (int64_t count = 1; count <= n; count++) {
            covsamp_status status = covsamp_schedule_spaced(s, count, spacing, levels, message);
            int good = status == COVSAMP_OK;
            for (int64_t i = 0; good && i < count; i++)
                good = levels[i] >= 1 && levels[i] <= (i > 0 ? levels[i - 1] - 1 : n);
            if (spacing == COVSAMP_SPACING_QUADRATIC && status == COVSAMP_E_RANGE)
                good = 5 * (count - 1) * (count - 1) > 4 * n;
            CHECK(good);
            if (status == COVSAMP_OK && spacing != COVSAMP_SPACING_QUADRATIC)
                CHECK(levels[0] == n);
        }
    }
    covsamp_schedule_free(s);
}

static void by_log_snr(const covsamp_schedule *s)
{
    /* nearest of log(a / (1 - a)), a the product of 1 - beta, to L_1000 + i (L_1 - L_1000) / 10 */
    static const int64_t ten[] = {1000, 899, 786, 654, 493, 303, 139, 53, 18, 5};
    covsamp_schedule *flow = NULL;
    int64_t levels[1000];
    CHECK(covsamp_schedule_spaced(s, 10, COVSAMP_SPACING_LOG_SNR, levels, NULL) == COVSAMP_OK);
    CHECK(memcmp(levels, ten, sizeof ten) == 0);
    CHECK(covsamp_schedule_spaced(s, 1000, COVSAMP_SPACING_LOG_SNR, levels, NULL) == COVSAMP_OK);
    CHECK(levels[0] == 1000 && levels[999] == 1);
    /* sigma = n / 1000: L_999 = -2 log 999, and half-way to its opposite log SNR is 0 */
    CHECK(covsamp_schedule_new_flow(&flow, 1000, NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp_schedule_spaced(flow, 2, COVSAMP_SPACING_LOG_SNR, levels, NULL) == COVSAMP_OK);
    CHECK(levels[0] == 1000 && levels[1] == 500);
    covsamp_schedule_free(flow);
}

static void spacing(void)
{
    covsamp_schedule *s = linear(1000);
    int64_t levels[1000];
    CHECK(covsamp_schedule_spaced(s, 3, COVSAMP_SPACING_QUADRATIC, levels, message) == COVSAMP_OK);
    CHECK(levels[0] == 801 && levels[1] == 201 && levels[2] == 1); /* 800, 200, 0 */
    CHECK(covsamp_schedule_spaced(s, 3, COVSAMP_SPACING_TRAILING, levels, NULL) == COVSAMP_OK);
    CHECK(levels[0] == 1000 && levels[1] == 667 && levels[2] == 333);
    CHECK(covsamp_schedule_spaced(s, 16, COVSAMP_SPACING_TRAILING, levels, NULL) == COVSAMP_OK);
    CHECK(levels[15] == 62 && levels[1] == 938); /* 62.5 and 937.5 go to the even one */
    CHECK(covsamp_schedule_spaced(s, 1, COVSAMP_SPACING_EVEN, levels, NULL) == COVSAMP_OK);
    CHECK(levels[0] == 1000);
    by_log_snr(s);
    CHECK(covsamp_schedule_spaced(s, 1000, COVSAMP_SPACING_EVEN, levels, NULL) == COVSAMP_OK);
    CHECK(levels[0] == 1000 && levels[500] == 500 && levels[999] == 1);
    levels[0] = 77;
    CHECK(covsamp_schedule_spaced(s, 0, 1, levels, message) == COVSAMP_E_RANGE);
    CHECK_TEXT(message, "covsamp_schedule_spaced: count is 0, must be in [1, 1000]");
    CHECK(covsamp_schedule_spaced(s, 1001, 1, levels, NULL) == COVSAMP_E_RANGE);
    CHECK(covsamp_schedule_spaced(s, 10, 0, levels, message) == COVSAMP_E_RANGE);
    CHECK_TEXT(message, "spacing is 0");
    CHECK(covsamp_schedule_spaced(s, 10, 5, levels, NULL) == COVSAMP_E_RANGE);
    CHECK(covsamp_schedule_spaced(s, 30, 2, levels, message) == COVSAMP_E_RANGE);
    CHECK_TEXT(message, "count is 30, too many for quadratic");
    CHECK(covsamp_schedule_spaced(NULL, 10, 1, levels, message) == COVSAMP_E_NULL);
    CHECK_TEXT(message, "schedule is NULL");
    CHECK(covsamp_schedule_spaced(s, 10, 1, NULL, message) == COVSAMP_E_NULL);
    CHECK_TEXT(message, "levels is NULL");
    CHECK(levels[0] == 77);
    covsamp_schedule_free(s);
    for (int64_t n = 1; n <= 64; n += n < 10 ? 1 : 9)
        all_counts(n);
}

/* ---- memory and bad input -------------------------------------------------------------------- */

static int blocks, allowed;

static void *count_alloc(void *user, size_t bytes, size_t align)
{
    (void)user;
    if (allowed-- <= 0)
        return NULL;
    blocks++;
    return aligned_alloc(align, bytes);
}

static void count_release(void *user, void *pointer, size_t bytes)
{
    (void)user;
    (void)bytes;
    blocks--;
    free(pointer);
}

static void memory(void)
{
    covsamp_allocator mem = {sizeof mem, count_alloc, count_release, NULL};
    covsamp_schedule *s = NULL, *copy = NULL;
    covsamp__error error;
    allowed = 1;
    CHECK(covsamp_schedule_new_linear(&s, 100, 1e-4, 0.02, &mem, message) == COVSAMP_OK);
    CHECK(blocks == 1);
    CHECK(covsamp_schedule_new_flow(&copy, 100, &mem, message) == COVSAMP_E_NOMEM);
    CHECK(copy == NULL);
    CHECK_TEXT(message, "covsamp_schedule_new_flow: no memory for levels = 100");
    CHECK(covsamp__schedule_copy(&copy, s, &mem, &error, "f") == COVSAMP_E_NOMEM);
    allowed = 1;
    CHECK(covsamp__schedule_copy(&copy, s, &mem, &error, "f") == COVSAMP_OK);
    CHECK(blocks == 2 && copy->family == s->family && copy->levels == 100);
    CHECK(memcmp(copy->log_snr, s->log_snr, 101 * sizeof(double)) == 0);
    CHECK(memcmp(copy->alpha, s->alpha, 101 * sizeof(double)) == 0);
    CHECK(memcmp(copy->sigma, s->sigma, 101 * sizeof(double)) == 0);
    CHECK(memcmp(copy->time, s->time, 101 * sizeof(double)) == 0);
    covsamp_schedule_free(s);
    covsamp_schedule_free(copy);
    allowed = 1; /* a maker that fails late gives its block back */
    CHECK(covsamp_schedule_new_linear(&s, 1000, 0.9, 0.9, &mem, message) == COVSAMP_E_RANGE);
    CHECK_TEXT(message, "alpha^2 falls below 1e-290 at level 290");
    CHECK(blocks == 0 && s == NULL);
    mem.size = 1;
    CHECK(covsamp_schedule_new_flow(&s, 5, &mem, message) == COVSAMP_E_STRUCT_SIZE);
    covsamp_schedule_free(NULL);
}

static void bad_scalars(void)
{
    const double nan = (double)NAN, inf = (double)INFINITY;
    const double betas[][2] = {{0, .1}, {-1, .1}, {.1, 1}, {.2, .1}, {nan, .1}, {.1, nan}, {1, 1}};
    const double offsets[] = {-0.1, 1.0, nan, inf};
    const double sigmas[][3] = {{0, 80, 7},  {nan, 80, 7}, {1, 1, 7},    {2, 1, 7},   {1, nan, 7},
                                {1, inf, 7}, {1, 80, .9},  {1, 80, nan}, {1, 80, inf}};
    covsamp_schedule *s = NULL;
    for (int i = 0; i < 7; i++)
        CHECK(covsamp_schedule_new_linear(&s, 9, betas[i][0], betas[i][1], NULL, message) ==
              COVSAMP_E_RANGE);
    CHECK(covsamp_schedule_new_linear(&s, 9, 0.0, 0.1, NULL, message) == COVSAMP_E_RANGE);
    CHECK_TEXT(message, "covsamp_schedule_new_linear: beta_first is 0, must be in (0, 1)");
    for (int i = 0; i < 4; i++)
        CHECK(covsamp_schedule_new_cosine(&s, 9, offsets[i], NULL, message) == COVSAMP_E_RANGE);
    CHECK_TEXT(message, "offset is inf, must be in [0, 1)");
    for (int i = 0; i < 9; i++)
        CHECK(covsamp_schedule_new_karras(&s, 9, sigmas[i][0], sigmas[i][1], sigmas[i][2], NULL,
                                          message) == COVSAMP_E_RANGE);
    CHECK(covsamp_schedule_new_karras(&s, 1, 1, 2, 7, NULL, message) == COVSAMP_E_RANGE);
    CHECK_TEXT(message, "levels is 1, must be in [2, 16777215]");
    /* neighbours that rounding makes equal */
    CHECK(covsamp_schedule_new_karras(&s, 99, 1, 1 + 1e-15, 7, NULL, message) == COVSAMP_E_RANGE);
    CHECK_TEXT(message, "strictly decreasing");
    const int64_t counts[] = {0, -1, 1 << 24, INT64_MAX, INT64_MIN};
    for (int i = 0; i < 5; i++)
        CHECK(covsamp_schedule_new_flow(&s, counts[i], NULL, message) == COVSAMP_E_RANGE);
    CHECK(covsamp_schedule_new_flow(NULL, 5, NULL, message) == COVSAMP_E_NULL);
    CHECK_TEXT(message, "covsamp_schedule_new_flow: out is NULL");
    CHECK(s == NULL);
}

static covsamp_status table(double a1, double a2, double b1, double b2, double t1, double t2)
{
    const double a[2] = {a1, a2}, b[2] = {b1, b2}, t[2] = {t1, t2};
    covsamp_schedule *s = NULL;
    covsamp_status status = covsamp_schedule_new_table(&s, 2, a, b, t, NULL, message);
    CHECK((s == NULL) == (status != COVSAMP_OK));
    covsamp_schedule_free(s);
    return status;
}

static void bad_tables(void)
{
    const double nan = (double)NAN, inf = (double)INFINITY, one = 1.0;
    covsamp_schedule *s = NULL;
    CHECK(table(.9, .5, .1, .5, 0, 1) == COVSAMP_OK);
    CHECK(table(.9, 0, .1, .5, 0, 1) == COVSAMP_OK);
    CHECK(table(0, 0, .1, .5, 0, 1) == COVSAMP_E_RANGE);
    CHECK_TEXT(message, "alpha of level 1 is 0, must be in (0, 1]");
    CHECK(table(1.1, .5, .1, .5, 0, 1) == COVSAMP_E_RANGE);
    CHECK(table(.9, -.5, .1, .5, 0, 1) == COVSAMP_E_RANGE);
    CHECK(table(nan, .5, .1, .5, 0, 1) == COVSAMP_E_RANGE);
    CHECK(table(.9, .5, 0, .5, 0, 1) == COVSAMP_E_RANGE);
    CHECK(table(.9, .5, .1, inf, 0, 1) == COVSAMP_E_RANGE);
    CHECK(table(.9, .5, nan, .5, 0, 1) == COVSAMP_E_RANGE);
    CHECK(table(.9, .5, .1, .5, 0, nan) == COVSAMP_E_RANGE);
    CHECK(table(.9, .5, .1, .5, 1, 1) == COVSAMP_E_RANGE);
    CHECK_TEXT(message, "time does not grow from level 1 to 2");
    CHECK(table(.5, .5, .1, .1, 0, 1) == COVSAMP_E_RANGE);
    CHECK_TEXT(message, "alpha / sigma does not fall from level 1 to 2");
    CHECK(covsamp_schedule_new_table(&s, 1, NULL, &one, NULL, NULL, message) == COVSAMP_E_NULL);
    CHECK_TEXT(message, "alpha is NULL");
    CHECK(covsamp_schedule_new_table(&s, 1, &one, NULL, NULL, NULL, message) == COVSAMP_E_NULL);
    CHECK_TEXT(message, "sigma is NULL");
}

int main(void)
{
    variance_preserving();
    karras_and_flow();
    tables();
    off_the_table();
    spacing();
    memory();
    bad_scalars();
    bad_tables();
    return check_done();
}
