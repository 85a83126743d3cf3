/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests about both branches against one request for each, by every engine; branches in turns at
 * one point; and the limit on what is kept. */
#include "given.h"

enum { BATCH = 3, SIZE = BATCH * DIM, TANGENTS = 2 };

typedef struct answers {
    double mean[2][SIZE], product[2][TANGENTS * SIZE], transposed[2][TANGENTS * SIZE],
        head[2][SIZE];
} answers;

static double x[SIZE], v[TANGENTS * SIZE];

static covsamp_request ask(int32_t kind, answers *to, int branch)
{
    covsamp_request q = request_of(kind, COVSAMP_F64, BATCH, DIM);
    q.tangents = kind == COVSAMP_ASK_MEAN ? 0 : TANGENTS;
    q.tangent_stride = SIZE;
    q.first_sample = 4;
    q.branch = branch;
    q.x = x;
    q.v = v;
    q.mean = to->mean[branch];
    q.product = to->product[branch];
    q.transposed = to->transposed[branch];
    return q;
}

static covsamp_request ask_both(int32_t kind, answers *to)
{
    covsamp_request q = ask(kind, to, 0);
    q.other_mean = to->mean[1];
    q.other_product = to->product[1];
    q.other_transposed = to->transposed[1];
    return q;
}

static void fine(covsamp_torch *module, const covsamp_request *q)
{
    check_answer(module, covsamp_torch_answer(module, q), COVSAMP_OK, "");
}

static void same(const double *a, const double *b, int64_t count, double allowed)
{
    if (!CHECK(relative(a, b, count) <= allowed))
        fprintf(stderr, "    %g\n", relative(a, b, count));
}

static void set_label(covsamp_torch *module, int32_t branch, int64_t label)
{
    CHECK(covsamp_torch_set_labels(module, branch, &label, 1) == COVSAMP_OK);
}

/* labels: 3 is "no class"; of branch 1: -1, none are set. */
static void both(const char *name, int32_t dtype, int32_t engine, int64_t label_of_1,
                 double allowed)
{
    static answers one, two;
    static const int32_t kinds[] = {COVSAMP_ASK_MEAN, COVSAMP_ASK_JVP, COVSAMP_ASK_MEAN_JVP,
                                    COVSAMP_ASK_VJP};
    covsamp_torch *module = load(name, dtype, engine);
    size_t k;
    int i;
    set_label(module, 0, 1);
    if (label_of_1 >= 0)
        set_label(module, 1, label_of_1);
    for (k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        covsamp_request q;
        memset(&one, 0, sizeof one);
        memset(&two, 0, sizeof two);
        for (i = 0; i < 2; i++) {
            q = ask(kinds[k], &one, i);
            fine(module, &q);
        }
        q = ask_both(kinds[k], &two);
        fine(module, &q);
        for (i = 0; i < 2; i++) {
            const int mean = kinds[k] == COVSAMP_ASK_MEAN || kinds[k] == COVSAMP_ASK_MEAN_JVP;
            const int product = kinds[k] == COVSAMP_ASK_JVP || kinds[k] == COVSAMP_ASK_MEAN_JVP;
            if (mean)
                same(two.mean[i], one.mean[i], SIZE, allowed);
            if (product)
                same(two.product[i], one.product[i], TANGENTS * SIZE, allowed);
            if (kinds[k] == COVSAMP_ASK_VJP)
                same(two.transposed[i], one.transposed[i], TANGENTS * SIZE, allowed);
            CHECK(mean || two.mean[i][0] == 0);
            CHECK(product || two.product[i][0] == 0);
        }
        if (kinds[k] == COVSAMP_ASK_MEAN)
            CHECK(relative(two.mean[0], two.mean[1], SIZE) > 1e-3);
        if (kinds[k] == COVSAMP_ASK_JVP)
            CHECK(relative(two.product[0], two.product[1], SIZE) > 1e-3);
    }
    covsamp_torch_free(module);
}

