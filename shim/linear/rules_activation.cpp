// SPDX-License-Identifier: BSD-3-Clause
// Functions of one tensor, element by element: the tangent is scaled by the derivative.  Where
// libtorch has an operator for the gradient, that operator at a gradient of one is the derivative.
#include "call.hpp"

namespace covsamp_shim
{

namespace
{

// The derivative at x, where the function is y.
using Derivative = at::Tensor (*)(const Call &call, const at::Tensor &x, const at::Tensor &y);
// The same times g.
using Gradient = at::Tensor (*)(Call &call, const at::Tensor &g, const at::Tensor &x,
                                const at::Tensor &y);

at::Scalar number(const Call &call, const char *name, double otherwise)
{
    const c10::IValue &value = call.named(name);
    return value.isNone() ? at::Scalar(otherwise) : value.toScalar();
}

// The derivative may depend on the other arguments, which must not depend on x.
template <Derivative derivative> bool activation(Call &call)
{
    if (!call.only(0) || !call.is_tensor(0))
        return false;
    const at::Tensor x = call.tensor(0), y = call.run();
    call.scale(0, derivative(call, x, y));
    return true;
}

template <Gradient gradient> bool activation(Call &call)
{
    if (!call.only(0) || !call.is_tensor(0))
        return false;
    const at::Tensor x = call.tensor(0), y = call.run();
    call.scale_gradient([&](const at::Tensor &g) { return gradient(call, g, x, y); });
    return true;
}

namespace derivative
{

at::Tensor silu(Call &call, const at::Tensor &g, const at::Tensor &x, const at::Tensor &)
{
    at::Tensor result = call.recording().spare.like(x);
    return at::silu_backward_out(result, g, x);
}
at::Tensor sigmoid(Call &, const at::Tensor &g, const at::Tensor &, const at::Tensor &y)
{
    return at::sigmoid_backward(g, y);
}
at::Tensor tanh(Call &, const at::Tensor &g, const at::Tensor &, const at::Tensor &y)
{
    return at::tanh_backward(g, y);
}
at::Tensor gelu(Call &call, const at::Tensor &g, const at::Tensor &x, const at::Tensor &)
{
    const c10::IValue &form = call.named("approximate");
    return at::gelu_backward(g, x, form.isNone() ? "none" : form.toStringRef());
}
at::Tensor relu(Call &, const at::Tensor &g, const at::Tensor &, const at::Tensor &y)
{
    return at::threshold_backward(g, y, 0);
}
at::Tensor relu6(Call &, const at::Tensor &g, const at::Tensor &x, const at::Tensor &)
{
    return at::hardtanh_backward(g, x, 0, 6);
}
at::Tensor hardtanh(Call &call, const at::Tensor &g, const at::Tensor &x, const at::Tensor &)
{
    return at::hardtanh_backward(g, x, number(call, "min_val", -1), number(call, "max_val", 1));
}
at::Tensor leaky_relu(Call &call, const at::Tensor &g, const at::Tensor &x, const at::Tensor &)
{
    return at::leaky_relu_backward(g, x, number(call, "negative_slope", 0.01), false);
}
at::Tensor elu(Call &call, const at::Tensor &g, const at::Tensor &x, const at::Tensor &)
{
    return at::elu_backward(g, number(call, "alpha", 1), number(call, "scale", 1),
                            number(call, "input_scale", 1), false, x);
}
at::Tensor softplus(Call &call, const at::Tensor &g, const at::Tensor &x, const at::Tensor &)
{
    return at::softplus_backward(g, x, number(call, "beta", 1), number(call, "threshold", 20));
}
at::Tensor mish(Call &, const at::Tensor &g, const at::Tensor &x, const at::Tensor &)
{
    return at::mish_backward(g, x);
}
at::Tensor hardswish(Call &, const at::Tensor &g, const at::Tensor &x, const at::Tensor &)
{
    return at::hardswish_backward(g, x);
}
at::Tensor exp(const Call &, const at::Tensor &, const at::Tensor &y)
{
    return y;
}
at::Tensor expm1(const Call &, const at::Tensor &, const at::Tensor &y)
{
    return y + 1;
}
at::Tensor log(const Call &, const at::Tensor &x, const at::Tensor &)
{
    return x.reciprocal();
}
at::Tensor log1p(const Call &, const at::Tensor &x, const at::Tensor &)
{
    return (x + 1).reciprocal();
}
at::Tensor sqrt(const Call &, const at::Tensor &, const at::Tensor &y)
{
    return y.reciprocal().mul_(0.5);
}
at::Tensor rsqrt(const Call &, const at::Tensor &, const at::Tensor &y)
{
    return y.pow(3).mul_(-0.5);
}
at::Tensor reciprocal(const Call &, const at::Tensor &, const at::Tensor &y)
{
    return -y * y;
}
at::Tensor neg(const Call &, const at::Tensor &, const at::Tensor &y)
{
    return at::full({}, -1, y.options());
}
at::Tensor square(const Call &, const at::Tensor &x, const at::Tensor &)
{
    return x * 2;
}
at::Tensor abs(const Call &, const at::Tensor &x, const at::Tensor &)
{
    return x.sign();
}
at::Tensor sin(const Call &, const at::Tensor &x, const at::Tensor &)
{
    return x.cos();
}
at::Tensor cos(const Call &, const at::Tensor &x, const at::Tensor &)
{
    return x.sin().neg_();
}
at::Tensor erf(const Call &, const at::Tensor &x, const at::Tensor &)
{
    return (x * x).neg_().exp_().mul_(1.1283791670955126); // 2 / sqrt(pi)
}

} // namespace derivative

// pow(x, exponent) with an exponent that does not depend on x.
bool power(Call &call)
{
    if (!call.only(0) || !call.is_tensor(0))
        return false;
    const at::Tensor x = call.tensor(0);
    call.run();
    if (call.is_tensor(1)) {
        const at::Tensor exponent = call.tensor(1);
        call.scale(0, at::where(exponent == 0, at::zeros({}, x.options()),
                                exponent * x.pow(exponent - 1)));
        return true;
    }
    const double exponent = call.argument(1).toScalar().toDouble();
    call.scale(0, exponent == 0 ? at::zeros({}, x.options()) : x.pow(exponent - 1).mul_(exponent));
    return true;
}

// clamp(x, min, max) with bounds that do not depend on x; on a bound the derivative is 1, as in
// libtorch.
bool clamping(Call &call)
{
    if (!call.only(0))
        return false;
    const at::Tensor x = call.tensor(0);
    call.run();
    at::Tensor inside = at::ones_like(x);
    for (const char *name : {"min", "max"}) {
        const c10::IValue &bound = call.named(name);
        if (bound.isNone())
            continue;
        const at::Tensor limit =
            bound.isTensor() ? bound.toTensor() : at::full({}, bound.toScalar(), x.options());
        inside = inside * (name[1] == 'i' ? x >= limit : x <= limit);
    }
    call.scale(0, inside);
    return true;
}

} // namespace

const RuleTable &activation_rules()
{
    static const RuleTable table{{"aten::silu", activation<derivative::silu>},
                                 {"aten::sigmoid", activation<derivative::sigmoid>},
                                 {"aten::tanh", activation<derivative::tanh>},
                                 {"aten::gelu", activation<derivative::gelu>},
                                 {"aten::relu", activation<derivative::relu>},
                                 {"aten::relu6", activation<derivative::relu6>},
                                 {"aten::hardtanh", activation<derivative::hardtanh>},
                                 {"aten::leaky_relu", activation<derivative::leaky_relu>},
                                 {"aten::elu", activation<derivative::elu>},
                                 {"aten::softplus", activation<derivative::softplus>},
                                 {"aten::mish", activation<derivative::mish>},
                                 {"aten::hardswish", activation<derivative::hardswish>},
                                 {"aten::exp", activation<derivative::exp>},
                                 {"aten::expm1", activation<derivative::expm1>},
                                 {"aten::log", activation<derivative::log>},
                                 {"aten::log1p", activation<derivative::log1p>},
                                 {"aten::sqrt", activation<derivative::sqrt>},
                                 {"aten::rsqrt", activation<derivative::rsqrt>},
                                 {"aten::reciprocal", activation<derivative::reciprocal>},
                                 {"aten::neg", activation<derivative::neg>},
                                 {"aten::square", activation<derivative::square>},
                                 {"aten::abs", activation<derivative::abs>},
                                 {"aten::sin", activation<derivative::sin>},
                                 {"aten::cos", activation<derivative::cos>},
                                 {"aten::erf", activation<derivative::erf>},
                                 {"aten::pow", power},
                                 {"aten::clamp", clamping},
                                 {"aten::clamp_min", clamping},
                                 {"aten::clamp_max", clamping}};
    return table;
}

} // namespace covsamp_shim
