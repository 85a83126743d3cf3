/* SPDX-License-Identifier: BSD-3-Clause */
/* Modules that are wrong or awkward: what comes of each with dual numbers, and with the engine
 * under test (AUTO, or the number in COVSAMP_TEST_ENGINE).  An error is fine and right numbers are
 * fine; wrong ones are only where no engine can see that they are (`WRONG`).
 *
 *     test_zoo_bad FOLDER [NAME ...]      NAME: what comes of these, in the form of the table's
 * rows */
#include "zoo.h"

enum { BATCH = 2, SIZE = BATCH * DIM };

/* Of a product, against central differences: */
enum {
    NONE,   /* there is none */
    RIGHT,  /* equal to 1e-6 */
    WRONG,  /* finite, and off by more */
    NAN_IN, /* not finite */
    RANDOM  /* another one every time */
};
static const char *const verdicts[] = {"NONE", "RIGHT", "WRONG", "NAN_IN", "RANDOM"};

typedef struct outcome {
    int32_t load, answer;
    int verdict;
} outcome;

#define OK    COVSAMP_OK
#define LOST  COVSAMP_TORCH_E_NO_TANGENT
#define RULE  COVSAMP_TORCH_E_NO_RULE
#define SHAPE COVSAMP_TORCH_E_SHAPE

static const struct row {
    const char *name;
    double time;
    outcome dual, tested;
} table[] = {
    {"ignores-x", 37, {OK, LOST, NONE}, {OK, LOST, NONE}},
    {"list", 37, {SHAPE, OK, NONE}, {SHAPE, OK, NONE}},
    {"dict", 37, {SHAPE, OK, NONE}, {SHAPE, OK, NONE}},
    {"shape-by-time", 37, {OK, OK, RIGHT}, {OK, OK, RIGHT}},
    {"shape-by-time", 600, {OK, SHAPE, NONE}, {OK, SHAPE, NONE}},
    {"detach", 37, {OK, OK, RIGHT}, {OK, OK, RIGHT}},
    {"detach-branch", 37, {OK, OK, RIGHT}, {OK, OK, RIGHT}},
    {"data", 37, {OK, LOST, NONE}, {OK, OK, RIGHT}},
    {"data-branch", 37, {OK, OK, WRONG}, {OK, OK, RIGHT}},
    {"item-branch", 37, {OK, OK, WRONG}, {OK, LOST, NONE}},
    {"no-grad-branch", 37, {OK, OK, RIGHT}, {OK, OK, RIGHT}},
    {"training-norm", 37, {OK, OK, RIGHT}, {OK, LOST, NONE}},
    {"training-dropout", 37, {OK, OK, RANDOM}, {OK, LOST, NONE}},
    {"random", 37, {OK, OK, RANDOM}, {OK, LOST, NONE}},
    {"counts", 37, {OK, OK, RIGHT}, {OK, OK, RIGHT}},
    {"nan-root", 37, {OK, OK, NAN_IN}, {OK, OK, NAN_IN}},
    {"nan-abs-root", 37, {OK, OK, NAN_IN}, {OK, OK, NAN_IN}},
    {"nan-norm", 37, {OK, OK, RIGHT}, {OK, OK, RIGHT}},
    {"nan-where", 37, {OK, OK, RIGHT}, {OK, OK, RIGHT}},
    {"branch-on-x", 37, {OK, OK, RIGHT}, {OK, OK, RIGHT}},
    {"branch-on-time", 37, {OK, OK, RIGHT}, {OK, OK, RIGHT}},
    {"branch-on-flag", 37, {OK, OK, RIGHT}, {OK, OK, RIGHT}},
    {"assigns", 37, {OK, OK, RIGHT}, {OK, OK, RIGHT}},
    {"buffer", 37, {OK, OK, RIGHT}, {OK, OK, RIGHT}},
    {"accumulates", 37, {OK, OK, RIGHT}, {OK, OK, RIGHT}},
    {"renorm", 37, {OK, RULE, NONE}, {OK, OK, RIGHT}},
    {"logcumsumexp", 37, {OK, RULE, NONE}, {OK, OK, RIGHT}},
    {"grid-sample", 37, {OK, RULE, NONE}, {OK, RULE, NONE}},
    {"cumsum", 37, {OK, OK, RIGHT}, {OK, OK, RIGHT}},
    {"fft", 37, {OK, OK, RIGHT}, {OK, OK, RIGHT}},
    {"im2col", 37, {OK, OK, RIGHT}, {OK, OK, RIGHT}},
    {"reflect", 37, {OK, OK, RIGHT}, {OK, OK, RIGHT}},
    {"max-pool", 37, {OK, OK, RIGHT}, {OK, OK, RIGHT}},
    {"gather", 37, {OK, OK, RIGHT}, {OK, OK, RIGHT}},
    {"clamp", 37, {OK, OK, RIGHT}, {OK, OK, RIGHT}},
    {"complex", 37, {OK, OK, RIGHT}, {OK, OK, RIGHT}},
    {"bicubic", 37, {OK, OK, RIGHT}, {OK, OK, RIGHT}},
};

