// SPDX-License-Identifier: BSD-3-Clause
// The tangent of a single node by libtorch's dual numbers, for operators without a rule here.
#ifndef COVSAMP_SHIM_LINEAR_NODE_DUAL_HPP
#define COVSAMP_SHIM_LINEAR_NODE_DUAL_HPP

#include "call.hpp"

namespace covsamp_shim
{

// Appends the step for a node that has run, its results in call.results(), and binds them.
// Throws NotUnderstood where dual numbers cannot be put in its arguments' place.
void emit_node_dual(Call &call);

} // namespace covsamp_shim

#endif
