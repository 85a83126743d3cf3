/* SPDX-License-Identifier: BSD-3-Clause */
/* Schedules of any numbers, tables of any numbers upon them, and a run over what was taken: every
 * refusal has a sentence, what is taken keeps the promises of covsamp.h, section 4, and no NaN
 * leaves a sampler without an error. */
#include "input.h"

#include <math.h>

#define MOST 24 /* levels */
#define DIM  3

static char message[COVSAMP_MESSAGE_BYTES];

static covsamp_status make(covsamp_schedule **out, input *in)
{
    double table[3 * MOST], p[3];
    const uint8_t how = input_byte(in);
    const int64_t levels = how & 128 ? 1 + input_byte(in) % MOST : input_int(in) % (MOST + 1);
    for (int i = 0; i < 3; i++)
        p[i] = input_real(in);
    switch (how % 8) {
    case 0:
        return covsamp_schedule_new_linear(out, levels, p[0], p[1], NULL, message);
    case 1:
        return covsamp_schedule_new_cosine(out, levels, p[0], NULL, message);
    case 2:
        return covsamp_schedule_new_karras(out, levels, p[0], p[1], p[2], NULL, message);
    case 3:
        return covsamp_schedule_new_flow(out, levels, NULL, message);
    default:
        break;
    }
    const int steady = how & 64; /* alpha falls and sigma grows, by how much the input says */
    for (int64_t i = 0; i < levels; i++) {
        const double a = input_real(in), b = input_real(in), t = input_real(in);
        table[i] = steady ? (i > 0 ? table[i - 1] : 1) / (1 + fabs(a)) : a;
        table[MOST + i] = steady && i > 0 ? table[MOST + i - 1] + fabs(b) : b;
        table[2 * MOST + i] = steady && i > 0 ? table[2 * MOST + i - 1] + fabs(t) : t;
    }
    return covsamp_schedule_new_table(out, levels, table, table + MOST,
                                      how & 32 ? table + 2 * MOST : NULL, NULL, message);
}

/* alpha / sigma falls, times grow, everything is finite. */
static void check_levels(const covsamp_schedule *s, int64_t n)
{
    double alpha, sigma, time, last_alpha = 1, last_sigma = 0, last_time = 0;
    for (int64_t level = 0; level <= n; level++) {
        const covsamp_status status = covsamp_schedule_at(s, (double)level, &alpha, &sigma, &time);
        demand(status == COVSAMP_OK, "a whole level", status, "");
        demand(alpha >= 0 && alpha <= 1 && isfinite(sigma) && (sigma > 0 || level == 0) &&
                   isfinite(time),
               "numbers of a level", status, "");
        demand(level < 2 || time > last_time, "times", status, "");
        /* as logarithms: the ratio itself may overflow, and products underflow */
        demand(level < 2 || alpha == 0 ||
                   log(alpha) - log(sigma) <= log(last_alpha) - log(last_sigma),
               "alpha / sigma", status, "");
        last_alpha = alpha;
        last_sigma = sigma;
        last_time = time;
    }
}

static void check_between(const covsamp_schedule *s, int64_t n, input *in)
{
    double alpha = 0, sigma = 0, time = 0;
    const double level = input_real(in);
    const covsamp_status status = covsamp_schedule_at(s, level, &alpha, &sigma, &time);
    demand(status == COVSAMP_OK || status == COVSAMP_E_RANGE, "at a level", status, "");
    demand(status != COVSAMP_OK || level == 0 || (level >= 1 && level <= (double)n),
           "a level that is none", status, "");
    demand(status != COVSAMP_OK ||
               (alpha >= 0 && alpha <= 1 && sigma >= 0 && isfinite(sigma) && isfinite(time)),
           "numbers between levels", status, "");
}

static void check_falling(const int64_t *levels, int64_t count, int64_t n, const char *what)
{
    for (int64_t i = 0; i < count; i++)
        demand(levels[i] >= 1 && levels[i] <= n && (i == 0 || levels[i] < levels[i - 1]), what,
               COVSAMP_OK, "");
}

/* How many levels to visit: 0 where every choice was refused. */
static int64_t choose(const covsamp_schedule *s, int64_t n, int64_t *levels, const double *noise,
                      input *in)
{
    const uint8_t how = input_byte(in);
    const int64_t count = how & 128 ? input_int(in) % (MOST + 1) : 1 + how % n;
    covsamp_status status;
    message[0] = '\0';
    if (how & 64)
        status = covsamp_schedule_optimal(s, noise, count, levels, message);
    else
        status = covsamp_schedule_spaced(s, count, how % 5, levels, message);
    demand((message[0] != '\0') == (status < 0), "a sentence", status, message);
    if (status != COVSAMP_OK)
        return 0;
    check_falling(levels, count, n, "levels to visit");
    return count;
}

