/* SPDX-License-Identifier: BSD-3-Clause */
/* Decoders and encoders: shapes, numbers against PyTorch's, gaps and types, and what is refused. */
#include "given.h"

enum { SAMPLES = 3, LATENT = 4 * 2 * 2 };

/* As make_given.py wrote them. */
static struct {
    double z[SAMPLES * LATENT], x[SAMPLES * DIM];
} given;

static int32_t open_decoder(covsamp_torch_decoder **out, const char *name, int32_t dtype,
                            char *message)
{
    covsamp_torch_options options = options_of(dtype, COVSAMP_TORCH_AUTO);
    return covsamp_torch_decoder_load(out, module_path(name), &options, message);
}

static covsamp_torch_decoder *decoder_of(const char *name, int32_t dtype)
{
    covsamp_torch_decoder *made = NULL;
    char message[COVSAMP_MESSAGE_BYTES] = "";
    if (!CHECK(open_decoder(&made, name, dtype, message) == COVSAMP_OK)) {
        fprintf(stderr, "    %s: %s\n", name, message);
        exit(1);
    }
    return made;
}

static void check_code(covsamp_torch_decoder *d, int32_t got, int32_t status, const char *part)
{
    const char *message = covsamp_torch_decoder_message(d);
    if (!CHECK(got == status))
        fprintf(stderr, "    %s, %s\n", covsamp_torch_status_name(got), message);
    CHECK_TEXT(message, part);
    CHECK((part[0] == '\0') == (message[0] == '\0') && strchr(message, '\n') == NULL);
}

static void numbers(int32_t dtype, double allowed)
{
    enum { GAP = DIM + 7, GAP_IN = LATENT + 2 };
    static float z32[SAMPLES * GAP_IN], x32[SAMPLES * GAP];
    static double x[SAMPLES * DIM];
    covsamp_torch_decoder *d = decoder_of("decoder.pt", dtype);
    int64_t dims[3] = {0};
    int b, i;
    CHECK(covsamp_torch_decoder_shape(d, dims, 3) == 3);
    CHECK(dims[0] == 2 && dims[1] == 8 && dims[2] == 8);
    CHECK(covsamp_torch_decoder_input_shape(d, dims, 3) == 3);
    CHECK(dims[0] == 4 && dims[1] == 2 && dims[2] == 2);
    CHECK_TEXT(covsamp_torch_decoder_metadata(d, "scale"), "0.5");
    check_code(d, covsamp_torch_decoder_run(d, COVSAMP_F64, given.z, LATENT, SAMPLES, x, DIM),
               COVSAMP_OK, "");
    CHECK(relative(x, given.x, SAMPLES * DIM) <= allowed);
    for (b = 0; b < SAMPLES; b++)
        for (i = 0; i < LATENT; i++)
            z32[b * GAP_IN + i] = (float)given.z[b * LATENT + i];
    x32[DIM] = 77;
    check_code(d, covsamp_torch_decoder_run(d, COVSAMP_F32, z32, GAP_IN, SAMPLES, x32, GAP),
               COVSAMP_OK, "");
    CHECK(x32[DIM] == 77);
    for (b = 0; b < SAMPLES; b++)
        for (i = 0; i < DIM; i++)
            CHECK_NEAR((double)x32[b * GAP + i], given.x[b * DIM + i], 1e-5);
    covsamp_torch_decoder_free(d);
}

/* An encoder is no different: another shape, the first of several results. */
static void encoder(void)
{
    static double z[SAMPLES * LATENT], one[LATENT];
    covsamp_torch_decoder *d = decoder_of("encoder.pt", COVSAMP_F64);
    int64_t dims[3] = {0};
    CHECK(covsamp_torch_decoder_shape(d, dims, 3) == 3 && dims[0] == 4 && dims[1] == 2);
    CHECK(covsamp_torch_decoder_run(d, COVSAMP_F64, given.x, DIM, SAMPLES, z, LATENT) ==
          COVSAMP_OK);
    CHECK(covsamp_torch_decoder_run(d, COVSAMP_F64, given.x + DIM, DIM, 1, one, LATENT) ==
          COVSAMP_OK);
    CHECK(relative(z + LATENT, one, LATENT) <= 1e-14);
    covsamp_torch_decoder_free(d);
}

/* Another method than forward, frozen and as it is in the file. */
static void methods(void)
{
    char message[COVSAMP_MESSAGE_BYTES];
    covsamp_torch_options options = options_of(COVSAMP_F64, COVSAMP_TORCH_AUTO);
    covsamp_torch_decoder *d = decoder_of("decoder-two.pt", COVSAMP_F64);
    covsamp_torch *network = NULL;
    double out[LATENT];
    int64_t dim = 0;
    CHECK(covsamp_torch_decoder_shape(d, &dim, 1) == 1 && dim == 4);
    covsamp_torch_decoder_free(d);
    options.method = "features";
    CHECK(covsamp_torch_decoder_load(&d, module_path("decoder-two.pt"), &options, message) ==
          COVSAMP_OK);
    CHECK(covsamp_torch_decoder_shape(d, &dim, 1) == 1 && dim == LATENT);
    CHECK(covsamp_torch_decoder_run(d, COVSAMP_F64, given.z, LATENT, 1, out, LATENT) == COVSAMP_OK);
    for (int i = 0; i < LATENT; i++)
        CHECK_NEAR(out[i], 3 * given.z[i], 1e-14);
    covsamp_torch_decoder_free(d);
    CHECK(covsamp_torch_decoder_load(&d, module_path("decoder.pt"), &options, message) ==
          COVSAMP_TORCH_E_FORMAT);
    CHECK_TEXT(message, "the module has no method features");
    CHECK(covsamp_torch_load(&network, module_path("scripted.pt"), &options, message) ==
          COVSAMP_E_RANGE);
    CHECK_TEXT(message, "options->method is \"features\", must be NULL");
}

