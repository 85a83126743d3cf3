// SPDX-License-Identifier: BSD-3-Clause
// Counts the floating-point operations of convolutions and matrix products by watching every
// operator that libtorch dispatches to: what an engine really does, not what it should.
#ifndef COVSAMP_BENCH_FLOPS_HPP
#define COVSAMP_BENCH_FLOPS_HPP

#include <ATen/record_function.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>

namespace bench
{

inline std::atomic<double> &counted()
{
    static std::atomic<double> count{0};
    return count;
}

inline double values(const c10::IValue &value)
{
    return value.isTensor() && value.toTensor().defined()
               ? static_cast<double>(value.toTensor().numel())
               : 0;
}

// Positions of a convolution's output: its arguments stand at these places of the call.
inline double outputs(c10::ArrayRef<const c10::IValue> in, size_t stride, size_t padding,
                      size_t dilation)
{
    const at::Tensor x = in[0].toTensor(), w = in[1].toTensor();
    const auto at = [&](size_t argument, size_t axis, int64_t otherwise) {
        if (argument == 0)
            return otherwise;
        const auto list = in[argument].toIntVector();
        return list[std::min(axis, list.size() - 1)];
    };
    double count = static_cast<double>(x.size(0));
    for (int64_t d = 2; d < x.dim(); d++) {
        const auto axis = static_cast<size_t>(d - 2);
        const int64_t reach = at(dilation, axis, 1) * (w.size(d) - 1) + 1;
        count *= static_cast<double>(
            (x.size(d) + 2 * at(padding, axis, 0) - reach) / at(stride, axis, 1) + 1);
    }
    return count;
}

// Two for each multiplication.  Only the operators that compute: those that call others would count
// twice.  Arguments can be read when a call starts and at no other time.
inline double flops_of(const at::RecordFunction &call)
{
    const char *name = call.name();
    const auto in = call.inputs();
    const auto is = [name](const char *other) { return std::strcmp(name, other) == 0; };
    const auto last = [&](size_t i) { return static_cast<double>(in[i].toTensor().size(-1)); };
    if (is("aten::mm") || is("aten::bmm"))
        return 2 * values(in[0]) * last(1);
    if (is("aten::addmm") || is("aten::baddbmm"))
        return 2 * values(in[1]) * last(2);
    if (is("aten::mkldnn_convolution"))
        return 2 * values(in[1]) * outputs(in, 4, 3, 5);
    if (is("aten::_slow_conv2d_forward") || is("aten::slow_conv3d_forward"))
        return 2 * values(in[1]) * outputs(in, 4, 5, 0);
    if (is("aten::_conv_depthwise2d") || is("aten::slow_conv_dilated2d") ||
        is("aten::slow_conv_dilated3d"))
        return 2 * values(in[1]) * outputs(in, 4, 5, 6);
    if (is("aten::slow_conv_transpose2d") || is("aten::slow_conv_transpose3d"))
        return 2 * values(in[0]) * values(in[1]) / in[1].toTensor().size(0);
    if (is("aten::convolution_backward")) { // for the input, for the weights
        const auto wanted = in[10].toBoolList();
        const double taps = values(in[2]) / in[2].toTensor().size(0);
        return 2 * values(in[0]) * taps * (int(wanted[0]) + int(wanted[1]));
    }
    return 0;
}

// Of a piece of work; one at a time.
template <class Body> double flops_in(Body body)
{
    counted() = 0;
    at::RecordFunctionCallback callback([](const at::RecordFunction &call) {
        double flops = flops_of(call), old = counted();
        while (!counted().compare_exchange_weak(old, old + flops)) {
        }
        return std::unique_ptr<at::ObserverContext>();
    });
    callback.needsInputs(true).scopes({at::RecordScope::FUNCTION});
    const at::CallbackHandle handle = at::addGlobalCallback(callback);
    body();
    at::removeCallback(handle);
    return counted();
}

} // namespace bench

#endif
