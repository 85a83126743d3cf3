/* SPDX-License-Identifier: BSD-3-Clause */
/* The doors of a likelihood bound. */
#include "diagnostic/nelbo.h"

#include "api/method.h"
#include "api/pass.h"
#include "api/sampler.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define NEW "covsamp_nelbo_new"

/* Of krylov, where nothing was said; WITH_TOLERANCE: the most products, since something stops them.
 */
enum { PRODUCTS = 8, WITH_TOLERANCE = 128, PROBES = 3, MOST_BINS = 65536 };

/* ---- checks ---- */

static covsamp_status refuse_option(covsamp_config *c, int32_t key, const char *wanted)
{
    char text[64];
    covsamp_config_get_text(c, key, text, sizeof text);
    return covsamp__fail(&c->error, COVSAMP_E_UNSUPPORTED, NEW ": %s is %s, must be %s",
                         covsamp_option_info(covsamp__option_index(key))->name, text, wanted);
}

/* What has no density, or means nothing for steps that do not follow one another. */
static covsamp_status check_density(covsamp_config *c)
{
    const covsamp__method m = covsamp__method_of(c);
    const int spectral = m.covariance_name == COVSAMP_COV_SPECTRAL;
    if (m.solver != &covsamp__solver_ancestral ||
        covsamp__config_int(c, COVSAMP_SOLVER) != COVSAMP_SOLVER_ANCESTRAL)
        return refuse_option(c, COVSAMP_SOLVER, "ancestral: the others add no noise of their own");
    if (m.covariance_name == COVSAMP_COV_NONE)
        return refuse_option(c, COVSAMP_COVARIANCE, "another: a step without noise has no density");
    if (!(m.eta > 0))
        return refuse_option(c, COVSAMP_ETA, "above 0: lambda is 0, and there is no density");
    if (m.mean_order != 1)
        return refuse_option(c, COVSAMP_MEAN_ORDER, "1: each step starts from data");
    if (covsamp__config_int(c, COVSAMP_REUSE) != 1)
        return refuse_option(c, COVSAMP_REUSE, "1: each step starts from data");
    if (spectral && covsamp__config_int(c, COVSAMP_SPECTRAL_MODE) == COVSAMP_DCT_SLIDING)
        return refuse_option(c, COVSAMP_SPECTRAL_MODE,
                             "full or block: the density of sliding windows is not at hand");
    if (spectral && covsamp__config_real(c, COVSAMP_CLIP_X0) > 0 &&
        covsamp__config_int(c, COVSAMP_CLIP_COVARIANCE))
        return refuse_option(c, COVSAMP_CLIP_COVARIANCE,
                             "0 for covariance = spectral, which no mask leaves diagonal");
    return COVSAMP_OK;
}

static covsamp_status check(covsamp_config *c, int64_t bins)
{
    const int krylov = covsamp__method_of(c).covariance_name == COVSAMP_COV_KRYLOV;
    const int64_t probes = covsamp__config_int(c, COVSAMP_PROBES);
    covsamp_status status = covsamp__method_check(c, NEW);
    if (status == COVSAMP_OK)
        status = covsamp__vectors_refuse(c, NEW);
    if (status == COVSAMP_OK)
        status = check_density(c);
    if (status == COVSAMP_OK)
        status = covsamp__guidance_refuse(c, "a bound of the model as it is", "covsamp_nelbo_new");
    if (status == COVSAMP_OK && (bins < 0 || bins == 1 || bins > MOST_BINS))
        return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                             NEW ": bins is %" PRId64 ", must be 0 or in 2 ... %d", bins,
                             (int)MOST_BINS);
    if (status == COVSAMP_OK && krylov && covsamp__config_chosen(c, COVSAMP_PROBES) && probes < 2)
        return covsamp__fail(&c->error, COVSAMP_E_RANGE,
                             NEW ": probes is %" PRId64
                                 ", must be at least 2 for covariance = krylov, since one tells no "
                                 "standard error",
                             probes);
    return status;
}

/* ---- making one ---- */

