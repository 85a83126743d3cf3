/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables of a calibration between and beyond the levels measured, from numbers that are known.
 */
#include "check.h"

#include <covsamp/covsamp.h>

#include "diagnostic/calibration.h"

#include <stdlib.h>

#define LEVELS 1000

typedef struct {
    covsamp_calibration c;
    covsamp__calibrated level[25];
    double log_snr[LEVELS];
} given;

/* As if the noise of these levels had been measured without error. */
static given *give(covsamp_schedule *schedule, const int64_t *at, int64_t count,
                   const double *noise)
{
    given *g = calloc(1, sizeof *g);
    g->c.all = covsamp_schedule_levels(schedule);
    g->c.count = count;
    g->c.level = g->level;
    g->c.log_snr = g->log_snr;
    for (int64_t n = 1; n <= g->c.all; n++)
        g->log_snr[n - 1] = covsamp__schedule_level(schedule, n).log_snr;
    for (int64_t i = 0; i < count; i++) {
        g->level[i].at = covsamp__schedule_level(schedule, at[i]);
        g->level[i].samples = 1;
        g->level[i].noise.mean = noise[at[i] - 1];
        g->level[i].error.mean = 1;
    }
    return g;
}

/* Gaussian data of variance 0.3: how far the analytic variance is off between 5, 10, 25 measured
 * levels.  (Were the noise itself carried, by 6.2, 0.70 and 0.089.) */
static void analytic_between(void)
{
    static const struct {
        int64_t count;
        double worst;
    } cases[] = {{5, 0.6}, {10, 0.25}, {25, 0.04}};
    covsamp_schedule *schedule = NULL;
    double exact[LEVELS], values[LEVELS], a, s;
    int64_t at[25];
    CHECK(covsamp_schedule_new_linear(&schedule, LEVELS, 1e-4, 0.02, NULL, NULL) == COVSAMP_OK);
    for (int64_t n = 1; n <= LEVELS; n++) {
        covsamp_schedule_at(schedule, (double)n, &a, &s, NULL);
        exact[n - 1] = s * s / (a * a * 0.3 + s * s);
    }
    for (int k = 0; k < 3; k++) {
        double worst = 0;
        CHECK(covsamp_schedule_spaced(schedule, cases[k].count, COVSAMP_SPACING_EVEN, at, NULL) ==
              COVSAMP_OK);
        given *g = give(schedule, at, cases[k].count, exact);
        covsamp__calibration_fill(&g->c, 0, values);
        for (int n = 0; n < LEVELS; n++)
            worst = fmax(worst, fabs((1 - values[n]) / (1 - exact[n]) - 1));
        printf("analytic between %d levels: off by at most %.2g\n", (int)cases[k].count, worst);
        CHECK(worst < cases[k].worst);
        free(g);
    }
    covsamp_schedule_free(schedule);
}

/* Beyond the measured levels the variance stays, as far as noise >= 0 allows; a variance that is
 * not above 0 has no logarithm; alpha = 0 is infinitely far. */
static void analytic_beyond(void)
{
    static const int64_t at[] = {600, 300}, top[] = {20, 10}, last = 20;
    covsamp_schedule *schedule = NULL, *flow = NULL;
    double noise[LEVELS] = {0}, values[LEVELS], a, s;
    CHECK(covsamp_schedule_new_linear(&schedule, LEVELS, 1e-4, 0.02, NULL, NULL) == COVSAMP_OK);
    const double snr600 = exp(covsamp__schedule_level(schedule, 600).log_snr);
    const double snr300 = exp(covsamp__schedule_level(schedule, 300).log_snr);
    noise[599] = 1 - 0.2 * snr600;
    noise[299] = 1 - 0.1 * snr300;
    for (int negative = 0; negative < 2; negative++) {
        if (negative)
            noise[599] = 1.02;
        given *g = give(schedule, at, 2, noise);
        covsamp__calibration_fill(&g->c, 0, values);
        for (int64_t n = 1; n <= LEVELS; n++) {
            const double log_snr = g->log_snr[n - 1], snr = exp(log_snr);
            const double t = (log_snr - log(snr300)) / (log(snr600) - log(snr300));
            if (n <= 300)
                CHECK_NEAR(values[n - 1], fmax(1 - 0.1 * snr, 0), 1e-12);
            else if (negative)
                CHECK_NEAR(values[n - 1], n > 600 ? 1.02 : (1 - t) * noise[299] + t * 1.02, 1e-12);
            else
                CHECK_NEAR(1 - values[n - 1], snr * (n > 600 ? 0.2 : 0.1 * pow(2, t)), 1e-12);
        }
        free(g);
    }
    CHECK(covsamp_schedule_new_flow(&flow, 20, NULL, NULL) == COVSAMP_OK);
    covsamp_schedule_at(flow, 10, &a, &s, NULL);
    noise[9] = 1 - 0.2 * a * a / (s * s);
    noise[19] = 1.001;
    given *g = give(flow, top, 2, noise);
    covsamp__calibration_fill(&g->c, 0, values);
    for (int64_t n = 10; n < 20; n++) {
        covsamp_schedule_at(flow, (double)n, &a, &s, NULL);
        CHECK_CLOSE(1 - values[n - 1], 0.2 * a * a / (s * s), 1e-12);
    }
    CHECK(values[19] == 1.001);
    free(g);
    noise[19] = 0.999;
    g = give(flow, &last, 1, noise); /* nothing but alpha = 0 */
    covsamp__calibration_fill(&g->c, 0, values);
    CHECK(values[0] == 0.999 && values[19] == 0.999);
    free(g);
    noise[9] = -0.1; /* which a control variate can make of a few samples */
    g = give(flow, top + 1, 1, noise);
    covsamp__calibration_fill(&g->c, 0, values);
    CHECK(values[9] == 0);
    free(g);
    covsamp_schedule_free(flow);
    covsamp_schedule_free(schedule);
}

/* Noise with the drawn noise as a control variate, from five samples by hand: the mean less slope
 * times what the drawn mean is off by, and the standard error of a regression, n (n - 2); of two
 * samples there is no slope to speak of. */
static void control_variate(void)
{
    static const double y[5] = {0.9, 1.3, 0.7, 1.1, 1.05}, x[5] = {1.0, 1.4, 0.6, 1.3, 1.2};
    for (int n = 2; n <= 5; n++) {
        covsamp__calibrated l;
        double xx = 0, xy = 0, yy = 0, mx = 0, my = 0, deviation = 0;
        memset(&l, 0, sizeof l);
        for (int i = 0; i < n; i++) {
            mx += x[i] / n;
            my += y[i] / n;
        }
        for (int i = 0; i < n; i++) {
            xx += (x[i] - mx) * (x[i] - mx);
            xy += (x[i] - mx) * (y[i] - my);
            yy += (y[i] - my) * (y[i] - my);
        }
        l.samples = n;
        l.noise = (covsamp__moments){my, yy};
        l.drawn = (covsamp__moments){mx, xx};
        l.together = xy;
        const double noise = covsamp__calibration_noise(&l, &deviation), slope = xy / xx;
        CHECK_CLOSE(noise, n < 3 ? my : my - slope * (mx - 1), 1e-14);
        CHECK_CLOSE(deviation,
                    n < 3 ? sqrt(yy / (n * (n - 1))) : sqrt((yy - slope * xy) / (n * (n - 2))),
                    1e-12);
    }
}

int main(void)
{
    control_variate();
    analytic_between();
    analytic_beyond();
    return check_done();
}
