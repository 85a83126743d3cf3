/* SPDX-License-Identifier: BSD-3-Clause */
/* covsamp.h - diffusion sampling with the full posterior covariance
 *
 * A diffusion model gives the posterior mean E[x0 | x_t].  Its Jacobian gives the posterior
 * covariance (Tweedie's second-order formula; alpha, sigma as in x_t = alpha x_0 + sigma e):
 *
 *     C(x_t) = Cov[x0 | x_t] = (sigma^2 / alpha) d E[x0 | x_t] / d x_t
 *
 * so one Jacobian-vector product (JVP) of the network is one covariance-vector product.  A
 * reverse step of this library, from level t to a less noisy level s, is
 *
 *     x_s = ca x_t + cb E[x0 | x_t] + n,        n ~ N(0, lambda^2 I + b^2 C(x_t)),
 *
 * where the transition (DDPM, DDIM) gives ca, cb, b, lambda and the option "covariance" says
 * how C is obtained.  "krylov" is the Lanczos Gaussian sampler: n is drawn with the full C by
 * a few JVPs, without training and without a matrix.
 *
 * The library knows no network: it asks for means and JVPs.  Either the caller owns the loop,
 *
 *     covsamp_sampler_new(&s, config);
 *     while ((st = covsamp_sampler_ask(s, &q)) == COVSAMP_OK)
 *         st = covsamp_sampler_tell(s, my_model(q));
 *
 * or covsamp_sampler_run() does, calling back.  Both give the same bits.
 *
 * Arrays.  A batch holds `batch` samples of `dim` values each, of type float (COVSAMP_F32) or
 * double (COVSAMP_F64); value i of sample b is p[b * stride + i].  What the values mean (their
 * shape, channels, ...) is the model's business.
 *
 * Ownership.  What a function makes and writes to *out is the caller's, who frees it with the _free of
 * its type.  Arrays, texts and structs that the caller passes are read or written during the call and
 * not looked at after it; the hooks' `user` is, and what a model's callbacks point at while it runs.
 * Pointers that come back are the library's, and each function says how long they live.
 *
 * Threads.  Different handles may be used from different threads at the same time; one handle
 * is used by one thread at a time.  Only covsamp_sampler_cancel() may be called from any thread
 * or signal handler, as long as the sampler exists.  This holds for every function here.
 *
 * Manners.  No function prints, aborts, exits, starts a thread, installs a signal handler, reads
 * the environment, depends on the locale or changes floating-point settings.  Memory is taken by
 * the _new functions, covsamp_config_set_schedule(), covsamp_config_set_table(),
 * covsamp_config_set_guidance(), covsamp_mixture_tilted() and, for as long as they run,
 * covsamp_schedule_optimal() and covsamp_path_kl(); stepping allocates nothing.  What the BLAS does
 * inside itself is excepted from all this.
 *
 * Errors.  Every function that can fail returns a covsamp_status; one sentence naming the
 * function, the argument, the value and the allowed range is found in the handle's _message(),
 * or, where a function makes a handle, in its `message` argument.  Functions that only read, and
 * those without a handle or a message, give the status alone.
 */
#ifndef COVSAMP_COVSAMP_H
#define COVSAMP_COVSAMP_H

#include <stddef.h>
#include <stdint.h>

/* The version of the library; this header is its only source. */
#define COVSAMP_VERSION_MAJOR 0
#define COVSAMP_VERSION_MINOR 1
#define COVSAMP_VERSION_PATCH 0
#define COVSAMP_VERSION_NUMBER \
    ((COVSAMP_VERSION_MAJOR << 16) | (COVSAMP_VERSION_MINOR << 8) | COVSAMP_VERSION_PATCH)

#if defined(COVSAMP_STATIC)
#define COVSAMP_API
#elif defined(_WIN32) || defined(__CYGWIN__)
#if defined(COVSAMP_BUILDING)
#define COVSAMP_API __declspec(dllexport)
#else
#define COVSAMP_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define COVSAMP_API __attribute__((visibility("default")))
#else
#define COVSAMP_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ==== 1. Version ============================================================================ */

/** Version of the library in use, as COVSAMP_VERSION_NUMBER is for the header. Never fails. */
COVSAMP_API uint32_t covsamp_version_number(void);
/** The same as text, for example "0.1.0": static, UTF-8, never NULL. */
COVSAMP_API const char *covsamp_version_string(void);

/* ==== 2. Status codes =======================================================================
 * All enumerators in this header have fixed values that are never reused, and travel as int32_t,
 * so that no ABI depends on the size a compiler gives an enum. */

/** One of the codes below. */
typedef int32_t covsamp_status;
enum {
    COVSAMP_OK = 0,
    COVSAMP_DONE = 1,      /* no error: nothing is left to do */
    COVSAMP_CANCELLED = 2, /* no error: cancel or a callback asked to stop; may be resumed */
    /* The call had no effect: */
    COVSAMP_E_NULL = -1,        /* a required pointer is NULL */
    COVSAMP_E_RANGE = -2,       /* a value is outside its documented range */
    COVSAMP_E_OPTION = -3,      /* unknown option, wrong type for it, or text that does not parse */
    COVSAMP_E_STATE = -4,       /* not allowed in this state */
    COVSAMP_E_NOMEM = -5,       /* the allocator returned NULL, or a size overflows */
    COVSAMP_E_STRUCT_SIZE = -6, /* the size field of a struct is not usable */
    COVSAMP_E_UNSUPPORTED = -7, /* known, but not available in this combination */
    /* The open request stays open: ask again, restart or free: */
    COVSAMP_E_MODEL = -20,     /* a callback or tell() reported a failure */
    COVSAMP_E_NONFINITE = -21, /* the model's answer holds a NaN or an infinity */
    /* The run has ended: restart or free: */
    COVSAMP_E_LINALG = -30,  /* an eigenvalue iteration did not converge */
    COVSAMP_E_OVERFLOW = -31, /* a state, or what a model would be asked about, is too large for its type */
    COVSAMP_E_DEVICE = -32   /* an operation of the caller's covsamp_vector_ops failed */
};

/** "COVSAMP_E_RANGE" and the like; "COVSAMP_E_UNKNOWN" for other numbers. Static, never NULL. */
COVSAMP_API const char *covsamp_status_name(covsamp_status status);
/** One English sentence for the code alone. Static, never NULL. */
COVSAMP_API const char *covsamp_status_text(covsamp_status status);

/** Bytes of every `message` buffer a caller passes, the final zero included. Fixed for good. */
#define COVSAMP_MESSAGE_BYTES 512

/* ==== 3. Memory ============================================================================= */

/** Hooks for all memory of the handles made with them.  Copied; NULL means malloc and free.
 *  `user` must outlive those handles.  The hooks are called on the thread of the call. */
typedef struct covsamp_allocator {
    size_t size; /* sizeof(covsamp_allocator) */
    void *(*alloc)(void *user, size_t bytes, size_t align); /* NULL when there is none */
    void (*release)(void *user, void *pointer, size_t bytes);
    void *user;
} covsamp_allocator;

/* ==== 4. Schedules: x_t = alpha x_0 + sigma e ===============================================
 * Level 0 is data (alpha 1, sigma 0) and is always there; levels 1 ... N grow noisier.  Each has
 * an alpha, a sigma and the time that the model is given.  A schedule never changes once made. */

typedef struct covsamp_schedule covsamp_schedule;

/* For the functions covsamp_schedule_new_...: *out receives the handle, NULL on failure.  mem: NULL
 * or hooks.  message: NULL or COVSAMP_MESSAGE_BYTES bytes, "" on success.  Errors: E_NULL, E_RANGE
 * (levels outside 1 ... 2^24 - 1, alpha^2 below 1e-290, or as said), E_STRUCT_SIZE, E_NOMEM. */

/** DDPM's linear schedule (Ho et al. 2020): beta from beta_first to beta_last in `levels` equal
 *  steps, alpha^2 = prod (1 - beta), sigma^2 = 1 - alpha^2, time = level - 1.
 *  0 < beta_first <= beta_last < 1. */
COVSAMP_API covsamp_status covsamp_schedule_new_linear(covsamp_schedule **out, int64_t levels,
                                                       double beta_first, double beta_last,
                                                       const covsamp_allocator *mem, char *message);
/** The cosine schedule (Nichol & Dhariwal 2021, eq. 17): alpha^2 follows
 *  cos^2((t + offset) / (1 + offset) pi / 2), beta capped at 0.999, time = level - 1.
 *  0 <= offset < 1; the authors use 0.008. */
COVSAMP_API covsamp_status covsamp_schedule_new_cosine(covsamp_schedule **out, int64_t levels,
                                                       double offset,
                                                       const covsamp_allocator *mem, char *message);
/** Any schedule: alpha[i], sigma[i], time[i] belong to level i + 1.  Copied.  All finite,
 *  0 <= alpha <= 1, sigma > 0, alpha / sigma strictly decreasing, time strictly increasing;
 *  time NULL: level - 1.  Only the last alpha may be 0. */
COVSAMP_API covsamp_status covsamp_schedule_new_table(covsamp_schedule **out, int64_t levels,
                                                      const double *alpha, const double *sigma,
                                                      const double *time,
                                                      const covsamp_allocator *mem, char *message);
/** Variance exploding (alpha = 1) with the sigmas of Karras et al. 2022, eq. 5, from sigma_max at
 *  the last level to sigma_min at level 1; time = sigma.  levels >= 2, 0 < sigma_min < sigma_max,
 *  rho >= 1 (the authors use 7). */
COVSAMP_API covsamp_status covsamp_schedule_new_karras(covsamp_schedule **out, int64_t levels,
                                                       double sigma_min, double sigma_max,
                                                       double rho, const covsamp_allocator *mem,
                                                       char *message);
/** Flow matching along straight lines: time = level / levels, alpha = 1 - time, sigma = time. */
COVSAMP_API covsamp_status covsamp_schedule_new_flow(covsamp_schedule **out, int64_t levels,
                                                     const covsamp_allocator *mem, char *message);
/** NULL is fine. */
COVSAMP_API void covsamp_schedule_free(covsamp_schedule *schedule);

