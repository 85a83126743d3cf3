// SPDX-License-Identifier: BSD-3-Clause
// Decoders, and any other module that takes one tensor to another: what stands behind a handle, and
// its C doors.
#include "door.hpp"
#include "plain_module.hpp"
#include "request.hpp"
#include "scope.hpp"
#include "tensor.hpp"

#include <covsamp/torch.h>

using covsamp_shim::door;
using covsamp_shim::Failure;
using covsamp_shim::need;

struct covsamp_torch_decoder {
    covsamp_torch_decoder(const covsamp_shim::Source &source, const covsamp_torch_options *options);
    void run(int32_t dtype, const void *z, int64_t stride, int64_t samples, void *out,
             int64_t out_stride);

    covsamp_shim::PlainModule module;
    std::vector<int64_t> shape; // of one sample that comes out
    char message[COVSAMP_MESSAGE_BYTES] = "";
};

namespace covsamp_shim
{

namespace
{

void check_decoded(const at::Tensor &output, int64_t samples)
{
    const bool fits = output.defined() && output.dim() >= 2 && output.size(0) == samples &&
                      output.numel() > 0 && at::isFloatingType(output.scalar_type());
    if (!fits)
        throw Failure(COVSAMP_TORCH_E_SHAPE,
                      "the module's output is of shape %s and type %s for %lld samples, must be "
                      "floating point and of shape [n, ...]",
                      output.defined() ? shape_text(output.sizes()).c_str() : "(undefined)",
                      output.defined() ? c10::toString(output.scalar_type()) : "(undefined)",
                      static_cast<long long>(samples));
}

} // namespace

} // namespace covsamp_shim

covsamp_torch_decoder::covsamp_torch_decoder(const covsamp_shim::Source &source,
                                             const covsamp_torch_options *options)
    : module(source, options, 1, "forward(z) of a tensor")
{
    covsamp_shim::check_decoded(module.first_output(), 1);
    shape = module.first_output()[0].sizes().vec();
}

void covsamp_torch_decoder::run(int32_t dtype, const void *z, int64_t stride, int64_t samples,
                                void *out, int64_t out_stride)
{
    const covsamp_shim::Target &target = module.target();
    covsamp_shim::check_dtype(dtype);
    covsamp_shim::check_array("z", z, "stride", stride, samples,
                              covsamp_shim::values_in(target.shape));
    covsamp_shim::check_array("out", out, "out_stride", out_stride, samples,
                              covsamp_shim::values_in(shape));
    covsamp_shim::Scope scope;
    at::Tensor output = module.run(
        covsamp_shim::read_tensor(z, {dtype, samples, stride, target.shape}, target.options()));
    covsamp_shim::check_decoded(output, samples);
    if (output[0].sizes() != shape)
        throw Failure(COVSAMP_TORCH_E_SHAPE,
                      "the module's output is of shape %s for %lld samples, must be samples of "
                      "shape %s, as when it was loaded",
                      covsamp_shim::shape_text(output.sizes()).c_str(),
                      static_cast<long long>(samples), covsamp_shim::shape_text(shape).c_str());
    covsamp_shim::write_tensor(output, out, {dtype, samples, out_stride, shape});
}

static char *message_of(covsamp_torch_decoder *decoder) noexcept
{
    return decoder == nullptr ? nullptr : decoder->message;
}

int32_t covsamp_torch_decoder_load(covsamp_torch_decoder **out, const char *path,
                                   const covsamp_torch_options *options, char *message)
{
    return door(message, __func__, [&] {
        need(out, "out");
        *out = nullptr;
        *out = new covsamp_torch_decoder(covsamp_shim::from_path(path), options);
    });
}

int32_t covsamp_torch_decoder_load_memory(covsamp_torch_decoder **out, const void *data,
                                          size_t bytes, const covsamp_torch_options *options,
                                          char *message)
{
    return door(message, __func__, [&] {
        need(out, "out");
        *out = nullptr;
        *out = new covsamp_torch_decoder(covsamp_shim::from_memory(data, bytes), options);
    });
}

void covsamp_torch_decoder_free(covsamp_torch_decoder *decoder)
{
    door(nullptr, __func__, [&] { delete decoder; });
}

int32_t covsamp_torch_decoder_shape(const covsamp_torch_decoder *decoder, int64_t *dims,
                                    int32_t capacity)
{
    return decoder == nullptr ? 0 : covsamp_shim::write_shape(decoder->shape, dims, capacity);
}

int32_t covsamp_torch_decoder_input_shape(const covsamp_torch_decoder *decoder, int64_t *dims,
                                          int32_t capacity)
{
    return decoder == nullptr
               ? 0
               : covsamp_shim::write_shape(decoder->module.target().shape, dims, capacity);
}

int32_t covsamp_torch_decoder_run(covsamp_torch_decoder *decoder, int32_t dtype, const void *z,
                                  int64_t stride, int64_t samples, void *out, int64_t out_stride)
{
    return door(message_of(decoder), __func__, [&] {
        need(decoder, "decoder");
        decoder->run(dtype, z, stride, samples, out, out_stride);
    });
}

const char *covsamp_torch_decoder_metadata(const covsamp_torch_decoder *decoder, const char *key)
{
    return decoder == nullptr ? nullptr
                              : covsamp_shim::find_metadata(decoder->module.metadata(), key);
}

const char *covsamp_torch_decoder_message(const covsamp_torch_decoder *decoder)
{
    return decoder == nullptr ? "" : decoder->message;
}
