/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/config.h"

#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

covsamp_status covsamp_config_new(covsamp_config **out, const covsamp_allocator *mem)
{
    covsamp_allocator own;
    if (out == NULL)
        return COVSAMP_E_NULL;
    *out = NULL;
    covsamp_status status = covsamp__allocator_init(&own, mem, NULL, "covsamp_config_new");
    if (status != COVSAMP_OK)
        return status;
    covsamp_config *config = covsamp__alloc(&own, sizeof *config);
    if (config == NULL)
        return COVSAMP_E_NOMEM;
    config->mem = own;
    for (int i = 0; i < COVSAMP__OPTIONS; i++) {
        const covsamp_option *option = covsamp_option_info(i);
        if (option->type == COVSAMP_TYPE_REAL)
            config->values[i].r = option->real_default;
        else
            config->values[i].i = option->int_default;
    }
    *out = config;
    return COVSAMP_OK;
}

static size_t level_bytes(int64_t steps)
{
    return (size_t)steps * sizeof(int64_t);
}

static size_t table_bytes(int64_t count)
{
    return (size_t)count * sizeof(double);
}

void covsamp_config_free(covsamp_config *config)
{
    if (config == NULL)
        return;
    const covsamp_allocator mem = config->mem;
    covsamp_schedule_free(config->schedule);
    covsamp__release(&mem, config->levels, level_bytes(config->steps));
    for (int i = 0; i < COVSAMP__TABLES; i++)
        covsamp__release(&mem, config->table[i], table_bytes(config->table_count[i]));
    covsamp__release(&mem, config, sizeof *config);
}

const char *covsamp_config_message(const covsamp_config *config)
{
    return config == NULL ? "" : config->error.text;
}

int64_t covsamp__config_int(const covsamp_config *config, int32_t key)
{
    return config->values[covsamp__option_index(key)].i;
}

double covsamp__config_real(const covsamp_config *config, int32_t key)
{
    return config->values[covsamp__option_index(key)].r;
}

int covsamp__config_chosen(const covsamp_config *config, int32_t key)
{
    return config->chosen[covsamp__option_index(key)];
}

/* ---- setting ---- */

static covsamp_status put_int(covsamp_config *config, int index, int64_t value,
                              const char *function)
{
    const covsamp_option *o = covsamp_option_info(index);
    if (o->type == COVSAMP_TYPE_CHOICE && covsamp__option_choice_name(o->key, value) == NULL) {
        char names[256];
        covsamp__option_choice_list(o->key, names, sizeof names);
        return covsamp__fail(&config->error, COVSAMP_E_RANGE,
                             "%s: %s is %" PRId64 ", must be the number of one of: %s", function,
                             o->name, value, names);
    }
    if (value < o->int_low || value > o->int_high)
        return covsamp__fail(&config->error, COVSAMP_E_RANGE,
                             "%s: %s is %" PRId64 ", must be in %" PRId64 " ... %" PRId64, function,
                             o->name, value, o->int_low, o->int_high);
    config->values[index].i = value;
    config->chosen[index] = 1;
    return covsamp__ok(&config->error);
}

static covsamp_status put_real(covsamp_config *config, int index, double value,
                               const char *function)
{
    const covsamp_option *o = covsamp_option_info(index);
    if (!(value >= o->real_low && value <= o->real_high)) {
        char a[COVSAMP__REAL_BYTES], b[COVSAMP__REAL_BYTES], c[COVSAMP__REAL_BYTES];
        return covsamp__fail(&config->error, COVSAMP_E_RANGE, "%s: %s is %s, must be in [%s, %s]",
                             function, o->name, covsamp__real(value, a),
                             covsamp__real(o->real_low, b), covsamp__real(o->real_high, c));
    }
    config->values[index].r = value;
    config->chosen[index] = 1;
    return covsamp__ok(&config->error);
}

/* Index of a key that has the wanted type (a choice is an int); -1 with a message otherwise. */
static int find(covsamp__error *error, int32_t key, int want_real, const char *function)
{
    int index = covsamp__option_index(key);
    if (index < 0) {
        covsamp__fail(error, COVSAMP_E_OPTION,
                      "%s: key is %" PRId32 ", which no option has (see covsamp_option_info)",
                      function, key);
        return -1;
    }
    if ((covsamp_option_info(index)->type == COVSAMP_TYPE_REAL) != want_real) {
        covsamp__fail(error, COVSAMP_E_OPTION, "%s: option %s is of type %s", function,
                      covsamp_option_info(index)->name, want_real ? "int" : "real");
        return -1;
    }
    return index;
}

covsamp_status covsamp_config_set_int(covsamp_config *config, int32_t key, int64_t value)
{
    if (config == NULL)
        return COVSAMP_E_NULL;
    int index = find(&config->error, key, 0, __func__);
    return index < 0 ? COVSAMP_E_OPTION : put_int(config, index, value, __func__);
}

