/* SPDX-License-Identifier: BSD-3-Clause */
/* Statistics of every step: what they say of a batch is what the samples say one by one, and their
 * sum is what the sampler says of the whole run. */
#include "check.h"
#include "skew.h"

#include <stdlib.h>

enum { D = SKEW_DIM, BATCH = 5, STEPS = 7, MOST = 16 };

static const int64_t levels[STEPS] = {1000, 800, 600, 400, 200, 60, 10};
static covsamp_schedule *schedule;

typedef struct {
    covsamp_step_stats row[STEPS];
    int64_t counts[STEPS][MOST + 1];
} record;

static record read_record(const covsamp_sampler *s, int histogram)
{
    record r;
    memset(&r, 0, sizeof r);
    for (int i = 0; i < STEPS; i++) {
        r.row[i].size = sizeof r.row[i];
        CHECK(covsamp_sampler_step_stats(s, i, &r.row[i]) == COVSAMP_OK);
        CHECK(r.row[i].step == i && r.row[i].level == levels[i]);
        CHECK(covsamp_sampler_products(s, i, r.counts[i], MOST + 1) ==
              (histogram ? COVSAMP_OK : COVSAMP_E_UNSUPPORTED));
    }
    return r;
}

/* The rows add up to the statistics of the run. */
static void adds_up(const covsamp_sampler *s, const record *r, int64_t batch)
{
    const covsamp_stats all = stats_of(s);
    int64_t used = 0, values = 0, clamped = 0;
    double asymmetry = 0, error = 0;
    for (int i = 0; i < STEPS; i++) {
        const covsamp_step_stats *t = &r->row[i];
        CHECK(t->samples == batch);
        CHECK(t->products_least * batch <= t->products_used);
        CHECK(t->products_most * batch >= t->products_used);
        CHECK(t->error_mean <= t->error_estimate);
        used += t->products_used;
        values += t->ritz_values;
        clamped += t->ritz_clamped;
        asymmetry = fmax(asymmetry, t->asymmetry);
        error = fmax(error, t->error_estimate);
    }
    CHECK(used == all.products_used && values == all.ritz_values && clamped == all.ritz_clamped);
    CHECK(asymmetry == all.asymmetry && error == all.error_estimate);
}

/* The histogram is that of samples, and says what the row says. */
static void is_histogram(const record *r, int64_t batch)
{
    for (int i = 0; i < STEPS; i++) {
        int64_t samples = 0, products = 0, least = -1, most = 0;
        for (int k = 0; k <= MOST; k++) {
            samples += r->counts[i][k];
            products += k * r->counts[i][k];
            if (r->counts[i][k] > 0) {
                least = least < 0 ? k : least;
                most = k;
            }
        }
        CHECK(samples == batch && products == r->row[i].products_used);
        CHECK(least == r->row[i].products_least && most == r->row[i].products_most);
    }
}

static covsamp_sampler *sampler(const char *options, int64_t batch, int64_t first)
{
    covsamp_sampler *s = sampler_of(schedule, levels, STEPS,
                                    "prediction=x0 dtype=f64 dim=%d width=%d seed=8 batch=%d "
                                    "first_sample=%d %s",
                                    D, D, (int)batch, (int)first, options);
    CHECK(s != NULL);
    return s;
}

/* A batch against its samples one by one: they are computed as if alone. */
static void against_singles(const char *options, skewed *model)
{
    const covsamp_model callbacks = skewed_model(model);
    covsamp_sampler *s = sampler(options, BATCH, 0);
    CHECK(covsamp_sampler_run(s, &callbacks) == COVSAMP_DONE);
    const record whole = read_record(s, 1);
    record sum;
    memset(&sum, 0, sizeof sum);
    adds_up(s, &whole, BATCH);
    is_histogram(&whole, BATCH);
    covsamp_sampler_free(s);
    for (int b = 0; b < BATCH; b++) {
        s = sampler(options, 1, b);
        CHECK(covsamp_sampler_run(s, &callbacks) == COVSAMP_DONE);
        const record one = read_record(s, 1);
        adds_up(s, &one, 1);
        for (int i = 0; i < STEPS; i++) {
            covsamp_step_stats *t = &sum.row[i];
            CHECK(one.row[i].error_mean == one.row[i].error_estimate);
            t->products_used += one.row[i].products_used;
            t->ritz_values += one.row[i].ritz_values;
            t->ritz_clamped += one.row[i].ritz_clamped;
            t->asymmetry = fmax(t->asymmetry, one.row[i].asymmetry);
            t->error_estimate = fmax(t->error_estimate, one.row[i].error_estimate);
            t->error_mean += one.row[i].error_estimate / BATCH;
            sum.counts[i][one.row[i].products_used]++;
        }
        covsamp_sampler_free(s);
    }
    for (int i = 0; i < STEPS; i++) {
        const covsamp_step_stats *t = &sum.row[i], *w = &whole.row[i];
        CHECK(t->products_used == w->products_used && t->ritz_values == w->ritz_values);
        CHECK(t->ritz_clamped == w->ritz_clamped && t->asymmetry == w->asymmetry);
        CHECK(t->error_estimate == w->error_estimate);
        CHECK_CLOSE(w->error_mean, t->error_mean, 1e-14);
        CHECK(memcmp(sum.counts[i], whole.counts[i], sizeof sum.counts[i]) == 0);
        CHECK(i + 1 < STEPS ? w->products_used > 0 : w->products_used == 0); /* no noise */
    }
}

