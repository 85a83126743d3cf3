/* SPDX-License-Identifier: BSD-3-Clause */
/* Configurations that no sampler can be made from, states that may not be set, mixtures that are
 * none. */
#include "fixture.h"

/* covsamp_sampler_new() fails with a sentence of these parts, and the handle is NULL. */
static void refused(covsamp_config *c, covsamp_status expected, const char *a, const char *b)
{
    covsamp_sampler *s = (covsamp_sampler *)(void *)c;
    const covsamp_status got = covsamp_sampler_new(&s, c);
    if (!CHECK(got == expected && s == NULL))
        fprintf(stderr, "    %d: %s\n", (int)got, covsamp_config_message(c));
    CHECK_TEXT(covsamp_config_message(c), "covsamp_sampler_new");
    CHECK_TEXT(covsamp_config_message(c), a);
    CHECK_TEXT(covsamp_config_message(c), b);
}

static void set_int(covsamp_config *c, int32_t key, int64_t value)
{
    CHECK(covsamp_config_set_int(c, key, value) == COVSAMP_OK);
}

static void incomplete(void)
{
    const int64_t levels[1] = {1};
    covsamp_schedule *schedule = NULL;
    covsamp_config *c = NULL;
    CHECK(covsamp_config_new(&c, NULL) == COVSAMP_OK);
    refused(c, COVSAMP_E_RANGE, "batch", "not set");
    set_int(c, COVSAMP_BATCH, 2);
    refused(c, COVSAMP_E_RANGE, "dim", "not set");
    set_int(c, COVSAMP_DIM, 2);
    refused(c, COVSAMP_E_RANGE, "schedule", "covsamp_config_set_schedule");
    CHECK(covsamp_schedule_new_flow(&schedule, 2, NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp_config_set_schedule(c, schedule, levels, 1) == COVSAMP_OK);
    covsamp_sampler *s = NULL;
    CHECK(covsamp_sampler_new(&s, c) == COVSAMP_OK && s != NULL);
    covsamp_sampler_free(s);
    covsamp_schedule_free(schedule);
    covsamp_config_free(c);
}

/* Sizes that no size_t holds are found before anything is allocated. */
static void overflowing_sizes(void)
{
    static const int64_t sizes[][2] = {{INT64_MAX, 1},
                                       {INT64_MAX, INT64_C(1) << 33},
                                       {INT64_C(1) << 32, INT64_C(1) << 33},
                                       {INT64_C(1) << 61, 4},
                                       {INT64_C(1) << 60, 8}};
    for (int i = 0; i < COVARIANCES; i++) {
        if (all_covariances[i] == COVSAMP_COV_DENSE || all_covariances[i] == COVSAMP_COV_SPECTRAL)
            continue; /* their dim is bounded, see below */
        const settings set = {.covariance = all_covariances[i]};
        covsamp_config *c = new_config_with(&set, NULL);
        for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
            set_int(c, COVSAMP_BATCH, sizes[k][0]);
            set_int(c, COVSAMP_DIM, sizes[k][1]);
            refused(c, COVSAMP_E_NOMEM, "overflow", "batch");
        }
        covsamp_config_free(c);
    }
    settings set = {.covariance = COVSAMP_COV_SPECTRAL};
    covsamp_config *c = new_config_with(&set, NULL);
    set_int(c, COVSAMP_BATCH, INT64_MAX);
    refused(c, COVSAMP_E_NOMEM, "overflow", "batch");
    set_int(c, COVSAMP_BATCH, INT64_C(1) << 56);
    refused(c, COVSAMP_E_NOMEM, "overflow", "batch");
    covsamp_config_free(c);
    set.covariance = COVSAMP_COV_DENSE;
    c = new_config_with(&set, NULL);
    set_int(c, COVSAMP_BATCH, INT64_MAX);
    refused(c, COVSAMP_E_NOMEM, "overflow", "batch");
    set_int(c, COVSAMP_BATCH, INT64_C(1) << 31);
    set_int(c, COVSAMP_DIM, 46340); /* 2^31 46340^2 8 > 2^63 */
    refused(c, COVSAMP_E_NOMEM, "overflow", "batch");
    set_int(c, COVSAMP_BATCH, 1);
    set_int(c, COVSAMP_DIM, 46341);
    refused(c, COVSAMP_E_RANGE, "dim is 46341", "46340");
    set_int(c, COVSAMP_DIM, INT64_C(1) << 33);
    refused(c, COVSAMP_E_RANGE, "dim is 8589934592", "dense");
    covsamp_config_free(c);
}

