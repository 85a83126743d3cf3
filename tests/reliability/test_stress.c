/* SPDX-License-Identifier: BSD-3-Clause */
/* Numerical stress: operators whose eigenvalues span 12 orders of magnitude, of one sign or both;
 * from 1 value a sample to many, from 1 sample to 4096, as many products as there are values; float
 * and double; levels with a signal-to-noise ratio from 1e-8 to 1e8, far from each other and next to
 * each other.  Every step is held against
 *     x_s = ca x + cb J x + Q (lambda^2 + b^2 max(c, 0))^(1/2) Q^T z
 * where the covariance knows all of C or what it takes of it is known, and against the bound
 * |noise| <= (lambda^2 + b^2 max c)^(1/2) |z| elsewhere.  With --long: up to 10^7 values, 4096
 * products, a batch of 4096; at most 4 GiB a case. */
#include "operator.h"

#include <float.h>
#include <time.h>

enum { FAR, NEAR, ONE_JUMP }; /* which levels are visited */

typedef struct {
    const char *options;
    operator_c c;
    int64_t batch, dtype;
    int exploding, visit;
    int exact; /* the covariance knows C; else the bound */
} stress;

static long cases, steps_checked;
static double worst[2]; /* of the error in units of what is allowed, by exact */

/* What the covariance makes of c: all of it, its mean, nothing, or that of a table. */
enum { WHOLE, MEAN, NOTHING, LARGE, HALF, WITHOUT };

static int kind_of(const char *options)
{
    char value[64];
    const char *name = text_value(options, "covariance", value);
    if (name == NULL || strcmp(name, "none") == 0)
        return WITHOUT;
    if (strcmp(name, "small") == 0)
        return NOTHING;
    if (strcmp(name, "large") == 0)
        return LARGE;
    if (strcmp(name, "analytic") == 0)
        return HALF;
    return strcmp(name, "state_isotropic") == 0 ? MEAN : WHOLE;
}

static double root_of_variance(double c, const double *p) /* p: lambda^2, b^2 unit */
{
    return sqrt(p[0] + p[1] * fmax(c, 0));
}

static double mean_of(const operator_c *o)
{
    double sum = 0;
    for (int64_t i = 0; i < o->dim; i++)
        sum += value_of(o, i);
    return sum / (double)o->dim;
}

/* y = the noise of the step for normal numbers y. */
static void closed_form(const stress *s, const step_numbers *n, double *y)
{
    const int kind = kind_of(s->options);
    const double parameters[2] = {n->lambda * n->lambda, n->cb * n->cb * n->unit};
    double deviation = kind == LARGE     ? n->large
                       : kind == WITHOUT ? 0
                       : kind == MEAN    ? root_of_variance(mean_of(&s->c), parameters)
                       : kind == HALF    ? root_of_variance(0.5, parameters)
                                         : n->lambda;
    if (kind == WHOLE) {
        apply_function(&s->c, root_of_variance, parameters, y);
        return;
    }
    for (int64_t i = 0; i < s->c.dim; i++)
        y[i] *= deviation;
}

static double norm(const double *y, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += y[i] * y[i];
    return sqrt(sum);
}

/* Rounding: of the sums that make the state; of C, whose root is the more sensitive the smaller
 * lambda is beside b^2 c; of 1 - SNR_t / SNR_s, where the levels are close to each other. */
static double allowed(const stress *s, const step_numbers *n, double x, double z)
{
    const double eps = s->dtype == COVSAMP_F32 ? (double)FLT_EPSILON : DBL_EPSILON;
    const double b = n->cb * sqrt(n->unit), top = hypot(n->lambda, b);
    const double of_c = eps * sqrt((double)s->c.dim) * 20;
    const double root =
        fmin(b * sqrt(of_c), n->lambda > 0 ? b * b * of_c / (2 * n->lambda) : INFINITY);
    const double mean = (n->ca + 2 * n->cb / n->alpha) * x;
    const double gap = 64 * DBL_EPSILON * (1 + 1 / n->gap);
    return 16 * eps * (mean + top * z) + gap * (mean + top * z) + root * z;
}

