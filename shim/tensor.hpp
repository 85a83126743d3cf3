// SPDX-License-Identifier: BSD-3-Clause
// Between the memory of a request and tensors: type, device and stride are converted here and
// nowhere else.
#ifndef COVSAMP_SHIM_TENSOR_HPP
#define COVSAMP_SHIM_TENSOR_HPP

#include <covsamp/covsamp.h>

#include <torch/script.h>

#include <vector>

namespace covsamp_shim
{

// COVSAMP_F32 or COVSAMP_F64, which the caller has checked.
at::ScalarType scalar_type(int32_t dtype);

// How the arrays of a request lie in memory.
struct Layout {
    int32_t dtype;
    int64_t batch, stride;
    std::vector<int64_t> shape; // of one sample
    c10::Device device = c10::Device(c10::kCPU);
};

// A contiguous copy: a module may work in place on what it is given.
at::Tensor read_tensor(const void *values, const Layout &layout, at::TensorOptions options);
// Writes a tensor of shape [batch, ...shape].
void write_tensor(const at::Tensor &tensor, void *values, const Layout &layout);
// values + count elements of the type.
const void *advance(const void *values, int32_t dtype, int64_t count);
void *advance(void *values, int32_t dtype, int64_t count);

} // namespace covsamp_shim

#endif
