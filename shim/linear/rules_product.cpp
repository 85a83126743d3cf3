// SPDX-License-Identifier: BSD-3-Clause
// Convolutions, linear layers, products of matrices.  A bias never enters a tangent.
#include "call.hpp"

namespace covsamp_shim
{

namespace
{

// operator(x, weight, bias, ...) of a tangent: its type is the weight's for as long as that takes.
class Weighted : public Step
{
  public:
    // arguments: the weight in its place, none for x and bias.
    Weighted(torch::jit::Operation operation, torch::jit::Stack arguments, bool channels_last)
        : operation_(std::move(operation)), arguments_(std::move(arguments)),
          channels_last_(channels_last)
    {
    }
    Tangents push(Tangents inputs) override
    {
        const at::ScalarType given = inputs[0].scalar_type();
        torch::jit::Stack stack = arguments_;
        at::Tensor tangent = std::move(inputs[0]).to(arguments_[1].toTensor().scalar_type());
        stack[0] = arranged(tangent, channels_last_);
        operation_(stack);
        return {arranged(stack[0].toTensor(), channels_last_).to(given)};
    }
    std::vector<at::Tensor> kept() const override
    {
        return {arguments_[1].toTensor()};
    }

  private:
    torch::jit::Operation operation_;
    torch::jit::Stack arguments_;
    bool channels_last_;
};

// Not every operator of libtorch takes bfloat16, and some get it wrong: transposed convolutions of
// libtorch 1.13 come back as the others on processors with its instructions.  Found out once, on x.
bool right_in_bfloat16(Step &narrow, Step &wide, const at::Tensor &x)
{
    try {
        const at::Tensor own = narrow.push({x.to(at::kBFloat16)})[0].to(x.scalar_type());
        const at::Tensor sure = wide.push({x})[0];
        const double off = 0.1; // rounding leaves some thousandths
        return own.sizes() == sure.sizes() &&
               (own - sure).norm().item<double>() <= off * sure.norm().item<double>();
    } catch (const c10::Error &) {
        return false;
    }
}

// operator(x, weight, bias, ...) with x alone active.
bool weighted(Call &call)
{
    if (!call.only(0) || !call.is_tensor(1))
        return false;
    Weight &weight = call.weight(1);
    const at::Tensor x = call.tensor(0);
    const bool last = call.manner().channels_last && x.dim() == 4 && weight.primal.dim() == 4;
    torch::jit::Stack arguments(call.count());
    for (size_t i = 0; i < call.count(); i++)
        arguments[i] = call.argument(i);
    arguments[0] = arranged(x, last);
    arguments[1] = weight.primal;
    call.run(arguments);
    call.arrange(
        last); // with a single channel both layouts look alike, and libtorch takes the other
    arguments[0] = arguments[2] = c10::IValue();
    auto make = [&](const at::Tensor &own) {
        arguments[1] = own;
        return std::make_unique<Weighted>(call.operation(), arguments, last);
    };
    if (call.manner().bfloat16 && !weight.tried) {
        weight.tried = true;
        if (!right_in_bfloat16(*make(weight.tangent), *make(weight.primal), x))
            weight.tangent = weight.primal;
    }
    call.step({call.slot(0)}, make(weight.tangent));
    return true;
}

using Product = std::function<at::Tensor(const at::Tensor &, const at::Tensor &)>;

// The sum of the product's two derivatives, those of them that there are; `factors` are the two
// operands of the primal.  Returns the map and names its slots.
Map::Function derivative_of(const Call &call, Product product, const at::Tensor &first,
                            const at::Tensor &second, std::vector<Slot> &slots,
                            std::vector<at::Tensor> &kept)
{
    const bool one = call.slot(first) >= 0, other = call.slot(second) >= 0;
    const at::Tensor a = other ? call.factor(first) : at::Tensor();
    const at::Tensor b = one ? call.factor(second) : at::Tensor();
    if (one)
        slots.push_back(call.slot(first));
    if (other)
        slots.push_back(call.slot(second));
    for (const at::Tensor &factor : {a, b})
        if (factor.defined())
            kept.push_back(factor);
    return [product, a, b, one, other](Tangents &t) {
        if (!other)
            return product(t[0], b);
        if (!one)
            return product(a, t[0]);
        at::Tensor sum = product(t[0], b);
        return sum.add_(product(a, t[1]));
    };
}

bool multiply(Call &call, const Product &product)
{
    if (!call.is_tensor(0) || !call.is_tensor(1))
        return false;
    call.run();
    std::vector<Slot> slots;
    std::vector<at::Tensor> kept;
    Map::Function map = derivative_of(call, product, call.tensor(0), call.tensor(1), slots, kept);
    call.map(std::move(slots), std::move(map), std::move(kept));
    return true;
}

bool matrices(Call &call)
{
    return multiply(call,
                    [](const at::Tensor &a, const at::Tensor &b) { return at::matmul(a, b); });
}

bool batches_of_matrices(Call &call)
{
    return multiply(call, [](const at::Tensor &a, const at::Tensor &b) { return at::bmm(a, b); });
}

// operator(added, first, second): beta * added + alpha * first second
bool matrices_and_sum(Call &call)
{
    const c10::IValue &beta_of = call.named("beta"), &alpha_of = call.named("alpha");
    if (beta_of.isNone() || alpha_of.isNone())
        return false;
    const at::Tensor out = call.run();
    const at::Scalar beta = beta_of.toScalar(), alpha = alpha_of.toScalar();
    std::vector<int64_t> sizes = out.sizes().vec();
    std::vector<Slot> slots;
    std::vector<at::Tensor> kept;
    Map::Function product;
    if (call.active(1) || call.active(2))
        product = derivative_of(
            call, [](const at::Tensor &a, const at::Tensor &b) { return at::matmul(a, b); },
            call.tensor(1), call.tensor(2), slots, kept);
    const bool added = call.active(0);
    if (added)
        slots.push_back(call.slot(0));
    call.map(
        std::move(slots),
        [product, added, alpha, beta, sizes](Tangents &t) {
            at::Tensor own = added ? t.back() * beta : at::Tensor();
            if (!product)
                return own.expand(sizes);
            at::Tensor result = product(t).mul_(alpha);
            return added ? result.add_(own) : result;
        },
        std::move(kept));
    return true;
}

bool contraction(Call &call) // tensordot
{
    if (!call.argument(2).isIntList() || !call.argument(3).isIntList())
        return false;
    std::vector<int64_t> of_first = call.argument(2).toIntVector(),
                         of_second = call.argument(3).toIntVector();
    return multiply(call, [of_first, of_second](const at::Tensor &a, const at::Tensor &b) {
        return at::tensordot(a, b, of_first, of_second);
    });
}

// einsum(equation, operands): one operand after the other is replaced by its tangent.
bool einsum(Call &call)
{
    if (!call.argument(1).isTensorList())
        return false;
    std::string equation = call.argument(0).toStringRef();
    std::vector<at::Tensor> operands = call.argument(1).toTensorVector();
    call.run();
    std::vector<Slot> slots;
    std::vector<size_t> places;
    for (size_t i = 0; i < operands.size(); i++)
        if (call.slot(operands[i]) >= 0) {
            slots.push_back(call.slot(operands[i]));
            places.push_back(i);
        }
    std::vector<at::Tensor> factors;
    for (size_t i = 0; i < operands.size(); i++)
        factors.push_back(places.size() == 1 && places[0] == i ? at::Tensor()
                                                               : call.factor(operands[i]));
    call.map(
        std::move(slots),
        [equation, factors, places](Tangents &t) {
            at::Tensor sum;
            for (size_t k = 0; k < places.size(); k++) {
                std::vector<at::Tensor> replaced = factors;
                replaced[places[k]] = t[k];
                at::Tensor term = at::einsum(equation, replaced);
                sum = k == 0 ? term : sum + term;
            }
            return sum;
        },
        factors);
    return true;
}

} // namespace

const RuleTable &product_rules()
{
    static const RuleTable table{{"aten::conv1d", weighted},
                                 {"aten::conv2d", weighted},
                                 {"aten::conv3d", weighted},
                                 {"aten::_convolution", weighted},
                                 {"aten::convolution", weighted},
                                 {"aten::conv_transpose1d", weighted},
                                 {"aten::conv_transpose2d", weighted},
                                 {"aten::conv_transpose3d", weighted},
                                 {"aten::linear", weighted},
                                 {"aten::matmul", matrices},
                                 {"aten::mm", matrices},
                                 {"aten::mv", matrices},
                                 {"aten::bmm", batches_of_matrices},
                                 {"aten::addmm", matrices_and_sum},
                                 {"aten::baddbmm", matrices_and_sum},
                                 {"aten::tensordot", contraction},
                                 {"aten::einsum", einsum}};
    return table;
}

} // namespace covsamp_shim
