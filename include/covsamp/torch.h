/* SPDX-License-Identifier: BSD-3-Clause */
/* covsamp/torch.h - TorchScript networks as models for covsamp: exact Jacobian-vector products
 *
 * A handle holds one module, loaded from a file, and answers covsamp requests: means by a forward
 * pass, products by forward-mode derivatives of its graph.  The module has forward(x, t) or
 * forward(x, t, y): x is [n, ...shape], t [n] numbers of the same type (the request's time), y [n]
 * int64 labels.  Its output (of a tuple, the first element) is shaped as x, or has more channels
 * (dimension 1), of which the first are the prediction.  docs/torch.md says which modules work.
 *
 * A TorchScript file is a program: load only files you trust.
 *
 * Threads.  As in covsamp.h: one handle, one thread at a time.  Handles on different threads run side by side,
 * except where the engine is DUAL, or LINEARISED has nodes without a rule: libtorch's dual numbers have one level
 * for the whole process, and handles take turns by a lock of this library.  Code that uses dual numbers by itself
 * must not run at the same time as those.  Nothing is thrown across this boundary.
 */
#ifndef COVSAMP_TORCH_H
#define COVSAMP_TORCH_H

#include <covsamp/covsamp.h>

#if defined(COVSAMP_STATIC)
#define COVSAMP_TORCH_API
#elif defined(_WIN32) || defined(__CYGWIN__)
#if defined(COVSAMP_TORCH_BUILDING)
#define COVSAMP_TORCH_API __declspec(dllexport)
#else
#define COVSAMP_TORCH_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define COVSAMP_TORCH_API __attribute__((visibility("default")))
#else
#define COVSAMP_TORCH_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct covsamp_torch covsamp_torch;

enum { /* how products are made */
    COVSAMP_TORCH_AUTO = 0,            /* linearised, or double backward where an operator has no forward derivative */
    COVSAMP_TORCH_DUAL = 1,            /* libtorch's dual numbers: exact, several forward passes each */
    COVSAMP_TORCH_DOUBLE_BACKWARD = 2, /* two reverse passes: exact, dearer than that */
    COVSAMP_TORCH_LINEARISED = 3,      /* the module is linearised once a point: exact, about one forward pass each */
    COVSAMP_TORCH_TRANSPOSED = 4       /* J^T v by one reverse pass: another operator, for comparison only */
};

enum { /* what tangents are made of inside the module; means are not touched by it */
    COVSAMP_TORCH_SAME = 0, /* the computation's type */
    COVSAMP_TORCH_BF16 = 1  /* bfloat16, with sums in single precision: see docs/torch.md; only LINEARISED, only F32 */
};

enum { /* status codes beside those of covsamp.h; as answers they come back from covsamp_sampler_answer() */
    COVSAMP_TORCH_E_FILE = -101,       /* no such file, or not readable */
    COVSAMP_TORCH_E_FORMAT = -102,     /* not a module that libtorch can load */
    COVSAMP_TORCH_E_DEVICE = -103,     /* unknown or absent device */
    COVSAMP_TORCH_E_SHAPE = -104,      /* input or output of another shape than expected */
    COVSAMP_TORCH_E_EXCEPTION = -105,  /* libtorch threw while the module ran */
    COVSAMP_TORCH_E_NO_TANGENT = -106, /* the output lost its tangent: a product would be wrong */
    COVSAMP_TORCH_E_NO_RULE = -107,    /* an operator has no derivative that the engine can use */
    COVSAMP_TORCH_E_LABELS = -108,     /* labels needed and not set, set and not taken, or out of range */
    COVSAMP_TORCH_E_HEAD = -109        /* the module has no such head, or a head is asked for and none was named */
};
/** As covsamp_status_name() and covsamp_status_text(), for the codes above too. Static, never NULL. */
COVSAMP_TORCH_API const char *covsamp_torch_status_name(int32_t status);
COVSAMP_TORCH_API const char *covsamp_torch_status_text(int32_t status);

