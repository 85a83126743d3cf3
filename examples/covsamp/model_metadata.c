/* SPDX-License-Identifier: BSD-3-Clause */
#include "args.h"
#include "model.h"

#include <stdio.h>

int model_metadata_int(const struct model *model, const char *key, int64_t low, int64_t high,
                       int64_t otherwise, int64_t *out)
{
    char name[64];
    const char *text = model_metadata(model, key);
    *out = otherwise;
    if (text == NULL)
        return 0;
    snprintf(name, sizeof name, "the model file's \"%s\"", key);
    return args_int(name, text, low, high, out) == 0 ? 0 : EXIT_RUN;
}
