// SPDX-License-Identifier: BSD-3-Clause
#include "network.hpp"

#include "convert.hpp"
#include "failure.hpp"
#include "freeze.hpp"
#include "scope.hpp"

#include <algorithm>

namespace covsamp_shim
{

namespace
{

// forward(x, t, ...): tensors, and behind them whatever may be left out.
void check_signature(const Signature &signature)
{
    const size_t tensors = signature.tensors();
    if (tensors < 2 || !signature.needs(0) || !signature.needs(1) ||
        !signature.rest_is_optional(tensors))
        throw Failure(COVSAMP_TORCH_E_FORMAT,
                      "forward takes %d arguments, must be forward(x, t) or forward(x, t, y, ...) "
                      "of tensors; what is no tensor needs a default",
                      static_cast<int>(signature.count()));
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
           std::equal(kept.inputs.begin(), kept.inputs.end(), point.inputs.begin(),
                      point.inputs.end(), same);
}

Point narrowed(const Point &point, int64_t first, int64_t count)
{
    Point part{point.x.narrow(0, first, count), point.time.narrow(0, first, count), {}, point.slot};
    for (const at::Tensor &input : point.inputs)
        part.inputs.push_back(input.defined() ? input.narrow(0, first, count) : input);
    return part;
}

Point joined(const std::vector<Point> &points)
{
    auto all = [&points](auto member) {
        std::vector<at::Tensor> tensors;
        for (const Point &point : points)
            tensors.push_back(member(point));
        return tensors[0].defined() ? at::cat(tensors) : at::Tensor();
    };
    Point whole{all([](const Point &p) { return p.x; }),
                all([](const Point &p) { return p.time; }),
                {},
                points[0].slot};
    for (size_t i = 0; i < points[0].inputs.size(); i++)
        whole.inputs.push_back(all([i](const Point &p) { return p.inputs[i]; }));
    return whole;
}

Point converted(const Point &point, const at::TensorOptions &options)
{
    Point other{point.x.to(options), point.time.to(options), {}, point.slot};
    for (const at::Tensor &input : point.inputs)
        other.inputs.push_back(input.defined() && input.is_floating_point() ? input.to(options)
                                                                            : input);
    return other;
}

Network::Network(torch::jit::Module module, Target target, const Metadata &metadata)
    : original_(std::move(module)), module_(original_), signature_(original_),
      target_(std::move(target)), described_(metadata.inputs())
{
    check_signature(signature_);
    if (described_.size() > inputs())
        throw Failure(COVSAMP_TORCH_E_FORMAT,
                      "the file's metadata describes %d inputs, but forward takes %d tensors "
                      "behind x and t",
                      static_cast<int>(described_.size()), static_cast<int>(inputs()));
    original_.eval();
    // Before freezing: frozen weights are constants of the graph, and what the graph asks of its
    // weights (their type, say) is folded into constants too.
    convert_module(original_, target_.device, target_.dtype);
    for (size_t i = std::max<size_t>(described_.size(), 1); i < inputs(); i++)
        if (needs(i))
            return; // of a shape that nobody knows
    // Input 0 is labels, as a rule; where nobody says so, a failure may be due to that.
    const bool guess = described_.empty() && inputs() > 0 && needs(0) && !metadata.classes();
    try {
        try_on(zeros(1));
    } catch (const Failure &failure) {
        if (!guess || failure.status() != COVSAMP_TORCH_E_SHAPE)
            throw;
        module_ = original_;
    }
}

void Network::try_on(const Point &point)
{
    Scope scope;
    const Point first = narrowed(point, 0, 1);
    const auto sizes = first.x.sizes().vec();
    frozen_ =
        freeze_if_possible(original_, module_, sizes, [&] { forward(first.x.clone(), first); });
    tried_ = true;
}

std::vector<c10::IValue> Network::arguments(const at::Tensor &x, const Point &point) const
{
    std::vector<at::Tensor> given{x, point.time.clone()};
    for (const at::Tensor &input : point.inputs)
        given.push_back(input.defined() ? input.clone() : input);
    return signature_.values(given);
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
    return prediction(first_tensor(module_.forward(arguments(x, point))), x, rest);
}

Network Network::in_double() const
{
    Network copy(*this);
    copy.target_.dtype = at::kDouble;
    copy.original_ = separate_copy(original_);
    convert_module(copy.original_, target_.device, at::kDouble);
    // Freezing may change derivatives (it drops detach()), so the copy must have gone the same way.
    copy.module_ = frozen_ ? frozen(copy.original_) : copy.original_;
    return copy;
}

Network Network::unfrozen() const
{
    Network copy(*this);
    copy.module_ = original_;
    copy.frozen_ = false;
    return copy;
}

Point Network::zeros(int64_t batch) const
{
    auto sizes = [batch](const std::vector<int64_t> &dims) {
        std::vector<int64_t> sizes{batch};
        sizes.insert(sizes.end(), dims.begin(), dims.end());
        return sizes;
    };
    const at::TensorOptions own = target_.options(), whole = own.dtype(at::kLong);
    Point point{at::zeros(sizes(target_.shape), own), at::zeros({batch}, own), {}};
    for (size_t i = 0; i < inputs(); i++) {
        const Described *about = described(i);
        if (about != nullptr)
            point.inputs.push_back(at::zeros(sizes(about->dims), about->whole ? whole : own));
        else
            point.inputs.push_back(i == 0 && needs(0) ? at::zeros({batch}, whole) : at::Tensor());
    }
    return point;
}

} // namespace covsamp_shim
