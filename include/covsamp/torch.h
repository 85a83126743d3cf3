/* SPDX-License-Identifier: BSD-3-Clause */
/* covsamp/torch.h - TorchScript networks as models for covsamp: exact Jacobian-vector products
 *
 * A handle holds one module, loaded from a file, and answers covsamp requests: means by a forward
 * pass, products by forward-mode derivatives of its graph.  The module has forward(x, t) or
 * forward(x, t, y): x is [n, ...shape], t [n] numbers of the same type (the request's time), y [n]
 * int64 labels; in place of y or behind it there may be other tensors (covsamp_torch_set_input).
 * Its output (of a tuple, the first element) is shaped as x, or has more channels (dimension 1), of
 * which the first are the prediction.  docs/torch.md says which modules work.
 *
 * Besides: classifiers, whose gradients guide a sampler, and modules that only map one tensor to
 * another, such as the decoder and the encoder of latents.
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
    COVSAMP_TORCH_E_HEAD = -109,       /* the module has no such head, or a head is asked for and none was named */
    COVSAMP_TORCH_E_INPUT = -110       /* a further tensor is needed and not set, or forward takes none there */
};
/** As covsamp_status_name(), for the codes above too. Static, never NULL. */
COVSAMP_TORCH_API const char *covsamp_torch_status_name(int32_t status);
/** As covsamp_status_text(), for the codes above too. Static, never NULL. */
COVSAMP_TORCH_API const char *covsamp_torch_status_text(int32_t status);

/** Version of the shim, as covsamp_version_number(). */
COVSAMP_TORCH_API uint32_t covsamp_torch_version_number(void);

enum { /* how images lie in memory inside LINEARISED; by the module's own choice everywhere else */
    COVSAMP_TORCH_LAYOUT_AUTO = 0,      /* channels-last on processors with AVX-512, where it is faster */
    COVSAMP_TORCH_CONTIGUOUS = 1,
    COVSAMP_TORCH_CHANNELS_LAST = 2     /* where the module allows it, on the CPU */
};

/** How a module is loaded. */
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
    const char *method;  /* of classifiers and decoders: what is run in place of forward, for example a classifier's
                            "features"; NULL: forward.  Networks have none but that */
} covsamp_torch_options;

/** Loads a module, sets it to evaluation, moves it to type and device, freezes it where libtorch
 *  can, and runs it on zeros to see that the shapes fit; with the engine AUTO also for one product,
 *  to see which engine it takes.  path: UTF-8.  options NULL: all defaults.  message: NULL or
 *  COVSAMP_MESSAGE_BYTES bytes.  Errors: E_NULL, E_RANGE, E_STRUCT_SIZE, E_NOMEM and the codes
 *  above but the two about products; *out is NULL then. */
COVSAMP_TORCH_API int32_t covsamp_torch_load(covsamp_torch **out, const char *path,
                                             const covsamp_torch_options *options, char *message);
/** The same from the bytes of a file, data[0 ... bytes - 1], which may be released afterwards. */
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

enum { /* what the numbers of a further tensor are */
    COVSAMP_TORCH_TYPE_F32 = 1,
    COVSAMP_TORCH_TYPE_F64 = 2,
    COVSAMP_TORCH_TYPE_I64 = 3
};
/** Further tensors, for modules with forward(x, t, a, b, ...) or forward(x, t, y, a, ...): argument number `index`
 *  after t, the labels y being 0 where the module has them; set_labels() sets 0 with numbers of TYPE_I64 and no dims.
 *  data: [count][dims...] numbers without gaps.  The sample with number k gets row k mod count, whatever its place in
 *  a batch, and the module [n, ...dims], of int64 or, whichever of the others was given, of the computation's type.
 *  branch: that of the requests it is for, 0 ... 7.  dims: [n_dims], n_dims 0 ... 8; dims may be NULL for 0 (a number a sample).
 *  Copied.  count 0: none, and type, data, dims and n_dims are ignored.  What the module makes of type and dims shows
 *  when it runs: files whose metadata has inputs=TYPE:DIMS,..., for example inputs=i64,f32:16x64, are checked here as
 *  well, and run on zeros when they are loaded; others with more than labels run first when a request comes.  Errors:
 *  E_NULL, E_RANGE, E_NOMEM, COVSAMP_TORCH_E_INPUT (forward takes no tensor there), COVSAMP_TORCH_E_SHAPE (another
 *  type or dims than the metadata says), COVSAMP_TORCH_E_LABELS (as set_labels).  The old ones stay then. */