/** Number of the noisiest level, N; 0 if schedule is NULL. */
COVSAMP_API int64_t covsamp_schedule_levels(const covsamp_schedule *schedule);
/** Writes *alpha, *sigma and *time of a level in [1, N], whole or not, or of level 0; any may be NULL.
 *  Between whole levels the time is linear in the level and log(alpha / sigma) is linear in the time;
 *  alpha^2 + sigma^2 = 1, alpha = 1 or alpha + sigma = 1 is kept where the schedule has it.  Where the
 *  time is sigma (Karras, flow matching) it is so between levels too.  The time of level 0 is that of
 *  level 1 less the first step of the times.  Errors: E_NULL, E_RANGE (also next to a level with
 *  alpha = 0 in a table, where log(alpha / sigma) has no line to follow). */
COVSAMP_API covsamp_status covsamp_schedule_at(const covsamp_schedule *schedule, double level,
                                               double *alpha, double *sigma, double *time);

enum {
    COVSAMP_SPACING_EVEN = 1,      /* 1 + i (N - 1) / (K - 1), halves rounded to even; K = 1: N */
    COVSAMP_SPACING_QUADRATIC = 2, /* 1 + floor(.8 N (i / (K - 1))^2); K = 1: 1 + floor(.8 N) */
    COVSAMP_SPACING_TRAILING = 3,  /* N - i N / K, halves rounded to even */
    COVSAMP_SPACING_LOG_SNR = 4    /* steps of equal length in log SNR, from N towards level 1 (Lu et al. 2022,
                                      DPM-Solver): log SNR nearest to L_N + i (L_1 - L_N) / K.  Where levels are
                                      further apart than that, each is visited once.  alpha_N = 0: L_N is that of
                                      level N - 1 */
};
/** Writes levels[0 ... count - 1], which a run of so many steps visits, noisiest first; the step from
 *  the last of them to data is the count-th.  Trailing draws better in few steps (Lin et al. 2024;
 *  docs/evaluation.md): the last but one step of even levels, into level 1, is many times as long in
 *  log SNR as the others.  message: NULL or COVSAMP_MESSAGE_BYTES bytes.
 *  Errors: E_NULL, E_RANGE (count outside 1 ... N, unknown spacing, or a spacing that would visit
 *  one level twice). */
COVSAMP_API covsamp_status covsamp_schedule_spaced(const covsamp_schedule *schedule, int64_t count,
                                                   int32_t spacing, int64_t *levels, char *message);
/** Writes levels[0 ... count - 1], noisiest first, of which Analytic-DPM's dynamic programme says that a
 *  run does best (Bao et al. 2022): from N down to 1, the sum of log(analytic variance / small variance) over
 *  the steps smallest.  noise[n - 1], n = 1 ... N, is the table COVSAMP_TABLE_NOISE.  Entries above 1 say
 *  that the network is useless there: such levels are left out, and those above the last entry <= 1 get
 *  their share of the levels, evenly spaced, N among them.  At alpha = 0 the entry says nothing, and that of
 *  the level below counts.  count 1: N.  Time is of the order N^2 count.  message: as for
 *  covsamp_schedule_spaced().  Memory comes from the schedule's hooks and is gone on return.  Errors: E_NULL, E_RANGE (count outside
 *  1 ... N less the levels left out; noise negative or not finite), E_NOMEM. */
COVSAMP_API covsamp_status covsamp_schedule_optimal(const covsamp_schedule *schedule,
                                                    const double *noise, int64_t count,
                                                    int64_t *levels, char *message);

/* ==== 5. Options ============================================================================
 * A configuration collects options; covsamp_sampler_new() checks all of them at once. */

typedef struct covsamp_config covsamp_config;

enum { /* keys; type, default and range are in covsamp_option_info() */
    COVSAMP_BATCH = 1,           /* int, required: samples per batch */
    COVSAMP_DIM = 2,             /* int, required: values per sample */
    COVSAMP_DTYPE = 3,           /* COVSAMP_F32 or COVSAMP_F64 */
    COVSAMP_PREDICTION = 4,      /* what the model predicts: COVSAMP_PREDICTS_... */
    COVSAMP_COVARIANCE = 20,     /* COVSAMP_COV_... */
    COVSAMP_KRYLOV_STEPS = 21,   /* int: JVPs per step of "krylov"; the most with a tolerance: 16 unless
                                    this was set */
    COVSAMP_TANGENTS = 22,       /* int: most tangents that one request may carry; krylov has 1 */
    COVSAMP_CLIP_COVARIANCE = 23, /* int: with clip_x0, 1 uses P C P, P masking clipped values */
    COVSAMP_MEAN_JVP = 24,       /* int: 1 lets the first JVP ride with the mean; never dense */
    COVSAMP_WINDOW_LOW = 25,     /* int: levels below use window_fallback instead of the covariance */
    COVSAMP_WINDOW_HIGH = 26,    /* int: levels above do; 0: no limit, else at least window_low */
    COVSAMP_TOLERANCE = 27,      /* real: "krylov" stops a sample early at this change; 0: off */
    COVSAMP_PROBES = 28,         /* int: probe vectors per estimate */
    COVSAMP_REUSE = 29,          /* int: steps that an estimate serves */
    COVSAMP_HEAD = 30,           /* COVSAMP_HEAD_...: what the model's head predicts */
    COVSAMP_COVARIANCE_CAP = 31, /* real: largest variance of x0, 0: no limit */
    COVSAMP_RITZ_CAP = 32,       /* real: the same in units of sigma^2 / alpha^2, 0: no limit */
    COVSAMP_TRACE_GUARD = 33,    /* real: trace(C) at most this times the analytic table's, 0: off; for
                                    covariances by products and by heads but COVSAMP_HEAD_IDDPM */
    COVSAMP_WINDOW_FALLBACK = 34, /* COVSAMP_COV_SMALL or _ANALYTIC: outside the window */
    COVSAMP_LIMIT_RANGE = 35,    /* int: 1 limits v of COVSAMP_HEAD_IDDPM to [-1, 1] */
    COVSAMP_SYMMETRISE = 36,     /* COVSAMP_SYMMETRISE_...: how products with (C + C^T) / 2 are made */
    COVSAMP_ETA = 40,            /* real: 1 is DDPM, 0 deterministic DDIM (Song et al. 2021) */
    COVSAMP_CLIP_X0 = 41,        /* real: clip E[x0|x_t] to +- this; 0: off */
    COVSAMP_EPS_AFTER_CLIP = 42, /* COVSAMP_EPS_... */
    COVSAMP_LAST_NOISE = 43,     /* int: 1 adds noise on the step to data too */
    COVSAMP_MEAN_ORDER = 44,     /* int: 2 extrapolates x0 from this and the previous level */
    COVSAMP_SOLVER = 45,         /* COVSAMP_SOLVER_... */
    COVSAMP_PIXEL_CLIP = 46,     /* real: bounds the noise of the last noisy step, see docs/math.md */
    COVSAMP_CHURN = 47,          /* real: S_churn of "heun" (Karras et al. 2022, algorithm 2) */
    COVSAMP_CHURN_LOW = 48,      /* real: S_tmin, in sigma / alpha */
    COVSAMP_CHURN_HIGH = 49,     /* real: S_tmax, at least S_tmin */
    COVSAMP_CHURN_NOISE = 50,    /* real: S_noise */
    COVSAMP_ADDIM_ETA = 51,      /* real: factor on the table COVSAMP_TABLE_X0_ERROR */
    COVSAMP_SEED = 60,           /* int: all 64 bits count; as text also up to 2^64 - 1 */
    COVSAMP_FIRST_SAMPLE = 61,   /* int: number of the first sample of the batch */
    COVSAMP_NOISE = 62,          /* COVSAMP_NOISE_... */
    COVSAMP_CHANNELS = 70,       /* int: "spectral" reads a sample as [channels][height][width] */
    COVSAMP_HEIGHT = 71,         /* int: 1 for signals */
    COVSAMP_WIDTH = 72,          /* int */
    COVSAMP_SPECTRAL_MODE = 73,  /* whose cosine transform is taken: COVSAMP_DCT_... */
    COVSAMP_SPECTRAL_BLOCK = 74, /* int: side k of the windows, 1 x k if height is 1; not "full" */
    COVSAMP_SPECTRAL_POOL = 75,  /* what shares a variance: COVSAMP_POOL_... */
    COVSAMP_SPECTRAL_ESTIMATE = 76, /* COVSAMP_ESTIMATE_... */
    COVSAMP_SPECTRAL_COLOUR = 77, /* int: 1 estimates a matrix of channels as well (at most 64) */
    COVSAMP_CHECK_FINITE = 80,   /* int: 1 checks every answer for NaN and infinities */
    COVSAMP_REPORT_STEPS = 81,   /* int: 1 makes ask() return COVSAMP_ASK_STEP after each step */
    COVSAMP_THREADS = 82,        /* int: most tasks at a time, see covsamp_config_set_parallel_for() */
    COVSAMP_GUIDANCE = 90,       /* real: weight w of the gradient of log p(y | x), see section 15; 0: off */
    COVSAMP_GUIDANCE_FORM = 91,  /* COVSAMP_GUIDE_...: where the gradient is taken and what it moves */
    COVSAMP_GUIDANCE_LOW = 92,   /* int: steps from levels below are not guided */
    COVSAMP_GUIDANCE_HIGH = 93,  /* int: nor those from levels above; 0: no limit */
    COVSAMP_GUIDANCE_PRODUCT = 94, /* COVSAMP_GUIDE_PRODUCT_...: how krylov multiplies the gradient */
    COVSAMP_CFG = 95,            /* real: weight w of classifier-free guidance; 0: the condition alone, as
                                    without, -1: without the condition */
    COVSAMP_CFG_LOW = 96,        /* int: at levels below w = 0 */
    COVSAMP_CFG_HIGH = 97,       /* int: and at levels above; 0: no limit */
    COVSAMP_GUIDED_JACOBIAN = 98, /* int: 1 combines products and heads as means are; 0: those of branch 0 */
    COVSAMP_BRANCHES = 99,       /* int: 2 lets one request carry both branches */
    COVSAMP_KNOWN = 100          /* int: 1 makes room for covsamp_sampler_set_known() */
};

enum { COVSAMP_F32 = 1, COVSAMP_F64 = 2 };

