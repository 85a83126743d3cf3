/* SPDX-License-Identifier: BSD-3-Clause */
/* Classifier guidance.  Oracle O4: on Gaussian data and for log p(y | x0) = a . x0 the guided chain
 * is exact with the full covariance and the gradient at the mean, and off by known numbers
 * otherwise; S g is the S of the draws for every covariance. */
#include "affine_run.h"

static const double a[D] = {1, .8, -.5, .3}; /* in the Gaussian's own directions */

/* grad log E[exp(a . x0) | x] = (dE[x0 | x] / dx)^T a at the request's level. */
static int32_t exact_guide(void *data, const covsamp_request *r)
{
    (void)data;
    double own[D], g[D];
    for (int i = 0; i < D; i++)
        own[i] = a[i] * r->alpha * variance[i] /
                 (r->alpha * r->alpha * variance[i] + r->sigma * r->sigma);
    multiply(D, q, own, g);
    for (int64_t b = 0; b < r->batch; b++)
        for (int i = 0; i < D; i++)
            store(r->dtype, r->gradient, b * r->stride + i, g[i]);
    return 0;
}

/* The largest errors of the mean and the covariance against N(m0 + C a, C). */
static void errors_of(int64_t steps, const char *options, double *mean, double *covariance)
{
    double conditional[D];
    for (int i = 0; i < D; i++)
        conditional[i] = center[i] + variance[i] * a[i];
    const moments m = measure_guided(steps, options, conditional, exact_guide);
    *mean = *covariance = 0;
    for (int i = 0; i < D; i++)
        *mean = fmax(*mean, fabs(m.mean[i] - conditional[i]));
    for (int i = 0; i < D * D; i++)
        *covariance =
            fmax(*covariance, fabs(m.covariance[i] - (i % D == i / D ? variance[i % D] : 0)));
}

/* The full covariance at the mean, and the guided score with any eta: exact for any number of
 * steps. */
static void test_exact(void)
{
    static const char *const exact[] = {
        "covariance=krylov krylov_steps=4",
        "covariance=krylov krylov_steps=4 mean_jvp=0 symmetrise=average",
        "covariance=dense tangents=3",
        "covariance=dense guidance_form=mean",
        "covariance=krylov krylov_steps=4 guidance_form=score",
        "covariance=krylov krylov_steps=4 guidance_form=score eta=0.5",
        "covariance=krylov krylov_steps=4 eta=0", /* score, by itself */
        "covariance=dense eta=0"};
    static const int64_t steps[] = {1, 2, 3, 5, 10, 25, 64};
    for (int k = 0; k < LENGTH(steps); k++)
        for (int i = 0; i < LENGTH(exact); i++) {
            char options[160];
            double mean, covariance;
            snprintf(options, sizeof options, "%s guidance=1 last_noise=1", exact[i]);
            errors_of(steps[k], options, &mean, &covariance);
            CHECK_NEAR(mean, 0, 1e-12);
            CHECK_NEAR(covariance, 0, 1e-12);
        }
}

/* What goes wrong by how much, K = 10 (o4_out.txt). */
static void test_known_errors(void)
{
    static const struct {
        const char *options;
        double mean, covariance;
    } known[] = {{"covariance=krylov krylov_steps=4 guidance_form=state", .1782, 0},
                 {"covariance=dense guidance_form=state", .1782, 0},
                 {"covariance=analytic", .2922, .9741},
                 {"covariance=analytic guidance_form=state", .4498, .9741},
                 {"covariance=small", .5173, 1.724},
                 {"covariance=small guidance_form=state", .6672, 1.724},
                 {"covariance=large", .2650, .8832},
                 {"covariance=large guidance_form=state", .4185, .8832}};
    for (int i = 0; i < LENGTH(known); i++) {
        char options[160];
        double mean, covariance;
        snprintf(options, sizeof options, "%s guidance=1 last_noise=1", known[i].options);
        errors_of(10, options, &mean, &covariance);
        CHECK_NEAR(mean, known[i].mean, 1e-4);
        CHECK_NEAR(covariance, known[i].covariance, known[i].covariance == 0 ? 1e-12 : 1e-3);
    }
}

/* ---- S g against the S of the draws ---- */

enum { N = 12 }; /* values of a sample */
typedef struct {
    double mean[N]; /* of the model, beyond +-1 here and there: clipped */
    double noise[N], gradient[N], c[N * N];
} one_step;

static void one_vector(const void *step, int64_t sample, const double *v, double *cv)
{
    const one_step *s = step;
    (void)sample;
    multiply(N, s->c, v, cv);
}
static int32_t give_noise(void *step, const covsamp_request *r)
{
    for (int i = 0; i < N; i++)
        store(r->dtype, r->noise, i, ((one_step *)step)->noise[i]);
    return 0;
}
static int32_t give_gradient(void *step, const covsamp_request *r)
{
    for (int i = 0; i < N; i++)
        store(r->dtype, r->gradient, i, ((one_step *)step)->gradient[i]);
    return 0;
}
/* "diag_model": a head between 0 and 1, fine for every kind of it. */
static int32_t give_mean(void *given, const covsamp_request *r)
{
    const int32_t answer = given_answer(given, r);
    for (int i = 0; i < N && r->head != NULL; i++)
        store(r->dtype, r->head, i, .2 + .05 * i);
    return answer;
}

