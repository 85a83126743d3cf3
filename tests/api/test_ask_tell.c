/* SPDX-License-Identifier: BSD-3-Clause */
/* The state table of docs/ask-tell.md, the fields of a request, and that all ways to drive a
 * sampler give the same bits. */
#include "fixture.h"

/* Answers anything a sampler may ask here; NOISE by the library's own normals, so that ask_noise =
 * 1 gives the samples of ask_noise = 0. */
static int32_t answer(covsamp_mixture *mixture, const covsamp_request *q)
{
    double z[MAX_DIM];
    if (q->mean != NULL || q->product != NULL)
        return covsamp_mixture_answer(mixture, q);
    for (int64_t b = 0; q->noise != NULL && b < q->batch; b++) {
        const int64_t step = q->stream == COVSAMP_STREAM_START ? 0 : q->step;
        CHECK(covsamp_noise_normal(q->seed, q->first_sample + b, q->stream, step, 0, q->dim, z) ==
              COVSAMP_OK);
        for (int64_t i = 0; i < q->dim; i++)
            if (q->dtype == COVSAMP_F32)
                ((float *)q->noise)[b * q->stride + i] = (float)z[i];
            else
                ((double *)q->noise)[b * q->stride + i] = z[i];
    }
    return 0;
}

static int32_t answer_noise(void *user, const covsamp_request *q)
{
    CHECK(user == NULL && q->kind == COVSAMP_ASK_NOISE);
    return answer(NULL, q);
}

/* ---- the fields of a request ---- */

static void check_pointers(const covsamp_request *q)
{
    const int mean = q->kind == COVSAMP_ASK_MEAN || q->kind == COVSAMP_ASK_MEAN_JVP;
    const int jvp = q->kind == COVSAMP_ASK_JVP || q->kind == COVSAMP_ASK_MEAN_JVP;
    CHECK(mean || jvp || q->kind == COVSAMP_ASK_NOISE || q->kind == COVSAMP_ASK_STEP);
    CHECK((q->mean != NULL) == mean);
    CHECK((q->v != NULL) == jvp && (q->product != NULL) == jvp);
    CHECK((q->noise != NULL) == (q->kind == COVSAMP_ASK_NOISE));
    CHECK(q->x != NULL);
    CHECK(jvp ? q->tangents >= 1 : q->tangents == 0);
    CHECK(q->tangents < 2 || q->tangent_stride >= q->batch * q->dim);
    CHECK(q->mean == NULL || q->mean != q->x);
}

