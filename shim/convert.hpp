// SPDX-License-Identifier: BSD-3-Clause
// Brings a TorchScript module to a device and a floating-point type, in place, wherever its tensors
// are kept.
#ifndef COVSAMP_SHIM_CONVERT_HPP
#define COVSAMP_SHIM_CONVERT_HPP

#include <torch/script.h>

namespace covsamp_shim
{

// Module::to() alone is not enough: it leaves constants of the graph behind, which is what freezing
// makes of weights, and turns whole-number buffers into fractions.  Gradients of all tensors are
// switched off as well.
void convert_module(torch::jit::Module &module, c10::Device device, at::ScalarType dtype);

// A copy that shares neither tensors nor graphs with the original.
torch::jit::Module separate_copy(const torch::jit::Module &module);

} // namespace covsamp_shim

#endif
