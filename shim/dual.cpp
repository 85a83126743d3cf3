// SPDX-License-Identifier: BSD-3-Clause
#include "dual.hpp"

#include "attention.hpp"
#include "dual_level.hpp"
#include "failure.hpp"

namespace covsamp_shim
{

namespace
{

at::Tensor run(Network &network, const at::Tensor &x, const Point &point)
{
    try {
        return network.forward(x, point);
    } catch (const Failure &) {
        throw;
    } catch (const std::exception &error) {
        if (!lacks_forward_rule(error))
            throw;
        throw Failure(COVSAMP_TORCH_E_NO_RULE,
                      "an operator of the module has no forward derivative "
                      "(COVSAMP_TORCH_DOUBLE_BACKWARD may have one): "
                      "%s",
                      one_line(error).c_str());
    }
}

class Dual : public Engine
{
  public:
    int32_t kind() const override
    {
        return COVSAMP_TORCH_DUAL;
    }

    std::vector<at::Tensor> products(Network &network, const Point &point,
                                     const std::vector<at::Tensor> &tangents,
                                     at::Tensor *mean) override
    {
        std::vector<at::Tensor> products;
        for (const at::Tensor &tangent : tangents)
            products.push_back(product(network, point, tangent, products.empty() ? mean : nullptr));
        return products;
    }

  private:
    static at::Tensor product(Network &network, const Point &point, const at::Tensor &tangent,
                              at::Tensor *mean)
    {
        MathAttention attention;
        Level level; // a new one each time: whatever the module kept from the last product is
                     // forgotten
        // Copies, since a module may write to its input, and with it to the tangent.
        at::Tensor x = at::_make_dual(point.x.clone(), tangent.clone(), level.index());
        at::Tensor output = run(network, x, point);
        auto [value, product] = at::_unpack_dual(output, level.index());
        if (!product.defined())
            throw Failure(COVSAMP_TORCH_E_NO_TANGENT, "the module's output has no tangent: it does "
                                                      "not depend on x, or something in the module "
                                                      "(detach, .data) cut it off");
        if (mean != nullptr)
            *mean = value.clone();
        return product.clone(); // the level takes its tangents along when it closes
    }
};

} // namespace

std::unique_ptr<Engine> make_dual()
{
    return std::make_unique<Dual>();
}

} // namespace covsamp_shim
