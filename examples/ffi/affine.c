/* SPDX-License-Identifier: BSD-3-Clause */
/* The reference of the programs in this folder: a Gaussian as the model, by multiplications and
 * additions in a fixed order.  Alone: prints the bits of its samples.  With the path of what it
 * printed: samples in every way the library has, and compares bit for bit.
 * "begin FILE" and "finish FILE" do half a job each.
 *
 *     cc -std=c11 -ffp-contract=off affine.c -lcovsamp -o affine && ./affine > golden.txt */
#include <covsamp/covsamp.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { DIM = 4, BATCH = 3, STEPS = 20 };

/* Data ~ N(mean, U diag(variance) U), U symmetric and orthogonal. */
static const double mean[DIM] = {0.5, -1, 0.25, 2}, variance[DIM] = {0.04, 0.3, 1.2, 2.5};
static const double U[DIM][DIM] = {
    {0.5, 0.5, 0.5, 0.5}, {0.5, -0.5, 0.5, -0.5}, {0.5, 0.5, -0.5, -0.5}, {0.5, -0.5, -0.5, 0.5}};

static int passed, failed;

static int check(int ok, const char *what)
{
    passed += ok != 0;
    failed += ok == 0;
    if (!ok)
        fprintf(stderr, "failed: %s\n", what);
    return ok;
}

/* The noise in x is sigma U g U (x - alpha mean), g = 1 / (alpha^2 variance + sigma^2): out is
 * that, or, for a tangent, without the shift. */
static void affine_f64(const covsamp_request *q, const double *x, int shift, double *out)
{
    double r[DIM], c[DIM];
    for (int i = 0; i < DIM; i++)
        r[i] = shift ? x[i] - q->alpha * mean[i] : x[i];
    for (int k = 0; k < DIM; k++) {
        double gain = q->sigma / (q->alpha * q->alpha * variance[k] + q->sigma * q->sigma);
        c[k] = gain * (U[k][0] * r[0] + U[k][1] * r[1] + U[k][2] * r[2] + U[k][3] * r[3]);
    }
    for (int i = 0; i < DIM; i++)
        out[i] = U[i][0] * c[0] + U[i][1] * c[1] + U[i][2] * c[2] + U[i][3] * c[3];
}

/* The same in single precision, from a gain and an alpha that were rounded to it. */
static void affine_f32(const covsamp_request *q, const float *x, int shift, float *out)
{
    float r[DIM], c[DIM], u[DIM][DIM];
    for (int i = 0; i < DIM; i++) {
        r[i] = shift ? x[i] - (float)q->alpha * (float)mean[i] : x[i];
        for (int k = 0; k < DIM; k++)
            u[k][i] = (float)U[k][i];
    }
    for (int k = 0; k < DIM; k++) {
        double gain = q->sigma / (q->alpha * q->alpha * variance[k] + q->sigma * q->sigma);
        c[k] = (float)gain * (u[k][0] * r[0] + u[k][1] * r[1] + u[k][2] * r[2] + u[k][3] * r[3]);
    }
    for (int i = 0; i < DIM; i++)
        out[i] = u[i][0] * c[0] + u[i][1] * c[1] + u[i][2] * c[2] + u[i][3] * c[3];
}

static void affine(const covsamp_request *q, const void *in, int64_t at, int shift, void *out)
{
    if (q->dtype == COVSAMP_F64)
        affine_f64(q, (const double *)in + at, shift, (double *)out + at);
    else
        affine_f32(q, (const float *)in + at, shift, (float *)out + at);
}

/* Fills what is asked for. */
static int32_t answer(void *user, const covsamp_request *q)
{
    (void)user;
    for (int64_t b = 0; q->mean != NULL && b < q->batch; b++)
        affine(q, q->x, b * q->stride, 1, q->mean);
    for (int64_t k = 0; q->product != NULL && k < q->tangents; k++)
        for (int64_t b = 0; b < q->batch; b++)
            affine(q, q->v, k * q->tangent_stride + b * q->stride, 0, q->product);
    return 0;
}

