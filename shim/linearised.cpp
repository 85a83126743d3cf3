// SPDX-License-Identifier: BSD-3-Clause
#include "linearised.hpp"

#include "dual.hpp"
#include "failure.hpp"
#include "linear/recorder.hpp"

#include <algorithm>
#include <optional>

namespace covsamp_shim
{

namespace
{

// What one point leaves behind: the tape, and the point itself, to know it again; one for each
// slot.
struct Linearisation {
    Point point;
    at::Tensor mean;
    Tape tape;
    bool measured = false; // whether a product's memory was
};

class Linearised : public Engine
{
  public:
    explicit Linearised(const Linearising &how) : how_(how)
    {
        manner_.bfloat16 = how.bfloat16;
    }

    int32_t kind() const override
    {
        return dual_ ? dual_->kind() : COVSAMP_TORCH_LINEARISED;
    }

    std::vector<at::Tensor> products(Network &network, const Point &point,
                                     const std::vector<at::Tensor> &tangents,
                                     at::Tensor *mean) override
    {
        std::vector<at::Tensor> products;
        const bool done = linearly(
            network, point, [&] { products = linear_products(network, point, tangents, mean); });
        return done ? products : dual_->products(network, point, tangents, mean);
    }

    at::Tensor mean_ahead(Network &network, const Point &point) override
    {
        at::Tensor mean;
        linearly(network, point, [&] {
            if (samples_kept(network, point) >= point.x.size(0))
                mean = visit(network, point).mean.clone();
        });
        return mean;
    }

    void forget() override
    {
        kept_.clear();
    }

    void report(Report &report) const override
    {
        report.reason = reason_;
        report.by_rule = tally_.by_rule;
        report.by_duals = tally_.by_duals;
        report.linearisations = linearisations_;
        report.points = static_cast<int64_t>(kept_.size());
        auto last = kept_.find(last_);
        if (last == kept_.end())
            return;
        report.steps = static_cast<int64_t>(last->second.tape.steps());
        report.kept_bytes = kept_bytes();
        report.peak_bytes = report.kept_bytes + peak_bytes_;
    }

  private:
    // False: the module has to go to dual numbers, and does.
    template <class Work> bool linearly(Network &network, const Point &point, Work work)
    {
        if (dual_)
            return false;
        try {
            work();
            return true;
        } catch (const NotUnderstood &why) {
            give_up(why.what());
        } catch (const c10::Error &error) {
            give_up_on(error, network, point);
        }
        return false;
    }

    // Of the whole batch, or where it would keep too much of one part after the other.
    std::vector<at::Tensor> linear_products(Network &network, const Point &point,
                                            const std::vector<at::Tensor> &tangents,
                                            at::Tensor *mean)
    {
        const int64_t samples = point.x.size(0), part = samples_kept(network, point);
        if (part >= samples)
            return part_products(network, point, tangents, mean);
        std::vector<std::vector<at::Tensor>> products(tangents.size());
        std::vector<at::Tensor> means, whole;
        for (int64_t first = 0; first < samples; first += part) {
            const int64_t count = std::min(part, samples - first);
            std::vector<at::Tensor> own;
            for (const at::Tensor &tangent : tangents)
                own.push_back(tangent.narrow(0, first, count));
            means.emplace_back();
            own = part_products(network, narrowed(point, first, count), own, &means.back());
            for (size_t k = 0; k < own.size(); k++)
                products[k].push_back(own[k]);
        }
        if (mean != nullptr)
            *mean = at::cat(means);
        for (const std::vector<at::Tensor> &parts : products)
            whole.push_back(at::cat(parts));
        return whole;
    }

    std::vector<at::Tensor> part_products(Network &network, const Point &point,
                                          const std::vector<at::Tensor> &tangents, at::Tensor *mean)
    {
        std::vector<at::Tensor> products;
        Linearisation &here = visit(network, point);
        for (const at::Tensor &tangent : tangents)
            products.push_back(product(here, network, tangent));
        if (mean != nullptr)
            *mean = here.mean.clone();
        return products;
    }

    // How many samples may be kept at a time.  What one leaves behind is found out before more of
    // them could take too much.
    int64_t samples_kept(Network &network, const Point &point)
    {
        const int64_t samples = point.x.size(0);
        if (how_.keep_bytes == 0)
            return samples;
        if (sample_bytes_ < 0) {
            const Point one = narrowed(point, 0, 1);
            sample_bytes_ = visit(network, one).tape.kept_bytes(weights_.all());
        }
        return sample_bytes_ == 0
                   ? samples
                   : std::clamp<int64_t>(how_.keep_bytes / sample_bytes_, 1, samples);
    }

