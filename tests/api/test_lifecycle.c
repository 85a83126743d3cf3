/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of every handle: made, used, used again, freed in any order. */
#include "fixture.h"

static void null_frees(void)
{
    covsamp_schedule_free(NULL);
    covsamp_config_free(NULL);
    covsamp_sampler_free(NULL);
    covsamp_mixture_free(NULL);
    covsamp_sampler_cancel(NULL);
    CHECK(covsamp_schedule_levels(NULL) == 0);
    CHECK(covsamp_sampler_answer(NULL) == 0);
    CHECK(covsamp_config_message(NULL) != NULL);
    CHECK(covsamp_sampler_message(NULL) != NULL);
}

static void versions_and_statuses(void)
{
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", COVSAMP_VERSION_MAJOR, COVSAMP_VERSION_MINOR,
             COVSAMP_VERSION_PATCH);
    CHECK(covsamp_version_number() == COVSAMP_VERSION_NUMBER);
    CHECK(strcmp(covsamp_version_string(), text) == 0);
    const covsamp_status known[] = {0, 1, 2, -1, -2, -3, -4, -5, -6, -7, -20, -21, -30};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        CHECK_TEXT(covsamp_status_name(known[i]), "COVSAMP_");
        CHECK(strcmp(covsamp_status_name(known[i]), "COVSAMP_E_UNKNOWN") != 0);
        CHECK(strlen(covsamp_status_text(known[i])) > 5);
        for (size_t j = 0; j < i; j++)
            CHECK(strcmp(covsamp_status_name(known[i]), covsamp_status_name(known[j])) != 0);
    }
    CHECK(strcmp(covsamp_status_name(COVSAMP_E_RANGE), "COVSAMP_E_RANGE") == 0);
    CHECK(strcmp(covsamp_status_name(-12345), "COVSAMP_E_UNKNOWN") == 0);
    CHECK(covsamp_status_text(-12345) != NULL);
}

static void made_and_freed(void)
{
    covsamp_schedule *s = NULL;
    char message[COVSAMP_MESSAGE_BYTES] = "old";
    const double alpha[2] = {0.9, 0.5}, sigma[2] = {0.3, 0.8};
    CHECK(covsamp_schedule_new_linear(&s, 10, 1e-4, 0.02, NULL, message) == COVSAMP_OK);
    CHECK(message[0] == '\0');
    CHECK(covsamp_schedule_levels(s) == 10);
    covsamp_schedule_free(s);
    CHECK(covsamp_schedule_new_cosine(&s, 10, 0.008, NULL, NULL) == COVSAMP_OK);
    covsamp_schedule_free(s);
    CHECK(covsamp_schedule_new_table(&s, 2, alpha, sigma, NULL, NULL, NULL) == COVSAMP_OK);
    covsamp_schedule_free(s);
    CHECK(covsamp_schedule_new_karras(&s, 10, 0.002, 80, 7, NULL, NULL) == COVSAMP_OK);
    covsamp_schedule_free(s);
    CHECK(covsamp_schedule_new_flow(&s, 10, NULL, NULL) == COVSAMP_OK);
    covsamp_schedule_free(s);
    covsamp_config *c = NULL;
    CHECK(covsamp_config_new(&c, NULL) == COVSAMP_OK);
    CHECK(strcmp(covsamp_config_message(c), "") == 0);
    covsamp_config_free(c);
    covsamp_mixture_free(new_mixture(3));
}

