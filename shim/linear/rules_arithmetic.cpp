// SPDX-License-Identifier: BSD-3-Clause
// Sums, products and choices between tensors, element by element.
#include "call.hpp"

namespace covsamp_shim
{

namespace
{

// t1 + factor * t2 for the result of the given sizes.
at::Tensor add_tangents(Tangents &t, double factor, const std::vector<int64_t> &sizes)
{
    if (reusable(t[0]) && t[0].sizes() == at::IntArrayRef(sizes) &&
        t[0].scalar_type() == t[1].scalar_type())
        return t[0].add_(t[1], factor);
    if (factor == 1 && reusable(t[1]) && t[1].sizes() == at::IntArrayRef(sizes) &&
        t[0].scalar_type() == t[1].scalar_type())
        return t[1].add_(t[0]);
    return at::add(t[0], t[1], factor);
}

// The result is first * a + second * b.
bool combine(Call &call, double first, double second)
{
    if (!call.is_tensor(0) && !call.is_tensor(1)) // lists are added, too
        return false;
    const at::Tensor out = call.run();
    if (call.active(0) && call.active(1)) {
        std::vector<int64_t> sizes = out.sizes().vec();
        const bool last =
            call.arrange(is_channels_last(call.tensor(0)) || is_channels_last(call.tensor(1)));
        call.map({call.slot(0), call.slot(1)}, [first, second, sizes, last](Tangents &t) {
            if (first != 1)
                t[0] = t[0] * first;
            return arranged(add_tangents(t, second, sizes), last);
        });
        return true;
    }
    const size_t i = call.active(0) ? 0 : 1;
    const double factor = i == 0 ? first : second;
    if (factor == 1)
        call.pass(i);
    else
        call.scale(i, at::full({}, factor, out.options()));
    return true;
}

// The factor alpha in front of the second (of rsub: first) tensor.
bool alpha_of(Call &call, double &alpha)
{
    const c10::IValue &value = call.named("alpha");
    alpha = value.isNone() ? 1 : value.toScalar().toDouble();
    return value.isNone() || !value.toScalar().isComplex();
}

bool adding(Call &call)
{
    double alpha;
    return alpha_of(call, alpha) && combine(call, 1, alpha);
}

bool subtracting(Call &call)
{
    double alpha;
    return alpha_of(call, alpha) && combine(call, 1, -alpha);
}

bool subtracting_from(Call &call) // b - alpha a
{
    double alpha;
    return alpha_of(call, alpha) && combine(call, -alpha, 1);
}

// x * sigmoid(x) with both of one x: the place of x, or -1.
int sigmoid_of_other(const Call &call)
{
    for (size_t i = 0; i < 2; i++) {
        const torch::jit::Value *x = call.node().inputs()[i];
        const torch::jit::Node *maker = call.node().inputs()[1 - i]->node();
        if (maker->kind() == c10::Symbol::fromQualString("aten::sigmoid") && maker->input(0) == x)
            return static_cast<int>(i);
    }
    return -1;
}

bool multiplying(Call &call)
{
    if (!call.is_tensor(0))
        return false;
    const at::Tensor out = call.run();
    if (call.only(0) && !call.is_tensor(1)) {
        call.scale(0, at::full({}, call.argument(1).toScalar(), out.options()));
    } else if (call.only(0) || call.only(1)) {
        const size_t i = call.active(0) ? 0 : 1;
        call.scale(i, call.tensor(1 - i).to(out.scalar_type()));
    } else if (int i = call.manner().writes ? -1 : sigmoid_of_other(call); i >= 0) {
        const at::Tensor x = call.tensor(static_cast<size_t>(i));
        call.scale(static_cast<size_t>(i), at::silu_backward(unit_gradient(x), x));
    } else {
        const at::Tensor a = call.factor(call.tensor(0)), b = call.factor(call.tensor(1));
        call.map({call.slot(0), call.slot(1)},
                 [a, b](Tangents &t) { return at::addcmul(t[0] * b, a, t[1]); }, {a, b});
    }
    return true;
}

bool dividing(Call &call)
{
    if (!call.named("rounding_mode").isNone())
        return false;
    const at::Tensor out = call.run();
    const at::Tensor divisor = call.is_tensor(1)
                                   ? call.tensor(1)
                                   : at::full({}, call.argument(1).toScalar(), out.options());
    const at::Tensor inverse = divisor.to(out.scalar_type()).reciprocal();
    if (!call.active(1)) {
        call.scale(0, inverse);
        return true;
    }
    const at::Tensor other = call.factor(out * inverse).neg();
    if (!call.active(0)) {
        call.scale(1, other);
        return true;
    }
    const at::Tensor own = call.factor(inverse);
    call.map({call.slot(0), call.slot(1)},
             [own, other](Tangents &t) { return at::addcmul(t[0] * own, other, t[1]); },
             {own, other});
    return true;
}

// where(condition, a, b), any of the two active.
bool choosing(Call &call)
{
    if (call.count() != 3 || call.active(0) || !call.is_tensor(1) || !call.is_tensor(2))
        return false;
    const at::Tensor out = call.run();
    const at::Tensor condition = call.tensor(0);
    const at::Tensor zero = at::zeros({}, out.options().dtype(call.type(out)));
    const bool both = call.active(1) && call.active(2), second = call.active(2);
    std::vector<Slot> slots;
    for (size_t i : {1, 2})
        if (call.active(i))
            slots.push_back(call.slot(i));
    call.map(std::move(slots),
             [condition, zero, both, second, sizes = out.sizes().vec()](Tangents &t) {
                 at::Tensor chosen = at::where(condition, second && !both ? zero : t[0],
                                               both     ? t[1]
                                               : second ? t[0]
                                                        : zero);
                 return chosen.expand(sizes);
             },
             {condition});
    return true;
}

bool filling(Call &call) // masked_fill(x, mask, value)
{
    if (!call.only(0))
        return false;
    const at::Tensor out = call.run();
    const at::Tensor mask = call.tensor(1);
    call.map({call.slot(0)},
             [mask, sizes = out.sizes().vec()](Tangents &t) {
                 return t[0].expand(sizes).masked_fill(mask, 0);
             },
             {mask});
    return true;
}

} // namespace

const RuleTable &arithmetic_rules()
{
    static const RuleTable table{
        {"aten::add", adding},      {"aten::sub", subtracting},    {"aten::rsub", subtracting_from},
        {"aten::mul", multiplying}, {"aten::div", dividing},       {"aten::true_divide", dividing},
        {"aten::where", choosing},  {"aten::masked_fill", filling}};
    return table;
}

} // namespace covsamp_shim
