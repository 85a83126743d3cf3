// SPDX-License-Identifier: BSD-3-Clause
#include "tensor.hpp"

namespace covsamp_shim
{

namespace
{

int64_t bytes_of(int32_t dtype)
{
    return dtype == COVSAMP_F64 ? 8 : 4;
}

at::Tensor view(void *values, const Layout &layout)
{
    std::vector<int64_t> sizes{layout.batch};
    sizes.insert(sizes.end(), layout.shape.begin(), layout.shape.end());
    std::vector<int64_t> strides(sizes.size(), 1);
    for (size_t i = sizes.size() - 1; i > 1; i--)
        strides[i - 1] = strides[i] * sizes[i];
    strides[0] = layout.stride;
    return at::from_blob(values, sizes, strides, at::TensorOptions(scalar_type(layout.dtype)).device(layout.device));
}

} // namespace

at::ScalarType scalar_type(int32_t dtype)
{
    return dtype == COVSAMP_F64 ? at::kDouble : at::kFloat;
}

at::Tensor read_tensor(const void *values, const Layout &layout, at::TensorOptions options)
{
    // from_blob has no const form; the view is only read.
    return view(const_cast<void *>(values), layout)
        .to(options, /*non_blocking=*/false, /*copy=*/true, at::MemoryFormat::Contiguous);
}

void write_tensor(const at::Tensor &tensor, void *values, const Layout &layout)
{
    view(values, layout).copy_(tensor);
}

const void *advance(const void *values, int32_t dtype, int64_t count)
{
    return static_cast<const char *>(values) + count * bytes_of(dtype);
}

void *advance(void *values, int32_t dtype, int64_t count)
{
    return static_cast<char *>(values) + count * bytes_of(dtype);
}

} // namespace covsamp_shim
