// SPDX-License-Identifier: BSD-3-Clause
// Products by libtorch's dual numbers: one forward pass over pairs (value, tangent) for each.
#ifndef COVSAMP_SHIM_DUAL_HPP
#define COVSAMP_SHIM_DUAL_HPP

#include "engine.hpp"

namespace covsamp_shim
{

std::unique_ptr<Engine> make_dual();

} // namespace covsamp_shim

#endif
