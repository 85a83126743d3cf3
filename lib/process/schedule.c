/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables of alpha, sigma, time and log-SNR.
 *
 * Every maker goes the same way: check the arguments, begin() takes one block, the maker fills
 * levels 1 ... N, finish() adds level 0, names the family and checks what all schedules promise. */
#include "process/process.h"

#include <math.h>
#include <string.h>

#define MOST_LEVELS      ((INT64_C(1) << 24) - 1)
#define FAMILY_TOLERANCE 1e-12

static const double half_pi = 1.5707963267948966;

/* ---- memory -------------------------------------------------------------------------------- */

static covsamp_schedule *layout(covsamp__arena *arena, int64_t levels)
{
    covsamp_schedule *s = covsamp__take(arena, 1, 1, sizeof *s);
    double *array[4];
    for (int i = 0; i < 4; i++)
        array[i] = covsamp__take(arena, levels + 1, 1, sizeof *array[i]);
    if (s != NULL) {
        s->alpha = array[0];
        s->sigma = array[1];
        s->time = array[2];
        s->log_snr = array[3];
    }
    return s;
}

static covsamp_status begin(covsamp_schedule **out, int64_t levels, const covsamp_allocator *mem,
                            covsamp__error *error, const char *function)
{
    covsamp_allocator own;
    covsamp__arena size = {0}, arena = {0};
    covsamp_status status = covsamp__allocator_init(&own, mem, error, function);
    if (status != COVSAMP_OK)
        return status;
    layout(&size, levels);
    if (!size.overflow)
        arena.base = covsamp__alloc(&own, size.used);
    if (arena.base == NULL)
        return covsamp__fail(error, COVSAMP_E_NOMEM, "%s: no memory for levels = %lld", function,
                             (long long)levels);
    *out = layout(&arena, levels);
    (*out)->mem = own;
    (*out)->bytes = size.used;
    (*out)->levels = levels;
    return COVSAMP_OK;
}

void covsamp_schedule_free(covsamp_schedule *schedule)
{
    if (schedule == NULL)
        return;
    covsamp_allocator mem = schedule->mem; /* the hooks lie in the block that goes */
    covsamp__release(&mem, schedule, schedule->bytes);
}

int64_t covsamp_schedule_levels(const covsamp_schedule *schedule)
{
    return schedule == NULL ? 0 : schedule->levels;
}

covsamp_status covsamp__schedule_copy(covsamp_schedule **out, const covsamp_schedule *s,
                                      const covsamp_allocator *mem, covsamp__error *error,
                                      const char *function)
{
    covsamp_schedule *copy = NULL;
    size_t bytes = (size_t)(s->levels + 1) * sizeof *s->alpha;
    covsamp_status status = begin(&copy, s->levels, mem, error, function);
    if (status != COVSAMP_OK)
        return status;
    copy->family = s->family;
    copy->time_is_sigma = s->time_is_sigma;
    memcpy(copy->alpha, s->alpha, bytes);
    memcpy(copy->sigma, s->sigma, bytes);
    memcpy(copy->time, s->time, bytes);
    memcpy(copy->log_snr, s->log_snr, bytes);
    *out = copy;
    return COVSAMP_OK;
}

/* ---- what all schedules share -------------------------------------------------------------- */

/* Clears the outputs and checks what every maker is given. */
static covsamp_status check_common(covsamp_schedule **out, int64_t levels, int64_t fewest,
                                   covsamp__error *error, const char *function)
{
    covsamp__ok(error);
    if (out == NULL)
        return covsamp__fail(error, COVSAMP_E_NULL, "%s: out is NULL", function);
    *out = NULL;
    if (levels < fewest || levels > MOST_LEVELS)
        return covsamp__fail(error, COVSAMP_E_RANGE, "%s: levels is %lld, must be in [%lld, %lld]",
                             function, (long long)levels, (long long)fewest,
                             (long long)MOST_LEVELS);
    return COVSAMP_OK;
}