/* A configuration serves any number of samplers, of different settings, and may go before them. */
static void one_config_many_samplers(void)
{
    covsamp_mixture *mixture = new_mixture(5);
    const covsamp_model model = model_of(mixture);
    settings a = {.covariance = COVSAMP_COV_KRYLOV, .seed = 5}, b = a;
    b.seed = 6;
    covsamp_config *c = new_config_with(&a, NULL);
    covsamp_sampler *s[4] = {NULL};
    void *xa = samples_of(&a, &model), *xb = samples_of(&b, &model);
    CHECK(memcmp(xa, xb, bytes_of(&a)) != 0);
    for (int i = 0; i < 4; i++) {
        CHECK(covsamp_config_set_int(c, COVSAMP_SEED, i % 2 ? b.seed : a.seed) == COVSAMP_OK);
        CHECK(covsamp_sampler_new(&s[i], c) == COVSAMP_OK);
        CHECK(strcmp(covsamp_config_message(c), "") == 0);
    }
    covsamp_config_free(c);
    for (int i = 3; i >= 0; i--) {
        CHECK(covsamp_sampler_run(s[i], &model) == COVSAMP_DONE);
        CHECK(same_state(s[i], &a, i % 2 ? xb : xa));
        covsamp_sampler_free(s[i]);
    }
    free(xa);
    free(xb);
    covsamp_mixture_free(mixture);
}

