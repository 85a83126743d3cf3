// SPDX-License-Identifier: BSD-3-Clause
#include "convert.hpp"

#include <torch/csrc/jit/passes/inliner.h>

namespace covsamp_shim
{

namespace
{

at::Tensor converted(const at::Tensor &tensor, c10::Device device, at::ScalarType dtype)
{
    at::ScalarType own = tensor.scalar_type();
    return tensor.detach().to(device, at::isFloatingType(own) ? dtype : own);
}

void convert_constants(torch::jit::Block *block, c10::Device device, at::ScalarType dtype)
{
    namespace attr = c10::attr;
    for (torch::jit::Node *node : block->nodes()) {
        for (torch::jit::Block *inner : node->blocks())
            convert_constants(inner, device, dtype);
        if (node->kind() != c10::prim::Constant || !node->hasAttribute(attr::value))
            continue;
        if (node->kindOf(attr::value) != torch::jit::AttributeKind::t ||
            !node->t(attr::value).defined())
            continue;
        node->t_(attr::value, converted(node->t(attr::value), device, dtype));
        node->output()->setType(
            c10::TensorType::get()); // the old one names the old type and device
    }
}

} // namespace

void convert_module(torch::jit::Module &module, c10::Device device, at::ScalarType dtype)
{
    at::NoGradGuard no_grad;
    for (torch::jit::Module part : module.modules()) {
        for (const auto &attribute : part.named_attributes(/*recurse=*/false)) {
            if (!attribute.value.isTensor() || !attribute.value.toTensor().defined())
                continue;
            at::Tensor tensor = attribute.value.toTensor();
            if (tensor.is_leaf())
                tensor.set_requires_grad(false);
            tensor.set_data(
                converted(tensor, device, dtype)); // in place, so that tied weights stay tied
        }
    }
    // Functions are shared between modules: inlined first, so that only nodes of this graph are
    // written to.
    std::shared_ptr<torch::jit::Graph> graph = module.get_method("forward").graph();
    torch::jit::Inline(*graph);
    convert_constants(graph->block(), device, dtype);
}

torch::jit::Module separate_copy(const torch::jit::Module &module)
{
    return module.clone().deepcopy(); // the first copies graphs, the second tensors
}

} // namespace covsamp_shim
