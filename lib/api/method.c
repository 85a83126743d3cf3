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

/* Solvers that leave nothing to the options eta, covariance and mean_order, and what they put in
 * their place: euler, dpmpp_2m and dpmpp_2m_sde are cases of the ancestral step. */
typedef struct {
    int64_t solver;
    const covsamp__solver_ops *ops;
    double eta;
    int64_t covariance;
    int32_t mean_order, reserved;
} fixed_method;

static const fixed_method fixed[] = {
    {COVSAMP_SOLVER_EULER, &covsamp__solver_ancestral, 0, COVSAMP_COV_NONE, 1, 0},
    {COVSAMP_SOLVER_HEUN, &covsamp__solver_heun, 0, COVSAMP_COV_NONE, 1, 0},
    {COVSAMP_SOLVER_DPMPP_2M, &covsamp__solver_ancestral, 0, COVSAMP_COV_NONE, 2, 0},
    {COVSAMP_SOLVER_DPMPP_2S, &covsamp__solver_singlestep, 0, COVSAMP_COV_NONE, 1, 0},
    {COVSAMP_SOLVER_DPMPP_2M_SDE, &covsamp__solver_ancestral, 1, COVSAMP_COV_SMALL, 2, 0},
    {COVSAMP_SOLVER_ADDIM, &covsamp__solver_addim, 0, COVSAMP_COV_NONE, 1, 0}};

/* NULL for ancestral. */
static const fixed_method *fixed_by(int64_t solver)
{
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        if (fixed[i].solver == solver)
            return &fixed[i];
    return NULL;
}

covsamp__method covsamp__method_of(const covsamp_config *c)
{
    covsamp__method m = {&covsamp__solver_ancestral,
                         NULL,
                         covsamp__config_real(c, COVSAMP_ETA),
                         covsamp__config_int(c, COVSAMP_COVARIANCE),
                         (int32_t)covsamp__config_int(c, COVSAMP_MEAN_ORDER),
                         0};
    const fixed_method *f = fixed_by(covsamp__config_int(c, COVSAMP_SOLVER));
    if (f != NULL) {
        m.solver = f->ops;
        m.eta = f->eta;
        m.covariance_name = f->covariance;
        m.mean_order = f->mean_order;
    }
    m.covariance = find_covariance(m.covariance_name);
    m.guide_form = covsamp__guide_form(c, &m);
    return m;
}

#define STEPS_WITH_TOLERANCE 16

int64_t covsamp__krylov_steps(const covsamp_config *c)
{
    if (covsamp__config_real(c, COVSAMP_TOLERANCE) > 0 &&
        !covsamp__config_chosen(c, COVSAMP_KRYLOV_STEPS))
        return STEPS_WITH_TOLERANCE;
    return covsamp__config_int(c, COVSAMP_KRYLOV_STEPS);
}

/* ---- checks ---- */

