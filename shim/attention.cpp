// SPDX-License-Identifier: BSD-3-Clause
#include "attention.hpp"

#include <torch/csrc/api/include/torch/version.h>

#if TORCH_VERSION_MAJOR >= 2

#include <ATen/Context.h>

#include <mutex>

namespace covsamp_shim
{

namespace
{

// The choice is one of the whole process: the first to come switches, the last to go switches back.
struct Choice {
    std::mutex mutex;
    int users = 0;
    bool flash = true, efficient = true, cudnn = true;
};

Choice &choice()
{
    static Choice process;
    return process;
}

// cuDNN's kernel came later than the two others: where the functions are missing, the overloads
// below do nothing.
template <class Context>
auto cudnn(Context &context, int) -> decltype(context.userEnabledCuDNNSDP())
{
    return context.userEnabledCuDNNSDP();
}
template <class Context> bool cudnn(Context &, long)
{
    return false;
}
template <class Context>
auto set_cudnn(Context &context, bool on, int) -> decltype(context.setSDPUseCuDNN(on))
{
    return context.setSDPUseCuDNN(on);
}
template <class Context> void set_cudnn(Context &, bool, long)
{
}

} // namespace

MathAttention::MathAttention()
{
    std::lock_guard<std::mutex> lock(choice().mutex);
    if (choice().users++ > 0)
        return;
    auto &context = at::globalContext();
    choice().flash = context.userEnabledFlashSDP();
    choice().efficient = context.userEnabledMemEfficientSDP();
    choice().cudnn = cudnn(context, 0);
    context.setSDPUseFlash(false);
    context.setSDPUseMemEfficient(false);
    set_cudnn(context, false, 0);
}

MathAttention::~MathAttention()
{
    std::lock_guard<std::mutex> lock(choice().mutex);
    if (--choice().users > 0)
        return;
    auto &context = at::globalContext();
    context.setSDPUseFlash(choice().flash);
    context.setSDPUseMemEfficient(choice().efficient);
    set_cudnn(context, choice().cudnn, 0);
}

} // namespace covsamp_shim

#else

namespace covsamp_shim
{

// Nothing to choose: libtorch 1 has no fused attention that a module would reach by itself.
MathAttention::MathAttention() = default;
MathAttention::~MathAttention() = default;

} // namespace covsamp_shim

#endif
