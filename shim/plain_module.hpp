// SPDX-License-Identifier: BSD-3-Clause
// A module that is run and nothing else: what classifiers and decoders share.
#ifndef COVSAMP_SHIM_PLAIN_MODULE_HPP
#define COVSAMP_SHIM_PLAIN_MODULE_HPP

#include "module_file.hpp"
#include "signature.hpp"

namespace covsamp_shim
{

class PlainModule
{
  public:
    // Loads and prepares it as networks are, and runs it on zeros.  form: what its forward must be,
    // or the method that the options name in its place;
    // tensors: how many of them that has.  Those behind the first may be missing.  Throws Failure.
    PlainModule(const Source &source, const covsamp_torch_options *options, size_t tensors,
                const char *form);

    // The output, of a tuple the first element, for x [n, ...shape] and the second argument, which
    // is not given where forward takes none.  The module may write to both.
    at::Tensor run(const at::Tensor &x, const at::Tensor &second = {});

    const Target &target() const
    {
        return target_;
    }
    const Metadata &metadata() const
    {
        return metadata_;
    }
    // What it made of one sample of zeros.
    const at::Tensor &first_output() const
    {
        return first_output_;
    }

  private:
    PlainModule(const Source &source, const Options &options, size_t tensors, const char *form);

    Metadata metadata_;
    Target target_;
    std::string method_; // that is run
    torch::jit::Module module_;
    Signature signature_;
    size_t given_; // tensors that forward is given
    at::Tensor first_output_;
};

} // namespace covsamp_shim

#endif
