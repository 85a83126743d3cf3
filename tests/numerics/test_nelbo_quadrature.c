/* SPDX-License-Identifier: BSD-3-Clause */
/* Stochastic Lanczos quadrature against the dense matrix on a mixture of Gaussians, also with a
 * Jacobian that is not symmetric: averaged products are unbiased, projected ones are not
 * (test_nelbo_quadrature --table prints by how much); its standard error is that of its probes. */
#include "nelbo_compare.h"

enum { D = 16, COMPONENTS = 4, STEPS = 6, SAMPLES = 144, BATCH = 12 };

static const int64_t levels[STEPS] = {900, 700, 450, 250, 100, 1};
static covsamp_schedule *schedule;
static covsamp_mixture *mixture;
static double data[SAMPLES * D], turn[D * D]; /* turn: antisymmetric, of Frobenius norm 1 */

static void make_mixture(void)
{
    static const double weights[COMPONENTS] = {.4, .3, .2, .1};
    double mean[COMPONENTS][D], cov[COMPONENTS][D * D], e[D], q[D * D], z[D + 1], root[D * D];
    for (int k = 0; k < COMPONENTS; k++) {
        normals(500 + k, D, mean[k]);
        orthogonal(510 + k, D, q);
        for (int i = 0; i < D; i++) {
            mean[k][i] *= .5;
            e[i] = .25 * pow(.75, i);
        }
        spectral(D, q, e, cov[k]);
    }
    CHECK(covsamp_mixture_new(&mixture, D, COMPONENTS, weights, mean[0], cov[0],
                              COVSAMP_PREDICTS_X0, NULL, NULL) == COVSAMP_OK);
    for (int n = 0; n < SAMPLES; n++) {
        const int k = n % 10 < 4 ? 0 : n % 10 < 7 ? 1 : n % 10 < 9 ? 2 : 3; /* by the weights */
        orthogonal(510 + k, D, q);
        for (int i = 0; i < D; i++)
            e[i] = sqrt(.25 * pow(.75, i));
        spectral(D, q, e, root);
        normals(1000 + n, D, z);
        multiply(D, root, z, data + n * D);
        for (int i = 0; i < D; i++)
            data[n * D + i] += mean[k][i];
    }
}

static void make_turn(void)
{
    double z[D * D], square = 0;
    normals(600, D * D, z);
    for (int i = 0; i < D * D; i++) {
        turn[i] = z[i] - z[i % D * D + i / D];
        square += turn[i] * turn[i];
    }
    for (int i = 0; i < D * D; i++)
        turn[i] /= sqrt(square);
}

/* ---- a network whose Jacobian is J + skew |J| turn ---- */

typedef struct {
    double skew;
    uint64_t owner, point;
    int64_t filled;
    double jacobian[BATCH][D * D];
} skewed;

/* J at every x of the request, by all unit vectors at once. */
static int32_t jacobians(skewed *m, const covsamp_request *q)
{
    static double unit[D * BATCH * D], product[D * BATCH * D];
    covsamp_request all = *q;
    all.kind = COVSAMP_ASK_JVP;
    all.tangents = D;
    all.tangent_stride = BATCH * D;
    all.mean = all.transposed = NULL;
    all.v = unit;
    all.product = product;
    memset(unit, 0, sizeof unit);
    for (int k = 0; k < D; k++)
        for (int b = 0; b < BATCH; b++)
            unit[(k * BATCH + b) * D + k] = 1;
    const int32_t status = covsamp_mixture_answer(mixture, &all);
    for (int64_t b = 0; b < q->batch; b++) {
        double square = 0;
        for (int i = 0; i < D * D; i++) {
            m->jacobian[b][i] = product[(i % D * BATCH + b) * D + i / D];
            square += m->jacobian[b][i] * m->jacobian[b][i];
        }
        for (int i = 0; i < D * D; i++)
            m->jacobian[b][i] += m->skew * sqrt(square) * turn[i];
    }
    m->owner = q->owner;
    m->point = q->point;
    return status;
}