enum {
    COVSAMP_PREDICTS_NOISE = 1,  /* E[e | x_t] */
    COVSAMP_PREDICTS_X0 = 2,     /* E[x0 | x_t]; also EDM's D(x; sigma) */
    COVSAMP_PREDICTS_V = 3,      /* alpha e - sigma x0 (Salimans & Ho 2022) */
    COVSAMP_PREDICTS_SCORE = 4,  /* grad log q(x_t) */
    COVSAMP_PREDICTS_FLOW = 5,   /* the velocity e - x0 */
    COVSAMP_PREDICTS_REVERSE = 6 /* E[x_{n-1} | x_n], one level down */
};

enum {
    COVSAMP_COV_NONE = 0,    /* no noise at all: the mean */
    COVSAMP_COV_SMALL = 1,   /* C = 0: variance lambda^2 (beta-tilde for DDPM) */
    COVSAMP_COV_LARGE = 2,   /* variance of q(x_t | x_s) (beta); only with eta = 1 */
    COVSAMP_COV_ANALYTIC = 10, /* c I, c from a table of mean-square noise (Bao et al. 2022) */
    COVSAMP_COV_STATE_ISOTROPIC = 11, /* trace(C) / dim I by probes: `probes` JVPs */
    COVSAMP_COV_DIAG_PROBE = 20, /* the diagonal of C by probes (Hutchinson): `probes` JVPs */
    COVSAMP_COV_DIAG_MODEL = 21, /* the diagonal of C by a head of the model, see COVSAMP_HEAD */
    COVSAMP_COV_SPECTRAL = 22, /* diagonal in a cosine basis by probes: `probes` JVPs */
    COVSAMP_COV_KRYLOV = 30, /* the full C by Lanczos: krylov_steps JVPs */
    COVSAMP_COV_DENSE = 31   /* the full C as a matrix: dim JVPs; the reference, for small dim */
};

enum { /* a learned network's C is not quite symmetric: */
    COVSAMP_SYMMETRISE_PROJECT = 1, /* products are C v, and what they are projected to is symmetrised */
    COVSAMP_SYMMETRISE_AVERAGE = 2  /* products are (C v + C^T v) / 2: a JVP and a VJP each */
};

enum {
    COVSAMP_EPS_RECOMPUTE = 1, /* noise estimate from the clipped x0; with eta = 1 the posterior mean of
                                  DDPM (improved-diffusion; the DDPM of Analytic-DPM, OCM, diffusers) */
    COVSAMP_EPS_RAW = 2        /* noise estimate as before clipping (the DDIM of these three) */
};

enum { /* what the head holds, e the noise: */
    COVSAMP_HEAD_OCM = 1,  /* sigma^2 diag(Hessian of log q) (Ou et al. 2025) */
    COVSAMP_HEAD_SN = 2,   /* E[e^2 | x_t] (Bao et al. 2022, extended Analytic-DPM) */
    COVSAMP_HEAD_NPR = 3,  /* E[(e - predicted e)^2 | x_t] (the same) */
    COVSAMP_HEAD_IDDPM = 4 /* v of log variance = v' log beta + (1 - v') log beta-tilde,
                              v' = (v + 1) / 2 (Nichol & Dhariwal 2021); only with eta = 1.  It is
                              the variance of the step, not of x0: covariance_cap, ritz_cap and
                              trace_guard do not apply, limit_range does */
};

enum { /* cosine transforms (DCT-II) of: */
    COVSAMP_DCT_FULL = 1,  /* the whole of each channel */
    COVSAMP_DCT_BLOCK = 2, /* k x k windows side by side; k divides height and width */
    COVSAMP_DCT_SLIDING = 3 /* k x k windows at every position, wrapping around; k at most height
                               and width; not with noise = ask, since it draws more numbers than
                               a request has, from COVSAMP_STREAM_COEFFICIENTS */
};

enum { /* one variance for each: */
    COVSAMP_POOL_POSITION = 1, /* channel and frequency, over all windows */
    COVSAMP_POOL_CHANNEL = 2,  /* frequency, over all windows and channels */
    COVSAMP_POOL_RADIAL = 3    /* channel and ring of frequencies */
};

enum {
    COVSAMP_ESTIMATE_TRANSFORM = 1, /* probes are random signs in the basis; "sliding" uses ratio */
    COVSAMP_ESTIMATE_RATIO = 2      /* probes are random signs, estimates quotients of sums */
};

/* All but "ancestral" fix covariance, eta and mean_order: to none, 0 and 1, or as said.  These options
 * may be left alone or set to what the solver fixes; covsamp_sampler_new() refuses any other value that
 * was set (E_UNSUPPORTED) rather than overriding it, and never minds a default. */
enum {
    COVSAMP_SOLVER_ANCESTRAL = 1, /* transition and covariance, by the options */
    COVSAMP_SOLVER_EULER = 2,     /* = ancestral, eta 0, covariance none */
    COVSAMP_SOLVER_HEUN = 3,      /* EDM (Karras et al. 2022), 2 means a step but for the last */
    COVSAMP_SOLVER_DPMPP_2M = 4,  /* = ancestral, eta 0, covariance none, mean_order 2 */
    COVSAMP_SOLVER_DPMPP_2S = 5,  /* Lu et al. 2022, 2 means a step but for the last */
    COVSAMP_SOLVER_DPMPP_2M_SDE = 6, /* = ancestral, eta 1, covariance small, mean_order 2 */
    COVSAMP_SOLVER_ADDIM = 7      /* Heek et al. 2024 */
};

enum { /* forms of classifier guidance, see section 15 */
    COVSAMP_GUIDE_AUTO = 1,  /* MEAN where eta > 0, a covariance adds noise and the solver is ancestral; else
                                SCORE */
    COVSAMP_GUIDE_MEAN = 2,  /* mean + w S g, g at the mean and the level where the step ends */
    COVSAMP_GUIDE_STATE = 3, /* mean + w S g, g at x_t and its level, as published code has it */
    COVSAMP_GUIDE_SCORE = 4  /* E[x0 | x_t] + w sigma^2 / alpha g, g at x_t: the score of the guided
                                distribution, which any solver can take */
};

enum { /* krylov's S g: */
    COVSAMP_GUIDE_PRODUCT_EXACT = 1, /* one further product a step */
    COVSAMP_GUIDE_PRODUCT_BASIS = 2  /* none: C within the space of the step's noise */
};

enum {
    COVSAMP_NOISE_PHILOX_1 = 1, /* the library's own, see section 9 */
    COVSAMP_NOISE_ASK = 100     /* requests COVSAMP_ASK_NOISE */
};

enum { COVSAMP_TYPE_INT = 1, COVSAMP_TYPE_REAL = 2, COVSAMP_TYPE_CHOICE = 3 };

/** What a binding or a command line must know of an option.  Owned by the library, static; later
 *  versions only append fields. */
typedef struct covsamp_option {
    size_t size;
    int32_t key, type;     /* COVSAMP_TYPE_...; a choice is an int with names, by option_choice */
    const char *name;      /* "krylov_steps" */
    const char *help;      /* one sentence */
    int64_t int_low, int_high, int_default; /* TYPE_INT, TYPE_CHOICE; a default below int_low: must
                                               be set */
    double real_low, real_high, real_default; /* for TYPE_REAL */
} covsamp_option;

/** The index-th option, 0, 1, ...; NULL past the end.  Static. */
COVSAMP_API const covsamp_option *covsamp_option_info(int32_t index);
/** The index-th name of a choice, and in *value (may be NULL) its number; NULL past the end and for
 *  options that are not choices.  Static. */
COVSAMP_API const char *covsamp_option_choice(int32_t key, int32_t index, int64_t *value);

/** Makes a configuration with every option at its default.  mem serves the samplers made from it
 *  as well.  Errors: E_NULL, E_STRUCT_SIZE, E_NOMEM; *out is NULL then. */
COVSAMP_API covsamp_status covsamp_config_new(covsamp_config **out, const covsamp_allocator *mem);
/** NULL is fine.  Samplers made from it live on. */
COVSAMP_API void covsamp_config_free(covsamp_config *config);
/** Sets an option of type int or choice.  Errors: E_NULL, E_OPTION, E_RANGE; the old value stays. */
COVSAMP_API covsamp_status covsamp_config_set_int(covsamp_config *config, int32_t key,
                                                  int64_t value);
/** Sets an option of type real.  Errors as above. */
COVSAMP_API covsamp_status covsamp_config_set_real(covsamp_config *config, int32_t key,
                                                   double value);
/** Sets an option from text, as a command line has it: "krylov_steps" "3", "covariance" "krylov".
 *  Independent of the locale.  Errors: E_NULL, E_OPTION, E_RANGE; the old value stays. */
COVSAMP_API covsamp_status covsamp_config_set_by_name(covsamp_config *config, const char *name,
                                                      const char *text);
/** Reads an option back into *value.  Errors: E_NULL, E_OPTION. */
COVSAMP_API covsamp_status covsamp_config_get_int(const covsamp_config *config, int32_t key,
                                                  int64_t *value);
/** As covsamp_config_get_int(), for options of type real. */
COVSAMP_API covsamp_status covsamp_config_get_real(const covsamp_config *config, int32_t key,
                                                   double *value);
/** Writes an option as text that set_by_name() reads back to the same value (batch and dim once they
 *  are set).  bytes: size of text; 64 are always enough.  Errors: E_NULL, E_OPTION, E_RANGE (bytes too small). */
COVSAMP_API covsamp_status covsamp_config_get_text(const covsamp_config *config, int32_t key,
                                                   char *text, size_t bytes);
/** The schedule and levels[0 ... count - 1] to visit, noisiest first, strictly decreasing, each in 1 ... N; the
 *  run ends with the step from the last of them to data.  Both are copied: the schedule may be freed.
 *  Errors: E_NULL, E_RANGE, E_NOMEM; the old ones stay. */
COVSAMP_API covsamp_status covsamp_config_set_schedule(covsamp_config *config,
                                                       const covsamp_schedule *schedule,
                                                       const int64_t *levels, int64_t count);
enum { /* tables over levels 1 ... N, as an analysis of the network on data gives them */
    COVSAMP_TABLE_NOISE = 1,   /* mean square of the predicted noise, E|e|^2 / dim: for "analytic" and
                                  the trace guard */
    COVSAMP_TABLE_X0_ERROR = 2 /* E|x0 - E[x0|x_t]|^2 / dim: for "addim" */
};
/** Sets a table; values[n - 1] belongs to level n.  Copied.  Each must be finite and >= 0; that count is
 *  the schedule's number of levels is checked by covsamp_sampler_new().  count 0 removes the table.
 *  Errors: E_NULL, E_RANGE, E_NOMEM; the old one stays. */
