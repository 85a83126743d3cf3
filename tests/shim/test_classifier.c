/* SPDX-License-Identifier: BSD-3-Clause */
/* Classifiers: gradients against PyTorch's and against central differences of the logits in double
 * precision, in both types, among threads; and what is refused. */
#include "judging.h"

#include <pthread.h>

enum { BATCH = 4, SIZE = BATCH * DIM, CLASSES = 3, LOGITS = BATCH * CLASSES };

/* As make_given.py wrote them, at time 250 for these labels. */
static struct {
    double x[SIZE], logits[LOGITS], gradient[SIZE];
} given;
static const int64_t labels[BATCH] = {1, 2, 0, 1};
static const double given_time = 250;

static int32_t open_classifier(covsamp_torch_classifier **out, const char *name, int32_t dtype,
                               char *message)
{
    covsamp_torch_options options = options_of(dtype, COVSAMP_TORCH_AUTO);
    return covsamp_torch_classifier_load(out, module_path(name), &options, message);
}

static covsamp_torch_classifier *classifier_of(const char *name, int32_t dtype)
{
    covsamp_torch_classifier *made = NULL;
    char message[COVSAMP_MESSAGE_BYTES] = "";
    if (!CHECK(open_classifier(&made, name, dtype, message) == COVSAMP_OK)) {
        fprintf(stderr, "    %s: %s\n", name, message);
        exit(1);
    }
    CHECK(message[0] == '\0');
    CHECK(covsamp_torch_classifier_set_labels(made, labels, BATCH) == COVSAMP_OK);
    return made;
}

static covsamp_request ask(double *gradient)
{
    covsamp_request q = request_of(COVSAMP_ASK_GUIDE, COVSAMP_F64, BATCH, DIM);
    q.time = given_time;
    q.x = given.x;
    q.gradient = gradient;
    return q;
}

static void against_pytorch(const char *name, int32_t dtype, double allowed)
{
    static double gradient[SIZE], logits[LOGITS + 2 * BATCH];
    covsamp_torch_classifier *c = classifier_of(name, dtype);
    covsamp_request q = ask(gradient);
    int64_t dims[3] = {0};
    int b;
    q.first_sample = 5 * BATCH;
    CHECK(covsamp_torch_classifier_classes(c) == CLASSES);
    CHECK(covsamp_torch_classifier_shape(c, dims, 3) == 3 && dims[0] == 2 && dims[2] == 8);
    CHECK_TEXT(covsamp_torch_classifier_metadata(c, "branch"), "training");
    CHECK(covsamp_torch_classifier_metadata(c, "absent") == NULL);
    check_code(c, covsamp_torch_classifier_answer(c, &q), COVSAMP_OK, "");
    CHECK(relative(gradient, given.gradient, SIZE) <= allowed);
    printf("%s, %s: %.1e from PyTorch's gradient\n", name, dtype == COVSAMP_F32 ? "f32" : "f64",
           relative(gradient, given.gradient, SIZE));
    for (b = BATCH - 1; b >= 0; b--) { /* labels follow the number of a sample */
        q = ask(gradient);
        q.batch = 1;
        q.first_sample = BATCH + b;
        q.x = given.x + b * DIM;
        CHECK(covsamp_torch_classifier_answer(c, &q) == COVSAMP_OK);
        CHECK(relative(gradient, given.gradient + b * DIM, DIM) <= allowed);
    }
    logits[CLASSES] = 77;
    check_code(c,
               covsamp_torch_classifier_logits(c, COVSAMP_F64, given.x, DIM, BATCH, given_time,
                                               logits, CLASSES + 1),
               COVSAMP_OK, "");
    CHECK(logits[CLASSES] == 77);
    for (b = 0; b < LOGITS; b++)
        CHECK_NEAR(logits[b / CLASSES * (CLASSES + 1) + b % CLASSES], given.logits[b],
                   10 * allowed);
    covsamp_torch_classifier_free(c);
}

/* log softmax(logits)[label] of every sample. */
static void log_probabilities(covsamp_torch_classifier *c, const double *x, double time,
                              double *out)
{
    double logits[LOGITS];
    int b;
    CHECK(covsamp_torch_classifier_logits(c, COVSAMP_F64, x, DIM, BATCH, time, logits, CLASSES) ==
          COVSAMP_OK);
    for (b = 0; b < BATCH; b++)
        out[b] = log_softmax(logits + b * CLASSES, CLASSES, labels[b]);
}

