/* SPDX-License-Identifier: BSD-3-Clause */
/* Every solver against its paper's formulas, written down once more without the library's tricks,
 * on Gaussian data whose posterior mean is known; and oracle O4's linear gains. */
#include "check.h"
#include "gaussian.h"

#include <stdlib.h>

enum { D = 4, MOST = 40 };
static const double variance[D] = {0.05, 0.25, 1, 4}, center[D] = {0.3, -0.2, 0.5, 1}, zero[D];
static double identity[D * D];

/* ---- one run of the library ---- */

/* The noise of step k is numbers k D ... of `normals`. */
static int32_t given_noise(void *numbers, const covsamp_request *r)
{
    const double *z = numbers;
    for (int i = 0; i < D; i++)
        store(r->dtype, r->noise, i, r->stream == COVSAMP_STREAM_STEP ? z[r->step * D + i] : 0);
    return 0;
}

typedef struct {
    const covsamp_schedule *schedule;
    int64_t levels[MOST], count;
    const double *mean; /* of the data */
    double clip;        /* INFINITY: off */
    double noise[MOST * D];
} problem;

/* x through all steps. */
static covsamp_stats run(const problem *p, const char *options, double *x)
{
    gaussian data = {D, identity, variance, p->mean};
    covsamp_model model = model_of(gaussian_answer, &data);
    double noise[MOST * D];
    memcpy(noise, p->noise, sizeof noise);
    model.noise = given_noise;
    model.noise_user = noise;
    covsamp_sampler *s =
        sampler_of(p->schedule, p->levels, p->count,
                   "batch=1 dim=%d dtype=f64 prediction=x0 noise=ask clip_x0=%.17g "
                   "clip_covariance=0 %s",
                   D, isfinite(p->clip) ? p->clip : 0, options);
    CHECK(covsamp_sampler_set_state(s, x, D) == COVSAMP_OK);
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
    read_state(s, COVSAMP_F64, 1, D, x);
    const covsamp_stats stats = stats_of(s);
    covsamp_sampler_free(s);
    return stats;
}

/* ---- the formulas ---- */

typedef struct {
    double a, s; /* alpha, sigma */
} place;

/* Level i of the visited ones; data after the last. */
static place at(const problem *p, int64_t i)
{
    place l = {1, 0};
    if (i < p->count)
        (void)covsamp_schedule_at(p->schedule, (double)p->levels[i], &l.a, &l.s, NULL);
    return l;
}

static double limited(const problem *p, double v)
{
    return fmin(fmax(v, -p->clip), p->clip);
}

/* Value i of E[x0 | x], clipped. */
static double x0_of(const problem *p, place l, int i, double x)
{
    const double c = variance[i], m = p->mean[i];
    return limited(p, m + l.a * c / (l.a * l.a * c + l.s * l.s) * (x - l.a * m));
}

/* DPM-Solver++ 2M and its SDE form (math.md section 7); order 1: Euler. */
static void multistep(const problem *p, int order, int sde, double *x)
{
    double old[D] = {0}, before = 0;
    for (int64_t i = 0; i < p->count; i++) {
        const place t = at(p, i), s = at(p, i + 1);
        const double h = log(s.a / s.s) - log(t.a / t.s);
        for (int j = 0; j < D; j++) {
            const double m0 = x0_of(p, t, j, x[j]);
            const int second = order > 1 && i > 0 && i + 1 < p->count;
            const double d1 = second ? (m0 - old[j]) * (h / before) : 0;
            const double m = limited(p, m0 + d1 / 2);
            if (sde)
                x[j] = s.s / t.s * exp(-h) * x[j] + s.a * (1 - exp(-2 * h)) * m +
                       s.s * sqrt(1 - exp(-2 * h)) * p->noise[i * D + j];
            else
                x[j] = s.s / t.s * x[j] - s.a * expm1(-h) * m;
            old[j] = m0;
        }
        before = h;
    }
}

