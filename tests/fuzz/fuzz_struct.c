/* SPDX-License-Identifier: BSD-3-Clause */
/* The bytes of every struct that a caller hands in, whatever its size field says: no byte outside
 * is touched, what is refused is left as it was, what is taken is filled to its end, and a field
 * from the future is not ignored.  Pointers in them are good ones or NULL: others no library can
 * tell from good ones. */
#include "input.h"

#include <stddef.h>

#define DIM  2
#define MOST 4096 /* a larger size is rubbish and not followed */

static struct {
    covsamp_config *config;
    covsamp_mixture *mixture;
    covsamp_sampler *sampler;
    covsamp_calibration *calibration;
    covsamp_nelbo *nelbo;
    covsamp_posterior_modes *modes;
    covsamp_model model; /* a good one */
} all;

/* One finished handle of each kind; they live as long as the process. */
static void make_all(void)
{
    static const double weight = 1, mean[DIM] = {0.1, -0.2}, cov[DIM * DIM] = {0.5, 0.1, 0.1, 0.3},
                        x[DIM] = {0.25, -0.5};
    static const int64_t levels[2] = {4, 1};
    covsamp_schedule *schedule = NULL;
    all.model.size = sizeof all.model;
    if (covsamp_config_new(&all.config, NULL) != COVSAMP_OK ||
        covsamp_schedule_new_linear(&schedule, 4, 0.1, 0.3, NULL, NULL) != COVSAMP_OK ||
        covsamp_config_set_schedule(all.config, schedule, levels, 2) != COVSAMP_OK ||
        covsamp_config_set_int(all.config, COVSAMP_BATCH, 1) != COVSAMP_OK ||
        covsamp_config_set_int(all.config, COVSAMP_DIM, DIM) != COVSAMP_OK ||
        covsamp_config_set_int(all.config, COVSAMP_DTYPE, COVSAMP_F64) != COVSAMP_OK ||
        covsamp_config_set_by_name(all.config, "covariance", "dense") != COVSAMP_OK ||
        covsamp_config_set_by_name(all.config, "prediction", "x0") != COVSAMP_OK ||
        covsamp_mixture_new(&all.mixture, DIM, 1, &weight, mean, cov, COVSAMP_PREDICTS_X0, NULL,
                            NULL) != COVSAMP_OK ||
        covsamp_mixture_model(all.mixture, &all.model) != COVSAMP_OK ||
        covsamp_sampler_new(&all.sampler, all.config) != COVSAMP_OK ||
        covsamp_sampler_run(all.sampler, &all.model) != COVSAMP_DONE ||
        covsamp_calibration_new(&all.calibration, all.config, NULL, 0, 1) != COVSAMP_OK ||
        covsamp_calibration_run(all.calibration, &all.model, x, DIM, 1) != COVSAMP_DONE ||
        covsamp_nelbo_new(&all.nelbo, all.config, 0) != COVSAMP_OK ||
        covsamp_nelbo_run(all.nelbo, &all.model, x, DIM, 1) != COVSAMP_DONE ||
        covsamp_posterior_modes_new(&all.modes, all.config, 4, 1) != COVSAMP_OK ||
        covsamp_posterior_modes_data(all.modes, x, DIM, 1) != COVSAMP_OK ||
        covsamp_posterior_modes_run(all.modes, &all.model) != COVSAMP_DONE)
        demand(0, "handles", COVSAMP_E_STATE, covsamp_config_message(all.config));
    covsamp_schedule_free(schedule);
}

/* ---- a block that ends where its size field says ---- */

typedef struct {
    unsigned char *bytes;
    size_t size, room; /* as the field says; what there is */
} block;