static int32_t skewed_answer(void *user, const covsamp_request *q)
{
    skewed *m = user;
    covsamp_request mean = *q;
    mean.kind = COVSAMP_ASK_MEAN;
    mean.product = mean.transposed = NULL;
    mean.v = NULL;
    mean.tangents = 0;
    int32_t status = q->mean != NULL ? covsamp_mixture_answer(mixture, &mean) : 0;
    if (q->tangents > 0 && (m->owner != q->owner || m->point != q->point))
        status |= jacobians(m, q);
    for (int64_t k = 0; k < q->tangents; k++)
        for (int64_t b = 0; b < q->batch; b++) {
            const int64_t at = k * q->tangent_stride + b * q->stride;
            const double *j = m->jacobian[b], *v = (const double *)q->v + at;
            double *out = (double *)(q->transposed ? q->transposed : q->product) + at;
            for (int i = 0; i < D; i++) {
                out[i] = 0;
                for (int n = 0; n < D; n++)
                    out[i] += (q->transposed ? j[n * D + i] : j[i * D + n]) * v[n];
            }
        }
    return status;
}

typedef struct {
    covsamp_nelbo_term row[STEPS + 1];
    covsamp_nelbo_total total;
} outcome;

static outcome measure(double skew, const char *options, int64_t samples, int64_t seed)
{
    static skewed m;
    static world w;
    outcome o;
    const setup u = {
        .options = options, .eta = 1, .batch = BATCH, .seed = seed, .dtype = COVSAMP_F64};
    memset(&m, 0, sizeof m);
    m.skew = skew;
    w.d = D;
    w.steps = STEPS;
    w.schedule = schedule;
    w.prediction = COVSAMP_PREDICTS_X0;
    memcpy(w.levels, levels, sizeof levels);
    const covsamp_model model = {.size = sizeof model,
                                 .model_user = &m,
                                 .mean = skewed_answer,
                                 .jvp = skewed_answer,
                                 .mean_jvp = skewed_answer,
                                 .vjp = skewed_answer};
    covsamp_nelbo *n = nelbo_of(&w, &u);
    CHECK(covsamp_nelbo_run(n, &model, data, D, samples) == COVSAMP_DONE);
    for (int k = 0; k <= STEPS; k++)
        o.row[k] = row_of(n, k);
    o.total = total_of(n);
    covsamp_nelbo_free(n);
    return o;
}

/* Standard error of the steps' sum that is due to probes. */
static double probe_error(const outcome *o)
{
    double square = 0;
    for (int k = 1; k < STEPS; k++)
        square += o->row[k].probe_deviation * o->row[k].probe_deviation;
    return sqrt(square);
}

static outcome quadrature(double skew, int products, int probes, const char *mode, int64_t samples,
                          int64_t seed)
{
    char options[128];
    snprintf(options, sizeof options, "covariance=krylov probes=%d krylov_steps=%d%s%s", probes,
             products, *mode ? " symmetrise=" : "", mode);
    return measure(skew, options, samples, seed);
}

static void table(void)
{
    static const double skews[] = {0, .03, .1, .3};
    static const char *const modes[] = {"project", "average"};
    printf("SLQ less dense, total of %d steps, %d samples, dim %d, 16 probes; error: of the "
           "probes\n",
           STEPS - 1, SAMPLES, D);
    printf("skew  products  symmetrise  bias (nats)  standard errors\n");
    for (int s = 0; s < LENGTH(skews); s++) {
        const outcome dense = measure(skews[s], "covariance=dense", SAMPLES, 1);
        for (int m = 4; m <= 16; m *= 2)
            for (int i = 0; i < 2; i++) {
                const outcome o = quadrature(skews[s], m, 16, modes[i], SAMPLES, 1);
                const double bias = o.total.nats - dense.total.nats;
                printf("%3.0f %%  %8d  %10s  %11.4f  %15.1f\n", 100 * skews[s], m, modes[i], bias,
                       bias / probe_error(&o));
            }
    }
}