COVSAMP_TORCH_API int32_t covsamp_torch_set_input(covsamp_torch *module, int32_t branch, int32_t index,
                                                  int32_t type, const void *data, const int64_t *dims,
                                                  int32_t n_dims, int64_t count);
/** Which head fills request->head, asked for by covariance = diag_model: one of those that the file's metadata lists as
 *  heads=NAME,..., with the name of the option "head" (ocm, sn, npr, iddpm).  The module returns C (1 + heads) channels
 *  then, C those of x; head i is in the C channels from C (1 + i) on.  NULL: none, and requests for one fail.  Errors: E_NULL,
 *  COVSAMP_TORCH_E_HEAD. */
COVSAMP_TORCH_API int32_t covsamp_torch_set_head(covsamp_torch *module, const char *name);
/** Answers requests with a mean, products or transposed products: 0 or a code.  `module` is a covsamp_torch.  The
 *  request's type may differ from the computation's: values are converted.  Transposed products are made by reverse
 *  mode in the computation's type, whatever `engine` and `tangent_dtype` say; the graph of the last point is kept
 *  for them until the next one, beside what the engine keeps.
 *     A request about both branches (its other_... are set) is one call of the module on twice the batch, with the
 *  labels and further tensors of branch 0 and those of branch 1; two calls where these cannot lie in one tensor (a
 *  tensor set for one of them only, or of other dims).  What is kept for further products and transposed products is
 *  kept for each branch, and for both at once, by itself: requests of branch 0 and 1 in turns at one x are
 *  linearised once each.  A mean with products_follow is taken from the linearisation that they will need (engines
 *  LINEARISED and TRANSPOSED, within keep_bytes), so that it costs no forward pass of its own.
 *     Errors: E_NULL, E_RANGE, E_STRUCT_SIZE, E_UNSUPPORTED (another kind), E_NOMEM and the codes
 *  above but the first three. */
COVSAMP_TORCH_API int32_t covsamp_torch_answer(void *module, const covsamp_request *request);
/** Answers open requests of several samplers, whatever their time, batch, branch, type and labels, in few calls of the
 *  module: one for all means, and one for all products with the same number of tangents, whether or not a mean
 *  comes with them; so, too, for transposed products.  requests: [n], n >= 0.  answers: [n], receives what covsamp_torch_answer()
 *  would return for each; a request that fails leaves the others alone, at the worst they are answered one by one.
 *  Answers are those of covsamp_torch_answer() but for rounding that depends on the size of a batch.  What is kept
 *  for further products is used while the same requests come together at the same points.  Returns 0, or the first
 *  answer that is not 0 and a message that says which, "requests[3]: ..."; besides, with `answers` untouched, E_NULL
 *  (module, requests, answers) and E_RANGE (n). */
COVSAMP_TORCH_API int32_t covsamp_torch_answer_many(covsamp_torch *module, const covsamp_request *const *requests,
                                                    int32_t n, int32_t *answers);
/** Fills mean, jvp, mean_jvp, vjp and model_user, and nothing else.  Valid while the module lives. Errors: E_NULL,
 *  E_STRUCT_SIZE. */
COVSAMP_TORCH_API int32_t covsamp_torch_model(covsamp_torch *module, covsamp_model *model);

/** Fills *ops for covsamp_config_set_vector_ops(): a sampler's vectors as memory of libtorch on the device that the module
 *  was loaded to.  Requests of such a sampler are answered where they are, without a way by host memory, by every module and
 *  classifier on that device; modules on another copy from device to device.  Sums are trees of
 *  additions in double, the same for every sample whatever the batch and the threads of libtorch.  The operations are
 *  called while samplers step; when one fails, its sentence is the module's message.  On CUDA they are queued on
 *  libtorch's current stream of the calling thread, and return when what they give to host memory is there: a callback of your own that works
 *  on another stream must wait for that one, and make it wait.  The table goes to covsamp_config_set_vector_ops() as it was filled:
 *  requests with functions of yours in it are refused, another `user` is not noticed.  Samplers in several threads may
 *  share it; of two failures at a time the module's message is either.  Valid while the module lives, which must be
 *  longer than the samplers do.  ops->size: sizeof(covsamp_vector_ops), set by the caller.  Errors: E_NULL, E_STRUCT_SIZE. */
