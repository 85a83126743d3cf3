// SPDX-License-Identifier: BSD-3-Clause
// The thread's libtorch settings that every call needs, put back when it ends.  All are
// thread-local, so a guard at load time would do nothing for a call from another thread.
#ifndef COVSAMP_SHIM_SCOPE_HPP
#define COVSAMP_SHIM_SCOPE_HPP

#include <torch/csrc/api/include/torch/version.h>
#include <torch/script.h>

namespace covsamp_shim
{

#if TORCH_VERSION_MAJOR >= 2
namespace warnings = c10::WarningUtils;
#else
namespace warnings = c10::Warning;
#endif

// A library does not print: warnings of libtorch on this thread are dropped.
class Silence : public c10::WarningHandler
{
  public:
#if TORCH_VERSION_MAJOR >= 2
    void process(const c10::Warning &) override
    {
    }
#else
    void process(const c10::SourceLocation &, const std::string &, const bool) override
    {
    }
#endif
};

class Scope
{
  public:
    Scope() = default;
    Scope(const Scope &) = delete;
    Scope &operator=(const Scope &) = delete;

  private:
    Silence silence_;
    warnings::WarningHandlerGuard warnings_{&silence_};
    // In the caller's inference mode tangents vanish without an error.  Leaving it also turns
    // gradient modes on, so the next line must come after it.
    c10::InferenceMode normal_{false};
    // With gradients on, a module's second call answers with a graph in place of a tangent.
    at::NoGradGuard no_grad_;
    // The optimising executor changes its mind after the first calls, and its fusers know no
    // tangents.
    torch::jit::GraphOptimizerEnabledGuard optimiser_{false};
    // The caller's mixed precision must not change our numbers.
    c10::impl::ExcludeDispatchKeyGuard autocast_{c10::autocast_dispatch_keyset};
};

} // namespace covsamp_shim

#endif
