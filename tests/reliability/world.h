/* SPDX-License-Identifier: BSD-3-Clause */
/* Configurations written as text, "covariance=krylov clip_x0=0.5 ...", on top of three samples of
 * six values in double, and an exact model that answers whatever they ask.  A text is all that is
 * needed to see a failure again. */
#ifndef COVSAMP_TESTS_WORLD_H
#define COVSAMP_TESTS_WORLD_H

#include "heap.h"
#include "three_components.h"

#define WORLD_LEVELS   20
#define WORLD_STEPS    4
#define WORLD_MOST_DIM 64 /* of a mixture; beyond it the model is linear */
#define WORLD_MOST_ASKED                                                                           \
    2000 /* the model cancels then: 65536 probes are a bound as good as 2000                       \
          */

static const char world_base[] = "batch=3 dim=6 dtype=f64 seed=77 first_sample=11 channels=2 "
                                 "width=3 spectral_block=3 krylov_steps=3";

typedef struct {
    covsamp_schedule *schedule;
    covsamp_mixture *mixture; /* NULL: a linear model */
    int64_t batch, dim, seed, first_sample;
    int32_t dtype, prediction;
    int unchecked; /* check_finite = 0: nonsense may go through */
    int asked;     /* requests so far */
    int64_t levels[WORLD_STEPS];
    double noise[WORLD_LEVELS];  /* the table of noise */
    double weight[WORLD_LEVELS]; /* of guidance */
} world;

/* ---- text ---- */

/* The next "name=value" of *text; 0 when there is none. */
static inline int next_option(const char **text, char name[64], char value[64])
{
    int length = 0;
    if (sscanf(*text, " %63[^= ]=%63s%n", name, value, &length) != 2)
        return 0;
    *text += length;
    return 1;
}

/* Sets what the text says; `schedule` and `weights` are no options, see world_open(). */
static inline covsamp_status apply(covsamp_config *c, const char *text)
{
    char name[64], value[64];
    covsamp_status status = COVSAMP_OK;
    while (status == COVSAMP_OK && next_option(&text, name, value))
        if (strcmp(name, "schedule") != 0 && strcmp(name, "weights") != 0)
            status = covsamp_config_set_by_name(c, name, value);
    return status;
}

static inline const char *text_value(const char *text, const char *wanted, char value[64])
{
    char name[64], other[64];
    const char *found = NULL;
    while (next_option(&text, name, other))
        if (strcmp(name, wanted) == 0)
            found = strcpy(value, other);
    return found;
}

/* ---- the model ---- */

static inline double world_get(int32_t dtype, const void *p, int64_t i)
{
    return dtype == COVSAMP_F32 ? (double)((const float *)p)[i] : ((const double *)p)[i];
}

static inline void world_put(int32_t dtype, void *p, int64_t i, double value)
{
    if (dtype == COVSAMP_F32)
        ((float *)p)[i] = (float)value;
    else
        ((double *)p)[i] = value;
}

/* Whether [count][batch][dim] values are finite: nothing else may leave the library. */
static inline int all_finite(const covsamp_request *q, const void *p, int64_t count)
{
    for (int64_t k = 0; k < count; k++)
        for (int64_t b = 0; b < q->batch; b++)
            for (int64_t i = 0; i < q->dim; i++)
                if (!isfinite(world_get(q->dtype, p, k * q->tangent_stride + b * q->stride + i)))
                    return 0;
    return 1;
}

static inline int request_finite(const covsamp_request *q)
{
    if (q->x != NULL && !all_finite(q, q->x, 1))
        return 0;
    return q->v == NULL || all_finite(q, q->v, q->tangents);
}

/* out = factor x for [count][batch][dim] values. */
static inline void times(const covsamp_request *q, double factor, const void *x, int64_t count,
                         void *out)
{
    for (int64_t k = 0; out != NULL && k < count; k++)
        for (int64_t b = 0; b < q->batch; b++)
            for (int64_t i = 0; i < q->dim; i++) {
                const int64_t at = k * q->tangent_stride + b * q->stride + i;
                world_put(q->dtype, out, at, factor * world_get(q->dtype, x, at));
            }
}

