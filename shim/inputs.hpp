// SPDX-License-Identifier: BSD-3-Clause
// What a module is given besides x and t: class labels and further tensors, a set for every branch;
// their rows follow the number of a sample, not its place in a batch.
#ifndef COVSAMP_SHIM_INPUTS_HPP
#define COVSAMP_SHIM_INPUTS_HPP

#include <torch/script.h>

#include <array>
#include <map>
#include <optional>
#include <vector>

namespace covsamp_shim
{

// Row (k mod the number of rows) of a tensor for each of the samples k = first_sample, ...
at::Tensor rows_of(const at::Tensor &rows, int64_t first_sample, int64_t batch);

class Inputs
{
  public:
    static constexpr int32_t branches = 8;

    Inputs() = default;
    // classes: how many there are, and the label that means "no class"; nothing if the file does
    // not say, or input 0 is no label.
    explicit Inputs(std::optional<int64_t> classes) : classes_(classes)
    {
    }
    // rows: [count, ...dims], int64 or floating point; undefined: none.  Throws Failure where
    // input 0 must be labels and is none, or a label is out of range; the old ones stay then.
    void set(int32_t branch, int32_t index, at::Tensor rows);
    // For samples first_sample, ...; undefined if there are none for this branch.
    at::Tensor tensor(int32_t branch, int32_t index, int64_t first_sample, int64_t batch) const;

  private:
    void check_labels(const at::Tensor &rows) const;

    std::optional<int64_t> classes_;
    std::array<std::map<int32_t, at::Tensor>, branches> sets_;
};

} // namespace covsamp_shim

#endif
