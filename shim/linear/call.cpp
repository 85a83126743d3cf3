// SPDX-License-Identifier: BSD-3-Clause
#include "call.hpp"

#include <algorithm>

namespace covsamp_shim
{

void Activity::bind(const at::Tensor &tensor, Slot slot)
{
    Entry entry{c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>(
                    tensor.getIntrusivePtr()),
                slot};
    slots_.insert_or_assign(tensor.unsafeGetTensorImpl(), std::move(entry));
}

Slot Activity::find(const at::Tensor &tensor) const
{
    auto found = slots_.find(tensor.unsafeGetTensorImpl());
    return found == slots_.end() ? -1 : found->second.slot;
}

bool Activity::any(const c10::IValue &value) const
{
    auto inside = [this](const c10::IValue &element) { return any(element); };
    if (value.isTensor())
        return value.toTensor().defined() && find(value.toTensor()) >= 0;
    if (value.isList()) {
        for (const c10::IValue &element : value.toListRef())
            if (inside(element))
                return true;
        return false;
    }
    if (value.isTuple()) {
        const auto &elements = value.toTupleRef().elements();
        return std::any_of(elements.begin(), elements.end(), inside);
    }
    if (value.isGenericDict()) {
        for (const auto &entry : value.toGenericDict())
            if (inside(entry.key()) || inside(entry.value()))
                return true;
    }
    return false;
}

void collect_tensors(const c10::IValue &value, std::vector<at::Tensor> &found)
{
    if (value.isTensor()) {
        if (value.toTensor().defined())
            found.push_back(value.toTensor());
    } else if (value.isList()) {
        for (const c10::IValue &element : value.toListRef())
            collect_tensors(element, found);
    } else if (value.isTuple()) {
        for (const c10::IValue &element : value.toTupleRef().elements())
            collect_tensors(element, found);
    } else if (value.isGenericDict()) {
        for (const auto &entry : value.toGenericDict())
            collect_tensors(entry.value(), found);
    }
}

Call::Call(const Instruction &instruction, torch::jit::Stack arguments, Recording &recording)
    : instruction_(instruction), arguments_(std::move(arguments)), recording_(recording)
{
    for (const c10::IValue &argument : arguments_)
        active_.push_back(recording_.activity.any(argument));
}

const c10::IValue &Call::named(const char *name) const
{
    static const c10::IValue none;
    auto place = node().schema().argumentIndexWithName(name);
    return place ? arguments_[static_cast<size_t>(*place)] : none;
}

bool Call::is_complex() const
{
    for (size_t i = 0; i < arguments_.size(); i++) {
        std::vector<at::Tensor> tensors;
        if (active_[i])
            collect_tensors(arguments_[i], tensors);
        for (const at::Tensor &tensor : tensors)
            if (at::isComplexType(tensor.scalar_type()))
                return true;
    }
    return false;
}

bool Call::only(size_t i) const
{
    return active(i) && std::count(active_.begin(), active_.end(), true) == 1;
}

torch::jit::Operation &Call::operation() const
{
    return instruction_.in_place ? instruction_.functional : instruction_.operation;
}

const at::Tensor &Call::run()
{
    return run(arguments_);
}

const at::Tensor &Call::run(torch::jit::Stack arguments)
{
    static const at::Tensor none;
    results_ = std::move(arguments);
    operation()(results_);
    return !results_.empty() && results_[0].isTensor() ? results_[0].toTensor() : none;
}

void Call::result(at::Tensor tensor)
{
    results_ = {std::move(tensor)};
}

void Call::results(torch::jit::Stack results)
{
    results_ = std::move(results);
}

bool Call::arrange(bool wanted)
{
    const at::Tensor out = results_[0].toTensor();
    if (!wanted || !manner().channels_last || out.dim() != 4)
        return false;
    if (!is_channels_last(out))
        result(arranged(out, true));
    return true;
}

at::ScalarType Call::type(const at::Tensor &primal) const
{
    const bool narrow = manner().bfloat16 && at::isFloatingType(primal.scalar_type());
    return narrow ? at::kBFloat16 : primal.scalar_type();
}

at::Tensor Call::factor(const at::Tensor &value) const
{
    return value.to(type(value));
}

void Call::tangent(Slot slot)
{
    recording_.activity.bind(results_[0].toTensor(), slot);
}

void Call::pass(size_t i)
{
    const at::Tensor &out = results_[0].toTensor();
    const at::Tensor in = tensor(i);
    if (recording_.activity.find(out) >= 0) // the operator gave its argument back
        return;
    std::vector<int64_t> sizes = out.sizes().vec();
    const bool same_type = type(in) == type(out);
    if (in.sizes() == out.sizes() && same_type)
        return tangent(slot(i));
    map({slot(i)}, [sizes, same_type, to = type(out)](Tangents &t) {
        at::Tensor wide = t[0].expand(sizes);
        return same_type ? wide : wide.to(to);
    });
}

void Call::scale(size_t i, const at::Tensor &value)
{
    step({slot(i)}, std::make_unique<Scale>(factor(value), results_[0].toTensor().sizes().vec()));
}

// The norm that made argument 0, if this node alone reads what it made: in the same block, since
// a loop would read it again.
Normalise *Call::norm_before() const
{
    const torch::jit::Value *value = node().input(0);
    const torch::jit::Node *maker = value->node();
    if (manner().bfloat16 || manner().writes || value->uses().size() != 1 ||
        maker->owningBlock() != node().owningBlock() ||
        (maker->kind() != c10::Symbol::fromQualString("aten::group_norm") &&
         maker->kind() != c10::Symbol::fromQualString("aten::layer_norm")))
        return nullptr;
    return dynamic_cast<Normalise *>(recording_.tape.maker(slot(0)));
}

void Call::map(std::vector<Slot> slots, Map::Function function, std::vector<at::Tensor> kept)
{
    step(std::move(slots), std::make_unique<Map>(std::move(function), std::move(kept)));
}

void Call::step(std::vector<Slot> slots, std::unique_ptr<Step> step)
{
    tangent(recording_.tape.emit(std::move(step), std::move(slots)));
}

void Call::replay(size_t i, const Changes &changed, bool any_type)
{
    if (recording_.activity.find(results_[0].toTensor()) >= 0) // it gave its argument back
        return;
    torch::jit::Stack arguments = arguments_;
    for (const auto &[place, value] : changed)
        arguments[place] = value;
    arguments[i] = c10::IValue(); // its primal is not needed
    std::vector<at::Tensor> kept;
    for (const c10::IValue &argument : arguments)
        collect_tensors(argument, kept);
    const bool through_float = manner().bfloat16 && !any_type;
    map(
        {slot(i)},
        [arguments, i, through_float, run = operation()](Tangents &t) mutable {
            torch::jit::Stack stack = arguments;
            stack[i] = through_float ? t[0].to(at::kFloat) : std::move(t[0]);
            run(stack);
            at::Tensor result = stack[0].toTensor();
            return through_float ? result.to(at::kBFloat16) : result;
        },
        std::move(kept));
}

bool is_channels_last(const at::Tensor &tensor)
{
    return tensor.dim() == 4 && tensor.is_contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor arranged(const at::Tensor &tensor, bool channels_last)
{
    return channels_last ? tensor.contiguous(at::MemoryFormat::ChannelsLast) : tensor;
}

at::Tensor unit_gradient(const at::Tensor &x)
{
    return at::ones({}, x.options()).expand(x.sizes());
}

} // namespace covsamp_shim