COVSAMP_API covsamp_status covsamp_config_set_table(covsamp_config *config, int32_t table,
                                                    const double *values, int64_t count);
/** A task of covsamp_parallel_for: does part `index` of what data stands for. */
typedef void (*covsamp_task_fn)(void *data, int64_t index);
/** The caller's threads, for the vector work of one handle.  run() must call task(data, index) once for every
 *  index 0 ... count - 1, 2 <= count <= the option "threads", in any order and on any threads, and return when
 *  all of these calls have; what they wrote must be visible then.  An OpenMP loop is one, as is a pool, or a
 *  plain loop.  Tasks are short (16 us and more), equal in size, never wait for each other, call nothing of the
 *  caller's and none of these functions.  run() is called on the thread of the call that steps; one handle
 *  does so once at a time, several may at once.  It cannot fail: what no thread can be had for it does itself.
 *  It must not throw, jump, or call this library about the handle that it works for. */
typedef struct covsamp_parallel_for {
    size_t size; /* sizeof(covsamp_parallel_for) */
    void (*run)(void *user, int64_t count, covsamp_task_fn task, void *data);
    void *user;
} covsamp_parallel_for;
/** Lends threads to the handles made from this configuration from now on: samplers and likelihood bounds; the
 *  network is none of its business.  Needs the option "threads" above 1 to have an effect; threads above 1 without it
 *  is refused by covsamp_sampler_new() and covsamp_nelbo_new() (E_RANGE), since the library starts none; calibrations and posterior
 *  modes heed neither.  Copied; hook->user must outlive those handles.  NULL: none.  All bits are the same for any number of
 *  threads that treat denormal numbers and rounding as the caller's does.  What is small stays on the thread of the call, and so
 *  do eigenvalues, cosine transforms and `dense` (docs/threads.md).  Errors:
 *  E_NULL (config, hook->run), E_STRUCT_SIZE; the old one stays. */
COVSAMP_API covsamp_status covsamp_config_set_parallel_for(covsamp_config *config,
                                                           const covsamp_parallel_for *hook);
/** Vectors of a sampler that are the caller's, in memory that only this table can reach: a GPU's, as a rule.
 *  libcovsamp never looks behind such an address, it only adds to it.  covsamp_torch_vector_ops() of the shim fills a table
 *  by libtorch.  Every function returns 0, or any other number that means failure: the call of this library
 *  under way then ends the run with COVSAMP_E_DEVICE, and its message has the operation and the number.  They are called on
 *  the thread of the call that needs them (covsamp_sampler_new(), _free(), _restart(), _state(), _save(), _load(), the edits, and
 *  those that step), must not throw or jump, and must not call this library about the same
 *  sampler.  When one returns, its result must be there for the next one, for what the model is asked, and, in host
 *  memory, for the caller.
 *     A vector has rows of n values of type dtype (COVSAMP_F32, _F64), one behind the other; all addresses begin at a
 *  multiple of the type's size; coefficients, h and index lie in host memory, keep in the table's.  Outputs may be an input.  rows * n
 *  is at most batch * dim, but for one `combine` of zeros over all that was allocated.  Arithmetic as the
 *  library's own: double, rounded once on storing, if samples are to be those of vectors on the host to rounding.  For samples
 *  that depend on nothing but themselves a sum over a row must be made in a fixed order: of blocks of 4096 values each a sum in double,
 *  in an order that depends on neither rows nor the device's threads, and of these in their order. */
typedef struct covsamp_vector_ops {
    size_t size; /* sizeof(covsamp_vector_ops) */
    void *user;
    /* NULL: there is no memory.  Else a multiple of 64, or the sampler is refused (E_DEVICE); address + i bytes must be the address of byte i. */
    void *(*alloc)(void *user, size_t bytes);
    void (*release)(void *user, void *memory, size_t bytes);
    /* bytes from host memory to the table's, and back */
    int32_t (*put)(void *user, void *to, const void *from, size_t bytes);
    int32_t (*get)(void *user, void *to, const void *from, size_t bytes);
    /* out = a[row] x + b[row] y; y NULL: a[row] x, and zeros where a[row] is 0, whatever x is (then it may be NULL) */
    int32_t (*combine)(void *user, int32_t dtype, int64_t rows, int64_t n, const double *a, const void *x,
                       const double *b, const void *y, void *out);
    /* h[row * k + j] = v_j . w of the row, j < k; vector v_j begins j * stride values behind v, with all its rows */
    int32_t (*project)(void *user, int32_t dtype, int64_t rows, int64_t n, int64_t k, const void *v,
                       int64_t stride, const void *w, double *h);
    /* out = beta out + sum over j < k of h[row * k + j] v_j; beta 0 (out may hold anything) or 1; k may be 0 */
    int32_t (*expand)(void *user, int32_t dtype, int64_t rows, int64_t n, int64_t k, double beta,
                      const void *v, int64_t stride, const double *h, void *out);
    /* x limited to [-bound, bound], a NaN stays one; keep[i] (may be NULL) = 1 where |x| <= bound held before, else 0 */
    int32_t (*clip)(void *user, int32_t dtype, int64_t n, double bound, void *x, uint8_t *keep);
    /* out = x where keep[i] is not 0, b y elsewhere; y NULL: 0 there */
    int32_t (*select)(void *user, int32_t dtype, int64_t n, const uint8_t *keep, const void *x, double b,
                      const void *y, void *out);
    /* *index = i of the first x[i] that is NaN or infinite, -1 if there is none */
    int32_t (*find_nonfinite)(void *user, int32_t dtype, int64_t n, const void *x, int64_t *index);
} covsamp_vector_ops;
/** Samplers made from this configuration from now on have their vectors in ops' memory, one block each (and two vectors of batch * dim on
 *  the host, to copy by), and the pointers of their requests are addresses there (request->ops is set).  What comes from the
 *  caller otherwise, and what goes to him, stays in host memory: state, start, known values, saved runs.  Noise is made on the
 *  host and put, so that it has its bits: [batch][dim] values by the bus a step; noise = ask lets the caller make it where it is needed.
 *  For covariance none, small, large, analytic and krylov, any solver and any guidance; covariances that work value
 *  by value (state_isotropic, diag_..., spectral, dense) are refused by covsamp_sampler_new() (E_UNSUPPORTED), as are tables by
 *  calibration, likelihood bounds, posterior modes and path KL.  Copied; ops->user must outlive those samplers.
 *  NULL: none, the vectors are in the sampler's own memory.  Errors: E_NULL (config, a function), E_STRUCT_SIZE; the old ones stay. */
COVSAMP_API covsamp_status covsamp_config_set_vector_ops(covsamp_config *config,
                                                         const covsamp_vector_ops *ops);
/** What was wrong with the last call on this configuration, covsamp_sampler_new() included; "" if
 *  nothing was.  Never NULL; valid until the next call on it. */
COVSAMP_API const char *covsamp_config_message(const covsamp_config *config);

/* ==== 6. Samplers =========================================================================== */

typedef struct covsamp_sampler covsamp_sampler;

/** Checks the configuration and takes all memory that the sampler will ever use, one block.  Of it grow with
 *  batch * dim: 4 vectors of that length, 5 with mean_order 2, 7 with probes and one tangent a request,
 *  krylov_steps + 6 with "krylov" (docs/performance.md).  The configuration may be changed or freed afterwards.
 *  Errors: E_NULL, E_RANGE, E_UNSUPPORTED, E_NOMEM, with the sentence in covsamp_config_message(); *out is
 *  NULL then. */
COVSAMP_API covsamp_status covsamp_sampler_new(covsamp_sampler **out, covsamp_config *config);
/** NULL is fine. */
COVSAMP_API void covsamp_sampler_free(covsamp_sampler *sampler);
/** Back to the start with another seed and sample number, in any state, without allocating; a
 *  cancel that was not seen yet is forgotten.  The start is N(0, I) where the schedule preserves the
 *  variance (alpha^2 + sigma^2 = 1), else N(0, sigma^2 I), sigma that of the first level.
 *  Errors: E_NULL, E_RANGE (first_sample < 0), E_DEVICE (as ask()). */
COVSAMP_API covsamp_status covsamp_sampler_restart(covsamp_sampler *sampler, uint64_t seed,
                                                   int64_t first_sample);
/** Points *x at the batch as it stands, [batch][dim] with rows *stride values apart: x_t between steps,
 *  the samples after COVSAMP_DONE; read only; where the vectors are a covsamp_vector_ops', a copy in host memory.  Valid until the next call on this handle that steps, restarts or frees.  Before the first ask() it is
 *  zero.  Errors: E_NULL, E_DEVICE. */
COVSAMP_API covsamp_status covsamp_sampler_state(const covsamp_sampler *sampler, const void **x,
                                                 int64_t *stride);
/** Replaces the batch between two steps or before the first (the start is then x, not noise): sample
 *  b is read from x + b * stride values of the sampler's type.  Errors: E_NULL, E_RANGE (stride <
 *  dim), E_NONFINITE, E_STATE (a step is open, or the run is done), E_DEVICE (as ask()). */
COVSAMP_API covsamp_status covsamp_sampler_set_state(covsamp_sampler *sampler, const void *x,
                                                     int64_t stride);
/** Image to image: begins at x_t = alpha x0 + sigma e of the first level instead of noise alone, e being the
 *  numbers that the start would have been made of (stream START).  Levels that begin lower keep more of x0.
 *  Before the first ask() or after a restart only.  Errors: as set_state(). */
COVSAMP_API covsamp_status covsamp_sampler_start_from(covsamp_sampler *sampler, const void *x0,
                                                      int64_t stride);
/** Values that are known (inpainting): wherever mask[i] of a sample is 1, the state becomes alpha x0 + sigma e
 *  of its level at the start and after every step, and x0 itself at the end (the replacement of Lugmayr et
 *  al. 2022, without their resampling); e from COVSAMP_STREAM_KNOWN, or asked for.  A state that
 *  set_state() gives is left as it is.  x0: [batch][dim], rows `stride` apart; mask: bytes 0 or 1, rows
 *  mask_stride apart, 0: one row [dim] for all samples.  Copied; may be set between steps; both NULL: none
 *  (restart keeps them).  Errors: E_NULL, E_RANGE (stride, mask_stride, a byte of the mask), E_NONFINITE,
 *  E_STATE (a step is open), E_UNSUPPORTED (option "known" is 0), E_DEVICE (as ask()). */