/* The same x_t, so that the probes (and what 8 products leave) are all of the difference. */
static void against_dense(void)
{
    static const double skews[] = {0, .3};
    for (int s = 0; s < LENGTH(skews); s++) {
        const outcome dense = measure(skews[s], "covariance=dense", SAMPLES, 1);
        const outcome usual = quadrature(skews[s], 8, 16, "", SAMPLES, 1);
        const outcome twice = quadrature(skews[s], 16, 16, "average", SAMPLES, 1);
        const outcome project = quadrature(skews[s], 8, 16, "project", SAMPLES, 1);
        const double error = probe_error(&usual);
        CHECK_NEAR(usual.total.nats, dense.total.nats, 3 * error);
        CHECK_NEAR(usual.total.nats, twice.total.nats, error); /* 8 products are enough */
        CHECK(error < .2 * dense.total.deviation);
        for (int k = 1; k < STEPS; k++) {
            const covsamp_nelbo_term *a = &usual.row[k], *b = &dense.row[k];
            CHECK_NEAR(a->nats, b->nats, 3 * a->probe_deviation);
            CHECK_NEAR(a->nats, twice.row[k].nats, a->probe_deviation);
            CHECK_CLOSE(a->residual, b->residual, .01); /* no probes in it */
            CHECK_CLOSE(twice.row[k].residual, b->residual, 1e-9);
            CHECK_NEAR(b->asymmetry, skews[s], 1e-9);
            CHECK(a->asymmetry < 1e-9); /* averaged */
            CHECK(b->probe_deviation == 0 && a->probe_deviation > 0);
        }
        CHECK(dense.row[0].nats == usual.row[0].nats);
        CHECK(dense.row[STEPS].nats == usual.row[STEPS].nats);
        const double bias = (project.total.nats - dense.total.nats) / probe_error(&project);
        CHECK(skews[s] == 0 ? fabs(bias) < 3 : bias < -5);
        CHECK(skews[s] == 0 || project.row[2].asymmetry > .1);
    }
}

/* Over seeds, what quadrature with all products and dense differ by is the probes' error: its mean
 * is 0, its variance probe_deviation^2. */
static void probes_tell_their_error(int probes, int seeds)
{
    static double off[STEPS][200];
    double told[STEPS] = {0};
    for (int i = 0; i < seeds; i++) {
        const outcome dense = measure(.1, "covariance=dense", BATCH, 100 + i);
        const outcome o = quadrature(.1, D, probes, "average", BATCH, 100 + i);
        for (int k = 1; k < STEPS; k++) {
            off[k][i] = o.row[k].nats - dense.row[k].nats;
            told[k] += o.row[k].probe_deviation * o.row[k].probe_deviation / seeds;
        }
    }
    for (int k = 1; k < STEPS; k++) {
        double error;
        const double mean = mean_of(off[k], seeds, &error);
        CHECK_NEAR(mean, 0, 3 * error);
        CHECK_CLOSE(error * error * seeds, told[k], 3 * sqrt(2.0 / seeds));
    }
}

/* The mean of log S and S^-1 is not what few probes fail at: more of them only tell less error. */
static void more_probes(void)
{
    const outcome two = quadrature(0, 8, 2, "average", SAMPLES, 1);
    const outcome many = quadrature(0, 8, 32, "average", SAMPLES, 1);
    CHECK_NEAR(two.total.nats, many.total.nats, 3 * probe_error(&two));
    CHECK_CLOSE(probe_error(&two) / probe_error(&many), 4.0, .15);
}

int main(int argc, char **argv)
{
    schedule = linear_schedule();
    make_mixture();
    make_turn();
    if (argc > 1 && strcmp(argv[1], "--table") == 0) {
        table();
    } else {
        against_dense();
        probes_tell_their_error(2, 120);
        probes_tell_their_error(5, 40);
        more_probes();
    }
    covsamp_mixture_free(mixture);
    covsamp_schedule_free(schedule);
    return check_done();
}
