// SPDX-License-Identifier: BSD-3-Clause
#include "classifier.hpp"

#include "failure.hpp"
#include "inputs.hpp"
#include "request.hpp"
#include "scope.hpp"
#include "tensor.hpp"
#include "vectors.hpp"

#include <torch/csrc/autograd/autograd.h>

#include <cmath>

using covsamp_shim::Failure;

namespace covsamp_shim
{

namespace
{

// Logits are [n, classes]; classes 0: any number of them.
void check_logits(const at::Tensor &logits, int64_t samples, int64_t classes)
{
    const bool fits = logits.defined() && logits.dim() == 2 && logits.size(0) == samples &&
                      logits.size(1) >= 1 && (classes == 0 || logits.size(1) == classes) &&
                      at::isFloatingType(logits.scalar_type());
    if (!fits)
        throw Failure(COVSAMP_TORCH_E_SHAPE,
                      "the classifier's output is of shape %s and type %s for %lld samples, must "
                      "be floating-point logits of shape [n, classes]%s",
                      logits.defined() ? shape_text(logits.sizes()).c_str() : "(undefined)",
                      logits.defined() ? c10::toString(logits.scalar_type()) : "(undefined)",
                      static_cast<long long>(samples),
                      classes == 0 ? ""
                                   : (" with " + std::to_string(classes) + " classes").c_str());
}

Failure no_dependence()
{
    return Failure(COVSAMP_TORCH_E_NO_TANGENT,
                   "the classifier's logits have no derivative: they do not depend on x, or "
                   "something in the module (detach, .data, no_grad) cut it off");
}

void check_finite(const at::Tensor &gradient, const covsamp_request &request)
{
    const at::Tensor fine = gradient.isfinite().flatten(1).all(1).to(at::kCPU);
    for (int64_t b = 0; b < request.batch; b++)
        if (!fine[b].item<bool>())
            throw Failure(COVSAMP_E_NONFINITE,
                          "the classifier's gradient holds a NaN or infinity for sample %lld of "
                          "the batch, number %lld, at time %g",
                          static_cast<long long>(b),
                          static_cast<long long>(request.first_sample + b), request.time);
}

} // namespace

} // namespace covsamp_shim

covsamp_torch_classifier::covsamp_torch_classifier(const covsamp_shim::Source &source,
                                                   const covsamp_torch_options *options)
    : module(source, options, 2, "forward(x, t) or forward(x) of tensors")
{
    covsamp_shim::check_logits(module.first_output(), 1, module.metadata().classes().value_or(0));
    classes = module.first_output().size(1);
}

void covsamp_torch_classifier::set_labels(const int64_t *labels, int64_t count)
{
    if (count < 0)
        throw Failure(COVSAMP_E_RANGE, "count is %lld, must be >= 0",
                      static_cast<long long>(count));
    if (count > 0 && labels == nullptr)
        throw Failure(COVSAMP_E_NULL, "labels is NULL with count = %lld",
                      static_cast<long long>(count));
    for (int64_t i = 0; i < count; i++)
        if (labels[i] < 0 || labels[i] >= classes)
            throw Failure(COVSAMP_TORCH_E_LABELS, "labels[%lld] is %lld, must be in [0, %lld]",
                          static_cast<long long>(i), static_cast<long long>(labels[i]),
                          static_cast<long long>(classes - 1));
    covsamp_shim::Scope scope;
    labels_ = count == 0 ? at::Tensor()
                         : at::from_blob(const_cast<int64_t *>(labels), {count},
                                         at::TensorOptions(at::kLong))
                               .clone(); // from_blob has no const form; the view is only read
}

at::Tensor covsamp_torch_classifier::logits(const at::Tensor &x, const at::Tensor &time)
{
    at::Tensor logits = module.run(x, time);
    covsamp_shim::check_logits(logits, x.size(0), classes);
    return logits;
}

at::Tensor covsamp_torch_classifier::gradient(const at::Tensor &x, const at::Tensor &time,
                                              const at::Tensor &labels)
{
    at::AutoGradMode gradients(true); // on, for once; the optimiser stays off
    at::Tensor leaf = x.detach().set_requires_grad(true);
    // The module gets a copy: libtorch forbids writing to x itself.
    at::Tensor output = logits(leaf.clone(), time);
    if (!output.requires_grad())
        throw covsamp_shim::no_dependence();
    // Samples do not depend on each other: the gradient of the sum holds those of all.
    at::Tensor sum = at::log_softmax(output, 1).gather(1, labels.unsqueeze(1)).sum();
    at::Tensor result = torch::autograd::grad({sum}, {leaf}, {at::ones_like(sum)}, /*keep=*/false,
                                              /*differentiable=*/false, /*allow_unused=*/true)[0];
    if (!result.defined())
        throw covsamp_shim::no_dependence();
    return result;
}

void covsamp_torch_classifier::answer(const covsamp_request &request)
{
    const covsamp_shim::Target &target = module.target();
    covsamp_shim::check_guide(request, target.shape);
    if (!labels_.defined())
        throw Failure(COVSAMP_TORCH_E_LABELS,
                      "no labels are set: covsamp_torch_classifier_set_labels() says what the "
                      "gradient is of");
    covsamp_shim::Scope scope;
    covsamp_shim::Layout layout{request.dtype, request.batch, request.stride, target.shape,
                                covsamp_shim::device_of(request)};
    at::Tensor result = gradient(
        covsamp_shim::read_tensor(request.x, layout, target.options()),
        at::full({request.batch}, request.time, target.options()),
        covsamp_shim::rows_of(labels_, request.first_sample, request.batch).to(target.device));
    covsamp_shim::check_finite(result, request);
    covsamp_shim::write_tensor(result, request.gradient, layout);
}

void covsamp_torch_classifier::write_logits(int32_t dtype, const void *x, int64_t stride,
                                            int64_t samples, double time, void *out,
                                            int64_t out_stride)
{
    const covsamp_shim::Target &target = module.target();
    covsamp_shim::check_dtype(dtype);
    covsamp_shim::check_array("x", x, "stride", stride, samples,
                              covsamp_shim::values_in(target.shape));
    covsamp_shim::check_array("out", out, "out_stride", out_stride, samples, classes);
    if (!std::isfinite(time))
        throw Failure(COVSAMP_E_RANGE, "time is not finite");
    covsamp_shim::Scope scope;
    covsamp_shim::Layout from{dtype, samples, stride, target.shape};
    covsamp_shim::Layout to{dtype, samples, out_stride, {classes}};
    covsamp_shim::write_tensor(logits(covsamp_shim::read_tensor(x, from, target.options()),
                                      at::full({samples}, time, target.options())),
                               out, to);
}
