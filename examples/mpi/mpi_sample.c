/* SPDX-License-Identifier: BSD-3-Clause */
/* Teaches: many machines.  mpirun -n RANKS mpi_sample FOLDER SAMPLES ... draws samples into a
 * folder that all ranks see, with the bits that one process would give, since the noise follows the
 * sample's number and every batch is the same whoever draws it.
 *
 * What must outlive a rank is in files: a range of samples is finished when its NPY file has its
 * name (shards.c), and it is a process's while that holds a lock (ranges.c).  What is lost with a
 * rank anyway goes by MPI: who is who, whether all see the same run, errors, sums, and waiting for
 * each other.  docs/many-machines.md. */
#define _POSIX_C_SOURCE 200809L
#include "file.h"
#include "manifest.h"
#include "message.h"
#include "ranges.h"

#include <errno.h>
#include <inttypes.h>
#include <mpi.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

struct job {
    int rank, ranks;
    struct order order;
    struct work work;
    struct shards shards;
    struct ranges ranges;
    char *configuration;
    double started, told; /* when rank 0 last spoke of progress */
    int64_t there;        /* and of how many files */
    int64_t found, damaged, drawn;
    char message[MESSAGE_BYTES];
};

/* One line and one full stop, whatever libtorch or an argument had in it. */
static void print_sentence(char *text)
{
    size_t length = strlen(text);
    while (length > 0 && strchr("\n. ", text[length - 1]) != NULL)
        text[--length] = '\0';
    for (char *p = text; *p != '\0'; p++)
        if ((unsigned char)*p < ' ')
            *p = ' ';
    fprintf(stderr, "mpi_sample: %s.\n", text);
}

