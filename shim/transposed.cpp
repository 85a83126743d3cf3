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
        const Graph &graph = visit(network, point);
        if (mean != nullptr)
            *mean = graph.output.detach().clone();
        std::vector<at::Tensor> products;
        for (const at::Tensor &tangent : tangents)
            products.push_back(product(graph, tangent));
        return products;
    }

    at::Tensor mean_ahead(Network &network, const Point &point) override
    {
        at::AutoGradMode gradients(true);
        return visit(network, point).output.detach().clone();
    }

  private:
    struct Graph {
        Point point;
        at::Tensor x, output;
    };

    Graph &visit(Network &network, const Point &point)
    {
        Graph &graph = graphs_[point.slot];
        if (!same_point(graph.point, point))
            run(graph, network, point);
        return graph;
    }

    static void run(Graph &graph, Network &network, const Point &point)
    {
        graph = Graph(); // free before the next is made
        graph.x = point.x.detach().clone().set_requires_grad(true);
        // The module gets a copy: libtorch forbids writing to x itself.
        graph.output = network.forward(graph.x.clone(), point);
        if (!graph.output.requires_grad())
            throw no_derivative();
        graph.point = point;
    }

    static at::Tensor product(const Graph &graph, const at::Tensor &tangent)
    {
        at::Tensor result = torch::autograd::grad({graph.output}, {graph.x}, {tangent},
                                                  /*keep=*/true, /*differentiable=*/false,
                                                  /*allow_unused=*/true)[0];
        if (!result.defined())
            throw no_derivative();
        return result.clone();
    }

    std::map<int32_t, Graph> graphs_; // by slot
};

} // namespace

std::unique_ptr<Engine> make_transposed()
{
    return std::make_unique<Transposed>();
}

} // namespace covsamp_shim
