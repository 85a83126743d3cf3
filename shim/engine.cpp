// SPDX-License-Identifier: BSD-3-Clause
#include "engine.hpp"

#include "double_backward.hpp"
#include "dual.hpp"
#include "failure.hpp"
#include "linearised.hpp"
#include "transposed.hpp"

namespace covsamp_shim
{

namespace
{

// Linearised until an operator turns out to have no forward derivative; double backward from then
// on.
class Automatic : public Engine
{
  public:
    explicit Automatic(const Linearising &how) : engine_(make_linearised(how))
    {
    }

    int32_t kind() const override
    {
        return engine_->kind();
    }

    std::vector<at::Tensor> products(Network &network, const Point &point,
                                     const std::vector<at::Tensor> &tangents,
                                     at::Tensor *mean) override
    {
        std::string reason;
        try {
            return engine_->products(network, point, tangents, mean);
        } catch (const Failure &failure) {
            if (failure.status() != COVSAMP_TORCH_E_NO_RULE ||
                kind() == COVSAMP_TORCH_DOUBLE_BACKWARD)
                throw;
            reason = failure.what();
        }
        auto other = make_double_backward();
        std::vector<at::Tensor> products = other->products(network, point, tangents, mean);
        engine_ = std::move(other); // only now: it works
        reason_ = reason;
        return products;
    }

    at::Tensor mean_ahead(Network &network, const Point &point) override
    {
        return engine_->mean_ahead(network, point);
    }

    void forget() override
    {
        engine_->forget();
    }

    void report(Report &report) const override
    {
        report.reason = reason_;
        engine_->report(report);
    }

  private:
    std::unique_ptr<Engine> engine_;
    std::string reason_;
};

} // namespace

std::unique_ptr<Engine> make_engine(int32_t choice, const Linearising &how)
{
    switch (choice) {
    case COVSAMP_TORCH_DUAL:
        return make_dual();
    case COVSAMP_TORCH_DOUBLE_BACKWARD:
        return make_double_backward();
    case COVSAMP_TORCH_LINEARISED:
        return make_linearised(how);
    case COVSAMP_TORCH_TRANSPOSED:
        return make_transposed();
    default:
        return std::make_unique<Automatic>(how);
    }
}

} // namespace covsamp_shim