static void check_step(const stress *s, const covsamp_request *q, const ladder *l, int64_t from,
                       const void *before, double *x, double *y)
{
    const step_numbers n = numbers_of(l, from, q->step + 1 == q->steps ? 0 : q->level);
    const int noisy = q->step + 1 < q->steps;
    /* an estimate v_i (C v)_i, in whatever basis, may be larger than any eigenvalue */
    const double stretch = strstr(s->options, "diag_probe") || strstr(s->options, "spectral")
                               ? sqrt((double)q->dim)
                               : 1;
    for (int64_t b = 0; b < q->batch; b++) {
        double error = 0, z, size;
        for (int64_t i = 0; i < q->dim; i++)
            x[i] = y[i] = world_get(q->dtype, before, b * q->stride + i);
        size = norm(x, q->dim);
        const double factor = 1 / l->alpha[from];
        apply_function(&s->c, times_factor, &factor, y);
        for (int64_t i = 0; i < q->dim; i++) /* what was added to the mean */
            x[i] = world_get(q->dtype, q->x, b * q->stride + i) - n.ca * x[i] - n.cb * y[i];
        for (int64_t i = 0; i < q->dim; i++)
            y[i] = 0;
        if (noisy)
            CHECK(covsamp_noise_normal(q->seed, q->first_sample + b, COVSAMP_STREAM_STEP, q->step,
                                       0, q->dim, y) == COVSAMP_OK);
        z = norm(y, q->dim);
        const double room = allowed(s, &n, size, z);
        if (s->exact) {
            closed_form(s, &n, y);
            for (int64_t i = 0; i < q->dim; i++)
                error += (x[i] - y[i]) * (x[i] - y[i]);
            error = sqrt(error);
        } else {
            error = fmax(norm(x, q->dim) - hypot(n.lambda, n.cb * sqrt(n.unit * stretch)) * z, 0);
        }
        worst[s->exact] = fmax(worst[s->exact], error / room);
        if (!CHECK(error <= room))
            fprintf(stderr,
                    "    %s dtype=%d dim=%d distinct=%d reflected=%d indefinite=%d exploding=%d: "
                    "error %g, allowed %g, level %d, step %d, sample %d\n",
                    s->options, (int)s->dtype, (int)s->c.dim, (int)s->c.distinct, s->c.reflected,
                    s->c.indefinite, s->exploding, error, room, (int)from, (int)q->step, (int)b);
    }
    steps_checked++;
}

static int64_t levels_of(int visit, int64_t *levels)
{
    int64_t count = 0;
    for (int64_t n = OPERATOR_LEVELS; n >= 1; n--)
        if (visit == NEAR || n == OPERATOR_LEVELS || n == 1 ||
            (visit == FAR && (n == 5 || n == 12 || n == 15)))
            levels[count++] = n;
    return count;
}

static covsamp_sampler *new_sampler_for(const stress *s, const ladder *l, int64_t *levels)
{
    covsamp_config *c = NULL;
    covsamp_sampler *sampler = NULL;
    double half[OPERATOR_LEVELS];
    const int64_t count = levels_of(s->visit, levels);
    for (int i = 0; i < OPERATOR_LEVELS; i++)
        half[i] = 0.5;
    CHECK(covsamp_config_new(&c, NULL) == COVSAMP_OK);
    CHECK(covsamp_config_set_schedule(c, l->schedule, levels, count) == COVSAMP_OK);
    CHECK(covsamp_config_set_table(c, COVSAMP_TABLE_NOISE, half, OPERATOR_LEVELS) == COVSAMP_OK);
    const int64_t ints[][2] = {{COVSAMP_BATCH, s->batch},
                               {COVSAMP_DIM, s->c.dim},
                               {COVSAMP_WIDTH, s->c.dim < 1 << 24 ? s->c.dim : 1},
                               {COVSAMP_DTYPE, s->dtype},
                               {COVSAMP_SEED, 5},
                               {COVSAMP_PREDICTION, COVSAMP_PREDICTS_X0},
                               {COVSAMP_REPORT_STEPS, 1}};
    for (size_t i = 0; i < sizeof ints / sizeof ints[0]; i++)
        CHECK(covsamp_config_set_int(c, (int32_t)ints[i][0], ints[i][1]) == COVSAMP_OK);
    CHECK(apply(c, s->options) == COVSAMP_OK);
    if (!CHECK(covsamp_sampler_new(&sampler, c) == COVSAMP_OK))
        fprintf(stderr, "    %s: %s\n", s->options, covsamp_config_message(c));
    covsamp_config_free(c);
    return sampler;
}

