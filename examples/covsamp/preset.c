/* SPDX-License-Identifier: BSD-3-Clause */
#include "preset.h"

#include <stdio.h>
#include <string.h>

/* What these solvers do anyhow: said, so that summaries show what was used. */
#define DETERMINISTIC "covariance=none", "eta=0"

/* In the repository of Analytic-DPM, SN and OCM the DDPM mean is that of the posterior, of x_t and
 * the clipped x0 alone; only the DDIM mean takes the noise estimate from before the clip. */
#define DDPM_MEAN "eps_after_clip=recompute"
#define DDIM_MEAN "eps_after_clip=raw"

/* krylov_steps is left at its 2 where a tolerance that --set adds may raise it. */

/* Models of images get their x0 clipped to the range of the data, which the summary says: the
 * library itself never clips unasked. */
static const struct preset presets[] = {
    {"lgs",
     "Lanczos Gaussian sampler: the full covariance by two products, clipped x0",
     {"covariance=krylov", "clip_x0=1"},
     true},
    {"lgs-plain",
     "the same by three products and without any guard",
     {"covariance=krylov", "krylov_steps=3"},
     false},
    {"lgs-2m",
     "lgs with a mean of second order",
     {"covariance=krylov", "mean_order=2", "clip_x0=1"},
     true},
    {"lgs-ddim",
     "deterministic transition, noise from the full covariance",
     {"covariance=krylov", "eta=0", "clip_x0=1"},
     true},
    {"full-ddpm",
     "the exact covariance as a matrix: for small models, the reference",
     {"covariance=dense", "clip_x0=1"},
     false},
    {"spectral-ddim",
     "a covariance diagonal in a cosine basis, by one product",
     {"covariance=spectral", "eta=0", "clip_x0=1"},
     true},
    {"hutchinson-ddpm",
     "the diagonal of the covariance by two probes",
     {"covariance=diag_probe", "probes=2", "clip_x0=1"},
     true},
    {"ddpm", "Ho et al. 2020 with the small variance", {"covariance=small", "clip_x0=1"}, false},
    {"ddpm-large",
     "Ho et al. 2020 with the large variance",
     {"covariance=large", "clip_x0=1"},
     false},
    {"ddpm-2m",
     "ddpm with a mean of second order",
     {"covariance=small", "mean_order=2", "clip_x0=1"},
     false},
    {"ddim", "Song et al. 2021, no noise", {"covariance=none", "eta=0", "clip_x0=1"}, false},
    {"analytic-ddpm",
     "Bao et al. 2022: one variance a level, from --calibration",
     {"covariance=analytic", "clip_x0=1", "covariance_cap=1"},
     false},
    {"analytic-ddim",
     "the same with the deterministic transition",
     {"covariance=analytic", "eta=0", "clip_x0=1", "covariance_cap=1"},
     false},
    {"iddpm",
     "Nichol & Dhariwal 2021: learned range, by a head",
     {"covariance=diag_model", "head=iddpm", "clip_x0=1"},
     false},
    {"sn-ddpm",
     "Bao et al. 2022 (extended): squared noise, by a head",
     {"covariance=diag_model", "head=sn", "clip_x0=1", "covariance_cap=1"},
     false},
    {"npr-ddpm",
     "Bao et al. 2022 (extended): squared residual, by a head",
     {"covariance=diag_model", "head=npr", "clip_x0=1", "covariance_cap=1"},
     false},
    {"ocm-ddpm",
     "Ou et al. 2025: the diagonal of the Hessian, by a head",
     {"covariance=diag_model", "head=ocm", "clip_x0=1", "covariance_cap=1"},
     false},
    {"ocm-ddim",
     "the same with the deterministic transition",
     {"covariance=diag_model", "head=ocm", "eta=0", "clip_x0=1", "covariance_cap=1"},
     false},
    {"addim",
     "Heek et al. 2024; x0 errors from --calibration if given",
     {"solver=addim", DETERMINISTIC, "clip_x0=1"},
     false},
    {"euler", "first order, no noise", {"solver=euler", DETERMINISTIC, "clip_x0=1"}, false},
    {"heun",
     "Karras et al. 2022: second order, two means a step",
     {"solver=heun", DETERMINISTIC, "clip_x0=1"},
     false},
    {"dpmpp-2m",
     "Lu et al. 2022: second order, multistep",
     {"solver=dpmpp_2m", DETERMINISTIC, "mean_order=2", "clip_x0=1"},
     false},
    {"dpmpp-2s",
     "Lu et al. 2022: second order, two means a step",
     {"solver=dpmpp_2s", DETERMINISTIC, "clip_x0=1"},
     false},
    {"dpmpp-2m-sde",
     "DPM-Solver++ 2M with noise",
     {"solver=dpmpp_2m_sde", "covariance=small", "mean_order=2", "clip_x0=1"},
     false},
    {"paper-analytic",
     "analytic-ddpm as in its authors' repository",
     {"covariance=analytic", "clip_x0=1", DDPM_MEAN, "clip_covariance=0", "covariance_cap=1",
      "pixel_clip=2"},
     false},
    {"paper-analytic-ddim",
     "analytic-ddim as there",
     {"covariance=analytic", "eta=0", "clip_x0=1", DDIM_MEAN, "clip_covariance=0",
      "covariance_cap=1", "pixel_clip=1"},
     false},
    {"paper-sn",
     "sn-ddpm as in its authors' repository",
     {"covariance=diag_model", "head=sn", "clip_x0=1", DDPM_MEAN, "clip_covariance=0",
      "covariance_cap=1", "pixel_clip=2"},
     false},
    {"paper-sn-ddim",
     "the same with the deterministic transition",
     {"covariance=diag_model", "head=sn", "eta=0", "clip_x0=1", DDIM_MEAN, "clip_covariance=0",
      "covariance_cap=1", "pixel_clip=1"},
     false},
    {"paper-ocm",
     "ocm-ddpm as in its authors' repository",
     {"covariance=diag_model", "head=ocm", "clip_x0=1", DDPM_MEAN, "clip_covariance=0",
      "covariance_cap=1", "pixel_clip=2"},
     false},
    {"paper-ocm-ddim",
     "ocm-ddim as there",
     {"covariance=diag_model", "head=ocm", "eta=0", "clip_x0=1", DDIM_MEAN, "clip_covariance=0",
      "covariance_cap=1", "pixel_clip=1"},
     false},
    {"paper-iddpm",
     "iddpm as in its authors' repository",
     {"covariance=diag_model", "head=iddpm", "clip_x0=1", DDPM_MEAN},
     false},
};

#define N_PRESETS ((int)(sizeof presets / sizeof presets[0]))

const struct preset *preset_find(const char *name)
{
    char names[1024] = "";
    for (int i = 0; i < N_PRESETS; i++) {
        if (strcmp(name, presets[i].name) == 0)
            return &presets[i];
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", i == 0 ? "" : ", ", presets[i].name);
    }
    fail(0, "--method knows %s, not \"%s\"", names, name);
    return NULL;
}

const char *preset_spacing(const struct preset *preset)
{
    return strncmp(preset->name, "paper-", 6) == 0 ? "even" : "trailing";
}

void preset_help(void)
{
    for (int i = 0; i < N_PRESETS; i++) {
        printf("  %-19s %s\n  %-19s (", presets[i].name, presets[i].help, "");
        for (int k = 0; presets[i].options[k] != NULL; k++)
            printf("%s%s", k == 0 ? "" : ", ", presets[i].options[k]);
        printf("%s)\n", presets[i].calibrated ? "; the window as calibrated" : "");
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
