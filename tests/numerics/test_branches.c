/* SPDX-License-Identifier: BSD-3-Clause */
/* Classifier-free guidance: f = (1 + w) f_0 - w f_1 for means, and for products and heads where
 * asked; which branches are asked; both in one request; and guidance of the score, which every
 * solver takes. */
#include "check.h"
#include "gaussian.h"

enum { D = 6, BATCH = 3, STEPS = 6 };
static covsamp_schedule *schedule;
static int64_t levels[STEPS];
static double q[2][D * D];
static const double variance[2][D] = {{.1, .3, .5, 1, 2, 3}, {.4, .2, 1, 1.5, .7, 2.5}};
static const double center[2][D] = {{.5, -.4, .3, 0, 1, -1}, {-.5, .2, 0, .8, -.3, .4}};
static int64_t asked[3]; /* requests by branch, and about both */

/* ---- two Gaussians, one a branch ---- */

static int32_t answer_of(int branch, const covsamp_request *r)
{
    gaussian data = {D, q[branch], variance[branch], center[branch]};
    covsamp_request own = *r;
    if (r->transposed != NULL) { /* J is symmetric */
        own.kind = COVSAMP_ASK_JVP;
        own.product = r->transposed;
    }
    for (int64_t b = 0; b < r->batch && r->head != NULL; b++)
        for (int i = 0; i < D; i++)
            store(r->dtype, r->head, b * r->stride + i, .3 + .05 * i + .2 * branch);
    return gaussian_answer(&data, &own);
}

static int32_t by_branch(void *ignored, const covsamp_request *r)
{
    (void)ignored;
    const int both =
        r->other_mean != NULL || r->other_product != NULL || r->other_transposed != NULL;
    asked[both ? 2 : r->branch]++;
    const int32_t answer = answer_of(r->branch, r);
    if (!both || answer != 0)
        return answer;
    covsamp_request other = *r;
    other.mean = r->other_mean;
    other.product = r->other_product;
    other.transposed = r->other_transposed;
    other.head = r->other_head;
    return answer_of(1, &other);
}
static int32_t only_0(void *ignored, const covsamp_request *r)
{
    (void)ignored;
    return answer_of(0, r);
}
static int32_t only_1(void *ignored, const covsamp_request *r)
{
    (void)ignored;
    return answer_of(1, r);
}

static covsamp_stats stats;

static void run(covsamp_answer_fn answer, covsamp_answer_fn guide, const char *options, double *x)
{
    covsamp_model model = model_of(answer, NULL);
    model.vjp = answer;
    model.guide = guide;
    covsamp_sampler *s = sampler_of(
        schedule, levels, STEPS, "batch=%d dim=%d width=%d prediction=x0 last_noise=1 dtype=f64 %s",
        BATCH, D, D, options);
    memset(asked, 0, sizeof asked);
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
    read_state(s, COVSAMP_F64, BATCH, D, x);
    stats = stats_of(s);
    covsamp_sampler_free(s);
}

static int same(const double *x, const double *y)
{
    return memcmp(x, y, sizeof(double) * BATCH * D) == 0;
}

/* w = 0 is branch 0 alone, w = -1 branch 1 alone, bit for bit. */
static const struct {
    const char *options;
    int jacobian; /* w = -1 needs guided_jacobian */
} methods[] = {{"covariance=none eta=0", 0},
               {"covariance=small", 0},
               {"covariance=large clip_x0=1", 0},
               {"covariance=small eta=.5 clip_x0=1 eps_after_clip=raw", 0},
               {"solver=heun churn=3", 0},
               {"solver=dpmpp_2m", 0},
               {"solver=dpmpp_2s", 0},
               {"solver=addim", 0},
               {"solver=dpmpp_2m_sde", 0},
               {"covariance=krylov", 1},
               {"covariance=krylov clip_x0=1 tolerance=0.01", 1},
               {"covariance=krylov symmetrise=average", 1},
               {"covariance=dense tangents=4", 1},
               {"covariance=diag_probe probes=2 tangents=2", 1},
               {"covariance=state_isotropic reuse=2", 1},
               {"covariance=spectral", 1},
               {"covariance=diag_model head=ocm", 1},
               {"covariance=diag_model head=sn", 1},
               {"covariance=diag_model head=iddpm", 1}};

