/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/method.h"

#include "numeric/linalg.h"

#include <inttypes.h>

/* Elements of one draw: the counter of the noise has no more. */
#define MOST_COEFFICIENTS (INT64_C(1) << 33)
#define MOST_COLOURS      64

typedef struct {
    int64_t dim, channels, height, width, mode, k, colour;
} shape;

static covsamp_status check_product(covsamp_config *c, const shape *s, const char *function)
{
    const int64_t plane = s->height * s->width; /* at most 2^48 */
    if (s->dim % plane == 0 && s->dim / plane == s->channels)
        return COVSAMP_OK;
    return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                         "%s: channels x height x width is %" PRId64 " x %" PRId64 " x %" PRId64
                         ", must multiply to dim = %" PRId64 " for covariance = spectral",
                         function, s->channels, s->height, s->width, s->dim);
}

static covsamp_status check_full(covsamp_config *c, const shape *s, const char *function)
{
    const int64_t longest = s->height > s->width ? s->height : s->width;
    if (longest <= COVSAMP__MAX_ORDER)
        return COVSAMP_OK;
    return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                         "%s: %s is %" PRId64 ", must be at most %d for spectral_mode = full",
                         function, s->height > s->width ? "height" : "width", longest,
                         COVSAMP__MAX_ORDER);
}

static covsamp_status check_block(covsamp_config *c, const shape *s, const char *function)
{
    if (s->width % s->k == 0 && (s->height == 1 || s->height % s->k == 0))
        return COVSAMP_OK;
    return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                         "%s: spectral_block is %" PRId64 ", must divide height = %" PRId64
                         " (unless 1) and width = %" PRId64 " for spectral_mode = block",
                         function, s->k, s->height, s->width);
}

static covsamp_status check_sliding(covsamp_config *c, const shape *s, const char *function)
{
    const int64_t side = s->height > 1 && s->height < s->width ? s->height : s->width;
    const int64_t window = s->height > 1 ? s->k * s->k : s->k;
    if (s->k > side)
        return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                             "%s: spectral_block is %" PRId64 ", must be in 1 ... %" PRId64
                             " for spectral_mode = sliding with height = %" PRId64
                             " and width = %" PRId64,
                             function, s->k, side, s->height, s->width);
    if (window > MOST_COEFFICIENTS / s->dim)
        return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                             "%s: spectral_block is %" PRId64
                             ", its windows must have at most 2^33 coefficients for "
                             "spectral_mode = sliding with dim = %" PRId64,
                             function, s->k, s->dim);
    if (covsamp__config_int(c, COVSAMP_NOISE) == COVSAMP_NOISE_ASK)
        return covsamp__fail(&c->error, COVSAMP_E_UNSUPPORTED,
                             "%s: noise is ask, must be philox-1 for spectral_mode = sliding, "
                             "which draws more numbers than a request has",
                             function);
    return COVSAMP_OK;
}

covsamp_status covsamp__shape_check(covsamp_config *c, int64_t dim, const char *function)
{
    const shape s = {dim,
                     covsamp__config_int(c, COVSAMP_CHANNELS),
                     covsamp__config_int(c, COVSAMP_HEIGHT),
                     covsamp__config_int(c, COVSAMP_WIDTH),
                     covsamp__config_int(c, COVSAMP_SPECTRAL_MODE),
                     covsamp__config_int(c, COVSAMP_SPECTRAL_BLOCK),
                     covsamp__config_int(c, COVSAMP_SPECTRAL_COLOUR)};
    covsamp_status status = check_product(c, &s, function);
    if (status != COVSAMP_OK)
        return status;
    if (s.colour && s.channels > MOST_COLOURS)
        return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                             "%s: channels is %" PRId64
                             ", must be at most %d for spectral_colour = 1",
                             function, s.channels, MOST_COLOURS);
    if (s.mode == COVSAMP_DCT_BLOCK)
        return check_block(c, &s, function);
    return s.mode == COVSAMP_DCT_SLIDING ? check_sliding(c, &s, function)
                                         : check_full(c, &s, function);
}

void covsamp__read_spectrum(const covsamp_config *c, int64_t batch, int64_t dim,
                            covsamp__spectrum *s)
{
    const int64_t k = covsamp__config_int(c, COVSAMP_SPECTRAL_BLOCK);
    covsamp__dct *d = &s->dct;
    s->batch = batch;
    s->dim = dim;
    s->mode = (int32_t)covsamp__config_int(c, COVSAMP_SPECTRAL_MODE);
    s->pool = (int32_t)covsamp__config_int(c, COVSAMP_SPECTRAL_POOL);
    s->estimate = (int32_t)covsamp__config_int(c, COVSAMP_SPECTRAL_ESTIMATE);
    s->colour = (int32_t)covsamp__config_int(c, COVSAMP_SPECTRAL_COLOUR);
    d->channels = covsamp__config_int(c, COVSAMP_CHANNELS);
    d->height = covsamp__config_int(c, COVSAMP_HEIGHT);
    d->width = covsamp__config_int(c, COVSAMP_WIDTH);
    d->kx = s->mode == COVSAMP_DCT_FULL ? d->width : k;
    d->ky = s->mode == COVSAMP_DCT_FULL ? d->height : d->height > 1 ? k : 1;
}
