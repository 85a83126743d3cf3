// SPDX-License-Identifier: BSD-3-Clause
#include "spare.hpp"

#include "tape.hpp"

#include <algorithm>

namespace covsamp_shim
{

void Spare::give(std::vector<at::Tensor> tensors)
{
    for (at::Tensor &tensor : tensors)
        if (tensor.defined() && reusable(tensor))
            tensors_.push_back(std::move(tensor));
}

at::Tensor Spare::like(const at::Tensor &tensor)
{
    auto fits = [&tensor](const at::Tensor &spare) {
        return spare.sizes() == tensor.sizes() && spare.strides() == tensor.strides() &&
               spare.scalar_type() == tensor.scalar_type() && spare.device() == tensor.device();
    };
    auto found = std::find_if(tensors_.begin(), tensors_.end(), fits);
    if (found == tensors_.end())
        return at::empty_like(tensor);
    at::Tensor result = std::move(*found);
    tensors_.erase(found);
    return result;
}

} // namespace covsamp_shim
