/* SPDX-License-Identifier: BSD-3-Clause */
/* Likelihood bounds, calibrations and posterior modes of the operators of test_stress.c, at levels
 * with a signal-to-noise ratio from 1e8 to 1e-8, against their closed forms: log det S, trace S^-1
 * and r . S^-1 r of each step; the error and the trace at each level; the largest eigenvalue. */
#include "operator.h"

#include <float.h>

typedef struct {
    const char *options;
    operator_c c;
    int64_t dtype;
    int exploding;
    int closed; /* the covariance knows C, or its mean, and so there is a closed form */
} stress;

enum { BATCH = 2, MOST_DIM = 128 };

static long compared;

static covsamp_config *config_for(const stress *s, const ladder *l)
{
    covsamp_config *c = NULL;
    int64_t levels[OPERATOR_LEVELS];
    for (int i = 0; i < OPERATOR_LEVELS; i++)
        levels[i] = OPERATOR_LEVELS - i;
    CHECK(covsamp_config_new(&c, NULL) == COVSAMP_OK);
    CHECK(covsamp_config_set_schedule(c, l->schedule, levels, OPERATOR_LEVELS) == COVSAMP_OK);
    const int64_t ints[][2] = {
        {COVSAMP_BATCH, BATCH},    {COVSAMP_DIM, s->c.dim},
        {COVSAMP_WIDTH, s->c.dim}, {COVSAMP_DTYPE, s->dtype},
        {COVSAMP_SEED, 5},         {COVSAMP_PREDICTION, COVSAMP_PREDICTS_X0}};
    for (size_t i = 0; i < sizeof ints / sizeof ints[0]; i++)
        CHECK(covsamp_config_set_int(c, (int32_t)ints[i][0], ints[i][1]) == COVSAMP_OK);
    CHECK(apply(c, s->options) == COVSAMP_OK);
    return c;
}

static void fill_data(const stress *s, double *x0, void *data)
{
    for (int64_t i = 0; i < BATCH * s->c.dim; i++) {
        x0[i] = (double)(i * 7 % 13 - 6) / 8;
        world_put((int32_t)s->dtype, data, i, x0[i]);
    }
}

/* y = x0 - J x at level t, x = alpha x0 + sigma e of this stream. */
static void error_of(const stress *s, const ladder *l, int64_t t, int32_t stream, int64_t sample,
                     const double *x0, double *y)
{
    const double factor = 1 / l->alpha[t];
    CHECK(covsamp_noise_normal(5, sample, stream, t, 0, s->c.dim, y) == COVSAMP_OK);
    for (int64_t i = 0; i < s->c.dim; i++)
        y[i] = l->alpha[t] * x0[i] + l->sigma[t] * y[i];
    apply_function(&s->c, times_factor, &factor, y);
    for (int64_t i = 0; i < s->c.dim; i++)
        y[i] = x0[i] - y[i];
}

static double eps_of(const stress *s)
{
    return s->dtype == COVSAMP_F32 ? (double)FLT_EPSILON : DBL_EPSILON;
}

/* ---- likelihood bounds ---- */

/* One step of one sample: log det, trace and residual, in units of lambda^2. */
static void closed_forms(const stress *s, const ladder *l, int64_t t, int64_t sample,
                         const double *x0, double forms[3])
{
    const step_numbers n = numbers_of(l, t, t - 1);
    const double floor = n.lambda * n.lambda, top = n.cb * n.cb * n.unit;
    double y[MOST_DIM], mean = 0;
    for (int64_t i = 0; i < s->c.dim; i++)
        mean += value_of(&s->c, i) / (double)s->c.dim;
    error_of(s, l, t, COVSAMP_STREAM_NELBO, sample, x0, y);
    reflect(&s->c, y);
    const int isotropic = strstr(s->options, "isotropic") != NULL;
    const int small = strstr(s->options, "small") != NULL;
    for (int64_t i = 0; i < s->c.dim; i++) {
        const double c = small ? 0 : fmax(isotropic ? mean : value_of(&s->c, i), 0);
        const double variance = floor + top * c;
        forms[0] += log1p(top * c / floor);
        forms[1] += -top * c / variance;
        forms[2] += n.cb * n.cb * y[i] * y[i] / variance;
    }
}

