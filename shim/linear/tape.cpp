// SPDX-License-Identifier: BSD-3-Clause
#include "tape.hpp"

#include "failure.hpp"
#include "not_understood.hpp"
#include "steps.hpp"

#include <algorithm>
#include <unordered_set>

namespace covsamp_shim
{

static const void *storage_of(const at::Tensor &tensor)
{
    return tensor.storage().unsafeGetStorageImpl();
}

bool reusable(const at::Tensor &tensor)
{
    return tensor.use_count() == 1 && tensor.storage().use_count() == 1 &&
           tensor.is_non_overlapping_and_dense();
}

Slot Tape::emit(std::unique_ptr<Step> step, std::vector<Slot> inputs, int outputs)
{
    Slot first = slots_;
    slots_ += outputs;
    for (const at::Tensor &tensor : step->kept())
        if (tensor.defined())
            kept_.insert(storage_of(tensor));
    entries_.push_back({std::move(step), std::move(inputs), first, outputs, {}, {}});
    return first;
}

void Tape::finish(Slot output)
{
    output_ = output;
    drop_unneeded();
    join_scalings();
    find_last_readers();
    kept_.clear();
}

void Tape::drop_unneeded()
{
    std::vector<bool> needed(static_cast<size_t>(slots_), false);
    needed[static_cast<size_t>(output_)] = true;
    std::vector<Entry> kept;
    for (size_t i = entries_.size(); i-- > 0;) {
        Entry &entry = entries_[i];
        bool any = false;
        for (int k = 0; k < entry.outputs; k++)
            any = any || needed[static_cast<size_t>(entry.first + k)];
        if (!any)
            continue;
        for (Slot slot : entry.inputs)
            needed[static_cast<size_t>(slot)] = true;
        kept.push_back(std::move(entry));
    }
    std::reverse(kept.begin(), kept.end());
    entries_ = std::move(kept);
}

void Tape::join_scalings()
{
    std::vector<int> readers(static_cast<size_t>(slots_), 0);
    std::vector<Entry *> maker(static_cast<size_t>(slots_), nullptr);
    readers[static_cast<size_t>(output_)]++;
    for (const Entry &entry : entries_)
        for (Slot slot : entry.inputs)
            readers[static_cast<size_t>(slot)]++;
    for (Entry &entry : entries_) {
        maker[static_cast<size_t>(entry.first)] = entry.outputs == 1 ? &entry : nullptr;
        Scale *scale = entry.step->scale();
        if (scale == nullptr)
            continue;
        auto input = static_cast<size_t>(entry.inputs[0]);
        Entry *before = maker[input];
        if (before == nullptr || readers[input] != 1 || !before->step->absorb(*scale))
            continue;
        before->first = entry.first; // its output is now the scaled one
        maker[static_cast<size_t>(entry.first)] = before;
        entry.step = nullptr;
    }
    entries_.erase(std::remove_if(entries_.begin(), entries_.end(),
                                  [](const Entry &entry) { return entry.step == nullptr; }),
                   entries_.end());
}

void Tape::find_last_readers()
{
    std::vector<bool> read(static_cast<size_t>(slots_), false);
    read[static_cast<size_t>(output_)] = true;
    for (size_t i = entries_.size(); i-- > 0;) {
        Entry &entry = entries_[i];
        for (int k = 0; k < entry.outputs; k++)
            if (!read[static_cast<size_t>(entry.first + k)])
                entry.dead.push_back(entry.first + k);
        entry.last.assign(entry.inputs.size(), false);
        for (size_t k = entry.inputs.size(); k-- > 0;) {
            auto slot = static_cast<size_t>(entry.inputs[k]);
            entry.last[k] = !read[slot];
            read[slot] = true;
        }
    }
}

static int64_t bytes_of(const std::vector<at::Tensor> &tensors,
                        std::unordered_set<const void *> seen = {})
{
    int64_t bytes = 0;
    for (const at::Tensor &tensor : tensors)
        if (tensor.defined() && seen.insert(storage_of(tensor)).second)
            bytes += static_cast<int64_t>(tensor.storage().nbytes());
    return bytes;
}

static void check_defined(const at::Tensor &tangent)
{
    if (!tangent.defined())
        throw Failure(COVSAMP_TORCH_E_NO_TANGENT,
                      "an operator without a rule lost the tangent: the module's products would be "
                      "wrong");
}

void Tape::expect(Slot slot, at::IntArrayRef sizes)
{
    sizes_[slot] = sizes.vec();
}

void Tape::check_sizes(const Entry &entry, const std::vector<at::Tensor> &slots) const
{
    for (int k = 0; k < entry.outputs; k++) {
        const at::Tensor &tangent = slots[static_cast<size_t>(entry.first + k)];
        auto expected = sizes_.find(entry.first + k);
        if (tangent.defined() && expected != sizes_.end() &&
            tangent.sizes() != at::IntArrayRef(expected->second))
            throw NotUnderstood("a tangent came out of shape " + shape_text(tangent.sizes()) +
                                " for values of shape " + shape_text(expected->second));
    }
}

at::Tensor Tape::push(const at::Tensor &tangent, int64_t *peak) const
{
    std::vector<at::Tensor> slots(static_cast<size_t>(slots_));
    slots[0] = tangent;
    for (const Entry &entry : entries_) {
        Tangents inputs;
        inputs.reserve(entry.inputs.size());
        for (size_t k = 0; k < entry.inputs.size(); k++) {
            at::Tensor &slot = slots[static_cast<size_t>(entry.inputs[k])];
            check_defined(slot);
            inputs.push_back(entry.last[k] ? std::move(slot) : slot);
        }
        Tangents outputs = entry.step->push(std::move(inputs));
        for (int k = 0; k < entry.outputs; k++)
            slots[static_cast<size_t>(entry.first + k)] =
                std::move(outputs[static_cast<size_t>(k)]);
        for (Slot slot : entry.dead)
            slots[static_cast<size_t>(slot)] = at::Tensor();
        if (peak != nullptr) {
            *peak = std::max(*peak, bytes_of(slots));
            check_sizes(entry, slots);
        }
    }
    check_defined(slots[static_cast<size_t>(output_)]);
    return slots[static_cast<size_t>(output_)];
}

bool Tape::keeps(const at::Tensor &tensor) const
{
    return tensor.defined() && kept_.count(storage_of(tensor)) != 0;
}

Step *Tape::maker(Slot slot) const
{
    for (size_t i = entries_.size(); i-- > 0;)
        if (entries_[i].first == slot && entries_[i].outputs == 1)
            return entries_[i].step.get();
    return nullptr;
}

std::vector<at::Tensor> Tape::kept() const
{
    std::vector<at::Tensor> all;
    for (const Entry &entry : entries_)
        for (at::Tensor &tensor : entry.step->kept())
            all.push_back(std::move(tensor));
    return all;
}

int64_t Tape::kept_bytes(const std::vector<at::Tensor> &weights) const
{
    std::unordered_set<const void *> seen;
    for (const at::Tensor &weight : weights)
        if (weight.defined())
            seen.insert(storage_of(weight));
    return bytes_of(kept(), std::move(seen));
}

} // namespace covsamp_shim
