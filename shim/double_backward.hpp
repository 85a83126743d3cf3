// SPDX-License-Identifier: BSD-3-Clause
// Products by two reverse passes, for operators without a forward derivative.
#ifndef COVSAMP_SHIM_DOUBLE_BACKWARD_HPP
#define COVSAMP_SHIM_DOUBLE_BACKWARD_HPP

#include "engine.hpp"

namespace covsamp_shim
{

std::unique_ptr<Engine> make_double_backward();

} // namespace covsamp_shim

#endif
