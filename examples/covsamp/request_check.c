/* SPDX-License-Identifier: BSD-3-Clause */
/* What a command line may not say, and the options that it sets. */
#include "request.h"

#include <inttypes.h>
#include <string.h>

static bool ends_in(const char *text, const char *end)
{
    size_t length = strlen(text), bytes = strlen(end);
    return length > bytes && strcmp(text + length - bytes, end) == 0;
}

bool request_is_png(const struct sample_request *request)
{
    return request->output != NULL && ends_in(request->output, ".png");
}

bool request_sets(const struct sample_request *r, const char *name)
{
    const size_t length = strlen(name);
    for (int i = 0; i < r->n_sets; i++)
        if (strncmp(r->sets[i], name, length) == 0 && r->sets[i][length] == '=')
            return true;
    return false;
}

/* Flags that mean nothing without another one. */
static int check_pairs(const struct sample_request *r)
{
    const bool guided = r->guidance != NULL || request_sets(r, "guidance");
    const struct {
        bool given, met;
        const char *flag, *needs;
    } pairs[] = {
        {r->guidance != NULL, r->classifier != NULL, "--guidance", "--classifier FILE"},
        {r->guidance_form != NULL, r->classifier != NULL, "--guidance-form", "--classifier FILE"},
        {r->condition, r->classifier != NULL, "--condition", "--classifier FILE"},
        {r->classifier != NULL, guided, "--classifier", "--guidance W"},
        {r->from_level != 0, r->init != NULL || r->resume != NULL, "--from-level",
         "--init IMAGE.npy"},
        {r->init != NULL, r->from_level != 0, "--init", "--from-level L"},
        {r->known != NULL, r->mask != NULL, "--known", "--mask MASK.npy"},
        {r->mask != NULL, r->known != NULL, "--mask", "--known IMAGE.npy"},
        {r->encoder != NULL, r->init != NULL || r->known != NULL, "--encoder",
         "--init or --known IMAGE.npy"},
        {r->latents != NULL, r->decoder != NULL, "--latents", "--decoder FILE"},
        {r->save != NULL, r->stop_after != 0, "--save", "--stop-after K"},
        {r->stop_after != 0, r->save != NULL, "--stop-after", "--save FILE"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (pairs[i].given && !pairs[i].met)
            return fail(EXIT_USAGE, "%s needs %s", pairs[i].flag, pairs[i].needs);
    return 0;
}

static int check_values(const struct sample_request *r)
{
    if (r->classifier != NULL && r->label != NULL && strcmp(r->label, "none") == 0)
        return fail(EXIT_USAGE, "--classifier needs classes to draw to, and --label none names "
                                "none");
    if (r->init != NULL && r->resume != NULL)
        return fail(EXIT_USAGE, "--init begins a run and --resume goes on with one: give one of "
                                "them");
    if (r->save != NULL && (r->output != NULL || r->latents != NULL))
        return fail(EXIT_USAGE, "--save stops before there are samples: give %s to --resume",
                    r->output != NULL ? "-o" : "--latents");
    if (r->stop_after >= r->steps)
        return fail(EXIT_USAGE,
                    "--stop-after %" PRId64 " is outside 1 ... %" PRId64
                    ", the steps before the last one of --steps %" PRId64,
                    r->stop_after, r->steps - 1, r->steps);
    if (r->latents != NULL && !ends_in(r->latents, ".npy"))
        return fail(EXIT_USAGE, "--latents takes a name that ends in .npy, not \"%s\"", r->latents);
    return 0;
}

int request_check(struct sample_request *r)
{
    if (r->model == NULL)
        return fail(EXIT_USAGE, "sample needs --model FILE");
    if (r->kept &&
        (r->output != NULL || r->latents != NULL || r->save != NULL || r->resume != NULL))
        return fail(EXIT_USAGE, "samples that are evaluated are not kept: no -o, --latents, --save "
                                "or --resume");
    if (r->output == NULL && r->save == NULL && !r->kept)
        return fail(EXIT_USAGE, "sample needs -o FILE");
    if (r->output != NULL && !request_is_png(r) && !ends_in(r->output, ".npy"))
        return fail(EXIT_USAGE, "-o takes a name that ends in .png or .npy, not \"%s\"", r->output);
    if (r->first > INT64_MAX - r->count)
        return fail(EXIT_USAGE,
                    "--first-sample %" PRId64 " and -n %" PRId64 " number samples beyond 2^63 - 1",
                    r->first, r->count);
    int code = check_pairs(r);
    if (code == 0)
        code = check_values(r);
    if (code != 0)
        return code;
    r->preset = preset_find(r->method);
    if (r->preset != NULL && r->spacing == NULL)
        r->spacing = preset_spacing(r->preset);
    return r->preset != NULL ? 0 : EXIT_USAGE;
}

/* Options that have a flag of their own, or that need another program around them. */
static int check_set(const char *text)
{
    static const char *const own[][2] = {
        {"batch=", "--batch"},
        {"dim=", "--shape"},
        {"dtype=", "--dtype"},
        {"seed=", "--seed"},
        {"first_sample=", "--first-sample"},
    };
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (strncmp(text, own[i][0], strlen(own[i][0])) == 0)
            return fail(EXIT_USAGE, "--set %s: use %s", text, own[i][1]);
    if (strcmp(text, "noise=ask") == 0)
        return fail(EXIT_USAGE, "--set noise=ask is for programs that make their own noise");
    return 0;
}

static int apply(covsamp_config *config, const char *flag, const char *name, const char *text)
{
    if (text == NULL || covsamp_config_set_by_name(config, name, text) >= 0)
        return 0;
    return fail(EXIT_USAGE, "--%s %s: %s", flag, text, covsamp_config_message(config));
}

static int apply_flags(const struct sample_request *r, covsamp_config *config)
{
    int code = apply(config, "guidance", "guidance", r->guidance);
    if (code == 0)
        code = apply(config, "guidance-form", "guidance_form", r->guidance_form);
    if (code == 0)
        code = apply(config, "cfg", "cfg", r->cfg);
    if (code == 0)
        code = apply(config, "known", "known", r->known != NULL ? "1" : NULL);
    return code;
}

int request_apply_sets(const struct sample_request *request, covsamp_config *config)
{
    int code = apply_flags(request, config);
    for (int i = 0; i < request->n_sets && code == 0; i++) {
        code = check_set(request->sets[i]);
        if (code == 0)
            code = preset_set(config, "--set", request->sets[i]);
    }
    return code;
}