static covsamp_status out_of_range(covsamp__error *error, const char *function, const char *what,
                                   double value, const char *range)
{
    char text[COVSAMP__REAL_BYTES];
    return covsamp__fail(error, COVSAMP_E_RANGE, "%s: %s is %s, must be %s", function, what,
                         covsamp__real(value, text), range);
}

static int32_t family_of(const covsamp_schedule *s)
{
    int vp = 1, ve = 1, flow = 1;
    for (int64_t n = 1; n <= s->levels; n++) {
        double a = s->alpha[n], b = s->sigma[n];
        vp &= fabs(a * a + b * b - 1.0) <= FAMILY_TOLERANCE;
        flow &= fabs(a + b - 1.0) <= FAMILY_TOLERANCE;
        ve &= a == 1.0;
    }
    return ve ? COVSAMP__VE : vp ? COVSAMP__VP : flow ? COVSAMP__FLOW : COVSAMP__OTHER;
}

/* Level 0, the family, and the order of the levels, which rounding may spoil in any maker. */
static covsamp_status finish(covsamp_schedule *s, covsamp__error *error, const char *function)
{
    double first_step = s->levels > 1 ? s->time[2] - s->time[1] : 1.0;
    s->alpha[0] = 1.0;
    s->sigma[0] = 0.0;
    s->time[0] = s->time[1] - first_step;
    s->log_snr[0] = INFINITY;
    if (s->family == 0)
        s->family = family_of(s);
    s->time_is_sigma = (s->family == COVSAMP__VE || s->family == COVSAMP__FLOW) &&
                       memcmp(s->time + 1, s->sigma + 1, (size_t)s->levels * sizeof *s->time) == 0;
    for (int64_t n = 1; n <= s->levels; n++) {
        if (!(s->log_snr[n] < s->log_snr[n - 1]))
            return covsamp__fail(error, COVSAMP_E_RANGE,
                                 "%s: alpha / sigma does not fall from level %lld to %lld, must be "
                                 "strictly decreasing",
                                 function, (long long)n - 1, (long long)n);
        if (n > 1 && !(s->time[n] > s->time[n - 1]))
            return covsamp__fail(error, COVSAMP_E_RANGE,
                                 "%s: time does not grow from level %lld to %lld, must be strictly "
                                 "increasing",
                                 function, (long long)n - 1, (long long)n);
    }
    return COVSAMP_OK;
}

/* Finishes s if status is OK so far; hands it out, or frees it; exports the sentence. */
static covsamp_status hand_out(covsamp_schedule **out, covsamp_schedule *s, covsamp_status status,
                               covsamp__error *error, const char *function, char *message)
{
    if (status == COVSAMP_OK)
        status = finish(s, error, function);
    if (status == COVSAMP_OK)
        *out = s;
    else
        covsamp_schedule_free(s);
    covsamp__export(error, message);
    return status;
}

/* ---- variance preserving, from betas ------------------------------------------------------- */

/* Replaces the betas in alpha[1 ... N].  sigma^2 has its own recurrence of positive terms, since
 * 1 - alpha^2 would lose all digits at the first levels. */
static covsamp_status fill_from_betas(covsamp_schedule *s, covsamp__error *error,
                                      const char *function)
{
    double kept = 1.0, noise = 0.0; /* alpha^2, sigma^2 */
    for (int64_t n = 1; n <= s->levels; n++) {
        double beta = s->alpha[n];
        noise += kept * beta;
        kept *= 1.0 - beta;
        if (!(kept > 1e-290)) /* leaves room before digits are lost to underflow */
            return covsamp__fail(error, COVSAMP_E_RANGE,
                                 "%s: alpha^2 falls below 1e-290 at level %lld: betas or levels "
                                 "must be smaller",
                                 function, (long long)n);
        s->alpha[n] = sqrt(kept);
        s->sigma[n] = sqrt(noise);
        s->log_snr[n] = log(kept) - log(noise);
        s->time[n] = (double)(n - 1);
    }
    s->family = COVSAMP__VP;
    return COVSAMP_OK;
}

