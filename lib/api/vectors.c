/* SPDX-License-Identifier: BSD-3-Clause */
/* Vectors in memory of the caller's: the door, and who has no use for it. */
#include "api/config.h"
#include "api/method.h"

covsamp_status covsamp_config_set_vector_ops(covsamp_config *config, const covsamp_vector_ops *ops)
{
    covsamp_vector_ops own = {0};
    if (config == NULL)
        return COVSAMP_E_NULL;
    if (ops != NULL) {
        const covsamp_status status = covsamp__struct_in(
            &own, sizeof own, COVSAMP__FIRST_SIZE(covsamp_vector_ops, find_nonfinite), ops,
            &config->error, __func__, "ops");
        if (status != COVSAMP_OK)
            return status;
        const char *missing = own.alloc == NULL            ? "alloc"
                              : own.release == NULL        ? "release"
                              : own.put == NULL            ? "put"
                              : own.get == NULL            ? "get"
                              : own.combine == NULL        ? "combine"
                              : own.project == NULL        ? "project"
                              : own.expand == NULL         ? "expand"
                              : own.clip == NULL           ? "clip"
                              : own.select == NULL         ? "select"
                              : own.find_nonfinite == NULL ? "find_nonfinite"
                                                           : NULL;
        if (missing != NULL)
            return covsamp__fail(&config->error, COVSAMP_E_NULL, "%s: ops->%s is NULL", __func__,
                                 missing);
        own.size = sizeof own;
    }
    config->ops = own;
    return covsamp__ok(&config->error);
}

covsamp_status covsamp__vectors_check(covsamp_config *config, const char *function)
{
    const int64_t name = covsamp__method_of(config).covariance_name;
    if (config->ops.size == 0 || name == COVSAMP_COV_NONE || name == COVSAMP_COV_SMALL ||
        name == COVSAMP_COV_LARGE || name == COVSAMP_COV_ANALYTIC || name == COVSAMP_COV_KRYLOV)
        return COVSAMP_OK;
    return covsamp__fail(&config->error, COVSAMP_E_UNSUPPORTED,
                         "%s: covariance is %s, must be none, small, large, analytic or krylov for "
                         "the vectors of covsamp_config_set_vector_ops()",
                         function, covsamp__option_choice_name(COVSAMP_COVARIANCE, name));
}

covsamp_status covsamp__vectors_refuse(covsamp_config *config, const char *function)
{
    if (config->ops.size == 0)
        return COVSAMP_OK;
    return covsamp__fail(&config->error, COVSAMP_E_UNSUPPORTED,
                         "%s: covsamp_config_set_vector_ops() has set a table, must be given NULL "
                         "here: only samplers have vectors elsewhere",
                         function);
}
