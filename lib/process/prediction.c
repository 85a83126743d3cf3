/* SPDX-License-Identifier: BSD-3-Clause */
/* What a network's output f says about x0: E[x0 | x_t] = p x_t + q f; x_t = alpha x0 + sigma e. */
#include "process/process.h"

#include <math.h>

static covsamp_status no_alpha(const char *what, covsamp__error *error, const char *function)
{
    return covsamp__fail(error, COVSAMP_E_UNSUPPORTED,
                         "%s: prediction %s does not determine x0 where alpha is 0", function,
                         what);
}

/* f = E[x_(n-1) | x_n] = ca x + cb E[x0 | x], the transition with eta = 1. */
static covsamp_status reverse(const covsamp__level *t, const covsamp__level *below, double *p,
                              double *q, covsamp__error *error, const char *function)
{
    covsamp__transition step;
    if (t->level < 1 || below == NULL || below->level != t->level - 1)
        return covsamp__fail(error, COVSAMP_E_UNSUPPORTED,
                             "%s: prediction reverse exists at whole levels from 1 on, not at "
                             "level %lld (-1: between levels)",
                             function, (long long)t->level);
    covsamp__transition_between(t, below, 1.0, &step);
    if (!(step.cb > 0.0))
        return covsamp__fail(error, COVSAMP_E_UNSUPPORTED,
                             "%s: prediction reverse does not determine x0 at level %lld: the step "
                             "below it is empty",
                             function, (long long)t->level);
    *p = -step.ca / step.cb;
    *q = 1.0 / step.cb;
    return COVSAMP_OK;
}

covsamp_status covsamp__prediction(int32_t prediction, const covsamp__level *t,
                                   const covsamp__level *below, double *p, double *q,
                                   covsamp__error *error, const char *function)
{
    double a = t->alpha, s = t->sigma, square = a * a + s * s;
    switch (prediction) {
    case COVSAMP_PREDICTS_NOISE: /* x = alpha x0 + sigma f */
        if (!(a > 0.0))
            return no_alpha("noise", error, function);
        *p = 1.0 / a;
        *q = -s / a;
        return COVSAMP_OK;
    case COVSAMP_PREDICTS_X0:
        *p = 0.0;
        *q = 1.0;
        return COVSAMP_OK;
    case COVSAMP_PREDICTS_V: /* alpha x - sigma f = (alpha^2 + sigma^2) x0 */
        *p = a / square;
        *q = -s / square;
        return COVSAMP_OK;
    case COVSAMP_PREDICTS_SCORE: /* Tweedie: alpha x0 = x + sigma^2 f */
        if (!(a > 0.0))
            return no_alpha("score", error, function);
        *p = 1.0 / a;
        *q = s * s / a;
        return COVSAMP_OK;
    case COVSAMP_PREDICTS_FLOW: /* x - sigma f = (alpha + sigma) x0 */
        *p = 1.0 / (a + s);
        *q = -s / (a + s);
        return COVSAMP_OK;
    case COVSAMP_PREDICTS_REVERSE:
        return reverse(t, below, p, q, error, function);
    default:
        return covsamp__fail(error, COVSAMP_E_RANGE,
                             "%s: prediction is %d, must be one of COVSAMP_PREDICTS_... (1 to 6)",
                             function, (int)prediction);
    }
}
