// SPDX-License-Identifier: BSD-3-Clause
#include "signature.hpp"

#include "failure.hpp"

namespace covsamp_shim
{

Signature::Signature(const torch::jit::Module &module, const std::string &name)
{
    auto method = module.find_method(name);
    if (!method)
        throw Failure(COVSAMP_TORCH_E_FORMAT, "the module has no method %.64s", name.c_str());
    for (const c10::Argument &argument : method->function().getSchema().arguments()) {
        const bool tensor = argument.type()->isSubtypeOf(*c10::TensorType::get());
        std::optional<c10::IValue> otherwise;
        if (argument.default_value())
            otherwise = *argument.default_value();
        arguments_.push_back(
            {argument.name(), tensor,
             !tensor && argument.type()->isSubtypeOf(*c10::OptionalType::ofTensor()),
             std::move(otherwise)});
    }
    if (!arguments_.empty())
        arguments_.erase(arguments_.begin()); // self
}

size_t Signature::tensors() const
{
    size_t i = 0;
    while (i < count() && (arguments_[i].tensor || arguments_[i].maybe_tensor))
        i++;
    return i;
}

bool Signature::needs(size_t i) const
{
    return i < count() && arguments_[i].tensor && !arguments_[i].otherwise;
}

bool Signature::rest_is_optional(size_t i) const
{
    for (; i < count(); i++)
        if (!arguments_[i].otherwise && !arguments_[i].maybe_tensor)
            return false;
    return true;
}

std::vector<c10::IValue> Signature::values(const std::vector<at::Tensor> &given) const
{
    std::vector<c10::IValue> values;
    for (size_t i = 0; i < count(); i++) {
        if (i < given.size() && given[i].defined())
            values.emplace_back(given[i]);
        else
            values.push_back(arguments_[i].otherwise.value_or(c10::IValue()));
    }
    return values;
}

} // namespace covsamp_shim