static int64_t chosen_or(const covsamp_config *c, int32_t key, int64_t otherwise)
{
    return covsamp__config_chosen(c, key) ? covsamp__config_int(c, key) : otherwise;
}

static void read(const covsamp_config *c, int64_t bins, covsamp_nelbo *n)
{
    covsamp__solver *solver = &n->sampler.solver;
    covsamp__covariance *model = &solver->model;
    covsamp__sampler_read(c, &n->sampler);
    if (model->ops == &covsamp__covariance_krylov) {
        const int64_t products =
            chosen_or(c, COVSAMP_KRYLOV_STEPS, model->tolerance > 0 ? WITH_TOLERANCE : PRODUCTS);
        model->ops = &covsamp__covariance_quadrature;
        model->probes = chosen_or(c, COVSAMP_PROBES, PROBES);
        model->krylov.most = products < solver->dim ? products : solver->dim;
        solver->average = chosen_or(c, COVSAMP_SYMMETRISE, COVSAMP_SYMMETRISE_AVERAGE) ==
                          COVSAMP_SYMMETRISE_AVERAGE;
    }
    solver->measure = 1;
    n->steps = c->steps;
    n->bins = bins;
    n->pass.dtype = solver->dtype;
    n->pass.batch = solver->batch;
    n->pass.dim = solver->dim;
    n->pass.check_finite = n->sampler.check_finite;
    n->pass.next_first = covsamp__config_int(c, COVSAMP_FIRST_SAMPLE);
}

static void finish(const covsamp_config *c, covsamp_nelbo *n)
{
    covsamp_sampler *s = &n->sampler;
    for (int64_t i = 0; i < n->steps; i++)
        s->plan[i].place.limit = INFINITY; /* pixel_clip is for pictures */
    s->plan[n->steps - 1].noisy = 0;       /* the decoder has a variance of its own */
    covsamp__sampler_request(s, n->steps);
    s->seed = s->request.seed = (uint64_t)covsamp__config_int(c, COVSAMP_SEED);
    n->pass.ops = &covsamp__nelbo_pass;
    n->pass.error = &s->error;
    n->pass.request = &s->request;
}

covsamp_status covsamp_nelbo_new(covsamp_nelbo **out, covsamp_config *config, int64_t bins)
{
    if (out != NULL)
        *out = NULL;
    if (config == NULL)
        return COVSAMP_E_NULL;
    if (out == NULL)
        return covsamp__fail(&config->error, COVSAMP_E_NULL, NEW ": out is NULL");
    covsamp_status status = check(config, bins);
    if (status != COVSAMP_OK)
        return status;
    covsamp_nelbo stand_in;
    covsamp__arena arena = {0};
    memset(&stand_in, 0, sizeof stand_in);
    read(config, bins, &stand_in);
    covsamp__nelbo_layout(&stand_in, &arena);
    const size_t bytes = arena.used;
    covsamp_nelbo *n = arena.overflow ? NULL : covsamp__alloc(&config->mem, bytes);
    if (n == NULL)
        return covsamp__fail(&config->error, COVSAMP_E_NOMEM,
                             arena.overflow ? NEW ": the sizes of batch, dim and the covariance "
                                                  "overflow size_t"
                                            : NEW ": no memory for %zu bytes",
                             bytes);
    arena.base = (char *)n;
    arena.used = 0;
    n->sampler.mem = config->mem;
    n->sampler.bytes = bytes;
    read(config, bins, n);
    covsamp__nelbo_layout(n, &arena);
    status =
        covsamp__make_plan(config, n->sampler.plan, &n->sampler.start_scale, &config->error, NEW);
    if (status != COVSAMP_OK) {
        covsamp_nelbo_free(n);
        return status;
    }
    finish(config, n);
    *out = n;
    return covsamp__ok(&config->error);
}

void covsamp_nelbo_free(covsamp_nelbo *nelbo)
{
    if (nelbo == NULL)
        return;
    const covsamp_allocator mem = nelbo->sampler.mem;
    covsamp__release(&mem, nelbo, nelbo->sampler.bytes);
}

/* ---- the loop ---- */

