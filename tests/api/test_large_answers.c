/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers that are finite, but whose sums or squares are not: what tests/reliability/ found, one
 * function each.  Such a run ends with a sentence; no NaN is asked about, and none comes out. */
#include "fixture.h"

#include <float.h>

/* Every value of every answer, when it is time. */
typedef struct {
    covsamp_mixture *mixture;
    double mean, product; /* 0: as the mixture has it */
    int count, from;      /* the first request that is answered so */
    int nonsense;         /* requests about something that is not finite */
    covsamp_request last;
} large;

static void fill(const covsamp_request *q, void *p, int64_t count, double value)
{
    for (int64_t i = 0; p != NULL && value != 0 && i < count * q->batch * q->dim; i++)
        ((double *)p)[i] = i % 2 ? -value : value;
}

static int is_finite(const covsamp_request *q, const void *p)
{
    int ok = 1;
    for (int64_t i = 0; p != NULL && i < q->batch * q->dim; i++)
        ok &= isfinite(((const double *)p)[i]) != 0;
    return ok;
}

static int32_t large_answer(void *user, const covsamp_request *q)
{
    large *l = user;
    l->last = *q;
    l->nonsense += !is_finite(q, q->x) || !is_finite(q, q->v);
    const int32_t status = covsamp_mixture_answer(l->mixture, q);
    if (++l->count < l->from)
        return status;
    fill(q, q->mean, 1, l->mean);
    fill(q, q->product, q->tangents, l->product);
    fill(q, q->transposed, q->tangents, l->product);
    return status;
}

static covsamp_model model_with(large *l)
{
    covsamp_model m = model_of(l->mixture);
    m.model_user = m.guide_user = l;
    m.mean = m.jvp = m.mean_jvp = m.vjp = m.guide = large_answer;
    return m;
}

static covsamp_mixture *tilted_mixture(void)
{
    const double tilt[5] = {.1, .2, -.1, 0, .3};
    covsamp_mixture *mixture = new_mixture(5);
    CHECK(covsamp_mixture_set_tilt(mixture, tilt) == COVSAMP_OK);
    return mixture;
}

static covsamp_config *config_by(const char *const *options)
{
    const settings set = {.covariance = COVSAMP_COV_KRYLOV, .first_sample = 11};
    covsamp_config *c = new_config_with(&set, NULL);
    for (; *options != NULL; options += 2)
        CHECK(covsamp_config_set_by_name(c, options[0], options[1]) == COVSAMP_OK);
    return c;
}

static covsamp_sampler *sampler_by(const char *const *options)
{
    covsamp_sampler *s = NULL;
    covsamp_config *c = config_by(options);
    CHECK(covsamp_sampler_new(&s, c) == COVSAMP_OK);
    covsamp_config_free(c);
    return s;
}

/* E_OVERFLOW before the model is asked, and a run like any other after a restart. */
static void asks_no_nonsense(const char *const *options, double mean, const char *where)
{
    large l = {.mixture = tilted_mixture(), .mean = mean, .from = 1};
    large none = {.mixture = l.mixture, .from = 1};
    const covsamp_model model = model_with(&l), good = model_with(&none);
    covsamp_sampler *s = sampler_by(options);
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_E_OVERFLOW);
    CHECK(l.nonsense == 0);
    CHECK_TEXT(covsamp_sampler_message(s), "covsamp_sampler_run: the x that the model would be ");
    CHECK_TEXT(covsamp_sampler_message(s), "of sample 11 (step ");
    CHECK_TEXT(covsamp_sampler_message(s), where);
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_E_STATE);
    if (mean != 0) {
        CHECK(covsamp_sampler_restart(s, 0, 11) == COVSAMP_OK);
        CHECK(covsamp_sampler_run(s, &good) == COVSAMP_DONE);
    }
    covsamp_sampler_free(s);
    covsamp_mixture_free(l.mixture);
}

static void second_evaluation_of_heun(void)
{
    const char *const options[] = {"covariance", "none", "eta", "0", "solver", "heun", NULL};
    asks_no_nonsense(options, DBL_MAX, "step 0 of 4, level 15");
}