COVSAMP_TORCH_API int32_t covsamp_torch_vector_ops(covsamp_torch *module, covsamp_vector_ops *ops);

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

/** What the engine did so far.  With engines other than LINEARISED the counts are 0. */
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
    int64_t points_kept;            /* linearisations that are kept now: one for each branch, one for requests about both,
                                       one for answer_many; steps is of the last one, bytes_... of all */
} covsamp_torch_work;
/** Fills *work; its texts belong to the module and are valid until the next report.  Errors: E_NULL, E_STRUCT_SIZE. */
COVSAMP_TORCH_API int32_t covsamp_torch_report(covsamp_torch *module, covsamp_torch_work *work);
/** Value of a key of the file's metadata (TorchScript extra file "covsamp.txt", lines "key=value"), for example
 *  "prediction"; NULL if there is none.  Owned by the module. */
COVSAMP_TORCH_API const char *covsamp_torch_metadata(const covsamp_torch *module, const char *key);
/** Shape of one sample: writes at most `capacity` sizes to dims [capacity] (may be NULL), returns how many there are. */
COVSAMP_TORCH_API int32_t covsamp_torch_shape(const covsamp_torch *module, int64_t *dims, int32_t capacity);
/** One sentence on the last call that failed; "" if it did not. Never NULL; valid until the next call. */
COVSAMP_TORCH_API const char *covsamp_torch_message(const covsamp_torch *module);

/* ---- Classifiers ----
 * A module with forward(x, t) or forward(x), x and t as above, that returns logits [n, classes].  Its answer to a
 * request of kind COVSAMP_ASK_GUIDE is grad_x log softmax(logits(x, time))[label], by reverse mode; the label is
 * that of each sample.  Loaded, converted and frozen as networks are.  One handle, one thread at a time; handles on
 * different threads run side by side. */

typedef struct covsamp_torch_classifier covsamp_torch_classifier;

/** As covsamp_torch_load(), to which `options` mean the same; of them engine, tangent_dtype, keep_bytes and layout play
 *  no part.  Where the metadata has `classes`, the module must return as many. */
COVSAMP_TORCH_API int32_t covsamp_torch_classifier_load(covsamp_torch_classifier **out, const char *path,
                                                        const covsamp_torch_options *options, char *message);
/** The same from the bytes of a file, data[0 ... bytes - 1], which may be released afterwards. */
COVSAMP_TORCH_API int32_t covsamp_torch_classifier_load_memory(covsamp_torch_classifier **out,
                                                               const void *data, size_t bytes,
                                                               const covsamp_torch_options *options,
                                                               char *message);
/** NULL is fine. */
COVSAMP_TORCH_API void covsamp_torch_classifier_free(covsamp_torch_classifier *classifier);
/** How many classes there are: the module's logits for one sample; 0 if classifier is NULL. */
COVSAMP_TORCH_API int64_t covsamp_torch_classifier_classes(const covsamp_torch_classifier *classifier);
/** The class that each sample is drawn towards: the sample with number k gets labels[k mod count].  Copied.  count 0:
 *  none, and gradients fail.  Errors: E_NULL, E_RANGE (count), E_NOMEM, COVSAMP_TORCH_E_LABELS (a label outside
 *  0 ... classes - 1; the old ones stay). */
COVSAMP_TORCH_API int32_t covsamp_torch_classifier_set_labels(covsamp_torch_classifier *classifier,
                                                              const int64_t *labels, int64_t count);
/** Answers requests of kind COVSAMP_ASK_GUIDE: 0 or a code.  `classifier` is a covsamp_torch_classifier.  The request's
 *  type may differ from the computation's.  Errors: E_NULL, E_RANGE, E_STRUCT_SIZE, E_UNSUPPORTED (another kind),
 *  E_NONFINITE (a gradient holds a NaN or infinity: the message says of which sample), E_NOMEM and
 *  COVSAMP_TORCH_E_SHAPE, _LABELS (none are set), _NO_TANGENT (the logits do not depend on x), _EXCEPTION. */
