/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/fingerprint.h"

#include "api/method.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MOST_OPTIONS 4096
/* Another machine's cos, exp or pow may differ in last bits, and no schedule that was meant to be
 * another differs by so little. */
#define SAME 1e-9

void covsamp__fingerprint_layout(covsamp_sampler *s, int64_t levels, covsamp__arena *arena)
{
    s->fingerprint = covsamp__take(arena, 1, 1, sizeof *s->fingerprint);
    double *level = covsamp__take(arena, levels, 3, sizeof *level);
    if (s->fingerprint != NULL)
        s->fingerprint->level = level;
}

static uint64_t table_sum(const double *values, int64_t count)
{
    uint64_t sum = 0;
    for (int64_t i = 0; i < count; i++) {
        uint8_t text[2 * sizeof sum];
        covsamp__bytes b = {.out = text};
        double value = values[i];
        covsamp__bytes_u64(&b, &sum);
        covsamp__bytes_real(&b, &value);
        sum = covsamp__checksum(text, sizeof text);
    }
    return sum;
}

static void put_int(struct covsamp__fingerprint *f, int32_t key, int64_t value)
{
    f->option[covsamp__option_index(key)].i = value;
}

void covsamp__fingerprint_take(covsamp_sampler *s, const covsamp_config *c)
{
    struct covsamp__fingerprint *f = s->fingerprint;
    const covsamp__method m = covsamp__method_of(c);
    memcpy(f->option, c->values, sizeof f->option);
    put_int(f, COVSAMP_KRYLOV_STEPS, covsamp__krylov_steps(c));
    put_int(f, COVSAMP_COVARIANCE, m.covariance_name);
    put_int(f, COVSAMP_MEAN_ORDER, m.mean_order);
    put_int(f, COVSAMP_GUIDANCE_FORM, m.guide_form);
    f->option[covsamp__option_index(COVSAMP_ETA)].r = m.eta;
    f->levels = c->schedule->levels;
    f->family = c->schedule->family;
    f->time_is_sigma = c->schedule->time_is_sigma;
    for (int64_t n = 1; n <= f->levels; n++) {
        f->level[3 * n - 3] = c->schedule->alpha[n];
        f->level[3 * n - 2] = c->schedule->sigma[n];
        f->level[3 * n - 1] = c->schedule->time[n];
    }
    for (int i = 0; i < COVSAMP__TABLES; i++) {
        f->table_count[i] = c->table_count[i];
        f->table[i] = table_sum(c->table[i], c->table_count[i]);
    }
}

/* ---- writing ---- */

void covsamp__fingerprint_write(covsamp_sampler *s, covsamp__bytes *bytes)
{
    struct covsamp__fingerprint *f = s->fingerprint;
    /* Without the number of threads: the string of a run does not depend on who works. */
    uint32_t options = COVSAMP__OPTIONS - 1, tables = COVSAMP__TABLES;
    covsamp__bytes_u32(bytes, &options);
    for (int32_t i = 0; i < COVSAMP__OPTIONS; i++) {
        uint32_t key = (uint32_t)covsamp_option_info(i)->key;
        if (key == COVSAMP_THREADS)
            continue;
        covsamp__bytes_u32(bytes, &key);
        if (covsamp_option_info(i)->type == COVSAMP_TYPE_REAL)
            covsamp__bytes_real(bytes, &f->option[i].r);
        else
            covsamp__bytes_int(bytes, &f->option[i].i);
    }
    covsamp__bytes_int(bytes, &f->levels);
    covsamp__bytes_int(bytes, &f->family);
    covsamp__bytes_int(bytes, &f->time_is_sigma);
    covsamp__bytes_array(bytes, f->level, 3 * f->levels, sizeof *f->level);
    covsamp__bytes_int(bytes, &s->request.steps);
    for (int64_t i = 0; i < s->request.steps; i++)
        covsamp__bytes_int(bytes, &s->plan[i].from.level);
    covsamp__bytes_u32(bytes, &tables);
    for (int i = 0; i < COVSAMP__TABLES; i++) {
        covsamp__bytes_int(bytes, &f->table_count[i]);
        covsamp__bytes_u64(bytes, &f->table[i]);
    }
}

