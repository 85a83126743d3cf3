// SPDX-License-Identifier: BSD-3-Clause
// Products with the transposed Jacobian, by one reverse pass each over a graph that is kept.
#ifndef COVSAMP_SHIM_TRANSPOSED_HPP
#define COVSAMP_SHIM_TRANSPOSED_HPP

#include "engine.hpp"

namespace covsamp_shim
{

// For comparison with published code: J^T v is J v only where the Jacobian is symmetric.
std::unique_ptr<Engine> make_transposed();

} // namespace covsamp_shim

#endif
