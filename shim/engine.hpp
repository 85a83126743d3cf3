// SPDX-License-Identifier: BSD-3-Clause
// How products with the Jacobian are made: one class and one file for each way.
#ifndef COVSAMP_SHIM_ENGINE_HPP
#define COVSAMP_SHIM_ENGINE_HPP

#include "network.hpp"

#include <covsamp/torch.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace covsamp_shim
{

// What an engine did, for covsamp_torch_report().
struct Report {
    std::string reason;                      // why the engine is not the first choice
    int64_t by_rule = 0;                     // nodes with a rule
    std::map<std::string, int64_t> by_duals; // operators without one, with the nodes of each
    int64_t linearisations = 0, points = 0, steps = 0, kept_bytes = 0, peak_bytes = 0;
};

// What the linearised engine may be told.
struct Linearising {
    bool bfloat16 = false; // tangents are of that type, not of the computation's
    int32_t layout = COVSAMP_TORCH_LAYOUT_AUTO;
    int64_t keep_bytes = 0; // larger batches are taken in parts that keep no more than this, each
                            // linearised again for every request; 0: no limit
};

class Engine
{
  public:
    virtual ~Engine() = default;
    // COVSAMP_TORCH_...
    virtual int32_t kind() const = 0;
    // J v at the point, for each tangent v (of the shape of point.x).  mean: NULL, or receives the
    // prediction at the point. The tensors that come back belong to nobody else.  An engine that
    // keeps something from call to call must compare x, time and inputs with what it kept it for,
    // and keep it for each slot of points by itself; it is called by one thread at a time.  Called
    // inside a Scope. Throws Failure E_NO_RULE where an operator has no rule that the engine can
    // use, E_NO_TANGENT where one was lost.
    virtual std::vector<at::Tensor> products(Network &network, const Point &point,
                                             const std::vector<at::Tensor> &tangents,
                                             at::Tensor *mean) = 0;
    // The prediction at the point, made so that products which follow there find it linearised;
    // undefined where the engine keeps nothing that would help them.
    virtual at::Tensor mean_ahead(Network &, const Point &)
    {
        return {};
    }
    // Lets go of what it kept.
    virtual void forget()
    {
    }
    // Adds what it knows.
    virtual void report(Report &) const
    {
    }
};

// choice: COVSAMP_TORCH_AUTO, ..._DUAL, ...; how: for the linearised engine.
std::unique_ptr<Engine> make_engine(int32_t choice, const Linearising &how);

} // namespace covsamp_shim

#endif
