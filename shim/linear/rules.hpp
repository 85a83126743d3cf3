// SPDX-License-Identifier: BSD-3-Clause
// Derivatives of libtorch's operators, one function for each kind; the tables are in the files
// rules_*.cpp.
#ifndef COVSAMP_SHIM_LINEAR_RULES_HPP
#define COVSAMP_SHIM_LINEAR_RULES_HPP

#include <string>
#include <unordered_map>

namespace covsamp_shim
{

class Call;

// Computes the node's result and appends the steps that take the arguments' tangents to its
// tangent. Returns false, before either, where it does not cover this use of the operator.
using Rule = bool (*)(Call &);
using RuleTable = std::unordered_map<std::string, Rule>;

// NULL if there is none.  name: aten::silu, say.
Rule find_rule(const std::string &name);

const RuleTable &view_rules();        // reorderings, selections, sums
const RuleTable &sampling_rules();    // padding, pooling, upsampling
const RuleTable &arithmetic_rules();  // between tensors, element by element
const RuleTable &activation_rules();  // functions of one tensor, element by element
const RuleTable &product_rules();     // convolutions and products of matrices
const RuleTable &normalising_rules(); // norms, softmax, variance
const RuleTable &attention_rules();   // scaled dot product attention

} // namespace covsamp_shim

#endif