covsamp_status covsamp_schedule_new_linear(covsamp_schedule **out, int64_t levels,
                                           double beta_first, double beta_last,
                                           const covsamp_allocator *mem, char *message)
{
    static const char function[] = "covsamp_schedule_new_linear";
    covsamp__error error;
    covsamp_schedule *s = NULL;
    covsamp_status status = check_common(out, levels, 1, &error, function);
    if (status == COVSAMP_OK && !(beta_first > 0.0 && beta_first < 1.0))
        status = out_of_range(&error, function, "beta_first", beta_first, "in (0, 1)");
    if (status == COVSAMP_OK && !(beta_last >= beta_first && beta_last < 1.0))
        status = out_of_range(&error, function, "beta_last", beta_last, "in [beta_first, 1)");
    if (status == COVSAMP_OK)
        status = begin(&s, levels, mem, &error, function);
    if (status == COVSAMP_OK) {
        double span = beta_last - beta_first, steps = (double)(levels > 1 ? levels - 1 : 1);
        for (int64_t i = 0; i < levels; i++)
            s->alpha[i + 1] = beta_first + span * ((double)i / steps);
        status = fill_from_betas(s, &error, function);
    }
    return hand_out(out, s, status, &error, function, message);
}

/* 1 - cos^2(u) / cos^2(v) with v < u, as sin(u - v) sin(u + v) / cos^2(v). */
static double cosine_beta(int64_t i, int64_t levels, double offset)
{
    double scale = half_pi / (1.0 + offset), count = (double)levels;
    double v = ((double)i / count + offset) * scale, step = scale / count;
    double beta = sin(step) * sin(2.0 * v + step) / (cos(v) * cos(v));
    return beta < 0.999 ? beta : 0.999;
}

covsamp_status covsamp_schedule_new_cosine(covsamp_schedule **out, int64_t levels, double offset,
                                           const covsamp_allocator *mem, char *message)
{
    static const char function[] = "covsamp_schedule_new_cosine";
    covsamp__error error;
    covsamp_schedule *s = NULL;
    covsamp_status status = check_common(out, levels, 1, &error, function);
    if (status == COVSAMP_OK && !(offset >= 0.0 && offset < 1.0))
        status = out_of_range(&error, function, "offset", offset, "in [0, 1)");
    if (status == COVSAMP_OK)
        status = begin(&s, levels, mem, &error, function);
    if (status == COVSAMP_OK) {
        for (int64_t i = 0; i < levels; i++)
            s->alpha[i + 1] = cosine_beta(i, levels, offset);
        status = fill_from_betas(s, &error, function);
    }
    return hand_out(out, s, status, &error, function, message);
}

/* ---- others -------------------------------------------------------------------------------- */

static covsamp_status check_entry(double value, int64_t level, const char *what, int ok,
                                  const char *range, covsamp__error *error)
{
    char text[COVSAMP__REAL_BYTES];
    if (ok)
        return COVSAMP_OK;
    return covsamp__fail(error, COVSAMP_E_RANGE,
                         "covsamp_schedule_new_table: %s of level %lld is %s, must be %s", what,
                         (long long)level, covsamp__real(value, text), range);
}

static covsamp_status fill_from_table(covsamp_schedule *s, const double *alpha, const double *sigma,
                                      const double *time, covsamp__error *error)
{
    for (int64_t n = 1; n <= s->levels; n++) {
        double a = alpha[n - 1], b = sigma[n - 1], t = time != NULL ? time[n - 1] : (double)(n - 1);
        int last = n == s->levels;
        covsamp_status status =
            check_entry(a, n, "alpha", (a > 0.0 || (last && a == 0.0)) && a <= 1.0,
                        last ? "in [0, 1]" : "in (0, 1]", error);
        if (status == COVSAMP_OK)
            status =
                check_entry(b, n, "sigma", b > 0.0 && isfinite(b), "positive and finite", error);
        if (status == COVSAMP_OK)
            status = check_entry(t, n, "time", isfinite(t), "finite", error);
        if (status != COVSAMP_OK)
            return status;
        s->alpha[n] = a;
        s->sigma[n] = b;
        s->time[n] = t;
        s->log_snr[n] = a > 0.0 ? 2.0 * (log(a) - log(b)) : -INFINITY;
    }
    return COVSAMP_OK;
}

