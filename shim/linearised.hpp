// SPDX-License-Identifier: BSD-3-Clause
// Products by linearising the module once at each point: what is kept of that run makes every
// product about as dear as one forward pass.
#ifndef COVSAMP_SHIM_LINEARISED_HPP
#define COVSAMP_SHIM_LINEARISED_HPP

#include "engine.hpp"

namespace covsamp_shim
{

std::unique_ptr<Engine> make_linearised(const Linearising &how);

} // namespace covsamp_shim

#endif
