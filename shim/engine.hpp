// SPDX-License-Identifier: BSD-3-Clause
// How products with the Jacobian are made: one class and one file for each way.
#ifndef COVSAMP_SHIM_ENGINE_HPP
#define COVSAMP_SHIM_ENGINE_HPP

#include "network.hpp"

#include <memory>
#include <vector>

namespace covsamp_shim
{

class Engine
{
  public:
    virtual ~Engine() = default;
    // COVSAMP_TORCH_...
    virtual int32_t kind() const = 0;
    // J v at the point, for each tangent v (of the shape of point.x).  mean: NULL, or receives the
    // prediction at the point. The tensors that come back belong to nobody else.  An engine that
    // keeps something from call to call must compare x, time and labels with what it kept it for;
    // it is called by one thread at a time.  Called inside a Scope. Throws Failure E_NO_RULE where
    // an operator has no rule that the engine can use, E_NO_TANGENT where one was lost.
    virtual std::vector<at::Tensor> products(Network &network, const Point &point,
                                             const std::vector<at::Tensor> &tangents,
                                             at::Tensor *mean) = 0;
};

// choice: COVSAMP_TORCH_AUTO, ..._DUAL or ..._DOUBLE_BACKWARD.
std::unique_ptr<Engine> make_engine(int32_t choice);

} // namespace covsamp_shim

#endif
