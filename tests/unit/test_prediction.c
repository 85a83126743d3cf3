/* SPDX-License-Identifier: BSD-3-Clause */
/* x0 = p x + q f must undo what each prediction is defined as; where it cannot, a sentence. */
#include "check.h"

#include "process/process.h"

#define X0 0.7
#define E  (-1.3)

/* The f that a perfect model returns if x0 and e are certain. */
static double answer(int32_t prediction, const covsamp__level *t, double reverse)
{
    switch (prediction) {
    case COVSAMP_PREDICTS_NOISE:
        return E;
    case COVSAMP_PREDICTS_X0:
        return X0;
    case COVSAMP_PREDICTS_V:
        return t->alpha * E - t->sigma * X0;
    case COVSAMP_PREDICTS_SCORE:
        return -E / t->sigma;
    case COVSAMP_PREDICTS_FLOW:
        return E - X0;
    default:
        return reverse;
    }
}

static void undo(const covsamp_schedule *s, int64_t n)
{
    covsamp__level t = covsamp__schedule_level(s, n), below = covsamp__schedule_level(s, n - 1);
    double x = t.alpha * X0 + t.sigma * E, p, q;
    /* q(x_s | x_t, x0) has mean (alpha_ts sigma_s^2 x + alpha_s sigma_ts^2 x0) / sigma_t^2 */
    double ts = t.alpha / below.alpha, s2 = below.sigma * below.sigma, t2 = t.sigma * t.sigma;
    double reverse = (ts * s2 * x + below.alpha * (t2 - ts * ts * s2) * X0) / t2;
    for (int32_t f = COVSAMP_PREDICTS_NOISE; f <= COVSAMP_PREDICTS_REVERSE; f++) {
        covsamp__error error;
        int singular = f == COVSAMP_PREDICTS_NOISE || f == COVSAMP_PREDICTS_SCORE;
        covsamp_status status = covsamp__prediction(f, &t, &below, &p, &q, &error, "f");
        if (t.alpha == 0.0 && singular) {
            CHECK(status == COVSAMP_E_UNSUPPORTED);
            CHECK_TEXT(error.text, "does not determine x0 where alpha is 0");
            continue;
        }
        CHECK(status == COVSAMP_OK);
        CHECK_NEAR(p * x + q * answer(f, &t, reverse), X0, 1e-9 * (1 + fabs(p) + fabs(q)));
    }
}

static void refusals(void)
{
    covsamp__level data = {0, 1, 0, (double)INFINITY, -1}, t = {-1, 0.6, 0.8, -0.5, 0.5};
    covsamp__error error;
    double p = 5, q = 5;
    CHECK(covsamp__prediction(6, &t, &data, &p, &q, &error, "f") == COVSAMP_E_UNSUPPORTED);
    CHECK_TEXT(error.text, "f: prediction reverse exists at whole levels from 1 on, not");
    t.level = 1;
    CHECK(covsamp__prediction(6, &t, NULL, &p, &q, &error, "f") == COVSAMP_E_UNSUPPORTED);
    CHECK(covsamp__prediction(6, &data, &data, &p, &q, NULL, "f") == COVSAMP_E_UNSUPPORTED);
    CHECK(covsamp__prediction(0, &t, &data, &p, &q, &error, "f") == COVSAMP_E_RANGE);
    CHECK(covsamp__prediction(7, &t, &data, &p, &q, &error, "f") == COVSAMP_E_RANGE);
    CHECK_TEXT(error.text, "f: prediction is 7, must be one of COVSAMP_PREDICTS_... (1 to 6)");
    CHECK(p == 5 && q == 5);
    CHECK(covsamp__prediction(6, &t, &data, &p, &q, NULL, "f") == COVSAMP_OK);
    CHECK(p == 0 && q == 1); /* the step to data is x0 itself */
}

int main(void)
{
    covsamp_schedule *s;
    CHECK(covsamp_schedule_new_linear(&s, 200, 1e-3, 0.05, NULL, NULL) == COVSAMP_OK);
    for (int64_t n = 1; n <= 200; n += 9)
        undo(s, n);
    covsamp_schedule_free(s);
    CHECK(covsamp_schedule_new_karras(&s, 10, 0.01, 20, 7, NULL, NULL) == COVSAMP_OK);
    for (int64_t n = 1; n <= 10; n++)
        undo(s, n);
    covsamp_schedule_free(s);
    CHECK(covsamp_schedule_new_flow(&s, 10, NULL, NULL) == COVSAMP_OK);
    for (int64_t n = 1; n <= 10; n++)
        undo(s, n);
    covsamp_schedule_free(s);
    refusals();
    return check_done();
}