static covsamp_mixture *new_mixture(void)
{
    static const double weights[2] = {2, 1}, means[2][DIM] = {{-1, 0, 0.5, 1}, {1, 1, 0, -1}};
    static const double diagonal[2][DIM] = {{0.3, 0.2, 0.1, 0.4}, {0.1, 0.4, 0.3, 0.2}};
    static const double rest[2] = {0.05, 0.02};
    double covariances[2][DIM][DIM];
    covsamp_mixture *mixture;
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < DIM; i++)
            for (int j = 0; j < DIM; j++)
                covariances[k][i][j] = i == j ? diagonal[k][i] : rest[k];
    check(covsamp_mixture_new(&mixture, DIM, 2, weights, &means[0][0], &covariances[0][0][0],
                              COVSAMP_PREDICTS_NOISE, NULL, NULL) == COVSAMP_OK,
          "covsamp_mixture_new");
    return mixture;
}

static covsamp_sampler *new_sampler(const char *dtype, const char *covariance)
{
    const char *const set[][2] = {
        {"batch", "3"},        {"dim", "4"},     {"dtype", dtype},     {"covariance", covariance},
        {"krylov_steps", "2"}, {"seed", "2024"}, {"first_sample", "5"}};
    covsamp_schedule *schedule;
    covsamp_config *config;
    covsamp_sampler *sampler;
    int64_t levels[STEPS];
    check(covsamp_schedule_new_linear(&schedule, 1000, 1e-4, 0.02, NULL, NULL) == COVSAMP_OK &&
              covsamp_schedule_spaced(schedule, STEPS, COVSAMP_SPACING_EVEN, levels, NULL) ==
                  COVSAMP_OK &&
              covsamp_config_new(&config, NULL) == COVSAMP_OK &&
              covsamp_config_set_schedule(config, schedule, levels, STEPS) == COVSAMP_OK,
          "a schedule and a configuration");
    for (size_t i = 0; i < sizeof set / sizeof set[0]; i++)
        if (!check(covsamp_config_set_by_name(config, set[i][0], set[i][1]) == COVSAMP_OK,
                   set[i][0]))
            fprintf(stderr, "    %s\n", covsamp_config_message(config));
    if (!check(covsamp_sampler_new(&sampler, config) == COVSAMP_OK, "covsamp_sampler_new"))
        fprintf(stderr, "    %s\n", covsamp_config_message(config));
    covsamp_config_free(config);
    covsamp_schedule_free(schedule);
    return sampler;
}

/* One line: a name and the bits of every value. */
static void line_of(char *line, const char *name, const covsamp_sampler *sampler, int f64)
{
    const void *x = NULL;
    int64_t stride = 0;
    check(covsamp_sampler_state(sampler, &x, &stride) == COVSAMP_OK, "covsamp_sampler_state");
    line += sprintf(line, "%s", name);
    for (int b = 0; x != NULL && b < BATCH; b++)
        for (int i = 0; i < DIM; i++) {
            uint64_t wide;
            uint32_t narrow;
            memcpy(&wide, (const double *)x + (f64 ? b * stride + i : 0), sizeof wide);
            memcpy(&narrow, (const float *)x + (f64 ? 0 : b * stride + i), sizeof narrow);
            line +=
                f64 ? sprintf(line, " %016" PRIx64, wide) : sprintf(line, " %08" PRIx32, narrow);
        }
    strcpy(line, "\n");
}

static int golden_has(const char *path, const char *line)
{
    char stored[400];
    int found = 0;
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(stored, sizeof stored, file) != NULL)
        found = found || strcmp(stored, line) == 0;
    if (file != NULL)
        fclose(file);
    return found;
}

static void ask_and_tell(covsamp_sampler *sampler, covsamp_answer_fn model, void *user)
{
    const covsamp_request *request;
    covsamp_status status;
    while ((status = covsamp_sampler_ask(sampler, &request)) == COVSAMP_OK &&
           (status = covsamp_sampler_tell(sampler, model(user, request))) == COVSAMP_OK)
        ;
    if (!check(status == COVSAMP_DONE, "ask and tell"))
        fprintf(stderr, "    %s\n", covsamp_sampler_message(sampler));
}

static int32_t stop_at_three(void *user, const covsamp_request *q)
{
    int *reports = user;
    return q->step == 3 && (*reports)++ == 0 ? COVSAMP_CANCELLED : 0;
}