static void finite_statistics(const covsamp_sampler *sampler)
{
    covsamp_stats all = {.size = sizeof all};
    CHECK(covsamp_sampler_stats(sampler, &all) == COVSAMP_OK);
    CHECK(isfinite(all.asymmetry) && isfinite(all.error_estimate));
}

/* Asks and tells to the end; solvers other than ancestral have no closed form here. */
static void run_case(const stress *given)
{
    stress s = *given;
    ladder l;
    char value[64];
    int64_t levels[OPERATOR_LEVELS], from = 0;
    const covsamp_request *q = NULL;
    covsamp_status status;
    make_ladder(&l, s.exploding);
    covsamp_sampler *sampler = new_sampler_for(&s, &l, levels);
    const int closed = text_value(s.options, "solver", value) == NULL;
    const size_t values = (size_t)(s.batch * s.c.dim), size = s.dtype == COVSAMP_F32 ? 4 : 8;
    void *before = closed ? malloc(values * size) : NULL;
    double *work = malloc(2 * (size_t)s.c.dim * sizeof *work);
    while ((status = covsamp_sampler_ask(sampler, &q)) == COVSAMP_OK) {
        if (q->kind == COVSAMP_ASK_STEP) {
            CHECK(all_finite(q, q->x, 1));
            covsamp_request at = *q;
            at.level = q->step + 1 < q->steps ? levels[q->step + 1] : 0;
            if (closed)
                check_step(&s, &at, &l, from, before, work, work + s.c.dim);
        } else if (q->mean != NULL && closed) {
            memcpy(before, q->x, values * size);
            from = q->level;
        }
        CHECK(q->kind == COVSAMP_ASK_STEP || operator_answer(&s.c, q) == 0);
        CHECK(covsamp_sampler_tell(sampler, 0) == COVSAMP_OK);
    }
    if (!CHECK(status == COVSAMP_DONE && s.c.nonsense == 0))
        fprintf(stderr, "    %s: %s\n", s.options, covsamp_sampler_message(sampler));
    finite_statistics(sampler);
    cases++;
    free(work);
    free(before);
    covsamp_sampler_free(sampler);
    covsamp_schedule_free(l.schedule);
}

/* ---- cases ---- */

/* Options, and whether they know C: for any Q, for Q = I, for one value alone, or only in a space
 * as large as there are distinct values. */
enum { ANY_Q, DIAGONAL, CONSTANT, ENOUGH_PRODUCTS, NEVER };
static const struct {
    const char *options;
    int knows;
    int64_t most_dim; /* 0: any */
} methods[] = {{"covariance=none", ANY_Q, 0},
               {"covariance=small", ANY_Q, 0},
               {"covariance=large", ANY_Q, 0},
               {"covariance=analytic", ANY_Q, 0},
               {"covariance=state_isotropic", DIAGONAL, 0},
               {"covariance=diag_probe", DIAGONAL, 0},
               {"covariance=diag_model head=ocm", DIAGONAL, 0},
               {"covariance=spectral", CONSTANT, 4096},
               {"covariance=krylov krylov_steps=12", ENOUGH_PRODUCTS, 0},
               {"covariance=krylov krylov_steps=2 tolerance=0.01", NEVER, 0},
               {"covariance=dense tangents=16", ANY_Q, 128},
               {"solver=heun", NEVER, 0},
               {"solver=dpmpp_2s", NEVER, 0},
               {"solver=addim", NEVER, 0}};

static int knows(int method, const operator_c *c)
{
    const int64_t distinct = c->distinct > 0 ? c->distinct : c->dim;
    switch (methods[method].knows) {
    case ANY_Q:
        return 1;
    case DIAGONAL:
        return !c->reflected;
    case CONSTANT:
        return distinct == 1;
    case ENOUGH_PRODUCTS:
        return distinct <= 6; /* twice: rounding leads out of a space that has all of them */
    default:
        return 0;
    }
}

