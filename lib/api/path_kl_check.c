/* SPDX-License-Identifier: BSD-3-Clause */
/* What the path KL is not for. */
#include "api/path_kl.h"

#include <inttypes.h>

#define MOST_SIZE (INT64_C(1) << 20) /* points an axis */

static const char *covariance_name(const covsamp_config *c)
{
    return covsamp__option_choice_name(COVSAMP_COVARIANCE,
                                       covsamp__config_int(c, COVSAMP_COVARIANCE));
}

/* Options that change what a sampler does with C, and must be as they are without one's doing. */
static covsamp_status check_plain(covsamp_config *c, const char *function)
{
    static const int32_t off[] = {COVSAMP_WINDOW_LOW, COVSAMP_WINDOW_HIGH, COVSAMP_COVARIANCE_CAP,
                                  COVSAMP_RITZ_CAP,   COVSAMP_TRACE_GUARD, COVSAMP_CLIP_X0,
                                  COVSAMP_PIXEL_CLIP};
    for (size_t i = 0; i < sizeof off / sizeof off[0]; i++) {
        const covsamp_option *option = covsamp_option_info(covsamp__option_index(off[i]));
        const int whole = option->type == COVSAMP_TYPE_INT;
        char text[64];
        if (whole ? covsamp__config_int(c, off[i]) == 0 : covsamp__config_real(c, off[i]) == 0)
            continue;
        covsamp_config_get_text(c, off[i], text, sizeof text);
        return covsamp__fail(&c->error, COVSAMP_E_UNSUPPORTED, "%s: %s is %s, must be 0 (off)",
                             function, option->name, text);
    }
    if (covsamp__config_int(c, COVSAMP_SOLVER) != COVSAMP_SOLVER_ANCESTRAL)
        return covsamp__fail(
            &c->error, COVSAMP_E_UNSUPPORTED, "%s: solver is %s, must be ancestral", function,
            covsamp__option_choice_name(COVSAMP_SOLVER, covsamp__config_int(c, COVSAMP_SOLVER)));
    if (covsamp__config_int(c, COVSAMP_MEAN_ORDER) != 1)
        return covsamp__fail(&c->error, COVSAMP_E_UNSUPPORTED,
                             "%s: mean_order is %" PRId64
                             ", must be 1, whose mean is the exact one",
                             function, covsamp__config_int(c, COVSAMP_MEAN_ORDER));
    return COVSAMP_OK;
}

/* A step without a density, or one that cannot be known. */
static covsamp_status check_density(covsamp_config *c, const char *function)
{
    const int64_t covariance = covsamp__config_int(c, COVSAMP_COVARIANCE);
    const double eta = covsamp__config_real(c, COVSAMP_ETA);
    char text[COVSAMP__REAL_BYTES];
    if (eta == 0)
        return covsamp__fail(&c->error, COVSAMP_E_UNSUPPORTED,
                             "%s: eta is 0, must be in (0, 1]: with lambda = 0 the steps have no "
                             "density",
                             function);
    if (covariance == COVSAMP_COV_NONE || covariance == COVSAMP_COV_DIAG_MODEL)
        return covsamp__fail(&c->error, COVSAMP_E_UNSUPPORTED,
                             "%s: covariance is %s, must be one %s", function, covariance_name(c),
                             covariance == COVSAMP_COV_NONE
                                 ? "that adds noise, since the mean alone has no density"
                                 : "that follows from C, since a mixture has no head");
    if (covariance == COVSAMP_COV_LARGE && eta != 1)
        return covsamp__fail(&c->error, COVSAMP_E_UNSUPPORTED,
                             "%s: eta is %s, must be 1 for covariance = large", function,
                             covsamp__real(eta, text));
    if (covariance == COVSAMP_COV_SPECTRAL &&
        covsamp__config_int(c, COVSAMP_SPECTRAL_MODE) == COVSAMP_DCT_SLIDING)
        return covsamp__fail(&c->error, COVSAMP_E_UNSUPPORTED,
                             "%s: spectral_mode is sliding, must be full or block", function);
    if ((covariance == COVSAMP_COV_STATE_ISOTROPIC || covariance == COVSAMP_COV_DIAG_PROBE ||
         covariance == COVSAMP_COV_SPECTRAL) &&
        covsamp__config_int(c, COVSAMP_REUSE) != 1)
        return covsamp__fail(&c->error, COVSAMP_E_UNSUPPORTED,
                             "%s: reuse is %" PRId64
                             ", must be 1: a covariance must follow from the state",
                             function, covsamp__config_int(c, COVSAMP_REUSE));
    return COVSAMP_OK;
}