/* Whether a rank has failed: all learn it, and rank 0 prints the sentence of the first that did. */
static int anyone_failed(struct job *job, int code)
{
    char host[MPI_MAX_PROCESSOR_NAME];
    int mine = code != 0 ? job->rank : job->ranks, first, length;
    MPI_Allreduce(&mine, &first, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
    if (first == job->ranks)
        return 0;
    if (job->rank == first && first > 0) {
        char text[MESSAGE_BYTES];
        MPI_Get_processor_name(host, &length);
        memcpy(text, job->message, sizeof text);
        snprintf(job->message, sizeof job->message, "rank %d on %.200s: %.1500s", first, host,
                 text);
    }
    MPI_Bcast(job->message, sizeof job->message, MPI_CHAR, first, MPI_COMM_WORLD);
    if (job->rank == 0)
        print_sentence(job->message);
    return 1;
}

/* ---- progress, on rank 0: other jobs in the folder count, too ---- */

static void tell_progress(struct job *job, int finished)
{
    const double now = MPI_Wtime();
    if (job->rank != 0 || (!finished && now < job->told + 2))
        return;
    const int64_t there = shards_there(&job->shards);
    job->told = now;
    if (there == job->there)
        return;
    job->there = there;
    fprintf(stderr, "mpi_sample: %" PRId64 " of %" PRId64 " files after %.0f s\n", there,
            job->shards.count, now - job->started);
}

static int32_t after_step(void *user, const covsamp_request *request)
{
    (void)request;
    tell_progress(user, 0);
    return 0;
}

/* As MPI_Barrier(), which would keep a processor busy. */
static void wait_for_all(struct job *job)
{
    const struct timespec nap = {.tv_nsec = 20 * 1000 * 1000};
    MPI_Request all;
    int here = 0;
    MPI_Ibarrier(MPI_COMM_WORLD, &all);
    for (;;) {
        MPI_Test(&all, &here, MPI_STATUS_IGNORE);
        if (here)
            return;
        nanosleep(&nap, NULL);
        tell_progress(job, 0);
    }
}

/* ---- one after the other ---- */

static int make_folder(struct job *job)
{
    struct stat info;
    const char *folder = job->order.folder;
    if (job->rank == 0 && mkdir(folder, 0777) != 0 && errno != EEXIST)
        return failed(job->message, "%s cannot be made: %s", folder, strerror(errno));
    if (job->rank == 0 && (stat(folder, &info) != 0 || !S_ISDIR(info.st_mode)))
        return failed(job->message, "%s is not a folder", folder);
    return 0;
}

/* Another file of the same name, another library on one of the machines? */
static int same_everywhere(struct job *job)
{
    int bytes = (int)strlen(job->configuration) + 1;
    MPI_Bcast(&bytes, 1, MPI_INT, 0, MPI_COMM_WORLD);
    char *first = calloc((size_t)bytes, 1);
    if (first == NULL) /* and no way to tell the others, who are in the next line */
        MPI_Abort(MPI_COMM_WORLD, 1);
    if (job->rank == 0)
        memcpy(first, job->configuration, (size_t)bytes);
    MPI_Bcast(first, bytes, MPI_CHAR, 0, MPI_COMM_WORLD);
    const int code = manifest_compare(job->configuration, first, "rank 0", job->message);
    free(first);
    return code;
}

static int claim_folder(struct job *job)
{
    if (job->rank != 0)
        return 0;
    if (ranges_lock_all(&job->ranges, job->message) != 0)
        return -1;
    const int code = manifest_claim(&job->shards, job->configuration, job->message);
    ranges_unlock_all(&job->ranges);
    return code;
}

/* Whatever any rank knows of a range all know then. */
static void share_ranges(struct job *job)
{
    MPI_Allreduce(MPI_IN_PLACE, job->ranges.known, (int)job->shards.count, MPI_UNSIGNED_CHAR,
                  MPI_MAX, MPI_COMM_WORLD);
}

static int prepare(struct job *job, int argc, char **argv)
{
    if (anyone_failed(job, order_read(&job->order, argc, argv, job->message)))
        return -1;
    if (job->order.help)
        return 0;
    if (anyone_failed(job, work_open(&job->work, &job->order, job->message)) ||
        anyone_failed(job, shards_open(&job->shards, &job->order, &job->work, job->message)))
        return -1;
    job->configuration = manifest_configuration(&job->shards, &job->order, &job->work);
    if (anyone_failed(job,
                      job->configuration != NULL ? 0 : failed(job->message, "out of memory")) ||
        anyone_failed(job, same_everywhere(job)) || anyone_failed(job, make_folder(job)) ||
        anyone_failed(
            job, ranges_open(&job->ranges, &job->shards, job->rank, job->ranks, job->message)) ||
        anyone_failed(job, claim_folder(job)))
        return -1;
    job->damaged = ranges_check(&job->ranges, job->rank, job->ranks);
    share_ranges(job);
    job->found = ranges_finished(&job->ranges);
    return 0;
}

/* A rank that fails keeps its range, lest the others fail at it too; they draw the rest. */
static int draw(struct job *job)
{
    int64_t k;
    int code = 0;
    job->work.network.model.progress = after_step;
    job->work.network.model.progress_user = job;
    while (code == 0 && (k = ranges_take(&job->ranges)) >= 0) {
        code = shard_make(&job->shards, &job->work, k, job->message);
        if (code != 0)
            break;
        ranges_give(&job->ranges, k);
        job->drawn++;
    }
    wait_for_all(job);
    return code;
}

/* The last job to come here finds nothing missing. */
static int finish(struct job *job)
{
    int64_t sums[2] = {job->drawn, job->damaged}, all[2];
    MPI_Reduce(sums, all, 2, MPI_INT64_T, MPI_SUM, 0, MPI_COMM_WORLD);
    share_ranges(job);
    if (job->rank != 0)
        return 0;
    ranges_look(&job->ranges);
    const int64_t missing = job->shards.count - ranges_finished(&job->ranges);
    tell_progress(job, 1);
    printf("%" PRId64 " samples in %" PRId64 " files: %" PRId64 " found (%" PRId64
           " damaged ones removed), %" PRId64 " drawn here, %" PRId64 " by other jobs, %" PRId64
           " missing\n",
           job->shards.samples, job->shards.count, job->found, all[1], all[0],
           job->shards.count - missing - job->found - all[0], missing);
    fflush(stdout); /* mpirun may end a rank as soon as another one has ended with an error */
    if (missing > 0)
        return 0; /* with another job, or after an error that is reported */
    file_sweep(job->order.folder, "samples-");
    return manifest_finish(&job->shards, job->configuration, job->message);
}

static int run(struct job *job, int argc, char **argv)
{
    if (prepare(job, argc, argv) != 0)
        return 1;
    if (job->order.help) {
        if (job->rank == 0)
            fputs(order_usage, stdout);
        return 0;
    }
    const int drawing = anyone_failed(job, draw(job));
    return anyone_failed(job, finish(job)) || drawing;
}

int main(int argc, char **argv)
{
    static struct job job;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &job.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &job.ranks);
    job.started = job.told = MPI_Wtime();
    const int code = run(&job, argc, argv);
    free(job.configuration);
    ranges_close(&job.ranges);
    shards_close(&job.shards);
    work_close(&job.work);
    free(job.order.options);
    MPI_Finalize();
    return code;
}