static double x[SIZE], v[SIZE];

static int32_t mean_at(covsamp_torch *module, const double *place, double time, double h,
                       double *out)
{
    static double moved[SIZE];
    covsamp_request r = request_of(COVSAMP_ASK_MEAN, COVSAMP_F64, BATCH, DIM);
    int i;
    for (i = 0; i < SIZE; i++)
        moved[i] = place[i] + h * v[i];
    r.time = time;
    r.x = moved;
    r.mean = out;
    return covsamp_torch_answer(module, &r);
}

static int verdict_on(const double *product, const double *again, const double *difference)
{
    double error = relative(product, difference, SIZE);
    int i;
    for (i = 0; i < SIZE; i++)
        if (!isfinite(product[i]))
            return NAN_IN;
    if (memcmp(product, again, SIZE * sizeof *product) != 0)
        return RANDOM;
    return error < 1e-6 ? RIGHT : WRONG;
}

/* At x or at -x: a mean with its product first, as a sampler asks; then the product alone, twice.
 */
static outcome at_place(covsamp_torch *module, double time, double sign)
{
    static double place[SIZE], mean[SIZE], first[SIZE], product[SIZE], again[SIZE], plus[SIZE],
        minus[SIZE];
    outcome got = {COVSAMP_OK, COVSAMP_OK, NONE};
    covsamp_request r = request_of(COVSAMP_ASK_MEAN_JVP, COVSAMP_F64, BATCH, DIM);
    int i;
    for (i = 0; i < SIZE; i++)
        place[i] = sign * x[i];
    r.time = time;
    r.x = place;
    r.v = v;
    r.mean = mean;
    r.product = first;
    got.answer = covsamp_torch_answer(module, &r);
    CHECK((got.answer == COVSAMP_OK) == (covsamp_torch_message(module)[0] == '\0'));
    r.kind = COVSAMP_ASK_JVP;
    r.mean = NULL;
    r.product = product;
    CHECK(covsamp_torch_answer(module, &r) == got.answer);
    r.product = again;
    CHECK(covsamp_torch_answer(module, &r) == got.answer);
    if (got.answer == COVSAMP_OK && mean_at(module, place, time, 1e-5, plus) == COVSAMP_OK &&
        mean_at(module, place, time, -1e-5, minus) == COVSAMP_OK) {
        for (i = 0; i < SIZE; i++)
            plus[i] = (plus[i] - minus[i]) / 2e-5;
        got.verdict = verdict_on(product, again, plus);
        if (got.verdict == RIGHT)
            CHECK(verdict_on(first, first, plus) == RIGHT);
    }
    return got;
}

/* Two places and two times on one handle, since control flow may differ; the worse of them. */
static outcome try(const char *name, int32_t engine, double time)
{
    outcome got = {0, 0, NONE}, other;
    covsamp_torch *module = NULL;
    covsamp_torch_options options = options_of(COVSAMP_F64, engine);
    char file[128], message[COVSAMP_MESSAGE_BYTES];
    snprintf(file, sizeof file, "bad-%s.pt", name);
    got.load = covsamp_torch_load(&module, module_path(file), &options, message);
    CHECK((got.load == COVSAMP_OK) == (message[0] == '\0'));
    if (got.load != COVSAMP_OK)
        return got;
    got = at_place(module, time, 1);
    other = at_place(module, time + 1, -1);
    CHECK(other.answer == got.answer);
    if (other.verdict > got.verdict)
        got.verdict = other.verdict;
    covsamp_torch_free(module);
    return got;
}

static const char *short_name(int32_t status)
{
    return status == OK      ? "OK"
           : status == LOST  ? "LOST"
           : status == RULE  ? "RULE"
           : status == SHAPE ? "SHAPE"
                             : covsamp_torch_status_name(status);
}

static void print_row(const char *name, double time, outcome dual, outcome tested)
{
    printf("{\"%s\", %g, {%s, %s, %s}, {%s, %s, %s}},\n", name, time, short_name(dual.load),
           short_name(dual.answer), verdicts[dual.verdict], short_name(tested.load),
           short_name(tested.answer), verdicts[tested.verdict]);
    fflush(stdout);
}

static int same(outcome a, outcome b)
{
    return a.load == b.load && a.answer == b.answer && a.verdict == b.verdict;
}

int main(int argc, char **argv)
{
    size_t i;
    int k;
    module_folder = argc > 1 ? argv[1] : ".";
    fill(x, SIZE, 1);
    fill(v, SIZE, 2);
    for (k = 2; k < argc; k++)
        print_row(argv[k], 37, try(argv[k], COVSAMP_TORCH_DUAL, 37),
                  try(argv[k], engine_under_test(), 37));
    for (i = 0; argc == 2 && i < sizeof table / sizeof table[0]; i++) {
        const struct row *row = table + i;
        outcome dual = try(row->name, COVSAMP_TORCH_DUAL, row->time);
        outcome tested = try(row->name, engine_under_test(), row->time);
        if (!CHECK(same(dual, row->dual)) + !CHECK(same(tested, row->tested)))
            print_row(row->name, row->time, dual, tested);
    }
    return check_done();
}