static void check_fields(const covsamp_request *q, const settings *set)
{
    static const int64_t levels[4] = {20, 15, 10, 5};
    double alpha, sigma, time;
    covsamp_schedule *schedule = NULL;
    CHECK(q->size == sizeof *q && q->dtype == dtype_of(set));
    CHECK(q->batch == batch_of(set) && q->dim == dim_of(set) && q->stride >= q->dim);
    CHECK(q->steps == 4 && q->step >= 0 && q->step < 4 && q->level == levels[q->step]);
    CHECK(q->seed == (uint64_t)set->seed && q->first_sample == set->first_sample);
    CHECK(q->branch == 0);
    CHECK(covsamp_schedule_new_linear(&schedule, LEVELS, 0.01, 0.4, NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp_schedule_at(schedule, (double)q->level, &alpha, &sigma, &time) == COVSAMP_OK);
    CHECK(q->alpha == alpha && q->sigma == sigma && q->time == time);
    CHECK(q->time == (double)(q->level - 1));
    covsamp_schedule_free(schedule);
    check_pointers(q);
}

/* ---- the order of requests ---- */

static char letter(const covsamp_request *q)
{
    if (q->kind == COVSAMP_ASK_NOISE)
        return q->stream == COVSAMP_STREAM_START ? 'S' : 'N';
    return q->kind == COVSAMP_ASK_MEAN       ? 'M'
           : q->kind == COVSAMP_ASK_JVP      ? 'J'
           : q->kind == COVSAMP_ASK_MEAN_JVP ? 'B'
                                             : '|';
}

static void order_is(const settings *set, const char *expected)
{
    covsamp_mixture *mixture = new_mixture(dim_of(set));
    covsamp_sampler *s = new_sampler(set);
    const covsamp_request *q = NULL;
    char order[200] = "";
    covsamp_status status;
    size_t n = 0;
    while ((status = covsamp_sampler_ask(s, &q)) == COVSAMP_OK && n + 1 < sizeof order) {
        check_fields(q, set);
        order[n++] = letter(q);
        CHECK(answer(mixture, q) == 0);
        CHECK(covsamp_sampler_tell(s, 0) == COVSAMP_OK);
    }
    CHECK(status == COVSAMP_DONE);
    if (!CHECK(strcmp(order, expected) == 0))
        fprintf(stderr, "    %s, not %s\n", order, expected);
    covsamp_sampler_free(s);
    covsamp_mixture_free(mixture);
}

static void orders(void)
{
    settings s = {.covariance = COVSAMP_COV_NONE, .seed = -3, .first_sample = 40};
    order_is(&s, "MMMM");
    s.report = 1;
    order_is(&s, "M|M|M|M|");
    s.ask_noise = 1;
    order_is(&s, "SM|M|M|M|"); /* "none" needs no noise but the start */
    s.covariance = COVSAMP_COV_SMALL;
    order_is(&s, "SNM|NM|NM|M|");
    s.last_noise = 1;
    order_is(&s, "SNM|NM|NM|NM|");
    s.covariance = COVSAMP_COV_LARGE;
    order_is(&s, "SNM|NM|NM|NM|");
    s.covariance = COVSAMP_COV_KRYLOV;
    order_is(&s, "SNBJ|NBJ|NBJ|NBJ|");
    s.separate = 1;
    order_is(&s, "SNMJJ|NMJJ|NMJJ|NMJJ|");
    s.separate = 0;
    s.clip = 2; /* the mask is known after the mean only */
    order_is(&s, "SNMJJ|NMJJ|NMJJ|NMJJ|");
    s.keep_c = 1;
    order_is(&s, "SNBJ|NBJ|NBJ|NBJ|");
    s.krylov = 1;
    s.ask_noise = s.report = s.last_noise = 0;
    order_is(&s, "BBBM");
    s.dim = 3;
    s.krylov = 65536; /* no more than the dimension */
    order_is(&s, "BJJBJJBJJM");
    s.covariance = COVSAMP_COV_DENSE;
    order_is(&s, "MJJJMJJJMJJJM");
    s.tangents = 2;
    order_is(&s, "MJJMJJMJJM");
    s.tangents = 65536;
    order_is(&s, "MJMJMJM");
}

/* Levels outside the window use "small", and the statistics say so. */
static void window(void)
{
    const settings set = {.covariance = COVSAMP_COV_KRYLOV, .last_noise = 1};
    covsamp_mixture *mixture = new_mixture(5);
    const covsamp_model model = model_of(mixture);
    covsamp_config *c = new_config_with(&set, NULL);
    covsamp_sampler *s = NULL;
    covsamp_stats stats = {.size = sizeof stats};
    CHECK(covsamp_config_set_int(c, COVSAMP_WINDOW_LOW, 10) == COVSAMP_OK);
    CHECK(covsamp_config_set_int(c, COVSAMP_WINDOW_HIGH, 15) == COVSAMP_OK);
    CHECK(covsamp_sampler_new(&s, c) == COVSAMP_OK);
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
    CHECK(covsamp_sampler_stats(s, &stats) == COVSAMP_OK);
    CHECK(stats.steps == 4 && stats.steps_without == 2 && stats.mean_requests == 4);
    CHECK(stats.jvp_requests == 4 && stats.jvp_tangents == 4 && stats.products_paid == 12);
    covsamp_sampler_free(s);
    covsamp_config_free(c);
    covsamp_mixture_free(mixture);
}

/* ---- ask and tell out of order ---- */

static void misuse(const settings *set)
{
    covsamp_mixture *mixture = new_mixture(5);
    const covsamp_model model = model_of(mixture);
    void *expected = samples_of(set, &model);
    covsamp_sampler *s = new_sampler(set);
    const covsamp_request *q = NULL, *again = NULL;
    covsamp_request before;
    CHECK(covsamp_sampler_tell(s, 0) == COVSAMP_E_STATE); /* tell without ask */
    CHECK_TEXT(covsamp_sampler_message(s), "covsamp_sampler_tell");
    CHECK(covsamp_sampler_answer(s) == 0);
    while (covsamp_sampler_ask(s, &q) == COVSAMP_OK) {
        CHECK(strcmp(covsamp_sampler_message(s), "") == 0);
        before = *q;
        CHECK(covsamp_sampler_ask(s, &again) == COVSAMP_OK && again == q);
        CHECK(memcmp(&before, q, sizeof before) == 0);
        static const int32_t wrong[] = {1, 3, 100, INT32_MAX};
        for (int i = 0; i < 4; i++) {
            char number[16];
            snprintf(number, sizeof number, "%d", (int)wrong[i]);
            CHECK(covsamp_sampler_tell(s, wrong[i]) == COVSAMP_E_RANGE);
            CHECK_TEXT(covsamp_sampler_message(s), "covsamp_sampler_tell: answer is");
            CHECK_TEXT(covsamp_sampler_message(s), number);
            CHECK(covsamp_sampler_answer(s) == 0);
        }
        CHECK(covsamp_sampler_ask(s, &again) == COVSAMP_OK && again == q);
        CHECK(memcmp(&before, q, sizeof before) == 0);
        CHECK(answer(mixture, q) == 0);
        CHECK(covsamp_sampler_tell(s, 0) == COVSAMP_OK);
        CHECK(strcmp(covsamp_sampler_message(s), "") == 0);
        CHECK(covsamp_sampler_tell(s, 0) == COVSAMP_E_STATE); /* told twice */
    }
    for (int i = 0; i < 3; i++) { /* done stays done */
        CHECK(covsamp_sampler_ask(s, &q) == COVSAMP_DONE && q == NULL);
        CHECK(covsamp_sampler_tell(s, 0) == COVSAMP_E_STATE);
        CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
        CHECK(covsamp_sampler_step(s, &model) == COVSAMP_DONE);
    }
    CHECK(same_state(s, set, expected));
    covsamp_sampler_free(s);
    free(expected);
    covsamp_mixture_free(mixture);
}

/* ---- every way to drive gives the same bits ---- */

static int32_t count_step(void *user, const covsamp_request *q)
{
    CHECK(q->kind == COVSAMP_ASK_STEP && q->step == *(int64_t *)user);
    ++*(int64_t *)user;
    return 0;
}

/* Requests until the run is done or `most` were answered. */
static covsamp_status ask_and_tell(covsamp_sampler *s, covsamp_mixture *mixture, int most)
{
    const covsamp_request *q = NULL;
    covsamp_status status = COVSAMP_OK;
    while (most-- > 0 && (status = covsamp_sampler_ask(s, &q)) == COVSAMP_OK) {
        CHECK(answer(mixture, q) == 0);
        CHECK(covsamp_sampler_tell(s, 0) == COVSAMP_OK);
    }
    return status;
}

static void drive_by(const settings *set, const void *expected, int way)
{
    settings own = *set;
    own.report = way == 1 || way == 5;
    own.ask_noise = way == 4;
    own.separate = way == 6;
    covsamp_mixture *mixture = new_mixture(5);
    covsamp_model model = model_of(mixture);
    covsamp_sampler *s = new_sampler(&own);
    int64_t steps = 0;
    model.noise = answer_noise;
    model.progress = count_step;
    model.progress_user = &steps;
    if (way == 3)
        model.mean_jvp = NULL; /* in two calls */
    if (way <= 1) {
        CHECK(ask_and_tell(s, mixture, 1000) == COVSAMP_DONE);
    } else if (way == 2) {
        for (int i = 1; i <= 4; i++) {
            CHECK(covsamp_sampler_step(s, &model) == (i < 4 ? COVSAMP_OK : COVSAMP_DONE));
            CHECK(steps == i);
        }
    } else {
        CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
        CHECK(steps == 4);
    }
    CHECK(same_state(s, set, expected));
    covsamp_sampler_free(s);
    covsamp_mixture_free(mixture);
}

/* Stops after k requests, goes on by step(), then a few requests, then run(). */
static void mixed(const settings *set, const void *expected)
{
    covsamp_mixture *mixture = new_mixture(5);
    const covsamp_model model = model_of(mixture);
    settings own = *set;
    for (int k = 0; k < 24; k++) {
        own.report = k % 2;
        covsamp_sampler *s = new_sampler(&own);
        const covsamp_request *q = NULL;
        ask_and_tell(s, mixture, k);
        if (k % 3 == 0)
            covsamp_sampler_ask(s, &q); /* a request is left open */
        CHECK(covsamp_sampler_step(s, &model) >= COVSAMP_OK);
        ask_and_tell(s, mixture, 1 + k % 5);
        CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
        CHECK(same_state(s, set, expected));
        covsamp_sampler_free(s);
    }
    covsamp_mixture_free(mixture);
}

static void same_bits(const settings *set)
{
    covsamp_mixture *mixture = new_mixture(5);
    const covsamp_model model = model_of(mixture);
    void *expected = samples_of(set, &model);
    for (int way = 0; way <= 6; way++)
        drive_by(set, expected, way);
    mixed(set, expected);
    free(expected);
    covsamp_mixture_free(mixture);
}

/* step() ends where the state is between two steps: it may be read and replaced there. */
static void state_between_steps(void)
{
    const settings set = {.covariance = COVSAMP_COV_KRYLOV};
    covsamp_mixture *mixture = new_mixture(5);
    const covsamp_model model = model_of(mixture);
    void *expected = samples_of(&set, &model);
    covsamp_sampler *s = new_sampler(&set);
    for (int i = 0; i < 3; i++) {
        CHECK(covsamp_sampler_step(s, &model) == COVSAMP_OK);
        void *x = copy_state(s, &set);
        CHECK(covsamp_sampler_set_state(s, x, 5) == COVSAMP_OK); /* the same: no change */
        CHECK(same_state(s, &set, x));
        free(x);
    }
    CHECK(covsamp_sampler_step(s, &model) == COVSAMP_DONE);
    CHECK(same_state(s, &set, expected));
    covsamp_sampler_free(s);
    free(expected);
    covsamp_mixture_free(mixture);
}

int main(void)
{
    settings set;
    orders();
    window();
    state_between_steps();
    for (int i = 0; setting_case(i, &set); i++) {
        misuse(&set);
        same_bits(&set);
    }
    return check_done();
}
