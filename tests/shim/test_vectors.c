/* SPDX-License-Identifier: BSD-3-Clause */
/* Vectors as libtorch's memory: whole runs against those on the host, the same bits for any batch
 * and any threads of libtorch, every operation failing once, and requests that are answered where
 * they are.
 *
 *     test_vectors MODULES [DEVICE] */
#define _GNU_SOURCE /* RTLD_DEFAULT */
#include "on_device.h"

#include <dlfcn.h>

/* ---- whole runs ---- */

typedef struct {
    int32_t dtype; /* of vectors */
    int64_t batch, first_sample, dim;
    const char *const *options;
} life;

static covsamp_sampler *sampler_on(const life *l, const covsamp_vector_ops *ops)
{
    covsamp_schedule *schedule = NULL;
    covsamp_config *config = NULL;
    covsamp_sampler *sampler = NULL;
    int64_t levels[STEPS];
    CHECK(covsamp_schedule_new_linear(&schedule, 1000, 1e-4, 0.02, NULL, NULL) == COVSAMP_OK);
    CHECK(covsamp_schedule_spaced(schedule, STEPS, COVSAMP_SPACING_EVEN, levels, NULL) ==
          COVSAMP_OK);
    CHECK(covsamp_config_new(&config, NULL) == COVSAMP_OK);
    covsamp_config_set_int(config, COVSAMP_BATCH, l->batch);
    covsamp_config_set_int(config, COVSAMP_DIM, l->dim);
    covsamp_config_set_int(config, COVSAMP_DTYPE, l->dtype);
    covsamp_config_set_int(config, COVSAMP_FIRST_SAMPLE, l->first_sample);
    covsamp_config_set_int(config, COVSAMP_KRYLOV_STEPS, 3);
    for (const char *const *o = l->options; o && o[0]; o += 2)
        CHECK(covsamp_config_set_by_name(config, o[0], o[1]) == COVSAMP_OK);
    CHECK(covsamp_config_set_schedule(config, schedule, levels, STEPS) == COVSAMP_OK);
    CHECK(covsamp_config_set_vector_ops(config, ops) == COVSAMP_OK);
    covsamp_status status = covsamp_sampler_new(&sampler, config);
    CHECK((status == COVSAMP_OK) == (sampler != NULL));
    covsamp_config_free(config);
    covsamp_schedule_free(schedule);
    return sampler;
}

static void state_of(const covsamp_sampler *s, const life *l, double *out)
{
    const void *x = NULL;
    CHECK(covsamp_sampler_state(s, &x, NULL) == COVSAMP_OK);
    for (int64_t i = 0; x != NULL && i < l->batch * l->dim; i++)
        out[i] = at(l->dtype, x, i);
}

static void run(const life *l, covsamp_torch *module, const covsamp_vector_ops *ops, double *out)
{
    const covsamp_model model = model_of(module);
    covsamp_sampler *s = sampler_on(l, ops);
    if (!CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE))
        fprintf(stderr, "    %s; %s\n", covsamp_sampler_message(s), covsamp_torch_message(module));
    state_of(s, l, out);
    covsamp_sampler_free(s);
}

enum { MOST = 5 };

static void as_on_the_host(int32_t dtype, const char *const *options)
{
    static double here[MOST * DIM], there[MOST * DIM];
    const life l = {dtype, 3, 4, DIM, options};
    covsamp_torch *module = load_on_device("scripted.pt", dtype);
    const covsamp_vector_ops ops = ops_of(module);
    run(&l, module, NULL, here);
    run(&l, module, &ops, there);
    /* Sums differ in the last bits of double, which stored vectors mostly do not show. */
    CHECK(relative(there, here, 3 * DIM) < (dtype == COVSAMP_F32 ? 1e-4 : 1e-11));
    covsamp_torch_free(module);
}

