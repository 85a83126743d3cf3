/* SPDX-License-Identifier: BSD-3-Clause */
/* Modules on a device, and their tables of vector operations. */
#ifndef COVSAMP_TESTS_ON_DEVICE_H
#define COVSAMP_TESTS_ON_DEVICE_H

#include "sampling.h"

static const char *device = "cpu";

static inline covsamp_torch *load_on_device(const char *name, int32_t dtype)
{
    covsamp_torch *module = NULL;
    char message[COVSAMP_MESSAGE_BYTES] = "";
    covsamp_torch_options options = options_of(dtype, COVSAMP_TORCH_AUTO);
    options.device = device;
    if (!CHECK(covsamp_torch_load(&module, module_path(name), &options, message) == COVSAMP_OK)) {
        fprintf(stderr, "    %s\n", message);
        exit(1);
    }
    return module;
}

static inline covsamp_vector_ops ops_of(covsamp_torch *module)
{
    covsamp_vector_ops ops;
    memset(&ops, 0, sizeof ops);
    ops.size = sizeof ops;
    CHECK(covsamp_torch_vector_ops(module, &ops) == COVSAMP_OK);
    CHECK(ops.size == sizeof ops);
    return ops;
}

static inline double at(int32_t dtype, const void *p, int64_t i)
{
    return dtype == COVSAMP_F32 ? (double)((const float *)p)[i] : ((const double *)p)[i];
}

#endif