/* With a tolerance samples stop by themselves, and the estimate is at most the tolerance where the
 * bound on products did not come first. */
static void tolerance(void)
{
    covsamp_mixture *mixture = skew_mixture(COVSAMP_PREDICTS_X0);
    skewed model = {.mixture = mixture, .amount = .1};
    const covsamp_model callbacks = skewed_model(&model);
    covsamp_sampler *s = sampler("tolerance=0.02 krylov_steps=11", BATCH, 0);
    CHECK(covsamp_sampler_run(s, &callbacks) == COVSAMP_DONE);
    const record r = read_record(s, 1);
    int spread = 0;
    for (int i = 0; i + 1 < STEPS; i++) {
        CHECK(r.row[i].products_least >= 2 && r.row[i].products_most <= 11);
        CHECK(r.row[i].products_most == 11 || r.row[i].error_estimate <= 0.02);
        CHECK(r.row[i].error_mean > 0 && r.row[i].asymmetry > 0);
        spread += r.row[i].products_most > r.row[i].products_least;
    }
    CHECK(spread > 0); /* or the test would not see one sample from another */
    /* a short array: the last entry takes what is beyond it */
    int64_t few[3], one[1];
    CHECK(covsamp_sampler_products(s, 0, few, 3) == COVSAMP_OK);
    CHECK(few[0] == r.counts[0][0] && few[1] == r.counts[0][1] &&
          few[0] + few[1] + few[2] == BATCH);
    CHECK(covsamp_sampler_products(s, 0, one, 1) == COVSAMP_OK && one[0] == BATCH);
    covsamp_sampler_free(s);
    against_singles("tolerance=0.02 krylov_steps=11", &model);
    against_singles("krylov_steps=3", &model);
    against_singles("krylov_steps=3 symmetrise=average", &model);
    against_singles("krylov_steps=4 clip_x0=0.7", &model);
    covsamp_mixture_free(mixture);
}

/* Nothing is known of steps that have not ended; a restart forgets. */
static void life(void)
{
    covsamp_mixture *mixture = skew_mixture(COVSAMP_PREDICTS_X0);
    skewed model = {.mixture = mixture, .amount = .1};
    const covsamp_model callbacks = skewed_model(&model);
    const covsamp_request *q = NULL;
    covsamp_sampler *s = sampler("tolerance=0.02", BATCH, 0);
    covsamp_step_stats row = {.size = sizeof row};
    int64_t counts[MOST + 1], before = 0;
    for (int end = 0; end <= STEPS; end++) {
        for (int i = 0; i < STEPS; i++) {
            CHECK(covsamp_sampler_step_stats(s, i, &row) == COVSAMP_OK);
            CHECK(row.samples == (i < end ? BATCH : 0) && (i < end || row.products_used == 0));
            CHECK(covsamp_sampler_products(s, i, counts, 1) == COVSAMP_OK);
            CHECK(counts[0] == (i < end ? BATCH : 0));
        }
        CHECK(covsamp_sampler_step(s, &callbacks) >= COVSAMP_OK);
    }
    const record first = read_record(s, 1);
    CHECK(covsamp_sampler_restart(s, 8, 0) == COVSAMP_OK);
    CHECK(covsamp_sampler_step_stats(s, 0, &row) == COVSAMP_OK && row.samples == 0);
    CHECK(row.products_used == 0 && row.error_estimate == 0 && row.level == 1000);
    CHECK(stats_of(s).products_used == 0 && stats_of(s).error_estimate == 0);
    while (covsamp_sampler_ask(s, &q) == COVSAMP_OK) { /* the run's counts grow within steps too */
        CHECK(skewed_answer(&model, q) == 0 && covsamp_sampler_tell(s, 0) == COVSAMP_OK);
        const int64_t used = stats_of(s).products_used;
        CHECK(used >= before && (q->product == NULL || used > before));
        before = used;
    }
    const record second = read_record(s, 1);
    CHECK(memcmp(&first, &second, sizeof first) == 0);
    covsamp_sampler_free(s);
    covsamp_mixture_free(mixture);
}

