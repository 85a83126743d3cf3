/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/method.h"

#include "numeric/linalg.h"

#include <inttypes.h>

static const covsamp__covariance_ops *find_covariance(int64_t name)
{
    switch (name) {
    case COVSAMP_COV_NONE:
        return &covsamp__covariance_none;
    case COVSAMP_COV_SMALL:
        return &covsamp__covariance_small;
    case COVSAMP_COV_LARGE:
        return &covsamp__covariance_large;
    case COVSAMP_COV_ANALYTIC:
        return &covsamp__covariance_analytic;
    case COVSAMP_COV_STATE_ISOTROPIC:
        return &covsamp__covariance_state_isotropic;
    case COVSAMP_COV_DIAG_PROBE:
        return &covsamp__covariance_diag_probe;
    case COVSAMP_COV_DIAG_MODEL:
        return &covsamp__covariance_diag_model;
    case COVSAMP_COV_SPECTRAL:
        return &covsamp__covariance_spectral;
    case COVSAMP_COV_DENSE:
        return &covsamp__covariance_dense;
    default:
        return &covsamp__covariance_krylov;
    }
}

covsamp__method covsamp__method_of(const covsamp_config *c)
{
    covsamp__method m = {&covsamp__solver_ancestral,
                         NULL,
                         covsamp__config_real(c, COVSAMP_ETA),
                         covsamp__config_int(c, COVSAMP_COVARIANCE),
                         (int32_t)covsamp__config_int(c, COVSAMP_MEAN_ORDER),
                         0};
    const int64_t solver = covsamp__config_int(c, COVSAMP_SOLVER);
    if (solver == COVSAMP_SOLVER_HEUN)
        m.solver = &covsamp__solver_heun;
    else if (solver == COVSAMP_SOLVER_DPMPP_2S)
        m.solver = &covsamp__solver_singlestep;
    else if (solver == COVSAMP_SOLVER_ADDIM)
        m.solver = &covsamp__solver_addim;
    if (solver != COVSAMP_SOLVER_ANCESTRAL) { /* each of them fixes the rest */
        const int sde = solver == COVSAMP_SOLVER_DPMPP_2M_SDE;
        m.eta = sde ? 1 : 0;
        m.covariance_name = sde ? COVSAMP_COV_SMALL : COVSAMP_COV_NONE;
        m.mean_order = sde || solver == COVSAMP_SOLVER_DPMPP_2M ? 2 : 1;
    }
    m.covariance = find_covariance(m.covariance_name);
    return m;
}

/* ---- checks ---- */

static covsamp_status check_sizes(covsamp_config *c, const char *function)
{
    const int64_t batch = covsamp__config_int(c, COVSAMP_BATCH);
    const int64_t dim = covsamp__config_int(c, COVSAMP_DIM);
    const int64_t steps = covsamp__config_int(c, COVSAMP_KRYLOV_STEPS);
    const int64_t first = covsamp__config_int(c, COVSAMP_FIRST_SAMPLE);
    const int64_t covariance = covsamp__method_of(c).covariance_name;
    if (batch == 0 || dim == 0)
        return covsamp__fail(&c->error, COVSAMP_E_RANGE, "%s: option %s is not set", function,
                             batch == 0 ? "batch" : "dim");
    if (first > INT64_MAX - batch)
        return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                             "%s: first_sample is %" PRId64 ", must be at most %" PRId64
                             " for a batch of %" PRId64,
                             function, first, INT64_MAX - batch, batch);
    if (covariance == COVSAMP_COV_DENSE && dim > COVSAMP__MAX_ORDER)
        return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                             "%s: dim is %" PRId64 ", must be at most %d for covariance = dense",
                             function, dim, COVSAMP__MAX_ORDER);
    if (covariance == COVSAMP_COV_KRYLOV && steps > COVSAMP__MAX_ORDER && dim > COVSAMP__MAX_ORDER)
        return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                             "%s: krylov_steps is %" PRId64
                             ", must be at most %d for dim = %" PRId64,
                             function, steps, COVSAMP__MAX_ORDER, dim);
    return COVSAMP_OK;
}

static covsamp_status unsupported_eta(covsamp_config *c, const char *what, const char *function)
{
    char text[COVSAMP__REAL_BYTES];
    return covsamp__fail(&c->error, COVSAMP_E_UNSUPPORTED, "%s: eta is %s, must be 1 for %s",
                         function, covsamp__real(covsamp__config_real(c, COVSAMP_ETA), text), what);
}

/* A table that is needed must be there; one that is there must fit. */
static covsamp_status check_table(covsamp_config *c, int32_t table, const char *needed_by,
                                  const char *function)
{
    static const char *const names[] = {"noise", "x0 error"};
    const int64_t levels = covsamp_schedule_levels(c->schedule), have = c->table_count[table - 1];
    if (have == 0 && needed_by != NULL)
        return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                             "%s: %s needs the table of %s, covsamp_config_set_table() sets it",
                             function, needed_by, names[table - 1]);
    if (have != 0 && have != levels)
        return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                             "%s: the table of %s has %" PRId64 " values, must have %" PRId64
                             ", one a level of the schedule",
                             function, names[table - 1], have, levels);
    return COVSAMP_OK;
}

static covsamp_status check_tables(covsamp_config *c, int64_t covariance, const char *function)
{
    const char *needed_by = NULL;
    if (covariance == COVSAMP_COV_ANALYTIC)
        needed_by = "covariance = analytic";
    else if (covsamp__config_int(c, COVSAMP_WINDOW_FALLBACK) == COVSAMP_COV_ANALYTIC)
        needed_by = "window_fallback = analytic";
    else if (covsamp__config_real(c, COVSAMP_TRACE_GUARD) > 0)
        needed_by = "trace_guard";
    covsamp_status status = check_table(c, COVSAMP_TABLE_NOISE, needed_by, function);
    if (status != COVSAMP_OK)
        return status;
    return check_table(c, COVSAMP_TABLE_X0_ERROR, NULL, function);
}

covsamp_status covsamp__method_check(covsamp_config *c, const char *function)
{
    const covsamp__method m = covsamp__method_of(c);
    covsamp_status status = check_sizes(c, function);
    if (status != COVSAMP_OK)
        return status;
    if (c->schedule == NULL)
        return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                             "%s: no schedule is set, covsamp_config_set_schedule() does",
                             function);
    if (m.covariance_name == COVSAMP_COV_SPECTRAL) {
        status = covsamp__shape_check(c, function);
        if (status != COVSAMP_OK)
            return status;
    }
    if (m.covariance_name == COVSAMP_COV_LARGE && m.eta != 1)
        return unsupported_eta(c, "covariance = large", function);
    if (m.covariance_name == COVSAMP_COV_DIAG_MODEL && m.eta != 1 &&
        covsamp__config_int(c, COVSAMP_HEAD) == COVSAMP_HEAD_IDDPM)
        return unsupported_eta(c, "head = iddpm", function);
    if (covsamp__config_int(c, COVSAMP_EPS_AFTER_CLIP) == COVSAMP_EPS_RAW &&
        covsamp__config_real(c, COVSAMP_CLIP_X0) > 0) {
        const char *what = m.mean_order > 1                         ? "a mean of order 2"
                           : m.solver != &covsamp__solver_ancestral ? "this solver"
                                                                    : NULL;
        if (what != NULL)
            return covsamp__fail(&c->error, COVSAMP_E_UNSUPPORTED,
                                 "%s: eps_after_clip is raw, must be recompute for %s", function,
                                 what);
    }
    return check_tables(c, m.covariance_name, function);
}
