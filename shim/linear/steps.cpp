// SPDX-License-Identifier: BSD-3-Clause
#include "steps.hpp"

#include "kernel.hpp"

#include <ATen/ExpandUtils.h>

namespace covsamp_shim
{

Tangents Scale::push(Tangents inputs)
{
    at::Tensor &tangent = inputs[0];
    if (reusable(tangent) && tangent.sizes() == at::IntArrayRef(sizes_) &&
        tangent.scalar_type() == factor_.scalar_type())
        return {tangent.mul_(factor_)};
    at::Tensor product = tangent.mul(factor_);
    // Both may be smaller than the result, where a constant was larger.
    return {product.sizes() == at::IntArrayRef(sizes_) ? product : product.expand(sizes_)};
}

at::Tensor Scale::take_factor_times(const at::Tensor &other)
{
    at::Tensor own = std::move(factor_);
    if (reusable(own) && own.scalar_type() == other.scalar_type() &&
        at::infer_size(own.sizes(), other.sizes()) == own.sizes().vec())
        return own.mul_(other);
    return own.mul(other);
}

bool Scale::absorb(Scale &next)
{
    factor_ = next.take_factor_times(factor_);
    sizes_ = next.sizes();
    return true;
}

Normalise::Normalise(at::Tensor normalised, at::Tensor factor, int64_t rows)
    : normalised_(std::move(normalised)), factor_(std::move(factor)), rows_(rows)
{
}

bool Normalise::absorb(Scale &next)
{
    if (normalised_.sizes() != at::IntArrayRef(next.sizes()))
        return false;
    factor_ = next.take_factor_times(factor_);
    return true;
}

Tangents Normalise::push(Tangents inputs)
{
    at::Tensor &tangent = inputs[0];
    const int64_t groups = rows_ / tangent.size(0);
    // Vectors along another dimension than the channels are no groups of channels.
    const bool of_channels = groups > 0 && rows_ % tangent.size(0) == 0 && tangent.dim() > 1 &&
                             tangent.size(1) % groups == 0;
    if (of_channels && can_normalise(tangent, normalised_, factor_))
        return {normalise_tangent(tangent, normalised_, factor_, groups)};
    return {by_rows(tangent).mul_(factor_)};
}

// By libtorch's own operators, for every layout and device.  The map without the factor is
// symmetric, so the operator for gradients of layer norm computes it.
at::Tensor Normalise::by_rows(const at::Tensor &tangent) const
{
    at::Tensor t = tangent.reshape({rows_, -1}), y = normalised_.reshape({rows_, -1});
    at::Tensor result;
    if (t.scalar_type() == at::kBFloat16) { // sums in single precision, which mean() does by itself
        result = at::addcmul(t - t.mean(-1, true), y, (t * y).mean(-1, true), -1);
    } else {
        at::Tensor zero = at::zeros({rows_, 1}, t.options()), one = at::ones_like(zero);
        result = std::get<0>(at::native_layer_norm_backward(
            t.contiguous(), y.contiguous(), {t.size(1)}, zero, one, {}, {}, {true, false, false}));
    }
    return result.reshape(tangent.sizes());
}

} // namespace covsamp_shim
