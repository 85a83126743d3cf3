// SPDX-License-Identifier: BSD-3-Clause
#include "freeze.hpp"

#include "failure.hpp"

namespace covsamp_shim
{

// With the optimising executor off, freezing would leave calls to methods behind that it has taken
// away.
torch::jit::Module frozen(const torch::jit::Module &module, const std::string &method)
{
    torch::jit::GraphOptimizerEnabledGuard inlining(true);
    if (method == "forward")
        return torch::jit::freeze(module);
    return torch::jit::freeze(module, std::vector<std::string>{method});
}

bool freeze_if_possible(const torch::jit::Module &original, torch::jit::Module &ready,
                        const std::vector<int64_t> &sizes, const std::function<void()> &trial,
                        const std::string &method)
{
    try {
        ready = frozen(original, method);
        trial();
        return true;
    } catch (const std::exception &) {
        // Freezing has limits of its own (a module that writes to its attributes, say), and is only
        // a help.
    }
    ready = original;
    try {
        trial();
    } catch (const Failure &) {
        throw;
    } catch (const std::bad_alloc &) {
        throw;
    } catch (const std::exception &error) {
        if (one_line(error).find("memory") != std::string::npos)
            throw; // the door knows the code for it
        throw Failure(COVSAMP_TORCH_E_SHAPE, "the module fails on an input of shape %s: %s",
                      shape_text(sizes).c_str(), one_line(error).c_str());
    }
    return false;
}

} // namespace covsamp_shim
