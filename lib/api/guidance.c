/* SPDX-License-Identifier: BSD-3-Clause */
/* What the options say of guidance: its form, its weight at every level, and what it does not go
 * with. */
#include "api/method.h"

#include <inttypes.h>

/* A kind of guidance: its weight, where that holds, and its table. */
typedef struct {
    int32_t weight, low, high, table;
} kind_of_guidance;

static kind_of_guidance kind_of(int32_t key)
{
    const kind_of_guidance classifier = {COVSAMP_GUIDANCE, COVSAMP_GUIDANCE_LOW,
                                         COVSAMP_GUIDANCE_HIGH, COVSAMP__TABLE_GUIDANCE};
    const kind_of_guidance branches = {COVSAMP_CFG, COVSAMP_CFG_LOW, COVSAMP_CFG_HIGH,
                                       COVSAMP__TABLE_CFG};
    return key == COVSAMP_GUIDANCE ? classifier : branches;
}

double covsamp__guidance_weight(const covsamp_config *c, int32_t key, int64_t level)
{
    const kind_of_guidance kind = kind_of(key);
    const double *table = c->table[kind.table - 1];
    const int64_t high = covsamp__config_int(c, kind.high);
    if (level < covsamp__config_int(c, kind.low) || (high != 0 && level > high))
        return 0;
    return table != NULL ? table[level - 1] : covsamp__config_real(c, key);
}

int covsamp__guides(const covsamp_config *c, int32_t key)
{
    const int64_t have = c->table_count[kind_of(key).table - 1];
    if (have != 0 && have != covsamp_schedule_levels(c->schedule))
        return 1; /* as good as set: covsamp__guidance_check() has a word on it */
    for (int64_t i = 0; i < c->steps; i++)
        if (covsamp__guidance_weight(c, key, c->levels[i]) != 0)
            return 1;
    return 0;
}

/* Whether the noise of a step can be pushed: it has some, and there is a step to draw it. */
static int draws(const covsamp__method *m)
{
    const int nothing = m->covariance_name == COVSAMP_COV_NONE ||
                        (m->covariance_name == COVSAMP_COV_SMALL && m->eta == 0);
    return m->solver == &covsamp__solver_ancestral && !nothing;
}

int32_t covsamp__guide_form(const covsamp_config *c, const covsamp__method *m)
{
    const int32_t form = (int32_t)covsamp__config_int(c, COVSAMP_GUIDANCE_FORM);
    if (form != COVSAMP_GUIDE_AUTO)
        return form;
    return draws(m) && m->eta > 0 ? COVSAMP_GUIDE_MEAN : COVSAMP_GUIDE_SCORE;
}

static covsamp_status check_kind(covsamp_config *c, int32_t key, const char *function)
{
    const kind_of_guidance kind = kind_of(key);
    const char *name = covsamp_option_info(covsamp__option_index(key))->name;
    const int64_t low = covsamp__config_int(c, kind.low), high = covsamp__config_int(c, kind.high);
    const int64_t have = c->table_count[kind.table - 1];
    const int64_t levels = covsamp_schedule_levels(c->schedule);
    if (high != 0 && low > high)
        return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                             "%s: %s_low is %" PRId64 ", must be at most %s_high = %" PRId64
                             " (where 0 is no limit)",
                             function, name, low, name, high);
    if (have != 0 && have != levels)
        return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                             "%s: the weights of %s are %" PRId64 ", must be %" PRId64
                             ", one a level of the schedule",
                             function, name, have, levels);
    return COVSAMP_OK;
}

covsamp_status covsamp__guidance_check(covsamp_config *c, const covsamp__method *m,
                                       const char *function)
{
    const int64_t form = covsamp__config_int(c, COVSAMP_GUIDANCE_FORM);
    covsamp_status status = check_kind(c, COVSAMP_GUIDANCE, function);
    if (status == COVSAMP_OK)
        status = check_kind(c, COVSAMP_CFG, function);
    if (status != COVSAMP_OK || !covsamp__guides(c, COVSAMP_GUIDANCE))
        return status;
    if ((form == COVSAMP_GUIDE_MEAN || form == COVSAMP_GUIDE_STATE) && !draws(m))
        return covsamp__fail(&c->error, COVSAMP_E_UNSUPPORTED,
                             "%s: guidance_form is %s, must be score or auto for %s, whose steps "
                             "have no noise to be moved",
                             function, covsamp__option_choice_name(COVSAMP_GUIDANCE_FORM, form),
                             m->solver != &covsamp__solver_ancestral  ? "this solver"
                             : m->covariance_name == COVSAMP_COV_NONE ? "covariance = none"
                                                                      : "covariance = small with "
                                                                        "eta = 0");
    return COVSAMP_OK;
}

covsamp_status covsamp__guidance_refuse(covsamp_config *c, const char *what, const char *function)
{
    char text[COVSAMP__REAL_BYTES];
    for (int i = 0; i < 2; i++) {
        const int32_t key = i == 0 ? COVSAMP_GUIDANCE : COVSAMP_CFG;
        if (covsamp__guides(c, key))
            return covsamp__fail(&c->error, COVSAMP_E_UNSUPPORTED,
                                 "%s: %s is %s, must be 0 and without weights for %s", function,
                                 covsamp_option_info(covsamp__option_index(key))->name,
                                 covsamp__real(covsamp__config_real(c, key), text), what);
    }
    return COVSAMP_OK;
}