/* Products of branch 0 alone, means of both; heads; arrays of another type with gaps. */
static void partly(void)
{
    enum { GAP = DIM + 5 };
    static float x32[BATCH * GAP], mean32[2][BATCH * GAP];
    static answers one, two;
    covsamp_torch *module = load("heads.pt", COVSAMP_F64, COVSAMP_TORCH_AUTO);
    covsamp_request q;
    int i, b, k;
    CHECK(covsamp_torch_set_head(module, "ocm") == COVSAMP_OK);
    set_label(module, 0, 2);
    for (i = 0; i < 2; i++) {
        q = ask(COVSAMP_ASK_MEAN_JVP, &one, i);
        q.head = one.head[i];
        fine(module, &q);
    }
    q = ask_both(COVSAMP_ASK_MEAN_JVP, &two);
    q.other_product = NULL;
    q.head = two.head[0];
    q.other_head = two.head[1];
    fine(module, &q);
    for (i = 0; i < 2; i++) {
        same(two.mean[i], one.mean[i], SIZE, 1e-12);
        same(two.head[i], one.head[i], SIZE, 1e-12);
    }
    same(two.product[0], one.product[0], TANGENTS * SIZE, 1e-12);
    CHECK(two.product[1][0] == 0);
    for (b = 0; b < BATCH; b++)
        for (k = 0; k < DIM; k++)
            x32[b * GAP + k] = (float)x[b * DIM + k];
    q = ask_both(COVSAMP_ASK_MEAN, &two);
    q.dtype = COVSAMP_F32;
    q.stride = GAP;
    q.x = x32;
    q.mean = mean32[0];
    q.other_mean = mean32[1];
    mean32[0][DIM] = mean32[1][DIM] = 77;
    fine(module, &q);
    CHECK(mean32[0][DIM] == 77 && mean32[1][DIM] == 77);
    for (i = 0; i < 2; i++)
        for (b = 0; b < BATCH; b++)
            for (k = 0; k < DIM; k++)
                CHECK_NEAR((double)mean32[i][b * GAP + k], one.mean[i][b * DIM + k], 1e-5);
    covsamp_torch_free(module);
}

/* sin(1.5 x), its derivative and the head cos(1.5 x), of a module that writes to x. */
static void in_place(int32_t engine)
{
    static answers to;
    covsamp_torch *module = load("heads-in-place.pt", COVSAMP_F64, engine);
    covsamp_request q = ask(COVSAMP_ASK_MEAN_JVP, &to, 0);
    int i;
    CHECK(covsamp_torch_set_head(module, "ocm") == COVSAMP_OK);
    q.head = to.head[0];
    fine(module, &q);
    for (i = 0; i < SIZE; i++) {
        CHECK_NEAR(to.mean[0][i], sin(1.5 * x[i]), 1e-14);
        CHECK_NEAR(to.head[0][i], cos(1.5 * x[i]), 1e-14);
        CHECK_NEAR(to.product[0][SIZE + i], 1.5 * cos(1.5 * x[i]) * v[SIZE + i], 1e-14);
    }
    CHECK(covsamp_torch_engine(module) == engine);
    covsamp_torch_free(module);
}

/* Branches that take turns at one point are linearised once each, and once for both. */
static void in_turns(void)
{
    static answers to;
    covsamp_torch *module = load("labels.pt", COVSAMP_F64, COVSAMP_TORCH_AUTO);
    int64_t before, points = -1;
    covsamp_request q;
    int i;
    set_label(module, 0, 1);
    before = linearisations(module, &points);
    CHECK(points == 0);
    for (i = 0; i < 8; i++) {
        q = ask(COVSAMP_ASK_JVP, &to, i % 2);
        fine(module, &q);
    }
    CHECK(linearisations(module, &points) == before + 2 && points == 2);
    for (i = 0; i < 3; i++) {
        q = ask_both(COVSAMP_ASK_MEAN_JVP, &to);
        fine(module, &q);
    }
    CHECK(linearisations(module, &points) == before + 3 && points == 3);
    q = ask(COVSAMP_ASK_JVP, &to, 1);
    fine(module, &q);
    CHECK(linearisations(module, &points) == before + 3 && points == 3);
    x[3] += 0.5; /* another point: of this branch alone */
    fine(module, &q);
    CHECK(linearisations(module, &points) == before + 4 && points == 3);
    q = ask(COVSAMP_ASK_JVP, &to, 0);
    x[3] -= 0.5;
    fine(module, &q);
    CHECK(linearisations(module, &points) == before + 4 && points == 3);
    covsamp_torch_free(module);
}

static covsamp_torch_work report(covsamp_torch *module)
{
    covsamp_torch_work work;
    memset(&work, 0, sizeof work);
    work.size = sizeof work;
    CHECK(covsamp_torch_report(module, &work) == COVSAMP_OK);
    return work;
}

