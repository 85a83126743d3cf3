/* SPDX-License-Identifier: BSD-3-Clause */
/* What a step costs, in means and products: as covsamp_sampler_stats() counts it, which must be
 * what the model was really asked for.  Prints the rows of README's table of methods that say so;
 * test_readme_costs.sh compares them with it. */
#include "check.h"
#include "gaussian.h"

#include <stdlib.h>

enum { LEVELS = 20, STEPS = 6, BATCH = 2, MOST_DIM = 7 };
static const int64_t visited[STEPS] = {20, 16, 12, 8, 4, 1};

/* ---- a mixture that counts ---- */

typedef struct {
    covsamp_mixture *mixture;
    int64_t means, products, heads;
} counting;

static int32_t counting_answer(void *model, const covsamp_request *q)
{
    counting *c = model;
    c->means += q->mean != NULL;
    c->products += q->product != NULL ? q->tangents : 0;
    c->heads += q->head != NULL;
    for (int64_t i = 0; q->head != NULL && i < q->batch * q->stride; i++)
        store(q->dtype, q->head, i, -.1);
    return covsamp_mixture_answer(c->mixture, q);
}

static covsamp_mixture *two_clusters(int64_t dim, int32_t prediction)
{
    double weights[2] = {1, 2}, means[2 * MOST_DIM] = {0}, covs[2 * MOST_DIM * MOST_DIM] = {0};
    covsamp_mixture *m = NULL;
    for (int64_t i = 0; i < dim; i++) {
        means[i] = 1;
        means[dim + i] = i % 2 ? -1 : .5;
        covs[i * dim + i] = .1 + .2 * (double)i;
        covs[(dim + i) * dim + i] = .7;
    }
    CHECK(covsamp_mixture_new(&m, dim, 2, weights, means, covs, prediction, NULL, NULL) ==
          COVSAMP_OK);
    return m;
}

/* ---- one run ---- */

typedef struct {
    int64_t means, products;
} cost;

/* The cost of each step, of a batch and so of each of its samples. */
static void measure(const covsamp_schedule *schedule, int64_t dim, const char *options, cost *steps)
{
    const int flow = strstr(options, "prediction=flow") != NULL;
    counting c = {two_clusters(dim, flow ? COVSAMP_PREDICTS_FLOW : COVSAMP_PREDICTS_X0), 0, 0, 0};
    const covsamp_model model = model_of(counting_answer, &c);
    covsamp_sampler *s =
        sampler_of(schedule, visited, STEPS, "batch=%d dim=%d width=%d dtype=f64 prediction=x0 %s",
                   BATCH, (int)dim, (int)dim, options);
    memset(steps, 0, STEPS * sizeof *steps);
    for (int i = 0; CHECK(s != NULL) && i < STEPS; i++) {
        const cost before = {c.means, c.products};
        const covsamp_stats old = stats_of(s);
        CHECK(covsamp_sampler_step(s, &model) == (i + 1 < STEPS ? COVSAMP_OK : COVSAMP_DONE));
        const covsamp_stats now = stats_of(s);
        CHECK(now.steps == i + 1);
        steps[i].means = now.mean_requests - old.mean_requests;
        steps[i].products = now.jvp_tangents - old.jvp_tangents;
        CHECK(steps[i].means == c.means - before.means);
        CHECK(steps[i].products == c.products - before.products);
        CHECK(now.products_paid == BATCH * now.jvp_tangents);
        CHECK(now.products_used <= now.products_paid);
    }
    const int head = strstr(options, "diag_model") != NULL;
    CHECK(c.heads == (head ? STEPS - 1 : 0)); /* with the mean, where there is noise */
    covsamp_sampler_free(s);
    covsamp_mixture_free(c.mixture);
}

/* ---- the rows ---- */

/* What a row of the table is measured with; "%d" in the options takes 1, 2, 3. */
typedef struct {
    const char *cell;       /* the column "option" of the table */
    const char *letter;     /* of what "%d" stands for; D: the dimension, which takes 5, 6, 7 */
    const char *options[4]; /* alike in cost */
    int only_ddpm;          /* not with eta < 1 */
    int solver;             /* takes no other covariance, eta or mean_order */
} row;

static const row rows[] = {
    {"`covariance=none`", "", {"covariance=none"}, 0, 0},
    {"`small`", "", {"covariance=small"}, 0, 0},
    {"`large`", "", {"covariance=large"}, 1, 0},
    {"`analytic` and a table", "", {"covariance=analytic"}, 0, 0},
    {"`state_isotropic`", "M", {"covariance=state_isotropic probes=%d"}, 0, 0},
    {"`diag_probe`", "M", {"covariance=diag_probe probes=%d"}, 0, 0},
    {"`diag_model`, `head`",
     "",
     {"covariance=diag_model head=ocm", "covariance=diag_model head=sn",
      "covariance=diag_model head=npr", "covariance=diag_model head=iddpm"},
     1,
     0},
    {"`spectral`", "M", {"covariance=spectral probes=%d"}, 0, 0},
    {"`krylov`", "m", {"covariance=krylov krylov_steps=%d"}, 0, 0},
    {"`dense`", "D", {"covariance=dense"}, 0, 0},
    {"`mean_order=2`", "", {NULL}, 0, 0}, /* every row above is measured with it */
    {"`solver=euler`, `dpmpp_2m`, `dpmpp_2m_sde`",
     "",
     {"solver=euler", "solver=dpmpp_2m", "solver=dpmpp_2m_sde"},
     0,
     1},
    {"`solver=heun`, `dpmpp_2s`", "", {"solver=heun", "solver=dpmpp_2s"}, 0, 1},
    {"`solver=addim`", "", {"solver=addim"}, 0, 1}};

