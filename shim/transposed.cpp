// SPDX-License-Identifier: BSD-3-Clause
#include "transposed.hpp"

#include "failure.hpp"

#include <torch/csrc/autograd/autograd.h>

namespace covsamp_shim
{

namespace
{

class Transposed : public Engine
{
  public:
    int32_t kind() const override
    {
        return COVSAMP_TORCH_TRANSPOSED;
    }

    std::vector<at::Tensor> products(Network &network, const Point &point,
                                     const std::vector<at::Tensor> &tangents,
                                     at::Tensor *mean) override
    {
        at::AutoGradMode gradients(true); // on, for once; the optimiser stays off
        if (!same_point(kept_, point))
            run(network, point);
        if (mean != nullptr)
            *mean = output_.detach().clone();
        std::vector<at::Tensor> products;
        for (const at::Tensor &tangent : tangents)
            products.push_back(product(tangent));
        return products;
    }

  private:
    void run(Network &network, const Point &point)
    {
        kept_ = Point();
        output_ = at::Tensor(); // its graph is free before the next is made
        x_ = point.x.detach().clone().set_requires_grad(true);
        // The module gets a copy: libtorch forbids writing to x itself.
        output_ = network.forward(x_.clone(), point);
        if (!output_.requires_grad())
            throw no_derivative();
        kept_ = point;
    }

    at::Tensor product(const at::Tensor &tangent) const
    {
        at::Tensor result = torch::autograd::grad({output_}, {x_}, {tangent}, /*keep=*/true,
                                                  /*differentiable=*/false,
                                                  /*allow_unused=*/true)[0];
        if (!result.defined())
            throw no_derivative();
        return result.clone();
    }

    Point kept_;
    at::Tensor x_, output_;
};

} // namespace

std::unique_ptr<Engine> make_transposed()
{
    return std::make_unique<Transposed>();
}

} // namespace covsamp_shim