/* The place in the middle of log(alpha / sigma). */
static place middle(place t, place s, int family)
{
    const double l = 0.5 * (log(t.a / t.s) + log(s.a / s.s)), r = exp(-l);
    const place vp = {1 / sqrt(1 + r * r), r / sqrt(1 + r * r)}, ve = {1, r};
    const place flow = {1 / (1 + r), r / (1 + r)};
    return family == 0 ? vp : family == 1 ? ve : flow;
}

/* DPM-Solver++ 2S, r1 = 1/2. */
static void singlestep(const problem *p, int family, double *x)
{
    for (int64_t i = 0; i < p->count; i++) {
        const place t = at(p, i), s = at(p, i + 1);
        const double h = log(s.a / s.s) - log(t.a / t.s);
        for (int j = 0; j < D; j++) {
            const double m0 = x0_of(p, t, j, x[j]);
            if (i + 1 == p->count || t.a == 0) {
                x[j] = s.s / t.s * x[j] - s.a * expm1(-h) * m0;
                continue;
            }
            const place u = middle(t, s, family);
            const double x1 = u.s / t.s * x[j] - u.a * expm1(-0.5 * h) * m0;
            const double m1 = x0_of(p, u, j, x1);
            x[j] = s.s / t.s * x[j] - s.a * expm1(-h) * (m0 + (m1 - m0) / (2 * 0.5));
        }
    }
}

typedef struct {
    double churn, low, high, noise;
} edm_options;

/* EDM's algorithm 2 in y = x / alpha, sigma / alpha; `top`: the largest sigma / alpha there is. */
static void edm(const problem *p, int family, const edm_options *o, double top, double *x)
{
    for (int64_t i = 0; i < p->count; i++) {
        const place t = at(p, i), s = at(p, i + 1);
        const double ti = t.s / t.a, next = s.s / s.a;
        const double gamma =
            ti >= o->low && ti <= o->high ? fmin(o->churn / (double)p->count, sqrt(2) - 1) : 0;
        const double hat = fmin(ti + gamma * ti, top);
        const place r = {1, hat}, u = gamma > 0 ? middle(r, r, family) : t;
        for (int j = 0; j < D; j++) {
            const double y =
                x[j] / t.a + sqrt(hat * hat - ti * ti) * o->noise * p->noise[i * D + j];
            const double d = (y - x0_of(p, u, j, u.a * y)) / hat;
            double z = y + (next - hat) * d;
            if (next != 0)
                z = y + (next - hat) * 0.5 * (d + (z - x0_of(p, s, j, s.a * z)) / next);
            x[j] = s.a * z;
        }
    }
}

/* mean_order = 2 with the exact covariance and DDIM's eta. */
static void extrapolated(const problem *p, double eta, double *x)
{
    double old[D] = {0}, before = 0;
    for (int64_t i = 0; i < p->count; i++) {
        const place t = at(p, i), s = at(p, i + 1);
        const double h = log(s.a / s.s) - log(t.a / t.s), ratio = t.a / s.a;
        const double btil = (t.s * t.s - ratio * ratio * s.s * s.s) * s.s * s.s / (t.s * t.s);
        const double lambda2 = eta * eta * btil, r = sqrt(s.s * s.s - lambda2) / t.s;
        const double b = s.a - r * t.a;
        for (int j = 0; j < D; j++) {
            const double all = variance[j] * t.s * t.s / (t.a * t.a * variance[j] + t.s * t.s);
            const double c = t.a > 0 ? all : 0; /* there the library falls back to "small" */
            const double m0 = x0_of(p, t, j, x[j]);
            const int last = i + 1 == p->count;
            const double m =
                limited(p, m0 + (i > 0 && !last ? h / (2 * before) * (m0 - old[j]) : 0));
            x[j] = r * x[j] + b * m + (last ? 0 : sqrt(lambda2 + b * b * c)) * p->noise[i * D + j];
            old[j] = m0;
        }
        before = h;
    }
}

/* ---- oracle O4's linear gains, o4_out.txt with all digits ---- */