/* x0 = x / 4. */
static int32_t answer(void *user, const covsamp_request *q)
{
    (void)user;
    for (int64_t i = 0; i < q->dim; i++) {
        if (q->mean != NULL)
            ((double *)q->mean)[i] = 0.25 * ((const double *)q->x)[i];
        if (q->product != NULL)
            ((double *)q->product)[i] = 0.25 * ((const double *)q->v)[i];
    }
    return 0;
}

static void run(covsamp_config *config)
{
    const covsamp_model model = {
        .size = sizeof model, .mean = answer, .jvp = answer, .mean_jvp = answer};
    const void *x;
    int64_t stride;
    covsamp_sampler *s;
    const covsamp_status made = covsamp_sampler_new(&s, config);
    demand(made == COVSAMP_OK || covsamp_config_message(config)[0] != '\0', "a sentence", made, "");
    if (made != COVSAMP_OK)
        return;
    const covsamp_status status = covsamp_sampler_run(s, &model);
    demand(status == COVSAMP_DONE || covsamp_sampler_message(s)[0] != '\0', "a sentence", status,
           "");
    if (status == COVSAMP_DONE && covsamp_sampler_state(s, &x, &stride) == COVSAMP_OK)
        for (int i = 0; i < DIM; i++)
            demand(isfinite(((const double *)x)[i]), "a sample that is no number", status, "");
    covsamp_sampler_free(s);
}

static void set_up(covsamp_config *config, input *in)
{
    static const char *const covariances[] = {"analytic", "small", "large",           "krylov",
                                              "dense",    "none",  "state_isotropic", "diag_probe"};
    static const char *const solvers[] = {"ancestral", "ancestral", "ancestral", "ancestral",
                                          "addim",     "heun",      "euler",     "dpmpp_2s"};
    const uint8_t choice = input_byte(in);
    covsamp_config_set_int(config, COVSAMP_BATCH, 1);
    covsamp_config_set_int(config, COVSAMP_DIM, DIM);
    covsamp_config_set_int(config, COVSAMP_DTYPE, COVSAMP_F64);
    covsamp_config_set_int(config, COVSAMP_PREDICTION, COVSAMP_PREDICTS_X0);
    covsamp_config_set_by_name(config, "covariance", covariances[choice % 8]);
    covsamp_config_set_by_name(config, "solver", solvers[choice >> 3 & 7]);
    covsamp_config_set_by_name(config, "eta", choice & 64 ? "1" : "0.5");
    covsamp_config_set_by_name(config, "trace_guard", choice & 128 ? "2" : "0");
}

/* Values of a table, of which a few are any; the count is right as a rule. */
static void set_table(covsamp_config *config, int32_t table, int64_t n, double *values, input *in)
{
    const uint8_t how = input_byte(in);
    const int64_t count = how % 8 == 0 ? how / 8 % (MOST + 1) : n;
    for (int64_t i = 0; i < MOST; i++)
        values[i] = i < count ? input_real(in) : 0;
    const covsamp_status status = covsamp_config_set_table(config, table, values, count);
    demand((covsamp_config_message(config)[0] != '\0') == (status < 0), "a sentence", status, "");
    for (int64_t i = 0; i < count && status == COVSAMP_OK; i++)
        demand(isfinite(values[i]) && values[i] >= 0, "a table", status, "");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size};
    covsamp_schedule *schedule = NULL;
    covsamp_config *config;
    int64_t levels[MOST + 1];
    double values[MOST], other[MOST];
    message[0] = '\0';
    const covsamp_status status = make(&schedule, &in);
    demand((message[0] != '\0') == (status < 0), "a sentence", status, message);
    demand((schedule != NULL) == (status == COVSAMP_OK), "a schedule", status, message);
    if (schedule == NULL)
        return 0;
    const int64_t n = covsamp_schedule_levels(schedule);
    check_levels(schedule, n);
    check_between(schedule, n, &in);
    if (covsamp_config_new(&config, NULL) != COVSAMP_OK)
        abort();
    set_up(config, &in);
    set_table(config, COVSAMP_TABLE_NOISE, n, values, &in);
    set_table(config, COVSAMP_TABLE_X0_ERROR, n, other, &in);
    const int64_t count = choose(schedule, n, levels, values, &in);
    if (count > 0) {
        if (covsamp_config_set_schedule(config, schedule, levels, count) != COVSAMP_OK)
            abort(); /* levels that the library chose itself */
        run(config);
    }
    covsamp_config_free(config);
    covsamp_schedule_free(schedule);
    return 0;
}
