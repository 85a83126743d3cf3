/* SPDX-License-Identifier: BSD-3-Clause */
#include "guidance.h"

#include "args.h"
#include "shape.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MOST_LABELS 4096

static double weight(const covsamp_config *config, int32_t key)
{
    double value = 0;
    covsamp_config_get_real(config, key, &value);
    return value;
}

bool guidance_by_classifier(const covsamp_config *config)
{
    return weight(config, COVSAMP_GUIDANCE) != 0;
}

bool guidance_free(const covsamp_config *config)
{
    return weight(config, COVSAMP_CFG) != 0;
}

/* A gradient at one level of noise says nothing at another. */
static void doubt_schedule(const struct setup *s, const struct sample_request *r)
{
    const char *schedule = classifier_metadata(s->classifier, "schedule");
    if (schedule != NULL && strcmp(schedule, s->schedule_text) != 0)
        note("%s is for images that are noisy by the schedule %s, and this one is %s",
             r->classifier, schedule, s->schedule_text);
    else if (schedule == NULL)
        note("%s does not say its schedule: the gradients of a classifier that never saw noise are "
             "worth little",
             r->classifier);
}

static int open_classifier(struct setup *s, const struct sample_request *r)
{
    struct model_options options = {.path = r->classifier, .device = r->device};
    options.dtype = r->dtype;
    options.n_dims = s->samples.n_dims;
    memcpy(options.dims, s->samples.dims, sizeof options.dims);
    int code = classifier_open(&s->classifier, &options);
    if (code == 0)
        code =
            shape_agrees(r->classifier, classifier_metadata(s->classifier, "shape"), &s->samples);
    if (code == 0 && !r->quiet)
        doubt_schedule(s, r);
    return code;
}

/* The labels that the command line names, or all that there are. */
static int read_labels(const struct sample_request *r, int64_t classes, int64_t *labels, int *count)
{
    *count = 0;
    if (r->label != NULL && strcmp(r->label, "none") == 0)
        return 0;
    if (r->label != NULL && strcmp(r->label, "all") != 0)
        return args_int_list("--label", r->label, 0, classes > 0 ? classes - 1 : INT64_MAX, labels,
                             MOST_LABELS, count);
    if (classes == 0 && r->label != NULL)
        return fail(EXIT_USAGE,
                    "--label all: the model file does not say how many classes there are");
    if (classes > MOST_LABELS)
        return fail(EXIT_USAGE, "--label must name some of the %" PRId64 " classes, at most %d",
                    classes, MOST_LABELS);
    for (; *count < (int)classes; ++*count)
        labels[*count] = *count;
    return 0;
}

/* Whether the network itself is told the labels.  Under a classifier it is not, unless asked for:
 * p(x) p(y | x)^w needs the p(x) of all classes. */
static bool is_told(const struct setup *s, const struct sample_request *r)
{
    return s->classifier == NULL || r->condition || guidance_free(s->config);
}

/* Both branches in one request are one call of the network on twice the batch.  It pays unless
 * products of branch 0 follow on a processor, which then keep the point of a batch that large. */
static void choose_branches(struct setup *s, const struct sample_request *r)
{
    static const char *const without[] = {"none", "small", "large", "analytic", "diag_model"};
    char covariance[64] = "";
    int64_t solver = COVSAMP_SOLVER_ANCESTRAL, jacobian = 0;
    covsamp_config_get_text(s->config, COVSAMP_COVARIANCE, covariance, sizeof covariance);
    covsamp_config_get_int(s->config, COVSAMP_SOLVER, &solver);
    covsamp_config_get_int(s->config, COVSAMP_GUIDED_JACOBIAN, &jacobian);
    bool pays =
        solver != COVSAMP_SOLVER_ANCESTRAL || jacobian == 1 || strcmp(r->device, "cpu") != 0;
    for (size_t i = 0; i < sizeof without / sizeof without[0]; i++)
        pays |= strcmp(covariance, without[i]) == 0;
    if (pays && !request_sets(r, "branches"))
        covsamp_config_set_int(s->config, COVSAMP_BRANCHES, 2);
}

static int check_free(const struct setup *s, int64_t classes)
{
    char text[64] = "";
    covsamp_config_get_text(s->config, COVSAMP_CFG, text, sizeof text);
    if (classes == 0)
        return fail(EXIT_USAGE,
                    "--cfg %s needs a model that can do without a class, and the model file names "
                    "no classes",
                    text);
    if (s->n_labels == 0)
        return fail(EXIT_USAGE, "--cfg %s needs labels, and --label none leaves them out", text);
    return 0;
}

static int check_told(const struct setup *s, const struct sample_request *r, int64_t classes,
                      const int64_t *labels)
{
    if (s->classifier != NULL && classes == 0)
        return fail(EXIT_USAGE, "--condition needs a model with classes, and the model file names "
                                "none");
    for (int64_t i = 0; classes > 0 && i < s->n_labels; i++)
        if (labels[i] >= classes)
            return fail(EXIT_USAGE,
                        "--label %" PRId64 ": the model has the classes 0 ... %" PRId64
                        ", which %s has more of",
                        labels[i], classes - 1, r->classifier);
    return 0;
}

int guidance_make(struct setup *s, const struct sample_request *r)
{
    int64_t labels[MOST_LABELS], classes = 0;
    int count = 0;
    if (r->classifier == NULL && guidance_by_classifier(s->config))
        return fail(EXIT_USAGE, "guidance %g needs --classifier FILE",
                    weight(s->config, COVSAMP_GUIDANCE));
    int code = model_metadata_int(s->model, "classes", 1, MOST_LABELS, 0, &classes);
    if (code == 0 && r->classifier != NULL)
        code = open_classifier(s, r);
    if (code == 0)
        code = read_labels(r, s->classifier != NULL ? classifier_classes(s->classifier) : classes,
                           labels, &count);
    s->n_labels = count;
    if (code == 0 && count > 0) {
        s->labels = malloc((size_t)count * sizeof *labels);
        if (s->labels == NULL)
            return fail(EXIT_RUN, "out of memory");
        memcpy(s->labels, labels, (size_t)count * sizeof *labels);
    }
    s->told = code == 0 && count > 0 && is_told(s, r);
    if (code == 0 && guidance_free(s->config))
        code = check_free(s, classes);
    if (code == 0 && guidance_free(s->config))
        choose_branches(s, r);
    if (code == 0 && s->classifier != NULL)
        code = classifier_set_labels(s->classifier, labels, count);
    if (code != 0 || !s->told)
        return code;
    code = check_told(s, r, classes, labels);
    return code != 0 ? code : model_set_labels(s->model, labels, count);
}
