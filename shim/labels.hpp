// SPDX-License-Identifier: BSD-3-Clause
// Class labels, a set for every branch; they follow the number of a sample, not its place in a
// batch.
#ifndef COVSAMP_SHIM_LABELS_HPP
#define COVSAMP_SHIM_LABELS_HPP

#include <torch/script.h>

#include <array>
#include <optional>
#include <vector>

namespace covsamp_shim
{

class Labels
{
  public:
    static constexpr int32_t branches = 8;

    Labels() = default;
    // classes: how many there are, and the label that means "no class"; nothing if the file does
    // not say.
    explicit Labels(std::optional<int64_t> classes) : classes_(classes)
    {
    }
    // Throws Failure where a label is out of range; the old set stays then.
    void set(int32_t branch, const int64_t *labels, int64_t count);
    // For samples first_sample, ..., an int64 tensor; undefined if there are none for this branch.
    at::Tensor tensor(int32_t branch, int64_t first_sample, int64_t batch) const;

  private:
    std::optional<int64_t> classes_;
    std::array<std::vector<int64_t>, branches> sets_;
};

} // namespace covsamp_shim

#endif