static covsamp__pass *pass_of(covsamp_nelbo *n)
{
    return n == NULL ? NULL : &n->pass;
}

const char *covsamp_nelbo_message(const covsamp_nelbo *nelbo)
{
    return nelbo == NULL ? "" : nelbo->sampler.error.text;
}

int32_t covsamp_nelbo_answer(const covsamp_nelbo *nelbo)
{
    return nelbo == NULL ? 0 : nelbo->pass.answer;
}

covsamp_status covsamp_nelbo_data(covsamp_nelbo *nelbo, const void *x, int64_t stride,
                                  int64_t samples)
{
    return covsamp__pass_data(pass_of(nelbo), x, stride, samples, __func__);
}

covsamp_status covsamp_nelbo_ask(covsamp_nelbo *nelbo, const covsamp_request **request)
{
    return covsamp__pass_ask(pass_of(nelbo), request, __func__);
}

covsamp_status covsamp_nelbo_tell(covsamp_nelbo *nelbo, int32_t answer)
{
    return covsamp__pass_tell(pass_of(nelbo), answer, __func__);
}

covsamp_status covsamp_nelbo_run(covsamp_nelbo *nelbo, const covsamp_model *model, const void *data,
                                 int64_t stride, int64_t samples)
{
    return covsamp__pass_run(pass_of(nelbo), model, data, stride, samples, __func__);
}

/* ---- results ---- */

covsamp_status covsamp_nelbo_row(const covsamp_nelbo *nelbo, int64_t index,
                                 covsamp_nelbo_term *term)
{
    covsamp_nelbo_term own;
    if (nelbo == NULL || term == NULL)
        return COVSAMP_E_NULL;
    if (index < 0 || index > nelbo->steps)
        return COVSAMP_E_RANGE;
    if (nelbo->samples == 0)
        return COVSAMP_E_STATE;
    const covsamp__term *t = &nelbo->term[index];
    const covsamp__plan *plan = &nelbo->sampler.plan[index > 0 ? index - 1 : 0];
    const double samples = (double)nelbo->samples;
    memset(&own, 0, sizeof own);
    own.size = sizeof own;
    own.term = index == 0              ? COVSAMP_TERM_PRIOR
               : index == nelbo->steps ? COVSAMP_TERM_DECODER
                                       : COVSAMP_TERM_STEP;
    own.level = plan->from.level;
    own.to = index == 0 ? plan->from.level : plan->s.level;
    own.samples = nelbo->samples;
    own.nats = t->nats.mean;
    own.deviation = covsamp__moments_deviation(&t->nats, nelbo->samples);
    own.log_det = t->log_det / samples;
    own.trace = t->trace / samples;
    own.residual = t->residual / samples;
    own.probe_deviation = sqrt(t->probe_variance) / samples;
    own.products = t->products;
    own.ritz_values = t->values;
    own.ritz_clamped = t->clamped;
    own.asymmetry = t->asymmetry;
    return covsamp__struct_out(term, &own, sizeof own,
                               COVSAMP__FIRST_SIZE(covsamp_nelbo_term, asymmetry), NULL, __func__,
                               "term");
}

covsamp_status covsamp_nelbo_sum(const covsamp_nelbo *nelbo, covsamp_nelbo_total *total)
{
    covsamp_nelbo_total own;
    if (nelbo == NULL || total == NULL)
        return COVSAMP_E_NULL;
    if (nelbo->samples == 0)
        return COVSAMP_E_STATE;
    const double bits = 1 / ((double)nelbo->pass.dim * 0.69314718055994531);
    own.size = sizeof own;
    own.samples = nelbo->samples;
    own.terms = nelbo->steps + 1;
    own.nats = nelbo->total.mean;
    own.deviation = covsamp__moments_deviation(&nelbo->total, nelbo->samples);
    own.bits = own.nats * bits;
    own.bits_deviation = own.deviation * bits;
    return covsamp__struct_out(total, &own, sizeof own,
                               COVSAMP__FIRST_SIZE(covsamp_nelbo_total, bits_deviation), NULL,
                               __func__, "total");
}
