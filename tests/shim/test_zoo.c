/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine under test (AUTO, or the number in COVSAMP_TEST_ENGINE) against dual numbers and
 * double backward, on every network of the zoo, in both precisions: 5 points with 4 tangents each.
 *
 *     test_zoo FOLDER [NETWORK ...]      all that FOLDER/zoo.txt lists, or these */
#include "zoo.h"

#include <time.h>

enum { POINTS = 5, TANGENTS = 4 };

static const double times[POINTS] = {0, 50, 300, 700, 999};
static const int64_t batches[POINTS] = {1, 2, 5, 1, 1};

/* At one point: x, tangents, and what an engine made of them. */
typedef struct place {
    int64_t batch, dim;
    double time, *x, *v;
} place;

typedef struct answers {
    double *mean, *product;
} answers;

static double *numbers(int64_t count)
{
    double *room = malloc((size_t)count * sizeof *room);
    if (room == NULL)
        exit(1);
    return room;
}

static void ask(covsamp_torch *module, const place *at, int32_t kind, int64_t first, int64_t count,
                answers to)
{
    covsamp_request r = request_of(kind, COVSAMP_F64, at->batch, at->dim);
    r.tangents = count;
    r.time = at->time;
    /* The same name for every place: it is not to be trusted. */
    r.owner = 1;
    r.point = 7;
    r.x = at->x;
    r.v = at->v + first * r.tangent_stride;
    r.mean = kind == COVSAMP_ASK_MEAN_JVP ? to.mean : NULL;
    r.product = to.product + first * r.tangent_stride;
    if (!CHECK(covsamp_torch_answer(module, &r) == COVSAMP_OK))
        fprintf(stderr, "    %s\n", covsamp_torch_message(module));
}

/* All tangents in one request, or one each; the mean rides with the first. */
static void ask_all(covsamp_torch *module, const place *at, int together, answers to)
{
    int64_t k;
    if (together) {
        ask(module, at, COVSAMP_ASK_MEAN_JVP, 0, TANGENTS, to);
        return;
    }
    for (k = 0; k < TANGENTS; k++)
        ask(module, at, k == 0 ? COVSAMP_ASK_MEAN_JVP : COVSAMP_ASK_JVP, k, 1, to);
}

/* The worst of mean and products, each product by itself, and sample by sample: a batch is its
 * samples. */
static double difference(const place *at, answers a, answers b)
{
    double worst = relative(a.mean, b.mean, at->batch * at->dim);
    int64_t i;
    for (i = 0; i < TANGENTS * at->batch; i++) {
        double error = relative(a.product + i * at->dim, b.product + i * at->dim, at->dim);
        worst = error > worst || error != error ? error : worst;
    }
    return worst;
}

typedef struct trio {
    covsamp_torch *tested, *dual, *backward;
    double against_dual, against_backward;
} trio;

static void worsen(double *worst, double error)
{
    if (error > *worst || error != error)
        *worst = error;
}

static void compare_at(trio *engines, int p, int64_t dim)
{
    place at = {batches[p], dim, times[p], NULL, NULL};
    const int64_t size = at.batch * dim;
    double *room = numbers(size * (1 + TANGENTS + 3 * (1 + TANGENTS)));
    answers tested, dual, backward;
    at.x = room;
    at.v = at.x + size;
    tested.mean = at.v + TANGENTS * size;
    dual.mean = tested.mean + (1 + TANGENTS) * size;
    backward.mean = dual.mean + (1 + TANGENTS) * size;
    tested.product = tested.mean + size;
    dual.product = dual.mean + size;
    backward.product = backward.mean + size;
    fill(at.x, size, (unsigned)p);
    fill(at.v, TANGENTS * size, 100 + (unsigned)p);
    ask_all(engines->dual, &at, p % 2, dual);
    ask_all(engines->tested, &at, 0, tested);
    worsen(&engines->against_dual, difference(&at, tested, dual));
    if (engines->backward != NULL) {
        ask_all(engines->backward, &at, 1, backward);
        worsen(&engines->against_backward, difference(&at, tested, backward));
    }
    if (p < 2) { /* the other way round as well, at a place that is known already */
        ask_all(engines->tested, &at, 1, tested);
        worsen(&engines->against_dual, difference(&at, tested, dual));
    }
    free(room);
}

