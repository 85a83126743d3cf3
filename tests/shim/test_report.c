/* SPDX-License-Identifier: BSD-3-Clause */
/* What covsamp_torch_report says of each engine, what the linearised one keeps from request to
 * request, and the engines that are told apart by what they compute.
 *
 *     test_report FOLDER      FOLDER: of the zoo */
#include "zoo.h"

enum { BATCH = 2, SIZE = BATCH * DIM, LARGEST = 3 * 32 * 32 * BATCH };

static double x[LARGEST], v[LARGEST], u[LARGEST], mean[LARGEST], product[LARGEST], other[LARGEST];

static int64_t dim_of(const covsamp_torch *module)
{
    int64_t dims[8], dim = 1;
    int32_t i, n = covsamp_torch_shape(module, dims, 8);
    for (i = 0; i < n; i++)
        dim *= dims[i];
    return dim;
}

/* About x, in double precision outside. */
static covsamp_request about_x(const covsamp_torch *module, int32_t kind, double time)
{
    covsamp_request r = request_of(kind, COVSAMP_F64, BATCH, dim_of(module));
    r.time = time;
    r.x = x;
    return r;
}

/* A product there. */
static int32_t ask(covsamp_torch *module, double time, const double *tangent, double *result)
{
    covsamp_request r = about_x(module, COVSAMP_ASK_MEAN_JVP, time);
    r.v = tangent;
    r.mean = mean;
    r.product = result;
    return covsamp_torch_answer(module, &r);
}

static covsamp_torch_work report(covsamp_torch *module)
{
    covsamp_torch_work work;
    memset(&work, 0, sizeof work);
    work.size = sizeof work;
    CHECK(covsamp_torch_report(module, &work) == COVSAMP_OK);
    CHECK(work.engine == covsamp_torch_engine(module));
    CHECK(work.bytes_peak >= work.bytes_kept);
    return work;
}

static void check_work(const char *name, int32_t choice, int32_t engine, int64_t by_duals,
                       const char *operators, const char *reason)
{
    covsamp_torch *module = load(name, COVSAMP_F64, choice);
    covsamp_torch_work work;
    ask(module, 37, v, product);
    work = report(module);
    CHECK(work.engine == engine);
    CHECK(work.nodes_by_duals == by_duals);
    CHECK((work.nodes_by_rule > 0) == (engine == COVSAMP_TORCH_LINEARISED));
    CHECK_TEXT(work.operators_by_duals, operators);
    CHECK((operators[0] == '\0') == (work.operators_by_duals[0] == '\0'));
    CHECK_TEXT(work.reason, reason);
    CHECK((reason[0] == '\0') == (work.reason[0] == '\0'));
    covsamp_torch_free(module);
}

/* It linearises where x, time or labels differ from what it kept, and only there: the number
 * `point` is the same in all of these requests. */
static void kept(void)
{
    static const int64_t labels[] = {3, 1};
    covsamp_torch *module = load("adm-traced.pt", COVSAMP_F64, COVSAMP_TORCH_LINEARISED);
    int64_t first, size = BATCH * dim_of(module);
    int i;
    CHECK(ask(module, 37, v, product) == COVSAMP_OK);
    first = report(module).linearisations;
    for (i = 0; i < 2; i++)
        CHECK(ask(module, 37, u, other) == COVSAMP_OK);
    CHECK(report(module).linearisations == first);
    CHECK(ask(module, 38, v, other) == COVSAMP_OK && report(module).linearisations == first + 1);
    CHECK(relative(other, product, size) > 1e-9);
    CHECK(ask(module, 37, v, other) == COVSAMP_OK && report(module).linearisations == first + 2);
    CHECK(memcmp(other, product, (size_t)size * sizeof *other) == 0);
    x[5] += 1e-9;
    CHECK(ask(module, 37, v, other) == COVSAMP_OK && report(module).linearisations == first + 3);
    CHECK(covsamp_torch_set_labels(module, 0, labels, 2) == COVSAMP_OK);
    CHECK(ask(module, 37, v, other) == COVSAMP_OK && report(module).linearisations == first + 4);
    CHECK(relative(other, product, size) > 1e-6);
    CHECK(report(module).bytes_kept > 0 && report(module).steps > 50);
    covsamp_torch_free(module);
}

