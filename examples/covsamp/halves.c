/* SPDX-License-Identifier: BSD-3-Clause */
#include "halves.h"

#include <math.h>
#include <stdlib.h>

struct near {
    double squared;
    int64_t number;
};

/* Of so many there are hardly ever fewer than `nearest` in a half; where there are, all are
 * searched. */
static int64_t enough(int64_t nearest, int64_t n)
{
    const int64_t most = 3 * nearest + 20;
    return most < n - 1 ? most : n - 1;
}

int halves_make(struct halves *h, const struct comparison *c)
{
    const int64_t n = c->samples->n, m = c->reference->n, count = c->resampling->replicates;
    const size_t a_sample = (size_t)count * sizeof *h->radius;
    *h = (struct halves){count, c->nearest, enough(c->nearest, n), n, m, .in = NULL};
    if (count == 0)
        return 0;
    if ((uint64_t)n < SIZE_MAX / a_sample && (uint64_t)m < SIZE_MAX / a_sample) {
        h->in = resample_halves(c->resampling, c->strata);
        h->radius = malloc((size_t)n * a_sample);
        h->widest = malloc((size_t)n * sizeof *h->widest);
        h->covered = calloc((size_t)m * (size_t)count, sizeof *h->covered);
        h->others = malloc((size_t)h->kept * sizeof *h->others);
        h->found = malloc((size_t)n * sizeof *h->found);
    }
    if (h->in == NULL || h->radius == NULL || h->widest == NULL || h->covered == NULL ||
        h->others == NULL || h->found == NULL)
        return fail(EXIT_RUN, "there is not enough memory for halves of so many samples");
    return 0;
}

void halves_free(struct halves *h)
{
    free(h->in);
    free(h->radius);
    free(h->widest);
    free(h->covered);
    free(h->others);
    free(h->found);
}

/* Keeps the least ones; those that are as far stay in the order in which they came. */
static void keep(struct near *others, int64_t kept, double squared, int64_t number)
{
    int64_t at = kept - 1;
    if (squared >= others[at].squared)
        return;
    for (; at > 0 && others[at - 1].squared > squared; at--)
        others[at] = others[at - 1];
    others[at] = (struct near){squared, number};
}

static int nearer(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The radius by all samples; below 0 where the half has too few of them. */
static double search(const struct halves *h, int64_t b, int64_t i, const double *squared)
{
    int64_t count = 0;
    for (int64_t j = 0; j < h->n; j++)
        if (j != i && h->in[j * h->replicates + b])
            h->found[count++] = squared[j];
    qsort(h->found, (size_t)count, sizeof *h->found, nearer);
    return count >= h->nearest ? h->found[h->nearest - 1] : -1;
}

static double radius_of(const struct halves *h, int64_t b, int64_t i, const double *squared)
{
    int64_t seen = 0;
    for (int64_t k = 0; k < h->kept; k++)
        if (h->in[h->others[k].number * h->replicates + b] && ++seen == h->nearest)
            return h->others[k].squared;
    return h->kept < h->n - 1 ? search(h, b, i, squared) : -1;
}

void halves_radii(struct halves *h, int64_t i, const double *squared)
{
    if (h->replicates == 0)
        return;
    for (int64_t k = 0; k < h->kept; k++)
        h->others[k] = (struct near){INFINITY, 0};
    for (int64_t j = 0; j < h->n; j++)
        if (j != i)
            keep(h->others, h->kept, squared[j], j);
    h->widest[i] = -1;
    for (int64_t b = 0; b < h->replicates; b++) {
        double *radius = &h->radius[i * h->replicates + b];
        *radius = h->in[i * h->replicates + b] ? radius_of(h, b, i, squared) : -1;
        h->widest[i] = fmax(h->widest[i], *radius);
    }
}

void halves_cover(struct halves *h, int64_t i, const double *squared)
{
    if (h->replicates == 0)
        return;
    for (int64_t j = 0; j < h->m; j++)
        if (squared[j] <= h->widest[i])
            for (int64_t b = 0; b < h->replicates; b++)
                h->covered[j * h->replicates + b] |= squared[j] <= h->radius[i * h->replicates + b];
}

/* The variance of a number by h of n values is about n / h of that by all; halves of one set share
 * values, which leaves 1 - h / n of it.  Together: h / (n - h) of theirs is that by all (Shao & Wu
 * 1989). */
void halves_shares(const struct halves *h, double *shares)
{
    const int64_t half = h->n / 2;
    const double spread = sqrt((double)half / (double)(h->n - half));
    for (int64_t b = 0; b < h->replicates; b++)
        shares[b] = 0;
    for (int64_t j = 0; j < h->m; j++)
        for (int64_t b = 0; b < h->replicates; b++)
            shares[b] += h->covered[j * h->replicates + b];
    /* The mean is moved anyway: see resample_estimate(). */
    for (int64_t b = 0; b < h->replicates; b++)
        shares[b] = half > h->nearest ? spread * shares[b] / (double)h->m : NAN;
}