/* Along random directions, sample by sample. */
static void against_differences(const char *name)
{
    static double gradient[SIZE], v[SIZE], moved[2][SIZE];
    const double h = 1e-5;
    covsamp_torch_classifier *c = classifier_of(name, COVSAMP_F64);
    double worst = 0, above[BATCH], below[BATCH];
    int b, i, trial;
    for (trial = 0; trial < 4; trial++) {
        covsamp_request q = ask(gradient);
        q.time = 100 + 200 * trial;
        CHECK(covsamp_torch_classifier_answer(c, &q) == COVSAMP_OK);
        fill(v, SIZE, 40 + (unsigned)trial);
        for (i = 0; i < SIZE; i++) {
            moved[0][i] = given.x[i] + h * v[i];
            moved[1][i] = given.x[i] - h * v[i];
        }
        log_probabilities(c, moved[0], q.time, above);
        log_probabilities(c, moved[1], q.time, below);
        for (b = 0; b < BATCH; b++) {
            double inner = 0, difference = (above[b] - below[b]) / (2 * h), size = 0;
            for (i = b * DIM; i < (b + 1) * DIM; i++) {
                inner += gradient[i] * v[i];
                size += gradient[i] * gradient[i];
            }
            CHECK(size > 0);
            worst = fmax(worst, fabs(inner - difference) / sqrt(size));
        }
    }
    printf("%s: %.1e |g| from central differences\n", name, worst);
    CHECK(worst <= 1e-8); /* rounding 1e-16 / h, and h^2 */
    covsamp_torch_classifier_free(c);
}

/* A batch in single precision with gaps, and bytes in place of a file. */
static void layouts(void)
{
    enum { GAP = DIM + 3 };
    static float x[BATCH * GAP], gradient[BATCH * GAP];
    static char bytes[1 << 16];
    covsamp_torch_classifier *c = NULL;
    covsamp_torch_options options = options_of(COVSAMP_F64, COVSAMP_TORCH_AUTO);
    covsamp_model model;
    covsamp_request q = ask(NULL);
    FILE *file = fopen(module_path("classifier.pt"), "rb");
    size_t count = file ? fread(bytes, 1, sizeof bytes, file) : 0;
    int b, i;
    if (file)
        fclose(file);
    CHECK(covsamp_torch_classifier_load_memory(&c, bytes, count, &options, NULL) == COVSAMP_OK);
    memset(bytes, 0, sizeof bytes);
    CHECK(covsamp_torch_classifier_set_labels(c, labels, BATCH) == COVSAMP_OK);
    for (b = 0; b < BATCH; b++)
        for (i = 0; i < DIM; i++)
            x[b * GAP + i] = (float)given.x[b * DIM + i];
    gradient[DIM] = 77;
    q.dtype = COVSAMP_F32;
    q.stride = GAP;
    q.x = x;
    q.gradient = gradient;
    memset(&model, 0, sizeof model);
    model.size = sizeof model;
    check_code(c, covsamp_torch_classifier_guide(c, &model), COVSAMP_OK, "");
    CHECK(model.guide == covsamp_torch_classifier_answer && model.guide_user == c);
    CHECK(model.mean == NULL && model.model_user == NULL && model.noise == NULL);
    CHECK(model.guide(model.guide_user, &q) == COVSAMP_OK);
    for (b = 0; b < BATCH; b++)
        for (i = 0; i < DIM; i++)
            CHECK_NEAR((double)gradient[b * GAP + i], given.gradient[b * DIM + i], 1e-6);
    CHECK(gradient[DIM] == 77);
    covsamp_torch_classifier_free(c);
}

typedef struct job {
    covsamp_torch_classifier *classifier;
    double gradient[SIZE];
    int fine;
} job;

static void *work(void *user)
{
    static const int rounds = 50;
    job *mine = user;
    covsamp_request q = ask(mine->gradient);
    int i;
    mine->fine = 1;
    for (i = 0; i < rounds; i++)
        mine->fine = mine->fine &&
                     covsamp_torch_classifier_answer(mine->classifier, &q) == COVSAMP_OK &&
                     relative(mine->gradient, given.gradient, SIZE) < 1e-12;
    return NULL;
}

/* Several handles at once, made in this thread: the numbers are those of one. */
static void threads(void)
{
    static job jobs[3];
    pthread_t thread[3];
    int i;
    for (i = 0; i < 3; i++)
        jobs[i].classifier = classifier_of("classifier.pt", COVSAMP_F64);
    for (i = 0; i < 3; i++)
        CHECK(pthread_create(&thread[i], NULL, work, &jobs[i]) == 0);
    for (i = 0; i < 3; i++) {
        pthread_join(thread[i], NULL);
        CHECK(jobs[i].fine);
        CHECK(memcmp(jobs[i].gradient, jobs[0].gradient, sizeof jobs[0].gradient) == 0);
        covsamp_torch_classifier_free(jobs[i].classifier);
    }
}