static int32_t ask_mean(covsamp_torch *module, int follow, double *result)
{
    covsamp_request r = about_x(module, COVSAMP_ASK_MEAN, 37);
    r.mean = result;
    r.products_follow = follow;
    return covsamp_torch_answer(module, &r);
}

static int32_t ask_product(covsamp_torch *module, double *result)
{
    covsamp_request r = about_x(module, COVSAMP_ASK_JVP, 37);
    r.v = v;
    r.product = result;
    return covsamp_torch_answer(module, &r);
}

/* A mean that announces products leaves the linearisation that they need; the numbers are those of
 * the requests together.  An engine that keeps none, and one that may not, answer as ever. */
static void ahead(int32_t engine, int64_t keep_bytes, int gains)
{
    covsamp_torch_options options = options_of(COVSAMP_F64, engine);
    covsamp_torch *module = load("adm-traced.pt", COVSAMP_F64, engine);
    static double together[LARGEST];
    int64_t size = BATCH * dim_of(module), before;
    CHECK(ask(module, 37, v, product) == COVSAMP_OK);
    memcpy(together, mean, sizeof together);
    covsamp_torch_free(module);
    options.keep_bytes = keep_bytes;
    CHECK(covsamp_torch_load(&module, module_path("adm-traced.pt"), &options, NULL) == COVSAMP_OK);
    x[3] += 0.5;
    CHECK(ask_product(module, other) == COVSAMP_OK); /* whatever is found out at first is */
    x[3] -= 0.5;
    before = report(module).linearisations;
    CHECK(ask_mean(module, 0, mean) == COVSAMP_OK);
    CHECK(report(module).linearisations == before);
    CHECK(ask_mean(module, 1, mean) == COVSAMP_OK);
    CHECK(report(module).linearisations - before == (gains ? 1 : 0));
    before = report(module).linearisations;
    CHECK(ask_product(module, other) == COVSAMP_OK);
    CHECK(!gains || report(module).linearisations == before);
    CHECK(relative(mean, together, size) < 1e-12 && relative(other, product, size) < 1e-12);
    covsamp_torch_free(module);
}

/* With a limit the batch is taken in parts, at every request again; the numbers are the same. */
static void limited(void)
{
    covsamp_torch_options options = options_of(COVSAMP_F64, COVSAMP_TORCH_AUTO);
    covsamp_torch *whole = load("adm-traced.pt", COVSAMP_F64, COVSAMP_TORCH_AUTO), *parts = NULL;
    static double same[LARGEST];
    int64_t size = BATCH * dim_of(whole), before;
    CHECK(ask(whole, 37, v, product) == COVSAMP_OK);
    memcpy(same, mean, sizeof same);
    options.keep_bytes = report(whole).bytes_kept * 3 / 4; /* one of two samples */
    CHECK(covsamp_torch_load(&parts, module_path("adm-traced.pt"), &options, NULL) == COVSAMP_OK);
    before = report(parts).linearisations;
    CHECK(ask(parts, 37, v, other) == COVSAMP_OK);
    CHECK(relative(other, product, size) < 1e-12 && relative(mean, same, size) < 1e-12);
    CHECK(report(parts).bytes_kept > 0 && report(parts).bytes_kept <= options.keep_bytes);
    CHECK(ask(parts, 37, v, other) == COVSAMP_OK);
    CHECK(report(parts).linearisations >= before + 4);
    options.keep_bytes = -1;
    covsamp_torch_free(parts);
    CHECK(covsamp_torch_load(&parts, module_path("adm-traced.pt"), &options, NULL) ==
          COVSAMP_E_RANGE);
    covsamp_torch_free(whole);
}

