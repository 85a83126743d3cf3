/* SPDX-License-Identifier: BSD-3-Clause */
/* Guidance that does not go together, guides that are missing or answer rubbish; and that a run
 * which met one of them ends with the samples of a run that did not. */
#include "fixture.h"

static covsamp_config *base(int64_t covariance)
{
    settings s;
    memset(&s, 0, sizeof s);
    s.covariance = covariance;
    return new_config_with(&s, NULL);
}

static void set(covsamp_config *c, const char *name, const char *value)
{
    if (!CHECK(covsamp_config_set_by_name(c, name, value) == COVSAMP_OK))
        fprintf(stderr, "    %s\n", covsamp_config_message(c));
}

static void refused(covsamp_config *c, covsamp_status expected, const char *sentence)
{
    covsamp_sampler *s = NULL;
    CHECK(covsamp_sampler_new(&s, c) == expected && s == NULL);
    CHECK_TEXT(covsamp_config_message(c), sentence);
    covsamp_sampler_free(s);
}

static void bad_options(void)
{
    covsamp_config *c = base(COVSAMP_COV_NONE);
    set(c, "guidance_form", "mean");
    set(c, "guidance", "1");
    refused(
        c, COVSAMP_E_UNSUPPORTED,
        "covsamp_sampler_new: guidance_form is mean, must be score or auto for covariance = none");
    set(c, "covariance", "small");
    set(c, "eta", "0");
    refused(c, COVSAMP_E_UNSUPPORTED, "must be score or auto for covariance = small with eta = 0");
    set(c, "eta", "1");
    set(c, "guidance_low", "9");
    set(c, "guidance_high", "8");
    refused(c, COVSAMP_E_RANGE,
            "covsamp_sampler_new: guidance_low is 9, must be at most guidance_high = 8");
    set(c, "guidance_high", "0");
    set(c, "cfg_low", "3");
    set(c, "cfg_high", "2");
    refused(c, COVSAMP_E_RANGE, "covsamp_sampler_new: cfg_low is 3, must be at most cfg_high = 2");
    covsamp_config_free(c);
    c = base(COVSAMP_COV_KRYLOV);
    covsamp_config_free(c);
    CHECK(covsamp_config_new(&c, NULL) == COVSAMP_OK);
    CHECK(covsamp_config_set_by_name(c, "guidance", "nan") != COVSAMP_OK);
    CHECK(covsamp_config_set_by_name(c, "cfg", "1e7") == COVSAMP_E_RANGE);
    CHECK_TEXT(covsamp_config_message(c), "cfg is 1e+07, must be in [-1e+06, 1e+06]");
    CHECK(covsamp_config_set_by_name(c, "branches", "3") == COVSAMP_E_RANGE);
    covsamp_config_free(c);
}

static void bad_weights(void)
{
    double weights[LEVELS] = {-1, 2};
    covsamp_config *c = base(COVSAMP_COV_SMALL);
    CHECK(covsamp_config_set_guidance(NULL, COVSAMP_GUIDANCE_FREE, weights, 1) == COVSAMP_E_NULL);
    CHECK(covsamp_config_set_guidance(c, 3, weights, LEVELS) == COVSAMP_E_RANGE);
    CHECK_TEXT(covsamp_config_message(c), "covsamp_config_set_guidance: guidance is 3, must be");
    CHECK(covsamp_config_set_guidance(c, COVSAMP_GUIDANCE_FREE, NULL, 2) == COVSAMP_E_NULL);
    CHECK_TEXT(covsamp_config_message(c), "covsamp_config_set_guidance: weights is NULL");
    CHECK(covsamp_config_set_guidance(c, COVSAMP_GUIDANCE_FREE, weights, -1) == COVSAMP_E_RANGE);
    weights[3] = INFINITY;
    CHECK(covsamp_config_set_guidance(c, COVSAMP_GUIDANCE_FREE, weights, LEVELS) ==
          COVSAMP_E_RANGE);
    CHECK_TEXT(covsamp_config_message(c), "weights[3] is inf, must be finite");
    weights[3] = 0;
    CHECK(covsamp_config_set_guidance(c, COVSAMP_GUIDANCE_FREE, weights, LEVELS - 1) == COVSAMP_OK);
    refused(c, COVSAMP_E_RANGE, "covsamp_sampler_new: the weights of cfg are 19, must be 20");
    CHECK(covsamp_config_set_guidance(c, COVSAMP_GUIDANCE_FREE, NULL, 0) == COVSAMP_OK);
    covsamp_sampler *s = NULL;
    CHECK(covsamp_sampler_new(&s, c) == COVSAMP_OK);
    covsamp_sampler_free(s);
    covsamp_config_free(c);
}

