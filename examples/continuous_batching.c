/* SPDX-License-Identifier: BSD-3-Clause */
/* Teaches: many samplers in one loop.  Jobs of different lengths come and go; at every turn the
 * open requests of all that are active go through the network together, each row at its own time,
 * and a job that is done makes room for the next (continuous batching).  No job can tell: each has
 * the bits that it has alone. */
#include "example.h"

enum { JOBS = 12, SLOTS = 5, ROWS = 16 }; /* rows that one network call takes */

typedef struct {
    int64_t steps, batch, seed, requests;
    covsamp_sampler *sampler;
    const covsamp_request *open; /* asked and not yet told */
    int first;                   /* its row in this turn's call; -1: it waits for the next one */
} job;

/* One call's worth of rows, contiguous as a network wants them. */
typedef struct {
    int n;
    double x[ROWS][DIM], v[ROWS][DIM], mean[ROWS][DIM], product[ROWS][DIM];
    double time[ROWS], alpha[ROWS], sigma[ROWS];
    int kind[ROWS];
} rows;

static covsamp_sampler *sampler_of(const job *j)
{
    covsamp_schedule *schedule;
    covsamp_config *config = example_config(j->batch, NULL);
    covsamp_sampler *sampler = NULL;
    int64_t levels[64];
    covsamp_schedule_new_linear(&schedule, 1000, 1e-4, 0.02, NULL, NULL);
    covsamp_schedule_spaced(schedule, j->steps, COVSAMP_SPACING_EVEN, levels, NULL);
    covsamp_config_set_int(config, COVSAMP_SEED, j->seed);
    covsamp_config_set_schedule(config, schedule, levels, j->steps);
    if (covsamp_sampler_new(&sampler, config) != COVSAMP_OK)
        fprintf(stderr, "%s\n", covsamp_config_message(config));
    covsamp_config_free(config);
    covsamp_schedule_free(schedule);
    return sampler;
}

/* The network: means and products of all rows, each at its own time.  This one is exact, and asks
 * the mixture row by row; one on a GPU would run all rows at once. */
static int32_t network(covsamp_mixture *mixture, rows *r)
{
    for (int i = 0; i < r->n; i++) {
        const int with_mean = r->kind[i] != COVSAMP_ASK_JVP;
        const int with_jvp = r->kind[i] != COVSAMP_ASK_MEAN;
        const covsamp_request row = {.size = sizeof row,
                                     .kind = r->kind[i],
                                     .dtype = COVSAMP_F64,
                                     .batch = 1,
                                     .dim = DIM,
                                     .stride = DIM,
                                     .tangents = with_jvp,
                                     .tangent_stride = DIM,
                                     .time = r->time[i],
                                     .alpha = r->alpha[i],
                                     .sigma = r->sigma[i],
                                     .x = r->x[i],
                                     .v = with_jvp ? r->v[i] : NULL,
                                     .mean = with_mean ? r->mean[i] : NULL,
                                     .product = with_jvp ? r->product[i] : NULL};
        const int32_t answer = covsamp_mixture_answer(mixture, &row);
        if (answer != 0)
            return answer;
    }
    return 0;
}

/* Copies a request's samples to the end of the rows; 0 if they do not fit. */
static int gather(rows *r, const covsamp_request *q)
{
    if (r->n + q->batch > ROWS)
        return 0;
    for (int64_t b = 0; b < q->batch; b++, r->n++) {
        r->kind[r->n] = q->kind;
        r->time[r->n] = q->time;
        r->alpha[r->n] = q->alpha;
        r->sigma[r->n] = q->sigma;
        memcpy(r->x[r->n], (const double *)q->x + b * q->stride, sizeof r->x[0]);
        if (q->v != NULL) /* krylov has one tangent a request */
            memcpy(r->v[r->n], (const double *)q->v + b * q->stride, sizeof r->v[0]);
    }
    return 1;
}

/* And the answers back, from row `first` on. */
static void scatter(const rows *r, int first, const covsamp_request *q)
{
    for (int64_t b = 0; b < q->batch; b++) {
        if (q->mean != NULL)
            memcpy((double *)q->mean + b * q->stride, r->mean[first + b], sizeof r->mean[0]);
        if (q->product != NULL)
            memcpy((double *)q->product + b * q->stride, r->product[first + b],
                   sizeof r->product[0]);
    }
}