static const struct {
    int64_t n;
    double gain[4][D]; /* Euler, Heun, 2M, 2S */
} o4[] = {
    {5,
     {{0.0015034729268098993, 0.0029203616451009048, 0.006072846867716199, 0.014442107811898074},
      {0.0091428433933323436, 0.015723578845869664, 0.023840692467610225, 0.045502770809226371},
      {0.0026774037575231372, 0.0054081508474681855, 0.011755012058582944, 0.028626647019564078},
      {0.0019836684578023781, 0.0048180065790015755, 0.0097772440349802054, 0.019754358388494628}}},
    {10,
     {{0.0019583230343331332, 0.004565163313287551, 0.0093849982828805873, 0.019297173209454083},
      {0.0035916978385160093, 0.0076224750099867554, 0.014692906824825979, 0.028547374130872712},
      {0.003160649301527956, 0.0072423332205349255, 0.014476316771575985, 0.028711122029700394},
      {0.0025394671445046111, 0.0057682137204891357, 0.011693671879610535, 0.023627328772064408}}},
    {18,
     {{0.0023171705905772073, 0.005287892955099717, 0.010743192807953762, 0.02179082721670441},
      {0.0029923717671468974, 0.0065953079625130891, 0.013059110497841019, 0.025900784608949286},
      {0.0030040517002534227, 0.0066392509302316922, 0.013138619263077491, 0.026025138368805201},
      {0.0027092737663737664, 0.0060945932068719975, 0.012240602000757704, 0.024562915384316344}}},
    {40,
     {{0.0025756128498057446, 0.0058106346810722891, 0.011700779968080404, 0.023542480257247832},
      {0.0028296014419847836, 0.0063109608081778424, 0.01259876387284322, 0.025154995624861221},
      {0.0028320171370490367, 0.0063149053110746712, 0.012604600032370093, 0.025163550900329044},
      {0.0027770825744557097, 0.0062178236011205326, 0.012446205312358145, 0.024905173265777163}}},
};

static void test_gains(void)
{
    static const char *const solver[4] = {"euler", "heun", "dpmpp_2m", "dpmpp_2s"};
    double worst = 0;
    for (int k = 0; k < LENGTH(o4); k++)
        for (int v = 0; v < 4; v++) {
            covsamp_schedule *karras = NULL;
            char options[64];
            problem p = {.count = o4[k].n, .mean = zero, .clip = INFINITY};
            double x[D] = {1, 1, 1, 1};
            CHECK(covsamp_schedule_new_karras(&karras, p.count, .002, 80, 7, NULL, NULL) == 0);
            p.schedule = karras;
            for (int64_t i = 0; i < p.count; i++)
                p.levels[i] = p.count - i;
            snprintf(options, sizeof options, "solver=%s", solver[v]);
            const covsamp_stats stats = run(&p, options, x);
            CHECK(stats.mean_requests == (v % 2 ? 2 * p.count - 1 : p.count));
            CHECK(stats.jvp_requests == 0 && stats.steps == p.count && stats.products_paid == 0);
            for (int i = 0; i < D; i++) {
                CHECK_CLOSE(x[i], o4[k].gain[v][i], 1e-10);
                worst = fmax(worst, fabs(x[i] / o4[k].gain[v][i] - 1));
            }
            covsamp_schedule_free(karras);
        }
    printf("gains of O4: off by %.1e\n", worst);
}

/* ---- every solver on every family ---- */

static double worst_direct;

static void same(const double *x, const double *y, const char *what)
{
    for (int i = 0; i < D; i++) {
        if (!CHECK_NEAR(x[i], y[i], 1e-12 * fmax(1, fabs(y[i]))))
            fprintf(stderr, "    %s\n", what);
        worst_direct = fmax(worst_direct, fabs(x[i] - y[i]) / fmax(1, fabs(y[i])));
    }
}

enum { EULER, M2, SDE, S2, HEUN, CHURN, LARGE_CHURN, ORDER2, ORDER2_ETA, CASES };