/* A classifier reads and writes there, too. */
static void guided(void)
{
    static const char *const options[] = {"guidance", "1000", NULL};
    static double x[2][MOST * DIM], unguided[MOST * DIM];
    static const int64_t label = 2;
    const life l = {COVSAMP_F32, 3, 4, DIM, options}, plain = {COVSAMP_F32, 3, 4, DIM, NULL};
    covsamp_torch *module = load_on_device("scripted.pt", COVSAMP_F32);
    covsamp_torch_classifier *c = NULL;
    covsamp_torch_options on_device = options_of(COVSAMP_F32, COVSAMP_TORCH_AUTO);
    on_device.device = device;
    const covsamp_vector_ops ops = ops_of(module);
    covsamp_model model = model_of(module);
    CHECK(covsamp_torch_classifier_load(&c, module_path("classifier.pt"), &on_device, NULL) ==
          COVSAMP_OK);
    CHECK(covsamp_torch_classifier_set_labels(c, &label, 1) == COVSAMP_OK);
    CHECK(covsamp_torch_classifier_guide(c, &model) == COVSAMP_OK);
    for (int i = 0; i < 2; i++) {
        covsamp_sampler *s = sampler_on(&l, i == 0 ? NULL : &ops);
        if (!CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE))
            fprintf(stderr, "    %s; %s\n", covsamp_sampler_message(s),
                    covsamp_torch_classifier_message(c));
        state_of(s, &l, x[i]);
        covsamp_sampler_free(s);
    }
    run(&plain, module, &ops, unguided);
    CHECK(relative(x[1], x[0], 3 * DIM) < 1e-4);
    CHECK(relative(x[1], unguided, 3 * DIM) > 1e-3);
    covsamp_torch_classifier_free(c);
    covsamp_torch_free(module);
}

/* Requests of one with a table and of one without are answered in one call. */
static void together(void)
{
    static double alone[2][MOST * DIM], out[MOST * DIM];
    const life l[2] = {{COVSAMP_F32, 2, 0, DIM, NULL}, {COVSAMP_F32, 2, 7, DIM, NULL}};
    covsamp_torch *module = load_on_device("scripted.pt", COVSAMP_F32);
    const covsamp_vector_ops ops = ops_of(module);
    covsamp_sampler *s[2];
    const covsamp_request *q[2];
    int32_t answers[2];
    for (int i = 0; i < 2; i++) {
        run(&l[i], module, i == 0 ? NULL : &ops, alone[i]);
        s[i] = sampler_on(&l[i], i == 0 ? NULL : &ops);
    }
    while (covsamp_sampler_ask(s[0], &q[0]) == COVSAMP_OK) {
        CHECK(covsamp_sampler_ask(s[1], &q[1]) == COVSAMP_OK);
        CHECK(covsamp_torch_answer_many(module, q, 2, answers) == COVSAMP_OK);
        for (int i = 0; i < 2; i++)
            CHECK(covsamp_sampler_tell(s[i], answers[i]) == COVSAMP_OK);
    }
    CHECK(covsamp_sampler_ask(s[1], &q[1]) == COVSAMP_DONE);
    for (int i = 0; i < 2; i++) {
        state_of(s[i], &l[i], out);
        CHECK(relative(out, alone[i], 2 * DIM) < 1e-4);
        covsamp_sampler_free(s[i]);
    }
    covsamp_torch_free(module);
}

/* A model that gives a sample the same bits in every batch, by the operations themselves: 0.9 x,
 * and of a tangent that and 0.7 of its neighbour. */
static int32_t neighbours(const covsamp_vector_ops *ops, const covsamp_request *q)
{
    const double a = 0.9, c = 0.7;
    const int64_t size = q->dtype == COVSAMP_F32 ? 4 : 8, last = q->dim - 1;
    int32_t answer = 0;
    for (int64_t b = 0; b < q->batch; b++) {
        const char *v = (const char *)q->v + b * q->dim * size;
        char *product = (char *)q->product + b * q->dim * size;
        answer |= ops->combine(ops->user, q->dtype, 1, last, &a, v, &c, v + size, product);
        answer |= ops->combine(ops->user, q->dtype, 1, 1, &a, v + last * size, NULL, NULL,
                               product + last * size);
    }
    return answer;
}

