/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests of several samplers in one call against one by one: by hand, with every kind, type, time
 * and branch mixed; bad ones among good ones; and whole runs of samplers of different lengths. */
#include "given.h"
#include "sampling.h"

enum { MOST = 9, SAMPLES = 3, ROOM = 2 * SAMPLES * DIM };

/* One request with room for its answers, in single or double precision. */
typedef struct job {
    covsamp_request q;
    double x[ROOM], v[ROOM], mean[2][ROOM], product[2][ROOM], transposed[ROOM];
} job;

static int32_t answers[MOST];

static void put(void *values, int32_t dtype, int64_t count, unsigned seed)
{
    static double numbers[ROOM];
    int64_t i;
    fill(numbers, count, seed);
    for (i = 0; i < count; i++)
        if (dtype == COVSAMP_F64)
            ((double *)values)[i] = numbers[i];
        else
            ((float *)values)[i] = (float)numbers[i];
}

static void make(job *j, int32_t kind, int32_t dtype, int64_t batch, int64_t tangents,
                 unsigned seed)
{
    memset(j, 0, sizeof *j);
    j->q = request_of(kind, dtype, batch, DIM);
    j->q.tangents = tangents;
    j->q.tangent_stride = batch * DIM;
    j->q.first_sample = seed;
    j->q.time = 13.0 * seed;
    put(j->x, dtype, batch * DIM, seed);
    put(j->v, dtype, batch * DIM * (tangents > 0 ? tangents : 1), 100 + seed);
    j->q.x = j->x;
    j->q.v = j->v;
    j->q.mean = j->mean[0];
    j->q.product = j->product[0];
    j->q.transposed = j->transposed;
}

static double value(const void *values, int32_t dtype, int64_t i)
{
    return dtype == COVSAMP_F64 ? ((const double *)values)[i] : (double)((const float *)values)[i];
}

static double apart(const void *a, const void *b, int32_t dtype)
{
    double error = 0, size = 0;
    int64_t i;
    for (i = 0; i < ROOM; i++) { /* what is not written is 0 in both */
        double d = value(a, dtype, i) - value(b, dtype, i);
        error += d * d;
        size += value(b, dtype, i) * value(b, dtype, i);
    }
    return size == 0 ? sqrt(error) : sqrt(error / size);
}

/* The largest difference between the answers of two jobs; which arrays were written must agree. */
static double difference(const job *a, const job *b)
{
    double worst = apart(a->transposed, b->transposed, a->q.dtype);
    int i;
    for (i = 0; i < 2; i++) {
        worst = fmax(worst, apart(a->mean[i], b->mean[i], a->q.dtype));
        worst = fmax(worst, apart(a->product[i], b->product[i], a->q.dtype));
    }
    return worst;
}

static void make_all(job *jobs)
{
    make(&jobs[0], COVSAMP_ASK_MEAN, COVSAMP_F32, 2, 0, 1);
    make(&jobs[1], COVSAMP_ASK_JVP, COVSAMP_F64, 3, 1, 2);
    make(&jobs[2], COVSAMP_ASK_MEAN_JVP, COVSAMP_F32, 1, 1, 3);
    make(&jobs[3], COVSAMP_ASK_MEAN_JVP, COVSAMP_F64, 3, 2, 4);
    make(&jobs[4], COVSAMP_ASK_VJP, COVSAMP_F64, 2, 1, 5);
    make(&jobs[5], COVSAMP_ASK_MEAN, COVSAMP_F64, 3, 0, 6);
    make(&jobs[6], COVSAMP_ASK_JVP, COVSAMP_F32, 2, 1, 7);
    make(&jobs[7], COVSAMP_ASK_MEAN_JVP, COVSAMP_F64, 2, 1, 8);
    make(&jobs[8], COVSAMP_ASK_VJP, COVSAMP_F32, 1, 1, 9);
    jobs[1].q.branch = 1;
    jobs[5].q.branch = 1;
    jobs[7].q.other_mean = jobs[7].mean[1];
    jobs[7].q.other_product = jobs[7].product[1];
}

static int32_t many(covsamp_torch *module, job *jobs, int n)
{
    const covsamp_request *requests[MOST];
    int i;
    for (i = 0; i < n; i++) {
        requests[i] = &jobs[i].q;
        answers[i] = 77;
    }
    return covsamp_torch_answer_many(module, requests, n, answers);
}

