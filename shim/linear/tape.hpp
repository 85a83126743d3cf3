// SPDX-License-Identifier: BSD-3-Clause
// The linear program that is left of a module at one point: steps that take tangents to tangents.
#ifndef COVSAMP_SHIM_LINEAR_TAPE_HPP
#define COVSAMP_SHIM_LINEAR_TAPE_HPP

#include <torch/script.h>

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace covsamp_shim
{

// Tangents have numbers: 0 is the input's.
using Slot = int;

using Tangents = std::vector<at::Tensor>;

class Scale;

// One linear map.  What it needs of the primal it keeps itself.
class Step
{
  public:
    virtual ~Step() = default;
    // Tangents that nobody reads later are passed as the only reference to their memory, so that
    // the step may overwrite them (see reusable()).
    virtual Tangents push(Tangents inputs) = 0;
    // Takes over the scaling that follows, if it can: one pass over memory less for each product.
    virtual bool absorb(Scale &)
    {
        return false;
    }
    // The tensors it keeps.
    virtual std::vector<at::Tensor> kept() const
    {
        return {};
    }
    // Not NULL if this is a scaling.
    virtual Scale *scale()
    {
        return nullptr;
    }
};

// Whether nobody else sees this tensor's memory.
bool reusable(const at::Tensor &tensor);

class Tape
{
  public:
    Slot input() const
    {
        return 0;
    }
    // Appends a step and returns the number of its first output; the others follow.
    Slot emit(std::unique_ptr<Step> step, std::vector<Slot> inputs, int outputs = 1);
    // The shape of the values that this is the tangent of; the first product is held against it.
    void expect(Slot slot, at::IntArrayRef sizes);
    // To be called once, after the last step: drops what `output` does not need, joins scalings to
    // what comes before them, finds out when tangents die.
    void finish(Slot output);
    // peak: NULL, or receives the most memory that tangents took at a time.
    at::Tensor push(const at::Tensor &tangent, int64_t *peak = nullptr) const;
    // Whether a step keeps this tensor's memory; before finish().
    bool keeps(const at::Tensor &tensor) const;

    // The step that made a tangent by itself; NULL if there is none.
    Step *maker(Slot slot) const;
    // What the steps keep.
    std::vector<at::Tensor> kept() const;

    size_t steps() const
    {
        return entries_.size();
    }
    // Memory held for the products to come, weights not counted: `weights` holds their storages.
    int64_t kept_bytes(const std::vector<at::Tensor> &weights) const;

  private:
    struct Entry {
        std::unique_ptr<Step> step;
        std::vector<Slot> inputs;
        Slot first; // output
        int outputs;
        std::vector<bool> last; // for each input: nobody reads it later
        std::vector<Slot> dead; // outputs that nobody reads
    };
    void drop_unneeded();
    void join_scalings();
    void find_last_readers();
    void check_sizes(const Entry &entry, const std::vector<at::Tensor> &slots) const;

    std::vector<Entry> entries_;
    std::unordered_set<const void *> kept_; // storages
    std::unordered_map<Slot, std::vector<int64_t>> sizes_;
    Slot slots_ = 1, output_ = -1;
};

} // namespace covsamp_shim

#endif