static void combinations(void)
{
    settings set = {.covariance = COVSAMP_COV_LARGE};
    covsamp_config *c = new_config_with(&set, NULL);
    CHECK(covsamp_config_set_real(c, COVSAMP_ETA, 0.5) == COVSAMP_OK);
    refused(c, COVSAMP_E_UNSUPPORTED, "eta is 0.5", "must be 1");
    CHECK(covsamp_config_set_real(c, COVSAMP_ETA, 0) == COVSAMP_OK);
    refused(c, COVSAMP_E_UNSUPPORTED, "eta is 0", "large");
    CHECK(covsamp_config_set_real(c, COVSAMP_ETA, 1) == COVSAMP_OK);
    set_int(c, COVSAMP_FIRST_SAMPLE, INT64_MAX);
    refused(c, COVSAMP_E_RANGE, "first_sample is 9223372036854775807", "9223372036854775804");
    set_int(c, COVSAMP_FIRST_SAMPLE, INT64_MAX - 3 + 1);
    refused(c, COVSAMP_E_RANGE, "first_sample", "batch of 3");
    set_int(c, COVSAMP_FIRST_SAMPLE, INT64_MAX - 3);
    covsamp_sampler *s = NULL;
    CHECK(covsamp_sampler_new(&s, c) == COVSAMP_OK);
    CHECK(covsamp_sampler_restart(s, 0, -1) == COVSAMP_E_RANGE);
    CHECK_TEXT(covsamp_sampler_message(s), "covsamp_sampler_restart: first_sample is -1");
    CHECK(covsamp_sampler_restart(s, 0, INT64_MAX - 2) == COVSAMP_E_RANGE);
    CHECK_TEXT(covsamp_sampler_message(s), "9223372036854775804");
    CHECK(covsamp_sampler_restart(s, 0, INT64_MIN) == COVSAMP_E_RANGE);
    CHECK(covsamp_sampler_restart(s, UINT64_MAX, INT64_MAX - 3) == COVSAMP_OK);
    covsamp_sampler_free(s);
    covsamp_config_free(c);
}

/* At alpha = 0 (flow's last level) noise and score say nothing about x0; the others do. */
static void predictions_without_alpha(void)
{
    const settings set = {.covariance = COVSAMP_COV_KRYLOV};
    const int64_t with[2] = {4, 2}, without[2] = {3, 1};
    covsamp_schedule *flow = NULL;
    CHECK(covsamp_schedule_new_flow(&flow, 4, NULL, NULL) == COVSAMP_OK);
    for (int32_t p = COVSAMP_PREDICTS_NOISE; p <= COVSAMP_PREDICTS_REVERSE; p++) {
        const int never = p == COVSAMP_PREDICTS_NOISE || p == COVSAMP_PREDICTS_SCORE;
        covsamp_config *c = new_config_with(&set, NULL);
        covsamp_sampler *s = NULL;
        set_int(c, COVSAMP_PREDICTION, p);
        CHECK(covsamp_config_set_schedule(c, flow, with, 2) == COVSAMP_OK);
        if (never) {
            refused(c, COVSAMP_E_UNSUPPORTED, p == 1 ? "noise" : "score", "alpha is 0");
        } else {
            CHECK(covsamp_sampler_new(&s, c) == COVSAMP_OK);
            covsamp_sampler_free(s);
        }
        CHECK(covsamp_config_set_schedule(c, flow, without, 2) == COVSAMP_OK);
        CHECK(covsamp_sampler_new(&s, c) == COVSAMP_OK);
        covsamp_sampler_free(s);
        covsamp_config_free(c);
    }
    covsamp_schedule_free(flow);
}

/* ---- set_state ---- */

static void wrong_states(void)
{
    const settings set = {.covariance = COVSAMP_COV_KRYLOV, .report = 1};
    covsamp_mixture *mixture = new_mixture(5);
    covsamp_sampler *s = new_sampler(&set);
    const covsamp_request *q = NULL;
    double x[15] = {0};
    while (covsamp_sampler_ask(s, &q) == COVSAMP_OK) {
        const int between = q->kind == COVSAMP_ASK_STEP && q->step + 1 < q->steps;
        if (between)
            memcpy(x, q->x, sizeof x);
        CHECK(covsamp_sampler_set_state(s, x, 5) == (between ? COVSAMP_OK : COVSAMP_E_STATE));
        if (!between)
            CHECK_TEXT(covsamp_sampler_message(s), "covsamp_sampler_set_state");
        if (q->mean != NULL || q->product != NULL)
            CHECK(covsamp_mixture_answer(mixture, q) == 0);
        CHECK(covsamp_sampler_tell(s, 0) == COVSAMP_OK);
        if (q->kind != COVSAMP_ASK_STEP && q->kind != COVSAMP_ASK_JVP) /* still inside */
            CHECK(covsamp_sampler_set_state(s, x, 5) == COVSAMP_E_STATE);
    }
    CHECK(covsamp_sampler_set_state(s, x, 5) == COVSAMP_E_STATE); /* done */
    covsamp_sampler_free(s);
    covsamp_mixture_free(mixture);
}

