// SPDX-License-Identifier: BSD-3-Clause
#include "vectors.hpp"

#include "failure.hpp"
#include "scope.hpp"
#include "tensor.hpp"

#include <cstddef>

namespace covsamp_shim
{

namespace vector_ops
{

const int64_t block = 4096; // of sums

Vectors &of(void *user)
{
    return *static_cast<Vectors *>(user);
}

// Every operation runs in here: 0, or a code with the sentence in the module's message.
template <class Body> int32_t operation(void *user, const char *name, Body body) noexcept
{
    try {
        Scope scope;
        body(of(user));
        return COVSAMP_OK;
    } catch (...) {
        return report(of(user).message, name);
    }
}

// Rows on the device, without a copy.
at::Tensor rows_at(const Vectors &vectors, int32_t dtype, const void *p, int64_t rows, int64_t n)
{
    // from_blob has no const form; what is const is only read.
    return at::from_blob(const_cast<void *>(p), {rows, n},
                         at::TensorOptions(scalar_type(dtype)).device(vectors.device));
}

at::Tensor bytes_at(const Vectors &vectors, const void *p, int64_t count)
{
    return at::from_blob(const_cast<void *>(p), {count},
                         at::TensorOptions(at::kByte).device(vectors.device));
}

at::Tensor host_bytes(const void *p, size_t count)
{
    return at::from_blob(const_cast<void *>(p), {static_cast<int64_t>(count)}, at::kByte);
}

// Numbers of the host, on the device.
at::Tensor numbers(const Vectors &vectors, const double *values, int64_t rows, int64_t columns)
{
    return at::from_blob(const_cast<double *>(values), {rows, columns}, at::kDouble)
        .to(vectors.device, /*non_blocking=*/false, /*copy=*/true);
}

void *alloc(void *user, size_t bytes)
{
    void *memory = nullptr;
    operation(user, "covsamp_vector_ops.alloc", [&](Vectors &vectors) {
        at::Tensor tensor = at::empty({static_cast<int64_t>(bytes)},
                                      at::TensorOptions(at::kByte).device(vectors.device));
        std::lock_guard<std::mutex> held(vectors.lock);
        void *p = tensor.data_ptr();
        vectors.blocks[p] = std::move(tensor);
        memory = p;
    });
    return memory;
}

void release(void *user, void *memory, size_t)
{
    operation(user, "covsamp_vector_ops.release", [&](Vectors &vectors) {
        std::lock_guard<std::mutex> held(vectors.lock);
        vectors.blocks.erase(memory);
    });
}

int32_t put(void *user, void *to, const void *from, size_t bytes)
{
    return operation(user, "covsamp_vector_ops.put", [&](Vectors &vectors) {
        bytes_at(vectors, to, static_cast<int64_t>(bytes)).copy_(host_bytes(from, bytes));
    });
}

int32_t get(void *user, void *to, const void *from, size_t bytes)
{
    return operation(user, "covsamp_vector_ops.get", [&](Vectors &vectors) {
        host_bytes(to, bytes).copy_(bytes_at(vectors, from, static_cast<int64_t>(bytes)));
    });
}

// The coefficients are double, and so is everything until it is stored.
int32_t combine(void *user, int32_t dtype, int64_t rows, int64_t n, const double *a, const void *x,
                const double *b, const void *y, void *out)
{
    return operation(user, "covsamp_vector_ops.combine", [&](Vectors &vectors) {
        at::Tensor to = rows_at(vectors, dtype, out, rows, n);
        if (x == nullptr) {
            to.zero_();
            return;
        }
        at::Tensor factor = numbers(vectors, a, rows, 1);
        at::Tensor sum = rows_at(vectors, dtype, x, rows, n).mul(factor);
        if (y != nullptr)
            sum.add_(rows_at(vectors, dtype, y, rows, n).mul(numbers(vectors, b, rows, 1)));
        else
            sum.masked_fill_(factor.eq(0), 0);
        to.copy_(sum);
    });
}

// Sums of blocks [rows, blocks] as a tree of additions of halves: the same whatever the device
// makes of them, and for every row by itself, which reductions of libtorch do not promise.
at::Tensor block_sums(at::Tensor products)
{
    const int64_t rows = products.size(0), n = products.size(1), blocks = (n + block - 1) / block;
    if (blocks * block != n)
        products = at::constant_pad_nd(products, {0, blocks * block - n});
    products = products.view({rows, blocks, block});
    for (int64_t half = block / 2; half > 0; half /= 2)
        products = products.narrow(2, 0, half) + products.narrow(2, half, half);
    return products.squeeze(2);
}

int32_t project(void *user, int32_t dtype, int64_t rows, int64_t n, int64_t k, const void *v,
                int64_t stride, const void *w, double *h)
{
    return operation(user, "covsamp_vector_ops.project", [&](Vectors &vectors) {
        at::Tensor own = rows_at(vectors, dtype, w, rows, n).to(at::kDouble);
        std::vector<at::Tensor> sums;
        for (int64_t j = 0; j < k; j++)
            sums.push_back(block_sums(
                rows_at(vectors, dtype, advance(v, dtype, j * stride), rows, n).mul(own)));
        if (k == 0 || rows == 0)
            return;
        const at::Tensor all = at::stack(sums).to(at::kCPU).contiguous(); // [k, rows, blocks]
        const double *sum = all.data_ptr<double>();
        for (int64_t j = 0; j < k; j++)
            for (int64_t row = 0; row < rows; row++) {
                h[row * k + j] = 0;
                for (int64_t i = 0; i < all.size(2); i++)
                    h[row * k + j] += *sum++;
            }
    });
}

int32_t expand(void *user, int32_t dtype, int64_t rows, int64_t n, int64_t k, double beta,
               const void *v, int64_t stride, const double *h, void *out)
{
    return operation(user, "covsamp_vector_ops.expand", [&](Vectors &vectors) {
        at::Tensor to = rows_at(vectors, dtype, out, rows, n);
        at::Tensor sum = beta == 0 ? at::zeros({rows, n}, to.options().dtype(at::kDouble))
                                   : to.to(at::kDouble, /*non_blocking=*/false, /*copy=*/true);
        at::Tensor factors = numbers(vectors, h, rows, k);
        for (int64_t j = 0; j < k; j++)
            sum.add_(rows_at(vectors, dtype, advance(v, dtype, j * stride), rows, n)
                         .mul(factors.narrow(1, j, 1)));
        to.copy_(sum);
    });
}

int32_t clip(void *user, int32_t dtype, int64_t n, double bound, void *x, uint8_t *keep)
{
    return operation(user, "covsamp_vector_ops.clip", [&](Vectors &vectors) {
        at::Tensor values = rows_at(vectors, dtype, x, 1, n);
        const at::Tensor exact = values.to(at::kDouble);
        if (keep != nullptr)
            bytes_at(vectors, keep, n).copy_(exact.abs().le(bound).view({n}));
        values.copy_(exact.clamp(-bound, bound));
    });
}

int32_t select(void *user, int32_t dtype, int64_t n, const uint8_t *keep, const void *x, double b,
               const void *y, void *out)
{
    return operation(user, "covsamp_vector_ops.select", [&](Vectors &vectors) {
        at::Tensor from = rows_at(vectors, dtype, x, 1, n);
        at::Tensor other = y == nullptr ? at::zeros_like(from)
                                        : rows_at(vectors, dtype, y, 1, n)
                                              .mul(numbers(vectors, &b, 1, 1))
                                              .to(from.scalar_type());
        rows_at(vectors, dtype, out, 1, n)
            .copy_(at::where(bytes_at(vectors, keep, n).view({1, n}).ne(0), from, other));
    });
}

int32_t find_nonfinite(void *user, int32_t dtype, int64_t n, const void *x, int64_t *index)
{
    return operation(user, "covsamp_vector_ops.find_nonfinite", [&](Vectors &vectors) {
        const at::Tensor bad =
            at::isfinite(rows_at(vectors, dtype, x, 1, n).view({n})).logical_not();
        *index = bad.any().item<bool>() ? bad.nonzero()[0].item<int64_t>() : -1;
    });
}

} // namespace vector_ops

covsamp_vector_ops table_of(Vectors &vectors)
{
    using namespace vector_ops;
    return {sizeof(covsamp_vector_ops),
            &vectors,
            alloc,
            release,
            put,
            get,
            combine,
            project,
            expand,
            clip,
            select,
            find_nonfinite};
}

c10::Device device_of(const covsamp_request &request)
{
    if (request.size < offsetof(covsamp_request, ops) + sizeof request.ops ||
        request.ops == nullptr)
        return c10::Device(c10::kCPU);
    if (request.ops->combine != vector_ops::combine)
        throw Failure(
            COVSAMP_E_UNSUPPORTED,
            "request->ops is not a table of covsamp_torch_vector_ops(): its memory cannot "
            "be reached from here");
    return vector_ops::of(request.ops->user).device;
}

} // namespace covsamp_shim
