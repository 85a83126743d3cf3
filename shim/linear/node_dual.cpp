// SPDX-License-Identifier: BSD-3-Clause
#include "node_dual.hpp"

#include "attention.hpp"
#include "dual_level.hpp"
#include "failure.hpp"

namespace covsamp_shim
{

namespace
{

// An argument that depends on x: a tensor, or a place in a list of tensors (-1: it is no list).
struct Place {
    size_t argument;
    int64_t element;
};

at::Tensor at_place(const torch::jit::Stack &stack, const Place &place)
{
    const c10::IValue &value = stack[place.argument];
    return place.element < 0 ? value.toTensor()
                             : value.toTensorVector()[static_cast<size_t>(place.element)];
}

class NodeDual : public Step
{
  public:
    NodeDual(std::string name, torch::jit::Operation operation, torch::jit::Stack arguments,
             std::vector<Place> places, std::vector<Place> results, bool bfloat16)
        : name_(std::move(name)), operation_(std::move(operation)),
          arguments_(std::move(arguments)), places_(std::move(places)),
          results_(std::move(results)), bfloat16_(bfloat16)
    {
    }

    Tangents push(Tangents inputs) override
    {
        MathAttention attention;
        Level level;
        torch::jit::Stack stack = with_duals(inputs, level.index());
        run(stack);
        Tangents outputs;
        for (const Place &place : results_) {
            auto [value, tangent] = at::_unpack_dual(at_place(stack, place), level.index());
            if (!tangent.defined()) { // an error if anybody reads it
                outputs.emplace_back();
                continue;
            }
            const bool narrow = bfloat16_ && at::isFloatingType(tangent.scalar_type());
            outputs.push_back(narrow ? tangent.to(at::kBFloat16) : tangent.clone());
        }
        return outputs;
    }

    std::vector<at::Tensor> kept() const override
    {
        std::vector<at::Tensor> tensors;
        for (const c10::IValue &argument : arguments_)
            collect_tensors(argument, tensors);
        return tensors;
    }

  private:
    torch::jit::Stack with_duals(const Tangents &inputs, int64_t level) const
    {
        torch::jit::Stack stack = arguments_;
        for (size_t k = 0; k < places_.size(); k++) {
            at::Tensor value = at_place(stack, places_[k]);
            at::Tensor tangent = inputs[k].to(value.scalar_type());
            at::Tensor dual = at::_make_dual(value, tangent, level);
            c10::IValue &argument = stack[places_[k].argument];
            if (places_[k].element < 0) {
                argument = dual;
            } else { // a new list: the old one is the primal's
                std::vector<at::Tensor> list = argument.toTensorVector();
                list[static_cast<size_t>(places_[k].element)] = dual;
                argument = c10::IValue(list);
            }
        }
        return stack;
    }

    void run(torch::jit::Stack &stack)
    {
        try {
            operation_(stack);
        } catch (const std::exception &error) {
            if (!lacks_forward_rule(error))
                throw;
            throw Failure(COVSAMP_TORCH_E_NO_RULE,
                          "%s has no forward derivative (COVSAMP_TORCH_DOUBLE_BACKWARD may have "
                          "one): %s",
                          name_.c_str(), one_line(error).c_str());
        }
    }

    std::string name_;
    torch::jit::Operation operation_;
    torch::jit::Stack arguments_;
    std::vector<Place> places_, results_;
    bool bfloat16_;
};

// The tensors of a stack that satisfy a condition, and where they are.
template <class Condition>
std::vector<Place> find_places(const torch::jit::Stack &stack, Condition condition)
{
    std::vector<Place> places;
    for (size_t i = 0; i < stack.size(); i++) {
        if (stack[i].isTensor() && condition(stack[i].toTensor()))
            places.push_back({i, -1});
        if (!stack[i].isTensorList())
            continue;
        int64_t element = 0;
        for (const at::Tensor &tensor : stack[i].toTensorVector()) {
            if (condition(tensor))
                places.push_back({i, element});
            element++;
        }
    }
    return places;
}

} // namespace

void emit_node_dual(Call &call)
{
    torch::jit::Stack arguments;
    std::vector<Slot> slots;
    for (size_t i = 0; i < call.count(); i++) {
        if (call.active(i) && !call.argument(i).isTensor() && !call.argument(i).isTensorList())
            throw NotUnderstood("tensors that depend on x reach " + call.instruction().name +
                                " in a " + call.argument(i).type()->str());
        arguments.push_back(call.argument(i));
    }
    Activity &activity = call.recording().activity;
    std::vector<Place> places = find_places(arguments, [&](const at::Tensor &tensor) {
        return tensor.defined() && activity.find(tensor) >= 0;
    });
    for (const Place &place : places)
        slots.push_back(activity.find(at_place(arguments, place)));
    std::vector<Place> results = find_places(call.results(), [&](const at::Tensor &tensor) {
        return tensor.defined() && activity.find(tensor) < 0 &&
               (at::isFloatingType(tensor.scalar_type()) ||
                at::isComplexType(tensor.scalar_type()));
    });
    Slot slot = call.recording().tape.emit(
        std::make_unique<NodeDual>(call.instruction().name, call.operation(), std::move(arguments),
                                   std::move(places), results, call.manner().bfloat16),
        std::move(slots), static_cast<int>(results.size()));
    for (const Place &place : results)
        activity.bind(at_place(call.results(), place), slot++);
}

} // namespace covsamp_shim
