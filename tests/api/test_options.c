/* SPDX-License-Identifier: BSD-3-Clause */
/* The option table, and setting and reading every option as number and as text. */
#include "options.h"

#define OPTION_COUNT 58

/* Keys are never reused and names never change: this list is part of the ABI. */
static const struct {
    const char *name;
    int32_t key, type;
} promised[OPTION_COUNT] = {
    {"batch", 1, COVSAMP_TYPE_INT},
    {"dim", 2, COVSAMP_TYPE_INT},
    {"dtype", 3, COVSAMP_TYPE_CHOICE},
    {"prediction", 4, COVSAMP_TYPE_CHOICE},
    {"covariance", 20, COVSAMP_TYPE_CHOICE},
    {"krylov_steps", 21, COVSAMP_TYPE_INT},
    {"tangents", 22, COVSAMP_TYPE_INT},
    {"clip_covariance", 23, COVSAMP_TYPE_INT},
    {"mean_jvp", 24, COVSAMP_TYPE_INT},
    {"window_low", 25, COVSAMP_TYPE_INT},
    {"window_high", 26, COVSAMP_TYPE_INT},
    {"tolerance", 27, COVSAMP_TYPE_REAL},
    {"probes", 28, COVSAMP_TYPE_INT},
    {"reuse", 29, COVSAMP_TYPE_INT},
    {"head", 30, COVSAMP_TYPE_CHOICE},
    {"covariance_cap", 31, COVSAMP_TYPE_REAL},
    {"ritz_cap", 32, COVSAMP_TYPE_REAL},
    {"trace_guard", 33, COVSAMP_TYPE_REAL},
    {"window_fallback", 34, COVSAMP_TYPE_CHOICE},
    {"limit_range", 35, COVSAMP_TYPE_INT},
    {"symmetrise", 36, COVSAMP_TYPE_CHOICE},
    {"eta", 40, COVSAMP_TYPE_REAL},
    {"clip_x0", 41, COVSAMP_TYPE_REAL},
    {"eps_after_clip", 42, COVSAMP_TYPE_CHOICE},
    {"last_noise", 43, COVSAMP_TYPE_INT},
    {"mean_order", 44, COVSAMP_TYPE_INT},
    {"solver", 45, COVSAMP_TYPE_CHOICE},
    {"pixel_clip", 46, COVSAMP_TYPE_REAL},
    {"churn", 47, COVSAMP_TYPE_REAL},
    {"churn_low", 48, COVSAMP_TYPE_REAL},
    {"churn_high", 49, COVSAMP_TYPE_REAL},
    {"churn_noise", 50, COVSAMP_TYPE_REAL},
    {"addim_eta", 51, COVSAMP_TYPE_REAL},
    {"seed", 60, COVSAMP_TYPE_INT},
    {"first_sample", 61, COVSAMP_TYPE_INT},
    {"noise", 62, COVSAMP_TYPE_CHOICE},
    {"check_finite", 80, COVSAMP_TYPE_INT},
    {"report_steps", 81, COVSAMP_TYPE_INT},
    {"channels", 70, COVSAMP_TYPE_INT},
    {"height", 71, COVSAMP_TYPE_INT},
    {"width", 72, COVSAMP_TYPE_INT},
    {"spectral_mode", 73, COVSAMP_TYPE_CHOICE},
    {"spectral_block", 74, COVSAMP_TYPE_INT},
    {"spectral_pool", 75, COVSAMP_TYPE_CHOICE},
    {"spectral_estimate", 76, COVSAMP_TYPE_CHOICE},
    {"spectral_colour", 77, COVSAMP_TYPE_INT},
    {"guidance", 90, COVSAMP_TYPE_REAL},
    {"guidance_form", 91, COVSAMP_TYPE_CHOICE},
    {"guidance_low", 92, COVSAMP_TYPE_INT},
    {"guidance_high", 93, COVSAMP_TYPE_INT},
    {"guidance_product", 94, COVSAMP_TYPE_CHOICE},
    {"cfg", 95, COVSAMP_TYPE_REAL},
    {"cfg_low", 96, COVSAMP_TYPE_INT},
    {"cfg_high", 97, COVSAMP_TYPE_INT},
    {"guided_jacobian", 98, COVSAMP_TYPE_INT},
    {"branches", 99, COVSAMP_TYPE_INT},
    {"known", 100, COVSAMP_TYPE_INT},
    {"threads", 82, COVSAMP_TYPE_INT},
};