static void all_methods(const operator_c *c, int64_t batch, int64_t dtype, int exploding, int visit)
{
    for (size_t m = 0; m < sizeof methods / sizeof methods[0]; m++) {
        if (methods[m].most_dim > 0 && c->dim > methods[m].most_dim)
            continue;
        const stress s = {methods[m].options, *c, batch, dtype, exploding, visit, knows((int)m, c)};
        run_case(&s);
    }
}

/* Everything, at sizes that cost little. */
static void small_sizes(void)
{
    static const int64_t dims[] = {1, 2, 17, 96};
    for (size_t d = 0; d < sizeof dims / sizeof dims[0]; d++)
        for (int i = 0; i < 48; i++) {
            const operator_c c = {
                dims[d], i % 2, i / 2 % 3 == 0 ? 1 : i / 2 % 3 == 1 ? 6 : 0, 1e12, i / 6 % 2, 0, 0};
            all_methods(&c, 1 + 2 * (i % 2), i / 12 % 2 ? COVSAMP_F32 : COVSAMP_F64, i / 24,
                        (i + (int)d) % 3);
        }
}

static void one_size(const char *options, int64_t dim, int64_t distinct, int64_t batch,
                     int64_t dtype, int visit, int exact)
{
    const clock_t start = clock();
    const stress s = {options, {dim, 1, distinct, 1e12, 1, 0, 0}, batch, dtype, 0, visit, exact};
    run_case(&s);
    printf("%-44s %9lld values, %5lld samples, %s: %.1f s\n", options, (long long)dim,
           (long long)batch, dtype == COVSAMP_F32 ? "f32" : "f64",
           (double)(clock() - start) / CLOCKS_PER_SEC);
}

/* As many products as values; every eigenvalue another. */
static void whole_spaces(int whole)
{
    const int64_t most = whole ? 4096 : 256;
    for (int64_t m = 32; m <= most; m *= m < 256 ? 2 : 4) {
        char options[64];
        snprintf(options, sizeof options, "covariance=krylov krylov_steps=%lld", (long long)m);
        one_size(options, m, 0, 1, COVSAMP_F64, ONE_JUMP, 1);
        if (m <= 1024)
            one_size(options, m, 0, 1, COVSAMP_F32, ONE_JUMP, 1);
    }
}

/* The options of method i; an image, since the cosine bases of a row end at 46340 values. */
static void options_for(const char *name, int64_t dim, char options[128])
{
    int64_t height = 1; /* as near to a square as can be */
    for (int64_t h = 1; h * h <= dim; h++)
        if (dim % h == 0)
            height = h;
    const int image = strstr(name, "spectral") != NULL;
    snprintf(options, 128, image ? "%s height=%lld width=%lld" : "%s", name, (long long)height,
             (long long)(dim / height));
}

static void large_sizes(int whole)
{
    static const char *const names[] = {"covariance=krylov krylov_steps=12",
                                        "covariance=diag_probe",
                                        "covariance=state_isotropic",
                                        "solver=heun",
                                        "covariance=analytic",
                                        "covariance=diag_model head=ocm",
                                        "covariance=spectral"};
    const size_t count = sizeof names / sizeof names[0];
    char options[128];
    for (int64_t dim = 10000; dim <= (whole ? 10000000 : 100000); dim *= 10)
        for (size_t i = 0; i < count; i++)
            for (int64_t dtype = COVSAMP_F32; dtype <= COVSAMP_F64; dtype++) {
                options_for(names[i], dim, options); /* krylov and analytic know C */
                one_size(options, dim, 6, 1, dtype, ONE_JUMP, i % 4 == 0);
            }
    for (int64_t batch = 64; batch <= 4096; batch *= 8)
        for (size_t i = 0; i < count; i++)
            one_size(names[i], whole ? 512 : 16, 6, batch, i % 2 ? COVSAMP_F64 : COVSAMP_F32,
                     ONE_JUMP, i % 4 == 0);
}

int main(int argc, char **argv)
{
    const int whole = argc > 1 && strcmp(argv[1], "--long") == 0;
    setvbuf(stdout, NULL, _IOLBF, 0); /* a long run can be watched */
    small_sizes();
    printf("small sizes: %ld cases\n", cases);
    large_sizes(whole);
    whole_spaces(whole);
    printf("%ld cases, %ld steps; the largest error is %.2g of what is allowed, %.2g of a bound\n",
           cases, steps_checked, worst[1], worst[0]);
    return check_done();
}
