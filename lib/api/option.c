/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/option.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define INT(key, name, low, high, preset, help)                                                    \
    {                                                                                              \
        sizeof(covsamp_option), key, COVSAMP_TYPE_INT, name, help, low, high, preset, 0, 0, 0      \
    }
#define CHOICE(key, name, preset, help)                                                            \
    {                                                                                              \
        sizeof(covsamp_option), key, COVSAMP_TYPE_CHOICE, name, help, 0, INT32_MAX, preset, 0, 0,  \
            0                                                                                      \
    }
#define REAL(key, name, low, high, preset, help)                                                   \
    {                                                                                              \
        sizeof(covsamp_option), key, COVSAMP_TYPE_REAL, name, help, 0, 0, 0, low, high, preset     \
    }

static const covsamp_option table[COVSAMP__OPTIONS] = {
    INT(COVSAMP_BATCH, "batch", 1, INT64_MAX, 0, "Samples per batch; must be set."),
    INT(COVSAMP_DIM, "dim", 1, INT64_C(1) << 33, 0, "Values per sample; must be set."),
    CHOICE(COVSAMP_DTYPE, "dtype", COVSAMP_F32, "Type of the numbers in requests and samples."),
    CHOICE(COVSAMP_PREDICTION, "prediction", COVSAMP_PREDICTS_NOISE, "What the model predicts."),
    CHOICE(COVSAMP_COVARIANCE, "covariance", COVSAMP_COV_KRYLOV,
           "Covariance of the noise that a step adds."),
    INT(COVSAMP_KRYLOV_STEPS, "krylov_steps", 1, 65536, 2,
        "Jacobian products per step of the krylov covariance; with a tolerance at most so many, "
        "and "
        "16 unless set."),
    INT(COVSAMP_TANGENTS, "tangents", 1, 65536, 1,
        "Most tangents that one request may carry: of dense, and of probes; krylov has 1."),
    INT(COVSAMP_CLIP_COVARIANCE, "clip_covariance", 0, 1, 1,
        "With clip_x0: 1 uses P C P, where P masks the clipped values; 0 keeps C."),
    INT(COVSAMP_MEAN_JVP, "mean_jvp", 0, 1, 1,
        "1 asks for the mean and the first product in one request where possible."),
    INT(COVSAMP_WINDOW_LOW, "window_low", 0, INT64_MAX, 0,
        "Levels below this one use window_fallback instead of the covariance."),
    INT(COVSAMP_WINDOW_HIGH, "window_high", 0, INT64_MAX, 0,
        "Levels above this one use window_fallback instead of the covariance; 0: no limit."),
    REAL(COVSAMP_TOLERANCE, "tolerance", 0, 1, 0,
         "krylov stops a sample when a product changes its noise by at most this share, after two "
         "products at the earliest; 0: off."),
    INT(COVSAMP_PROBES, "probes", 1, 65536, 1,
        "Probe vectors per estimate (diag_probe, state_isotropic, spectral)."),
    INT(COVSAMP_REUSE, "reuse", 1, 65536, 1, "Steps that an estimate by probes serves."),
    CHOICE(COVSAMP_HEAD, "head", COVSAMP_HEAD_OCM,
           "What the head of the model predicts (diag_model)."),
    REAL(COVSAMP_COVARIANCE_CAP, "covariance_cap", 0, INFINITY, 0,
         "Largest variance of x0 that a covariance may claim, head iddpm excepted; 0: no limit."),
    REAL(COVSAMP_RITZ_CAP, "ritz_cap", 0, INFINITY, 0,
         "Largest variance of x0, of whatever covariance but head iddpm, in units of sigma^2 / "
         "alpha^2; 0: no limit."),
    REAL(COVSAMP_TRACE_GUARD, "trace_guard", 0, INFINITY, 0,
         "Largest trace of C, by products or a head (not iddpm), in units of the analytic table's; "
         "0: off."),
    CHOICE(COVSAMP_WINDOW_FALLBACK, "window_fallback", COVSAMP_COV_SMALL,
           "Covariance outside the window, and where alpha = 0."),
    INT(COVSAMP_LIMIT_RANGE, "limit_range", 0, 1, 0,
        "1 limits the head iddpm to [-1, 1], the range between small and large."),
    CHOICE(COVSAMP_SYMMETRISE, "symmetrise", COVSAMP_SYMMETRISE_PROJECT,
           "What is done about a Jacobian that is not symmetric: average takes a JVP and a VJP a "
           "product."),
    REAL(COVSAMP_ETA, "eta", 0, 1, 1, "Noise of the transition: 1 is DDPM, 0 deterministic DDIM."),
    REAL(COVSAMP_CLIP_X0, "clip_x0", 0, INFINITY, 0,
         "Clips the predicted x0 to plus or minus this; 0: off."),
    CHOICE(COVSAMP_EPS_AFTER_CLIP, "eps_after_clip", COVSAMP_EPS_RECOMPUTE,
           "Noise estimate of a step whose x0 was clipped."),
    INT(COVSAMP_LAST_NOISE, "last_noise", 0, 1, 0, "1 adds noise on the step to data too."),
    INT(COVSAMP_MEAN_ORDER, "mean_order", 1, 2, 1,
        "2 extrapolates x0 from this level and the one before (ancestral)."),
    CHOICE(COVSAMP_SOLVER, "solver", COVSAMP_SOLVER_ANCESTRAL,
           "What one step does; all but ancestral fix covariance, eta and mean_order."),
    REAL(COVSAMP_PIXEL_CLIP, "pixel_clip", 0, INFINITY, 0,
         "Bounds the mean noise of the last noisy step to this many 255ths of the data's range; 0: "
         "off."),
    REAL(COVSAMP_CHURN, "churn", 0, INFINITY, 0, "S_churn of heun."),
    REAL(COVSAMP_CHURN_LOW, "churn_low", 0, INFINITY, 0, "S_tmin of heun, in sigma / alpha."),
    REAL(COVSAMP_CHURN_HIGH, "churn_high", 0, INFINITY, INFINITY,
         "S_tmax of heun, in sigma / alpha."),
    REAL(COVSAMP_CHURN_NOISE, "churn_noise", 0, INFINITY, 1, "S_noise of heun."),
    REAL(COVSAMP_ADDIM_ETA, "addim_eta", 0, INFINITY, 0.75,
         "Factor on the table of x0 errors of addim."),
    INT(COVSAMP_SEED, "seed", INT64_MIN, INT64_MAX, 0, "Key of the noise; all 64 bits count."),
    INT(COVSAMP_FIRST_SAMPLE, "first_sample", 0, INT64_MAX, 0,
        "Number of the first sample of the batch."),
    CHOICE(COVSAMP_NOISE, "noise", COVSAMP_NOISE_PHILOX_1, "Where normal numbers come from."),
    INT(COVSAMP_CHANNELS, "channels", 1, 1 << 24, 1, "Channels of a sample (spectral)."),
    INT(COVSAMP_HEIGHT, "height", 1, 1 << 24, 1, "Rows of a channel, 1 for signals (spectral)."),
    INT(COVSAMP_WIDTH, "width", 1, 1 << 24, 1, "Values of a row (spectral)."),
    CHOICE(COVSAMP_SPECTRAL_MODE, "spectral_mode", COVSAMP_DCT_FULL,
           "Windows whose cosine transform makes the covariance diagonal."),
    INT(COVSAMP_SPECTRAL_BLOCK, "spectral_block", 1, 4096, 8,
        "Side of the windows of spectral_mode block and sliding."),
    CHOICE(COVSAMP_SPECTRAL_POOL, "spectral_pool", COVSAMP_POOL_POSITION,
           "Coefficients that share one variance (spectral)."),
    CHOICE(COVSAMP_SPECTRAL_ESTIMATE, "spectral_estimate", COVSAMP_ESTIMATE_TRANSFORM,
           "How variances follow from probes (spectral); sliding windows always use ratio."),
    INT(COVSAMP_SPECTRAL_COLOUR, "spectral_colour", 0, 1, 0,
        "1 estimates a covariance of the channels as well (spectral)."),
    INT(COVSAMP_CHECK_FINITE, "check_finite", 0, 1, 1,
        "1 checks every answer for NaN and infinities."),
    INT(COVSAMP_REPORT_STEPS, "report_steps", 0, 1, 0,
        "1 makes ask() return a request of kind STEP after each step."),
    INT(COVSAMP_THREADS, "threads", 1, 1024, 1,
        "Most tasks at a time that the caller's threads are given; 1: none."),
    REAL(COVSAMP_GUIDANCE, "guidance", -1e6, 1e6, 0,
         "Weight of the gradient of log p(y | x), classifier guidance; 0: off."),
    CHOICE(COVSAMP_GUIDANCE_FORM, "guidance_form", COVSAMP_GUIDE_AUTO,
           "Where the gradient is taken and what it moves."),
    INT(COVSAMP_GUIDANCE_LOW, "guidance_low", 0, INT64_MAX, 0,
        "Steps from levels below this one are not guided."),
    INT(COVSAMP_GUIDANCE_HIGH, "guidance_high", 0, INT64_MAX, 0,
        "Steps from levels above this one are not guided; 0: no limit."),
    CHOICE(COVSAMP_GUIDANCE_PRODUCT, "guidance_product", COVSAMP_GUIDE_PRODUCT_EXACT,
           "How krylov multiplies the gradient: by one further product, or within its space."),
    REAL(COVSAMP_CFG, "cfg", -1e6, 1e6, 0,
         "Weight w of classifier-free guidance, (1 + w) f_0 - w f_1: 0 is the condition alone, -1 "
         "none."),
    INT(COVSAMP_CFG_LOW, "cfg_low", 0, INT64_MAX, 0,
        "Levels below this one are without classifier-free guidance."),
    INT(COVSAMP_CFG_HIGH, "cfg_high", 0, INT64_MAX, 0,
        "Levels above this one are without classifier-free guidance; 0: no limit."),
    INT(COVSAMP_GUIDED_JACOBIAN, "guided_jacobian", 0, 1, 0,
        "1 combines products and heads of both branches as their means; 0 takes those of branch "
        "0."),
    INT(COVSAMP_BRANCHES, "branches", 1, 2, 1,
        "Most branches of classifier-free guidance that one request may carry."),
    INT(COVSAMP_KNOWN, "known", 0, 1, 0, "1 makes room for known values (inpainting)."),
};

