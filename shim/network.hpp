// SPDX-License-Identifier: BSD-3-Clause
// A module that is ready to run: how it is called, and what comes out.
#ifndef COVSAMP_SHIM_NETWORK_HPP
#define COVSAMP_SHIM_NETWORK_HPP

#include "metadata.hpp"
#include "signature.hpp"

#include <torch/script.h>

#include <vector>

namespace covsamp_shim
{

// Where the network is asked: x [n, ...shape] and time [n] of the network's type and device;
// inputs: labels and further tensors [n, ...], undefined where there are none.
struct Point {
    at::Tensor x, time;
    std::vector<at::Tensor> inputs;
    // What engines keep they keep for each of these by itself: the branch of a request, or
    static constexpr int32_t both = 8; // a request about both, or
    static constexpr int32_t many = 9; // several requests.
    int32_t slot = 0;
};

// Whether two points are one, by their values.  A point without x is none.
bool same_point(const Point &kept, const Point &point);
// Samples first, ... of a point; the same memory.
Point narrowed(const Point &point, int64_t first, int64_t count);
// Several points as one, whose inputs must be alike (their number, shapes and types).
Point joined(const std::vector<Point> &points);
// Floating-point tensors in another type.
Point converted(const Point &point, const at::TensorOptions &options);

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
    // works, and one run on zeros.  Throws Failure where the module does not fit.  Where nobody
    // says what its inputs are, that run waits for the first point.
    Network(torch::jit::Module module, Target target, const Metadata &metadata);

    // The prediction, [n, ...shape]: the module's output, or its first channels.  x is the point's
    // own or stands in for it (a dual number); every other input is a copy, since modules may write
    // to their inputs. rest: receives the channels behind the prediction, undefined if there are
    // none.
    at::Tensor forward(const at::Tensor &x, const Point &point, at::Tensor *rest = nullptr);

    // The same in pieces: the inputs of the module's forward, x first, and the prediction within
    // its output; wanted: of the shape that the prediction must have.
    std::vector<c10::IValue> arguments(const at::Tensor &x, const Point &point) const;
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

    // Whether the module has run; if not, makes up for it on the first sample of a point.
    bool tried() const
    {
        return tried_;
    }
    void try_on(const Point &point);

    // Tensors that forward takes besides x and t.
    size_t inputs() const
    {
        return signature_.tensors() - 2;
    }
    // Input i must be given.
    bool needs(size_t i) const
    {
        return signature_.needs(i + 2);
    }
    const std::string &input_name(size_t i) const
    {
        return signature_.name(i + 2);
    }
    // What the metadata says of input i; NULL: nothing.
    const Described *described(size_t i) const
    {
        return i < described_.size() ? &described_[i] : nullptr;
    }
    const Target &target() const
    {
        return target_;
    }

  private:
    torch::jit::Module original_, module_; // original_: not frozen
    Signature signature_;
    Target target_;
    std::vector<Described> described_;
    bool frozen_ = false; // whether module_ is
    bool tried_ = false;
};

// A module's output; a tuple stands for its first element.  Throws Failure.
at::Tensor first_tensor(const c10::IValue &output);

} // namespace covsamp_shim

#endif
