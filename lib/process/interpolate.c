/* SPDX-License-Identifier: BSD-3-Clause */
/* A schedule at and between its levels.
 *
 * Between two levels the time is linear in the level and log(alpha / sigma) linear in the time, so
 * both are linear in the level and one weight serves both.  What log(alpha / sigma) leaves open,
 * the length of (alpha, sigma), the family says; a table of no family gets a geometric sigma.
 *
 * Where the time is sigma itself (Karras, flow matching) a model must be told the truth between
 * levels as well: there sigma is the time, linear in the level, and alpha follows from the family.
 */
#include "process/process.h"

#include <math.h>

covsamp__level covsamp__schedule_level(const covsamp_schedule *s, int64_t n)
{
    covsamp__level at = {n, s->alpha[n], s->sigma[n], s->log_snr[n], s->time[n]};
    return at;
}

/* The point with this log-SNR, a share w of the way from level n to level n + 1. */
static covsamp__level between(const covsamp_schedule *s, int64_t n, double w, double log_snr)
{
    double ratio = exp(-0.5 * log_snr); /* sigma / alpha */
    covsamp__level at = {-1, 1.0, ratio, log_snr, (1.0 - w) * s->time[n] + w * s->time[n + 1]};
    switch (s->family) {
    case COVSAMP__VP: /* logistic forms: no overflow, and no 1 - alpha^2 */
        at.alpha = 1.0 / sqrt(1.0 + exp(-log_snr));
        at.sigma = 1.0 / sqrt(1.0 + exp(log_snr));
        break;
    case COVSAMP__VE:
        break;
    case COVSAMP__FLOW:
        at.alpha = 1.0 / (1.0 + ratio);
        at.sigma = 1.0 / (1.0 + 1.0 / ratio);
        break;
    default:
        at.sigma = exp((1.0 - w) * log(s->sigma[n]) + w * log(s->sigma[n + 1]));
        at.alpha = at.sigma / ratio;
    }
    if (s->time_is_sigma)
        at.time = at.sigma;
    return at;
}

/* The same where the time is sigma: by the level alone. */
static covsamp__level between_sigmas(const covsamp_schedule *s, int64_t n, double w)
{
    const double sigma = (1.0 - w) * s->sigma[n] + w * s->sigma[n + 1];
    const double alpha = s->family == COVSAMP__VE ? 1.0 : 1.0 - sigma;
    covsamp__level at = {-1, alpha, sigma, 2.0 * (log(alpha) - log(sigma)), sigma};
    return at;
}

covsamp_status covsamp__schedule_at(const covsamp_schedule *s, double level, covsamp__level *out,
                                    covsamp__error *error, const char *function)
{
    char text[COVSAMP__REAL_BYTES];
    if (!(level >= 0.0 && level <= (double)s->levels) || (level > 0.0 && level < 1.0))
        return covsamp__fail(error, COVSAMP_E_RANGE, "%s: level is %s, must be 0 or in [1, %lld]",
                             function, covsamp__real(level, text), (long long)s->levels);
    int64_t n = (int64_t)level;
    double w = level - (double)n;
    if (w == 0.0) {
        *out = covsamp__schedule_level(s, n);
        return COVSAMP_OK;
    }
    if (s->time_is_sigma) {
        *out = between_sigmas(s, n, w);
        return COVSAMP_OK;
    }
    if (!(s->alpha[n + 1] > 0.0))
        return covsamp__fail(error, COVSAMP_E_RANGE,
                             "%s: level is %s, must not lie between levels %lld and %lld: alpha is "
                             "0 at the last, and log(alpha / sigma) has no line to follow",
                             function, covsamp__real(level, text), (long long)n, (long long)n + 1);
    *out = between(s, n, w, (1.0 - w) * s->log_snr[n] + w * s->log_snr[n + 1]);
    return COVSAMP_OK;
}

/* The largest n >= 1 with log_snr[n] >= log_snr, by bisection; log_snr falls with the level. */
static int64_t level_above(const covsamp_schedule *s, int64_t last, double log_snr)
{
    int64_t low = 1, high = last;
    while (low < high) {
        int64_t middle = low + (high - low + 1) / 2;
        if (s->log_snr[middle] >= log_snr)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

covsamp_status covsamp__schedule_at_log_snr(const covsamp_schedule *s, double log_snr,
                                            covsamp__level *out, covsamp__error *error,
                                            const char *function)
{
    char text[COVSAMP__REAL_BYTES], low[COVSAMP__REAL_BYTES], high[COVSAMP__REAL_BYTES];
    int64_t last = s->levels - (s->alpha[s->levels] > 0.0 ? 0 : 1);
    if (last < 1)
        return covsamp__fail(error, COVSAMP_E_RANGE,
                             "%s: log_snr is %s, but no level of the schedule has a finite one",
                             function, covsamp__real(log_snr, text));
    if (!(log_snr >= s->log_snr[last] && log_snr <= s->log_snr[1]))
        return covsamp__fail(error, COVSAMP_E_RANGE, "%s: log_snr is %s, must be in [%s, %s]",
                             function, covsamp__real(log_snr, text),
                             covsamp__real(s->log_snr[last], low),
                             covsamp__real(s->log_snr[1], high));
    int64_t n = level_above(s, last, log_snr);
    if (s->log_snr[n] == log_snr) {
        *out = covsamp__schedule_level(s, n);
        return COVSAMP_OK;
    }
    *out = between(s, n, (s->log_snr[n] - log_snr) / (s->log_snr[n] - s->log_snr[n + 1]), log_snr);
    return COVSAMP_OK;
}

covsamp_status covsamp_schedule_at(const covsamp_schedule *schedule, double level, double *alpha,
                                   double *sigma, double *time)
{
    covsamp__level at = {0, 0, 0, 0, 0};
    if (schedule == NULL)
        return COVSAMP_E_NULL;
    covsamp_status status = covsamp__schedule_at(schedule, level, &at, NULL, "covsamp_schedule_at");
    if (status != COVSAMP_OK)
        return status;
    if (alpha != NULL)
        *alpha = at.alpha;
    if (sigma != NULL)
        *sigma = at.sigma;
    if (time != NULL)
        *time = at.time;
    return COVSAMP_OK;
}
