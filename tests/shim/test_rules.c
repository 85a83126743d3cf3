/* SPDX-License-Identifier: BSD-3-Clause */
/* The rules of the linearised engine, one by one: what zoo.py makes of styles/rules.py, with the
 * products of dual numbers and with central differences.
 *
 *     test_rules FOLDER [NAME ...]      FOLDER: of the zoo, with rules.txt; NAME: these alone */
#include "zoo.h"

enum { BATCH = 2, SIZE = BATCH * DIM, TANGENTS = 2 };

static double x[SIZE], v[TANGENTS * SIZE];

typedef struct numbers {
    double mean[SIZE], product[TANGENTS * SIZE];
} numbers;

/* A line of rules.txt: NAME ok|refused|error rule|any [alone|kink|single] */
typedef struct expectation {
    char name[64];
    int refused; /* no product may come of it: E_NO_TANGENT */
    int error;   /* nor of this, whatever the error */
    int rule;    /* nothing may be left to another engine, and no node to dual numbers */
    int alone;   /* dual numbers read it otherwise */
    int kink;    /* no differences */
    int single;  /* computes in single precision inside */
} expectation;

static int32_t load_rule(const expectation *e, covsamp_torch **module, int32_t dtype,
                         int32_t engine)
{
    char file[128], message[COVSAMP_MESSAGE_BYTES];
    covsamp_torch_options options = options_of(dtype, engine);
    int32_t status;
    snprintf(file, sizeof file, "rule-%s.pt", e->name);
    *module = NULL;
    status = covsamp_torch_load(module, module_path(file), &options, message);
    if (status != COVSAMP_OK && !e->refused && !e->error)
        printf("%s: %s\n", e->name, message);
    return status;
}

static int32_t ask(covsamp_torch *module, numbers *out)
{
    covsamp_request r = request_of(COVSAMP_ASK_MEAN_JVP, COVSAMP_F64, BATCH, DIM);
    r.tangents = TANGENTS;
    r.x = x;
    r.v = v;
    r.mean = out->mean;
    r.product = out->product;
    return covsamp_torch_answer(module, &r);
}

/* The means at x +- h v, and what lies between them. */
static int32_t difference(covsamp_torch *module, const double *tangent, double *out)
{
    static double moved[SIZE], minus[SIZE];
    const double h = 1e-5;
    covsamp_request r = request_of(COVSAMP_ASK_MEAN, COVSAMP_F64, BATCH, DIM);
    int32_t status = COVSAMP_OK;
    int side, i;
    r.x = moved;
    for (side = -1; side <= 1 && status == COVSAMP_OK; side += 2) {
        for (i = 0; i < SIZE; i++)
            moved[i] = x[i] + side * h * tangent[i];
        r.mean = side < 0 ? minus : out;
        status = covsamp_torch_answer(module, &r);
    }
    for (i = 0; i < SIZE; i++)
        out[i] = (out[i] - minus[i]) / (2 * h);
    return status;
}

/* Both compare so that a NaN is a failure. */
static void compare(const expectation *e, const char *what, const double *a, const double *b,
                    int64_t count, double limit)
{
    double error = relative(a, b, count);
    if (!CHECK(error < limit))
        printf("%s: %s is off by %.2g\n", e->name, what, error);
}

/* Whether the work was done by rules alone. */
static void check_report(const expectation *e, covsamp_torch *module)
{
    covsamp_torch_work work;
    memset(&work, 0, sizeof work);
    work.size = sizeof work;
    CHECK(covsamp_torch_report(module, &work) == COVSAMP_OK);
    if (e->rule && !CHECK(work.engine == COVSAMP_TORCH_LINEARISED && work.nodes_by_duals == 0))
        printf("%s: by %s, %d nodes by duals (%s) %s\n", e->name, engine_name(work.engine),
               (int)work.nodes_by_duals, work.operators_by_duals, work.reason);
}

/* In single precision dual numbers are compared with, or the numbers of double precision where
 * libtorch has none for an operator. */