/* Both the schedule and the levels are copied: overwrite and free them at once. */
static void schedule_is_copied(void)
{
    covsamp_mixture *mixture = new_mixture(5);
    const covsamp_model model = model_of(mixture);
    const settings set = {.covariance = COVSAMP_COV_SMALL};
    void *expected = samples_of(&set, &model);
    covsamp_config *c = new_config_with(&set, NULL);
    covsamp_schedule *schedule = NULL;
    int64_t levels[4] = {20, 15, 10, 5};
    CHECK(covsamp_schedule_new_linear(&schedule, LEVELS, 0.01, 0.4, NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp_config_set_schedule(c, schedule, levels, 4) == COVSAMP_OK);
    covsamp_schedule_free(schedule);
    memset(levels, 0, sizeof levels);
    covsamp_sampler *s = NULL;
    CHECK(covsamp_sampler_new(&s, c) == COVSAMP_OK);
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
    CHECK(same_state(s, &set, expected));
    covsamp_sampler_free(s);
    covsamp_config_free(c);
    free(expected);
    covsamp_mixture_free(mixture);
}

/* ---- restart ---- */

enum { LAST_REQUEST = -1, CANCELLED = -2, FAILED = -3 };

/* Leaves the sampler after `stop` requests (the next one open), or in one of the special states. */
static void bring_to(covsamp_sampler *s, int stop, covsamp_mixture *mixture)
{
    const covsamp_request *q = NULL;
    covsamp_status status;
    for (int k = 0; (status = covsamp_sampler_ask(s, &q)) == COVSAMP_OK; k++) {
        covsamp_mixture_answer(mixture, q);
        if (k == stop)
            return;
        if (k == 1 && stop == CANCELLED) {
            CHECK(covsamp_sampler_tell(s, COVSAMP_CANCELLED) == COVSAMP_CANCELLED);
            return;
        }
        if (k == 1 && stop == FAILED) {
            CHECK(covsamp_sampler_tell(s, -77) == COVSAMP_E_MODEL);
            return;
        }
        if (covsamp_sampler_tell(s, 0) != COVSAMP_OK)
            return;
    }
    CHECK(status == COVSAMP_DONE);
}

/* Another seed first, so that only a true restart gives the expected bits. */
static void restart_everywhere(const settings *set)
{
    covsamp_mixture *mixture = new_mixture(5);
    const covsamp_model model = model_of(mixture);
    void *expected = samples_of(set, &model);
    settings other = *set;
    other.seed = 99;
    other.first_sample = 1000;
    for (int stop = FAILED; stop < 30; stop++) {
        covsamp_sampler *s = new_sampler(&other);
        bring_to(s, stop, mixture);
        if (stop % 3 == 0)
            covsamp_sampler_cancel(s); /* must be forgotten */
        CHECK(covsamp_sampler_restart(s, (uint64_t)set->seed, set->first_sample) == COVSAMP_OK);
        CHECK(covsamp_sampler_answer(s) == 0);
        covsamp_stats stats = {.size = sizeof stats, .steps = -1};
        CHECK(covsamp_sampler_stats(s, &stats) == COVSAMP_OK);
        CHECK(stats.steps == 0 && stats.mean_requests == 0 && stats.ritz_values == 0);
        CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
        CHECK(same_state(s, set, expected));
        covsamp_sampler_free(s);
    }
    free(expected);
    covsamp_mixture_free(mixture);
}

static void restart_before_start_zeroes(void)
{
    const settings set = {.covariance = COVSAMP_COV_SMALL};
    covsamp_mixture *mixture = new_mixture(5);
    covsamp_model model = model_of(mixture);
    covsamp_sampler *s = new_sampler(&set);
    void *zero = calloc(1, bytes_of(&set));
    CHECK(same_state(s, &set, zero));
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
    CHECK(!same_state(s, &set, zero));
    CHECK(covsamp_sampler_restart(s, 0, 0) == COVSAMP_OK);
    CHECK(same_state(s, &set, zero)); /* "Before the first ask() it is zero." */
    covsamp_sampler_free(s);
    covsamp_mixture_free(mixture);
    free(zero);
}

/* ---- owner and point ---- */

typedef struct {
    uint64_t point;
    double time;
    char x[3 * 5 * 8];
} place;

static place places[400];
static int place_count;

/* Equal (owner, point) must be one (x, time): looks the request up and adds it. */
static void meet(const covsamp_request *q, uint64_t owner)
{
    CHECK(q->owner == owner);
    for (int i = 0; i < place_count; i++)
        if (places[i].point == q->point) {
            CHECK(places[i].time == q->time && memcmp(places[i].x, q->x, sizeof places[i].x) == 0);
            return;
        }
    place *p = &places[place_count++];
    p->point = q->point;
    p->time = q->time;
    memcpy(p->x, q->x, sizeof p->x);
}

static void run_and_meet(covsamp_sampler *s, covsamp_mixture *mixture, int edit)
{
    const covsamp_request *q = NULL;
    double x[15];
    uint64_t owner = 0;
    for (int k = 0; covsamp_sampler_ask(s, &q) == COVSAMP_OK; k++) {
        owner = k == 0 ? q->owner : owner;
        meet(q, owner);
        if (q->mean != NULL || q->product != NULL)
            CHECK(covsamp_mixture_answer(mixture, q) == 0);
        for (int i = 0; q->noise != NULL && i < 15; i++)
            ((double *)q->noise)[i] = 0.1 * (i - 7);
        if (edit && q->kind == COVSAMP_ASK_STEP && q->step + 1 < q->steps) {
            for (int i = 0; i < 15; i++)
                x[i] = 0.01 * i;
            CHECK(covsamp_sampler_set_state(s, x, 5) == COVSAMP_OK);
        }
        CHECK(covsamp_sampler_tell(s, 0) == COVSAMP_OK);
    }
}

static void points_are_unique(void)
{
    const settings set = {.covariance = COVSAMP_COV_KRYLOV, .ask_noise = 1, .report = 1};
    covsamp_mixture *mixture = new_mixture(5);
    uint64_t owners[20];
    for (int n = 0; n < 20; n++) { /* short lives: addresses come again, owners must not */
        const covsamp_request *q = NULL;
        covsamp_sampler *s = new_sampler(&set);
        CHECK(covsamp_sampler_ask(s, &q) == COVSAMP_OK);
        owners[n] = q->owner;
        for (int i = 0; i < n; i++)
            CHECK(owners[i] != owners[n]);
        if (n == 0) {
            run_and_meet(s, mixture, 0);
            for (int again = 0; again < 3; again++) {
                CHECK(covsamp_sampler_restart(s, 7, again) == COVSAMP_OK);
                run_and_meet(s, mixture, again == 1);
            }
            CHECK(place_count >= 16);
        }
        covsamp_sampler_free(s);
    }
    covsamp_mixture_free(mixture);
}

int main(void)
{
    settings set;
    null_frees();
    versions_and_statuses();
    made_and_freed();
    one_config_many_samplers();
    schedule_is_copied();
    for (int i = 0; setting_case(i, &set); i++)
        restart_everywhere(&set);
    restart_before_start_zeroes();
    points_are_unique();
    return check_done();
}