/* By callbacks, cancelled on the way in two ways; nothing is lost by it. */
static void by_callbacks(covsamp_sampler *sampler, covsamp_model model)
{
    int reports = 0;
    model.size = sizeof model;
    model.progress = stop_at_three;
    model.progress_user = &reports;
    check(covsamp_sampler_run(sampler, &model) == COVSAMP_CANCELLED, "a callback cancels");
    covsamp_sampler_cancel(sampler);
    check(covsamp_sampler_run(sampler, &model) == COVSAMP_CANCELLED, "cancel() cancels");
    check(covsamp_sampler_run(sampler, &model) == COVSAMP_DONE, "and the run goes on");
}

static void error(void)
{
    covsamp_config *config;
    covsamp_config_new(&config, NULL);
    check(covsamp_config_set_by_name(config, "krylov_steps", "0") == COVSAMP_E_RANGE &&
              strstr(covsamp_config_message(config), "krylov_steps") != NULL,
          "krylov_steps = 0 is an error with a sentence");
    printf("%s\n", covsamp_config_message(config));
    covsamp_config_free(config);
}

static void one_case(const char *name, covsamp_mixture *mixture, const char *golden)
{
    const int f64 = strstr(name, "f64") != NULL, affine_model = strstr(name, "mixture") == NULL;
    covsamp_sampler *sampler =
        new_sampler(f64 ? "f64" : "f32", strncmp(name, "small", 5) == 0 ? "small" : "krylov");
    covsamp_model model = {.mean = answer, .jvp = answer};
    char line[400];
    ask_and_tell(sampler, affine_model ? answer : covsamp_mixture_answer, mixture);
    line_of(line, name, sampler, f64);
    if (golden == NULL) {
        fputs(line, stdout);
    } else {
        check(golden_has(golden, line), name);
        if (!affine_model) {
            model.size = sizeof model;
            check(covsamp_mixture_model(mixture, &model) == COVSAMP_OK, "covsamp_mixture_model");
        }
        covsamp_sampler_restart(sampler, 2024, 5);
        by_callbacks(sampler, model);
        line_of(line, name, sampler, f64);
        check(golden_has(golden, line), name);
    }
    covsamp_sampler_free(sampler);
}

/* Half a job in a file: written after ten steps, or read and finished, by whatever language. */
static int half(const char *what, const char *path)
{
    static unsigned char bytes[65536];
    const int begin = strcmp(what, "begin") == 0;
    const covsamp_model model = {.size = sizeof model, .mean = answer, .jvp = answer};
    covsamp_sampler *sampler = new_sampler("f64", "krylov");
    FILE *file = fopen(path, begin ? "wb" : "rb");
    size_t n = 0;
    char line[400];
    check(file != NULL, path);
    if (file != NULL && begin) {
        for (int step = 0; step < STEPS / 2; step++)
            check(covsamp_sampler_step(sampler, &model) == COVSAMP_OK, "covsamp_sampler_step");
        check(covsamp_sampler_save(sampler, bytes, sizeof bytes, &n) == COVSAMP_OK,
              covsamp_sampler_message(sampler));
        check(n > 0 && fwrite(bytes, 1, n, file) == n, "fwrite");
    } else if (file != NULL) {
        n = fread(bytes, 1, sizeof bytes, file);
        check(covsamp_sampler_load(sampler, bytes, n) == COVSAMP_OK,
              covsamp_sampler_message(sampler));
        check(covsamp_sampler_run(sampler, &model) == COVSAMP_DONE, "covsamp_sampler_run");
        line_of(line, "affine_f64", sampler, 1);
        fputs(line, stdout);
    }
    check(file == NULL || fclose(file) == 0, "fclose");
    covsamp_sampler_free(sampler);
    return failed == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    static const char *const cases[] = {"small_f64", "affine_f64", "affine_f32", "mixture_f64",
                                        "mixture_f32"};
    const char *golden = argc > 1 ? argv[1] : NULL;
    const covsamp_option *option;
    if (argc == 3)
        return half(argv[1], argv[2]);
    covsamp_mixture *mixture = new_mixture();
    for (int32_t i = 0; golden != NULL && (option = covsamp_option_info(i)) != NULL; i++)
        printf("%-18s %s\n", option->name, option->help);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        one_case(cases[i], mixture, golden);
    covsamp_mixture_free(mixture);
    if (golden != NULL) {
        error();
        printf("%d passed, %d failed\n", passed, failed);
    }
    return failed == 0 ? 0 : 1;
}