static void files(void)
{
    static const struct {
        const char *name, *part;
        int32_t status;
    } bad[] = {{"classifier-other.pt",
                "[1, 3] and type Float for 1 samples, must be floating-point "
                "logits of shape [n, classes] with 4 classes",
                COVSAMP_TORCH_E_SHAPE},
               {"classifier-flat.pt", "is of shape [1]", COVSAMP_TORCH_E_SHAPE},
               {"labels-needed.pt",
                "forward takes 3 arguments, must be forward(x, t) or forward(x)",
                COVSAMP_TORCH_E_FORMAT},
               {"absent.pt", "covsamp_torch_classifier_load: path is", COVSAMP_TORCH_E_FILE},
               {"text.pt", "no TorchScript module", COVSAMP_TORCH_E_FORMAT},
               {"no-shape.pt", "\"shape\"", COVSAMP_TORCH_E_SHAPE}};
    char message[COVSAMP_MESSAGE_BYTES];
    covsamp_torch_classifier *c;
    size_t i;
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        c = (covsamp_torch_classifier *)&c;
        if (!CHECK(open_classifier(&c, bad[i].name, 0, message) == bad[i].status))
            fprintf(stderr, "    %s: %s\n", bad[i].name, message);
        CHECK(c == NULL && strchr(message, '\n') == NULL);
        CHECK_TEXT(message, bad[i].part);
    }
    CHECK(open_classifier(&c, "classifier.pt", 7, message) == COVSAMP_E_RANGE && c == NULL);
    CHECK(open_classifier(NULL, "classifier.pt", 0, message) == COVSAMP_E_NULL);
    CHECK(covsamp_torch_classifier_load(&c, NULL, NULL, message) == COVSAMP_E_NULL);
    CHECK(covsamp_torch_classifier_load_memory(&c, NULL, 1, NULL, message) == COVSAMP_E_NULL);
    CHECK_TEXT(message, "covsamp_torch_classifier_load_memory: data is NULL");
    covsamp_torch_classifier_free(NULL);
    CHECK(covsamp_torch_classifier_classes(NULL) == 0);
    CHECK(covsamp_torch_classifier_message(NULL)[0] == '\0');
    CHECK(covsamp_torch_classifier_shape(NULL, NULL, 0) == 0);
    CHECK(covsamp_torch_classifier_metadata(NULL, "shape") == NULL);
}

#define BAD(member, value, status, part)                                                           \
    do {                                                                                           \
        covsamp_request bad = ask(gradient);                                                       \
        bad.member = value;                                                                        \
        gradient[0] = 77;                                                                          \
        check_code(c, covsamp_torch_classifier_answer(c, &bad), status, part);                     \
        CHECK(gradient[0] == 77);                                                                  \
    } while (0)

static void requests(void)
{
    static double gradient[SIZE];
    static const int64_t high[] = {0, 3}, low[] = {-1};
    covsamp_torch_classifier *c = classifier_of("classifier.pt", COVSAMP_F64);
    covsamp_request q = ask(gradient);
    covsamp_model model;
    BAD(size, offsetof(covsamp_request, gradient), COVSAMP_E_STRUCT_SIZE, "request->size is");
    BAD(kind, COVSAMP_ASK_MEAN, COVSAMP_E_UNSUPPORTED, "request->kind is 1, must be a gradient");
    BAD(dtype, 0, COVSAMP_E_RANGE, "request->dtype is 0");
    BAD(batch, 0, COVSAMP_E_RANGE, "request->batch is 0");
    BAD(dim, DIM + 1, COVSAMP_TORCH_E_SHAPE, "request->dim is 129, must be 128");
    BAD(stride, DIM - 1, COVSAMP_E_RANGE, "request->stride is 127");
    BAD(first_sample, -1, COVSAMP_E_RANGE, "request->first_sample is -1");
    BAD(time, (double)INFINITY, COVSAMP_E_RANGE, "request->time");
    BAD(x, NULL, COVSAMP_E_NULL, "request->x is NULL");
    BAD(gradient, NULL, COVSAMP_E_NULL, "request->gradient is NULL");
    check_code(c, covsamp_torch_classifier_answer(c, NULL), COVSAMP_E_NULL, "request is NULL");
    CHECK(covsamp_torch_classifier_answer(NULL, &q) == COVSAMP_E_NULL);
    check_code(c, covsamp_torch_classifier_set_labels(c, high, 2), COVSAMP_TORCH_E_LABELS,
               "covsamp_torch_classifier_set_labels: labels[1] is 3, must be in [0, 2]");
    check_code(c, covsamp_torch_classifier_set_labels(c, low, 1), COVSAMP_TORCH_E_LABELS, "-1");
    check_code(c, covsamp_torch_classifier_set_labels(c, NULL, 1), COVSAMP_E_NULL, "labels is");
    check_code(c, covsamp_torch_classifier_set_labels(c, low, -1), COVSAMP_E_RANGE, "count is -1");
    check_code(c, covsamp_torch_classifier_answer(c, &q), COVSAMP_OK, ""); /* the old ones stay */
    CHECK(relative(gradient, given.gradient, SIZE) <= 1e-12);
    check_code(c, covsamp_torch_classifier_set_labels(c, NULL, 0), COVSAMP_OK, "");
    check_code(c, covsamp_torch_classifier_answer(c, &q), COVSAMP_TORCH_E_LABELS,
               "no labels are set");
    memset(&model, 0, sizeof model);
    check_code(c, covsamp_torch_classifier_guide(c, &model), COVSAMP_E_STRUCT_SIZE, "model->size");
    check_code(c, covsamp_torch_classifier_guide(c, NULL), COVSAMP_E_NULL, "model is NULL");
    covsamp_torch_classifier_free(c);
}