COVSAMP_TORCH_API int32_t covsamp_torch_classifier_answer(void *classifier, const covsamp_request *request);
/** Fills guide and guide_user, and nothing else.  Valid while the classifier lives.  Errors: E_NULL, E_STRUCT_SIZE. */
COVSAMP_TORCH_API int32_t covsamp_torch_classifier_guide(covsamp_torch_classifier *classifier,
                                                         covsamp_model *model);
/** Logits, for judging: of `samples` samples of type dtype (COVSAMP_F32 or COVSAMP_F64), value i of sample b at
 *  x[b * stride + i], at `time` (no part where the module has forward(x)); class c of sample b goes to
 *  out[b * out_stride + c], of the same type.  In one call of the module.  Not checked for NaN.  Errors: E_NULL,
 *  E_RANGE, E_NOMEM, COVSAMP_TORCH_E_SHAPE, _EXCEPTION. */
COVSAMP_TORCH_API int32_t covsamp_torch_classifier_logits(covsamp_torch_classifier *classifier,
                                                          int32_t dtype, const void *x, int64_t stride,
                                                          int64_t samples, double time, void *out,
                                                          int64_t out_stride);
/** As covsamp_torch_shape(): of one x. */
COVSAMP_TORCH_API int32_t covsamp_torch_classifier_shape(const covsamp_torch_classifier *classifier,
                                                         int64_t *dims, int32_t capacity);
/** As covsamp_torch_metadata(). */
COVSAMP_TORCH_API const char *covsamp_torch_classifier_metadata(const covsamp_torch_classifier *classifier,
                                                                const char *key);
/** As covsamp_torch_message(). */
COVSAMP_TORCH_API const char *covsamp_torch_classifier_message(const covsamp_torch_classifier *classifier);

/* ---- Decoders ----
 * A module with forward(z), z [n, ...shape], that returns one sample of another shape (or the same) for each: the
 * decoder of latents, their encoder, or any other map.  Threads as above. */

typedef struct covsamp_torch_decoder covsamp_torch_decoder;

/** As covsamp_torch_load(); options->dims or the metadata's `shape` is the shape of one z.  Of `options` engine,
 *  tangent_dtype, keep_bytes and layout play no part. */
COVSAMP_TORCH_API int32_t covsamp_torch_decoder_load(covsamp_torch_decoder **out, const char *path,
                                                     const covsamp_torch_options *options, char *message);
/** The same from the bytes of a file, data[0 ... bytes - 1], which may be released afterwards. */
COVSAMP_TORCH_API int32_t covsamp_torch_decoder_load_memory(covsamp_torch_decoder **out, const void *data,
                                                            size_t bytes,
                                                            const covsamp_torch_options *options,
                                                            char *message);
/** NULL is fine. */
COVSAMP_TORCH_API void covsamp_torch_decoder_free(covsamp_torch_decoder *decoder);
/** As covsamp_torch_shape(): of one sample that comes out. */
COVSAMP_TORCH_API int32_t covsamp_torch_decoder_shape(const covsamp_torch_decoder *decoder, int64_t *dims,
                                                      int32_t capacity);
/** The same of one z, that goes in. */
COVSAMP_TORCH_API int32_t covsamp_torch_decoder_input_shape(const covsamp_torch_decoder *decoder,
                                                            int64_t *dims, int32_t capacity);
/** Decodes `samples` samples in one call of the module: value i of sample b is z[b * stride + i], and of the result
 *  out[b * out_stride + i]; both are of type dtype (COVSAMP_F32 or COVSAMP_F64), out may not overlap z.  Not checked
 *  for NaN.  Errors: E_NULL, E_RANGE, E_NOMEM, COVSAMP_TORCH_E_SHAPE (another shape than the first run had),
 *  _EXCEPTION. */
COVSAMP_TORCH_API int32_t covsamp_torch_decoder_run(covsamp_torch_decoder *decoder, int32_t dtype,
                                                    const void *z, int64_t stride, int64_t samples,
                                                    void *out, int64_t out_stride);
/** As covsamp_torch_metadata(). */
COVSAMP_TORCH_API const char *covsamp_torch_decoder_metadata(const covsamp_torch_decoder *decoder,
                                                             const char *key);
/** As covsamp_torch_message(). */
COVSAMP_TORCH_API const char *covsamp_torch_decoder_message(const covsamp_torch_decoder *decoder);

#ifdef __cplusplus
}
#endif
#endif
