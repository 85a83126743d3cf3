/* SPDX-License-Identifier: BSD-3-Clause */
/* The model fails, answers nonsense, or numbers that are too large or too small, at the k-th
 * request, for every k, every array that the request wants, every covariance and every solver, in
 * both types.  What is wrong is told with its place; what is finite may pass or end the run, but
 * no NaN comes out and none is asked about; and after a restart the samples are those of an
 * undisturbed run, bit for bit. */
#include "paths.h"
#include "texts.h"

typedef struct {
    const char *text;
    world w;
    covsamp_sampler *s; /* one for all faults */
    uint64_t sum;       /* of the undisturbed run */
    uint64_t counts;    /* of what it says of itself */
    int requests;
} patient;

static long injected[WAYS], told[WAYS], passed[WAYS], recovered[WAYS];
static long spoiled[ARRAYS], of_progress;

static int apart; /* means and products by two callbacks */

static covsamp_model spoiled_model(spoiler *p)
{
    covsamp_model model = model_with(spoiled_answer, p);
    p->apart = apart;
    if (apart)
        model.mean_jvp = NULL;
    return model;
}

/* Of all statistics: what was refused must not be counted, nor what came before a restart. */
static uint64_t sum_of_stats(const covsamp_sampler *s)
{
    covsamp_stats all = {.size = sizeof all};
    CHECK(covsamp_sampler_stats(s, &all) == COVSAMP_OK);
    uint64_t sum = add_bytes(0, &all, sizeof all);
    for (int64_t step = 0; step < WORLD_STEPS; step++) {
        covsamp_step_stats row = {.size = sizeof row};
        CHECK(covsamp_sampler_step_stats(s, step, &row) == COVSAMP_OK);
        sum = add_bytes(sum, &row, sizeof row);
    }
    return sum;
}

/* Nothing of the run before is left. */
static void restart(const patient *p)
{
    covsamp_stats all = {.size = sizeof all}, none = {.size = sizeof none};
    const double x0[4 * WORLD_MOST_DIM] = {0};
    CHECK(covsamp_sampler_restart(p->s, 0, 0) == COVSAMP_OK);
    CHECK(covsamp_sampler_start_from(p->s, x0, p->w.dim) == COVSAMP_OK);
    covsamp_sampler_cancel(p->s);
    CHECK(covsamp_sampler_restart(p->s, (uint64_t)p->w.seed, p->w.first_sample) == COVSAMP_OK);
    CHECK(covsamp_sampler_answer(p->s) == 0);
    CHECK(covsamp_sampler_stats(p->s, &all) == COVSAMP_OK && memcmp(&all, &none, sizeof all) == 0);
}

static void set_known(patient *p)
{
    double x0[4 * WORLD_MOST_DIM];
    uint8_t mask[WORLD_MOST_DIM];
    for (int64_t i = 0; i < p->w.batch * p->w.dim; i++)
        world_put(p->w.dtype, x0, i, 0.1 * (double)(i % 3));
    for (int64_t i = 0; i < p->w.dim; i++)
        mask[i] = i % 2 == 0;
    CHECK(covsamp_sampler_set_known(p->s, x0, p->w.dim, mask, 0) == COVSAMP_OK);
}

static void admit(patient *p, const char *text)
{
    char value[64];
    int finite;
    memset(p, 0, sizeof *p);
    p->text = text;
    p->s = sampler_for(&p->w, text);
    if (text_value(text, "known", value) != NULL)
        set_known(p);
    spoiler none = new_spoiler(&p->w, 0, 0, 0);
    const covsamp_model model = spoiled_model(&none);
    CHECK(covsamp_sampler_run(p->s, &model) == COVSAMP_DONE);
    p->sum = state_sum(&p->w, p->s, &finite);
    p->counts = sum_of_stats(p->s);
    CHECK(finite && none.nonsense == 0);
    p->requests = none.count;
}

static void check_stats(const covsamp_sampler *s)
{
    covsamp_stats all = {.size = sizeof all};
    CHECK(covsamp_sampler_stats(s, &all) == COVSAMP_OK);
    CHECK(!isnan(all.asymmetry) && !isnan(all.error_estimate));
    for (int64_t step = 0; step < WORLD_STEPS; step++) {
        covsamp_step_stats row = {.size = sizeof row};
        CHECK(covsamp_sampler_step_stats(s, step, &row) == COVSAMP_OK);
        CHECK(!isnan(row.asymmetry) && !isnan(row.error_estimate) && !isnan(row.error_mean));
    }
}

/* A finite answer: the run ends well with finite samples, or with a place. */
static void check_finite_fault(const patient *p, const spoiler *f, covsamp_status status)
{
    const char *text = covsamp_sampler_message(p->s);
    int finite;
    state_sum(&p->w, p->s, &finite);
    if (status == COVSAMP_DONE) {
        CHECK(finite);
        passed[f->how]++;
        return;
    }
    /* or what the mixture makes of large numbers later on */
    CHECK(status == COVSAMP_E_OVERFLOW || status == COVSAMP_E_LINALG ||
          (status == COVSAMP_E_NONFINITE && f->count > f->spoil_at));
    CHECK(is_sentence(text));
    CHECK_TEXT(text, "covsamp_sampler_run");
    CHECK_TEXT(text, "step ");
    CHECK_TEXT(text, "sample ");
    told[f->how]++;
}

