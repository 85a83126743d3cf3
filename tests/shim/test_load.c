/* SPDX-License-Identifier: BSD-3-Clause */
/* Loading: files and bytes, metadata, shapes, types, labels, the engine chosen, the model's
 * callbacks. */
#include "shim.h"

static void names(void)
{
    int32_t code;
    CHECK(covsamp_torch_version_number() == COVSAMP_VERSION_NUMBER);
    CHECK(strcmp(covsamp_torch_status_name(COVSAMP_TORCH_E_FILE), "COVSAMP_TORCH_E_FILE") == 0);
    CHECK(strcmp(covsamp_torch_status_name(COVSAMP_E_RANGE), "COVSAMP_E_RANGE") == 0);
    CHECK(strcmp(covsamp_torch_status_name(-999), "COVSAMP_E_UNKNOWN") == 0);
    for (code = COVSAMP_TORCH_E_LABELS; code <= COVSAMP_TORCH_E_FILE; code++)
        CHECK(strncmp(covsamp_torch_status_name(code), "COVSAMP_TORCH_E_", 16) == 0 &&
              strlen(covsamp_torch_status_text(code)) > 10);
}

static void metadata(void)
{
    covsamp_torch *module = load("labels.pt", COVSAMP_F32, COVSAMP_TORCH_AUTO);
    int64_t dims[3] = {7, 7, 7};
    CHECK(strcmp(covsamp_torch_metadata(module, "prediction"), "noise") == 0);
    CHECK(strcmp(covsamp_torch_metadata(module, "classes"), "3") == 0);
    CHECK(strcmp(covsamp_torch_metadata(module, "key with blanks"), "a value = with more") == 0);
    CHECK(covsamp_torch_metadata(module, "nothing") == NULL);
    CHECK(covsamp_torch_metadata(module, NULL) == NULL);
    CHECK(covsamp_torch_metadata(NULL, "prediction") == NULL);
    CHECK(covsamp_torch_shape(module, NULL, 0) == 3);
    CHECK(covsamp_torch_shape(module, dims, 2) == 3 && dims[0] == 2 && dims[1] == 8 &&
          dims[2] == 7);
    CHECK(covsamp_torch_shape(module, dims, 3) == 3 && dims[2] == 8);
    CHECK(covsamp_torch_shape(NULL, dims, 3) == 0);
    CHECK(covsamp_torch_engine(module) == COVSAMP_TORCH_LINEARISED &&
          covsamp_torch_engine(NULL) == 0);
    CHECK(covsamp_torch_message(module)[0] == '\0' && covsamp_torch_message(NULL)[0] == '\0');
    covsamp_torch_free(module);
    covsamp_torch_free(NULL);
}

/* dims in the options, a longer struct with zeros in its tail, and the bytes of a file. */
static void options(void)
{
    static const int64_t dims[] = {2, 8, 8};
    struct {
        covsamp_torch_options known;
        double later;
    } longer;
    covsamp_torch *module = NULL;
    static char bytes[1 << 20];
    size_t count = 0;
    FILE *file = fopen(module_path("no-shape.pt"), "rb");
    if (CHECK(file != NULL)) {
        count = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
    }
    memset(&longer, 0, sizeof longer);
    longer.known.size = sizeof longer;
    longer.known.device = "cpu";
    longer.known.dims = dims;
    longer.known.n_dims = 3;
    CHECK(covsamp_torch_load(&module, module_path("no-shape.pt"), &longer.known, NULL) ==
          COVSAMP_OK);
    covsamp_torch_free(module);
    CHECK(count > 1000 && count < sizeof bytes);
    CHECK(covsamp_torch_load_memory(&module, bytes, count, &longer.known, NULL) == COVSAMP_OK);
    memset(bytes, 0, sizeof bytes);
    if (module) {
        double error = 1;
        CHECK(covsamp_torch_check(module, 10, 1, 4, &error) == COVSAMP_OK && error < 1e-5);
    }
    covsamp_torch_free(module);
}