int covsamp__path_kl_short(const covsamp_config *c, int64_t dim)
{
    return covsamp__config_int(c, COVSAMP_COVARIANCE) == COVSAMP_COV_KRYLOV &&
           covsamp__krylov_steps(c) < dim;
}

static covsamp_status check_krylov(covsamp_config *c, int64_t dim, const char *function)
{
    const double tolerance = covsamp__config_real(c, COVSAMP_TOLERANCE);
    char text[COVSAMP__REAL_BYTES];
    if (!covsamp__path_kl_short(c, dim))
        return COVSAMP_OK;
    if (tolerance != 0)
        return covsamp__fail(&c->error, COVSAMP_E_UNSUPPORTED,
                             "%s: tolerance is %s, must be 0: it makes the density discontinuous",
                             function, covsamp__real(tolerance, text));
    if (dim > COVSAMP__PATH_KL_KRYLOV)
        return covsamp__fail(&c->error, COVSAMP_E_UNSUPPORTED,
                             "%s: dim is %" PRId64 ", must be at most %d for covariance = krylov "
                             "with krylov_steps = %" PRId64 " < dim",
                             function, dim, COVSAMP__PATH_KL_KRYLOV, covsamp__krylov_steps(c));
    return COVSAMP_OK;
}

static covsamp_status check_estimator(covsamp_config *c, int64_t dim, int32_t estimator,
                                      int64_t size, const char *function)
{
    const double eta = covsamp__config_real(c, COVSAMP_ETA);
    const int64_t first = covsamp__config_int(c, COVSAMP_FIRST_SAMPLE);
    char text[COVSAMP__REAL_BYTES];
    if (estimator == COVSAMP_PATH_KL_MONTE_CARLO) {
        if (size < 2 || first > INT64_MAX - size)
            return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                                 "%s: size is %" PRId64
                                 ", must be in 2 ... 2^63 - 1 - first_sample "
                                 "for estimator = Monte Carlo",
                                 function, size);
        return COVSAMP_OK;
    }
    if (estimator != COVSAMP_PATH_KL_QUADRATURE)
        return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                             "%s: estimator is %" PRId32 ", must be COVSAMP_PATH_KL_QUADRATURE (1) "
                             "or COVSAMP_PATH_KL_MONTE_CARLO (2)",
                             function, estimator);
    if (dim > COVSAMP__PATH_KL_AXES)
        return covsamp__fail(&c->error, COVSAMP_E_UNSUPPORTED,
                             "%s: dim is %" PRId64
                             ", must be at most %d for estimator = quadrature",
                             function, dim, COVSAMP__PATH_KL_AXES);
    if (eta != 1)
        return covsamp__fail(&c->error, COVSAMP_E_UNSUPPORTED,
                             "%s: eta is %s, must be 1 for estimator = quadrature", function,
                             covsamp__real(eta, text));
    if (covsamp__path_kl_short(c, dim))
        return covsamp__fail(&c->error, COVSAMP_E_UNSUPPORTED,
                             "%s: krylov_steps is %" PRId64 ", must be at least dim = %" PRId64
                             " for estimator = quadrature",
                             function, covsamp__krylov_steps(c), dim);
    if (size != 0 && (size < 2 || size > MOST_SIZE))
        return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                             "%s: size is %" PRId64 ", must be 0 or in 2 ... %" PRId64
                             " for estimator = quadrature",
                             function, size, MOST_SIZE);
    return COVSAMP_OK;
}

/* ---- guidance ---- */

