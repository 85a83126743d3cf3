/* SPDX-License-Identifier: BSD-3-Clause */
/* The numbers of one reverse step.
 *
 * With D = log SNR_t - log SNR_s < 0 the textbook forms become, without a difference of nearly
 * equal numbers (1 + eta^2 expm1(D) is the share of sigma_s^2 that is not drawn anew):
 *     lambda^2 = eta^2 sigma_s^2 (1 - e^D)
 *     ca       = sqrt(sigma_s^2 - lambda^2) / sigma_t   = sigma_s e^w / sigma_t
 *     cb       = alpha_s - ca alpha_t                   = alpha_s (1 - e^(D/2 + w))
 *     large^2  = sigma_t^2 - (alpha_t/alpha_s)^2 sigma_s^2 = sigma_t^2 (1 - e^D)
 * with w = log(1 + eta^2 expm1(D)) / 2.  D = -inf, where s is data or alpha_t = 0, needs no case of
 * its own. */
#include "process/process.h"

#include <math.h>

/* log(1 + eta^2 expm1(D)) / 2 */
static double half_log_kept(double eta, double d)
{
    double drawn = eta * eta * expm1(d);
    if (eta == 1.0)
        return 0.5 * d;
    if (drawn > -0.5)
        return 0.5 * log1p(drawn);
    return 0.5 * log((1.0 - eta) * (1.0 + eta) + eta * eta * exp(d)); /* only sums here */
}

void covsamp__transition_between(const covsamp__level *t, const covsamp__level *s, double eta,
                                 covsamp__transition *out)
{
    double d = t->log_snr - s->log_snr, w = half_log_kept(eta, d), drawn = sqrt(-expm1(d));
    out->lambda = eta * s->sigma * drawn;
    out->ca = s->sigma * exp(w) / t->sigma;
    out->cb = -s->alpha * expm1(0.5 * d + w);
    out->b = out->cb;
    out->large = t->sigma * drawn;
    out->alpha_s = s->alpha;
}