static double seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static void set_labels(covsamp_torch *module)
{
    static const int64_t labels[] = {0, 4, 2};
    if (module != NULL)
        CHECK(covsamp_torch_set_labels(module, 0, labels, 3) == COVSAMP_OK);
}

/* Frozen and stored in double precision are operators that script and trace have shown to double
 * backward, which takes a third of the time, already. */
static int needs_backward(const char *name)
{
    return strstr(name, "-frozen") == NULL && strstr(name, "-double") == NULL;
}

/* Every node has a rule, but for one in the odds and ends. */
static void check_report(covsamp_torch *module, const char *name)
{
    covsamp_torch_work work;
    memset(&work, 0, sizeof work);
    work.size = sizeof work;
    CHECK(covsamp_torch_report(module, &work) == COVSAMP_OK);
    CHECK(work.engine == COVSAMP_TORCH_LINEARISED && work.nodes_by_rule > 50);
    CHECK(work.nodes_by_duals == (strncmp(name, "odds", 4) == 0));
}

static void compare(const char *name, int32_t dtype)
{
    trio engines = {load(name, dtype, engine_under_test()), load(name, dtype, COVSAMP_TORCH_DUAL),
                    NULL, 0, 0};
    const char *arithmetic = covsamp_torch_metadata(engines.dual, "arithmetic");
    int single = dtype == COVSAMP_F32 || arithmetic != NULL; /* or some of it */
    int labelled = covsamp_torch_metadata(engines.dual, "classes") != NULL, p;
    int64_t dims[8], dim = 1;
    int32_t i, n = covsamp_torch_shape(engines.dual, dims, 8);
    double began = seconds();
    if (needs_backward(name))
        engines.backward = load(name, dtype, COVSAMP_TORCH_DOUBLE_BACKWARD);
    for (i = 0; i < n; i++)
        dim *= dims[i];
    for (p = 0; p < POINTS; p++) {
        if (labelled && p == 1) { /* before that: "no class" */
            set_labels(engines.tested);
            set_labels(engines.dual);
            set_labels(engines.backward);
        }
        compare_at(&engines, p, dim);
    }
    printf("%-24s %s %s: against dual %.2g", name, dtype == COVSAMP_F32 ? "f32" : "f64",
           engine_name(covsamp_torch_engine(engines.tested)), engines.against_dual);
    if (engines.backward != NULL)
        printf(", double backward %.2g", engines.against_backward);
    printf(" (%.1f s)\n", seconds() - began);
    fflush(stdout);
    if (getenv("COVSAMP_TEST_ENGINE") == NULL)
        check_report(engines.tested, name);
    CHECK(engines.against_dual <= (single ? 2e-6 : 1e-12));
    CHECK(engines.against_backward <= (single ? 2e-6 : 1e-12));
    covsamp_torch_free(engines.tested);
    covsamp_torch_free(engines.dual);
    covsamp_torch_free(engines.backward);
}

int main(int argc, char **argv)
{
    char line[256];
    FILE *index;
    int i, found = 0;
    module_folder = argc > 1 ? argv[1] : ".";
    for (i = 2; i < argc; i++) {
        compare(argv[i], COVSAMP_F32);
        compare(argv[i], COVSAMP_F64);
    }
    if (argc > 2)
        return check_done();
    index = fopen(module_path("zoo.txt"), "r");
    if (!CHECK(index != NULL))
        return check_done();
    while (fgets(line, sizeof line, index) != NULL) {
        const int f32 = strstr(line, " f32") != NULL, f64 = strstr(line, " f64") != NULL;
        line[strcspn(line, " \n")] = '\0';
        if (f32)
            compare(line, COVSAMP_F32);
        if (f64)
            compare(line, COVSAMP_F64);
        found += f32 + f64;
    }
    fclose(index);
    CHECK(found == 44);
    return check_done();
}