/* The limit is on all that is kept: for one branch, it holds; for two, one makes room. */
static void limited(void)
{
    static answers one, two;
    covsamp_torch_options options = options_of(COVSAMP_F64, COVSAMP_TORCH_LINEARISED);
    covsamp_torch *free_one = load("labels.pt", COVSAMP_F64, COVSAMP_TORCH_LINEARISED), *module;
    covsamp_request q = ask(COVSAMP_ASK_JVP, &one, 0);
    int64_t bytes, before, limit;
    int i;
    fine(free_one, &q);
    bytes = report(free_one).bytes_kept;
    q = ask_both(COVSAMP_ASK_MEAN_JVP, &one);
    fine(free_one, &q);
    for (i = 0; i < 3; i++) { /* parts; one branch, not both; both */
        static const double room[] = {0.5, 1.5, 3.5};
        options.keep_bytes = limit = (int64_t)(room[i] * (double)bytes);
        CHECK(covsamp_torch_load(&module, module_path("labels.pt"), &options, NULL) == COVSAMP_OK);
        q = ask(COVSAMP_ASK_JVP, &two, 0);
        fine(module, &q);
        CHECK(report(module).bytes_kept <= limit);
        q = ask(COVSAMP_ASK_JVP, &two, 1);
        fine(module, &q);
        CHECK(report(module).bytes_kept <= limit && report(module).bytes_kept > 0);
        CHECK(report(module).points_kept == (i == 2 ? 2 : 1));
        before = report(module).linearisations;
        fine(module, &q);
        CHECK((report(module).linearisations == before) == (i != 0));
        q = ask_both(COVSAMP_ASK_MEAN_JVP, &two);
        fine(module, &q);
        CHECK(report(module).bytes_kept <= limit);
        same(two.product[0], one.product[0], TANGENTS * SIZE, 1e-12);
        same(two.product[1], one.product[1], TANGENTS * SIZE, 1e-12);
        same(two.mean[1], one.mean[1], SIZE, 1e-12);
        covsamp_torch_free(module);
    }
    covsamp_torch_free(free_one);
}

static void refused(void)
{
    static answers to;
    covsamp_torch *module = load("labels.pt", COVSAMP_F64, COVSAMP_TORCH_AUTO);
    covsamp_request q = ask_both(COVSAMP_ASK_MEAN, &to);
    q.branch = 1;
    check_answer(module, covsamp_torch_answer(module, &q), COVSAMP_E_RANGE,
                 "request->branch is 1, must be 0 where the request is about both");
    q = ask_both(COVSAMP_ASK_MEAN, &to);
    q.other_head = to.head[1];
    check_answer(module, covsamp_torch_answer(module, &q), COVSAMP_TORCH_E_HEAD, "set_head");
    q.other_mean = NULL;
    check_answer(module, covsamp_torch_answer(module, &q), COVSAMP_E_NULL, "other_mean is NULL");
    q.size = offsetof(covsamp_request, other_mean); /* an older core's: about one branch */
    check_answer(module, covsamp_torch_answer(module, &q), COVSAMP_OK, "");
    covsamp_torch_free(module);
    module = load("labels-needed.pt", COVSAMP_F64, COVSAMP_TORCH_AUTO);
    set_label(module, 0, 1);
    q = ask_both(COVSAMP_ASK_MEAN, &to);
    check_answer(module, covsamp_torch_answer(module, &q), COVSAMP_TORCH_E_LABELS,
                 "none are set for branch 1");
    covsamp_torch_free(module);
}

int main(int argc, char **argv)
{
    static const double allowed[] = {0, 2e-6, 1e-12};
    int32_t engine, dtype;
    module_folder = argc > 1 ? argv[1] : ".";
    fill(x, SIZE, 1);
    fill(v, TANGENTS * SIZE, 2);
    for (engine = COVSAMP_TORCH_AUTO; engine <= COVSAMP_TORCH_TRANSPOSED; engine++)
        for (dtype = COVSAMP_F32; dtype <= COVSAMP_F64; dtype++) {
            both("labels.pt", dtype, engine, -1, allowed[dtype]);
            both("labels-traced.pt", dtype, engine, 0, allowed[dtype]);
            both("labels-maybe.pt", dtype, engine, -1, allowed[dtype]); /* two calls */
        }
    both("labels-needed.pt", COVSAMP_F64, COVSAMP_TORCH_AUTO, 2, 1e-12);
    partly();
    for (engine = COVSAMP_TORCH_DUAL; engine <= COVSAMP_TORCH_LINEARISED; engine++)
        in_place(engine);
    in_turns();
    limited();
    refused();
    return check_done();
}