static void test_ends(void)
{
    double x[BATCH * D], y[BATCH * D];
    char text[256];
    for (int i = 0; i < LENGTH(methods); i++)
        for (int jacobian = 0; jacobian < 2; jacobian++)
            for (int branches = 1; branches <= 2; branches++) {
                const char *format = "%s cfg=%d guided_jacobian=%d branches=%d";
                run(only_0, NULL, methods[i].options, x);
                snprintf(text, sizeof text, format, methods[i].options, 0, jacobian, branches);
                run(by_branch, NULL, text, y);
                CHECK(same(x, y) && asked[1] == 0 && asked[2] == 0);
                if (methods[i].jacobian && !jacobian)
                    continue;
                run(only_1, NULL, methods[i].options, x);
                snprintf(text, sizeof text, format, methods[i].options, -1, jacobian, branches);
                run(by_branch, NULL, text, y);
                CHECK(same(x, y) && asked[0] == 0 && asked[2] == 0);
            }
}

/* ---- in between: a model that combines by itself ---- */

static double weight; /* w of `combined` */

static int32_t combined(void *ignored, const covsamp_request *r)
{
    double own[2][D * BATCH * 4];
    covsamp_request part = *r;
    (void)ignored;
    for (int kind = 0; kind < 4; kind++) {
        void *out = kind == 0   ? r->mean
                    : kind == 1 ? r->product
                    : kind == 2 ? r->head
                                : r->transposed;
        if (out == NULL)
            continue;
        const int64_t count = kind == 1 || kind == 3 ? r->tangents : 1;
        for (int branch = 0; branch < 2; branch++) {
            part.head = kind == 2 ? own[branch] : NULL;
            part.mean = kind == 0 ? own[branch] : NULL;
            part.product = kind == 1 ? own[branch] : NULL;
            part.transposed = kind == 3 ? own[branch] : NULL;
            part.kind = kind == 1   ? COVSAMP_ASK_JVP
                        : kind == 3 ? COVSAMP_ASK_VJP
                                    : COVSAMP_ASK_MEAN;
            part.tangents = kind == 1 || kind == 3 ? r->tangents : 0;
            answer_of(branch, &part);
        }
        for (int64_t i = 0; i < count * BATCH * D; i++)
            ((double *)out)[i] = (1 + weight) * own[0][i] - weight * own[1][i];
    }
    return 0;
}

static void test_between(void)
{
    static const double weights[] = {1.5, -.4, 4};
    double x[BATCH * D], y[BATCH * D], z[BATCH * D];
    char text[256];
    for (int i = 0; i < LENGTH(methods); i++)
        for (int w = 0; w < LENGTH(weights); w++) {
            weight = weights[w];
            run(combined, NULL, methods[i].options, x);
            snprintf(text, sizeof text, "%s cfg=%g guided_jacobian=1", methods[i].options, weight);
            run(by_branch, NULL, text, y);
            CHECK(asked[0] > 0 && asked[0] == asked[1] && asked[2] == 0);
            for (int k = 0; k < BATCH * D; k++)
                CHECK_NEAR(x[k], y[k], 1e-10 * (1 + fabs(x[k])));
            const covsamp_stats apart = stats;
            snprintf(text, sizeof text, "%s cfg=%g guided_jacobian=1 branches=2",
                     methods[i].options, weight);
            run(by_branch, NULL, text, z);
            CHECK(same(y, z) && asked[0] == 0 && asked[1] == 0 && asked[2] > 0);
            CHECK(stats.mean_requests == apart.mean_requests &&
                  stats.jvp_tangents == apart.jvp_tangents &&
                  stats.vjp_tangents == apart.vjp_tangents);
        }
}