static void compare(const char *what, const stress *s, int64_t level, double a, double b,
                    double room)
{
    compared++;
    if (!CHECK(fabs(a - b) <= room))
        fprintf(stderr, "    %s of %s at level %d, %d values: %.12g for %.12g, allowed %.3g\n",
                what, s->options, (int)level, (int)s->c.dim, a, b, room);
}

static void bound(const stress *s)
{
    ladder l;
    double x0[BATCH * MOST_DIM], data[BATCH * MOST_DIM];
    covsamp_nelbo *h = NULL;
    stress own = *s;
    const covsamp_model model = model_with(operator_answer, &own.c);
    make_ladder(&l, s->exploding);
    covsamp_config *c = config_for(s, &l);
    fill_data(s, x0, data);
    if (!CHECK(covsamp_nelbo_new(&h, c, 0) == COVSAMP_OK))
        fprintf(stderr, "    %s: %s\n", s->options, covsamp_config_message(c));
    if (!CHECK(covsamp_nelbo_run(h, &model, data, s->c.dim, BATCH) == COVSAMP_DONE))
        fprintf(stderr, "    %s: %s\n", s->options, covsamp_nelbo_message(h));
    CHECK(own.c.nonsense == 0);
    for (int64_t i = 0; i <= OPERATOR_LEVELS; i++) {
        covsamp_nelbo_term row = {.size = sizeof row};
        double forms[3] = {0, 0, 0};
        CHECK(covsamp_nelbo_row(h, i, &row) == COVSAMP_OK);
        CHECK(isfinite(row.nats) && isfinite(row.deviation) && isfinite(row.probe_deviation));
        if (row.term != COVSAMP_TERM_STEP || !s->closed)
            continue;
        for (int64_t b = 0; b < BATCH; b++)
            closed_forms(s, &l, row.level, b, x0 + b * s->c.dim, forms);
        /* C to eps of its largest value; lambda to what is left of SNR_t / SNR_s */
        const step_numbers n = numbers_of(&l, row.level, row.to);
        const double ratio = 1 + n.cb * n.cb * n.unit / (n.lambda * n.lambda);
        const double share = 64 * eps_of(s) * ratio + 64 * DBL_EPSILON / n.gap;
        compare("log det", s, row.level, row.log_det, forms[0] / BATCH, share * (double)s->c.dim);
        compare("trace", s, row.level, row.trace, forms[1] / BATCH, share * (double)s->c.dim);
        compare("residual", s, row.level, row.residual, forms[2] / BATCH,
                share * (forms[2] + (double)s->c.dim) * 8);
    }
    covsamp_nelbo_free(h);
    covsamp_config_free(c);
    covsamp_schedule_free(l.schedule);
}

/* ---- calibrations ---- */

static void calibration(const stress *s)
{
    ladder l;
    double x0[BATCH * MOST_DIM], data[BATCH * MOST_DIM], y[MOST_DIM], table[OPERATOR_LEVELS];
    covsamp_calibration *h = NULL;
    stress own = *s;
    const covsamp_model model = model_with(operator_answer, &own.c);
    make_ladder(&l, s->exploding);
    covsamp_config *c = config_for(s, &l);
    fill_data(s, x0, data);
    CHECK(covsamp_calibration_new(&h, c, NULL, 0, 1) == COVSAMP_OK);
    CHECK(covsamp_calibration_run(h, &model, data, s->c.dim, BATCH) == COVSAMP_DONE);
    for (int64_t i = 0; i < OPERATOR_LEVELS; i++) {
        covsamp_calibration_level row = {.size = sizeof row};
        double error = 0, size = 0, mean = 0, unit;
        CHECK(covsamp_calibration_row(h, i, &row) == COVSAMP_OK);
        CHECK(isfinite(row.error) && isfinite(row.error_deviation) && isfinite(row.noise) &&
              isfinite(row.noise_deviation) && isfinite(row.trace) &&
              isfinite(row.trace_deviation) && isfinite(row.asymmetry) && isfinite(row.analytic));
        for (int64_t b = 0; b < BATCH; b++) {
            error_of(s, &l, row.level, COVSAMP_STREAM_CALIBRATION, b, x0 + b * s->c.dim, y);
            for (int64_t j = 0; j < s->c.dim; j++)
                error += y[j] * y[j] / (double)(BATCH * s->c.dim);
        }
        unit = row.sigma * row.sigma / (row.alpha * row.alpha);
        size = 1 + unit; /* of x / alpha, squared */
        compare("error", s, row.level, row.error, error, 64 * eps_of(s) * size);
        for (int64_t j = 0; j < s->c.dim; j++)
            mean += value_of(&s->c, j) / (double)s->c.dim;
        if (!s->c.reflected)
            compare("trace", s, row.level, row.trace, unit * mean, 64 * eps_of(s) * unit);
    }
    for (int32_t k = 1; k <= 2; k++) {
        CHECK(covsamp_calibration_table(h, k, table, OPERATOR_LEVELS) == COVSAMP_OK);
        for (int i = 0; i < OPERATOR_LEVELS; i++)
            CHECK(isfinite(table[i]));
    }
    covsamp_calibration_free(h);
    covsamp_config_free(c);
    covsamp_schedule_free(l.schedule);
}

