/* SPDX-License-Identifier: BSD-3-Clause */
/* How the core's time and memory grow: one JSON object for each sweep, with the slope of
 * log(seconds) over log(x) by least squares.
 *
 *     bench-growth [ROUNDS] [LARGEST]      LARGEST: values a sample of the sweep over dim, 2^20
 *
 * Sweeps: dim, batch, krylov's products m, probes, steps of a run, components of a mixture, pixels
 * of the cosine transforms of whole images.  Times are of a step outside its callbacks, of whole
 * runs for `steps`, and of a mean for `components`.  `most` is the largest slope that is as it
 * should be. */
#include "core.h"

enum { MOST_ROUNDS = 51, MOST_POINTS = 8 };

typedef struct sweep {
    const char *name, *what, *options; /* options: a format with one %lld where x goes, or none */
    double most;                       /* of the slope */
    core_plan plan;
    int points;
    int64_t x[MOST_POINTS];
} sweep;

/* log y = a + slope log x */
static double slope_of(const sweep *s, const double *seconds)
{
    double sx = 0, sy = 0, xx = 0, xy = 0;
    int i;
    /* Logarithms to base 2, by halving: no libm. */
    for (i = 0; i < s->points; i++) {
        double x = (double)s->x[i], y = seconds[i], lx = 0, ly = 0, part = 1;
        int bit;
        while (x >= 2)
            x /= 2, lx++;
        while (y < 1)
            y *= 2, ly--;
        while (y >= 2)
            y /= 2, ly++;
        for (bit = 0; bit < 20; bit++) {
            part /= 2;
            x *= x, y *= y;
            if (x >= 2)
                x /= 2, lx += part;
            if (y >= 2)
                y /= 2, ly += part;
        }
        sx += lx, sy += ly, xx += lx * lx, xy += lx * ly;
    }
    return (s->points * xy - sx * sy) / (s->points * xx - sx * sx);
}

static void print(const sweep *s, int rounds, double (*seconds)[MOST_ROUNDS])
{
    double one[MOST_POINTS], slope[MOST_ROUNDS];
    core_spread fit;
    int i, r;
    for (r = 0; r < rounds; r++) {
        for (i = 0; i < s->points; i++)
            one[i] = seconds[i][r];
        slope[r] = slope_of(s, one);
    }
    fit = core_sorted(slope, rounds);
    printf("{\"bench\": \"growth\", \"sweep\": \"%s\", \"what\": \"%s\", \"rounds\": %d, "
           "\"goal\": %.2f, "
           "\"slope\": %.3f, \"slope_least\": %.3f, \"slope_most\": %.3f, \"x\": [",
           s->name, s->what, rounds, s->most, fit.median, fit.least, fit.most);
    for (i = 0; i < s->points; i++)
        printf("%s%lld", i ? ", " : "", (long long)s->x[i]);
    printf("], \"seconds\": [");
    for (i = 0; i < s->points; i++)
        printf("%s%.4g", i ? ", " : "", core_sorted(seconds[i], rounds).median);
    printf("]}\n");
    fflush(stdout);
}

/* ---- steps and runs of samplers ---- */

static double run_seconds(covsamp_sampler *sampler, core_model *user)
{
    const covsamp_model model = core_callbacks(user);
    double began;
    covsamp_sampler_restart(sampler, 1, 0);
    user->seconds = 0;
    began = core_now();
    if (covsamp_sampler_run(sampler, &model) != COVSAMP_DONE)
        core_fail(covsamp_sampler_message(sampler));
    return core_now() - began - user->seconds;
}

static void samplers(const sweep *s, int rounds)
{
    double seconds[MOST_POINTS][MOST_ROUNDS];
    covsamp_sampler *sampler[MOST_POINTS];
    core_model user = {0, 0};
    int i, r, whole = strcmp(s->name, "steps") == 0;
    for (i = 0; i < s->points; i++) {
        const long long x = (long long)s->x[i];
        core_plan plan = s->plan;
        char options[256];
        plan.dim = strcmp(s->name, "dim") == 0 || strcmp(s->name, "pixels") == 0 ? x : plan.dim;
        plan.batch = strcmp(s->name, "batch") == 0 ? x : plan.batch;
        plan.steps = whole ? x : CORE_USED + 5;
        plan.ask_noise = 1;
        plan.dtype = COVSAMP_F32;
        if (strcmp(s->name, "pixels") == 0) {
            long long side = 1;
            while (3 * side * side < x)
                side *= 2;
            snprintf(options, sizeof options, s->options, side, side);
        } else {
            snprintf(options, sizeof options, s->options, x);
        }
        plan.options = options;
        sampler[i] = core_sampler(&plan);
    }
    for (r = -1; r < rounds; r++)
        for (i = 0; i < s->points; i++)
            seconds[i][r < 0 ? 0 : r] =
                whole ? run_seconds(sampler[i], &user) : core_seconds(sampler[i], &user, 0.004);
    for (i = 0; i < s->points; i++)
        covsamp_sampler_free(sampler[i]);
    print(s, rounds, seconds);
}