static void mixed(const char *name, int32_t dtype, int32_t engine, double allowed)
{
    static const int64_t labels[] = {0, 1, 2};
    static job one[MOST], together[MOST];
    covsamp_torch *module = load(name, dtype, engine);
    double worst = 0;
    int i;
    if (strncmp(name, "labels", 6) == 0)
        CHECK(covsamp_torch_set_labels(module, 0, labels, 3) == COVSAMP_OK);
    make_all(one);
    make_all(together);
    for (i = 0; i < MOST; i++)
        check_answer(module, covsamp_torch_answer(module, &one[i].q), COVSAMP_OK, "");
    check_answer(module, many(module, together, MOST), COVSAMP_OK, "");
    for (i = 0; i < MOST; i++) {
        CHECK(answers[i] == COVSAMP_OK);
        CHECK(difference(&together[i], &one[i]) <=
              (one[i].q.dtype == COVSAMP_F32 ? 2e-6 : allowed));
        worst = fmax(worst, difference(&together[i], &one[i]));
    }
    printf("%s, engine %d, %s: %.1e apart from one by one\n", name,
           (int)covsamp_torch_engine(module), dtype == COVSAMP_F32 ? "f32" : "f64", worst);
    /* Few calls: what linearises at all does so once for a number of tangents. */
    if (engine == COVSAMP_TORCH_LINEARISED) {
        int64_t before = linearisations(module, NULL);
        make(&together[3], COVSAMP_ASK_MEAN_JVP, COVSAMP_F64, 3, 1, 4);
        for (i = 0; i < 4; i++)
            CHECK(many(module, together, MOST) == COVSAMP_OK);
        CHECK(linearisations(module, NULL) == before + 1);
    }
    covsamp_torch_free(module);
}

/* Each bad request has its own code; the good ones are answered as ever. */
static void bad_among_good(void)
{
    static const int64_t labels[] = {0, 1, 2, 9};
    static job one[MOST], together[MOST];
    covsamp_torch *module = load("labels-needed.pt", COVSAMP_F64, COVSAMP_TORCH_AUTO);
    const covsamp_request *requests[MOST];
    int i;
    CHECK(covsamp_torch_set_labels(module, 0, labels, 4) == COVSAMP_OK);
    for (i = 0; i < MOST; i++) {
        const int32_t kind = i % 2 ? COVSAMP_ASK_MEAN_JVP : COVSAMP_ASK_MEAN;
        make(&one[i], kind, COVSAMP_F64, 1, i % 2, (unsigned)(4 * i + i % 3));
        make(&together[i], kind, COVSAMP_F64, 1, i % 2, (unsigned)(4 * i + i % 3));
        requests[i] = &together[i].q;
    }
    together[1].q.dim = 5;
    together[2].q.first_sample = 3; /* a label that the module has no row for: it throws */
    together[3].q.branch = 1;       /* no labels */
    together[5].q.v = NULL;
    together[7].q.first_sample = 3;
    requests[4] = NULL;
    check_answer(module, covsamp_torch_answer_many(module, requests, MOST, answers),
                 COVSAMP_TORCH_E_SHAPE,
                 "covsamp_torch_answer_many: requests[1]: request->dim is 5, must be 128");
    CHECK(answers[1] == COVSAMP_TORCH_E_SHAPE && answers[2] == COVSAMP_TORCH_E_EXCEPTION);
    CHECK(answers[3] == COVSAMP_TORCH_E_LABELS && answers[4] == COVSAMP_E_NULL);
    CHECK(answers[5] == COVSAMP_E_NULL && answers[7] == COVSAMP_TORCH_E_EXCEPTION);
    for (i = 0; i < MOST; i++) {
        if ((i >= 1 && i <= 5) || i == 7)
            continue;
        CHECK(answers[i] == COVSAMP_OK);
        CHECK(covsamp_torch_answer(module, &one[i].q) == COVSAMP_OK);
        CHECK(difference(&together[i], &one[i]) <= 1e-12);
    }
    CHECK(together[2].mean[0][0] == 0);
    answers[0] = 77;
    check_answer(module, covsamp_torch_answer_many(module, requests, -1, answers), COVSAMP_E_RANGE,
                 "n is -1");
    check_answer(module, covsamp_torch_answer_many(module, NULL, 1, answers), COVSAMP_E_NULL,
                 "requests is NULL");
    check_answer(module, covsamp_torch_answer_many(module, requests, 1, NULL), COVSAMP_E_NULL,
                 "answers is NULL");
    CHECK(covsamp_torch_answer_many(NULL, requests, 1, answers) == COVSAMP_E_NULL);
    CHECK(answers[0] == 77);
    check_answer(module, covsamp_torch_answer_many(module, NULL, 0, NULL), COVSAMP_OK, "");
    covsamp_torch_free(module);
}

