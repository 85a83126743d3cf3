// SPDX-License-Identifier: BSD-3-Clause
// Linear operators that move values about, choose among them or add them up.
#include "call.hpp"

#include <algorithm>

namespace covsamp_shim
{

namespace
{

// The operator itself is the map, of its first argument.
bool moving(Call &call)
{
    if (!call.only(0) || !call.is_tensor(0))
        return false;
    call.run();
    call.replay(0);
    return true;
}

// Argument 0 does not depend on x; an active argument lends its shape or type alone.
bool lending(Call &call)
{
    call.run();
    return true;
}

bool reshape_to(Call &call, const std::vector<int64_t> &sizes)
{
    const at::Tensor x = call.tensor(0);
    call.result(x.reshape(sizes));
    const at::Tensor out = call.results()[0].toTensor();
    if (call.slot(out) >= 0) // the shape was the same
        return true;
    // Pixels in a row become an image again: what follows is as for any image.
    const bool image =
        x.dim() == 3 && out.dim() == 4 && x.size(0) == out.size(0) && x.size(1) == out.size(1);
    const bool last = call.arrange(image);
    call.map({call.slot(0)},
             [sizes, last](Tangents &t) { return arranged(t[0].reshape(sizes), last); });
    return true;
}

// A view asks that the memory lies as it expects; a channels-last tensor does not.
bool reshaping(Call &call)
{
    if (!call.only(0) || !call.argument(1).isIntList()) // a view as another type is no reshaping
        return false;
    return reshape_to(call, call.argument(1).toIntVector());
}

// What the second argument lends is its shape alone.
bool reshaping_as(Call &call)
{
    return call.active(0) ? reshape_to(call, call.tensor(1).sizes().vec()) : lending(call);
}

bool expanding_as(Call &call)
{
    if (!call.active(0))
        return lending(call);
    call.result(call.tensor(0).expand(call.tensor(1).sizes()));
    call.pass(0);
    return true;
}

// Values stay as they are, up to rounding: copies, conversions between floating-point types,
// dropout in evaluation, and what only cuts gradients off: the function itself does not change by
// it, and its derivative is what a product is about.
bool passing(Call &call)
{
    if (!call.is_tensor(0))
        return false;
    if (!call.active(0))
        return lending(call);
    const at::Tensor &out = call.run();
    if (at::isFloatingType(out.scalar_type()) || at::isComplexType(out.scalar_type()))
        call.pass(0);
    return true;
}

// Channels-last memory is as good as contiguous memory: whoever needs it otherwise copies.
bool making_contiguous(Call &call)
{
    if (!call.active(0))
        return false;
    const at::Tensor in = call.tensor(0);
    if (call.manner().channels_last && in.is_non_overlapping_and_dense())
        call.result(in);
    else
        call.run();
    call.pass(0);
    return true;
}

// All to one shape; those that do not depend on x stay so.
bool broadcasting(Call &call)
{
    if (!call.argument(0).isTensorList())
        return false;
    std::vector<at::Tensor> given = call.argument(0).toTensorVector();
    call.run();
    Recording &recording = call.recording();
    std::vector<at::Tensor> made = call.results()[0].toTensorVector();
    for (size_t i = 0; i < given.size(); i++) {
        const Slot slot = call.slot(given[i]);
        if (slot < 0 || made[i].is_same(given[i]))
            continue;
        auto expand = [sizes = made[i].sizes().vec()](Tangents &t) { return t[0].expand(sizes); };
        recording.activity.bind(
            made[i],
            recording.tape.emit(std::make_unique<Map>(expand, std::vector<at::Tensor>{}), {slot}));
    }
    return true;
}

bool joining(Call &call)
{
    if (!call.argument(0).isTensorList() || !call.argument(1).isInt())
        return false;
    std::vector<at::Tensor> parts = call.argument(0).toTensorVector();
    const int64_t dim = call.argument(1).toInt();
    const bool stacks = call.instruction().name == "aten::stack";
    call.run();
    const bool last =
        call.arrange(!stacks && std::any_of(parts.begin(), parts.end(), is_channels_last));
    std::vector<Slot> slots;
    std::vector<at::Tensor> zeros; // undefined for parts that have a tangent
    for (const at::Tensor &part : parts) {
        const bool active = call.slot(part) >= 0;
        if (active)
            slots.push_back(call.slot(part));
        zeros.push_back(
            active ? at::Tensor()
                   : at::zeros({}, part.options().dtype(call.type(part))).expand(part.sizes()));
    }
    call.map(std::move(slots), [zeros, dim, stacks, last](Tangents &t) {
        std::vector<at::Tensor> all = zeros;
        size_t next = 0;
        for (at::Tensor &part : all)
            if (!part.defined())
                part = arranged(t[next++], last);
        return stacks ? at::stack(all, dim) : at::cat(all, dim);
    });
    return true;
}

// One tensor in, a list of tensors out.
bool splitting(Call &call)
{
    if (!call.only(0))
        return false;
    call.run();
    torch::jit::Stack arguments(call.count());
    for (size_t i = 1; i < call.count(); i++)
        arguments[i] = call.argument(i);
    std::vector<at::Tensor> parts = call.results()[0].toTensorVector();
    auto split = [arguments, run = call.operation()](const at::Tensor &t) mutable {
        torch::jit::Stack stack = arguments;
        stack[0] = t;
        run(stack);
        return stack[0].toTensorVector();
    };
    Recording &recording = call.recording();
    Slot slot = recording.tape.emit(std::make_unique<Split>(std::move(split)), {call.slot(0)},
                                    static_cast<int>(parts.size()));
    for (const at::Tensor &part : parts)
        recording.activity.bind(part, slot++);
    return true;
}

// copy(x, values), fill(x, value): what the first argument was does not matter.
bool overwriting(Call &call)
{
    call.run();
    if (call.active(1))
        call.pass(1);
    return true;
}

// Steps of a staircase: the derivative is zero wherever it exists.
bool constant_in_between(Call &call)
{
    call.run();
    return true;
}

} // namespace

const RuleTable &view_rules()
{
    static const RuleTable table = [] {
        RuleTable rules{{"aten::view", reshaping},
                        {"aten::reshape", reshaping},
                        {"aten::_unsafe_view", reshaping},
                        {"aten::view_as", reshaping_as},
                        {"aten::reshape_as", reshaping_as},
                        {"aten::expand_as", expanding_as},
                        {"aten::contiguous", making_contiguous},
                        {"aten::cat", joining},
                        {"aten::concat", joining},
                        {"aten::stack", joining},
                        {"aten::copy", overwriting},
                        {"aten::fill", overwriting},
                        {"aten::broadcast_tensors", broadcasting}};
        for (const char *name : {"aten::permute",
                                 "aten::transpose",
                                 "aten::t",
                                 "aten::mT",
                                 "aten::numpy_T",
                                 "aten::unsqueeze",
                                 "aten::squeeze",
                                 "aten::flatten",
                                 "aten::unflatten",
                                 "aten::expand",
                                 "aten::repeat",
                                 "aten::tile",
                                 "aten::repeat_interleave",
                                 "aten::slice",
                                 "aten::select",
                                 "aten::narrow",
                                 "aten::index",
                                 "aten::index_select",
                                 "aten::gather",
                                 "aten::flip",
                                 "aten::roll",
                                 "aten::movedim",
                                 "aten::moveaxis",
                                 "aten::swapaxes",
                                 "aten::swapdims",
                                 "aten::tril",
                                 "aten::triu",
                                 "aten::diagonal",
                                 "aten::unfold",
                                 "aten::sum",
                                 "aten::mean"})
            rules[name] = moving;
        for (const char *name :
             {"aten::to", "aten::type_as", "aten::clone", "aten::alias", "aten::detach",
              "prim::data", "aten::dropout", "aten::feature_dropout", "aten::alpha_dropout",
              "aten::float", "aten::double", "aten::cpu", "aten::cuda", "aten::lift_fresh"})
            rules[name] = passing;
        for (const char *name :
             {"aten::split", "aten::split_with_sizes", "aten::chunk", "aten::tensor_split",
              "aten::unbind", "aten::unsafe_chunk", "aten::unsafe_split"})
            rules[name] = splitting;
        for (const char *name : {"aten::round", "aten::floor", "aten::ceil", "aten::trunc",
                                 "aten::sign", "aten::heaviside", "aten::zero"})
            rules[name] = constant_in_between;
        return rules;
    }();
    return table;
}

} // namespace covsamp_shim
