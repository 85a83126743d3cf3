/* SPDX-License-Identifier: BSD-3-Clause */
/* One walk over all that reaches from step to step; writing, checking and reading are the same
 * walk. What the configuration says is not here, nor what a step makes for itself. */
#include "machine/save.h"

#include "numeric/device.h"

#include <inttypes.h>
#include <string.h>

enum { WRITE, CHECK, READ };
enum { BEFORE = 0, BETWEEN = 1, AFTER = 2 }; /* where a run stands, in the string */

/* The numbers that are not arrays. */
typedef struct {
    int64_t place, step, first_sample, from_x0, known_set, age;
    uint64_t seed;
    double estimate_unit;
    covsamp_stats stats;
    covsamp__krylov_counts counts;
} run;

typedef struct {
    covsamp_sampler *s;
    covsamp__bytes *bytes;
    const char *function;
    int32_t mode, reserved;
    covsamp_status status;
    run run;
} walk;

static void number(walk *w, int64_t *value, int64_t low, int64_t high, const char *what)
{
    covsamp__bytes_int(w->bytes, value);
    if (w->mode == CHECK && w->status == COVSAMP_OK && (*value < low || *value > high))
        w->status =
            covsamp__fail(&w->s->error, COVSAMP_E_RANGE,
                          "%s: %s in data is %" PRId64 ", must be in %" PRId64 " ... %" PRId64,
                          w->function, what, *value, low, high);
}

/* So large that no run reaches it, so small that sums do not overflow. */
static int64_t most_count(const walk *w)
{
    return (INT64_C(1) << 60) / w->s->solver.batch;
}

static void count(walk *w, int64_t *value)
{
    number(w, value, 0, most_count(w), "a count");
}

/* Numbers of a type; where answers are checked for NaN, so is what they made. */
static void values(walk *w, int32_t dtype, void *p, int64_t n, const char *what)
{
    const size_t size = covsamp__size_of(dtype);
    double block[128];
    if (w->mode != CHECK) {
        covsamp__bytes_array(w->bytes, p, n, size);
        return;
    }
    for (int64_t i = 0; i < n && !w->bytes->ended; i += 128) {
        const int64_t part = n - i < 128 ? n - i : 128;
        covsamp__bytes_array(w->bytes, block, part, size);
        if (w->s->check_finite && w->status == COVSAMP_OK && !w->bytes->ended &&
            covsamp__nonfinite(dtype, part, block) >= 0)
            w->status = covsamp__fail(&w->s->error, COVSAMP_E_RANGE,
                                      "%s: the %s in data holds a NaN or infinity, must be finite",
                                      w->function, what);
    }
}

/* [batch][dim] numbers, by way of memory here where they are not. */
static void batch(walk *w, void *p, const char *what)
{
    covsamp__space *space = &w->s->space;
    const int64_t n = covsamp__solver_values(&w->s->solver);
    const int elsewhere = space->ops.size != 0 && w->mode != CHECK;
    if (elsewhere && w->mode == WRITE && w->bytes->out != NULL)
        covsamp__machine_here(w->s, p);
    values(w, space->dtype, elsewhere ? space->staging : p, n, what);
    if (elsewhere && w->mode == READ)
        covsamp__device_put(space, space->staging, p, (size_t)n * covsamp__size_of(space->dtype));
}

static void known_mask(walk *w, int64_t n)
{
    covsamp__space *space = &w->s->space;
    uint8_t *mask = space->ops.size != 0 ? space->staging : w->s->known_mask;
    if (mask != w->s->known_mask && w->mode == WRITE && w->bytes->out != NULL)
        covsamp__device_get(space, w->s->known_mask, mask, (size_t)n);
    covsamp__bytes_array(w->bytes, mask, n, 1);
    if (mask != w->s->known_mask && w->mode == READ)
        covsamp__device_put(space, mask, w->s->known_mask, (size_t)n);
}

