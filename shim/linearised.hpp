// SPDX-License-Identifier: BSD-3-Clause
// Products by linearising the module once at each point: what is kept of that run makes every
// product about as dear as one forward pass.
#ifndef COVSAMP_SHIM_LINEARISED_HPP
#define COVSAMP_SHIM_LINEARISED_HPP

#include "engine.hpp"

namespace covsamp_shim
{

// bfloat16: tangents are of that type, not of the computation's.  keep_bytes: larger batches are
// taken in parts that keep no more than this, each linearised again for every request; 0: no limit.
std::unique_ptr<Engine> make_linearised(bool bfloat16, int64_t keep_bytes);

} // namespace covsamp_shim

#endif