/* ---- mixtures ---- */

static covsamp_mixture *mixture_of(int64_t dim, int64_t components)
{
    double *weights = calloc((size_t)components, sizeof *weights);
    double *means = calloc((size_t)(components * dim), sizeof *means);
    double *covariances = calloc((size_t)(components * dim * dim), sizeof *covariances);
    covsamp_mixture *mixture = NULL;
    int64_t k, i;
    if (weights == NULL || means == NULL || covariances == NULL)
        core_fail("no memory");
    for (k = 0; k < components; k++) {
        weights[k] = 1;
        for (i = 0; i < dim; i++) {
            means[k * dim + i] = (double)((k * 7 + i * 3) % 11 - 5) / 5;
            covariances[(k * dim + i) * dim + i] = 0.1 + 0.01 * (double)i;
        }
    }
    if (covsamp_mixture_new(&mixture, dim, components, weights, means, covariances,
                            COVSAMP_PREDICTS_NOISE, NULL, NULL) != COVSAMP_OK)
        core_fail("no mixture");
    free(weights), free(means), free(covariances);
    return mixture;
}

static void components(const sweep *s, int rounds)
{
    enum { DIM = 16, BATCH = 8 };
    double seconds[MOST_POINTS][MOST_ROUNDS];
    float x[BATCH * DIM] = {0.5f}, mean[BATCH * DIM];
    covsamp_mixture *mixture[MOST_POINTS];
    covsamp_request q;
    int i, r;
    memset(&q, 0, sizeof q);
    q.size = sizeof q;
    q.kind = COVSAMP_ASK_MEAN;
    q.dtype = COVSAMP_F32;
    q.batch = BATCH;
    q.dim = q.stride = DIM;
    q.time = 500, q.alpha = 0.6, q.sigma = 0.8;
    q.x = x;
    q.mean = mean;
    for (i = 0; i < s->points; i++)
        mixture[i] = mixture_of(DIM, s->x[i]);
    for (r = -1; r < rounds; r++)
        for (i = 0; i < s->points; i++) {
            double began = core_now(), spent;
            int64_t times = 0;
            do {
                if (covsamp_mixture_answer(mixture[i], &q) != 0)
                    core_fail("no answer");
                times++;
                spent = core_now() - began;
            } while (spent < 0.004);
            seconds[i][r < 0 ? 0 : r] = spent / (double)times;
        }
    for (i = 0; i < s->points; i++)
        covsamp_mixture_free(mixture[i]);
    print(s, rounds, seconds);
}

/* ---- memory ---- */

static struct {
    size_t bytes, calls;
} held;

static void *take(void *user, size_t bytes, size_t align)
{
    (void)user;
    held.bytes += bytes;
    held.calls++;
    return aligned_alloc(align, (bytes + align - 1) / align * align);
}

static void release(void *user, void *pointer, size_t bytes)
{
    (void)user;
    held.bytes -= bytes;
    held.calls++;
    free(pointer);
}

static double bytes_of(const char *options, int64_t dim, int64_t batch, size_t *during)
{
    static const covsamp_allocator memory = {sizeof memory, take, release, NULL};
    const core_plan plan = {.batch = batch,
                            .dim = dim,
                            .steps = 5,
                            .dtype = COVSAMP_F32,
                            .options = options,
                            .memory = &memory};
    covsamp_sampler *sampler = core_sampler(&plan);
    core_model user = {0, 0};
    const covsamp_model model = core_callbacks(&user);
    const double bytes = (double)held.bytes;
    const size_t calls = held.calls;
    if (covsamp_sampler_run(sampler, &model) != COVSAMP_DONE)
        core_fail(covsamp_sampler_message(sampler));
    *during = held.calls - calls;
    covsamp_sampler_free(sampler);
    return bytes;
}

/* Bytes of a sampler = A + batch (B + vectors dim sizeof(float)), by batches and dims; `during`:
 * how often a whole run asked for memory or gave some back. */
