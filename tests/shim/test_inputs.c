/* SPDX-License-Identifier: BSD-3-Clause */
/* Further tensors: a module with forward(x, t, y, table, picture) against PyTorch itself, by every
 * engine and in parts; each branch its own; what is refused, and what metadata says of them. */
#include "given.h"

enum { BATCH = 3, SIZE = BATCH * DIM };

/* As make_given.py wrote them; mean and product are PyTorch's. */
static struct {
    double x[SIZE], v[SIZE], table[BATCH * TABLE], picture[BATCH * PICTURE], mean[SIZE],
        product[SIZE];
} given;
static const int64_t labels[] = {2, 0, 3}, table_dims[] = {4, 3}, picture_dims[] = {8, 8};
static double mean[SIZE], product[SIZE], other[SIZE];

static void set_table(covsamp_torch *module, int32_t branch, int32_t index)
{
    CHECK(covsamp_torch_set_input(module, branch, index, COVSAMP_TORCH_TYPE_F64, given.table,
                                  table_dims, 2, BATCH) == COVSAMP_OK);
}

static void set_all(covsamp_torch *module, int32_t branch)
{
    static float single[BATCH * PICTURE];
    int i;
    for (i = 0; i < BATCH * PICTURE; i++)
        single[i] = (float)given.picture[i];
    CHECK(covsamp_torch_set_input(module, branch, 0, COVSAMP_TORCH_TYPE_I64, labels, NULL, 0,
                                  BATCH) == COVSAMP_OK);
    set_table(module, branch, 1);
    CHECK(covsamp_torch_set_input(module, branch, 2, COVSAMP_TORCH_TYPE_F32, single, picture_dims,
                                  2, BATCH) == COVSAMP_OK);
    CHECK(covsamp_torch_set_input(module, branch, 2, COVSAMP_TORCH_TYPE_F64, given.picture,
                                  picture_dims, 2, BATCH) == COVSAMP_OK); /* the later one holds */
}

static covsamp_request ask(int32_t kind)
{
    covsamp_request q = request_of(kind, COVSAMP_F64, BATCH, DIM);
    q.x = given.x;
    q.v = given.v;
    q.mean = mean;
    q.product = product;
    return q;
}

/* Against PyTorch: whole, and sample by sample with numbers that go round. */
static void engine(const char *name, int32_t dtype, int32_t choice, double allowed)
{
    covsamp_torch *module = load(name, dtype, choice);
    covsamp_request q = ask(COVSAMP_ASK_MEAN_JVP);
    double error = 1;
    int b;
    set_all(module, 0);
    q.first_sample = 3 * BATCH;
    check_answer(module, covsamp_torch_answer(module, &q), COVSAMP_OK, "");
    CHECK(relative(mean, given.mean, SIZE) <= allowed);
    CHECK(relative(product, given.product, SIZE) <= allowed);
    printf("%s, engine %d, %s: mean %.1e, product %.1e from PyTorch's\n", name,
           (int)covsamp_torch_engine(module), dtype == COVSAMP_F32 ? "f32" : "f64",
           relative(mean, given.mean, SIZE), relative(product, given.product, SIZE));
    for (b = 0; b < BATCH; b++) {
        q = ask(COVSAMP_ASK_MEAN_JVP);
        q.batch = 1;
        q.first_sample = 30 * BATCH + b;
        q.x = given.x + b * DIM;
        q.v = given.v + b * DIM;
        CHECK(covsamp_torch_answer(module, &q) == COVSAMP_OK);
        CHECK(relative(mean, given.mean + b * DIM, DIM) <= allowed);
        CHECK(relative(product, given.product + b * DIM, DIM) <= allowed);
    }
    CHECK(covsamp_torch_check(module, 37, 5, 4, &error) == COVSAMP_OK && error < 1e-5);
    covsamp_torch_free(module);
}