static void wrong_values(int32_t dtype)
{
    const settings set = {.covariance = COVSAMP_COV_SMALL, .dtype = dtype};
    covsamp_sampler *s = new_sampler(&set);
    static const double nonsense[] = {NAN, INFINITY, -INFINITY};
    static const int64_t strides[] = {4, 0, -1, -5, INT64_MIN};
    double d[3 * 8] = {0};
    float f[3 * 8] = {0};
    const void *x = dtype == COVSAMP_F32 ? (const void *)f : d;
    void *zero = calloc(1, bytes_of(&set));
    for (int at = 0; at < 24; at++)
        for (int i = 0; i < 3; i++) {
            d[at] = nonsense[i];
            f[at] = (float)nonsense[i];
            const int seen = at % 8 < 5; /* the rest is between the samples */
            if (!seen) {
                d[at] = f[at] = 0;
                continue;
            }
            CHECK(covsamp_sampler_set_state(s, x, 8) == COVSAMP_E_NONFINITE);
            CHECK_TEXT(covsamp_sampler_message(s), "covsamp_sampler_set_state");
            char place[40];
            snprintf(place, sizeof place, "value %d of sample %d", at % 8, at / 8);
            CHECK_TEXT(covsamp_sampler_message(s), place);
            d[at] = f[at] = 0;
        }
    for (int i = 0; i < 5; i++) {
        CHECK(covsamp_sampler_set_state(s, x, strides[i]) == COVSAMP_E_RANGE);
        CHECK_TEXT(covsamp_sampler_message(s), "stride is");
        CHECK_TEXT(covsamp_sampler_message(s), "must be in dim = 5 ... ");
    }
    CHECK(same_state(s, &set, zero));
    for (int at = 0; at < 24; at++) { /* a gap is not looked at */
        d[at] = at % 8 < 5 ? (double)at : NAN;
        f[at] = (float)d[at];
    }
    CHECK(covsamp_sampler_set_state(s, x, 8) == COVSAMP_OK);
    double *copy = copy_state(s, &set);
    for (int i = 0; i < 15; i++)
        CHECK((dtype == COVSAMP_F32 ? ((float *)(void *)copy)[i] : copy[i]) == i / 5 * 8 + i % 5);
    free(copy);
    free(zero);
    covsamp_sampler_free(s);
}

/* ---- mixtures ---- */

static char text[COVSAMP_MESSAGE_BYTES];

static void bad_mixture(int64_t dim, int64_t components, const double *w, const double *m,
                        const double *c, int32_t prediction, covsamp_status expected,
                        const char *part)
{
    covsamp_mixture *out = (covsamp_mixture *)(void *)text;
    CHECK(covsamp_mixture_new(&out, dim, components, w, m, c, prediction, NULL, text) == expected);
    CHECK(out == NULL);
    CHECK_TEXT(text, "covsamp_mixture_new");
    CHECK_TEXT(text, part);
}

