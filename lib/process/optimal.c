/* SPDX-License-Identifier: BSD-3-Clause */
/* The levels that a run of few steps should visit, by the dynamic programme of Bao, Li, Zhu & Zhang
 * (2022, section 4): the sum of log(sigma*^2 / lambda^2) over the steps is smallest.  With
 * D = log SNR_t - log SNR_s the summand is log(1 - (1 - exp D) noise_t) - D; the D add up to the
 * same for every choice, so that the rest of the summand is the cost of a step: docs/math.md.
 *
 * Where alpha is 0, at the last level of flow matching for one, noise is 1 whatever the network is
 * worth, and analytic variance and SNR have to come from elsewhere: the variance is taken to be
 * that of the level below, and so is whether the level is fit to be visited. */
#include "process/process.h"

#include <math.h>
#include <string.h>

typedef struct {
    const covsamp_schedule *schedule;
    const double *noise;
    int64_t count, tail; /* levels wanted; how many of them lie above the programme's last */
    int64_t nodes;       /* levels that the programme may visit */
    int64_t *node;       /* [nodes], rising */
    double *step, *cost; /* [nodes] to the present node; [count - tail][nodes] */
    int64_t *from;       /* [count - tail][nodes] where the cheapest way came from */
} programme;

static void layout(programme *p, covsamp__arena *arena)
{
    const int64_t own = p->count - p->tail;
    p->node = covsamp__take(arena, p->nodes, 1, sizeof *p->node);
    p->step = covsamp__take(arena, p->nodes, 1, sizeof *p->step);
    p->cost = covsamp__take(arena, own, p->nodes, sizeof *p->cost);
    p->from = covsamp__take(arena, own, p->nodes, sizeof *p->from);
}

/* The entry of a level, or of the one below where it says nothing. */
static double entry(const programme *p, int64_t n)
{
    if (!isinf(p->schedule->log_snr[n]))
        return p->noise[n - 1];
    return n > 1 ? p->noise[n - 2] : 0;
}

/* The last level whose entry is an estimate of something possible; 0 if there is none. */
static int64_t last_good(const programme *p)
{
    int64_t n = p->schedule->levels;
    while (n > 0 && entry(p, n) > 1)
        n--;
    return n;
}

/* Levels above the last good one are spaced evenly, as many as is their share, N among them. */
static covsamp_status share_out(programme *p, covsamp__error *error, const char *function)
{
    const int64_t all = p->schedule->levels, last = last_good(p);
    p->nodes = 0;
    for (int64_t n = 1; n <= last; n++)
        p->nodes += entry(p, n) <= 1;
    const int64_t most = p->nodes + all - last;
    if (p->count > most)
        return covsamp__fail(error, COVSAMP_E_RANGE,
                             "%s: count is %lld, must be in [1, %lld], the levels of the schedule "
                             "without those below level %lld whose noise is above 1",
                             function, (long long)p->count, (long long)most, (long long)last);
    p->tail = (p->count * (all - last) + all / 2) / all;
    if (p->tail < 1 && last < all)
        p->tail = 1;
    if (p->tail >= p->count && p->nodes > 0 && p->count > 1)
        p->tail = p->count - 1;
    if (p->tail < p->count - p->nodes)
        p->tail = p->count - p->nodes;
    return COVSAMP_OK;
}

/* What a step from node t to each node below it costs.  Out of alpha = 0 the summand is log(1 +
 * SNR_s v), v the variance, less log SNR_s, which is what the D of the other steps add up to the
 * less. */
static void cost_of_steps(programme *p, int64_t t)
{
    const double *log_snr = p->schedule->log_snr, from = log_snr[p->node[t]];
    const double noise = entry(p, p->node[t]);
    for (int64_t s = 0; s < t; s++) {
        const double to = log_snr[p->node[s]];
        if (isinf(from)) /* the level below is a node, its entry is `noise` */
            p->step[s] = log(exp(-log_snr[p->node[t] - 1]) * (1 - noise) + exp(-to));
        else
            p->step[s] = log1p(expm1(from - to) * noise);
    }
}

