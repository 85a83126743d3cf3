/* SPDX-License-Identifier: BSD-3-Clause */
/* The operations of libtorch's table against plain loops.
 *
 *     test_vector_ops MODULES [DEVICE] */
#include "on_device.h"

enum { ROWS = 3, N = 4096 + 77, K = 4 };

static void put(int32_t dtype, void *p, int64_t i, double value)
{
    if (dtype == COVSAMP_F32)
        ((float *)p)[i] = (float)value;
    else
        ((double *)p)[i] = value;
}

typedef struct {
    const covsamp_vector_ops *ops;
    int32_t dtype;
    size_t bytes;      /* of ROWS * N values */
    char *v, *w, *out; /* on the device; v: K vectors */
    char host_v[K * ROWS * N * 8], host_w[ROWS * N * 8], host_out[ROWS * N * 8];
} room;

static void get_out(room *r)
{
    CHECK(r->ops->get(r->ops->user, r->host_out, r->out, r->bytes) == 0);
}

static void put_in(room *r)
{
    static double numbers[K * ROWS * N];
    fill(numbers, K * ROWS * N, 1);
    for (int64_t i = 0; i < K * ROWS * N; i++)
        put(r->dtype, r->host_v, i, numbers[i]);
    fill(numbers, ROWS * N, 2);
    for (int64_t i = 0; i < ROWS * N; i++)
        put(r->dtype, r->host_w, i, 1.5 * numbers[i]);
    CHECK(r->ops->put(r->ops->user, r->v, r->host_v, K * r->bytes) == 0);
    CHECK(r->ops->put(r->ops->user, r->w, r->host_w, r->bytes) == 0);
    CHECK(r->ops->put(r->ops->user, r->out, r->host_w, r->bytes) == 0);
}

/* Rounded once: the bits are those of these lines, which nothing contracts. */
static void combines(room *r)
{
    const double a[ROWS] = {0.3, 0, -1.7}, b[ROWS] = {1.1, -0.2, 0};
    int ok = 1;
    CHECK(r->ops->combine(r->ops->user, r->dtype, ROWS, N, a, r->v, b, r->w, r->out) == 0);
    get_out(r);
    for (int64_t i = 0; i < ROWS * N; i++) {
        const volatile double ax = a[i / N] * at(r->dtype, r->host_v, i);
        const volatile double by = b[i / N] * at(r->dtype, r->host_w, i);
        const double sum = ax + by;
        ok &= at(r->dtype, r->host_out, i) == (r->dtype == COVSAMP_F32 ? (double)(float)sum : sum);
    }
    CHECK(ok);
    put(r->dtype, r->host_out, N + 5, NAN); /* row 1 has the factor 0 */
    CHECK(r->ops->put(r->ops->user, r->out, r->host_out, r->bytes) == 0);
    CHECK(r->ops->combine(r->ops->user, r->dtype, ROWS, N, a, r->out, NULL, NULL, r->out) == 0);
    get_out(r);
    for (int64_t i = N; i < 2 * N; i++)
        ok &= at(r->dtype, r->host_out, i) == 0;
    CHECK(ok);
    CHECK(r->ops->combine(r->ops->user, r->dtype, 1, ROWS * N, b + 2, NULL, NULL, NULL, r->out) ==
          0);
    get_out(r);
    for (int64_t i = 0; i < ROWS * N; i++)
        ok &= at(r->dtype, r->host_out, i) == 0;
    CHECK(ok);
}

static void several(room *r)
{
    double h[ROWS * K], again[K], tolerance = r->dtype == COVSAMP_F32 ? 1e-6 : 1e-14;
    const size_t one = (size_t)N * (r->dtype == COVSAMP_F32 ? 4 : 8);
    int ok = 1;
    CHECK(r->ops->project(r->ops->user, r->dtype, ROWS, N, K, r->v, ROWS * N, r->w, h) == 0);
    for (int64_t row = 0; row < ROWS; row++) {
        for (int64_t j = 0; j < K; j++) {
            double sum = 0;
            for (int64_t i = row * N; i < (row + 1) * N; i++)
                sum += at(r->dtype, r->host_v, j * ROWS * N + i) * at(r->dtype, r->host_w, i);
            CHECK_NEAR(h[row * K + j], sum, 1e-12 * N);
        }
        CHECK(r->ops->project(r->ops->user, r->dtype, 1, N, K, r->v + (size_t)row * one, ROWS * N,
                              r->w + (size_t)row * one, again) == 0);
        CHECK(memcmp(again, h + row * K, sizeof again) == 0); /* alone and among others */
    }
    for (int64_t i = 0; i < ROWS * K; i++)
        h[i] /= N;
    for (int beta = 0; beta < 2; beta++) {
        CHECK(r->ops->put(r->ops->user, r->out, r->host_w, r->bytes) == 0);
        CHECK(r->ops->expand(r->ops->user, r->dtype, ROWS, N, K, beta, r->v, ROWS * N, h, r->out) ==
              0);
        get_out(r);
        for (int64_t i = 0; i < ROWS * N; i++) {
            double sum = beta * at(r->dtype, r->host_w, i), size = fabs(sum);
            for (int64_t j = 0; j < K; j++) {
                const double term = h[i / N * K + j] * at(r->dtype, r->host_v, j * ROWS * N + i);
                sum += term;
                size += fabs(term);
            }
            ok &= fabs(at(r->dtype, r->host_out, i) - sum) <= tolerance * size;
        }
    }
    CHECK(ok);
    CHECK(r->ops->expand(r->ops->user, r->dtype, ROWS, N, 0, 0, r->v, ROWS * N, h, r->out) == 0);
    get_out(r);
    for (int64_t i = 0; i < ROWS * N; i++)
        ok &= at(r->dtype, r->host_out, i) == 0;
    CHECK(ok);
}

