// SPDX-License-Identifier: BSD-3-Clause
// From a file or its bytes to a handle.
#include "failure.hpp"
#include "handle.hpp"
#include "module_file.hpp"
#include "scope.hpp"

namespace covsamp_shim
{

namespace
{

// Asks for one product, so that "auto" knows its engine from the start.  What else may go wrong (an
// output that does not depend on x) is for the request that meets it: the module still answers
// means.
void settle_engine(covsamp_torch &handle)
{
    Scope scope;
    Point point = handle.network.zeros(1);
    try {
        handle.engine->products(handle.network, point, {at::ones_like(point.x)}, nullptr);
    } catch (const std::exception &) {
    }
    handle.engine->forget(); // nobody will ask there again
}

} // namespace

std::unique_ptr<covsamp_torch> load(const Source &source, const covsamp_torch_options *given)
{
    Options options = read_options(given);
    if (options.method != "forward")
        throw Failure(COVSAMP_E_RANGE,
                      "options->method is \"%.64s\", must be NULL: networks are run by forward",
                      options.method.c_str());
    Scope scope;
    Metadata metadata;
    torch::jit::Module module = read_file(source, metadata);
    settle_shape(options.target, metadata);
    Network network(std::move(module), options.target, metadata);
    auto handle = std::make_unique<covsamp_torch>(std::move(network), std::move(metadata), options);
    if (options.engine == COVSAMP_TORCH_AUTO && handle->network.tried())
        settle_engine(*handle);
    return handle;
}

} // namespace covsamp_shim