COVSAMP_API covsamp_status covsamp_sampler_set_known(covsamp_sampler *sampler, const void *x0,
                                                     int64_t stride, const uint8_t *mask,
                                                     int64_t mask_stride);
/** Writes all that a half-done run is, between two steps, before the first or after the last, as a string
 *  of bytes: the same on every machine, with a version and a checksum.  *needed (may be NULL) receives its length.
 *  buffer: [capacity] bytes; NULL with capacity 0 asks for the length alone.  It holds the state, step, seed, what reaches from
 *  step to step, known values, statistics, and a fingerprint of options, schedule and tables; not the model.
 *  Errors: E_NULL, E_RANGE (capacity too small: nothing is written), E_STATE (a step is open, or the run has
 *  failed), E_DEVICE (as ask()). */
COVSAMP_API covsamp_status covsamp_sampler_save(covsamp_sampler *sampler, void *buffer,
                                                size_t capacity, size_t *needed);
/** Goes on from such a string, data[0 ... bytes - 1], in any state, on a sampler of the same configuration (options that do not
 *  change samples may differ: allocator, check_finite, report_steps, threads, tangents, mean_jvp, branches).
 *  Seed and sample numbers become those of the string.  Errors, which change nothing: E_NULL, E_RANGE (not
 *  such a string, truncated, changed, of a newer version), E_UNSUPPORTED (of another configuration: the
 *  message names what differs), E_STATE (inside a callback); and E_DEVICE (as ask()). */
COVSAMP_API covsamp_status covsamp_sampler_load(covsamp_sampler *sampler, const void *data,
                                                size_t bytes);
/** One sentence on the last call that failed on this handle; "" if the last call did not fail.
 *  Never NULL; valid until the next call on this handle. */
COVSAMP_API const char *covsamp_sampler_message(const covsamp_sampler *sampler);
/** From any thread or signal handler: the next ask(), or the run() under way at its next request,
 *  returns COVSAMP_CANCELLED once, unless the run has ended.  Nothing is lost: asking or running again
 *  goes on.  NULL is fine. */
COVSAMP_API void covsamp_sampler_cancel(covsamp_sampler *sampler);

/** Counts since creation or restart.  "Paid" counts every tangent of every request for every sample
 *  of the batch; "used" leaves out samples that had stopped already. */
typedef struct covsamp_stats {
    size_t size; /* sizeof(covsamp_stats), set by the caller */
    int64_t steps;                  /* finished */
    int64_t mean_requests;          /* means, of a branch each */
    int64_t jvp_requests;           /* requests with products */
    int64_t jvp_tangents;           /* tangents in them, of a branch each, for a whole batch */
    int64_t products_used;          /* per sample, see above */
    int64_t products_paid;          /* jvp_tangents * batch */
    int64_t ritz_values;            /* eigenvalues of projected, dense, spectral covariances */
    int64_t ritz_clamped;           /* of these, negative and set to 0 */
    int64_t breakdowns;             /* samples whose Krylov space closed early: exact draws */
    int64_t breakdowns_asymmetric;  /* the same with a visibly non-symmetric projection: not exact */
    int64_t steps_without;          /* steps by window_fallback: alpha = 0, or the window */
    double asymmetry;               /* largest |H - H^T| / |H + H^T|, Frobenius, H = V^T C V */
    double error_estimate;          /* largest |y_m - y_(m-1)| / |y_m| of a Krylov draw */
    int64_t vjp_requests, vjp_tangents; /* as jvp_..., of transposed products */
    int64_t guide_requests; /* gradients */
} covsamp_stats;
/** Errors: E_NULL, E_STRUCT_SIZE. */
COVSAMP_API covsamp_status covsamp_sampler_stats(const covsamp_sampler *sampler,
                                                 covsamp_stats *stats);

/** What one step's covariance was made of, over the samples of the batch: a row of covsamp_stats. */
typedef struct covsamp_step_stats {
    size_t size; /* sizeof(covsamp_step_stats), set by the caller */
    int64_t step, level;    /* where the step begins */
    int64_t samples;        /* that have been through it: 0 or the batch */
    int64_t products_used, products_least, products_most; /* by all of them, by one of them */
    int64_t ritz_values, ritz_clamped;
    double asymmetry;       /* as in covsamp_stats */
    double error_estimate, error_mean; /* largest, and mean over the samples that have one: those of
                                          covariance = krylov with two products or more whose space
                                          did not close by itself */
} covsamp_step_stats;
/** Of step 0 ... steps - 1 since creation or restart.  Errors: E_NULL, E_RANGE (step), E_STRUCT_SIZE. */
COVSAMP_API covsamp_status covsamp_sampler_step_stats(const covsamp_sampler *sampler, int64_t step,
                                                      covsamp_step_stats *stats);
/** The histogram behind it, of covariance = krylov: counts[k] = samples that used k products at the
 *  step, k = 0 ... count - 1; the last entry counts those that used more as well.  Errors: E_NULL,
 *  E_RANGE (step; count < 1), E_UNSUPPORTED (another covariance). */
COVSAMP_API covsamp_status covsamp_sampler_products(const covsamp_sampler *sampler, int64_t step,
                                                    int64_t *counts, int64_t count);

/* ==== 7. Ask and tell: the caller owns the loop ============================================= */

enum {                       /* fill, for the whole batch:                                     */
    COVSAMP_ASK_MEAN = 1,    /* mean: the model's output f(x, time)            [batch][dim]    */
    COVSAMP_ASK_JVP = 2,     /* product: J(x, time) v, J = df/dx     [tangents][batch][dim]    */
    COVSAMP_ASK_MEAN_JVP = 3, /* both                                                          */
    COVSAMP_ASK_VJP = 4,     /* transposed: J(x, time)^T v           [tangents][batch][dim]    */
    COVSAMP_ASK_GUIDE = 8,   /* gradient: grad log p(y | x) at (x, time)       [batch][dim]    */
    COVSAMP_ASK_NOISE = 16,  /* noise: standard normal numbers                 [batch][dim]    */
    COVSAMP_ASK_STEP = 32    /* nothing: the step has ended, x is the new state                */
};

/** What is to be computed, and where to write it.  A pointer that the kind does not use is NULL, so
 *  that a model may simply fill what is there.  Owned by the sampler; valid until tell(), restart or
 *  free.  Later versions only append fields. */
typedef struct covsamp_request {
    size_t size;
    int32_t kind;   /* COVSAMP_ASK_... */
    int32_t dtype;  /* COVSAMP_F32 or COVSAMP_F64: the type behind every pointer here */
    int64_t batch, dim;
    int64_t stride; /* sample b begins at p + b * stride */
    int64_t tangents, tangent_stride; /* tangent k of sample b: v + k * tangent_stride + b * stride */
    int64_t step, steps;  /* 0-based number of this step, and how many there are */
    int64_t level;        /* of the schedule; -1 between levels */
    int64_t first_sample; /* number of sample 0 of the batch */
    uint64_t seed;
    /* (owner, point) names the place (x, time) that is asked about: equal pairs are one place, so a
     * model may keep what it computed there, for each branch apart.  owner is the sampler's, for its life; a point is never
     * used twice. */
    uint64_t owner, point;
    double time, alpha, sigma; /* of the level; STEP: of the level where the step began */
    int32_t stream; /* NOISE: COVSAMP_STREAM_... */
    int32_t branch; /* classifier-free guidance: 0 with the condition, 1 without; else 0 */
    const void *x;  /* [batch][dim] */
    const void *v;  /* [tangents][batch][dim], kinds with a JVP or VJP; a zero tangent needs a zero product */
    void *mean;
    void *product;
    void *noise;
    /* With a mean, for covariance = diag_model: the output of the head that the option "head" names,
     * [batch][dim].  A model that finds this set must fill it or fail: it holds NaN before, and with
     * check_finite a model that does not know of it gets E_NONFINITE.  That check is all that stands
     * between such a model and samples full of NaN: switch it off for models that fill heads only. */
    void *head;
    void *transposed; /* J^T v, kind VJP, which symmetrise = average asks for; holds NaN before, as head */
    void *gradient;   /* kind GUIDE; holds NaN before */
    /* With the option branches = 2, requests about both branches: mean, product, transposed and head are those
     * of branch 0 (`branch` is 0) and these are the same of branch 1, for the same x and v; they hold NaN
     * before.  All NULL otherwise. */
    void *other_mean, *other_product, *other_transposed, *other_head;
    /* NULL: all pointers above are of host memory.  Else they are addresses of this table's memory, which
     * nothing but its functions, and what knows the device, may follow. */
    const covsamp_vector_ops *ops;
    /* Kind MEAN: 1 where products at this very place follow unless the run ends, as they do where C is masked by
     * what the mean is clipped to (clip_covariance); a model that linearises does it now and saves an evaluation.
     * 0: they do not, or came before. */
    int32_t products_follow, reserved;
} covsamp_request;

/** Points *request at the open request; asking again returns it unchanged.  It and its arrays are valid
 *  until tell(), restart, load or free.  COVSAMP_OK, COVSAMP_DONE, COVSAMP_CANCELLED
 *  (*request is NULL then), or E_NULL, E_STATE (the run has ended by an error, or a callback of this
 *  sampler is running), and three that end the run: E_LINALG, E_OVERFLOW, E_DEVICE (covsamp_vector_ops). */
COVSAMP_API covsamp_status covsamp_sampler_ask(covsamp_sampler *sampler,
                                               const covsamp_request **request);
/** Says that the open request is answered.  answer: 0, or COVSAMP_CANCELLED, which tell() then
 *  returns, or any negative number of the caller's own: tell() returns E_MODEL and
 *  covsamp_sampler_answer() the number.  E_NONFINITE: an answer holds a NaN or infinity, the message
 *  says where.  In these three cases the request stays open.  Other errors: E_NULL, E_RANGE (any
 *  other answer), E_STATE (no request is open), E_DEVICE (as ask()). */
COVSAMP_API covsamp_status covsamp_sampler_tell(covsamp_sampler *sampler, int32_t answer);
/** The last allowed answer that tell() or a callback gave, 0 at first. */
COVSAMP_API int32_t covsamp_sampler_answer(const covsamp_sampler *sampler);