#define LOGITS_ARE(status, part, ...)                                                              \
    check_code(c, covsamp_torch_classifier_logits(c, __VA_ARGS__), status, part)

/* Of the logits' door, and of modules that fail. */
static void failures(void)
{
    static double gradient[SIZE], out[LOGITS];
    covsamp_torch_classifier *c = classifier_of("classifier.pt", COVSAMP_F64);
    covsamp_request q = ask(gradient);
    double first = given.x[2 * DIM];
    LOGITS_ARE(COVSAMP_E_RANGE, "dtype is 0", 0, given.x, DIM, 1, 1, out, CLASSES);
    LOGITS_ARE(COVSAMP_E_RANGE, "samples is 0", COVSAMP_F64, given.x, DIM, 0, 1, out, CLASSES);
    LOGITS_ARE(COVSAMP_E_RANGE, "stride is 127", COVSAMP_F64, given.x, DIM - 1, 1, 1, out, CLASSES);
    LOGITS_ARE(COVSAMP_E_RANGE, "out_stride is 2", COVSAMP_F64, given.x, DIM, 1, 1, out, 2);
    LOGITS_ARE(COVSAMP_E_RANGE, "time is", COVSAMP_F64, given.x, DIM, 1, (double)NAN, out, CLASSES);
    LOGITS_ARE(COVSAMP_E_NULL, "x is NULL", COVSAMP_F64, NULL, DIM, 1, 1, out, CLASSES);
    LOGITS_ARE(COVSAMP_E_NULL, "out is NULL", COVSAMP_F64, given.x, DIM, 1, 1, NULL, CLASSES);
    covsamp_torch_classifier_free(c);
    c = classifier_of("classifier-ignores-x.pt", COVSAMP_F64);
    check_code(c, covsamp_torch_classifier_answer(c, &q), COVSAMP_TORCH_E_NO_TANGENT,
               "do not depend on x");
    LOGITS_ARE(COVSAMP_OK, "", COVSAMP_F64, given.x, DIM, 1, 1, out, CLASSES);
    covsamp_torch_classifier_free(c);
    c = classifier_of("classifier-root.pt", COVSAMP_F32);
    check_code(c, covsamp_torch_classifier_answer(c, &q), COVSAMP_OK, "");
    given.x[2 * DIM] = 0;
    q.first_sample = 8;
    gradient[0] = 77;
    check_code(c, covsamp_torch_classifier_answer(c, &q), COVSAMP_E_NONFINITE,
               "holds a NaN or infinity for sample 2 of the batch, number 10, at time 250");
    CHECK(gradient[0] == 77);
    given.x[2 * DIM] = first;
    check_code(c, covsamp_torch_classifier_answer(c, &q), COVSAMP_OK, "");
    covsamp_torch_classifier_free(c);
    c = classifier_of("classifier-raises.pt", COVSAMP_F32);
    q.time = 600;
    check_code(c, covsamp_torch_classifier_answer(c, &q), COVSAMP_TORCH_E_EXCEPTION,
               "this module was told to fail");
    q.time = 400;
    check_code(c, covsamp_torch_classifier_answer(c, &q), COVSAMP_OK, "");
    covsamp_torch_classifier_free(c);
}

int main(int argc, char **argv)
{
    module_folder = argc > 1 ? argv[1] : ".";
    read_numbers("classifier.numbers", (double *)&given, sizeof given / sizeof(double));
    against_pytorch("classifier.pt", COVSAMP_F64, 1e-12);
    against_pytorch("classifier.pt", COVSAMP_F32, 2e-6);
    against_differences("classifier.pt");
    against_differences("classifier-untimed.pt");
    layouts();
    threads();
    files();
    requests();
    failures();
    return check_done();
}
