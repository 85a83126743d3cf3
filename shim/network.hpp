// SPDX-License-Identifier: BSD-3-Clause
// A module that is ready to run: how it is called, and what comes out.
#ifndef COVSAMP_SHIM_NETWORK_HPP
#define COVSAMP_SHIM_NETWORK_HPP

#include <torch/script.h>

#include <vector>

namespace covsamp_shim
{

// Where the network is asked: x [n, ...shape] and time [n] of the network's type and device, labels
// [n] int64 or undefined.
struct Point {
    at::Tensor x, time, labels;
};

// Whether two points are one, by their values.  A point without x is none.
bool same_point(const Point &kept, const Point &point);

enum class Takes { nothing, optional_labels, labels };

struct Target {
    c10::Device device = c10::Device(c10::kCPU);
    at::ScalarType dtype = at::kFloat;
    std::vector<int64_t> shape; // of one sample

    at::TensorOptions options() const
    {
        return at::TensorOptions(dtype).device(device);
    }
};

class Network
{
  public:
    // Prepares a freshly loaded module: evaluation, no gradients, type, device, frozen where that
    // works, and one run on zeros.  Throws Failure where the module does not fit.
    Network(torch::jit::Module module, Target target);

    // The prediction, [n, ...shape]: the module's output, or its first channels.  x is the point's
    // own or stands in for it (a dual number); every other input is a copy, since modules may write
    // to their inputs. rest: receives the channels behind the prediction, undefined if there are
    // none.
    at::Tensor forward(const at::Tensor &x, const Point &point, at::Tensor *rest = nullptr);

    // The same in pieces: the inputs of the module's forward, x first, and the prediction within
    // its output; wanted: of the shape that the prediction must have.
    std::vector<c10::IValue> inputs(const at::Tensor &x, const Point &point) const;
    static at::Tensor prediction(const at::Tensor &output, const at::Tensor &wanted,
                                 at::Tensor *rest = nullptr);
    const torch::jit::Module &module() const
    {
        return module_;
    }

    // The same module in double precision.  Shares nothing with this one.
    Network in_double() const;
    // The same module as it was before freezing.  Shares its weights with this one.
    Network unfrozen() const;
    // A point of zeros, for `batch` samples.
    Point zeros(int64_t batch) const;

    Takes takes() const
    {
        return takes_;
    }
    const Target &target() const
    {
        return target_;
    }

  private:
    Network(torch::jit::Module module, Target target, Takes takes);
    void freeze();

    torch::jit::Module original_, module_; // original_: not frozen
    Target target_;
    Takes takes_;
    bool frozen_ = false; // whether module_ is
};

// A module's output; a tuple stands for its first element.  Throws Failure.
at::Tensor first_tensor(const c10::IValue &output);

} // namespace covsamp_shim

#endif
