/* SPDX-License-Identifier: BSD-3-Clause */
/* Sample 17 is the same alone, in a batch of 64, in an uneven split, and on any number of BLAS
 * threads. */
#define _POSIX_C_SOURCE 200809L
#include "fixture.h"

#include <inttypes.h>
#include <sys/wait.h>
#include <unistd.h>

#define WHOLE 64
#define ALONE 17

/* The samples first ... first + count - 1, one behind the other. */
static void *part(const settings *set, const covsamp_model *model, int64_t first, int64_t count)
{
    settings own = *set;
    own.batch = count;
    own.first_sample = first;
    return samples_of(&own, model);
}

static void splits(const settings *set)
{
    static const int64_t ends[] = {0, 7, 50, WHOLE};
    covsamp_mixture *mixture = new_mixture(dim_of(set));
    const covsamp_model model = model_of(mixture);
    const size_t one = (size_t)dim_of(set) * (dtype_of(set) == COVSAMP_F32 ? 4 : 8);
    char *whole = part(set, &model, 0, WHOLE);
    for (int i = 0; i < 3; i++) {
        char *some = part(set, &model, ends[i], ends[i + 1] - ends[i]);
        CHECK(memcmp(some, whole + (size_t)ends[i] * one, (size_t)(ends[i + 1] - ends[i]) * one) ==
              0);
        free(some);
    }
    for (int64_t b = ALONE; b < WHOLE; b += 23) {
        char *alone = part(set, &model, b, 1);
        CHECK(memcmp(alone, whole + (size_t)b * one, one) == 0);
        free(alone);
    }
    CHECK(memcmp(whole, whole + one, one) != 0);
    char *shifted = part(set, &model, 1, 1), *other;
    settings seeded = *set;
    seeded.seed++;
    other = part(&seeded, &model, 1, 1);
    CHECK(memcmp(shifted, whole + one, one) == 0 && memcmp(shifted, other, one) != 0);
    free(shifted);
    free(other);
    free(whole);
    covsamp_mixture_free(mixture);
}

/* One sampler, restarted with the number of another first sample, is a sampler made for it. */
static void restarted(const settings *set)
{
    covsamp_mixture *mixture = new_mixture(dim_of(set));
    const covsamp_model model = model_of(mixture);
    covsamp_sampler *s = new_sampler(set);
    const int64_t numbers[] = {5, 0, INT64_C(5000000000), INT64_MAX - 100};
    for (int i = 0; i < 4; i++) {
        settings own = *set;
        own.first_sample = numbers[i];
        void *expected = samples_of(&own, &model);
        CHECK(covsamp_sampler_restart(s, (uint64_t)set->seed, numbers[i]) == COVSAMP_OK);
        CHECK(covsamp_sampler_run(s, &model) == COVSAMP_DONE);
        CHECK(same_state(s, &own, expected));
        free(expected);
    }
    covsamp_sampler_free(s);
    covsamp_mixture_free(mixture);
}

/* ---- BLAS threads: a child process for each number of them prints a hash of its samples ---- */

static uint64_t hash(uint64_t h, const void *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) /* FNV-1a */
        h = (h ^ ((const unsigned char *)data)[i]) * UINT64_C(1099511628211);
    return h;
}

/* OpenBLAS threads its dsymv, and with it dsyev, at any order: 5 is enough to see it. */
static int child(void)
{
    static const int64_t dims[] = {2, 5, 40};
    uint64_t h = UINT64_C(14695981039346656037);
    for (int d = 0; d < 3; d++)
        for (int i = COVARIANCES - 3; i < COVARIANCES; i++)
            for (int64_t dtype = COVSAMP_F32; dtype <= COVSAMP_F64; dtype++) {
                const settings set = {.covariance = all_covariances[i],
                                      .dtype = dtype,
                                      .batch = 2,
                                      .dim = dims[d],
                                      .krylov = 100,
                                      .tangents = 50,
                                      .steps = 3};
                covsamp_mixture *mixture = new_mixture(dims[d]);
                const covsamp_model model = model_of(mixture);
                void *x = samples_of(&set, &model);
                h = hash(h, x, bytes_of(&set));
                free(x);
                covsamp_mixture_free(mixture);
            }
    printf("%016" PRIx64 "\n", h);
    return check_failed;
}

static int run_child(const char *self, const char *threads, char result[64])
{
    int pipe_ends[2], status = 1;
    if (pipe(pipe_ends) != 0)
        return 0;
    const pid_t pid = fork();
    if (pid == 0) {
        dup2(pipe_ends[1], STDOUT_FILENO);
        close(pipe_ends[0]);
        setenv("OPENBLAS_NUM_THREADS", threads, 1);
        execl(self, self, "child", (char *)NULL);
        _exit(127);
    }
    close(pipe_ends[1]);
    ssize_t got = read(pipe_ends[0], result, 63);
    result[got > 0 ? got : 0] = '\0';
    close(pipe_ends[0]);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static void blas_threads(const char *self)
{
    char one[64], two[64];
    CHECK(run_child(self, "1", one) && strlen(one) == 17);
    CHECK(run_child(self, "2", two) && strcmp(one, two) == 0);
}

int main(int argc, char **argv)
{
    settings set;
    if (argc > 1)
        return child();
    for (int i = 0; setting_case(i, &set); i++) {
        splits(&set);
        set.first_sample = 0;
        restarted(&set);
        if (i >= 2 * COVARIANCES)
            continue;
        set.dim = 33;
        set.krylov = 12;
        splits(&set);
    }
    blas_threads(argv[0]);
    return check_done();
}