/* x_s of the step from level 500 to 300, by `dtype`. */
static void take_step(one_step *s, const char *options, double *x)
{
    static const int64_t levels[] = {500, 300};
    given_covariance given = {one_vector, s, s->mean};
    covsamp_model model = model_of(give_mean, &given);
    const double zero[N] = {0};
    model.noise = give_noise;
    model.guide = give_gradient;
    model.noise_user = model.guide_user = s;
    const int library = strstr(options, "sliding") != NULL; /* draws numbers of its own */
    covsamp_sampler *sampler =
        sampler_of(schedule, levels, 2,
                   "batch=1 dim=%d dtype=f64 prediction=x0 channels=3 height=2 width=2 %s %s", N,
                   library ? "noise=philox-1" : "noise=ask", options);
    CHECK(covsamp_sampler_set_state(sampler, zero, N) == COVSAMP_OK);
    CHECK(covsamp_sampler_step(sampler, &model) == COVSAMP_OK);
    read_state(sampler, COVSAMP_F64, 1, N, x);
    covsamp_sampler_free(sampler);
}

static void prepare(one_step *s, int clipped)
{
    double rotation[N * N], e[N];
    memset(s, 0, sizeof *s);
    orthogonal(3, N, rotation);
    for (int i = 0; i < N; i++) {
        e[i] = .02 + .3 * i * i / N;
        s->mean[i] = clipped && i % 3 == 0 ? 2 : .1 * i - .5;
        s->noise[i] = cos(2. * i + 1);
        s->gradient[i] = .3 + .1 * i * (i % 2 ? -1 : 1);
    }
    spectral(N, rotation, e, s->c);
}

/* Draws are n = R z (linear here, around a z that is not 0: a space of Krylov starts there): S = R
 * R^T from unit vectors, and S g from the difference that guidance makes. */
static void test_one(const char *covariance, int clipped)
{
    one_step s;
    double still[N], moved[N], root[N * N], wanted[N], turned[N];
    char plain[256], guided[300];
    prepare(&s, clipped);
    snprintf(plain, sizeof plain, "%s clip_x0=%d", covariance, clipped);
    snprintf(guided, sizeof guided, "%s guidance=0.7 guidance_form=mean", plain);
    take_step(&s, plain, still);
    take_step(&s, guided, moved);
    for (int j = 0; j < N; j++) {
        double drawn[N];
        s.noise[j] += 1;
        take_step(&s, plain, drawn);
        s.noise[j] -= 1;
        for (int i = 0; i < N; i++)
            root[i + j * N] = drawn[i] - still[i];
    }
    multiply_transposed(N, root, s.gradient, turned);
    multiply(N, root, turned, wanted);
    for (int i = 0; i < N; i++)
        CHECK_NEAR(moved[i] - still[i], .7 * wanted[i], 1e-12);
}

static void test_every_covariance(void)
{
    static const char *const covariances[] = {
        "covariance=small",
        "covariance=large",
        "covariance=analytic",
        "covariance=state_isotropic probes=2",
        "covariance=diag_probe probes=3",
        "covariance=diag_model head=ocm",
        "covariance=diag_model head=npr",
        "covariance=diag_model head=sn",
        "covariance=diag_model head=iddpm",
        "covariance=dense",
        "covariance=dense trace_guard=0.5",
        "covariance=dense ritz_cap=0.5 pixel_clip=2",
        "covariance=krylov krylov_steps=12",
        "covariance=krylov krylov_steps=12 guidance_product=basis",
        "covariance=krylov krylov_steps=12 guidance_product=basis covariance_cap=0.4",
        "covariance=krylov window_high=400 window_fallback=analytic"};
    static const char *const unmasked[] = {
        "covariance=spectral",
        "covariance=spectral spectral_pool=radial spectral_mode=block spectral_block=2",
        "covariance=spectral spectral_colour=1 probes=4"};
    for (int i = 0; i < LENGTH(covariances); i++)
        for (int clipped = 0; clipped < 2; clipped++)
            test_one(covariances[i], clipped);
    for (int i = 0; i < LENGTH(unmasked); i++)
        test_one(unmasked[i], 0);
}

/* Windows at every position draw z and coefficients of their own, so that no R is at hand: S is
 * symmetric, not below lambda^2, and exact for C = c I. */