static void solve(programme *p)
{
    const int64_t own = p->count - p->tail, g = p->nodes;
    for (int64_t t = 0; own > 0 && t < g; t++) {
        cost_of_steps(p, t);
        p->cost[t] = t == 0 ? 0 : INFINITY;
        for (int64_t k = 1; k < own; k++) {
            double best = INFINITY;
            int64_t from = t - 1; /* where nothing is finite: the nearest */
            for (int64_t s = k - 1; s < t; s++) {
                const double cost = p->cost[(k - 1) * g + s] + p->step[s];
                if (cost < best) {
                    best = cost;
                    from = s;
                }
            }
            p->cost[k * g + t] = best;
            p->from[k * g + t] = from;
        }
    }
}

/* Noisiest first. */
static void write_levels(const programme *p, int64_t *levels)
{
    const int64_t own = p->count - p->tail, g = p->nodes;
    const int64_t all = p->schedule->levels, last = last_good(p);
    for (int64_t j = 0; j < p->tail; j++)
        levels[j] = all - j * (all - last) / p->tail;
    int64_t at = own == 1 && p->tail > 0 ? 0 : g - 1; /* one node: the run still ends at level 1 */
    for (int64_t k = own - 1; k >= 0; k--) {
        levels[p->count - 1 - k] = p->node[at];
        at = k > 0 ? p->from[k * g + at] : 0;
    }
}

static covsamp_status run(programme *p, int64_t *levels, covsamp__error *error,
                          const char *function)
{
    covsamp__arena arena = {0};
    covsamp_status status = share_out(p, error, function);
    if (status != COVSAMP_OK)
        return status;
    layout(p, &arena);
    const size_t bytes = arena.used + 1; /* no node at all is nothing wrong */
    arena.base = arena.overflow ? NULL : covsamp__alloc(&p->schedule->mem, bytes);
    if (arena.base == NULL)
        return covsamp__fail(error, COVSAMP_E_NOMEM, "%s: no memory for %lld x %lld levels",
                             function, (long long)p->count, (long long)p->nodes);
    arena.used = 0;
    layout(p, &arena);
    for (int64_t n = 1, g = 0; g < p->nodes; n++)
        if (entry(p, n) <= 1)
            p->node[g++] = n;
    solve(p);
    write_levels(p, levels);
    covsamp__release(&p->schedule->mem, arena.base, bytes);
    return COVSAMP_OK;
}

static covsamp_status check(const programme *p, const int64_t *levels, covsamp__error *error,
                            const char *function)
{
    char text[COVSAMP__REAL_BYTES];
    if (p->schedule == NULL || p->noise == NULL || levels == NULL)
        return covsamp__fail(error, COVSAMP_E_NULL, "%s: %s is NULL", function,
                             p->schedule == NULL ? "schedule"
                             : p->noise == NULL  ? "noise"
                                                 : "levels");
    if (p->count < 1 || p->count > p->schedule->levels)
        return covsamp__fail(error, COVSAMP_E_RANGE,
                             "%s: count is %lld, must be in [1, %lld], the levels of the schedule",
                             function, (long long)p->count, (long long)p->schedule->levels);
    for (int64_t n = 0; n < p->schedule->levels; n++)
        if (!(p->noise[n] >= 0 && isfinite(p->noise[n])))
            return covsamp__fail(error, COVSAMP_E_RANGE,
                                 "%s: noise[%lld] is %s, must be finite and >= 0", function,
                                 (long long)n, covsamp__real(p->noise[n], text));
    return COVSAMP_OK;
}

covsamp_status covsamp_schedule_optimal(const covsamp_schedule *schedule, const double *noise,
                                        int64_t count, int64_t *levels, char *message)
{
    covsamp__error error;
    programme p;
    memset(&p, 0, sizeof p);
    p.schedule = schedule;
    p.noise = noise;
    p.count = count;
    covsamp__ok(&error);
    covsamp_status status = check(&p, levels, &error, __func__);
    if (status == COVSAMP_OK)
        status = run(&p, levels, &error, __func__);
    covsamp__export(&error, message);
    return status;
}