/* The library's own numbers, for noise = ask. */
static inline void answer_with_noise(const covsamp_request *q)
{
    double z[64];
    for (int64_t b = 0; b < q->batch; b++)
        for (int64_t first = 0; first < q->dim; first += 64) {
            const int64_t n = q->dim - first < 64 ? q->dim - first : 64;
            CHECK(covsamp_noise_normal(q->seed, q->first_sample + b, q->stream, q->step, first, n,
                                       z) == COVSAMP_OK);
            for (int64_t i = 0; i < n; i++)
                world_put(q->dtype, q->noise, b * q->stride + first + i, z[i]);
        }
}

/* Heads that no head has, but within what each of them may say. */
static inline void answer_head(const covsamp_request *q, void *head)
{
    for (int64_t b = 0; head != NULL && b < q->batch; b++)
        for (int64_t i = 0; i < q->dim; i++) {
            const double x = world_get(q->dtype, q->x, b * q->stride + i);
            world_put(q->dtype, head, b * q->stride + i, -0.2 - 0.1 * x * x / (1 + x * x));
        }
}

static inline int32_t answer(void *user, const covsamp_request *q)
{
    world *w = user;
    if (++w->asked > WORLD_MOST_ASKED)
        return COVSAMP_CANCELLED;
    if (!w->unchecked && !CHECK(request_finite(q)))
        fprintf(stderr, "    request of kind %d at step %d\n", (int)q->kind, (int)q->step);
    if (q->kind == COVSAMP_ASK_STEP)
        return 0;
    if (q->noise != NULL) {
        answer_with_noise(q);
        return 0;
    }
    answer_head(q, q->head);
    answer_head(q, q->other_head);
    if (w->mixture != NULL) {
        const int32_t status = covsamp_mixture_answer(w->mixture, q);
        if (!CHECK(status == 0))
            fprintf(stderr, "    the mixture says %d to kind %d\n", (int)status, (int)q->kind);
        return status;
    }
    times(q, 0.9, q->x, 1, q->mean);
    times(q, 0.8, q->x, 1, q->other_mean);
    times(q, 0.9, q->v, q->tangents, q->product);
    times(q, 0.8, q->v, q->tangents, q->other_product);
    times(q, 0.9, q->v, q->tangents, q->transposed);
    times(q, 0.8, q->v, q->tangents, q->other_transposed);
    times(q, -0.3, q->x, 1, q->gradient);
    return 0;
}

static inline covsamp_model model_with(covsamp_answer_fn function, void *user)
{
    covsamp_model m;
    memset(&m, 0, sizeof m);
    m.size = sizeof m;
    m.model_user = m.noise_user = m.guide_user = m.progress_user = user;
    m.mean = m.jvp = m.mean_jvp = m.vjp = m.noise = m.guide = m.progress = function;
    return m;
}

static inline covsamp_model world_model(world *w)
{
    return model_with(answer, w);
}

/* ---- worlds ---- */

static inline covsamp_status schedule_of(const char *name, const covsamp_allocator *mem,
                                         covsamp_schedule **out, char *message)
{
    if (strcmp(name, "cosine") == 0)
        return covsamp_schedule_new_cosine(out, WORLD_LEVELS, .008, mem, message);
    if (strcmp(name, "karras") == 0)
        return covsamp_schedule_new_karras(out, WORLD_LEVELS, .02, 20, 7, mem, message);
    if (strcmp(name, "flow") == 0)
        return covsamp_schedule_new_flow(out, WORLD_LEVELS, mem, message);
    return covsamp_schedule_new_linear(out, WORLD_LEVELS, .01, .4, mem, message);
}

static inline void world_close(world *w)
{
    covsamp_mixture_free(w->mixture);
    covsamp_schedule_free(w->schedule);
}

