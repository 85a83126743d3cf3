// SPDX-License-Identifier: BSD-3-Clause
// Freezing, where libtorch can: weights become constants of the graph.
#ifndef COVSAMP_SHIM_FREEZE_HPP
#define COVSAMP_SHIM_FREEZE_HPP

#include <torch/script.h>

#include <functional>
#include <string>
#include <vector>

namespace covsamp_shim
{

// Of its methods forward and `method` are left.
torch::jit::Module frozen(const torch::jit::Module &module, const std::string &method = "forward");

// Sets `ready` to a frozen copy of `original`, with `method`, if `trial`, which runs `ready`, works
// with that, and says so; else to `original` itself, with which it must work: throws Failure
// E_SHAPE, which names the input's sizes, where it does not.
bool freeze_if_possible(const torch::jit::Module &original, torch::jit::Module &ready,
                        const std::vector<int64_t> &sizes, const std::function<void()> &trial,
                        const std::string &method = "forward");

} // namespace covsamp_shim

#endif