/* Without guided_jacobian products and heads are those of branch 0, whatever the weight. */
static int32_t mean_combined(void *ignored, const covsamp_request *r)
{
    covsamp_request part = *r;
    if (r->mean != NULL) {
        part.product = part.transposed = NULL;
        part.head = NULL;
        part.kind = COVSAMP_ASK_MEAN;
        part.tangents = 0;
        combined(ignored, &part);
    }
    if (r->product == NULL && r->transposed == NULL)
        return 0;
    part = *r;
    part.mean = NULL;
    part.kind = r->transposed != NULL ? COVSAMP_ASK_VJP : COVSAMP_ASK_JVP;
    return answer_of(0, &part);
}

static void test_conditional_covariance(void)
{
    static const char *const by_products[] = {
        "covariance=krylov",     "covariance=krylov mean_jvp=0",
        "covariance=dense",      "covariance=krylov clip_x0=1",
        "covariance=diag_probe", "covariance=krylov symmetrise=average"};
    double x[BATCH * D], y[BATCH * D];
    char text[256];
    weight = 1.5;
    for (int i = 0; i < LENGTH(by_products); i++) {
        run(mean_combined, NULL, by_products[i], x);
        const int64_t tangents = stats.jvp_tangents;
        snprintf(text, sizeof text, "%s cfg=1.5 branches=%d", by_products[i], 1 + i % 2);
        run(by_branch, NULL, text, y);
        CHECK(stats.mean_requests == 2 * STEPS && stats.jvp_tangents == tangents);
        for (int k = 0; k < BATCH * D; k++)
            CHECK_NEAR(x[k], y[k], 1e-11 * (1 + fabs(x[k])));
    }
}

/* ---- where it holds ---- */

static void test_interval(void)
{
    double x[BATCH * D], y[BATCH * D], table[1000];
    char text[128];
    covsamp_config *c = NULL;
    snprintf(text, sizeof text, "covariance=small cfg=2 cfg_low=%d cfg_high=%d", (int)levels[4],
             (int)levels[2]);
    run(by_branch, NULL, text, x);
    CHECK(asked[0] == STEPS && asked[1] == 3);
    for (int n = 1; n <= 1000; n++)
        table[n - 1] = n >= levels[4] && n <= levels[2] ? 2 : 0;
    covsamp_model model = model_of(by_branch, NULL);
    covsamp_sampler *s = NULL;
    CHECK(covsamp_config_new(&c, NULL) == COVSAMP_OK);
    CHECK(covsamp_config_set_int(c, COVSAMP_BATCH, BATCH) == COVSAMP_OK);
    CHECK(covsamp_config_set_int(c, COVSAMP_DIM, D) == COVSAMP_OK);
    CHECK(covsamp_config_set_int(c, COVSAMP_DTYPE, COVSAMP_F64) == COVSAMP_OK);
    CHECK(covsamp_config_set_int(c, COVSAMP_PREDICTION, COVSAMP_PREDICTS_X0) == COVSAMP_OK);
    CHECK(covsamp_config_set_int(c, COVSAMP_COVARIANCE, COVSAMP_COV_SMALL) == COVSAMP_OK);
    CHECK(covsamp_config_set_int(c, COVSAMP_LAST_NOISE, 1) == COVSAMP_OK);
    CHECK(covsamp_config_set_schedule(c, schedule, levels, STEPS) == COVSAMP_OK);
    CHECK(covsamp_config_set_guidance(c, COVSAMP_GUIDANCE_FREE, table, 1000) == COVSAMP_OK);
    CHECK(covsamp_sampler_new(&s, c) == COVSAMP_OK);
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
    read_state(s, COVSAMP_F64, BATCH, D, y);
    CHECK(same(x, y));
    covsamp_sampler_free(s);
    covsamp_config_free(c);
}

