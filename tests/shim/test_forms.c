/* SPDX-License-Identifier: BSD-3-Clause */
/* Forms of a module and of a request that must not matter: file or bytes, labels frozen or traced,
 * both answers at once or one by one, attention by its fused kernel, a file that is cut anywhere.
 */
#define _POSIX_C_SOURCE 200809L
#include "shim.h"

#include <unistd.h>

enum { BATCH = 2, TANGENTS = 3, LARGEST = 1 << 20 };

static double x[BATCH * DIM], v[TANGENTS * BATCH * DIM];

static covsamp_request request(int32_t kind, double *mean, double *product, int64_t tangents)
{
    covsamp_request q = request_of(kind, COVSAMP_F64, BATCH, DIM);
    q.x = x;
    q.v = product ? v : NULL;
    q.tangents = tangents;
    q.mean = mean;
    q.product = product;
    return q;
}

/* The bytes of a file; how many there are. */
static size_t read_file(const char *name, char *bytes)
{
    FILE *file = fopen(module_path(name), "rb");
    size_t count = 0;
    if (CHECK(file != NULL)) {
        count = fread(bytes, 1, LARGEST, file);
        fclose(file);
    }
    CHECK(count > 0 && count < LARGEST);
    return count;
}

/* Means and products of both, bit for bit. */
static void same_bits(covsamp_torch *a, covsamp_torch *b)
{
    static double mean[2][BATCH * DIM], product[2][BATCH * DIM];
    covsamp_torch *modules[2];
    int i;
    modules[0] = a;
    modules[1] = b;
    for (i = 0; i < 2; i++) {
        covsamp_request q = request(COVSAMP_ASK_MEAN_JVP, mean[i], product[i], 1);
        CHECK(covsamp_torch_answer(modules[i], &q) == COVSAMP_OK);
    }
    CHECK(memcmp(mean[0], mean[1], sizeof mean[0]) == 0);
    CHECK(memcmp(product[0], product[1], sizeof product[0]) == 0);
}

static void from_memory(void)
{
    static const char *const names[] = {"scripted.pt", "frozen.pt", "labels.pt"};
    static char bytes[LARGEST];
    size_t i;
    for (i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t count = read_file(names[i], bytes);
        covsamp_torch *file = load(names[i], COVSAMP_F32, COVSAMP_TORCH_AUTO), *memory = NULL;
        CHECK(covsamp_torch_load_memory(&memory, bytes, count, NULL, NULL) == COVSAMP_OK);
        memset(bytes, 0, sizeof bytes); /* they may be released */
        if (memory != NULL) {
            same_bits(file, memory);
            CHECK_TEXT(covsamp_torch_metadata(memory, "prediction"), "noise");
        }
        covsamp_torch_free(file);
        covsamp_torch_free(memory);
    }
}

/* A file cut at any place fails to load, cleanly. */
static void cut(void)
{
    static char bytes[LARGEST];
    size_t count = read_file("raises.pt", bytes), i;
    char message[COVSAMP_MESSAGE_BYTES];
    for (i = 0; i < 64; i++) {
        covsamp_torch *module = (covsamp_torch *)&module;
        size_t length = i < 8 ? i : i * count / 64;
        CHECK(covsamp_torch_load_memory(&module, bytes, length, NULL, message) ==
              COVSAMP_TORCH_E_FORMAT);
        CHECK(module == NULL && strchr(message, '\n') == NULL);
    }
}

/* MEAN_JVP is MEAN and JVP, and several tangents are one and one; to the bit with dual numbers. */
static void one_by_one(const char *name, int32_t dtype, int32_t engine)
{
    static double mean[2][BATCH * DIM], product[TANGENTS * BATCH * DIM], single[BATCH * DIM];
    covsamp_torch *module = load(name, dtype, engine);
    covsamp_request q = request(COVSAMP_ASK_MEAN_JVP, mean[0], product, TANGENTS);
    double close = dtype == COVSAMP_F64 ? 1e-13 : 1e-6;
    int k, same = 1;
    CHECK(covsamp_torch_answer(module, &q) == COVSAMP_OK);
    q = request(COVSAMP_ASK_MEAN, mean[1], NULL, 0);
    CHECK(covsamp_torch_answer(module, &q) == COVSAMP_OK);
    CHECK(relative(mean[0], mean[1], BATCH * DIM) <= close);
    for (k = 0; k < TANGENTS; k++) {
        q = request(COVSAMP_ASK_JVP, NULL, single, 1);
        q.v = v + k * BATCH * DIM;
        CHECK(covsamp_torch_answer(module, &q) == COVSAMP_OK);
        same = same && memcmp(single, product + k * BATCH * DIM, sizeof single) == 0;
        CHECK(relative(single, product + k * BATCH * DIM, BATCH * DIM) <= close);
    }
    CHECK(same || engine != COVSAMP_TORCH_DUAL);
    covsamp_torch_free(module);
}