static void gradient_at_the_mean(void)
{
    const char *const options[] = {"guidance", "1", NULL};
    asks_no_nonsense(options, DBL_MAX, "step 0 of 4, level 15");
}

static void endless_churn(void)
{
    const char *const options[] = {"covariance", "none", "eta",         "0",   "solver", "heun",
                                   "churn",      "2",    "churn_noise", "inf", NULL};
    asks_no_nonsense(options, 0, "step 1 of 4");
}

/* The message names the level that was asked about, not the one where the step begins. */
static void level_of_a_second_evaluation(void)
{
    const char *const options[] = {"covariance", "none", "eta", "0", "solver", "heun", NULL};
    large l = {.mixture = tilted_mixture(), .mean = NAN, .from = 2};
    const covsamp_model model = model_with(&l);
    covsamp_sampler *s = sampler_by(options);
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_E_NONFINITE);
    CHECK(l.last.level == 15);
    CHECK_TEXT(covsamp_sampler_message(s), "(step 0 of 4, level 15)");
    covsamp_sampler_free(s);
    covsamp_mixture_free(l.mixture);
}

static const double data[15] = {.1, -.5, .3, .2, .4, -.1, .5, -.3, .2, .1, 0, 0, .25, .5, -.25};

static void calibration_of_large_means(void)
{
    const char *const options[] = {"tangents", "2", NULL};
    large l = {.mixture = tilted_mixture(), .mean = 1e200, .from = 6}; /* the second batch */
    const covsamp_model model = model_with(&l);
    covsamp_calibration *h = NULL;
    covsamp_config *c = config_by(options);
    CHECK(covsamp_calibration_new(&h, c, NULL, 0, 1) == COVSAMP_OK);
    CHECK(covsamp_calibration_run(h, &model, data, 5, 3) == COVSAMP_DONE);
    CHECK(covsamp_calibration_run(h, &model, data, 5, 3) == COVSAMP_E_OVERFLOW);
    CHECK_TEXT(covsamp_calibration_message(h), "covsamp_calibration_run: ");
    CHECK_TEXT(covsamp_calibration_message(h), "sample 16 ");
    CHECK_TEXT(covsamp_calibration_message(h), "(level 15)");
    for (int64_t i = 0; i < 4; i++) { /* only the level before has seen the second batch */
        covsamp_calibration_level row = {.size = sizeof row};
        CHECK(covsamp_calibration_row(h, i, &row) == COVSAMP_OK);
        CHECK(row.samples == (i == 0 ? 6 : 3));
        CHECK(isfinite(row.error) && isfinite(row.error_deviation) && isfinite(row.noise) &&
              isfinite(row.noise_deviation) && isfinite(row.trace) && isfinite(row.asymmetry));
    }
    l.mean = 0;
    CHECK(covsamp_calibration_run(h, &model, data, 5, 3) == COVSAMP_DONE);
    covsamp_calibration_free(h);
    covsamp_config_free(c);
    covsamp_mixture_free(l.mixture);
}

static void bound_of_large_means(void)
{
    const char *const options[] = {"covariance", "dense", NULL};
    large l = {.mixture = tilted_mixture(), .mean = 1e200, .from = 1};
    const covsamp_model model = model_with(&l);
    covsamp_nelbo *h = NULL;
    covsamp_nelbo_total total = {.size = sizeof total};
    covsamp_config *c = config_by(options);
    CHECK(covsamp_nelbo_new(&h, c, 0) == COVSAMP_OK);
    CHECK(covsamp_nelbo_run(h, &model, data, 5, 3) == COVSAMP_E_OVERFLOW);
    CHECK_TEXT(covsamp_nelbo_message(h), "covsamp_nelbo_run: term 1 of sample 11 is too large");
    CHECK(covsamp_nelbo_sum(h, &total) == COVSAMP_E_STATE); /* none of it is counted */
    l.mean = 0;
    CHECK(covsamp_nelbo_run(h, &model, data, 5, 3) == COVSAMP_DONE);
    CHECK(covsamp_nelbo_sum(h, &total) == COVSAMP_OK && total.samples == 3);
    CHECK(isfinite(total.nats) && isfinite(total.deviation));
    covsamp_nelbo_free(h);
    covsamp_config_free(c);
    covsamp_mixture_free(l.mixture);
}