static void walk_place(walk *w)
{
    const covsamp_sampler *s = w->s;
    run *r = &w->run;
    const int64_t last = s->request.steps - 1;
    number(w, &r->place, BEFORE, AFTER, "the place");
    number(w, &r->step, r->place == AFTER ? last : 0, r->place == BEFORE ? 0 : last, "step");
    covsamp__bytes_u64(w->bytes, &r->seed);
    number(w, &r->first_sample, 0, INT64_MAX - s->solver.batch, "first_sample");
    number(w, &r->from_x0, 0, r->place == BEFORE, "the flag of a start from x0");
    number(w, &r->known_set, 0, s->known, "the flag of known values");
    batch(w, s->solver.x, "state");
}

static void walk_counts(walk *w)
{
    covsamp_stats *a = &w->run.stats;
    covsamp__krylov_counts *c = &w->run.counts;
    int64_t *const counts[] = {&a->steps,        &a->mean_requests,  &a->jvp_requests,
                               &a->jvp_tangents, &a->steps_without,  &a->vjp_requests,
                               &a->vjp_tangents, &a->guide_requests, &c->used,
                               &c->breakdowns,   &c->asymmetric,     &c->values,
                               &c->clamped,      &c->errors};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        count(w, counts[i]);
    covsamp__bytes_real(w->bytes, &c->asymmetry);
    covsamp__bytes_real(w->bytes, &c->error);
    covsamp__bytes_real(w->bytes, &c->error_sum);
}

static void walk_row(walk *w, int64_t step)
{
    covsamp_step_stats unused = {0}, *row = w->mode == CHECK ? &unused : &w->s->row[step];
    const int64_t samples = w->s->solver.batch;
    number(w, &row->samples, 0, samples, "a count of samples");
    count(w, &row->products_used);
    count(w, &row->products_least);
    count(w, &row->products_most);
    count(w, &row->ritz_values);
    count(w, &row->ritz_clamped);
    covsamp__bytes_real(w->bytes, &row->asymmetry);
    covsamp__bytes_real(w->bytes, &row->error_estimate);
    covsamp__bytes_real(w->bytes, &row->error_mean);
    for (int64_t k = 0; k < w->s->bins && !w->bytes->ended; k++) {
        int64_t none = 0, *bin = w->mode == CHECK ? &none : &w->s->histogram[step * w->s->bins + k];
        number(w, bin, 0, samples, "a count of samples");
    }
}

/* x0 of the level before. */
static void walk_history(walk *w)
{
    if (w->s->solver.mean_order > 1 && w->run.place == BETWEEN && w->run.step > 0)
        batch(w, w->s->solver.old, "x0 of the step before");
}

/* The estimate that further steps will use. */
static void walk_estimate(walk *w)
{
    covsamp__covariance *c = &w->s->solver.model;
    covsamp__carried carried;
    const int reuses = covsamp__covariance_carried(c, 0, &carried);
    number(w, &w->run.age, 0, reuses && w->run.place == BETWEEN ? c->reuse - 1 : 0,
           "the age of the estimate");
    if (w->run.age == 0)
        return;
    values(w, COVSAMP_F64, &w->run.estimate_unit, 1, "unit of the estimate");
    for (int i = 0; covsamp__covariance_carried(c, i, &carried); i++)
        for (int64_t b = 0; b < c->batch; b++)
            values(w, carried.dtype, covsamp__at(carried.dtype, carried.p, b * carried.stride),
                   carried.count, "estimate");
}

static void walk_known(walk *w)
{
    const int64_t n = covsamp__solver_values(&w->s->solver);
    if (!w->run.known_set)
        return;
    batch(w, w->s->known_x0, "known x0");
    if (w->mode != CHECK) {
        known_mask(w, n);
        return;
    }
    for (int64_t i = 0; i < n && !w->bytes->ended; i++) {
        uint8_t byte = 0;
        covsamp__bytes_array(w->bytes, &byte, 1, 1);
        if (byte > 1 && w->status == COVSAMP_OK)
            w->status = covsamp__fail(&w->s->error, COVSAMP_E_RANGE,
                                      "%s: a byte of the mask in data is %d, must be 0 or 1",
                                      w->function, byte);
    }
}

