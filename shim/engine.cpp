// SPDX-License-Identifier: BSD-3-Clause
#include "engine.hpp"

#include "double_backward.hpp"
#include "dual.hpp"
#include "failure.hpp"

namespace covsamp_shim
{

namespace
{

// Dual numbers until an operator turns out to have no forward rule; double backward from then on.
class Automatic : public Engine
{
  public:
    int32_t kind() const override
    {
        return engine_->kind();
    }

    std::vector<at::Tensor> products(Network &network, const Point &point,
                                     const std::vector<at::Tensor> &tangents,
                                     at::Tensor *mean) override
    {
        try {
            return engine_->products(network, point, tangents, mean);
        } catch (const Failure &failure) {
            if (failure.status() != COVSAMP_TORCH_E_NO_RULE || kind() != COVSAMP_TORCH_DUAL)
                throw;
        }
        auto other = make_double_backward();
        std::vector<at::Tensor> products = other->products(network, point, tangents, mean);
        engine_ = std::move(other); // only now: it works
        return products;
    }

  private:
    std::unique_ptr<Engine> engine_ = make_dual();
};

} // namespace

std::unique_ptr<Engine> make_engine(int32_t choice)
{
    if (choice == COVSAMP_TORCH_DUAL)
        return make_dual();
    if (choice == COVSAMP_TORCH_DOUBLE_BACKWARD)
        return make_double_backward();
    return std::make_unique<Automatic>();
}

} // namespace covsamp_shim
