/* SPDX-License-Identifier: BSD-3-Clause */
/* The caller's threads: the door, and what a handle takes from the configuration. */
#include "api/config.h"

#include <inttypes.h>

covsamp_status covsamp_config_set_parallel_for(covsamp_config *config,
                                               const covsamp_parallel_for *hook)
{
    covsamp_parallel_for own = {0, NULL, NULL};
    if (config == NULL)
        return COVSAMP_E_NULL;
    if (hook != NULL) {
        const covsamp_status status =
            covsamp__struct_in(&own, sizeof own, COVSAMP__FIRST_SIZE(covsamp_parallel_for, user),
                               hook, &config->error, __func__, "hook");
        if (status != COVSAMP_OK)
            return status;
        if (own.run == NULL)
            return covsamp__fail(&config->error, COVSAMP_E_NULL, "%s: hook->run is NULL", __func__);
    }
    config->hook = own;
    return covsamp__ok(&config->error);
}

covsamp_status covsamp__threads_check(covsamp_config *config, const char *function)
{
    const int64_t threads = covsamp__config_int(config, COVSAMP_THREADS);
    if (threads > 1 && config->hook.run == NULL)
        return covsamp__fail(&config->error, COVSAMP_E_RANGE,
                             "%s: threads is %" PRId64 ", must be 1 where "
                             "covsamp_config_set_parallel_for() has lent none",
                             function, threads);
    return COVSAMP_OK;
}

covsamp__space covsamp__space_of(const covsamp_config *config)
{
    return (covsamp__space){.dtype = (int32_t)covsamp__config_int(config, COVSAMP_DTYPE),
                            .threads = (int32_t)covsamp__config_int(config, COVSAMP_THREADS),
                            .hook = config->hook,
                            .ops = config->ops};
}
