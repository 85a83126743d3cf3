/* SPDX-License-Identifier: BSD-3-Clause */
/* Learned diagonals: a model whose head is made from a known C in each of the four
 * parameterisations, so that the library must give C back. */
#include "draws.h"

enum { D = 5, B = 2, STEPS = 10 };
static covsamp_schedule *schedule;
static int64_t levels[STEPS];
static double x0[B * D],
    variance[B * D]; /* of the model, unclipped; of x0, or for I-DDPM of the step */

typedef struct {
    int32_t head, prediction;
    int64_t requests, heads; /* seen */
    int64_t count;           /* levels visited */
    int32_t spoil, reserved; /* 1: a NaN in the head of the second step */
} learned;

/* log of beta and of beta-tilde of the step of a request; into data, beta-tilde from 2 to 1. */
static void log_range(const covsamp_request *r, double *low, double *high)
{
    const int last = r->step + 1 == r->steps;
    double lambda, b, at, st, as = 1, ss = 0;
    step_numbers(schedule, last ? 2 : r->level, last ? 1 : levels[r->step + 1], 1, &lambda, &b);
    *low = 2 * log(lambda);
    (void)covsamp_schedule_at(schedule, (double)r->level, &at, &st, NULL);
    if (!last)
        (void)covsamp_schedule_at(schedule, (double)levels[r->step + 1], &as, &ss, NULL);
    *high = log(st * st - at / as * (at / as) * ss * ss);
}

/* What the head says of value i where the variance is c. */
static double head_of(const learned *m, const covsamp_request *r, double e, double c)
{
    const double unit = r->sigma * r->sigma / (r->alpha * r->alpha);
    double low, high;
    switch (m->head) {
    case COVSAMP_HEAD_OCM:
        return c / unit - 1;
    case COVSAMP_HEAD_SN:
        return c / unit + e * e;
    case COVSAMP_HEAD_NPR:
        return c / unit;
    default:
        log_range(r, &low, &high);
        return 2 * c - 1; /* c: the share v' */
    }
}

static int32_t learned_answer(void *data, const covsamp_request *r)
{
    learned *m = data;
    m->requests++;
    CHECK(r->kind == COVSAMP_ASK_MEAN && r->product == NULL && r->mean != NULL);
    m->heads += r->head != NULL;
    for (int64_t b = 0; b < r->batch; b++)
        for (int i = 0; i < D; i++) {
            const int64_t at = b * r->stride + i;
            const double x = load(r->dtype, r->x, at),
                         e = (x - r->alpha * x0[b * D + i]) / r->sigma;
            const double v = r->alpha * e - r->sigma * x0[b * D + i];
            store(r->dtype, r->mean, at,
                  m->prediction == COVSAMP_PREDICTS_NOISE ? e
                  : m->prediction == COVSAMP_PREDICTS_V   ? v
                                                          : x0[b * D + i]);
            if (r->head != NULL)
                store(r->dtype, r->head, at, head_of(m, r, e, variance[b * D + i]));
            if (r->head != NULL && m->spoil && r->step == 1 && at == 1)
                store(r->dtype, r->head, at, NAN);
        }
    return 0;
}

static double limited(double v, double bound)
{
    return fmin(fmax(v, -bound), bound);
}

/* The mean of x_s as Bao et al. and Ou et al. compute it (OCM_DPM, core/diffusion/dtdpm.py): DDPM's
 * posterior mean for eta = 1, of x_t and the clipped x0 (m0) alone, and DDIM's, which takes the
 * noise of before the clip where `raw`; with the noise of m0 the two agree at eta = 1. */
static double reference_mean(const covsamp_request *r, double as, double ss, double lambda,
                             double eta, int raw, double y, double unclipped, double m0)
{
    const double ratio = r->alpha / as, beta = r->sigma * r->sigma - ratio * ratio * ss * ss;
    const double e = (y - r->alpha * (raw ? unclipped : m0)) / r->sigma;
    if (eta == 1 && !raw)
        return (as * beta * m0 + ratio * ss * ss * y) / (r->sigma * r->sigma);
    return as * m0 + sqrt(ss * ss - lambda * lambda) * e;
}