/* ---- comparing ---- */

typedef struct {
    covsamp_sampler *s;
    covsamp__bytes *bytes;
    const char *function;
} comparison;

static covsamp_status differs(const comparison *c, const char *what)
{
    return covsamp__fail(&c->s->error, COVSAMP_E_UNSUPPORTED,
                         "%s: %s, and must be the same to go on from it", c->function, what);
}

/* Options that change no samples, and two that the string says itself. */
static int may_differ(int32_t key)
{
    return key == COVSAMP_CHECK_FINITE || key == COVSAMP_REPORT_STEPS || key == COVSAMP_TANGENTS ||
           key == COVSAMP_MEAN_JVP || key == COVSAMP_BRANCHES || key == COVSAMP_SEED ||
           key == COVSAMP_FIRST_SAMPLE || key == COVSAMP_THREADS;
}

static const char *value_text(const covsamp_option *o, covsamp__value value, char *text,
                              size_t size)
{
    const char *name =
        o->type == COVSAMP_TYPE_CHOICE ? covsamp__option_choice_name(o->key, value.i) : NULL;
    if (name != NULL)
        return name;
    if (o->type == COVSAMP_TYPE_REAL)
        return covsamp__real(value.r, text);
    snprintf(text, size, "%" PRId64, value.i);
    return text;
}

/* The value of an option among `count` that begin at bytes->at; 0 where it is not among them. */
static int find_option(const comparison *c, uint32_t count, const covsamp_option *o,
                       covsamp__value *value)
{
    covsamp__bytes b = *c->bytes;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t key = 0;
        covsamp__bytes_u32(&b, &key);
        if (o->type == COVSAMP_TYPE_REAL)
            covsamp__bytes_real(&b, &value->r);
        else
            covsamp__bytes_int(&b, &value->i);
        if (key == (uint32_t)o->key && !b.ended)
            return 1;
    }
    return 0;
}

static covsamp_status check_option(const comparison *c, int32_t index, uint32_t count)
{
    char text[160], a[COVSAMP__REAL_BYTES], b[COVSAMP__REAL_BYTES];
    const covsamp_option *o = covsamp_option_info(index);
    const covsamp__value here = c->s->fingerprint->option[index];
    const int real = o->type == COVSAMP_TYPE_REAL;
    covsamp__value there;
    if (may_differ(o->key))
        return COVSAMP_OK;
    if (!find_option(c, count, o, &there)) { /* of a library that did not have it yet */
        if (real)
            there.r = o->real_default;
        else
            there.i = o->int_default;
    }
    if (real ? there.r == here.r : there.i == here.i)
        return COVSAMP_OK;
    snprintf(text, sizeof text, "option %s is %s in data, %s here", o->name,
             value_text(o, there, a, sizeof a), value_text(o, here, b, sizeof b));
    return differs(c, text);
}

/* Also that there is none that this library does not know. */
static covsamp_status check_options(const comparison *c)
{
    char text[96];
    uint32_t count = 0;
    covsamp__bytes_u32(c->bytes, &count);
    if (count > MOST_OPTIONS)
        return covsamp__fail(&c->s->error, COVSAMP_E_RANGE,
                             "%s: data has %" PRIu32 " options, must have at most %d", c->function,
                             count, MOST_OPTIONS);
    for (int32_t i = 0; i < COVSAMP__OPTIONS; i++) {
        covsamp_status status = check_option(c, i, count);
        if (status != COVSAMP_OK)
            return status;
    }
    for (uint32_t i = 0; i < count && !c->bytes->ended; i++) {
        uint32_t key = 0;
        covsamp__bytes_u32(c->bytes, &key);
        covsamp__bytes_array(c->bytes, NULL, 1, sizeof(uint64_t));
        if (covsamp__option_index((int32_t)key) < 0 && !c->bytes->ended) {
            snprintf(text, sizeof text, "option number %" PRIu32 " is in data, unknown here", key);
            return differs(c, text);
        }
    }
    return COVSAMP_OK;
}

