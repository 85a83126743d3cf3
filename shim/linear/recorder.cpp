// SPDX-License-Identifier: BSD-3-Clause
#include "recorder.hpp"

#include "failure.hpp"
#include "node_dual.hpp"

#include <algorithm>
#include <stdexcept>

namespace covsamp_shim
{

namespace
{

// Whether the operator writes to the tensor that is its argument i.
bool writes(const Instruction &instruction, size_t i)
{
    const auto &arguments = instruction.node->schema().arguments();
    if (i >= arguments.size())
        return false;
    const auto *alias = arguments[i].alias_info();
    return alias != nullptr && alias->isWrite();
}

// A list of the type that the node declares.
c10::IValue make_list(const Instruction &instruction, const torch::jit::Stack &elements)
{
    auto type = instruction.node->output()->type()->expect<c10::ListType>()->getElementType();
    c10::impl::GenericList list(type);
    for (const c10::IValue &element : elements)
        list.push_back(element);
    return list;
}

bool differentiable(const at::Tensor &tensor)
{
    return tensor.defined() &&
           (at::isFloatingType(tensor.scalar_type()) || at::isComplexType(tensor.scalar_type()));
}

// Whether a result holds a differentiable tensor that was not among the arguments.
bool makes_tensors(const c10::IValue &result, const std::vector<at::Tensor> &known)
{
    std::vector<at::Tensor> made;
    collect_tensors(result, made);
    return std::any_of(made.begin(), made.end(), [&known](const at::Tensor &tensor) {
        return differentiable(tensor) &&
               std::none_of(known.begin(), known.end(), [&tensor](const at::Tensor &argument) {
                   return argument.is_same(tensor);
               });
    });
}

// A tensor or something that holds tensors.
bool is_tensor_like(const c10::Type &type)
{
    const auto kind = type.kind();
    return kind == c10::TypeKind::TensorType || kind == c10::TypeKind::OptionalType ||
           kind == c10::TypeKind::ListType || kind == c10::TypeKind::TupleType;
}

// A number, or something that holds some.
bool is_number(const c10::Type &type)
{
    for (const c10::TypePtr &inner : type.containedTypes())
        if (is_number(*inner))
            return true;
    return type.kind() == c10::TypeKind::FloatType || type.kind() == c10::TypeKind::NumberType ||
           type.kind() == c10::TypeKind::ComplexType;
}

// Dropout of every kind in evaluation: libtorch calls them random all the same.
bool is_idle(const Instruction &instruction, const torch::jit::Stack &arguments)
{
    auto place = instruction.node->schema().argumentIndexWithName("train");
    if (!place)
        return false;
    const c10::IValue &train = arguments[static_cast<size_t>(*place)];
    return train.isBool() && !train.toBool();
}

Failure lost(const Instruction &instruction)
{
    return Failure(COVSAMP_TORCH_E_NO_TANGENT,
                   "a number taken from a tensor that depends on x goes back into the module (by "
                   "%s): its tangent is lost there",
                   instruction.name.c_str());
}

} // namespace

Recorder::Recorder(const Program &program, Recording &recording)
    : program_(program), recording_(recording), values_(program.values()),
      taints_(values_.size(), Taint::none)
{
}

c10::IValue Recorder::run(torch::jit::Stack inputs)
{
    const Code &code = program_.code();
    recording_.activity.bind(inputs[1].toTensor(), recording_.tape.input());
    for (size_t i = 0; i < code.parameters.size(); i++)
        value(code.parameters[i]) = i < inputs.size() ? inputs[i] : c10::IValue();
    execute(code);
    return value(code.results[0]);
}

void Recorder::execute(const Code &code)
{
    for (const Instruction &instruction : code.instructions) {
        switch (instruction.form) {
        case Form::branch:
            branch(instruction);
            break;
        case Form::loop:
            loop(instruction);
            break;
        default:
            plain(instruction);
        }
        for (int dead : instruction.dies)
            value(dead) = c10::IValue();
    }
}

void Recorder::check_steady(int condition, const Instruction &instruction) const
{
    if (taints_[static_cast<size_t>(condition)] != Taint::none)
        throw NotUnderstood("control flow depends on x (" + instruction.name + ")");
}

void Recorder::branch(const Instruction &instruction)
{
    check_steady(instruction.inputs[0], instruction);
    const Code &taken = instruction.blocks[value(instruction.inputs[0]).toBool() ? 0 : 1];
    execute(taken);
    for (size_t i = 0; i < taken.results.size(); i++) {
        value(instruction.outputs[i]) = value(taken.results[i]);
        taints_[static_cast<size_t>(instruction.outputs[i])] =
            taints_[static_cast<size_t>(taken.results[i])];
    }
}

// Inputs: most rounds, condition, carried values; the body's parameters: round, carried values;
// its results: condition, carried values.
void Recorder::loop(const Instruction &instruction)
{
    const Code &body = instruction.blocks[0];
    const int64_t most = value(instruction.inputs[0]).toInt();
    check_steady(instruction.inputs[0], instruction);
    check_steady(instruction.inputs[1], instruction);
    bool goes_on = value(instruction.inputs[1]).toBool();
    std::vector<int> from(instruction.inputs.begin() + 2, instruction.inputs.end());
    auto carry = [this](const std::vector<int> &sources, const std::vector<int> &targets,
                        size_t offset) {
        torch::jit::Stack moved;
        std::vector<Taint> taints;
        for (int source : sources) {
            moved.push_back(value(source));
            taints.push_back(taints_[static_cast<size_t>(source)]);
        }
        for (size_t i = 0; i < sources.size(); i++) {
            value(targets[i + offset]) = moved[i];
            taints_[static_cast<size_t>(targets[i + offset])] = taints[i];
        }
    };
    for (int64_t round = 0; goes_on && round < most; round++) {
        value(body.parameters[0]) = round;
        carry(from, body.parameters, 1);
        execute(body);
        check_steady(body.results[0], instruction);
        goes_on = value(body.results[0]).toBool();
        from.assign(body.results.begin() + 1, body.results.end());
    }
    carry(from, instruction.outputs, 0);
}

void Recorder::plain(const Instruction &instruction)
{
    torch::jit::Stack arguments;
    for (int input : instruction.inputs)
        arguments.push_back(value(input));
    const torch::jit::Node &node = *instruction.node;
    torch::jit::Stack results;
    switch (instruction.form) {
    case Form::attribute:
        results = {arguments[0].toObject()->getAttr(node.s(c10::attr::name))};
        collect_tensors(results[0], attributes_);
        break;
    case Form::list:
        results = {make_list(instruction, arguments)};
        break;
    case Form::unlist:
        for (const c10::IValue &element : arguments[0].toListRef())
            results.push_back(element);
        break;
    case Form::tuple:
        results = {c10::ivalue::Tuple::create(arguments)};
        break;
    case Form::untuple:
        for (const c10::IValue &element : arguments[0].toTupleRef().elements())
            results.push_back(element);
        break;
    case Form::same:
        results = {arguments[0]};
        break;
    case Form::silent:
        return;
    case Form::raise: // the door says that the module threw
        throw std::runtime_error(arguments[0].toStringRef());
    case Form::absent:
        results = {c10::IValue()};
        break;
    default:
        return operate(instruction, std::move(arguments));
    }
    spread_taint(instruction, false);
    store(instruction, results);
}

void Recorder::operate(const Instruction &instruction, torch::jit::Stack arguments)
{
    bool active = false;
    for (const c10::IValue &argument : arguments)
        active = active || recording_.activity.any(argument);
    check_writes(instruction, arguments, active);
    if (instruction.random && !is_idle(instruction, arguments))
        throw Failure(COVSAMP_TORCH_E_NO_TANGENT,
                      "the module draws random numbers (%s): its products have no meaning",
                      instruction.name.c_str());
    spread_taint(instruction, active);
    torch::jit::Stack results;
    if (!active || instruction.about_shape) {
        results = std::move(arguments);
        if (instruction.node->schema().is_vararg())
            results.push_back(static_cast<int64_t>(instruction.inputs.size()));
        instruction.operation(results);
    } else {
        at::Tensor first = instruction.in_place ? arguments[0].toTensor() : at::Tensor();
        Call call(instruction, std::move(arguments), recording_);
        if (instruction.rule != nullptr && !call.is_complex() && instruction.rule(call))
            tally_.by_rule++;
        else
            without_rule(call);
        results = call.results();
        expect_sizes(results);
        if (instruction.in_place)
            replace(instruction, first, results[0].toTensor());
    }
    store(instruction, results);
}

// Operators that only hand tensors on, or answer with numbers, need nothing more; what is left is
// differentiated by dual numbers.
void Recorder::without_rule(Call &call)
{
    std::vector<at::Tensor> known;
    for (size_t i = 0; i < call.count(); i++)
        collect_tensors(call.argument(i), known);
    call.run();
    for (const c10::IValue &result : call.results())
        if (makes_tensors(result, known)) {
            emit_node_dual(call);
            tally_.by_duals[call.instruction().name]++;
            return;
        }
}

void Recorder::expect_sizes(const torch::jit::Stack &results)
{
    std::vector<at::Tensor> tensors;
    for (const c10::IValue &result : results)
        collect_tensors(result, tensors);
    for (const at::Tensor &tensor : tensors)
        if (Slot slot = recording_.activity.find(tensor); slot >= 0)
            recording_.tape.expect(slot, tensor.sizes());
}

// A write would change what an earlier step keeps, or give a tensor a tangent that it had not when
// it was read.  Where tensors depend on x it is replaced by the operator without it.
void Recorder::check_writes(const Instruction &instruction, const torch::jit::Stack &arguments,
                            bool active) const
{
    for (size_t i = 0; i < arguments.size(); i++) {
        if (!writes(instruction, i))
            continue;
        if (!arguments[i].isTensor() && has_smooth_input(instruction))
            throw lost(instruction); // it disappears in a list
        const bool replaced = i == 0 && active && instruction.functional;
        if (arguments[i].isTensor() && !replaced &&
            (active || recording_.tape.keeps(arguments[i].toTensor())))
            throw NotUnderstood("a tensor is written to in place (" + instruction.name + ")");
    }
}

// After an operator that should have written to `old` and has made a new tensor: it takes the old
// one's place everywhere.  Other views of the same memory should have changed, too, and so should
// what holds the tensor out of reach: the module's attributes, tuples, lists of lists.
void Recorder::replace(const Instruction &instruction, const at::Tensor &old,
                       const at::Tensor &made)
{
    auto refuse = [&](bool refused) {
        if (refused)
            throw NotUnderstood("a tensor with other views is written to in place (" +
                                instruction.name + ")");
    };
    auto shares = [&old](const at::Tensor &tensor) {
        return tensor.has_storage() && tensor.is_alias_of(old);
    };
    refuse(std::any_of(attributes_.begin(), attributes_.end(), shares));
    for (c10::IValue &value : values_) {
        std::vector<at::Tensor> inside;
        collect_tensors(value, inside);
        const bool reachable = value.isTensor() || value.isTensorList();
        bool found = false;
        for (const at::Tensor &tensor : inside) {
            found = found || tensor.is_same(old);
            refuse(tensor.is_same(old) ? !reachable : shares(tensor));
        }
        if (found && value.isTensor())
            value = made;
        if (!found || !value.isTensorList())
            continue;
        c10::List<at::Tensor> list = value.toTensorList();
        for (size_t i = 0; i < list.size(); i++)
            if (list.get(i).is_same(old))
                list.set(i, made);
    }
}

bool Recorder::has_smooth_input(const Instruction &instruction) const
{
    return std::any_of(instruction.inputs.begin(), instruction.inputs.end(), [this](int input) {
        return taints_[static_cast<size_t>(input)] == Taint::smooth;
    });
}

void Recorder::spread_taint(const Instruction &instruction, bool active)
{
    Taint worst = Taint::none;
    for (size_t i = 0; i < instruction.inputs.size(); i++)
        if (!instruction.about_shape || !is_tensor_like(*instruction.node->inputs()[i]->type()))
            worst = std::max(worst, taints_[static_cast<size_t>(instruction.inputs[i])]);
    const bool from_x = active && !instruction.about_shape;
    for (size_t i = 0; i < instruction.outputs.size(); i++) {
        const c10::TypePtr &type = instruction.node->outputs()[i]->type();
        const bool tensor = type->isSubtypeOf(*c10::TensorType::get());
        if (tensor && worst == Taint::smooth && instruction.form == Form::operation)
            throw lost(instruction);
        Taint taint = std::max(worst, from_x ? Taint::stepwise : Taint::none);
        if (is_number(*type) && from_x)
            taint = Taint::smooth;
        if (tensor || type->kind() == c10::TypeKind::IntType ||
            type->kind() == c10::TypeKind::BoolType)
            taint = std::min(taint, Taint::stepwise);
        taints_[static_cast<size_t>(instruction.outputs[i])] = taint;
    }
}

void Recorder::store(const Instruction &instruction, torch::jit::Stack &results)
{
    for (size_t i = 0; i < instruction.outputs.size(); i++)
        value(instruction.outputs[i]) = std::move(results[i]);
}

} // namespace covsamp_shim