static const struct {
    const char *name;
    int64_t value;
    int32_t key, reserved;
} choices[] = {
    {"f32", COVSAMP_F32, COVSAMP_DTYPE, 0},
    {"f64", COVSAMP_F64, COVSAMP_DTYPE, 0},
    {"noise", COVSAMP_PREDICTS_NOISE, COVSAMP_PREDICTION, 0},
    {"x0", COVSAMP_PREDICTS_X0, COVSAMP_PREDICTION, 0},
    {"v", COVSAMP_PREDICTS_V, COVSAMP_PREDICTION, 0},
    {"score", COVSAMP_PREDICTS_SCORE, COVSAMP_PREDICTION, 0},
    {"flow", COVSAMP_PREDICTS_FLOW, COVSAMP_PREDICTION, 0},
    {"reverse", COVSAMP_PREDICTS_REVERSE, COVSAMP_PREDICTION, 0},
    {"none", COVSAMP_COV_NONE, COVSAMP_COVARIANCE, 0},
    {"small", COVSAMP_COV_SMALL, COVSAMP_COVARIANCE, 0},
    {"large", COVSAMP_COV_LARGE, COVSAMP_COVARIANCE, 0},
    {"analytic", COVSAMP_COV_ANALYTIC, COVSAMP_COVARIANCE, 0},
    {"state_isotropic", COVSAMP_COV_STATE_ISOTROPIC, COVSAMP_COVARIANCE, 0},
    {"diag_probe", COVSAMP_COV_DIAG_PROBE, COVSAMP_COVARIANCE, 0},
    {"diag_model", COVSAMP_COV_DIAG_MODEL, COVSAMP_COVARIANCE, 0},
    {"spectral", COVSAMP_COV_SPECTRAL, COVSAMP_COVARIANCE, 0},
    {"krylov", COVSAMP_COV_KRYLOV, COVSAMP_COVARIANCE, 0},
    {"dense", COVSAMP_COV_DENSE, COVSAMP_COVARIANCE, 0},
    {"ocm", COVSAMP_HEAD_OCM, COVSAMP_HEAD, 0},
    {"sn", COVSAMP_HEAD_SN, COVSAMP_HEAD, 0},
    {"npr", COVSAMP_HEAD_NPR, COVSAMP_HEAD, 0},
    {"iddpm", COVSAMP_HEAD_IDDPM, COVSAMP_HEAD, 0},
    {"small", COVSAMP_COV_SMALL, COVSAMP_WINDOW_FALLBACK, 0},
    {"analytic", COVSAMP_COV_ANALYTIC, COVSAMP_WINDOW_FALLBACK, 0},
    {"project", COVSAMP_SYMMETRISE_PROJECT, COVSAMP_SYMMETRISE, 0},
    {"average", COVSAMP_SYMMETRISE_AVERAGE, COVSAMP_SYMMETRISE, 0},
    {"full", COVSAMP_DCT_FULL, COVSAMP_SPECTRAL_MODE, 0},
    {"block", COVSAMP_DCT_BLOCK, COVSAMP_SPECTRAL_MODE, 0},
    {"sliding", COVSAMP_DCT_SLIDING, COVSAMP_SPECTRAL_MODE, 0},
    {"position", COVSAMP_POOL_POSITION, COVSAMP_SPECTRAL_POOL, 0},
    {"channel", COVSAMP_POOL_CHANNEL, COVSAMP_SPECTRAL_POOL, 0},
    {"radial", COVSAMP_POOL_RADIAL, COVSAMP_SPECTRAL_POOL, 0},
    {"transform", COVSAMP_ESTIMATE_TRANSFORM, COVSAMP_SPECTRAL_ESTIMATE, 0},
    {"ratio", COVSAMP_ESTIMATE_RATIO, COVSAMP_SPECTRAL_ESTIMATE, 0},
    {"ancestral", COVSAMP_SOLVER_ANCESTRAL, COVSAMP_SOLVER, 0},
    {"euler", COVSAMP_SOLVER_EULER, COVSAMP_SOLVER, 0},
    {"heun", COVSAMP_SOLVER_HEUN, COVSAMP_SOLVER, 0},
    {"dpmpp_2m", COVSAMP_SOLVER_DPMPP_2M, COVSAMP_SOLVER, 0},
    {"dpmpp_2s", COVSAMP_SOLVER_DPMPP_2S, COVSAMP_SOLVER, 0},
    {"dpmpp_2m_sde", COVSAMP_SOLVER_DPMPP_2M_SDE, COVSAMP_SOLVER, 0},
    {"addim", COVSAMP_SOLVER_ADDIM, COVSAMP_SOLVER, 0},
    {"recompute", COVSAMP_EPS_RECOMPUTE, COVSAMP_EPS_AFTER_CLIP, 0},
    {"raw", COVSAMP_EPS_RAW, COVSAMP_EPS_AFTER_CLIP, 0},
    {"philox-1", COVSAMP_NOISE_PHILOX_1, COVSAMP_NOISE, 0},
    {"ask", COVSAMP_NOISE_ASK, COVSAMP_NOISE, 0},
    {"auto", COVSAMP_GUIDE_AUTO, COVSAMP_GUIDANCE_FORM, 0},
    {"mean", COVSAMP_GUIDE_MEAN, COVSAMP_GUIDANCE_FORM, 0},
    {"state", COVSAMP_GUIDE_STATE, COVSAMP_GUIDANCE_FORM, 0},
    {"score", COVSAMP_GUIDE_SCORE, COVSAMP_GUIDANCE_FORM, 0},
    {"exact", COVSAMP_GUIDE_PRODUCT_EXACT, COVSAMP_GUIDANCE_PRODUCT, 0},
    {"basis", COVSAMP_GUIDE_PRODUCT_BASIS, COVSAMP_GUIDANCE_PRODUCT, 0},
};

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

