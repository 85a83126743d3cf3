// SPDX-License-Identifier: BSD-3-Clause
#include "network.hpp"

#include "convert.hpp"
#include "failure.hpp"
#include "scope.hpp"

namespace covsamp_shim
{

namespace
{

bool is_tensor(const c10::TypePtr &type)
{
    return type->isSubtypeOf(*c10::TensorType::get());
}

// forward(self, x, t) or forward(self, x, t, y); what follows must have defaults.
Takes signature(const torch::jit::Module &module)
{
    auto method = module.find_method("forward");
    if (!method)
        throw Failure(COVSAMP_TORCH_E_FORMAT, "the module has no method forward");
    const auto &arguments = method->function().getSchema().arguments();
    size_t needed = 0;
    while (needed < arguments.size() && !arguments[needed].default_value())
        needed++;
    size_t count = arguments.size();
    bool optional_labels =
        count >= 4 && arguments[3].type()->isSubtypeOf(*c10::OptionalType::ofTensor());
    if (count < 3 || needed > 4 || !is_tensor(arguments[1].type()) ||
        !is_tensor(arguments[2].type()) || (needed == 4 && !optional_labels))
        throw Failure(
            COVSAMP_TORCH_E_FORMAT,
            "forward takes %d arguments, must be forward(x, t) or forward(x, t, y) of tensors",
            static_cast<int>(needed == 0 ? 0 : needed - 1));
    if (!optional_labels)
        return Takes::nothing;
    return needed == 4 && is_tensor(arguments[3].type()) ? Takes::labels : Takes::optional_labels;
}

void check_shape(const at::Tensor &output, const at::Tensor &x)
{
    bool fits =
        output.defined() && output.dim() == x.dim() && at::isFloatingType(output.scalar_type());
    for (int64_t i = 0; fits && i < x.dim(); i++)
        fits = i == 1 ? output.size(i) >= x.size(i) : output.size(i) == x.size(i);
    if (!fits)
        throw Failure(COVSAMP_TORCH_E_SHAPE,
                      "the module's output is of shape %s and type %s for an input of shape %s, "
                      "must be floating point "
                      "and of the same shape (dimension 1 may be larger)",
                      output.defined() ? shape_text(output.sizes()).c_str() : "(undefined)",
                      output.defined() ? c10::toString(output.scalar_type()) : "(undefined)",
                      shape_text(x.sizes()).c_str());
}

} // namespace

at::Tensor first_tensor(const c10::IValue &output)
{
    if (output.isTensor())
        return output.toTensor();
    if (output.isTuple() && !output.toTupleRef().elements().empty() &&
        output.toTupleRef().elements()[0].isTensor())
        return output.toTupleRef().elements()[0].toTensor();
    throw Failure(COVSAMP_TORCH_E_SHAPE, "the module's output is of type %s, must be a tensor",
                  output.type()->str().c_str());
}

bool same_point(const Point &kept, const Point &point)
{
    auto same = [](const at::Tensor &a, const at::Tensor &b) {
        return a.defined() == b.defined() && (!a.defined() || at::equal(a, b));
    };
    return kept.x.defined() && same(kept.x, point.x) && same(kept.time, point.time) &&
           same(kept.labels, point.labels);
}

Network::Network(torch::jit::Module module, Target target, Takes takes)
    : original_(std::move(module)), module_(original_), target_(std::move(target)), takes_(takes)
{
}

Network::Network(torch::jit::Module module, Target target)
    : Network(module, std::move(target), signature(module))
{
    original_.eval();
    // Before freezing: frozen weights are constants of the graph, and what the graph asks of its
    // weights (their type, say) is folded into constants too.
    convert_module(original_, target_.device, target_.dtype);
    freeze();
}

// With the optimising executor off, freezing would leave calls to methods behind that it has taken
// away.
static torch::jit::Module frozen(const torch::jit::Module &module)
{
    torch::jit::GraphOptimizerEnabledGuard inlining(true);
    return torch::jit::freeze(module);
}

void Network::freeze()
{
    Scope scope;
    Point point = zeros(1);
    try {
        module_ = frozen(original_);
        forward(point.x, point);
        frozen_ = true;
        return;
    } catch (const std::exception &) {
        // Freezing has limits of its own (a module that writes to its attributes, say), and is only
        // a help.
    }
    module_ = original_;
    point = zeros(1);
    try {
        forward(point.x, point);
    } catch (const Failure &) {
        throw;
    } catch (const std::bad_alloc &) {
        throw;
    } catch (const std::exception &error) {
        if (one_line(error).find("memory") != std::string::npos)
            throw; // the door knows the code for it
        throw Failure(COVSAMP_TORCH_E_SHAPE, "the module fails on an input of shape %s: %s",
                      shape_text(point.x.sizes()).c_str(), one_line(error).c_str());
    }
}

std::vector<c10::IValue> Network::inputs(const at::Tensor &x, const Point &point) const
{
    std::vector<c10::IValue> inputs{x, point.time.clone()};
    if (takes_ != Takes::nothing)
        inputs.push_back(point.labels.defined() ? c10::IValue(point.labels.clone())
                                                : c10::IValue());
    return inputs;
}

at::Tensor Network::prediction(const at::Tensor &output, const at::Tensor &wanted, at::Tensor *rest)
{
    check_shape(output, wanted);
    if (wanted.dim() < 2 || output.size(1) == wanted.size(1))
        return output;
    if (rest != nullptr)
        *rest = output.narrow(1, wanted.size(1), output.size(1) - wanted.size(1));
    return output.narrow(1, 0, wanted.size(1));
}

at::Tensor Network::forward(const at::Tensor &x, const Point &point, at::Tensor *rest)
{
    return prediction(first_tensor(module_.forward(inputs(x, point))), x, rest);
}

Network Network::in_double() const
{
    Target target = target_;
    target.dtype = at::kDouble;
    Network copy(separate_copy(original_), target, takes_);
    convert_module(copy.original_, target.device, target.dtype);
    // Freezing may change derivatives (it drops detach()), so the copy must have gone the same way.
    if (frozen_)
        copy.module_ = frozen(copy.original_);
    copy.frozen_ = frozen_;
    return copy;
}

Network Network::unfrozen() const
{
    return Network(original_, target_, takes_);
}

Point Network::zeros(int64_t batch) const
{
    std::vector<int64_t> sizes{batch};
    sizes.insert(sizes.end(), target_.shape.begin(), target_.shape.end());
    Point point{at::zeros(sizes, target_.options()), at::zeros({batch}, target_.options()), {}};
    if (takes_ == Takes::labels)
        point.labels = at::zeros({batch}, target_.options().dtype(at::kLong));
    return point;
}

} // namespace covsamp_shim