/* The first product of a module without a forward rule changes the engine: nobody loses by it. */
static void engine_changes(void)
{
    static job one[2], together[2];
    covsamp_torch *module = load("no-rule.pt", COVSAMP_F64, COVSAMP_TORCH_AUTO);
    covsamp_torch *dual = load("no-rule.pt", COVSAMP_F64, COVSAMP_TORCH_DUAL);
    int i;
    for (i = 0; i < 2; i++) {
        make(&one[i], COVSAMP_ASK_JVP, COVSAMP_F64, 2, 1, 1 + (unsigned)i);
        make(&together[i], COVSAMP_ASK_JVP, COVSAMP_F64, 2, 1, 1 + (unsigned)i);
        CHECK(covsamp_torch_answer(module, &one[i].q) == COVSAMP_OK);
    }
    CHECK(many(module, together, 2) == COVSAMP_OK);
    for (i = 0; i < 2; i++)
        CHECK(difference(&together[i], &one[i]) <= 1e-12);
    check_answer(dual, many(dual, together, 2), COVSAMP_TORCH_E_NO_RULE, "requests[0]: ");
    CHECK(answers[0] == COVSAMP_TORCH_E_NO_RULE && answers[1] == COVSAMP_TORCH_E_NO_RULE);
    covsamp_torch_free(module);
    covsamp_torch_free(dual);
}

enum { RUNS = 3 };

/* Rounds of one answer for all samplers that still ask, until they are done; returns how many. */
static int serve(covsamp_torch *module, covsamp_sampler **samplers, int n)
{
    const covsamp_request *requests[RUNS];
    int who[RUNS], rounds = 0, open = 0, i;
    do {
        for (open = i = 0; i < n; i++)
            if (covsamp_sampler_ask(samplers[i], &requests[open]) == COVSAMP_OK)
                who[open++] = i;
        if (open == 0)
            break;
        check_answer(module, covsamp_torch_answer_many(module, requests, open, answers), COVSAMP_OK,
                     "");
        for (i = 0; i < open; i++)
            CHECK(covsamp_sampler_tell(samplers[who[i]], answers[i]) == COVSAMP_OK);
        rounds++;
    } while (rounds < 1000);
    return rounds;
}

/* Samplers that began at different times end where each ends alone. */
static void runs(void)
{
    static float alone[RUNS][BATCH * DIM], together[BATCH * DIM];
    covsamp_torch *module = load("scripted.pt", COVSAMP_F64, COVSAMP_TORCH_AUTO);
    covsamp_model model = model_of(module);
    covsamp_sampler *samplers[RUNS];
    int i, k, rounds[2];
    for (i = 0; i < RUNS; i++) {
        samplers[i] = sampler_of((uint64_t)i + 1);
        rounds[0] = serve(module, &samplers[i], 1);
        result_of(samplers[i], alone[i]);
        CHECK(covsamp_sampler_restart(samplers[i], (uint64_t)i + 1, 0) == COVSAMP_OK);
        for (k = 0; k < i; k++) /* a step ahead of the one before */
            CHECK(covsamp_sampler_step(samplers[i], &model) == COVSAMP_OK);
    }
    rounds[1] = serve(module, samplers, RUNS);
    CHECK(rounds[1] == rounds[0]);
    for (i = 0; i < RUNS; i++) {
        result_of(samplers[i], together);
        for (k = 0; k < BATCH * DIM; k++)
            CHECK_NEAR((double)together[k], (double)alone[i][k], 1e-4);
        covsamp_sampler_free(samplers[i]);
    }
    CHECK(memcmp(alone[0], alone[1], sizeof alone[0]) != 0);
    covsamp_torch_free(module);
}

int main(int argc, char **argv)
{
    int32_t engine;
    module_folder = argc > 1 ? argv[1] : ".";
    for (engine = COVSAMP_TORCH_AUTO; engine <= COVSAMP_TORCH_LINEARISED; engine++) {
        mixed("labels.pt", COVSAMP_F64, engine, 1e-12);
        mixed("labels.pt", COVSAMP_F32, engine, 2e-6);
        mixed("traced.pt", COVSAMP_F32, engine, 2e-6);
        mixed("in-place.pt", COVSAMP_F64, engine, 1e-12);
    }
    bad_among_good();
    engine_changes();
    runs();
    return check_done();
}