static void mixtures(void)
{
    const double w[2] = {1, 2}, m[4] = {0, 1, 2, 3}, c[8] = {1, 0, 0, 1, 2, 1, 1, 2};
    double bad_w[2] = {1, 0}, bad_m[4] = {0, 1, NAN, 3}, bad_c[8] = {1, 0, 0, 1, 2, 1, -1, 2};
    bad_mixture(2, 2, NULL, m, c, 1, COVSAMP_E_NULL, "weights is NULL");
    bad_mixture(2, 2, w, NULL, c, 1, COVSAMP_E_NULL, "means is NULL");
    bad_mixture(2, 2, w, m, NULL, 1, COVSAMP_E_NULL, "covariances is NULL");
    CHECK(covsamp_mixture_new(NULL, 2, 2, w, m, c, 1, NULL, text) == COVSAMP_E_NULL);
    CHECK_TEXT(text, "out is NULL");
    bad_mixture(0, 2, w, m, c, 1, COVSAMP_E_RANGE, "dim is 0");
    bad_mixture(-1, 2, w, m, c, 1, COVSAMP_E_RANGE, "dim is -1");
    bad_mixture(INT64_MAX, 2, w, m, c, 1, COVSAMP_E_RANGE, "dim is 9223372036854775807");
    bad_mixture(2, 0, w, m, c, 1, COVSAMP_E_RANGE, "components is 0");
    bad_mixture(2, INT64_MAX, w, m, c, 1, COVSAMP_E_RANGE, "components is");
    bad_mixture(2, 2, w, m, c, 0, COVSAMP_E_RANGE, "prediction is 0");
    bad_mixture(2, 2, w, m, c, 7, COVSAMP_E_RANGE, "prediction is 7");
    bad_mixture(2, 2, w, m, c, COVSAMP_PREDICTS_REVERSE, COVSAMP_E_UNSUPPORTED, "prediction");
    bad_mixture(2, 2, bad_w, m, c, 1, COVSAMP_E_RANGE, "weights[1] is 0");
    bad_w[1] = NAN;
    bad_mixture(2, 2, bad_w, m, c, 1, COVSAMP_E_RANGE, "weights[1] is nan");
    bad_w[1] = INFINITY;
    bad_mixture(2, 2, bad_w, m, c, 1, COVSAMP_E_RANGE, "weights[1] is inf");
    bad_mixture(2, 2, w, bad_m, c, 1, COVSAMP_E_RANGE, "means[2] is nan");
    bad_mixture(2, 2, w, m, bad_c, 1, COVSAMP_E_RANGE, "covariances");
    bad_c[5] = bad_c[6] = 3; /* symmetric, but with a negative eigenvalue */
    bad_mixture(2, 2, w, m, bad_c, 1, COVSAMP_E_RANGE, "covariance");
    bad_c[5] = bad_c[6] = NAN;
    bad_mixture(2, 2, w, m, bad_c, 1, COVSAMP_E_RANGE, "covariance");
    bad_c[4] = bad_c[5] = bad_c[6] = bad_c[7] = 0; /* semidefinite is allowed */
    covsamp_mixture *out = NULL;
    CHECK(covsamp_mixture_new(&out, 2, 2, w, m, bad_c, 1, NULL, text) == COVSAMP_OK);
    CHECK(text[0] == '\0');
    covsamp_mixture_free(out);
}

static void mixture_requests(void)
{
    double x[2] = {1, 2}, v[2] = {1, 0}, mean[2] = {7, 7}, product[2] = {7, 7};
    const covsamp_request good = {.size = sizeof good,
                                  .kind = COVSAMP_ASK_MEAN_JVP,
                                  .dtype = COVSAMP_F64,
                                  .batch = 1,
                                  .dim = 2,
                                  .stride = 2,
                                  .tangents = 1,
                                  .tangent_stride = 2,
                                  .alpha = .6,
                                  .sigma = .8,
                                  .x = x,
                                  .v = v,
                                  .mean = mean,
                                  .product = product};
    covsamp_mixture *m = new_mixture(2);
    covsamp_request q = good;
    q.dim = 3;
    CHECK(covsamp_mixture_answer(m, &q) == COVSAMP_E_RANGE);
    q = good;
    static const int32_t kinds[] = {0, 5, COVSAMP_ASK_NOISE, COVSAMP_ASK_STEP, -1};
    for (int i = 0; i < 5; i++) {
        q.kind = kinds[i];
        CHECK(covsamp_mixture_answer(m, &q) == COVSAMP_E_UNSUPPORTED);
    }
    q = good;
    q.kind = COVSAMP_ASK_VJP; /* its products go elsewhere */
    CHECK(covsamp_mixture_answer(m, &q) == COVSAMP_E_NULL);
    q = good;
    q.alpha = 0;
    CHECK(covsamp_mixture_answer(m, &q) == COVSAMP_E_UNSUPPORTED);
    q = good;
    q.sigma = 0;
    CHECK(covsamp_mixture_answer(m, &q) == COVSAMP_E_UNSUPPORTED);
    CHECK(mean[0] == 7 && product[1] == 7);
    CHECK(covsamp_mixture_answer(m, &good) == 0 && mean[0] != 7 && product[1] != 7);
    covsamp_mixture_free(m);
}

int main(void)
{
    incomplete();
    overflowing_sizes();
    combinations();
    predictions_without_alpha();
    wrong_states();
    wrong_values(COVSAMP_F32);
    wrong_values(COVSAMP_F64);
    mixtures();
    mixture_requests();
    return check_done();
}