static int equal(cost a, cost b)
{
    return a.means == b.means && a.products == b.products;
}

/* "1 mean, M products" from the costs at the values of the parameter. */
static const char *in_words(const row *r, const cost *at, const int *values, int count, char *text)
{
    int follows = 1, constant = 1;
    for (int i = 0; i < count; i++) {
        follows &= at[i].products == values[i];
        constant &= at[i].products == at[0].products;
        CHECK(at[i].means == at[0].means);
    }
    int n = snprintf(text, 64, "%d mean%s", (int)at[0].means, at[0].means == 1 ? "" : "s");
    CHECK(follows || constant);
    if (follows && !constant)
        snprintf(text + n, (size_t)(64 - n), ", %s products", r->letter);
    else if (at[0].products > 0)
        snprintf(text + n, (size_t)(64 - n), ", %d products", (int)at[0].products);
    return text;
}

/* All steps but the last cost the same, in every variation that leaves the method what it is. */
static void measure_row(const covsamp_schedule *schedule, const row *r, int value, cost *step,
                        cost *last)
{
    static const char *const variations[] = {
        "",       " mean_jvp=0",          " clip_x0=1", " seed=3", " mean_order=2",
        " eta=0", " mean_order=2 eta=0.5"};
    const int count = r->solver ? 4 : r->only_ddpm ? 5 : LENGTH(variations);
    for (int o = 0; o < LENGTH(r->options) && r->options[o] != NULL; o++)
        for (int v = 0; v < count; v++) {
            char options[256];
            cost steps[STEPS];
            const int is_dim = r->letter[0] == 'D';
            int n = snprintf(options, sizeof options, r->options[o], value);
            snprintf(options + n, sizeof options - (size_t)n, "%s", variations[v]);
            measure(schedule, is_dim ? value : 5, options, steps);
            if (o == 0 && v == 0) {
                *step = steps[0];
                *last = steps[STEPS - 1];
            }
            for (int i = 0; i + 1 < STEPS; i++)
                CHECK(equal(steps[i], *step));
            CHECK(equal(steps[STEPS - 1], *last));
        }
}

static void print_rows(const covsamp_schedule *schedule)
{
    static const int small[3] = {1, 2, 3}, dims[3] = {5, 6, MOST_DIM};
    for (int k = 0; k < LENGTH(rows); k++) {
        const row *r = &rows[k];
        const int *values = r->letter[0] == 'D' ? dims : small;
        cost step[3], last[3];
        char a[64], b[64];
        if (r->options[0] == NULL) {
            printf("| %s | as above | as above |\n", r->cell);
            continue;
        }
        for (int i = 0; i < 3; i++)
            measure_row(schedule, r, values[i], &step[i], &last[i]);
        printf("| %s | %s | %s |\n", r->cell, in_words(r, step, values, 3, a),
               in_words(r, last, values, 3, b));
    }
}

/* ---- what the text below the table says ---- */

static void expect(const covsamp_schedule *schedule, const char *options, const cost *expected)
{
    cost steps[STEPS];
    measure(schedule, 5, options, steps);
    for (int i = 0; i < STEPS; i++)
        if (!CHECK(equal(steps[i], expected[i])))
            fprintf(stderr, "    %s, step %d: %d means, %d products\n", options, i,
                    (int)steps[i].means, (int)steps[i].products);
}

static void test_exceptions(const covsamp_schedule *schedule)
{
    static const cost noisy[STEPS] = {{1, 2}, {1, 2}, {1, 2}, {1, 2}, {1, 2}, {1, 2}},
                      reused[STEPS] = {{1, 3}, {1, 0}, {1, 3}, {1, 0}, {1, 3}, {1, 0}},
                      window[STEPS] = {{1, 0}, {1, 0}, {1, 2}, {1, 2}, {1, 0}, {1, 0}},
                      no_alpha[STEPS] = {{1, 0}, {1, 2}, {1, 2}, {1, 2}, {1, 2}, {1, 0}},
                      heun[STEPS] = {{1, 0}, {2, 0}, {2, 0}, {2, 0}, {2, 0}, {1, 0}};
    covsamp_schedule *flow = NULL;
    CHECK(covsamp_schedule_new_flow(&flow, LEVELS, NULL, NULL) == COVSAMP_OK);
    expect(schedule, "covariance=krylov last_noise=1", noisy);
    expect(schedule, "covariance=diag_probe probes=3 reuse=2", reused);
    expect(schedule, "covariance=diag_probe probes=3 tangents=3 reuse=2", reused);
    expect(schedule, "covariance=krylov window_low=8 window_high=12", window);
    expect(flow, "covariance=krylov prediction=flow", no_alpha);
    expect(flow, "solver=heun prediction=flow", heun);
    expect(flow, "solver=dpmpp_2s prediction=flow", heun);
    covsamp_schedule_free(flow);
}

int main(void)
{
    double noise[LEVELS];
    covsamp_schedule *schedule = NULL;
    for (int i = 0; i < LEVELS; i++)
        noise[i] = .8;
    use_table(COVSAMP_TABLE_NOISE, noise, LEVELS);
    CHECK(covsamp_schedule_new_linear(&schedule, LEVELS, .01, .4, NULL, NULL) == COVSAMP_OK);
    print_rows(schedule);
    test_exceptions(schedule);
    covsamp_schedule_free(schedule);
    return check_done();
}