static covsamp_status check_branches(covsamp_config *c, const char *function)
{
    char text[COVSAMP__REAL_BYTES];
    if (!covsamp__guides(c, COVSAMP_CFG))
        return COVSAMP_OK;
    return covsamp__fail(&c->error, COVSAMP_E_UNSUPPORTED,
                         "%s: cfg is %s, must be 0 and without weights: a mixture has one branch",
                         function, covsamp__real(covsamp__config_real(c, COVSAMP_CFG), text));
}

static covsamp_status check_guidance(covsamp_config *c, const covsamp_mixture *mixture,
                                     const char *function)
{
    const covsamp__method method = covsamp__method_of(c);
    char text[COVSAMP__REAL_BYTES];
    covsamp_status status = check_branches(c, function);
    if (status == COVSAMP_OK)
        status = covsamp__guidance_check(c, &method, function);
    if (status != COVSAMP_OK || !covsamp__guides(c, COVSAMP_GUIDANCE))
        return status;
    if (!mixture->has_tilt)
        return covsamp__fail(&c->error, COVSAMP_E_UNSUPPORTED,
                             "%s: guidance is %s, must be 0 and without weights for a mixture "
                             "without a tilt, which covsamp_mixture_set_tilt() sets",
                             function,
                             covsamp__real(covsamp__config_real(c, COVSAMP_GUIDANCE), text));
    if (covsamp__path_kl_short(c, mixture->dim) &&
        covsamp__guide_form(c, &method) != COVSAMP_GUIDE_SCORE &&
        covsamp__config_int(c, COVSAMP_GUIDANCE_PRODUCT) != COVSAMP_GUIDE_PRODUCT_EXACT)
        return covsamp__fail(&c->error, COVSAMP_E_UNSUPPORTED,
                             "%s: guidance_product is basis, must be exact: else krylov moves a "
                             "step by what depends on its noise, and the density is another",
                             function);
    return COVSAMP_OK;
}

/* ---- what must be there ---- */

covsamp_status covsamp__path_kl_check_output(covsamp_config *c, const double *kl,
                                             const double *deviation, int64_t count,
                                             const char *function)
{
    const int wanted = kl != NULL || deviation != NULL;
    if (count == c->steps - 1 || (count == 0 && !wanted))
        return COVSAMP_OK;
    return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                         "%s: count is %" PRId64 ", must be %s%" PRId64
                         ", the number of levels less one",
                         function, count, wanted ? "" : "0 or ", c->steps - 1);
}

static covsamp_status check_noise_table(covsamp_config *c, const char *function)
{
    const int64_t have = c->table_count[COVSAMP_TABLE_NOISE - 1];
    const int64_t levels = covsamp_schedule_levels(c->schedule);
    if (have == 0 || have == levels)
        return COVSAMP_OK;
    return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                         "%s: the table of noise has %" PRId64 " values, must have %" PRId64
                         ", one a level of the schedule",
                         function, have, levels);
}

covsamp_status covsamp__path_kl_check(covsamp_config *c, const covsamp_mixture *mixture,
                                      int32_t estimator, int64_t size, const char *function)
{
    const int64_t dim = covsamp__config_int(c, COVSAMP_DIM);
    if (covsamp__vectors_refuse(c, function) != COVSAMP_OK)
        return COVSAMP_E_UNSUPPORTED;
    if (dim != 0 && dim != mixture->dim)
        return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                             "%s: option dim is %" PRId64 ", must be the mixture's, %" PRId64
                             ", or not set",
                             function, dim, mixture->dim);
    if (c->schedule == NULL)
        return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                             "%s: no schedule is set, covsamp_config_set_schedule() does",
                             function);
    covsamp_status status = check_density(c, function);
    if (status == COVSAMP_OK)
        status = check_plain(c, function);
    if (status == COVSAMP_OK)
        status = check_krylov(c, mixture->dim, function);
    if (status == COVSAMP_OK)
        status = check_estimator(c, mixture->dim, estimator, size, function);
    if (status == COVSAMP_OK && covsamp__config_int(c, COVSAMP_COVARIANCE) == COVSAMP_COV_SPECTRAL)
        status = covsamp__shape_check(c, mixture->dim, function);
    if (status == COVSAMP_OK)
        status = check_guidance(c, mixture, function);
    return status == COVSAMP_OK ? check_noise_table(c, function) : status;
}
