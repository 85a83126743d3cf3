/* SPDX-License-Identifier: BSD-3-Clause */
#include "preset.h"

#include <stdio.h>
#include <string.h>

/* Models of images get their x0 clipped to the range of the data, which the summary says: the
 * library itself never clips unasked. */
static const struct preset presets[] = {
    {"lgs",
     "Lanczos Gaussian sampler: the full covariance by two products, clipped x0",
     {"covariance=krylov", "krylov_steps=2", "clip_x0=1"},
     true},
    {"lgs-plain",
     "the same by three products and without any guard",
     {"covariance=krylov", "krylov_steps=3"},
     false},
    {"lgs-ddim",
     "deterministic transition, noise from the full covariance",
     {"covariance=krylov", "krylov_steps=2", "eta=0", "clip_x0=1"},
     true},
    {"full-ddpm",
     "the exact covariance as a matrix: for small models, the reference",
     {"covariance=dense", "clip_x0=1"},
     false},
    {"ddpm", "Ho et al. 2020 with the small variance", {"covariance=small", "clip_x0=1"}, false},
    {"ddpm-large",
     "Ho et al. 2020 with the large variance",
     {"covariance=large", "clip_x0=1"},
     false},
    {"ddim", "Song et al. 2021, no noise", {"covariance=none", "eta=0", "clip_x0=1"}, false},
};

#define N_PRESETS ((int)(sizeof presets / sizeof presets[0]))

const struct preset *preset_find(const char *name)
{
    char names[256] = "";
    for (int i = 0; i < N_PRESETS; i++) {
        if (strcmp(name, presets[i].name) == 0)
            return &presets[i];
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", i == 0 ? "" : ", ", presets[i].name);
    }
    fail(0, "--method knows %s, not \"%s\"", names, name);
    return NULL;
}

void preset_help(void)
{
    for (int i = 0; i < N_PRESETS; i++) {
        printf("  %-10s %s\n  %-10s (", presets[i].name, presets[i].help, "");
        for (int k = 0; presets[i].options[k] != NULL; k++)
            printf("%s%s", k == 0 ? "" : ", ", presets[i].options[k]);
        printf("%s)\n", presets[i].calibrated ? ", window_high as the model file says" : "");
    }
}

int preset_set(covsamp_config *config, const char *source, const char *assignment)
{
    char name[64];
    const char *equals = strchr(assignment, '=');
    if (equals == NULL || equals == assignment || (size_t)(equals - assignment) >= sizeof name)
        return fail(EXIT_USAGE, "%s takes key=value, not \"%s\"", source, assignment);
    memcpy(name, assignment, (size_t)(equals - assignment));
    name[equals - assignment] = '\0';
    if (covsamp_config_set_by_name(config, name, equals + 1) < 0)
        return fail(EXIT_USAGE, "%s %s: %s", source, assignment, covsamp_config_message(config));
    return 0;
}

int preset_apply(const struct preset *preset, covsamp_config *config)
{
    int code = 0;
    for (int i = 0; preset->options[i] != NULL && code == 0; i++)
        code = preset_set(config, preset->name, preset->options[i]);
    return code;
}
