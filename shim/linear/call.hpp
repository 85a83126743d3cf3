// SPDX-License-Identifier: BSD-3-Clause
// One node at one point, as its rule sees it.
#ifndef COVSAMP_SHIM_LINEAR_CALL_HPP
#define COVSAMP_SHIM_LINEAR_CALL_HPP

#include "program.hpp"
#include "spare.hpp"
#include "steps.hpp"
#include "weights.hpp"

#include <unordered_map>
#include <vector>

namespace covsamp_shim
{

// Which tensors depend on x, and the number of each one's tangent.  By the identity of the tensor,
// so that lists, tuples and operators that hand a tensor on need no rules.
class Activity
{
  public:
    void bind(const at::Tensor &tensor, Slot slot);
    Slot find(const at::Tensor &tensor) const; // -1: it does not depend on x
    bool any(const c10::IValue &value) const;  // it or a tensor inside it depends on x

  private:
    // Weak references keep an address from being used again, and hold no memory of values.
    struct Entry {
        c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl> tensor;
        Slot slot;
    };
    std::unordered_map<const c10::TensorImpl *, Entry> slots_;
};

// How a linearisation is made.
struct Manner {
    bool channels_last = false; // 4-D tensors that depend on x lie so
    bool bfloat16 = false;      // tangents are kept in that type
    bool writes = false;        // the module writes to tensors: two names may be one tensor
};

// What all calls of one linearisation share.
struct Recording {
    Manner manner;
    Weights &weights;
    Spare &spare;
    Activity activity;
    Tape tape;
};

class Call
{
  public:
    Call(const Instruction &instruction, torch::jit::Stack arguments, Recording &recording);

    // Arguments.
    size_t count() const
    {
        return arguments_.size();
    }
    const c10::IValue &argument(size_t i) const
    {
        return arguments_[i];
    }
    // The argument of that name in the operator's signature; None if it has no such argument.
    const c10::IValue &named(const char *name) const;
    at::Tensor tensor(size_t i) const
    {
        return arguments_[i].toTensor();
    }
    bool is_tensor(size_t i) const
    {
        return i < arguments_.size() && arguments_[i].isTensor();
    }
    bool active(size_t i) const
    {
        return i < active_.size() && active_[i];
    }
    bool is_complex() const;   // an argument that depends on x is
    bool only(size_t i) const; // of all arguments, this one alone depends on x
    const torch::jit::Node &node() const
    {
        return *instruction_.node;
    }
    const Instruction &instruction() const
    {
        return instruction_;
    }

    torch::jit::Operation &operation() const;

    // The result: by libtorch's operator, with other arguments if a rule wants that, or from
    // elsewhere.
    const at::Tensor &run();
    const at::Tensor &run(torch::jit::Stack arguments);
    void result(at::Tensor tensor);
    void results(torch::jit::Stack results);
    const torch::jit::Stack &results() const
    {
        return results_;
    }

    // Brings the result to channels-last memory if it has four dimensions, is not so by itself, and
    // `wanted`; says whether its tangents must be brought there, too.
    bool arrange(bool wanted);

    // Tangents.
    Slot slot(size_t i) const
    {
        return slot(tensor(i));
    }
    Slot slot(const at::Tensor &tensor) const
    {
        return recording_.activity.find(tensor);
    }
    // A factor, or another value of the primal, in the type of the tangents.
    at::Tensor factor(const at::Tensor &value) const;
    // What tangents of such a tensor are of.
    at::ScalarType type(const at::Tensor &primal) const;
    // The result's tangent is that one.
    void tangent(Slot slot);
    // ... that of argument i, broadcast and converted as the result was.
    void pass(size_t i);
    // ... that of argument i times a factor, elementwise.
    void scale(size_t i, const at::Tensor &factor);
    // ... that of argument 0 times what `derivative` makes of a gradient, elementwise: of ones, or,
    // where the argument comes from a norm that nobody else reads, of that norm's factor, which
    // saves a pass over memory.
    template <class Derivative> void scale_gradient(Derivative derivative);
    // ... a function of the tangents in these slots.
    void map(std::vector<Slot> slots, Map::Function function, std::vector<at::Tensor> kept = {});
    // ... what a step makes of them.
    void step(std::vector<Slot> slots, std::unique_ptr<Step> step);
    // ... what the operator itself makes of argument i's tangent, the other arguments as they are,
    // those in `changed` replaced.
    using Changes = std::vector<std::pair<size_t, c10::IValue>>;
    void replay(size_t i, const Changes &changed = {}, bool any_type = true);

    const Manner &manner() const
    {
        return recording_.manner;
    }
    Weight &weight(size_t i) const
    {
        return recording_.weights.find(node(), i, tensor(i), recording_.manner);
    }
    Recording &recording()
    {
        return recording_;
    }

  private:
    Normalise *norm_before() const;

    const Instruction &instruction_;
    torch::jit::Stack arguments_, results_;
    std::vector<bool> active_;
    Recording &recording_;
};

// The tensors in a value, however deep in lists, tuples and dictionaries.
void collect_tensors(const c10::IValue &value, std::vector<at::Tensor> &found);

bool is_channels_last(const at::Tensor &tensor);
// Channels-last if it shall be, as it is otherwise.
at::Tensor arranged(const at::Tensor &tensor, bool channels_last);

// Ones of the shape of x, for libtorch's operators for gradients.
at::Tensor unit_gradient(const at::Tensor &x);

template <class Derivative> void Call::scale_gradient(Derivative derivative)
{
    Normalise *norm = norm_before();
    if (norm == nullptr)
        return scale(0, derivative(unit_gradient(tensor(0))));
    norm->set_factor(derivative(norm->factor().expand(tensor(0).sizes())));
    tangent(slot(0));
}

} // namespace covsamp_shim

#endif