static void check_dtype(const expectation *e, int32_t dtype)
{
    static numbers own, again, dual, precise;
    static double between[SIZE];
    covsamp_torch *tested, *reference;
    const double limit = dtype == COVSAMP_F32 ? 1e-4 : 1e-10;
    int32_t status;
    int k;
    if (!CHECK(load_rule(e, &tested, dtype, COVSAMP_TORCH_LINEARISED) == COVSAMP_OK))
        return;
    status = ask(tested, &own);
    if (!CHECK(status == COVSAMP_OK || (status == COVSAMP_TORCH_E_NO_RULE && !e->rule))) {
        printf("%s: %s\n", e->name, covsamp_torch_message(tested));
        covsamp_torch_free(tested);
        return;
    }
    if (status != COVSAMP_OK) { /* then libtorch has none */
        covsamp_torch_free(tested);
        CHECK(load_rule(e, &tested, dtype, COVSAMP_TORCH_DUAL) == COVSAMP_OK &&
              ask(tested, &dual) == status);
        covsamp_torch_free(tested);
        return;
    }
    check_report(e, tested);
    /* From what is kept: the very same numbers. */
    CHECK(ask(tested, &again) == COVSAMP_OK && memcmp(&own, &again, sizeof own) == 0);
    if (!CHECK(load_rule(e, &reference, dtype, COVSAMP_TORCH_DUAL) == COVSAMP_OK)) {
        covsamp_torch_free(tested);
        return;
    }
    if (!e->alone) {
        status = ask(reference, &dual);
        CHECK(status == COVSAMP_OK || status == COVSAMP_TORCH_E_NO_RULE);
        if (status != COVSAMP_OK)
            dual = dtype == COVSAMP_F64 ? own : precise;
        compare(e, "mean", own.mean, dual.mean, SIZE, limit);
        compare(e, "product", own.product, dual.product, TANGENTS * SIZE, limit);
    }
    if (dtype == COVSAMP_F64)
        precise = own;
    for (k = 0; dtype == COVSAMP_F64 && !e->kink && !e->single && k < TANGENTS; k++) {
        CHECK(difference(reference, v + k * SIZE, between) == COVSAMP_OK);
        compare(e, "product against differences", own.product + k * SIZE, between, SIZE, 1e-6);
    }
    covsamp_torch_free(tested);
    covsamp_torch_free(reference);
}

static void check_refused(const expectation *e)
{
    static numbers own;
    covsamp_torch *module;
    int32_t status = load_rule(e, &module, COVSAMP_F64, COVSAMP_TORCH_LINEARISED);
    if (status == COVSAMP_OK)
        status = ask(module, &own);
    if (!CHECK(status == COVSAMP_TORCH_E_NO_TANGENT || (e->error && status != COVSAMP_OK)))
        printf("%s: %s\n", e->name, covsamp_torch_status_name(status));
    covsamp_torch_free(module);
}

static int parse(const char *line, expectation *e)
{
    char verdict[16], by[16], mark[16] = "";
    memset(e, 0, sizeof *e);
    if (sscanf(line, "%63s %15s %15s %15s", e->name, verdict, by, mark) < 3)
        return 0;
    e->refused = strcmp(verdict, "refused") == 0;
    e->error = strcmp(verdict, "error") == 0;
    e->rule = strcmp(by, "rule") == 0;
    e->alone = strcmp(mark, "alone") == 0;
    e->kink = strcmp(mark, "kink") == 0;
    e->single = strcmp(mark, "single") == 0;
    return 1;
}

static int asked_for(int argc, char **argv, const char *name)
{
    int k;
    for (k = 2; k < argc; k++)
        if (strcmp(argv[k], name) == 0)
            return 1;
    return argc <= 2;
}

int main(int argc, char **argv)
{
    char line[256];
    expectation e;
    int count = 0;
    FILE *list;
    module_folder = argc > 1 ? argv[1] : ".";
    fill(x, SIZE, 1);
    fill(v, TANGENTS * SIZE, 2);
    list = fopen(module_path("rules.txt"), "r");
    if (!CHECK(list != NULL))
        return check_done();
    while (fgets(line, sizeof line, list) != NULL) {
        if (!CHECK(parse(line, &e)) || !asked_for(argc, argv, e.name))
            continue;
        count++;
        if (e.refused || e.error) {
            check_refused(&e);
        } else {
            check_dtype(&e, COVSAMP_F64);
            check_dtype(&e, COVSAMP_F32);
        }
    }
    fclose(list);
    CHECK(count > (argc > 2 ? 0 : 300));
    return check_done();
}
