// SPDX-License-Identifier: BSD-3-Clause
#include "request.hpp"

#include "failure.hpp"
#include "inputs.hpp"

#include <cmath>
#include <cstddef>
#include <limits>

namespace covsamp_shim
{

namespace
{

// Bytes of an array must not overflow.
const int64_t most = std::numeric_limits<int64_t>::max() / 16;

void need_array(const void *pointer, const char *name)
{
    if (pointer == nullptr)
        throw Failure(COVSAMP_E_NULL, "request->%s is NULL", name);
}

void in_range(const char *name, int64_t value, int64_t low, int64_t high)
{
    if (value < low || value > high)
        throw Failure(COVSAMP_E_RANGE, "request->%s is %lld, must be in [%lld, %lld]", name,
                      static_cast<long long>(value), static_cast<long long>(low),
                      static_cast<long long>(high));
}

bool wants_mean(const covsamp_request &request)
{
    return request.kind == COVSAMP_ASK_MEAN || request.kind == COVSAMP_ASK_MEAN_JVP;
}

bool wants_transposed(const covsamp_request &request)
{
    return request.kind == COVSAMP_ASK_VJP;
}

bool wants_products(const covsamp_request &request)
{
    return request.kind == COVSAMP_ASK_JVP || request.kind == COVSAMP_ASK_MEAN_JVP ||
           wants_transposed(request);
}

// Where they go.
void *products_of(const covsamp_request &request)
{
    return wants_transposed(request) ? request.transposed : request.product;
}

void check_sizes(const covsamp_request &request, const std::vector<int64_t> &shape)
{
    in_range("batch", request.batch, 1, most);
    if (request.dim != values_in(shape))
        throw Failure(COVSAMP_TORCH_E_SHAPE,
                      "request->dim is %lld, must be %lld: the module's samples are of shape %s",
                      static_cast<long long>(request.dim), static_cast<long long>(values_in(shape)),
                      shape_text(shape).c_str());
    in_range("stride", request.stride, request.dim, most / request.batch);
}

// What every kind has.
void check_common(const covsamp_request &request, const std::vector<int64_t> &shape)
{
    in_range("dtype", request.dtype, COVSAMP_F32, COVSAMP_F64);
    check_sizes(request, shape);
    in_range("first_sample", request.first_sample, 0, std::numeric_limits<int64_t>::max());
    in_range("branch", request.branch, 0, Inputs::branches - 1);
    if (!std::isfinite(request.time))
        throw Failure(COVSAMP_E_RANGE, "request->time is not finite");
    need_array(request.x, "x");
}

void check_size(const covsamp_request &request, size_t first)
{
    if (request.size < first)
        throw Failure(COVSAMP_E_STRUCT_SIZE, "request->size is %zu, must be at least %zu",
                      request.size, first);
}

// The answers for branch 1 where the request is about both.
struct Others {
    void *mean, *products, *head;
};
Others others_of(const covsamp_request &request)
{
    const size_t needed = offsetof(covsamp_request, other_head) + sizeof request.other_head;
    if (request.size < needed)
        return {nullptr, nullptr, nullptr};
    void *products = wants_transposed(request) ? request.other_transposed
                     : wants_products(request) ? request.other_product
                                               : nullptr;
    return {wants_mean(request) ? request.other_mean : nullptr, products,
            wants_mean(request) ? request.other_head : nullptr};
}

bool products_follow(const covsamp_request &request)
{
    const size_t needed =
        offsetof(covsamp_request, products_follow) + sizeof request.products_follow;
    return request.kind == COVSAMP_ASK_MEAN && request.size >= needed &&
           request.products_follow != 0;
}

void check_products(const covsamp_request &request)
{
    in_range("tangents", request.tangents, 1, most);
    if (request.tangents > 1)
        in_range("tangent_stride", request.tangent_stride, request.dim, most / request.tangents);
    need_array(request.v, "v");
    need_array(products_of(request), wants_transposed(request) ? "transposed" : "product");
}

} // namespace

int64_t values_in(const std::vector<int64_t> &shape)
{
    int64_t values = 1;
    for (int64_t size : shape)
        values *= size;
    return values;
}

void check_request(const covsamp_request &request, const std::vector<int64_t> &shape)
{
    check_size(request, wants_transposed(request)
                            ? offsetof(covsamp_request, transposed) + sizeof request.transposed
                            : offsetof(covsamp_request, head) + sizeof request.head);
    if (!wants_mean(request) && !wants_products(request))
        throw Failure(COVSAMP_E_UNSUPPORTED,
                      "request->kind is %d, must be a mean, products, both or transposed products "
                      "(1 ... 4)",
                      static_cast<int>(request.kind));
    check_common(request, shape);
    if (wants_mean(request))
        need_array(request.mean, "mean");
    if (wants_products(request))
        check_products(request);
    const Others others = others_of(request);
    if ((others.mean != nullptr || others.products != nullptr) && request.branch != 0)
        throw Failure(COVSAMP_E_RANGE,
                      "request->branch is %d, must be 0 where the request is about both branches",
                      static_cast<int>(request.branch));
    if (others.head != nullptr && others.mean == nullptr)
        need_array(others.mean, "other_mean");
}

void check_guide(const covsamp_request &request, const std::vector<int64_t> &shape)
{
    check_size(request, offsetof(covsamp_request, gradient) + sizeof request.gradient);
    if (request.kind != COVSAMP_ASK_GUIDE)
        throw Failure(COVSAMP_E_UNSUPPORTED, "request->kind is %d, must be a gradient (%d)",
                      static_cast<int>(request.kind), static_cast<int>(COVSAMP_ASK_GUIDE));
    check_common(request, shape);
    need_array(request.gradient, "gradient");
}

void check_dtype(int32_t dtype)
{
    if (dtype != COVSAMP_F32 && dtype != COVSAMP_F64)
        throw Failure(COVSAMP_E_RANGE, "dtype is %d, must be COVSAMP_F32 (1) or COVSAMP_F64 (2)",
                      static_cast<int>(dtype));
}

void check_array(const char *name, const void *values, const char *stride_name, int64_t stride,
                 int64_t samples, int64_t dim)
{
    if (samples < 1 || samples > most / dim)
        throw Failure(COVSAMP_E_RANGE, "samples is %lld, must be in [1, %lld]",
                      static_cast<long long>(samples), static_cast<long long>(most / dim));
    if (stride < dim || stride > most / samples)
        throw Failure(COVSAMP_E_RANGE, "%s is %lld, must be in [%lld, %lld]", stride_name,
                      static_cast<long long>(stride), static_cast<long long>(dim),
                      static_cast<long long>(most / samples));
    if (values == nullptr)
        throw Failure(COVSAMP_E_NULL, "%s is NULL", name);
}

std::vector<Question> questions_of(const covsamp_request &request, int32_t number)
{
    const bool mean = wants_mean(request), transposed = wants_transposed(request),
               ahead = products_follow(request);
    std::vector<Question> questions{{&request, request.branch, mean ? request.mean : nullptr,
                                     wants_products(request) ? products_of(request) : nullptr,
                                     mean ? request.head : nullptr, transposed, ahead, number}};
    const Others others = others_of(request);
    if (others.mean != nullptr || others.products != nullptr)
        questions.push_back(
            {&request, 1, others.mean, others.products, others.head, transposed, ahead, number});
    return questions;
}

} // namespace covsamp_shim