/* Whether the bytes are refused for a checksum once byte `at` is another. */
static void damaged(char *bytes, size_t count, size_t at)
{
    char message[COVSAMP_MESSAGE_BYTES] = "";
    covsamp_torch *module = NULL;
    bytes[at] ^= 1;
    CHECK(covsamp_torch_load_memory(&module, bytes, count, NULL, message) ==
          COVSAMP_TORCH_E_FORMAT);
    CHECK(module == NULL);
    CHECK_TEXT(message, "does not fit its checksum");
    bytes[at] ^= 1;
    covsamp_torch_free(module);
}

/* Where in the bytes a record's data begins. */
static size_t record(const char *bytes, size_t count, const char *name)
{
    const size_t length = strlen(name);
    for (size_t at = 0; at + 30 + length < count; at++) {
        const unsigned char *p = (const unsigned char *)bytes + at;
        const size_t named = p[26] + 256u * p[27], extra = p[28] + 256u * p[29];
        if (memcmp(p, "PK\3\4", 4) == 0 && named > length && at + 30 + named + extra < count &&
            memcmp(p + 30 + named - length, name, length) == 0)
            return at + 30 + named + extra;
    }
    CHECK(!"the record is there");
    return 0;
}

/* One bit that fell over, in a weight and in code that is compressed: libtorch loads the first. */
static void checksums(void)
{
    static char bytes[1 << 20];
    covsamp_torch *module = NULL;
    size_t count = 0;
    FILE *file = fopen(module_path("scripted.pt"), "rb");
    if (CHECK(file != NULL)) {
        count = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
    }
    damaged(bytes, count, record(bytes, count, "/data/2") + 100);
    damaged(bytes, count, record(bytes, count, ".py") + 60);
    CHECK(covsamp_torch_load_memory(&module, bytes, count, NULL, NULL) == COVSAMP_OK);
    covsamp_torch_free(module);
}

/* A mean of type `dtype` of a request, from a module of the same type. */
static void mean_of(covsamp_torch *module, int32_t dtype, int32_t branch, int64_t first,
                    int64_t batch, double *out)
{
    static double x[4 * DIM];
    static float x32[4 * DIM], mean32[4 * DIM];
    covsamp_request q = request_of(COVSAMP_ASK_MEAN, dtype, batch, DIM);
    int64_t i;
    fill(x, DIM, 3);
    for (i = 0; i < batch * DIM; i++)
        x32[i] = (float)(x[i] = x[i % DIM]);
    q.x = dtype == COVSAMP_F64 ? (void *)x : (void *)x32;
    q.mean = dtype == COVSAMP_F64 ? (void *)out : (void *)mean32;
    q.branch = branch;
    q.first_sample = first;
    CHECK(covsamp_torch_answer(module, &q) == COVSAMP_OK);
    for (i = 0; dtype != COVSAMP_F64 && i < batch * DIM; i++)
        out[i] = (double)mean32[i];
}

/* The same numbers from every form of one network, in both types, from requests of both types. */
static void same_network(void)
{
    static const char *const forms[] = {"scripted.pt", "traced.pt", "frozen.pt", "double.pt"};
    static double reference[DIM], mean[DIM];
    covsamp_torch *module = load("scripted.pt", COVSAMP_F64, COVSAMP_TORCH_AUTO);
    size_t i;
    mean_of(module, COVSAMP_F64, 0, 0, 1, reference);
    mean_of(module, COVSAMP_F32, 0, 0, 1, mean);
    CHECK(relative(mean, reference, DIM) < 1e-6 && relative(mean, reference, DIM) > 0);
    covsamp_torch_free(module);
    for (i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        module = load(forms[i], COVSAMP_F64, COVSAMP_TORCH_AUTO);
        mean_of(module, COVSAMP_F64, 0, 0, 1, mean);
        CHECK(relative(mean, reference, DIM) <
              1e-7); /* the embedding's rates stay rounded to float */
        covsamp_torch_free(module);
        module = load(forms[i], COVSAMP_F32, COVSAMP_TORCH_AUTO);
        mean_of(module, COVSAMP_F64, 0, 0, 1, mean);
        CHECK(relative(mean, reference, DIM) < 1e-5);
        covsamp_torch_free(module);
    }
}

