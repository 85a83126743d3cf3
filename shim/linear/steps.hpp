// SPDX-License-Identifier: BSD-3-Clause
// The kinds of steps that more than one rule needs.
#ifndef COVSAMP_SHIM_LINEAR_STEPS_HPP
#define COVSAMP_SHIM_LINEAR_STEPS_HPP

#include "tape.hpp"

#include <functional>

namespace covsamp_shim
{

// Any linear map, as a function that keeps the tensors it is told to name.
class Map : public Step
{
  public:
    using Function = std::function<at::Tensor(Tangents &)>;

    Map(Function function, std::vector<at::Tensor> kept)
        : function_(std::move(function)), kept_(std::move(kept))
    {
    }
    Tangents push(Tangents inputs) override
    {
        return {function_(inputs)};
    }
    std::vector<at::Tensor> kept() const override
    {
        return kept_;
    }

  private:
    Function function_;
    std::vector<at::Tensor> kept_;
};

// A linear map with several results.
class Split : public Step
{
  public:
    using Function = std::function<Tangents(const at::Tensor &)>;

    explicit Split(Function function) : function_(std::move(function))
    {
    }
    Tangents push(Tangents inputs) override
    {
        return function_(inputs[0]);
    }

  private:
    Function function_;
};

// factor * tangent, elementwise; the factor may be smaller or larger than the tangent where one is
// broadcast to the other.
class Scale : public Step
{
  public:
    // sizes: of the result.
    Scale(at::Tensor factor, std::vector<int64_t> sizes)
        : factor_(std::move(factor)), sizes_(std::move(sizes))
    {
    }
    Tangents push(Tangents inputs) override;
    bool absorb(Scale &next) override;
    std::vector<at::Tensor> kept() const override
    {
        return {factor_};
    }
    Scale *scale() override
    {
        return this;
    }
    // factor() * other; this scaling is of no use afterwards.
    at::Tensor take_factor_times(const at::Tensor &other);
    const std::vector<int64_t> &sizes() const
    {
        return sizes_;
    }

  private:
    at::Tensor factor_;
    std::vector<int64_t> sizes_;
};

// Normalisation over groups of values: dy = s (dx - mean(dx) - y mean(y dx)) with y the normalised
// values and s the factor, means over each group.
class Normalise : public Step
{
  public:
    // normalised: its values in logical order make `rows` groups, one behind the other; [N, C, ...]
    // with rows = N times the groups of channels, or [..., D] with a group for each vector.
    // factor: broadcast to the same shape.
    Normalise(at::Tensor normalised, at::Tensor factor, int64_t rows);
    Tangents push(Tangents inputs) override;
    bool absorb(Scale &next) override;
    std::vector<at::Tensor> kept() const override
    {
        return {normalised_, factor_};
    }

    const at::Tensor &factor() const
    {
        return factor_;
    }
    void set_factor(at::Tensor factor)
    {
        factor_ = std::move(factor);
    }

  private:
    at::Tensor by_rows(const at::Tensor &tangent) const;

    at::Tensor normalised_, factor_;
    int64_t rows_;
};

} // namespace covsamp_shim

#endif
