/* SPDX-License-Identifier: BSD-3-Clause */
/* Every bad input: its status, a sentence, nothing half made, and a handle that still works. */
#include "shim.h"

/* The load must fail with this status, and say `part`. */
static void refused(const char *name, const covsamp_torch_options *options, int32_t status,
                    const char *part)
{
    covsamp_torch *module = (covsamp_torch *)&module;
    char message[COVSAMP_MESSAGE_BYTES];
    memset(message, 'x', sizeof message);
    if (!CHECK(covsamp_torch_load(&module, name ? module_path(name) : NULL, options, message) ==
               status))
        fprintf(stderr, "    %s: %s\n", name ? name : "NULL", message);
    CHECK(module == NULL);
    CHECK(memchr(message, '\0', sizeof message) != NULL && strchr(message, '\n') == NULL);
    CHECK_TEXT(message, "covsamp_torch_load: ");
    CHECK_TEXT(message, part);
    CHECK(covsamp_torch_load(&module, name ? module_path(name) : NULL, options, NULL) == status);
}

static void files(void)
{
    covsamp_torch *module;
    char message[COVSAMP_MESSAGE_BYTES], path[4096];
    static const char bytes[] = "PK\003\004 rubbish";
    refused("absent.pt", NULL, COVSAMP_TORCH_E_FILE, "absent.pt\", there is no such file");
    refused(".", NULL, COVSAMP_TORCH_E_FILE, "directory");
    memset(path, 'a', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    CHECK(covsamp_torch_load(&module, path, NULL, message) == COVSAMP_TORCH_E_FILE &&
          module == NULL);
    refused("truncated.pt", NULL, COVSAMP_TORCH_E_FORMAT, "no TorchScript module");
    refused("text.pt", NULL, COVSAMP_TORCH_E_FORMAT, "no TorchScript module");
    refused("empty.pt", NULL, COVSAMP_TORCH_E_FORMAT, "no TorchScript module");
    refused("state-dict.pt", NULL, COVSAMP_TORCH_E_FORMAT, "no TorchScript module");
    refused("too-many.pt", NULL, COVSAMP_TORCH_E_FORMAT, "forward takes 4 arguments");
    refused("one-argument.pt", NULL, COVSAMP_TORCH_E_FORMAT, "forward takes 1 arguments");
    refused("labels-bad.pt", NULL, COVSAMP_TORCH_E_FORMAT, "classes=many");
    refused("bad-shape.pt", NULL, COVSAMP_TORCH_E_FORMAT, "shape=2,eight");
    refused("no-shape.pt", NULL, COVSAMP_TORCH_E_SHAPE, "\"shape\"");
    refused("wrong-shape.pt", NULL, COVSAMP_TORCH_E_SHAPE, "[1, 2, 7, 8]");
    refused("wrong-output.pt", NULL, COVSAMP_TORCH_E_SHAPE, "[1, 8, 8]");
    refused("wrong-type.pt", NULL, COVSAMP_TORCH_E_SHAPE, "type int");
    refused("fails.pt", NULL, COVSAMP_TORCH_E_SHAPE,
            "the module fails on an input of shape [1, 2, 8, 8]");
    refused(NULL, NULL, COVSAMP_E_NULL, "path is NULL");
    CHECK(covsamp_torch_load(NULL, "x", NULL, message) == COVSAMP_E_NULL);
    CHECK_TEXT(message, "out is NULL");
    CHECK(covsamp_torch_load_memory(NULL, bytes, 3, NULL, message) == COVSAMP_E_NULL);
    CHECK(covsamp_torch_load_memory(&module, NULL, 3, NULL, message) == COVSAMP_E_NULL && !module);
    CHECK_TEXT(message, "covsamp_torch_load_memory: data is NULL");
    CHECK(covsamp_torch_load_memory(&module, bytes, 0, NULL, message) == COVSAMP_TORCH_E_FORMAT);
    CHECK(covsamp_torch_load_memory(&module, bytes, sizeof bytes, NULL, message) ==
          COVSAMP_TORCH_E_FORMAT);
    CHECK_TEXT(message, "covsamp_torch_load_memory: ");
}

static void options(void)
{
    static const int64_t dims[9] = {2, 8, 8, 1, 1, 1, 1, 1, 1}, large[3] = {1 << 20, 1 << 20, 2},
                         three[1] = {3};
    static const char *const absent[] = {"cuda:7", "cpu:3", "meta", "toaster", ""};
    struct {
        covsamp_torch_options known;
        double later;
    } longer;
    covsamp_torch_options o = options_of(0, 0);
    size_t i;
    covsamp_torch *older = NULL;
    o.size = offsetof(covsamp_torch_options, method) - 1;
    refused("scripted.pt", &o, COVSAMP_E_STRUCT_SIZE, "options->size");
    o.size = offsetof(covsamp_torch_options, method); /* callers of older headers have no method */
    o.method = "absent";
    CHECK(covsamp_torch_load(&older, module_path("scripted.pt"), &o, NULL) == COVSAMP_OK);
    covsamp_torch_free(older);
    o.size += 1; /* a part of it is none */
    refused("scripted.pt", &o, COVSAMP_E_STRUCT_SIZE, "options->size");
    o.method = NULL;
    o.size = (size_t)-1;
    refused("scripted.pt", &o, COVSAMP_E_STRUCT_SIZE, "options->size");
    o.size = sizeof o + 1; /* would cut a field in two */
    refused("scripted.pt", &o, COVSAMP_E_STRUCT_SIZE, "options->size");
    memset(&longer, 0, sizeof longer);
    longer.known.size = sizeof longer;
    longer.later = 1;
    refused("scripted.pt", &longer.known, COVSAMP_E_STRUCT_SIZE, "options->size");
    o = options_of(3, 0);
    refused("scripted.pt", &o, COVSAMP_E_RANGE, "dtype is 3");
    o = options_of(0, 5);
    refused("scripted.pt", &o, COVSAMP_E_RANGE, "engine is 5");
    o = options_of(0, -1);
    refused("scripted.pt", &o, COVSAMP_E_RANGE, "engine is -1");
    o = options_of(0, 0);
    o.tangent_dtype = 2;
    refused("scripted.pt", &o, COVSAMP_E_RANGE, "tangent_dtype is 2");
    o = options_of(COVSAMP_F64, 0);
    o.tangent_dtype = COVSAMP_TORCH_BF16;
    refused("scripted.pt", &o, COVSAMP_E_RANGE, "COVSAMP_F64");
    o = options_of(0, COVSAMP_TORCH_DUAL);
    o.tangent_dtype = COVSAMP_TORCH_BF16;
    refused("scripted.pt", &o, COVSAMP_E_RANGE, "with engine 1");
    o = options_of(0, 0);
    o.n_dims = 3;
    refused("scripted.pt", &o, COVSAMP_E_NULL, "dims is NULL");
    o.dims = dims;
    o.n_dims = 0;
    refused("scripted.pt", &o, COVSAMP_E_RANGE, "n_dims is 0");
    o.n_dims = 9;
    refused("scripted.pt", &o, COVSAMP_E_RANGE, "n_dims is 9");
    o.dims = large;
    o.n_dims = 3;
    refused("scripted.pt", &o, COVSAMP_E_RANGE, "dims[2] is 2");
    o.dims = three;
    o.n_dims = 1;
    refused("scripted.pt", &o, COVSAMP_TORCH_E_SHAPE,
            "the module fails on an input of shape [1, 3]");
    for (i = 0; i < sizeof absent / sizeof absent[0]; i++) {
        o = options_of(0, 0);
        o.device = absent[i];
        refused("scripted.pt", &o, COVSAMP_TORCH_E_DEVICE, absent[i]);
    }
}

static double x[4 * DIM], v[4 * DIM], mean[4 * DIM], product[4 * DIM];

static covsamp_request good(int32_t kind)
{
    covsamp_request q = request_of(kind, COVSAMP_F64, 2, DIM);
    q.x = x;
    q.v = kind == COVSAMP_ASK_MEAN ? NULL : v;
    q.mean = kind == COVSAMP_ASK_JVP ? NULL : mean;
    q.product = kind == COVSAMP_ASK_MEAN ? NULL : product;
    return q;
}

/* The answer must be this status, say `part`, and write nothing; a good request works right after
 * it. */
static void answer_is(covsamp_torch *module, const covsamp_request *q, int32_t status,
                      const char *part)
{
    covsamp_request next = good(COVSAMP_ASK_MEAN);
    int i, untouched = 1;
    for (i = 0; i < 4 * DIM; i++)
        mean[i] = product[i] = 77;
    if (!CHECK(covsamp_torch_answer(module, q) == status))
        fprintf(stderr, "    %s\n", covsamp_torch_message(module));
    CHECK_TEXT(covsamp_torch_message(module), "covsamp_torch_answer: ");
    CHECK_TEXT(covsamp_torch_message(module), part);
    CHECK(strchr(covsamp_torch_message(module), '\n') == NULL);
    for (i = 0; i < 4 * DIM; i++)
        untouched = untouched && mean[i] == 77 && product[i] == 77;
    CHECK(untouched);
    if (status != COVSAMP_TORCH_E_LABELS)
        CHECK(covsamp_torch_answer(module, &next) == COVSAMP_OK &&
              covsamp_torch_message(module)[0] == '\0');
}

#define BAD(member, value, status, part)                                                           \
    do {                                                                                           \
        covsamp_request bad = good(COVSAMP_ASK_MEAN_JVP);                                          \
        bad.member = value;                                                                        \
        answer_is(module, &bad, status, part);                                                     \
    } while (0)

static void requests(void)
{
    covsamp_torch *module = load("scripted.pt", COVSAMP_F32, COVSAMP_TORCH_AUTO);
    covsamp_request q = good(COVSAMP_ASK_MEAN);
    BAD(size, 8, COVSAMP_E_STRUCT_SIZE, "request->size is 8");
    BAD(kind, COVSAMP_ASK_NOISE, COVSAMP_E_UNSUPPORTED, "request->kind is 16");
    BAD(dtype, 9, COVSAMP_E_RANGE, "request->dtype is 9");
    BAD(batch, 0, COVSAMP_E_RANGE, "request->batch is 0");
    BAD(batch, INT64_MAX, COVSAMP_E_RANGE, "request->batch");
    BAD(batch, INT64_MAX / 32, COVSAMP_E_RANGE, "request->stride");
    BAD(dim, DIM - 1, COVSAMP_TORCH_E_SHAPE, "request->dim is 127, must be 128");
    BAD(stride, DIM - 1, COVSAMP_E_RANGE, "request->stride is 127");
    BAD(tangents, 0, COVSAMP_E_RANGE, "request->tangents is 0");
    q = good(COVSAMP_ASK_JVP);
    q.tangents = 2;
    q.tangent_stride = 1;
    answer_is(module, &q, COVSAMP_E_RANGE, "request->tangent_stride is 1");
    q = good(COVSAMP_ASK_VJP);
    answer_is(module, &q, COVSAMP_E_NULL, "request->transposed is NULL");
    q.size = offsetof(covsamp_request, transposed);
    answer_is(module, &q, COVSAMP_E_STRUCT_SIZE, "request->size is");
    BAD(branch, 8, COVSAMP_E_RANGE, "request->branch is 8");
    BAD(branch, -1, COVSAMP_E_RANGE, "request->branch is -1");
    BAD(first_sample, -1, COVSAMP_E_RANGE, "request->first_sample is -1");
    BAD(time, (double)NAN, COVSAMP_E_RANGE, "request->time");
    BAD(x, NULL, COVSAMP_E_NULL, "request->x is NULL");
    BAD(v, NULL, COVSAMP_E_NULL, "request->v is NULL");
    BAD(mean, NULL, COVSAMP_E_NULL, "request->mean is NULL");
    BAD(product, NULL, COVSAMP_E_NULL, "request->product is NULL");
    CHECK(covsamp_torch_answer(module, NULL) == COVSAMP_E_NULL);
    CHECK_TEXT(covsamp_torch_message(module), "request is NULL");
    CHECK(covsamp_torch_answer(NULL, &q) == COVSAMP_E_NULL);
    covsamp_torch_free(module);
}

static void labels(void)
{
    static const int64_t wrong[] = {0, 4}, right[] = {0, 3}, negative[] = {-1};
    covsamp_torch *module = load("labels.pt", COVSAMP_F32, COVSAMP_TORCH_AUTO);
    covsamp_request q = good(COVSAMP_ASK_MEAN);
    CHECK(covsamp_torch_set_labels(module, 0, right, 2) == COVSAMP_OK);
    CHECK(covsamp_torch_set_labels(module, 0, wrong, 2) == COVSAMP_TORCH_E_LABELS);
    CHECK_TEXT(covsamp_torch_message(module),
               "covsamp_torch_set_labels: labels[1] is 4, must be in [0, 3]");
    CHECK(covsamp_torch_set_labels(module, 0, negative, 1) == COVSAMP_TORCH_E_LABELS);
    CHECK(covsamp_torch_set_labels(module, 8, right, 2) == COVSAMP_E_RANGE);
    CHECK(covsamp_torch_set_labels(module, -1, right, 2) == COVSAMP_E_RANGE);
    CHECK(covsamp_torch_set_labels(module, 0, NULL, 2) == COVSAMP_E_NULL);
    CHECK(covsamp_torch_set_labels(module, 0, right, -2) == COVSAMP_E_RANGE);
    CHECK(covsamp_torch_set_labels(NULL, 0, right, 2) == COVSAMP_E_NULL);
    CHECK(covsamp_torch_answer(module, &q) == COVSAMP_OK); /* with the right ones still */
    covsamp_torch_free(module);
    module = load("scripted.pt", COVSAMP_F32, COVSAMP_TORCH_AUTO);
    CHECK(covsamp_torch_set_labels(module, 0, right, 2) == COVSAMP_TORCH_E_LABELS);
    CHECK_TEXT(covsamp_torch_message(module), "takes no labels");
    covsamp_torch_free(module);
    module = load("labels-needed.pt", COVSAMP_F32, COVSAMP_TORCH_AUTO);
    answer_is(module, &q, COVSAMP_TORCH_E_LABELS, "none are set for branch 0");
    CHECK(covsamp_torch_set_labels(module, 0, right, 2) == COVSAMP_OK);
    CHECK(covsamp_torch_answer(module, &q) == COVSAMP_OK);
    CHECK(covsamp_torch_set_labels(module, 0, wrong, 2) ==
          COVSAMP_OK); /* no classes, no range to check */
    CHECK(covsamp_torch_answer(module, &q) == COVSAMP_TORCH_E_EXCEPTION);
    CHECK_TEXT(covsamp_torch_message(module), "index out of range");
    covsamp_torch_free(module);
}

/* One product that must fail, by every engine, while means work; the code is `status` for AUTO and
 * DUAL. */
static void products(const char *name, int32_t dual, int32_t backward, int32_t automatic)
{
    const int32_t expected[] = {automatic, dual, backward};
    int32_t engine;
    for (engine = COVSAMP_TORCH_AUTO; engine <= COVSAMP_TORCH_DOUBLE_BACKWARD; engine++) {
        covsamp_torch *module = load(name, COVSAMP_F32, engine);
        covsamp_request q = good(COVSAMP_ASK_MEAN_JVP);
        if (expected[engine] != 0)
            answer_is(module, &q, expected[engine], "module");
        else
            CHECK(covsamp_torch_answer(module, &q) == COVSAMP_OK);
        covsamp_torch_free(module);
    }
}

static void networks(void)
{
    covsamp_torch *module = load("raises.pt", COVSAMP_F32, COVSAMP_TORCH_AUTO);
    covsamp_request q = good(COVSAMP_ASK_MEAN_JVP);
    double error = 0;
    q.time = 600;
    answer_is(module, &q, COVSAMP_TORCH_E_EXCEPTION, "this module was told to fail");
    answer_is(module, &q, COVSAMP_TORCH_E_EXCEPTION,
              "this module was told to fail"); /* no level left open */
    q.time = 400;
    CHECK(covsamp_torch_answer(module, &q) == COVSAMP_OK);
    CHECK(covsamp_torch_check(module, 600, 1, 4, &error) == COVSAMP_TORCH_E_EXCEPTION);
    CHECK(covsamp_torch_check(module, 5, 1, 3, &error) == COVSAMP_E_RANGE);
    CHECK(covsamp_torch_check(module, (double)NAN, 1, 4, &error) == COVSAMP_E_RANGE);
    CHECK(covsamp_torch_check(module, 5, 1, 4, NULL) == COVSAMP_E_NULL);
    CHECK(covsamp_torch_check(NULL, 5, 1, 4, &error) == COVSAMP_E_NULL);
    covsamp_torch_free(module);
    module = load("nan.pt", COVSAMP_F32, COVSAMP_TORCH_AUTO); /* passed on: the core says where */
    CHECK(covsamp_torch_answer(module, &q) == COVSAMP_OK && mean[0] != mean[0]);
    covsamp_torch_free(module);
    products("no-rule.pt", COVSAMP_TORCH_E_NO_RULE, 0, 0);
    products("no-second.pt", COVSAMP_TORCH_E_NO_RULE, COVSAMP_TORCH_E_NO_RULE,
             COVSAMP_TORCH_E_NO_RULE);
    products("detached.pt", COVSAMP_TORCH_E_NO_TANGENT, COVSAMP_TORCH_E_NO_TANGENT, 0);
    products("ignores-x.pt", COVSAMP_TORCH_E_NO_TANGENT, COVSAMP_TORCH_E_NO_TANGENT,
             COVSAMP_TORCH_E_NO_TANGENT);
}

static void models(void)
{
    covsamp_torch *module = load("scripted.pt", COVSAMP_F32, COVSAMP_TORCH_AUTO);
    covsamp_model model;
    memset(&model, 0, sizeof model);
    CHECK(covsamp_torch_model(module, &model) == COVSAMP_E_STRUCT_SIZE && model.mean == NULL);
    CHECK_TEXT(covsamp_torch_message(module), "model->size is 0");
    model.size = 8192;
    CHECK(covsamp_torch_model(module, &model) == COVSAMP_E_STRUCT_SIZE && model.mean == NULL);
    CHECK(covsamp_torch_model(module, NULL) == COVSAMP_E_NULL);
    CHECK(covsamp_torch_model(NULL, &model) == COVSAMP_E_NULL);
    covsamp_torch_free(module);
}

int main(int argc, char **argv)
{
    module_folder = argc > 1 ? argv[1] : ".";
    fill(x, 4 * DIM, 1);
    fill(v, 4 * DIM, 2);
    files();
    options();
    requests();
    labels();
    networks();
    models();
    return check_done();
}