static int32_t own_answer(void *user, const covsamp_request *q)
{
    const covsamp_vector_ops *ops = user;
    const double a = 0.9;
    int32_t answer = 0;
    if (q->mean != NULL)
        answer |=
            ops->combine(ops->user, q->dtype, 1, q->batch * q->dim, &a, q->x, NULL, NULL, q->mean);
    return q->product == NULL ? answer : answer | neighbours(ops, q);
}

static void run_own(const life *l, covsamp_vector_ops *ops, double *out)
{
    const covsamp_model model = {
        .size = sizeof model, .model_user = ops, .mean = own_answer, .jvp = own_answer};
    covsamp_sampler *s = sampler_on(l, ops);
    if (!CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE))
        fprintf(stderr, "    %s\n", covsamp_sampler_message(s));
    state_of(s, l, out);
    covsamp_sampler_free(s);
}

enum { LARGE = 70001 }; /* libtorch shares such vectors out among its threads */

static void any_batch(int32_t dtype)
{
    static double whole[4 * LARGE], part[2 * LARGE];
    covsamp_torch *module = load_on_device("scripted.pt", COVSAMP_F32);
    covsamp_vector_ops ops = ops_of(module);
    const life all = {dtype, 4, 0, LARGE, NULL}, some = {dtype, 2, 1, LARGE, NULL};
    run_own(&all, &ops, whole);
    run_own(&some, &ops, part);
    CHECK(memcmp(whole + LARGE, part, sizeof part) == 0);
    covsamp_torch_free(module);
}

static void any_threads(void)
{
    static double one[2 * LARGE], three[2 * LARGE];
    void (*set_threads)(int) = NULL;
    void *found = dlsym(RTLD_DEFAULT, "omp_set_num_threads"); /* those of libtorch */
    covsamp_torch *module = load_on_device("scripted.pt", COVSAMP_F32);
    covsamp_vector_ops ops = ops_of(module);
    const life l = {COVSAMP_F32, 2, 1, LARGE, NULL};
    if (!CHECK(found != NULL))
        return;
    memcpy(&set_threads, &found, sizeof found);
    set_threads(1);
    run_own(&l, &ops, one);
    set_threads(3);
    run_own(&l, &ops, three);
    set_threads(1);
    CHECK(memcmp(one, three, sizeof one) == 0);
    covsamp_torch_free(module);
}

/* ---- failures ---- */

static covsamp_vector_ops honest;
static long long calls, fails_at;

static int fails(void)
{
    return ++calls == fails_at;
}

static void *f_alloc(void *user, size_t bytes)
{
    return fails() ? NULL : honest.alloc(user, bytes);
}

static int32_t f_put(void *user, void *to, const void *from, size_t bytes)
{
    return fails() ? -9 : honest.put(user, to, from, bytes);
}

static int32_t f_get(void *user, void *to, const void *from, size_t bytes)
{
    return fails() ? -9 : honest.get(user, to, from, bytes);
}

static int32_t f_project(void *user, int32_t dtype, int64_t rows, int64_t n, int64_t k,
                         const void *v, int64_t stride, const void *w, double *h)
{
    return fails() ? -9 : honest.project(user, dtype, rows, n, k, v, stride, w, h);
}

static int32_t f_expand(void *user, int32_t dtype, int64_t rows, int64_t n, int64_t k, double beta,
                        const void *v, int64_t stride, const double *h, void *out)
{
    return fails() ? -9 : honest.expand(user, dtype, rows, n, k, beta, v, stride, h, out);
}

static int32_t f_find(void *user, int32_t dtype, int64_t n, const void *x, int64_t *index)
{
    return fails() ? -9 : honest.find_nonfinite(user, dtype, n, x, index);
}