static void check_step(const char *text, const covsamp_request *q)
{
    char part[64];
    snprintf(part, sizeof part, "step %lld of %lld,", (long long)q->step, (long long)q->steps);
    CHECK_TEXT(text, part);
}

/* One fault; `resume`: the request that was refused is answered again, else a restart. */
static int fault(patient *p, int k, int how, int part, int resume)
{
    spoiler f = new_spoiler(&p->w, k, how, part);
    const covsamp_model model = spoiled_model(&f);
    int finite;
    restart(p);
    const covsamp_status status = covsamp_sampler_run(p->s, &model);
    const covsamp_status refusal = refusal_of(how);
    CHECK(f.count >= k);
    injected[how]++;
    if (how > CANCELS)
        spoiled[f.array]++;
    else
        of_progress += f.request.kind == COVSAMP_ASK_STEP;
    if (refusal != 0) {
        CHECK(status == refusal);
        check_refusal(covsamp_sampler_message(p->s), &f, "covsamp_sampler_run");
        if (how != CANCELS)
            check_step(covsamp_sampler_message(p->s), &f.request);
        told[how]++;
    } else {
        check_finite_fault(p, &f, status);
    }
    check_stats(p->s);
    if (!CHECK(!f.nonsense))
        fprintf(stderr, "    asked about what is not finite\n");
    if (!resume || refusal == 0)
        restart(p);
    CHECK(covsamp_sampler_run(p->s, &model) == COVSAMP_DONE);
    CHECK(!resume || refusal == 0 || f.same);
    CHECK(strcmp(covsamp_sampler_message(p->s), "") == 0);
    CHECK(sum_of_stats(p->s) == p->counts);
    recovered[how] += CHECK(state_sum(&p->w, p->s, &finite) == p->sum);
    return f.parts;
}

static void every_request(const char *text)
{
    patient p;
    const int before = check_failed;
    admit(&p, text);
    for (int k = 1; k <= p.requests; k++)
        for (int how = 0, arrays = 0; how < WAYS; how++)
            for (int part = 0; part < (how > CANCELS ? arrays : 1); part++) {
                const int failed = check_failed;
                arrays = fault(&p, k, how, part, (k + how) % 2);
                if (check_failed > failed)
                    fprintf(stderr, "    %s at request %d of %d, array %d: %s\n", way_names[how], k,
                            p.requests, part, text);
            }
    if (check_failed > before)
        fprintf(stderr, "    in %s\n", text);
    covsamp_sampler_free(p.s);
    world_close(&p.w);
}

/* Whether the texts have every choice of an option: one that is new must not be left out. */
static void every_choice(int32_t key, const char *option)
{
    const char *name;
    for (int32_t k = 0; (name = covsamp_option_choice(key, k, NULL)) != NULL; k++) {
        char value[64];
        int found = 0;
        for (int i = 0; i < PLAIN_TEXTS; i++) {
            const char *said = text_value(plain_texts[i], option, value);
            found |= said != NULL && strcmp(said, name) == 0;
        }
        if (!CHECK(found))
            fprintf(stderr, "    %s=%s is in none of texts.h\n", option, name);
    }
}

static void every_method(void)
{
    every_choice(COVSAMP_COVARIANCE, "covariance");
    every_choice(COVSAMP_SOLVER, "solver");
    every_choice(COVSAMP_HEAD, "head");
    every_choice(COVSAMP_SPECTRAL_MODE, "spectral_mode");
    every_choice(COVSAMP_GUIDANCE_FORM, "guidance_form");
    every_choice(COVSAMP_GUIDANCE_PRODUCT, "guidance_product");
    every_choice(COVSAMP_PREDICTION, "prediction");
}

int main(void)
{
    long all = 0, well = 0;
    every_method();
    for (int i = 0; i < PLAIN_TEXTS; i++)
        for (int form = 0; form < 3; form++) {
            char text[512];
            const int f32 = form == 1;
            const int windows = strstr(plain_texts[i], "sliding") != NULL; /* make their own */
            snprintf(text, sizeof text, "%s report_steps=%d dtype=%s%s", plain_texts[i], f32,
                     f32 ? "f32" : "f64", f32 && !windows ? " noise=ask" : "");
            apart = form == 2;
            if (!apart || strstr(text, "krylov") != NULL)
                every_request(text);
        }
    for (int how = 0; how < WAYS; how++) {
        printf("%-10s %6ld injected, %6ld told, %6ld passed, %6ld recovered\n", way_names[how],
               injected[how], told[how], passed[how], recovered[how]);
        CHECK(injected[how] > 0 && recovered[how] == injected[how]);
        all += injected[how];
        well += recovered[how];
    }
    for (int i = 0; i < ARRAYS; i++) /* an array that none of the texts asks for tests nothing */
        if (!CHECK(spoiled[i] > 0))
            fprintf(stderr, "    array %d of wanted_array() was never spoiled\n", i);
    CHECK(of_progress > 0);
    printf("faults of the model: %ld injected, %ld survived\n", all, well);
    return check_done();
}
