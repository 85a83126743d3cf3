/* SPDX-License-Identifier: BSD-3-Clause */
/* The trained classifier of noisy images: its gradient against differences of its logits.
 *
 *     test_classifier_trained FOLDER FILE */
#include "judging.h"

enum { PIXELS = 28 * 28 };

/* d log p / d h along the gradient of one sample: its length. */
static void along_itself(covsamp_torch_classifier *c, const double *x, const double *g,
                         int64_t label)
{
    static double moved[PIXELS], logits[10];
    const double h = 1e-5;
    double size = 0, slope = 0;
    int i, side;
    for (i = 0; i < PIXELS; i++)
        size += g[i] * g[i];
    size = sqrt(size);
    for (side = -1; side <= 1; side += 2) {
        for (i = 0; i < PIXELS; i++)
            moved[i] = x[i] + side * h * g[i] / size;
        CHECK(covsamp_torch_classifier_logits(c, COVSAMP_F64, moved, PIXELS, 1, 300, logits, 10) ==
              COVSAMP_OK);
        slope += side * log_softmax(logits, 10, label) / (2 * h);
    }
    printf("trained, class %d: |g| = %.8g, by differences %.8g\n", (int)label, size, slope);
    CHECK_NEAR(slope, size, 1e-6 * size);
}

/* A trained one, of noisy images, in both types. */
static void trained(const char *path)
{
    static double x[2 * PIXELS], gradient[2][2 * PIXELS];
    static const int64_t classes[] = {3, 7};
    int32_t dtype, b;
    fill(x, 2 * PIXELS, 77);
    for (dtype = COVSAMP_F32; dtype <= COVSAMP_F64; dtype++) {
        covsamp_torch_options options = options_of(dtype, COVSAMP_TORCH_AUTO);
        covsamp_torch_classifier *c = NULL;
        covsamp_request q = request_of(COVSAMP_ASK_GUIDE, COVSAMP_F64, 2, PIXELS);
        CHECK(covsamp_torch_classifier_load(&c, path, &options, NULL) == COVSAMP_OK);
        if (!CHECK(covsamp_torch_classifier_classes(c) == 10))
            return;
        CHECK(covsamp_torch_classifier_set_labels(c, classes, 2) == COVSAMP_OK);
        q.time = 300;
        q.x = x;
        q.gradient = gradient[dtype - 1];
        check_code(c, covsamp_torch_classifier_answer(c, &q), COVSAMP_OK, "");
        for (b = 0; dtype == COVSAMP_F64 && b < 2; b++)
            along_itself(c, x + b * PIXELS, gradient[1] + b * PIXELS, classes[b]);
        covsamp_torch_classifier_free(c);
    }
    CHECK(relative(gradient[0], gradient[1], 2 * PIXELS) < 1e-4);
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return printf("test_classifier_trained: skipped, no file was given\n"), 77;
    trained(argv[2]);
    return check_done();
}
