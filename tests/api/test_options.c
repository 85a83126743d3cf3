/* SPDX-License-Identifier: BSD-3-Clause */
/* The option table, and setting and reading every option as number and as text. */
#include "options.h"

#define OPTION_COUNT 28

/* Keys are never reused and names never change: this list is part of the ABI. */
static const struct {
    const char *name;
    int32_t key, type;
} promised[OPTION_COUNT] = {
    {"batch", 1, COVSAMP_TYPE_INT},          {"dim", 2, COVSAMP_TYPE_INT},
    {"dtype", 3, COVSAMP_TYPE_CHOICE},       {"prediction", 4, COVSAMP_TYPE_CHOICE},
    {"covariance", 20, COVSAMP_TYPE_CHOICE}, {"krylov_steps", 21, COVSAMP_TYPE_INT},
    {"tangents", 22, COVSAMP_TYPE_INT},      {"clip_covariance", 23, COVSAMP_TYPE_INT},
    {"mean_jvp", 24, COVSAMP_TYPE_INT},      {"window_low", 25, COVSAMP_TYPE_INT},
    {"window_high", 26, COVSAMP_TYPE_INT},   {"eta", 40, COVSAMP_TYPE_REAL},
    {"clip_x0", 41, COVSAMP_TYPE_REAL},      {"eps_after_clip", 42, COVSAMP_TYPE_CHOICE},
    {"last_noise", 43, COVSAMP_TYPE_INT},    {"seed", 60, COVSAMP_TYPE_INT},
    {"first_sample", 61, COVSAMP_TYPE_INT},  {"noise", 62, COVSAMP_TYPE_CHOICE},
    {"check_finite", 80, COVSAMP_TYPE_INT},  {"report_steps", 81, COVSAMP_TYPE_INT},
    {"channels", 70, COVSAMP_TYPE_INT},      {"height", 71, COVSAMP_TYPE_INT},
    {"width", 72, COVSAMP_TYPE_INT},         {"spectral_mode", 73, COVSAMP_TYPE_CHOICE},
    {"spectral_block", 74, COVSAMP_TYPE_INT}, {"spectral_pool", 75, COVSAMP_TYPE_CHOICE},
    {"spectral_estimate", 76, COVSAMP_TYPE_CHOICE}, {"spectral_colour", 77, COVSAMP_TYPE_INT},
};

static void table_is_complete(void)
{
    int32_t count = 0;
    for (; option(count) != NULL; count++) {
        const covsamp_option *o = option(count);
        CHECK(o->size == sizeof *o);
        CHECK(o->name[0] != '\0' &&
              strspn(o->name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(o->name));
        CHECK(strlen(o->help) > 10 && o->help[strlen(o->help) - 1] == '.');
        CHECK(o->type >= COVSAMP_TYPE_INT && o->type <= COVSAMP_TYPE_CHOICE);
        if (o->type == COVSAMP_TYPE_REAL)
            CHECK(o->real_low < o->real_high && o->real_default >= o->real_low &&
                  o->real_default <= o->real_high);
        else
            CHECK(o->int_low < o->int_high);
        for (int32_t i = 0; i < count; i++)
            CHECK(option(i)->key != o->key && strcmp(option(i)->name, o->name) != 0);
    }
    CHECK(count >= OPTION_COUNT);
    for (int i = 0; i < OPTION_COUNT; i++) {
        const covsamp_option *o = by_name(promised[i].name);
        CHECK(o != NULL && o->key == promised[i].key && o->type == promised[i].type);
    }
    CHECK(option(-1) == NULL && option(count) == NULL);
    CHECK(option(INT32_MAX) == NULL && option(INT32_MIN) == NULL);
}

static void choices_are_listed(void)
{
    for (int32_t i = 0; option(i) != NULL; i++) {
        const covsamp_option *o = option(i);
        const char *name = NULL;
        int64_t value = -1;
        int32_t count = 0, default_is_listed = 0;
        for (; (name = covsamp_option_choice(o->key, count, &value)) != NULL; count++) {
            CHECK(name[0] != '\0' && value >= o->int_low && value <= o->int_high);
            CHECK(covsamp_option_choice(o->key, count, NULL) == name);
            default_is_listed |= value == o->int_default;
        }
        CHECK((count >= 2) == (o->type == COVSAMP_TYPE_CHOICE));
        CHECK(count == 0 || default_is_listed);
        CHECK(covsamp_option_choice(o->key, -1, NULL) == NULL);
        CHECK(covsamp_option_choice(o->key, INT32_MAX, NULL) == NULL);
    }
    CHECK(covsamp_option_choice(-5, 0, NULL) == NULL);
}

static void defaults_are_set(void)
{
    covsamp_config *c = fresh();
    for (int32_t i = 0; option(i) != NULL; i++) {
        int64_t whole = -1;
        double real = -1;
        if (option(i)->type == COVSAMP_TYPE_REAL)
            CHECK(covsamp_config_get_real(c, option(i)->key, &real) == COVSAMP_OK &&
                  real == option(i)->real_default);
        else
            CHECK(covsamp_config_get_int(c, option(i)->key, &whole) == COVSAMP_OK &&
                  whole == option(i)->int_default);
    }
    covsamp_config_free(c);
}

int main(void)
{
    table_is_complete();
    choices_are_listed();
    defaults_are_set();
    everything();
    return check_done();
}
