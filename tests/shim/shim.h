/* SPDX-License-Identifier: BSD-3-Clause */
/* What the shim's tests share: where the modules are, requests made by hand, and numbers to put
 * into them. */
#ifndef COVSAMP_TESTS_SHIM_H
#define COVSAMP_TESTS_SHIM_H

#include "check.h"

#include <covsamp/torch.h>

#include <stdlib.h>

enum { DIM = 2 * 8 * 8 }; /* of the modules that make_modules.py writes */

static const char *module_folder = ".";

static inline const char *module_path(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", module_folder, name);
    return path;
}

static inline covsamp_torch_options options_of(int32_t dtype, int32_t engine)
{
    covsamp_torch_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.dtype = dtype;
    options.engine = engine;
    return options;
}

/* Loads a module that must load; ends the test if it does not. */
static inline covsamp_torch *load(const char *name, int32_t dtype, int32_t engine)
{
    covsamp_torch *module = NULL;
    char message[COVSAMP_MESSAGE_BYTES] = "";
    covsamp_torch_options options = options_of(dtype, engine);
    const char *path = name[0] == '/' ? name : module_path(name);
    if (!CHECK(covsamp_torch_load(&module, path, &options, message) == COVSAMP_OK) || !module) {
        fprintf(stderr, "    %s: %s\n", path, message);
        exit(1);
    }
    CHECK(message[0] == '\0');
    return module;
}

/* Numbers between -1 and 1, the same everywhere. */
static inline void fill(double *values, int64_t count, unsigned seed)
{
    uint64_t state = seed * UINT64_C(2654435761) + 12345;
    int64_t i;
    for (i = 0; i < count; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        values[i] = (double)(state >> 11) / 4503599627370496.0 - 1.0;
    }
}

static inline covsamp_request request_of(int32_t kind, int32_t dtype, int64_t batch, int64_t dim)
{
    covsamp_request request;
    memset(&request, 0, sizeof request);
    request.size = sizeof request;
    request.kind = kind;
    request.dtype = dtype;
    request.batch = batch;
    request.dim = request.stride = dim;
    request.tangents = kind == COVSAMP_ASK_MEAN ? 0 : 1;
    request.tangent_stride = batch * dim;
    request.time = 37;
    return request;
}

/* |a - b| / |b|, 2-norms */
static inline double relative(const double *a, const double *b, int64_t count)
{
    double error = 0, size = 0;
    int64_t i;
    for (i = 0; i < count; i++) {
        error += (a[i] - b[i]) * (a[i] - b[i]);
        size += b[i] * b[i];
    }
    return sqrt(error / size);
}

#endif