/* u . J v = v . J^T u, and parts where little may be kept. */
static void transposed_and_parts(void)
{
    covsamp_torch_options options = options_of(COVSAMP_F64, COVSAMP_TORCH_LINEARISED);
    covsamp_torch *module = NULL;
    covsamp_request q = ask(COVSAMP_ASK_VJP);
    double forward = 0, back = 0;
    int i;
    options.keep_bytes = 1; /* a sample at a time */
    CHECK(covsamp_torch_load(&module, module_path("inputs.pt"), &options, NULL) == COVSAMP_OK);
    set_all(module, 0);
    q.v = given.mean;
    q.transposed = other;
    check_answer(module, covsamp_torch_answer(module, &q), COVSAMP_OK, "");
    q = ask(COVSAMP_ASK_JVP);
    check_answer(module, covsamp_torch_answer(module, &q), COVSAMP_OK, "");
    CHECK(linearisations(module, NULL) >= BATCH);
    CHECK(relative(product, given.product, SIZE) <= 1e-12);
    for (i = 0; i < SIZE; i++) {
        forward += given.mean[i] * product[i];
        back += given.v[i] * other[i];
    }
    CHECK_NEAR(forward, back, 1e-12 * fabs(forward) + 1e-12);
    covsamp_torch_free(module);
}

/* What is kept at a point is not used where an input is another. */
static void kept(void)
{
    covsamp_torch *module = load("inputs.pt", COVSAMP_F64, COVSAMP_TORCH_LINEARISED);
    covsamp_request q = ask(COVSAMP_ASK_JVP);
    int64_t before;
    set_all(module, 0);
    CHECK(covsamp_torch_answer(module, &q) == COVSAMP_OK);
    before = linearisations(module, NULL);
    CHECK(covsamp_torch_answer(module, &q) == COVSAMP_OK);
    CHECK(linearisations(module, NULL) == before);
    given.table[5] += 1e-3;
    set_table(module, 0, 1);
    given.table[5] -= 1e-3;
    q.product = other;
    CHECK(covsamp_torch_answer(module, &q) == COVSAMP_OK);
    CHECK(linearisations(module, NULL) == before + 1);
    CHECK(relative(other, product, SIZE) > 1e-7 && relative(other, product, DIM) > 1e-7);
    CHECK(memcmp(other + DIM, product + DIM, DIM * sizeof *other) == 0); /* sample 0's table */
    /* Without the picture, which may be missing. */
    CHECK(covsamp_torch_set_input(module, 0, 2, 0, NULL, NULL, 0, 0) == COVSAMP_OK);
    CHECK(covsamp_torch_answer(module, &q) == COVSAMP_OK);
    CHECK(linearisations(module, NULL) == before + 2);
    CHECK(relative(other, product, SIZE) > 1e-3);
    /* Transposed products keep a graph: it must know of inputs as well. */
    q.kind = COVSAMP_ASK_VJP;
    q.transposed = product;
    CHECK(covsamp_torch_answer(module, &q) == COVSAMP_OK);
    set_all(module, 0);
    q.transposed = other;
    CHECK(covsamp_torch_answer(module, &q) == COVSAMP_OK);
    CHECK(relative(other, product, SIZE) > 1e-3);
    covsamp_torch_free(module);
}

/* Every branch has its own inputs. */
static void branches(void)
{
    covsamp_torch *module = load("inputs.pt", COVSAMP_F64, COVSAMP_TORCH_AUTO);
    covsamp_request q = ask(COVSAMP_ASK_MEAN);
    set_all(module, 5);
    check_answer(module, covsamp_torch_answer(module, &q), COVSAMP_TORCH_E_INPUT,
                 "needs input 1 (table), but none is set for branch 0");
    q.branch = 5;
    check_answer(module, covsamp_torch_answer(module, &q), COVSAMP_OK, "");
    CHECK(relative(mean, given.mean, SIZE) <= 1e-12);
    set_table(module, 0, 1); /* "no class" by itself, and no picture */
    q.branch = 0;
    q.mean = other;
    check_answer(module, covsamp_torch_answer(module, &q), COVSAMP_OK, "");
    CHECK(relative(other, mean, SIZE) > 1e-3);
    covsamp_torch_free(module);
}