covsamp_status covsamp_config_set_real(covsamp_config *config, int32_t key, double value)
{
    if (config == NULL)
        return COVSAMP_E_NULL;
    int index = find(&config->error, key, 1, __func__);
    return index < 0 ? COVSAMP_E_OPTION : put_real(config, index, value, __func__);
}

/* Whole decimal numbers; those from 2^63 on stand for the same 64 bits, as seeds have them. */
static int parse_int(const char *text, int wide, int64_t *value)
{
    char *end;
    if (text[0] == '\0' || strspn(text, "+-0123456789") != strlen(text))
        return 0;
    int saved = errno;
    errno = 0;
    *value = strtoll(text, &end, 10);
    if (errno == ERANGE && wide && text[0] != '-') {
        errno = 0;
        *value = (int64_t)strtoull(text, &end, 10);
    }
    int overflow = errno == ERANGE;
    errno = saved;
    return *end == '\0' && !overflow;
}

covsamp_status covsamp_config_set_by_name(covsamp_config *config, const char *name,
                                          const char *text)
{
    if (config == NULL)
        return COVSAMP_E_NULL;
    if (name == NULL || text == NULL)
        return covsamp__fail(&config->error, COVSAMP_E_NULL, "%s: %s is NULL", __func__,
                             name == NULL ? "name" : "text");
    int index = covsamp__option_index_by_name(name);
    if (index < 0)
        return covsamp__fail(&config->error, COVSAMP_E_OPTION,
                             "%s: no option is called \"%.64s\" (see covsamp_option_info)",
                             __func__, name);
    const covsamp_option *o = covsamp_option_info(index);
    int64_t whole;
    double real;
    if (o->type == COVSAMP_TYPE_REAL && covsamp__parse_real(text, &real))
        return put_real(config, index, real, __func__);
    if (o->type == COVSAMP_TYPE_INT && parse_int(text, o->int_low == INT64_MIN, &whole))
        return put_int(config, index, whole, __func__);
    if (o->type == COVSAMP_TYPE_CHOICE && covsamp__option_parse_choice(o->key, text, &whole))
        return put_int(config, index, whole, __func__);
    char names[256] = "";
    covsamp__option_choice_list(o->key, names, sizeof names);
    return covsamp__fail(&config->error, COVSAMP_E_OPTION, "%s: %s is \"%.64s\", must be %s%s",
                         __func__, name, text,
                         o->type == COVSAMP_TYPE_REAL     ? "a number"
                         : o->type == COVSAMP_TYPE_CHOICE ? "one of: "
                                                          : "a whole number of 64 bits",
                         names);
}

/* ---- getting ---- */

covsamp_status covsamp_config_get_int(const covsamp_config *config, int32_t key, int64_t *value)
{
    if (config == NULL || value == NULL)
        return COVSAMP_E_NULL;
    int index = find(NULL, key, 0, __func__);
    if (index < 0)
        return COVSAMP_E_OPTION;
    *value = config->values[index].i;
    return COVSAMP_OK;
}

covsamp_status covsamp_config_get_real(const covsamp_config *config, int32_t key, double *value)
{
    if (config == NULL || value == NULL)
        return COVSAMP_E_NULL;
    int index = find(NULL, key, 1, __func__);
    if (index < 0)
        return COVSAMP_E_OPTION;
    *value = config->values[index].r;
    return COVSAMP_OK;
}

covsamp_status covsamp_config_get_text(const covsamp_config *config, int32_t key, char *text,
                                       size_t bytes)
{
    if (config == NULL || text == NULL)
        return COVSAMP_E_NULL;
    int index = covsamp__option_index(key);
    if (index < 0)
        return COVSAMP_E_OPTION;
    const covsamp__value value = config->values[index];
    char local[64];
    switch (covsamp_option_info(index)->type) {
    case COVSAMP_TYPE_REAL:
        covsamp__real(value.r, local);
        break;
    case COVSAMP_TYPE_CHOICE:
        snprintf(local, sizeof local, "%s", covsamp__option_choice_name(key, value.i));
        break;
    default:
        snprintf(local, sizeof local, "%" PRId64, value.i);
    }
    if (strlen(local) >= bytes)
        return COVSAMP_E_RANGE;
    memcpy(text, local, strlen(local) + 1);
    return COVSAMP_OK;
}

/* ---- schedule ---- */

covsamp_status covsamp__check_levels(covsamp_config *config, const covsamp_schedule *schedule,
                                     const int64_t *levels, int64_t count, const char *function)
{
    const int64_t most = covsamp_schedule_levels(schedule);
    if (count < 1 || count > most)
        return covsamp__fail(&config->error, COVSAMP_E_RANGE,
                             "%s: count is %" PRId64 ", must be in 1 ... %" PRId64, function, count,
                             most);
    for (int64_t i = 0; i < count; i++) {
        int64_t upper = i == 0 ? most : levels[i - 1] - 1;
        if (levels[i] < 1 || levels[i] > upper)
            return covsamp__fail(&config->error, COVSAMP_E_RANGE,
                                 "%s: levels[%" PRId64 "] is %" PRId64 ", must be in 1 ... %" PRId64
                                 " (strictly decreasing, noisiest first)",
                                 function, i, levels[i], upper);
    }
    return COVSAMP_OK;
}