    int64_t kept_bytes() const
    {
        const std::vector<at::Tensor> weights = weights_.all();
        int64_t bytes = 0;
        for (const auto &[slot, kept] : kept_)
            bytes += kept.tape.kept_bytes(weights);
        return bytes;
    }

    // Linearises the module at the point, unless it is there already.
    Linearisation &visit(Network &network, const Point &point)
    {
        auto found = kept_.find(point.slot);
        last_ = point.slot;
        if (found != kept_.end() && same_point(found->second.point, point))
            return found->second;
        release(point.slot);
        make_room(point.x.size(0));
        linearise(network, point);
        return kept_.at(point.slot);
    }

    // What other slots keep counts towards the limit, too.
    void make_room(int64_t samples)
    {
        const int64_t more = std::max<int64_t>(sample_bytes_, 0) * samples;
        while (how_.keep_bytes != 0 && !kept_.empty() && kept_bytes() > how_.keep_bytes - more)
            release(kept_.begin()->first);
    }

    // The whole module goes to dual numbers from here on.
    void give_up(const std::string &reason)
    {
        reason_ = reason;
        dual_ = make_dual();
        kept_.clear();
        weights_ = Weights();
        spare_.clear();
        program_.reset();
        tally_ = Tally();
    }

    // ... unless the module itself fails there, or memory ran out.
    void give_up_on(const c10::Error &error, Network &network, const Point &point)
    {
        std::string line = one_line(error);
        if (line.find("memory") != std::string::npos)
            throw;
        network.forward(point.x, point);
        give_up(line);
    }

    // What is kept is of use to the next linearisation as memory alone.
    void release(int32_t slot)
    {
        auto old = kept_.find(slot);
        if (old == kept_.end())
            return;
        std::vector<at::Tensor> tensors = old->second.tape.kept();
        kept_.erase(old);
        spare_.give(std::move(tensors));
    }

    void linearise(Network &network, const Point &point)
    {
        if (!program_) {
            program_.emplace(network.module());
            manner_.writes = program_->writes();
            manner_.channels_last = network.target().device.is_cpu() &&
                                    !program_->layout_matters() && wants_channels_last();
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

    // Measured: with AVX-512 convolutions are 1.3 to 2.2 times faster so, with AVX2 a tenth slower.
    bool wants_channels_last() const
    {
        if (how_.layout != COVSAMP_TORCH_LAYOUT_AUTO)
            return how_.layout == COVSAMP_TORCH_CHANNELS_LAST;
#if defined(__x86_64__) && defined(__GNUC__)
        return __builtin_cpu_supports("avx512f") != 0;
#else
        return false;
#endif
    }

    void record(Network &network, const Point &point)
    {
        Recording recording{manner_, weights_, spare_, {}, {}};
        Recorder recorder(*program_, recording);
        at::Tensor x = point.x; // the recorder never writes to what depends on x
        if (manner_.channels_last && x.dim() == 4)
            x = x.contiguous(at::MemoryFormat::ChannelsLast);
        std::vector<c10::IValue> inputs = network.arguments(x, point);
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
        kept_.insert_or_assign(point.slot,
                               Linearisation{point, mean.contiguous(), std::move(recording.tape)});
    }

    at::Tensor product(Linearisation &here, Network &network, const at::Tensor &tangent)
    {
        at::Tensor t = tangent;
        if (manner_.channels_last && t.dim() == 4)
            t = t.contiguous(at::MemoryFormat::ChannelsLast);
        if (manner_.bfloat16)
            t = t.to(at::kBFloat16);
        at::Tensor product =
            network.prediction(here.tape.push(t, here.measured ? nullptr : &peak_bytes_), tangent);
        here.measured = true;
        return product.to(tangent.scalar_type()).contiguous();
    }

    Manner manner_;
    std::optional<Program> program_;
    Weights weights_;
    Spare spare_;
    std::map<int32_t, Linearisation> kept_; // by slot
    int32_t last_ = 0;                      // the slot of the last request
    Tally tally_;
    int64_t linearisations_ = 0, peak_bytes_ = 0;
    Linearising how_;
    int64_t sample_bytes_ = -1;    // what one sample keeps; -1: not known yet
    std::unique_ptr<Engine> dual_; // for modules that were not understood
    std::string reason_;           // why
};

} // namespace

std::unique_ptr<Engine> make_linearised(const Linearising &how)
{
    return std::make_unique<Linearised>(how);
}

} // namespace covsamp_shim
