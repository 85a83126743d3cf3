// SPDX-License-Identifier: BSD-3-Clause
// Weights in the layout and type in which they are used, made once and kept from point to point.
#ifndef COVSAMP_SHIM_LINEAR_WEIGHTS_HPP
#define COVSAMP_SHIM_LINEAR_WEIGHTS_HPP

#include <torch/script.h>

#include <map>
#include <utility>
#include <vector>

namespace covsamp_shim
{

struct Manner;

struct Weight {
    at::Tensor source;  // held, so that its address stays its own
    uint32_t version;   // writes to the source so far
    at::Tensor primal;  // for values
    at::Tensor tangent; // for tangents
    bool tried = false; // whether the operator takes tangents of that type; changed if it does not
};

class Weights
{
  public:
    // Argument i of a node, which does not depend on x.
    Weight &find(const torch::jit::Node &node, size_t i, const at::Tensor &source,
                 const Manner &manner);
    // All that is held.
    std::vector<at::Tensor> all() const;

  private:
    std::map<std::pair<const torch::jit::Node *, size_t>, Weight> weights_;
};

} // namespace covsamp_shim

#endif