#define RUN(status, part, ...)                                                                     \
    check_code(d, covsamp_torch_decoder_run(d, __VA_ARGS__), status, part)

static void refused(void)
{
    static double x[SAMPLES * DIM];
    static const int64_t other[] = {4, 3, 1};
    char message[COVSAMP_MESSAGE_BYTES];
    const double *z = given.z;
    covsamp_torch_options options = options_of(COVSAMP_F64, COVSAMP_TORCH_AUTO);
    covsamp_torch_decoder *d = decoder_of("decoder.pt", COVSAMP_F64);
    RUN(COVSAMP_E_RANGE, "covsamp_torch_decoder_run: dtype is 3", 3, z, LATENT, 1, x, DIM);
    RUN(COVSAMP_E_RANGE, "samples is -1", COVSAMP_F64, z, LATENT, -1, x, DIM);
    RUN(COVSAMP_E_RANGE, "stride is 15", COVSAMP_F64, z, LATENT - 1, 1, x, DIM);
    RUN(COVSAMP_E_RANGE, "out_stride is 127", COVSAMP_F64, z, LATENT, 1, x, DIM - 1);
    RUN(COVSAMP_E_NULL, "z is NULL", COVSAMP_F64, NULL, LATENT, 1, x, DIM);
    RUN(COVSAMP_E_NULL, "out is NULL", COVSAMP_F64, z, LATENT, 1, NULL, DIM);
    CHECK(covsamp_torch_decoder_run(NULL, COVSAMP_F64, z, LATENT, 1, x, DIM) == COVSAMP_E_NULL);
    covsamp_torch_decoder_free(d);
    d = decoder_of("decoder-changing.pt", COVSAMP_F64);
    RUN(COVSAMP_OK, "", COVSAMP_F64, z, LATENT, 1, x, DIM);
    CHECK(memcmp(x, z, LATENT * sizeof *x) == 0);
    RUN(COVSAMP_TORCH_E_SHAPE, "[3, 3, 2, 2] for 3 samples, must be samples of shape [4, 2, 2]",
        COVSAMP_F64, z, LATENT, 3, x, DIM);
    covsamp_torch_decoder_free(d);
    CHECK(open_decoder(&d, "scripted.pt", 0, message) == COVSAMP_TORCH_E_FORMAT && d == NULL);
    CHECK_TEXT(message, "forward takes 2 arguments, must be forward(z) of a tensor");
    CHECK(open_decoder(&d, "absent.pt", 0, message) == COVSAMP_TORCH_E_FILE && d == NULL);
    CHECK(covsamp_torch_decoder_load(NULL, "x", NULL, message) == COVSAMP_E_NULL);
    CHECK(covsamp_torch_decoder_load(&d, NULL, NULL, message) == COVSAMP_E_NULL && d == NULL);
    CHECK(covsamp_torch_decoder_load_memory(&d, message, 3, NULL, message) ==
          COVSAMP_TORCH_E_FORMAT);
    options.dims = other;
    options.n_dims = 3;
    CHECK(covsamp_torch_decoder_load(&d, module_path("decoder.pt"), &options, message) ==
          COVSAMP_OK);
    covsamp_torch_decoder_free(d);
    options.n_dims = 1;
    CHECK(covsamp_torch_decoder_load(&d, module_path("decoder.pt"), &options, message) ==
          COVSAMP_TORCH_E_SHAPE);
    CHECK_TEXT(message, "the module fails on an input of shape [1, 4]");
    covsamp_torch_decoder_free(NULL);
    CHECK(covsamp_torch_decoder_shape(NULL, NULL, 0) == 0);
    CHECK(covsamp_torch_decoder_message(NULL)[0] == '\0');
}

/* Not floating point, or not a tensor of samples. */
static void outputs(void)
{
    char message[COVSAMP_MESSAGE_BYTES];
    covsamp_torch_decoder *d = decoder_of("decoder-flat.pt", COVSAMP_F32);
    int64_t dim = 0;
    CHECK(covsamp_torch_decoder_shape(d, &dim, 1) == 1 && dim == LATENT); /* flattened: fine */
    covsamp_torch_decoder_free(d);
    CHECK(open_decoder(&d, "decoder-places.pt", 0, message) == COVSAMP_TORCH_E_SHAPE && d == NULL);
    CHECK_TEXT(message, "of shape [1, 2, 2] and type Long for 1 samples, must be floating point");
    CHECK(open_decoder(&d, "decoder-sum.pt", 0, message) == COVSAMP_TORCH_E_SHAPE && d == NULL);
}

int main(int argc, char **argv)
{
    module_folder = argc > 1 ? argv[1] : ".";
    read_numbers("decoder.numbers", (double *)&given, sizeof given / sizeof(double));
    numbers(COVSAMP_F64, 1e-12);
    numbers(COVSAMP_F32, 2e-6);
    encoder();
    methods();
    refused();
    outputs();
    return check_done();
}