static void masks(room *r)
{
    static uint8_t kept[ROWS * N];
    char *keep = r->ops->alloc(r->ops->user, ROWS * N);
    int64_t index = 0;
    int ok = keep != NULL;
    put(r->dtype, r->host_w, 7, NAN);
    CHECK(r->ops->find_nonfinite(r->ops->user, r->dtype, ROWS * N, r->w, &index) == 0);
    CHECK(index == -1);
    CHECK(r->ops->put(r->ops->user, r->w, r->host_w, r->bytes) == 0);
    CHECK(r->ops->find_nonfinite(r->ops->user, r->dtype, ROWS * N, r->w, &index) == 0);
    CHECK(index == 7);
    CHECK(r->ops->put(r->ops->user, r->out, r->host_w, r->bytes) == 0);
    CHECK(r->ops->clip(r->ops->user, r->dtype, ROWS * N, 0.6, r->out, (uint8_t *)keep) == 0);
    CHECK(r->ops->get(r->ops->user, kept, keep, sizeof kept) == 0);
    get_out(r);
    const double bound = r->dtype == COVSAMP_F32 ? (double)0.6f : 0.6;
    for (int64_t i = 0; i < ROWS * N; i++) {
        const double x = at(r->dtype, r->host_w, i), y = at(r->dtype, r->host_out, i);
        ok &=
            kept[i] == (fabs(x) <= 0.6) && (i == 7 ? isnan(y) : y == fmax(fmin(x, bound), -bound));
    }
    CHECK(ok);
    CHECK(r->ops->select(r->ops->user, r->dtype, ROWS * N, (uint8_t *)keep, r->v, 0.5, r->w,
                         r->out) == 0);
    get_out(r);
    for (int64_t i = 0; i < ROWS * N; i++)
        ok &=
            i == 7 || at(r->dtype, r->host_out, i) ==
                          (kept[i] ? at(r->dtype, r->host_v, i) : 0.5 * at(r->dtype, r->host_w, i));
    CHECK(r->ops->select(r->ops->user, r->dtype, ROWS * N, (uint8_t *)keep, r->v, 0, NULL,
                         r->out) == 0);
    get_out(r);
    for (int64_t i = 0; i < ROWS * N; i++)
        ok &= at(r->dtype, r->host_out, i) == (kept[i] ? at(r->dtype, r->host_v, i) : 0);
    CHECK(ok);
    r->ops->release(r->ops->user, keep, ROWS * N);
}

static void operations(int32_t dtype)
{
    static room r;
    covsamp_torch *module = load_on_device("scripted.pt", COVSAMP_F32);
    const covsamp_vector_ops ops = ops_of(module);
    r.ops = &ops;
    r.dtype = dtype;
    r.bytes = (size_t)(ROWS * N) * (dtype == COVSAMP_F32 ? 4 : 8);
    r.v = ops.alloc(ops.user, K * r.bytes);
    r.w = ops.alloc(ops.user, r.bytes);
    r.out = ops.alloc(ops.user, r.bytes);
    CHECK(r.v != NULL && r.w != NULL && r.out != NULL && (uintptr_t)r.v % 64 == 0);
    put_in(&r);
    combines(&r);
    put_in(&r);
    several(&r);
    masks(&r);
    ops.release(ops.user, r.v, K * r.bytes);
    ops.release(ops.user, r.w, r.bytes);
    ops.release(ops.user, r.out, r.bytes);
    covsamp_torch_free(module);
}

int main(int argc, char **argv)
{
    module_folder = argc > 1 ? argv[1] : ".";
    device = argc > 2 ? argv[2] : "cpu";
    operations(COVSAMP_F32);
    operations(COVSAMP_F64);
    return check_done();
}
