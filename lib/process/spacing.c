/* SPDX-License-Identifier: BSD-3-Clause */
/* Which levels a run of few steps visits.  Where levels are counted, it is integer arithmetic: the
 * same on every platform, also where a double would round a half or the square of a root the wrong
 * way. */
#include "process/process.h"

#include <math.h>

/* a / b for a >= 0, b > 0, rounded to nearest; in the half case the result plus offset is even. */
static int64_t round_half_even(int64_t a, int64_t b, int64_t offset)
{
    int64_t q = a / b, twice = 2 * (a % b);
    return q + (twice > b || (twice == b && ((q + offset) & 1)));
}

/* Level number i = 0 (noisiest) ... count - 1; products stay below 2^51.  Quadratic: the square of
 * up / (count - 1), times 4 n / 5; one number alone is the noisy end. */
static int64_t level_of(int64_t n, int64_t count, int32_t spacing, int64_t i)
{
    int64_t up = count - 1 - i; /* counted from the least noisy end */
    switch (spacing) {
    case COVSAMP_SPACING_EVEN:
        return count == 1 ? n : 1 + round_half_even(up * (n - 1), count - 1, 1);
    case COVSAMP_SPACING_QUADRATIC:
        return 1 + (count == 1 ? 4 * n / 5 : up * up * 4 * n / (5 * (count - 1) * (count - 1)));
    default: /* n - i n / count = (count - i) n / count */
        return round_half_even((count - i) * n, count, 0);
    }
}

/* The level nearest in log SNR to where each of count equal parts of the way from the noisy end to
 * level 1 begins; a noisy end with alpha = 0 counts as the level below it.  Near data levels can
 * lie further apart than the parts: there one would come twice, and the next noisier one takes its
 * place. */
static void space_by_log_snr(const covsamp_schedule *s, int64_t count, int64_t *levels)
{
    const int64_t n = s->levels, top = isinf(s->log_snr[n]) && n > 1 ? n - 1 : n;
    const double from = s->log_snr[top], to = s->log_snr[1];
    int64_t level = top;
    levels[0] = n;
    for (int64_t i = 1; i < count; i++) {
        const double wanted = from + (to - from) * (double)i / (double)count;
        while (level > 1 &&
               fabs(s->log_snr[level - 1] - wanted) <= fabs(s->log_snr[level] - wanted))
            level--;
        levels[i] = level;
    }
    for (int64_t i = count - 1; i-- > 0;)
        if (levels[i] <= levels[i + 1])
            levels[i] = levels[i + 1] + 1;
    for (int64_t i = 0; i < count; i++) /* where that led out at the noisy end */
        if (levels[i] > n - i)
            levels[i] = n - i;
}

static covsamp_status check_spacing(int64_t n, int64_t count, int32_t spacing,
                                    covsamp__error *error)
{
    static const char function[] = "covsamp_schedule_spaced";
    if (count < 1 || count > n)
        return covsamp__fail(error, COVSAMP_E_RANGE,
                             "%s: count is %lld, must be in [1, %lld], the levels of the schedule",
                             function, (long long)count, (long long)n);
    if (spacing < COVSAMP_SPACING_EVEN || spacing > COVSAMP_SPACING_LOG_SNR)
        return covsamp__fail(error, COVSAMP_E_RANGE,
                             "%s: spacing is %d, must be one of COVSAMP_SPACING_... (1 to 4)",
                             function, (int)spacing);
    /* Squares grow by at least their first step, so that one decides.  With even and trailing
     * spacing a step is at least 1, and exactly 1 only between whole numbers: no level comes twice.
     * count <= 2^24 keeps the products below 2^51. */
    if (spacing == COVSAMP_SPACING_QUADRATIC && 5 * (count - 1) * (count - 1) > 4 * n)
        return covsamp__fail(error, COVSAMP_E_RANGE,
                             "%s: count is %lld, too many for quadratic spacing over N = %lld "
                             "levels: 5 (count - 1)^2 must be at most 4 N, or one comes twice",
                             function, (long long)count, (long long)n);
    return COVSAMP_OK;
}

covsamp_status covsamp_schedule_spaced(const covsamp_schedule *schedule, int64_t count,
                                       int32_t spacing, int64_t *levels, char *message)
{
    covsamp__error error;
    covsamp_status status;
    covsamp__ok(&error);
    if (schedule == NULL || levels == NULL)
        status = covsamp__fail(&error, COVSAMP_E_NULL, "covsamp_schedule_spaced: %s is NULL",
                               schedule == NULL ? "schedule" : "levels");
    else
        status = check_spacing(schedule->levels, count, spacing, &error);
    if (status == COVSAMP_OK && spacing == COVSAMP_SPACING_LOG_SNR)
        space_by_log_snr(schedule, count, levels);
    else if (status == COVSAMP_OK)
        for (int64_t i = 0; i < count; i++)
            levels[i] = level_of(schedule->levels, count, spacing, i);
    covsamp__export(&error, message);
    return status;
}