/* Other covariances have rows, and no histogram; steps without a covariance have zeros. */
static void others(void)
{
    static const struct {
        const char *options;
        int64_t products[STEPS]; /* of one sample */
    } cases[] = {{"covariance=dense", {D, D, D, D, D, D, 0}},
                 {"covariance=dense tangents=5", {D, D, D, D, D, D, 0}},
                 {"covariance=diag_probe probes=3", {3, 3, 3, 3, 3, 3, 0}},
                 {"covariance=state_isotropic probes=2 reuse=3", {2, 0, 0, 2, 0, 0, 0}},
                 {"covariance=spectral", {1, 1, 1, 1, 1, 1, 0}},
                 {"covariance=small", {0}},
                 {"covariance=none", {0}},
                 {"solver=euler", {0}},
                 {"covariance=dense window_low=100 window_high=700", {0, 0, D, D, D, 0, 0}}};
    covsamp_mixture *mixture = skew_mixture(COVSAMP_PREDICTS_X0);
    skewed model = {.mixture = mixture, .amount = .1};
    const covsamp_model callbacks = skewed_model(&model);
    for (int k = 0; k < LENGTH(cases); k++) {
        covsamp_sampler *s = sampler(cases[k].options, BATCH, 0);
        CHECK(covsamp_sampler_run(s, &callbacks) == COVSAMP_DONE);
        const record r = read_record(s, 0);
        adds_up(s, &r, BATCH);
        for (int i = 0; i < STEPS; i++) {
            CHECK(r.row[i].products_used == BATCH * cases[k].products[i]);
            CHECK(r.row[i].products_least == cases[k].products[i]);
            CHECK(r.row[i].products_most == cases[k].products[i]);
            CHECK(r.row[i].error_estimate == 0 && r.row[i].error_mean == 0);
        }
        covsamp_sampler_free(s);
    }
    covsamp_sampler *s = sampler("window_low=100 window_high=700 last_noise=1", BATCH, 0);
    CHECK(covsamp_sampler_run(s, &callbacks) == COVSAMP_DONE);
    const record r = read_record(s, 1);
    adds_up(s, &r, BATCH);
    is_histogram(&r, BATCH);
    for (int i = 0; i < STEPS; i++)
        CHECK(r.row[i].products_used == (i >= 2 && i <= 4 ? 2 * BATCH : 0));
    covsamp_sampler_free(s);
    covsamp_mixture_free(mixture);
}

/* Spaces that closed by themselves have no estimate: Gaussian data with two variances. */
static void closed(void)
{
    double q[D * D], variance[D], mean[D] = {0};
    gaussian data = {D, q, variance, mean};
    const covsamp_model model = model_of(gaussian_answer, &data);
    orthogonal(7, D, q);
    for (int i = 0; i < D; i++)
        variance[i] = i < 4 ? 1 : .01;
    covsamp_sampler *s = sampler("krylov_steps=6", BATCH, 0);
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
    const record r = read_record(s, 1);
    adds_up(s, &r, BATCH);
    is_histogram(&r, BATCH);
    for (int i = 2; i + 1 < STEPS; i++) {
        CHECK(r.counts[i][2] == BATCH);
        CHECK(r.row[i].error_estimate == 0 && r.row[i].error_mean == 0);
    }
    CHECK(stats_of(s).breakdowns > 0);
    covsamp_sampler_free(s);
}

static void bad_calls(void)
{
    covsamp_sampler *s = sampler("", BATCH, 0);
    covsamp_step_stats row = {.size = sizeof row};
    int64_t counts[4] = {-1, -1, -1, -1};
    CHECK(covsamp_sampler_step_stats(NULL, 0, &row) == COVSAMP_E_NULL);
    CHECK(covsamp_sampler_step_stats(s, 0, NULL) == COVSAMP_E_NULL);
    CHECK(covsamp_sampler_step_stats(s, -1, &row) == COVSAMP_E_RANGE);
    CHECK(covsamp_sampler_step_stats(s, STEPS, &row) == COVSAMP_E_RANGE);
    row.size = 8;
    CHECK(covsamp_sampler_step_stats(s, 0, &row) == COVSAMP_E_STRUCT_SIZE);
    CHECK(covsamp_sampler_products(NULL, 0, counts, 4) == COVSAMP_E_NULL);
    CHECK(covsamp_sampler_products(s, 0, NULL, 4) == COVSAMP_E_NULL);
    CHECK(covsamp_sampler_products(s, -1, counts, 4) == COVSAMP_E_RANGE);
    CHECK(covsamp_sampler_products(s, STEPS, counts, 4) == COVSAMP_E_RANGE);
    CHECK(covsamp_sampler_products(s, 0, counts, 0) == COVSAMP_E_RANGE && counts[0] == -1);
    CHECK(covsamp_sampler_products(s, 0, counts, 4) == COVSAMP_OK && counts[3] == 0);
    covsamp_sampler_free(s);
}

int main(void)
{
    schedule = linear_schedule();
    tolerance();
    life();
    others();
    closed();
    bad_calls();
    covsamp_schedule_free(schedule);
    return check_done();
}