static void walk_all(walk *w)
{
    walk_place(w);
    if (w->status == COVSAMP_OK)
        walk_counts(w);
    for (int64_t i = 0; i < w->s->request.steps && !w->bytes->ended; i++)
        walk_row(w, i);
    walk_history(w);
    if (w->status == COVSAMP_OK)
        walk_estimate(w);
    walk_known(w);
}

covsamp_status covsamp__run_closed(covsamp_sampler *s, const char *function)
{
    if (s->phase == COVSAMP__FAILED)
        return covsamp__fail(&s->error, COVSAMP_E_STATE,
                             "%s: the run has ended with %s, must be restarted or freed", function,
                             covsamp_status_name(s->failure));
    if (s->phase == COVSAMP__IN_STEP || s->phase == COVSAMP__KNOWN_START ||
        s->phase == COVSAMP__KNOWN_STEP)
        return covsamp__fail(&s->error, COVSAMP_E_STATE,
                             "%s: step %" PRId64 " of %" PRId64
                             " is open, a run may be saved before the first step, between two and "
                             "after the last",
                             function, s->request.step, s->request.steps);
    return COVSAMP_OK;
}

/* A step that has ended is behind it, reported or not. */
void covsamp__run_write(covsamp_sampler *s, covsamp__bytes *bytes)
{
    const covsamp__covariance *c = &s->solver.model;
    const int64_t last = s->request.steps - 1, behind = s->phase == COVSAMP__STEP_END;
    walk w = {.s = s, .bytes = bytes, .mode = WRITE};
    run *r = &w.run;
    r->step = s->request.step;
    r->place = s->phase == COVSAMP__START                                     ? BEFORE
               : s->phase == COVSAMP__FINISHED || (behind && r->step == last) ? AFTER
                                                                              : BETWEEN;
    if (behind && r->place == BETWEEN)
        r->step++;
    r->first_sample = s->first_sample;
    r->from_x0 = s->from_x0;
    r->known_set = s->known_set;
    r->seed = s->seed;
    r->age = r->place == BETWEEN && c->age < c->reuse ? c->age : 0;
    r->estimate_unit = c->estimate_unit;
    r->stats = s->stats;
    r->counts = s->counts;
    walk_all(&w);
}

covsamp_status covsamp__run_check(covsamp_sampler *s, covsamp__bytes *bytes, const char *function)
{
    walk w = {.s = s, .bytes = bytes, .function = function, .mode = CHECK};
    walk_all(&w);
    if (w.status == COVSAMP_OK && (bytes->ended || bytes->at != bytes->size))
        return covsamp__fail(&s->error, COVSAMP_E_RANGE,
                             "%s: data is too %s for a run of this configuration", function,
                             bytes->ended ? "short" : "long");
    return w.status;
}

void covsamp__run_read(covsamp_sampler *s, covsamp__bytes *bytes)
{
    static const int32_t phases[] = {COVSAMP__START, COVSAMP__BETWEEN, COVSAMP__FINISHED};
    walk w = {.s = s, .bytes = bytes, .mode = READ};
    (void)covsamp__machine_restart(s, 0, 0, &s->error, "");
    walk_all(&w);
    s->seed = s->request.seed = w.run.seed;
    s->first_sample = s->request.first_sample = w.run.first_sample;
    s->request.step = w.run.step;
    s->phase = phases[w.run.place];
    s->from_x0 = (int32_t)w.run.from_x0;
    s->known_set = (int32_t)w.run.known_set;
    s->solver.model.age = w.run.age;
    s->solver.model.estimate_unit = w.run.estimate_unit;
    s->stats = w.run.stats;
    s->counts = w.run.counts;
}