/* ==== 8. Callbacks: the library owns the loop =============================================== */

/** Answers one request: 0, COVSAMP_CANCELLED, or a negative number of the caller's own.  Called on
 *  the thread that runs the sampler, one at a time; calls back into this sampler get E_STATE; must
 *  not throw or jump through the library. */
typedef int32_t (*covsamp_answer_fn)(void *user, const covsamp_request *request);

/** One pointer for each role.  Zero what is not used. */
typedef struct covsamp_model {
    size_t size; /* sizeof(covsamp_model) */
    void *model_user;
    covsamp_answer_fn mean;     /* required */
    covsamp_answer_fn jvp;      /* for covariances by products */
    covsamp_answer_fn mean_jvp; /* optional: both in one call; else mean, then jvp */
    void *noise_user;
    covsamp_answer_fn noise;    /* for noise = "ask" */
    void *progress_user;
    covsamp_answer_fn progress; /* optional: after each step, a request of kind COVSAMP_ASK_STEP */
    covsamp_answer_fn vjp;      /* for symmetrise = average; with model_user */
    void *guide_user;
    covsamp_answer_fn guide;    /* for guidance != 0 */
} covsamp_model;

/** Runs to the end.  COVSAMP_DONE, or as ask() and tell().  After COVSAMP_CANCELLED, E_MODEL
 *  or E_NONFINITE calling it again goes on with the same request.  Errors besides: E_NULL (a callback
 *  that is needed is missing), E_STRUCT_SIZE. */
COVSAMP_API covsamp_status covsamp_sampler_run(covsamp_sampler *sampler, const covsamp_model *model);
/** Runs to the end of the present step: COVSAMP_OK, COVSAMP_DONE after the last one, or as run(). */
COVSAMP_API covsamp_status covsamp_sampler_step(covsamp_sampler *sampler, const covsamp_model *model);

/* ==== 9. Noise ==============================================================================
 * COVSAMP_NOISE_PHILOX_1: element i of a draw is a pure function of (seed, sample number, stream,
 * step, i), the same bits on every platform.  Philox4x32-10 (Salmon et al. 2011) with key = seed and
 * counter words (i / 2, step + 2^24 stream, sample low, sample high); of the words w0 ... w3 that come
 * back, k1 = (2^32 w1 + w0) >> 11 and k2 = (2^32 w3 + w2) >> 11 have 53 bits each, u1 = (k1 + 1) / 2^53
 * is in (0, 1], u2 = k2 / 2^53 in [0, 1); Box-Muller: sqrt(-2 log u1) times cos(2 pi u2) for even i,
 * sin(2 pi u2) for odd i.  Never changes. */

enum {
    COVSAMP_STREAM_START = 0, /* x at the first level, step 0 */
    COVSAMP_STREAM_STEP = 1,  /* the noise of a step */
    COVSAMP_STREAM_PROBE = 2, /* probe vectors */
    COVSAMP_STREAM_COEFFICIENTS = 3, /* "spectral", sliding: [row][channel][fx][fy][column] */
    COVSAMP_STREAM_KNOWN = 4, /* noise on known values; step k: of the state after step k - 1, 0 of the start */
    COVSAMP_STREAM_CALIBRATION = 16, /* the noise on data; step: the level */
    COVSAMP_STREAM_NELBO = 17,       /* the same, of covsamp_nelbo */
    COVSAMP_STREAM_PATH_KL = 18,     /* what covsamp_path_kl() draws; step: the level it begins at */
    COVSAMP_STREAM_USER = 128 /* 128 ... 255 are the caller's */
};
/** Writes out[0 ... count - 1]: elements first ... first + count - 1 of a draw, as doubles; what a sampler of type F32 uses is the
 *  same rounded to float.  sample >= 0, stream 0 ... 255, step 0 ... 2^24 - 1, first >= 0, first +
 *  count <= 2^33.  Errors: E_NULL, E_RANGE. */
COVSAMP_API covsamp_status covsamp_noise_normal(uint64_t seed, int64_t sample, int32_t stream,
                                                int64_t step, int64_t first, int64_t count,
                                                double *out);

/* ==== 10. A network without a network: Gaussian mixtures ====================================
 * Data x0 ~ sum_k w_k N(m_k, S_k) has exact posterior means and JVPs: a model for tests, tutorials and
 * bindings.  A handle works in its own memory: one thread at a time. */

typedef struct covsamp_mixture covsamp_mixture;

/** weights[k] > 0 (normalised by the library); means [components][dim]; covariances
 *  [components][dim][dim], symmetric positive semidefinite; all copied.  prediction: what the model
 *  returns, any but COVSAMP_PREDICTS_REVERSE.  mem, message: as for covsamp_schedule_new_table().  Errors: E_NULL,
 *  E_RANGE, E_UNSUPPORTED, E_STRUCT_SIZE, E_NOMEM, E_LINALG. */
COVSAMP_API covsamp_status covsamp_mixture_new(covsamp_mixture **out, int64_t dim,
                                               int64_t components, const double *weights,
                                               const double *means, const double *covariances,
                                               int32_t prediction, const covsamp_allocator *mem,
                                               char *message);
/** NULL is fine. */
COVSAMP_API void covsamp_mixture_free(covsamp_mixture *mixture);
/** An exact classifier: log p(y | x0) = tilt . x0 + constant, so that requests of kind GUIDE are answered
 *  with grad log E[exp(tilt . x0) | x_t], at sigma = 0 tilt / alpha.  tilt [dim], finite, copied; NULL:
 *  none.  Errors: E_NULL (mixture), E_RANGE. */
COVSAMP_API covsamp_status covsamp_mixture_set_tilt(covsamp_mixture *mixture, const double *tilt);
/** A new mixture: the data given y, q(x0) exp(tilt . x0) normalised, which is a mixture of Gaussians again (means
 *  m_k + S_k tilt, weights w_k exp(tilt . m_k + tilt . S_k tilt / 2)), without a tilt of its own.  prediction, mem,
 *  message: as for covsamp_mixture_new().  Errors: as there; E_STATE (the mixture has no tilt). */
COVSAMP_API covsamp_status covsamp_mixture_tilted(covsamp_mixture **out,
                                                  const covsamp_mixture *mixture,
                                                  int32_t prediction, const covsamp_allocator *mem,
                                                  char *message);
/** Answers requests with a mean or products, and with a tilt those of kind GUIDE; `mixture` is a
 *  covsamp_mixture, the same for both branches.  Returns 0, E_NULL, E_RANGE (a request of another dim) or
 *  E_UNSUPPORTED (another kind; or noise and score at alpha or sigma = 0). */
COVSAMP_API int32_t covsamp_mixture_answer(void *mixture, const covsamp_request *request);
/** Fills mean, jvp, mean_jvp, vjp and model_user, with a tilt guide and guide_user too, and nothing else.
 *  Errors: E_NULL, E_STRUCT_SIZE. */
COVSAMP_API covsamp_status covsamp_mixture_model(covsamp_mixture *mixture, covsamp_model *model);

/* ==== 11. Calibration: a network on data ====================================================
 * One pass over data tells, level by level, what the network's means and Jacobians are worth.  With
 * x = alpha x0 + sigma e, x0 from the data and e drawn by the library, it measures
 *     error      E|x0 - E[x0|x]|^2 / dim, the true error, which a true covariance's trace equals;
 *     noise      E|predicted e|^2 / dim, the entry of COVSAMP_TABLE_NOISE (with |e|^2, whose mean is
 *                known, as a control variate: at high noise it is nearly the same number);
 *     trace      E[trace C] / dim, by two products with random signs a sample;
 *     asymmetry  (E[(u.Cv - v.Cu)^2] / E[(u.Cv + v.Cu)^2])^(1/2) = |C - C^T| / |C + C^T|, Frobenius.
 * It feeds covariance = analytic, the trace guard, "addim", covsamp_schedule_optimal() and the choice of
 * window_low and window_high.  Ask and tell, callbacks, errors and memory are those of a sampler, and so
 * every model that serves a sampler serves it:
 *
 *     covsamp_calibration_new(&c, config, NULL, 0, 1);
 *     covsamp_calibration_run(c, &model, images, dim, 1000);
 *     covsamp_calibration_table(c, COVSAMP_TABLE_NOISE, values, covsamp_schedule_levels(schedule));
 *     covsamp_config_set_table(config, COVSAMP_TABLE_NOISE, values, ...); */

typedef struct covsamp_calibration covsamp_calibration;

/** What is known of a level: means over the samples so far, and their standard errors (NaN for fewer than
 *  two samples).  Trace and asymmetry are NaN where no products are asked for. */
typedef struct covsamp_calibration_level {
    size_t size; /* sizeof(covsamp_calibration_level), set by the caller */
    int64_t level, samples;
    double alpha, sigma;
    double error, error_deviation;   /* standard error of the mean, as in the next two */
    double noise, noise_deviation;
    double trace, trace_deviation;
    double asymmetry;
    double analytic; /* sigma^2 / alpha^2 (1 - noise): the variance that "analytic" takes */
} covsamp_calibration_level;

/** Of the configuration it takes batch, dim, dtype, prediction, seed, first_sample, tangents (2: both
 *  products in one request), mean_jvp, check_finite and the schedule; clipping and guidance play no part.
 *  levels: [count], what to measure, as for covsamp_config_set_schedule(); NULL, 0: the configuration's levels.
 *  products: 0 leaves out trace and asymmetry, and with them all JVPs; else 1.  Errors: E_NULL, E_RANGE,
 *  E_UNSUPPORTED (a level where the prediction does not give x0, or with products alpha = 0), E_NOMEM,
 *  with the sentence in covsamp_config_message(); *out is NULL then. */
COVSAMP_API covsamp_status covsamp_calibration_new(covsamp_calibration **out, covsamp_config *config,
                                                   const int64_t *levels, int64_t count,
                                                   int32_t products);
/** NULL is fine. */
COVSAMP_API void covsamp_calibration_free(covsamp_calibration *calibration);
/** Gives the next samples, 1 ... batch of them: sample b is read from x + b * stride values of the
 *  type in use.  Copied.  They are numbered on from first_sample.  Errors: E_NULL, E_RANGE, E_NONFINITE,
 *  E_STATE (the last ones are not done with). */
COVSAMP_API covsamp_status covsamp_calibration_data(covsamp_calibration *calibration, const void *x,
                                                    int64_t stride, int64_t samples);