/* Bounds are of the model as it is. */
static void no_bound_of_a_guided_one(void)
{
    static const char *const kinds[] = {"guidance", "cfg"};
    for (int i = 0; i < 2; i++) {
        covsamp_config *c = base(COVSAMP_COV_SMALL);
        covsamp_nelbo *n = NULL;
        set(c, kinds[i], "1.5");
        CHECK(covsamp_nelbo_new(&n, c, 256) == COVSAMP_E_UNSUPPORTED && n == NULL);
        CHECK_TEXT(covsamp_config_message(c), "is 1.5, must be 0 and without weights for a bound");
        covsamp_config_free(c);
    }
}

/* ---- callbacks ---- */

typedef struct {
    int spoil; /* 0: fine, 1: NaN, 2: leaves it alone, 3: fails, 4: a NaN in the other branch */
    int calls;
} guide_state;

static int32_t guide(void *user, const covsamp_request *r)
{
    guide_state *g = user;
    const int spoil = g->calls++ == 2 ? g->spoil : 0;
    CHECK(r->kind == COVSAMP_ASK_GUIDE && r->gradient != NULL && r->mean == NULL && r->v == NULL);
    if (spoil == 2)
        return 0;
    for (int64_t b = 0; b < r->batch; b++)
        for (int64_t i = 0; i < r->dim; i++)
            ((double *)r->gradient)[b * r->stride + i] =
                spoil == 1 && b == 1 && i == 4
                    ? NAN
                    : .1 * ((const double *)r->x)[b * r->stride + i] + .3;
    return spoil == 3 ? -77 : 0;
}

static covsamp_sampler *sampler_with(const char *form)
{
    covsamp_config *c = base(COVSAMP_COV_KRYLOV);
    covsamp_sampler *s = NULL;
    set(c, "guidance", "0.8");
    set(c, "guidance_form", form);
    CHECK(covsamp_sampler_new(&s, c) == COVSAMP_OK);
    covsamp_config_free(c);
    return s;
}

/* Weights that are 0 wherever the run goes ask for no gradient, and for no guide. */
static void guided_nowhere(void)
{
    static const double zeros[LEVELS];
    covsamp_mixture *mixture = new_mixture(5);
    const covsamp_model model = model_of(mixture);
    for (int i = 0; i < 2; i++) {
        covsamp_config *c = base(COVSAMP_COV_KRYLOV);
        covsamp_sampler *s = NULL;
        if (i == 0)
            CHECK(covsamp_config_set_guidance(c, COVSAMP_GUIDANCE_CLASSIFIER, zeros, LEVELS) ==
                  COVSAMP_OK);
        else
            set(c, "guidance_low", "21");
        set(c, "guidance", "1");
        CHECK(covsamp_sampler_new(&s, c) == COVSAMP_OK);
        CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
        covsamp_sampler_free(s);
        covsamp_config_free(c);
    }
    covsamp_mixture_free(mixture);
}