static void every_operation_once(void)
{
    static double undisturbed[MOST * DIM], out[MOST * DIM];
    const life l = {COVSAMP_F32, 1, 0, DIM, NULL};
    covsamp_torch *module = load_on_device("scripted.pt", COVSAMP_F32);
    const covsamp_model model = model_of(module);
    covsamp_vector_ops ops = honest = ops_of(module);
    ops.alloc = f_alloc;
    ops.put = f_put;
    ops.get = f_get;
    ops.project = f_project;
    ops.expand = f_expand;
    ops.find_nonfinite = f_find;
    /* combine stays what it is: the shim knows its tables by it */
    run(&l, module, &honest, undisturbed);
    long long k = 1, last = 0;
    for (; last == 0; k++) {
        calls = 0;
        fails_at = k;
        covsamp_sampler *s = sampler_on(&l, &ops);
        if (s == NULL)
            continue;
        const covsamp_status status = covsamp_sampler_run(s, &model);
        last = calls < k;
        if (!last) {
            CHECK(status == COVSAMP_E_DEVICE);
            CHECK_TEXT(covsamp_sampler_message(s), "of covsamp_vector_ops returned -9");
        }
        fails_at = 0;
        CHECK(covsamp_sampler_restart(s, 0, 0) == COVSAMP_OK);
        CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
        state_of(s, &l, out);
        CHECK(memcmp(out, undisturbed, DIM * sizeof *out) == 0);
        covsamp_sampler_free(s);
    }
    CHECK(k > 40);
    covsamp_torch_free(module);
}

/* ---- misuse ---- */

static int32_t foreign_combine(void *user, int32_t dtype, int64_t rows, int64_t n, const double *a,
                               const void *x, const double *b, const void *y, void *out)
{
    return honest.combine(user, dtype, rows, n, a, x, b, y, out);
}

static void misuse(void)
{
    covsamp_torch *module = load_on_device("scripted.pt", COVSAMP_F32);
    covsamp_vector_ops ops;
    const life l = {COVSAMP_F32, 1, 0, DIM, NULL};
    memset(&ops, 0, sizeof ops);
    CHECK(covsamp_torch_vector_ops(NULL, &ops) == COVSAMP_E_NULL);
    CHECK(covsamp_torch_vector_ops(module, NULL) == COVSAMP_E_NULL);
    CHECK(covsamp_torch_vector_ops(module, &ops) == COVSAMP_E_STRUCT_SIZE);
    CHECK_TEXT(covsamp_torch_message(module), "ops->size is 0");
    ops = honest = ops_of(module);
    ops.combine = foreign_combine; /* somebody else's table */
    covsamp_sampler *s = sampler_on(&l, &ops);
    const covsamp_model model = model_of(module);
    CHECK(covsamp_sampler_run(s, &model) == COVSAMP_E_MODEL);
    CHECK(covsamp_sampler_answer(s) == COVSAMP_E_UNSUPPORTED);
    CHECK_TEXT(covsamp_torch_message(module), "request->ops is not a table of");
    covsamp_sampler_free(s);
    /* A failure inside libtorch is a code and a sentence. */
    CHECK(honest.alloc(honest.user, (size_t)1 << 60) == NULL);
    CHECK_TEXT(covsamp_torch_message(module), "covsamp_vector_ops.alloc");
    covsamp_torch_free(module);
}

int main(int argc, char **argv)
{
    static const char *const plain[] = {NULL},
                             *const clipped[] = {"clip_x0", "0.6", "tolerance", "0.05", NULL},
                             *const heun[] = {"solver", "heun", NULL},
                             *const addim[] = {"solver", "dpmpp_2m", NULL};
    const char *const *const options[] = {plain, clipped, heun, addim};
    module_folder = argc > 1 ? argv[1] : ".";
    device = argc > 2 ? argv[2] : "cpu";
    for (int i = 0; i < 4; i++) {
        as_on_the_host(COVSAMP_F32, options[i]);
        as_on_the_host(COVSAMP_F64, options[i]);
    }
    guided();
    together();
    any_batch(COVSAMP_F32);
    any_batch(COVSAMP_F64);
    any_threads();
    every_operation_once();
    misuse();
    return check_done();
}