covsamp_status covsamp_config_set_schedule(covsamp_config *config, const covsamp_schedule *schedule,
                                           const int64_t *levels, int64_t count)
{
    if (config == NULL)
        return COVSAMP_E_NULL;
    if (schedule == NULL || levels == NULL)
        return covsamp__fail(&config->error, COVSAMP_E_NULL, "%s: %s is NULL", __func__,
                             schedule == NULL ? "schedule" : "levels");
    covsamp_status status = covsamp__check_levels(config, schedule, levels, count, __func__);
    if (status != COVSAMP_OK)
        return status;
    covsamp_schedule *copy;
    status = covsamp__schedule_copy(&copy, schedule, &config->mem, &config->error, __func__);
    if (status != COVSAMP_OK)
        return status;
    int64_t *own = covsamp__alloc(&config->mem, level_bytes(count));
    if (own == NULL) {
        covsamp_schedule_free(copy);
        return covsamp__fail(&config->error, COVSAMP_E_NOMEM,
                             "%s: no memory for %" PRId64 " levels", __func__, count);
    }
    memcpy(own, levels, level_bytes(count));
    covsamp_schedule_free(config->schedule);
    covsamp__release(&config->mem, config->levels, level_bytes(config->steps));
    config->schedule = copy;
    config->levels = own;
    config->steps = count;
    return covsamp__ok(&config->error);
}

/* Copies numbers over levels, each at least `low`. */
static covsamp_status put_table(covsamp_config *config, int32_t table, const char *name,
                                const double *values, int64_t count, double low,
                                const char *function)
{
    char text[COVSAMP__REAL_BYTES];
    if (count < 0 || count >= INT64_C(1) << 24)
        return covsamp__fail(&config->error, COVSAMP_E_RANGE,
                             "%s: count is %" PRId64 ", must be in 0 ... 2^24 - 1", function,
                             count);
    if (values == NULL && count > 0)
        return covsamp__fail(&config->error, COVSAMP_E_NULL, "%s: %s is NULL", function, name);
    for (int64_t i = 0; i < count; i++)
        if (!(values[i] >= low && values[i] <= DBL_MAX))
            return covsamp__fail(&config->error, COVSAMP_E_RANGE,
                                 "%s: %s[%" PRId64 "] is %s, must be finite%s", function, name, i,
                                 covsamp__real(values[i], text), low == 0 ? " and >= 0" : "");
    double *own = count > 0 ? covsamp__alloc(&config->mem, table_bytes(count)) : NULL;
    if (own == NULL && count > 0)
        return covsamp__fail(&config->error, COVSAMP_E_NOMEM,
                             "%s: no memory for %" PRId64 " values", function, count);
    if (count > 0)
        memcpy(own, values, table_bytes(count));
    covsamp__release(&config->mem, config->table[table - 1],
                     table_bytes(config->table_count[table - 1]));
    config->table[table - 1] = own;
    config->table_count[table - 1] = count;
    return covsamp__ok(&config->error);
}

covsamp_status covsamp_config_set_table(covsamp_config *config, int32_t table, const double *values,
                                        int64_t count)
{
    if (config == NULL)
        return COVSAMP_E_NULL;
    if (table < COVSAMP_TABLE_NOISE || table > COVSAMP_TABLE_X0_ERROR)
        return covsamp__fail(&config->error, COVSAMP_E_RANGE,
                             "%s: table is %" PRId32 ", must be COVSAMP_TABLE_NOISE (1) or "
                             "COVSAMP_TABLE_X0_ERROR (2)",
                             __func__, table);
    return put_table(config, table, "values", values, count, 0, __func__);
}

covsamp_status covsamp_config_set_guidance(covsamp_config *config, int32_t guidance,
                                           const double *weights, int64_t count)
{
    if (config == NULL)
        return COVSAMP_E_NULL;
    if (guidance != COVSAMP_GUIDANCE_CLASSIFIER && guidance != COVSAMP_GUIDANCE_FREE)
        return covsamp__fail(&config->error, COVSAMP_E_RANGE,
                             "%s: guidance is %" PRId32 ", must be COVSAMP_GUIDANCE_CLASSIFIER (1) "
                             "or COVSAMP_GUIDANCE_FREE (2)",
                             __func__, guidance);
    return put_table(
        config, guidance == COVSAMP_GUIDANCE_FREE ? COVSAMP__TABLE_CFG : COVSAMP__TABLE_GUIDANCE,
        "weights", weights, count, -DBL_MAX, __func__);
}
