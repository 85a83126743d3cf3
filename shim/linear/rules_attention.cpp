// SPDX-License-Identifier: BSD-3-Clause
// Scaled dot product attention as one operator, by its plain formula.
#include "call.hpp"

#include <array>
#include <cmath>
#include <limits>

namespace covsamp_shim
{

namespace
{

// softmax(q k^T scale + mask) v, and its derivative.  The operands' tangents, those of them that
// there are, come in the order q, k, v.
class Attention : public Step
{
  public:
    Attention(at::Tensor q, at::Tensor k, at::Tensor v, at::Tensor weights, double scale,
              std::array<bool, 3> active)
        : q_(std::move(q)), k_(std::move(k)), v_(std::move(v)), weights_(std::move(weights)),
          scale_(scale), active_(active)
    {
    }
    Tangents push(Tangents inputs) override
    {
        size_t next = 0;
        at::Tensor dq = active_[0] ? inputs[next++] : at::Tensor();
        at::Tensor dk = active_[1] ? inputs[next++] : at::Tensor();
        at::Tensor dv = active_[2] ? inputs[next++] : at::Tensor();
        at::Tensor result = dv.defined() ? at::matmul(weights_, dv) : at::Tensor();
        if (!dq.defined() && !dk.defined())
            return {result};
        at::Tensor scores = dq.defined() ? at::matmul(dq, k_.transpose(-2, -1)) : at::Tensor();
        if (dk.defined()) {
            at::Tensor other = at::matmul(q_, dk.transpose(-2, -1));
            scores = scores.defined() ? scores.add_(other) : other;
        }
        at::Tensor weights =
            at::_softmax_backward_data(scores.mul_(scale_), weights_, -1, weights_.scalar_type());
        at::Tensor moved = at::matmul(weights, v_);
        return {result.defined() ? result.add_(moved) : moved};
    }
    std::vector<at::Tensor> kept() const override
    {
        return {q_, k_, v_, weights_};
    }

  private:
    at::Tensor q_, k_, v_, weights_;
    double scale_;
    std::array<bool, 3> active_;
};

// attention(q, k, v, mask, dropout, ...)
bool attention(Call &call)
{
    const c10::IValue &dropout = call.named("dropout_p"), &scale_of = call.named("scale");
    const c10::IValue &need_weights = call.named("need_attn_weights"); // libtorch 1.13
    if ((dropout.isDouble() && dropout.toDouble() != 0) || call.active(3) ||
        (need_weights.isBool() && need_weights.toBool()))
        return false;
    const at::Tensor q = call.tensor(0), k = call.tensor(1), v = call.tensor(2);
    const double scale = scale_of.isNone() ? 1 / std::sqrt(static_cast<double>(q.size(-1)))
                                           : scale_of.toScalar().toDouble();
    at::Tensor scores = at::matmul(q, k.transpose(-2, -1)) * scale;
    if (call.named("is_causal").isBool() && call.named("is_causal").toBool())
        scores = scores + at::full({q.size(-2), k.size(-2)},
                                   -std::numeric_limits<double>::infinity(), scores.options())
                              .triu(1);
    if (call.is_tensor(3)) {
        const at::Tensor mask = call.tensor(3);
        scores = mask.scalar_type() == at::kBool
                     ? scores.masked_fill(~mask, -std::numeric_limits<double>::infinity())
                     : scores + mask;
    }
    const at::Tensor weights = at::softmax(scores, -1);
    if (need_weights.isNone())
        call.results({at::matmul(weights, v)});
    else
        call.results({at::matmul(weights, v), at::Tensor()});
    std::vector<Slot> slots;
    for (size_t i = 0; i < 3; i++)
        if (call.active(i))
            slots.push_back(call.slot(i));
    call.step(std::move(slots),
              std::make_unique<Attention>(
                  call.factor(q), call.factor(k), call.factor(v), call.factor(weights), scale,
                  std::array<bool, 3>{call.active(0), call.active(1), call.active(2)}));
    return true;
}

} // namespace

const RuleTable &attention_rules()
{
    static const RuleTable table{{"aten::scaled_dot_product_attention", attention},
                                 {"aten::_scaled_dot_product_attention", attention}};
    return table;
}

} // namespace covsamp_shim
