// SPDX-License-Identifier: BSD-3-Clause
#include "options.hpp"

#include "failure.hpp"
#include "struct_size.hpp"
#include "tensor.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace covsamp_shim
{

namespace
{

// Longer comes from a newer header, and is fine as long as the caller uses nothing that this
// library does not know.
covsamp_torch_options copy_struct(const covsamp_torch_options *given)
{
    covsamp_torch_options own;
    const size_t size = given->size;
    check_struct_size(size, offsetof(covsamp_torch_options, reserved) + sizeof own.reserved,
                      "options"); // of version 0.1
    const char *bytes = reinterpret_cast<const char *>(given);
    for (size_t i = sizeof own; i < size; i++)
        if (bytes[i] != 0)
            throw Failure(COVSAMP_E_STRUCT_SIZE,
                          "options->size is %zu and byte %zu is set, but this library knows %zu "
                          "bytes",
                          size, i, sizeof own);
    std::memset(&own, 0, sizeof own);
    std::memcpy(&own, given, std::min(size, sizeof own));
    return own;
}

c10::Device read_device(const char *name)
{
    if (name == nullptr)
        return c10::Device(c10::kCPU);
    try {
        c10::Device device((std::string(name)));
        if (device.is_meta() || (device.is_cpu() && device.has_index() && device.index() != 0))
            throw Failure(COVSAMP_TORCH_E_DEVICE,
                          "options->device is \"%.64s\", which nothing can run on", name);
        at::zeros({1}, at::TensorOptions(device)).add_(1); // throws where there is no such device
        return device;
    } catch (const Failure &) {
        throw;
    } catch (const std::exception &error) {
        throw Failure(COVSAMP_TORCH_E_DEVICE,
                      "options->device is \"%.64s\", must be a device that libtorch has here, such "
                      "as \"cpu\" (libtorch: "
                      "%.200s)",
                      name, one_line(error).c_str());
    }
}

std::vector<int64_t> read_dims(const int64_t *dims, int32_t count)
{
    if (dims == nullptr && count != 0)
        throw Failure(COVSAMP_E_NULL, "options->dims is NULL with n_dims = %d",
                      static_cast<int>(count));
    if (dims == nullptr)
        return {};
    if (count < 1 || count > 8)
        throw Failure(COVSAMP_E_RANGE, "options->n_dims is %d, must be in [1, 8]",
                      static_cast<int>(count));
    const int64_t most = int64_t(1)
                         << 40; // values in a sample; far from where sizes in bytes overflow
    int64_t values = 1;
    for (int32_t i = 0; i < count; i++) {
        if (dims[i] < 1 || dims[i] > most / values)
            throw Failure(COVSAMP_E_RANGE,
                          "options->dims[%d] is %lld, must be >= 1 and the product at most 2^40",
                          static_cast<int>(i), static_cast<long long>(dims[i]));
        values *= dims[i];
    }
    return std::vector<int64_t>(dims, dims + count);
}

void read_tangent_dtype(const covsamp_torch_options &own, Options &options)
{
    if (own.tangent_dtype != COVSAMP_TORCH_SAME && own.tangent_dtype != COVSAMP_TORCH_BF16)
        throw Failure(COVSAMP_E_RANGE,
                      "options->tangent_dtype is %d, must be COVSAMP_TORCH_SAME (0) or "
                      "COVSAMP_TORCH_BF16 (1)",
                      static_cast<int>(own.tangent_dtype));
    options.bfloat16 = own.tangent_dtype == COVSAMP_TORCH_BF16;
    if (options.bfloat16 && own.dtype == COVSAMP_F64)
        throw Failure(COVSAMP_E_RANGE, "options->tangent_dtype is COVSAMP_TORCH_BF16 with dtype "
                                       "COVSAMP_F64, must be COVSAMP_TORCH_SAME there");
    if (options.bfloat16 && own.engine != COVSAMP_TORCH_AUTO &&
        own.engine != COVSAMP_TORCH_LINEARISED)
        throw Failure(COVSAMP_E_RANGE,
                      "options->tangent_dtype is COVSAMP_TORCH_BF16 with engine %d, must be "
                      "COVSAMP_TORCH_SAME there: only COVSAMP_TORCH_LINEARISED has other tangents",
                      static_cast<int>(own.engine));
}

} // namespace

Options read_options(const covsamp_torch_options *given)
{
    Options options;
    if (given == nullptr)
        return options;
    covsamp_torch_options own = copy_struct(given);
    if (own.dtype != 0 && own.dtype != COVSAMP_F32 && own.dtype != COVSAMP_F64)
        throw Failure(COVSAMP_E_RANGE,
                      "options->dtype is %d, must be COVSAMP_F32 (1) or COVSAMP_F64 (2)",
                      static_cast<int>(own.dtype));
    if (own.engine < COVSAMP_TORCH_AUTO || own.engine > COVSAMP_TORCH_TRANSPOSED)
        throw Failure(COVSAMP_E_RANGE, "options->engine is %d, must be in [0, %d]",
                      static_cast<int>(own.engine), static_cast<int>(COVSAMP_TORCH_TRANSPOSED));
    read_tangent_dtype(own, options);
    if (own.keep_bytes < 0)
        throw Failure(COVSAMP_E_RANGE, "options->keep_bytes is %lld, must be >= 0",
                      static_cast<long long>(own.keep_bytes));
    options.keep_bytes = own.keep_bytes;
    if (own.layout < COVSAMP_TORCH_LAYOUT_AUTO || own.layout > COVSAMP_TORCH_CHANNELS_LAST)
        throw Failure(COVSAMP_E_RANGE, "options->layout is %d, must be in [0, %d]",
                      static_cast<int>(own.layout), static_cast<int>(COVSAMP_TORCH_CHANNELS_LAST));
    if (own.reserved != 0)
        throw Failure(COVSAMP_E_RANGE, "options->reserved is %d, must be 0",
                      static_cast<int>(own.reserved));
    if (own.method != nullptr)
        options.method = own.method;
    options.layout = own.layout;
    options.target.shape = read_dims(own.dims, own.n_dims);
    options.target.dtype = scalar_type(own.dtype == 0 ? COVSAMP_F32 : own.dtype);
    options.target.device = read_device(own.device);
    options.engine = own.engine;
    return options;
}

} // namespace covsamp_shim