static block new_block(input *in, size_t known)
{
    block b = {NULL, 0, 0};
    const uint8_t how = input_byte(in);
    if (how < 128)
        b.size = known + (size_t)how % 8 * sizeof(size_t);
    else if (how < 192)
        b.size = (size_t)input_byte(in) * (how % 2 ? 1 : sizeof(size_t));
    else
        input_take(in, &b.size, sizeof b.size);
    b.room = b.size < sizeof b.size ? sizeof b.size : b.size > MOST ? sizeof b.size : b.size;
    b.bytes = malloc(b.room);
    if (b.bytes == NULL)
        abort();
    if (how % 16 < 12) /* a clean tail */
        memset(b.bytes, 0, b.room);
    if (how % 16 > 7 || how % 2)
        input_take(in, b.bytes, how % 16 < 12 && b.room > known ? known : b.room);
    memcpy(b.bytes, &b.size, sizeof b.size);
    return b;
}

/* Puts a pointer where a field begins, if the block reaches so far. */
static void put(const block *b, size_t at, const void *pointer, size_t bytes)
{
    if (at + bytes <= b->room)
        memcpy(b->bytes + at, pointer, bytes);
}

static int is_dirty(const block *b, size_t from)
{
    for (size_t i = from; i < b->room; i++)
        if (b->bytes[i] != 0)
            return 1;
    return 0;
}

/* ---- structs that the library fills ---- */

static covsamp_status fill(int which, void *out)
{
    switch (which) {
    case 0:
        return covsamp_sampler_stats(all.sampler, out);
    case 1:
        return covsamp_sampler_step_stats(all.sampler, 0, out);
    case 2:
        return covsamp_calibration_row(all.calibration, 0, out);
    case 3:
        return covsamp_nelbo_row(all.nelbo, 1, out);
    case 4:
        return covsamp_nelbo_sum(all.nelbo, out);
    case 5:
        return covsamp_posterior_modes_row(all.modes, 0, 0, out);
    default:
        return covsamp_path_kl(all.config, all.mixture, COVSAMP_PATH_KL_MONTE_CARLO, 2, NULL, NULL,
                               0, out);
    }
}

static void fuzz_out(int which, input *in)
{
    static const size_t sizes[] = {sizeof(covsamp_stats),
                                   sizeof(covsamp_step_stats),
                                   sizeof(covsamp_calibration_level),
                                   sizeof(covsamp_nelbo_term),
                                   sizeof(covsamp_nelbo_total),
                                   sizeof(covsamp_mode),
                                   sizeof(covsamp_path_kl_total)};
    const size_t known = sizes[which];
    const block b = new_block(in, known);
    unsigned char before[MOST];
    size_t size;
    memcpy(before, b.bytes, b.room);
    const covsamp_status status = fill(which, b.bytes);
    memcpy(&size, b.bytes, sizeof size);
    demand(size == b.size, "the size field changed", status, "");
    if (status == COVSAMP_OK) {
        demand(b.size <= MOST && b.size % sizeof(size_t) == 0, "a size that is none", status, "");
        demand(!is_dirty(&b, known), "bytes that are unknown were not zeroed", status, "");
    } else {
        demand(status == COVSAMP_E_STRUCT_SIZE, "another error", status, "");
        demand(b.size != known, "the right size was refused", status, "");
        demand(memcmp(before, b.bytes, b.room) == 0, "refused, and written to", status, "");
    }
    free(b.bytes);
}

/* ---- structs that the library reads ---- */

static int32_t answer(void *user, const covsamp_request *q)
{
    return q->kind == COVSAMP_ASK_STEP ? 0 : covsamp_mixture_answer(user, q);
}

/* Whether a struct with good pointers should have been taken. */
static void check_in(const block *b, size_t known, covsamp_status status)
{
    if (b->size > MOST || b->size % sizeof(size_t) != 0 || b->size < sizeof(size_t))
        demand(status == COVSAMP_E_STRUCT_SIZE, "a size that is none", status, "");
    else if (is_dirty(b, known) && b->room > known)
        demand(status == COVSAMP_E_STRUCT_SIZE, "a dirty tail was ignored", status, "");
    else if (b->size >= known)
        demand(status != COVSAMP_E_STRUCT_SIZE, "a clean struct was refused", status, "");
}