/* What a text is about; 0 where the text itself is refused, with the sentence in `message`. */
static inline int world_open(world *w, const char *text, char *message)
{
    covsamp_config *c = NULL;
    int64_t dtype, prediction, checks;
    char value[64];
    covsamp_status status;
    memset(w, 0, sizeof *w);
    CHECK(covsamp_config_new(&c, NULL) == COVSAMP_OK && apply(c, world_base) == COVSAMP_OK);
    status = apply(c, text);
    strcpy(message, covsamp_config_message(c));
    CHECK(covsamp_config_get_int(c, COVSAMP_BATCH, &w->batch) == COVSAMP_OK);
    CHECK(covsamp_config_get_int(c, COVSAMP_DIM, &w->dim) == COVSAMP_OK);
    CHECK(covsamp_config_get_int(c, COVSAMP_SEED, &w->seed) == COVSAMP_OK);
    CHECK(covsamp_config_get_int(c, COVSAMP_FIRST_SAMPLE, &w->first_sample) == COVSAMP_OK);
    CHECK(covsamp_config_get_int(c, COVSAMP_DTYPE, &dtype) == COVSAMP_OK);
    CHECK(covsamp_config_get_int(c, COVSAMP_PREDICTION, &prediction) == COVSAMP_OK);
    CHECK(covsamp_config_get_int(c, COVSAMP_CHECK_FINITE, &checks) == COVSAMP_OK);
    covsamp_config_free(c);
    w->unchecked = !checks;
    w->dtype = (int32_t)dtype;
    w->prediction = (int32_t)prediction;
    for (int n = 0; n < WORLD_LEVELS; n++) {
        w->noise[n] = 0.4 + 0.02 * n;
        w->weight[n] = n % 3 * 0.5;
    }
    if (status != COVSAMP_OK)
        return 0;
    const char *name = text_value(text, "schedule", value);
    CHECK(schedule_of(name == NULL ? "" : name, NULL, &w->schedule, NULL) == COVSAMP_OK);
    CHECK(covsamp_schedule_spaced(w->schedule, WORLD_STEPS, COVSAMP_SPACING_TRAILING, w->levels,
                                  NULL) == COVSAMP_OK);
    if (w->dim > WORLD_MOST_DIM || w->prediction == COVSAMP_PREDICTS_REVERSE)
        return 1;
    double tilt[WORLD_MOST_DIM];
    for (int i = 0; i < WORLD_MOST_DIM; i++)
        tilt[i] = 0.2 * (i % 3) - 0.3;
    w->mixture = mixture_of(w->dim, w->prediction, NULL, NULL, &status);
    CHECK(status == COVSAMP_OK && covsamp_mixture_set_tilt(w->mixture, tilt) == COVSAMP_OK);
    return 1;
}

/* ---- sentences and sums ---- */

/* One sentence that begins with the name of a function of the library. */
static inline int is_sentence(const char *message)
{
    const size_t length = strlen(message);
    return strncmp(message, "covsamp_", 8) == 0 && strstr(message, ": ") != NULL && length > 20 &&
           length < COVSAMP_MESSAGE_BYTES && strchr(message, '\n') == NULL;
}

/* FNV-1a, for comparing results bit by bit. */
static inline uint64_t add_bytes(uint64_t sum, const void *p, size_t n)
{
    const unsigned char *bytes = p;
    sum = sum == 0 ? UINT64_C(14695981039346656037) : sum;
    for (size_t i = 0; i < n; i++)
        sum = (sum ^ bytes[i]) * UINT64_C(1099511628211);
    return sum;
}

/* Of the batch; *finite receives whether every value is. */
static inline uint64_t state_sum(const world *w, const covsamp_sampler *s, int *finite)
{
    const void *x = NULL;
    const size_t size = w->dtype == COVSAMP_F32 ? 4 : 8;
    CHECK(covsamp_sampler_state(s, &x, NULL) == COVSAMP_OK);
    *finite = 1;
    for (int64_t i = 0; i < w->batch * w->dim; i++)
        *finite &= isfinite(world_get(w->dtype, x, i)) != 0;
    return add_bytes(0, x, (size_t)(w->batch * w->dim) * size);
}

#endif