/** As covsamp_sampler_ask(): requests of kind MEAN, JVP and MEAN_JVP, each about as many samples as were
 *  given.  step counts the levels.  COVSAMP_DONE: give more data, or read the results.  E_OVERFLOW: x, or what the
 *  model said of a sample, is too large to be counted; the level counts none of the batch, which is given up. */
COVSAMP_API covsamp_status covsamp_calibration_ask(covsamp_calibration *calibration,
                                                   const covsamp_request **request);
/** As covsamp_sampler_tell(). */
COVSAMP_API covsamp_status covsamp_calibration_tell(covsamp_calibration *calibration,
                                                    int32_t answer);
/** The last answer that tell() or a callback gave, 0 at first. */
COVSAMP_API int32_t covsamp_calibration_answer(const covsamp_calibration *calibration);
/** Goes through `samples` samples by callbacks, sample b at data + b * stride; model->progress hears of
 *  every level of a batch that is done.  COVSAMP_DONE, or as covsamp_sampler_run().  After COVSAMP_CANCELLED, E_MODEL or E_NONFINITE from
 *  the model, calling it again with the same data goes on where it stopped. */
COVSAMP_API covsamp_status covsamp_calibration_run(covsamp_calibration *calibration,
                                                   const covsamp_model *model, const void *data,
                                                   int64_t stride, int64_t samples);
/** The index-th level, in the order given.  Errors: E_NULL, E_RANGE (no such index), E_STATE (no sample
 *  has passed it), E_STRUCT_SIZE. */
COVSAMP_API covsamp_status covsamp_calibration_row(const covsamp_calibration *calibration,
                                                   int64_t index, covsamp_calibration_level *row);
/** Fills a table for covsamp_config_set_table(): values[n - 1] for n = 1 ... N = count.  Between measured
 *  levels the logarithms of the error and of the analytic variance are linear in log(alpha / sigma); beyond
 *  them they are those of the nearest one; noise is what gives this variance, at least 0.  Errors: E_NULL, E_RANGE (table, or count is not N), E_STATE. */
COVSAMP_API covsamp_status covsamp_calibration_table(covsamp_calibration *calibration, int32_t table,
                                                     double *values, int64_t count);
/** As covsamp_sampler_message(). */
COVSAMP_API const char *covsamp_calibration_message(const covsamp_calibration *calibration);

/** A calibration without products, for COVSAMP_TABLE_NOISE alone, in one call: the configuration's levels
 *  are measured, one mean a sample and level, and values[0 ... count - 1] filled as by
 *  covsamp_calibration_table().  COVSAMP_OK; COVSAMP_CANCELLED and errors as covsamp_calibration_new() and
 *  covsamp_calibration_run(), with nothing kept; the sentence is in covsamp_config_message(). */
COVSAMP_API covsamp_status covsamp_analytic_estimate(covsamp_config *config,
                                                     const covsamp_model *model, const void *data,
                                                     int64_t stride, int64_t samples,
                                                     double *values, int64_t count);

/* ==== 12. Path KL: what a covariance is worth on a known distribution =======================
 * For a mixture everything is known: q(x_s | x_t), the reverse step that would be exact, is a mixture
 * of Gaussians itself.  The path KL of a sampler with the exact mean and the covariance S(x_t),
 *     sum over its steps of  E_q(x_t) KL(q(x_s | x_t) || N(mean, S(x_t))),
 * bounds the KL from the data of whatever is done with the path, guidance included, and falls as
 * O(1/T) for fixed, scalar and diagonal covariances and as O(1/T^2) for the full one (arXiv
 * 2605.22723).  The path ends at the last level visited: the step to data is not in it.
 *     With guidance != 0 (or weights) and a mixture with a tilt, the sampler is guided, as one whose model is
 * that mixture, and what it is held against is the chain of the data given y, q(x_s | x_t, y), at x_t from
 * q(x_t | y): the KL bounds that of guided samples from p(x0 | y).  On Gaussian data it is 0 with the full
 * covariance and weight 1 (GUIDE_MEAN with eta = 1, GUIDE_SCORE with any); in general C(x_t) is not
 * Cov[x0 | x_t, y], and the full covariance falls as O(1/T) as well (docs/diagnostics.md). */

enum {
    COVSAMP_PATH_KL_QUADRATURE = 1, /* trapezoidal, by marginal entropies: dim 1 and 2, eta = 1, and not
                                       krylov with fewer products than dim; nine digits as a rule */
    COVSAMP_PATH_KL_MONTE_CARLO = 2 /* E_q[r - 1 - log r], r = p / q: any dim, every term >= 0 */
};

/** What the steps sum to, in nats. */
typedef struct covsamp_path_kl_total {
    size_t size; /* sizeof(covsamp_path_kl_total), set by the caller */
    double kl, deviation;       /* of the steps; standard error, 0 by quadrature */
    double prior, prior_deviation; /* KL(q(x_T) || start of a sampler), not part of kl */
} covsamp_path_kl_total;

/** Of config: solver = ancestral with its schedule and levels, eta, covariance and its options, tables,
 *  seed, first_sample; dim must be the mixture's or not set.  The covariance is computed from the exact C:
 *  krylov with krylov_steps products, its density by change of variables (dim <= 8, tolerance 0; from dim
 *  products on it is dense); dense is the full C; state_isotropic, diag_probe and spectral are what they
 *  estimate, that is what infinitely many probes would give; analytic takes the table of noise, and without
 *  one the best constant, E[trace C] / dim.  At alpha = 0 the covariances by products are window_fallback, as
 *  in a sampler.  Guards, window, clipping, reuse and mean_order play no part and must be off.
 *  Guidance: its weights by level, guidance_low, guidance_high and guidance_form, of which all may be had;
 *  p(y | x0) is that of the tilt whatever the weights are, so a stronger condition is a longer tilt and not a
 *  larger weight.  krylov with fewer products than dim takes S g by GUIDE_PRODUCT_EXACT (BASIS depends on the
 *  noise).  Guidance 0 and no weights: the unguided path, tilt or not.
 *  size: Monte Carlo, samples of each step, at least 2; quadrature, points per axis, at most 2^20, 0: as many
 *  as the narrowest component needs.  kl [count], deviation [count]: NULL, or the steps' values, noisiest first;
 *  count: 0 or the number of levels less one.  total: may be NULL.  A caller who wants to show progress
 *  or to stop early asks for two levels at a time: a step has the same bits with others and alone, and
 *  samples numbered on from another first_sample are new ones.  Memory is gone on return.
 *  Errors: E_NULL, E_RANGE (also a quadrature whose points are too few for the density to sum to 1),
 *  E_UNSUPPORTED (lambda = 0, where there is no density: eta = 0; none; diag_model;
 *  sliding windows; guidance of a mixture without a tilt; cfg; what is said above), E_STRUCT_SIZE, E_NOMEM, E_LINALG (also where Newton's method does
 *  not find the noise that krylov draws a point from), with the sentence in covsamp_config_message(). */
COVSAMP_API covsamp_status covsamp_path_kl(covsamp_config *config, covsamp_mixture *mixture,
                                           int32_t estimator, int64_t size, double *kl,
                                           double *deviation, int64_t count,
                                           covsamp_path_kl_total *total);

/* ==== 13. Likelihood bounds =================================================================
 * -log p(x0) <= sum of terms (Ho et al. 2020, eq. 5), for any covariance S = lambda^2 I + b^2 C that has
 * a density, in nats:
 *     prior     KL(q(x_T | x0) || start of a sampler)
 *     steps     KL(q(x_s | x_t, x0) || N(mean, S)), with r the difference of the two means:
 *               (log det S - dim log lambda^2 - dim + lambda^2 trace S^-1 + r . S^-1 r) / 2
 *     decoder   -log of a Gaussian around the mean of the step to data, its variance that of "small",
 *               over the bin of the data's grey value (Ho et al. 2020, eq. 13)
 * Diagonal covariances and dense exactly.  krylov: log det and trace by stochastic Lanczos quadrature
 * (Ubaru, Chen & Saad 2017) with `probes` random signs, r . S^-1 r by Lanczos from r.  Each is a Krylov
 * space; unless they were set, probes is 3 and krylov_steps 8.  A tolerance lets a space grow until two
 * products in a row change its value by at most that share, to 128 products unless krylov_steps was set: what a long
 * jump close to data needs, where 8 products see too little of S^-1 and the sum bounds nothing.
 * What comes out for krylov is therefore an estimate of the bound: too few products make it too small as
 * a rule, and only doubling them, or dense on a few samples, tells whether they were enough; probe_deviation
 * does not.  Quadrature by JVPs alone is biased where J is not symmetric: here symmetrise is average unless
 * it was set.  Ask and tell, callbacks, errors and memory are those of a calibration:
 *
 *     covsamp_nelbo_new(&n, config, 256);
 *     covsamp_nelbo_run(n, &model, images, dim, 1000);
 *     covsamp_nelbo_sum(n, &total); */

typedef struct covsamp_nelbo covsamp_nelbo;

enum { COVSAMP_TERM_PRIOR = 1, COVSAMP_TERM_STEP = 2, COVSAMP_TERM_DECODER = 3 };

/** One term: means over the samples so far, in nats a sample, and their standard errors (NaN for fewer
 *  than two samples). */
typedef struct covsamp_nelbo_term {
    size_t size; /* sizeof(covsamp_nelbo_term), set by the caller */
    int32_t term, reserved;  /* COVSAMP_TERM_... */
    int64_t level, to;       /* the step is from level to `to`; prior: to = the first level */
    int64_t samples;
    double nats, deviation;
    double log_det, trace, residual; /* STEP, its parts: log det S - dim log lambda^2; lambda^2 trace S^-1
                                        - dim; r . S^-1 r.  nats is half their sum */
    double probe_deviation;          /* the part of deviation that is due to probes; 0 without */
    int64_t products;                /* used, by all samples */
    int64_t ritz_values, ritz_clamped;
    double asymmetry;
} covsamp_nelbo_term;

/** The bound: the sum of the terms of each sample, its mean, and the standard error of that. */
typedef struct covsamp_nelbo_total {
    size_t size; /* sizeof(covsamp_nelbo_total), set by the caller */
    int64_t samples, terms;
    double nats, deviation;
    double bits, bits_deviation; /* per value: nats / (dim log 2) */
} covsamp_nelbo_total;

