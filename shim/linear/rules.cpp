// SPDX-License-Identifier: BSD-3-Clause
#include "rules.hpp"

namespace covsamp_shim
{

Rule find_rule(const std::string &name)
{
    static const RuleTable *const tables[] = {
        &view_rules(),    &sampling_rules(),    &arithmetic_rules(), &activation_rules(),
        &product_rules(), &normalising_rules(), &attention_rules()};
    for (const RuleTable *table : tables) {
        auto found = table->find(name);
        if (found != table->end())
            return found->second;
    }
    return nullptr;
}

} // namespace covsamp_shim