/* ---- modes ---- */

static void modes(const stress *s, int64_t level)
{
    ladder l;
    double x0[BATCH * MOST_DIM], data[BATCH * MOST_DIM];
    covsamp_posterior_modes *h = NULL;
    stress own = *s;
    const covsamp_model model = model_with(operator_answer, &own.c);
    make_ladder(&l, s->exploding);
    covsamp_config *c = config_for(s, &l);
    fill_data(s, x0, data);
    CHECK(covsamp_posterior_modes_new(&h, c, level, 1) == COVSAMP_OK);
    CHECK(covsamp_posterior_modes_data(h, data, s->c.dim, BATCH) == COVSAMP_OK);
    if (!CHECK(covsamp_posterior_modes_run(h, &model) == COVSAMP_DONE))
        fprintf(stderr, "    %s: %s\n", s->options, covsamp_posterior_modes_message(h));
    const double unit = l.sigma[level] * l.sigma[level] / (l.alpha[level] * l.alpha[level]);
    for (int64_t b = 0; b < BATCH; b++) {
        covsamp_mode mode = {.size = sizeof mode};
        double asymmetry;
        CHECK(covsamp_posterior_modes_row(h, b, 0, &mode) == COVSAMP_OK);
        /* a residual of r relative to the value leaves at most r of it open, as a rule r^2 */
        compare("mode", s, level, mode.value, unit, unit * (1e-3 + 64 * eps_of(s)));
        CHECK(mode.converged && mode.residual <= 1e-3);
        CHECK(covsamp_posterior_modes_space(h, b, NULL, &asymmetry) == COVSAMP_OK);
        CHECK(isfinite(asymmetry));
    }
    covsamp_posterior_modes_free(h);
    covsamp_config_free(c);
    covsamp_schedule_free(l.schedule);
}

int main(void)
{
    static const char *const options[] = {"covariance=small",
                                          "covariance=state_isotropic symmetrise=project",
                                          "covariance=diag_probe symmetrise=project",
                                          "covariance=dense tangents=16 symmetrise=project",
                                          "covariance=krylov krylov_steps=12 symmetrise=project",
                                          "covariance=krylov krylov_steps=12 tolerance=0.01"};
    static const int64_t dims[] = {1, 2, 17, 96};
    for (size_t d = 0; d < sizeof dims / sizeof dims[0]; d++)
        for (int i = 0; i < 48; i++) {
            const operator_c c = {
                dims[d], i % 2, i / 2 % 3 == 0 ? 1 : i / 2 % 3 == 1 ? 6 : 0, 1e12, i / 6 % 2, 0, 0};
            stress s = {options[0], c, i / 12 % 2 ? COVSAMP_F32 : COVSAMP_F64, i / 24, 0};
            calibration(&s);
            for (size_t k = 0; k < sizeof options / sizeof options[0]; k++) {
                s.options = options[k];
                s.closed = k == 0 || k == 3 || (k < 3 && !c.reflected);
                bound(&s);
            }
            s.options = "krylov_steps=16";
            modes(&s, 1 + (i + (int64_t)d) % OPERATOR_LEVELS);
        }
    printf("%ld numbers compared with closed forms\n", compared);
    return check_done();
}