static covsamp_status check_sizes(covsamp_config *c, const char *function)
{
    const int64_t batch = covsamp__config_int(c, COVSAMP_BATCH);
    const int64_t dim = covsamp__config_int(c, COVSAMP_DIM);
    const int64_t steps = covsamp__krylov_steps(c);
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

static covsamp_status overridden(covsamp_config *c, int32_t key, const char *wanted,
                                 const char *function)
{
    char text[64];
    covsamp_config_get_text(c, key, text, sizeof text);
    return covsamp__fail(
        &c->error, COVSAMP_E_UNSUPPORTED,
        "%s: %s is %s, must be %s or not set for solver = %s (only solver = "
        "ancestral takes another)",
        function, covsamp_option_info(covsamp__option_index(key))->name, text, wanted,
        covsamp__option_choice_name(COVSAMP_SOLVER, covsamp__config_int(c, COVSAMP_SOLVER)));
}

/* An option that was set and that the solver would override is a misunderstanding; its default is
 * none. */
static covsamp_status check_fixed(covsamp_config *c, const char *function)
{
    const fixed_method *f = fixed_by(covsamp__config_int(c, COVSAMP_SOLVER));
    if (f == NULL)
        return COVSAMP_OK;
    if (covsamp__config_chosen(c, COVSAMP_COVARIANCE) &&
        covsamp__config_int(c, COVSAMP_COVARIANCE) != f->covariance)
        return overridden(c, COVSAMP_COVARIANCE,
                          covsamp__option_choice_name(COVSAMP_COVARIANCE, f->covariance), function);
    if (covsamp__config_chosen(c, COVSAMP_ETA) && covsamp__config_real(c, COVSAMP_ETA) != f->eta)
        return overridden(c, COVSAMP_ETA, f->eta == 0 ? "0" : "1", function);
    if (covsamp__config_chosen(c, COVSAMP_MEAN_ORDER) &&
        covsamp__config_int(c, COVSAMP_MEAN_ORDER) != f->mean_order)
        return overridden(c, COVSAMP_MEAN_ORDER, f->mean_order == 1 ? "1" : "2", function);
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

/* Only covariances by products or heads have a window and a trace to guard. */
static covsamp_status check_tables(covsamp_config *c, const covsamp__method *m,
                                   const char *function)
{
    const int measured = m->covariance->needs_products || m->covariance->needs_head;
    const char *needed_by = NULL;
    if (m->covariance_name == COVSAMP_COV_ANALYTIC)
        needed_by = "covariance = analytic";
    else if (measured && covsamp__config_int(c, COVSAMP_WINDOW_FALLBACK) == COVSAMP_COV_ANALYTIC)
        needed_by = "window_fallback = analytic";
    else if (measured && covsamp__config_real(c, COVSAMP_TRACE_GUARD) > 0)
        needed_by = "trace_guard";
    covsamp_status status = check_table(c, COVSAMP_TABLE_NOISE, needed_by, function);
    if (status != COVSAMP_OK)
        return status;
    return check_table(c, COVSAMP_TABLE_X0_ERROR, NULL, function);
}

/* Its head is a variance of the step: another step has another, and none is a trace of C. */
static covsamp_status check_iddpm(covsamp_config *c, double eta, const char *function)
{
    char text[COVSAMP__REAL_BYTES];
    const double guard = covsamp__config_real(c, COVSAMP_TRACE_GUARD);
    if (eta != 1)
        return unsupported_eta(c, "head = iddpm", function);
    if (guard > 0)
        return covsamp__fail(&c->error, COVSAMP_E_UNSUPPORTED,
                             "%s: trace_guard is %s, must be 0 for head = iddpm, which is no "
                             "covariance of x0 (limit_range bounds it)",
                             function, covsamp__real(guard, text));
    return COVSAMP_OK;
}

/* Bounds that come in pairs. */
static covsamp_status check_pairs(covsamp_config *c, const char *function)
{
    char a[COVSAMP__REAL_BYTES], b[COVSAMP__REAL_BYTES];
    const int64_t low = covsamp__config_int(c, COVSAMP_WINDOW_LOW);
    const int64_t high = covsamp__config_int(c, COVSAMP_WINDOW_HIGH);
    const double from = covsamp__config_real(c, COVSAMP_CHURN_LOW);
    const double to = covsamp__config_real(c, COVSAMP_CHURN_HIGH);
    if (high != 0 && low > high)
        return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                             "%s: window_low is %" PRId64 ", must be at most window_high = %" PRId64
                             " (where 0 is no limit)",
                             function, low, high);
    if (from > to)
        return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                             "%s: churn_low is %s, must be at most churn_high = %s", function,
                             covsamp__real(from, a), covsamp__real(to, b));
    return COVSAMP_OK;
}

covsamp_status covsamp__method_check(covsamp_config *c, const char *function)
{
    const covsamp__method m = covsamp__method_of(c);
    covsamp_status status = check_sizes(c, function);
    if (status == COVSAMP_OK)
        status = covsamp__threads_check(c, function);
    if (status != COVSAMP_OK)
        return status;
    if (c->schedule == NULL)
        return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                             "%s: no schedule is set, covsamp_config_set_schedule() does",
                             function);
    status = check_fixed(c, function);
    if (status != COVSAMP_OK)
        return status;
    if (m.covariance_name == COVSAMP_COV_SPECTRAL) {
        status = covsamp__shape_check(c, covsamp__config_int(c, COVSAMP_DIM), function);
        if (status != COVSAMP_OK)
            return status;
    }
    if (m.covariance_name == COVSAMP_COV_LARGE && m.eta != 1)
        return unsupported_eta(c, "covariance = large", function);
    if (m.covariance_name == COVSAMP_COV_DIAG_MODEL &&
        covsamp__config_int(c, COVSAMP_HEAD) == COVSAMP_HEAD_IDDPM) {
        status = check_iddpm(c, m.eta, function);
        if (status != COVSAMP_OK)
            return status;
    }
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
    status = check_pairs(c, function);
    if (status == COVSAMP_OK)
        status = covsamp__guidance_check(c, &m, function);
    return status != COVSAMP_OK ? status : check_tables(c, &m, function);
}