static void test_sliding(void)
{
    static const char plain[] = "covariance=spectral spectral_mode=sliding spectral_block=2";
    one_step s;
    double still[N], moved[N], matrix[N * N], lambda, b;
    char guided[160];
    snprintf(guided, sizeof guided, "%s guidance=1", plain);
    prepare(&s, 0);
    step_numbers(schedule, 500, 300, 1, &lambda, &b);
    take_step(&s, plain, still);
    for (int j = 0; j < N; j++) {
        memset(s.gradient, 0, sizeof s.gradient);
        s.gradient[j] = 1;
        take_step(&s, guided, moved);
        for (int i = 0; i < N; i++)
            matrix[i + j * N] = moved[i] - still[i];
        CHECK(matrix[j * (N + 1)] > lambda * lambda);
    }
    for (int i = 0; i < N * N; i++)
        CHECK_NEAR(matrix[i], matrix[i / N + i % N * N], 1e-13);
    for (int i = 0; i < N * N; i++)
        s.c[i] = i % (N + 1) == 0 ? .3 : 0;
    take_step(&s, plain, still);
    take_step(&s, guided, moved);
    for (int i = 0; i < N; i++)
        CHECK_NEAR(moved[i] - still[i], (lambda * lambda + .3 * b * b) * s.gradient[i], 1e-13);
}

/* Under a mask the draws of spectral correlate what is clipped with what is not, and S g does not:
 * it is P A^T D A P g there and lambda^2 g outside, linear and symmetric, so that values outside P
 * do not matter inside. */
static void test_masked_spectral(void)
{
    static const char plain[] = "covariance=spectral clip_x0=1",
                      guided[] = "covariance=spectral clip_x0=1 guidance=1";
    one_step s;
    double still[N], moved[N], matrix[N * N], lambda, b;
    prepare(&s, 1);
    step_numbers(schedule, 500, 300, 1, &lambda, &b);
    take_step(&s, plain, still);
    for (int j = 0; j < N; j++) {
        memset(s.gradient, 0, sizeof s.gradient);
        s.gradient[j] = 1;
        take_step(&s, guided, moved);
        for (int i = 0; i < N; i++)
            matrix[i + j * N] = moved[i] - still[i];
    }
    for (int i = 0; i < N * N; i++) {
        const int outside = i % N % 3 == 0 || i / N % 3 == 0; /* prepare() has them beyond 1 */
        CHECK_NEAR(matrix[i], matrix[i / N + i % N * N], 1e-13);
        if (outside)
            CHECK_NEAR(matrix[i], i % N == i / N ? lambda * lambda : 0, 1e-13);
    }
}

/* The trace guard depends on z, and scales the product that the gradient has of its own as it
 * scales the space: with the whole space they are the same. */
static void test_guarded(void)
{
    static const char options[] =
        "covariance=krylov krylov_steps=12 trace_guard=0.5 guidance=1 guidance_product=%s";
    one_step s;
    double exact[N], basis[N], free[N];
    char text[160];
    prepare(&s, 0);
    snprintf(text, sizeof text, options, "exact");
    take_step(&s, text, exact);
    snprintf(text, sizeof text, options, "basis");
    take_step(&s, text, basis);
    take_step(&s, "covariance=krylov krylov_steps=12 guidance=1", free);
    for (int i = 0; i < N; i++)
        CHECK_NEAR(exact[i], basis[i], 1e-12);
    CHECK(distance(N, free, exact) > .05); /* it had something to do */
}

/* A network's C is not quite symmetric or positive: one product is bounded as Ritz values are. */
static void test_bounds(void)
{
    one_step s;
    double lambda, b, still[N], moved[N];
    prepare(&s, 0);
    step_numbers(schedule, 500, 300, 1, &lambda, &b);
    for (int i = 0; i < N * N; i++)
        s.c[i] = i % (N + 1) == 0 ? -1 : 0; /* C = -I: S = lambda^2 I */
    take_step(&s, "covariance=krylov", still);
    take_step(&s, "covariance=krylov guidance=1", moved);
    for (int i = 0; i < N; i++)
        CHECK_NEAR(moved[i] - still[i], lambda * lambda * s.gradient[i], 1e-13);
    for (int i = 0; i < N * N; i++)
        s.c[i] = i % (N + 1) == 0 ? 7 : 0;
    take_step(&s, "covariance=krylov covariance_cap=2", still);
    take_step(&s, "covariance=krylov covariance_cap=2 guidance=1", moved);
    for (int i = 0; i < N; i++)
        CHECK_NEAR(moved[i] - still[i], (lambda * lambda + 2 * b * b) * s.gradient[i], 1e-12);
    /* of the last noisy step, here the only one: E|n| at most two pixels, and S g as short */
    const double limit = 2 * 2. / 255 * sqrt(1.5707963267948966);
    take_step(&s, "covariance=krylov pixel_clip=2", still);
    take_step(&s, "covariance=krylov pixel_clip=2 guidance=1", moved);
    CHECK(lambda > limit);
    for (int i = 0; i < N; i++)
        CHECK_NEAR(moved[i] - still[i], limit * limit * s.gradient[i], 1e-13);
}

int main(void)
{
    double table[1000];
    schedule = linear_schedule();
    orthogonal(1, D, q);
    make_noise_table(table);
    use_table(COVSAMP_TABLE_NOISE, table, 1000);
    test_exact();
    test_known_errors();
    test_every_covariance();
    test_sliding();
    test_masked_spectral();
    test_guarded();
    test_bounds();
    covsamp_schedule_free(schedule);
    return check_done();
}
