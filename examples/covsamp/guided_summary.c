/* SPDX-License-Identifier: BSD-3-Clause */
#include "guided_summary.h"

#include "guidance.h"

#include <inttypes.h>
#include <stdio.h>

static void print_option(const covsamp_config *config, int32_t key)
{
    char text[64] = "";
    covsamp_config_get_text(config, key, text, sizeof text);
    fputs(text, stderr);
}

/* "; levels 100 ... 700", where not all of them are guided. */
static void print_interval(const covsamp_config *config, int32_t low_key, int32_t high_key)
{
    int64_t low = 0, high = 0;
    covsamp_config_get_int(config, low_key, &low);
    covsamp_config_get_int(config, high_key, &high);
    if (low > 0)
        fprintf(stderr, ", from level %" PRId64 " up", low);
    if (high > 0)
        fprintf(stderr, ", up to level %" PRId64, high);
}

static void print_guidance(const struct setup *s, const struct sample_request *r)
{
    if (guidance_by_classifier(s->config)) {
        fprintf(stderr, "  guidance    by %s, weight ", r->classifier);
        print_option(s->config, COVSAMP_GUIDANCE);
        fputs(", form ", stderr);
        print_option(s->config, COVSAMP_GUIDANCE_FORM);
        print_interval(s->config, COVSAMP_GUIDANCE_LOW, COVSAMP_GUIDANCE_HIGH);
        fprintf(stderr, "; the model is told %s\n", s->told ? "the label as well" : "no class");
    }
    if (guidance_free(s->config)) {
        fputs("  guidance    classifier-free, weight ", stderr);
        print_option(s->config, COVSAMP_CFG);
        print_interval(s->config, COVSAMP_CFG_LOW, COVSAMP_CFG_HIGH);
        putc('\n', stderr);
    }
}

void guided_summary_print(const struct setup *s, const struct sample_request *r)
{
    print_guidance(s, r);
    if (r->init != NULL)
        fprintf(stderr, "  start       %s with the noise of level %" PRId64 "\n", r->init,
                s->visited[0]);
    if (r->known != NULL)
        fprintf(stderr, "  known       %s where %s is 1\n", r->known, r->mask);
    if (r->decoder != NULL)
        fprintf(stderr, "  latents     decoded by %s to %" PRId64 " values\n", r->decoder,
                s->latents.decoded.dim);
    if (r->resume != NULL)
        fprintf(stderr,
                "  resumed     from %s, whose steps are counted in what follows but for the "
                "time\n",
                r->resume);
    if (r->save != NULL)
        fprintf(stderr, "  saved       to %s after %" PRId64 " steps\n", r->save, r->stop_after);
}

static void json_text(const char *key, const char *value)
{
    printf(", \"%s\": ", key);
    json_string(value);
}

void guided_summary_json(const struct setup *s, const struct sample_request *r)
{
    json_text("classifier", r->classifier);
    printf(", \"condition\": %s", s->told ? "true" : "false");
    json_text("init", r->init);
    json_text("known", r->known);
    json_text("mask", r->mask);
    json_text("encoder", r->encoder);
    json_text("decoder", r->decoder);
    json_text("latents", r->latents);
    fputs(", \"decoded_shape\": ", stdout);
    if (r->decoder != NULL) {
        putchar('[');
        for (int i = 0; i < s->latents.decoded.n_dims; i++)
            printf("%s%" PRId64, i == 0 ? "" : ", ", s->latents.decoded.dims[i]);
        putchar(']');
    } else {
        fputs("null", stdout);
    }
    json_text("save", r->save);
    json_text("resume", r->resume);
}