/* As are the numbers and names of choices. */
static const struct {
    const char *name;
    int32_t key;
    int64_t value;
} chosen[] = {
    {"f32", COVSAMP_DTYPE, 1},
    {"f64", COVSAMP_DTYPE, 2},
    {"noise", COVSAMP_PREDICTION, 1},
    {"x0", COVSAMP_PREDICTION, 2},
    {"v", COVSAMP_PREDICTION, 3},
    {"score", COVSAMP_PREDICTION, 4},
    {"flow", COVSAMP_PREDICTION, 5},
    {"reverse", COVSAMP_PREDICTION, 6},
    {"none", COVSAMP_COVARIANCE, 0},
    {"small", COVSAMP_COVARIANCE, 1},
    {"large", COVSAMP_COVARIANCE, 2},
    {"analytic", COVSAMP_COVARIANCE, 10},
    {"state_isotropic", COVSAMP_COVARIANCE, 11},
    {"diag_probe", COVSAMP_COVARIANCE, 20},
    {"diag_model", COVSAMP_COVARIANCE, 21},
    {"spectral", COVSAMP_COVARIANCE, 22},
    {"krylov", COVSAMP_COVARIANCE, 30},
    {"dense", COVSAMP_COVARIANCE, 31},
    {"ocm", COVSAMP_HEAD, 1},
    {"sn", COVSAMP_HEAD, 2},
    {"npr", COVSAMP_HEAD, 3},
    {"iddpm", COVSAMP_HEAD, 4},
    {"small", COVSAMP_WINDOW_FALLBACK, 1},
    {"analytic", COVSAMP_WINDOW_FALLBACK, 10},
    {"ancestral", COVSAMP_SOLVER, 1},
    {"euler", COVSAMP_SOLVER, 2},
    {"heun", COVSAMP_SOLVER, 3},
    {"dpmpp_2m", COVSAMP_SOLVER, 4},
    {"dpmpp_2s", COVSAMP_SOLVER, 5},
    {"dpmpp_2m_sde", COVSAMP_SOLVER, 6},
    {"addim", COVSAMP_SOLVER, 7},
    {"recompute", COVSAMP_EPS_AFTER_CLIP, 1},
    {"raw", COVSAMP_EPS_AFTER_CLIP, 2},
    {"philox-1", COVSAMP_NOISE, 1},
    {"project", COVSAMP_SYMMETRISE, 1},
    {"average", COVSAMP_SYMMETRISE, 2},
    {"ask", COVSAMP_NOISE, 100},
    {"auto", COVSAMP_GUIDANCE_FORM, 1},
    {"mean", COVSAMP_GUIDANCE_FORM, 2},
    {"state", COVSAMP_GUIDANCE_FORM, 3},
    {"score", COVSAMP_GUIDANCE_FORM, 4},
    {"exact", COVSAMP_GUIDANCE_PRODUCT, 1},
    {"basis", COVSAMP_GUIDANCE_PRODUCT, 2},
};

static void choices_are_promised(void)
{
    covsamp_config *c = fresh();
    for (size_t i = 0; i < sizeof chosen / sizeof chosen[0]; i++) {
        int64_t value = -1;
        for (int32_t o = 0; option(o) != NULL; o++)
            if (option(o)->key == chosen[i].key)
                CHECK(covsamp_config_set_by_name(c, option(o)->name, chosen[i].name) == COVSAMP_OK);
        CHECK(covsamp_config_get_int(c, chosen[i].key, &value) == COVSAMP_OK &&
              value == chosen[i].value);
    }
    covsamp_config_free(c);
}

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
    CHECK(count == OPTION_COUNT); /* a new option belongs into the list above */
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
    choices_are_promised();
    defaults_are_set();
    everything();
    return check_done();
}