/* Step k from y, written down: the mean, and the variance that the head stands for. */
static void reference_step(const learned *m, int64_t k, double eta, double clip, int raw,
                           double cap, double *y)
{
    covsamp_request r = {.step = k, .steps = STEPS, .level = levels[k]};
    const int64_t next = k + 1 < STEPS ? levels[k + 1] : 0;
    double as, ss, low, high, lambda, b, z;
    (void)covsamp_schedule_at(schedule, (double)r.level, &r.alpha, &r.sigma, NULL);
    (void)covsamp_schedule_at(schedule, (double)next, &as, &ss, NULL);
    step_numbers(schedule, r.level, next, eta, &lambda, &b);
    log_range(&r, &low, &high);
    for (int i = 0; i < B * D; i++) {
        (void)covsamp_noise_normal(5, 2 + i / D, COVSAMP_STREAM_STEP, k, i % D, 1, &z);
        const double m0 = clip > 0 ? limited(x0[i], clip) : x0[i];
        const double c = cap > 0 ? fmin(variance[i], cap) : variance[i];
        const double v = m->head == COVSAMP_HEAD_IDDPM
                             ? exp(variance[i] * high + (1 - variance[i]) * low)
                             : lambda * lambda + b * b * c;
        y[i] = reference_mean(&r, as, ss, lambda, eta, raw, y[i], x0[i], m0) + sqrt(v) * z;
    }
}

/* The states of a run from x, one by one: the last alone would not show the mean of the others,
 * since the model always predicts x0.  `raw`: the noise estimate is that before clipping. */
static void test_run(learned m, const char *head, double eta, double clip, int raw, double cap)
{
    static const char *const names[] = {"", "noise", "x0", "v"};
    double x[B * D], y[B * D];
    covsamp_model model = model_of(learned_answer, &m);
    normals(11, B * D, x);
    memcpy(y, x, sizeof x);
    covsamp_sampler *s =
        sampler_of(schedule, levels, STEPS,
                   "batch=%d dim=%d dtype=f64 prediction=%s covariance=diag_model head=%s "
                   "eta=%.17g last_noise=1 "
                   "clip_x0=%.17g clip_covariance=0 eps_after_clip=%s covariance_cap=%.17g seed=5 "
                   "first_sample=2",
                   B, D, names[m.prediction], head, eta, clip, raw ? "raw" : "recompute", cap);
    CHECK(covsamp_sampler_set_state(s, x, D) == COVSAMP_OK);
    for (int k = 0; k < STEPS; k++) {
        CHECK(covsamp_sampler_step(s, &model) == (k + 1 < STEPS ? COVSAMP_OK : COVSAMP_DONE));
        read_state(s, COVSAMP_F64, B, D, x);
        reference_step(&m, k, eta, clip, raw, cap, y);
        for (int i = 0; i < B * D; i++)
            CHECK_NEAR(x[i], y[i], 1e-10);
    }
    const covsamp_stats stats = stats_of(s);
    CHECK(m.requests == STEPS && m.heads == STEPS && stats.mean_requests == STEPS);
    CHECK(stats.jvp_requests == 0 && stats.steps_without == 0);
    covsamp_sampler_free(s);
}

static void test_heads(void)
{
    static const struct {
        const char *name;
        int32_t head;
    } heads[] = {{"ocm", COVSAMP_HEAD_OCM},
                 {"sn", COVSAMP_HEAD_SN},
                 {"npr", COVSAMP_HEAD_NPR},
                 {"iddpm", COVSAMP_HEAD_IDDPM}};
    for (int h = 0; h < LENGTH(heads); h++)
        for (int32_t p = COVSAMP_PREDICTS_NOISE; p <= COVSAMP_PREDICTS_V; p++) {
            const learned m = {heads[h].head, p, 0, 0, STEPS, 0, 0};
            for (int e = heads[h].head == COVSAMP_HEAD_IDDPM ? 2 : 0; e < 3; e++) {
                test_run(m, heads[h].name, e / 2.0, 0, 0, 0);
                test_run(m, heads[h].name, e / 2.0, .7, 0, 0);
                test_run(m, heads[h].name, e / 2.0, .7, 1, 0);
                test_run(m, heads[h].name, e / 2.0, .7, 1, .4);
            }
        }
}

