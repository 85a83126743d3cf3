// SPDX-License-Identifier: BSD-3-Clause
// Norms, softmax, variance.
#include "call.hpp"
#include "failure.hpp"
#include "kernel.hpp"

namespace covsamp_shim
{

namespace
{

at::Tensor optional_tensor(const Call &call, const char *name)
{
    const c10::IValue &value = call.named(name);
    return value.isTensor() ? value.toTensor() : at::Tensor();
}

// One value a channel, shaped [1, C, 1, ...] for tensors of `dim` dimensions.
at::Tensor per_channel(const at::Tensor &values, int64_t dim)
{
    std::vector<int64_t> sizes(static_cast<size_t>(dim), 1);
    sizes[1] = values.numel();
    return values.reshape(sizes);
}

// normalised * weight + bias, where there are such.
at::Tensor affine(const at::Tensor &normalised, const at::Tensor &weight, const at::Tensor &bias)
{
    if (weight.defined() && bias.defined())
        return at::addcmul(bias, normalised, weight);
    at::Tensor result = weight.defined() ? normalised * weight : normalised;
    return bias.defined() ? result + bias : result;
}

// By libtorch's operators, for every layout and device.
Normalised normalise_anywhere(const at::Tensor &given, at::Tensor weight, at::Tensor bias,
                              int64_t groups, double eps)
{
    const at::Tensor x = given.contiguous(given.suggest_memory_format());
    const int64_t samples = x.size(0), channels = x.size(1);
    auto [values, mean, scale] = at::native_group_norm(
        x, {}, {}, samples, channels, x.numel() / (samples * channels), groups, eps);
    weight = weight.defined() ? per_channel(weight, x.dim()) : weight;
    bias = bias.defined() ? per_channel(bias, x.dim()) : bias;
    std::vector<int64_t> sizes(static_cast<size_t>(x.dim()), 1);
    sizes[0] = samples;
    sizes[1] = channels;
    at::Tensor factor = scale.reshape({samples, groups, 1})
                            .expand({samples, groups, channels / groups})
                            .reshape(sizes);
    factor = weight.defined() ? factor * weight : factor;
    return {values, affine(values, weight, bias), factor.to(x.scalar_type())};
}

bool by_groups(Call &call, int64_t groups, double eps)
{
    const at::Tensor x = call.tensor(0);
    if (x.dim() < 2 || x.numel() == 0)
        return false;
    const at::Tensor weight = optional_tensor(call, "weight"), bias = optional_tensor(call, "bias");
    Normalised made = can_normalise(x)
                          ? normalise(x, weight, bias, groups, eps, call.recording().spare.like(x))
                          : normalise_anywhere(x, weight, bias, groups, eps);
    call.result(made.result);
    call.step({call.slot(0)},
              std::make_unique<Normalise>(call.factor(made.values), call.factor(made.factor),
                                          x.size(0) * groups));
    return true;
}

bool group_norm(Call &call)
{
    return call.only(0) &&
           by_groups(call, call.named("num_groups").toInt(), call.named("eps").toDouble());
}

// With the statistics of training: an affine map of each channel.
bool by_running_statistics(Call &call)
{
    const at::Tensor variance = optional_tensor(call, "running_var");
    if (!variance.defined())
        return false;
    const at::Tensor weight = optional_tensor(call, "weight");
    at::Tensor factor = (variance + call.named("eps").toDouble()).rsqrt();
    factor = weight.defined() ? factor * weight : factor;
    call.run();
    call.scale(0, per_channel(factor, call.tensor(0).dim()).to(call.tensor(0).scalar_type()));
    return true;
}

bool batch_norm(Call &call)
{
    if (call.named("training").toBool())
        throw Failure(COVSAMP_TORCH_E_NO_TANGENT,
                      "the module holds batch normalisation in training mode: its samples depend "
                      "on each other and have no products of their own");
    return call.only(0) && by_running_statistics(call);
}

bool instance_norm(Call &call)
{
    if (!call.only(0))
        return false;
    if (!call.named("use_input_stats").toBool())
        return by_running_statistics(call);
    return by_groups(call, call.tensor(0).size(1), call.named("eps").toDouble());
}

bool layer_norm(Call &call)
{
    if (!call.only(0))
        return false;
    std::vector<int64_t> shape = call.named("normalized_shape").toIntVector();
    const at::Tensor x = call.tensor(0).contiguous();
    auto [normalised, mean, scale] =
        at::native_layer_norm(x, shape, {}, {}, call.named("eps").toDouble());
    at::Tensor weight = optional_tensor(call, "weight"), bias = optional_tensor(call, "bias");
    at::Tensor out = affine(normalised, weight, bias);
    call.result(out);
    at::Tensor factor = weight.defined() ? scale * weight : scale;
    call.step({call.slot(0)},
              std::make_unique<Normalise>(call.factor(normalised),
                                          call.factor(factor.to(x.scalar_type())), scale.numel()));
    return true;
}

bool softmax(Call &call)
{
    if (!call.only(0))
        return false;
    const at::Tensor out = call.run();
    if (out.scalar_type() != call.tensor(0).scalar_type())
        return false;
    const at::Tensor y = call.factor(out);
    const int64_t dim = call.named("dim").toInt();
    // The derivative is symmetric: the operator for gradients computes it.
    call.map(
        {call.slot(0)},
        [y, dim](Tangents &t) { return at::_softmax_backward_data(t[0], y, dim, y.scalar_type()); },
        {y});
    return true;
}

bool log_softmax(Call &call)
{
    if (!call.only(0) || !call.named("dtype").isNone())
        return false;
    const at::Tensor y = call.factor(call.run().exp());
    const int64_t dim = call.named("dim").toInt();
    call.map({call.slot(0)}, [y, dim](Tangents &t) { return t[0] - (t[0] * y).sum(dim, true); },
             {y});
    return true;
}

// The dimensions that a reduction runs over; all of them if none are named.
std::vector<int64_t> reduced(const Call &call)
{
    const c10::IValue &dim = call.named("dim");
    std::vector<int64_t> dims = dim.isIntList() ? dim.toIntVector() : std::vector<int64_t>{};
    const int64_t named = static_cast<int64_t>(dims.size());
    for (int64_t i = 0; named == 0 && i < call.tensor(0).dim(); i++)
        dims.push_back(i);
    return dims;
}

// Variance and standard deviation: the means drop out, since the deviations add up to zero.
bool spread(Call &call)
{
    if (!call.only(0) || call.tensor(0).dim() == 0)
        return false;
    const at::Tensor x = call.tensor(0);
    const std::vector<int64_t> dims = reduced(call);
    const c10::IValue &unbiased = call.named("unbiased"), &given = call.named("correction");
    double correction = given.isInt() ? static_cast<double>(given.toInt()) : 1;
    correction = unbiased.isBool() ? (unbiased.toBool() ? 1 : 0) : correction;
    const c10::IValue &keep = call.named("keepdim");
    const bool keepdim = keep.isBool() && keep.toBool();
    double count = 1;
    for (int64_t dim : dims)
        count *= static_cast<double>(x.size(dim));
    call.run();
    at::Tensor slope = (x - x.mean(dims, true)) * (2 / (count - correction));
    if (call.instruction().name == "aten::std") { // at zero the derivative is 0, as in libtorch
        at::Tensor deviation =
            (slope * slope).sum(dims, true).mul_((count - correction) / 4).sqrt_();
        slope = (slope / (2 * deviation)).masked_fill_(deviation == 0, 0);
    }
    const at::Tensor factor = call.factor(slope);
    call.map({call.slot(0)},
             [factor, dims, keepdim](Tangents &t) { return (t[0] * factor).sum(dims, keepdim); },
             {factor});
    return true;
}

} // namespace

const RuleTable &normalising_rules()
{
    static const RuleTable table{{"aten::group_norm", group_norm},
                                 {"aten::batch_norm", batch_norm},
                                 {"aten::instance_norm", instance_norm},
                                 {"aten::layer_norm", layer_norm},
                                 {"aten::softmax", softmax},
                                 {"aten::log_softmax", log_softmax},
                                 {"aten::var", spread},
                                 {"aten::std", spread}};
    return table;
}

} // namespace covsamp_shim