/* Nobody said what input 0 is: the module runs first when a request comes. */
static void undescribed(void)
{
    static const char *const names[] = {"inputs-table.pt", "inputs-table-said.pt"};
    int32_t choice;
    double error = 1;
    int i;
    for (choice = COVSAMP_TORCH_AUTO; choice <= COVSAMP_TORCH_LINEARISED; choice++)
        for (i = 0; i < 2; i++) {
            covsamp_torch *module = load(names[i], COVSAMP_F64, choice);
            covsamp_request q = ask(COVSAMP_ASK_MEAN_JVP);
            q.mean = i == 0 ? mean : other;
            check_answer(module, covsamp_torch_answer(module, &q),
                         i == 0 ? COVSAMP_TORCH_E_LABELS : COVSAMP_TORCH_E_INPUT, "branch 0");
            CHECK(covsamp_torch_check(module, 37, 5, 4, &error) != COVSAMP_OK);
            set_table(module, 0, 0);
            check_answer(module, covsamp_torch_answer(module, &q), COVSAMP_OK, "");
            if (i == 1)
                CHECK(relative(mean, other, SIZE) <= 1e-12);
            CHECK(covsamp_torch_check(module, 37, 5, 4, &error) == COVSAMP_OK && error < 1e-5);
            CHECK(covsamp_torch_engine(module) ==
                  (choice == COVSAMP_TORCH_AUTO ? COVSAMP_TORCH_LINEARISED : choice));
            covsamp_torch_free(module);
        }
    {
        covsamp_torch *module = load("inputs-table.pt", COVSAMP_F32, COVSAMP_TORCH_AUTO);
        covsamp_request q = ask(COVSAMP_ASK_MEAN);
        set_table(module, 0, 0);
        CHECK(covsamp_torch_set_input(module, 0, 0, COVSAMP_TORCH_TYPE_F64, given.table, table_dims,
                                      1, BATCH) == COVSAMP_OK); /* [n, 4] */
        check_answer(module, covsamp_torch_answer(module, &q), COVSAMP_TORCH_E_SHAPE,
                     "the module fails on an input of shape [1, 2, 8, 8]");
        set_table(module, 0, 0);
        check_answer(module, covsamp_torch_answer(module, &q), COVSAMP_OK, "");
        covsamp_torch_free(module);
    }
}

#define REFUSED(status, part, ...)                                                                 \
    check_answer(module, covsamp_torch_set_input(module, __VA_ARGS__), status, part)