/* Right products, whichever engine it takes. */
static void right(const char *name, int32_t engine)
{
    int32_t dtype;
    for (dtype = COVSAMP_F32; dtype <= COVSAMP_F64; dtype++) {
        covsamp_torch *module = load(name, dtype, COVSAMP_TORCH_AUTO);
        double error = 1;
        CHECK(covsamp_torch_engine(module) == engine);
        CHECK(covsamp_torch_check(module, 300, 9, 6, &error) == COVSAMP_OK);
        CHECK(error < 1e-5);
        printf("%s: engine %d, check %.2g\n", name, (int)covsamp_torch_engine(module), error);
        covsamp_torch_free(module);
    }
}

/* Prepared for inference: cannot be loaded by some versions of libtorch, runs with others. */
static void optimised(void)
{
    covsamp_torch *module = NULL;
    char message[COVSAMP_MESSAGE_BYTES] = "";
    int32_t status = covsamp_torch_load(&module, module_path("optimised.pt"), NULL, message);
    printf("optimised.pt: %s %s\n", covsamp_torch_status_name(status), message);
    if (status == COVSAMP_OK) {
        double error = 1;
        CHECK(covsamp_torch_check(module, 300, 9, 4, &error) != COVSAMP_OK || error < 1e-5);
    } else {
        CHECK(status == COVSAMP_TORCH_E_FORMAT || status == COVSAMP_TORCH_E_SHAPE);
        CHECK(module == NULL && strchr(message, '\n') == NULL);
        CHECK_TEXT(message, "covsamp_torch_load: ");
    }
    covsamp_torch_free(module);
}

/* What reaches standard output and error while a module warns. */
static long printed_by(covsamp_torch *module)
{
    static double mean[BATCH * DIM], product[BATCH * DIM];
    covsamp_request q = request(COVSAMP_ASK_MEAN_JVP, mean, product, 1);
    FILE *file = tmpfile();
    int saved[2], i;
    int32_t status = COVSAMP_OK;
    long bytes;
    if (!CHECK(file != NULL))
        return -1;
    fflush(stdout);
    for (i = 0; i < 2; i++) {
        saved[i] = dup(i + 1);
        dup2(fileno(file), i + 1);
    }
    for (i = 0; i < 3; i++)
        status = status == COVSAMP_OK ? covsamp_torch_answer(module, &q) : status;
    fflush(stdout);
    for (i = 0; i < 2; i++) {
        dup2(saved[i], i + 1);
        close(saved[i]);
    }
    CHECK(status == COVSAMP_OK);
    fseek(file, 0, SEEK_END);
    bytes = ftell(file);
    fclose(file);
    return bytes;
}

static void silence(void)
{
    covsamp_torch *module = load("warns.pt", COVSAMP_F32, COVSAMP_TORCH_AUTO);
    CHECK(printed_by(module) == 0);
    covsamp_torch_free(module);
}

int main(int argc, char **argv)
{
    module_folder = argc > 1 ? argv[1] : ".";
    fill(x, BATCH * DIM, 1);
    fill(v, TANGENTS * BATCH * DIM, 2);
    from_memory();
    cut();
    one_by_one("scripted.pt", COVSAMP_F64, COVSAMP_TORCH_DUAL);
    one_by_one("labels.pt", COVSAMP_F32, COVSAMP_TORCH_DUAL);
    one_by_one("frozen.pt", COVSAMP_F64, COVSAMP_TORCH_DOUBLE_BACKWARD);
    right("labels-traced.pt", COVSAMP_TORCH_LINEARISED);
    right("labels-frozen.pt", COVSAMP_TORCH_LINEARISED);
    right("multihead.pt", COVSAMP_TORCH_DOUBLE_BACKWARD);
    optimised();
    silence();
    return check_done();
}