static void memory(const char *what, const char *options, int64_t products)
{
    const int64_t low = 3 * 64 * 64, high = 3 * 128 * 128;
    size_t during[4];
    const double one = bytes_of(options, low, 1, &during[0]);
    const double more = bytes_of(options, low, 3, &during[1]);
    const double large = bytes_of(options, high, 1, &during[2]);
    const double both = bytes_of(options, high, 3, &during[3]);
    const double vectors = (both - large - (more - one)) / (double)(2 * (high - low) * 4);
    printf("{\"bench\": \"growth\", \"sweep\": \"memory\", \"what\": \"%s\", \"products\": %lld, "
           "\"vectors\": %.4f, \"sample_bytes\": %.0f, \"handle_bytes\": %.0f, \"during\": %llu}\n",
           what, (long long)products, vectors, (more - one) / 2 - vectors * (double)(low * 4),
           one - (more - one) / 2,
           (unsigned long long)(during[0] + during[1] + during[2] + during[3]));
    fflush(stdout);
}

static void all_memory(void)
{
    static const struct {
        const char *what, *options;
        int64_t products;
    } rows[] = {
        {"none", "covariance=none eta=0", 0},
        {"small", "covariance=small", 0},
        {"DPM-Solver++ 2M", "solver=dpmpp_2m", 0},
        {"krylov", "covariance=krylov krylov_steps=1", 1},
        {"krylov", "covariance=krylov krylov_steps=2", 2},
        {"krylov", "covariance=krylov krylov_steps=3", 3},
        {"krylov", "covariance=krylov krylov_steps=16", 16},
        {"state_isotropic", "covariance=state_isotropic probes=4", 4},
        {"diag_probe", "covariance=diag_probe probes=4", 4},
    };
    size_t i;
    for (i = 0; i < sizeof rows / sizeof *rows; i++)
        memory(rows[i].what, rows[i].options, rows[i].products);
}

int main(int argc, char **argv)
{
    const int rounds = argc > 1 ? atoi(argv[1]) : 7;
    const int64_t largest = argc > 2 ? atoll(argv[2]) : INT64_C(1) << 20;
/* clang-format off: a line or two for each sweep */
#define DIMS                                                                                       \
    5,                                                                                             \
    {                                                                                              \
        4096, 16384, 65536, 262144, 1048576                                                        \
    }
    static sweep sweeps[] = {
        {"dim", "small", "covariance=small", 1.1, {.batch = 1}, DIMS},
        {"dim", "krylov, m = 3", "covariance=krylov krylov_steps=3", 1.1, {.batch = 1}, DIMS},
        {"dim",
         "state_isotropic, 2 probes",
         "covariance=state_isotropic probes=2",
         1.1,
         {.batch = 1},
         DIMS},
        {"dim", "diag_probe, 2 probes", "covariance=diag_probe probes=2", 1.1, {.batch = 1}, DIMS},
        {"batch",
         "krylov, m = 3, 3072 values",
         "covariance=krylov krylov_steps=3",
         1.1,
         {.dim = 3072},
         5,
         {1, 4, 16, 64, 256}},
        {"products",
         "krylov, 12288 values",
         "covariance=krylov krylov_steps=%lld",
         2,
         {.batch = 1, .dim = 12288},
         6,
         {1, 2, 4, 8, 16, 32}},
        {"probes",
         "diag_probe, 12288 values",
         "covariance=diag_probe probes=%lld",
         1.1,
         {.batch = 1, .dim = 12288},
         6,
         {1, 2, 4, 8, 16, 32}},
        {"steps",
         "small, 784 values, whole runs",
         "covariance=small",
         1.1,
         {.batch = 1, .dim = 784},
         5,
         {40, 80, 160, 320, 640}},
        {"components", "mixture, 16 dimensions", "", 1.1, {0}, 6, {2, 4, 8, 16, 32, 64}},
        {"pixels",
         "spectral, 3 channels, whole image",
         "covariance=spectral spectral_mode=full channels=3 height=%lld width=%lld",
         1.5,
         {.batch = 1},
         5,
         {3072, 12288, 49152, 196608, 786432}},
    };
    /* clang-format on */
    size_t i;
    if (rounds < 1 || rounds > MOST_ROUNDS)
        core_fail("usage: bench-growth [ROUNDS] [LARGEST]");
    for (i = 0; i < sizeof sweeps / sizeof *sweeps; i++) {
        sweep *s = &sweeps[i];
        if (strcmp(s->name, "dim") == 0)
            while (s->x[s->points - 1] > largest)
                s->points--;
        if (strcmp(s->name, "components") == 0)
            components(s, rounds);
        else
            samplers(s, rounds);
    }
    all_memory();
    return 0;
}