static int same(double a, double b)
{
    return a == b || fabs(a - b) <= SAME * fmax(fabs(a), fabs(b));
}

static covsamp_status check_levels(const comparison *c)
{
    static const char *const names[] = {"alpha", "sigma", "time"};
    const struct covsamp__fingerprint *f = c->s->fingerprint;
    char text[160], a[COVSAMP__REAL_BYTES], b[COVSAMP__REAL_BYTES];
    for (int64_t i = 0; i < 3 * f->levels && !c->bytes->ended; i++) {
        double there = 0;
        covsamp__bytes_real(c->bytes, &there);
        if (same(there, f->level[i]) || c->bytes->ended)
            continue;
        snprintf(text, sizeof text,
                 "the schedule differs at level %" PRId64 ": %s is %s in data, %s here", i / 3 + 1,
                 names[i % 3], covsamp__real(there, a), covsamp__real(f->level[i], b));
        return differs(c, text);
    }
    return COVSAMP_OK;
}

static covsamp_status check_int(const comparison *c, int64_t here, const char *what)
{
    char text[128];
    int64_t there = 0;
    covsamp__bytes_int(c->bytes, &there);
    if (there == here || c->bytes->ended)
        return COVSAMP_OK;
    snprintf(text, sizeof text, "%s is %" PRId64 " in data, %" PRId64 " here", what, there, here);
    return differs(c, text);
}

static covsamp_status check_schedule(const comparison *c)
{
    const struct covsamp__fingerprint *f = c->s->fingerprint;
    char text[64];
    covsamp_status status = check_int(c, f->levels, "the number of levels of the schedule");
    if (status == COVSAMP_OK)
        status =
            check_int(c, f->family, "the family of the schedule (VP 1, VE 2, flow 3, other 4)");
    if (status == COVSAMP_OK)
        status = check_int(c, f->time_is_sigma, "whether the schedule's time is sigma");
    if (status == COVSAMP_OK)
        status = check_levels(c);
    if (status == COVSAMP_OK)
        status = check_int(c, c->s->request.steps, "the number of steps");
    for (int64_t i = 0; status == COVSAMP_OK && i < c->s->request.steps; i++) {
        snprintf(text, sizeof text, "the level of step %" PRId64, i);
        status = check_int(c, c->s->plan[i].from.level, text);
    }
    return status;
}

static covsamp_status check_tables(const comparison *c)
{
    static const char *const names[COVSAMP__TABLES] = {
        "the table of noise", "the table of x0 errors", "the table of guidance weights",
        "the table of cfg weights"};
    const struct covsamp__fingerprint *f = c->s->fingerprint;
    char text[96];
    uint32_t count = 0;
    covsamp__bytes_u32(c->bytes, &count);
    for (uint32_t i = 0; i < count && !c->bytes->ended; i++) {
        int64_t values = 0;
        uint64_t sum = 0;
        covsamp__bytes_int(c->bytes, &values);
        covsamp__bytes_u64(c->bytes, &sum);
        const int known = i < COVSAMP__TABLES;
        if (c->bytes->ended ||
            (known ? values == f->table_count[i] && sum == f->table[i] : values == 0))
            continue;
        snprintf(text, sizeof text, "%s in data differs from that here",
                 known ? names[i] : "a table that is unknown here");
        return differs(c, text);
    }
    for (int i = (int)count; count < COVSAMP__TABLES && i < COVSAMP__TABLES; i++)
        if (f->table_count[i] != 0) {
            snprintf(text, sizeof text, "%s is here and not in data", names[i]);
            return differs(c, text);
        }
    return COVSAMP_OK;
}

covsamp_status covsamp__fingerprint_check(covsamp_sampler *s, covsamp__bytes *bytes,
                                          const char *function)
{
    const comparison c = {s, bytes, function};
    covsamp_status status = check_options(&c);
    if (status == COVSAMP_OK)
        status = check_schedule(&c);
    if (status == COVSAMP_OK)
        status = check_tables(&c);
    if (status == COVSAMP_OK && bytes->ended)
        return covsamp__fail(&s->error, COVSAMP_E_RANGE,
                             "%s: data is too short for a run of this configuration", function);
    return status;
}