/* ---- guidance of the score ---- */

static double strength;

static int32_t some_gradient(void *ignored, const covsamp_request *r)
{
    (void)ignored;
    for (int64_t b = 0; b < r->batch; b++)
        for (int i = 0; i < D; i++) {
            const double x = load(r->dtype, r->x, b * r->stride + i);
            store(r->dtype, r->gradient, b * r->stride + i, sin(x + i) * r->alpha + .001 * r->time);
        }
    return 0;
}
/* The same, by the model itself: x0 + w sigma^2 / alpha g. */
static int32_t guided_model(void *ignored, const covsamp_request *r)
{
    double g[BATCH * D];
    covsamp_request guide = *r;
    guide.gradient = g;
    some_gradient(NULL, &guide);
    const int32_t answer = only_0(ignored, r);
    for (int k = 0; k < BATCH * D && r->mean != NULL; k++)
        ((double *)r->mean)[k] += strength * r->sigma * r->sigma / r->alpha * g[k];
    return answer;
}

static void test_score(void)
{
    double x[BATCH * D], y[BATCH * D];
    char text[256];
    strength = .7;
    for (int i = 0; i < LENGTH(methods); i++) {
        if (strstr(methods[i].options, "head=sn") != NULL)
            continue; /* its head is about the unguided noise: test_conditional_head */
        run(guided_model, NULL, methods[i].options, x);
        const int64_t means = stats.mean_requests;
        snprintf(text, sizeof text, "%s guidance=0.7 guidance_form=score", methods[i].options);
        run(by_branch, some_gradient, text, y);
        CHECK(stats.guide_requests == means && means >= STEPS);
        for (int k = 0; k < BATCH * D; k++)
            CHECK_NEAR(x[k], y[k], 1e-11 * (1 + fabs(x[k])));
    }
}

/* SN takes the square of the predicted noise from its head: that of branch 0, not the guided one.
 * The step's variance is what a run with w = 0 from the same x has. */
static void test_conditional_head(void)
{
    static const char *const heads[] = {"sn", "ocm", "npr", "iddpm"};
    double none[BATCH * D], x[BATCH * D], plain[BATCH * D], guided[BATCH * D];
    char text[256];
    for (int i = 0; i < LENGTH(heads); i++)
        for (int w = 0; w < 3; w++) {
            const char *weight_text[] = {"cfg=0", "cfg=2", "guidance=2 guidance_form=score"};
            covsamp_model model = model_of(by_branch, NULL);
            model.guide = some_gradient;
            for (int noisy = 0; noisy < 2; noisy++) {
                snprintf(text, sizeof text, "batch=%d dim=%d prediction=x0 dtype=f64 %s %s", BATCH,
                         D, weight_text[w],
                         noisy ? "covariance=diag_model head=" : "covariance=none eta=1");
                if (noisy)
                    strcat(text, heads[i]);
                covsamp_sampler *s = sampler_of(schedule, levels, STEPS, "%s", text);
                CHECK(covsamp_sampler_step(s, &model) == COVSAMP_OK);
                read_state(s, COVSAMP_F64, BATCH, D, noisy ? x : none);
                covsamp_sampler_free(s);
            }
            for (int k = 0; k < BATCH * D; k++)
                (w ? guided : plain)[k] = x[k] - none[k];
            if (w)
                for (int k = 0; k < BATCH * D; k++)
                    CHECK_NEAR(plain[k], guided[k], 1e-13);
        }
}

int main(void)
{
    schedule = linear_schedule();
    CHECK(covsamp_schedule_spaced(schedule, STEPS, COVSAMP_SPACING_EVEN, levels, NULL) ==
          COVSAMP_OK);
    orthogonal(1, D, q[0]);
    orthogonal(2, D, q[1]);
    test_ends();
    test_between();
    test_conditional_covariance();
    test_conditional_head();
    test_interval();
    test_score();
    covsamp_schedule_free(schedule);
    return check_done();
}