const covsamp_option *covsamp_option_info(int32_t index)
{
    return index >= 0 && index < COUNT(table) ? &table[index] : NULL;
}

const char *covsamp_option_choice(int32_t key, int32_t index, int64_t *value)
{
    for (int i = 0; i < COUNT(choices); i++) {
        if (choices[i].key != key || index-- != 0)
            continue;
        if (value != NULL)
            *value = choices[i].value;
        return choices[i].name;
    }
    return NULL;
}

int covsamp__option_index(int32_t key)
{
    for (int i = 0; i < COUNT(table); i++)
        if (table[i].key == key)
            return i;
    return -1;
}

int covsamp__option_index_by_name(const char *name)
{
    for (int i = 0; i < COUNT(table); i++)
        if (strcmp(table[i].name, name) == 0)
            return i;
    return -1;
}

int covsamp__option_parse_choice(int32_t key, const char *text, int64_t *value)
{
    const char *name;
    for (int32_t i = 0; (name = covsamp_option_choice(key, i, value)) != NULL; i++)
        if (strcmp(name, text) == 0)
            return 1;
    return 0;
}

const char *covsamp__option_choice_name(int32_t key, int64_t value)
{
    const char *name;
    int64_t found;
    for (int32_t i = 0; (name = covsamp_option_choice(key, i, &found)) != NULL; i++)
        if (found == value)
            return name;
    return NULL;
}

void covsamp__option_choice_list(int32_t key, char *text, size_t bytes)
{
    const char *name;
    size_t used = 0;
    text[0] = '\0';
    for (int32_t i = 0; (name = covsamp_option_choice(key, i, NULL)) != NULL && used < bytes; i++)
        used += (size_t)snprintf(text + used, bytes - used, i == 0 ? "%s" : ", %s", name);
}