static void direct(const problem *p, int which, int family, double top, double *x)
{
    const edm_options plain = {0, 0, INFINITY, 1}, churn = {2.5, .1, 4, 1.003},
                      large = {1000, 0, INFINITY, 1};
    switch (which) {
    case EULER:
    case M2:
    case SDE:
        multistep(p, which == EULER ? 1 : 2, which == SDE, x);
        break;
    case S2:
        singlestep(p, family, x);
        break;
    case HEUN:
    case CHURN:
    case LARGE_CHURN:
        edm(p, family, which == HEUN ? &plain : which == CHURN ? &churn : &large, top, x);
        break;
    default:
        extrapolated(p, which == ORDER2 ? 1 : 0.3, x);
    }
}

static void test_against_formulas(const problem *p, int family, double top)
{
    static const char *const options[CASES] = {
        "solver=euler",
        "solver=dpmpp_2m",
        "solver=dpmpp_2m_sde",
        "solver=dpmpp_2s",
        "solver=heun",
        "solver=heun churn=2.5 churn_low=0.1 churn_high=4 churn_noise=1.003",
        "solver=heun churn=1000",
        "covariance=krylov krylov_steps=4 mean_order=2",
        "covariance=dense mean_order=2 eta=0.3"};
    const int64_t n = p->count;
    for (int k = 0; k < CASES; k++) {
        double x[D] = {.7, -1, .4, 1.6}, y[D];
        memcpy(y, x, sizeof x);
        if (at(p, 0).a == 0 && k >= HEUN && k <= LARGE_CHURN)
            continue; /* not in the form of EDM; see test_solver_requests */
        direct(p, k, family, top, y);
        const covsamp_stats stats = run(p, options[k], x);
        same(x, y, options[k]);
        CHECK(stats.mean_requests == (k >= S2 && k <= LARGE_CHURN ? 2 * n - 1 : n) ||
              (k == S2 && at(p, 0).a == 0 && stats.mean_requests == 2 * n - 2));
        CHECK(stats.products_used == (k < ORDER2 ? 0 : 4 * (n - 1 - (at(p, 0).a == 0))));
    }
}

/* family 0: VP, 1: VE, 2: flow. */
static covsamp_schedule *family_of(int family)
{
    covsamp_schedule *s = NULL;
    if (family == 0)
        CHECK(covsamp_schedule_new_cosine(&s, 60, 0.008, NULL, NULL) == COVSAMP_OK);
    else if (family == 1)
        CHECK(covsamp_schedule_new_karras(&s, 60, .01, 20, 7, NULL, NULL) == COVSAMP_OK);
    else
        CHECK(covsamp_schedule_new_flow(&s, 60, NULL, NULL) == COVSAMP_OK);
    return s;
}

static void test_families(void)
{
    static const int64_t many[] = {60, 58, 47, 30, 29, 22, 9, 4, 1};
    for (int family = 0; family < 3; family++) {
        covsamp_schedule *s = family_of(family);
        problem p = {.schedule = s, .mean = center, .clip = INFINITY};
        normals(5, MOST * D, p.noise);
        double a, sigma;
        CHECK(covsamp_schedule_at(s, 60, &a, &sigma, NULL) == COVSAMP_OK);
        /* VE has any sigma; the flow's last level is alpha = 0, which every ratio is below */
        const double top = family == 1 ? INFINITY : sigma / a;
        for (int skip = 0; skip < 2; skip++)
            for (int clip = 0; clip < 2; clip++) {
                p.count = LENGTH(many) - skip;
                memcpy(p.levels, many + skip, (size_t)p.count * sizeof *many);
                p.clip = clip ? 0.8 : INFINITY;
                test_against_formulas(&p, family, family == 2 ? INFINITY : top);
            }
        covsamp_schedule_free(s);
    }
    printf("against the formulas: off by %.1e\n", worst_direct);
}

int main(void)
{
    for (int i = 0; i < D; i++)
        identity[i + i * D] = 1;
    test_gains();
    test_families();
    return check_done();
}