static void labels(void)
{
    static const int64_t set[] = {0, 1, 2};
    static double plain[2 * DIM], one[2 * DIM], two[2 * DIM];
    static const int64_t none[] = {3};
    covsamp_torch *module = load("labels.pt", COVSAMP_F64, COVSAMP_TORCH_AUTO);
    mean_of(module, COVSAMP_F64, 0, 0, 2, plain); /* the metadata's "no class" */
    CHECK(covsamp_torch_set_labels(module, 0, none, 1) == COVSAMP_OK);
    mean_of(module, COVSAMP_F64, 0, 0, 2, one);
    CHECK(memcmp(plain, one, sizeof one) == 0);
    CHECK(covsamp_torch_set_labels(module, 0, set, 3) == COVSAMP_OK);
    CHECK(covsamp_torch_set_labels(module, 7, set + 1, 1) == COVSAMP_OK);
    mean_of(module, COVSAMP_F64, 0, 5, 2, one); /* labels 2, 0 */
    mean_of(module, COVSAMP_F64, 0, 0, 1, two); /* label 0, alone */
    CHECK_NEAR(relative(one + DIM, two, DIM), 0, 1e-13);
    CHECK(relative(one, plain, DIM) > 1e-3 && relative(one, one + DIM, DIM) > 1e-3);
    mean_of(module, COVSAMP_F64, 7, INT64_MAX, 1, two); /* label 1 */
    mean_of(module, COVSAMP_F64, 0, 1, 1, one);
    CHECK(memcmp(one, two, DIM * sizeof one[0]) == 0);
    mean_of(module, COVSAMP_F64, 1, 0, 2, one); /* a branch without labels */
    CHECK(memcmp(plain, one, sizeof one) == 0);
    CHECK(covsamp_torch_set_labels(module, 0, NULL, 0) == COVSAMP_OK);
    mean_of(module, COVSAMP_F64, 0, 0, 2, one);
    CHECK(memcmp(plain, one, sizeof one) == 0);
    covsamp_torch_free(module);
    module = load("labels-maybe.pt", COVSAMP_F64, COVSAMP_TORCH_AUTO); /* None until some are set */
    mean_of(module, COVSAMP_F64, 0, 0, 2, plain);
    CHECK(covsamp_torch_set_labels(module, 0, set, 3) == COVSAMP_OK);
    mean_of(module, COVSAMP_F64, 0, 0, 2, one);
    CHECK(relative(one, plain, 2 * DIM) > 1e-3);
    covsamp_torch_free(module);
}

static void model(void)
{
    covsamp_torch *module = load("scripted.pt", COVSAMP_F32, COVSAMP_TORCH_AUTO);
    covsamp_model filled;
    int mark = 0;
    memset(&filled, 0, sizeof filled);
    filled.size = sizeof filled;
    filled.progress_user = &mark;
    CHECK(covsamp_torch_model(module, &filled) == COVSAMP_OK);
    CHECK(filled.model_user == module && filled.mean == covsamp_torch_answer &&
          filled.jvp == covsamp_torch_answer && filled.mean_jvp == covsamp_torch_answer);
    CHECK(filled.noise == NULL && filled.progress == NULL && filled.progress_user == &mark);
    covsamp_torch_free(module);
}

int main(int argc, char **argv)
{
    module_folder = argc > 1 ? argv[1] : ".";
    names();
    metadata();
    options();
    checksums();
    same_network();
    labels();
    model();
    return check_done();
}