static void fuzz_model(input *in)
{
    static const size_t functions[] = {
        offsetof(covsamp_model, mean),     offsetof(covsamp_model, jvp),
        offsetof(covsamp_model, mean_jvp), offsetof(covsamp_model, noise),
        offsetof(covsamp_model, progress), offsetof(covsamp_model, vjp),
        offsetof(covsamp_model, guide)};
    static const double x[DIM] = {0.25, -0.5};
    double table[4];
    const uint8_t how = input_byte(in), lacks = input_byte(in);
    const block b = new_block(in, sizeof(covsamp_model));
    const void *user = all.mixture;
    put(&b, offsetof(covsamp_model, model_user), &user, sizeof user);
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        const covsamp_answer_fn function = lacks >> i & 1 ? NULL : answer;
        put(&b, functions[i], &function, sizeof function);
    }
    const covsamp_model *model = (const void *)b.bytes;
    covsamp_status status;
    switch (how % 6) {
    case 0:
        covsamp_sampler_restart(all.sampler, 1, 0);
        status = covsamp_sampler_run(all.sampler, model);
        break;
    case 1:
        covsamp_sampler_restart(all.sampler, 1, 0);
        status = covsamp_sampler_step(all.sampler, model);
        break;
    case 2:
        status = covsamp_calibration_run(all.calibration, model, x, DIM, 1);
        break;
    case 3:
        status = covsamp_nelbo_run(all.nelbo, model, x, DIM, 1);
        break;
    case 4:
        covsamp_posterior_modes_data(all.modes, x, DIM, 1);
        status = covsamp_posterior_modes_run(all.modes, model);
        if (status < 0)
            covsamp_posterior_modes_run(all.modes, &all.model); /* rows are there again */
        break;
    default:
        status = covsamp_analytic_estimate(all.config, model, x, DIM, 1, table, 4);
    }
    check_in(&b, sizeof(covsamp_model), status);
    demand(status >= 0 || status == COVSAMP_E_STRUCT_SIZE || status == COVSAMP_E_NULL,
           "another error", status, "");
    free(b.bytes);
}

static void *take_memory(void *user, size_t bytes, size_t align)
{
    ++*(int *)user;
    return aligned_alloc(align, bytes);
}

static void give_memory(void *user, void *pointer, size_t bytes)
{
    (void)bytes;
    --*(int *)user;
    free(pointer);
}

static void fuzz_allocator(input *in)
{
    const uint8_t how = input_byte(in);
    const block b = new_block(in, sizeof(covsamp_allocator));
    int taken = 0;
    const void *user = &taken;
    void *(*alloc)(void *, size_t, size_t) = how & 4 ? NULL : take_memory;
    void (*release)(void *, void *, size_t) = how & 8 ? NULL : give_memory;
    char message[COVSAMP_MESSAGE_BYTES] = "";
    covsamp_status status;
    put(&b, offsetof(covsamp_allocator, alloc), &alloc, sizeof alloc);
    put(&b, offsetof(covsamp_allocator, release), &release, sizeof release);
    put(&b, offsetof(covsamp_allocator, user), &user, sizeof user);
    const covsamp_allocator *mem = (const void *)b.bytes;
    if (how % 2) {
        covsamp_config *config;
        status = covsamp_config_new(&config, mem);
        covsamp_config_free(config);
    } else {
        covsamp_schedule *schedule;
        status = covsamp_schedule_new_flow(&schedule, 3, mem, message);
        demand((message[0] != '\0') == (status < 0), "a sentence for errors", status, message);
        covsamp_schedule_free(schedule);
    }
    check_in(&b, sizeof(covsamp_allocator), status);
    if (how & 12)
        demand(status < 0, "a hook that is NULL was taken", status, message);
    demand(taken == 0, "memory was kept", status, message);
    free(b.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size};
    if (all.config == NULL)
        make_all();
    const int which = input_byte(&in) % 12;
    if (which < 7)
        fuzz_out(which, &in);
    else if (which < 10)
        fuzz_model(&in);
    else
        fuzz_allocator(&in);
    return 0;
}
