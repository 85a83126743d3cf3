// SPDX-License-Identifier: BSD-3-Clause
// What a module's forward takes, or another method of it.
#ifndef COVSAMP_SHIM_SIGNATURE_HPP
#define COVSAMP_SHIM_SIGNATURE_HPP

#include <torch/script.h>

#include <optional>
#include <string>
#include <vector>

namespace covsamp_shim
{

class Signature
{
  public:
    // Throws Failure E_FORMAT where there is no such method.
    explicit Signature(const torch::jit::Module &module, const std::string &method = "forward");

    // Arguments, the module itself not counted.
    size_t count() const
    {
        return arguments_.size();
    }
    // How many from the first on are tensors or may be.
    size_t tensors() const;
    // Argument i must be a tensor that the caller gives.
    bool needs(size_t i) const;
    // All arguments from i on may be left out.
    bool rest_is_optional(size_t i) const;
    const std::string &name(size_t i) const
    {
        return arguments_[i].name;
    }
    // One value for each argument: the given tensors, and defaults (or None) where there is none or
    // an undefined one.
    std::vector<c10::IValue> values(const std::vector<at::Tensor> &given) const;

  private:
    struct Argument {
        std::string name;
        bool tensor, maybe_tensor; // Tensor; Optional[Tensor]
        std::optional<c10::IValue> otherwise;
    };
    std::vector<Argument> arguments_;
};

} // namespace covsamp_shim

#endif