covsamp_status covsamp_schedule_new_table(covsamp_schedule **out, int64_t levels,
                                          const double *alpha, const double *sigma,
                                          const double *time, const covsamp_allocator *mem,
                                          char *message)
{
    static const char function[] = "covsamp_schedule_new_table";
    covsamp__error error;
    covsamp_schedule *s = NULL;
    covsamp_status status = check_common(out, levels, 1, &error, function);
    if (status == COVSAMP_OK && (alpha == NULL || sigma == NULL))
        status = covsamp__fail(&error, COVSAMP_E_NULL, "%s: %s is NULL", function,
                               alpha == NULL ? "alpha" : "sigma");
    if (status == COVSAMP_OK)
        status = begin(&s, levels, mem, &error, function);
    if (status == COVSAMP_OK)
        status = fill_from_table(s, alpha, sigma, time, &error);
    return hand_out(out, s, status, &error, function, message);
}

static void fill_karras(covsamp_schedule *s, double sigma_min, double sigma_max, double rho)
{
    double high = pow(sigma_max, 1.0 / rho), low = pow(sigma_min, 1.0 / rho);
    for (int64_t n = 1; n <= s->levels; n++) {
        double share = (double)(s->levels - n) / (double)(s->levels - 1);
        double sigma = pow(high + share * (low - high), rho);
        if (n == 1 || n == s->levels) /* the ends as given, not as pow() rounds them */
            sigma = n == 1 ? sigma_min : sigma_max;
        s->alpha[n] = 1.0;
        s->sigma[n] = s->time[n] = sigma;
        s->log_snr[n] = -2.0 * log(sigma);
    }
    s->family = COVSAMP__VE;
}

covsamp_status covsamp_schedule_new_karras(covsamp_schedule **out, int64_t levels, double sigma_min,
                                           double sigma_max, double rho,
                                           const covsamp_allocator *mem, char *message)
{
    static const char function[] = "covsamp_schedule_new_karras";
    covsamp__error error;
    covsamp_schedule *s = NULL;
    covsamp_status status = check_common(out, levels, 2, &error, function);
    if (status == COVSAMP_OK && !(sigma_min > 0.0 && isfinite(sigma_min)))
        status = out_of_range(&error, function, "sigma_min", sigma_min, "positive and finite");
    if (status == COVSAMP_OK && !(sigma_max > sigma_min && isfinite(sigma_max)))
        status = out_of_range(&error, function, "sigma_max", sigma_max,
                              "finite and greater than sigma_min");
    if (status == COVSAMP_OK && !(rho >= 1.0 && isfinite(rho)))
        status = out_of_range(&error, function, "rho", rho, "finite and at least 1");
    if (status == COVSAMP_OK)
        status = begin(&s, levels, mem, &error, function);
    if (status == COVSAMP_OK)
        fill_karras(s, sigma_min, sigma_max, rho);
    return hand_out(out, s, status, &error, function, message);
}

covsamp_status covsamp_schedule_new_flow(covsamp_schedule **out, int64_t levels,
                                         const covsamp_allocator *mem, char *message)
{
    static const char function[] = "covsamp_schedule_new_flow";
    covsamp__error error;
    covsamp_schedule *s = NULL;
    covsamp_status status = check_common(out, levels, 1, &error, function);
    if (status == COVSAMP_OK)
        status = begin(&s, levels, mem, &error, function);
    for (int64_t n = 1; status == COVSAMP_OK && n <= levels; n++) {
        double noise = (double)n, data = (double)(levels - n);
        s->time[n] = s->sigma[n] = noise / (double)levels;
        s->alpha[n] = data / (double)levels;     /* 1 - time rounded once */
        s->log_snr[n] = 2.0 * log(data / noise); /* -inf at the last */
        s->family = COVSAMP__FLOW;
    }
    return hand_out(out, s, status, &error, function, message);
}
