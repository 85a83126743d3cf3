/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers that go wrong: one request, one of the arrays that it wants, in one of these ways. */
#ifndef COVSAMP_TESTS_SPOIL_H
#define COVSAMP_TESTS_SPOIL_H

#include "world.h"

#include <float.h>

enum {
    FAILS,      /* a negative number of the model's own */
    WRONG_CODE, /* a positive one, which is no answer */
    CANCELS,
    ONE_NAN,
    ONE_INF,
    ONE_MINUS_INF, /* in the last value of the last sample */
    ONE_HUGE,      /* the largest number of the type, there */
    ALL_HUGE,      /* half of it everywhere, with both signs */
    ALL_LARGE,     /* whose square is too large */
    ALL_DENORMAL,
    WAYS
};
static const char *const way_names[WAYS] = {"fails", "wrong code", "cancels", "NaN",   "inf",
                                            "-inf",  "huge once",  "huge",    "large", "denormal"};

/* The `spoil_at`-th request (1 is the first; 0: none) is answered wrongly, once. */
typedef struct {
    world *w;
    int count, spoil_at, how;
    int part, parts;         /* which of the arrays, and how many the request had */
    const char *name;        /* of the array, as messages have it */
    int array;               /* which of all the arrays that there are */
    covsamp_request request; /* the one that was spoiled */
    int same;                /* what came after was the same request again */
    int apart;               /* means and products by two callbacks: both are called again */
    int nonsense;            /* a request of the library itself was not finite */
} spoiler;

#define ARRAYS 10 /* that a request may want */

/* The part-th array that q wants, [*tangents][batch][dim]; NULL if it has fewer. */
static inline void *wanted_array(const covsamp_request *q, int part, int64_t *tangents,
                                 const char **name, int *array)
{
    const struct {
        void *p;
        int64_t tangents;
        const char *name;
    } all[ARRAYS] = {{q->mean, 1, "mean"},
                     {q->head, 1, "head"},
                     {q->product, q->tangents, "product"},
                     {q->transposed, q->tangents, "transposed product"},
                     {q->other_mean, 1, "mean of branch 1"},
                     {q->other_head, 1, "head of branch 1"},
                     {q->other_product, q->tangents, "product of branch 1"},
                     {q->other_transposed, q->tangents, "transposed product of branch 1"},
                     {q->gradient, 1, "gradient"},
                     {q->noise, 1, "noise"}};
    for (int i = 0; i < ARRAYS; i++)
        if (all[i].p != NULL && part-- == 0) {
            *array = i;
            *tangents = all[i].tangents;
            *name = all[i].name;
            return all[i].p;
        }
    return NULL;
}

static inline double spoiled_value(int how, int32_t dtype, int64_t i)
{
    const double most = dtype == COVSAMP_F32 ? (double)FLT_MAX : DBL_MAX;
    const double sign = i % 3 == 0 ? -1 : 1;
    switch (how) {
    case ONE_NAN:
        return NAN;
    case ONE_INF:
        return INFINITY;
    case ONE_MINUS_INF:
        return -INFINITY;
    case ONE_HUGE:
        return most;
    case ALL_HUGE:
        return sign * 0.5 * most;
    case ALL_LARGE:
        return sign * 2 * sqrt(most);
    default:
        return sign * (dtype == COVSAMP_F32 ? 1e-41 : 1e-310) * (double)(1 + i % 5);
    }
}

static inline void spoil_array(const covsamp_request *q, int64_t tangents, int how, void *p)
{
    const int all = how >= ALL_HUGE;
    for (int64_t k = 0; k < tangents; k++)
        for (int64_t b = 0; b < q->batch; b++)
            for (int64_t i = 0; i < q->dim; i++)
                if (all || (k == tangents - 1 && b == q->batch - 1 && i == q->dim - 1))
                    world_put(q->dtype, p, k * q->tangent_stride + b * q->stride + i,
                              spoiled_value(how, q->dtype, b * q->dim + i));
}

static inline int32_t spoiled_answer(void *user, const covsamp_request *q)
{
    spoiler *p = user;
    int64_t tangents = 0;
    const char *name;
    p->nonsense |= !p->w->unchecked && !request_finite(q);
    p->w->asked = 0;
    const int32_t status = answer(p->w, q);
    p->count++;
    if (p->count == p->spoil_at + 1)
        p->same = p->apart ? q->point == p->request.point : memcmp(&p->request, q, sizeof *q) == 0;
    if (p->count != p->spoil_at || status != 0)
        return status;
    p->request = *q;
    p->parts = 0;
    while (wanted_array(q, p->parts, &tangents, &name, &p->array) != NULL)
        p->parts++;
    void *array = wanted_array(q, p->part, &tangents, &p->name, &p->array);
    if (p->how == FAILS)
        return -1000 - p->count;
    if (p->how == WRONG_CODE)
        return 1 + 2 * p->count;
    if (p->how == CANCELS)
        return COVSAMP_CANCELLED;
    if (array != NULL)
        spoil_array(q, tangents, p->how, array);
    return 0;
}

static inline spoiler new_spoiler(world *w, int spoil_at, int how, int part)
{
    spoiler p;
    memset(&p, 0, sizeof p);
    p.w = w;
    p.spoil_at = spoil_at;
    p.how = how;
    p.part = part;
    return p;
}

/* What the call must return where the answer itself is refused; 0 where it is not. */
static inline covsamp_status refusal_of(int how)
{
    switch (how) {
    case FAILS:
        return COVSAMP_E_MODEL;
    case WRONG_CODE:
        return COVSAMP_E_RANGE;
    case CANCELS:
        return COVSAMP_CANCELLED;
    case ONE_NAN:
    case ONE_INF:
    case ONE_MINUS_INF:
        return COVSAMP_E_NONFINITE;
    default:
        return 0;
    }
}

/* The sentence names the function, the level, and what was wrong with what. */
static inline void check_refusal(const char *text, const spoiler *p, const char *function)
{
    const covsamp_request *q = &p->request;
    char part[96];
    if (p->how == CANCELS) {
        CHECK(text[0] == '\0');
        return;
    }
    CHECK(is_sentence(text));
    CHECK_TEXT(text, function);
    CHECK_TEXT(text, "must be");
    snprintf(part, sizeof part, "level %lld", (long long)q->level);
    CHECK_TEXT(text, part);
    if (p->how == WRONG_CODE) {
        snprintf(part, sizeof part, " is %d", 1 + 2 * p->spoil_at);
        CHECK_TEXT(text, part);
        return;
    }
    if (p->how == FAILS) {
        snprintf(part, sizeof part, "is %d", -1000 - p->spoil_at);
        CHECK_TEXT(text, part);
        return;
    }
    CHECK_TEXT(text, p->name);
    snprintf(part, sizeof part, "value %lld of sample %lld", (long long)q->dim - 1,
             (long long)(q->first_sample + q->batch - 1));
    CHECK_TEXT(text, part);
}

#endif