/** Of the configuration it takes all that a sampler does, but for solver, mean_order (which must be left
 *  alone), noise, last_noise, pixel_clip and report_steps, which play no part; guidance and cfg must be off.  bins: grey values of the
 *  data, which lies in [-1, 1] with bin b around -1 + 2 b / (bins - 1), 2 ... 65536 (a value between two
 *  centres gets a bin around itself, and the sum is no likelihood of grey values then); 0: any data, the
 *  decoder is a density.  Errors: as covsamp_sampler_new(); E_UNSUPPORTED where a step's noise has no
 *  density (eta = 0, covariance = none, spectral with sliding windows); E_RANGE (bins; krylov with fewer than
 *  2 probes). */
COVSAMP_API covsamp_status covsamp_nelbo_new(covsamp_nelbo **out, covsamp_config *config,
                                             int64_t bins);
/** NULL is fine. */
COVSAMP_API void covsamp_nelbo_free(covsamp_nelbo *nelbo);
/** Gives the next samples, as covsamp_calibration_data() does, but always a whole batch or, where
 *  samples < batch, the last ones: what is missing is filled up and not counted.  Errors besides: E_RANGE
 *  (with bins, a value outside [-1, 1]). */
COVSAMP_API covsamp_status covsamp_nelbo_data(covsamp_nelbo *nelbo, const void *x, int64_t stride,
                                              int64_t samples);
/** As covsamp_calibration_ask(); requests are about the whole batch.  E_LINALG besides: an eigenvalue
 *  iteration did not converge.  With it and with E_OVERFLOW the batch is given up, and none of it is counted. */
COVSAMP_API covsamp_status covsamp_nelbo_ask(covsamp_nelbo *nelbo, const covsamp_request **request);
/** As covsamp_calibration_tell(). */
COVSAMP_API covsamp_status covsamp_nelbo_tell(covsamp_nelbo *nelbo, int32_t answer);
/** The last answer that tell() or a callback gave, 0 at first. */
COVSAMP_API int32_t covsamp_nelbo_answer(const covsamp_nelbo *nelbo);
/** Goes through `samples` samples by callbacks, as covsamp_calibration_run() does.  Data that is refused,
 *  E_LINALG and E_OVERFLOW end it: what came before stays counted, and running again with the same data would count
 *  it twice. */
COVSAMP_API covsamp_status covsamp_nelbo_run(covsamp_nelbo *nelbo, const covsamp_model *model,
                                             const void *data, int64_t stride, int64_t samples);
/** The index-th term: 0 the prior, then the steps, noisiest first, then the decoder.  Errors: E_NULL,
 *  E_RANGE (no such index), E_STATE (no sample has passed it), E_STRUCT_SIZE. */
COVSAMP_API covsamp_status covsamp_nelbo_row(const covsamp_nelbo *nelbo, int64_t index,
                                             covsamp_nelbo_term *term);
/** Over the samples that are done.  Errors: E_NULL, E_STATE (there are none), E_STRUCT_SIZE. */
COVSAMP_API covsamp_status covsamp_nelbo_sum(const covsamp_nelbo *nelbo,
                                             covsamp_nelbo_total *total);
/** As covsamp_sampler_message(). */
COVSAMP_API const char *covsamp_nelbo_message(const covsamp_nelbo *nelbo);

/* ==== 14. Posterior modes ===================================================================
 * The leading eigenpairs of C(x_t) = Cov[x0 | x_t] for given x_t: what the model is most uncertain about
 * (Manor & Michaeli 2024).  Ritz pairs of one Krylov space a sample, which starts at random signs.  As in
 * section 13 symmetrise is average unless it was set, and the loop is that of a calibration. */

typedef struct covsamp_posterior_modes covsamp_posterior_modes;

/** One eigenpair of C. */
typedef struct covsamp_mode {
    size_t size; /* sizeof(covsamp_mode), set by the caller */
    double value;    /* the variance of x0 along the mode, an eigenvalue of C */
    double residual; /* |C v - value v| / largest value, without further products */
    int32_t converged, reserved; /* 1: residual is at most the option tolerance, or 1e-3 where that is 0 */
    const void *vector; /* [dim] of the type in use, of length 1, its largest entry positive; owned by the
                           handle, valid until data is given or the handle is freed */
} covsamp_mode;

/** Of the configuration it takes batch, dim, dtype, prediction, seed, first_sample, symmetrise, check_finite,
 *  the schedule, tolerance and, where it was set, krylov_steps (else 4 count + 16), at most dim; it stops a
 *  sample once `count` modes have converged.  Clipping and guidance play no part.  level: 1 ... N, with alpha > 0.
 *  count: modes wanted, 1 ... the products.  Errors: as covsamp_calibration_new(). */
COVSAMP_API covsamp_status covsamp_posterior_modes_new(covsamp_posterior_modes **out,
                                                       covsamp_config *config, int64_t level,
                                                       int64_t count);
/** NULL is fine. */
COVSAMP_API void covsamp_posterior_modes_free(covsamp_posterior_modes *modes);
/** Gives the x_t of 1 ... batch samples, as covsamp_calibration_data() does, and forgets those before. */
COVSAMP_API covsamp_status covsamp_posterior_modes_data(covsamp_posterior_modes *modes,
                                                        const void *x, int64_t stride,
                                                        int64_t samples);
/** As covsamp_calibration_ask(): requests of kind JVP and, to symmetrise, VJP.  step counts the products.
 *  E_LINALG and E_OVERFLOW end these samples: an eigenvalue iteration did not converge, a tangent is too large. */
COVSAMP_API covsamp_status covsamp_posterior_modes_ask(covsamp_posterior_modes *modes,
                                                       const covsamp_request **request);
/** As covsamp_calibration_tell(). */
COVSAMP_API covsamp_status covsamp_posterior_modes_tell(covsamp_posterior_modes *modes,
                                                        int32_t answer);
/** The last answer that tell() or a callback gave, 0 at first. */
COVSAMP_API int32_t covsamp_posterior_modes_answer(const covsamp_posterior_modes *modes);
/** Goes on by callbacks until the samples that were given are done: COVSAMP_DONE, or as
 *  covsamp_sampler_run(), which it resembles after a failure, too.  model->mean is not called;
 *  model->progress hears of every product.  Errors besides: E_STATE (no samples were given). */
COVSAMP_API covsamp_status covsamp_posterior_modes_run(covsamp_posterior_modes *modes,
                                                       const covsamp_model *model);
/** The index-th mode of sample 0 ... samples - 1, largest first.  A space that closed early may hold fewer
 *  than were asked for: E_RANGE.  Errors besides: E_NULL, E_STATE (not done), E_STRUCT_SIZE. */
COVSAMP_API covsamp_status covsamp_posterior_modes_row(const covsamp_posterior_modes *modes,
                                                       int64_t sample, int64_t index,
                                                       covsamp_mode *mode);
/** What the space of a sample was: *products used, and *asymmetry, |H - H^T| / |H + H^T|; either may be NULL.  Errors:
 *  E_NULL, E_RANGE (sample), E_STATE. */
COVSAMP_API covsamp_status covsamp_posterior_modes_space(const covsamp_posterior_modes *modes,
                                                         int64_t sample, int64_t *products,
                                                         double *asymmetry);
/** As covsamp_sampler_message(). */
COVSAMP_API const char *covsamp_posterior_modes_message(const covsamp_posterior_modes *modes);

/* ==== 15. Guidance ==========================================================================
 * Classifier guidance draws from p(x0) p(y | x0)^w.  With the reverse step N(mean, S) and g the gradient of
 * log p(y | x_s), the guided step is to first order (Sohl-Dickstein et al. 2015; Dhariwal & Nichol 2021,
 * algorithm 1)
 *     x_s ~ N(mean + w S g, S),      S = lambda^2 I + b^2 P C P,
 * exact where log p(y | .) is linear, as it is for Gaussian data and log p(y | x0) = a . x0, if S is the full
 * covariance, eta = 1 and g is taken at the mean (COVSAMP_GUIDE_MEAN).  g is asked for by COVSAMP_ASK_GUIDE,
 * once a step (at the step to data about level 0, whose time is that of section 4: -1 where times are level - 1), and
 * S g comes from whatever the option "covariance" says.  Krylov spends one further product on it
 * (GUIDE_PRODUCT_EXACT), whose length covariance_cap and ritz_cap bound, or takes what its space knows
 * (GUIDE_PRODUCT_BASIS): docs/methods.md has the measured worth of both.  A step that adds no noise is not
 * guided so; the step to data is one unless last_noise = 1, and with eta = 0 those by window_fallback = small are.
 *     Where nothing is drawn (eta = 0, none, the ODE solvers) the score itself is guided
 * (COVSAMP_GUIDE_SCORE; Dhariwal & Nichol 2021, algorithm 2): every evaluation of the model but at alpha = 0 is
 * followed by one of g at the same x.  With w = 1 that gives the exact mean of a step for any data; C stays that of the
 * unguided model.  Noise estimates, clipping and extrapolation then see the guided E[x0 | x_t].
 *     Classifier-free guidance (Ho & Salimans 2022) asks the model twice, with the condition (request->branch 0)
 * and without (1), and combines
 *     f = (1 + w) f_0 - w f_1.
 * The combination of their Jacobians is no covariance: products and heads are those of branch 0 unless
 * guided_jacobian = 1, whose negative Ritz values are clamped as ever.  A branch whose weight is 0 is not
 * asked. */

enum { COVSAMP_GUIDANCE_CLASSIFIER = 1, COVSAMP_GUIDANCE_FREE = 2 };

/** A weight for every level, in place of the option "guidance" (COVSAMP_GUIDANCE_CLASSIFIER) or "cfg"
 *  (COVSAMP_GUIDANCE_FREE): weights[n - 1] is that of steps from level n.  The options ..._low and ..._high
 *  still say where it is 0.  Any finite numbers; copied; that count is the schedule's number of levels is
 *  checked by covsamp_sampler_new(); count 0 removes them.  Errors: E_NULL, E_RANGE, E_NOMEM; the old ones
 *  stay. */
COVSAMP_API covsamp_status covsamp_config_set_guidance(covsamp_config *config, int32_t guidance,
                                                       const double *weights, int64_t count);

#ifdef __cplusplus
}
#endif
#endif
