// SPDX-License-Identifier: BSD-3-Clause
// Are the products derivatives?  A tangent that was lost in part of a module cannot be seen
// otherwise.
#include "handle.hpp"
#include "scope.hpp"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace covsamp_shim
{

namespace
{

// Two samples, so that a module which mixes them up shows.
const int64_t batch = 2;
// What single precision may take away from a product before it counts as an error.
const double rounding_f32 = 1e-3;
// ... and what tangents in bfloat16 may: they have 8 bits.
const double rounding_bf16 = 5e-2;

struct Trial {
    Point point; // in double precision
    at::Tensor tangent;
};

std::vector<Trial> draw(const covsamp_torch &handle, const Target &exact, double time,
                        uint64_t seed, int32_t repeats)
{
    at::Generator generator = at::detail::createCPUGenerator(seed);
    std::vector<int64_t> sizes{batch};
    sizes.insert(sizes.end(), exact.shape.begin(), exact.shape.end());
    auto normal = [&] {
        return at::randn(sizes, generator, at::TensorOptions(at::kDouble)).to(exact.device);
    };
    std::vector<Trial> trials;
    for (int32_t i = 0; i < repeats; i++) {
        at::Tensor x = normal(), tangent = normal();
        trials.push_back({{x, at::full({batch}, time, exact.options()),
                           inputs_for(handle, 0, i * batch, batch, exact.options())},
                          tangent});
    }
    return trials;
}

// All in a row, since libtorch's executor changes its mind after the first calls.
std::vector<at::Tensor> products_of(Network &network, Engine &engine,
                                    const std::vector<Trial> &trials)
{
    std::vector<at::Tensor> products;
    at::TensorOptions own = network.target().options();
    for (const Trial &trial : trials) {
        at::Tensor product = engine.products(network, converted(trial.point, own),
                                             {trial.tangent.to(own)}, nullptr)[0];
        products.push_back(product.to(at::kDouble));
    }
    return products;
}

// The largest |product - reference| / |reference| of the samples; not finite: infinity.
double distance(const at::Tensor &product, const at::Tensor &reference)
{
    double worst = 0;
    for (int64_t b = 0; b < batch; b++) {
        double error = (product[b] - reference[b]).norm().item<double>();
        double size = reference[b].norm().item<double>();
        double relative = error == 0 ? 0 : error / size;
        worst = std::max(worst, std::isfinite(relative) ? relative
                                                        : std::numeric_limits<double>::infinity());
    }
    return worst;
}

// Against (f(x + hv) - f(x - hv)) / 2h with the step that agrees best: a module that computes some
// of itself in single precision needs a larger one.  No step agrees with a wrong product.
double against_difference(Network &loaded, const Trial &trial, const at::Tensor &product)
{
    const double good_enough = 1e-7;
    double best = std::numeric_limits<double>::infinity();
    for (double h : {3e-6, 1e-4, 3e-3}) {
        at::Tensor step = trial.tangent * h;
        at::Tensor above = loaded.forward(trial.point.x + step, trial.point);
        at::Tensor below = loaded.forward(trial.point.x - step, trial.point);
        best = std::min(best, distance(product, (above - below) / (2 * h)));
        if (best <= good_enough)
            break;
    }
    return best;
}

} // namespace

double check(covsamp_torch &handle, double time, uint64_t seed, int32_t repeats)
{
    Scope scope;
    Target in_double = handle.network.target();
    in_double.dtype = at::kDouble;
    std::vector<Trial> trials = draw(handle, in_double, time, seed, repeats);
    if (!handle.network.tried())
        handle.network.try_on(converted(trials[0].point, handle.network.target().options()));
    // Products of the module as it is used, against values of the module as it was loaded.
    Network exact = handle.network.in_double(), loaded = exact.unfrozen();
    std::unique_ptr<Engine> engine = make_engine(handle.engine->kind(), Linearising());
    std::vector<at::Tensor> own = products_of(handle.network, *handle.engine, trials);
    std::vector<at::Tensor> reference = products_of(exact, *engine, trials);
    double allowance = handle.network.target().dtype == at::kFloat ? rounding_f32 : 0.0;
    allowance = handle.bfloat16 ? rounding_bf16 : allowance;
    double worst = 0;
    for (size_t i = 0; i < trials.size(); i++) {
        worst = std::max(worst, against_difference(loaded, trials[i], reference[i]));
        worst = std::max(worst, distance(own[i], reference[i]) - allowance);
    }
    return worst;
}

} // namespace covsamp_shim
