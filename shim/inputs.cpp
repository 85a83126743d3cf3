// SPDX-License-Identifier: BSD-3-Clause
#include "inputs.hpp"

#include "failure.hpp"

namespace covsamp_shim
{

at::Tensor rows_of(const at::Tensor &rows, int64_t first_sample, int64_t batch)
{
    at::Tensor numbers = at::empty({batch}, at::TensorOptions(at::kLong));
    int64_t *values = numbers.data_ptr<int64_t>();
    const uint64_t count = static_cast<uint64_t>(rows.size(0));
    for (int64_t b = 0; b < batch; b++) {
        const uint64_t sample = static_cast<uint64_t>(first_sample) + static_cast<uint64_t>(b);
        values[b] = static_cast<int64_t>(sample % count);
    }
    return rows.index_select(0, numbers);
}

void Inputs::check_labels(const at::Tensor &rows) const
{
    if (rows.scalar_type() != at::kLong || rows.dim() != 1)
        throw Failure(COVSAMP_TORCH_E_LABELS,
                      "input 0 is of another type than COVSAMP_TORCH_TYPE_I64 or has dims: the "
                      "file's metadata has \"classes\", and labels are single whole numbers");
    const int64_t *labels = rows.data_ptr<int64_t>();
    for (int64_t i = 0; i < rows.size(0); i++)
        if (labels[i] < 0 || labels[i] > *classes_)
            throw Failure(COVSAMP_TORCH_E_LABELS,
                          "labels[%lld] is %lld, must be in [0, %lld] (the last is \"no class\")",
                          static_cast<long long>(i), static_cast<long long>(labels[i]),
                          static_cast<long long>(*classes_));
}

void Inputs::set(int32_t branch, int32_t index, at::Tensor rows)
{
    auto &set = sets_[static_cast<size_t>(branch)];
    if (rows.defined() && index == 0 && classes_)
        check_labels(rows);
    if (rows.defined())
        set[index] = std::move(rows);
    else
        set.erase(index);
}

at::Tensor Inputs::tensor(int32_t branch, int32_t index, int64_t first_sample, int64_t batch) const
{
    const auto &set = sets_[static_cast<size_t>(branch)];
    auto found = set.find(index);
    if (found != set.end())
        return rows_of(found->second, first_sample, batch);
    if (index == 0 && classes_)
        return at::full({batch}, *classes_, at::TensorOptions(at::kLong));
    return {};
}

} // namespace covsamp_shim
