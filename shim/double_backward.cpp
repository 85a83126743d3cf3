// SPDX-License-Identifier: BSD-3-Clause
#include "double_backward.hpp"

#include "attention.hpp"
#include "failure.hpp"

#include <torch/csrc/autograd/autograd.h>

#include <cstring>

namespace covsamp_shim
{

namespace
{

bool lacks_second_rule(const std::exception &error)
{
    return dynamic_cast<const c10::NotImplementedError *>(&error) != nullptr ||
           (std::strstr(error.what(), "derivative") != nullptr &&
            std::strstr(error.what(), "not implemented") != nullptr);
}

// With a dummy cotangent u, g(u) = J^T u is linear in u, so that the derivative of g along v is J
// v.
class DoubleBackward : public Engine
{
  public:
    int32_t kind() const override
    {
        return COVSAMP_TORCH_DOUBLE_BACKWARD;
    }

    std::vector<at::Tensor> products(Network &network, const Point &point,
                                     const std::vector<at::Tensor> &tangents,
                                     at::Tensor *mean) override
    {
        MathAttention attention;
        at::AutoGradMode gradients(true); // on, for once; the optimiser stays off
        try {
            return passes(network, point, tangents, mean);
        } catch (const Failure &) {
            throw;
        } catch (const std::exception &error) {
            if (!lacks_second_rule(error))
                throw;
            throw Failure(COVSAMP_TORCH_E_NO_RULE,
                          "an operator of the module has no second derivative: %s",
                          one_line(error).c_str());
        }
    }

  private:
    static std::vector<at::Tensor> passes(Network &network, const Point &point,
                                          const std::vector<at::Tensor> &tangents, at::Tensor *mean)
    {
        at::Tensor x = point.x.detach().clone().set_requires_grad(true);
        // The module gets a copy: libtorch forbids writing to x itself.
        at::Tensor output = network.forward(x.clone(), point);
        if (!output.requires_grad())
            throw no_derivative();
        if (mean != nullptr)
            *mean = output.detach().clone();
        // Ones, though any u gives the same product: libtorch's rules for some operators
        // (logcumsumexp) take the cotangent's logarithm and have no derivative at zero.
        at::Tensor u = at::ones_like(output).set_requires_grad(true);
        at::Tensor g = grad(output, x, u, /*keep=*/true, /*differentiable=*/true);
        std::vector<at::Tensor> products;
        for (size_t k = 0; k < tangents.size(); k++)
            products.push_back(
                grad(g, u, tangents[k], /*keep=*/k + 1 < tangents.size(), false).detach().clone());
        return products;
    }

    static at::Tensor grad(const at::Tensor &output, const at::Tensor &input,
                           const at::Tensor &cotangent, bool keep, bool differentiable)
    {
        if (!output.requires_grad())
            throw no_derivative();
        at::Tensor result =
            torch::autograd::grad({output}, {input}, {cotangent}, keep, differentiable,
                                  /*allow_unused=*/true)[0];
        if (!result.defined())
            throw no_derivative();
        return result;
    }
};

} // namespace

std::unique_ptr<Engine> make_double_backward()
{
    return std::make_unique<DoubleBackward>();
}

} // namespace covsamp_shim
