// SPDX-License-Identifier: BSD-3-Clause
#include "plain_module.hpp"

#include "convert.hpp"
#include "failure.hpp"
#include "freeze.hpp"
#include "scope.hpp"

#include <algorithm>

namespace covsamp_shim
{

PlainModule::PlainModule(const Source &source, const covsamp_torch_options *options, size_t tensors,
                         const char *form)
    : PlainModule(source, read_options(options), tensors, form)
{
}

PlainModule::PlainModule(const Source &source, const Options &options, size_t tensors,
                         const char *form)
    : target_(options.target), method_(options.method), module_(read_file(source, metadata_)),
      signature_(module_, method_), given_(std::min(tensors, signature_.tensors()))
{
    if (!signature_.needs(0) || !signature_.rest_is_optional(given_))
        throw Failure(COVSAMP_TORCH_E_FORMAT, "%.64s takes %d arguments, must be %s",
                      method_.c_str(), static_cast<int>(signature_.count()), form);
    settle_shape(target_, metadata_);
    Scope scope;
    torch::jit::Module original = module_;
    original.eval();
    convert_module(original, target_.device, target_.dtype);
    std::vector<int64_t> sizes{1};
    sizes.insert(sizes.end(), target_.shape.begin(), target_.shape.end());
    freeze_if_possible(
        original, module_, sizes,
        [&] {
            first_output_ =
                run(at::zeros(sizes, target_.options()), at::zeros({1}, target_.options())).clone();
        },
        method_);
}

at::Tensor PlainModule::run(const at::Tensor &x, const at::Tensor &second)
{
    std::vector<at::Tensor> given{x};
    if (given_ > 1)
        given.push_back(second);
    return first_tensor(module_.get_method(method_)(signature_.values(given)));
}

} // namespace covsamp_shim