/* No head is asked for where no noise is drawn, nor for another covariance. */
static void test_unasked(void)
{
    static const char *const options[] = {"covariance=diag_model",
                                          "covariance=diag_model window_high=500",
                                          "covariance=small", "head=sn solver=heun"};
    int64_t above = 0;
    for (int i = 0; i < STEPS; i++)
        above += levels[i] > 500;
    const int64_t heads[] = {STEPS - 1, STEPS - 1 - above, 0, 0};
    for (int k = 0; k < LENGTH(options); k++) {
        learned m = {COVSAMP_HEAD_OCM, COVSAMP_PREDICTS_X0, 0, 0, STEPS, 0, 0};
        const covsamp_model model = model_of(learned_answer, &m);
        covsamp_sampler *s =
            sampler_of(schedule, levels, STEPS, "batch=1 dim=%d prediction=x0 %s", D, options[k]);
        CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
        CHECK(m.heads == heads[k] && m.requests == (k == 3 ? 2 * STEPS - 1 : STEPS));
        CHECK(stats_of(s).steps_without == (k == 1 ? above : 0));
        covsamp_sampler_free(s);
    }
}

/* Clipped values have no variance; a head below 0 is none either. */
static void test_mask_and_sign(void)
{
    double n[STEPS * B * D], z[B * D], lambda, b, clipped[D], kept[B * D];
    learned m = {COVSAMP_HEAD_NPR, COVSAMP_PREDICTS_X0, 0, 0, STEPS, 0, 0};
    memcpy(kept, variance, sizeof kept);
    variance[2] = -.4;
    normals(12, B * D, z);
    drawing d = {schedule, levels, STEPS, 1, D, learned_answer, &m, clipped, z, 0, 0};
    for (int i = 0; i < D; i++)
        clipped[i] = limited(x0[i], .7);
    (void)draw(&d, "prediction=x0 covariance=diag_model head=npr clip_x0=0.7 last_noise=1", .5, n);
    for (int k = 0; k < STEPS; k++) {
        step_numbers(schedule, levels[k], level_of(&d, k + 1), .5, &lambda, &b);
        for (int i = 0; i < D; i++) {
            const double c = fabs(x0[i]) > .7 ? 0 : fmax(variance[i], 0);
            CHECK_NEAR(n[k * D + i], sqrt(lambda * lambda + b * b * c) * z[i], 1e-12);
        }
    }
    memcpy(variance, kept, sizeof kept);
}

static void test_not_finite(void)
{
    learned m = {COVSAMP_HEAD_OCM, COVSAMP_PREDICTS_X0, 0, 0, STEPS, 1, 0};
    const covsamp_model model = model_of(learned_answer, &m);
    covsamp_sampler *s = sampler_of(schedule, levels, STEPS,
                                    "batch=1 dim=%d prediction=x0 covariance=diag_model", D);
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_E_NONFINITE);
    CHECK_TEXT(covsamp_sampler_message(s), "model's head");
    CHECK_TEXT(covsamp_sampler_message(s), "value 1 of sample 0");
    m.spoil = 0;
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
    covsamp_sampler_free(s);
}

int main(void)
{
    /* Not 0: SN takes the difference of two numbers of size sigma^2 / alpha^2, up to 25 000 here,
     * and the root of its rounding error would be what is measured. */
    static const double share[B * D] = {.5, .02, 1.2, .3, .1, .7, .04, .9, .05, .6};
    schedule = linear_schedule();
    CHECK(covsamp_schedule_spaced(schedule, STEPS, COVSAMP_SPACING_EVEN, levels, NULL) == 0);
    normals(10, B * D, x0);
    memcpy(variance, share, sizeof share);
    test_heads();
    test_unasked();
    test_mask_and_sign();
    test_not_finite();
    covsamp_schedule_free(schedule);
    return check_done();
}
