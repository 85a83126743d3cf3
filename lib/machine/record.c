/* SPDX-License-Identifier: BSD-3-Clause */
/* What every step's covariance was made of.  The counts of the covariance are those of the present
 * step; when it ends they become its row and are added to those of the steps before. */
#include "machine/machine.h"

#include <math.h>
#include <string.h>

/* Bins of the histogram of one step; only krylov decides sample by sample. */
static int64_t bins(const covsamp_sampler *s)
{
    return s->solver.model.ops == &covsamp__covariance_krylov ? s->solver.model.krylov.most + 1 : 0;
}

void covsamp__record_layout(covsamp_sampler *s, int64_t steps, covsamp__arena *arena)
{
    s->bins = bins(s);
    s->row = covsamp__take(arena, steps, 1, sizeof *s->row);
    s->histogram = covsamp__take(arena, steps, s->bins, sizeof *s->histogram);
}

void covsamp__record_forget(covsamp_sampler *s)
{
    const int64_t steps = s->request.steps;
    memset(&s->counts, 0, sizeof s->counts);
    memset(&s->solver.model.counts, 0, sizeof s->solver.model.counts);
    memset(s->row, 0, (size_t)steps * sizeof *s->row);
    memset(s->histogram, 0, (size_t)(steps * s->bins) * sizeof *s->histogram);
}

static void add(covsamp__krylov_counts *sum, const covsamp__krylov_counts *c)
{
    sum->used += c->used;
    sum->breakdowns += c->breakdowns;
    sum->asymmetric += c->asymmetric;
    sum->values += c->values;
    sum->clamped += c->clamped;
    sum->asymmetry = fmax(sum->asymmetry, c->asymmetry);
    sum->error = fmax(sum->error, c->error);
    sum->errors += c->errors;
    sum->error_sum += c->error_sum;
}

covsamp__krylov_counts covsamp__record_counts(const covsamp_sampler *s)
{
    covsamp__krylov_counts sum = s->counts;
    add(&sum, &s->solver.model.counts);
    return sum;
}

/* Products that sample b used in the present step. */
static int64_t products_of(const covsamp_sampler *s, int64_t b)
{
    const covsamp__covariance *c = &s->solver.model;
    if (c->counts.used == 0)
        return 0; /* also where the step was not the covariance's, and its space is an old one */
    return s->bins > 0 ? c->krylov.size[b] : c->counts.used / c->batch;
}

void covsamp__record_step(covsamp_sampler *s)
{
    covsamp__krylov_counts *c = &s->solver.model.counts;
    const int64_t step = s->request.step, batch = s->solver.batch;
    covsamp_step_stats *row = &s->row[step];
    memset(row, 0, sizeof *row);
    row->samples = batch;
    row->products_used = c->used;
    row->ritz_values = c->values;
    row->ritz_clamped = c->clamped;
    row->asymmetry = c->asymmetry;
    row->error_estimate = c->error;
    row->error_mean = c->errors > 0 ? c->error_sum / (double)c->errors : 0;
    for (int64_t b = 0; b < batch; b++) {
        const int64_t products = products_of(s, b);
        if (b == 0 || products < row->products_least)
            row->products_least = products;
        if (products > row->products_most)
            row->products_most = products;
        if (s->bins > 0)
            s->histogram[step * s->bins + products]++;
    }
    add(&s->counts, c);
    memset(c, 0, sizeof *c);
}
