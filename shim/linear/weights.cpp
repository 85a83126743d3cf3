// SPDX-License-Identifier: BSD-3-Clause
#include "weights.hpp"

#include "call.hpp"

namespace covsamp_shim
{

Weight &Weights::find(const torch::jit::Node &node, size_t i, const at::Tensor &source,
                      const Manner &manner)
{
    Weight &weight = weights_[{&node, i}];
    if (weight.source.is_same(source) && weight.version == source._version())
        return weight;
    weight.source = source;
    weight.tried = false;
    weight.version = static_cast<uint32_t>(source._version());
    weight.primal = manner.channels_last && source.dim() == 4
                        ? source.contiguous(at::MemoryFormat::ChannelsLast)
                        : source;
    weight.tangent = manner.bfloat16 ? weight.primal.to(at::kBFloat16) : weight.primal;
    return weight;
}

std::vector<at::Tensor> Weights::all() const
{
    std::vector<at::Tensor> tensors;
    for (const auto &[place, weight] : weights_) {
        tensors.push_back(weight.source);
        tensors.push_back(weight.primal);
        tensors.push_back(weight.tangent);
    }
    return tensors;
}

} // namespace covsamp_shim