static void asymmetry_of_large_products(void)
{
    const char *const options[] = {"krylov_steps", "3", "symmetrise", "project", NULL};
    large l = {.mixture = tilted_mixture(), .product = 1e160, .from = 3};
    const covsamp_model model = model_with(&l);
    covsamp_posterior_modes *h = NULL;
    covsamp_config *c = config_by(options);
    CHECK(covsamp_posterior_modes_new(&h, c, 10, 1) == COVSAMP_OK);
    CHECK(covsamp_posterior_modes_data(h, data, 5, 3) == COVSAMP_OK);
    CHECK(covsamp_posterior_modes_run(h, &model) == COVSAMP_DONE);
    for (int64_t b = 0; b < 3; b++) {
        covsamp_mode mode = {.size = sizeof mode};
        double asymmetry = NAN;
        CHECK(covsamp_posterior_modes_row(h, b, 0, &mode) == COVSAMP_OK);
        CHECK(isfinite(mode.value) && !isnan(mode.residual));
        CHECK(covsamp_posterior_modes_space(h, b, NULL, &asymmetry) == COVSAMP_OK);
        CHECK(asymmetry > 0 && isfinite(asymmetry));
    }
    covsamp_posterior_modes_free(h);
    covsamp_config_free(c);
    covsamp_mixture_free(l.mixture);
}

/* The last value of the batch is as large as can be where the last step begins. */
static int32_t reverse_answer(void *user, const covsamp_request *q)
{
    large *l = user;
    const int64_t n = q->batch * q->dim;
    l->nonsense += !is_finite(q, q->x);
    for (int64_t i = 0; q->mean != NULL && i < n; i++)
        ((double *)q->mean)[i] =
            q->step + 1 == q->steps && i + 1 == n ? DBL_MAX : 0.9 * ((const double *)q->x)[i];
    return 0;
}

/* The state that such a mean leads to is infinite: progress does not hear of it, whether it is a
 * sample's or only fills the batch up. */
static void progress_of_a_bound(void)
{
    const char *const options[] = {"covariance", "small", "prediction", "reverse", NULL};
    for (int64_t samples = 1; samples <= 3; samples++) {
        large l = {.from = 1};
        const covsamp_model model = {.size = sizeof model,
                                     .model_user = &l,
                                     .progress_user = &l,
                                     .mean = reverse_answer,
                                     .progress = reverse_answer};
        covsamp_nelbo *h = NULL;
        covsamp_config *c = config_by(options);
        CHECK(covsamp_nelbo_new(&h, c, 0) == COVSAMP_OK);
        CHECK(covsamp_nelbo_run(h, &model, data, 5, samples) ==
              (samples < 3 ? COVSAMP_DONE : COVSAMP_E_OVERFLOW));
        CHECK_TEXT(covsamp_nelbo_message(h), samples < 3 ? "" : "term 4 of sample 13 is too large");
        CHECK(l.nonsense == 0);
        covsamp_nelbo_free(h);
        covsamp_config_free(c);
    }
}

/* Finite products may make a projection that is not: no draw comes of it. */
static void eigenvalues_of_what_is_not_finite(void)
{
    const char *const options[] = {"krylov_steps", "3", NULL};
    large l = {.mixture = tilted_mixture(), .product = DBL_MAX, .from = 1};
    const covsamp_model model = model_with(&l);
    covsamp_sampler *s = sampler_by(options);
    const covsamp_status status = covsamp_sampler_run(s, &model);
    CHECK(status == COVSAMP_E_LINALG || status == COVSAMP_E_OVERFLOW);
    CHECK_TEXT(covsamp_sampler_message(s), "step 0 of 4");
    CHECK(l.nonsense == 0);
    covsamp_sampler_free(s);
    covsamp_mixture_free(l.mixture);
}

int main(void)
{
    second_evaluation_of_heun();
    gradient_at_the_mean();
    endless_churn();
    level_of_a_second_evaluation();
    calibration_of_large_means();
    bound_of_large_means();
    asymmetry_of_large_products();
    progress_of_a_bound();
    eigenvalues_of_what_is_not_finite();
    return check_done();
}
