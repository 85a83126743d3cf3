// SPDX-License-Identifier: BSD-3-Clause
// While it lives, libtorch computes scaled dot product attention by its plain formula: the fused
// kernels of libtorch 2 have neither a forward nor a second derivative.
#ifndef COVSAMP_SHIM_ATTENTION_HPP
#define COVSAMP_SHIM_ATTENTION_HPP

namespace covsamp_shim
{

class MathAttention
{
  public:
    MathAttention();
    ~MathAttention();
    MathAttention(const MathAttention &) = delete;
    MathAttention &operator=(const MathAttention &) = delete;
};

} // namespace covsamp_shim

#endif