static void refused(void)
{
    static const int64_t wrong[] = {3, 4}, zero[] = {0, 3}, huge[] = {INT64_MAX, 2},
                         nine[] = {1, 1, 1, 1, 1, 1, 1, 1, 1}, high[] = {4};
    enum { F64 = COVSAMP_TORCH_TYPE_F64, I64 = COVSAMP_TORCH_TYPE_I64 };
    const double *t = given.table;
    covsamp_torch *module = load("inputs.pt", COVSAMP_F64, COVSAMP_TORCH_AUTO);
    covsamp_request q = ask(COVSAMP_ASK_MEAN);
    set_all(module, 0);
    REFUSED(COVSAMP_E_RANGE, "set_input: branch is 8, must be in [0, 7]", 8, 1, F64, t, table_dims,
            2, 3);
    REFUSED(COVSAMP_E_RANGE, "branch is -1", -1, 1, F64, t, table_dims, 2, 3);
    REFUSED(COVSAMP_E_RANGE, "index is -1", 0, -1, F64, t, table_dims, 2, 3);
    REFUSED(COVSAMP_TORCH_E_INPUT, "index is 3, but the module's forward takes 3 tensors", 0, 3,
            F64, t, table_dims, 2, 3);
    REFUSED(COVSAMP_E_RANGE, "type is 0", 0, 1, 0, t, table_dims, 2, 3);
    REFUSED(COVSAMP_E_RANGE, "type is 4", 0, 1, 4, t, table_dims, 2, 3);
    REFUSED(COVSAMP_E_RANGE, "count is -1", 0, 1, F64, t, table_dims, 2, -1);
    REFUSED(COVSAMP_E_RANGE, "count is 9223372036854775807", 0, 1, F64, t, table_dims, 2,
            INT64_MAX);
    REFUSED(COVSAMP_E_NULL, "data is NULL", 0, 1, F64, NULL, table_dims, 2, 3);
    REFUSED(COVSAMP_E_NULL, "dims is NULL", 0, 1, F64, t, NULL, 2, 3);
    REFUSED(COVSAMP_E_RANGE, "n_dims is 9", 0, 1, F64, t, nine, 9, 1);
    REFUSED(COVSAMP_E_RANGE, "n_dims is -1", 0, 1, F64, t, table_dims, -1, 1);
    REFUSED(COVSAMP_E_RANGE, "dims[0] is 0", 0, 1, F64, t, zero, 2, 1);
    REFUSED(COVSAMP_E_RANGE, "dims[0] is 9223372036854775807", 0, 1, F64, t, huge, 2, 1);
    REFUSED(COVSAMP_TORCH_E_SHAPE,
            "input 1 is given with dims [3, 4] of floating point, must be dims [4, 3] of floating "
            "point",
            0, 1, F64, t, wrong, 2, 3);
    REFUSED(COVSAMP_TORCH_E_SHAPE, "of int64, must be", 0, 1, I64, labels, table_dims, 2, 1);
    REFUSED(COVSAMP_TORCH_E_SHAPE, "input 0 is given", 0, 0, F64, t, NULL, 0, 3);
    REFUSED(COVSAMP_TORCH_E_LABELS, "labels[0] is 4, must be in [0, 3]", 0, 0, I64, high, NULL, 0,
            1);
    CHECK(covsamp_torch_set_input(NULL, 0, 1, F64, t, table_dims, 2, 3) == COVSAMP_E_NULL);
    check_answer(module, covsamp_torch_answer(module, &q), COVSAMP_OK, ""); /* the old ones stay */
    CHECK(relative(mean, given.mean, SIZE) <= 1e-12);
    covsamp_torch_free(module);
    module = load("labels.pt", COVSAMP_F64, COVSAMP_TORCH_AUTO);
    REFUSED(COVSAMP_TORCH_E_LABELS, "labels are single whole numbers", 0, 0, F64, t, NULL, 0, 3);
    REFUSED(COVSAMP_TORCH_E_INPUT, "takes 1 tensors", 0, 1, F64, t, NULL, 0, 3);
    covsamp_torch_free(module);
    module = load("scripted.pt", COVSAMP_F64, COVSAMP_TORCH_AUTO);
    REFUSED(COVSAMP_TORCH_E_INPUT, "takes 0 tensors", 0, 0, F64, t, NULL, 0, 3);
    covsamp_torch_free(module);
}

static void files(void)
{
    static const struct {
        const char *name, *part;
        int32_t status;
    } bad[] = {
        {"inputs-bad.pt", "inputs=i64,f33", COVSAMP_TORCH_E_FORMAT},
        {"inputs-more.pt", "describes 4 inputs, but forward takes 3", COVSAMP_TORCH_E_FORMAT},
        {"inputs-wrong.pt", "the module fails on an input", COVSAMP_TORCH_E_SHAPE}};
    size_t i;
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        covsamp_torch *module = NULL;
        char message[COVSAMP_MESSAGE_BYTES];
        CHECK(covsamp_torch_load(&module, module_path(bad[i].name), NULL, message) ==
              bad[i].status);
        CHECK(module == NULL);
        CHECK_TEXT(message, bad[i].part);
    }
}

int main(int argc, char **argv)
{
    int32_t choice;
    module_folder = argc > 1 ? argv[1] : ".";
    read_numbers("inputs.numbers", (double *)&given, sizeof given / sizeof(double));
    for (choice = COVSAMP_TORCH_AUTO; choice <= COVSAMP_TORCH_LINEARISED; choice++) {
        engine("inputs.pt", COVSAMP_F64, choice, 1e-12);
        engine("inputs-plain.pt", COVSAMP_F64, choice, 1e-12);
        engine("inputs.pt", COVSAMP_F32, choice, 2e-6);
    }
    transposed_and_parts();
    kept();
    branches();
    undescribed();
    refused();
    files();
    return check_done();
}
