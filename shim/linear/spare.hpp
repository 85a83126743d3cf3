// SPDX-License-Identifier: BSD-3-Clause
// Memory of the last linearisation, for the next one: fresh memory would cost a tenth of a forward
// pass in page faults.
#ifndef COVSAMP_SHIM_LINEAR_SPARE_HPP
#define COVSAMP_SHIM_LINEAR_SPARE_HPP

#include <torch/script.h>

#include <vector>

namespace covsamp_shim
{

class Spare
{
  public:
    // Those that are still in use elsewhere are left out.
    void give(std::vector<at::Tensor> tensors);
    // A tensor of the same type, shape and layout, its values undefined.
    at::Tensor like(const at::Tensor &tensor);
    void clear()
    {
        tensors_.clear();
    }

  private:
    std::vector<at::Tensor> tensors_;
};

} // namespace covsamp_shim

#endif
