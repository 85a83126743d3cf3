// SPDX-License-Identifier: BSD-3-Clause
// Requests of the core: checked, taken to tensors, answered.
#include "failure.hpp"
#include "handle.hpp"
#include "scope.hpp"
#include "tensor.hpp"
#include "transposed.hpp"

#include <cstddef>
#include <cmath>
#include <limits>

namespace covsamp_shim
{

namespace
{

int64_t values_in(const std::vector<int64_t> &shape)
{
    int64_t values = 1;
    for (int64_t size : shape)
        values *= size;
    return values;
}

void need(const void *pointer, const char *name)
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
    const int64_t most =
        std::numeric_limits<int64_t>::max() / 16; // bytes of an array must not overflow
    in_range("batch", request.batch, 1, most);
    if (request.dim != values_in(shape))
        throw Failure(COVSAMP_TORCH_E_SHAPE,
                      "request->dim is %lld, must be %lld: the module's samples are of shape %s",
                      static_cast<long long>(request.dim), static_cast<long long>(values_in(shape)),
                      shape_text(shape).c_str());
    in_range("stride", request.stride, request.dim, most / request.batch);
    if (!wants_products(request))
        return;
    in_range("tangents", request.tangents, 1, most);
    if (request.tangents > 1)
        in_range("tangent_stride", request.tangent_stride, request.dim, most / request.tangents);
}

void check_request(const covsamp_request &request, const std::vector<int64_t> &shape)
{
    const size_t first = wants_transposed(request)
                             ? offsetof(covsamp_request, transposed) + sizeof request.transposed
                             : offsetof(covsamp_request, head) + sizeof request.head;
    if (request.size < first)
        throw Failure(COVSAMP_E_STRUCT_SIZE, "request->size is %zu, must be at least %zu",
                      request.size, first);
    if (!wants_mean(request) && !wants_products(request))
        throw Failure(COVSAMP_E_UNSUPPORTED,
                      "request->kind is %d, must be a mean, products, both or transposed products "
                      "(1 ... 4)",
                      static_cast<int>(request.kind));
    in_range("dtype", request.dtype, COVSAMP_F32, COVSAMP_F64);
    check_sizes(request, shape);
    in_range("first_sample", request.first_sample, 0, std::numeric_limits<int64_t>::max());
    in_range("branch", request.branch, 0, Labels::branches - 1);
    if (!std::isfinite(request.time))
        throw Failure(COVSAMP_E_RANGE, "request->time is not finite");
    need(request.x, "x");
    if (wants_mean(request))
        need(request.mean, "mean");
    if (wants_products(request)) {
        need(request.v, "v");
        need(products_of(request), wants_transposed(request) ? "transposed" : "product");
    }
}

} // namespace

at::Tensor labels_for(const covsamp_torch &handle, int32_t branch, int64_t first_sample,
                      int64_t batch)
{
    Takes takes = handle.network.takes();
    if (takes == Takes::nothing)
        return {};
    at::Tensor labels = handle.labels.tensor(branch, first_sample, batch);
    if (labels.defined())
        return labels.to(handle.network.target().device);
    if (takes == Takes::labels)
        throw Failure(COVSAMP_TORCH_E_LABELS,
                      "the module needs labels, but none are set for branch %d and the file's "
                      "metadata has no \"classes\"",
                      static_cast<int>(branch));
    return {};
}

void set_head(covsamp_torch &handle, const char *name)
{
    const std::vector<std::string> heads = handle.metadata.heads();
    handle.head = -1;
    if (name == nullptr)
        return;
    std::string known;
    for (size_t i = 0; i < heads.size(); i++) {
        if (heads[i] == name)
            handle.head = static_cast<int64_t>(i);
        known += (i == 0 ? "" : ", ") + heads[i];
    }
    if (handle.head >= 0)
        return;
    if (heads.empty())
        throw Failure(COVSAMP_TORCH_E_HEAD,
                      "the file's metadata names no heads, and so the module has no head %.40s",
                      name);
    throw Failure(COVSAMP_TORCH_E_HEAD,
                  "the module has no head %.40s, its file's metadata names %.200s", name,
                  known.c_str());
}

namespace
{

// Head i is in channels C (1 + i) ... of the output.
void write_head(const covsamp_torch &handle, const at::Tensor &rest, const Point &point, void *out,
                const Layout &layout)
{
    if (handle.head < 0)
        throw Failure(
            COVSAMP_TORCH_E_HEAD,
            "the request asks for a head, and covsamp_torch_set_head() has not said which");
    const int64_t channels = point.x.dim() > 1 ? point.x.size(1) : 0,
                  have = rest.defined() ? rest.size(1) : 0;
    if (channels == 0 || channels * (handle.head + 1) > have)
        throw Failure(COVSAMP_TORCH_E_HEAD,
                      "the module returns %lld channels behind the prediction, must be at least "
                      "%lld for head number %lld",
                      static_cast<long long>(have),
                      static_cast<long long>(channels * (handle.head + 1)),
                      static_cast<long long>(handle.head + 1));
    write_tensor(rest.narrow(1, channels * handle.head, channels), out, layout);
}

} // namespace

namespace
{

// Transposed products are reverse mode's own, whatever makes the others.
Engine &engine_for(covsamp_torch &handle, const covsamp_request &request)
{
    if (!wants_transposed(request))
        return *handle.engine;
    if (handle.reverse == nullptr)
        handle.reverse = make_transposed();
    return *handle.reverse;
}

} // namespace

void answer(covsamp_torch &handle, const covsamp_request &request)
{
    const Target &target = handle.network.target();
    check_request(request, target.shape);
    Scope scope;
    Layout layout{request.dtype, request.batch, request.stride, target.shape};
    Point point{read_tensor(request.x, layout, target.options()),
                at::full({request.batch}, request.time, target.options()),
                labels_for(handle, request.branch, request.first_sample, request.batch)};
    at::Tensor rest;
    if (!wants_products(request)) {
        write_tensor(handle.network.forward(point.x, point, &rest), request.mean, layout);
        if (request.head != nullptr)
            write_head(handle, rest, point, request.head, layout);
        return;
    }
    if (wants_mean(request) && request.head != nullptr) { // engines give the mean alone
        handle.network.forward(point.x, point, &rest);
        write_head(handle, rest, point, request.head, layout);
    }
    std::vector<at::Tensor> tangents;
    for (int64_t k = 0; k < request.tangents; k++)
        tangents.push_back(
            read_tensor(advance(request.v, request.dtype, k * request.tangent_stride), layout,
                        target.options()));
    at::Tensor mean;
    std::vector<at::Tensor> products =
        engine_for(handle, request)
            .products(handle.network, point, tangents, wants_mean(request) ? &mean : nullptr);
    if (wants_mean(request))
        write_tensor(mean, request.mean, layout);
    for (int64_t k = 0; k < request.tangents; k++)
        write_tensor(products[static_cast<size_t>(k)],
                     advance(products_of(request), request.dtype, k * request.tangent_stride),
                     layout);
}

} // namespace covsamp_shim