/** Version of the shim, as covsamp_version_number(). */
COVSAMP_TORCH_API uint32_t covsamp_torch_version_number(void);

enum { /* how images lie in memory inside LINEARISED; by the module's own choice everywhere else */
    COVSAMP_TORCH_LAYOUT_AUTO = 0,      /* channels-last on processors with AVX-512, where it is faster */
    COVSAMP_TORCH_CONTIGUOUS = 1,
    COVSAMP_TORCH_CHANNELS_LAST = 2     /* where the module allows it, on the CPU */
};

typedef struct covsamp_torch_options {
    size_t size;         /* sizeof(covsamp_torch_options); zero what is not used */
    const char *device;  /* "cpu", "cuda:0", ...; NULL: "cpu" */
    const int64_t *dims; /* shape of one sample, for example {1, 28, 28}; NULL: from the file's metadata */
    int32_t n_dims;      /* length of dims, 1 ... 8 */
    int32_t dtype;       /* of the computation: COVSAMP_F32 (0 means it) or COVSAMP_F64 */
    int32_t engine;      /* COVSAMP_TORCH_... */
    int32_t tangent_dtype; /* COVSAMP_TORCH_SAME or COVSAMP_TORCH_BF16 */
    int64_t keep_bytes;  /* LINEARISED: the most to keep for further products, 0: no limit.  A batch that would keep more
                            is taken in parts, at least a sample each, and linearised again for every request */
    int32_t layout;      /* COVSAMP_TORCH_LAYOUT_AUTO, ... */
    int32_t reserved;    /* 0 */
} covsamp_torch_options;

/** Loads a module, sets it to evaluation, moves it to type and device, freezes it where libtorch
 *  can, and runs it on zeros to see that the shapes fit; with the engine AUTO also for one product,
 *  to see which engine it takes.  path: UTF-8.  options NULL: all defaults.  message: NULL or
 *  COVSAMP_MESSAGE_BYTES bytes.  Errors: E_NULL, E_RANGE, E_STRUCT_SIZE, E_NOMEM and the codes
 *  above but the two about products; *out is NULL then. */
COVSAMP_TORCH_API int32_t covsamp_torch_load(covsamp_torch **out, const char *path,
                                             const covsamp_torch_options *options, char *message);
/** The same from the bytes of a file; they may be released afterwards. */
COVSAMP_TORCH_API int32_t covsamp_torch_load_memory(covsamp_torch **out, const void *data, size_t bytes,
                                                    const covsamp_torch_options *options, char *message);
/** NULL is fine. */
COVSAMP_TORCH_API void covsamp_torch_free(covsamp_torch *module);

/** Labels for modules that take them.  The sample with number k gets labels[k mod count], whatever its place in
 *  a batch.  branch: that of the requests they are for, 0 ... 7.  Copied.  count 0: none.  Until labels are set, a module with
 *  forward(x, t, y) is given the metadata's `classes` ("no class"), if there is one.  Errors: E_NULL, E_RANGE,
 *  E_NOMEM, COVSAMP_TORCH_E_LABELS. */
COVSAMP_TORCH_API int32_t covsamp_torch_set_labels(covsamp_torch *module, int32_t branch,
                                                   const int64_t *labels, int64_t count);
/** Which head fills request->head, asked for by covariance = diag_model: one of those that the file's metadata lists as
 *  heads=NAME,..., with the name of the option "head" (ocm, sn, npr, iddpm).  The module returns C (1 + heads) channels
 *  then, C those of x; head i is in the C channels from C (1 + i) on.  NULL: none, and requests for one fail.  Errors: E_NULL,
 *  COVSAMP_TORCH_E_HEAD. */
