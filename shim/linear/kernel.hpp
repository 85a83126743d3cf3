// SPDX-License-Identifier: BSD-3-Clause
// Loops that libtorch has no fast operator for: normalisation over groups of channels and its
// tangent with everything that scales it, for channels-last memory on the CPU.
#ifndef COVSAMP_SHIM_LINEAR_KERNEL_HPP
#define COVSAMP_SHIM_LINEAR_KERNEL_HPP

#include <torch/script.h>

namespace covsamp_shim
{

// Whether the three lie in memory as the loop needs them: [N, C, H, W] channels-last on the CPU, of
// one type (float, double or bfloat16); the factor of the same shape or [N or 1, C, 1, 1].
bool can_normalise(const at::Tensor &tangent, const at::Tensor &normalised,
                   const at::Tensor &factor);
// factor * (tangent - mean(tangent) - normalised * mean(normalised * tangent)), means over the
// groups of each sample; a new tensor.
at::Tensor normalise_tangent(const at::Tensor &tangent, const at::Tensor &normalised,
                             const at::Tensor &factor, int64_t groups);

struct Normalised {
    at::Tensor values; // (x - mean) * scale
    at::Tensor result; // values * weight + bias
    at::Tensor factor; // scale * weight, [N, C, 1, 1]
};
// Whether x is such a tensor, of type float or double.
bool can_normalise(const at::Tensor &x);
// weight, bias: [C], or undefined; values: written to and returned.
Normalised normalise(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias,
                     int64_t groups, double eps, at::Tensor values);

} // namespace covsamp_shim

#endif