/* Images contiguous and channels-last inside: the same numbers. */
static void layouts(const char *name)
{
    covsamp_torch_options options = options_of(COVSAMP_F64, COVSAMP_TORCH_LINEARISED);
    covsamp_torch *dual = load(name, COVSAMP_F64, COVSAMP_TORCH_DUAL), *module;
    int64_t size = BATCH * dim_of(dual);
    CHECK(ask(dual, 37, v, product) == COVSAMP_OK);
    for (options.layout = 0; options.layout <= COVSAMP_TORCH_CHANNELS_LAST; options.layout++) {
        CHECK(covsamp_torch_load(&module, module_path(name), &options, NULL) == COVSAMP_OK);
        CHECK(ask(module, 37, v, other) == COVSAMP_OK);
        CHECK(relative(other, product, size) < 1e-12);
        CHECK(report(module).engine == COVSAMP_TORCH_LINEARISED);
        covsamp_torch_free(module);
    }
    CHECK(covsamp_torch_load(&module, module_path(name), &options, NULL) == COVSAMP_E_RANGE);
    options.layout = 0;
    options.reserved = 1;
    CHECK(covsamp_torch_load(&module, module_path(name), &options, NULL) == COVSAMP_E_RANGE);
    covsamp_torch_free(dual);
}

static double dot(const double *a, const double *b, int64_t count)
{
    double sum = 0;
    int64_t i;
    for (i = 0; i < count; i++)
        sum += a[i] * b[i];
    return sum;
}

/* <u, J v> = <J^T u, v>, and J v is something else. */
static void transposed(const char *name)
{
    covsamp_torch *forward = load(name, COVSAMP_F64, COVSAMP_TORCH_LINEARISED);
    covsamp_torch *reverse = load(name, COVSAMP_F64, COVSAMP_TORCH_TRANSPOSED);
    int64_t size = BATCH * dim_of(forward);
    int i;
    for (i = 0; i < 2; i++) { /* the second from what is kept */
        CHECK(ask(forward, 37, v, product) == COVSAMP_OK);
        CHECK(ask(reverse, 37, u, other) == COVSAMP_OK);
        CHECK_NEAR(dot(u, product, size), dot(other, v, size), 1e-10);
    }
    CHECK(ask(reverse, 37, v, other) == COVSAMP_OK && relative(other, product, size) > 1e-3);
    CHECK(ask(forward, 137, v, product) == COVSAMP_OK && ask(reverse, 137, u, other) == COVSAMP_OK);
    CHECK_NEAR(dot(u, product, size), dot(other, v, size), 1e-10);
    CHECK(report(reverse).engine == COVSAMP_TORCH_TRANSPOSED);
    covsamp_torch_free(forward);
    covsamp_torch_free(reverse);
}

/* Tangents in bfloat16: products to its precision, means to the last bit. */
static void bfloat16(const char *name)
{
    covsamp_torch_options options = options_of(COVSAMP_F32, COVSAMP_TORCH_LINEARISED);
    covsamp_torch *exact = load(name, COVSAMP_F32, COVSAMP_TORCH_LINEARISED), *narrow = NULL;
    static double same[LARGEST];
    int64_t size = BATCH * dim_of(exact);
    options.tangent_dtype = COVSAMP_TORCH_BF16;
    CHECK(covsamp_torch_load(&narrow, module_path(name), &options, NULL) == COVSAMP_OK);
    CHECK(ask(exact, 37, v, product) == COVSAMP_OK);
    memcpy(same, mean, sizeof same);
    CHECK(ask(narrow, 37, v, other) == COVSAMP_OK);
    CHECK(memcmp(same, mean, (size_t)size * sizeof *mean) == 0);
    printf("%-24s bfloat16: a product is off by %.2g\n", name, relative(other, product, size));
    CHECK(relative(other, product, size) < 5e-2 && relative(other, product, size) > 1e-4);
    CHECK(report(narrow).bytes_kept < report(exact).bytes_kept);
    covsamp_torch_free(exact);
    covsamp_torch_free(narrow);
}