COVSAMP_TORCH_API int32_t covsamp_torch_set_head(covsamp_torch *module, const char *name);
/** Answers requests with a mean, products or transposed products: 0 or a code.  `module` is a covsamp_torch.  The
 *  request's type may differ from the computation's: values are converted.  Transposed products are made by reverse
 *  mode in the computation's type, whatever `engine` and `tangent_dtype` say; the graph of the last point is kept
 *  for them until the next one, beside what the engine keeps. */
COVSAMP_TORCH_API int32_t covsamp_torch_answer(void *module, const covsamp_request *request);
/** Fills mean, jvp, mean_jvp, vjp and model_user, and nothing else.  Valid while the module lives. Errors: E_NULL,
 *  E_STRUCT_SIZE. */
COVSAMP_TORCH_API int32_t covsamp_torch_model(covsamp_torch *module, covsamp_model *model);

/** Are the products right?  Random inputs and directions from `seed`, two samples with the labels of
 *  branch 0 at `time`; `repeats` >= 4 calls in a row, since libtorch's executor changes its mind after
 *  the first ones.  *error receives the largest of
 *    - |p - d| / |d| for products p of a copy of the module in double precision and central
 *      differences d of the module as it was loaded, and
 *    - |q - p| / |p| for products q of the module in use, less 1e-3 in F32, 5e-2 with BF16, for rounding
 *  (2-norms of samples; infinity where something is not finite).  Below 1e-5 the products are right; a
 *  wrong tangent gives above 1e-2; between them is rounding of a module that computes in single
 *  precision whatever it is given, or a kink (ReLU).  Errors: E_NULL, E_RANGE and the codes above. */
COVSAMP_TORCH_API int32_t covsamp_torch_check(covsamp_torch *module, double time, uint64_t seed,
                                              int32_t repeats, double *error);
/** The engine in use, never AUTO; 0 if module is NULL.  It may change while the module answers: see `reason` below. */
COVSAMP_TORCH_API int32_t covsamp_torch_engine(const covsamp_torch *module);

/* What the engine did so far.  With engines other than LINEARISED the counts are 0. */
typedef struct covsamp_torch_work {
    size_t size;                    /* sizeof(covsamp_torch_work) */
    int32_t engine;                 /* as covsamp_torch_engine() */
    int32_t reserved;               /* 0 */
    int64_t nodes_by_rule;          /* of the last linearisation: nodes that depend on x and have a derivative here, */
    int64_t nodes_by_duals;         /* and those that are differentiated one by one with dual numbers, under the lock */
    int64_t linearisations;         /* since loading */
    int64_t steps;                  /* what is left for each product */
    int64_t bytes_kept;             /* memory held for further products at the last point, weights not counted */
    int64_t bytes_peak;             /* the same with the most that its first product held at a time */
    const char *operators_by_duals; /* names and counts, "aten::cumprod x 2, ..."; never NULL */
    const char *reason;             /* why the engine is another than asked for, or not the first choice of AUTO; "": it is not */
} covsamp_torch_work;
/** Fills *work; its texts belong to the module and are valid until the next report.  Errors: E_NULL, E_STRUCT_SIZE. */
COVSAMP_TORCH_API int32_t covsamp_torch_report(covsamp_torch *module, covsamp_torch_work *work);
/** Value of a key of the file's metadata (TorchScript extra file "covsamp.txt", lines "key=value"), for example
 *  "prediction"; NULL if there is none.  Owned by the module. */
COVSAMP_TORCH_API const char *covsamp_torch_metadata(const covsamp_torch *module, const char *key);
/** Shape of one sample: writes at most `capacity` sizes to dims (may be NULL), returns how many there are. */
COVSAMP_TORCH_API int32_t covsamp_torch_shape(const covsamp_torch *module, int64_t *dims, int32_t capacity);
/** One sentence on the last call that failed; "" if it did not. Never NULL; valid until the next call. */
COVSAMP_TORCH_API const char *covsamp_torch_message(const covsamp_torch *module);

#ifdef __cplusplus
}
#endif
#endif
