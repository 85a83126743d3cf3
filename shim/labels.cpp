// SPDX-License-Identifier: BSD-3-Clause
#include "labels.hpp"

#include "failure.hpp"

namespace covsamp_shim
{

void Labels::set(int32_t branch, const int64_t *labels, int64_t count)
{
    for (int64_t i = 0; classes_ && i < count; i++)
        if (labels[i] < 0 || labels[i] > *classes_)
            throw Failure(COVSAMP_TORCH_E_LABELS,
                          "labels[%lld] is %lld, must be in [0, %lld] (the last is \"no class\")",
                          static_cast<long long>(i), static_cast<long long>(labels[i]),
                          static_cast<long long>(*classes_));
    std::vector<int64_t> set;
    if (count > 0)
        set.assign(labels, labels + count);
    sets_[static_cast<size_t>(branch)].swap(set);
}

at::Tensor Labels::tensor(int32_t branch, int64_t first_sample, int64_t batch) const
{
    const std::vector<int64_t> &set = sets_[static_cast<size_t>(branch)];
    if (set.empty() && !classes_)
        return {};
    at::Tensor labels = at::empty({batch}, at::TensorOptions(at::kLong));
    int64_t *values = labels.data_ptr<int64_t>();
    for (int64_t b = 0; b < batch; b++) {
        uint64_t sample = static_cast<uint64_t>(first_sample) + static_cast<uint64_t>(b);
        values[b] = set.empty() ? *classes_ : set[sample % set.size()];
    }
    return labels;
}

} // namespace covsamp_shim