/* One turn: asks whoever has nothing open, calls the network once, tells whoever was in it.  `turn`
 * rotates who comes first, so that nobody waits for ever.  Returns the samplers that are done, or
 * -1. */
static int serve(job **active, int n, int turn, covsamp_mixture *mixture, int64_t *filled)
{
    static rows r;
    int done = 0;
    r.n = 0;
    for (int k = 0; k < n; k++) {
        job *j = active[(k + turn) % n];
        covsamp_status status = COVSAMP_OK;
        if (j->open == NULL)
            status = covsamp_sampler_ask(j->sampler, &j->open);
        if (status < 0)
            return -1;
        done += status == COVSAMP_DONE;
        j->first = r.n;
        if (j->open == NULL || !gather(&r, j->open))
            j->first = -1;
    }
    if (r.n > 0 && network(mixture, &r) != 0)
        return -1;
    *filled += r.n;
    for (int k = 0; k < n; k++) {
        job *j = active[k];
        if (j->first < 0)
            continue;
        scatter(&r, j->first, j->open);
        if (covsamp_sampler_tell(j->sampler, 0) != COVSAMP_OK)
            return -1;
        j->open = NULL;
        j->requests++;
    }
    return done;
}

/* Serves all jobs, SLOTS at a time; returns the network calls it took, or -1. */
static int64_t serve_all(job *jobs, covsamp_mixture *mixture, int64_t *filled)
{
    job *active[SLOTS];
    int n = 0, next = 0, turn = 0;
    int64_t calls = 0;
    while (n > 0 || next < JOBS) {
        for (; n < SLOTS && next < JOBS; next++) {
            jobs[next].sampler = sampler_of(&jobs[next]);
            active[n++] = &jobs[next];
        }
        const int64_t before = *filled;
        const int done = serve(active, n, turn++, mixture, filled);
        if (done < 0)
            return -1;
        calls += *filled > before;
        for (int k = n - 1; done > 0 && k >= 0; k--)
            if (active[k]->open == NULL && active[k]->first < 0)
                active[k] = active[--n];
    }
    return calls;
}

/* Whether the job's samples are those of a run alone. */
static int as_alone(const job *j, covsamp_mixture *mixture)
{
    covsamp_model model = {.size = sizeof model};
    covsamp_sampler *alone = sampler_of(j);
    covsamp_mixture_model(mixture, &model);
    const int done = covsamp_sampler_run(alone, &model) == COVSAMP_DONE;
    const int same = example_checksum(alone, 0, j->batch, EXAMPLE_CHECKSUM_START) ==
                     example_checksum(j->sampler, 0, j->batch, EXAMPLE_CHECKSUM_START);
    printf("job of %2d steps, %d samples, %3d requests: %s\n", (int)j->steps, (int)j->batch,
           (int)j->requests, same ? "the bits it has alone" : "DIFFERENT");
    covsamp_sampler_free(alone);
    return done && same;
}

int main(void)
{
    covsamp_mixture *mixture = example_mixture(NULL);
    job jobs[JOBS] = {{0}};
    int64_t filled = 0, alone = 0;
    int right = 1;
    for (int k = 0; k < JOBS; k++) {
        jobs[k].steps = 5 + (k * 7) % 36;
        jobs[k].batch = 1 + k % 4;
        jobs[k].seed = 100 + k;
    }
    const int64_t calls = serve_all(jobs, mixture, &filled);
    for (int k = 0; calls > 0 && k < JOBS; k++) {
        right = as_alone(&jobs[k], mixture) && right;
        alone += jobs[k].requests;
    }
    for (int k = 0; k < JOBS; k++)
        covsamp_sampler_free(jobs[k].sampler);
    covsamp_mixture_free(mixture);
    if (calls > 0)
        printf("%" PRId64 " network calls of %.1f rows instead of %" PRId64 " of %.1f\n", calls,
               (double)filled / (double)calls, alone, (double)filled / (double)alone);
    return calls > 0 && right && calls < alone ? 0 : 1;
}