static void guides(const char *form)
{
    covsamp_mixture *mixture = new_mixture(5);
    covsamp_model model = model_of(mixture);
    covsamp_sampler *s = sampler_with(form);
    const void *x;
    double clean[15];
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_E_NULL);
    CHECK_TEXT(covsamp_sampler_message(s),
               "covsamp_sampler_run: model->guide, which guidance needs, is NULL");
    guide_state state = {0, 0};
    model.guide = guide;
    model.guide_user = &state;
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
    CHECK(state.calls >= 3);
    CHECK(covsamp_sampler_state(s, &x, NULL) == COVSAMP_OK);
    memcpy(clean, x, sizeof clean);
    for (int spoil = 1; spoil <= 3; spoil++) {
        const guide_state fresh = {spoil, 0};
        state = fresh;
        CHECK(covsamp_sampler_restart(s, 0, 0) == COVSAMP_OK);
        CHECK(covsamp_sampler_run(s, &model) ==
              (spoil == 3 ? COVSAMP_E_MODEL : COVSAMP_E_NONFINITE));
        CHECK_TEXT(covsamp_sampler_message(s),
                   spoil == 3 ? "the answer to a request of kind 8 is -77"
                   : spoil == 1
                       ? "the guide's gradient (request->gradient) holds a NaN or infinity "
                         "at value 4 of sample 1"
                       : "the guide's gradient (request->gradient) holds a NaN");
        CHECK(covsamp_sampler_answer(s) == (spoil == 3 ? -77 : 0));
        CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE); /* asked again */
        CHECK(covsamp_sampler_state(s, &x, NULL) == COVSAMP_OK);
        CHECK(memcmp(clean, x, sizeof clean) == 0);
    }
    covsamp_sampler_free(s);
    covsamp_mixture_free(mixture);
}

/* A model that does not know of the other branch gets E_NONFINITE, not samples of half an answer.
 */
static int32_t one_branch_only(void *mixture, const covsamp_request *r)
{
    covsamp_request own = *r;
    own.other_mean = own.other_product = own.other_transposed = own.other_head = NULL;
    return covsamp_mixture_answer(mixture, &own);
}

static void branches_forgotten(void)
{
    covsamp_mixture *mixture = new_mixture(5);
    covsamp_model model = model_of(mixture);
    covsamp_config *c = base(COVSAMP_COV_KRYLOV);
    covsamp_sampler *s = NULL;
    set(c, "cfg", "0.8");
    set(c, "branches", "2");
    set(c, "guided_jacobian", "1");
    model.mean = model.jvp = model.mean_jvp = one_branch_only;
    CHECK(covsamp_sampler_new(&s, c) == COVSAMP_OK);
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_E_NONFINITE);
    CHECK_TEXT(covsamp_sampler_message(s), "mean of branch 1 (request->other_mean");
    covsamp_sampler_free(s);
    covsamp_config_free(c);
    covsamp_mixture_free(mixture);
}

/* The place of products is that of the mean, the gradient's one of its own unless it is the same.
 */
static void points(const char *form, int same)
{
    covsamp_mixture *mixture = new_mixture(5);
    covsamp_sampler *s = sampler_with(form);
    const covsamp_request *r;
    uint64_t mean = 0;
    guide_state state = {0, 0};
    while (covsamp_sampler_ask(s, &r) == COVSAMP_OK) {
        if (r->kind == COVSAMP_ASK_GUIDE) {
            CHECK((r->point == mean) == same);
            CHECK(covsamp_sampler_tell(s, guide(&state, r)) == COVSAMP_OK);
            continue;
        }
        if (r->mean != NULL)
            mean = r->point;
        CHECK(r->point == mean);
        CHECK(covsamp_sampler_tell(s, covsamp_mixture_answer(mixture, r)) == COVSAMP_OK);
    }
    covsamp_sampler_free(s);
    covsamp_mixture_free(mixture);
}

int main(void)
{
    bad_options();
    bad_weights();
    no_bound_of_a_guided_one();
    guided_nowhere();
    guides("mean");
    guides("state");
    guides("score");
    branches_forgotten();
    points("mean", 0);
    points("state", 1);
    points("score", 1);
    return check_done();
}