static void bad_input(void)
{
    covsamp_torch *module = load("bad-cumsum.pt", COVSAMP_F32, COVSAMP_TORCH_AUTO);
    covsamp_torch_work work;
    struct {
        covsamp_torch_work known;
        unsigned char later[64];
    } longer; /* of a caller with a newer header */
    memset(&work, 0, sizeof work);
    CHECK(covsamp_torch_report(NULL, &work) == COVSAMP_E_NULL);
    CHECK(covsamp_torch_report(module, NULL) == COVSAMP_E_NULL);
    CHECK_TEXT(covsamp_torch_message(module), "work is NULL");
    work.size = offsetof(covsamp_torch_work, points_kept) - 1;
    CHECK(covsamp_torch_report(module, &work) == COVSAMP_E_STRUCT_SIZE && work.engine == 0);
    CHECK_TEXT(covsamp_torch_message(module), "work->size is");
    work.size++; /* a caller that does not know of what came later */
    work.points_kept = 77;
    CHECK(covsamp_torch_report(module, &work) == COVSAMP_OK && work.points_kept == 77);
    memset(&longer, 0xff, sizeof longer);
    longer.known.size = sizeof longer;
    CHECK(covsamp_torch_report(module, &longer.known) == COVSAMP_OK);
    for (size_t i = 0; i < sizeof longer.later; i++)
        CHECK(longer.later[i] == 0);
    static const size_t rubbish[] = {0, sizeof work + 1, 4104, (size_t)-1, (size_t)1 << 40};
    for (size_t i = 0; i < sizeof rubbish / sizeof rubbish[0]; i++) {
        work.size = rubbish[i];
        CHECK(covsamp_torch_report(module, &work) == COVSAMP_E_STRUCT_SIZE);
    }
    covsamp_torch_free(module);
}

int main(int argc, char **argv)
{
    enum { AUTO = COVSAMP_TORCH_AUTO, OWN = COVSAMP_TORCH_LINEARISED, DUAL = COVSAMP_TORCH_DUAL };
    static const char *const styles[] = {
        "adm-scripted.pt",   "ddpmpp-scripted.pt", "dit-scripted.pt", "uvit-scripted.pt",
        "audio-scripted.pt", "video-scripted.pt",  "odds-scripted.pt"};
    size_t i;
    module_folder = argc > 1 ? argv[1] : ".";
    fill(x, LARGEST, 1);
    fill(v, LARGEST, 2);
    fill(u, LARGEST, 3);
    check_work("bad-cumsum.pt", AUTO, OWN, 0, "", "");
    check_work("bad-cumsum.pt", DUAL, DUAL, 0, "", "");
    check_work("bad-max-pool.pt", AUTO, OWN, 1, "aten::max_pool2d x 1", "");
    check_work("odds-traced.pt", AUTO, OWN, 1, "aten::amax x 1", "");
    check_work("bad-branch-on-x.pt", AUTO, DUAL, 0, "", "control flow depends on x");
    check_work("bad-branch-on-time.pt", AUTO, OWN, 0, "", "");
    check_work("bad-assigns.pt", OWN, DUAL, 0, "", "written to in place");
    check_work("bad-renorm.pt", AUTO, COVSAMP_TORCH_DOUBLE_BACKWARD, 0, "", "aten::renorm");
    kept();
    ahead(COVSAMP_TORCH_AUTO, 0, 1);
    ahead(COVSAMP_TORCH_LINEARISED, 1, 0);
    ahead(COVSAMP_TORCH_DUAL, 0, 0);
    ahead(COVSAMP_TORCH_TRANSPOSED, 0, 0); /* keeps a graph, which is no linearisation */
    limited();
    transposed("adm-traced.pt");
    transposed("dit-scripted.pt");
    for (i = 0; i < sizeof styles / sizeof styles[0]; i++) {
        bfloat16(styles[i]);
        layouts(styles[i]);
    }
    bad_input();
    return check_done();
}
