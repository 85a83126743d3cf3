// SPDX-License-Identifier: BSD-3-Clause
#include "linearised.hpp"

#include "dual.hpp"
#include "failure.hpp"
#include "linear/recorder.hpp"

#include <optional>

namespace covsamp_shim
{

namespace
{

// What one point leaves behind: the tape, and the point itself, to know it again.
struct Linearisation {
    Point point;
    at::Tensor mean;
    Tape tape;
    bool measured = false; // whether a product's memory was
};

class Linearised : public Engine
{
  public:
    explicit Linearised(bool bfloat16)
    {
        manner_.bfloat16 = bfloat16;
    }

    int32_t kind() const override
    {
        return dual_ ? dual_->kind() : COVSAMP_TORCH_LINEARISED;
    }

    std::vector<at::Tensor> products(Network &network, const Point &point,
                                     const std::vector<at::Tensor> &tangents,
                                     at::Tensor *mean) override
    {
        if (!dual_ && !understand(network, point))
            dual_ = make_dual();
        if (dual_)
            return dual_->products(network, point, tangents, mean);
        if (mean != nullptr)
            *mean = kept_->mean.clone();
        std::vector<at::Tensor> products;
        for (const at::Tensor &tangent : tangents)
            products.push_back(product(network, tangent));
        return products;
    }

    void report(Report &report) const override
    {
        report.reason = reason_;
        report.by_rule = tally_.by_rule;
        report.by_duals = tally_.by_duals;
        report.linearisations = linearisations_;
        if (!kept_)
            return;
        report.steps = static_cast<int64_t>(kept_->tape.steps());
        report.kept_bytes = kept_->tape.kept_bytes(weights_.all());
        report.peak_bytes = report.kept_bytes + peak_bytes_;
    }

  private:
    // Whether the module is linearised at the point, now if it was not before.
    bool understand(Network &network, const Point &point)
    {
        if (kept_ && same_point(kept_->point, point))
            return true;
        release();
        try {
            linearise(network, point);
            return true;
        } catch (const NotUnderstood &why) {
            reason_ = why.what();
        }
        weights_ = Weights();
        spare_.clear();
        program_.reset();
        tally_ = Tally();
        return false;
    }

    // What is kept is of use to the next linearisation as memory alone.
    void release()
    {
        if (!kept_)
            return;
        std::vector<at::Tensor> tensors = kept_->tape.kept();
        kept_.reset();
        spare_.give(std::move(tensors));
    }

    void linearise(Network &network, const Point &point)
    {
        if (!program_) {
            program_.emplace(network.module());
            manner_.channels_last = network.target().device.is_cpu() && !program_->layout_matters();
        }
        try {
            record(network, point);
        } catch (const c10::Error &) { // an operator that minds how its tensors lie, perhaps
            if (!manner_.channels_last)
                throw;
            manner_.channels_last = false;
            weights_ = Weights();
            record(network, point);
        }
    }

    void record(Network &network, const Point &point)
    {
        Recording recording{manner_, weights_, spare_, {}, {}};
        Recorder recorder(*program_, recording);
        at::Tensor x = point.x; // nothing writes to it: that would not have been understood
        if (manner_.channels_last && x.dim() == 4)
            x = x.contiguous(at::MemoryFormat::ChannelsLast);
        std::vector<c10::IValue> inputs = network.inputs(x, point);
        inputs.insert(inputs.begin(), network.module()._ivalue());
        at::Tensor output = first_tensor(recorder.run(std::move(inputs)));
        at::Tensor mean = network.prediction(output, point.x);
        Slot slot = recording.activity.find(output);
        if (slot < 0)
            throw Failure(COVSAMP_TORCH_E_NO_TANGENT,
                          "the module's output has no tangent: it does not depend on x");
        recording.tape.finish(slot);
        spare_.clear(); // of another shape
        tally_ = recorder.tally();
        linearisations_++;
        peak_bytes_ = 0;
        kept_.emplace(Linearisation{point, mean.contiguous(), std::move(recording.tape)});
    }

    at::Tensor product(Network &network, const at::Tensor &tangent)
    {
        at::Tensor t = tangent;
        if (manner_.channels_last && t.dim() == 4)
            t = t.contiguous(at::MemoryFormat::ChannelsLast);
        if (manner_.bfloat16)
            t = t.to(at::kBFloat16);
        at::Tensor product = network.prediction(
            kept_->tape.push(t, kept_->measured ? nullptr : &peak_bytes_), tangent);
        kept_->measured = true;
        return product.to(tangent.scalar_type()).contiguous();
    }

    Manner manner_;
    std::optional<Program> program_;
    Weights weights_;
    Spare spare_;
    std::optional<Linearisation> kept_;
    Tally tally_;
    int64_t linearisations_ = 0, peak_bytes_ = 0;
    std::unique_ptr<Engine> dual_; // for modules that were not understood
    std::string reason_;           // why
};

} // namespace

std::unique_ptr<Engine> make_linearised(bool bfloat16)
{
    return std::make_unique<Linearised>(bfloat16);
}

} // namespace covsamp_shim
