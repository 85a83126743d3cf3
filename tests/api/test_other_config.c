/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs of another configuration are refused by what differs: every option, the schedule, the
 * levels, the tables. */
#include "saved.h"

/* covsamp_parallel_for.run */
static void one_by_one(void *user, int64_t count, covsamp_task_fn task, void *data)
{
    (void)user;
    for (int64_t i = 0; i < count; i++)
        task(data, i);
}

static covsamp_config *plain_config(void)
{
    const covsamp_parallel_for hook = {sizeof hook, one_by_one, NULL};
    covsamp_config *c = NULL;
    covsamp_schedule *schedule = NULL;
    const int64_t levels[3] = {9, 5, 1};
    const double noise[10] = {.5, .5, .6, .6, .7, .7, .8, .8, .9, .9}; /* for guards */
    CHECK(covsamp_config_new(&c, NULL) == COVSAMP_OK);
    CHECK(covsamp_config_set_table(c, COVSAMP_TABLE_NOISE, noise, 10) == COVSAMP_OK);
    CHECK(covsamp_schedule_new_linear(&schedule, 10, 0.01, 0.4, NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp_config_set_schedule(c, schedule, levels, 3) == COVSAMP_OK);
    CHECK(covsamp_config_set_int(c, COVSAMP_BATCH, 2) == COVSAMP_OK);
    CHECK(covsamp_config_set_int(c, COVSAMP_DIM, 4) == COVSAMP_OK);
    CHECK(covsamp_config_set_int(c, COVSAMP_WIDTH, 4) == COVSAMP_OK);
    CHECK(covsamp_config_set_parallel_for(c, &hook) == COVSAMP_OK);
    covsamp_schedule_free(schedule);
    return c;
}

static covsamp_sampler *made(covsamp_config *c)
{
    covsamp_sampler *s = NULL;
    if (!CHECK(covsamp_sampler_new(&s, c) == COVSAMP_OK))
        fprintf(stderr, "    %s\n", covsamp_config_message(c));
    covsamp_config_free(c);
    return s;
}

/* A sampler with the n-th other value of an option; NULL where there is none or it does not stand
 * alone. */
static covsamp_sampler *with_other(const covsamp_option *o, int n, char *there, size_t bytes)
{
    covsamp_config *c = plain_config();
    covsamp_sampler *s = NULL;
    int64_t whole = 0, is = 0;
    covsamp_status status = COVSAMP_E_RANGE;
    if (o->type == COVSAMP_TYPE_REAL) {
        const double reals[] = {0.5, 0.25, 2, 1, 0};
        double now = 0;
        CHECK(covsamp_config_get_real(c, o->key, &now) == COVSAMP_OK);
        if (n < 5 && reals[n] != now)
            status = covsamp_config_set_real(c, o->key, reals[n]);
    } else {
        CHECK(covsamp_config_get_int(c, o->key, &is) == COVSAMP_OK);
        const int64_t ints[] = {is + 1, is - 1, 3, 1, 0};
        int listed = 1;
        if (o->type == COVSAMP_TYPE_CHOICE)
            listed = covsamp_option_choice(o->key, n, &whole) != NULL;
        else if (n < 5)
            whole = ints[n];
        if (n < 30 && listed && whole != is)
            status = covsamp_config_set_int(c, o->key, whole);
    }
    if (status == COVSAMP_OK && covsamp_sampler_new(&s, c) == COVSAMP_OK)
        CHECK(covsamp_config_get_text(c, o->key, there, bytes) == COVSAMP_OK);
    covsamp_config_free(c);
    return s;
}

/* Every option by itself: refused by name with both values, or allowed to differ. */
static void options(void)
{
    static const int32_t free_to_differ[] = {
        COVSAMP_TANGENTS, COVSAMP_MEAN_JVP, COVSAMP_CHECK_FINITE, COVSAMP_REPORT_STEPS,
        COVSAMP_BRANCHES, COVSAMP_SEED,     COVSAMP_FIRST_SAMPLE, COVSAMP_THREADS};
    covsamp_sampler *base = made(plain_config());
    const covsamp_option *o;
    saved good = save(base);
    for (int32_t i = 0; (o = covsamp_option_info(i)) != NULL; i++) {
        covsamp_sampler *s = NULL;
        char here[64] = "", part[160], text[64];
        /* guidance_form: auto is what it comes to, mean */
        for (int n = o->key == COVSAMP_GUIDANCE_FORM ? 2 : 0; s == NULL && n < 12; n++)
            s = with_other(o, n, here, sizeof here);
        if (!CHECK(s != NULL)) {
            fprintf(stderr, "    no other value of %s makes a sampler\n", o->name);
            continue;
        }
        int allowed = 0;
        for (size_t k = 0; k < sizeof free_to_differ / sizeof free_to_differ[0]; k++)
            allowed |= free_to_differ[k] == o->key;
        saved before = save(s);
        if (allowed) {
            CHECK(covsamp_sampler_load(s, good.bytes, good.size) == COVSAMP_OK);
        } else if (o->key == COVSAMP_SOLVER) { /* changes what others are */
            refused(s, &before, good.bytes, good.size, COVSAMP_E_UNSUPPORTED,
                    "option covariance is");
        } else {
            covsamp_config *c = plain_config();
            CHECK(covsamp_config_get_text(c, o->key, text, sizeof text) == COVSAMP_OK);
            covsamp_config_free(c);
            if (o->key == COVSAMP_GUIDANCE_FORM)
                snprintf(part, sizeof part, "option guidance_form is mean in data, state here");
            else if (o->key == COVSAMP_TOLERANCE) /* and with it the default of krylov_steps */
                snprintf(part, sizeof part, "option krylov_steps is 2 in data, 16 here");
            else
                snprintf(part, sizeof part, "option %s is %s in data, %s here", o->name, text,
                         here);
            refused(s, &before, good.bytes, good.size, COVSAMP_E_UNSUPPORTED, part);
        }
        free(before.bytes);
        covsamp_sampler_free(s);
    }
    free(good.bytes);
    covsamp_sampler_free(base);
}

/* What is set to what the solver fixes anyway is no other configuration. */
static void fixed_by_the_solver(void)
{
    covsamp_config *a = plain_config(), *b = plain_config(), *c = plain_config();
    CHECK(covsamp_config_set_by_name(a, "solver", "euler") == COVSAMP_OK);
    CHECK(covsamp_config_set_by_name(b, "solver", "euler") == COVSAMP_OK);
    CHECK(covsamp_config_set_by_name(b, "eta", "0") == COVSAMP_OK);
    CHECK(covsamp_config_set_by_name(b, "covariance", "none") == COVSAMP_OK);
    CHECK(covsamp_config_set_by_name(c, "solver", "heun") == COVSAMP_OK);
    covsamp_sampler *sa = made(a), *sb = made(b), *sc = made(c);
    saved good = save(sa), other = save(sc);
    load(sb, &good);
    refused(sc, &other, good.bytes, good.size, COVSAMP_E_UNSUPPORTED,
            "option solver is euler in data, heun here");
    free(good.bytes);
    free(other.bytes);
    covsamp_sampler_free(sa);
    covsamp_sampler_free(sb);
    covsamp_sampler_free(sc);
}

static void schedules_and_tables(void)
{
    double alpha[10], sigma[10], time[10], table[10];
    const int64_t levels[3] = {9, 5, 1}, others[3] = {9, 6, 1};
    static const struct {
        int32_t what;
        const char *part;
    } cases[] = {{0, ""},
                 {1, "the schedule differs at level 7: alpha is "},
                 {2, "the schedule differs at level 3: time is 2 in data, 2.5 here"},
                 {3, "the level of step 1 is 5 in data, 6 here"},
                 {4, "the number of steps is 3 in data, 2 here"},
                 {5, "the table of noise in data differs"},
                 {6, "the table of x0 errors in data differs"},
                 {7, ""},
                 {8, "the number of levels of the schedule is 10 in data, 9 here"}};
    saved good = {NULL, 0};
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        covsamp_config *c = plain_config();
        covsamp_schedule *schedule = NULL;
        for (int n = 0; n < 10; n++) {
            alpha[n] = sqrt(1 - 0.09 * (n + 1));
            sigma[n] = sqrt(0.09 * (n + 1));
            time[n] = n;
            table[n] = 0.5 + 0.01 * n;
        }
        if (cases[k].what == 1)
            alpha[6] *= 1 + 1e-6;
        if (cases[k].what == 7) /* as another machine's pow may have it */
            alpha[6] *= 1 + 1e-15;
        sigma[6] = sqrt(1 - alpha[6] * alpha[6]);
        if (cases[k].what == 2)
            time[2] = 2.5;
        const int64_t count = cases[k].what == 8 ? 9 : 10;
        CHECK(covsamp_schedule_new_table(&schedule, count, alpha, sigma, time, NULL, NULL) ==
              COVSAMP_OK);
        CHECK(covsamp_config_set_schedule(c, schedule, cases[k].what == 3 ? others : levels,
                                          cases[k].what == 4 ? 2 : 3) == COVSAMP_OK);
        table[9] += cases[k].what == 5;
        CHECK(covsamp_config_set_table(c, COVSAMP_TABLE_NOISE, table, count) == COVSAMP_OK);
        if (cases[k].what == 6)
            CHECK(covsamp_config_set_table(c, COVSAMP_TABLE_X0_ERROR, table, count) == COVSAMP_OK);
        covsamp_sampler *s = made(c);
        saved own = save(s);
        if (k == 0)
            good = copy_of(&own);
        else if (cases[k].part[0] == '\0')
            load(s, &good);
        else
            refused(s, &own, good.bytes, good.size, COVSAMP_E_UNSUPPORTED, cases[k].part);
        free(own.bytes);
        covsamp_sampler_free(s);
        covsamp_schedule_free(schedule);
    }
    free(good.bytes);
}

int main(void)
{
    options();
    fixed_by_the_solver();
    schedules_and_tables();
    return check_done();
}
